//! Untrusted evidence in, proven facts out (`docs/verification.md` numbers the steps).

mod bundle;
mod cache;
mod certificate;
mod envelope;
mod legacy;
mod prove;
mod sct;
mod signed;
mod simple;
mod tlog;
mod tsa;

pub use self::cache::{ProofCache, ProofStats};
use self::signed::{Signed, SignedContent};
use crate::refusal::Refusal;
use crate::{
    Claim, Content, Digest, Evidence, Findings, FoundBy, Gap, Item, Limits, Locator, PinnedImage,
    ReasonCode, Rejected, Trust, Verified,
};

/// What signatures are about: an image's manifest, or any other bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Artifact<'a> {
    pub(crate) digest: Digest,
    pub(crate) bytes: &'a [u8],
}

/// Verifies every piece of evidence against the pinned image, under each trust root and key that could apply.
///
/// Never fails: what does not verify is listed in [`Findings::rejected`] with its reason. It does not know what is wanted,
/// asks no clock (future times are [`decide`](crate::decide)'s affair), and never combines facts of two pieces of evidence
/// or of two trust roots.
#[must_use]
pub fn examine(
    image: &PinnedImage,
    evidence: &Evidence,
    trust: &Trust,
    limits: &Limits,
) -> Findings {
    let artifact = Artifact {
        digest: *image.digest(),
        bytes: image.bytes(),
    };
    let verify = |item: &Item| examine_item(item, &artifact, trust, limits);
    examine_items(&artifact, &evidence.items, &evidence.gaps, verify)
}

/// [`examine`] that verifies nothing again: what was proven before from the very same bytes, under the same trust and
/// limits, is proven still. Which policies ask makes no difference.
#[must_use]
pub fn examine_cached(
    image: &PinnedImage,
    evidence: &Evidence,
    trust: &Trust,
    limits: &Limits,
    cache: &ProofCache,
) -> Findings {
    let artifact = Artifact {
        digest: *image.digest(),
        bytes: image.bytes(),
    };
    let verify = |item: &Item| {
        let key = cache::key(item, &artifact, trust, limits);
        cache.proofs(key, &item.locator, || {
            examine_item(item, &artifact, trust, limits)
        })
    };
    examine_items(&artifact, &evidence.items, &evidence.gaps, verify)
}

fn examine_items(
    artifact: &Artifact<'_>,
    items: &[Item],
    gaps: &[Gap],
    verify: impl Fn(&Item) -> Result<Vec<Verified<Claim>>, (Refusal, Option<String>)>,
) -> Findings {
    let mut verified = Vec::new();
    let mut rejected = Vec::new();
    for item in items {
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
    Findings::new(artifact.digest, verified, rejected, gaps.to_vec())
}

/// Verifies one Sigstore bundle against a blob that is not an image: what `verify-bundle` does. The findings' `image` is the
/// blob's sha256.
#[must_use]
pub fn examine_blob(blob: &[u8], bundle: &[u8], trust: &Trust, limits: &Limits) -> Findings {
    let artifact = Artifact {
        digest: Digest::of(blob),
        bytes: blob,
    };
    let bundle_digest = Digest::of(bundle);
    let item = Item {
        locator: Locator {
            found_by: FoundBy::File,
            manifest: bundle_digest,
            blob: bundle_digest,
        },
        content: Content::Bundle(bundle.to_vec()),
    };
    let verify = |item: &Item| examine_item(item, &artifact, trust, limits);
    examine_items(&artifact, &[item], &[], verify)
}

/// All proofs of one item, one for each trust root under which everything holds; or why there is none, and what the item
/// claimed to be.
fn examine_item(
    item: &Item,
    artifact: &Artifact<'_>,
    trust: &Trust,
    limits: &Limits,
) -> Result<Vec<Verified<Claim>>, (Refusal, Option<String>)> {
    let signed = match &item.content {
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
    .map_err(|refusal| (refusal, None))?;
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

/// What the signed bytes say, and that it is about this artifact.
fn claim(signed: &Signed, artifact: &Artifact<'_>, limits: &Limits) -> Result<Claim, Refusal> {
    match &signed.content {
        SignedContent::SimpleSigning { payload } => simple::claim(payload, artifact, limits),
        SignedContent::Envelope(envelope) => {
            envelope::statement(&envelope.payload, artifact, limits).map(Claim::Statement)
        }
        SignedContent::Message { declared } => {
            if let Some((algorithm, digest)) = declared {
                let hash = match algorithm.as_str() {
                    "SHA2_256" => crate::trust::Hash::Sha256,
                    "SHA2_384" => crate::trust::Hash::Sha384,
                    "SHA2_512" => crate::trust::Hash::Sha512,
                    other => {
                        return Err(Refusal::new(
                            ReasonCode::BundleMalformed,
                            format!("messageDigest by `{}`", crate::digest::clip(other)),
                        ));
                    }
                };
                if hash.of(artifact.bytes).as_ref() != digest.as_slice() {
                    return Err(Refusal::new(
                        ReasonCode::DigestMismatch,
                        "its messageDigest is of other bytes",
                    ));
                }
            }
            Ok(Claim::Message)
        }
    }
}
