//! What it writes down and counts.

use std::time::{Duration, Instant};

use countersign_core::Report;
use countersign_testkit::registry::Fault;
use serde_json::{Value, json};

use crate::program::{Program, client};
use crate::scene::{Scene, review};

#[tokio::test]
async fn each_decision_is_a_line_with_its_record_and_is_counted() {
    let scene = Scene::new();
    let program = Program::ready(&scene, &[]);
    let client = client(&scene.authority, &program).build().unwrap();
    let mut asked = review(&[&scene.signed, &scene.unsigned, &scene.signed, "no image"]);
    asked["request"]["dryRun"] = json!(true);
    asked["request"]["uid"] = json!("u\u{202e}-1\n{}");
    asked["request"]["namespace"] = json!("shop\r\n");
    program.ask(&client, "/validate", &asked).await;
    program
        .ask(&client, "/validate-audit", &review(&[&scene.signed]))
        .await;
    let mut pod = review(&[&scene.signed]);
    pod["request"]["kind"]["group"] = json!("acme.example");
    program.ask(&client, "/validate", &pod).await;
    program.line(|line| line["kind"] == "Pod.acme.example");

    let lines = program.lines();
    let decisions: Vec<&Value> = lines
        .iter()
        .filter(|line| line["event"] == "decision")
        .collect();
    let effects: Vec<(&str, &str)> = decisions
        .iter()
        .map(|line| {
            (
                line["door"].as_str().unwrap(),
                line["effect"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        effects,
        [
            ("enforce", "allow"),
            ("enforce", "deny"),
            ("enforce", "deny"),
            ("audit", "allow"),
            ("enforce", "deny")
        ]
    );
    let first = decisions[0];
    assert_eq!(
        first["fields"],
        json!(["spec.containers[0].image", "spec.containers[2].image"])
    );
    assert_eq!(
        (&first["uid"], &first["namespace"]),
        (&json!("u\\u{202e}-1\\u{a}{}"), &json!("shop\\u{d}\\u{a}"))
    );
    assert_eq!(
        (&first["dryRun"], &first["allowed"], &first["kind"]),
        (&json!(true), &json!(false), &json!("Pod"))
    );
    let report = Report::from_json(first["record"].to_string().as_bytes()).unwrap();
    assert_eq!((report.images.len(), report.effect.as_str()), (1, "allow"));
    assert_eq!(decisions[2]["image"], "no image");
    assert!(
        decisions[2]["message"]
            .as_str()
            .unwrap()
            .contains("spec.containers[3].image"),
        "{}",
        decisions[2]
    );

    let (_, metrics) = program.plain("/metrics").await;
    for line in [
        "countersign_webhook_reviews_total{door=\"enforce\",effect=\"deny\"} 2",
        "countersign_webhook_reviews_total{door=\"audit\",effect=\"allow\"} 1",
        "countersign_webhook_review_duration_seconds_count{door=\"enforce\"} 2",
        "countersign_webhook_decisions_total{policy=\"production\",rule=\"signed\",mode=\"enforce\",reason=\"pass\",door=\"enforce\"} 1",
        "countersign_webhook_decisions_total{policy=\"production\",rule=\"signed\",mode=\"enforce\",reason=\"no-evidence\",door=\"enforce\"} 1",
        "countersign_webhook_admissions_total{signer=\"key\"} 1",
        "countersign_webhook_policy_generation 1",
        "countersign_webhook_reviews_running 0",
        "countersign_webhook_proof_verifications_total 1",
        "countersign_webhook_log_lines_left_out_total 0",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line}\n{metrics}");
    }
    let host = format!(
        "countersign_webhook_registry_requests_total{{host=\"{}\",status=\"200\"}}",
        scene.registry.host()
    );
    assert!(metrics.contains(&host), "{metrics}");
    assert!(
        metrics
            .contains("countersign_webhook_cache_answers_total{kind=\"manifest\",answer=\"miss\"}"),
        "{metrics}"
    );
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    every_metric_is_on_the_page(&metrics);
}

fn every_metric_is_on_the_page(metrics: &str) {
    let page = include_str!("../../../../docs/webhook.md");
    let mut told: Vec<&str> = page
        .split('`')
        .filter(|it| it.starts_with("countersign_"))
        .collect();
    told.sort_unstable();
    told.dedup();
    let mut kinds = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let mut there: Vec<String> = kinds
        .by_ref()
        .map(|line| match line.split_once(' ').unwrap() {
            (name, "counter") => format!("{name}_total"),
            (name, _) => name.to_owned(),
        })
        .collect();
    there.sort_unstable();
    assert_eq!(told, there);
}

#[tokio::test]
async fn hosts_that_only_a_pod_names_are_neither_asked_nor_counted_by_name() {
    let scene = Scene::new();
    let everywhere = scene
        .policy("rules: [{name: signed, signature: {from: key}}]")
        .replace(&format!("{}/acme/**", scene.registry.host()), "**");
    let other = countersign_testkit::registry::Registry::start();
    let digest = other.push_image("acme/app", "v1");
    let image = format!("{}/acme/app@{digest}", other.host());
    let program = Program::ready(&scene, &[]);
    let client = client(&scene.authority, &program).build().unwrap();
    // No policy names it: nobody is asked.
    let answer = program.ask(&client, "/validate", &review(&[&image])).await;
    assert!(
        answer["status"]["message"]
            .as_str()
            .unwrap()
            .contains("unmatched"),
        "{answer}"
    );
    assert_eq!(other.connections(), 0);
    // A policy names everything: addresses inside are refused all the same, without an entry under `registries:`.
    scene.write_policy(&everywhere);
    program.line(|_| {
        program
            .lines()
            .iter()
            .filter(|line| line["event"] == "policies-in-force")
            .count()
            == 2
    });
    let answer = program.ask(&client, "/validate", &review(&[&image])).await;
    assert_eq!(answer["status"]["code"], 503, "{answer}");
    assert!(
        answer["status"]["message"]
            .as_str()
            .unwrap()
            .contains("is refused: it is this machine itself"),
        "{answer}"
    );
    for address in [
        "10.1.2.3",
        "192.168.0.1:5000",
        "169.254.169.254",
        "[::1]:5000",
    ] {
        let answer = program
            .ask(
                &client,
                "/validate",
                &review(&[&format!("{address}/acme/app@{digest}")]),
            )
            .await;
        assert!(
            answer["status"]["message"]
                .as_str()
                .unwrap()
                .contains(" is refused: it is "),
            "{address}: {answer}"
        );
    }
    assert_eq!(other.connections(), 0);
    let (_, metrics) = program.plain("/metrics").await;
    assert!(
        !metrics.contains(&other.host()) && !metrics.contains("10.1.2.3"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_digest_rule_that_fails_is_decided_without_a_request() {
    let scene = Scene::new();
    scene.write_policy(&scene.policy(
        "rules: [{name: pinned, digest: required}, {name: signed, signature: {from: key}}]",
    ));
    let program = Program::ready(&scene, &[]);
    let client = client(&scene.authority, &program).build().unwrap();
    let tagged = format!("{}/acme/signed:v1", scene.registry.host());
    let answer = program.ask(&client, "/validate", &review(&[&tagged])).await;
    assert_eq!(answer["status"]["code"], 403, "{answer}");
    assert_eq!(scene.registry.connections(), 0);
}

/// Waits until a metric has a value.
pub(crate) async fn metric(program: &Program, line: &str) {
    let begun = Instant::now();
    loop {
        let (_, metrics) = program.plain("/metrics").await;
        if metrics.lines().any(|it| it == line) {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{line}\n{metrics}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn work_stops_when_the_caller_has_gone() {
    let scene = Scene::new();
    scene.registry.fault(|_| true, Fault::Silence);
    let program = Program::ready(&scene, &[]);
    for builder in [
        client(&scene.authority, &program),
        client(&scene.authority, &program).http1_only(),
    ] {
        let client = builder.timeout(Duration::from_millis(500)).build().unwrap();
        assert!(
            program
                .post(&client, "/validate?timeout=30s", &review(&[&scene.signed]))
                .await
                .is_err()
        );
        drop(client);
        metric(&program, "countersign_webhook_reviews_running 0").await;
    }
    let begun = Instant::now();
    while scene.registry.open_connections() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn beyond_its_bounds_it_says_so_at_once_and_other_namespaces_are_answered() {
    let scene = Scene::new();
    let hanging = format!("{}/acme/hanging:v1", scene.registry.host());
    scene
        .registry
        .fault(|request| request.path.contains("hanging"), Fault::Silence);
    let program = Program::ready(
        &scene,
        &[
            "--most-reviews",
            "4",
            "--most-waiting",
            "1",
            "--most-bytes",
            "8388608",
        ],
    );
    let client = client(&scene.authority, &program).build().unwrap();
    let slow = review(&[&hanging]);
    let ask = |path: &'static str| program.ask(&client, path, &slow);
    let (first, second, third) = (
        ask("/validate?timeout=4s"),
        ask("/validate?timeout=4s"),
        ask("/validate?timeout=4s"),
    );
    let meanwhile = async {
        metric(&program, "countersign_webhook_reviews_running 2").await;
        metric(&program, "countersign_webhook_reviews_waiting 1").await;
        let begun = Instant::now();
        let answer = program.ask(&client, "/validate?timeout=4s", &slow).await;
        assert_eq!(answer["status"]["code"], 503);
        assert!(
            answer["status"]["message"]
                .as_str()
                .unwrap()
                .starts_with("countersign is overloaded"),
            "{answer}"
        );
        let answer = program
            .ask(&client, "/validate-audit?timeout=4s", &slow)
            .await;
        assert_eq!(answer["allowed"], true);
        assert!(
            answer["warnings"][0]
                .as_str()
                .unwrap()
                .starts_with("countersign is overloaded"),
            "{answer}"
        );
        let mut other = review(&[&scene.signed]);
        other["request"]["namespace"] = json!("other");
        assert_eq!(
            program.ask(&client, "/validate?timeout=4s", &other).await["allowed"],
            true
        );
        assert!(begun.elapsed() < Duration::from_secs(2));
    };
    let (first, second, third, ()) = tokio::join!(first, second, third, meanwhile);
    let judged = [first, second, third].into_iter().filter(|answer| {
        let message = answer["status"]["message"].as_str().unwrap();
        message.contains("registry-timeout")
    });
    assert_eq!(judged.count(), 2);
    metric(
        &program,
        "countersign_webhook_overloaded_total{door=\"enforce\",full=\"reviews\"} 2",
    )
    .await;
    program.line(|line| line["event"] == "overloaded");
}
