//! Policies that select namespaces by labels, which the API server tells to whom may `get` namespaces.

use std::fs;
use std::path::PathBuf;

use countersign_e2e::{Answer, Client, Grant, pod};
use serde_json::{Value, json};

use crate::scene::Lab;

/// The question of an API server about a Pod that would be made.
pub(crate) fn review(namespace: &str, object: Value) -> Value {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let group = match object["apiVersion"].as_str() {
        Some("apps/v1") => "apps",
        _ => "",
    };
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "u-1", "kind": {"group": group, "version": "v1", "kind": kind},
            "operation": "CREATE", "namespace": namespace, "object": object,
        },
    })
}

/// What a webhook that knows who asks says of an object: the code (200 for an allow) and the message.
pub(crate) fn asked(client: &Client, namespace: &str, object: Value) -> (u64, String) {
    let Answer { status, body, .. } = client
        .create("/validate?timeout=20s", &review(namespace, object))
        .unwrap();
    assert_eq!(status, 200, "{body}");
    let response = &body["response"];
    let told = response["status"]["message"].as_str().unwrap_or_default();
    let code = match response["allowed"] == true {
        true => 200,
        false => response["status"]["code"].as_u64().unwrap(),
    };
    (code, told.to_owned())
}

/// The labs' policy for namespaces that are labelled `tier: prod`; others have none.
fn policy(lab: &Lab) -> PathBuf {
    let folder = lab.policy("enforce");
    let text = fs::read_to_string(folder.join("policy.yaml")).unwrap();
    let text = text.replace("unmatched: deny", "unmatched: allow").replace(
        "  rules: [",
        "  namespaces: {matchLabels: {tier: prod}}\n  rules: [",
    );
    assert!(text.contains("matchLabels"));
    let labelled = folder.with_file_name("labelled");
    fs::create_dir_all(&labelled).unwrap();
    fs::copy(folder.join("release.pub"), labelled.join("release.pub")).unwrap();
    fs::write(labelled.join("policy.yaml"), text).unwrap();
    labelled
}

#[test]
fn a_policy_for_labelled_namespaces_judges_these_and_says_what_is_missing_to_know_them() {
    let Some(lab) = Lab::shared() else { return };
    let (hook, labelled, bare) = ("labels-hook", "labels-prod", "labels-bare");
    for namespace in [hook, labelled, bare] {
        lab.cluster.namespace(namespace).unwrap();
    }
    let path = format!("/api/v1/namespaces/{labelled}");
    let label = |tier: &str| json!({"metadata": {"labels": {"tier": tier}}});
    assert!(lab.admin().merge(&path, &label("prod")).unwrap().is_done());
    let grant = Grant {
        namespace: None,
        rules: json!([{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}]),
    };
    let may = lab.cluster.service_account(hook, "may", &[grant]).unwrap();
    let may_not = lab.cluster.service_account(hook, "may-not", &[]).unwrap();
    let policy = policy(&lab);
    let start = |kubeconfig: &PathBuf| {
        let flags = ["--kubernetes", kubeconfig.to_str().unwrap()];
        lab.webhook
            .start_known(&policy, &lab.registries(), &flags)
            .unwrap()
    };

    let webhook = start(&may);
    let judged =
        |namespace: &str, image: &str| asked(webhook.client(), namespace, pod("app", image));
    assert_eq!(judged(labelled, &lab.signed).0, 200);
    let (code, told) = judged(labelled, &lab.unsigned);
    assert_eq!(code, 403, "{told}");
    assert_eq!(judged(bare, &lab.unsigned).0, 200);
    let (code, told) = judged("labels-nowhere", &lab.unsigned);
    assert_eq!(code, 503);
    assert!(
        told.contains("the namespace labels-nowhere is not there"),
        "{told}"
    );
    // Labels that change count after ten seconds.
    assert!(lab.admin().merge(&path, &label("test")).unwrap().is_done());
    let changed = countersign_e2e::eventually("the other label", || {
        Ok((judged(labelled, &lab.unsigned).0 == 200).then_some(()))
    });
    changed.unwrap();

    let webhook = start(&may_not);
    let (code, told) = asked(webhook.client(), bare, pod("app", &lab.unsigned));
    assert_eq!(code, 503, "{told}");
    let who =
        format!("User \"system:serviceaccount:{hook}:may-not\" cannot get resource \"namespaces\"");
    assert!(
        told.contains(&who)
            && told.contains("service account `get` of namespaces by a ClusterRole"),
        "{told}"
    );
}
