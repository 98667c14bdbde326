//! What holds of every SBOM that is read.

use countersign_core::{Limits, Sbom};

/// Reads a document as a file, as a predicate, and as a predicate that is a string: all say the same, or none reads it.
///
/// # Panics
/// If they do not.
pub fn sbom_is_read_alike(predicate_type: &str, bytes: &[u8]) {
    let limits = Limits::default();
    let Ok(sbom) = Sbom::read_document(bytes, &limits) else {
        return;
    };
    let claims: usize = sbom.all().map(|part| sbom.licenses(part).len()).sum();
    assert!(claims <= bytes.len() && sbom.all().all(|part| part.purls().count() <= bytes.len()));
    let Ok(predicate) = Sbom::read(predicate_type, bytes, &limits) else {
        return;
    };
    assert_eq!(format!("{predicate:?}"), format!("{sbom:?}"));
    let quoted = serde_json::to_string(std::str::from_utf8(bytes).expect("it was read")).expect("a string is JSON");
    // What is wrapped already is not read when it is wrapped once more.
    if let Ok(quoted) = Sbom::read(predicate_type, quoted.as_bytes(), &limits) {
        assert_eq!(format!("{quoted:?}"), format!("{sbom:?}"));
    }
}
