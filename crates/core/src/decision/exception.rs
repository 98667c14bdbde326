//! Exceptions beside a rule that did not pass.

use super::RuleOutcome;
use crate::{Place, UnixTime};

/// An Exception that names a rule which did not pass, and the image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleException {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Why, as it says.
    pub reason: String,
    /// Where it is being settled, as it says.
    pub ticket: Option<String>,
    /// Until when it waives.
    pub expires: UnixTime,
    /// Whether it waives the rule.
    pub status: ExceptionStatus,
}

/// Whether an Exception waives a rule for an image, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ExceptionStatus {
    /// It does: the rule denies nothing.
    Waives,
    /// It expired.
    Expired,
    /// The image or evidence of the rule is revoked, and a Revocation goes before every Exception.
    Revoked,
    /// What the registry sent must not be believed, or another image was handed over than was asked for.
    Hostile,
    /// The image is not there, or nothing was asked about it.
    Unexamined,
    /// It is for some namespaces, and nobody can tell whether this is one of them.
    NamespaceUnknown,
}

impl ExceptionStatus {
    /// `waives`, `expired`, `revoked`, `hostile`, `unexamined` or `namespace-unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waives => "waives",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Hostile => "hostile",
            Self::Unexamined => "unexamined",
            Self::NamespaceUnknown => "namespace-unknown",
        }
    }
}

impl RuleException {
    /// Why it does not waive the rule, in a sentence; none if it does.
    #[must_use]
    pub fn withheld(&self) -> Option<String> {
        let why = match self.status {
            ExceptionStatus::Waives => return None,
            ExceptionStatus::Expired => format!("it expired {}", self.expires),
            ExceptionStatus::Revoked => "the image or evidence of the rule is revoked".to_owned(),
            ExceptionStatus::Hostile => "what was sent must not be believed".to_owned(),
            ExceptionStatus::Unexamined => "nothing is known of the image".to_owned(),
            ExceptionStatus::NamespaceUnknown => {
                "nobody can tell whether the namespace is one of its own".to_owned()
            }
        };
        Some(format!(
            "The Exception `{}` does not waive it: {why}.",
            self.name
        ))
    }
}

impl RuleOutcome {
    /// The Exception that waives the rule, if one does: its outcome stays, and denies nothing.
    #[must_use]
    pub fn waived_by(&self) -> Option<&RuleException> {
        let waives = |one: &&RuleException| one.status == ExceptionStatus::Waives;
        self.exceptions.iter().find(waives)
    }
}
