//! What may be stated after a decision, and everything that may not: each refusal, and that nothing beside it refuses.

use countersign_core::{
    Decision, Evidence, FoundBy, GapClass, ImageRef, Limits, Namespace, NotPromoted, Promoter,
    Promotion, Request, Resolution, UnixTime, decide, examine,
};
use countersign_testkit::forge::Identity;
use serde_json::{Value, json};

use crate::exceptions::exception;
use crate::platforms::{Family, ON_PLATFORMS};
use crate::vulnerabilities::{OPENVEX, finding, security, signers, vex};
use crate::world::{NOW, TEST, World, attestation, ci, load, policy, revocation, settings};

const LEVEL: &str = "ACME_STAGING";
const SIGNED: &str = "signature: {from: ci}";
const EMITS: &str = "  emits: ACME_STAGING\n";
const VERIFIER: &str = "https://acme.example/promote";
const STAGING: &str = "https://acme.example/policies/staging";

fn signed() -> World {
    World::new().signed_by(&Identity::default())
}

/// Settings, the Signer, and policies.
fn with(settings: &str, policies: &[String]) -> String {
    let head = [settings.to_owned(), ci()];
    head.iter()
        .chain(policies)
        .cloned()
        .collect::<Vec<_>>()
        .join("---\n")
}

fn staging(mode: &str, more: &str, rules: &[&str]) -> String {
    policy("staging", mode, &format!("{EMITS}{more}"), rules)
}

fn only(policy: String) -> String {
    with(&settings("deny", "deny"), &[policy])
}

/// The code of the refusal, or `promoted`.
fn came(decision: &Decision, level: &str) -> &'static str {
    Promotion::of(decision, level).map_or_else(|refused| refused.as_str(), |_| "promoted")
}

fn refused(world: &World, text: &str) -> NotPromoted {
    Promotion::of(&world.decide(text), LEVEL).unwrap_err()
}

fn promoter() -> Promoter {
    Promoter::new(VERIFIER, STAGING).unwrap()
}

fn summary(decision: &Decision) -> Value {
    let promotion = Promotion::of(decision, LEVEL).unwrap();
    Value::Object(promoter().summary(&promotion))
}

#[test]
fn what_passed_is_stated_as_the_specification_says() {
    let world = signed()
        .bundle(|forge, digest| attestation(forge, digest, TEST).rekor_v1().bundle())
        .bundle(|forge, digest| {
            attestation(forge, digest, "https://acme.example/unasked/v1")
                .rekor_v1()
                .bundle()
        });
    let tested = format!("statement: {{from: ci, predicateType: \"{TEST}\"}}");
    let text = only(staging("enforce", "", &[SIGNED, &tested]));
    let decision = world.decide(&text);
    let input = |index: usize| {
        let locator = &world.items[index].locator;
        json!({"digest": {"sha256": locator.blob.hex()}, "annotations": {"manifest": locator.manifest.to_string()}})
    };
    let mut inputs = vec![input(0), input(1)];
    inputs.sort_by_key(|it| it["digest"]["sha256"].to_string());
    let expected = json!({
        "verifier": {"id": VERIFIER, "version": {"countersign": env!("CARGO_PKG_VERSION")}},
        "timeVerified": NOW.to_string(),
        "resourceUri": "ghcr.io/acme/app",
        "policy": {"uri": STAGING, "digest": {"sha256": decision.policy_digest().hex()}},
        "inputAttestations": inputs,
        "verificationResult": "PASSED",
        "verifiedLevels": [LEVEL],
        "slsaVersion": "1.1",
    });
    assert_eq!(summary(&decision), expected);
    let promotion = Promotion::of(&decision, LEVEL).unwrap();
    assert_eq!(promotion.image(), world.image.digest());
    assert_eq!(
        (promotion.name(), promotion.level()),
        ("ghcr.io/acme/app", LEVEL)
    );
    assert_eq!((promotion.inputs(), promotion.exceptions().len()), (2, 0));
    let template = "oci://{registry}/{repository}@{digest}";
    let other = promoter().resource(template).unwrap().summary(&promotion);
    let expected = format!("oci://ghcr.io/acme/app@{}", world.digest());
    assert_eq!(other["resourceUri"], expected.as_str());
}

