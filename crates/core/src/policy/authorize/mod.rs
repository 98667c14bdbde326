//! Authorization: whether the proven facts of one signature are those of one Signer (verification steps 14, 16, 18 to 20).

mod identity;

use std::collections::BTreeSet;

use super::signer::{Key, Maker, Signer, TimeDemand};
use crate::compared::{Compared, made};
use crate::trust::distinct_operators;
use crate::{Digest, Facts, Format, ReasonCode, San, SignedBy, TimeSource, UnixTime};
pub(crate) use identity::{GITHUB, WORKFLOW_HOST, WORKFLOWS};

/// Why facts are not those of a Signer: what was found, and what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) code: ReasonCode,
    pub(crate) found: String,
    pub(crate) wanted: String,
}

/// Who made a signature, as thresholds count: a key, or (root, issuer, subject alternative name).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Author {
    Key(Digest),
    Certificate {
        root: String,
        issuer: String,
        san: San,
    },
}

impl Author {
    pub(crate) fn of(facts: &Facts) -> Self {
        match facts.signer() {
            SignedBy::Key(key) => Self::Key(*key),
            SignedBy::Certificate(certificate) => Self::Certificate {
                root: facts
                    .root()
                    .map(|root| root.name.clone())
                    .unwrap_or_default(),
                issuer: certificate.issuer.clone(),
                san: certificate.san.clone(),
            },
        }
    }
}

impl Signer {
    /// Records whether one signature, with all its facts, is this Signer's: every comparison, in the order of how specific it
    /// is. Every condition holds on the same facts.
    ///
    /// Of a signature by another kind of maker or by another key nothing more is compared; what the CI provider stated is
    /// compared only where the issuer is the right one.
    pub(crate) fn compare(&self, facts: &Facts, now: UnixTime, compared: &mut Compared) {
        let key = match (&self.maker, facts.signer()) {
            (Maker::Keys(keys), SignedBy::Key(id)) => {
                let Some(key) = keys.iter().find(|key| key.key == *id) else {
                    return compared.fail("signer", self.other_maker(facts));
                };
                let wanted = format_args!("key `{}` ({})", key.id, key.key);
                let code = ReasonCode::SignerMismatch;
                compared.that("key", wanted, format_args!("key {id}"), true, code);
                Some(key)
            }
            (Maker::Keyless(keyless), SignedBy::Certificate(certificate)) => {
                self.compare_root(facts, compared);
                keyless.compare(certificate, compared);
                self.compare_sct(facts, compared);
                None
            }
            _ => return compared.fail("signer", self.other_maker(facts)),
        };
        self.compare_format(facts.format(), compared);
        if key.is_some() {
            self.compare_keyed_root(facts, compared);
        }
        self.compare_logs(facts, compared);
        self.compare_time(facts, now, compared);
        self.compare_timestamps(facts, compared);
        if let Some(key) = key {
            key.compare_window(facts, compared);
        }
        self.compare_root_life(facts, now, compared);
    }

    /// Whether cosign's `.sig` and `.att` layers can count.
    pub(crate) const fn takes_legacy(&self) -> bool {
        self.legacy
    }

    /// Whether Sigstore bundles can count.
    pub(crate) const fn takes_bundles(&self) -> bool {
        !self.bundles.is_empty()
    }

    /// When the signature was made at the latest, by nobody's word but that of whom this Signer takes it from: its own trust
    /// root, and there the kind of authority that `time` names. With `time: none` nobody's.
    pub(crate) fn believed_time(&self, facts: &Facts) -> Option<UnixTime> {
        let root = self.root.as_ref()?;
        if facts.root().is_none_or(|found| found.name != root.name) {
            return None;
        }
        let times = facts.times().iter();
        let taken = times.filter(|proven| self.time.takes(&proven.source));
        taken.map(|proven| proven.time).min()
    }

    /// What it is known by, for a message.
    pub(crate) fn wanted(&self) -> String {
        match &self.maker {
            Maker::Keys(keys) => {
                let ids: Vec<String> = keys
                    .iter()
                    .map(|key| format!("key `{}` ({})", key.id, key.key))
                    .collect();
                ids.join(" or ")
            }
            Maker::Keyless(keyless) => {
                format!("{} (issuer {})", keyless.subject.wanted(), keyless.issuer)
            }
        }
    }

