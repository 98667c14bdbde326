//! Where the serving certificate comes from, as it is configured.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;

/// Where the serving certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsConfig {
    /// From files that somebody else keeps right.
    Files {
        /// The serving certificate and its chain.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// The webhook makes it.
    SelfMade(SelfMade),
}

/// A certificate of the webhook's own making.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SelfMade {
    /// The Secret in which it is kept, in the webhook's own namespace.
    pub secret: String,
    /// The Service for whose names it is, in that namespace.
    pub service: String,
    /// Other names and addresses for which it is.
    pub names: Vec<String>,
    /// Whose `caBundle` is kept right.
    pub configurations: Vec<WebhookConfiguration>,
    /// How long a serving certificate lives; its authority lives four times as long.
    pub lifetime: Duration,
}

/// The name of a webhook configuration (`admissionregistration.k8s.io/v1`): `validating/NAME`, `mutating/NAME`, or `NAME` for both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfiguration {
    pub(crate) is_validating: bool,
    pub(crate) is_mutating: bool,
    pub(crate) name: String,
}

impl FromStr for WebhookConfiguration {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let (is_validating, is_mutating, name) = match text.split_once('/') {
            None => (true, true, text),
            Some(("validating", name)) => (true, false, name),
            Some(("mutating", name)) => (false, true, name),
            Some(_) => return Err(bad_configuration()),
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        match !name.is_empty() && name.bytes().all(is_name) {
            true => Ok(Self {
                is_validating,
                is_mutating,
                name: name.to_owned(),
            }),
            false => Err(bad_configuration()),
        }
    }
}

const fn bad_configuration() -> ConfigError {
    ConfigError::OutOfBounds(
        "webhook-configurations",
        "a list of names, each alone, or behind `validating/` or `mutating/`",
    )
}

/// Where the certificate comes from, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TlsWord {
    Files,
    #[value(name = "self")]
    #[serde(rename = "self")]
    SelfMade,
}

impl fmt::Display for TlsWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Files => "files",
            Self::SelfMade => "self",
        })
    }
}
