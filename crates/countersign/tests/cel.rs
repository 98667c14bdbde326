//! Expressions in policies: what they say, what they cannot, and that nothing in them holds or ends the process.
#![cfg(feature = "cel")]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::Cel;
use countersign_core::{
    Content, Decision, Evidence, Expression, ExpressionFailure, ExpressionInput, Expressions,
    Files, FoundBy, ImageRef, Item, Limits, Locator, PinnedImage, PolicySet, Request, Resolution,
    Source, UnixTime, decide, examine,
};
use countersign_testkit::forge::{Algorithm, Key};
use countersign_testkit::policy::KeyedPolicy;
use serde_json::{Value, json};

fn asked(source: &str, predicate: &Value) -> Result<bool, ExpressionFailure> {
    let compiled = Cel::new()
        .compile(source)
        .unwrap_or_else(|why| panic!("{source} {why}"));
    compiled.holds(&ExpressionInput {
        predicate_type: "https://in-toto.io/attestation/test-result/v0.1",
        predicate: predicate.to_string().as_bytes(),
        signed_at: Some(UnixTime::from_seconds(1_790_000_000)),
    })
}

fn tests() -> Value {
    json!({
        "result": "PASSED",
        "failed": [],
        "passed": ["a", "b", "c"],
        "counts": {"unit": 12, "e2e": 3},
        "coverage": 87.5,
        "big": u64::MAX,
        "skipped": null,
        "runs": [{"name": "x", "ok": true}, {"name": "y", "ok": true}],
    })
}

#[test]
fn expressions_ask_what_a_statement_says() {
    for (source, expected) in [
        ("predicate.result == \"PASSED\"", true),
        ("predicate.result == 'FAILED'", false),
        ("predicate.result in ['PASSED', 'WARNED']", true),
        ("size(predicate.failed) == 0", true),
        (
            "predicate.passed.size() >= 3 && predicate.counts.unit > 10",
            true,
        ),
        ("predicate.coverage >= 80.0", true),
        ("predicate.coverage >= 90", false),
        ("predicate.big > 1u", true),
        ("predicate.skipped == null", true),
        ("has(predicate.result) && !has(predicate.other)", true),
        ("'unit' in predicate.counts", true),
        ("'other' in predicate.counts", false),
        ("predicate.runs.all(run, run.ok)", true),
        (
            "predicate.runs.exists(run, run.name == 'y' && run.ok)",
            true,
        ),
        ("predicate.runs.exists_one(run, run.name == 'x')", true),
        ("predicate.runs.filter(run, !run.ok).size() == 0", true),
        ("predicate.runs.map(run, run.name) == ['x', 'y']", true),
        ("predicate.counts.map(kind, kind) == ['e2e', 'unit']", true),
        (
            "predicate.counts.all(kind, predicate.counts[kind] > 2)",
            true,
        ),
        ("predicate.runs[0].name.startsWith('x')", true),
        ("predicateType.endsWith('/v0.1')", true),
        ("signedAt.startsWith('2026-')", true),
        ("predicate['result'].contains('ASS')", true),
        ("predicate.counts == predicate.counts", true),
        (
            "string(predicate.counts.unit) == '12' && int('7') == 7",
            true,
        ),
        (
            "predicate.result == 'PASSED' ? predicate.counts.e2e == 3 : false",
            true,
        ),
    ] {
        assert_eq!(asked(source, &tests()), Ok(expected), "{source}");
    }
}

/// What cannot be asked is no answer: the evidence does not count, whatever is negated.
#[test]
fn questions_without_an_answer_are_wrong() {
    for source in [
        "predicate.nothing == 'x'",
        "!(predicate.nothing == 'x')",
        "predicate.result",
        "predicate.counts",
        "predicate.runs[7].ok",
        "predicate.result > 7",
        "predicate.result && true",
        "1 / 0 == 1",
        "9223372036854775807 + 1 > 0",
        "-9223372036854775807 - 2 < 0",
        "int('seven') == 7",
        "predicate[0] == 1",
        "predicate.result.all(x, true)",
        "predicate.skipped.x == 1",
    ] {
        let found = asked(source, &tests());
        assert!(
            matches!(found, Err(ExpressionFailure::Wrong(_))),
            "{source}: {found:?}"
        );
    }
    let nothing = Cel::new().compile("predicate == null").unwrap();
    let input = ExpressionInput {
        predicate_type: "x",
        predicate: b"",
        signed_at: None,
    };
    assert_eq!(nothing.holds(&input), Ok(true));
}

