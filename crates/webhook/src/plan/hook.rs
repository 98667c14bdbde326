//! The webhooks of the input's configurations.

use std::collections::BTreeMap;

use countersign_core::printable;
use serde::Deserialize;
use serde_json::Value;

use super::objects::{Object, Objects};
use super::rules::Rule;
use super::selector::{Holds, Labels, Selector};

/// The label that the API server itself sets to the name of a namespace.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// One webhook.
#[derive(Debug)]
pub(super) struct Hook {
    /// `ValidatingWebhookConfiguration countersign-enforce`.
    pub(super) configuration: String,
    /// `FILE:LINE` of the configuration.
    pub(super) at: String,
    pub(super) written: Written,
}

/// What is written of it, as Kubernetes reads it (`admissionregistration.k8s.io/v1`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    pub(super) name: String,
    #[serde(default)]
    failure_policy: Option<FailurePolicy>,
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
    #[serde(default)]
    namespace_selector: Option<Selector>,
    #[serde(default)]
    object_selector: Option<Selector>,
    #[serde(default)]
    pub(super) match_conditions: Option<Vec<Condition>>,
    client_config: ClientConfig,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum FailurePolicy {
    Fail,
    Ignore,
}

/// One of `matchConditions`. It is not evaluated.
#[derive(Debug, Deserialize)]
pub(super) struct Condition {
    pub(super) name: String,
    pub(super) expression: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientConfig {
    #[serde(default)]
    service: Option<Service>,
    #[serde(default)]
    ca_bundle: Option<Value>,
}

/// Where it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Service {
    pub(super) namespace: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) path: Option<String>,
    #[serde(default)]
    port: Option<u16>,
}

impl Service {
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(443)
    }
}

impl Hook {
    /// Every one of the input, in its order; or one line for each that cannot be read.
    pub(super) fn all(objects: &Objects) -> Result<Vec<Self>, Vec<String>> {
        let kinds = [
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
        ];
        let configurations = objects.all.iter().filter(|it| {
            it.kind.group == "admissionregistration.k8s.io"
                && kinds.contains(&it.kind.kind.as_str())
        });
        let (mut hooks, mut wrong) = (Vec::new(), Vec::new());
        for object in configurations {
            match Self::of(object) {
                Ok(more) => hooks.extend(more),
                Err(why) => wrong.push(format!("{}: {}: {why}", object.at, object.label())),
            }
        }
        match wrong.is_empty() {
            true => Ok(hooks),
            false => Err(wrong),
        }
    }

    fn of(object: &Object) -> Result<Vec<Self>, String> {
        if object.version != "v1" {
            let version = printable(&object.version);
            return Err(format!(
                "`{version}` is no version of the API that is read here; write admissionregistration.k8s.io/v1"
            ));
        }
        let webhooks = match object.value.get("webhooks") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(webhooks) => webhooks.clone(),
        };
        let written: Vec<Written> = serde_json::from_value(webhooks)
            .map_err(|error| format!("`webhooks`: {}", printable(&error.to_string())))?;
        let with_place = |written| Self {
            configuration: format!("{} {}", object.kind.kind, printable(&object.name)),
            at: object.at.clone(),
            written,
        };
        Ok(written.into_iter().map(with_place).collect())
    }

    /// `ValidatingWebhookConfiguration countersign-enforce, webhook validate.countersign.dev`.
    pub(super) fn label(&self) -> String {
        format!(
            "{}, webhook {}",
            self.configuration,
            printable(&self.written.name)
        )
    }

    pub(super) fn policy_text(&self) -> &'static str {
        match self.fails() {
            true => "Fail",
            false => "Ignore",
        }
    }

    /// Whether what it is registered for is refused while it cannot be asked.
    pub(super) fn fails(&self) -> bool {
        // As the API server has it where nothing is written.
        self.written.failure_policy != Some(FailurePolicy::Ignore)
    }

    pub(super) const fn service(&self) -> Option<&Service> {
        self.written.client_config.service.as_ref()
    }

    /// Whether a `caBundle` is written, be it an empty one.
    pub(super) const fn has_bundle(&self) -> bool {
        self.written.client_config.ca_bundle.is_some()
    }

    pub(super) fn conditions(&self) -> &[Condition] {
        self.written.match_conditions.as_deref().unwrap_or_default()
    }

    /// Whether it counts in the namespace of this name.
    pub(super) fn counts_in(&self, namespace: &str, objects: &Objects) -> Holds {
        let Some(selector) = &self.written.namespace_selector else {
            return Holds::Yes;
        };
        let own = || BTreeMap::from([(NAME_LABEL.to_owned(), namespace.to_owned())]);
        let labels = match objects.namespaces.get(namespace) {
            Some(known) => Labels {
                known: known.clone(),
                are_all: true,
            },
            None => Labels {
                known: own(),
                are_all: false,
            },
        };
        selector.takes(&labels)
    }

    /// Whether it counts for an object with these labels.
    pub(super) fn counts_for(&self, labels: BTreeMap<String, String>) -> Holds {
        let Some(selector) = &self.written.object_selector else {
            return Holds::Yes;
        };
        selector.takes(&Labels {
            known: labels,
            are_all: true,
        })
    }

    /// Labels of namespaces by which it is decided where it counts, other than their names.
    pub(super) fn namespace_labels(&self) -> Vec<&str> {
        let keys = self.written.namespace_selector.iter();
        let keys = keys.flat_map(Selector::keys);
        keys.filter(|key| *key != NAME_LABEL).collect()
    }

    /// Labels of objects by which it is decided whether it counts for them.
    pub(super) fn object_labels(&self) -> Vec<&str> {
        let selector = self.written.object_selector.iter();
        selector.flat_map(Selector::keys).collect()
    }

    /// Where it counts, for people.
    pub(super) fn namespaces_text(&self) -> String {
        match &self.written.namespace_selector {
            Some(selector) if !selector.is_empty() => {
                let text = selector.text();
                text.replace(NAME_LABEL, "name")
            }
            _ => "all".to_owned(),
        }
    }
}
