//! What is to be said about an image, one sentence each, for formats that show findings.

use countersign_core::{
    Decision, Mode, NamespaceFit, Outcome, Place, PolicyOutcome, ReasonCode, RuleOutcome, Verdict,
};

use super::Demand;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// It is recorded.
    Note,
    /// It denies nothing and should be known.
    Warning,
    /// It is why the image is not allowed.
    Error,
}

/// One thing to say about an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) code: ReasonCode,
    /// `policy/rule`, as far as it is about one.
    pub(super) about: Option<String>,
    pub(super) message: String,
    pub(super) hint: String,
    /// Where the policy says so.
    pub(super) place: Option<Place>,
}

impl Finding {
    /// The command line demands what the image lacks.
    pub(super) fn demanded(demand: &Demand) -> Self {
        Self {
            message: demand.message.clone(),
            ..Self::of_code(Level::Error, demand.code, None)
        }
    }

    fn of_code(level: Level, code: ReasonCode, place: Option<&Place>) -> Self {
        Self {
            level,
            code,
            about: None,
            message: code.message().to_owned(),
            hint: code.hint().to_owned(),
            place: place.cloned(),
        }
    }

    /// About, message and what to do next, as one text of one line.
    pub(super) fn sentence(&self) -> String {
        let about = match &self.about {
            Some(about) => format!("{about}: "),
            None => String::new(),
        };
        match self.hint.as_str() {
            "" => format!("{about}{}", self.message),
            hint => format!("{about}{} Next: {hint}", self.message),
        }
    }
}

/// Everything that is to be said. An image that is not allowed has an error at least, an allowed one has none.
pub(super) fn of(decision: &Decision) -> Vec<Finding> {
    let mut all: Vec<Finding> = Vec::new();
    for revoked in decision.revoked() {
        let code = ReasonCode::ImageRevoked;
        all.push(Finding {
            about: Some(revoked.name.clone()),
            message: format!("{} {}", code.message(), revoked.reason),
            ..Finding::of_code(Level::Error, code, Some(&revoked.place))
        });
    }
    for policy in decision.policies() {
        all.extend(of_policy(policy));
    }
    if let Some(unmatched) = decision.unmatched() {
        let level = match unmatched.effect {
            Verdict::Allow => Level::Note,
            _ => Level::Error,
        };
        let finding = Finding::of_code(level, ReasonCode::Unmatched, Some(&unmatched.place));
        all.push(finding);
    }
    for warning in decision.warnings() {
        let about = match (&warning.policy, &warning.rule) {
            (Some(policy), Some(rule)) => Some(format!("{policy}/{rule}")),
            (policy, _) => policy.clone(),
        };
        let is_said = |it: &Finding| it.code == warning.code && it.about == about;
        if !all.iter().any(is_said) {
            all.push(Finding {
                about,
                message: warning.message.clone(),
                ..Finding::of_code(Level::Warning, warning.code, None)
            });
        }
    }
    settle(decision, &mut all);
    all
}

/// Brings findings and effect together: whatever a format shows, it never shows a denied image without an error.
fn settle(decision: &Decision, all: &mut Vec<Finding>) {
    if decision.effect() == Verdict::Allow {
        for finding in all.iter_mut() {
            finding.level = finding.level.min(Level::Warning);
        }
        return;
    }
    if all.iter().any(|it| it.level == Level::Error) {
        return;
    }
    let gap = decision.gaps().first();
    let code = gap.map_or(ReasonCode::Unmatched, |gap| gap.code);
    let mut finding = Finding::of_code(Level::Error, code, None);
    if let Some(gap) = gap {
        finding.message = format!("{} {}: {}", finding.message, gap.what, gap.cause);
    }
    all.push(finding);
}

fn of_policy(policy: &PolicyOutcome) -> Vec<Finding> {
    let failed = policy.rules.iter().filter(|it| it.outcome != Outcome::Pass);
    let mut all: Vec<Finding> = failed.filter_map(|rule| of_rule(policy, rule)).collect();
    if policy.namespaces == Some(NamespaceFit::Unknown) && policy.effect != Verdict::Allow {
        all.push(Finding {
            about: Some(policy.name.clone()),
            ..Finding::of_code(
                Level::Error,
                ReasonCode::NamespaceUnknown,
                Some(&policy.place),
            )
        });
    }
    all
}

fn of_rule(policy: &PolicyOutcome, rule: &RuleOutcome) -> Option<Finding> {
    let counts = policy.mode == Mode::Enforce
        && rule.effective
        && rule.waived_by().is_none()
        && policy.effect != Verdict::Allow
        && rule.outcome.verdict() <= policy.effect;
    let level = match (counts, policy.mode) {
        (true, _) => Level::Error,
        (false, Mode::Audit) => Level::Note,
        (false, _) => Level::Warning,
    };
    Some(Finding {
        level,
        code: rule.code?,
        about: Some(format!("{}/{}", policy.name, rule.name)),
        message: rule.message.clone(),
        hint: rule.hint.clone(),
        place: Some(rule.place.clone()),
    })
}