#[test]
fn what_is_not_there_is_refused_before_anything_is_judged() {
    let nested = format!("{}true{}", "(".repeat(300), ")".repeat(300));
    let lists = format!("{}{}", "[".repeat(400), "]".repeat(400));
    let selected = format!("predicate{}", ".a".repeat(400));
    let sum = format!("1{} == 1", "+1".repeat(1500));
    for source in [
        "",
        " ",
        "predicate.result ==",
        "predicate.result = 'x'",
        "x == 1",
        "now() > 1",
        "timestamp('2026-01-01T00:00:00Z') > timestamp('2025-01-01T00:00:00Z')",
        "duration('1h') > duration('1m')",
        "predicate.result.matches('(a*)*b')",
        "{'a': 1}.a == 1",
        "predicate.map(k, v, k)",
        "type(1) == int",
        "[1].all(a, [1].all(b, [1].all(c, [1].all(d, true))))",
        "dyn(1) == 1",
        "predicate.x.getFullYear() == 2026",
        "base64.encode(b'x') == ''",
        &lists,
        &selected,
        &sum,
    ] {
        let begun = Instant::now();
        assert!(Cel::new().compile(source).is_err(), "{source}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{source}");
    }
    // Brackets alone leave nothing behind.
    let _ = Cel::new().compile(&nested);
}

/// Work that multiplies or doubles is counted before it is done.
#[test]
fn hostile_expressions_neither_end_nor_hold_the_process() {
    let list: Vec<usize> = (0..10_000).collect();
    let predicate = json!({"list": list, "text": "x".repeat(100_000)});
    let doubled = format!(
        "[predicate.text]{}.size() == 1",
        ".map(a, a + a)".repeat(40)
    );
    let doubled_lists = format!("[[1]]{}.size() == 1", ".map(a, a + a)".repeat(40));
    let squared = "predicate.list.all(a, predicate.list.all(b, a + b >= 0))";
    let cubed =
        "predicate.list.all(a, predicate.list.all(b, predicate.list.all(c, a + b + c >= 0)))";
    let grown = "predicate.list.map(a, predicate.list.map(b, predicate.list)).size() > 0";
    let repeated = "predicate.list.map(a, predicate.text + predicate.text).size() > 0";
    let compared = "predicate.list.all(a, predicate.text == predicate.text)";
    // What a list is made of is copied, and what is taken out of it once more.
    let copied = "predicate.list.all(a, [predicate].size() == 1)";
    let taken =
        "predicate.list.all(a, [predicate.list].size() == 1 && [predicate][0].list[0] == 0)";
    let chosen = "predicate.list.all(a, has((a >= 0 ? predicate : predicate).list))";
    for source in [
        &doubled,
        &doubled_lists,
        squared,
        cubed,
        grown,
        repeated,
        compared,
        copied,
        taken,
    ] {
        let begun = Instant::now();
        let found = asked(source, &predicate);
        let Err(ExpressionFailure::Untold(why)) = found else {
            panic!("{source}: {found:?}");
        };
        // Counted, not stopped by the deadline: what that stops goes on.
        assert!(why.contains("could"), "{source}: {why}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{source}");
    }
    // What is taken out of a copy is copied once more, at each step of the way.
    let mut deep = json!("x".repeat(100_000));
    for _ in 0..40 {
        deep = json!({ "a": deep });
    }
    deep["list"] = json!(list[..300]);
    let way = ".a".repeat(40);
    let walked = format!("predicate.list.all(a, has([predicate][0]{way}))");
    assert!(
        matches!(asked(&walked, &deep), Err(ExpressionFailure::Untold(why)) if why.contains("could"))
    );
    let borrowed = format!("predicate.list.all(a, has(predicate{way}))");
    assert_eq!(asked(&borrowed, &deep), Ok(true));
    // One loop over as many is nothing, and what is chosen or looked into is not copied.
    assert_eq!(asked(chosen, &predicate), Ok(true));
    assert_eq!(asked("predicate.list.all(a, a >= 0)", &predicate), Ok(true));
    assert_eq!(
        asked("predicate.list.all(a, [a].size() == 1)", &predicate),
        Ok(true)
    );
    assert_eq!(
        asked("predicate.list.filter(a, a > 9998).size() == 1", &predicate),
        Ok(true)
    );
    assert_eq!(
        asked("predicate.list.map(a, a + 1)[9999] == 10000", &predicate),
        Ok(true)
    );
    let large = json!({"text": "x".repeat(5_000_000)});
    assert!(matches!(
        asked("true", &large),
        Err(ExpressionFailure::Untold(_))
    ));
}

