//! What was typed.

pub(crate) mod blob;
pub(crate) mod break_glass;
pub(crate) mod copy;
pub(crate) mod evidence;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod lock;
pub(crate) mod manifests;
pub(crate) mod pin;
pub(crate) mod policy;
pub(crate) mod promote;
pub(crate) mod registries;
pub(crate) mod replay;
pub(crate) mod sbom;
pub(crate) mod signing;
pub(crate) mod time;
pub(crate) mod trust;
pub(crate) mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use countersign_core::UnixTime;

use crate::exit::Exit;

/// Decides whether container images may run: verifies Cosign and Sigstore evidence against policy files.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, disable_help_subcommand = true, after_help = Exit::help())]
pub(crate) struct Typed {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Colours in text: on a terminal only, always or never.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        display_order = 900
    )]
    pub(crate) color: When,
}

impl Typed {
    /// Reads the command line.
    ///
    /// # Errors
    /// How the run ends where nothing is to be done: help was asked for, or the words make no sense.
    pub(crate) fn read() -> Result<Self, Exit> {
        Self::try_parse().map_err(|message| {
            // Where even the message cannot be written, the exit code still tells.
            let _ = message.print();
            if message.use_stderr() {
                Exit::Misused
            } else {
                Exit::Allowed
            }
        })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say whether images may run, and why.
    Verify(Verify),
    /// Say whether a file is signed as demanded, by the Sigstore bundle that belongs to it.
    VerifyBundle(VerifyBundle),
    /// Say whether a file is what policies demand, by the Sigstore bundles that belong to it.
    VerifyBlob(blob::VerifyBlob),
    /// Show everything that is attached to an image, verified or why not; it judges nothing.
    Evidence(evidence::Evidence),
    /// Save an image's manifests and evidence as an OCI layout, to verify them where there is no network.
    PullEvidence(evidence::PullEvidence),
    /// Write into manifests the digest of each image that the policy allows; nothing else of the files changes.
    Pin(pin::Pin),
    /// Write down which digest each tag of manifests stands for, so that a tag that moves is seen.
    Lock(lock::Lock),
    /// Copy an image with everything that is attached to it: platforms, signatures, attestations, SBOMs.
    Copy(copy::Copy),
    /// State that an image has passed the policy of an environment, for the next one to demand.
    Promote(Box<promote::Promote>),
    /// Show what an SBOM says, and how the rules of a policy would judge it.
    Sbom(sbom::ShowSbom),
    /// Make the decisions of a record again, offline, and say whether they are the same.
    Replay(replay::ReplayRecord),
    /// Let an image run in an emergency that policies deny: make, approve, show and judge break-glass statements.
    #[command(subcommand)]
    BreakGlass(break_glass::BreakGlass),
    /// Work on policy files.
    #[command(subcommand)]
    Policy(Policy),
    /// Fetch, show and check trust roots.
    #[command(subcommand)]
    Trust(trust::Trust),
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The images, in the form that the help tells: brackets in a docstring would be read as links.
    #[arg(
        required_unless_present = "files",
        value_name = "IMAGE",
        help = "registry/repository[:tag][@sha256:…], or oci:PATH[:tag|@sha256:…] for an OCI layout"
    )]
    pub(crate) images: Vec<String>,
    #[command(flatten)]
    pub(crate) manifests: manifests::ManifestOptions,
    /// The policy: a file, or a folder whose files are one set.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) policy: PathBuf,
    #[command(flatten)]
    pub(crate) roots: policy::PolicyRoots,
    /// Judge as of this time (RFC 3339), such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time::at)]
    pub(crate) at: Option<UnixTime>,
    /// What is printed: text for people, JSON for programs, or a format that CI systems show.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: manifests::ReportFormat,
    /// Write the result to a file as well, in any format; as often as is wanted.
    #[arg(long = "report", value_name = "FORMAT=FILE")]
    pub(crate) reports: Vec<manifests::ReportFile>,
    /// List all evidence, what verified and what was refused.
    #[arg(long)]
    pub(crate) explain: bool,
    /// What policies match for an oci: image; without it every policy of the set judges the image.
    #[arg(long = "as", value_name = "REFERENCE", conflicts_with = "files")]
    pub(crate) judged_as: Option<String>,
    #[command(flatten)]
    pub(crate) registries: registries::RegistryOptions,
    /// The namespace in which the images are to run, if manifests do not say; without it every policy's `namespaces` count as matching.
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// All labels of the namespace, for policies that select by them; an empty text says that it has none.
    #[arg(long, value_name = "KEY=VALUE,…", requires = "namespace")]
    pub(crate) namespace_labels: Option<Labels>,
    /// Approvals of a break-glass statement; may be given several times. What it overrides is shown.
    #[arg(long, value_name = "FILE")]
    pub(crate) break_glass: Vec<PathBuf>,
    /// Give up on an image after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}

