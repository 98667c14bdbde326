//! `deploy/kustomize` holds what the chart renders.

use std::fs;

use serde_json::{Value, json};

use crate::chart::{CERT_MANAGER, Chart, ENFORCED, deploy, objects};

/// Files that the chart renders, with the values and the template of each; no template is all of them.
const GOLDEN: [(&str, &[&str], Option<&str>); 4] = [
    ("base/countersign.yaml", &["namespace.create=true"], None),
    ("overlays/enforce/enforce.yaml", ENFORCED, Some("enforce")),
    (
        "overlays/mutate/mutate.yaml",
        &["enforce.namespaces={shop}", "mutate.enabled=true"],
        Some("mutate"),
    ),
    (
        "overlays/cert-manager/certificates.yaml",
        CERT_MANAGER,
        Some("certificates"),
    ),
];

#[test]
fn what_kustomize_starts_from_is_what_the_chart_renders() {
    let Some(chart) = Chart::found() else { return };
    let mut different = Vec::new();
    for (name, values, template) in GOLDEN {
        let file = deploy("kustomize").join(name);
        let template = template.map(|it| format!("templates/{it}.yaml"));
        let only = template.iter().flat_map(|it| ["-s", it.as_str()]);
        let rendered = chart.text(values, &only.collect::<Vec<_>>());
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&file, &rendered).unwrap();
        }
        if fs::read_to_string(&file).ok().as_deref() != Some(rendered.as_str()) {
            different.push(name);
        }
    }
    assert!(
        different.is_empty(),
        "{different:?} in deploy/kustomize are not what deploy/helm renders: UPDATE_GOLDEN=1"
    );
}

#[test]
fn overlays_mean_what_the_chart_means_with_the_values_of_their_names() {
    let Some(chart) = Chart::found() else { return };
    for (overlay, values) in [
        ("base", &[][..]),
        ("overlays/audit", &[]),
        ("overlays/enforce", ENFORCED),
        (
            "overlays/mutate",
            &["enforce.namespaces={shop}", "mutate.enabled=true"],
        ),
        ("overlays/cert-manager", CERT_MANAGER),
    ] {
        let values = [values, &["namespace.create=true"]].concat();
        let mut expected = objects(&chart.rendered(&values));
        let mut overlaid = objects(&chart.kustomized(overlay));
        let [wanted, got] = [&mut expected, &mut overlaid].map(|it| options(it));
        assert_eq!(overlaid.len(), expected.len(), "{overlay}");
        for (overlaid, expected) in overlaid.iter().zip(&expected) {
            assert_eq!(overlaid, expected, "{overlay}");
        }
        assert_eq!(got, wanted, "{overlay}");
    }
}

/// Takes out what is configured, which the chart writes into the file and an overlay into the environment, and gives it as one.
fn options(objects: &mut [Value]) -> Value {
    let mut options = json!({});
    for object in objects {
        let name = object["metadata"]["name"].clone();
        if object["kind"] == "ConfigMap" && name == "countersign-webhook" {
            let text = object["data"]["config.yaml"].take();
            for line in text.as_str().unwrap().lines() {
                let (option, value) = line.split_once(": ").unwrap();
                options[option] = json!(value.trim_matches('"'));
            }
        }
        if object["kind"] == "Deployment" {
            let template = &mut object["spec"]["template"];
            template["metadata"]["annotations"]["checksum/config"].take();
            let container = template["spec"]["containers"][0].as_object_mut().unwrap();
            for variable in container.remove("env").into_iter().flat_map(array) {
                let name = variable["name"].as_str().unwrap();
                let option = name.strip_prefix("COUNTERSIGN_WEBHOOK_").unwrap();
                options[camel(option)] = variable["value"].clone();
            }
        }
    }
    // What it would be called if it made the certificate makes no difference to one that does not, and files are the default.
    if options["tls"] != "self" {
        let options = options.as_object_mut().unwrap();
        options.remove("tlsSecret");
        options.remove("tls");
    }
    options
}

fn array(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => panic!("{other}"),
    }
}

/// `TLS_CERT` as `tlsCert`.
fn camel(name: &str) -> String {
    let lower = name.to_lowercase();
    let mut words = lower.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |all, word| {
        let (head, tail) = word.split_at(1);
        all + &head.to_uppercase() + tail
    })
}
