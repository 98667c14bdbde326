//! Which requests a webhook is registered for.

use countersign_core::GroupKind;
use serde::Deserialize;

use super::objects::{Object, Objects};
use super::selector::Holds;

/// One of `rules` of a webhook (`RuleWithOperations`). The version makes no difference: the API server converts what is asked for in another.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    pub(super) api_groups: Vec<String>,
    pub(super) operations: Vec<String>,
    pub(super) resources: Vec<String>,
    #[serde(default)]
    pub(super) scope: Option<String>,
}

/// What a request is about.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) group: String,
    /// The plural; none where nobody can tell how the API server calls the kind.
    pub(super) resource: Option<String>,
    pub(super) is_namespaced: bool,
}

/// Without what a namespace's Pods do not come up or what leads them does not work, by group.
const VITAL: [(&str, &str); 18] = [
    ("", "pods"),
    ("", "pods/binding"),
    ("", "pods/status"),
    ("apps", "replicasets"),
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("apps", "daemonsets"),
    ("batch", "jobs"),
    ("", "replicationcontrollers"),
    ("", "services"),
    ("", "endpoints"),
    ("discovery.k8s.io", "endpointslices"),
    ("coordination.k8s.io", "leases"),
    ("", "configmaps"),
    ("", "secrets"),
    ("", "serviceaccounts"),
    ("", "serviceaccounts/token"),
    ("", "events"),
];

/// The same of what has no namespace.
const VITAL_CLUSTER: [(&str, &str); 9] = [
    ("", "nodes"),
    ("", "nodes/status"),
    ("", "persistentvolumes"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("certificates.k8s.io", "certificatesigningrequests"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apiregistration.k8s.io", "apiservices"),
    ("storage.k8s.io", "csinodes"),
];

impl Rule {
    /// Whether a request to create or change such a thing is among them.
    pub(super) fn covers(&self, asked: &Asked) -> Holds {
        let lists = |list: &[String], word: &str| list.iter().any(|it| it == "*" || it == word);
        let is_written = ["CREATE", "UPDATE"]
            .iter()
            .any(|it| lists(&self.operations, it));
        let in_scope = match self.scope.as_deref() {
            Some("Namespaced") => asked.is_namespaced,
            Some("Cluster") => !asked.is_namespaced,
            _ => true,
        };
        let group = lists(&self.api_groups, &asked.group);
        Holds::from(is_written && in_scope && group).and(self.resource(asked.resource.as_deref()))
    }

    fn resource(&self, asked: Option<&str>) -> Holds {
        let takes = |pattern: &String| match asked {
            // Everything that has no subresource, or any.
            None => pattern == "*" || pattern == "*/*",
            Some(resource) => match (resource.split_once('/'), pattern.split_once('/')) {
                (_, Some(("*", "*"))) => true,
                (None, None) => pattern == "*" || pattern == resource,
                (Some((_, sub)), Some(("*", of))) => of == sub,
                (Some((main, _)), Some((of, "*"))) => of == main,
                _ => pattern == resource,
            },
        };
        match self.resources.iter().any(takes) {
            true => Holds::Yes,
            false if asked.is_none() => Holds::Perhaps,
            false => Holds::No,
        }
    }

    /// `CREATE, UPDATE of pods, deployments.apps`.
    pub(super) fn text(&self) -> String {
        let resources = self.resources.iter().flat_map(|resource| {
            let named = move |group: &String| match group.as_str() {
                "" => resource.clone(),
                group => format!("{resource}.{group}"),
            };
            self.api_groups.iter().map(named)
        });
        let resources: Vec<String> = resources.collect();
        format!("{} of {}", self.operations.join(", "), resources.join(", "))
    }
}

/// What of it a namespace cannot do without is covered by these rules.
pub(super) fn vital(rules: &[Rule], is_namespaced: bool) -> Vec<&'static str> {
    let vital: &[(&str, &str)] = match is_namespaced {
        true => &VITAL,
        false => &VITAL_CLUSTER,
    };
    let covered = vital.iter().filter(|(group, resource)| {
        let asked = Asked {
            group: (*group).to_owned(),
            resource: Some((*resource).to_owned()),
            is_namespaced,
        };
        rules.iter().any(|rule| rule.covers(&asked).is_possible())
    });
    covered.map(|(_, resource)| *resource).collect()
}

/// What the API server is asked to write for an object: itself, and what controllers make of it, down to its Pods.
pub(super) fn requests(object: &Object, objects: &Objects) -> Vec<Asked> {
    let asked = |group: &str, resource: &str| Asked {
        group: group.to_owned(),
        resource: Some(resource.to_owned()),
        is_namespaced: true,
    };
    let itself = Asked {
        group: object.kind.group.clone(),
        resource: resource(&object.kind, objects),
        is_namespaced: object.namespace.is_some(),
    };
    let made = match (object.kind.group.as_str(), object.kind.kind.as_str()) {
        ("apps", "Deployment") => vec![asked("apps", "replicasets"), asked("", "pods")],
        ("apps", "ReplicaSet" | "StatefulSet" | "DaemonSet")
        | ("batch", "Job")
        | ("", "ReplicationController") => vec![asked("", "pods")],
        ("batch", "CronJob") => vec![asked("batch", "jobs"), asked("", "pods")],
        _ => Vec::new(),
    };
    std::iter::once(itself).chain(made).collect()
}

/// The plural of a kind: of a custom one from its definition, of one that Kubernetes has by how these are formed.
fn resource(kind: &GroupKind, objects: &Objects) -> Option<String> {
    if let Some(plural) = objects.plural(kind) {
        return Some(plural.to_owned());
    }
    let is_ours =
        kind.group.is_empty() || !kind.group.contains('.') || kind.group.ends_with(".k8s.io");
    let name = kind.kind.to_lowercase();
    is_ours.then(|| match name.as_str() {
        "endpoints" => name,
        _ if name.ends_with('s') => format!("{name}es"),
        _ => match name.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None => format!("{name}s"),
        },
    })
}
