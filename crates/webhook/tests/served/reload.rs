//! Policies and certificates that change while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use countersign_core::UnixTime;
use countersign_testkit::break_glass::{approval, statement};
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::policy::bare_signer;
use serde_json::Value;

use crate::files::Authority;
use crate::program::{Program, client};
use crate::scene::{Scene, review};

const PINNED: &str = "rules: [{name: pinned, digest: required}]";

fn count(program: &Program, event: &str) -> usize {
    let lines = program.lines();
    lines.iter().filter(|line| line["event"] == event).count()
}

/// Waits until an event has happened so often.
fn nth(program: &Program, event: &str, times: usize) {
    program.line(|_| count(program, event) >= times);
}

#[tokio::test]
async fn other_policies_count_and_wrong_ones_keep_the_last_good_and_are_told_once() {
    let scene = Scene::new();
    let program = Program::ready(&scene, &[]);
    let client = client(&scene.authority, &program).build().unwrap();
    let asked = review(&[&scene.unsigned]);
    assert_eq!(
        program.ask(&client, "/validate", &asked).await["allowed"],
        false
    );
    scene.write_policy(&scene.policy(PINNED));
    nth(&program, "policies-in-force", 2);
    assert_eq!(
        program.ask(&client, "/validate", &asked).await["allowed"],
        true
    );
    let (_, metrics) = program.plain("/metrics").await;
    assert!(
        metrics.contains("countersign_webhook_policy_last_reload_ok 1\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("countersign_webhook_policy_generation 2\n"),
        "{metrics}"
    );

    scene.write_policy(&scene.policy("rules: [{name: pinned, digest: requird}]"));
    let refused = program.line(|line| line["event"] == "policies-refused");
    assert!(
        refused["errors"]
            .as_str()
            .unwrap()
            .contains("policy.yaml:16"),
        "{refused}"
    );
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("the last good ones stay in force"),
        "{refused}"
    );
    assert_eq!(
        program.ask(&client, "/validate", &asked).await["allowed"],
        true
    );
    assert_eq!(program.plain("/readyz").await.0, 200);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(count(&program, "policies-refused"), 1);
    let (_, metrics) = program.plain("/metrics").await;
    assert!(
        metrics.contains("countersign_webhook_policy_last_reload_ok 0\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("countersign_webhook_policy_reloads_refused_total 1\n"),
        "{metrics}"
    );

    scene.write_policy(&scene.policy(PINNED));
    program.line(|line| line["event"] == "policies-mended");
    // A folder that is gone is no empty policy.
    std::fs::rename(scene.path("policy"), scene.path("away")).unwrap();
    nth(&program, "policies-refused", 2);
    assert_eq!(
        program.ask(&client, "/validate", &asked).await["allowed"],
        true
    );
}

#[tokio::test]
async fn the_symlink_swap_of_a_mounted_config_map_is_noticed() {
    let scene = Scene::new();
    let (mount, text) = (scene.path("mount"), |spec| scene.policy(spec));
    std::fs::create_dir(&mount).unwrap();
    let version = |name: &str, text: &str| {
        let folder = mount.join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("policy.yaml"), text).unwrap();
    };
    // As the kubelet's atomic writer does it.
    let point = |name: &str| {
        std::os::unix::fs::symlink(name, mount.join("..data_tmp")).unwrap();
        std::fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    };
    version(
        "..2026_1",
        &text("rules: [{name: signed, signature: {from: key}}]"),
    );
    point("..2026_1");
    std::os::unix::fs::symlink("..data/policy.yaml", mount.join("policy.yaml")).unwrap();
    let config = scene.path("config.yaml");
    std::fs::write(&config, format!("policy: {}\n", mount.display())).unwrap();
    let program = Program::configured(&scene, &config);
    program.line(|line| line["event"] == "policies-in-force");
    let client = client(&scene.authority, &program).build().unwrap();
    let asked = review(&[&scene.unsigned]);
    assert_eq!(
        program.ask(&client, "/validate", &asked).await["allowed"],
        false
    );
    version("..2026_2", &text(PINNED));
    point("..2026_2");
    std::fs::remove_dir_all(mount.join("..2026_1")).unwrap();
    nth(&program, "policies-in-force", 2);
    assert_eq!(
        program.ask(&client, "/validate", &asked).await["allowed"],
        true
    );
}

