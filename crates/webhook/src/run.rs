//! The webhook as a whole: from its configuration to its end.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::{
    Cache, CacheError, Checker, HttpRegistry, Observer, Proxies, Registries, RegistryError,
    TrustStore, TufClient,
};
use countersign_core::ImageFields;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::config::{Config, ConfigError, SelfMade, TlsConfig};
use crate::credentials::OwnCredentials;
use crate::emergency::ApprovalFiles;
use crate::events::{Events, Teller};
use crate::gate::{Bounds, Gate};
use crate::health::Health;
use crate::keeper::Keeper;
use crate::kubernetes::certificates::{self, Certificates, Told};
use crate::kubernetes::lease::{Candidacy, Leading};
use crate::kubernetes::{EventWriter, Kubernetes, KubernetesError, Tenants, policies};
use crate::log::{Level, Log};
use crate::metrics::{Asked, Metrics};
use crate::policies::PolicySource;
use crate::record::Recorder;
use crate::resources::Resources;
use crate::router::{health_router, metrics_router};
use crate::tls::{Kept, Source, Tls, TlsError, TlsOptions};
use crate::trust::Refresher;
use crate::{Doors, Reviewer, serve};

/// Read in capitals and in small letters.
const PROXY_VARIABLES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
/// What is left after the longest review for answers to be sent.
const GRACE: Duration = Duration::from_secs(5);

