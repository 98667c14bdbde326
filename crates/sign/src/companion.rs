//! What stands at a tag `sha256-<hex>.sig`, `.att` or `.sbom`: a manifest with one layer for each signature.

use serde_json::Value;

/// What stands at the destination, compared with what shall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Everything that shall, and perhaps more.
    All,
    /// A part of what shall, or nothing.
    Less,
    /// Something else.
    Other,
}

/// Compares by layers, each with its annotations: of signatures they are the signature.
pub(crate) fn compare(standing: &[u8], wanted: &[u8]) -> Holds {
    let (Some(standing), Some(wanted)) = (layers(standing), layers(wanted)) else {
        return Holds::Other;
    };
    let within = |some: &[Value], all: &[Value]| some.iter().all(|layer| all.contains(layer));
    if within(&wanted, &standing) {
        Holds::All
    } else if within(&standing, &wanted) {
        Holds::Less
    } else {
        Holds::Other
    }
}

fn layers(manifest: &[u8]) -> Option<Vec<Value>> {
    let manifest: Value = serde_json::from_slice(manifest).ok()?;
    manifest.get("layers")?.as_array().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_payload_with_two_signatures_is_two_things() {
        let manifest = |signatures: &[&str]| {
            let layers: Vec<String> = signatures
                .iter()
                .map(|signature| format!(r#"{{"digest":"d","annotations":{{"s":"{signature}"}}}}"#))
                .collect();
            format!(r#"{{"layers":[{}]}}"#, layers.join(",")).into_bytes()
        };
        for (standing, wanted, expected) in [
            (vec!["a"], vec!["a"], Holds::All),
            (vec!["a", "b"], vec!["b"], Holds::All),
            (vec!["a"], vec!["b", "a"], Holds::Less),
            (vec![], vec!["a"], Holds::Less),
            (vec!["a"], vec!["b"], Holds::Other),
            (vec!["a", "b"], vec!["b", "c"], Holds::Other),
        ] {
            let found = compare(&manifest(&standing), &manifest(&wanted));
            assert_eq!(found, expected, "{standing:?} {wanted:?}");
        }
        assert_eq!(compare(b"{}", &manifest(&["a"])), Holds::Other);
        assert_eq!(compare(b"<html>", &manifest(&["a"])), Holds::Other);
    }
}
