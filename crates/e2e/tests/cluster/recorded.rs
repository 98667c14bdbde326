//! What the API server really asks: every question is read, and every image in it found.

use std::collections::BTreeSet;

use countersign_core::{GroupKind, ImageFields};
use countersign_e2e::{Recorder, eventually};
use countersign_webhook::Review;
use serde_json::{Value, json};

use crate::scenarios;
use crate::scene::{Lab, Registration};

/// Everything that can be done with anything.
fn everything() -> Value {
    json!([{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}])
}

#[test]
fn every_question_of_the_api_server_is_read() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "recorded";
    lab.cluster.namespace(namespace).unwrap();
    let recorder = Recorder::start().unwrap();
    let mut registration = Registration::of(namespace, "record", recorder.client_config());
    registration.rules = everything();
    let registered = registration.register(&lab.cluster);
    let probe = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}});
    let path = format!("/api/v1/namespaces/{namespace}/configmaps?dryRun=All");
    eventually("the recorder", || {
        lab.admin().create(&path, &probe)?;
        Ok((!recorder.reviews().is_empty()).then_some(()))
    })
    .unwrap();
    scenarios::run(&lab, namespace, "scenarios/before.yaml");
    scenarios::run(&lab, namespace, "scenarios/recorded.yaml");
    drop(registered);

    let mut seen = BTreeSet::new();
    for body in recorder.reviews() {
        let review = Review::from_json(body.as_bytes()).unwrap_or_else(|it| panic!("{it}: {body}"));
        let sent: Value = serde_json::from_str(&body).unwrap();
        let request = &sent["request"];
        let images = |object: &Option<Value>| {
            let object = object.as_ref()?;
            let kind = GroupKind::of(object).unwrap();
            assert_eq!(kind, review.kind, "{body}");
            Some(ImageFields::default().of(object).unwrap().len())
        };
        seen.insert(format!(
            "{} {}{} {:?} → {:?}",
            request["operation"].as_str().unwrap(),
            request["resource"]["resource"].as_str().unwrap(),
            match request["subResource"].as_str() {
                Some(name) => format!("/{name}"),
                None => String::new(),
            },
            images(&review.old_object),
            images(&review.object),
        ));
    }
    println!("{seen:#?}");
}
