//! What answers behind a webhook: its Service, and the workloads that the Service leads to.

use std::collections::BTreeMap;

use countersign_core::printable;
use serde_json::Value;

use super::hook::Service;
use super::objects::{Object, Objects};
use super::selector::{Holds, Labels, Selector};

/// What of the input stands behind one Service.
#[derive(Debug)]
pub(super) struct Owner<'a> {
    /// `countersign/countersign-webhook`.
    pub(super) name: String,
    pub(super) namespace: String,
    service: Option<&'a Object>,
    pub(super) workloads: Vec<&'a Object>,
    budgets: Vec<&'a Object>,
}

impl<'a> Owner<'a> {
    pub(super) fn of(service: &Service, objects: &'a Objects) -> Self {
        let found = objects.of_kind("Service").find(|it| {
            it.kind.group.is_empty()
                && it.name == service.name
                && it.namespace.as_ref() == Some(&service.namespace)
        });
        let selector = found.map(|it| it.texts("/spec/selector"));
        let here = |object: &&Object| object.namespace.as_ref() == Some(&service.namespace);
        let workloads = objects.all.iter().filter(here).filter(|object| {
            let labels = object.pod_labels();
            let selects = |selector: &BTreeMap<String, String>| {
                let all = selector.iter();
                !selector.is_empty()
                    && all
                        .into_iter()
                        .all(|(key, value)| labels.get(key) == Some(value))
            };
            !object.images.is_empty() && selector.as_ref().is_some_and(selects)
        });
        let workloads: Vec<&Object> = workloads.collect();
        let budgets = objects.of_kind("PodDisruptionBudget").filter(here);
        let budgets = budgets.filter(|budget| {
            workloads
                .iter()
                .any(|workload| covers(budget, workload.pod_labels()).is_possible())
        });
        Self {
            name: format!(
                "{}/{}",
                printable(&service.namespace),
                printable(&service.name)
            ),
            namespace: service.namespace.clone(),
            service: found,
            budgets: budgets.collect(),
            workloads,
        }
    }

    /// Why nothing would ever answer, of what the input shows.
    pub(super) fn broken(&self, service: &Service) -> Option<String> {
        let found = self.service?;
        let ports = found.value.pointer("/spec/ports").and_then(Value::as_array);
        let port = u64::from(service.port());
        let has_port = ports
            .into_iter()
            .flatten()
            .any(|it| it.get("port").and_then(Value::as_u64) == Some(port));
        if !has_port {
            return Some(format!("the Service {} has no port {port}", self.name));
        }
        self.workloads
            .is_empty()
            .then(|| format!("the Service {} selects no workload of the input", self.name))
    }

    /// Whether its Service is in the input.
    pub(super) const fn is_there(&self) -> bool {
        self.service.is_some()
    }

    /// What makes it likelier than need be that no replica answers, one sentence each.
    pub(super) fn weak(&self) -> Vec<String> {
        let mut weak = Vec::new();
        for workload in &self.workloads {
            let label = workload.label();
            let spec = |name: &str| {
                workload
                    .value
                    .pointer(&format!("/spec/template/spec/{name}"))
            };
            let replicas = workload
                .value
                .pointer("/spec/replicas")
                .map_or(1, |it| it.as_u64().unwrap_or_default());
            if replicas < 2 && workload.kind.kind != "DaemonSet" {
                weak.push(format!(
                    "{label} has {replicas} replica: while it is replaced nobody answers; have 2 or more"
                ));
            }
            let class = spec("priorityClassName").and_then(Value::as_str);
            if class.unwrap_or_default().is_empty() {
                weak.push(format!(
                    "{label} names no priorityClassName: its Pods give way to others on a full cluster"
                ));
            }
            if spec("affinity/podAntiAffinity").is_none()
                && spec("topologySpreadConstraints").is_none()
            {
                weak.push(format!(
                    "{label} has neither anti-affinity nor topologySpreadConstraints: all replicas may go with one node"
                ));
            }
        }
        if self.budgets.is_empty() && !self.workloads.is_empty() {
            weak.push(format!(
                "no PodDisruptionBudget covers the Pods of {}: draining nodes may end all of them at once",
                self.name
            ));
        }
        weak
    }
}

/// Whether a PodDisruptionBudget covers Pods with these labels.
fn covers(budget: &Object, labels: BTreeMap<String, String>) -> Holds {
    let selector = budget.value.pointer("/spec/selector");
    let Some(selector) =
        selector.and_then(|it| serde_json::from_value::<Selector>(it.clone()).ok())
    else {
        return Holds::No;
    };
    selector.takes(&Labels {
        known: labels,
        are_all: true,
    })
}
