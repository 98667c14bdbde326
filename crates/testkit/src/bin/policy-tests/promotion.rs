//! The example with a verification summary, and every way to launder one.

use serde_json::{Value, json};

use crate::case::{Case, Example, image};
use crate::github::{MAIN, Run};
use crate::layout::Layout;

const APP: &str = "ghcr.io/acme/app";
const RULE: &str = "soaked-in-staging";
const VSA: &str = "https://slsa.dev/verification_summary/v1";
const SVR: &str = "https://in-toto.io/attestation/svr/v0.2";
const TEST: &str = "https://in-toto.io/attestation/test-result/v0.1";
const VERIFIER: &str = "https://acme.example/promote";
const STAGING: &str = "https://acme.example/policies/staging";
/// Of the policy's version that the example names.
const DIGEST: &str = "fd88a971ed0b767fc5c1ba5ce5ef73e849d4a1bc518982339b5e9f799c6c18a2";
const LATER: &str = "2026-11-02T12:00:00Z";

const PROMOTER: Run = Run {
    repository: "acme/promote",
    workflow: ".github/workflows/promote.yml",
    signer: "acme/promote/.github/workflows/promote.yml",
    ..MAIN
};

/// What the example takes.
fn summary() -> Value {
    json!({
        "verifier": {"id": VERIFIER}, "timeVerified": "2026-11-01T12:00:00Z", "resourceUri": APP,
        "policy": {"uri": STAGING, "digest": {"sha256": DIGEST}},
        "verificationResult": "PASSED", "verifiedLevels": ["ACME_STAGING", "SLSA_BUILD_LEVEL_2"], "slsaVersion": "1.1",
    })
}

fn changed(place: &str, value: Value) -> Value {
    let mut summary = summary();
    *summary.pointer_mut(place).unwrap() = value;
    summary
}

fn attested(example: &Example, run: &Run, predicate_type: &str, predicate: &Value) -> Vec<u8> {
    let forged = run.attests(&example.forge, &image(), predicate_type, predicate.clone());
    forged.rekor_v2().timestamp().bundle()
}

pub(crate) fn promotion(example: &Example) {
    let case = |name, why, summary: &Value| -> Case<'_> {
        let case = example.case(name, APP, why);
        case.bundles([attested(example, &PROMOTER, VSA, summary)])
    };
    case("promoted", "staging said so, and a day is over", &summary()).write();
    let levels = |levels: &[&str]| changed("/verifiedLevels", json!(levels));
    let higher = levels(&["ACME_STAGING", "SLSA_BUILD_LEVEL_3"]);
    case("higher-level", "level 3 is more than level 2", &higher).write();
    let (resource, policy) = ("resource-mismatch", "summary-policy-mismatch");
    let (failed, missing) = ("summary-failed", "summary-level-missing");
    let other_digest = "0".repeat(64);
    for (name, why, summary, code) in [
        (
            "other-repository",
            "a summary for another repository",
            changed("/resourceUri", json!("ghcr.io/acme/app-lab")),
            resource,
        ),
        (
            "other-registry",
            "a summary for another registry",
            changed("/resourceUri", json!("lab.example/acme/app")),
            resource,
        ),
        (
            "tagged-resource",
            "a resource with a tag is another text",
            changed("/resourceUri", json!("ghcr.io/acme/app:v1")),
            resource,
        ),
        (
            "other-verifier",
            "the promoter speaks for another verifier",
            changed("/verifier/id", json!("https://acme.example/scan")),
            "verifier-mismatch",
        ),
        (
            "other-policy",
            "judged by a laxer policy",
            changed("/policy/uri", json!("https://acme.example/policies/lab")),
            policy,
        ),
        (
            "other-policy-digest",
            "judged by another version of the policy",
            changed("/policy/digest/sha256", json!(other_digest)),
            policy,
        ),
        (
            "failed",
            "staging said no",
            changed("/verificationResult", json!("FAILED")),
            failed,
        ),
        (
            "failed-level",
            "passed and failed at once is failed",
            levels(&["ACME_STAGING", "SLSA_BUILD_LEVEL_2", "FAILED"]),
            failed,
        ),
        (
            "lower-level",
            "level 1 is less than level 2",
            levels(&["ACME_STAGING", "SLSA_BUILD_LEVEL_1"]),
            missing,
        ),
        (
            "missing-level",
            "another environment's level",
            levels(&["ACME_LAB", "SLSA_BUILD_LEVEL_2"]),
            missing,
        ),
        (
            "no-levels",
            "passed, and states nothing",
            levels(&[]),
            missing,
        ),
        (
            "malformed",
            "a text in place of the list of levels",
            changed("/verifiedLevels", json!("ACME_STAGING")),
            "summary-malformed",
        ),
    ] {
        case(name, why, &summary).fails(RULE, code).write();
    }
    case("too-young", "staging said so an hour ago", &summary())
        .at("2026-11-01T13:00:00Z")
        .fails(RULE, "too-young")
        .write();
    case("too-old", "staging said so two months ago", &summary())
        .at("2027-01-01T00:00:00Z")
        .fails(RULE, "too-old")
        .write();
    signers(example);
    several(example);
    others(example);
    example.common(APP, &[RULE], true);
}

