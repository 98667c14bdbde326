//! Authorization: whether the proven facts of one signature are those of one Signer (verification steps 14, 16, 18 to 20).

mod identity;

use std::collections::BTreeSet;

use super::signer::{Key, Maker, Signer, TimeDemand};
use crate::compared::Compared;
use crate::trust::distinct_operators;
use crate::{Digest, Facts, Format, ReasonCode, San, SignedBy, TimeSource, UnixTime};
pub(crate) use identity::WORKFLOW_HOST;

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
    /// Records whether one signature is this Signer's.
    pub(crate) fn compare(&self, facts: &Facts, now: UnixTime, compared: &mut Compared) {
        match self.accepts(facts, now) {
            Ok(()) => compared.that(
                "signer",
                self.wanted(),
                maker_text(facts.signer()),
                true,
                ReasonCode::SignerMismatch,
            ),
            Err(mismatch) => compared.fail("signer", mismatch),
        }
    }

    /// Whether one signature, with all its facts, is this Signer's. Every condition holds on the same facts.
    ///
    /// # Errors
    /// The first condition that does not hold, in the order of how specific it is.
    pub(crate) fn accepts(&self, facts: &Facts, now: UnixTime) -> Result<(), Mismatch> {
        let key = match (&self.maker, facts.signer()) {
            (Maker::Keys(keys), SignedBy::Key(id)) => Some(
                keys.iter()
                    .find(|key| key.key == *id)
                    .ok_or_else(|| self.other_maker(facts))?,
            ),
            (Maker::Keyless(keyless), SignedBy::Certificate(certificate)) => {
                self.check_root(facts)?;
                keyless.accepts(certificate)?;
                self.check_sct(facts)?;
                None
            }
            _ => return Err(self.other_maker(facts)),
        };
        self.check_format(facts.format())?;
        if key.is_some() {
            self.check_keyed_root(facts)?;
        }
        self.check_logs(facts)?;
        self.check_time(facts, now)?;
        self.check_timestamps(facts)?;
        key.map_or(Ok(()), |key| key.check_window(facts))?;
        self.check_root_life(facts, now)
    }

    /// Whether cosign's `.sig` and `.att` layers can count.
    pub(crate) const fn takes_legacy(&self) -> bool {
        self.legacy
    }

    /// Whether Sigstore bundles can count.
    pub(crate) const fn takes_bundles(&self) -> bool {
        !self.bundles.is_empty()
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
        mismatch(
            ReasonCode::SignerMismatch,
            maker_text(facts.signer()),
            self.wanted(),
        )
    }

    fn check_root(&self, facts: &Facts) -> Result<(), Mismatch> {
        let wanted = self.root.as_ref().map_or("", |root| root.name.as_str());
        let found = facts.root().map_or("", |root| root.name.as_str());
        if found == wanted && !wanted.is_empty() {
            return Ok(());
        }
        let found = if found.is_empty() {
            "no trust root"
        } else {
            found
        };
        Err(mismatch(ReasonCode::TrustRootMismatch, found, wanted))
    }

    /// A key needs a trust root only for what the root vouches for: logs and times.
    fn check_keyed_root(&self, facts: &Facts) -> Result<(), Mismatch> {
        let needs_root = self.logs > 0 || self.time != TimeDemand::None;
        if needs_root && facts.root().is_some() {
            return self.check_root(facts);
        }
        Ok(())
    }

    /// A trust root whose TUF metadata has long expired vouches for nothing: a key that was withdrawn since would still be
    /// in it. Asked last, so that it is told only where everything else holds.
    fn check_root_life(&self, facts: &Facts, now: UnixTime) -> Result<(), Mismatch> {
        let Some(root) = self.root.as_ref().filter(|_| facts.root().is_some()) else {
            return Ok(());
        };
        match root.life {
            Some(life) if life.serves_until < now => Err(mismatch(
                ReasonCode::TrustRootExpired,
                format!("trust root `{}`, expired {}", root.name, life.expires),
                format!("refreshed before {}", life.serves_until),
            )),
            _ => Ok(()),
        }
    }

    /// Verification step 14, the Signer's half: how many logs vouch is a fact; whether one must is the policy's word.
    fn check_sct(&self, facts: &Facts) -> Result<(), Mismatch> {
        if facts.sct_logs() == 0 && self.root.as_ref().is_none_or(|root| root.sct) {
            return Err(mismatch(
                ReasonCode::SctMissing,
                "none",
                "a certificate-transparency proof",
            ));
        }
        Ok(())
    }

    fn check_format(&self, format: Format) -> Result<(), Mismatch> {
        let allowed = match format {
            Format::Legacy => self.legacy,
            bundle => self.bundles.contains(&bundle),
        };
        if allowed {
            return Ok(());
        }
        let mut wanted: Vec<&str> = self
            .bundles
            .iter()
            .map(|version| version.as_str())
            .collect();
        if self.legacy {
            wanted.push(Format::Legacy.as_str());
        }
        Err(mismatch(
            ReasonCode::FormatNotAllowed,
            format.as_str(),
            wanted.join(" or "),
        ))
    }

    /// Verification step 11: operators count, never entries (CVE-2026-49834).
    fn check_logs(&self, facts: &Facts) -> Result<(), Mismatch> {
        if self.logs > 0 && facts.logs().is_empty() {
            return Err(mismatch(
                ReasonCode::LogMissing,
                "no log entry",
                "a log entry (log: required)",
            ));
        }
        let operators = facts.logs().iter().map(|log| log.operator.as_str());
        enough(
            ReasonCode::LogThreshold,
            operators,
            self.logs,
            "logOperators",
        )
    }

    /// The same of RFC 3161 timestamps.
    fn check_timestamps(&self, facts: &Facts) -> Result<(), Mismatch> {
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
        )
    }

    /// Verification step 11: an empty set of times passes nothing that needs one, and no time lies in the future.
    fn check_time(&self, facts: &Facts, now: UnixTime) -> Result<(), Mismatch> {
        if let Some(future) = facts.times().iter().find(|proven| proven.time > now) {
            return Err(mismatch(
                ReasonCode::TimeInFuture,
                format!("{} by {}", future.time, future.source.authority()),
                format!("not after {now}"),
            ));
        }
        let has = |log: bool, timestamp: bool| {
            facts.times().iter().any(|proven| match proven.source {
                TimeSource::Log { .. } => log,
                TimeSource::Timestamp { .. } => timestamp,
            })
        };
        let (satisfied, wanted) = match self.time {
            TimeDemand::None => (true, ""),
            TimeDemand::Log => (
                has(true, false),
                "a log's signed entry timestamp (time: log)",
            ),
            TimeDemand::Timestamp => (has(false, true), "an RFC 3161 timestamp (time: timestamp)"),
            TimeDemand::Either => (
                has(true, true),
                "a time proven by a log or a timestamp authority",
            ),
        };
        if satisfied {
            return Ok(());
        }
        let found = if facts.times().is_empty() {
            "no proven time"
        } else {
            "a time of the other kind"
        };
        Err(mismatch(ReasonCode::TimeMissing, found, wanted))
    }
}

