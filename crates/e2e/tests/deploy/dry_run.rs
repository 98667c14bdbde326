//! A real API server takes everything that is rendered.

use countersign_e2e::{Cluster, eventually};
use serde_json::json;

use crate::chart::{SETS, find, objects};
use crate::lab::Lab;

/// Kinds of others that are rendered for whoever has them: group, version, kind, plural.
const FOREIGN: [(&str, &str, &str, &str); 3] = [
    ("cert-manager.io", "v1", "Issuer", "issuers"),
    ("cert-manager.io", "v1", "Certificate", "certificates"),
    (
        "monitoring.coreos.com",
        "v1",
        "ServiceMonitor",
        "servicemonitors",
    ),
];

/// Defines them, with whatever fields.
fn define_foreign(cluster: &Cluster) {
    let list = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for (group, version, kind, plural) in FOREIGN {
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group, "scope": "Namespaced",
                "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List")},
                "versions": [{
                    "name": version, "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                }],
            },
        });
        let created = cluster.admin().create(list, &definition).unwrap();
        assert!(created.is_done(), "{created:?}");
        eventually(&format!("the kind {kind}"), || {
            let path = format!("/apis/{group}/{version}/{plural}");
            Ok(cluster.admin().get(&path)?.is_done().then_some(()))
        })
        .unwrap();
    }
}

#[test]
fn the_api_server_takes_everything_that_is_rendered() {
    let Some(lab) = Lab::wait() else { return };
    let chart = &lab.chart;
    define_foreign(&lab.cluster);
    // A dry run makes no namespace for what follows it.
    for namespace in ["countersign", "shop", "garden"] {
        lab.namespace(namespace);
    }
    let overlays = [
        "base",
        "overlays/audit",
        "overlays/enforce",
        "overlays/mutate",
        "overlays/cert-manager",
    ];
    let rendered = SETS.map(|(name, values)| (name, chart.rendered(values)));
    let overlaid = overlays.map(|name| (name, chart.kustomized(name)));
    for (name, text) in rendered.iter().chain(&overlaid) {
        let said = lab.kubectl(&["apply", "--dry-run=server", "--validate=strict"], text);
        assert_eq!(said.code, Some(0), "{name}: {}{}", said.stdout, said.stderr);
        // The namespace was not made by kubectl.
        let mut warnings = said.stderr.lines();
        let warning = warnings.find(|it| !it.contains("last-applied-configuration"));
        assert_eq!(warning, None, "{name}");
        let taken = said
            .stdout
            .lines()
            .filter(|it| it.ends_with("(server dry run)"));
        assert_eq!(
            taken.count(),
            objects(text).len(),
            "{name}: {}",
            said.stdout
        );
    }
    // Of what is defined above every kind is among them.
    let all: Vec<_> = rendered
        .iter()
        .flat_map(|(_, text)| objects(text))
        .collect();
    for (_, _, kind, _) in FOREIGN {
        assert!(all.iter().any(|it| it["kind"] == kind), "{kind}");
    }
    assert!(find(&all, "MutatingWebhookConfiguration", "countersign-mutate").is_some());
}
