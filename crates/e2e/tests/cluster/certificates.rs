//! Certificates of the webhook's own making: told to the API server, replaced under load, put right when somebody breaks them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_e2e::{Client, Grant, Replica, Wire, eventually, pod, workloads, workspace};
use countersign_testkit::page::blocks;
use serde_json::{Value, json};

use crate::leaders::elsewhere;
use crate::scene::Lab;

const CONFIGURATIONS: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
const SECRET: &str = "countersign-webhook-tls";
/// A life of an authority is 96 seconds.
const MOST: Duration = Duration::from_secs(240);
/// By which an API server calls that resolves Services.
const SERVICE: &str = "countersign-webhook";

/// The roles of `docs/webhook.md`, for these configurations in the place of those that the page names.
pub(crate) fn grants(namespace: &str, configurations: [&str; 2]) -> Vec<Grant> {
    let page = fs::read_to_string(workspace().join("docs/webhook.md")).unwrap();
    let mut roles = blocks(&page, "yaml");
    let roles = roles.find(|it| it.contains("kind: ClusterRole\n")).unwrap();
    let theirs = "[countersign-enforce, countersign-audit]";
    assert!(roles.contains(theirs));
    let roles = roles.replace(theirs, &format!("[{}]", configurations.join(", ")));
    let grant = |role: &str| {
        let role: Value = serde_saphyr::from_str(role).unwrap();
        Grant {
            namespace: (role["kind"] == "Role").then(|| namespace.to_owned()),
            rules: role["rules"].clone(),
        }
    };
    let grants: Vec<_> = roles.split("---\n").map(grant).collect();
    assert_eq!(grants.len(), 2);
    grants
}

/// A configuration with one webhook for each replica, so that each is asked about every Pod; without `caBundle`.
fn configuration(name: &str, namespace: &str, replicas: &[&Replica]) -> Value {
    let webhooks: Vec<Value> = replicas
        .iter()
        .enumerate()
        .map(|(number, replica)| {
            json!({
                "name": format!("replica-{number}.countersign.dev"),
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "timeoutSeconds": 10,
                "failurePolicy": "Fail",
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "clientConfig": {"url": format!("https://127.0.0.1:{}/validate", replica.port())},
                "rules": workloads().unwrap(),
            })
        })
        .collect();
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name}, "webhooks": webhooks,
    })
}

/// The one `caBundle` that all webhooks of a configuration have, if they have one.
fn bundle(admin: &Client, name: &str) -> Option<String> {
    let found = admin.get(&format!("{CONFIGURATIONS}/{name}")).unwrap().body;
    let mut all = found["webhooks"]
        .as_array()?
        .iter()
        .map(|it| it["clientConfig"]["caBundle"].as_str());
    let first = all.next()??.to_owned();
    if !all.all(|it| it == Some(&first)) {
        return None;
    }
    Some(String::from_utf8(STANDARD.decode(first).unwrap()).unwrap())
}

fn authorities(bundle: &str) -> Vec<String> {
    let end = "-----END CERTIFICATE-----\n";
    bundle.split_inclusive(end).map(str::to_owned).collect()
}

/// What was seen while Pods were made.
#[derive(Default)]
struct Seen {
    served: BTreeSet<Vec<u8>>,
    authorities: BTreeSet<String>,
    most_at_once: usize,
    failures: Vec<String>,
}

