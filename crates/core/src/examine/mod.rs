//! Untrusted evidence in, proven facts out (`docs/verification.md` numbers the steps).

mod approval;
mod bundle;
mod cache;
mod certificate;
mod decode;
mod envelope;
#[cfg(fuzzing)]
pub mod fuzzing;
mod legacy;
mod prove;
mod sct;
mod signed;
mod simple;
mod tlog;
mod tsa;
mod wire;

pub(crate) use self::approval::examine_approval;
pub use self::cache::{ProofCache, ProofStats};
use self::signed::{Signed, SignedContent};
use crate::refusal::Refusal;
use crate::trust::Hash;
use crate::{
    Child, Claim, Content, Digest, Evidence, Findings, FoundBy, Item, Limits, Locator, PinnedImage,
    ReasonCode, Rejected, Trust, Verified,
};

/// What signatures are about: an image's manifest, a child that an index lists, or any other bytes.
#[derive(Debug, Clone, Copy)]
pub struct Artifact<'a> {
    pub(crate) digest: Digest,
    /// `None`: only the digest is known.
    pub(crate) bytes: Option<&'a [u8]>,
}

impl<'a> From<&'a PinnedImage> for Artifact<'a> {
    fn from(image: &'a PinnedImage) -> Self {
        Self {
            digest: *image.digest(),
            bytes: Some(image.bytes()),
        }
    }
}

/// A child of an index: evidence about it says its digest, so that its manifest need not be fetched.
impl From<&Child> for Artifact<'_> {
    fn from(child: &Child) -> Self {
        Self {
            digest: child.digest,
            bytes: None,
        }
    }
}

/// A blob that is not an image, for [`examine_blob`].
#[derive(Debug, Clone, Copy)]
pub enum Blob<'a> {
    /// The blob itself.
    Bytes(&'a [u8]),
    /// Its sha256 alone. Signatures over the blob by keys that sign by another hash, or by Ed25519, cannot be checked and are
    /// refused with [`ReasonCode::ArtifactNeeded`]; statements about the blob can.
    Digest(Digest),
}

/// Verifies every piece of evidence against the pinned image, or a child of one, under each trust root and key that could
/// apply.
///
/// Never fails: what does not verify is listed in [`Findings::rejected`] with its reason. It does not know what is wanted,
/// asks no clock (future times are [`decide`](crate::decide)'s affair), and never combines facts of two pieces of evidence
/// or of two trust roots.
#[must_use]
pub fn examine<'a>(
    image: impl Into<Artifact<'a>>,
    evidence: &Evidence,
    trust: &Trust,
    limits: &Limits,
) -> Findings {
    let artifact = image.into();
    let verify = |item: &Item| examine_item(item, &artifact, trust, limits);
    examine_items(&artifact, evidence, verify)
}

/// [`examine`] that verifies nothing again: what was proven before from the very same bytes, under the same trust and
/// limits, is proven still. Which policies ask makes no difference.
#[must_use]
pub fn examine_cached<'a>(
    image: impl Into<Artifact<'a>>,
    evidence: &Evidence,
    trust: &Trust,
    limits: &Limits,
    cache: &ProofCache,
) -> Findings {
    let artifact = image.into();
    let verify = |item: &Item| {
        let asked = cache::Asked {
            item,
            artifact: &artifact,
            trust,
            limits,
        };
        cache.proofs(asked, || examine_item(item, &artifact, trust, limits))
    };
    examine_items(&artifact, evidence, verify)
}

fn examine_items(
    artifact: &Artifact<'_>,
    evidence: &Evidence,
    verify: impl Fn(&Item) -> Result<Vec<Verified<Claim>>, (Refusal, Option<String>)>,
) -> Findings {
    let mut verified = Vec::new();
    let mut rejected = Vec::new();
    for item in &evidence.items {
        match verify(item) {
            Ok(proofs) => verified.extend(proofs),
            Err((refusal, claims)) => rejected.push(Rejected {
                locator: item.locator.clone(),
                claims,
                code: refusal.code,
                detail: refusal.detail,
            }),
        }
    }
    Findings::new(
        artifact.digest,
        verified,
        rejected,
        evidence.gaps.clone(),
        evidence.stale.clone(),
    )
}

