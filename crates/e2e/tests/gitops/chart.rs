//! Argo CD keeps our own chart, with selfHeal and prune, while the webhook rotates its certificates.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use countersign_e2e::{Answer, ArgoCd, Client, Node, WebhookProgram, eventually, pod, workspace};
use serde_json::{Value, json};

use crate::application::{Application, resource};
use crate::lab::{Images, deploy, document, parts};
use crate::repository::Repository;

const CONFIGURATIONS: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
const MUTATING: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const SECRET: &str = "/api/v1/namespaces/countersign/secrets/countersign-webhook-tls";
const LEASE: &str =
    "/apis/coordination.k8s.io/v1/namespaces/countersign/leases/countersign-webhook";
/// Seconds of a serving certificate's life, of which it is replaced after two thirds; an authority lives for four of them.
const LIFETIME: u32 = 24;
/// How long two rotations of everything may take.
const MOST: Duration = Duration::from_secs(300);

/// What was seen while people made Pods.
#[derive(Default)]
struct Seen {
    certificates: BTreeSet<String>,
    bundles: BTreeSet<String>,
    compared: BTreeSet<String>,
    asked: usize,
    failures: Vec<String>,
}

/// What the API server holds of the webhook: its certificate, and by what it is known at each of the three configurations.
fn written(client: &Client) -> (String, Vec<String>) {
    let secret = client.get(SECRET).unwrap().body;
    let certificate = secret["data"]["tls.crt"].as_str().unwrap_or_default();
    let bundles = [
        format!("{CONFIGURATIONS}/countersign-enforce"),
        format!("{CONFIGURATIONS}/countersign-audit"),
        format!("{MUTATING}/countersign-mutate"),
    ]
    .map(|path| {
        let found = client.get(&path).unwrap().body;
        let bundle = found["webhooks"][0]["clientConfig"]["caBundle"].as_str();
        bundle.unwrap_or_default().to_owned()
    });
    (certificate.to_owned(), bundles.to_vec())
}

fn create(client: &Client, image: &str) -> Answer {
    let path = "/api/v1/namespaces/shop/pods?dryRun=All";
    client.create(path, &pod("review", image)).unwrap()
}

#[test]
fn our_own_chart_stays_synced_through_rotations_and_no_review_is_lost() {
    stays_synced(&["CreateNamespace=true"]);
}

/// It is compared by a dry run then.
#[test]
fn so_it_does_with_server_side_apply() {
    stays_synced(&["CreateNamespace=true", "ServerSideApply=true"]);
}

