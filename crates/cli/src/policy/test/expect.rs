//! What a case expects, and how it differs from what came out.

use std::collections::BTreeMap;
use std::fmt;

use countersign_core::{Decision, Diagnostic, Outcome, ReasonCode, Verdict};
use serde::Deserialize;

/// `expect`, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ExpectedFile {
    effect: Effect,
    /// The code of each rule that does not pass, by `rule` or `policy/rule`.
    reasons: Option<BTreeMap<String, String>>,
    /// The codes of what loading the policy says.
    diagnostics: Option<Vec<String>>,
    /// What comes of each break-glass statement, by its id.
    break_glass: Option<BTreeMap<String, String>>,
}

/// What follows from a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Effect {
    Allow,
    Deny,
    Unknown,
    /// The policy does not load.
    Invalid,
}

/// What a case expects. What it does not say may be anything.
#[derive(Debug)]
pub(super) struct Expected {
    effect: Effect,
    reasons: Option<BTreeMap<String, ReasonCode>>,
    diagnostics: Option<Vec<ReasonCode>>,
    break_glass: Option<BTreeMap<String, String>>,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    effect: Effect,
    /// The code of each rule that does not pass, by policy and rule.
    reasons: BTreeMap<(String, String), ReasonCode>,
    diagnostics: Vec<ReasonCode>,
    /// The status of each break-glass statement, by its id.
    break_glass: BTreeMap<String, String>,
}

/// The part of a report (`expect.json`) that is expected.
#[derive(Debug, Deserialize)]
pub(super) struct ReportFile {
    effect: Effect,
    images: Vec<ImagePart>,
}

#[derive(Debug, Deserialize)]
struct ImagePart {
    policies: Vec<PolicyPart>,
}

#[derive(Debug, Deserialize)]
struct PolicyPart {
    name: String,
    rules: Vec<RulePart>,
}

#[derive(Debug, Deserialize)]
struct RulePart {
    name: String,
    code: Option<String>,
}

impl Expected {
    /// What is written in the case.
    pub(super) fn written(file: ExpectedFile) -> Result<Self, String> {
        let reasons = file.reasons.map(|reasons| {
            let code = |(rule, code): (String, String)| code_of(&code).map(|code| (rule, code));
            reasons.into_iter().map(code).collect::<Result<_, _>>()
        });
        let diagnostics = file.diagnostics.map(|codes| {
            let codes = codes.iter().map(|code| code_of(code));
            codes.collect::<Result<_, _>>().map(sorted)
        });
        let reasons: Option<BTreeMap<_, _>> = reasons.transpose()?;
        if file.effect == Effect::Invalid && reasons.is_some() {
            return Err("a policy that does not load gives no `reasons`; say `diagnostics`".into());
        }
        Ok(Self {
            effect: file.effect,
            reasons,
            diagnostics: diagnostics.transpose()?,
            break_glass: file.break_glass,
        })
    }

    /// What a whole report says of its one image.
    pub(super) fn of_report(file: &ReportFile) -> Result<Self, String> {
        let [image] = file.images.as_slice() else {
            return Err("expect.json: the report of a case has one image".to_owned());
        };
        let mut reasons = BTreeMap::new();
        for policy in &image.policies {
            for rule in &policy.rules {
                if let Some(code) = &rule.code {
                    let name = format!("{}/{}", policy.name, rule.name);
                    reasons.insert(name, code_of(code)?);
                }
            }
        }
        Ok(Self {
            effect: file.effect,
            reasons: Some(reasons),
            diagnostics: None,
            break_glass: None,
        })
    }

