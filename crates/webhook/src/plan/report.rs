//! The plan, for people and for programs.

use std::fmt::Write as _;

use countersign_core::printable;
use serde_json::{Value, json};

use super::hook::Hook;
use super::objects::{Object, Objects};
use super::owner::Owner;
use super::selector::Holds;
use super::weigh::{Blocked, Finding, Level, SYSTEM, Weighed};

/// What the JSON is a version of.
const API_VERSION: &str = "countersign.dev/plan/v1alpha1";

/// Everything that is to be told.
#[derive(Debug)]
pub(super) struct PlanReport<'a> {
    objects: &'a Objects,
    hooks: Vec<(Hook, Weighed)>,
    owners: Vec<Owner<'a>>,
    findings: Vec<Finding>,
}

impl<'a> PlanReport<'a> {
    /// The plan of these objects; or one line for each webhook configuration that cannot be read.
    pub(super) fn of(objects: &'a Objects) -> Result<Self, Vec<String>> {
        let (mut hooks, mut owners) = (Vec::new(), Vec::<Owner<'a>>::new());
        let mut findings = Vec::new();
        for hook in Hook::all(objects)? {
            let owner = hook.service().map(|it| Owner::of(it, objects));
            let mut weighed = Weighed::of(&hook, owner.as_ref(), objects);
            findings.append(&mut weighed.findings);
            if let Some(owner) = owner
                && !owners.iter().any(|it| it.name == owner.name)
            {
                owners.push(owner);
            }
            hooks.push((hook, weighed));
        }
        for owner in &owners {
            let at = owner.workloads.first().map(|it| it.at.clone());
            findings.extend(owner.weak().into_iter().map(|message| Finding {
                level: Level::Warning,
                at: at.clone().unwrap_or_default(),
                message,
            }));
        }
        findings.sort_by_key(|it| it.level);
        Ok(Self {
            objects,
            hooks,
            owners,
            findings,
        })
    }

    /// Whether something could stop the cluster.
    pub(super) fn is_blocking(&self) -> bool {
        self.findings.iter().any(|it| it.level == Level::Error)
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "Creates {} objects:", self.objects.all.len())?;
        for object in &self.objects.all {
            writeln!(out, "  {}", object.label())?;
        }
        if self.hooks.is_empty() {
            writeln!(out, "\nNo webhook is among them: nothing would be blocked.")?;
        }
        for (hook, weighed) in &self.hooks {
            write_hook(out, hook, weighed)?;
        }
        for owner in &self.owners {
            for workload in &owner.workloads {
                writeln!(
                    out,
                    "\n{} answers behind {}, with the images:",
                    workload.label(),
                    owner.name
                )?;
                for image in &workload.images {
                    let asked = match self.is_asked_about(workload) {
                        true => "a webhook that blocks is asked about it",
                        false => "no webhook that blocks is asked about it",
                    };
                    let written = match image.contains('@') {
                        true => "by digest",
                        false => "by tag",
                    };
                    writeln!(out, "  {} ({written}; {asked})", printable(image))?;
                }
            }
        }
        if !self.findings.is_empty() {
            writeln!(out)?;
        }
        for finding in &self.findings {
            writeln!(out, "{}", finding.line())?;
        }
        Ok(())
    }

    /// Whether the images of this workload are judged by a webhook that blocks.
    fn is_asked_about(&self, workload: &Object) -> bool {
        let label = workload.label();
        let mut blocked = self.hooks.iter().flat_map(|(_, it)| &it.blocked);
        blocked.any(|it| it.object == label)
    }

    pub(super) fn json(&self) -> String {
        let objects: Vec<Value> = self.objects.all.iter().map(object).collect();
        let webhooks: Vec<Value> = self
            .hooks
            .iter()
            .map(|(hook, weighed)| webhook(hook, weighed))
            .collect();
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|it| json!({"level": it.level.as_str(), "at": it.at, "message": it.message}))
            .collect();
        let answering = self.owners.iter().flat_map(|owner| {
            let workloads = owner.workloads.iter();
            workloads.map(|it| {
                json!({
                    "service": owner.name, "workload": it.label(), "images": it.images,
                    "judgedByBlocking": self.is_asked_about(it),
                })
            })
        });
        let plan = json!({
            "apiVersion": API_VERSION,
            "objects": objects,
            "webhooks": webhooks,
            "answering": answering.collect::<Vec<_>>(),
            "findings": findings,
        });
        format!("{plan:#}\n")
    }
}

fn object(object: &Object) -> Value {
    json!({
        "group": object.kind.group, "kind": object.kind.kind, "namespace": object.namespace, "name": object.name, "at": object.at,
    })
}

fn webhook(hook: &Hook, weighed: &Weighed) -> Value {
    let blocks = weighed
        .blocked
        .iter()
        .map(|it| json!({"object": it.object, "at": it.at, "what": it.what, "isSure": it.is_sure}));
    json!({
        "configuration": hook.configuration,
        "webhook": hook.written.name,
        "failurePolicy": hook.policy_text(),
        "rules": hook.written.rules.iter().map(|it| it.text()).collect::<Vec<_>>(),
        "namespaces": hook.namespaces_text(),
        "matchConditions": hook.conditions().iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
        "ownNamespace": weighed.own.as_ref().map(|(name, counts)| json!({"name": name, "counts": counts.as_str()})),
        "kubeSystem": weighed.system.as_str(),
        "blocks": blocks.collect::<Vec<_>>(),
    })
}

fn write_hook(out: &mut String, hook: &Hook, weighed: &Weighed) -> std::fmt::Result {
    let says = match hook.fails() {
        true => "while nobody answers, what it is asked about is REFUSED",
        false => "while nobody answers, nothing is refused",
    };
    writeln!(
        out,
        "\n{} (failurePolicy: {}): {says}",
        hook.label(),
        hook.policy_text()
    )?;
    for rule in &hook.written.rules {
        writeln!(out, "  asked about  {}", printable(&rule.text()))?;
    }
    writeln!(out, "  namespaces   {}", hook.namespaces_text())?;
    for condition in hook.conditions() {
        writeln!(
            out,
            "  only if      {} (a matchCondition, not evaluated here and taken to hold)",
            printable(&condition.name)
        )?;
    }
    if !hook.fails() {
        return Ok(());
    }
    let own = weighed
        .own
        .iter()
        .map(|(name, counts)| (name.as_str(), *counts));
    for (namespace, counts) in own.chain([(SYSTEM, weighed.system)]) {
        let says = match counts {
            Holds::No => "not covered: Pods can come up",
            Holds::Perhaps => "perhaps covered: it depends on labels that the input does not show",
            Holds::Yes => "COVERED",
        };
        writeln!(
            out,
            "  {namespace:<12} {says}",
            namespace = printable(namespace)
        )?;
    }
    for blocked in &weighed.blocked {
        writeln!(out, "  would block  {}", blocked.text())?;
    }
    if weighed.blocked.is_empty() {
        writeln!(out, "  would block  nothing of the input")?;
    }
    Ok(())
}

impl Blocked {
    fn text(&self) -> String {
        let unsure = match self.is_sure {
            true => "",
            false => ", perhaps",
        };
        format!("{} ({}{unsure})", self.object, self.what.join(", "))
    }
}

impl Finding {
    fn line(&self) -> String {
        let place = match self.at.as_str() {
            "" => String::new(),
            at => format!("{at}: "),
        };
        format!("{}: {place}{}", self.level.as_str(), self.message)
    }
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}