/// The right summary by somebody else.
fn signers(example: &Example) {
    let runs = [
        (
            "other-signer",
            "the right verifier by the wrong signer",
            MAIN,
            "subject-mismatch",
        ),
        (
            "other-caller",
            "another repository called the workflow",
            Run {
                repository: "acme/app",
                ..PROMOTER
            },
            "source-mismatch",
        ),
        (
            "other-issuer",
            "another issuer vouches for the same words",
            Run {
                issuer: "https://gitlab.com",
                ..PROMOTER
            },
            "issuer-mismatch",
        ),
    ];
    for (name, why, run, code) in runs {
        let bundle = attested(example, &run, VSA, &summary());
        let case = example.case(name, APP, why).bundles([bundle]);
        case.fails(RULE, code).write();
    }
}

/// Two summaries about one image.
fn several(example: &Example) {
    let first = |summary: &Value| attested(example, &PROMOTER, VSA, summary);
    let forge = example.forge_at(LATER);
    let second = |summary: &Value| {
        let forged = PROMOTER.attests(&forge, &image(), VSA, summary.clone());
        forged.rekor_v2().timestamp().bundle()
    };
    let failed = changed("/verificationResult", json!("FAILED"));
    let levels = |level: &str| changed("/verifiedLevels", json!([level]));
    let mut production = changed(
        "/policy/uri",
        json!("https://acme.example/policies/production"),
    );
    production["verifiedLevels"] = json!(["ACME_PRODUCTION"]);
    let halves = [
        first(&levels("ACME_STAGING")),
        first(&levels("SLSA_BUILD_LEVEL_2")),
    ];
    let case = |name, why, bundles: [Vec<u8>; 2]| example.case(name, APP, why).bundles(bundles);
    case("two-halves", "each summary states one level", halves)
        .fails(RULE, "summary-level-missing")
        .write();
    let bundles = [first(&summary()), second(&failed)];
    case(
        "newest-failed",
        "it passed, and failed a day later",
        bundles,
    )
    .fails(RULE, "summary-failed")
    .write();
    let bundles = [first(&failed), second(&summary())];
    case("passed-again", "it failed, and passed a day later", bundles).write();
    let bundles = [first(&summary()), second(&production)];
    let why = "what production said later is no newer word of staging";
    case("promoted-further", why, bundles).write();
}

/// What is no summary of this image, or none of the rule's format.
fn others(example: &Example) {
    let elsewhere = countersign_testkit::sha256_digest(b"another image");
    let forged = PROMOTER.attests(&example.forge, &elsewhere, VSA, summary());
    example
        .case("other-image", APP, "a summary of another image")
        .bundles([forged.rekor_v2().timestamp().bundle()])
        .fails(RULE, "digest-mismatch")
        .write();
    let simple = json!({
        "verifier": {"id": VERIFIER, "policies": [{"uri": STAGING, "digest": {"sha256": DIGEST}}]},
        "timeCreated": "2026-11-01T12:00:00Z", "properties": ["ACME_STAGING", "SLSA_BUILD_LEVEL_2"],
    });
    example
        .case("simple-result", APP, "a simple result names no resource")
        .bundles([attested(example, &PROMOTER, SVR, &simple)])
        .fails(RULE, "no-summary")
        .write();
    let mut layout = Layout::default();
    let platform = layout.platform("amd64");
    let index = layout.index(&[platform]);
    let forged = PROMOTER.attests(&example.forge, index.digest(), TEST, summary());
    let annotations = json!({
        "dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": VSA,
    });
    layout.attach_as(
        &index,
        &forged.rekor_v2().timestamp().bundle(),
        &annotations,
    );
    let judged_as = format!("{APP}@{}", index.digest());
    let why = "a summary by its annotation alone";
    let case = example.case("annotated", &judged_as, why);
    layout.write(&case.folder().join("image"));
    case.layout("image").fails(RULE, "no-summary").write();
}
