//! Whether this very program verifies: one bundle that has to, and one that must not.
//!
//! A keyless bundle of a private Sigstore (`testdata/images/signed-keyless`), with certificate, log entry and timestamp: it goes through every part of
//! verification. It is trusted by nothing outside this file.

use countersign_core::{Blob, Digest, Limits, Trust, TrustRoot, examine_blob};

const BUNDLE: &[u8] = include_bytes!("selftest/bundle.json");
const ROOT: &[u8] = include_bytes!("selftest/trusted_root.json");
const IMAGE: &str = "sha256:54c95cd55843941b2bee8534268e3b9e5055881efb0ad7d0a3940689210fb2b6";
const OTHER: &str = "sha256:8541568e2346d2a22df24e5eaf2bb28975e85d5a73e64759fc1597e97986c8c4";

/// Verifies the built-in bundle.
pub(crate) fn run() -> Result<(), String> {
    verifies(BUNDLE)
}

fn verifies(bundle: &[u8]) -> Result<(), String> {
    let root = TrustRoot::from_json("self-test", ROOT)
        .map_err(|error| format!("the built-in trust root cannot be read: {error}"))?;
    let trust = Trust::new(vec![root], Vec::new()).map_err(|error| error.to_string())?;
    let proven = |image: &str| {
        let digest = Digest::parse(image).map_err(|error| error.to_string())?;
        let limits = Limits::default();
        let findings = examine_blob(Blob::Digest(digest), bundle, &trust, &limits);
        Ok::<_, String>(!findings.verified().is_empty())
    };
    if !proven(IMAGE)? {
        return Err("the built-in bundle does not verify".to_owned());
    }
    if proven(OTHER)? {
        return Err("the built-in bundle verifies for an image that it is not about".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_built_in_bundle_verifies_and_another_does_not() {
        run().unwrap();
        let text = String::from_utf8(BUNDLE.to_vec()).unwrap();
        let mark = "\"signature\":\"";
        let at = text.find(mark).or_else(|| text.find("\"sig\":\"")).unwrap() + mark.len() + 12;
        let mut changed = text.into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(
            verifies(&changed).unwrap_err(),
            "the built-in bundle does not verify"
        );
    }
}
