//! Why a registry, an OCI layout or a docker config could not be read.

use std::time::Duration;

use countersign_core::{Digest, Gap, GapClass, ReasonCode};

/// Why something could not be fetched, or must not be believed.
///
/// Each becomes a [`Gap`] by [`into_gap`](Self::into_gap): *unavailable* where the registry, the network or an
/// account is in the way, *hostile* where an answer came and must not be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// No connection, or one that broke.
    #[error("could not talk to {host}: {cause}")]
    Connection {
        /// Who was asked.
        host: String,
        /// What the system says.
        cause: String,
    },
    /// No secure connection.
    #[error("no secure connection to {host}: {cause}")]
    Tls {
        /// Who was asked.
        host: String,
        /// What the TLS library says.
        cause: String,
    },
    /// It took too long.
    #[error("{host} did not {what} within {limit:?}")]
    Timeout {
        /// Who was asked.
        host: String,
        /// What was waited for.
        what: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// HTTP 429.
    #[error("{host} refuses further requests (429){}", after(.retry_after))]
    RateLimited {
        /// Who refused.
        host: String,
        /// When it wants to be asked again, if it said so.
        retry_after: Option<Duration>,
    },
    /// HTTP 401 or 403, with what was tried.
    #[error("{host} refuses access ({status}) with {tried}")]
    Denied {
        /// Who refused.
        host: String,
        /// The HTTP status.
        status: u16,
        /// With which kind of credential, and where it came from. Never the credential.
        tried: String,
    },
    /// A status that says that the registry failed: 5xx.
    #[error("{host} failed with status {status}{}", after(.retry_after))]
    Failed {
        /// Who failed.
        host: String,
        /// The HTTP status.
        status: u16,
        /// When it wants to be asked again, if it said so.
        retry_after: Option<Duration>,
    },
    /// An answer that breaks the protocol: malformed, of a wrong content type, with an unexpected status.
    #[error("{host} breaks the protocol: {what}")]
    Protocol {
        /// Who answered.
        host: String,
        /// What is wrong.
        what: String,
    },
    /// More bytes or entries than allowed.
    #[error("{host} sends too much: {what} is limited to {limit}")]
    TooLarge {
        /// Who answered.
        host: String,
        /// What is too large.
        what: String,
        /// The limit: bytes or entries.
        limit: usize,
    },
    /// Pages without end.
    #[error("{host} sends pages without end ({what})")]
    Endless {
        /// Who answered.
        host: String,
        /// What shows it.
        what: String,
    },
    /// Other bytes than were asked for.
    #[error("{host} lies: {expected} was asked for, what came has {actual}")]
    Digest {
        /// Who answered.
        host: String,
        /// What was asked for.
        expected: Digest,
        /// What the bytes hash to.
        actual: Digest,
    },
    /// Another size than the descriptor says.
    #[error("{host} lies: {digest} should have {expected} bytes and has {actual}")]
    Size {
        /// Who answered.
        host: String,
        /// What was asked for.
        digest: Digest,
        /// What the descriptor says.
        expected: u64,
        /// What came.
        actual: u64,
    },
    /// A redirect that is not followed.
    #[error("{host} redirects to {to}: {why}")]
    Redirect {
        /// Who redirects.
        host: String,
        /// Where to; without the query, which may hold a signed credential.
        to: String,
        /// Why it is refused.
        why: &'static str,
    },
    /// An address that must not be connected to.
    #[error(
        "{host} leads to the address {address}, which is refused: {why}; an entry for {host} under `registries`, with `addresses`, allows it"
    )]
    Address {
        /// Whose address it is.
        host: String,
        /// The address.
        address: String,
        /// What is special about it.
        why: &'static str,
    },
    /// Nobody asks, because the host failed before.
    #[error("{host} is left alone, it is asked again in {left:.1?}: {cause}")]
    BackedOff {
        /// Who is not asked.
        host: String,
        /// Why: how the last request failed.
        cause: Box<RegistryError>,
        /// When it is asked again.
        left: Duration,
    },
    /// The OCI layout cannot be read.
    #[error("{path}: {cause}")]
    Layout {
        /// The file or directory.
        path: String,
        /// What is wrong.
        cause: String,
    },
    /// Several images of an OCI layout could be meant, or none.
    #[error("{path}: {}", candidates_text(.candidates))]
    Candidates {
        /// The layout.
        path: String,
        /// Every image that could be meant: digest and name.
        candidates: Vec<String>,
    },
    /// The docker config, or the CA file, cannot be read.
    #[error("{source_name}: {cause}")]
    Configuration {
        /// The file, or what it is.
        source_name: String,
        /// What is wrong.
        cause: String,
    },
}

