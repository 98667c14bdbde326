//! Canonical base64, and nothing else: non-zero trailing bits, missing padding and white space are refused, so
//! that one signed text has one meaning (`verification.md`, step 4).

use ::base64::{Engine as _, engine::general_purpose::STANDARD};

/// Decodes standard, padded, canonical base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Encodes as standard, padded base64.
pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
