//! What controllers make is judged like what people make.

use countersign_e2e::{Registration, eventually};
use serde_json::{Value, json};

use crate::scene::{Lab, until_answered};

/// A workload of the group `apps` with one container.
fn workload(kind: &str, name: &str, image: &str, replicas: u32) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
    })
}

/// The Pods of a namespace whose label `app` is this.
fn pods(lab: &Lab, namespace: &str, app: &str) -> Vec<Value> {
    let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{app}");
    let list = lab.admin().get(&path).unwrap();
    list.body["items"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_pod_that_a_controller_makes_is_judged_and_its_reason_is_readable_on_what_made_it() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "controlled";
    lab.cluster.namespace(namespace).unwrap();
    let apps = format!("/apis/apps/v1/namespaces/{namespace}");
    let deployments = format!("{apps}/deployments");
    let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
    let old = workload("Deployment", "old", &lab.unsigned, 0);
    assert!(lab.admin().create(&deployments, &old).unwrap().is_done());
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "old-job"},
        "spec": {"suspend": true, "template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "app", "image": lab.unsigned}],
        }}},
    });
    assert!(lab.admin().create(&jobs, &job).unwrap().is_done());
    let replica_set = |app: &str| {
        let path = format!("{apps}/replicasets?labelSelector=app%3D{app}");
        let list = lab.admin().get(&path)?;
        Ok(list.body["items"].get(0).cloned())
    };
    eventually("the old ReplicaSet", || replica_set("old")).unwrap();

    let webhook = lab.start_webhook("enforce");
    let config = webhook.client_config("/validate");
    let _registered = Registration::of(namespace, "validate", config)
        .register(&lab.cluster)
        .unwrap();
    until_answered(&lab, namespace, &lab.unsigned, |answer| !answer.is_done());

    // A signed one rolls out.
    let web = workload("Deployment", "web", &lab.signed, 2);
    assert!(lab.admin().create(&deployments, &web).unwrap().is_done());
    let rolled_out = eventually("the Pods of `web`", || {
        let pods = pods(&lab, namespace, "web");
        Ok((pods.len() == 2).then_some(pods))
    })
    .unwrap();
    for pod in rolled_out {
        assert_eq!(pod["metadata"]["ownerReferences"][0]["kind"], "ReplicaSet");
        assert_eq!(pod["spec"]["containers"][0]["image"], lab.signed);
    }

    // An old one with an unsigned image may be scaled, and its Pods are not let in.
    let scaled = lab.admin().merge(
        &format!("{deployments}/old"),
        &json!({"spec": {"replicas": 1}}),
    );
    assert!(scaled.unwrap().is_done());
    let message = eventually("the reason on the ReplicaSet", || {
        let found = replica_set("old")?.unwrap_or_default();
        let conditions = found["status"]["conditions"].as_array().cloned();
        let failure = conditions
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == "ReplicaFailure");
        Ok(failure.map(|it| it["message"].as_str().unwrap_or_default().to_owned()))
    })
    .unwrap();
    for text in [
        "admission webhook \"validate.countersign.dev\" denied the request: ",
        &lab.unsigned,
        "no-evidence",
    ] {
        assert!(message.contains(text), "{message}");
    }
    assert!(pods(&lab, namespace, "old").is_empty());

    // Of a Job it is in an Event.
    let resumed = lab.admin().merge(
        &format!("{jobs}/old-job"),
        &json!({"spec": {"suspend": false}}),
    );
    assert!(resumed.unwrap().is_done());
    let events = format!("/api/v1/namespaces/{namespace}/events");
    let message = eventually("the Event of the Job", || {
        let list = lab.admin().get(&events)?;
        let events = list.body["items"].as_array().cloned();
        let failed = events.into_iter().flatten().find(|event| {
            event["involvedObject"]["name"] == "old-job" && event["reason"] == "FailedCreate"
        });
        Ok(failed.map(|it| it["message"].as_str().unwrap_or_default().to_owned()))
    })
    .unwrap();
    assert!(message.contains("no-evidence"), "{message}");
}
