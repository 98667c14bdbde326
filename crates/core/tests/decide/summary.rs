//! The rule `summary`: what it demands of a verification summary, and how summaries deceive.

use countersign_core::{
    Content, Evidence, Limits, Outcome, ReasonCode, Request, Resolution, RuleOutcome, UnixTime,
    decide, examine,
};
use countersign_testkit::forge::{Algorithm, Identity, Key};
use serde_json::{Value, json};

use crate::world::{BARE, NOW, SIGNED, World, ci, keyed, only_rule, request, set};

pub(crate) const VSA: &str = "https://slsa.dev/verification_summary/v1";
const SVR: &str = "https://in-toto.io/attestation/svr/v0.2";
const VERIFIER: &str = "https://acme.example/promote";
const STAGING: &str = "https://acme.example/policies/staging";
const DIGEST: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A summary that the rule of [`rule`] takes.
pub(crate) fn vsa() -> Value {
    json!({
        "verifier": {"id": VERIFIER},
        "timeVerified": "2026-09-21T14:13:00Z",
        "resourceUri": "ghcr.io/acme/app",
        "policy": {"uri": STAGING, "digest": {"sha256": DIGEST}},
        "verificationResult": "PASSED",
        "verifiedLevels": ["ACME_STAGING", "SLSA_BUILD_LEVEL_3"],
    })
}

fn svr() -> Value {
    json!({
        "verifier": {"id": VERIFIER, "policies": [{"uri": STAGING, "digest": {"sha256": DIGEST}}]},
        "timeCreated": "2026-09-21T14:13:00Z",
        "properties": ["ACME_STAGING", "SLSA_BUILD_LEVEL_3"],
    })
}

pub(crate) fn changed(place: &str, value: Value) -> Value {
    let mut summary = vsa();
    *summary.pointer_mut(place).unwrap() = value;
    summary
}

fn attested(days: i64, summary: &Value) -> World {
    World::new().and(days, summary)
}

fn rule(more: &str) -> String {
    format!(
        "summary: {{from: ci, verifier: \"{VERIFIER}\", resource: \"{{registry}}/{{repository}}\", {more}}}"
    )
}

impl World {
    /// Attaches one more summary by the forge's default identity, so many days old.
    fn and(self, days: i64, summary: &Value) -> Self {
        self.attested(&Identity::default(), days, VSA, summary)
    }

    fn summary(&self, more: &str) -> RuleOutcome {
        self.rule(&set(&[ci()], &rule(more)))
    }

    fn summary_says(&self, more: &str) -> &'static str {
        let code = self.summary(more).code;
        code.map_or("pass", ReasonCode::as_str)
    }

    /// How the only rule fails for a request of another kind.
    fn asked(&self, text: &str, request: &Request) -> Option<ReasonCode> {
        let policies = self.policies(text);
        let evidence = Evidence {
            items: self.items.clone(),
            gaps: Vec::new(),
            stale: Vec::new(),
        };
        let findings = examine(&self.image, &evidence, policies.trust(), &Limits::default());
        let resolution = Resolution::Examined {
            image: &self.image,
            findings: &findings,
            children: &[],
        };
        only_rule(&decide(&policies, request, resolution, NOW)).code
    }
}

const STATED: &str = "levels: [ACME_STAGING]";

