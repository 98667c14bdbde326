//! What is configured: by flags, before the environment, before one file, before what is so by itself.

mod file;
mod merge;
mod tls;
mod typed;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _};
use countersign_core::CustomField;

use self::file::ConfigFile;
use self::merge::{Merge, variable};
use self::tls::TlsWord;
pub use self::tls::{SelfMade, TlsConfig, WebhookConfiguration};
pub use self::typed::Typed;
use crate::kubernetes::Which;

const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 8443);
const METRICS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 8080);

/// What objects of the cluster that are the webhook's own are called.
const NAME: &str = "countersign-webhook";
const SECRET: &str = "countersign-webhook-tls";
const CONFIGURATIONS: [&str; 3] = [
    "validating/countersign-enforce",
    "validating/countersign-audit",
    "mutating/countersign-mutate",
];
/// Of a serving certificate, in seconds: 90 days. Its authority lives for 360.
const LIFETIME: u64 = 90 * 24 * 3600;

/// Everything that the webhook is told.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where the API server asks.
    pub listen: SocketAddr,
    /// Where metrics and health are.
    pub metrics_listen: SocketAddr,
    /// Where the serving certificate comes from.
    pub tls: TlsConfig,
    /// Whose client certificates are taken; none are asked for without it.
    pub client_ca: Option<PathBuf>,
    /// Which names of those; any if there are none.
    pub client_names: Vec<String>,
    /// Which Kubernetes API is asked.
    pub kubernetes: Which,
    /// The namespace in which the webhook runs, if it is told.
    pub namespace: Option<String>,
    /// The lease that says which replica does what only one should.
    pub lease: String,
    /// Whether Events tell of what is refused.
    pub events: bool,
    /// The policy file or folder; none only with policy resources.
    pub policy: Option<PathBuf>,
    /// Whether custom resources of the cluster are policies.
    pub policy_resources: bool,
    /// Where approvals for emergencies are.
    pub break_glass: Option<PathBuf>,
    /// Where trust roots of TUF repositories are kept.
    pub trust_cache: Option<PathBuf>,
    /// How often TUF repositories are asked; zero for never.
    pub trust_refresh: Duration,
    /// Where evidence is kept.
    pub cache_dir: Option<PathBuf>,
    /// How registries are reached.
    pub registries: Option<PathBuf>,
    /// Credentials for registries.
    pub docker_config: Option<PathBuf>,
    /// Which programs give credentials for registries, in the kubelet's form.
    pub credential_providers: Option<PathBuf>,
    /// Where these programs are.
    pub credential_provider_dir: Option<PathBuf>,
    /// Whether the pull secrets of Pods and service accounts are used.
    pub pull_secrets: bool,
    /// How often it is looked whether files have changed.
    pub reload_interval: Duration,
    /// How long an answer may take at most.
    pub timeout: Duration,
    /// How long it goes on serving after it was told to end.
    pub drain: Duration,
    /// Objects that are judged at once.
    pub most_reviews: usize,
    /// Objects that wait for that.
    pub most_waiting: usize,
    /// Bytes of questions that are held at once.
    pub most_bytes: usize,
    /// Whether digests are written to Pods.
    pub mutate: bool,
    /// The collector to which spans are sent, if any are.
    pub otlp_endpoint: Option<String>,
    /// Where custom resources bear images.
    pub images: Vec<CustomField>,
    /// What [`Config::shown`] prints.
    shown: String,
    is_only_shown: bool,
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The command line or the environment is wrong, or help was asked for.
    #[error(transparent)]
    Typed(#[from] clap::Error),
    /// The file is wrong.
    #[error("{at}: {why}")]
    File {
        /// The file, with line and column where they are known.
        at: String,
        /// What is wrong.
        why: String,
    },
    /// Something is missing.
    #[error(
        "{0} is not configured: pass --{0}, set COUNTERSIGN_WEBHOOK_{1}, or write it into the file of --config"
    )]
    Missing(&'static str, String),
    /// A number is out of its bounds.
    #[error("{0} has to be {1}")]
    OutOfBounds(&'static str, &'static str),
    /// What is asked of a Kubernetes API, and of which is not said.
    #[error(
        "{0} is configured and kubernetes is none: pass --kubernetes in-cluster, or a kubeconfig"
    )]
    NeedsKubernetes(&'static str),
    /// Names of client certificates without whose.
    #[error("client-names is configured and client-ca is not: names prove nothing by themselves")]
    NamesAlone,
    /// Programs that give credentials without where they are, or the other way round.
    #[error(
        "credential-providers and credential-provider-dir are configured together: which programs there are, and the folder with them"
    )]
    ProvidersAlone,
    /// Spans are wanted of a program that cannot make any.
    #[error(
        "otlp-endpoint is configured, and this program was built without the feature `otel`; build it with `--features otel`, or leave otlp-endpoint out"
    )]
    NoSpans,
    /// Where spans shall go is no address for that.
    #[error(
        "otlp-endpoint has to be http:// or https:// with a host, and without user, password and query; secrets belong into OTEL_EXPORTER_OTLP_HEADERS"
    )]
    Endpoint,
}

