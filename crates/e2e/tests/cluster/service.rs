//! The `service:` of a registration: by which name the API server asks, and whom it trusts.

use std::net::{Ipv4Addr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_e2e::{Registration, Serving, Webhook, ask_service, pod};
use serde_json::{Value, json};

use crate::scene::{Lab, until_answered};

/// The `clientConfig` of a registration as `deploy/` renders it; the bundle is written by whoever keeps the certificate.
const RENDERED: &str = r#"{"service": {"name": "countersign-webhook", "namespace": "countersign", "path": "/validate", "port": 443}}"#;

fn with_bundle(mut config: Value, authorities: &str) -> Value {
    config["caBundle"] = json!(STANDARD.encode(authorities));
    config
}

/// A question about one Pod, as the API server asks it.
fn review(image: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE",
            "namespace": "shop", "object": pod("app", image),
        },
    })
}

/// Asks as the API server would by this `clientConfig`: the signed image may run, the other may not.
fn check_service(lab: &Lab, config: &Value, webhook: &Webhook) {
    let endpoint = SocketAddr::from((Ipv4Addr::LOCALHOST, webhook.port()));
    for (image, may_run) in [(&lab.signed, true), (&lab.unsigned, false)] {
        let answer = ask_service(config, endpoint, &review(image)).unwrap();
        assert_eq!(answer["response"]["allowed"], may_run, "{answer}");
    }
}

#[test]
fn a_service_is_asked_by_its_name_under_its_bundle_alone() {
    let Some(lab) = Lab::shared() else { return };
    let rendered: Value = serde_json::from_str(RENDERED).unwrap();
    let names = ["countersign-webhook.countersign.svc"];
    let (policy, registries) = (lab.policy("enforce"), lab.registries());
    let webhook = lab
        .webhook
        .start_as(&names, &policy, &registries, &[])
        .unwrap();
    let config = with_bundle(rendered.clone(), webhook.authority());
    check_service(&lab, &config, &webhook);
    // Both authorities of a rotation, too.
    let other = Serving::issue(&names).unwrap();
    let both = format!("{}{}", other.authority(), webhook.authority());
    check_service(&lab, &with_bundle(rendered.clone(), &both), &webhook);

    let endpoint = SocketAddr::from((Ipv4Addr::LOCALHOST, webhook.port()));
    let fails = |config: &Value, why: &str| {
        let error = ask_service(config, endpoint, &review(&lab.signed)).unwrap_err();
        assert!(format!("{error:#}").contains(why), "{error:#}");
    };
    for (field, value) in [("namespace", "default"), ("name", "webhook")] {
        let mut config = config.clone();
        config["service"][field] = json!(value);
        fails(&config, "not valid for name");
    }
    fails(
        &with_bundle(rendered.clone(), other.authority()),
        "invalid peer certificate",
    );
    fails(&rendered, "no `caBundle`");
    let mut elsewhere = config.clone();
    elsewhere["service"]["path"] = json!("/elsewhere");
    fails(&elsewhere, "HTTP/1.1 404");

    // The API server itself, to whom a Service of the type ExternalName says where the webhook is.
    let namespace = "countersign";
    lab.cluster.namespace(namespace).unwrap();
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "countersign-webhook"},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    });
    let services = format!("/api/v1/namespaces/{namespace}/services");
    let made = lab.admin().create(&services, &service).unwrap();
    assert!(made.is_done(), "{made:?}");
    let mut config = config;
    config["service"]["port"] = json!(webhook.port());
    let _registered = Registration::of(namespace, "validate", config)
        .register(&lab.cluster)
        .unwrap();
    let denied = until_answered(&lab, namespace, &lab.unsigned, |it| it.status == 403);
    assert!(denied.message().contains("no-evidence"), "{denied:?}");
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let answer = lab.admin().create(&path, &pod("app", &lab.signed)).unwrap();
    assert!(answer.is_done(), "{answer:?}");
}
