//! Authorization: whether the proven facts of one signature are those of one Signer.

use regex::Regex;

use super::glob::Glob;
use super::repository::Repository;
use crate::{
    Certificate, CiClaims, Digest, Facts, Format, ReasonCode, San, SignedBy, TimeSource, UnixTime,
};

/// `kind: Signer`.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) name: String,
    pub(crate) maker: Maker,
    /// The one trust root; none for a keyed Signer that demands neither log nor time.
    pub(crate) root: Option<RootDemand>,
    /// Whether a transparency log must hold the signature.
    pub(crate) log: bool,
    pub(crate) time: TimeDemand,
    /// Which bundle versions count; empty if bundles do not.
    pub(crate) bundles: Vec<Format>,
    /// Whether cosign's `.sig` and `.att` layers count.
    pub(crate) legacy: bool,
}

/// The trust root that a Signer names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RootDemand {
    pub(crate) name: String,
    /// Whether a certificate needs a proof of certificate transparency.
    pub(crate) sct: bool,
}

/// By what a Signer is known.
#[derive(Debug, Clone)]
pub(crate) enum Maker {
    Keys(Vec<Key>),
    Keyless(Box<Keyless>),
}

/// One key of a Signer, with the window in which it counts.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) key: Digest,
    pub(crate) valid_from: Option<UnixTime>,
    pub(crate) valid_until: Option<UnixTime>,
}

/// An identity that an OIDC issuer vouches for.
#[derive(Debug, Clone)]
pub(crate) struct Keyless {
    pub(crate) issuer: String,
    pub(crate) subject: Subject,
    pub(crate) source: Source,
}

/// `subject`: which subject alternative names count.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    Exact(String),
    Email(String),
    Uri(String),
    /// Compiled with anchors at both ends; the second is what was written.
    Regex(Regex, String),
    Workflow {
        path: String,
        refs: Vec<Glob>,
    },
}

/// `source`: which CI claims count. A claim that the certificate lacks matches nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Source {
    pub(crate) repository: Option<Repository>,
    pub(crate) repository_id: Option<String>,
    pub(crate) owner_id: Option<String>,
    pub(crate) refs: Vec<Glob>,
    pub(crate) events: Vec<String>,
    pub(crate) runner: Option<String>,
    pub(crate) environment: Option<String>,
}