#[test]
fn certificates_are_replaced_under_load_without_one_failed_review_and_put_right_when_broken() {
    let Some(lab) = Lab::shared() else { return };
    let (gate, namespace, name) = ("gate", "rotated", "rotations");
    lab.cluster.namespace(gate).unwrap();
    lab.cluster.namespace(namespace).unwrap();
    let kubeconfig = lab
        .cluster
        .service_account(gate, "webhook", &grants(gate, [name, "not-there"]))
        .unwrap();
    let start = || {
        let arguments = [
            "--tls-lifetime",
            "24",
            "--reload-interval",
            "1",
            "--webhook-configurations",
            "validating/rotations,validating/not-there",
        ];
        Replica::start(
            &lab.policy("enforce"),
            &lab.registries(),
            &kubeconfig,
            &arguments,
        )
        .unwrap()
    };
    let mut replicas = [start(), start()];
    for replica in &mut replicas {
        replica.wait_until_ready().unwrap();
    }
    let of: Vec<&Replica> = replicas.iter().collect();
    let registration = configuration(name, namespace, &of);
    let answer = lab.admin().create(CONFIGURATIONS, &registration).unwrap();
    assert!(answer.is_done(), "{answer:?}");
    let gone = Gone(&lab, name);
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let is_answered = || {
        let probe = pod("probe", &lab.signed);
        let answer = lab.admin().create(&format!("{pods}?dryRun=All"), &probe);
        Ok(answer?.is_done().then_some(()))
    };
    eventually("the replicas' answers", is_answered).unwrap();

    let (seen, made, is_over) = (
        Mutex::new(Seen::default()),
        AtomicUsize::new(0),
        AtomicBool::new(false),
    );
    let secret = format!("/api/v1/namespaces/{gate}/secrets/{SECRET}");
    let missed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for maker in 0..2 {
            let (seen, made, is_over, lab, of, pods) = (&seen, &made, &is_over, &lab, &of, &pods);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let number = made.fetch_add(1, Ordering::Relaxed);
                    let new = pod(&format!("app-{maker}-{number}"), &lab.signed);
                    let answer = lab.admin().create(pods, &new).unwrap();
                    let mut round = Vec::new();
                    if !answer.is_done() {
                        round.push(format!("a Pod: {}", answer.message()));
                    }
                    // As an API server does that has only now begun: a connection that is open already says nothing of certificates.
                    let bundle = bundle(lab.admin(), name);
                    let known = bundle.unwrap_or_default();
                    let mut seen = seen.lock().unwrap();
                    for replica in of {
                        match replica.shown(&known, &format!("{SERVICE}.{gate}.svc")) {
                            Ok(shown) => {
                                seen.served.insert(shown);
                            }
                            Err(error) => round.push(format!("a handshake: {error:#}")),
                        }
                    }
                    let all = authorities(&known);
                    seen.most_at_once = seen.most_at_once.max(all.len());
                    seen.authorities.extend(all);
                    seen.failures.extend(round);
                    drop(seen);
                    thread::sleep(Duration::from_millis(150));
                }
            });
        }
        let begun = Instant::now();
        let until = |what: &str, is_it: &dyn Fn(&Seen) -> bool| {
            let mut came = false;
            while !came && begun.elapsed() < MOST {
                thread::sleep(Duration::from_millis(200));
                came = is_it(&seen.lock().unwrap());
            }
            if !came {
                missed.lock().unwrap().push(what.to_owned());
            }
        };
        let told = || bundle(lab.admin(), name).unwrap_or_default();
        let first = told();
        until("five certificates", &|it| it.served.len() >= 5);
        until("two authorities", &|it| it.authorities.len() >= 2);
        until("bundle without the first authority", &|_| {
            let now = told();
            !now.is_empty() && !now.contains(&first)
        });
        let served = seen.lock().unwrap().served.len();
        let known = seen.lock().unwrap().authorities.len();
        let deleted = lab.admin().delete(&secret).unwrap();
        until("others after the Secret was deleted", &|it| {
            deleted.is_done() && it.authorities.len() > known && it.served.len() > served
        });
        // A panic in here would wait for those who make Pods.
        is_over.store(true, Ordering::Relaxed);
    });
    let seen = seen.into_inner().unwrap();
    let logs = || of.iter().map(|it| it.log()).collect::<Vec<_>>().join("\n");
    assert!(seen.failures.is_empty(), "{:#?}\n{}", seen.failures, logs());
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "no {missed:?}: {}", logs());
    assert!(seen.served.len() >= 6, "{} certificates", seen.served.len());
    assert!(seen.authorities.len() >= 3 && seen.most_at_once >= 2);
    let made = made.into_inner();
    assert!(made > 100, "{made} Pods");
    let events = |event: &str| of.iter().map(|it| it.events(event).len()).sum::<usize>();
    assert!(events("certificate-made") >= 6);
    assert!(events("ca-bundle-patched") >= 3);
    let missing = of
        .iter()
        .flat_map(|it| it.events("webhook-configuration-missing"));
    let missing = missing.filter(|it| it["configuration"] == "not-there");
    assert_eq!(missing.count(), 1, "{}", logs());
    for event in ["secret-failed", "ca-bundle-failed", "certificate-refused"] {
        assert_eq!(events(event), 0, "{event}: {}", logs());
    }
    let metrics = of[1].page("/metrics").unwrap();
    let expiry = "countersign_webhook_certificate_authority_expires_timestamp_seconds ";
    let ends = metrics.lines().find_map(|it| it.strip_prefix(expiry));
    assert!(ends.is_some_and(|it| it.parse::<u64>().unwrap() > 1_700_000_000));

    // Somebody applies the configuration as it is in Git, without caBundle.
    let path = format!("{CONFIGURATIONS}/{name}");
    let answer = lab
        .admin()
        .merge(&path, &json!({"webhooks": registration["webhooks"]}));
    let applied = answer.unwrap().body;
    assert!(
        applied["webhooks"][0]["clientConfig"]
            .get("caBundle")
            .is_none()
    );
    eventually("the caBundle", || Ok(bundle(lab.admin(), name))).unwrap();
    let mut mended = lab.admin().get(&path).unwrap().body;
    for webhook in mended["webhooks"].as_array_mut().unwrap() {
        webhook["clientConfig"]
            .as_object_mut()
            .unwrap()
            .remove("caBundle");
    }
    assert_eq!(mended["webhooks"], applied["webhooks"]);
    eventually("the replicas' answers", is_answered).unwrap();
    drop(gone);
}