    /// Every difference, one line each; none if all is as expected.
    pub(super) fn differences(&self, found: &Found) -> Vec<String> {
        let mut lines = Vec::new();
        if self.effect != found.effect {
            lines.push(format!(
                "effect: expected {}, found {}",
                self.effect, found.effect
            ));
        }
        if let Some(reasons) = &self.reasons {
            self.rules(reasons, found, &mut lines);
        }
        if let Some(expected) = &self.break_glass
            && *expected != found.break_glass
        {
            let told = |statuses: &BTreeMap<String, String>| match statuses.is_empty() {
                true => "none".to_owned(),
                false => {
                    let all = statuses.iter().map(|(id, status)| format!("{id} {status}"));
                    all.collect::<Vec<_>>().join(", ")
                }
            };
            lines.push(format!(
                "breakGlass: expected {}, found {}",
                told(expected),
                told(&found.break_glass)
            ));
        }
        match &self.diagnostics {
            Some(expected) if *expected != found.diagnostics => lines.push(format!(
                "diagnostics: expected {}, found {}",
                listed(expected),
                listed(&found.diagnostics)
            )),
            None if found.effect == Effect::Invalid && self.effect != Effect::Invalid => {
                lines.push(format!("diagnostics: {}", listed(&found.diagnostics)));
            }
            _ => {}
        }
        lines
    }

    fn rules(
        &self,
        reasons: &BTreeMap<String, ReasonCode>,
        found: &Found,
        lines: &mut Vec<String>,
    ) {
        let wanted_of = |policy: &str, rule: &str| {
            let whole = reasons.get(&format!("{policy}/{rule}"));
            whole.or_else(|| reasons.get(rule))
        };
        for ((policy, rule), code) in &found.reasons {
            match wanted_of(policy, rule) {
                Some(wanted) if wanted == code => {}
                Some(wanted) => {
                    lines.push(format!("{policy}/{rule}: expected {wanted}, found {code}"));
                }
                None => lines.push(format!("{policy}/{rule}: expected to pass, found {code}")),
            }
        }
        for (name, wanted) in reasons {
            let is_found = |(policy, rule): &(String, String)| {
                name == rule || *name == format!("{policy}/{rule}")
            };
            if !found.reasons.keys().any(is_found) {
                lines.push(format!("{name}: expected {wanted}, found nothing wrong"));
            }
        }
    }
}

impl Found {
    /// What was decided about an image.
    pub(super) fn decided(decision: &Decision, diagnostics: &[Diagnostic]) -> Self {
        let mut reasons = BTreeMap::new();
        for policy in decision.policies() {
            for rule in policy.rules.iter().filter(|it| it.outcome != Outcome::Pass) {
                if let Some(code) = rule.code {
                    reasons.insert((policy.name.clone(), rule.name.clone()), code);
                }
            }
        }
        Self {
            effect: match decision.effect() {
                Verdict::Allow => Effect::Allow,
                Verdict::Deny => Effect::Deny,
                _ => Effect::Unknown,
            },
            reasons,
            diagnostics: codes(diagnostics),
            break_glass: decision
                .break_glass()
                .into_iter()
                .flat_map(|it| &it.statements)
                .map(|it| (it.statement.id.clone(), it.status.as_str().to_owned()))
                .collect(),
        }
    }

    /// The policy does not load.
    pub(super) fn invalid(diagnostics: &[Diagnostic]) -> Self {
        Self {
            effect: Effect::Invalid,
            reasons: BTreeMap::new(),
            diagnostics: codes(diagnostics),
            break_glass: BTreeMap::new(),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
        })
    }
}

fn code_of(code: &str) -> Result<ReasonCode, String> {
    ReasonCode::find(code).ok_or_else(|| format!("there is no reason code `{code}`"))
}

/// The codes of diagnostics, in a fixed order.
pub(super) fn codes(diagnostics: &[Diagnostic]) -> Vec<ReasonCode> {
    sorted(diagnostics.iter().map(|it| it.code).collect())
}

fn sorted(mut codes: Vec<ReasonCode>) -> Vec<ReasonCode> {
    codes.sort_unstable();
    codes
}

fn listed(codes: &[ReasonCode]) -> String {
    if codes.is_empty() {
        return "none".to_owned();
    }
    let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    words.join(", ")
}
