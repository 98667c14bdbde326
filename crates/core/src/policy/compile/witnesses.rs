//! What a Signer demands of logs, timestamps and certificate transparency: all of it must be possible under its trust root.

use super::Compiler;
use super::roots::Root;
use crate::ReasonCode;
use crate::policy::document::{Document, LogWord, SctWord, SignerSpec, TimeWord};
use crate::policy::shape::Number;
use crate::policy::signer::TimeDemand;

impl Compiler<'_> {
    pub(super) fn time(
        &mut self,
        document: &Document<SignerSpec>,
        root: Option<&Root>,
    ) -> TimeDemand {
        let Some(word) = &document.spec.time else {
            return TimeDemand::Either;
        };
        let lacks = |count: usize| root.is_some() && count == 0;
        let logs = root.map_or(0, |root| root.root.log_count());
        let authorities = root.map_or(0, |root| root.root.timestamp_authorities().len());
        let missing = match word.value {
            TimeWord::Log if lacks(logs) => Some("log"),
            TimeWord::Timestamp if lacks(authorities) => Some("timestamp authority"),
            TimeWord::Either if lacks(logs) && lacks(authorities) => {
                Some("log nor timestamp authority")
            }
            _ => None,
        };
        if let Some(what) = missing {
            self.notes.error(
                ReasonCode::Contradiction,
                word.at,
                format!("the trust root lists no {what}"),
            );
        }
        match word.value {
            TimeWord::Log => TimeDemand::Log,
            TimeWord::Timestamp => TimeDemand::Timestamp,
            TimeWord::Either => TimeDemand::Either,
            TimeWord::None => {
                if document.spec.keyless.is_some() {
                    self.notes.error_with(
                        ReasonCode::Contradiction,
                        word.at,
                        "a certificate lives for minutes, so `keyless` needs a proven time",
                        "Remove `time: none`; it is for keys only.",
                    );
                }
                TimeDemand::None
            }
        }
    }

    /// By how many operators logs must hold the signature: as said, or else one where the trust root lists a log.
    pub(super) fn logs(
        &mut self,
        document: &Document<SignerSpec>,
        root: Option<&Root>,
        time: TimeDemand,
    ) -> usize {
        let spec = &document.spec;
        let listed = root.is_some_and(|root| root.root.log_count() > 0);
        let word = spec.log.as_ref();
        match word.map(|word| (word.value, word.at)) {
            Some((LogWord::Required, at)) if root.is_some() && !listed => {
                self.notes
                    .error(ReasonCode::Contradiction, at, "the trust root lists no log");
            }
            Some((LogWord::Off, at)) if time == TimeDemand::Log => {
                let message = "`time: log` needs a log, and `log: off` demands none";
                self.notes.error(ReasonCode::Contradiction, at, message);
            }
            _ => {}
        }
        let off = word.is_some_and(|word| word.value == LogWord::Off);
        if let Some(number) = &spec.log_operators {
            if off {
                let message = "`logOperators` needs a log, and `log: off` demands none";
                self.notes
                    .error(ReasonCode::Contradiction, number.at, message);
            }
            let there = root.map(|root| root.root.log_operators());
            return self.operators(number, there, "transparency logs");
        }
        // A log that is listed and not supported is demanded all the same: what nobody can check must not count as unnecessary.
        let demanded = root.is_some_and(|root| root.root.lists_logs());
        usize::from(!off && (word.is_some() || demanded))
    }

    /// By how many operators timestamps must be; 0 where only `time` demands any.
    pub(super) fn timestamps(
        &mut self,
        document: &Document<SignerSpec>,
        root: Option<&Root>,
        time: TimeDemand,
    ) -> usize {
        let Some(number) = &document.spec.timestamp_operators else {
            return 0;
        };
        let word = match time {
            TimeDemand::Log => Some("log"),
            TimeDemand::None => Some("none"),
            TimeDemand::Timestamp | TimeDemand::Either => None,
        };
        if let Some(word) = word {
            self.notes.error_with(
                ReasonCode::Contradiction,
                number.at,
                format!("`timestampOperators` needs timestamps, and `time: {word}` asks for none"),
                "Say `time: timestamp` or `time: either`.",
            );
        }
        let there = root.map(|root| root.root.timestamp_operators());
        self.operators(number, there, "timestamp authorities")
    }

    /// A threshold that counts operators; `there` are so many in the trust root.
    fn operators(&mut self, number: &Number, there: Option<usize>, what: &str) -> usize {
        let wanted = usize::try_from(number.value).unwrap_or_default();
        if wanted == 0 {
            let message = "a threshold below 1 would pass without evidence";
            self.notes
                .error(ReasonCode::ZeroThreshold, number.at, message);
        }
        if let Some(there) = there.filter(|there| *there < wanted) {
            let plural = if there == 1 { "" } else { "s" };
            let message = format!(
                "the trust root lists {what} of {there} operator{plural}, fewer than {wanted}"
            );
            self.notes
                .error(ReasonCode::ThresholdTooHigh, number.at, message);
        }
        wanted
    }

    /// Whether a certificate needs a proof of certificate transparency: the Signer's word, or else the TrustRoot's.
    pub(super) fn sct(&mut self, document: &Document<SignerSpec>, root: Option<&Root>) -> bool {
        const REQUIRED: bool = true;
        let spec = &document.spec;
        if let (Some(word), None) = (&spec.sct, &spec.keyless) {
            let message = "`sct` has no effect: a key has no certificate";
            self.notes.warning(ReasonCode::NoEffect, word.at, message);
        }
        let Some(root) = root.filter(|_| spec.keyless.is_some()) else {
            return REQUIRED;
        };
        let listed = root.root.lists_ct_logs();
        let required = match &spec.sct {
            Some(word) => word.value == SctWord::Required,
            None => root.sct,
        };
        match (&spec.sct, required) {
            (Some(word), false) if listed => {
                self.notes.error_with(
                    ReasonCode::Contradiction,
                    word.at,
                    "the trust root lists a certificate-transparency log, so `sct: none` is refused",
                    "Remove `sct: none`.",
                );
                REQUIRED
            }
            (word, true) if !listed => {
                let trust = spec.trust.as_ref().map(|trust| trust.at);
                let at = word.as_ref().map(|word| word.at).or(trust);
                self.notes.error_with(
                    ReasonCode::Contradiction,
                    at.unwrap_or(document.name.at),
                    "the trust root lists no certificate-transparency log, and certificates need a proof by one",
                    "Say `sct: none` in the Signer, or in the TrustRoot document (without `file:` if --trust-root hands it over).",
                );
                REQUIRED
            }
            _ => required,
        }
    }
}
