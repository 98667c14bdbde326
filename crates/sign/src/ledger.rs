//! Notes of what was done, kept also when a copy breaks off.

use std::sync::{Mutex, PoisonError};

use countersign::{NamedBlob, Node};
use countersign_core::Digest;

use crate::copied::{Copied, Done, Piece, PieceKind};

/// The notes, each with its place: blobs end in any order.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Vec<(usize, Piece)>>);

impl Ledger {
    pub(crate) fn blob(&self, place: usize, blob: &NamedBlob, done: Done) {
        self.note(
            place,
            Piece {
                kind: PieceKind::Blob,
                digest: blob.digest,
                size: blob.size,
                media_type: blob.media_type.clone(),
                tag: None,
                done,
            },
        );
    }

    pub(crate) fn manifest(&self, node: &Node, done: Done) {
        self.note(
            usize::MAX,
            Piece {
                kind: PieceKind::Manifest,
                digest: node.digest,
                size: size(node.bytes()),
                media_type: node.media_type.clone(),
                tag: None,
                done,
            },
        );
    }

    pub(crate) fn fallback_index(&self, tag: &str, bytes: &[u8], media_type: &str, done: Done) {
        self.note(
            usize::MAX,
            Piece {
                kind: PieceKind::FallbackIndex,
                digest: Digest::of(bytes),
                size: size(bytes),
                media_type: media_type.to_owned(),
                tag: Some(tag.to_owned()),
                done,
            },
        );
    }

    pub(crate) fn tag(&self, tag: &str, digest: &Digest, media_type: &str, done: Done) {
        self.note(
            usize::MAX,
            Piece {
                kind: PieceKind::Tag,
                digest: *digest,
                size: 0,
                media_type: media_type.to_owned(),
                tag: Some(tag.to_owned()),
                done,
            },
        );
    }

    fn note(&self, place: usize, piece: Piece) {
        let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.push((place, piece));
    }

    pub(crate) fn copied(self, digest: Digest) -> Copied {
        let mut pieces = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        pieces.sort_by_key(|(place, _)| *place);
        Copied {
            digest,
            pieces: pieces.into_iter().map(|(_, piece)| piece).collect(),
        }
    }
}

fn size(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
