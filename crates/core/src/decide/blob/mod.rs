//! Proven facts about a blob and one Signer in, a [`BlobDecision`] out: what `verify-bundle` does.
//!
//! There is no second comparison of identities, logs and times: it is the Signer of policy files, with what such a file
//! would say by default, and every bundle version.

mod words;

use std::collections::BTreeMap;

use super::cite;
use crate::compared::Compared;
use crate::policy::authorize::Mismatch;
use crate::policy::identity_pattern;
use crate::policy::signer::{Key, Keyless, Maker, RootDemand, Signer, Subject, TimeDemand};
use crate::text::safe;
use crate::{
    Cited, Claim, Digest, Findings, Format, Identity, PublicKey, ReasonCode, Refused, RootName,
    TrustRoot, UnixTime, Verdict, Verified,
};
use words::Words;

/// Whose signature on a blob counts, and what it must say.
///
/// A transparency log must hold the signature where the trust root lists one, a certificate needs a proof of certificate
/// transparency where it lists such a log, and some log or timestamp authority must prove a time.
#[derive(Debug, Clone)]
pub struct BlobSigner {
    signer: Signer,
    root: RootName,
    predicate_type: Option<String>,
    known_as: BTreeMap<Digest, String>,
}

/// Why a [`BlobSigner`] cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct BlobSignerError {
    /// The stable code.
    pub code: ReasonCode,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl BlobSigner {
    /// A certificate under `root` whose subject alternative name, of whatever kind, is exactly `subject`, and whose identity
    /// `issuer` vouched for.
    ///
    /// # Errors
    /// [`BlobSignerError`] if one of the two is empty.
    pub fn keyless(subject: &str, issuer: &str, root: &TrustRoot) -> Result<Self, BlobSignerError> {
        let subject = Subject::Exact(not_empty(subject, "identity")?);
        Self::by_certificate(subject, issuer, root)
    }

    /// The same, with a regular expression that must match the whole name.
    ///
    /// # Errors
    /// [`BlobSignerError`] if it is wrong, or would accept identities of unrelated owners, as in policy files.
    pub fn keyless_by_pattern(
        pattern: &str,
        issuer: &str,
        root: &TrustRoot,
    ) -> Result<Self, BlobSignerError> {
        let regex = identity_pattern(pattern).map_err(|bad| BlobSignerError {
            code: bad.code,
            message: bad.message,
            hint: bad.hint.to_owned(),
        })?;
        Self::by_certificate(Subject::Regex(regex, pattern.to_owned()), issuer, root)
    }

    /// This key, which messages call `name`.
    #[must_use]
    pub fn key(name: &str, key: &PublicKey, root: &TrustRoot) -> Self {
        let name = safe(name);
        let only = Key {
            id: name.clone(),
            key: *key.id(),
            place: None,
            valid_from: None,
            valid_until: None,
        };
        Self {
            known_as: BTreeMap::from([(*key.id(), name)]),
            ..Self::new(Maker::Keys(vec![only]), root)
        }
    }

    /// The signature must be in a statement of exactly this predicate type: another attestation, or a signature over the blob
    /// itself, does not stand for it (CVE-2022-35929, CVE-2026-39395).
    #[must_use]
    pub fn predicate_type(mut self, predicate_type: &str) -> Self {
        self.predicate_type = Some(predicate_type.to_owned());
        self
    }

    /// A key's signature counts with neither log entry nor proven time, so that nobody can tell whether it was made before the
    /// key was stolen. Entries and timestamps that are there must still verify. Certificates are not affected.
    #[must_use]
    pub fn key_alone_unsafe(mut self) -> Self {
        if let Maker::Keys(_) = self.signer.maker {
            self.signer.logs = 0;
            self.signer.time = TimeDemand::None;
        }
        self
    }

    fn by_certificate(
        subject: Subject,
        issuer: &str,
        root: &TrustRoot,
    ) -> Result<Self, BlobSignerError> {
        let keyless = Keyless {
            issuer: not_empty(issuer, "issuer")?,
            subject,
            claims: Vec::new(),
        };
        Ok(Self::new(Maker::Keyless(Box::new(keyless)), root))
    }

    fn new(maker: Maker, root: &TrustRoot) -> Self {
        Self {
            signer: Signer {
                name: "command-line".to_owned(),
                maker,
                root: Some(RootDemand {
                    name: root.name().name.clone(),
                    sct: root.lists_ct_logs(),
                    // Whoever hands a root over says by that that it serves.
                    life: None,
                }),
                logs: usize::from(root.lists_logs()),
                timestamps: 0,
                time: TimeDemand::Either,
                bundles: vec![Format::BundleV01, Format::BundleV02, Format::BundleV03],
                legacy: false,
            },
            root: root.name().clone(),
            predicate_type: None,
            known_as: BTreeMap::new(),
        }
    }

    /// Step 21, then everything that a Signer demands.
    fn accepts(&self, one: &Verified<Claim>, blob: &Digest, now: UnixTime) -> Result<(), Mismatch> {
        if one.facts().image() != blob {
            return Err(Mismatch {
                code: ReasonCode::DigestMismatch,
                found: one.facts().image().to_string(),
                wanted: blob.to_string(),
            });
        }
        if let Some(wanted) = &self.predicate_type {
            let found = one.claim().predicate_type();
            if found != Some(wanted.as_str()) {
                return Err(Mismatch {
                    code: ReasonCode::PredicateTypeMismatch,
                    found: found
                        .unwrap_or("a signature over the blob itself")
                        .to_owned(),
                    wanted: wanted.clone(),
                });
            }
        }
        let mut compared = Compared::default();
        self.signer.compare(one.facts(), now, &mut compared);
        compared.mismatch().cloned().map_or(Ok(()), Err)
    }
}

