//! What the API server really asks: every question is read, and every image in it found.

use std::collections::{BTreeMap, BTreeSet};
use std::{env, fs};

use countersign_core::{GroupKind, ImageFields};
use countersign_e2e::{Recorder, Registration, eventually, workspace};
use countersign_webhook::Review;
use serde_json::{Value, json};

use crate::scenarios;
use crate::scene::Lab;

/// What has to be among the questions, and how many images the old and the new object bear; controllers ask more.
const QUESTIONS: [(&str, Option<usize>, Option<usize>); 19] = [
    ("connect-pods-exec", None, Some(0)),
    ("create-configmaps", None, Some(0)),
    ("create-cronjobs", None, Some(1)),
    ("create-daemonsets", None, Some(1)),
    ("create-deployments", None, Some(3)),
    ("create-jobs", None, Some(1)),
    ("create-pods", None, Some(5)),
    ("create-pods-binding", None, Some(0)),
    ("create-pods-eviction", None, Some(0)),
    ("create-podtemplates", None, Some(1)),
    ("create-replicasets", None, Some(3)),
    ("create-replicationcontrollers", None, Some(1)),
    ("create-statefulsets", None, Some(1)),
    ("delete-cronjobs", Some(1), None),
    ("delete-pods", Some(1), None),
    ("update-deployments", Some(3), Some(1)),
    ("update-deployments-scale", Some(0), Some(0)),
    ("update-pods-ephemeralcontainers", Some(5), Some(6)),
    ("update-pods-status", Some(6), Some(6)),
];

#[test]
fn every_question_of_the_api_server_is_read() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "recorded";
    lab.cluster.namespace(namespace).unwrap();
    let recorder = Recorder::start().unwrap();
    let mut registration = Registration::of(namespace, "record", recorder.client_config());
    registration.rules = Some(json!([
        {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]},
    ]));
    let registered = registration.register(&lab.cluster).unwrap();
    let probe = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}});
    let path = format!("/api/v1/namespaces/{namespace}/configmaps?dryRun=All");
    eventually("the recorder", || {
        lab.admin().create(&path, &probe)?;
        Ok((!recorder.reviews().is_empty()).then_some(()))
    })
    .unwrap();
    let files = ["scenarios/before.yaml", "scenarios/recorded.yaml"];
    scenarios::run(&lab, namespace, &files);
    // Controllers ask in their own time; whoever leaves them out lets every Pod of theirs in.
    eventually("the Pod of the StatefulSet's controller", || {
        let by = "system:serviceaccount:kube-system:statefulset-controller";
        let mut reviews = recorder.reviews().into_iter();
        Ok(reviews.find(|body| body.contains(by) && body.contains("\"resource\":\"pods\"")))
    })
    .unwrap();
    drop(registered);

    let mut seen = BTreeSet::new();
    let mut kept = BTreeMap::new();
    for body in recorder.reviews() {
        let (name, old, new) = read(&body);
        let expected = QUESTIONS.contains(&(name.as_str(), old, new));
        if expected {
            kept.insert(name.clone(), body);
        }
        seen.insert((name, old, new));
    }
    let missing: Vec<_> = QUESTIONS
        .iter()
        .filter(|(name, ..)| !kept.contains_key(*name))
        .collect();
    assert!(missing.is_empty(), "{missing:#?} of {seen:#?}");
    for (name, body) in kept {
        keep(&lab, &name, &body);
    }
}

/// What a question is about (`update-deployments-scale`), and how many images are in the old and the new object.
fn read(body: &str) -> (String, Option<usize>, Option<usize>) {
    let review = Review::from_json(body.as_bytes(), &ImageFields::default().outline())
        .unwrap_or_else(|error| panic!("{error}: {body}"));
    let sent: Value = serde_json::from_str(body).unwrap();
    let request = &sent["request"];
    let images = |object: &Option<Value>| {
        let object = object.as_ref()?;
        // The object's own kind is what the API server says of it, after every conversion.
        assert_eq!(GroupKind::of(object).unwrap(), review.kind, "{body}");
        let found = ImageFields::default().of(object);
        Some(
            found
                .unwrap_or_else(|error| panic!("{error}: {body}"))
                .len(),
        )
    };
    let mut name = format!(
        "{}-{}",
        request["operation"].as_str().unwrap().to_lowercase(),
        request["resource"]["resource"].as_str().unwrap()
    );
    if let Some(subresource) = request["subResource"].as_str() {
        name += &format!("-{subresource}");
    }
    (name, images(&review.old_object), images(&review.object))
}

/// With `COUNTERSIGN_RECORD=1`, keeps a question for the webhook's own tests, which run without a cluster.
pub(crate) fn keep(lab: &Lab, name: &str, body: &str) {
    if env::var_os("COUNTERSIGN_RECORD").is_none_or(|value| value != "1") {
        return;
    }
    let folder = workspace().join("crates/webhook/tests/recorded");
    fs::create_dir_all(&folder).unwrap();
    // Ports differ from run to run.
    let body = body.replace(&lab.registry.host(), "registry.acme.example");
    fs::write(folder.join(format!("{name}.json")), body).unwrap();
}
