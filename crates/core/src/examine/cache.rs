//! Proofs that are remembered: the same bytes under the same trust are verified once.

use std::collections::BTreeMap;
use std::hash::Hash as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Artifact;
use crate::digest::PartsDigest;
use crate::{Claim, Content, Digest, Item, Limits, SignedBy, Trust, Verified};

/// Proofs of evidence that was examined before, bounded in number and in bytes.
///
/// A proof is found by a digest over everything that enters verification: the evidence with its annotations, the
/// artifact, the [`Trust`] and the [`Limits`]. Where it was found and which policy asks do not enter verification; so a
/// policy that is loaded anew decides at once over proofs that stay. Refusals and gaps are never kept.
///
/// Only [`examine_cached`](crate::examine_cached) puts proofs in, and nobody else can:
///
/// ```compile_fail,E0624
/// fn put(cache: &countersign_core::ProofCache, key: countersign_core::Digest) {
///     let _ = cache.proofs(key, || Err::<_, ()>(()));
/// }
/// ```
/// ```compile_fail,E0616
/// fn put(cache: &countersign_core::ProofCache) {
///     let _ = cache.state.lock();
/// }
/// ```
#[derive(Debug)]
pub struct ProofCache {
    max_proofs: usize,
    max_bytes: usize,
    state: Mutex<State>,
}

/// What a [`ProofCache`] did, and what it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProofStats {
    /// How many pieces of evidence were known.
    pub hits: u64,
    /// How many pieces of evidence were verified, whatever came of it.
    pub verifications: u64,
    /// How many proofs are held: one for each piece of evidence and trust root that proves it.
    pub proofs: usize,
    /// How many bytes they take, about.
    pub bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    held: BTreeMap<Digest, Held>,
    /// The key of evidence that was said to be this blob. A hint: its bytes are compared.
    hints: BTreeMap<Digest, Digest>,
    /// Keys by when they were last used, oldest first.
    order: BTreeMap<u64, Digest>,
    /// Those of the proof that was kept last.
    terms: Option<Arc<Terms>>,
    /// Counts uses; no clock.
    uses: u64,
    stats: ProofStats,
}

/// The proofs of one piece of evidence.
#[derive(Debug)]
struct Held {
    proofs: Arc<[Verified<Claim>]>,
    origin: Arc<Origin>,
    bytes: usize,
    used: u64,
}

/// All that entered verification, so that it need not be hashed to be known again.
#[derive(Debug)]
struct Origin {
    content: Content,
    artifact: Digest,
    has_bytes: bool,
    terms: Arc<Terms>,
    /// The blob that it was said to be.
    blob: Digest,
}

/// By what evidence was verified: nearly always the same for all.
#[derive(Debug)]
struct Terms {
    trust: Digest,
    limits: Limits,
}

impl Terms {
    fn are(&self, asked: &Asked<'_>) -> bool {
        self.trust == *asked.trust.fingerprint() && self.limits == *asked.limits
    }
}

impl Origin {
    /// Byte by byte: nothing is believed of where it was found.
    fn is(&self, asked: &Asked<'_>) -> bool {
        self.artifact == asked.artifact.digest
            && self.has_bytes == asked.artifact.bytes.is_some()
            && self.terms.are(asked)
            && self.has(&asked.item.content)
    }

    /// Bytes that are the very ones that were kept need not be compared.
    fn has(&self, content: &Content) -> bool {
        match (&self.content, content) {
            (Content::Bundle(own), Content::Bundle(asked)) if Arc::ptr_eq(own, asked) => true,
            (own, asked) => own == asked,
        }
    }
}

/// What is to be verified, and by what.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) item: &'a Item,
    pub(super) artifact: &'a Artifact<'a>,
    pub(super) trust: &'a Trust,
    pub(super) limits: &'a Limits,
}

impl ProofCache {
    /// Proofs held by [`ProofCache::default`].
    pub const DEFAULT_PROOFS: usize = 10_000;
    /// Bytes held by [`ProofCache::default`] (64 MiB).
    pub const DEFAULT_BYTES: usize = 64 * 1024 * 1024;

    /// A cache that holds at most so many proofs and so many bytes of what was signed. What was not used for longest goes
    /// first; what is larger than the whole is not kept.
    #[must_use]
    pub fn new(max_proofs: usize, max_bytes: usize) -> Self {
        Self {
            max_proofs,
            max_bytes,
            state: Mutex::default(),
        }
    }

    /// What it did so far, and what it holds.
    #[must_use]
    pub fn stats(&self) -> ProofStats {
        self.lock().stats
    }

    /// The proofs kept of this evidence, as found where it was found now; or those that `verify` gives, which are kept.
    pub(super) fn proofs<E>(
        &self,
        asked: Asked<'_>,
        verify: impl FnOnce() -> Result<Vec<Verified<Claim>>, E>,
    ) -> Result<Vec<Verified<Claim>>, E> {
        let locator = &asked.item.locator;
        let key = self.key_of(asked);
        if let Some(proofs) = self.lock().find(&key) {
            return Ok(proofs
                .iter()
                .map(|proof| proof.clone().found_at(locator))
                .collect());
        }
        // Not under the lock: others go on, and at worst two of them verify the same.
        let proofs = verify()?;
        self.lock()
            .keep(key, asked, &proofs, self.max_proofs, self.max_bytes);
        Ok(proofs)
    }

    /// The digest over everything that enters verification: that of the same bytes, if they are kept, or else anew.
    fn key_of(&self, asked: Asked<'_>) -> Digest {
        let hint = self.lock().hint(&asked.item.locator.blob);
        match hint {
            Some((known, origin)) if origin.is(&asked) => known,
            _ => key(asked.item, asked.artifact, asked.trust, asked.limits),
        }
    }

