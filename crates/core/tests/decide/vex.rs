//! What VEX may say away.

use countersign_core::{Content, FoundBy, GapClass, Outcome};
use countersign_testkit::forge::Identity;
use serde_json::{Value, json};

use crate::vulnerabilities::{NET, OPENVEX, finding, security, signers, vex};
use crate::world::{World, keyless, keyless_with, set, workflow};

pub(crate) const WITH_VEX: &str = "denyFrom: high, vex: {from: security}";

#[test]
fn vex_subtracts_with_a_reason_only() {
    let scanned = || World::new().scanned(1, &[finding("CVE-1", "HIGH")]);
    let said = |id: &str, status: &str, justification: Option<&str>| {
        let document = vex(id, status, justification, None);
        scanned()
            .attested(&security(), 1, OPENVEX, &document)
            .says(WITH_VEX)
    };
    let reason = Some("vulnerable_code_not_present");
    assert_eq!(said("CVE-1", "not_affected", reason), "pass");
    assert_eq!(said("CVE-1", "fixed", None), "pass");
    for (id, status, justification) in [
        ("CVE-1", "not_affected", None),
        ("CVE-1", "not_affected", Some("trust me")),
        ("CVE-1", "affected", reason),
        ("CVE-1", "under_investigation", reason),
        ("CVE-10", "not_affected", reason),
        ("CVE-1", "no_such_status", reason),
    ] {
        assert_eq!(
            said(id, status, justification),
            "vulnerability-found",
            "{id} {status}"
        );
    }
    // Without `vex` nobody's word subtracts.
    let document = vex("CVE-1", "fixed", None, None);
    let world = scanned().attested(&security(), 1, OPENVEX, &document);
    assert_eq!(world.says("denyFrom: high"), "vulnerability-found");
    // Nor does that of whoever scanned, or of a stranger.
    for identity in [
        Identity::default(),
        Identity::github_workflow("acme/security-evil", "vex.yml", "refs/heads/main"),
    ] {
        let world = scanned().attested(&identity, 1, OPENVEX, &document);
        assert_eq!(world.says(WITH_VEX), "vulnerability-found");
    }
    // One of two findings is not both.
    let both = World::new().scanned(1, &[finding("CVE-1", "HIGH"), finding("CVE-2", "HIGH")]);
    let rule = both
        .attested(&security(), 1, OPENVEX, &document)
        .judged(WITH_VEX);
    assert_eq!(rule.code.unwrap().as_str(), "vulnerability-found");
    assert!(
        rule.message
            .contains("CVE-2 high in golang.org/x/net v0.37.0, fixed in 0.38.0"),
        "{}",
        rule.message
    );
    assert!(
        rule.message
            .contains("1 of 2 findings (1 subtracted by VEX)"),
        "{}",
        rule.message
    );
}

#[test]
fn the_newest_vex_counts() {
    let document = |status: &str| vex("CVE-1", status, Some("component_not_present"), None);
    let world = |first: i64, second: i64| {
        World::new()
            .scanned(1, &[finding("CVE-1", "HIGH")])
            .attested(&security(), first, OPENVEX, &document("not_affected"))
            .attested(&security(), second, OPENVEX, &document("affected"))
    };
    assert_eq!(world(3, 9).says(WITH_VEX), "pass");
    assert_eq!(world(9, 3).says(WITH_VEX), "vulnerability-found");
    assert_eq!(world(3, 3).says(WITH_VEX), "vulnerability-found");
    assert_eq!(
        world(3, 9).says("denyFrom: high, vex: {from: security, maxAge: 4d}"),
        "pass"
    );
    assert_eq!(
        world(3, 9).says("denyFrom: high, vex: {from: security, maxAge: 2d}"),
        "vulnerability-found"
    );
    // One that cannot be read outweighs what is older.
    let broken = json!({"@context": OPENVEX, "statements": "none"});
    let with = |age: i64| {
        world(3, 9)
            .attested(&security(), age, OPENVEX, &broken)
            .says(WITH_VEX)
    };
    assert_eq!(with(1), "vulnerability-found");
    assert_eq!(with(5), "pass");
}

