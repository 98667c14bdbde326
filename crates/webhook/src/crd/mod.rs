//! CustomResourceDefinitions (`apiextensions.k8s.io/v1`) of the kinds that policies are made of, from the same declarations as the reader of policy files.

mod structural;

use countersign_core::PolicySet;
use serde_json::{Value, json};

use self::structural::{KEPT, status, structural};
use crate::yaml::Written;

/// The group of every kind.
pub(crate) const GROUP: &str = "countersign.dev";
/// The one version of every kind.
pub(crate) const VERSION: &str = "v1alpha1";

/// One kind of policy resource. They belong to the cluster and to no namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// As in policy files.
    pub(crate) name: &'static str,
    /// As in paths of the Kubernetes API.
    pub(crate) plural: &'static str,
}

/// All kinds, in the order of their letters.
pub(crate) const KINDS: [Kind; 8] = [
    kind("BreakGlass", "breakglasses"),
    kind("Builder", "builders"),
    kind("Exception", "exceptions"),
    kind("Policy", "policies"),
    kind("Revocation", "revocations"),
    kind("Settings", "settings"),
    kind("Signer", "signers"),
    kind("TrustRoot", "trustroots"),
];

const fn kind(name: &'static str, plural: &'static str) -> Kind {
    Kind { name, plural }
}

/// The definitions of all kinds, each with the name of its file, as YAML.
///
/// # Errors
/// If a kind cannot be said in a structural schema, which a test rules out.
pub fn crds() -> Result<Vec<(String, String)>, String> {
    let schema = PolicySet::schema();
    KINDS
        .iter()
        .map(|kind| {
            let definition = definition(*kind, &schema)?;
            Ok((
                format!("{}.yaml", kind.plural),
                Written::of(&definition).text,
            ))
        })
        .collect()
}

fn definition(kind: Kind, schema: &Value) -> Result<Value, String> {
    let kinds = schema["oneOf"].as_array().into_iter().flatten();
    let own = kinds
        .map(|it| &it["properties"])
        .find(|it| it["kind"]["const"] == kind.name)
        .ok_or_else(|| format!("there is no kind {}", kind.name))?;
    let column = |name: &str, path: &str| json!({"name": name, "type": "string", "jsonPath": path});
    let mut columns = Vec::new();
    if kind.name == "Policy" {
        columns.push(column("Mode", ".spec.mode"));
    }
    let ready = r#".status.conditions[?(@.type=="Ready")]"#;
    columns.extend([
        column("Ready", &format!("{ready}.status")),
        column("Reason", &format!("{ready}.reason")),
        json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}),
    ]);
    Ok(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{GROUP}", kind.plural)},
        "spec": {
            "group": GROUP,
            "scope": "Cluster",
            "names": {
                "kind": kind.name,
                "listKind": format!("{}List", kind.name),
                "plural": kind.plural,
                "singular": kind.name.to_lowercase(),
                // `kubectl get countersign` shows all of them.
                "categories": ["countersign"],
            },
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": columns,
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "description": own["spec"]["description"],
                    "required": ["spec"],
                    KEPT: true,
                    "properties": {
                        "apiVersion": {"type": "string"},
                        "kind": {"type": "string"},
                        "metadata": {"type": "object"},
                        "spec": structural(&own["spec"], "spec")?,
                        "status": status(),
                    },
                }},
            }],
        },
    }))
}
