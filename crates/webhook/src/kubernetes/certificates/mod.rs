//! The certificate of the webhook's own making (`--tls self`): kept in a Secret, which every replica reads and the leader alone writes.
//!
//! The leader also keeps the `caBundle` of the webhook configurations right. What is made when stands in [`plan`]; who leads in [`super::lease`].

mod bundles;
mod held;
mod make;
mod plan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use countersign_core::UnixTime;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use self::bundles::{Bundles, Looked};
use self::held::Held;
use self::plan::{Next, Terms};
use super::lease::Leading;
use super::{Kubernetes, why};
use crate::config::SelfMade;
use crate::health::Health;
use crate::log::{Level, Log};
use crate::metrics::Metrics;
use crate::tls::Kept;

/// One request takes no longer. It is less than what is between the end of a leader and the beginning of the next.
const ONE_REQUEST: Duration = Duration::from_secs(4);
/// How long every API server may take to hear of a `caBundle` that one has stored: it watches configurations, and hears at once.
const HEARD: Duration = Duration::from_secs(60);

/// Whom the certificates tell what happens.
pub(crate) struct Told {
    pub(crate) health: Arc<Health>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) log: Log,
}

/// Who keeps Secret and configurations right.
pub(crate) struct Certificates {
    secrets: Api<Secret>,
    name: String,
    /// As people find it: `Secret NAMESPACE/NAME`.
    at: String,
    terms: Terms,
    heard: Duration,
    bundles: Bundles,
    kept: Kept,
    leading: Leading,
    told: Told,
    interval: Duration,
    /// What the Secret held last.
    before: Held,
    /// The bundle that every configuration has, and since when.
    known: Option<(String, Instant)>,
    /// What was said last of each event, so that it is said once.
    said: BTreeMap<String, String>,
}

/// Where a Secret is, for messages.
pub(crate) fn place(kubernetes: &Kubernetes, options: &SelfMade) -> String {
    format!("Secret {}/{}", kubernetes.namespace(), options.secret)
}

