//! Pushes and signs: what the `countersign` command writes to registries, kept apart from all that only reads and decides.
//!
//! [`Copier`] copies an image with everything that is attached to it, from a registry or an OCI layout to another: common
//! tools copy the image alone, and what proves who built it is left behind. Nothing is built anew. Every manifest is pushed byte for
//! byte, every blob is hashed on its way before the first byte of it is sent on, and the image's tag is the last thing that is written:
//! nobody sees an image there whose evidence is not.
//!
//! A [`SigningKey`] signs what a [`Statement`] says about an image ([`sign_statement`]), and an [`Attacher`] attaches the
//! [`SignedBundle`] to the image. Signing is by keys alone, with neither log entry nor timestamp: a Signer takes it with `log: off` and
//! `time: none`.

mod attach;
mod bundle;
mod companion;
mod copied;
mod copier;
mod error;
mod fallback;
mod held;
mod key;
mod ledger;
mod place;
mod plan;
mod push;
mod referrers;
mod said;
mod source;
mod statement;
mod to_layout;
mod to_registry;

pub use attach::{AttachError, AttachedBundle, Attacher};
pub use bundle::{SignError, SignedBundle, sign_statement};
pub use copied::{Copied, Done, Piece, PieceKind};
pub use copier::Copier;
pub use error::{CopyError, CopyFailed};
pub use key::{SigningKey, SigningKeyError};
pub use place::{DigestsDiffer, Place, Route};
pub use statement::{Statement, StatementError};