/// What is stated of staging is what a rule of production takes, and nothing beside it.
#[test]
fn the_next_environment_takes_what_is_stated() {
    let world = signed();
    let decision = world.decide(&only(staging("enforce", "", &[SIGNED])));
    let stated = summary(&decision);
    let world = world.attested(&Identity::default(), 1, Promoter::PREDICATE_TYPE, &stated);
    let digest = decision.policy_digest().to_string();
    let other = format!("sha256:{}", "0".repeat(64));
    let judged = |level: &str, verifier: &str, resource: &str, uri: &str, digest: &str| {
        let rule = format!(
            "summary: {{from: ci, verifier: \"{verifier}\", resource: \"{resource}\", levels: [{level}], policy: {{uri: \"{uri}\", digest: \"{digest}\"}}}}"
        );
        world.code(&only(policy("production", "enforce", "", &[&rule])))
    };
    let resource = "{registry}/{repository}";
    assert_eq!(judged(LEVEL, VERIFIER, resource, STAGING, &digest), "pass");
    for (reason, judged) in [
        (
            "summary-level-missing",
            judged("ACME_PROD", VERIFIER, resource, STAGING, &digest),
        ),
        (
            "verifier-mismatch",
            judged(LEVEL, "urn:other", resource, STAGING, &digest),
        ),
        (
            "resource-mismatch",
            judged(LEVEL, VERIFIER, "ghcr.io/acme/other", STAGING, &digest),
        ),
        (
            "summary-policy-mismatch",
            judged(LEVEL, VERIFIER, resource, "urn:other", &digest),
        ),
        (
            "summary-policy-mismatch",
            judged(LEVEL, VERIFIER, resource, STAGING, &other),
        ),
    ] {
        assert_eq!(judged, reason);
    }
}

#[test]
fn of_an_index_the_index_is_promoted_by_the_evidence_of_its_platforms() {
    let family = Family::two().signed("amd").signed("arm");
    let decision = family.decide(&only(staging("enforce", "", &[ON_PLATFORMS])));
    let promotion = Promotion::of(&decision, LEVEL).unwrap();
    assert_eq!(promotion.image(), family.world.image.digest());
    assert_eq!(promotion.inputs(), 2);
}

#[test]
fn what_is_denied_or_unknown_is_not_promoted() {
    let text = only(staging("enforce", "", &[SIGNED]));
    let denied = refused(&World::new(), &text);
    assert_eq!(denied.as_str(), "denied");
    let message = denied.to_string();
    assert!(
        message.contains("policy `staging`, rule `r0` [policy.yaml:"),
        "{message}"
    );
    let unknown = refused(&World::new().gap(GapClass::Unavailable, None), &text);
    assert_eq!(unknown.as_str(), "unknown");
    assert!(unknown.to_string().contains("rule `r0`"), "{unknown}");
    // By another policy that is enforced, by a Revocation, or because the namespace's labels are not known.
    let other = policy(
        "other",
        "enforce",
        "",
        &["signature: {from: ci, maxAge: 1s}"],
    );
    let text = with(
        &settings("deny", "deny"),
        &[staging("enforce", "", &[SIGNED]), other],
    );
    let denied = refused(&signed(), &text);
    assert!(denied.to_string().contains("policy `other`"), "{denied}");
    let world = signed();
    let revoked = revocation(&format!("digests: [\"{}\"]", world.digest()));
    let text = with(
        &settings("deny", "deny"),
        &[staging("enforce", "", &[SIGNED]), revoked],
    );
    let denied = refused(&world, &text);
    assert!(
        denied.to_string().contains("the Revocation `stolen`"),
        "{denied}"
    );
    let text = only(staging(
        "enforce",
        "  namespaces: {matchLabels: {tier: prod}}\n",
        &[SIGNED],
    ));
    let request = Request::named(&ImageRef::parse("ghcr.io/acme/app").unwrap());
    let unlabelled = request.in_namespace(Namespace::new("shop"));
    let unknown = Promotion::of(&judged(&signed(), &text, &unlabelled), LEVEL).unwrap_err();
    assert_eq!(unknown.as_str(), "unknown");
    assert!(
        unknown.to_string().contains("policy `staging`"),
        "{unknown}"
    );
}