#[test]
fn vex_is_about_this_image_or_a_package_in_it() {
    let said = |product: Value| {
        let document = vex("CVE-1", "fixed", None, Some(json!([product])));
        let world = World::new().scanned(1, &[finding("CVE-1", "HIGH")]);
        world
            .attested(&security(), 1, OPENVEX, &document)
            .says(WITH_VEX)
    };
    let digest = World::new().digest().replace(':', "%3A");
    assert_eq!(
        said(json!({"@id": format!("pkg:oci/app@{digest}")})),
        "pass"
    );
    assert_eq!(said(json!({"@id": NET})), "pass");
    for other in [
        "pkg:oci/app",
        "pkg:oci/app@sha256%3Aabcd",
        "pkg:golang/golang.org/x/net@v0.37",
        "pkg:golang/golang.org/x",
        "golang.org/x/net",
    ] {
        assert_eq!(
            said(json!({"@id": other})),
            "vulnerability-found",
            "{other}"
        );
    }
    // Attested about another image, it says nothing of this one.
    let world = World::new().scanned(1, &[finding("CVE-1", "HIGH")]);
    let bytes = world
        .forge
        .attestation(
            &format!("sha256:{}", "ab".repeat(32)),
            OPENVEX,
            vex("CVE-1", "fixed", None, None),
        )
        .keyless(security())
        .rekor_v1()
        .bundle();
    assert_eq!(
        world.attach(Content::Bundle(bytes.into())).says(WITH_VEX),
        "vulnerability-found"
    );
}

#[test]
fn two_signers_of_vex_are_two() {
    let rule = "vulnerabilities: {from: ci, denyFrom: high, vex: {from: {all: [security, other]}}}";
    let other = Identity::github_workflow("acme/other", "release.yml", "refs/heads/main");
    let mut all = signers();
    all.push(keyless(
        "other",
        &workflow("acme/other", "main"),
        "{repository: acme/other}",
    ));
    let document = vex("CVE-1", "fixed", None, None);
    let one = || {
        let world = World::new().scanned(1, &[finding("CVE-1", "HIGH")]);
        world.attested(&security(), 2, OPENVEX, &document)
    };
    let text = set(&all, rule);
    assert_eq!(one().code(&text), "vulnerability-found");
    assert_eq!(
        one()
            .attested(&security(), 1, OPENVEX, &document)
            .code(&text),
        "vulnerability-found"
    );
    assert_eq!(
        one().attested(&other, 1, OPENVEX, &document).code(&text),
        "pass"
    );
    let affected = vex("CVE-1", "affected", None, None);
    assert_eq!(
        one().attested(&other, 1, OPENVEX, &affected).code(&text),
        "vulnerability-found"
    );
}

#[test]
fn what_may_be_hidden_neither_passes_nor_excuses() {
    let document = vex("CVE-1", "fixed", None, None);
    let scanned = || World::new().scanned(1, &[finding("CVE-1", "HIGH")]);
    let hidden = |world: World| {
        world
            .gap(GapClass::Unavailable, Some(FoundBy::Referrers))
            .judged(WITH_VEX)
    };
    // A newer `affected` may be among what could not be fetched.
    let rule = hidden(scanned().attested(&security(), 1, OPENVEX, &document));
    assert_eq!(rule.outcome, Outcome::Unknown);
    // Also where only the Signer of the VEX could have attached it there.
    let bundles_only = keyless_with(
        "ci",
        &workflow("acme/app", "main"),
        "{repository: acme/app}",
        "  formats: [bundle]\n",
    );
    let all = [bundles_only, signers().remove(1)];
    let clean = scanned()
        .attested(&security(), 1, OPENVEX, &document)
        .gap(GapClass::Unavailable, Some(FoundBy::AttestationTag));
    let with = |vex: &str| {
        let rule = format!("vulnerabilities: {{from: ci, denyFrom: {vex}}}");
        let used = if vex.contains("vex") { 2 } else { 1 };
        clean.rule(&set(&all[..used], &rule)).outcome
    };
    assert_eq!(with("high, vex: {from: security}"), Outcome::Unknown);
    assert_eq!(with("critical"), Outcome::Pass);
    // What was found stays found, whatever VEX may be hidden.
    assert_eq!(hidden(scanned()).outcome, Outcome::Fail);
}
