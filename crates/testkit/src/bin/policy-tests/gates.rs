//! The examples in which each environment asks for the verdicts of gates: what a cluster admits, and what promotion is judged by.

use countersign_testkit::forge::Forge;
use serde_json::{Value, json};

use crate::case::{Case, Example, image};
use crate::gate::{APP, GATES, Gate, PROMOTER, TEST, failed, scan};
use crate::github::{MAIN, Run};

const VSA: &str = "https://slsa.dev/verification_summary/v1";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const PRODUCTION: &str = "production";
const FEATURE: &str = "refs/heads/feature";
/// Soon after everything was signed, before anything is stale.
const SOON: &str = "2026-11-02T00:00:00Z";
const LATER: &str = "2026-11-01T18:00:00Z";

const BUILT: [&str; 2] = ["signature", "provenance"];
const BUILD_RULES: [&str; 2] = ["signed", "built-from-main"];

fn summary() -> Value {
    json!({
        "verifier": {"id": "https://acme.example/promote"}, "timeVerified": "2026-11-01T12:00:00Z", "resourceUri": APP,
        "policy": {"uri": "https://acme.example/policies/gates-promotion", "digest": {"sha256": "0".repeat(64)}},
        "verificationResult": "PASSED", "verifiedLevels": ["ACME_PRODUCTION"], "slsaVersion": "1.1",
    })
}

fn said(forge: &Forge, run: &Run, kind: &str, predicate: Value) -> Vec<u8> {
    let forged = run.attests(forge, &image(), kind, predicate);
    forged.rekor_v2().timestamp().bundle()
}

impl Gate {
    fn says(&self, forge: &Forge, predicate: Value) -> Vec<u8> {
        said(forge, &self.run, self.kind, predicate)
    }
}

/// The good evidence of everybody, each in a file of its own that the cases share; the names of these files.
fn files(example: &Example, promoted: bool) -> Vec<&'static str> {
    let forge = &example.forge;
    example.share(BUILT[0], &MAIN.signs(forge));
    let provenance = said(forge, &MAIN, PROVENANCE, MAIN.provenance());
    example.share(BUILT[1], &provenance);
    let mut files = BUILT.to_vec();
    for gate in GATES {
        let name = gate.name;
        example.share(name, &gate.says(forge, (gate.predicate)()));
        files.push(name);
    }
    if promoted {
        example.share("summary", &said(forge, &PROMOTER, VSA, summary()));
        files.push("summary");
    }
    files
}

