//! What was revoked: keys, identities, images and pieces of evidence that count no more.

use std::collections::{BTreeMap, BTreeSet};

use super::Place;
use super::authorize::{Mismatch, maker_text};
use super::signer::Signer;
use crate::compared::Compared;
use crate::{Claim, Digest, ReasonCode, SignedBy, UnixTime, Verified};

/// `kind: Revocation`.
#[derive(Debug, Clone)]
pub(crate) struct Revocation {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) reason: String,
    /// Since when keys and identities are not believed; none: never.
    pub(crate) from: Option<UnixTime>,
    pub(crate) keys: BTreeSet<Digest>,
    /// Issuer and subject.
    pub(crate) identities: BTreeSet<(String, String)>,
    pub(crate) digests: BTreeSet<Digest>,
    pub(crate) evidence: BTreeSet<Digest>,
}

/// All revocations of a set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Revocations {
    all: Vec<Revocation>,
    /// Which of them revokes an image.
    images: BTreeMap<Digest, usize>,
}

impl Revocations {
    pub(crate) fn new(all: Vec<Revocation>) -> Self {
        let mut images = BTreeMap::new();
        for (number, revocation) in all.iter().enumerate() {
            for digest in &revocation.digests {
                images.entry(*digest).or_insert(number);
            }
        }
        Self { all, images }
    }

    /// All of them, in the order of the files.
    pub(crate) fn all(&self) -> &[Revocation] {
        &self.all
    }

    /// Whether any image is revoked, so that it matters which one a reference means.
    pub(crate) fn name_images(&self) -> bool {
        !self.images.is_empty()
    }

    /// What revokes an image or index.
    pub(crate) fn of_image(&self, digest: &Digest) -> Option<&Revocation> {
        self.all.get(*self.images.get(digest)?)
    }

    /// Records that a piece of evidence was revoked, or that whoever made it was at that time. `signer` is the Signer for which it
    /// would count: which proven times are believed is that one's word.
    pub(crate) fn compare(&self, one: &Verified<Claim>, signer: &Signer, compared: &mut Compared) {
        for revocation in &self.all {
            if let Some(mismatch) = revocation.refuses(one, signer) {
                compared.fail("revocation", mismatch);
                return;
            }
        }
    }
}

impl Revocation {
    fn refuses(&self, one: &Verified<Claim>, signer: &Signer) -> Option<Mismatch> {
        let facts = one.facts();
        if let Some(digest) = self.piece(one) {
            return Some(self.mismatch(ReasonCode::EvidenceRevoked, format!("evidence {digest}")));
        }
        let is_signer = match facts.signer() {
            SignedBy::Key(key) => self.keys.contains(key),
            SignedBy::Certificate(certificate) => {
                self.identities.iter().any(|(issuer, subject)| {
                    *issuer == certificate.issuer && subject == certificate.san.value()
                })
            }
        };
        // What nobody proves to be older may have been made by a thief, who may have any other authority's word for an old date.
        let believed = signer.believed_time(facts);
        let is_older = self.from.zip(believed).is_some_and(|(from, at)| at < from);
        if !is_signer || is_older {
            return None;
        }
        let when = match believed {
            Some(at) => format!("signed {at}"),
            None if facts.times().is_empty() => "no proven time".to_owned(),
            None => format!("no proven time that the Signer `{}` takes", signer.name),
        };
        let found = format!("{}, {when}", maker_text(facts.signer()));
        Some(self.mismatch(ReasonCode::SignerRevoked, found))
    }

    /// The digest by which a piece of evidence is revoked: of its manifest, its blob, or what is signed. The last is all that
    /// nobody can write in another way without signing anew.
    fn piece(&self, one: &Verified<Claim>) -> Option<Digest> {
        if self.evidence.is_empty() {
            return None;
        }
        let locator = one.facts().locator();
        let signed = match one.claim() {
            Claim::Statement(statement) => Some(Digest::of(statement.payload())),
            // The blob is the payload, and the payload's signature is over the image's own bytes.
            Claim::SimpleSigning { .. } | Claim::Message => None,
        };
        [Some(locator.manifest), Some(locator.blob), signed]
            .into_iter()
            .flatten()
            .find(|digest| self.evidence.contains(digest))
    }

    fn mismatch(&self, code: ReasonCode, found: String) -> Mismatch {
        let since = self
            .from
            .filter(|_| code == ReasonCode::SignerRevoked)
            .map(|from| format!(" since {from}"))
            .unwrap_or_default();
        Mismatch {
            code,
            found,
            wanted: format!(
                "nothing that `{}` revokes{since}: {}",
                self.name, self.reason
            ),
        }
    }
}