impl Config {
    /// Reads the command line (its first word is the program), the environment and the file that they name.
    ///
    /// # Errors
    /// [`ConfigError`], of which [`ConfigError::Typed`] is also how help is asked for.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, ConfigError> {
        let matches = Typed::command().try_get_matches_from(words)?;
        let typed = Typed::from_arg_matches(&matches)?;
        let (file, images) = match &typed.config {
            Some(path) => ConfigFile::read(path)?,
            None => (ConfigFile::default(), Vec::new()),
        };
        let mut merge = Merge {
            matches: &matches,
            shown: String::new(),
        };
        let seconds = Duration::from_secs;
        Self {
            listen: merge.or("listen", typed.listen, file.listen, LISTEN),
            metrics_listen: merge.or(
                "metrics-listen",
                typed.metrics_listen,
                file.metrics_listen,
                METRICS,
            ),
            tls: {
                let word = merge.or("tls", typed.tls, file.tls, TlsWord::Files);
                let certificate = merge.path("tls-cert", typed.tls_cert, file.tls_cert);
                let key = merge.path("tls-key", typed.tls_key, file.tls_key);
                let made = SelfMade {
                    secret: merge.name("tls-secret", typed.tls_secret, file.tls_secret, SECRET),
                    service: merge.name("service", typed.service, file.service, NAME),
                    names: merge.list("tls-names", typed.tls_names, file.tls_names),
                    configurations: merge
                        .list_or(
                            "webhook-configurations",
                            typed.webhook_configurations,
                            file.webhook_configurations,
                            &CONFIGURATIONS,
                        )
                        .iter()
                        .map(|it| it.parse())
                        .collect::<Result<_, _>>()?,
                    lifetime: seconds(merge.or(
                        "tls-lifetime",
                        typed.tls_lifetime,
                        file.tls_lifetime,
                        LIFETIME,
                    )),
                };
                match word {
                    TlsWord::Files => TlsConfig::Files {
                        certificate: certificate.ok_or_else(|| missing("tls-cert"))?,
                        key: key.ok_or_else(|| missing("tls-key"))?,
                    },
                    TlsWord::SelfMade => TlsConfig::SelfMade(made),
                }
            },
            client_ca: merge.path("client-ca", typed.client_ca, file.client_ca),
            client_names: merge.list("client-names", typed.client_names, file.client_names),
            kubernetes: merge.or("kubernetes", typed.kubernetes, file.kubernetes, Which::None),
            namespace: merge.text("namespace", typed.namespace, file.namespace),
            lease: merge.name("lease", typed.lease, file.lease, NAME),
            events: merge.or("events", typed.events, file.events, false),
            policy: merge.path("policy", typed.policy, file.policy),
            policy_resources: merge.or(
                "policy-resources",
                typed.policy_resources,
                file.policy_resources,
                false,
            ),
            break_glass: merge.path("break-glass", typed.break_glass, file.break_glass),
            trust_cache: merge.path("trust-cache", typed.trust_cache, file.trust_cache),
            trust_refresh: seconds(merge.or(
                "trust-refresh",
                typed.trust_refresh,
                file.trust_refresh,
                3600,
            )),
            cache_dir: merge.path("cache-dir", typed.cache_dir, file.cache_dir),
            registries: merge.path("registries", typed.registries, file.registries),
            docker_config: merge.path("docker-config", typed.docker_config, file.docker_config),
            credential_providers: merge.path(
                "credential-providers",
                typed.credential_providers,
                file.credential_providers,
            ),
            credential_provider_dir: merge.path(
                "credential-provider-dir",
                typed.credential_provider_dir,
                file.credential_provider_dir,
            ),
            pull_secrets: merge.or("pull-secrets", typed.pull_secrets, file.pull_secrets, false),
            reload_interval: seconds(merge.or(
                "reload-interval",
                typed.reload_interval,
                file.reload_interval,
                5,
            )),
            timeout: seconds(merge.or("timeout", typed.timeout, file.timeout, 10)),
            drain: seconds(merge.or("drain", typed.drain, file.drain, 5)),
            most_reviews: count(merge.or(
                "most-reviews",
                typed.most_reviews,
                file.most_reviews,
                256,
            )),
            most_waiting: count(merge.or(
                "most-waiting",
                typed.most_waiting,
                file.most_waiting,
                256,
            )),
            most_bytes: count(merge.or("most-bytes", typed.most_bytes, file.most_bytes, 64 << 20)),
            mutate: merge.or("mutate", typed.mutate, file.mutate, false),
            otlp_endpoint: merge.text("otlp-endpoint", typed.otlp_endpoint, file.otlp_endpoint),
            shown: merge.shown_with(&images),
            images,
            is_only_shown: typed.print_config,
        }
        .with_policies()?
        .in_bounds()
    }

    /// Every option with its value and where it comes from, as YAML that is a file for `--config`.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether it was asked for [`Config::shown`] alone.
    #[must_use]
    pub const fn is_only_shown(&self) -> bool {
        self.is_only_shown
    }

    /// Policies have to come from somewhere.
    fn with_policies(self) -> Result<Self, ConfigError> {
        match (&self.policy, self.policy_resources, &self.kubernetes) {
            (_, true, Which::None) => Err(ConfigError::NeedsKubernetes("policy-resources")),
            (None, false, _) => Err(missing("policy")),
            _ => Ok(self),
        }
    }

    /// What the command line's parser holds in bounds, the file does not.
    fn in_bounds(self) -> Result<Self, ConfigError> {
        let within = |name, value: u64, from, to, says| match (from..=to).contains(&value) {
            true => Ok(()),
            false => Err(ConfigError::OutOfBounds(name, says)),
        };
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        within(
            "reload-interval",
            self.reload_interval.as_secs(),
            1,
            3600,
            "1 to 3600 seconds",
        )?;
        within("timeout", self.timeout.as_secs(), 1, 30, "1 to 30 seconds")?;
        within("drain", self.drain.as_secs(), 0, 600, "0 to 600 seconds")?;
        within(
            "trust-refresh",
            self.trust_refresh.as_secs(),
            0,
            604_800,
            "0 to 604800 seconds",
        )?;
        if let Some(endpoint) = &self.otlp_endpoint {
            if !cfg!(feature = "otel") {
                return Err(ConfigError::NoSpans);
            }
            if !is_endpoint(endpoint) {
                return Err(ConfigError::Endpoint);
            }
        }
        if self.events && self.kubernetes == Which::None {
            return Err(ConfigError::NeedsKubernetes("events"));
        }
        within(
            "most-reviews",
            number(self.most_reviews),
            1,
            100_000,
            "1 to 100000",
        )?;
        within(
            "most-waiting",
            number(self.most_waiting),
            0,
            100_000,
            "0 to 100000",
        )?;
        within(
            "most-bytes",
            number(self.most_bytes),
            8 << 20,
            16 << 30,
            "8 MiB to 16 GiB, in bytes",
        )?;
        if let TlsConfig::SelfMade(made) = &self.tls {
            // Shorter than twelve looks it could end before it is replaced.
            within(
                "tls-lifetime",
                made.lifetime.as_secs(),
                12 * self.reload_interval.as_secs(),
                31_536_000,
                "at least twelve times reload-interval, and at most 31536000 seconds",
            )?;
            if self.kubernetes == Which::None {
                return Err(ConfigError::NeedsKubernetes("tls self"));
            }
        }
        if !self.client_names.is_empty() && self.client_ca.is_none() {
            return Err(ConfigError::NamesAlone);
        }
        if self.credential_providers.is_some() != self.credential_provider_dir.is_some() {
            return Err(ConfigError::ProvidersAlone);
        }
        if self.pull_secrets && self.kubernetes == Which::None {
            return Err(ConfigError::NeedsKubernetes("pull-secrets"));
        }
        Ok(self)
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn is_endpoint(url: &str) -> bool {
    let Ok(url) = url.parse::<axum::http::Uri>() else {
        return false;
    };
    let is_http = matches!(url.scheme_str(), Some("http" | "https"));
    let host = url.host().unwrap_or_default();
    let user = url.authority().is_some_and(|it| it.as_str().contains('@'));
    is_http && !host.is_empty() && !user && url.query().is_none()
}

fn missing(name: &'static str) -> ConfigError {
    ConfigError::Missing(name, variable(name))
}

#[cfg(test)]
mod tests;