#[test]
fn each_check_decides() {
    let policy = format!("{STATED}, policy: {{uri: \"{STAGING}\", digest: \"sha256:{DIGEST}\"}}");
    let uri = format!("{STATED}, policy: {{uri: \"{STAGING}\"}}");
    let digest = format!("{STATED}, policy: {{digest: \"sha256:{DIGEST}\"}}");
    let good = attested(1, &vsa());
    for more in [
        STATED,
        "levels: [SLSA_BUILD_LEVEL_2]",
        "levels: [ACME_STAGING, SLSA_BUILD_LEVEL_1]",
        &policy,
        &uri,
        &digest,
        &format!("{STATED}, maxAge: 2d, minAge: 1h"),
    ] {
        assert_eq!(good.summary_says(more), "pass", "{more}");
    }
    let other = "b".repeat(64);
    for (place, value, more, expected) in [
        (
            "/verifier/id",
            json!("https://acme.example/other"),
            STATED,
            "verifier-mismatch",
        ),
        (
            "/verifier/id",
            json!("https://acme.example/promote/"),
            STATED,
            "verifier-mismatch",
        ),
        (
            "/resourceUri",
            json!("ghcr.io/acme/app-evil"),
            STATED,
            "resource-mismatch",
        ),
        (
            "/resourceUri",
            json!("GHCR.io/acme/app"),
            STATED,
            "resource-mismatch",
        ),
        (
            "/resourceUri",
            json!("ghcr.io/acme/app:v1"),
            STATED,
            "resource-mismatch",
        ),
        (
            "/policy/uri",
            json!("https://acme.example/policies/lab"),
            uri.as_str(),
            "summary-policy-mismatch",
        ),
        (
            "/policy/digest/sha256",
            json!(other),
            digest.as_str(),
            "summary-policy-mismatch",
        ),
        (
            "/policy/digest",
            json!({}),
            policy.as_str(),
            "summary-policy-mismatch",
        ),
        (
            "/policy/digest",
            json!({"sha512": DIGEST}),
            policy.as_str(),
            "summary-policy-mismatch",
        ),
        (
            "/verificationResult",
            json!("FAILED"),
            STATED,
            "summary-failed",
        ),
        (
            "/verificationResult",
            json!("passed"),
            STATED,
            "summary-failed",
        ),
        (
            "/verifiedLevels",
            json!(["ACME_STAGING", "FAILED"]),
            STATED,
            "summary-failed",
        ),
        (
            "/verifiedLevels",
            json!(["ACME_LAB"]),
            STATED,
            "summary-level-missing",
        ),
        (
            "/verifiedLevels",
            json!([]),
            STATED,
            "summary-level-missing",
        ),
        (
            "/verifiedLevels",
            json!(["SLSA_BUILD_LEVEL_1"]),
            "levels: [SLSA_BUILD_LEVEL_2]",
            "summary-level-missing",
        ),
        (
            "/verifiedLevels",
            json!(["ACME_STAGING"]),
            "levels: [ACME_STAGING, SLSA_BUILD_LEVEL_1]",
            "summary-level-missing",
        ),
        (
            "/verifiedLevels",
            json!("ACME_STAGING"),
            STATED,
            "summary-malformed",
        ),
        ("/verifier", json!(VERIFIER), STATED, "summary-malformed"),
    ] {
        let world = attested(1, &changed(place, value));
        assert_eq!(world.summary_says(more), expected, "{place}: {more}");
    }
    let none = World::new().signed_by(&Identity::default());
    assert_eq!(none.summary_says(STATED), "no-summary");
}

#[test]
fn a_template_says_which_resource_it_is() {
    let world = World::new();
    let digest = world.digest();
    let with = changed(
        "/resourceUri",
        json!(format!("oci://ghcr.io/acme/app@{digest}")),
    );
    let world = world.and(1, &with);
    let asks = |resource: &str| {
        let rule = format!(
            "summary: {{from: ci, verifier: \"{VERIFIER}\", resource: \"{resource}\", {STATED}}}"
        );
        world.code(&set(&[ci()], &rule))
    };
    assert_eq!(asks("oci://{registry}/{repository}@{digest}"), "pass");
    assert_eq!(asks("{registry}/{repository}"), "resource-mismatch");
    assert_eq!(
        asks("oci://{registry}/{repository}@sha256:00"),
        "resource-mismatch"
    );
}

/// Signer and verifier are a pair: the right verifier's name in another signer's mouth is nothing, and neither is another name in
/// the right one's.
#[test]
fn signer_and_verifier_are_one_pair() {
    let mallory = Identity::github_workflow("acme/lab", "release.yml", "refs/heads/main");
    let by_another = World::new().attested(&mallory, 1, VSA, &vsa());
    assert_eq!(by_another.summary_says(STATED), "subject-mismatch");
    let other = changed("/verifier/id", json!("https://acme.example/other"));
    let halves = by_another.and(1, &other);
    let outcome = halves.summary(STATED);
    assert_eq!(outcome.outcome, Outcome::Fail);
    assert_eq!(outcome.code, Some(ReasonCode::VerifierMismatch));
}

/// All conditions hold on one summary: two that each have half of it are none.
#[test]
fn two_summaries_do_not_add_up() {
    let one = changed("/verifiedLevels", json!(["ACME_STAGING"]));
    let other = changed("/verifiedLevels", json!(["SLSA_BUILD_LEVEL_3"]));
    let both = "levels: [ACME_STAGING, SLSA_BUILD_LEVEL_3]";
    for selection in ["any", "all", "newest"] {
        let world = attested(1, &one).and(1, &other);
        let more = format!("{both}, match: {selection}");
        assert_eq!(world.summary_says(&more), "summary-level-missing");
    }
    let passed = changed("/verifiedLevels", json!(["ACME_LAB"]));
    let failed = changed("/verificationResult", json!("FAILED"));
    let world = attested(1, &passed).and(1, &failed);
    assert_ne!(world.summary_says(&format!("{STATED}, match: any")), "pass");
}