#[test]
fn what_is_missing_or_somebody_elses_is_said_and_never_overwritten() {
    let Some(lab) = Lab::shared() else { return };
    let (gate, name) = ("refused", "refusals");
    lab.cluster.namespace(gate).unwrap();
    // Of the role one verb is missing.
    let mut granted = grants(gate, [name, "not-there"]);
    granted[1].rules[0]["verbs"] = json!(["get"]);
    let kubeconfig = lab
        .cluster
        .service_account(gate, "webhook", &granted)
        .unwrap();
    let secrets = format!("/api/v1/namespaces/{gate}/secrets");
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET},
        "type": "kubernetes.io/tls", "stringData": {"tls.crt": "theirs", "tls.key": "theirs"},
    });
    assert!(lab.admin().create(&secrets, &theirs).unwrap().is_done());
    let arguments = [
        "--webhook-configurations",
        "validating/refusals",
        "--reload-interval",
        "1",
    ];
    let start = |kubeconfig: &PathBuf| {
        Replica::start(
            &lab.policy("enforce"),
            &lab.registries(),
            kubeconfig,
            &arguments,
        )
        .unwrap()
    };
    let mut replica = start(&kubeconfig);
    let answer = lab
        .admin()
        .create(CONFIGURATIONS, &configuration(name, gate, &[&replica]));
    assert!(answer.unwrap().is_done());
    let _gone = Gone(&lab, name);
    let said = |replica: &Replica, event: &str| {
        let told = eventually(event, || Ok(replica.events(event).pop()))
            .unwrap_or_else(|error| panic!("{error}: {}", replica.log()));
        told["errors"].as_str().unwrap().to_owned()
    };
    let why = said(&replica, "secret-refused");
    assert!(why.contains("not of this webhook's making"), "{why}");
    eventually("a leader", || Ok(replica.events("leading").pop())).unwrap();
    thread::sleep(Duration::from_secs(3));
    let kept = lab
        .admin()
        .get(&format!("{secrets}/{SECRET}"))
        .unwrap()
        .body;
    assert_eq!(kept["data"]["tls.crt"], STANDARD.encode("theirs"));
    assert!(!replica.is_ready());
    let says = replica.page("/readyz").unwrap();
    assert!(says.contains("not of this webhook's making"), "{says}");

    let path = format!("{secrets}/{SECRET}");
    assert!(lab.admin().delete(&path).unwrap().is_done());
    replica.wait_until_ready().unwrap();
    let why = said(&replica, "ca-bundle-failed");
    assert!(
        why.contains("cannot patch resource \"validatingwebhookconfigurations\""),
        "{why}"
    );
    let made = lab.admin().get(&path).unwrap().body;
    assert_eq!(made["type"], "kubernetes.io/tls");
    assert_eq!(
        made["metadata"]["annotations"]["countersign.dev/made-by"],
        "countersign-webhook"
    );

    // Of our own what is broken is made anew, and what is in use serves on.
    let broken = json!({"data": {"tls.key": STANDARD.encode("broken")}});
    assert!(lab.admin().merge(&path, &broken).unwrap().is_done());
    eventually("another serving certificate", || {
        let now = lab.admin().get(&path)?.body;
        Ok((now["data"]["tls.key"] != broken["data"]["tls.key"]).then_some(()))
    })
    .unwrap();
    assert!(replica.is_ready());
    let authorities = STANDARD
        .decode(made["data"]["ca.crt"].as_str().unwrap())
        .unwrap();
    let authorities = String::from_utf8(authorities).unwrap();
    let name = format!("{SERVICE}.{gate}.svc.cluster.local");
    replica.shown(&authorities, &name).unwrap();
    replica
        .shown(&authorities, "other.refused.svc")
        .unwrap_err();

    // Who begins while the API server is away has nothing to serve, and says so.
    let wire = Wire::start(lab.admin().address()).unwrap();
    wire.cut();
    let away = start(&elsewhere(wire.address(), &kubeconfig));
    said(&away, "secret-failed");
    assert!(!away.is_ready());
    let says = away.page("/readyz").unwrap();
    assert!(
        says.contains("Secret refused/countersign-webhook-tls: "),
        "{says}"
    );
}

/// A configuration that is deleted when dropped: the cluster is shared.
struct Gone<'a>(&'a Lab, &'a str);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        let _ = self
            .0
            .admin()
            .delete(&format!("{CONFIGURATIONS}/{}", self.1));
    }
}