    /// Nothing under the lock calls out, so whoever panicked elsewhere has left nothing half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ProofCache {
    fn default() -> Self {
        Self::new(Self::DEFAULT_PROOFS, Self::DEFAULT_BYTES)
    }
}

impl State {
    fn hint(&self, blob: &Digest) -> Option<(Digest, Arc<Origin>)> {
        let key = self.hints.get(blob)?;
        Some((*key, Arc::clone(&self.held.get(key)?.origin)))
    }

    /// Counts a hit, or the verification that has to follow.
    fn find(&mut self, key: &Digest) -> Option<Arc<[Verified<Claim>]>> {
        self.uses += 1;
        let Some(held) = self.held.get_mut(key) else {
            self.stats.verifications += 1;
            return None;
        };
        self.order.remove(&held.used);
        self.order.insert(self.uses, *key);
        held.used = self.uses;
        self.stats.hits += 1;
        Some(Arc::clone(&held.proofs))
    }

    fn keep(
        &mut self,
        key: Digest,
        asked: Asked<'_>,
        proofs: &[Verified<Claim>],
        max_proofs: usize,
        max_bytes: usize,
    ) {
        let bytes = proofs.iter().map(size);
        let bytes = bytes.fold(length(&asked.item.content), usize::saturating_add);
        if proofs.is_empty() || proofs.len() > max_proofs || bytes > max_bytes {
            return;
        }
        self.remove(&key);
        while self.stats.proofs > max_proofs - proofs.len() || self.stats.bytes > max_bytes - bytes
        {
            let Some(oldest) = self.order.first_key_value().map(|(_, key)| *key) else {
                return;
            };
            self.remove(&oldest);
        }
        self.uses += 1;
        self.stats.proofs += proofs.len();
        self.stats.bytes += bytes;
        self.order.insert(self.uses, key);
        let terms = self.shared(asked);
        let blob = asked.item.locator.blob;
        self.hints.insert(blob, key);
        let held = Held {
            proofs: proofs.into(),
            origin: Arc::new(Origin {
                content: asked.item.content.clone(),
                artifact: asked.artifact.digest,
                has_bytes: asked.artifact.bytes.is_some(),
                terms,
                blob,
            }),
            bytes,
            used: self.uses,
        };
        self.held.insert(key, held);
    }

    fn shared(&mut self, asked: Asked<'_>) -> Arc<Terms> {
        match &self.terms {
            Some(known) if known.are(&asked) => Arc::clone(known),
            _ => Arc::clone(self.terms.insert(Arc::new(Terms {
                trust: *asked.trust.fingerprint(),
                limits: asked.limits.clone(),
            }))),
        }
    }

    fn remove(&mut self, key: &Digest) {
        if let Some(held) = self.held.remove(key) {
            self.order.remove(&held.used);
            // Another piece of evidence may have been said to be the same blob since.
            if self.hints.get(&held.origin.blob) == Some(key) {
                self.hints.remove(&held.origin.blob);
            }
            self.stats.proofs -= held.proofs.len();
            self.stats.bytes -= held.bytes;
        }
    }
}

/// How many bytes of evidence there are.
fn length(content: &Content) -> usize {
    match content {
        Content::Bundle(bytes) => bytes.len(),
        Content::SimpleSigning {
            payload: bytes,
            annotations,
        }
        | Content::Attestation {
            envelope: bytes,
            annotations,
        } => {
            let texts = annotations
                .iter()
                .map(|(name, text)| name.len() + text.len());
            texts.fold(bytes.len(), usize::saturating_add)
        }
    }
}

/// About how many bytes a proof takes: what was signed, texts of any length, and a lump for the rest.
fn size(proof: &Verified<Claim>) -> usize {
    const REST: usize = 2048;
    const SUBJECT: usize = 64;
    let claim = match proof.claim() {
        Claim::SimpleSigning { docker_reference } => docker_reference.len(),
        Claim::Statement(statement) => {
            let subjects = statement
                .subjects
                .iter()
                .map(|subject| subject.name.len() + SUBJECT);
            statement.payload().len() + statement.predicate_type.len() + subjects.sum::<usize>()
        }
        Claim::Message => 0,
    };
    let signer = match proof.facts().signer() {
        SignedBy::Key(_) => 0,
        SignedBy::Certificate(certificate) => format!("{certificate:?}").len(),
    };
    let witnesses = proof.facts().times().len() + proof.facts().logs().len();
    REST + claim + signer + witnesses * 128
}

/// The digest over everything that enters verification, and over nothing else.
pub(super) fn key(item: &Item, artifact: &Artifact<'_>, trust: &Trust, limits: &Limits) -> Digest {
    let mut key = PartsDigest::new();
    key.part(b"countersign proof v1");
    key.part(artifact.digest.as_bytes());
    // The bytes are the digest's; but without them less can be verified.
    key.part(&[u8::from(artifact.bytes.is_some())]);
    key.part(trust.fingerprint().as_bytes());
    limits.hash(&mut key);
    let annotations = match &item.content {
        Content::Bundle(bundle) => {
            key.part(b"bundle");
            key.part(bundle);
            None
        }
        Content::SimpleSigning {
            payload,
            annotations,
        } => {
            key.part(b"simple signing");
            key.part(payload);
            Some(annotations)
        }
        Content::Attestation {
            envelope,
            annotations,
        } => {
            key.part(b"attestation");
            key.part(envelope);
            Some(annotations)
        }
    };
    for (name, value) in annotations.into_iter().flatten() {
        key.part(name.as_bytes());
        key.part(value.as_bytes());
    }
    key.finish()
}

#[cfg(test)]
mod tests;