/// Objects are walked in the order of their keys, whatever the run.
#[test]
fn every_run_has_the_same_answer() {
    let members: serde_json::Map<String, Value> = (0..50)
        .map(|number| (format!("k{number}"), json!(number)))
        .collect();
    let predicate = json!({ "members": members });
    for source in [
        "predicate.members.map(k, k)[0] == 'k0'",
        "predicate.members.exists(k, predicate.members[k] / (predicate.members[k] - 7) > 100)",
        "predicate.members.filter(k, predicate.members[k] > 20)[0] == 'k21'",
    ] {
        let first = asked(source, &predicate);
        for _ in 0..100 {
            assert_eq!(asked(source, &predicate), first, "{source}");
        }
    }
}

#[derive(Debug)]
struct With<L>(L);

impl<L: Expressions> Files for With<L> {
    fn read(&self, _from: &str, _path: &str) -> Result<Vec<u8>, String> {
        Err("there are none".to_owned())
    }

    fn expressions(&self) -> Option<&dyn Expressions> {
        Some(&self.0)
    }
}

#[test]
fn a_policy_with_an_expression_loads_only_where_there_are_expressions() {
    let load = |source: &str, files: &dyn Files| {
        let rule = format!(
            "statement: {{from: key, match: any, predicateType: \"https://x.example\", where: '{source}'}}"
        );
        let key = Key::generate(Algorithm::P256);
        let sources = [Source {
            name: "p.yaml".to_owned(),
            text: KeyedPolicy::new(&key.public_pem())
                .rule("tested", &rule)
                .text(),
        }];
        let loaded = PolicySet::load(&sources, files, &[]);
        loaded.diagnostics.first().map(|it| it.code.as_str())
    };
    let with = With(Cel::new());
    assert_eq!(load("predicate.ok", &with), None);
    assert_eq!(load("predicate.ok ==", &with), Some("expression-invalid"));
    assert_eq!(
        load("predicate.ok", &countersign_core::NoFiles),
        Some("expressions-missing")
    );
}

const TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// The effect, and the rule's reason: the language is asked about what a key signed, each predicate in a bundle of its own.
fn judged(
    language: impl Expressions,
    predicates: &[Value],
    source: &str,
) -> (&'static str, Option<&'static str>) {
    let decision = decided(language, TYPE, predicates, source);
    let rule = &decision.policies()[0].rules[0];
    (decision.effect().as_str(), rule.code.map(|it| it.as_str()))
}