fn not_empty(text: &str, what: &str) -> Result<String, BlobSignerError> {
    if text.is_empty() {
        return Err(BlobSignerError {
            code: ReasonCode::WrongValue,
            message: format!("the {what} is empty"),
            hint: format!("Write the whole {what}; nothing matches by default."),
        });
    }
    Ok(text.to_owned())
}

/// Whether a blob is signed as demanded: only [`decide_blob`] makes one. All foreign strings are escaped and cut.
#[derive(Debug, Clone)]
#[must_use]
pub struct BlobDecision {
    pub(crate) blob: Digest,
    pub(crate) now: UnixTime,
    pub(crate) root: RootName,
    pub(crate) demanded: String,
    pub(crate) predicate_type: Option<String>,
    pub(crate) outcome: Result<Cited, Box<BlobRefusal>>,
    pub(crate) subjects: Vec<String>,
    pub(crate) verified: Vec<Cited>,
    pub(crate) refused: Vec<Refused>,
}

/// Why a blob is refused: the candidate that came closest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobRefusal {
    /// The stable code.
    pub code: ReasonCode,
    /// One sentence for the person who is told.
    pub message: String,
    /// What to do next.
    pub hint: String,
    /// What it is or has; empty if there is nothing.
    pub found: String,
    /// What is demanded; empty if verification refused it.
    pub wanted: String,
    /// Who made it, if it verified.
    pub identity: Option<Identity>,
}

impl BlobDecision {
    /// [`Verdict::Allow`] or [`Verdict::Deny`]: there is nothing that could be fetched and was not.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self.outcome {
            Ok(_) => Verdict::Allow,
            Err(_) => Verdict::Deny,
        }
    }

    /// The blob's sha256.
    #[must_use]
    pub const fn blob(&self) -> &Digest {
        &self.blob
    }

    /// The time at which it was decided.
    #[must_use]
    pub const fn now(&self) -> UnixTime {
        self.now
    }

    /// The trust root by which it was decided.
    #[must_use]
    pub const fn root(&self) -> &RootName {
        &self.root
    }

    /// Who should have signed.
    #[must_use]
    pub fn demanded(&self) -> &str {
        &self.demanded
    }

    /// The signature that counts; none if the blob is refused.
    #[must_use]
    pub fn proof(&self) -> Option<&Cited> {
        self.outcome.as_ref().ok()
    }

    /// Why the blob is refused; none if it is not.
    #[must_use]
    pub fn refusal(&self) -> Option<&BlobRefusal> {
        self.outcome.as_ref().err().map(Box::as_ref)
    }

    /// What the counting statement calls the blob: the names of the subjects that have its digest.
    #[must_use]
    pub fn subjects(&self) -> &[String] {
        &self.subjects
    }

    /// Everything that verified, whether or not it is what is demanded.
    #[must_use]
    pub fn verified(&self) -> &[Cited] {
        &self.verified
    }

    /// Everything that did not verify.
    #[must_use]
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }
}

