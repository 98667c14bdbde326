//! An approval of a break-glass statement: verified by the same steps as every other bundle, about whatever the statement names.

use std::sync::Arc;

use super::signed::{Material, SignedContent};
use super::{bundle, examine_item};
use crate::break_glass::BreakGlassStatement;
use crate::refusal::Refusal;
use crate::text::safe;
use crate::{
    Claim, Content, Digest, FoundBy, Item, Limits, Locator, ReasonCode, Rejected, Trust, Verified,
};

use super::Artifact;

/// What is found in one bundle.
pub(crate) struct FoundApproval {
    /// What was signed, verified or not.
    pub(crate) payload: Option<Arc<Vec<u8>>>,
    /// What that says.
    pub(crate) statement: Option<BreakGlassStatement>,
    /// Who the bundle says has signed.
    pub(crate) claimed_by: String,
    /// Each proof, or why there is none.
    pub(crate) proof: Result<Vec<Verified<Claim>>, Rejected>,
}

/// Verifies one approval. Nothing is verified of what is no [`BreakGlassStatement`]; of one, the artifact is its first subject, so
/// that the steps are those of every statement.
pub(crate) fn examine_approval(bytes: &[u8], trust: &Trust, limits: &Limits) -> FoundApproval {
    let digest = Digest::of(bytes);
    let locator = Locator {
        found_by: FoundBy::File,
        manifest: digest,
        blob: digest,
        place: None,
    };
    let mut found = FoundApproval {
        payload: None,
        statement: None,
        claimed_by: "nobody".to_owned(),
        proof: Ok(Vec::new()),
    };
    let proof = prove(bytes, &locator, trust, limits, &mut found);
    found.proof = proof.map_err(|(refusal, claims)| Rejected {
        locator,
        claims,
        code: refusal.code,
        detail: refusal.detail,
    });
    found
}

fn prove(
    bytes: &[u8],
    locator: &Locator,
    trust: &Trust,
    limits: &Limits,
    found: &mut FoundApproval,
) -> Result<Vec<Verified<Claim>>, (Refusal, Option<String>)> {
    let malformed = |why: String| (Refusal::new(ReasonCode::BreakGlassMalformed, why), None);
    let signed = bundle::parse(bytes, limits).map_err(|refusal| (refusal, None))?;
    found.claimed_by = claimed_by(&signed.material);
    let SignedContent::Envelope(envelope) = &signed.content else {
        return Err(malformed("it signs a message, not a statement".to_owned()));
    };
    found.payload = Some(Arc::clone(&envelope.payload));
    let statement = BreakGlassStatement::read(&envelope.payload)
        .map_err(|error| malformed(error.to_string()))?;
    let subjects = statement.subjects();
    found.statement = Some(statement);
    // Reading refuses a statement without subjects.
    let Some((_, about)) = subjects.first() else {
        return Err(malformed("it is about nothing".to_owned()));
    };
    let artifact = Artifact {
        digest: *about,
        bytes: None,
    };
    let item = Item {
        locator: locator.clone(),
        content: Content::Bundle(bytes.into()),
    };
    examine_item(&item, &artifact, trust, limits)
}

/// A key by the hint that cosign writes, which is base64 of its sha256; a certificate by its identity.
fn claimed_by(material: &Material) -> String {
    match material {
        Material::Certificate(certificate) => match crate::x509::identity(certificate) {
            Ok(identity) => safe(identity.san.value()),
            Err(_) => "a certificate without a readable identity".to_owned(),
        },
        Material::Key { hint: None } => "a key that is not named".to_owned(),
        Material::Key { hint: Some(hint) } => {
            let bytes = crate::base64::decode(hint);
            let id = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            match id {
                Some(id) => format!("key {}", Digest::from_bytes(id)),
                None => format!("key {}", safe(hint)),
            }
        }
    }
}
