//! What is kept in memory, and who may see it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::{Digest, UnixTime};
use serde::Deserialize;
use tokio::time::Instant;

use super::recent::Recent;
use crate::wire::{self, Descriptor};
use crate::{Access, Reference, Referrer, RegistryError, Repository};

/// How long it counts that the registry showed something under an access.
const GRANTED: Duration = Duration::from_secs(60);
/// How long "not there" is believed: whoever signs an image right after a check was refused waits as long.
const ABSENT: Duration = Duration::from_secs(2);
/// What is larger than this part of the whole is not kept, or one blob would push everything else out.
const LARGEST_PART: usize = 4;
/// Reads, tags and absences that are kept, of each; an entry takes some hundred bytes.
const MAX_ENTRIES: usize = 20_000;
/// Blobs that are known to be named in a repository: some for each read.
const MAX_NAMES: usize = 50_000;
/// Bytes of lists that are kept.
const MAX_LISTED: usize = 16 * 1024 * 1024;
/// What an entry takes beside its bytes, about.
const OVERHEAD: usize = 256;
/// Descriptors of one manifest that are remembered; what is beyond is fetched again.
const MAX_NAMED: usize = 1024;

/// A repository under an access. A digest, so that keys are small and hold neither names nor secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Scope(pub(super) Digest);

/// What is asked for within a scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum What {
    Tag(String),
    Manifest(Digest),
    Blob(Digest),
    Referrers(Digest),
}

/// How a registry called a manifest, and when it was read from there under this access.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) content_type: Option<Cow<'static, str>>,
    pub(super) from: Option<String>,
    pub(super) since: Instant,
    pub(super) at: UnixTime,
}

/// A manifest as it was read.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    pub(super) read: Arc<Read>,
    pub(super) bytes: Arc<[u8]>,
    /// As in [`Fetched::doubt`]; one with a doubt is not kept.
    pub(super) doubt: Option<RegistryError>,
}

/// A list of referrers as it was read.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) items: Arc<[Referrer]>,
    pub(super) from: Option<String>,
    /// As in [`Listing::incomplete`](crate::Listing::incomplete); a list with it is not kept.
    pub(super) incomplete: Option<Box<RegistryError>>,
    /// The bytes that were read for it.
    pub(super) cost: usize,
    pub(super) since: Instant,
    pub(super) at: UnixTime,
}

/// What memory says.
pub(super) enum Known<T> {
    Here(T),
    /// It was not there a moment ago.
    Absent,
    Unknown,
}

pub(super) struct Memory {
    pub(super) fresh: Duration,
    largest: usize,
    bytes: Recent<Digest, Arc<[u8]>>,
    reads: Recent<(Scope, Digest), Arc<Read>>,
    /// When a blob was read, or named by a manifest that was read.
    named: Recent<(Scope, Digest), Instant>,
    tags: Recent<(Scope, String), (Digest, Instant)>,
    listings: Recent<(Scope, Digest), Arc<Listed>>,
    absent: Recent<(Scope, What), Instant>,
}

impl Scope {
    pub(super) fn new(repository: &Repository, access: &Access) -> Self {
        Self(
            *Access::of([
                repository.registry().as_bytes(),
                repository.path().as_bytes(),
                access.fingerprint().as_bytes(),
            ])
            .fingerprint(),
        )
    }
}

impl From<&Reference> for What {
    fn from(reference: &Reference) -> Self {
        match reference {
            Reference::Tag(tag) => Self::Tag(tag.clone()),
            Reference::Digest(digest) => Self::Manifest(*digest),
        }
    }
}

impl Memory {
    pub(super) fn new(max_bytes: usize, fresh: Duration) -> Self {
        Self {
            fresh,
            largest: max_bytes / LARGEST_PART,
            bytes: Recent::weighing(max_bytes, |bytes| weight(bytes.len())),
            reads: Recent::entries(MAX_ENTRIES),
            named: Recent::entries(MAX_NAMES),
            tags: Recent::entries(MAX_ENTRIES),
            listings: Recent::weighing(MAX_LISTED, |listed| {
                weight(listed.cost + listed.items.len() * OVERHEAD)
            }),
            absent: Recent::entries(MAX_ENTRIES),
        }
    }

    /// A manifest that this access read within the last minute; by a tag, if that was seen a moment ago.
    pub(super) fn manifest(&self, scope: Scope, reference: &Reference) -> Known<Manifest> {
        if self.is_absent(scope, reference.into()) {
            return Known::Absent;
        }
        let digest = match reference {
            Reference::Digest(digest) => Some(*digest),
            Reference::Tag(tag) => self
                .tags
                .get(&(scope, tag.clone()))
                .filter(|(_, since)| since.elapsed() < self.fresh)
                .map(|(digest, _)| digest),
        };
        let found = digest.and_then(|digest| {
            Some(Manifest {
                read: self.granted_read(scope, &digest)?,
                bytes: self.bytes(&digest)?,
                doubt: None,
            })
        });
        found.map_or(Known::Unknown, Known::Here)
    }

