//! What people allow in spite of a rule: Exceptions, and approvals for an emergency in an annotation.

use std::time::SystemTime;

use countersign_core::UnixTime;
use countersign_e2e::{Registration, eventually, pod};
use countersign_testkit::break_glass::{approval, statement, with};
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::policy::bare_signer;
use serde_json::{Value, json};

use crate::scene::{Lab, until_answered};

#[test]
fn an_exception_waives_its_rule_for_its_image_in_its_namespace_until_it_ends() {
    let Some(lab) = Lab::shared() else { return };
    let exception = |name: &str, image: &str, expires: &str| {
        format!(
            "---\napiVersion: countersign.dev/v1alpha1\nkind: Exception\nmetadata: {{name: {name}}}\nspec: {{policy: signed, rules: [signed], images: [\"{image}\"], namespaces: {{names: [excepted]}}, expires: {expires}, reason: it is being cleared}}\n"
        )
    };
    let more = exception("cleared", &lab.unsigned, "2999-12-31")
        + &exception("over", &lab.foreign, "2026-01-31");
    let policy = lab.policy_with("excepted", "", &more);
    let webhook = lab.webhook.start(&policy, &lab.registries(), &[]).unwrap();
    let namespaces = ["excepted", "not-excepted"];
    let _registered = namespaces.map(|namespace| {
        lab.cluster.namespace(namespace).unwrap();
        let config = webhook.client_config("/validate");
        let registered = Registration::of(namespace, "validate", config)
            .register(&lab.cluster)
            .unwrap();
        until_answered(&lab, namespace, &lab.foreign, |answer| !answer.is_done());
        registered
    });
    let ask = |namespace: &str, image: &str| {
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        lab.admin().create(&path, &pod("app", image)).unwrap()
    };
    let allowed = ask("excepted", &lab.unsigned);
    assert!(allowed.is_done(), "{allowed:?}");
    assert!(
        allowed.warnings.iter().any(|it| it.contains("cleared")),
        "{allowed:?}"
    );
    for (namespace, image) in [
        ("not-excepted", &lab.unsigned),
        ("excepted", &lab.foreign),
        ("not-excepted", &lab.foreign),
    ] {
        let denied = ask(namespace, image);
        assert_eq!(denied.status, 403, "{namespace} {image}: {denied:?}");
    }
}

#[test]
fn an_annotation_with_all_approvals_lets_an_unsigned_image_run_and_says_so() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "broken-glass";
    let people: [Key; 2] = std::array::from_fn(|_| Key::generate(Algorithm::P256));
    let [a, b] = &people;
    let more = format!(
        "{}{}---\napiVersion: countersign.dev/v1alpha1\nkind: BreakGlass\nmetadata: {{name: oncall}}\nspec: {{from: {{all: [a, b]}}, maxDuration: 4h, namespaces: [{namespace}]}}\n",
        bare_signer("a", &a.public_pem()),
        bare_signer("b", &b.public_pem())
    );
    let policy = lab.policy_with("broken-glass", ", cluster: prod-eu-1", &more);
    let webhook = lab.webhook.start(&policy, &lab.registries(), &[]).unwrap();
    let _registered = [namespace, "whole-glass"].map(|namespace| {
        lab.cluster.namespace(namespace).unwrap();
        let config = webhook.client_config("/validate");
        let registered = Registration::of(namespace, "validate", config)
            .register(&lab.cluster)
            .unwrap();
        until_answered(&lab, namespace, &lab.foreign, |answer| !answer.is_done());
        registered
    });

    let now = UnixTime::from(SystemTime::now());
    let (name, digest) = lab.unsigned.split_once('@').unwrap();
    let (from, until) = (now.plus(-60).to_string(), now.plus(3600).to_string());
    let statement = statement(&[(name, digest)], &from, &until);
    let statement = with(statement, "/predicate/namespaces", json!([namespace]));
    let forge = Forge::new(now.seconds());
    let lines = people.map(|key| String::from_utf8(approval(&forge, &statement, &key)).unwrap());
    let annotated = |mut object: Value, place: &str, approvals: &str| {
        let annotations = json!({"countersign.dev/break-glass": approvals});
        object.pointer_mut(place).unwrap()["annotations"] = annotations;
        object
    };
    let ask = |namespace: &str, name: &str, image: &str, approvals: &str| {
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let pod = annotated(pod(name, image), "/metadata", approvals);
        lab.admin().create(&path, &pod).unwrap()
    };
    let both = lines.join("\n");
    let allowed = ask(namespace, "urgent", &lab.unsigned, &both);
    assert!(allowed.is_done(), "{allowed:?}");
    assert!(
        allowed.warnings.iter().any(|it| it.contains("bg-1")),
        "{allowed:?}"
    );
    let event = lab.cluster.audited(|event| {
        event["objectRef"]["namespace"] == namespace && event["objectRef"]["name"] == "urgent"
    });
    let annotations = &event.unwrap()["annotations"];
    assert_eq!(
        annotations["validate.countersign.dev/break-glass"], "bg-1",
        "{annotations}"
    );
    for (namespace, image, approvals) in [
        (namespace, &lab.unsigned, &lines[0]),
        (namespace, &lab.foreign, &both),
        ("whole-glass", &lab.unsigned, &both),
    ] {
        let denied = ask(namespace, "other", image, approvals);
        assert_eq!(denied.status, 403, "{namespace} {image}: {denied:?}");
    }

    // What a Deployment's template carries its Pods do too.
    let labels = json!({"app": "fix"});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "fix"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "app", "image": lab.unsigned}]},
        }},
    });
    let deployments = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    assert_eq!(
        lab.admin()
            .create(&deployments, &deployment)
            .unwrap()
            .status,
        403
    );
    let deployment = annotated(deployment, "/spec/template/metadata", &both);
    let made = lab.admin().create(&deployments, &deployment).unwrap();
    assert!(made.is_done(), "{made:?}");
    let pods = format!("/api/v1/namespaces/{namespace}/pods?labelSelector=app%3Dfix");
    eventually("the Pod of `fix`", || {
        let pods = lab.admin().get(&pods)?;
        Ok(pods.body["items"].get(0).map(drop))
    })
    .unwrap();
}
