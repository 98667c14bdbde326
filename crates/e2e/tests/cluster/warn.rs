//! The door for what only warns or audits: nothing is denied, and somebody hears of it.

use countersign_e2e::{Registration, pod};
use serde_json::Value;

use crate::scene::{Lab, until_answered};

/// The line of the audit log about the creation of this Pod, of which something says `is_it`.
fn audited(lab: &Lab, namespace: &str, name: &str) -> Value {
    let event = lab.cluster.audited(|event| {
        let object = &event["objectRef"];
        event["verb"] == "create" && object["namespace"] == namespace && object["name"] == name
    });
    event.unwrap()["annotations"].clone()
}

#[test]
fn a_policy_that_warns_warns_and_is_heard_once() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "warned";
    lab.cluster.namespace(namespace).unwrap();
    let webhook = lab.start_webhook("warn");
    let mut audit = Registration::of(namespace, "audit", webhook.client_config("/validate-audit"));
    audit.failure_policy = "Ignore";
    let _audit = audit.register(&lab.cluster).unwrap();
    let enforce = webhook.client_config("/validate");
    let _enforce = Registration::of(namespace, "validate", enforce)
        .register(&lab.cluster)
        .unwrap();
    until_answered(&lab, namespace, &lab.unsigned, |answer| {
        !answer.warnings.is_empty()
    });

    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let answer = lab
        .admin()
        .create(&path, &pod("unsigned", &lab.unsigned))
        .unwrap();
    assert!(answer.is_done(), "{answer:?}");
    let [warning] = answer.warnings.as_slice() else {
        panic!("{answer:?}");
    };
    assert!(
        warning.starts_with(&lab.unsigned) && warning.contains("no-evidence"),
        "{warning}"
    );
    let answer = lab
        .admin()
        .create(&path, &pod("signed", &lab.signed))
        .unwrap();
    assert!(answer.is_done() && answer.warnings.is_empty(), "{answer:?}");

    let annotations = audited(&lab, namespace, "unsigned");
    assert_eq!(annotations["audit.countersign.dev/effect"], "allow");
}

#[test]
fn what_would_be_denied_is_in_the_audit_log_of_the_api_server() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "audited";
    lab.cluster.namespace(namespace).unwrap();
    let webhook = lab.start_webhook("enforce");
    let mut audit = Registration::of(namespace, "audit", webhook.client_config("/validate-audit"));
    audit.failure_policy = "Ignore";
    let registered = audit.register(&lab.cluster).unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    // Nothing of the answer tells that the webhook is there, so that several are made.
    let annotations = (0..100)
        .map(|number| {
            let name = format!("unsigned-{number}");
            let answer = lab.admin().create(&path, &pod(&name, &lab.unsigned));
            let answer = answer.unwrap();
            assert!(answer.is_done() && answer.warnings.is_empty(), "{answer:?}");
            audited(&lab, namespace, &name)
        })
        .find(|annotations| !annotations["audit.countersign.dev/effect"].is_null())
        .expect("the webhook is asked at last");
    assert_eq!(annotations["audit.countersign.dev/effect"], "deny");
    let message = annotations["audit.countersign.dev/message"].as_str();
    assert!(
        message.is_some_and(|it| it.contains("no-evidence") && it.contains(&lab.unsigned)),
        "{annotations}"
    );

    // The enforcing door says the same there.
    drop(registered);
    let enforce = webhook.client_config("/validate");
    let _enforce = Registration::of(namespace, "validate", enforce)
        .register(&lab.cluster)
        .unwrap();
    until_answered(&lab, namespace, &lab.unsigned, |answer| !answer.is_done());
    let denied = lab.admin().create(&path, &pod("denied", &lab.unsigned));
    assert!(!denied.unwrap().is_done());
    let annotations = audited(&lab, namespace, "denied");
    assert_eq!(annotations["validate.countersign.dev/effect"], "deny");
}
