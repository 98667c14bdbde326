//! What is typed, on the command line or in the environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

use super::tls::TlsWord;
use crate::kubernetes::Which;

/// Answers the Kubernetes API server whether the images of an object may run.
///
/// Each option can be given as a flag, as a variable of the environment, or in the file of --config (in camel case); the first of these three counts.
#[derive(Debug, Parser)]
#[command(
    name = "countersign-webhook",
    version,
    disable_help_subcommand = true,
    after_help = "countersign-webhook plan -f FILE|DIR|-: what rendered manifests would create, and what would be blocked while no replica answers."
)]
pub struct Typed {
    /// Where the API server asks, over HTTPS: /validate, /validate-audit, /healthz, /readyz. Port 0 takes any that is free.
    #[arg(long, value_name = "ADDR", env = "COUNTERSIGN_WEBHOOK_LISTEN")]
    pub(super) listen: Option<SocketAddr>,
    /// Where /metrics, /healthz and /readyz are served, over plain HTTP.
    #[arg(long, value_name = "ADDR", env = "COUNTERSIGN_WEBHOOK_METRICS_LISTEN")]
    pub(super) metrics_listen: Option<SocketAddr>,
    /// Where the serving certificate comes from: `files`, or the webhook makes it, keeps it in a Secret, and tells the API server.
    #[arg(
        long,
        value_enum,
        value_name = "files|self",
        env = "COUNTERSIGN_WEBHOOK_TLS"
    )]
    pub(super) tls: Option<TlsWord>,
    /// The serving certificate and its chain, PEM. Read again when it changes.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_WEBHOOK_TLS_CERT")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The private key of the serving certificate, PEM. Read again when it changes.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_WEBHOOK_TLS_KEY")]
    pub(super) tls_key: Option<PathBuf>,
    /// Ask whoever connects for a client certificate of these authorities, PEM.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_WEBHOOK_CLIENT_CA")]
    pub(super) client_ca: Option<PathBuf>,
    /// Take only client certificates with one of these common names or DNS names.
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        env = "COUNTERSIGN_WEBHOOK_CLIENT_NAMES"
    )]
    pub(super) client_names: Option<Vec<String>>,
    /// The Kubernetes API: `none` is asked, the one of the cluster in which this runs (`in-cluster`), or the one of a kubeconfig.
    #[arg(
        long,
        value_name = "none|in-cluster|FILE",
        env = "COUNTERSIGN_WEBHOOK_KUBERNETES"
    )]
    pub(super) kubernetes: Option<Which>,
    /// The namespace in which this runs. In a cluster its service account tells.
    #[arg(long, value_name = "NAME", env = "COUNTERSIGN_WEBHOOK_NAMESPACE")]
    pub(super) namespace: Option<String>,
    /// The Lease in that namespace, whose holder does what only one replica should do.
    #[arg(long, value_name = "NAME", env = "COUNTERSIGN_WEBHOOK_LEASE")]
    pub(super) lease: Option<String>,
    /// With --tls self: the Secret in that namespace in which certificates are kept.
    #[arg(long, value_name = "NAME", env = "COUNTERSIGN_WEBHOOK_TLS_SECRET")]
    pub(super) tls_secret: Option<String>,
    /// With --tls self: other DNS names and addresses for which the serving certificate is.
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        env = "COUNTERSIGN_WEBHOOK_TLS_NAMES"
    )]
    pub(super) tls_names: Option<Vec<String>>,
    /// With --tls self: how long a serving certificate lives. Its authority lives four times as long.
    #[arg(long, value_name = "SECONDS", env = "COUNTERSIGN_WEBHOOK_TLS_LIFETIME", value_parser = clap::value_parser!(u64).range(12..=31_536_000))]
    pub(super) tls_lifetime: Option<u64>,
    /// With --tls self: the Service in that namespace by which the API server calls.
    #[arg(long, value_name = "NAME", env = "COUNTERSIGN_WEBHOOK_SERVICE")]
    pub(super) service: Option<String>,
    /// With --tls self: the webhook configurations whose caBundle is kept right, each `validating/NAME`, `mutating/NAME`, or `NAME` for both.
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        env = "COUNTERSIGN_WEBHOOK_WEBHOOK_CONFIGURATIONS"
    )]
    pub(super) webhook_configurations: Option<Vec<String>>,
    /// Tell on the owner, in Kubernetes Events, of what is refused and of what runs by break-glass. Needs --kubernetes.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true",
        env = "COUNTERSIGN_WEBHOOK_EVENTS"
    )]
    pub(super) events: Option<bool>,
    /// The policy: a file, or a folder whose files are one set. Read again when it changes.
    #[arg(long, value_name = "FILE|DIR", env = "COUNTERSIGN_WEBHOOK_POLICY")]
    pub(super) policy: Option<PathBuf>,
    /// Take policies from custom resources of the cluster too, or alone: with --policy they are one set. It needs --kubernetes.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true",
        env = "COUNTERSIGN_WEBHOOK_POLICY_RESOURCES"
    )]
    pub(super) policy_resources: Option<bool>,
    /// Approvals of break-glass statements: a file, or a folder such as a mounted ConfigMap, of Sigstore bundles, one on each line. Read again when it changes;
    /// it need not be there.
    #[arg(long, value_name = "FILE|DIR", env = "COUNTERSIGN_WEBHOOK_BREAK_GLASS")]
    pub(super) break_glass: Option<PathBuf>,
    /// The folder in which the trust roots are kept that TUF repositories gave. `countersign trust update` may fill it too.
    #[arg(long, value_name = "DIR", env = "COUNTERSIGN_WEBHOOK_TRUST_CACHE")]
    pub(super) trust_cache: Option<PathBuf>,
    /// Ask the TUF repositories that policies name every so many seconds; 0: never.
    #[arg(long, value_name = "SECONDS", env = "COUNTERSIGN_WEBHOOK_TRUST_REFRESH", value_parser = clap::value_parser!(u64).range(0..=604_800))]
    pub(super) trust_refresh: Option<u64>,
    /// The folder in which evidence is kept, so that a restart forgets nothing.
    #[arg(long, value_name = "DIR", env = "COUNTERSIGN_WEBHOOK_CACHE_DIR")]
    pub(super) cache_dir: Option<PathBuf>,
    /// How registries are reached: a file of kind Registries (docs/registries.md).
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_WEBHOOK_REGISTRIES")]
    pub(super) registries: Option<PathBuf>,
    /// The credentials for registries: a config.json of Docker's form. Read again when it changes. Helpers that it names are not run.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_WEBHOOK_DOCKER_CONFIG")]
    pub(super) docker_config: Option<PathBuf>,
    /// The programs that give credentials for registries of a cloud: a CredentialProviderConfig of kubelet.config.k8s.io/v1.
    #[arg(
        long,
        value_name = "FILE",
        env = "COUNTERSIGN_WEBHOOK_CREDENTIAL_PROVIDERS"
    )]
    pub(super) credential_providers: Option<PathBuf>,
    /// The folder with the programs of --credential-providers.
    #[arg(
        long,
        value_name = "DIR",
        env = "COUNTERSIGN_WEBHOOK_CREDENTIAL_PROVIDER_DIR"
    )]
    pub(super) credential_provider_dir: Option<PathBuf>,
    /// Read registries with the pull secrets of Pods and service accounts, too: needs --kubernetes, and `get` of these secrets by a Role in each namespace.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true",
        env = "COUNTERSIGN_WEBHOOK_PULL_SECRETS"
    )]
    pub(super) pull_secrets: Option<bool>,
    /// Look every so many seconds whether policies, trust roots or certificates have changed.
    #[arg(long, value_name = "SECONDS", env = "COUNTERSIGN_WEBHOOK_RELOAD_INTERVAL", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) reload_interval: Option<u64>,
    /// Answer within so many seconds, or half a second before the API server gives up, whichever is sooner.
    #[arg(long, value_name = "SECONDS", env = "COUNTERSIGN_WEBHOOK_TIMEOUT", value_parser = clap::value_parser!(u64).range(1..=30))]
    pub(super) timeout: Option<u64>,
    /// After SIGTERM, go on serving for so many seconds while /readyz says no.
    #[arg(long, value_name = "SECONDS", env = "COUNTERSIGN_WEBHOOK_DRAIN", value_parser = clap::value_parser!(u64).range(0..=600))]
    pub(super) drain: Option<u64>,
    /// Judge at most so many objects at once; one namespace gets at most half of that.
    #[arg(long, value_name = "NUMBER", env = "COUNTERSIGN_WEBHOOK_MOST_REVIEWS", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(super) most_reviews: Option<u64>,
    /// Let at most so many objects wait for that; what comes then is told at once that this webhook is overloaded.
    #[arg(long, value_name = "NUMBER", env = "COUNTERSIGN_WEBHOOK_MOST_WAITING", value_parser = clap::value_parser!(u64).range(0..=100_000))]
    pub(super) most_waiting: Option<u64>,
    /// Hold at most so many bytes of questions at once.
    #[arg(long, value_name = "BYTES", env = "COUNTERSIGN_WEBHOOK_MOST_BYTES", value_parser = clap::value_parser!(u64).range(8_388_608..=17_179_869_184))]
    pub(super) most_bytes: Option<u64>,
    /// Serve /mutate too: it writes digests to the images of Pods that policies allow.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        default_missing_value = "true",
        env = "COUNTERSIGN_WEBHOOK_MUTATE"
    )]
    pub(super) mutate: Option<bool>,
    /// Send spans of reviews to the collector at this URL, by OTLP over HTTP. Programs that are built without the feature `otel` cannot.
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_WEBHOOK_OTLP_ENDPOINT")]
    pub(super) otlp_endpoint: Option<String>,
    /// Read options from this file, YAML.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_WEBHOOK_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Print what is configured and where each value comes from, and end.
    #[arg(long)]
    pub(super) print_config: bool,
}
