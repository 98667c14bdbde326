//! Predicate types, as cosign abbreviates them.

/// The type that a word of cosign stands for (`PredicateTypeMap` in `cmd/cosign/cli/options/predicate.go` there), or the type itself.
pub(super) fn of_cosign(word: &str) -> Option<String> {
    let whole = match word {
        "custom" => "https://cosign.sigstore.dev/attestation/v1",
        "slsaprovenance" | "slsaprovenance02" => "https://slsa.dev/provenance/v0.2",
        "slsaprovenance1" => "https://slsa.dev/provenance/v1",
        "spdx" | "spdxjson" => "https://spdx.dev/Document",
        "cyclonedx" => "https://cyclonedx.org/bom",
        "link" => "https://in-toto.io/Link/v1",
        "vuln" => "https://cosign.sigstore.dev/attestation/vuln/v1",
        "openvex" => "https://openvex.dev/ns",
        whole => whole,
    };
    is_type(whole).then(|| whole.to_owned())
}

/// Whether a text can be a predicate type, which is compared exactly.
pub(super) fn is_type(text: &str) -> bool {
    let odd = |it: char| it.is_whitespace() || it.is_control() || it == '*';
    !text.is_empty() && !text.contains(odd)
}