impl Key {
    /// Verification step 16: each proven time lies in the window; without a time no window is passed.
    fn check_window(&self, facts: &Facts) -> Result<(), Mismatch> {
        if self.valid_from.is_none() && self.valid_until.is_none() {
            return Ok(());
        }
        let wanted = || {
            let side =
                |at: Option<UnixTime>| at.map_or_else(|| "…".to_owned(), |at| at.to_string());
            format!(
                "key `{}` from {} to {}",
                self.id,
                side(self.valid_from),
                side(self.valid_until)
            )
        };
        if facts.times().is_empty() {
            return Err(mismatch(ReasonCode::KeyWindow, "no proven time", wanted()));
        }
        let outside = facts.times().iter().find(|proven| {
            self.valid_from.is_some_and(|from| proven.time < from)
                || self.valid_until.is_some_and(|until| proven.time > until)
        });
        match outside {
            Some(proven) => Err(mismatch(
                ReasonCode::KeyWindow,
                proven.time.to_string(),
                wanted(),
            )),
            None => Ok(()),
        }
    }
}

/// Whether there are as many different operators as the Signer's field demands.
fn enough<'a>(
    code: ReasonCode,
    operators: impl Iterator<Item = &'a str>,
    wanted: usize,
    field: &str,
) -> Result<(), Mismatch> {
    let names: BTreeSet<&str> = operators.collect();
    let count = distinct_operators(names.iter().copied());
    if count >= wanted {
        return Ok(());
    }
    let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    let found = match names.as_slice() {
        [] => format!("{count}"),
        names => format!("{count} ({})", names.join(", ")),
    };
    Err(mismatch(
        code,
        found,
        format!("{wanted} different operators ({field}: {wanted})"),
    ))
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

fn mismatch(code: ReasonCode, found: impl Into<String>, wanted: impl Into<String>) -> Mismatch {
    Mismatch {
        code,
        found: found.into(),
        wanted: wanted.into(),
    }
}
