//! Which of several replicas leads, by the API server's own Lease.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use countersign_e2e::{Grant, Replica, Wire, eventually};
use serde_json::json;

use crate::certificates::grants;
use crate::scene::Lab;

/// client-go's, as `docs/webhook.md` says.
const DURATION: Duration = Duration::from_secs(15);
/// Two busy cores.
const SLACK: Duration = Duration::from_secs(10);

#[test]
fn one_replica_leads_and_has_stopped_before_the_next_begins() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "leaders";
    lab.cluster.namespace(namespace).unwrap();
    let kubeconfig = lab
        .cluster
        .service_account(
            namespace,
            "webhook",
            &grants(namespace, ["leaders", "not-there"]),
        )
        .unwrap();
    let wire = Wire::start(lab.admin().address()).unwrap();
    let by_wire = elsewhere(wire.address(), &kubeconfig);
    let start = |kubeconfig: &Path| {
        let arguments = [
            "--webhook-configurations",
            "validating/leaders",
            "--reload-interval",
            "1",
        ];
        Replica::start(
            &lab.policy("enforce"),
            &lab.registries(),
            kubeconfig,
            &arguments,
        )
        .unwrap()
    };
    let leads = |replica: &Replica, times: usize| {
        eventually("a leader", || {
            let times = replica.events("leading").len() == times;
            Ok(times.then_some(Instant::now()))
        })
        .unwrap_or_else(|error| panic!("{error}: {}", replica.log()))
    };
    let mut first = start(&by_wire);
    leads(&first, 1);
    first.wait_until_ready().unwrap();
    let mut second = start(&kubeconfig);
    second.wait_until_ready().unwrap();
    thread::sleep(Duration::from_secs(5));
    assert!(second.events("leading").is_empty(), "{}", second.log());

    // Whoever cannot reach the API server has stopped before another begins.
    wire.cut();
    let cut = Instant::now();
    let led = leads(&second, 1);
    assert!(led - cut <= DURATION + SLACK, "{:?}", led - cut);
    let ended = first.events("leading-ended");
    assert_eq!(ended.len(), 1, "{}", first.log());
    let time = |event: &serde_json::Value| event["time"].as_str().unwrap().to_owned();
    let began = second.events("leading");
    assert!(time(&ended[0]) < time(&began[0]), "{ended:?} {began:?}");
    assert!(!first.events("lease-failed").is_empty(), "{}", first.log());
    assert!(first.is_ready(), "what was read last is served on");
    wire.mend();

    // Who ends gives it back at once.
    second.terminate().unwrap();
    let told = Instant::now();
    let led = leads(&first, 2);
    assert!(
        led - told < DURATION - Duration::from_secs(3),
        "{:?}",
        led - told
    );

    // Who is killed cannot.
    let mut third = start(&kubeconfig);
    third.wait_until_ready().unwrap();
    first.kill().unwrap();
    let killed = Instant::now();
    let led = leads(&third, 1);
    assert!(led - killed <= DURATION + SLACK, "{:?}", led - killed);
    let path =
        format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/countersign-webhook");
    let lease = lab.admin().get(&path).unwrap().body;
    assert_eq!(lease["spec"]["leaseTransitions"], 3, "{lease}");
    assert_eq!(
        lease["spec"]["holderIdentity"],
        third.events("leading")[0]["identity"]
    );
}

#[test]
fn who_may_not_have_the_lease_says_which_permission_is_missing() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "unled";
    lab.cluster.namespace(namespace).unwrap();
    let secrets = Grant {
        namespace: Some(namespace.to_owned()),
        rules: json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]),
    };
    let kubeconfig = lab
        .cluster
        .service_account(namespace, "webhook", &[secrets])
        .unwrap();
    let replica =
        Replica::start(&lab.policy("enforce"), &lab.registries(), &kubeconfig, &[]).unwrap();
    let told = eventually("a line about the lease", || {
        Ok(replica.events("lease-failed").pop())
    })
    .unwrap();
    let why = told["errors"].as_str().unwrap();
    assert!(why.contains("cannot get resource \"leases\""), "{why}");
    assert!(!replica.is_ready());
    let says = replica.page("/readyz").unwrap();
    assert!(
        says.contains("there is no Secret unled/countersign-webhook-tls yet"),
        "{says}"
    );
}

/// The kubeconfig with an API server at another address.
pub(crate) fn elsewhere(address: SocketAddr, kubeconfig: &Path) -> PathBuf {
    let text = fs::read_to_string(kubeconfig).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
    config["clusters"][0]["cluster"]["server"] = json!(format!("https://{address}"));
    let path = kubeconfig.with_extension(address.port().to_string());
    fs::write(&path, config.to_string()).unwrap();
    path
}