#[test]
fn a_newest_failed_summary_beats_an_older_one_that_passed() {
    let failed = changed("/verificationResult", json!("FAILED"));
    let world = attested(2, &vsa()).and(1, &failed);
    assert_eq!(world.summary_says(STATED), "summary-failed");
    assert_eq!(world.summary_says(&format!("{STATED}, match: any")), "pass");
    // And one that nobody can read may say so too.
    let unreadable = changed("/verificationResult", json!(1));
    let world = attested(2, &vsa()).and(1, &unreadable);
    assert_eq!(world.summary_says(STATED), "summary-malformed");
    let passed_again = attested(2, &failed).and(1, &vsa());
    assert_eq!(passed_again.summary_says(STATED), "pass");
    let lower = changed("/verifiedLevels", json!(["ACME_LAB"]));
    let world = attested(2, &vsa()).and(1, &lower);
    assert_eq!(world.summary_says(STATED), "summary-level-missing");
}

/// What another verifier, resource or policy says is no newer word on the rule's question, nor a contradiction of it.
#[test]
fn another_question_is_neither_newer_nor_a_contradiction() {
    let uri = format!("{STATED}, policy: {{uri: \"{STAGING}\"}}");
    for (place, value, more) in [
        ("/verifier/id", json!("https://acme.example/other"), STATED),
        ("/resourceUri", json!("ghcr.io/acme/other"), STATED),
        (
            "/policy/uri",
            json!("https://acme.example/policies/prod"),
            uri.as_str(),
        ),
    ] {
        let mut other = changed(place, value);
        other["verificationResult"] = json!("FAILED");
        for selection in ["newest", "all"] {
            let world = attested(2, &vsa()).and(1, &other);
            let more = format!("{more}, match: {selection}");
            assert_eq!(world.summary_says(&more), "pass", "{place} {selection}");
        }
        // The other way round it does not stand in for what is asked.
        other["verificationResult"] = json!("PASSED");
        let mut failed = vsa();
        failed["verificationResult"] = json!("FAILED");
        let world = attested(2, &failed).and(1, &other);
        assert_eq!(world.summary_says(more), "summary-failed", "{place}");
    }
    // Without `policy.uri` every policy of the verifier answers.
    let mut other = changed("/policy/uri", json!("https://acme.example/policies/prod"));
    other["verificationResult"] = json!("FAILED");
    let world = attested(2, &vsa()).and(1, &other);
    assert_eq!(world.summary_says(STATED), "summary-failed");
    // A digest is no other question: the newer version of a policy decides.
    let mut other = changed("/policy/digest", json!({"sha256": "b".repeat(64)}));
    other["verificationResult"] = json!("FAILED");
    let world = attested(2, &vsa()).and(1, &other);
    let digest = format!("{STATED}, policy: {{digest: \"sha256:{DIGEST}\"}}");
    assert_eq!(world.summary_says(&digest), "summary-policy-mismatch");
}

/// The proven time counts, whatever `timeVerified` says.
#[test]
fn an_image_soaks_by_the_proven_time() {
    let long_ago = changed("/timeVerified", json!("2020-01-01T00:00:00Z"));
    let fresh = attested(0, &long_ago);
    let young = fresh.summary(&format!("{STATED}, minAge: 1h"));
    assert_eq!(young.code, Some(ReasonCode::TooYoung));
    // The log took it a second later.
    let enough = UnixTime::from_seconds(SIGNED + 1 + 3600);
    assert!(young.message.contains(&format!("old enough at {enough}")));
    let text = set(&[ci()], &rule(&format!("{STATED}, minAge: 1h")));
    let name = format!("ghcr.io/acme/app@{}", fresh.digest());
    let at = |seconds| only_rule(&fresh.decide_at(&text, &name, NOW.plus(seconds))).code;
    assert_eq!(at(3600 - 60), Some(ReasonCode::TooYoung));
    assert_eq!(at(3600 - 59), None);
    // What failed need not be waited for.
    let failed = attested(0, &changed("/verificationResult", json!("FAILED")));
    let more = format!("{STATED}, minAge: 1h");
    assert_eq!(failed.summary_says(&more), "summary-failed");
    // A newer summary begins anew, unless any counts.
    let again = attested(3, &vsa()).and(0, &vsa());
    assert_eq!(again.summary_says(&more), "too-young");
    assert_eq!(again.summary_says(&format!("{more}, match: any")), "pass");

    let to_come = changed("/timeVerified", json!("2026-09-21T14:13:00Z"));
    let old = attested(3, &to_come);
    assert_eq!(
        old.summary_says(&format!("{STATED}, maxAge: 2d")),
        "too-old"
    );
    assert_eq!(old.summary_says(&format!("{STATED}, maxAge: 4d")), "pass");
}

