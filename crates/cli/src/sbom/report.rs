//! What an SBOM says, as data. Foreign strings are escaped here.

use std::collections::BTreeMap;

use countersign_core::{Component, LicenseForm, Sbom, SbomRuleOutcome, Stance};
use serde::Serialize;

use crate::escape::escaped;

/// Characters of one foreign string.
const MAX_CHARS: usize = 300;

/// What `--format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SbomReport {
    api_version: &'static str,
    pub(crate) file: String,
    /// `CycloneDX` or `SPDX`.
    pub(crate) format: &'static str,
    pub(crate) version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<String>,
    pub(crate) generators: Vec<String>,
    pub(crate) authors: Vec<String>,
    /// How many components there are, nested ones included.
    pub(crate) count: usize,
    pub(crate) relationships: usize,
    /// How many of them state what.
    pub(crate) states: States,
    /// Each licence as it is written, and how many have it.
    pub(crate) licenses: Vec<LicenseCount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<ComponentReport>,
    pub(crate) components: Vec<ComponentReport>,
    /// How many are not listed.
    pub(crate) not_listed: usize,
    /// How the rules of the policy judge it; absent without a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rules: Option<Vec<RuleReport>>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct States {
    pub(crate) version: usize,
    pub(crate) supplier: usize,
    pub(crate) unique_id: usize,
    pub(crate) hashes: usize,
    pub(crate) licenses: usize,
}

#[derive(Serialize)]
pub(crate) struct LicenseCount {
    pub(crate) license: String,
    pub(crate) components: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ComponentReport {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) purl: Option<String>,
    pub(crate) licenses: Vec<String>,
    pub(crate) depth: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuleReport {
    pub(crate) policy: String,
    pub(crate) rule: String,
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<&'static str>,
    pub(crate) comparisons: Vec<ComparisonReport>,
    pub(crate) warnings: Vec<String>,
}

#[derive(Serialize)]
pub(crate) struct ComparisonReport {
    pub(crate) what: String,
    pub(crate) wanted: String,
    pub(crate) found: String,
    pub(crate) outcome: &'static str,
}

impl SbomReport {
    pub(crate) fn new(
        file: &str,
        sbom: &Sbom<'_>,
        judged: Option<&[SbomRuleOutcome]>,
        most: usize,
    ) -> Self {
        let all = &sbom.components;
        let having = |has: &dyn Fn(&Component<'_>) -> bool| all.iter().filter(|it| has(it)).count();
        Self {
            api_version: "countersign.dev/sbom/v1alpha1",
            file: safe(file),
            format: sbom.format.name(),
            version: sbom.format.version(),
            created: sbom.created.as_deref().map(safe),
            generators: sbom.generators.iter().map(generator).collect(),
            authors: sbom.authors.iter().map(|it| safe(it)).collect(),
            count: all.len(),
            relationships: sbom.relationships,
            states: States {
                version: having(&|it| it.version.is_some()),
                supplier: having(&|it| it.supplier.is_some()),
                unique_id: having(&|it| it.purl.is_some() || it.other_ids),
                hashes: having(&|it| it.hashes),
                licenses: having(&|it| !sbom.licenses(it).is_empty()),
            },
            licenses: licenses(sbom),
            subject: sbom.subject.as_ref().map(|it| component(sbom, it)),
            components: all
                .iter()
                .take(most)
                .map(|it| component(sbom, it))
                .collect(),
            not_listed: all.len().saturating_sub(most),
            rules: judged.map(|rules| rules.iter().map(rule).collect()),
        }
    }
}

fn licenses(sbom: &Sbom<'_>) -> Vec<LicenseCount> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for component in &sbom.components {
        for text in said(sbom, component) {
            *counts.entry(text).or_default() += 1;
        }
    }
    let mut counts: Vec<LicenseCount> = counts
        .into_iter()
        .map(|(license, components)| LicenseCount {
            license,
            components,
        })
        .collect();
    counts.sort_by_key(|it| std::cmp::Reverse(it.components));
    counts
}

fn component(sbom: &Sbom<'_>, component: &Component<'_>) -> ComponentReport {
    ComponentReport {
        name: safe(&component.name),
        version: component.version.as_deref().map(safe),
        purl: component.purl.as_deref().map(safe),
        licenses: said(sbom, component),
        depth: component.depth,
    }
}

/// What is said of a component's licence, and by whom where there are two views.
fn said(sbom: &Sbom<'_>, component: &Component<'_>) -> Vec<String> {
    let claims = sbom.licenses(component).iter();
    claims
        .map(|claim| {
            let text = match claim.form {
                LicenseForm::Nothing => "NONE".to_owned(),
                _ => safe(&claim.text),
            };
            match claim.stance {
                Stance::Declared => format!("{text} (declared)"),
                _ => text,
            }
        })
        .collect()
}

fn generator(tool: &countersign_core::Generator<'_>) -> String {
    match &tool.version {
        Some(version) => format!("{} {}", safe(&tool.name), safe(version)),
        None => safe(&tool.name),
    }
}

fn rule(outcome: &SbomRuleOutcome) -> RuleReport {
    RuleReport {
        policy: outcome.policy.clone(),
        rule: outcome.rule.clone(),
        file: safe(&outcome.place.file),
        line: outcome.place.line,
        outcome: outcome.outcome.as_str(),
        code: outcome.code.map(|code| code.as_str()),
        hint: outcome.code.map(|code| code.hint()),
        comparisons: outcome
            .comparisons
            .iter()
            .map(|it| ComparisonReport {
                what: it.what.clone(),
                wanted: it.wanted.clone(),
                found: it.found.clone(),
                outcome: it.outcome.as_str(),
            })
            .collect(),
        warnings: outcome
            .warnings
            .iter()
            .map(|(code, text)| format!("{} ({code})", safe(text)))
            .collect(),
    }
}

fn safe(text: &str) -> String {
    escaped(text, MAX_CHARS)
}
