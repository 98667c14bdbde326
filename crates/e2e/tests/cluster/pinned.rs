//! Digests are written into Pods before they are judged, and into nothing else.

use countersign_e2e::{Registration, eventually, pod, pods_alone};
use serde_json::json;

use crate::scene::{Lab, until_answered};

#[test]
fn a_pod_named_by_tag_is_pinned_and_then_judged() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "pinned";
    lab.cluster.namespace(namespace).unwrap();
    let (policy, registries) = (lab.policy_of_digests(), lab.registries());
    let webhook = lab
        .webhook
        .start(&policy, &registries, &["--mutate"])
        .unwrap();
    let validate = webhook.client_config("/validate");
    let mut registration = Registration::of(namespace, "validate", validate);
    registration.rules = Some(pods_alone());
    let _validate = registration.register(&lab.cluster).unwrap();
    let tagged = |name: &str| format!("{}/acme/{name}:v1", lab.registry.host());
    let refused = until_answered(&lab, namespace, &tagged("signed"), |it| !it.is_done());
    assert!(refused.message().contains("by-digest"), "{refused:?}");

    let mutate = webhook.client_config("/mutate");
    let mut registration = Registration::of(namespace, "mutate", mutate);
    registration.rules = Some(pods_alone());
    let _mutate = registration.register_mutating(&lab.cluster).unwrap();
    let (_, digest) = lab.signed.split_once('@').unwrap();
    let expected = format!("{}@{digest}", tagged("signed"));
    let answer = until_answered(&lab, namespace, &tagged("signed"), |it| it.is_done());
    assert_eq!(answer.body["spec"]["containers"][0]["image"], expected);

    let list = format!("/api/v1/namespaces/{namespace}/pods");
    let created = lab
        .admin()
        .create(&list, &pod("app", &tagged("signed")))
        .unwrap();
    assert!(created.is_done(), "{created:?}");
    let stored = lab.admin().get(&format!("{list}/app")).unwrap();
    assert_eq!(stored.body["spec"]["containers"][0]["image"], expected);
    let denied = lab
        .admin()
        .create(&list, &pod("unsigned", &tagged("unsigned")))
        .unwrap();
    assert!(!denied.is_done(), "{denied:?}");

    // What makes Pods stays as it is written in Git; its Pods are pinned when they are made.
    let labels = json!({"app": "web"});
    let set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "app", "image": tagged("signed")}]},
        }},
    });
    let sets = format!("/apis/apps/v1/namespaces/{namespace}/replicasets");
    let created = lab.admin().create(&sets, &set).unwrap();
    assert!(created.is_done(), "{created:?}");
    let made = eventually("the Pod of `web`", || {
        let pods = lab
            .admin()
            .get(&format!("{list}?labelSelector=app%3Dweb"))?;
        Ok(pods.body["items"].get(0).cloned())
    })
    .unwrap();
    assert_eq!(made["spec"]["containers"][0]["image"], expected);
    let set = lab.admin().get(&format!("{sets}/web")).unwrap().body;
    let written = &set["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(*written, tagged("signed"));
}
