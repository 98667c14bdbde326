//! The examples in `policies/`: each loads without a word, and decides.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;

use countersign::{Checker, Image, PolicyFiles, UnixTime, Verdict};
use countersign_core::{ImageRef, ReasonCode};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn each_example_is_clean_and_decides() {
    // Judged as an image that the example names: why the signed and the unsigned image of testdata are denied or not.
    let signed = "sha256:f177eca09d2f62f6224b37dd174e8f397c762a7ca3668f8d6407188f7e194b19";
    let expected = BTreeMap::from([
        (
            "air-gapped.yaml",
            ("registry.acme.example/app", Some(ReasonCode::KeyUnknown)),
        ),
        (
            "baseline.yaml",
            ("ghcr.io/acme/app", Some(ReasonCode::KeyUnknown)),
        ),
        (
            "break-glass.yaml",
            ("ghcr.io/acme/app", Some(ReasonCode::KeyUnknown)),
        ),
        (
            "sbom-licenses.yaml",
            ("ghcr.io/acme/app", Some(ReasonCode::NoProvenance)),
        ),
        (
            "gates.yaml",
            ("ghcr.io/acme/app", Some(ReasonCode::KeyUnknown)),
        ),
        (
            "gates-promotion.yaml",
            ("ghcr.io/acme/app", Some(ReasonCode::KeyUnknown)),
        ),
        (
            "github-actions.yaml",
            ("ghcr.io/acme/app", Some(ReasonCode::KeyUnknown)),
        ),
        (
            "key-rotation.yaml",
            ("ghcr.io/acme/app", Some(ReasonCode::KeyUnknown)),
        ),
        (
            "promotion.yaml",
            ("ghcr.io/acme/app", Some(ReasonCode::NoSummary)),
        ),
        (
            "reusable-workflow.yaml",
            ("ghcr.io/acme/app", Some(ReasonCode::KeyUnknown)),
        ),
        (
            "slsa-provenance.yaml",
            (
                "ghcr.io/slsa-framework/example-package.x",
                Some(ReasonCode::NoProvenance),
            ),
        ),
        ("testdata-keyed.yaml", ("registry.example/acme/app", None)),
        (
            "two-signers.yaml",
            ("ghcr.io/acme/app", Some(ReasonCode::KeyUnknown)),
        ),
    ]);
    let folder = format!("{ROOT}/policies");
    let found: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (file, (name, reason)) in expected {
        let files = PolicyFiles::open(format!("{folder}/{file}").as_ref()).unwrap();
        let loaded = files.load(&[]);
        assert_eq!(loaded.diagnostics, [], "{file}");
        let checker = Checker::new(loaded.policies.unwrap());
        let check = |layout: &str, reference: &str| {
            let image = Image::parse(&format!("oci:{ROOT}/testdata/images/{layout}"));
            let image = image
                .unwrap()
                .judged_as(&ImageRef::parse(reference).unwrap());
            let at = UnixTime::parse("2027-01-15T00:00:00Z").unwrap();
            let decision = checker.check_blocking(&image.unwrap(), at).unwrap();
            let failed = decision
                .policies()
                .iter()
                .flat_map(|policy| &policy.rules)
                .find_map(|rule| rule.code);
            (decision.effect(), failed)
        };
        let verdict = reason.map_or(Verdict::Allow, |_| Verdict::Deny);
        assert_eq!(
            check("signed-keyed", &format!("{name}@{signed}")),
            (verdict, reason),
            "{file}"
        );
        let (verdict, reason) = check("unsigned", &format!("{name}:v1"));
        assert_eq!(verdict, Verdict::Deny, "{file}");
        assert!(
            matches!(
                reason,
                Some(ReasonCode::NoEvidence | ReasonCode::DigestRequired)
            ),
            "{file}: {reason:?}"
        );
        assert_eq!(
            check("unsigned", "elsewhere.example/app:v1"),
            (Verdict::Deny, None),
            "{file}: unmatched"
        );
    }
}
