//! What a trust root lists, for people who review it.

use super::root::{Log, TrustRoot};
use crate::x509::Cert;
use crate::{Digest, UnixTime};

/// One authority or log of a trust root.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RootPart {
    /// What it is.
    pub kind: RootPartKind,
    /// What it is called: a host, a URI or a subject.
    pub name: String,
    /// Who runs it, as thresholds count; empty if nothing tells.
    pub operator: String,
    /// Where it is; empty for authorities.
    pub url: String,
    /// sha256 over the public key of a log, or over the issuing or signing certificate of an authority.
    pub id: Option<Digest>,
    /// From when on it counts.
    pub start: UnixTime,
    /// Until when it counts; open without.
    pub end: Option<UnixTime>,
}

/// What a part of a trust root is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RootPartKind {
    /// It issues signing certificates (Fulcio).
    CertificateAuthority,
    /// A transparency log (Rekor).
    Log,
    /// A certificate-transparency log.
    CtLog,
    /// It gives RFC 3161 timestamps.
    TimestampAuthority,
}

impl RootPartKind {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CertificateAuthority => "certificate-authority",
            Self::Log => "log",
            Self::CtLog => "ct-log",
            Self::TimestampAuthority => "timestamp-authority",
        }
    }
}

impl TrustRoot {
    /// Every authority and log that it lists and that is supported, in the order of the file, kind by kind.
    #[must_use]
    pub fn parts(&self) -> Vec<RootPart> {
        let authorities = self.certificate_authorities().iter().map(|one| RootPart {
            kind: RootPartKind::CertificateAuthority,
            name: one.name.clone(),
            operator: one.operator.clone(),
            url: String::new(),
            id: one.chain.issuing().map(Cert::fingerprint),
            start: one.window.start,
            end: one.window.end,
        });
        let stamps = self.timestamp_authorities().iter().map(|one| RootPart {
            kind: RootPartKind::TimestampAuthority,
            name: one.name.clone(),
            operator: one.operator.clone(),
            url: String::new(),
            id: Some(one.leaf.fingerprint()),
            start: one.window.start,
            end: one.window.end,
        });
        let logs = self.logs().iter().map(|one| log(RootPartKind::Log, one));
        let ct_logs = self
            .ct_logs()
            .iter()
            .map(|one| log(RootPartKind::CtLog, one));
        authorities
            .chain(logs)
            .chain(ct_logs)
            .chain(stamps)
            .collect()
    }
}

fn log(kind: RootPartKind, log: &Log) -> RootPart {
    RootPart {
        kind,
        name: log.name.clone(),
        operator: log.operator.clone(),
        url: log.url.clone(),
        id: Some(*log.key.id()),
        start: log.window.start,
        end: log.window.end,
    }
}