/// Why the webhook cannot begin. What may still be mended, such as policies, is not among it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The certificate cannot be served.
    #[error("the certificate cannot be served: {0}")]
    Certificate(String),
    /// What says how registries are reached is wrong.
    #[error(transparent)]
    Registries(#[from] RegistryError),
    /// The folder for evidence cannot be used.
    #[error("cache-dir: {0}")]
    Cache(#[from] CacheError),
    /// The Kubernetes API cannot be asked.
    #[error(transparent)]
    Kubernetes(#[from] KubernetesError),
    /// Spans cannot be sent.
    #[error("otlp-endpoint: {0}")]
    Spans(String),
    /// The operating system refuses.
    #[error("{what}: {error}")]
    System {
        /// What was wanted.
        what: String,
        /// What it says.
        error: io::Error,
    },
}

impl From<TlsError> for RunError {
    fn from(error: TlsError) -> Self {
        Self::Certificate(error.to_string())
    }
}

/// Serves until it is told to end, by SIGTERM or SIGINT.
///
/// # Errors
/// [`RunError`], before anything is served.
pub fn run(config: &Config) -> Result<(), RunError> {
    let log = Log::new(io::stdout());
    #[cfg(feature = "otel")]
    let spans = config
        .otlp_endpoint
        .as_deref()
        .map(|endpoint| crate::spans::Spans::begin(endpoint, &log))
        .transpose()
        .map_err(RunError::Spans)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(system("no threads can be had"))?;
    let ended = runtime.block_on(serve_all(config, &log));
    // The keeper may be reading files; nobody waits for that.
    runtime.shutdown_background();
    #[cfg(feature = "otel")]
    if let Some(spans) = spans {
        spans.end();
    }
    log.flush();
    ended
}

async fn serve_all(config: &Config, log: &Log) -> Result<(), RunError> {
    let kubernetes = Kubernetes::prepare(&config.kubernetes, config.namespace.as_deref()).await?;
    let (source, self_made) = certificate_source(config, kubernetes.as_ref())?;
    let tls = Arc::new(Tls::load(TlsOptions {
        source,
        client_ca: config.client_ca.clone(),
        client_names: config.client_names.clone(),
    })?);
    let namespace = kubernetes.as_ref().map(|it| it.namespace().to_owned());
    let tenants = kubernetes
        .clone()
        .map(|kubernetes| Tenants::new(kubernetes, config.pull_secrets));
    let metrics = Arc::new(Metrics::new());
    metrics.certificate(tls.expires());
    let observer = metrics.requests();
    let told: Arc<dyn Observer> = observer.clone();
    let programs = config.credential_providers.as_deref();
    let (credentials, keyring) = OwnCredentials::load(
        config.docker_config.clone(),
        programs.zip(config.credential_provider_dir.as_deref()),
    )?;
    #[cfg(feature = "otel")]
    let told: Arc<dyn Observer> = Arc::new(crate::spans::Requests(told));
    let registry = registry(config)?.observer(told).credentials(keyring);
    let cache = cache(config.cache_dir.as_deref())?.observer(observer);
    let fresh = move |policies| {
        let checker = Checker::new(policies).registry(registry).cache(cache);
        checker.without_explanations()
    };
    let fields = ImageFields::new(config.images.clone());
    let recorder = Recorder {
        log: log.clone(),
        metrics: Arc::clone(&metrics),
        events: kubernetes
            .as_ref()
            .filter(|_| config.events)
            .map(|kubernetes| tell(config, kubernetes, log, &metrics)),
    };
    let reviewer = Reviewer::waiting(fresh, fields)
        .witness(Arc::new(recorder))
        .tenants(tenants)
        .knows_who_asks(config.client_ca.is_some());
    let reviewer = Arc::new(reviewer);
    let gate = Gate::new(Bounds {
        reviews: config.most_reviews,
        waiting: config.most_waiting,
        bytes: config.most_bytes,
    });
    let health = Arc::new(Health::default());
    health.waits_for("the policies are being read");
    metrics.ask(Asked {
        reviewer: Arc::clone(&reviewer),
        gate: gate.clone(),
        log: log.clone(),
        health: Arc::clone(&health),
    });

    let listener = listen("listen", config.listen).await?;
    let seen = listen("metrics-listen", config.metrics_listen).await?;
    let mut signals = Signals::new()?;
    log.event(
        Level::Info,
        "listening",
        "questions are taken",
        json!({
            "listen": address(&listener),
            "metricsListen": address(&seen),
            "version": env!("CARGO_PKG_VERSION"),
            "kubernetes": config.kubernetes.to_string(),
            "namespace": namespace,
        }),
    );
    // Only who has something to do that one replica should do alone stands for election.
    let has_work = self_made.is_some() || config.policy_resources;
    let candidacy = kubernetes
        .as_ref()
        .filter(|_| has_work)
        .map(|kubernetes| Candidacy::stand(kubernetes, &config.lease, log.clone()));
    let resources = match (&kubernetes, &candidacy) {
        (Some(kubernetes), Some(candidacy)) if config.policy_resources => {
            Some(policy_resources(kubernetes, candidacy.leading(), log))
        }
        _ => None,
    };
    let keeper = Keeper {
        source: PolicySource::new(config.policy.clone(), config.trust_cache.clone(), resources),
        approvals: config.break_glass.clone().map(ApprovalFiles::new),
        credentials,
        tls: Arc::clone(&tls),
        reviewer: Arc::clone(&reviewer),
        health: Arc::clone(&health),
        log: log.clone(),
        metrics: Arc::clone(&metrics),
        in_force: None,
        wrong: None,
        overloaded: 0,
    };
    let interval = config.reload_interval;
    // Objects of the cluster name no repository: nothing is beside them (docs/webhook.md).
    if let (Some(folder), Some(policy)) = (&config.trust_cache, &config.policy) {
        let refresher = Refresher {
            policy: policy.clone(),
            store: TrustStore::new(folder),
            client: Arc::new(TufClient::new()),
            every: Some(config.trust_refresh).filter(|every| !every.is_zero()),
            log: log.clone(),
            metrics: Arc::clone(&metrics),
            roots: BTreeMap::new(),
            read: None,
        };
        tokio::spawn(refresher.keep(interval));
    }
    tokio::task::spawn_blocking(move || keeper.keep(interval));

    if let (Some(it), Some(candidacy)) = (self_made, &candidacy) {
        let told = Told {
            health: Arc::clone(&health),
            metrics: Arc::clone(&metrics),
            log: log.clone(),
        };
        health.waits_for_certificate(&format!("{} is being read", it.place));
        let leading = candidacy.leading();
        let certificates =
            Certificates::new(it.kubernetes, it.options, it.kept, leading, interval, told);
        tokio::spawn(certificates.keep());
    }

    let (stop, stopped) = watch::channel(());
    let doors = Doors::new(reviewer)
        .most_time(config.timeout)
        .health(Arc::clone(&health))
        .counted(Arc::clone(&metrics))
        .gate(gate)
        .mutate(config.mutate);
    let grace = config.timeout + GRACE;
    let asked = tokio::spawn(serve::serve(
        listener,
        Some(tls),
        doors.router(),
        until(stopped.clone()),
        grace,
    ));
    let watched = tokio::spawn(serve::serve(
        seen,
        None,
        metrics_router(metrics).merge(health_router(Arc::clone(&health))),
        until(stopped),
        Duration::ZERO,
    ));

    signals.wait().await;
    health.drains();
    let seconds = config.drain.as_secs();
    log.event(
        Level::Info,
        "draining",
        "it was told to end; questions are answered until nobody sends any",
        json!({"seconds": seconds}),
    );
    let drained = tokio::time::sleep(config.drain);
    if let Some(candidacy) = candidacy {
        candidacy.withdraw().await;
    }
    drained.await;
    drop(stop);
    // A task ends in an error only by a panic, which its connection alone has felt.
    let _ = asked.await;
    let _ = watched.await;
    log.event(
        Level::Info,
        "ended",
        "every question is answered",
        json!({}),
    );
    Ok(())
}

/// The policy resources of the cluster, which are read from now on, and told of by whichever replica leads.
fn policy_resources(kubernetes: &Kubernetes, leading: Leading, log: &Log) -> Arc<Resources> {
    let resources = Arc::new(Resources::new());
    let client = kubernetes.client().clone();
    tokio::spawn(policies::keep(
        client.clone(),
        Arc::clone(&resources),
        log.clone(),
    ));
    let teller = policies::Teller::new(client, Arc::clone(&resources), leading, log.clone());
    tokio::spawn(teller.tell());
    resources
}

/// What the certificate of the webhook's own making needs.
struct MadeHere<'a> {
    kubernetes: &'a Kubernetes,
    options: &'a SelfMade,
    /// Where it is kept, for messages.
    place: String,
    kept: Kept,
}

/// Where the serving certificate is looked for, and what keeps it there if it is of the webhook's own making.
fn certificate_source<'a>(
    config: &'a Config,
    kubernetes: Option<&'a Kubernetes>,
) -> Result<(Source, Option<MadeHere<'a>>), RunError> {
    let options = match &config.tls {
        TlsConfig::Files { certificate, key } => {
            let source = Source::Files {
                certificate: certificate.clone(),
                key: key.clone(),
            };
            return Ok((source, None));
        }
        TlsConfig::SelfMade(options) => options,
    };
    let kubernetes = kubernetes.ok_or_else(|| {
        RunError::Certificate(ConfigError::NeedsKubernetes("tls self").to_string())
    })?;
    let place = certificates::place(kubernetes, options);
    let kept = Kept::new(&place);
    let made = MadeHere {
        kubernetes,
        options,
        place,
        kept: kept.clone(),
    };
    Ok((Source::Kept(kept), Some(made)))
}

