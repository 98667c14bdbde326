//! Pushes and signs: what the `countersign` command writes to registries, kept apart from all that only reads and decides.
//!
//! [`Copier`] copies an image with everything that is attached to it, from a registry or an OCI layout to another: common
//! tools copy the image alone, and what proves who built it is left behind. Nothing is built anew. Every manifest is pushed byte for
//! byte, every blob is hashed on its way before the first byte of it is sent on, and the image's tag is the last thing that is written:
//! nobody sees an image there whose evidence is not.
//!
//! A [`SigningKey`] signs what a [`Statement`] says about an image ([`sign_statement`]), and an [`Attacher`] attaches the
//! [`SignedBundle`] to the image. A [`Signer`] adds what proves when it was signed: timestamps and log entries of the
//! [`SigningServices`] that a [`SigningConfig`] names; or it signs without a key of one's own, by an [`IdentityToken`] for which a
//! certificate authority certifies a new key each time. What the services answer is verified before it is handed out.
//!
//! ```no_run
//! # async fn signed(statement: countersign_sign::Statement) -> Result<(), Box<dyn std::error::Error>> {
//! use countersign::{ServiceClient, UnixTime};
//! use countersign_core::TrustRoot;
//! use countersign_sign::{IdentitySource, IdentityToken, Signer, SigningConfig, SigningServices};
//!
//! let now = UnixTime::from(std::time::SystemTime::now());
//! let config = SigningConfig::from_json(&std::fs::read("signing_config.json")?)?;
//! let services = SigningServices::new(&config, TrustRoot::public_good()?, ServiceClient::new(), now)?;
//! let token = IdentityToken::new(&std::fs::read_to_string("token")?, now)?;
//! let signer = Signer::keyless(services, IdentitySource::Token(token))?;
//! let bundle = signer.sign(&statement, now).await?;
//! assert!(bundle.signed_at().is_some());
//! # Ok(())
//! # }
//! ```

mod answered;
mod attach;
mod bundle;
mod companion;
mod copied;
mod copier;
mod error;
mod fallback;
mod fulcio;
mod github_actions;
mod held;
mod identity_token;
mod key;
mod ledger;
mod place;
mod plan;
mod push;
mod referrers;
mod rekor;
mod said;
mod services;
mod sign_error;
mod signer;
mod signing_config;
mod source;
mod statement;
mod timestamps;
mod to_layout;
mod to_registry;

pub use attach::{AttachError, AttachedBundle, Attacher};
pub use bundle::{SignedBundle, sign_statement};
pub use copied::{Copied, Done, Piece, PieceKind};
pub use copier::Copier;
pub use error::{CopyError, CopyFailed};
pub use github_actions::GitHubActions;
pub use identity_token::{IdentityToken, IdentityTokenError};
pub use key::{SigningKey, SigningKeyError};
pub use place::{DigestsDiffer, Place, Route};
pub use services::SigningServices;
pub use sign_error::SignError;
pub use signer::{IdentitySource, Signer};
pub use signing_config::{ServiceKind, SigningConfig, SigningConfigError};
pub use statement::{Statement, StatementError};