    fn other_maker(&self, facts: &Facts) -> Mismatch {
        Mismatch {
            code: ReasonCode::SignerMismatch,
            found: maker_text(facts.signer()),
            wanted: self.wanted(),
        }
    }

    fn compare_root(&self, facts: &Facts, compared: &mut Compared) {
        let wanted = self.root.as_ref().map_or("", |root| root.name.as_str());
        let found = facts.root().map_or("", |root| root.name.as_str());
        let holds = found == wanted && !wanted.is_empty();
        let found = if found.is_empty() {
            "no trust root"
        } else {
            found
        };
        compared.that("trust", wanted, found, holds, ReasonCode::TrustRootMismatch);
    }

    /// A key needs a trust root only for what the root vouches for: logs and times.
    fn compare_keyed_root(&self, facts: &Facts, compared: &mut Compared) {
        let needs_root = self.logs > 0 || self.time != TimeDemand::None;
        if needs_root && facts.root().is_some() {
            self.compare_root(facts, compared);
        }
    }

    /// A trust root whose TUF metadata has long expired vouches for nothing: a key that was withdrawn since would still be
    /// in it. Asked last, so that it is told only where everything else holds.
    fn compare_root_life(&self, facts: &Facts, now: UnixTime, compared: &mut Compared) {
        let Some(root) = self.root.as_ref().filter(|_| facts.root().is_some()) else {
            return;
        };
        if let Some(life) = root.life {
            compared.that(
                "trust.maxAge",
                format_args!("refreshed before {}", life.serves_until),
                format_args!("trust root `{}`, expired {}", root.name, life.expires),
                life.serves_until >= now,
                ReasonCode::TrustRootExpired,
            );
        }
    }

    /// Verification step 14, the Signer's half: how many logs vouch is a fact; whether one must is the policy's word.
    fn compare_sct(&self, facts: &Facts, compared: &mut Compared) {
        if self.root.as_ref().is_none_or(|root| root.sct) {
            let found = made(|| match facts.sct_logs() {
                0 => "none".to_owned(),
                1 => "one".to_owned(),
                count => format!("{count} of them"),
            });
            let wanted = "a certificate-transparency proof";
            let holds = facts.sct_logs() > 0;
            compared.that("sct", wanted, found, holds, ReasonCode::SctMissing);
        }
    }

    fn compare_format(&self, format: Format, compared: &mut Compared) {
        let allowed = match format {
            Format::Legacy => self.legacy,
            bundle => self.bundles.contains(&bundle),
        };
        let wanted = made(|| {
            let legacy = self.legacy.then_some(Format::Legacy);
            let all = self.bundles.iter().copied().chain(legacy);
            all.map(Format::as_str).collect::<Vec<_>>().join(" or ")
        });
        let code = ReasonCode::FormatNotAllowed;
        compared.that("formats", wanted, format.as_str(), allowed, code);
    }

    /// Verification step 11: operators count, never entries (CVE-2026-49834).
    fn compare_logs(&self, facts: &Facts, compared: &mut Compared) {
        if self.logs == 0 {
            return;
        }
        let logs = facts.logs();
        let found = made(|| match logs.len() {
            0 => "no log entry".to_owned(),
            1 => "a log entry".to_owned(),
            count => format!("{count} log entries"),
        });
        let wanted = "a log entry (log: required)";
        compared.that(
            "log",
            wanted,
            found,
            !logs.is_empty(),
            ReasonCode::LogMissing,
        );
        if !logs.is_empty() {
            let operators = logs.iter().map(|log| log.operator.as_str());
            let code = ReasonCode::LogThreshold;
            enough(code, operators, self.logs, "logOperators", compared);
        }
    }

    /// The same of RFC 3161 timestamps.
    fn compare_timestamps(&self, facts: &Facts, compared: &mut Compared) {
        if self.timestamps == 0 {
            return;
        }
        let operators = facts
            .times()
            .iter()
            .filter_map(|proven| match &proven.source {
                TimeSource::Timestamp { operator, .. } => Some(operator.as_str()),
                TimeSource::Log { .. } => None,
            });
        enough(
            ReasonCode::TimestampThreshold,
            operators,
            self.timestamps,
            "timestampOperators",
            compared,
        );
    }

