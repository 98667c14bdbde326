//! What a verified signature says.

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;

use crate::Digest;

/// What a verified signature says.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Claim {
    /// Simple signing with `critical.type` "cosign container image signature": the image is signed.
    SimpleSigning {
        /// `critical.identity.docker-reference`: what the signer called the image. Not authenticated by anything else.
        docker_reference: String,
    },
    /// An in-toto statement in a DSSE envelope.
    Statement(Statement),
    /// A signature over the manifest bytes themselves (a message-signature bundle).
    Message,
}

impl Claim {
    /// The predicate type by which a cosign 3 bundle signs an image.
    pub const COSIGN_SIGN: &'static str = "https://sigstore.dev/cosign/sign/v1";

    /// Whether this says "I sign this image", as opposed to attesting something about it (CVE-2022-35929).
    #[must_use]
    pub fn is_image_signature(&self) -> bool {
        match self {
            Self::SimpleSigning { .. } => true,
            Self::Statement(statement) => statement.predicate_type == Self::COSIGN_SIGN,
            Self::Message => false,
        }
    }

    /// A short name for reports: `simple-signing`, `statement` or `message`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SimpleSigning { .. } => "simple-signing",
            Self::Statement(_) => "statement",
            Self::Message => "message",
        }
    }

    /// The statement's predicate type, if it is one.
    #[must_use]
    pub fn predicate_type(&self) -> Option<&str> {
        match self {
            Self::Statement(statement) => Some(&statement.predicate_type),
            Self::SimpleSigning { .. } | Self::Message => None,
        }
    }
}

/// An in-toto statement, decoded from the very bytes whose signature was checked (in-toto attestation framework, "Statement").
#[derive(Debug, Clone)]
pub struct Statement {
    /// `https://in-toto.io/Statement/v1` or `…/v0.1`.
    pub statement_type: &'static str,
    /// The predicate's type URI.
    pub predicate_type: String,
    /// All subjects; at least one carries the image's digest.
    pub subjects: Vec<Subject>,
    pub(crate) payload: Arc<Vec<u8>>,
    /// Where in the payload the predicate stands; empty if there is none.
    pub(crate) predicate: Range<usize>,
}

/// One subject of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its name; may be empty, and proves nothing.
    pub name: String,
    /// Its sha256, if it has one.
    pub sha256: Option<Digest>,
}

impl Statement {
    /// The whole signed payload (JSON).
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The predicate as it was signed: the exact text of a JSON value, or nothing where the statement has none. It is part of a document
    /// without duplicate keys, whose depth and number of keys [`Limits`](crate::Limits) bound.
    #[must_use]
    pub fn predicate_json(&self) -> &[u8] {
        self.payload.get(self.predicate.clone()).unwrap_or_default()
    }

    /// Reads the predicate as `T`; unknown fields are `T`'s affair. A missing predicate reads as JSON `null`.
    ///
    /// # Errors
    /// What serde says when the predicate does not have `T`'s shape.
    pub fn predicate<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        match self.predicate_json() {
            [] => serde_json::from_slice(b"null"),
            json => serde_json::from_slice(json),
        }
    }
}
