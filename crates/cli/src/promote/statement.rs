//! What is signed about a promoted image, and by what.

use countersign_core::{Promoter, Promotion, UnixTime};
use countersign_sign::{SignedBundle, Signer, Statement};
use serde_json::{Map, Value};

use super::{MAX_CHARS, PromoteJob};
use crate::escape::escaped;
use crate::failure::Failure;
use crate::signing::not_signed;

/// What signs, if anything does: opened before anything is asked, so that a wrong password costs nothing.
///
/// # Errors
/// It cannot be opened.
pub(super) fn signer(job: &PromoteJob) -> Result<Option<Signer>, Failure> {
    let signing = job.signing.as_ref();
    signing
        .map(|signing| signing.open(job.registry.services()?))
        .transpose()
}

/// The statement about the image that was judged, signed and verified with the public half.
///
/// # Errors
/// Nothing was signed, or verification does not take it.
pub(super) async fn signed(
    promotion: &Promotion,
    predicate: Map<String, Value>,
    signer: &Signer,
    now: UnixTime,
) -> Result<SignedBundle, Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::unknown(escaped(&error.to_string(), MAX_CHARS));
    let kind = Promoter::PREDICATE_TYPE;
    let statement = Statement::new(*promotion.image(), promotion.name(), kind, predicate)
        .map_err(|error| failed(&error))?;
    let signed = signer.sign(&statement, now).await;
    signed.map_err(|error| not_signed(&error))
}