    /// A blob that this access was shown within the last minute.
    pub(super) fn blob(&self, scope: Scope, blob: &Digest) -> Known<Arc<[u8]>> {
        if self.is_absent(scope, What::Blob(*blob)) {
            return Known::Absent;
        }
        if !self.is_granted(scope, blob) {
            return Known::Unknown;
        }
        self.bytes(blob).map_or(Known::Unknown, Known::Here)
    }

    /// The list, if it was read a moment ago.
    pub(super) fn listing(&self, scope: Scope, image: &Digest) -> Option<Arc<Listed>> {
        self.last_listing(scope, image)
            .filter(|listed| listed.since.elapsed() < self.fresh)
    }

    /// The last complete list, however old.
    pub(super) fn last_listing(&self, scope: Scope, image: &Digest) -> Option<Arc<Listed>> {
        self.listings.get(&(scope, *image))
    }

    /// When the manifest was read last, if that still counts.
    pub(super) fn granted_read(&self, scope: Scope, manifest: &Digest) -> Option<Arc<Read>> {
        self.last_read(scope, manifest)
            .filter(|read| read.since.elapsed() < GRANTED)
    }

    /// When the manifest was read last, however long ago.
    pub(super) fn last_read(&self, scope: Scope, manifest: &Digest) -> Option<Arc<Read>> {
        self.reads.get(&(scope, *manifest))
    }

    /// Whether this access was shown the blob within the last minute.
    pub(super) fn is_granted(&self, scope: Scope, blob: &Digest) -> bool {
        self.named
            .get(&(scope, *blob))
            .is_some_and(|since| since.elapsed() < GRANTED)
    }

    /// Bytes, whoever read them: the caller has looked at who may see them.
    pub(super) fn bytes(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        self.bytes.get(digest)
    }

    /// Keeps bytes that were hashed.
    pub(super) fn keep_bytes(&self, digest: Digest, bytes: &Arc<[u8]>) {
        if bytes.len() > self.largest {
            return;
        }
        self.bytes.insert(digest, Arc::clone(bytes));
    }

    /// Keeps a manifest that was read, and that this access may see what it names.
    pub(super) fn keep_manifest(
        &self,
        scope: Scope,
        reference: &Reference,
        digest: Digest,
        manifest: &Manifest,
    ) {
        let since = manifest.read.since;
        self.keep_bytes(digest, &manifest.bytes);
        self.reads
            .insert((scope, digest), Arc::clone(&manifest.read));
        for blob in named_by(&manifest.bytes) {
            self.named.insert((scope, blob), since);
        }
        self.absent.remove(&(scope, What::Manifest(digest)));
        if let Reference::Tag(tag) = reference {
            self.tags.insert((scope, tag.clone()), (digest, since));
        }
    }

    /// Keeps a blob that was read at `since`.
    pub(super) fn keep_blob(
        &self,
        scope: Scope,
        digest: Digest,
        bytes: &Arc<[u8]>,
        since: Instant,
    ) {
        self.keep_bytes(digest, bytes);
        self.named.insert((scope, digest), since);
    }

    /// Keeps a complete list.
    pub(super) fn keep_listing(&self, scope: Scope, image: Digest, listed: &Arc<Listed>) {
        self.listings.insert((scope, image), Arc::clone(listed));
    }

    /// Keeps that the registry said "not there" just now.
    pub(super) fn keep_absence(&self, scope: Scope, what: What) {
        self.absent.insert((scope, what), Instant::now());
    }

    fn is_absent(&self, scope: Scope, what: What) -> bool {
        self.absent
            .get(&(scope, what))
            .is_some_and(|since| since.elapsed() < ABSENT)
    }
}

/// The blobs that a manifest names: its config and its layers. Neither its subject nor an index's children, which are
/// manifests and have to be read.
pub(super) fn named_by(manifest: &[u8]) -> Vec<Digest> {
    #[derive(Deserialize)]
    struct Named {
        config: Option<Descriptor>,
        layers: Option<Vec<Descriptor>>,
    }
    // Whoever reads the manifest says what is wrong with it; here it only names nothing.
    let Ok(named) = wire::read::<Named>(manifest) else {
        return Vec::new();
    };
    named
        .config
        .into_iter()
        .chain(named.layers.unwrap_or_default())
        .filter_map(|descriptor| descriptor.digest().ok())
        .take(MAX_NAMED)
        .collect()
}

fn weight(bytes: usize) -> usize {
    bytes.saturating_add(OVERHEAD)
}