/// Judges a blob by what [`examine_blob`](crate::examine_blob) proved about it. Like [`decide`](crate::decide) it knows no
/// tolerance: a proven time after `now` fails.
///
/// ```
/// use countersign_core::{
///     Blob, BlobSigner, Limits, Trust, TrustRoot, UnixTime, Verdict, decide_blob, examine_blob,
/// };
///
/// fn verify(blob: &[u8], bundle: &[u8], now: UnixTime) -> Result<Verdict, Box<dyn std::error::Error>> {
///     let root = TrustRoot::public_good()?;
///     let signer = BlobSigner::keyless("release@acme.example", "https://accounts.google.com", &root)?
///         .predicate_type("https://slsa.dev/provenance/v1");
///     let trust = Trust::new(vec![root], Vec::new())?;
///     let findings = examine_blob(Blob::Bytes(blob), bundle, &trust, &Limits::default());
///     Ok(decide_blob(&findings, &signer, now).verdict())
/// }
///
/// let verdict = verify(b"content", b"no bundle", UnixTime::from_seconds(1_790_000_000));
/// assert_eq!(verdict.unwrap(), Verdict::Deny);
/// ```
pub fn decide_blob(findings: &Findings, signer: &BlobSigner, now: UnixTime) -> BlobDecision {
    let cited = |one: &Verified<Claim>| cite::cite(one, None, &signer.known_as);
    let mut good = None;
    let mut candidates = Vec::new();
    for one in findings.verified() {
        match signer.accepts(one, findings.image(), now) {
            Ok(()) => good = good.or(Some(one)),
            Err(mismatch) => candidates.push(compared(mismatch, one, signer)),
        }
    }
    let mut refused = Vec::new();
    for rejected in findings.rejected() {
        let words = Words::of_rejected(rejected.code, &signer.signer);
        let detail = words
            .found
            .map_or_else(|| safe(&rejected.detail), str::to_owned);
        candidates.push(BlobRefusal {
            code: rejected.code,
            message: words.message.to_owned(),
            hint: words.hint.to_owned(),
            found: detail.clone(),
            wanted: String::new(),
            identity: None,
        });
        refused.push(Refused {
            locator: rejected.locator.clone(),
            child: None,
            claims: rejected.claims.as_deref().map(safe),
            code: rejected.code,
            detail,
        });
    }
    let outcome = match good {
        Some(one) => Ok(cited(one)),
        None => Err(Box::new(closest(candidates))),
    };
    BlobDecision {
        blob: *findings.image(),
        now,
        root: signer.root.clone(),
        demanded: safe(&signer.signer.wanted()),
        predicate_type: signer.predicate_type.as_deref().map(safe),
        outcome,
        subjects: good.map_or_else(Vec::new, |one| names(one.claim(), findings.image())),
        verified: findings.verified().iter().map(cited).collect(),
        refused,
    }
}

/// Why a signature that verified is not the demanded one.
fn compared(mismatch: Mismatch, one: &Verified<Claim>, signer: &BlobSigner) -> BlobRefusal {
    let words = Words::of_mismatch(mismatch.code, &signer.signer);
    BlobRefusal {
        code: mismatch.code,
        message: words.message.to_owned(),
        hint: words.hint.to_owned(),
        found: safe(&mismatch.found),
        wanted: words
            .wanted
            .map_or_else(|| safe(&mismatch.wanted), str::to_owned),
        identity: Some(cite::identity(one.facts().signer(), &signer.known_as)),
    }
}

/// The one with the highest rank; nothing at all is no signature.
fn closest(candidates: Vec<BlobRefusal>) -> BlobRefusal {
    let code = ReasonCode::NoEvidence;
    candidates
        .into_iter()
        .max_by_key(|one| one.code.rank())
        .unwrap_or_else(|| BlobRefusal {
            code,
            message: "There is no signature.".to_owned(),
            hint: "Give the bundle that was made when the blob was signed.".to_owned(),
            found: String::new(),
            wanted: String::new(),
            identity: None,
        })
}

/// At most this many names of subjects are told.
const MAX_NAMES: usize = 10;

fn names(claim: &Claim, blob: &Digest) -> Vec<String> {
    let Claim::Statement(statement) = claim else {
        return Vec::new();
    };
    statement
        .subjects
        .iter()
        .filter(|subject| subject.sha256.as_ref() == Some(blob) && !subject.name.is_empty())
        .take(MAX_NAMES)
        .map(|subject| safe(&subject.name))
        .collect()
}
