//! Decides whether a container image may run: signatures, attestations and policies, as a library.
//!
//! Load a policy set, name an image, and ask a [`Checker`]:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))?;
//! use countersign::{Checker, Image, UnixTime, Verdict, load_policies};
//!
//! let checker = Checker::new(load_policies("policies/testdata-keyed.yaml")?);
//! let now = UnixTime::parse("2027-01-01T00:00:00Z")?;
//!
//! let signed = Image::parse("oci:testdata/images/signed-keyed")?;
//! let decision = checker.check_blocking(&signed, now)?;
//! assert_eq!(decision.effect(), Verdict::Allow);
//!
//! let unsigned = Image::parse("oci:testdata/images/unsigned")?;
//! let decision = checker.check_blocking(&unsigned, now)?;
//! assert_eq!(decision.effect(), Verdict::Deny);
//! # Ok(())
//! # }
//! ```
//!
//! Anything but [`Verdict::Allow`] means that the image must not run. [`Decision`] says why: rule by rule, with the
//! evidence that decided and the candidate that came closest; [`Report`] is the same as versioned JSON.
//!
//! This crate is the input and output around [`countersign_core`], which decides: registries over HTTP
//! ([`HttpRegistry`]), folders ([`OciLayout`]), policy files ([`PolicyFiles`]), and what is collected from them
//! ([`collect`]), trust roots that TUF repositories keep current ([`TrustStore`]), and what is remembered of registries ([`Cache`]).
//! It reads no environment, and the clock only to tell how old remembered lists are ([`Cache::clock`]): times and credentials
//! are arguments.

mod annotations;
mod attached;
mod budget;
mod cache;
#[cfg(feature = "cel")]
mod cel;
mod checker;
mod collect;
mod credentials;
#[cfg(feature = "openmetrics")]
mod deadlines;
mod error;
mod http;
mod image;
mod layout;
mod locked;
mod manifest_texts;
mod network;
mod observe;
mod policy_files;
mod registry;
mod secret;
mod tuf;
mod wire;

#[cfg(feature = "cel")]
pub use crate::cel::Cel;
pub use annotations::Annotations;
pub use attached::{Attached, BlobRole, NamedBlob, Node, Walk, Way, walk};
pub use budget::Budget;
pub use cache::{Cache, CacheError, Cached, LastKnown};
pub use checker::{Checker, ReplayError, ReplayStore};
pub use collect::{collect, collect_bundles, collect_legacy, resolve};
pub use credentials::{
    Credential, CredentialHelpers, CredentialPlugins, DockerConfig, Found, Keyring, PullSecrets,
};
#[cfg(feature = "openmetrics")]
pub use deadlines::DeadlineMetrics;
pub use error::RegistryError;
pub use http::{
    Call, CallBody, Called, HttpRegistry, Method, Scope, ServiceAnswer, ServiceClient,
    ServiceRequest, ServiceUrl, ServiceUrlError, Target,
};
pub use image::{Image, ImageError};
pub use layout::{BlobFile, LayoutRef, LayoutWriter, OciLayout};
pub use manifest_texts::{ManifestText, read_manifests};
pub use network::{Proxies, Registries, RegistryHost};
pub use observe::{CacheAnswer, CacheAsked, CacheKind, Observer, RequestBegins, RequestEnds};
pub use policy_files::{PolicyError, PolicyFiles, PolicyFilesError, load_policies};
pub use registry::{Access, Fetched, Listing, Reference, Referrer, Registry, Repository};
pub use secret::Secret;
pub use tuf::{RefreshError, RoleState, TrustState, TrustStore, TufClient, TufError, TufRole};

pub use countersign_core::{
    Decision, Diagnostic, ExtraRoot, ImageRef, Limits, Loaded, Namespace, PolicySet, ProofCache,
    ProofStats, Report, Request, Source, TufSource, UnixTime, Verdict,
};