#[test]
fn only_what_an_enforced_policy_of_the_image_emits_is_stated() {
    let staging_of = |mode: &str, more: &str| only(staging(mode, more, &[SIGNED]));
    let later = "  effectiveFrom: 2090-01-01T00:00:00Z\n";
    // What allows where nobody enforces allows nothing to be stated.
    let open = |text: String| text.replace("unmatched: deny", "unmatched: allow");
    for (text, level, expected) in [
        (staging_of("enforce", ""), LEVEL, "promoted"),
        (staging_of("enforce", ""), "ACME_PROD", "not-matched"),
        (staging_of("enforce", ""), "acme_staging", "not-matched"),
        (
            staging_of("enforce", ""),
            "SLSA_BUILD_LEVEL_3",
            "not-matched",
        ),
        (staging_of("enforce", ""), "", "not-matched"),
        (open(staging_of("warn", "")), LEVEL, "not-enforced"),
        (open(staging_of("audit", "")), LEVEL, "not-enforced"),
        (open(staging_of("enforce", later)), LEVEL, "not-enforced"),
        (
            open(staging_of("enforce", "  except: [\"ghcr.io/acme/app\"]\n")),
            LEVEL,
            "not-matched",
        ),
        (
            open(staging_of("warn", "")).replace("unmatched: allow", "unmatched: warn"),
            LEVEL,
            "not-enforced",
        ),
    ] {
        let decision = signed().decide(&text);
        assert_eq!(came(&decision, level), expected, "{level} {text}");
    }
    // A policy that does not emit it is enforced beside the one that does.
    let enforced = policy("other", "enforce", "", &[SIGNED]);
    for (mode, more) in [("warn", ""), ("audit", ""), ("enforce", later)] {
        let text = with(
            &settings("deny", "deny"),
            &[staging(mode, more, &[SIGNED]), enforced.clone()],
        );
        assert_eq!(
            came(&signed().decide(&text), LEVEL),
            "not-enforced",
            "{text}"
        );
    }
    let message = refused(&signed(), &open(staging_of("warn", ""))).to_string();
    assert!(
        message.contains("`staging` [policy.yaml:") && message.contains("`mode: warn`"),
        "{message}"
    );
}

/// The set alone tells, before anything is asked.
#[test]
fn a_set_tells_what_it_can_emit() {
    let at = |text: &str, level: &str, now: UnixTime| {
        load_of(text)
            .emits(level, now)
            .map_err(|error| error.as_str())
    };
    let text = only(staging(
        "enforce",
        "  effectiveFrom: 2026-09-21T14:13:00Z\n",
        &[SIGNED],
    ));
    assert_eq!(at(&text, LEVEL, NOW), Ok(()));
    assert_eq!(at(&text, LEVEL, NOW.plus(-3600)), Err("not-enforced"));
    assert_eq!(at(&text, "ACME_PROD", NOW), Err("nobody-emits"));
    assert_eq!(
        at(&only(staging("audit", "", &[SIGNED])), LEVEL, NOW),
        Err("not-enforced")
    );
    let rule = "effectiveFrom: 2090-01-01T00:00:00Z, signature: {from: ci}";
    assert_eq!(
        at(&only(staging("enforce", "", &[rule])), LEVEL, NOW),
        Err("not-enforced")
    );
    // One of two is enough.
    let two = [
        staging("warn", "", &[SIGNED]),
        policy("b", "enforce", EMITS, &[SIGNED]),
    ];
    assert_eq!(
        at(&with(&settings("deny", "deny"), &two), LEVEL, NOW),
        Ok(())
    );
    let told = load_of(&text)
        .emits("ACME_PROD", NOW)
        .unwrap_err()
        .to_string();
    assert!(told.contains("it emits ACME_STAGING"), "{told}");
}

fn load_of(text: &str) -> countersign_core::PolicySet {
    let world = World::new();
    let root = countersign_core::ExtraRoot {
        name: Some("private".to_owned()),
        json: world.forge.trusted_root().into_bytes(),
    };
    load(text, &[root])
}

