//! What a copy did, piece by piece.

use std::collections::BTreeMap;

use countersign_core::Digest;

/// What is at the destination now, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// The image's digest: the same on both sides.
    pub digest: Digest,
    /// Every piece, in the order in which it was looked at.
    pub pieces: Vec<Piece>,
}

/// A blob, a manifest or a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// Which of them.
    pub kind: PieceKind,
    /// Its digest; of a tag, the digest of what it names.
    pub digest: Digest,
    /// Its bytes; none of a tag.
    pub size: u64,
    /// Its media type.
    pub media_type: String,
    /// The tag, if it is one.
    pub tag: Option<String>,
    /// What was done with it.
    pub done: Done,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PieceKind {
    /// A config or a layer.
    Blob,
    /// A manifest or index, by its digest.
    Manifest,
    /// The index at the fallback tag `sha256-<hex>` of something that has referrers.
    FallbackIndex,
    /// A tag: the image's own, or `sha256-<hex>.sig`, `.att` or `.sbom` with the manifest that stands there.
    Tag,
}

/// What was done with a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Done {
    /// It was there already.
    Present,
    /// It was sent there.
    Pushed,
    /// The registry took it from another repository of its own.
    Mounted,
    /// It is not there, and would be pushed.
    Planned,
}

impl Copied {
    /// How many pieces of each kind had this done to them; kinds without any are left out.
    #[must_use]
    pub fn counts(&self, done: Done) -> BTreeMap<PieceKind, usize> {
        let mut counts = BTreeMap::new();
        for piece in self.pieces.iter().filter(|piece| piece.done == done) {
            *counts.entry(piece.kind).or_default() += 1;
        }
        counts
    }

    /// The bytes of all pieces that had this done to them.
    #[must_use]
    pub fn bytes(&self, done: Done) -> u64 {
        self.pieces
            .iter()
            .filter(|piece| piece.done == done)
            .map(|piece| piece.size)
            .fold(0, u64::saturating_add)
    }
}

impl PieceKind {
    /// The stable name that reports use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Manifest => "manifest",
            Self::FallbackIndex => "fallback-index",
            Self::Tag => "tag",
        }
    }
}

impl Done {
    /// Every one, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Pushed, Self::Mounted, Self::Planned, Self::Present];

    /// The stable name that reports use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Pushed => "pushed",
            Self::Mounted => "mounted",
            Self::Planned => "planned",
        }
    }
}
