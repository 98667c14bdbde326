//! Why a level is not stated.

use crate::text::safe;
use crate::{
    Decision, Mode, NamespaceFit, Outcome, Place, PolicyOutcome, ReasonCode, RuleOutcome, Verdict,
};

/// Why a level is not stated about an image. The message ends with what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPromoted {
    /// No policy of the set emits it.
    #[error(
        "no policy of the set emits {level} (it emits {}); promote as what a policy emits, or write `emits: {level}` into the policy that stands for it",
        list(.emitted)
    )]
    NobodyEmits {
        /// What was asked for.
        level: String,
        /// What policies of the set do emit.
        emitted: Vec<String>,
    },
    /// The policy that emits it denies nothing.
    #[error(
        "the policy `{policy}` [{}:{}] emits {level} and {why}, so that what it judges denies nothing and proves nothing; promote when it is enforced",
        .place.file, .place.line
    )]
    NotEnforced {
        /// What was asked for.
        level: String,
        /// The policy that emits it.
        policy: String,
        /// Where it stands.
        place: Place,
        /// Why it denies nothing.
        why: Unenforced,
    },
    /// The image is denied.
    #[error("{image} is denied: {because}; nothing is stated about it before it is allowed")]
    Denied {
        /// The image as it was written.
        image: String,
        /// What denies it first.
        because: String,
    },
    /// Nobody could tell whether the image is allowed.
    #[error(
        "nobody could tell whether {image} is allowed: {because}; try again when that is mended"
    )]
    Unknown {
        /// The image as it was written.
        image: String,
        /// What could not be told first.
        because: String,
    },
    /// The image has no name, so that every policy judged it, and no `resourceUri` could be stated.
    #[error("the image has no name that a summary could be about; say what it is called")]
    Unnamed,
    /// It was judged as a Pod that has an owner, where age alone denies nothing.
    #[error(
        "{image} was judged as what runs already, where age denies nothing; judge it without that relief"
    )]
    AgeRelief {
        /// The image as it was written.
        image: String,
    },
    /// People let it run against the policies' word.
    #[error(
        "{image} is allowed by break-glass alone: what people let run in an emergency has passed no policy; promote it when it passes without"
    )]
    BreakGlass {
        /// The image as it was written.
        image: String,
    },
    /// It was decided by what a registry said earlier.
    #[error(
        "{image} was decided by what was known last, for the registry could not be asked ({what}, {age_seconds} s old): what came since is \
         not known; try again when it answers"
    )]
    Stale {
        /// The image as it was written.
        image: String,
        /// Which list.
        what: String,
        /// How many seconds ago the registry was asked.
        age_seconds: u64,
    },
    /// No policy that emits the level names the image.
    #[error(
        "no policy that emits {level} names {image} ({}); promote as what a policy that names it emits",
        if .matched.is_empty() { "none names it at all".to_owned() } else { .matched.join(", ") }
    )]
    NotMatched {
        /// The image as it was written.
        image: String,
        /// What was asked for.
        level: String,
        /// The policies that do, with what they emit.
        matched: Vec<String>,
    },
    /// A rule did not pass and was only warned of.
    #[error(
        "{0}: a warning is no pass; mend what it says, or waive the rule by an Exception, which the summary then tells"
    )]
    OnlyWarned(Box<WarnedRule>),
    /// Nothing of the image was looked at, because no policy asks for anything.
    #[error(
        "nothing of {image} was looked at, for no policy that names it asks for evidence: there is nothing that a summary could state; \
         demand a signature or an attestation in the policy"
    )]
    NotExamined {
        /// The image as it was written.
        image: String,
    },
}

/// A rule that did not pass, in a decision that allows all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarnedRule {
    /// The policy.
    pub policy: String,
    /// Its rule.
    pub rule: String,
    /// Where the rule stands.
    pub place: Place,
    /// Why it did not pass.
    pub code: ReasonCode,
    /// The same as a sentence.
    pub message: String,
    /// Whether it failed, or could not be told.
    pub outcome: Outcome,
    /// Why that denied nothing.
    pub why: &'static str,
}

