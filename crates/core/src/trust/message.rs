//! The bytes that a signature covers, hashed as each key wants them and never copied together.

use std::cell::OnceCell;

use aws_lc_rs::digest::{self as provider, Context};
use sha2::Digest as _;

use super::Hash;
use crate::Digest;

/// The exact bytes that a signature covers; or, of an artifact that is not at hand, their sha256 alone.
///
/// Large payloads are hashed once for each hash that is asked for, however many keys and log entries ask.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    content: Content<'a>,
    sha256: OnceCell<provider::Digest>,
    sha384: OnceCell<provider::Digest>,
    sha512: OnceCell<provider::Digest>,
}

#[derive(Debug)]
enum Content<'a> {
    /// What stands before the body (DSSE's pre-authentication encoding), and the body.
    Bytes {
        head: String,
        body: &'a [u8],
    },
    Sha256(Digest),
}

impl<'a> Message<'a> {
    /// These bytes, after `head`.
    pub(crate) const fn new(head: String, body: &'a [u8]) -> Self {
        Self::of(Content::Bytes { head, body })
    }

    /// Bytes that nobody has, by their sha256.
    pub(crate) const fn by_digest(sha256: Digest) -> Self {
        Self::of(Content::Sha256(sha256))
    }

    const fn of(content: Content<'a>) -> Self {
        Self {
            content,
            sha256: OnceCell::new(),
            sha384: OnceCell::new(),
            sha512: OnceCell::new(),
        }
    }

    /// Their digest; `None` if only another one is known.
    pub(crate) fn digest(&self, hash: Hash) -> Option<&provider::Digest> {
        let (cell, algorithm) = match hash {
            Hash::Sha256 => (&self.sha256, &provider::SHA256),
            Hash::Sha384 => (&self.sha384, &provider::SHA384),
            Hash::Sha512 => (&self.sha512, &provider::SHA512),
        };
        match &self.content {
            Content::Bytes { head, body } => Some(cell.get_or_init(|| {
                let mut context = Context::new(algorithm);
                context.update(head.as_bytes());
                context.update(body);
                context.finish()
            })),
            Content::Sha256(known) if hash == Hash::Sha256 => {
                let imported = provider::Digest::import_less_safe(known.as_bytes(), algorithm);
                imported.ok().map(|digest| cell.get_or_init(|| digest))
            }
            Content::Sha256(_) => None,
        }
    }

    /// All bytes in one piece, for algorithms that read them twice (Ed25519); `None` if only the digest is known.
    pub(crate) fn whole(&self) -> Option<Vec<u8>> {
        match &self.content {
            Content::Bytes { head, body } => Some([head.as_bytes(), body].concat()),
            Content::Sha256(_) => None,
        }
    }

    /// Their SHA-512 in the making, as Ed25519ph takes it (RFC 8032, 5.1).
    pub(crate) fn prehash(&self) -> Option<sha2::Sha512> {
        match &self.content {
            Content::Bytes { head, body } => Some(
                sha2::Sha512::new()
                    .chain_update(head.as_bytes())
                    .chain_update(body),
            ),
            Content::Sha256(_) => None,
        }
    }
}