fn decided(
    language: impl Expressions,
    predicate_type: &str,
    predicates: &[Value],
    source: &str,
) -> Decision {
    let manifest = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
    let image = PinnedImage::from_bytes(manifest.to_vec(), None, None, &Limits::default()).unwrap();
    let key = Key::generate(Algorithm::P256);
    let now = UnixTime::from_seconds(1_790_000_000);
    let forge = countersign_testkit::forge::Forge::new(1_790_000_000);
    let rule = format!(
        "statement: {{from: key, match: any, predicateType: \"{predicate_type}\", where: '{source}'}}"
    );
    let sources = [Source {
        name: "p.yaml".to_owned(),
        text: KeyedPolicy::new(&key.public_pem())
            .rule("tested", &rule)
            .text(),
    }];
    let policies = PolicySet::load(&sources, &With(language), &[])
        .policies
        .unwrap();
    let items = predicates.iter().map(|predicate| {
        let subject = image.digest().to_string();
        let statement = forge.attestation(&subject, predicate_type, predicate.clone());
        let bytes = statement.keyed(&key).bundle();
        let digest = countersign_core::Digest::of(&bytes);
        Item {
            locator: Locator {
                found_by: FoundBy::Referrers,
                manifest: digest,
                blob: digest,
                place: None,
            },
            content: Content::Bundle(bytes.into()),
        }
    });
    let evidence = Evidence {
        items: items.collect(),
        ..Evidence::default()
    };
    let findings = examine(&image, &evidence, policies.trust(), &Limits::default());
    let request = Request::named(&ImageRef::parse("ghcr.io/acme/app").unwrap());
    let resolution = Resolution::Examined {
        image: &image,
        findings: &findings,
        children: &[],
    };
    decide(&policies, &request, resolution, now)
}

/// Whoever is denied for a test result reads which tests failed; another type's predicate may mean anything by these words.
#[test]
fn a_test_result_that_is_refused_says_what_failed() {
    let failed = json!({"result": "FAILED", "failedTests": ["check\u{202e}out", "login"]});
    let asked = "predicate.result == \"PASSED\"";
    let message = |predicate_type: &str| {
        let decision = decided(
            Cel::new(),
            predicate_type,
            std::slice::from_ref(&failed),
            asked,
        );
        decision.policies()[0].rules[0].message.clone()
    };
    let told = message(TYPE);
    assert!(
        told.contains(
            "Found false: the test result says FAILED; failed tests: check\\u{202e}out, login; wanted predicate.result"
        ),
        "{told}"
    );
    let other = message("https://acme.example/test-result/v0.1");
    assert!(other.contains("Found false; wanted "), "{other}");
}

/// A whole chain: what the key signed is asked, and each kind of answer has its own outcome.
#[test]
fn rules_go_by_the_answer() {
    let judged = |predicate: Value, source| judged(Cel::new(), &[predicate], source);
    let asked = "predicate.result == \"PASSED\"";
    assert_eq!(judged(tests(), asked), ("allow", None));
    let failed = json!({"result": "FAILED"});
    assert_eq!(judged(failed, asked), ("deny", Some("expression-false")));
    assert_eq!(judged(json!({}), asked), ("deny", Some("expression-wrong")));
    let list: Vec<usize> = (0..2_000).collect();
    let squared = "predicate.list.all(a, predicate.list.all(b, a + b >= 0))";
    let untold = ("unknown", Some("expression-untold"));
    assert_eq!(judged(json!({ "list": list }), squared), untold);
}

/// Answers with what it is made with, and counts how often it is asked.
#[derive(Debug, Clone)]
struct Answers(ExpressionFailure, Arc<AtomicUsize>);

impl Expressions for Answers {
    fn compile(&self, _source: &str) -> Result<Arc<dyn Expression>, String> {
        Ok(Arc::new(self.clone()))
    }
}

impl Expression for Answers {
    fn holds(&self, _input: &ExpressionInput<'_>) -> Result<bool, ExpressionFailure> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Err(self.0.clone())
    }
}

/// However many statements there are, a decision waits for one deadline at most.
#[test]
fn after_one_that_is_late_no_expression_is_asked() {
    let predicates: Vec<Value> = (0..5).map(|number| json!({ "number": number })).collect();
    for (failure, asked) in [
        (ExpressionFailure::Late("it slept".to_owned()), 1),
        (ExpressionFailure::Untold("it is large".to_owned()), 5),
    ] {
        let count = Arc::new(AtomicUsize::new(0));
        let language = Answers(failure, Arc::clone(&count));
        let found = judged(language, &predicates, "true");
        assert_eq!(found, ("unknown", Some("expression-untold")));
        assert_eq!(count.load(Ordering::SeqCst), asked);
    }
}