fn stays_synced(options: &[&str]) {
    let Some(parts) = parts() else { return };
    let folder = tempfile::tempdir().unwrap();
    let images = Images::push(&parts, folder.path());
    let registries = images.registries(folder.path());
    let program = WebhookProgram::build().unwrap();
    let node = Node::start(&parts, &program, &registries).unwrap();
    let client = node.cluster().admin();
    node.cluster().namespace("shop").unwrap();
    let argo = ArgoCd::start(&parts, node.cluster(), &[], None).unwrap();

    let repository = Repository::new(folder.path().join("countersign.git"));
    let chart = "deploy/helm/countersign";
    repository.copy(&workspace().join(chart), chart, &[]);
    let commit = repository.commit("the chart");
    // The very file, for another repository; short lives for the certificates, and all that the chart can register.
    let mut wanted = document(&deploy("countersign.yaml"));
    wanted["spec"]["source"]["repoURL"] = json!(repository.url());
    wanted["spec"]["source"]["targetRevision"] = json!("main");
    let values = &mut wanted["spec"]["source"]["helm"]["valuesObject"];
    assert_eq!(values["enforce"]["namespaces"], json!(["shop"]));
    values["policy"] = images.policy_files();
    values["mutate"] = json!({"enabled": true});
    values["config"] = json!({"tlsLifetime": LIFETIME});
    assert!(wanted["spec"].get("ignoreDifferences").is_none());
    let given = &mut wanted["spec"]["syncPolicy"]["syncOptions"];
    assert_eq!(*given, json!(["CreateNamespace=true"]));
    *given = json!(options);
    let application = Application::create_in(client, || argo.log(), &wanted);
    application.synced(&commit);
    eventually("answers of both kinds", || {
        let (good, bad) = (
            create(client, &images.signed),
            create(client, &images.unsigned),
        );
        Ok((good.is_done() && bad.message().contains("no-evidence")).then_some(()))
    })
    .unwrap();
    // Nobody here counts for its PodDisruptionBudget, so that the whole is never Healthy.
    application.until("a healthy Deployment", |it| {
        resource(it, "Deployment", "countersign-webhook")["health"]["status"] == "Healthy"
    });
    let begun = Instant::now();
    let history = application.status()["history"].as_array().unwrap().len();

    let (seen, is_over) = (Mutex::new(Seen::default()), AtomicBool::new(false));
    thread::scope(|scope| {
        for asker in 0..2 {
            let (seen, is_over, images) = (&seen, &is_over, &images);
            scope.spawn(move || {
                let mut is_signed = asker == 0;
                while !is_over.load(Ordering::Relaxed) {
                    is_signed = !is_signed;
                    let image = if is_signed {
                        &images.signed
                    } else {
                        &images.unsigned
                    };
                    let answer = create(client, image);
                    let is_right = match is_signed {
                        true => answer.is_done(),
                        false => answer.message().contains("no-evidence"),
                    };
                    let mut seen = seen.lock().unwrap();
                    seen.asked += 1;
                    if !is_right {
                        seen.failures.push(format!("{image}: {answer:?}"));
                    }
                    drop(seen);
                    thread::sleep(Duration::from_millis(50));
                }
            });
        }
        let first = written(client).1;
        while begun.elapsed() < MOST {
            let (certificate, bundles) = written(client);
            let status = application.status();
            let mut seen = seen.lock().unwrap();
            seen.certificates.insert(certificate);
            if status["sync"]["status"] != "Synced" {
                seen.failures.push(format!("{status:#}"));
            }
            if let Some(time) = status["reconciledAt"].as_str() {
                seen.compared.insert(time.to_owned());
            }
            let is_replaced = bundles.iter().all(|it| !first.contains(it));
            seen.bundles.extend(bundles);
            if seen.certificates.len() >= 4 && seen.bundles.len() >= 3 && is_replaced {
                break;
            }
            drop(seen);
            thread::sleep(Duration::from_millis(300));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let seen = seen.into_inner().unwrap();
    assert!(
        seen.failures.is_empty(),
        "{:#?}\n{}",
        seen.failures,
        argo.log()
    );
    // Serving certificates twice and more, and the authority too.
    let (certificates, bundles) = (seen.certificates.len(), seen.bundles.len());
    assert!(certificates >= 4, "{certificates} certificates");
    assert!(bundles >= 3, "{bundles} bundles");
    assert!(seen.asked > 300, "{} reviews", seen.asked);
    assert!(seen.compared.len() >= 5, "{:?}", seen.compared);
    println_now(&format!(
        "{} reviews, {certificates} certificates, {bundles} bundles, {} comparisons in {:?}",
        seen.asked,
        seen.compared.len(),
        begun.elapsed()
    ));

    // Nothing was healed or pruned: what the webhook made is there, and the one sync was the installation.
    let status = application.status();
    assert_eq!(
        status["history"].as_array().unwrap().len(),
        history,
        "{status:#}"
    );
    assert!(client.get(SECRET).unwrap().is_done());
    assert!(client.get(LEASE).unwrap().is_done());

    healed(&application, client);
    pruned(&application, client, &repository, &images);
}

/// Argo CD does look: what somebody else changes in the configuration is put right, and `caBundle` stays.
fn healed(application: &Application<'_>, client: &Client) {
    let path = format!("{CONFIGURATIONS}/countersign-enforce");
    let weaker = json!([{"name": "validate.countersign.dev", "failurePolicy": "Ignore"}]);
    let answer = client.patch(&path, &json!({"webhooks": weaker})).unwrap();
    assert!(answer.is_done(), "{answer:?}");
    eventually("failurePolicy is Fail again", || {
        let found = client.get(&path)?.body;
        let webhook = &found["webhooks"][0];
        let is_known = webhook["clientConfig"]["caBundle"].is_string();
        Ok((webhook["failurePolicy"] == "Fail" && is_known).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}: {:#}", application.status()));
    application.until("Synced", |it| it["sync"]["status"] == "Synced");
}

/// What Git does not name any more goes, and what the webhook has made stays.
fn pruned(
    application: &Application<'_>,
    client: &Client,
    repository: &Repository,
    images: &Images,
) {
    std::fs::remove_file(repository.path("deploy/helm/countersign/templates/mutate.yaml")).unwrap();
    let commit = repository.commit("without mutation");
    application.synced(&commit);
    eventually("mutation is gone", || {
        let answer = client.get(&format!("{MUTATING}/countersign-mutate"))?;
        Ok((answer.status == 404).then_some(()))
    })
    .unwrap();
    assert!(client.get(SECRET).unwrap().is_done());
    assert!(client.get(LEASE).unwrap().is_done());
    assert!(create(client, &images.signed).is_done());
    let refused: Value = create(client, &images.unsigned).body;
    assert_eq!(refused["code"], 403, "{refused:#}");
}

/// Past the harness's capture: the numbers of a long run are wanted also where it is green.
fn println_now(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{line}");
}