    /// Verification step 11: an empty set of times passes nothing that needs one, and no time lies in the future.
    fn compare_time(&self, facts: &Facts, now: UnixTime, compared: &mut Compared) {
        let times = facts.times();
        if let Some(future) = times.iter().find(|proven| proven.time > now) {
            let found = format_args!("{} by {}", future.time, future.source.authority());
            let wanted = format_args!("not after {now}");
            return compared.that("time", wanted, found, false, ReasonCode::TimeInFuture);
        }
        let wanted = match self.time {
            TimeDemand::None => return,
            TimeDemand::Log => "a log's signed entry timestamp (time: log)",
            TimeDemand::Timestamp => "an RFC 3161 timestamp (time: timestamp)",
            TimeDemand::Either => "a time proven by a log or a timestamp authority",
        };
        let proven = times.iter().find(|proven| self.time.takes(&proven.source));
        let found = made(|| match proven {
            Some(proven) => format!("{} by {}", proven.time, proven.source.authority()),
            None if times.is_empty() => "no proven time".to_owned(),
            None => "a time of the other kind".to_owned(),
        });
        compared.that(
            "time",
            wanted,
            found,
            proven.is_some(),
            ReasonCode::TimeMissing,
        );
    }
}

impl TimeDemand {
    /// Whether a time by this authority is of the kind that is demanded.
    const fn takes(self, source: &TimeSource) -> bool {
        match self {
            Self::None => false,
            Self::Either => true,
            Self::Log => matches!(source, TimeSource::Log { .. }),
            Self::Timestamp => matches!(source, TimeSource::Timestamp { .. }),
        }
    }
}

impl Key {
    /// Verification step 16: each proven time lies in the window; without a time no window is passed.
    fn compare_window(&self, facts: &Facts, compared: &mut Compared) {
        if self.valid_from.is_none() && self.valid_until.is_none() {
            return;
        }
        let side = |at: Option<UnixTime>| at.map_or_else(|| "…".to_owned(), |at| at.to_string());
        let wanted = made(|| {
            let (from, until) = (side(self.valid_from), side(self.valid_until));
            format!("key `{}` from {from} to {until}", self.id)
        });
        let outside = facts.times().iter().find(|proven| {
            self.valid_from.is_some_and(|from| proven.time < from)
                || self.valid_until.is_some_and(|until| proven.time > until)
        });
        let (proven, holds) = match (outside, facts.times().first()) {
            (Some(proven), _) => (Some(proven), false),
            (None, first) => (first, first.is_some()),
        };
        let found = made(|| match proven {
            Some(proven) => proven.time.to_string(),
            None => "no proven time".to_owned(),
        });
        compared.that("keys", wanted, found, holds, ReasonCode::KeyWindow);
    }
}

/// Records whether there are as many different operators as the Signer's field demands.
fn enough<'a>(
    code: ReasonCode,
    operators: impl Iterator<Item = &'a str>,
    wanted: usize,
    field: &str,
    compared: &mut Compared,
) {
    let names: BTreeSet<&str> = operators.collect();
    let count = distinct_operators(names.iter().copied());
    let found = made(|| {
        let named = names.iter().copied().filter(|name| !name.is_empty());
        match named.collect::<Vec<_>>().as_slice() {
            [] => format!("{count}"),
            names => format!("{count} ({})", names.join(", ")),
        }
    });
    let noun = match wanted {
        1 => "operator",
        _ => "different operators",
    };
    let wanted_text = format_args!("{wanted} {noun} ({field}: {wanted})");
    compared.that(field, wanted_text, found, count >= wanted, code);
}

/// Who made a signature, for a message.
pub(crate) fn maker_text(signer: &SignedBy) -> String {
    match signer {
        SignedBy::Key(key) => format!("key {key}"),
        SignedBy::Certificate(certificate) => {
            format!(
                "{} (issuer {})",
                certificate.san.value(),
                certificate.issuer
            )
        }
    }
}
