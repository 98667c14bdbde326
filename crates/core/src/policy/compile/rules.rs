//! Policies and their rules: patterns over images, conditions, and who satisfies them.

use super::{Compiler, Signers};
use crate::policy::document::{
    DigestWord, Document, ModeWord, PolicySpec, RuleSpec, SignatureSpec, StatementSpec,
};
use crate::policy::notes::Spanned;
use crate::policy::scalar::Name;
use crate::policy::shape::{Flag, Text};
use crate::policy::{
    Asked, Condition, DigestDemand, EvidenceDemand, Policy, Rule, Selection, Wanted,
};
use crate::{BreakGlassStatement, Mode, ReasonCode};

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
        let namespaces = spec.namespaces.as_ref().map(|it| self.namespaces(it));
        let emits = spec.emits.as_ref().map(|level| self.level(level));
        // What is written and wrong leaves no policy; what is not written is nothing.
        let (namespaces, emits) = (whole(namespaces)?, whole(emits)?);
        Some(Policy {
            name: document.name.value.0.clone(),
            place: self.notes.place(document.name.at),
            images: images?,
            except: except?,
            namespaces,
            emits,
            mode,
            effective_from: spec.effective_from.as_ref().map(|from| from.value.0),
            rules: rules??,
        })
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
        if let Some(rule) = &spec.sbom {
            return self.sbom(rule, signers).map(Condition::Evidence);
        }
        if let Some(rule) = &spec.provenance {
            return self.provenance(rule, signers).map(Condition::Evidence);
        }
        if let Some(rule) = &spec.vulnerabilities {
            return self.vulnerabilities(rule, signers).map(Condition::Evidence);
        }
        if let Some(rule) = &spec.summary {
            return self.summary(rule, signers).map(Condition::Evidence);
        }
        self.statement(spec.statement.as_ref()?, signers)
            .map(Condition::Evidence)
    }

    fn signature(&mut self, spec: &SignatureSpec, signers: &Signers) -> Option<EvidenceDemand> {
        let blob = self.flag("blob", spec.blob.as_ref());
        let demand = self.evidence_demand(spec, signers, Selection::Any)?;
        Some(demand.wanting(Wanted::Signature { blob }))
    }

    fn statement(&mut self, spec: &StatementSpec, signers: &Signers) -> Option<EvidenceDemand> {
        let predicate_type = spec
            .predicate_type
            .as_ref()
            .and_then(|text| self.predicate_type(text));
        let demand = self.evidence_demand(spec, signers, Selection::Newest);
        let asked = spec.condition.as_ref().map(|source| self.asked(source));
        let (predicate_type, asked) = (predicate_type?, whole(asked)?);
        Some(demand?.wanting(Wanted::Statement {
            predicate_type,
            asked,
        }))
    }

    /// Any type but that of break-glass statements, which say nothing about how good an image is.
    fn predicate_type(&mut self, text: &Text) -> Option<String> {
        let predicate_type = self.exact(text)?;
        if predicate_type == BreakGlassStatement::PREDICATE_TYPE {
            self.notes.error_with(
                ReasonCode::ReservedName,
                text.at,
                format!("`{predicate_type}` is break-glass, which no rule counts as evidence"),
                "Say in a document of kind BreakGlass who may approve; it overrides what rules deny.",
            );
            return None;
        }
        Some(predicate_type)
    }

    /// An expression, by the language with which the set is loaded.
    fn asked(&mut self, source: &Text) -> Option<Asked> {
        let Some(expressions) = self.files.expressions() else {
            self.notes.error(
                ReasonCode::ExpressionsMissing,
                source.at,
                "`where` needs expressions, and this program has none",
            );
            return None;
        };
        match expressions.compile(&source.value) {
            Ok(expression) => Some(Asked {
                source: source.value.clone(),
                expression,
            }),
            Err(why) => {
                let message = format!("the expression {why}");
                self.notes
                    .error(ReasonCode::ExpressionInvalid, source.at, message);
                None
            }
        }
    }

    /// A field that is false unless it says otherwise.
    pub(super) fn flag(&mut self, name: &str, flag: Option<&Flag>) -> bool {
        if let Some(flag) = flag.filter(|flag| !flag.value) {
            let why = format!("`{name}: false` has no effect: it is so anyway");
            self.notes.warning(ReasonCode::NoEffect, flag.at, why);
        }
        flag.is_some_and(|flag| flag.value)
    }
}

/// What may be left out: nothing if it was, and no answer if it was written and is wrong.
pub(super) fn whole<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}