impl std::fmt::Display for WarnedRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (policy, rule, place) = (&self.policy, &self.rule, at(&self.place));
        let (code, message, why) = (self.code, &self.message, self.why);
        write!(
            f,
            "the rule `{rule}` of the policy `{policy}`{place} did not pass ({code}: {message}) and was only warned of ({why})"
        )
    }
}

/// Why a policy denies nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unenforced {
    /// `mode: warn` or `audit`.
    Mode(Mode),
    /// Its `effectiveFrom`, or that of all its rules, is yet to come.
    NotYetEffective,
}

impl std::fmt::Display for Unenforced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mode(mode) => write!(f, "has `mode: {}`", mode.as_str()),
            Self::NotYetEffective => f.write_str("is not effective yet"),
        }
    }
}

impl NotPromoted {
    /// A stable code in kebab case, for programs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NobodyEmits { .. } => "nobody-emits",
            Self::NotEnforced { .. } => "not-enforced",
            Self::Denied { .. } => "denied",
            Self::Unknown { .. } => "unknown",
            Self::Unnamed => "unnamed",
            Self::AgeRelief { .. } => "age-relief",
            Self::BreakGlass { .. } => "break-glass",
            Self::Stale { .. } => "stale",
            Self::NotMatched { .. } => "not-matched",
            Self::OnlyWarned(_) => "only-warned",
            Self::NotExamined { .. } => "not-examined",
        }
    }
}

pub(super) fn denied(decision: &Decision) -> NotPromoted {
    NotPromoted::Denied {
        image: decision.image().to_owned(),
        because: because(decision, Outcome::Fail),
    }
}

pub(super) fn unknown(decision: &Decision) -> NotPromoted {
    NotPromoted::Unknown {
        image: decision.image().to_owned(),
        because: because(decision, Outcome::Unknown),
    }
}

/// A rule that did not pass, of a policy that is enforced, in a decision that allows.
pub(super) fn only_warned(policy: &PolicyOutcome, rule: &RuleOutcome) -> NotPromoted {
    NotPromoted::OnlyWarned(Box::new(WarnedRule {
        policy: policy.name.clone(),
        rule: rule.name.clone(),
        place: rule.place.clone(),
        code: rule.code.unwrap_or(ReasonCode::NotExamined),
        message: rule.message.clone(),
        outcome: rule.outcome,
        why: match rule.effective {
            false => "before effectiveFrom",
            true => "onUnknown: allow",
        },
    }))
}

/// What came out so first, and where it is said.
fn because(decision: &Decision, outcome: Outcome) -> String {
    if let Some(revoked) = decision.revoked().first() {
        return format!(
            "the Revocation `{}`{} names it",
            revoked.name,
            at(&revoked.place)
        );
    }
    let enforced = decision
        .policies()
        .iter()
        .filter(|it| it.effect == outcome.verdict());
    let rules = enforced.flat_map(|policy| policy.rules.iter().map(move |rule| (policy, rule)));
    let mut rules = rules.filter(|(_, rule)| rule.effective && rule.waived_by().is_none());
    if let Some((policy, rule)) = rules.find(|(_, rule)| rule.outcome == outcome) {
        let place = at(&rule.place);
        return format!(
            "policy `{}`, rule `{}`{place}: {}",
            policy.name, rule.name, rule.message
        );
    }
    let mut unfit = decision
        .policies()
        .iter()
        .filter(|it| it.effect == outcome.verdict());
    if let Some(policy) = unfit.find(|it| it.namespaces == Some(NamespaceFit::Unknown)) {
        let (name, place) = (&policy.name, at(&policy.place));
        return format!(
            "policy `{name}`{place}: {}",
            ReasonCode::NamespaceUnknown.message()
        );
    }
    match decision.unmatched() {
        Some(unmatched) if unmatched.effect == Verdict::Deny => {
            format!(
                "no enforcing policy names it, and Settings deny that{}",
                at(&unmatched.place)
            )
        }
        _ => "see the warnings of the decision".to_owned(),
    }
}

fn at(place: &Place) -> String {
    format!(" [{}:{}]", safe(&place.file), place.line)
}

fn list(levels: &[String]) -> String {
    match levels {
        [] => "nothing".to_owned(),
        levels => levels.join(", "),
    }
}