/// Verifies one Sigstore bundle against a blob that is not an image: what `verify-bundle` does. The findings' `image` is the
/// blob's sha256.
#[must_use]
pub fn examine_blob(blob: Blob<'_>, bundle: &[u8], trust: &Trust, limits: &Limits) -> Findings {
    let artifact = match blob {
        Blob::Bytes(bytes) => Artifact {
            digest: Digest::of(bytes),
            bytes: Some(bytes),
        },
        Blob::Digest(digest) => Artifact {
            digest,
            bytes: None,
        },
    };
    let bundle_digest = Digest::of(bundle);
    let item = Item {
        locator: Locator {
            found_by: FoundBy::File,
            manifest: bundle_digest,
            blob: bundle_digest,
            place: None,
        },
        content: Content::Bundle(bundle.into()),
    };
    let verify = |item: &Item| examine_item(item, &artifact, trust, limits);
    let evidence = Evidence {
        items: vec![item],
        ..Evidence::default()
    };
    examine_items(&artifact, &evidence, verify)
}

/// All proofs of one item, one for each trust root under which everything holds; or why there is none, and what the item
/// claimed to be.
fn examine_item(
    item: &Item,
    artifact: &Artifact<'_>,
    trust: &Trust,
    limits: &Limits,
) -> Result<Vec<Verified<Claim>>, (Refusal, Option<String>)> {
    let signed = parse(&item.content, limits).map_err(|refusal| (refusal, None))?;
    // Steps 17 and 18: cheap, and before any cryptography.
    let claim = claim(&signed, artifact, limits).map_err(|refusal| (refusal, None))?;
    let claims = match claim.predicate_type() {
        Some(predicate_type) => predicate_type,
        None if claim.is_image_signature() => "signature",
        None => claim.kind(),
    }
    .to_owned();
    let facts = prove::prove(&signed, artifact, trust, &item.locator, limits)
        .map_err(|refusal| (refusal, Some(claims)))?;
    Ok(facts
        .into_iter()
        .map(|facts| Verified::new(claim.clone(), facts))
        .collect())
}

fn parse<'a>(content: &'a Content, limits: &Limits) -> Result<Signed<'a>, Refusal> {
    match content {
        Content::Bundle(bytes) => bundle::parse(bytes, limits),
        Content::SimpleSigning {
            payload,
            annotations,
        } => legacy::simple_signing(payload, annotations, limits),
        Content::Attestation {
            envelope,
            annotations,
        } => legacy::attestation(envelope, annotations, limits),
    }
}

/// What the signed bytes say, and that it is about this artifact.
fn claim(signed: &Signed<'_>, artifact: &Artifact<'_>, limits: &Limits) -> Result<Claim, Refusal> {
    match &signed.content {
        SignedContent::SimpleSigning { payload } => simple::claim(payload, artifact, limits),
        SignedContent::Envelope(envelope) => {
            envelope::statement(&envelope.payload, artifact, limits).map(Claim::Statement)
        }
        SignedContent::Message { declared } => {
            if let Some((algorithm, digest)) = declared {
                check_declared(algorithm, digest, signed, artifact)?;
            }
            Ok(Claim::Message)
        }
    }
}

/// Step 17: the bundle's `messageDigest`, if it has one, is the artifact's.
fn check_declared(
    algorithm: &str,
    digest: &[u8],
    signed: &Signed<'_>,
    artifact: &Artifact<'_>,
) -> Result<(), Refusal> {
    let hash = Hash::by_proto_name(algorithm).ok_or_else(|| {
        Refusal::new(
            ReasonCode::BundleMalformed,
            format!("messageDigest by `{}`", crate::digest::clip(algorithm)),
        )
    })?;
    let message = signed.message(artifact);
    let ours = message.digest(hash).ok_or_else(bytes_needed)?;
    if ours.as_ref() != digest {
        return Err(Refusal::new(
            ReasonCode::DigestMismatch,
            "its messageDigest is of other bytes",
        ));
    }
    Ok(())
}

/// The artifact's sha256 is known, and that is not enough.
fn bytes_needed() -> Refusal {
    Refusal::new(
        ReasonCode::ArtifactNeeded,
        "only the artifact's sha256 is given, and what was signed is not that",
    )
}
