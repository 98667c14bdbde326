//! Policies and their rules: patterns over images, conditions, and who satisfies them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::overlap::overlap;
use super::{Compiler, Signers};
use crate::policy::document::{
    DigestWord, Document, FromSpec, FromWord, MatchWord, ModeWord, PolicySpec, RuleSpec,
    SignatureSpec, StatementSpec,
};
use crate::policy::glob::Glob;
use crate::policy::notes::{At, Spanned, did_you_mean};
use crate::policy::scalar::{Duration, Name};
use crate::policy::shape::{Items, Text};
use crate::policy::signer::{Signer, TimeDemand};
use crate::policy::{
    Condition, DigestDemand, EvidenceDemand, From, Policy, Rule, Selection, Wanted,
};
use crate::{ImageRef, Mode, ReasonCode};

impl Compiler<'_> {
    pub(super) fn policy(
        &mut self,
        document: &Document<PolicySpec>,
        signers: &Signers,
    ) -> Option<Policy> {
        let spec = &document.spec;
        let images = spec.images.as_ref().and_then(|images| self.images(images));
        let except = match &spec.except {
            None => Some(Vec::new()),
            Some(except) => self.images(except),
        };
        if let (Some(globs), Some(excepted), Some(images), Some(except)) =
            (&images, &except, &spec.images, &spec.except)
        {
            self.unreachable(globs, images, excepted, except);
        }
        let rules = spec.rules.as_ref().map(|rules| {
            let names: Vec<&Spanned<Name>> = rules
                .value
                .iter()
                .filter_map(|rule| rule.name.as_ref())
                .collect();
            self.duplicates_of("rule of this policy", &names);
            let compiled: Vec<Option<Rule>> = rules
                .value
                .iter()
                .map(|rule| self.rule(rule, signers))
                .collect();
            compiled.into_iter().collect::<Option<Vec<Rule>>>()
        });
        let mode = match spec.mode.as_ref().map(|word| word.value) {
            None | Some(ModeWord::Enforce) => Mode::Enforce,
            Some(ModeWord::Warn) => Mode::Warn,
            Some(ModeWord::Audit) => Mode::Audit,
        };
        Some(Policy {
            name: document.name.value.0.clone(),
            place: self.notes.place(document.name.at),
            images: images?,
            except: except?,
            mode,
            effective_from: spec.effective_from.as_ref().map(|from| from.value.0),
            rules: rules??,
        })
    }

    /// Patterns over `host/path`: a pattern that no canonical name can fit is an error, not a policy without effect.
    fn images(&mut self, list: &Items<Text>) -> Option<Vec<Glob>> {
        self.duplicate_texts(list);
        self.globs_that(list, never_matches)
    }

    fn unreachable(
        &mut self,
        images: &[Glob],
        list: &Items<Text>,
        except: &[Glob],
        excepted: &Items<Text>,
    ) {
        for (glob, text) in images.iter().zip(&list.value) {
            if except.iter().any(|other| other.covers(glob)) {
                let message = format!(
                    "`{}` has no effect: `except` leaves all of it out",
                    text.value
                );
                self.notes.warning(ReasonCode::NoEffect, text.at, message);
            }
        }
        for (glob, text) in except.iter().zip(&excepted.value) {
            if !images.iter().any(|other| other.overlaps(glob)) {
                let message = format!(
                    "`{}` has no effect: `images` name nothing of it",
                    text.value
                );
                self.notes.warning(ReasonCode::NoEffect, text.at, message);
            }
        }
    }

    fn rule(&mut self, spec: &RuleSpec, signers: &Signers) -> Option<Rule> {
        const CONDITIONS: [&str; 8] = [
            "digest",
            "signature",
            "statement",
            "provenance",
            "sbom",
            "vulnerabilities",
            "summary",
            "vex",
        ];
        let at = spec.name.as_ref().map_or(spec.at, |name| name.at);
        let condition = match CONDITIONS
            .iter()
            .filter(|condition| spec.has(condition))
            .count()
        {
            0 => {
                self.notes
                    .error(ReasonCode::NoCondition, at, "the rule has no condition");
                None
            }
            1 => self.condition(spec, signers),
            _ => {
                self.notes.error(
                    ReasonCode::SeveralConditions,
                    at,
                    "the rule has more than one condition",
                );
                None
            }
        };
        Some(Rule {
            name: spec.name.as_ref()?.value.0.clone(),
            place: self.notes.place(at),
            effective_from: spec.effective_from.as_ref().map(|from| from.value.0),
            condition: condition?,
        })
    }

    fn condition(&mut self, spec: &RuleSpec, signers: &Signers) -> Option<Condition> {
        if let Some(word) = &spec.digest {
            return Some(Condition::Digest(match word.value {
                DigestWord::Required => DigestDemand::Required,
                DigestWord::Unsafe => DigestDemand::ResolveAtAdmissionUnsafe,
            }));
        }
        if let Some(rule) = &spec.signature {
            return self.signature(rule, signers).map(Condition::Evidence);
        }
        self.statement(spec.statement.as_ref()?, signers)
            .map(Condition::Evidence)
    }

    fn signature(&mut self, spec: &SignatureSpec, signers: &Signers) -> Option<EvidenceDemand> {
        let from = self.from(spec.from.as_ref()?, signers)?;
        let selection = selection(spec.selection.as_ref(), Selection::Any);
        let at = spec.selection.as_ref().map_or(spec.at, |word| word.at);
        let max_age = self.ages(&from, selection, at, spec.max_age.as_ref());
        Some(EvidenceDemand {
            wanted: Wanted::Signature,
            from,
            selection,
            max_age,
        })
    }

    fn statement(&mut self, spec: &StatementSpec, signers: &Signers) -> Option<EvidenceDemand> {
        let predicate_type = spec
            .predicate_type
            .as_ref()
            .and_then(|text| self.exact(text));
        let from = self.from(spec.from.as_ref()?, signers)?;
        let selection = selection(spec.selection.as_ref(), Selection::Newest);
        let at = spec
            .selection
            .as_ref()
            .map_or(spec.from.as_ref().map_or(spec.at, |from| from.at), |word| {
                word.at
            });
        let max_age = self.ages(&from, selection, at, spec.max_age.as_ref());
        Some(EvidenceDemand {
            wanted: Wanted::Statement {
                predicate_type: predicate_type?,
            },
            from,
            selection,
            max_age,
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

    /// `from`: every name is resolved, and no identity can count for two of them.
    fn from(&mut self, spec: &FromSpec, signers: &Signers) -> Option<From> {
        let mut found: Vec<(Arc<Signer>, At)> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut whole = true;
        for name in &spec.names {
            let text = name.value.0.as_str();
            if !seen.insert(text) {
                self.notes.error(
                    ReasonCode::DuplicateItem,
                    name.at,
                    format!("the Signer `{text}` stands twice in `from`"),
                );
                whole = false;
                continue;
            }
            match signers.by_name.get(text) {
                Some(Some(signer)) => found.push((Arc::clone(signer), name.at)),
                Some(None) => whole = false,
                None => {
                    whole = false;
                    if !signers.lost {
                        let guess = did_you_mean(text, signers.by_name.keys().map(String::as_str));
                        self.notes.error(
                            ReasonCode::UnknownName,
                            name.at,
                            format!("there is no Signer `{text}`{guess}"),
                        );
                    }
                }
            }
        }
        let threshold = self.threshold(spec);
        let distinct = !matches!(spec.word, FromWord::Any);
        for (index, (signer, at)) in found.iter().enumerate() {
            for (other, _) in found
                .iter()
                .take(index)
                .filter(|(other, _)| overlap(other, signer, distinct))
            {
                let message = format!(
                    "the Signers `{}` and `{}` accept the same identity",
                    other.name, signer.name
                );
                self.notes
                    .error(ReasonCode::OverlappingSigners, *at, message);
                whole = false;
            }
        }
        let threshold = threshold.filter(|_| whole)?;
        Some(From {
            signers: found.into_iter().map(|(signer, _)| signer).collect(),
            threshold,
        })
    }

    fn threshold(&mut self, spec: &FromSpec) -> Option<usize> {
        let count = spec.names.len();
        match &spec.word {
            FromWord::Any => Some(1),
            FromWord::All => Some(count),
            FromWord::AtLeast(number) => match usize::try_from(number.value) {
                Err(_) | Ok(0) => {
                    self.notes.error(
                        ReasonCode::ZeroThreshold,
                        number.at,
                        "a threshold below 1 would pass without evidence",
                    );
                    None
                }
                Ok(threshold) if threshold > count => {
                    let message =
                        format!("`atLeast: {threshold}` can never be met: `of` names {count}");
                    self.notes
                        .error(ReasonCode::ThresholdTooHigh, number.at, message);
                    None
                }
                Ok(threshold) => Some(threshold),
            },
        }
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

/// Why no canonical name can fit a pattern, and what to write instead.
fn never_matches(glob: &Glob) -> Option<(&'static str, String)> {
    let text = glob.as_str();
    if text == "**" {
        return None;
    }
    let (host, path) = match text.split_once('/') {
        Some(parts) => parts,
        None => {
            let hint = format!(
                "Write host and path, such as `docker.io/library/{text}`, or `**` for every image."
            );
            return Some(("has no host", hint));
        }
    };
    if path.contains([':', '@']) {
        return Some((
            "has a tag or digest",
            "Leave tag and digest out: policies match repositories.".to_owned(),
        ));
    }
    if path
        .chars()
        .any(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | '/' | '*'))
    {
        return Some((
            "has characters that no repository's path has",
            "Use lower-case letters, digits, `.`, `_` and `-`.".to_owned(),
        ));
    }
    if host.contains('*') {
        return None;
    }
    match ImageRef::parse(&format!("{host}/x")) {
        Ok(image) if image.registry() == host => None,
        Ok(image) if image.repository() == "x" || image.repository() == "library/x" => Some((
            "does not begin with the host's canonical name",
            format!("Write `{}/{path}`.", image.registry()),
        )),
        Ok(_) => Some((
            "does not begin with a host",
            format!("Write `docker.io/{text}`: names without a host are Docker Hub's."),
        )),
        Err(_) => Some((
            "does not begin with a host",
            "Begin with the registry's host, such as `ghcr.io/`.".to_owned(),
        )),
    }
}
