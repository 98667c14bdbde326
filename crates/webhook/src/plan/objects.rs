//! The objects of the input.

use std::collections::BTreeMap;

use countersign::ManifestText;
use countersign_core::{Documents, GroupKind, ImageFields, ManifestObject, printable};
use serde_json::Value;

/// One object, with its place.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) kind: GroupKind,
    /// The version of `apiVersion`.
    pub(super) version: String,
    /// None for kinds that are known to have none.
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    /// `FILE:LINE`.
    pub(super) at: String,
    /// What is written as its images, for kinds that Kubernetes has.
    pub(super) images: Vec<String>,
    pub(super) value: Value,
}

/// Everything that was read.
#[derive(Debug)]
pub(super) struct Objects {
    pub(super) all: Vec<Object>,
    /// Labels of the namespaces of the input, by name.
    pub(super) namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

/// Kinds of Kubernetes that charts and clusters are made of and that have no namespace.
const CLUSTER_KINDS: [&str; 19] = [
    "APIService",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "CSIDriver",
    "CSINode",
    "CustomResourceDefinition",
    "FlowSchema",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingWebhookConfiguration",
];

impl Objects {
    /// Reads every text; or one line for each thing that is wrong, `unread` among them.
    pub(super) fn read(
        texts: &[ManifestText],
        unread: Vec<String>,
        namespace: &str,
    ) -> Result<Self, Vec<String>> {
        let mut objects = Self {
            all: Vec::new(),
            namespaces: BTreeMap::new(),
        };
        let mut wrong = unread;
        for text in texts {
            for document in Documents::new(&text.text) {
                let read = document.and_then(|document| {
                    ManifestObject::all(&document)?
                        .iter()
                        .try_for_each(|object| objects.add(text, object, namespace))
                });
                if let Err(error) = read {
                    wrong.push(format!("{}:{error}", printable(&text.name)));
                }
            }
        }
        if objects.all.is_empty() && wrong.is_empty() {
            wrong.push("no object in what -f names; give the output of `helm template` or `kubectl kustomize`".to_owned());
        }
        match wrong.is_empty() {
            true => Ok(objects),
            false => Err(wrong),
        }
    }

    fn add(
        &mut self,
        text: &ManifestText,
        object: &ManifestObject<'_>,
        namespace: &str,
    ) -> Result<(), countersign_core::DocumentError> {
        if let Some(labels) = object.namespace_labels()? {
            let name = object.name.clone().unwrap_or_default();
            self.namespaces.insert(name, labels);
        }
        let images = object.images(&ImageFields::default())?;
        let version = object.value().get("apiVersion").and_then(Value::as_str);
        let version = version.unwrap_or_default();
        self.all.push(Object {
            kind: object.kind.clone(),
            version: version
                .rsplit_once('/')
                .map_or(version, |it| it.1)
                .to_owned(),
            namespace: match CLUSTER_KINDS.contains(&object.kind.kind.as_str()) {
                true => None,
                false => Some(object.namespace.as_deref().unwrap_or(namespace).to_owned()),
            },
            name: object.name.clone().unwrap_or_default(),
            at: format!("{}:{}", printable(&text.name), object.at.line),
            images: images.into_iter().map(|it| it.field.image).collect(),
            value: object.value().clone(),
        });
        Ok(())
    }

    /// Those of a kind, in the order of the input.
    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Object> {
        self.all.iter().filter(move |it| it.kind.kind == kind)
    }

    /// The plural by which the API server calls this kind, from a definition in the input.
    pub(super) fn plural(&self, kind: &GroupKind) -> Option<&str> {
        self.of_kind("CustomResourceDefinition").find_map(|object| {
            let spec = object.value.get("spec")?;
            let is_it = spec.get("group")?.as_str()? == kind.group
                && spec.pointer("/names/kind")?.as_str()? == kind.kind;
            spec.pointer("/names/plural")?.as_str().filter(|_| is_it)
        })
    }
}

impl Object {
    /// `Deployment.apps shop/web`.
    pub(super) fn label(&self) -> String {
        let name = printable(match self.name.as_str() {
            "" => "(no name)",
            name => name,
        });
        let kind = printable(&self.kind.to_string());
        match &self.namespace {
            Some(namespace) => format!("{kind} {}/{name}", printable(namespace)),
            None => format!("{kind} {name}"),
        }
    }

    /// A mapping of texts at this JSON Pointer; what is no text is left out.
    pub(super) fn texts(&self, pointer: &str) -> BTreeMap<String, String> {
        let entries = self.value.pointer(pointer).and_then(Value::as_object);
        let entries = entries.into_iter().flatten();
        entries
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    /// The labels of the Pods that it makes, of a workload; its own, of a Pod.
    pub(super) fn pod_labels(&self) -> BTreeMap<String, String> {
        match self.kind.kind.as_str() {
            "Pod" => self.texts("/metadata/labels"),
            "CronJob" => self.texts("/spec/jobTemplate/spec/template/metadata/labels"),
            _ => self.texts("/spec/template/metadata/labels"),
        }
    }
}