/// All but this one.
fn without(files: &[&'static str], one: &str) -> Vec<&'static str> {
    files.iter().copied().filter(|it| *it != one).collect()
}

/// Everything by the same people, each changed alike.
fn all_by(example: &Example, change: &dyn Fn(Run) -> Run, promoted: bool) -> Vec<Vec<u8>> {
    let (forge, build) = (&example.forge, change(MAIN));
    let mut all = vec![
        build.signs(forge),
        said(forge, &build, PROVENANCE, build.provenance()),
    ];
    for gate in GATES {
        let run = change(gate.run);
        all.push(said(forge, &run, gate.kind, (gate.predicate)()));
    }
    if promoted {
        all.push(said(forge, &change(PROMOTER), VSA, summary()));
    }
    all
}

/// A case's name, why it is one, what is changed in every certificate, and why what it signed does not count.
type Stranger = (&'static str, &'static str, fn(Run) -> Run, &'static str);

const STRANGERS: [Stranger; 5] = [
    (
        "other-issuer",
        "another issuer vouches for the same words",
        |run| Run {
            issuer: "https://gitlab.com",
            ..run
        },
        "issuer-mismatch",
    ),
    (
        "other-workflow",
        "another workflow of the same repository, for all of it",
        |run| Run {
            workflow: ".github/workflows/other.yml",
            signer: "acme/app/.github/workflows/other.yml",
            ..run
        },
        "subject-mismatch",
    ),
    (
        "other-version",
        "the workflow as a branch has it",
        |run| Run {
            signer_ref: FEATURE,
            workflow_ref: FEATURE,
            ..run
        },
        "subject-mismatch",
    ),
    (
        "other-caller",
        "another repository called the workflow",
        |run| Run {
            repository: "acme/app-evil",
            ..run
        },
        "source-mismatch",
    ),
    (
        "other-branch",
        "a branch called the workflow",
        |run| Run {
            git_ref: FEATURE,
            ..run
        },
        "source-mismatch",
    ),
];

/// What a cluster admits, by namespace.
pub(crate) fn gates(example: &Example) {
    let files = files(example, true);
    let early: Vec<&str> = GATES.iter().filter_map(|gate| gate.early).collect();
    let late: Vec<&str> = GATES.iter().filter_map(|gate| gate.late).collect();
    let rules = [&BUILD_RULES[..], &early, &late, &["promoted"]].concat();
    let case = |name: &str, why: &str, namespace| -> Case<'_> {
        let case = example.case(name, APP, why).at(SOON);
        case.within(namespace).shared(&files)
    };

    // What each environment needs, and what it does without.
    let all = ["tests", "scan", "smoke", "canary", "slo", "summary"];
    for (namespace, needed) in [
        ("dev", 0),
        ("staging", 2),
        ("canary", 3),
        (PRODUCTION, all.len()),
        ("shop", all.len()),
    ] {
        let needed = &all[..needed];
        let files = [&BUILT[..], needed].concat();
        let name = format!("in-{namespace}");
        let why = "what this namespace asks for is there, and nothing more";
        case(&name, why, namespace).shared(&files).write();
        for missing in needed {
            let gate = GATES.into_iter().find(|gate| gate.name == *missing);
            let rule = match (&gate, namespace) {
                (Some(gate), "staging" | "canary") => gate.early,
                (Some(gate), _) => gate.late,
                (None, _) => Some("promoted"),
            };
            let Some(rule) = rule else { continue };
            let code = match gate.map(|it| it.kind) {
                Some(TEST) => missing_test(namespace),
                Some(_) => "no-scan",
                None => "no-summary",
            };
            let name = format!("no-{missing}-in-{namespace}");
            case(&name, "it is missing", namespace)
                .shared(&without(&files, missing))
                .fails(rule, code)
                .write();
        }
    }
    strangers(example, true, &rules);
    verdicts(example, &files);
    ages(example, &files);
    summaries(example, &files);
    builds(example, &files);
    example.common(APP, &rules, true);
}

/// Test results of other gates are there, and theirs is nobody's word on this one; in staging there is no other.
fn missing_test(namespace: &str) -> &'static str {
    match namespace {
        "staging" => "no-statement",
        _ => "subject-mismatch",
    }
}

/// Everybody is somebody else, in one way after the other.
fn strangers(example: &Example, promoted: bool, rules: &[&str]) {
    for (name, why, change, code) in STRANGERS {
        let case = example.case(name, APP, why).at(SOON);
        let case = case.bundles(all_by(example, &change, promoted));
        let failed = rules.iter().fold(case, |case, rule| case.fails(rule, code));
        failed.write();
    }
}

/// What gates say that lets nothing pass, and who says it.
fn verdicts(example: &Example, files: &[&'static str]) {
    let forge = &example.forge;
    for gate in GATES {
        let places = [("canary", gate.early), (PRODUCTION, gate.late)];
        for (namespace, rule) in places {
            let Some(rule) = rule else { continue };
            let name = gate.name;
            let case = |what: &str, why: &str, bundle: Vec<u8>, code| {
                example
                    .case(&format!("{what}-{name}-in-{namespace}"), APP, why)
                    .at(SOON)
                    .within(namespace)
                    .shared(&without(files, name))
                    .bundles([bundle])
                    .fails(rule, code)
                    .write();
            };
            let (bad, code) = match gate.kind {
                TEST => (failed(&gate), "expression-false"),
                _ => (scan("CRITICAL"), "vulnerability-found"),
            };
            let later = example.forge_at(LATER);
            case("failed", "it says no", gate.says(forge, bad.clone()), code);
            if gate.kind == TEST {
                let partly = json!({"result": "PASSED", "configuration": [], "passedTests": [], "failedTests": ["login"]});
                case(
                    "contradicted",
                    "it says that it passed, and lists what did not",
                    gate.says(forge, partly),
                    "expression-false",
                );
            }
            // Where images arrive the newest word counts; where they have run, that it passed once.
            let newest = example
                .case(
                    &format!("failed-later-{name}-in-{namespace}"),
                    APP,
                    "it passed, and failed later",
                )
                .at(SOON)
                .within(namespace)
                .shared(files)
                .bundles([gate.says(&later, bad)]);
            match namespace {
                PRODUCTION => newest.write(),
                _ => newest.fails(rule, code).write(),
            }
        }
    }
}

/// A gate grows stale where images arrive, and never where they have run.
fn ages(example: &Example, files: &[&'static str]) {
    for gate in GATES.iter().filter(|gate| gate.early.is_some()) {
        let name = format!("stale-{}", gate.name);
        let case = example.case(&name, APP, "it was said too long ago");
        let case = case.at(gate.stale).within("canary").shared(files);
        GATES
            .iter()
            .filter(|it| it.stale <= gate.stale)
            .filter_map(|it| it.early)
            .fold(case, |case, rule| case.fails(rule, "too-old"))
            .write();
    }
    example
        .case(
            "rollback",
            APP,
            "what ran in production two years ago runs there again",
        )
        .at("2028-11-01T00:00:00Z")
        .within(PRODUCTION)
        .shared(files)
        .write();
}

/// The promoter's word, in production.
fn summaries(example: &Example, files: &[&'static str]) {
    let lab = "https://acme.example/policies/lab";
    for (name, why, place, value, code) in [
        (
            "other-verifier",
            "it speaks for another verifier",
            "/verifier/id",
            json!("https://acme.example/scan"),
            "verifier-mismatch",
        ),
        (
            "other-resource",
            "promoted in another repository",
            "/resourceUri",
            json!("ghcr.io/acme/app-lab"),
            "resource-mismatch",
        ),
        (
            "other-judgement",
            "judged by a laxer policy",
            "/policy/uri",
            json!(lab),
            "summary-policy-mismatch",
        ),
        (
            "other-level",
            "promoted to staging alone",
            "/verifiedLevels",
            json!(["ACME_STAGING"]),
            "summary-level-missing",
        ),
        (
            "not-promoted",
            "it did not pass",
            "/verificationResult",
            json!("FAILED"),
            "summary-failed",
        ),
    ] {
        let mut summary = summary();
        *summary.pointer_mut(place).unwrap() = value;
        let bundle = said(&example.forge, &PROMOTER, VSA, summary);
        let case = example.case(name, APP, why).at(SOON).within(PRODUCTION);
        case.shared(&without(files, "summary"))
            .bundles([bundle])
            .fails("promoted", code)
            .write();
    }
    let mut refused = summary();
    refused["verificationResult"] = json!("FAILED");
    let later = said(&example.forge_at(LATER), &PROMOTER, VSA, refused);
    let why = "nothing that is said later takes a promotion away";
    let case = example.case("refused-later", APP, why).at(SOON);
    case.within(PRODUCTION)
        .shared(files)
        .bundles([later])
        .write();
}

/// How it was built.
fn builds(example: &Example, files: &[&'static str]) {
    let own = Run {
        runner: "self-hosted",
        ..MAIN
    };
    let provenance = said(&example.forge, &own, PROVENANCE, own.provenance());
    let why = "built on somebody's own machine";
    let case = example.case("self-hosted", APP, why).at(SOON);
    case.shared(&without(files, "provenance"))
        .bundles([provenance])
        .fails("built-from-main", "level-too-low")
        .write();
}

/// What `promote` judges by: every gate, none of them stale.
pub(crate) fn gates_promotion(example: &Example) {
    let files = files(example, false);
    let forge = &example.forge;
    let rules: Vec<&str> = BUILD_RULES
        .into_iter()
        .chain(GATES.iter().map(|gate| gate.promotion))
        .collect();
    let case = |name: &str, why| example.case(name, APP, why).at(SOON).shared(&files);
    case("passed", "every gate said yes, within a day").write();
    strangers(example, false, &rules);
    builds(example, &files);
    for gate in GATES {
        let (name, rule) = (gate.name, gate.promotion);
        let (bad, code, missing) = match gate.kind {
            TEST => (failed(&gate), "expression-false", "subject-mismatch"),
            _ => (scan("CRITICAL"), "vulnerability-found", "no-scan"),
        };
        case(&format!("no-{name}"), "it is missing")
            .shared(&without(&files, name))
            .fails(rule, missing)
            .write();
        case(&format!("failed-{name}"), "it says no")
            .shared(&without(&files, name))
            .bundles([gate.says(forge, bad.clone())])
            .fails(rule, code)
            .write();
        let later = example.forge_at(LATER);
        case(
            &format!("failed-later-{name}"),
            "it passed, and failed later",
        )
        .bundles([gate.says(&later, bad)])
        .fails(rule, code)
        .write();
        let stale = GATES.iter().filter(|it| it.stale <= gate.stale);
        stale
            .fold(
                case(&format!("stale-{name}"), "it was said too long ago").at(gate.stale),
                |case, it| case.fails(it.promotion, "too-old"),
            )
            .write();
    }
    example.common(APP, &rules, false);
}
