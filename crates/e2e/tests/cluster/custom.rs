//! Custom resources, in the version that is registered and in another one that the API server serves as well.

use std::fs;

use countersign_core::Outline;
use countersign_e2e::{Recorder, Registration, eventually};
use countersign_webhook::Review;
use serde_json::{Value, json};

use crate::recorded::keep;
use crate::scene::Lab;

pub(crate) const GROUP: &str = "pipelines.acme.example";

/// A kind whose objects bear an image at `spec.steps[*].image`, served in two versions.
fn definition() -> Value {
    let version = |name: &str, is_stored: bool| {
        json!({
            "name": name, "served": true, "storage": is_stored,
            "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {"spec": {
                    "type": "object",
                    "properties": {"steps": {"type": "array", "items": {
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "image": {"type": "string"}},
                    }}},
                }},
            }},
        })
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("pipelines.{GROUP}")},
        "spec": {
            "group": GROUP, "scope": "Namespaced",
            "names": {"plural": "pipelines", "singular": "pipeline", "kind": "Pipeline", "listKind": "PipelineList"},
            "versions": [version("v1", true), version("v1beta1", false)],
        },
    })
}

/// A Pipeline of one step with this image.
fn pipeline(version: &str, name: &str, image: &str) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/{version}"), "kind": "Pipeline", "metadata": {"name": name},
        "spec": {"steps": [{"name": "build", "image": image}]},
    })
}

#[test]
fn a_custom_resource_is_judged_in_whichever_version_it_is_written() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "custom";
    lab.cluster.namespace(namespace).unwrap();
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let defined = lab.admin().create(definitions, &definition()).unwrap();
    assert!(defined.is_done(), "{defined:?}");

    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yaml");
    let image_field =
        format!("{{group: {GROUP}, kind: Pipeline, path: \"spec.steps[*].image\", holds: image}}");
    fs::write(&config, format!("images:\n  - {image_field}\n")).unwrap();
    let arguments = ["--config", config.to_str().unwrap()];
    let (policy, registries) = (lab.policy("enforce"), lab.registries());
    let webhook = lab.webhook.start(&policy, &registries, &arguments).unwrap();
    let [exact, equivalent] = [(); 2].map(|()| Recorder::start().unwrap());
    let registered = [
        ("exact", "Exact", exact.client_config()),
        ("equivalent", "Equivalent", equivalent.client_config()),
        ("validate", "Equivalent", webhook.client_config("/validate")),
    ]
    .map(|(name, match_policy, client_config)| {
        let mut registration = Registration::of(namespace, name, client_config);
        registration.match_policy = match_policy;
        registration.rules = Some(json!([{
            "apiGroups": [GROUP], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pipelines"],
        }]));
        registration.register(&lab.cluster).unwrap()
    });
    let list = |version: &str| format!("/apis/{GROUP}/{version}/namespaces/{namespace}/pipelines");
    eventually("the webhooks of Pipelines", || {
        let probe = pipeline("v1", "probe", &lab.unsigned);
        let answer = lab.admin().create(&(list("v1") + "?dryRun=All"), &probe)?;
        let are_asked = !exact.reviews().is_empty() && !equivalent.reviews().is_empty();
        Ok((are_asked && answer.message().contains("no-evidence")).then_some(()))
    })
    .unwrap();
    let asked = exact.reviews().len();

    for version in ["v1beta1", "v1"] {
        let create = |name: &str, image: &str| {
            let object = pipeline(version, name, image);
            lab.admin().create(&list(version), &object).unwrap()
        };
        let denied = create("unsigned", &lab.unsigned);
        assert_eq!(denied.status, 403, "{denied:?}");
        assert!(denied.message().contains(&lab.unsigned), "{denied:?}");
        let allowed = create(&format!("signed-{version}"), &lab.signed);
        assert!(allowed.is_done(), "{allowed:?}");
        if version == "v1beta1" {
            assert_eq!(
                exact.reviews().len(),
                asked,
                "`Exact` is not asked about v1beta1"
            );
        }
    }

    let reviews = equivalent.reviews();
    let converted = reviews
        .iter()
        .find(|body| body.contains("\"requestKind\"") && body.contains("v1beta1"))
        .expect("a review of what was written as v1beta1");
    let sent: Value = serde_json::from_str(converted).unwrap();
    assert_eq!(sent["request"]["requestKind"]["version"], "v1beta1");
    assert_eq!(sent["request"]["kind"]["version"], "v1");
    let review = Review::from_json(converted.as_bytes(), &Outline::whole()).unwrap();
    let object = review.object.unwrap();
    assert_eq!(object["apiVersion"], format!("{GROUP}/v1"));
    keep(&lab, "create-pipelines", converted);
    drop(registered);
}