#[test]
fn what_was_only_warned_of_is_not_promoted() {
    let later = "effectiveFrom: 2090-01-01T00:00:00Z";
    let missing = format!("statement: {{from: ci, predicateType: \"{TEST}\"}}");
    let late_rule = format!("{later}, {missing}");
    // Of the policy that emits the level every rule has to pass, also one that is yet to come.
    let text = only(staging("enforce", "", &[SIGNED, &late_rule]));
    let refused_early = refused(&signed(), &text);
    assert_eq!(refused_early.as_str(), "only-warned");
    let message = refused_early.to_string();
    assert!(
        message.contains("`r1`") && message.contains("before effectiveFrom"),
        "{message}"
    );
    let passing =
        signed().bundle(|forge, digest| attestation(forge, digest, TEST).rekor_v1().bundle());
    assert_eq!(came(&passing.decide(&text), LEVEL), "promoted");
    // Another policy's makes no difference before its time, as it makes none to the verdict.
    let other = policy("other", "enforce", "", &[SIGNED, &late_rule]);
    let text = with(
        &settings("deny", "deny"),
        &[staging("enforce", "", &[SIGNED]), other],
    );
    assert_eq!(came(&signed().decide(&text), LEVEL), "promoted");
    // What nobody could tell is excused by Settings, whichever enforced policy it is of.
    let lenient = settings("deny", "allow");
    let signed = || signed().gap(GapClass::Unavailable, Some(FoundBy::AttestationTag));
    for policies in [
        vec![staging("enforce", "", &[SIGNED, &missing])],
        vec![
            staging("enforce", "", &[SIGNED]),
            policy("other", "enforce", "", &[&missing]),
        ],
    ] {
        let refused = refused(&signed(), &with(&lenient, &policies));
        assert_eq!(refused.as_str(), "only-warned");
        assert!(
            refused.to_string().contains("onUnknown: allow"),
            "{refused}"
        );
    }
    // Policies that only warn do not matter.
    for mode in ["warn", "audit"] {
        let other = policy("other", mode, EMITS, &[&missing]);
        let text = with(&lenient, &[staging("enforce", "", &[SIGNED]), other]);
        assert_eq!(came(&signed().decide(&text), LEVEL), "promoted", "{mode}");
    }
}

#[test]
fn what_was_known_last_is_not_promoted() {
    let fresh = settings("deny", "deny") + "  stale: {maxAge: 12h}\n";
    let text = with(&fresh, &[staging("enforce", "", &[SIGNED])]);
    let stale = signed()
        .gap(GapClass::Unavailable, Some(FoundBy::Referrers))
        .stale(3600);
    assert_eq!(stale.decide(&text).effect().as_str(), "allow");
    let refused = refused(&stale, &text);
    assert_eq!(refused.as_str(), "stale");
    assert!(refused.to_string().contains("3600 s old"), "{refused}");
}

#[test]
fn what_runs_already_is_not_promoted_by_that() {
    let text = only(staging(
        "enforce",
        "",
        &["signature: {from: ci, maxAge: 1s}"],
    ));
    let request = || Request::named(&ImageRef::parse("ghcr.io/acme/app").unwrap());
    let relieved = judged(&signed(), &text, &request().with_age_relief());
    assert_eq!(relieved.effect().as_str(), "allow");
    assert_eq!(came(&relieved, LEVEL), "age-relief");
    assert_eq!(came(&judged(&signed(), &text, &request()), LEVEL), "denied");
}

#[test]
fn an_image_without_a_name_or_of_which_nothing_was_looked_at_is_not_promoted() {
    let text = only(staging("enforce", "", &[SIGNED]));
    let unnamed = Request::unnamed("oci:app", None);
    assert_eq!(came(&judged(&signed(), &text, &unnamed), LEVEL), "unnamed");
    let pinned = load_of(&only(staging("enforce", "", &["digest: required"])));
    let reference = format!("ghcr.io/acme/app@{}", World::new().digest());
    let request = Request::named(&ImageRef::parse(&reference).unwrap());
    let decision = decide(&pinned, &request, Resolution::NotAsked, NOW);
    assert_eq!(decision.effect().as_str(), "allow");
    assert_eq!(came(&decision, LEVEL), "not-examined");
}