/// Artifact, bundle, identity, issuer, key, trusted root and staging are the conformance suite's protocol for every client.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("signer").required(true)))]
pub(crate) struct VerifyBundle {
    /// The Sigstore bundle (JSON, v0.1 to v0.3).
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: PathBuf,
    /// Whose certificate must have signed: the whole subject alternative name (e-mail address, URI, …).
    #[arg(
        long,
        value_name = "IDENTITY",
        group = "signer",
        requires = "certificate_oidc_issuer"
    )]
    pub(crate) certificate_identity: Option<String>,
    /// The same as a regular expression for the whole name; one that matches unrelated owners is refused.
    #[arg(
        long,
        value_name = "PATTERN",
        group = "signer",
        requires = "certificate_oidc_issuer"
    )]
    pub(crate) certificate_identity_regexp: Option<String>,
    /// The OIDC issuer that must have vouched for the identity.
    #[arg(long, value_name = "URL", conflicts_with = "key")]
    pub(crate) certificate_oidc_issuer: Option<String>,
    /// The public key that must have signed, as PEM.
    #[arg(long, value_name = "FILE", group = "signer")]
    pub(crate) key: Option<PathBuf>,
    /// The trusted_root.json to go by, in place of the built-in root of the public-good instance.
    #[arg(long, value_name = "FILE")]
    pub(crate) trusted_root: Option<PathBuf>,
    /// Go by the built-in root of the staging instance; --trusted-root goes before.
    #[arg(long)]
    pub(crate) staging: bool,
    /// The signature must be in a statement of exactly this predicate type.
    #[arg(long, value_name = "TYPE")]
    pub(crate) predicate_type: Option<String>,
    /// The key's signature counts with neither log entry nor proven time.
    #[arg(
        long,
        requires = "key",
        conflicts_with_all = ["certificate_identity", "certificate_identity_regexp"]
    )]
    pub(crate) key_alone_unsafe: bool,
    /// Judge as of this time (RFC 3339), such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time::at)]
    pub(crate) at: Option<UnixTime>,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// List all that verified and all that was refused.
    #[arg(long)]
    pub(crate) explain: bool,
    /// The artifact, or its digest: sha256: and 64 hexadecimal digits, unless there is a file of that name.
    #[arg(value_name = "FILE_OR_DIGEST")]
    pub(crate) artifact: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Find everything that is wrong or doubtful in a policy file or folder.
    Lint(policy::Lint),
    /// Say in plain words what a policy file or folder means.
    Explain(policy::Explain),
    /// Say when a policy file or folder begins to decide otherwise by itself: what ends, what begins to deny.
    Deadlines(policy::Deadlines),
    /// Print the JSON Schema of policy documents, for editors.
    Schema,
    /// Judge cases with the verdict that is expected, and find what no case notices.
    Test(policy::Test),
    /// Print a policy for what is attached to an image: who signed it, each line with what trusting it means.
    Init(init::Init),
    /// Translate policies of policy-controller or Kyverno, and say what became of each field.
    Import(import::Import),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

impl From<When> for anstream::ColorChoice {
    fn from(when: When) -> Self {
        match when {
            When::Auto => Self::Auto,
            When::Always => Self::Always,
            When::Never => Self::Never,
        }
    }
}

/// `KEY=VALUE`, separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Labels(pub(crate) BTreeMap<String, String>);

impl FromStr for Labels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut labels = BTreeMap::new();
        for pair in text.split(',').filter(|_| !text.is_empty()) {
            let Some((key, value)) = pair.split_once('=').filter(|(key, _)| !key.is_empty()) else {
                return Err("expected KEY=VALUE,KEY=VALUE".to_owned());
            };
            if labels.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(format!("`{key}` stands twice"));
            }
        }
        Ok(Self(labels))
    }
}

/// `NAME=FILE`, or a `FILE` for the one TrustRoot that is named and not defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedFile {
    pub(crate) name: Option<String>,
    pub(crate) file: PathBuf,
}

impl FromStr for NamedFile {
    type Err = &'static str;

    /// What stands before a `=` is a name unless it has a `/`: `./a=b.json` is a file.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, file) = match text.split_once('=') {
            Some((name, file)) if !name.contains('/') => (Some(name), file),
            _ => (None, text),
        };
        if name == Some("") || file.is_empty() {
            return Err("expected FILE or NAME=FILE");
        }
        Ok(Self {
            name: name.map(str::to_owned),
            file: file.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_is_well_formed() {
        Typed::command().debug_assert();
    }

    #[test]
    fn labels_are_pairs_each_once() {
        let read =
            |text: &str| Labels::from_str(text).map(|it| it.0.into_iter().collect::<Vec<_>>());
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read(""), Ok(Vec::new()));
        assert_eq!(
            read("tier=prod,app.example/x="),
            Ok(vec![pair("app.example/x", ""), pair("tier", "prod")])
        );
        for wrong in ["tier", "=x", "a=b,", ",", "a=b,a=c"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_trust_root_may_have_a_name() {
        let read = |text: &str| NamedFile::from_str(text).map(|it| (it.name, it.file));
        let pair =
            |name: Option<&str>, file: &str| Ok((name.map(str::to_owned), PathBuf::from(file)));
        assert_eq!(
            read("acme=keys/root.json"),
            pair(Some("acme"), "keys/root.json")
        );
        assert_eq!(read("keys/acme.json"), pair(None, "keys/acme.json"));
        assert_eq!(read("./a=b.json"), pair(None, "./a=b.json"));
        assert!(read("=x").is_err());
        assert!(read("x=").is_err());
    }
}
