//! What is refused is told in Events on its owner: by a service account that may do that and no more, and only of what is there.

use countersign_e2e::{Grant, Registered, Registration, Webhook, eventually, pod};
use serde_json::{Value, json};

use crate::scene::{Lab, until_answered};

/// What the webhook has told in a namespace.
fn told(lab: &Lab, namespace: &str) -> Vec<Value> {
    let path = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
    let list = lab.admin().get(&path).unwrap();
    let events = list.body["items"].as_array().cloned().unwrap_or_default();
    events
        .into_iter()
        .filter(|event| event["reportingController"] == "countersign.dev/webhook")
        .collect()
}

fn replica_set(name: &str, image: &str) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
    })
}

/// A Pod that says that this ReplicaSet made it.
fn owned(name: &str, image: &str, owner: &str, uid: &Value) -> Value {
    let mut pod = pod(name, image);
    pod["metadata"]["ownerReferences"] = json!([
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": uid, "controller": true},
    ]);
    pod
}

fn grants() -> [Grant; 1] {
    [Grant {
        namespace: None,
        rules: json!([
            {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
            {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get"]},
        ]),
    }]
}

/// Makes a namespace with the ReplicaSet `web`, and gives the uid of that.
fn with_owner(lab: &Lab, namespace: &str) -> Value {
    lab.cluster.namespace(namespace).unwrap();
    let list = format!("/apis/apps/v1/namespaces/{namespace}/replicasets");
    let made = lab
        .admin()
        .create(&list, &replica_set("web", &lab.unsigned))
        .unwrap();
    assert!(made.is_done(), "{made:?}");
    made.body["metadata"]["uid"].clone()
}

/// A webhook for the namespace that tells Events, and may do what is granted and no more.
fn telling(lab: &Lab, namespace: &str, grants: &[Grant]) -> (Webhook, Registered) {
    let kubeconfig = lab
        .cluster
        .service_account(namespace, "countersign", grants)
        .unwrap();
    let arguments = ["--kubernetes", kubeconfig.to_str().unwrap(), "--events"];
    let webhook = lab
        .webhook
        .start(&lab.policy("enforce"), &lab.registries(), &arguments)
        .unwrap();
    let config = webhook.client_config("/validate");
    let registered = Registration::of(namespace, "validate", config)
        .register(&lab.cluster)
        .unwrap();
    until_answered(lab, namespace, &lab.unsigned, |answer| !answer.is_done());
    (webhook, registered)
}

#[test]
fn what_is_refused_is_told_on_its_owner_once_and_on_nothing_that_is_only_claimed() {
    let Some(lab) = Lab::shared() else { return };
    let (namespace, elsewhere) = ("told", "told-elsewhere");
    let made = [namespace, elsewhere].map(|namespace| with_owner(&lab, namespace));
    let (webhook, _registered) = telling(&lab, namespace, &grants());

    // Claimed owners: a uid that is none, and an object that is in another namespace. Whoever asked is not known, so nothing is told.
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    for (number, uid) in [
        json!("11111111-2222-3333-4444-555555555555"),
        made[1].clone(),
    ]
    .iter()
    .enumerate()
    {
        let claimed = owned(&format!("claimed{number}"), &lab.unsigned, "web", uid);
        let answer = lab.admin().create(&pods, &claimed).unwrap();
        assert!(!answer.is_done(), "{answer:?}");
    }
    // Of nobody, and a dry run of the true owner's.
    let alone = pod("alone", &lab.unsigned);
    assert!(!lab.admin().create(&pods, &alone).unwrap().is_done());
    let dry = owned("dry", &lab.unsigned, "web", &made[0]);
    let answer = lab.admin().create(&format!("{pods}?dryRun=All"), &dry);
    assert!(!answer.unwrap().is_done());
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(told(&lab, namespace), Vec::<Value>::new());

    // The ReplicaSet controller tries again and again.
    let scaled = lab.admin().merge(
        &format!("/apis/apps/v1/namespaces/{namespace}/replicasets/web"),
        &json!({"spec": {"replicas": 3}}),
    );
    assert!(scaled.unwrap().is_done());
    let event = eventually("the Event", || Ok(told(&lab, namespace).pop())).unwrap();
    assert_eq!(
        (&event["reason"], &event["type"]),
        (&json!("ImageDenied"), &json!("Warning"))
    );
    let regarding = &event["regarding"];
    assert_eq!(
        (&regarding["kind"], &regarding["name"], &regarding["uid"]),
        (&json!("ReplicaSet"), &json!("web"), &made[0])
    );
    let note = event["note"].as_str().unwrap();
    assert!(
        note.contains(&lab.unsigned) && note.contains("no-evidence"),
        "{note}"
    );
    assert!(note.len() <= 1024);
    // However often, it is one, which counts. The count is written at most once a minute.
    let denied = || {
        let log = webhook.log();
        let denied = log
            .iter()
            .filter(|line| line["effect"] == "deny" && line["dryRun"] == false);
        denied.count()
    };
    let counted = eventually("the count", || {
        let count = told(&lab, namespace)
            .pop()
            .and_then(|it| it["series"]["count"].as_u64());
        Ok(count)
    });
    assert!(counted.unwrap() >= 2);
    let events = told(&lab, namespace);
    assert!(events.len() == 1 && denied() > 4, "{} {events:?}", denied());
    assert_eq!(told(&lab, elsewhere), Vec::<Value>::new());
}

#[test]
fn a_permission_that_is_missing_is_said_once_and_nothing_is_decided_otherwise() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "told-forbidden";
    let uid = with_owner(&lab, namespace);
    let (webhook, _registered) = telling(&lab, namespace, &[]);
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    for name in ["a", "b", "c"] {
        let answer = lab
            .admin()
            .create(&pods, &owned(name, &lab.unsigned, "web", &uid))
            .unwrap();
        assert_eq!(answer.status, 403, "{answer:?}");
        std::thread::sleep(std::time::Duration::from_secs(2));
    }
    let signed = owned("signed", &lab.signed, "web", &uid);
    assert!(lab.admin().create(&pods, &signed).unwrap().is_done());
    let forbidden = webhook.events("events-forbidden");
    assert_eq!(forbidden.len(), 1, "{forbidden:?}");
    let message = forbidden[0]["message"].as_str().unwrap();
    assert!(
        message.contains("`create` and `patch` of `events`"),
        "{message}"
    );
}
