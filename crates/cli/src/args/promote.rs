//! What was typed after `countersign promote`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use countersign_core::Promoter;

use super::registries::RegistryOptions;
use super::signing::SigningOptions;
use super::{Format, Labels, policy};

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("to")))]
pub(crate) struct Promote {
    /// The image, in the form that the help tells: brackets in a docstring would be read as links.
    #[arg(
        value_name = "IMAGE",
        help = "registry/repository[:tag][@sha256:…], or oci:PATH[:tag|@sha256:…] for an OCI layout"
    )]
    pub(crate) image: String,
    /// The policy of the environment that the image has passed: a file, or a folder whose files are one set.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) policy: PathBuf,
    #[command(flatten)]
    pub(crate) roots: policy::PolicyRoots,
    /// The level to state, which a policy that names the image has to emit.
    #[arg(long = "as", value_name = "LEVEL")]
    pub(crate) level: String,
    /// In whose name it is stated: `verifier.id`, which rules `summary` compare exactly.
    #[arg(long, value_name = "URI")]
    pub(crate) verifier: String,
    /// What the policy is called: `policy.uri`, one for each environment, which rules `summary` compare exactly.
    #[arg(long, value_name = "URI")]
    pub(crate) policy_uri: String,
    /// What it is stated about: `resourceUri`, as rules `summary` have it.
    #[arg(long, value_name = "TEMPLATE", default_value = Promoter::RESOURCE)]
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) signing: SigningOptions,
    /// Write the signed bundle to a new file, and attach nothing.
    #[arg(long, value_name = "FILE", group = "to")]
    pub(crate) bundle: Option<PathBuf>,
    /// Write the predicate to a new file, for `cosign attest --predicate`, and sign nothing.
    #[arg(long, value_name = "FILE", group = "to", conflicts_with_all = ["key", "signing_config"])]
    pub(crate) predicate: Option<PathBuf>,
    /// Judge the image, show what would be stated, and sign, write and attach nothing.
    #[arg(long, group = "to")]
    pub(crate) dry_run: bool,
    /// What an oci: image is called: what policies match, and what is stated about.
    #[arg(long, value_name = "REFERENCE")]
    pub(crate) image_name: Option<String>,
    /// Only to be refused with a reason.
    #[arg(long, hide = true, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) registries: RegistryOptions,
    /// The namespace in which the image runs; without it every policy's `namespaces` count as matching.
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// All labels of the namespace, for policies that select by them; an empty text says that it has none.
    #[arg(long, value_name = "KEY=VALUE,…", requires = "namespace")]
    pub(crate) namespace_labels: Option<Labels>,
    /// Give up on judging, and on attaching, after this many seconds each.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}