/// New connections all the time, each with one question.
async fn ask_all_the_time(
    program: Arc<Program>,
    authorities: Vec<String>,
    asked: Value,
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicU32>,
) {
    while !stop.load(Ordering::SeqCst) {
        let mut builder = reqwest::Client::builder();
        let all: Vec<_> = authorities
            .iter()
            .map(|it| reqwest::Certificate::from_pem(it.as_bytes()).unwrap())
            .collect();
        builder = builder
            .tls_certs_only(all)
            .resolve(crate::files::NAME, program.address)
            .no_proxy();
        let client = builder.build().unwrap();
        let answer = program.ask(&client, "/validate", &asked).await;
        assert_eq!(answer["allowed"], true, "{answer}");
        answers.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificate_and_key_are_rotated_while_reviews_run_and_none_fails() {
    let scene = Scene::new();
    let program = Arc::new(Program::ready(&scene, &[]));
    let next = Authority::new();
    let first = client(&scene.authority, &program).build().unwrap();
    let old = program
        .ask(&first, "/validate", &review(&[&scene.signed]))
        .await;
    assert_eq!(old["allowed"], true);

    // The API server trusts both authorities while the certificate changes.
    let authorities = vec![scene.authority.pem(), next.pem()];
    let (stop, answers) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let askers: Vec<_> = (0..2)
        .map(|_| {
            let asked = review(&[&scene.signed]);
            tokio::spawn(ask_all_the_time(
                Arc::clone(&program),
                authorities.clone(),
                asked,
                Arc::clone(&stop),
                Arc::clone(&answers),
            ))
        })
        .collect();
    // A torn pair: the new certificate with the old key.
    let pair = next.serving();
    std::fs::write(scene.path("tls.crt"), &pair.certificate).unwrap();
    let refused =
        tokio::task::block_in_place(|| program.line(|line| line["event"] == "certificate-refused"));
    assert!(
        refused["errors"]
            .as_str()
            .unwrap()
            .contains("tls.crt: with the key "),
        "{refused}"
    );
    let (_, metrics) = program.plain("/metrics").await;
    assert!(
        metrics.contains("countersign_webhook_certificate_last_reload_ok 0\n"),
        "{metrics}"
    );
    let before = answers.load(Ordering::SeqCst);
    std::fs::write(scene.path("tls.key"), &pair.key).unwrap();
    tokio::task::block_in_place(|| program.line(|line| line["event"] == "certificate-in-use"));
    // A file that is no certificate.
    std::fs::write(scene.path("tls.crt"), "nonsense").unwrap();
    tokio::task::block_in_place(|| nth(&program, "certificate-refused", 2));
    while answers.load(Ordering::SeqCst) < before + 20 {
        assert!(askers.iter().all(|it| !it.is_finished()));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.store(true, Ordering::SeqCst);
    for asker in askers {
        asker.await.unwrap();
    }
    // The new authority alone is enough, and the old one is not.
    let asked = review(&[&scene.signed]);
    let new = client(&next, &program).build().unwrap();
    assert_eq!(
        program.ask(&new, "/validate", &asked).await["allowed"],
        true
    );
    let old = client(&scene.authority, &program).build().unwrap();
    assert!(program.post(&old, "/validate", &asked).await.is_err());
    // The connection that was open all the time goes on.
    assert_eq!(
        program.ask(&first, "/validate", &asked).await["allowed"],
        true
    );
}

#[tokio::test]
async fn with_client_ca_only_named_clients_are_answered() {
    let scene = Scene::new();
    let clients = Authority::new();
    std::fs::write(scene.path("clients.pem"), clients.pem()).unwrap();
    let ca = scene.path("clients.pem").display().to_string();
    let program = Program::ready(
        &scene,
        &[
            "--client-ca",
            &ca,
            "--client-names",
            "apiserver,other.example",
        ],
    );
    let asked = review(&[&scene.signed]);
    let with = |pair: Option<crate::files::Pair>| {
        let builder = client(&scene.authority, &program);
        match pair {
            Some(pair) => builder.identity(
                reqwest::Identity::from_pem(format!("{}{}", pair.certificate, pair.key).as_bytes())
                    .unwrap(),
            ),
            None => builder,
        }
        .build()
        .unwrap()
    };
    for named in [
        clients.pair("x.example", "apiserver"),
        clients.pair("other.example", "x"),
    ] {
        let answer = program.ask(&with(Some(named)), "/validate", &asked).await;
        assert_eq!(answer["allowed"], true, "{answer}");
    }
    let foreign = Authority::new();
    for (what, pair) in [
        ("no certificate", None),
        (
            "another authority's",
            Some(foreign.pair("x.example", "apiserver")),
        ),
        (
            "another name",
            Some(clients.pair("x.example", "apiserver.evil")),
        ),
    ] {
        assert!(
            program
                .post(&with(pair), "/validate", &asked)
                .await
                .is_err(),
            "{what}"
        );
    }
    // Probes of the kubelet have no certificate.
    assert_eq!(program.plain("/readyz").await.0, 200);
}

/// The whole way of a mounted ConfigMap: it comes, counts, is counted, logged with its record, and goes.
#[tokio::test]
async fn approvals_count_from_when_their_folder_has_them_until_it_has_not() {
    let scene = Scene::new();
    let [a, b] = std::array::from_fn(|_| Key::generate(Algorithm::P256));
    let signer = |name: &str, key: &Key| bare_signer(name, &key.public_pem());
    let policy = scene.policy("rules: [{name: signed, signature: {from: key}}]");
    let policy = policy.replace("{unmatched: deny}", "{unmatched: deny, cluster: prod-eu-1}");
    let break_glass = "---\napiVersion: countersign.dev/v1alpha1\nkind: BreakGlass\nmetadata: {name: oncall}\nspec: {from: {all: [a, b]}, maxDuration: 4h, namespaces: [shop]}\n";
    scene.write_policy(&format!(
        "{policy}{}{}{break_glass}",
        signer("a", &a),
        signer("b", &b)
    ));
    let folder = scene.path("approvals");
    let program = Program::ready(&scene, &["--break-glass", folder.to_str().unwrap()]);
    let client = client(&scene.authority, &program).build().unwrap();
    let asked = review(&[&scene.unsigned]);
    assert_eq!(
        program.ask(&client, "/validate", &asked).await["allowed"],
        false
    );

    let now = UnixTime::from(SystemTime::now());
    let (name, digest) = scene.unsigned.split_once('@').unwrap();
    let (from, until) = (now.plus(-60).to_string(), now.plus(3600).to_string());
    let statement = statement(&[(name, digest)], &from, &until);
    let forge = Forge::new(now.seconds());
    let lines = [a, b].map(|key| String::from_utf8(approval(&forge, &statement, &key)).unwrap());
    std::fs::create_dir(&folder).unwrap();
    // Whole at once: written elsewhere, and moved in.
    std::fs::write(scene.path("fix.jsonl"), lines.join("\n")).unwrap();
    std::fs::rename(scene.path("fix.jsonl"), folder.join("fix.jsonl")).unwrap();
    nth(&program, "break-glass-approvals", 1);
    let answer = program.ask(&client, "/validate", &asked).await;
    assert_eq!(answer["allowed"], true, "{answer}");
    let (_, metrics) = program.plain("/metrics").await;
    assert!(
        metrics.contains("countersign_webhook_break_glass_total{door=\"enforce\"} 1\n"),
        "{metrics}"
    );
    let line = program.line(|line| {
        line["event"] == "decision" && line["level"] == "warn" && line["effect"] == "allow"
    });
    let image = &line["record"]["images"][0];
    assert_eq!(
        image["breakGlass"]["statements"][0]["status"], "used",
        "{line}"
    );

    std::fs::remove_file(folder.join("fix.jsonl")).unwrap();
    nth(&program, "break-glass-approvals", 2);
    assert_eq!(
        program.ask(&client, "/validate", &asked).await["allowed"],
        false
    );
}
