//! The rule `vulnerabilities`.

use super::{Compiler, Signers};
use crate::ReasonCode;
use crate::known::Known;
use crate::policy::document::{
    LeewaySpec, SeverityWord, UnknownSeverityWord, UnsupportedWord, VexSpec, VulnerabilitiesSpec,
};
use crate::policy::glob::Glob;
use crate::policy::notes::Spanned;
use crate::policy::scalar::Duration;
use crate::policy::shape::Text;
use crate::policy::signer::TimeDemand;
use crate::policy::{EvidenceDemand, Selection, Wanted};
use crate::scan::{Leeway, ScannerDemand, Severity, VexDemand, VulnerabilityDemand};

impl Compiler<'_> {
    pub(super) fn vulnerabilities(
        &mut self,
        spec: &VulnerabilitiesSpec,
        signers: &Signers,
    ) -> Option<EvidenceDemand> {
        let demand = self.evidence_demand(spec, signers, Selection::Newest);
        let deny_from = spec.deny_from.as_ref().map(|word| severity(word.value));
        let leeway = match &spec.leeway {
            None => Some(Vec::new()),
            Some(leeway) => self.leeway(leeway, deny_from),
        };
        let scanners = spec.scanners.iter().flat_map(|list| {
            let items: &[Text] = &list.value;
            items
        });
        let scanners: Vec<Option<ScannerDemand>> =
            scanners.map(|text| self.scanner(text)).collect();
        let vex = match &spec.vex {
            None => Some(None),
            Some(vex) => self.vex(vex, signers).map(Some),
        };
        let ignore_unfixed = self.flag("ignoreUnfixed", spec.ignore_unfixed.as_ref());
        let demand = demand?;
        self.database_age(&demand, spec.max_database_age.as_ref());
        if let (Some(vex), Selection::Any) = (&spec.vex, demand.selection) {
            self.notes.error_with(
                ReasonCode::Contradiction,
                vex.at,
                "`vex` needs to see everything that is attached, and `match: any` does not",
                "Say `match: newest` or `match: all`.",
            );
        }
        let wanted = Wanted::Vulnerabilities(Box::new(VulnerabilityDemand {
            deny_from: deny_from?,
            allow_unknown: spec
                .unknown_severity
                .as_ref()
                .is_some_and(|word| word.value == UnknownSeverityWord::Allow),
            ignore_unfixed,
            leeway: leeway?,
            max_database_age: spec.max_database_age.as_ref().map(|age| age.value.0),
            scanners: scanners.into_iter().collect::<Option<_>>()?,
            warn_unsupported: spec
                .unsupported
                .as_ref()
                .is_some_and(|word| word.value == UnsupportedWord::Warn),
            vex: vex?,
            known: Known::default(),
        }));
        Some(demand.wanting(wanted))
    }

    /// Leeway for what passes anyway says nothing.
    fn leeway(&mut self, spec: &LeewaySpec, deny_from: Option<Severity>) -> Option<Vec<Leeway>> {
        if spec.is_empty() {
            self.notes
                .error(ReasonCode::EmptyList, spec.at, "`leeway` gives none");
            return None;
        }
        let mut all = Vec::new();
        for (severity, span) in [
            (Severity::Critical, &spec.critical),
            (Severity::High, &spec.high),
            (Severity::Medium, &spec.medium),
            (Severity::Low, &spec.low),
            (Severity::Negligible, &spec.negligible),
        ] {
            let Some(span) = span else { continue };
            if deny_from.is_some_and(|it| severity < it) {
                let why = format!("leeway of {severity} has no effect: such findings pass anyway");
                self.notes.warning(ReasonCode::NoEffect, span.at, why);
            }
            all.push(Leeway {
                severity,
                seconds: span.value.0,
            });
        }
        Some(all)
    }

    fn scanner(&mut self, text: &Text) -> Option<ScannerDemand> {
        if !text.value.contains('*') {
            return self.exact(text).map(ScannerDemand::Exact);
        }
        if text.value.chars().all(|it| matches!(it, '*' | '/')) {
            let why = format!("`{}` is every scanner", text.value);
            self.notes.error(ReasonCode::BroadPattern, text.at, why);
            return None;
        }
        match Glob::parse(&text.value) {
            Ok(glob) => Some(ScannerDemand::Glob(glob)),
            Err(why) => {
                let message = format!("the pattern `{}` {why}", text.value);
                self.notes.error(ReasonCode::BadPattern, text.at, message);
                None
            }
        }
    }

    /// Whose word subtracts, and by the newest: every Signer has to prove when.
    fn vex(&mut self, spec: &VexSpec, signers: &Signers) -> Option<VexDemand> {
        let from_spec = spec.from.as_ref()?;
        let from = self.from(from_spec, signers)?;
        for signer in &from.signers {
            if signer.time == TimeDemand::None {
                let message = format!(
                    "the newest VEX counts, which needs a proven time, and the Signer `{}` says `time: none`",
                    signer.name
                );
                self.notes.error_with(
                    ReasonCode::Contradiction,
                    from_spec.at,
                    message,
                    "Let the Signer demand a time.",
                );
            }
        }
        Some(VexDemand {
            from,
            max_age: spec.max_age.as_ref().map(|age| age.value.0),
        })
    }

    /// The database's age ends at the proven time of the scan.
    fn database_age(&mut self, demand: &EvidenceDemand, age: Option<&Spanned<Duration>>) {
        let Some(age) = age else { return };
        let signers = demand.from.signers.iter();
        for signer in signers.filter(|it| it.time == TimeDemand::None) {
            let message = format!(
                "`maxDatabaseAge` needs a proven time, and the Signer `{}` says `time: none`",
                signer.name
            );
            self.notes.error_with(
                ReasonCode::Contradiction,
                age.at,
                message,
                "Remove `maxDatabaseAge`, or let the Signer demand a time.",
            );
        }
    }
}

const fn severity(word: SeverityWord) -> Severity {
    match word {
        SeverityWord::Negligible => Severity::Negligible,
        SeverityWord::Low => Severity::Low,
        SeverityWord::Medium => Severity::Medium,
        SeverityWord::High => Severity::High,
        SeverityWord::Critical => Severity::Critical,
    }
}
