//! The rule `summary`.

use super::{Compiler, Signers};
use crate::ReasonCode;
use crate::policy::document::{SummaryPolicySpec, SummarySpec, SummaryWord};
use crate::policy::shape::{Items, Text};
use crate::policy::signer::TimeDemand;
use crate::policy::{EvidenceDemand, Selection, Wanted};
use crate::summary::{Level, PolicyDemand, Resource, SummaryDemand, SummaryFormat};

impl Compiler<'_> {
    pub(super) fn summary(
        &mut self,
        spec: &SummarySpec,
        signers: &Signers,
    ) -> Option<EvidenceDemand> {
        let format = match spec.format.as_ref().map(|word| word.value) {
            None | Some(SummaryWord::Vsa) => SummaryFormat::Vsa,
            Some(SummaryWord::Svr) => SummaryFormat::Svr,
        };
        let verifier = spec.verifier.as_ref().and_then(|id| self.exact(id));
        let resource = self.resource(spec, format);
        let levels = spec.levels.as_ref().and_then(|list| self.levels(list));
        let policy = match &spec.policy {
            None => Some(PolicyDemand::default()),
            Some(policy) => self.judged_by(policy),
        };
        let mut demand = self.evidence_demand(spec, signers, Selection::Newest)?;
        self.soak(spec, &mut demand);
        let wanted = Wanted::Summary(Box::new(SummaryDemand {
            format,
            verifier: verifier?,
            resource: resource?,
            levels: levels?,
            policy: policy?,
        }));
        Some(demand.wanting(wanted))
    }

    /// The template of a VSA. Without it a summary for one environment would count in another, and an SVR cannot say for which it is.
    fn resource(&mut self, spec: &SummarySpec, format: SummaryFormat) -> Option<Option<Resource>> {
        match (format, &spec.resource) {
            (SummaryFormat::Vsa, None) => {
                // What is there and cannot be read was told of.
                let is_told = spec.has("resource") || (spec.format.is_none() && spec.has("format"));
                if !is_told {
                    self.notes.error_with(
                        ReasonCode::MissingField,
                        spec.at,
                        "the field `resource` is missing",
                        "Write what the `resourceUri` is, such as \"{registry}/{repository}\".",
                    );
                }
                None
            }
            (SummaryFormat::Svr, None) => Some(None),
            (SummaryFormat::Svr, Some(resource)) => {
                self.notes.error_with(
                    ReasonCode::Contradiction,
                    resource.at,
                    "a simple verification result names no resource",
                    "Remove `resource`, or demand a VSA.",
                );
                None
            }
            (SummaryFormat::Vsa, Some(text)) => {
                let exact = self.exact(text)?;
                match Resource::parse(&exact) {
                    Ok(resource) => Some(Some(resource)),
                    Err(why) => {
                        let message = format!("`{exact}` {why}");
                        self.notes.error_with(
                            ReasonCode::BadPattern,
                            text.at,
                            message,
                            "The placeholders are `{registry}`, `{repository}` and `{digest}`.",
                        );
                        None
                    }
                }
            }
        }
    }

    /// One that another implies has no effect.
    fn levels(&mut self, list: &Items<Text>) -> Option<Vec<Level>> {
        self.duplicate_texts(list);
        let mut levels = Vec::new();
        for text in &list.value {
            let level = self
                .exact(text)
                .and_then(|exact| match Level::parse(&exact) {
                    Ok(level) => Some(level),
                    Err(why) => {
                        self.notes.error_with(
                            ReasonCode::WrongValue,
                            text.at,
                            format!("`{exact}` {why}"),
                            "Write a level of SLSA, such as SLSA_BUILD_LEVEL_3, or one that a policy `emits`.",
                        );
                        None
                    }
                });
            levels.push(level);
        }
        for (text, level) in list.value.iter().zip(&levels) {
            let Some(level) = level else { continue };
            let mut others = list.value.iter().filter(|it| it.value != text.value);
            if let Some(other) = others.find(|it| level.is_met_by(&it.value)) {
                let why = format!("`{level}` has no effect: `{}` implies it", other.value);
                self.notes.warning(ReasonCode::NoEffect, text.at, why);
            }
        }
        levels.into_iter().collect()
    }

    fn judged_by(&mut self, spec: &SummaryPolicySpec) -> Option<PolicyDemand> {
        let (uri, digest) =
            self.uri_or_digest("`policy`", spec.at, spec.uri.as_ref(), spec.digest.as_ref())?;
        Some(PolicyDemand { uri, digest })
    }

    /// `minAge` needs a proven time of every Signer, and leaves some to `maxAge`.
    fn soak(&mut self, spec: &SummarySpec, demand: &mut EvidenceDemand) {
        let Some(age) = &spec.min_age else { return };
        let signers = demand.from.signers.iter();
        for signer in signers.filter(|it| it.time == TimeDemand::None) {
            let message = format!(
                "`minAge` needs a proven time, and the Signer `{}` says `time: none`",
                signer.name
            );
            let hint = "Remove `minAge`, or let the Signer demand a time.";
            self.notes
                .error_with(ReasonCode::Contradiction, age.at, message, hint);
        }
        if demand.max_age.is_some_and(|max_age| max_age <= age.value.0) {
            self.notes.error_with(
                ReasonCode::Contradiction,
                age.at,
                "`minAge` is not below `maxAge`: what is old enough is too old",
                "Lower `minAge`, or raise `maxAge`.",
            );
        }
        demand.min_age = Some(age.value.0);
    }
}
