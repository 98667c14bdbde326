//! What is signed about a promoted image, and by what.

use countersign_core::{Promoter, Promotion};
use countersign_sign::{SignedBundle, SigningKey, Statement, sign_statement};
use serde_json::{Map, Value};

use super::{MAX_CHARS, PromoteJob};
use crate::escape::escaped;
use crate::failure::Failure;
use crate::signing::open_key;

/// What signs, if anything does: opened before anything is asked, so that a wrong password costs nothing.
///
/// # Errors
/// It cannot be opened.
pub(super) fn signer(job: &PromoteJob) -> Result<Option<SigningKey>, Failure> {
    let key = job.key.as_deref();
    key.map(|key| open_key(key, job.password.as_ref()))
        .transpose()
}

/// The statement about the image that was judged, signed and verified with the public half.
///
/// # Errors
/// Nothing was signed, or verification does not take it.
pub(super) fn signed(
    promotion: &Promotion,
    predicate: Map<String, Value>,
    signer: &SigningKey,
) -> Result<SignedBundle, Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::unknown(escaped(&error.to_string(), MAX_CHARS));
    let kind = Promoter::PREDICATE_TYPE;
    let statement = Statement::new(*promotion.image(), promotion.name(), kind, predicate)
        .map_err(|error| failed(&error))?;
    sign_statement(&statement, signer).map_err(|error| failed(&error))
}