/// An owner relieves of what has become too old, never of what is too young.
#[test]
fn an_owner_does_not_make_an_image_soak() {
    let world = attested(0, &vsa());
    let soaks = set(&[ci()], &rule(&format!("{STATED}, minAge: 1h")));
    let relieved = |world: &World, text: &str| {
        let name = format!("ghcr.io/acme/app@{}", world.digest());
        world.asked(text, &request(&name).with_age_relief())
    };
    assert_eq!(relieved(&world, &soaks), Some(ReasonCode::TooYoung));
    let old = attested(3, &vsa());
    let ages = set(&[ci()], &rule(&format!("{STATED}, maxAge: 1d")));
    assert_eq!(relieved(&old, &ages), None);
}

/// A key that proves no time can be asked neither for the newest nor for an age.
#[test]
fn evidence_without_a_proven_time_fails() {
    let world = World::new();
    let key = Key::generate(Algorithm::P256);
    let forgery = world.forge.attestation(&world.digest(), VSA, vsa());
    let bytes = forgery.keyed(&key).bundle();
    let world = world.attach(Content::Bundle(bytes.into()));
    let bare = keyed("ci", &key.public_pem(), "", BARE);
    let any = rule(&format!("{STATED}, match: any"));
    assert_eq!(world.code(&set(&[bare], &any)), "pass");
    let timed = keyed(
        "ci",
        &key.public_pem(),
        "",
        "  trust: private\n  log: off\n",
    );
    let newest = rule(STATED);
    assert_eq!(world.code(&set(&[timed], &newest)), "time-missing");
}

#[test]
fn an_image_without_a_name_has_no_resource() {
    let world = attested(1, &vsa());
    let text = set(&[ci()], &rule(STATED));
    let unnamed = Request::unnamed("oci:app", None);
    assert_eq!(
        world.asked(&text, &unnamed),
        Some(ReasonCode::ResourceMismatch)
    );
}

/// A simple verification result states what has passed, and neither result nor resource.
#[test]
fn simple_results_count_only_where_the_rule_says_so() {
    let asks = |predicate_type: &str, summary: &Value, more: &str| {
        let world = World::new().attested(&Identity::default(), 1, predicate_type, summary);
        let rule = format!("summary: {{from: ci, verifier: \"{VERIFIER}\", {more}}}");
        world.code(&set(&[ci()], &rule))
    };
    let levels = "format: svr, levels: [ACME_STAGING, SLSA_BUILD_LEVEL_2]";
    assert_eq!(asks(SVR, &svr(), levels), "pass");
    let policy = format!("{levels}, policy: {{uri: \"{STAGING}\", digest: \"sha256:{DIGEST}\"}}");
    assert_eq!(asks(SVR, &svr(), &policy), "pass");
    let mut none = svr();
    none["properties"] = json!(["ACME_LAB"]);
    assert_eq!(asks(SVR, &none, levels), "summary-level-missing");
    let mut failed = svr();
    failed["properties"] = json!(["ACME_STAGING", "SLSA_BUILD_LEVEL_2", "FAILED"]);
    assert_eq!(asks(SVR, &failed, levels), "summary-failed");
    let mut other = svr();
    other["verifier"]["id"] = json!("https://acme.example/other");
    assert_eq!(asks(SVR, &other, levels), "verifier-mismatch");
    // Both fields of `policy` are of one policy.
    let mut halves = svr();
    halves["verifier"]["policies"] = json!([
        {"uri": STAGING, "digest": {"sha256": "b".repeat(64)}},
        {"uri": "https://acme.example/policies/lab", "digest": {"sha256": DIGEST}},
    ]);
    assert_eq!(asks(SVR, &halves, &policy), "summary-policy-mismatch");
    // One predicate type is never read as the other.
    assert_eq!(asks(VSA, &vsa(), levels), "no-summary");
    assert_eq!(
        asks(
            VSA,
            &svr(),
            "resource: \"{repository}\", levels: [ACME_STAGING]"
        ),
        "summary-malformed"
    );
    assert_eq!(
        asks(
            SVR,
            &svr(),
            "resource: \"{repository}\", levels: [ACME_STAGING]"
        ),
        "no-summary"
    );
    let older = "https://in-toto.io/attestation/svr/v0.1";
    assert_eq!(asks(older, &svr(), levels), "no-summary");
}

/// Every comparison is told, those that hold as well.
#[test]
fn an_explanation_tells_every_comparison() {
    let policy = format!("policy: {{uri: \"{STAGING}\", digest: \"sha256:{DIGEST}\"}}");
    let more = format!("{STATED}, {policy}, maxAge: 2d, minAge: 1h");
    let outcome = attested(1, &vsa()).summary(&more);
    let told: Vec<&str> = outcome.candidates[0]
        .comparisons
        .iter()
        .map(|it| it.what.as_str())
        .collect();
    for what in [
        "verifier",
        "resource",
        "policy.uri",
        "maxAge",
        "policy.digest",
        "result",
        "levels",
        "minAge",
    ] {
        assert!(told.contains(&what), "{what}: {told:?}");
    }
}