/// Begins to tell what is refused in Events, as this Pod.
fn tell(
    config: &Config,
    kubernetes: &Kubernetes,
    log: &Log,
    metrics: &Arc<Metrics>,
) -> Arc<Events> {
    let events = Arc::new(Events::new(Arc::clone(metrics)));
    let instance = std::env::var("HOSTNAME").unwrap_or_default();
    let teller = Teller {
        events: Arc::clone(&events),
        writer: EventWriter::new(kubernetes, &instance),
        is_authenticated: config.client_ca.is_some(),
        log: log.clone(),
    };
    tokio::spawn(teller.tell());
    events
}

/// Ready when the other end is dropped.
async fn until(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, RunError> {
        let of = |kind| signal(kind).map_err(system("signals cannot be waited for"));
        Ok(Self {
            terminate: of(SignalKind::terminate())?,
            interrupt: of(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn listen(option: &str, at: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(at)
        .await
        .map_err(|error| RunError::System {
            what: format!("{option} {at}"),
            error,
        })
}

fn address(listener: &TcpListener) -> String {
    let address = listener.local_addr();
    address.map_or_else(|_| String::new(), |address| address.to_string())
}

/// The client for all registries. Where an image lies is said by whoever makes a Pod, so addresses inside need an entry under `registries:`.
fn registry(config: &Config) -> Result<HttpRegistry, RunError> {
    let registries = match &config.registries {
        Some(path) => Registries::load(path)?,
        None => Registries::new(),
    };
    let proxies = Proxies::from_environment(|wanted| {
        let known = PROXY_VARIABLES
            .iter()
            .any(|name| name.eq_ignore_ascii_case(wanted));
        std::env::var(wanted).ok().filter(|_| known)
    })?;
    Ok(HttpRegistry::new()
        .refuse_private(true)
        .registries(registries)
        .proxies(proxies))
}

fn cache(folder: Option<&Path>) -> Result<Cache, RunError> {
    let cache = Cache::default();
    Ok(match folder {
        Some(folder) => cache.on_disk(folder, Cache::DEFAULT_DISK_BYTES)?,
        None => cache,
    })
}

fn system(what: &str) -> impl FnOnce(io::Error) -> RunError {
    let what = what.to_owned();
    move |error| RunError::System { what, error }
}