/// `time`: which proven times a Signer demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeDemand {
    Log,
    Timestamp,
    Either,
    None,
}

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
        self.check_log(facts)?;
        self.check_time(facts, now)?;
        key.map_or(Ok(()), |key| key.check_window(facts))
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
        let needs_root = self.log || self.time != TimeDemand::None;
        if needs_root && facts.root().is_some() {
            return self.check_root(facts);
        }
        Ok(())
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

    fn check_log(&self, facts: &Facts) -> Result<(), Mismatch> {
        if self.log && facts.logs().is_empty() {
            return Err(mismatch(
                ReasonCode::LogMissing,
                "no log entry",
                "a log entry (log: required)",
            ));
        }
        Ok(())
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

impl Keyless {
    /// Verification step 19: issuer and subject are both mandatory, then the CI claims.
    fn accepts(&self, certificate: &Certificate) -> Result<(), Mismatch> {
        if certificate.issuer != self.issuer {
            return Err(mismatch(
                ReasonCode::IssuerMismatch,
                &certificate.issuer,
                &self.issuer,
            ));
        }
        if !self.subject.accepts(&certificate.san) {
            return Err(mismatch(
                ReasonCode::SubjectMismatch,
                certificate.san.value(),
                self.subject.wanted(),
            ));
        }
        self.source.accepts(&certificate.claims)
    }
}

/// `https://github.com/OWNER/REPOSITORY/.github/workflows/FILE@REF` (Fulcio, `docs/oidc.md`, "GitHub").
pub(crate) const WORKFLOW_HOST: &str = "https://github.com/";

impl Subject {
    pub(crate) fn accepts(&self, san: &San) -> bool {
        match (self, san) {
            (Self::Exact(wanted), san) => san.value() == wanted,
            (Self::Email(wanted), San::Email(value)) | (Self::Uri(wanted), San::Uri(value)) => {
                value == wanted
            }
            (Self::Regex(regex, _), san) => regex.is_match(san.value()),
            (Self::Workflow { path, refs }, San::Uri(value)) => value
                .strip_prefix(WORKFLOW_HOST)
                .and_then(|rest| rest.strip_prefix(path.as_str()))
                .and_then(|rest| rest.strip_prefix('@'))
                .is_some_and(|at| refs.iter().any(|glob| glob.matches(at))),
            _ => false,
        }
    }

    fn wanted(&self) -> String {
        match self {
            Self::Exact(value) => value.clone(),
            Self::Email(value) => format!("email {value}"),
            Self::Uri(value) => format!("uri {value}"),
            Self::Regex(_, written) => format!("regex {written}"),
            Self::Workflow { path, refs } => format!(
                "{WORKFLOW_HOST}{path}@ref, ref one of {}",
                list(refs.iter().map(Glob::as_str))
            ),
        }
    }
}

impl Source {
    /// Whether it demands nothing.
    pub(crate) fn is_open(&self) -> bool {
        self.repository.is_none() && self.repository_id.is_none()
    }

    fn accepts(&self, claims: &CiClaims) -> Result<(), Mismatch> {
        if let Some(wanted) = &self.repository {
            let uri = claims.source_repository_uri.as_deref();
            let path = claims.github_workflow_repository.as_deref();
            compare("repository", &wanted.to_string(), &[uri, path], |value| {
                if uri == Some(value) {
                    Repository::parse(value).as_ref() == Ok(wanted)
                } else {
                    wanted.is_path(value)
                }
            })?;
        }
        if let Some(wanted) = &self.repository_id {
            let found = claims.source_repository_identifier.as_deref();
            compare("repositoryId", wanted, &[found], |value| value == wanted)?;
        }
        if let Some(wanted) = &self.owner_id {
            let found = claims.source_repository_owner_identifier.as_deref();
            compare("ownerId", wanted, &[found], |value| value == wanted)?;
        }
        if !self.refs.is_empty() {
            let found = [
                claims.source_repository_ref.as_deref(),
                claims.github_workflow_ref.as_deref(),
            ];
            let wanted = list(self.refs.iter().map(Glob::as_str));
            compare("ref", &wanted, &found, |value| {
                self.refs.iter().any(|glob| glob.matches(value))
            })?;
        }
        if !self.events.is_empty() {
            let found = [
                claims.build_trigger.as_deref(),
                claims.github_workflow_trigger.as_deref(),
            ];
            let wanted = list(self.events.iter().map(String::as_str));
            compare("event", &wanted, &found, |value| {
                self.events.iter().any(|event| event == value)
            })?;
        }
        if let Some(wanted) = &self.runner {
            let found = claims.runner_environment.as_deref();
            compare("runner", wanted, &[found], |value| value == wanted)?;
        }
        if let Some(wanted) = &self.environment {
            let found = claims.deployment_environment.as_deref();
            compare("environment", wanted, &[found], |value| value == wanted)?;
        }
        Ok(())
    }
}

/// A claim stands in a new extension, an old one or both: there must be one, and each that is there must fit.
fn compare(
    what: &str,
    wanted: &str,
    found: &[Option<&str>],
    fits: impl Fn(&str) -> bool,
) -> Result<(), Mismatch> {
    let mut any = false;
    for value in found.iter().flatten() {
        any = true;
        if !fits(value) {
            return Err(mismatch(
                ReasonCode::SourceMismatch,
                format!("{what} {value}"),
                format!("{what} {wanted}"),
            ));
        }
    }
    if any {
        return Ok(());
    }
    Err(mismatch(
        ReasonCode::SourceMismatch,
        format!("the certificate states no {what}"),
        format!("{what} {wanted}"),
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

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<Vec<_>>().join(" or ")
}

fn mismatch(code: ReasonCode, found: impl Into<String>, wanted: impl Into<String>) -> Mismatch {
    Mismatch {
        code,
        found: found.into(),
        wanted: wanted.into(),
    }
}
