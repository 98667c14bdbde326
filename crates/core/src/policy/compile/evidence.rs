//! What rules over evidence have in common: by whom, which of several, how old, about what.

use super::{Compiler, Signers};
use crate::ReasonCode;
use crate::policy::document::{
    FromSpec, MatchWord, ProvenanceSpec, SbomSpec, SignatureSpec, StatementSpec, SubjectWord,
    SummarySpec, VulnerabilitiesSpec,
};
use crate::policy::notes::{At, Spanned};
use crate::policy::scalar::Duration;
use crate::policy::shape::Flag;
use crate::policy::signer::TimeDemand;
use crate::policy::{EvidenceDemand, From, Selection, SubjectDemand, Wanted};

/// A rule over evidence, as it is written.
pub(super) trait OverEvidence {
    fn common(&self) -> Common<'_>;
}

/// The fields that every rule over evidence has.
pub(super) struct Common<'r> {
    at: At,
    from: Option<&'r FromSpec>,
    selection: Option<&'r Spanned<MatchWord>>,
    max_age: Option<&'r Spanned<Duration>>,
    age_always: Option<&'r Flag>,
    subject: Option<&'r Spanned<SubjectWord>>,
}

macro_rules! over_evidence {
    ($($rule:ty),*) => {
        $(impl OverEvidence for $rule {
            fn common(&self) -> Common<'_> {
                Common {
                    at: self.at,
                    from: self.from.as_ref(),
                    selection: self.selection.as_ref(),
                    max_age: self.max_age.as_ref(),
                    age_always: self.age_always.as_ref(),
                    subject: self.subject.as_ref(),
                }
            }
        })*
    };
}

over_evidence!(
    SignatureSpec,
    StatementSpec,
    ProvenanceSpec,
    SbomSpec,
    VulnerabilitiesSpec,
    SummarySpec
);

impl Compiler<'_> {
    /// What every rule over evidence says in the same words; `wanted` is still to be said.
    pub(super) fn evidence_demand(
        &mut self,
        rule: &impl OverEvidence,
        signers: &Signers,
        default: Selection,
    ) -> Option<EvidenceDemand> {
        let Common {
            at,
            from,
            selection: word,
            max_age,
            age_always,
            subject: about,
        } = rule.common();
        let (from_at, from) = (from?.at, self.from(from?, signers)?);
        let selection = selection(word, default);
        let at = match (word, default) {
            (Some(word), _) => word.at,
            (None, Selection::Any) => at,
            (None, _) => from_at,
        };
        let max_age = self.ages(&from, selection, at, max_age);
        let age_always = self.age_always(age_always, max_age);
        Some(EvidenceDemand {
            wanted: Wanted::Signature { blob: false },
            from,
            selection,
            max_age,
            min_age: None,
            age_always,
            subject: subject(about),
        })
    }

    /// `maxAge` and `newest` need a proven time of every Signer.
    fn ages(
        &mut self,
        from: &From,
        selection: Selection,
        at: At,
        max_age: Option<&Spanned<Duration>>,
    ) -> Option<i64> {
        for signer in from
            .signers
            .iter()
            .filter(|signer| signer.time == TimeDemand::None)
        {
            let name = &signer.name;
            if let Some(age) = max_age {
                self.notes.error_with(
                    ReasonCode::Contradiction,
                    age.at,
                    format!(
                        "`maxAge` needs a proven time, and the Signer `{name}` says `time: none`"
                    ),
                    "Remove `maxAge`, or let the Signer demand a time.",
                );
            }
            if selection == Selection::Newest {
                self.notes.error_with(
                    ReasonCode::Contradiction,
                    at,
                    format!("`match: newest` needs a proven time, and the Signer `{name}` says `time: none`"),
                    "Say `match: any` or `match: all` in the rule, or let the Signer demand a time.",
                );
            }
        }
        max_age.map(|age| age.value.0)
    }

    /// `ageAlways` says something about `maxAge`, and nothing without it.
    fn age_always(&mut self, flag: Option<&Flag>, max_age: Option<i64>) -> bool {
        let always = self.flag("ageAlways", flag);
        if let (true, None, Some(flag)) = (always, max_age, flag) {
            let why = "`ageAlways` has no effect: there is no `maxAge`";
            self.notes.warning(ReasonCode::NoEffect, flag.at, why);
        }
        always
    }
}

fn selection(word: Option<&Spanned<MatchWord>>, default: Selection) -> Selection {
    match word.map(|word| word.value) {
        None => default,
        Some(MatchWord::Any) => Selection::Any,
        Some(MatchWord::All) => Selection::All,
        Some(MatchWord::Newest) => Selection::Newest,
    }
}

fn subject(word: Option<&Spanned<SubjectWord>>) -> SubjectDemand {
    match word.map(|word| word.value) {
        None | Some(SubjectWord::Index) => SubjectDemand::Index,
        Some(SubjectWord::Platform) => SubjectDemand::Platform,
        Some(SubjectWord::Either) => SubjectDemand::Either,
    }
}