impl RegistryError {
    /// Whose fault it looks like.
    #[must_use]
    pub const fn class(&self) -> GapClass {
        match self {
            Self::Connection { .. }
            | Self::Tls { .. }
            | Self::Timeout { .. }
            | Self::RateLimited { .. }
            | Self::Denied { .. }
            | Self::Failed { .. }
            | Self::BackedOff { .. }
            | Self::Layout { .. }
            | Self::Candidates { .. }
            | Self::Configuration { .. } => GapClass::Unavailable,
            Self::Protocol { .. }
            | Self::TooLarge { .. }
            | Self::Endless { .. }
            | Self::Digest { .. }
            | Self::Size { .. }
            | Self::Address { .. }
            | Self::Redirect { .. } => GapClass::Hostile,
        }
    }

    /// The stable reason code.
    #[must_use]
    pub const fn code(&self) -> ReasonCode {
        match self {
            Self::Connection { .. } | Self::Failed { .. } => ReasonCode::RegistryUnavailable,
            Self::Tls { .. } => ReasonCode::RegistryTls,
            Self::Timeout { .. } => ReasonCode::RegistryTimeout,
            Self::RateLimited { .. } => ReasonCode::RegistryRateLimited,
            Self::Denied { .. } | Self::Configuration { .. } => ReasonCode::RegistryDenied,
            Self::Protocol { .. } => ReasonCode::RegistryProtocol,
            Self::TooLarge { .. }
            | Self::Endless { .. }
            | Self::Digest { .. }
            | Self::Size { .. }
            | Self::Address { .. }
            | Self::Redirect { .. } => ReasonCode::RegistryHostile,
            Self::BackedOff { cause, .. } => cause.code(),
            Self::Layout { .. } | Self::Candidates { .. } => ReasonCode::LayoutUnreadable,
        }
    }

    /// Who was asked, if it was somebody in the network: `host[:port]`.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Connection { host, .. }
            | Self::Tls { host, .. }
            | Self::Timeout { host, .. }
            | Self::RateLimited { host, .. }
            | Self::Denied { host, .. }
            | Self::Failed { host, .. }
            | Self::Protocol { host, .. }
            | Self::TooLarge { host, .. }
            | Self::Endless { host, .. }
            | Self::Digest { host, .. }
            | Self::Size { host, .. }
            | Self::Redirect { host, .. }
            | Self::Address { host, .. }
            | Self::BackedOff { host, .. } => Some(host),
            Self::Layout { .. } | Self::Candidates { .. } | Self::Configuration { .. } => None,
        }
    }

    /// The gap that it leaves in the evidence; `what` is what was asked for.
    #[must_use]
    pub fn into_gap(self, what: impl Into<String>) -> Gap {
        Gap {
            class: self.class(),
            code: self.code(),
            what: what.into(),
            cause: self.to_string(),
            hides: None,
        }
    }

    pub(crate) fn too_large(host: &str, what: impl Into<String>, limit: usize) -> Self {
        Self::TooLarge {
            host: host.to_owned(),
            what: what.into(),
            limit,
        }
    }

    pub(crate) fn protocol(host: &str, what: impl Into<String>) -> Self {
        Self::Protocol {
            host: host.to_owned(),
            what: what.into(),
        }
    }
}

/// At most 100 characters of a text that came from outside, for a message.
pub(crate) fn clip(text: &str) -> String {
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn after(retry_after: &Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| {
        format!("; ask again after {} s", wait.as_secs())
    })
}

fn candidates_text(candidates: &[String]) -> String {
    match candidates {
        [] => "the layout has no such image".to_owned(),
        several => format!(
            "which image is meant? Name one by `:tag` or `@digest`: {}",
            several.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_keeps_class_code_and_cause() {
        let gap = RegistryError::RateLimited {
            host: "ghcr.io".to_owned(),
            retry_after: Some(Duration::from_secs(30)),
        }
        .into_gap("referrers");
        assert_eq!(gap.class, GapClass::Unavailable);
        assert_eq!(gap.code, ReasonCode::RegistryRateLimited);
        assert_eq!(
            gap.cause,
            "ghcr.io refuses further requests (429); ask again after 30 s"
        );
        let lie = RegistryError::Digest {
            host: "ghcr.io".to_owned(),
            expected: Digest::of(b"a"),
            actual: Digest::of(b"b"),
        };
        assert_eq!(lie.class(), GapClass::Hostile);
        assert_eq!(lie.code(), ReasonCode::RegistryHostile);
    }

    #[test]
    fn messages_do_not_grow_with_what_came() {
        assert_eq!(clip("short"), "short");
        assert_eq!(clip(&"ä".repeat(1000)).chars().count(), 101);
    }
}
