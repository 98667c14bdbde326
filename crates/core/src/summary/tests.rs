//! The reader, levels and templates; what a rule makes of summaries is in `tests/decide/summary.rs`.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::{Level, Resource, Summary, SummaryFormat};
use crate::Digest;

fn vsa() -> Value {
    json!({
        "verifier": {"id": "https://acme.example/promote", "version": {"acme": "1"}},
        "timeVerified": "2026-11-01T12:00:00Z",
        "resourceUri": "ghcr.io/acme/app",
        "policy": {"uri": "https://acme.example/staging", "digest": {"sha256": "ab"}},
        "inputAttestations": [{"digest": {"sha256": "cd"}}],
        "verificationResult": "PASSED",
        "verifiedLevels": ["ACME_STAGING", "SLSA_BUILD_LEVEL_3"],
        "dependencyLevels": {"SLSA_BUILD_LEVEL_2": 3},
        "slsaVersion": "1.1",
        "https://acme.example/extension": [1],
    })
}

fn svr() -> Value {
    json!({
        "verifier": {"id": "https://acme.example/promote", "policies": [{"uri": "https://acme.example/staging"}]},
        "timeCreated": "2026-11-01T12:00:00Z",
        "properties": ["ACME_STAGING"],
    })
}

fn read(format: SummaryFormat, predicate: &Value) -> Result<Summary, String> {
    Summary::read(format, predicate.to_string().as_bytes())
}

#[test]
fn both_formats_are_read() {
    let one = read(SummaryFormat::Vsa, &vsa()).unwrap();
    assert_eq!(one.verifier, "https://acme.example/promote");
    assert_eq!(one.resource.as_deref(), Some("ghcr.io/acme/app"));
    assert_eq!(one.result.as_deref(), Some("PASSED"));
    assert_eq!(one.levels, ["ACME_STAGING", "SLSA_BUILD_LEVEL_3"]);
    assert_eq!(one.policies[0].digests["sha256"], "ab");
    let one = read(SummaryFormat::Svr, &svr()).unwrap();
    assert_eq!((one.resource, one.result), (None, None));
    assert_eq!(one.levels, ["ACME_STAGING"]);
    assert_eq!(one.policies.len(), 1);
    // Each reader takes its own.
    assert!(read(SummaryFormat::Svr, &vsa()).is_err());
    assert!(read(SummaryFormat::Vsa, &svr()).is_err());
}

/// What a rule may ask for is there and of its type; what nobody asks for may be anything.
#[test]
fn summaries_are_read_strictly_where_it_matters() {
    let places = [
        (SummaryFormat::Vsa, vsa(), "/verifier/id"),
        (SummaryFormat::Vsa, vsa(), "/resourceUri"),
        (SummaryFormat::Vsa, vsa(), "/policy/uri"),
        (SummaryFormat::Vsa, vsa(), "/verificationResult"),
        (SummaryFormat::Vsa, vsa(), "/verifiedLevels"),
        (SummaryFormat::Svr, svr(), "/verifier/id"),
        (SummaryFormat::Svr, svr(), "/verifier/policies"),
        (SummaryFormat::Svr, svr(), "/properties"),
    ];
    for (format, whole, place) in places {
        for other in [
            json!(null),
            json!(true),
            json!(3),
            json!({"a": 1}),
            json!([3]),
        ] {
            let mut changed = whole.clone();
            *changed.pointer_mut(place).unwrap() = other.clone();
            assert!(read(format, &changed).is_err(), "{place}: {other}");
        }
        let mut changed = whole.clone();
        let (parent, key) = place.rsplit_once('/').unwrap();
        let parent = changed.pointer_mut(parent).unwrap();
        parent.as_object_mut().unwrap().remove(key);
        assert!(read(format, &changed).is_err(), "{place}: missing");
    }
    let mut changed = vsa();
    changed["policy"]["digest"] = json!({"sha256": 3});
    assert!(read(SummaryFormat::Vsa, &changed).is_err());
    for ignored in [
        "timeVerified",
        "inputAttestations",
        "dependencyLevels",
        "slsaVersion",
    ] {
        let mut changed = vsa();
        changed[ignored] = json!(true);
        assert!(read(SummaryFormat::Vsa, &changed).is_ok(), "{ignored}");
    }
    let mut many = vsa();
    many["verifiedLevels"] = vec!["A"; 1_001].into();
    assert!(read(SummaryFormat::Vsa, &many).is_err());
    assert!(Summary::read(SummaryFormat::Vsa, b"").is_err());
}

#[test]
fn a_level_of_slsa_implies_those_below_it_on_its_track_alone() {
    for (wanted, stated, met) in [
        ("SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_2", true),
        ("SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_3", true),
        ("SLSA_BUILD_LEVEL_3", "SLSA_BUILD_LEVEL_2", false),
        ("SLSA_BUILD_LEVEL_2", "SLSA_SOURCE_LEVEL_3", false),
        ("SLSA_SOURCE_LEVEL_1", "SLSA_SOURCE_LEVEL_3", true),
        ("SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_10", false),
        ("SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_03", false),
        ("SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_3 ", false),
        ("SLSA_BUILD_LEVEL_2", "slsa_build_level_3", false),
        ("SLSA_BUILD_LEVEL_2", "ACME_SLSA_BUILD_LEVEL_3", false),
        ("ACME_STAGING", "ACME_STAGING", true),
        ("ACME_STAGING", "ACME_STAGING_2", false),
        ("ACME_LEVEL_2", "ACME_LEVEL_3", false),
    ] {
        let level = Level::parse(wanted).unwrap();
        assert_eq!(level.is_met_by(stated), met, "{wanted} by {stated}");
    }
    for wrong in ["FAILED", "SLSA_BUILD_LEVEL", "SLSA_BUILD_LEVEL_10", "SLSA_"] {
        assert!(Level::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_template_gives_one_text_and_knows_its_placeholders() {
    let digest = Digest::of(b"x");
    let name = Some("registry.example:5000/acme/app");
    for (template, expected) in [
        (
            "{registry}/{repository}",
            Some("registry.example:5000/acme/app".to_owned()),
        ),
        (
            "oci://{registry}/{repository}@{digest}",
            Some(format!("oci://registry.example:5000/acme/app@{digest}")),
        ),
        ("{repository}", Some("acme/app".to_owned())),
        ("urn:acme:app", Some("urn:acme:app".to_owned())),
    ] {
        let resource = Resource::parse(template).unwrap();
        assert_eq!(resource.of(name, &digest), expected, "{template}");
    }
    let of_nobody = |template: &str| Resource::parse(template).unwrap().of(None, &digest);
    assert_eq!(of_nobody("{registry}"), None);
    assert_eq!(of_nobody("a/{repository}"), None);
    assert_eq!(of_nobody("{digest}"), Some(digest.to_string()));
    for wrong in ["{tag}", "{}", "{registry", "registry}", "{{registry}}"] {
        assert!(Resource::parse(wrong).is_err(), "{wrong}");
    }
}
