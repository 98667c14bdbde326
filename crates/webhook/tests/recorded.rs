//! Questions that a real API server (kube-apiserver 1.35.0) has asked, as it sent them: each is read, and every image in it found.
//!
//! The end-to-end test `cluster` records them anew with `COUNTERSIGN_RECORD=1`.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use countersign_core::{CustomField, FieldContent, GroupKind, ImageFields, Outline};
use countersign_webhook::Review;
use serde_json::Value;

/// The file, and how many images its old and its new object bear.
const RECORDED: [(&str, Option<usize>, Option<usize>); 20] = [
    ("connect-pods-exec", None, Some(0)),
    ("create-configmaps", None, Some(0)),
    ("create-cronjobs", None, Some(1)),
    ("create-daemonsets", None, Some(1)),
    ("create-deployments", None, Some(3)),
    ("create-jobs", None, Some(1)),
    ("create-pipelines", None, Some(1)),
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
fn every_recorded_question_is_read_with_its_images() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let pipelines = CustomField {
        of: GroupKind {
            group: "pipelines.acme.example".to_owned(),
            kind: "Pipeline".to_owned(),
        },
        at: "spec.steps[*].image".parse().unwrap(),
        holds: FieldContent::Image,
        optional: false,
    };
    let known = ImageFields::new(vec![pipelines]);
    for (name, old, new) in RECORDED {
        let body = fs::read(folder.join(format!("{name}.json"))).unwrap();
        for outline in [Outline::whole(), known.outline()] {
            let review = Review::from_json(&body, &outline)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            let images = |object: &Option<Value>| {
                let object = object.as_ref()?;
                assert_eq!(GroupKind::of(object).unwrap(), review.kind, "{name}");
                Some(known.of(object).unwrap().len())
            };
            assert_eq!(images(&review.old_object), old, "{name}");
            assert_eq!(images(&review.object), new, "{name}");
        }
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), RECORDED.len());
}

#[test]
fn what_was_converted_is_of_the_version_that_is_registered() {
    let body = include_bytes!("recorded/create-pipelines.json");
    let sent: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(sent["request"]["requestKind"]["version"], "v1beta1");
    let review = Review::from_json(body, &Outline::whole()).unwrap();
    let object = review.object.unwrap();
    assert_eq!(object["apiVersion"], "pipelines.acme.example/v1");
    assert_eq!(review.namespace.as_deref(), Some("custom"));
}