#[test]
fn exceptions_that_were_used_are_told_and_no_others() {
    let missing = format!("statement: {{from: ci, predicateType: \"{TEST}\"}}");
    let policies = [staging("enforce", "", &[SIGNED, &missing])];
    let set = with(&settings("deny", "deny"), &policies);
    let waiver = |name: &str, rules: &str, expires: &str| {
        let spec = format!(
            "policy: staging, rules: [{rules}], images: [\"ghcr.io/acme/app\"], expires: {expires}"
        );
        exception(name, &spec)
    };
    let text = [
        set.clone(),
        waiver("untested", "r1", "2090-01-31"),
        waiver("also", "r0, r1", "2090-02-01"),
        waiver("old", "r1", "2001-01-01"),
    ]
    .join("---\n");
    let decision = signed().decide(&text);
    let told = |exception: &str, expires: &str| {
        json!({"policy": "staging", "rule": "r1", "exception": exception, "reason": "it is being replaced",
            "ticket": "SEC-12", "expires": expires})
    };
    let stated = summary(&decision);
    // A date ends with its day.
    let expected = json!([
        told("also", "2090-02-02T00:00:00Z"),
        told("untested", "2090-02-01T00:00:00Z")
    ]);
    assert_eq!(
        stated["https://countersign.dev/promotion/exceptions/v1"],
        expected
    );
    assert_eq!(stated["inputAttestations"].as_array().unwrap().len(), 1);
    let promotion = Promotion::of(&decision, LEVEL).unwrap();
    assert_eq!(promotion.exceptions(), ["also", "untested"]);
    // One that is over waives nothing.
    let text = [set, waiver("old", "r1", "2001-01-01")].join("---\n");
    assert_eq!(came(&signed().decide(&text), LEVEL), "denied");
}

fn judged(world: &World, text: &str, request: &Request) -> Decision {
    let policies = world.policies(text);
    let evidence = Evidence {
        items: world.items.clone(),
        ..Evidence::default()
    };
    let findings = examine(
        &world.image,
        &evidence,
        policies.trust(),
        &Limits::default(),
    );
    let resolution = Resolution::Examined {
        image: &world.image,
        findings: &findings,
        children: &[],
    };
    decide(&policies, request, resolution, NOW)
}

/// Evidence of what is demanded of nobody who enforces is no input.
#[test]
fn the_evidence_of_policies_that_only_warn_is_no_input() {
    let world =
        signed().bundle(|forge, digest| attestation(forge, digest, TEST).rekor_v1().bundle());
    let tested = format!("statement: {{from: ci, predicateType: \"{TEST}\"}}");
    let other = |mode: &str| policy("other", mode, "", &[&tested]);
    for (mode, inputs) in [("enforce", 2), ("warn", 1), ("audit", 1)] {
        let text = with(
            &settings("deny", "deny"),
            &[staging("enforce", "", &[SIGNED]), other(mode)],
        );
        let promotion = Promotion::of(&world.decide(&text), LEVEL).unwrap();
        assert_eq!(promotion.inputs(), inputs, "{mode}");
    }
}

/// VEX that took findings away is evidence by which a rule passed; where no finding needed it, it is not.
#[test]
fn vex_that_was_heard_is_an_input() {
    let high = [finding("CVE-1", "HIGH")];
    let stated = vex("CVE-1", "not_affected", Some("component_not_present"), None);
    let rule = "vulnerabilities: {from: ci, denyFrom: high, vex: {from: security}}";
    let mut documents = signers();
    documents.insert(0, settings("deny", "deny"));
    documents.push(staging("enforce", "", &[rule]));
    let text = documents.join("---\n");
    for (findings, inputs) in [(&high[..], 2), (&[], 1)] {
        let world = World::new()
            .scanned(1, findings)
            .attested(&security(), 1, OPENVEX, &stated);
        let decision = world.decide(&text);
        let promotion = Promotion::of(&decision, LEVEL).unwrap();
        assert_eq!(promotion.inputs(), inputs);
        let rule = &decision.policies()[0].rules[0];
        let last = rule.evidence.last().unwrap();
        let expected = if inputs == 2 { "security" } else { "ci" };
        assert_eq!(last.signer.as_deref(), Some(expected));
    }
}