impl Certificates {
    /// It looks every `interval`, or as soon as this replica leads; what it reads it gives to `kept`.
    pub(crate) fn new(
        kubernetes: &Kubernetes,
        options: &SelfMade,
        kept: Kept,
        leading: Leading,
        interval: Duration,
        told: Told,
    ) -> Self {
        let (service, namespace) = (&options.service, kubernetes.namespace());
        let mut names = vec![
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}.svc.cluster.local"),
        ];
        names.extend(options.names.iter().cloned());
        let lifetime = options.lifetime;
        Self {
            secrets: Api::namespaced(kubernetes.client().clone(), namespace),
            name: options.secret.clone(),
            at: place(kubernetes, options),
            terms: Terms {
                names,
                lifetime: i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX / 8),
            },
            // With short lives, as tests have them, there is less time.
            heard: HEARD.min(lifetime / 12),
            bundles: Bundles::new(kubernetes, &options.configurations),
            kept,
            leading,
            told,
            interval,
            before: Held::default(),
            known: None,
            said: BTreeMap::new(),
        }
    }

    /// Looks again and again, for ever.
    pub(crate) async fn keep(mut self) {
        loop {
            if self.look().await {
                continue;
            }
            tokio::select! {
                () = sleep(self.interval) => {}
                () = self.leading.changed() => {}
            }
        }
    }

    /// Whether there is something new to look at.
    async fn look(&mut self) -> bool {
        let found = match timed(self.secrets.get_opt(&self.name)).await {
            Ok(found) => found,
            Err(why) => {
                let message = "the Secret with the serving certificate cannot be read; what was read last stays in use";
                return self.fail("secret-failed", message, &why);
            }
        };
        self.said.remove("secret-failed");
        let held = match found.as_ref().map(Held::read) {
            Some(Ok(held)) => held,
            None => Held::default(),
            Some(Err(why)) => {
                let message = "the Secret is somebody else's, and is neither used nor written to: delete it, name another by --tls-secret, or serve \
                               its certificate by --tls files";
                return self.fail("secret-refused", message, &why);
            }
        };
        self.said.remove("secret-refused");
        if let Some(pair) = &held.serving {
            self.kept.put(pair.clone());
        }
        if let Some(first) = held.authorities.first() {
            self.told.metrics.authority(first.ends);
        }
        let waits = match (&found, &held.serving) {
            (None, _) => format!(
                "there is no {} yet; the replica that leads makes it",
                self.at
            ),
            (_, None) => format!(
                "{} holds no certificate yet; the replica that leads makes it",
                self.at
            ),
            _ => format!("what {} holds cannot be served; the log says why", self.at),
        };
        self.told.health.waits_for_certificate(&waits);
        let held = held.or(&self.before);
        self.before = Held {
            key: None,
            ..held.clone()
        };
        if !self.leading.is_leading() {
            self.known = None;
            return false;
        }
        self.lead(found, &held).await
    }

    async fn lead(&mut self, found: Option<Secret>, held: &Held) -> bool {
        let is_stored = found.is_some() && !held.authorities.is_empty();
        let are_known = is_stored && self.tell(&held.bundle()).await;
        let next = match plan::next(held, &self.terms, now(), are_known) {
            Ok(Some(next)) => next,
            Ok(None) => return false,
            Err(error) => {
                let message = "no certificate can be made";
                return self.fail("certificate-failed", message, &error.to_string());
            }
        };
        // Telling the configurations may have taken long.
        if !self.leading.is_leading() {
            return false;
        }
        match self.store(found, &next).await {
            Ok(()) => {
                self.said.remove("secret-failed");
                self.tell_of(&next);
                true
            }
            Err(why) => {
                let message =
                    "the certificate that was made cannot be kept in the Secret, and is not used";
                self.fail("secret-failed", message, &why)
            }
        }
    }

    async fn store(&self, found: Option<Secret>, next: &Next) -> Result<(), String> {
        let how = PostParams::default();
        let is_new = found.is_none();
        let secret = next.held.write(&self.name, found);
        // The API server compares the version that was found.
        match is_new {
            true => timed(self.secrets.create(&how, &secret)).await?,
            false => timed(self.secrets.replace(&self.name, &how, &secret)).await?,
        };
        Ok(())
    }

    /// Whether every API server has had the time to hear of the bundle, in every configuration that is there.
    async fn tell(&mut self, bundle: &str) -> bool {
        let mut is_right = true;
        for (name, looked) in self.bundles.keep(bundle).await {
            let event = match &looked {
                Looked::Right => "",
                Looked::Patched(_) => "ca-bundle-patched",
                Looked::Missing => "webhook-configuration-missing",
                Looked::Failed(_) => "ca-bundle-failed",
            };
            is_right &= matches!(looked, Looked::Right | Looked::Missing);
            let (level, message, detail) = match looked {
                Looked::Right => {
                    self.said.remove(&name);
                    continue;
                }
                Looked::Patched(webhooks) => {
                    self.said.remove(&name);
                    let message =
                        "the API server is told by which authorities it knows this webhook";
                    let more = json!({"configuration": name, "webhooks": webhooks});
                    self.told.log.event(Level::Info, event, message, more);
                    continue;
                }
                Looked::Missing => (
                    Level::Info,
                    "there is no such webhook configuration; it is told the authorities once it is there",
                    String::new(),
                ),
                Looked::Failed(why) => (
                    Level::Error,
                    "the webhook configuration cannot be told the authorities; until it is, no new authority issues what is served while the one before is good",
                    why,
                ),
            };
            let more = json!({"configuration": name, "errors": detail});
            self.once(name, format!("{event} {detail}"), |log| {
                log.event(level, event, message, more);
            });
        }
        if !is_right {
            self.known = None;
            return false;
        }
        if self.known.as_ref().is_none_or(|(known, _)| known != bundle) {
            self.known = Some((bundle.to_owned(), Instant::now()));
        }
        let since = self.known.as_ref().map(|(_, since)| since.elapsed());
        since.is_some_and(|it| it >= self.heard)
    }

    fn tell_of(&self, next: &Next) {
        for made in &next.made {
            let more = json!({
                "what": made.what, "because": made.because,
                "expires": made.ends.to_string(), "secret": self.at,
            });
            let message = "a certificate was made and is kept in the Secret, from which every replica reads it";
            self.told
                .log
                .event(Level::Info, "certificate-made", message, more);
        }
    }

    /// Says what is wrong, and what readiness waits for; nothing new comes of it.
    fn fail(&mut self, event: &str, message: &str, why: &str) -> bool {
        self.told
            .health
            .waits_for_certificate(&format!("{}: {why}", self.at));
        let more: Value = json!({"secret": self.at, "errors": why});
        self.once(event.to_owned(), why.to_owned(), |log| {
            log.event(Level::Error, event, message, more);
        });
        false
    }

    fn once(&mut self, of: String, what: String, say: impl FnOnce(&Log)) {
        if self.said.get(&of) != Some(&what) {
            self.said.insert(of, what);
            say(&self.told.log);
        }
    }
}

/// What a request gives, or why it gives nothing; it does not take for ever.
async fn timed<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, String> {
    match timeout(ONE_REQUEST, request).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(why(&error)),
        Err(_) => Err("the Kubernetes API does not answer in time".to_owned()),
    }
}

fn now() -> UnixTime {
    SystemTime::now().into()
}
