//! What is counted, as OpenMetrics text. Every label has a bounded number of values: names of the policies that are in force, and words of our own.

mod bounded;
mod observer;
mod trust;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign::{Checker, DeadlineMetrics};
use countersign_core::{Decision, Outcome as RuleCameOut, UnixTime, Verdict};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use self::bounded::{OTHER, Seen};
pub(crate) use self::observer::Requests;
pub(crate) use self::trust::RootAge;
use self::trust::TrustRoots;
use crate::gate::Gate;
use crate::health::Health;
use crate::log::Log;
use crate::{Answered, Door, Outcome, Reviewer};

/// The content type of the text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From what is known already to the longest that the API server waits, in seconds.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0,
];
/// Pairs of policy and rule, and Signers, that are told apart in the life of a process. What comes then is `other`.
const MOST_NAMES: usize = 1000;

type Text = Cow<'static, str>;
type Labels<const N: usize> = [(&'static str, Text); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Durations<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    reviews: Counters<2>,
    review_seconds: Durations<1>,
    decisions: Counters<5>,
    admissions: Counters<1>,
    break_glass: Counters<1>,
    overloaded: Counters<2>,
    events: Counters<1>,
    trust_roots: TrustRoots,
    generation: Gauge,
    in_force_since: Gauge,
    checked_at: Gauge,
    last_reload_ok: Gauge,
    reloads_refused: Counter,
    certificate_expires: Gauge,
    certificate_reload_ok: Gauge,
    authority_expires: Gauge,
    requests: Arc<Requests>,
    rules: Seen<(String, String)>,
    signers: Seen<String>,
    asked: Arc<OnceLock<Asked>>,
    /// Of all doors together, for the log.
    overloaded_in_all: AtomicU64,
}

/// What is asked for its numbers at each scrape.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) reviewer: Arc<Reviewer>,
    pub(crate) gate: Gate,
    pub(crate) log: Log,
    pub(crate) health: Arc<Health>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("countersign");
        let webhook = registry.sub_registry_with_prefix("webhook");
        let requests = Arc::new(Requests::registered(webhook));
        let mut all = Self {
            reviews: Counters::default(),
            review_seconds: durations(),
            decisions: Counters::default(),
            admissions: Counters::default(),
            break_glass: Counters::default(),
            overloaded: Counters::default(),
            events: Counters::default(),
            trust_roots: TrustRoots::default(),
            generation: Gauge::default(),
            in_force_since: Gauge::default(),
            checked_at: Gauge::default(),
            last_reload_ok: Gauge::default(),
            reloads_refused: Counter::default(),
            certificate_expires: Gauge::default(),
            certificate_reload_ok: Gauge::default(),
            authority_expires: Gauge::default(),
            requests,
            rules: Seen::new(MOST_NAMES),
            signers: Seen::new(MOST_NAMES),
            asked: Arc::default(),
            overloaded_in_all: AtomicU64::default(),
            registry: Registry::default(),
        };
        webhook.register("reviews", "Questions of the API server that were answered, by door and by what policies make of the object", all.reviews.clone());
        webhook.register_with_unit(
            "review_duration",
            "From a question to its answer, by door",
            Unit::Seconds,
            all.review_seconds.clone(),
        );
        webhook.register("decisions", "Rules that were held against images, by policy, rule, mode, reason code (or pass) and door", all.decisions.clone());
        webhook.register(
            "admissions",
            "Images that were allowed at the enforcing door by evidence of a Signer",
            all.admissions.clone(),
        );
        webhook.register(
            "break_glass",
            "Images that a break-glass statement let run although policies deny them or nobody could tell, by door",
            all.break_glass.clone(),
        );
        webhook.register(
            "overloaded",
            "Questions that nobody had the time to judge, by door and by what was full",
            all.overloaded.clone(),
        );
        webhook.register(
            "events",
            "What was told in Kubernetes Events, by what came of it: written, lost (no room), unverified (nobody knows whether the object is there), refused (no \
             permission), failed",
            all.events.clone(),
        );
        webhook.register(
            "policy_generation",
            "How many policy sets have been in force since the start",
            all.generation.clone(),
        );
        webhook.register_with_unit(
            "policy_in_force_since_timestamp",
            "When the policy set that is in force was put in force",
            Unit::Seconds,
            all.in_force_since.clone(),
        );
        webhook.register_with_unit(
            "policy_checked_timestamp",
            "When the policy files last held what is in force",
            Unit::Seconds,
            all.checked_at.clone(),
        );
        webhook.register("policy_last_reload_ok", "1 if the policy files hold what is in force, 0 if they hold something that was refused", all.last_reload_ok.clone());
        webhook.register(
            "policy_reloads_refused",
            "How often policy files could not be put in force",
            all.reloads_refused.clone(),
        );
        webhook.register_with_unit(
            "certificate_expires_timestamp",
            "When the serving certificate ends",
            Unit::Seconds,
            all.certificate_expires.clone(),
        );
        webhook.register("certificate_last_reload_ok", "1 if the certificate's files or its Secret hold what is served, 0 if they hold something that was refused", all.certificate_reload_ok.clone());
        webhook.register_with_unit(
            "certificate_authority_expires_timestamp",
            "When the authority ends that issues serving certificates, if the webhook makes them; else 0",
            Unit::Seconds,
            all.authority_expires.clone(),
        );
        webhook.register_collector(Box::new(all.trust_roots.clone()));
        webhook.register_collector(Box::new(observer::Now(Arc::clone(&all.asked))));
        let asked = Arc::clone(&all.asked);
        registry.register_collector(Box::new(DeadlineMetrics::new(move || {
            let checker = asked.get().and_then(|asked| asked.reviewer.checker());
            checker.map_or_else(Vec::new, |it| it.policies().deadlines())
        })));
        // A counter that is not there until it counts cannot be watched for its first step.
        for door in [Door::Enforce, Door::Audit] {
            let door = Text::from(door.as_str());
            all.break_glass.get_or_create(&[("door", door)]).inc_by(0);
        }
        for door in [Door::Enforce, Door::Audit, Door::Mutate] {
            for full in ["reviews", "bytes"] {
                all.overloaded
                    .get_or_create(&overload(door, full))
                    .inc_by(0);
            }
        }
        for outcome in ["written", "lost", "unverified", "refused", "failed"] {
            let outcome = Text::from(outcome);
            all.events.get_or_create(&[("outcome", outcome)]).inc_by(0);
        }
        all.registry = registry;
        all
    }

    /// Names what has to be asked at each scrape; once, when it is all there.
    pub(crate) fn ask(&self, asked: Asked) {
        // A second call would name the same.
        let _ = self.asked.set(asked);
    }

    /// Who is told of requests to registries and of caches.
    pub(crate) fn requests(&self) -> Arc<Requests> {
        Arc::clone(&self.requests)
    }

    /// The text of `/metrics`.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    pub(crate) fn answered(&self, answered: &Answered<'_>) {
        let door = Text::from(answered.door.as_str());
        let effect = Text::from(answered.answer.effect().to_owned());
        let labels = [("door", door.clone()), ("effect", effect)];
        self.reviews.get_or_create(&labels).inc();
        self.review_seconds
            .get_or_create(&[("door", door)])
            .observe(seconds(answered.took));
        for judged in answered.images {
            if let Outcome::Decided(decision) = &judged.outcome {
                self.decided(decision, answered.door);
                if decision.is_by_break_glass() {
                    let door = Text::from(answered.door.as_str());
                    self.break_glass.get_or_create(&[("door", door)]).inc();
                }
            }
        }
    }

    fn decided(&self, decision: &Decision, door: Door) {
        let count = |policy: &str, rule: &str, mode: &'static str, reason: &'static str| {
            let labels = [
                ("policy", Text::from(policy.to_owned())),
                ("rule", Text::from(rule.to_owned())),
                ("mode", Text::from(mode)),
                ("reason", Text::from(reason)),
                ("door", Text::from(door.as_str())),
            ];
            self.decisions.get_or_create(&labels).inc();
        };
        for policy in decision.policies() {
            for rule in &policy.rules {
                let reason = match rule.outcome {
                    RuleCameOut::Pass => "pass",
                    _ => rule.code.map_or("none", |code| code.as_str()),
                };
                let names = (policy.name.clone(), rule.name.clone());
                match self.rules.has_room_for(&names) {
                    true => count(&names.0, &names.1, policy.mode.as_str(), reason),
                    false => count(OTHER, OTHER, policy.mode.as_str(), reason),
                }
            }
        }
        if decision.unmatched().is_some() {
            count("", "", "enforce", "unmatched");
        }
        for _ in decision.revoked() {
            count("", "", "enforce", "image-revoked");
        }
        if door == Door::Enforce && decision.effect() == Verdict::Allow {
            self.admitted(decision);
        }
    }

    /// Each Signer once for an image: whether an old key is still of use is seen by its counter standing still.
    fn admitted(&self, decision: &Decision) {
        let rules = decision.policies().iter().flat_map(|policy| &policy.rules);
        let signers = rules
            .filter(|rule| rule.outcome == RuleCameOut::Pass)
            .flat_map(|rule| &rule.evidence)
            .filter_map(|cited| cited.signer.as_ref());
        let signers: std::collections::BTreeSet<&String> = signers.collect();
        for signer in signers {
            let signer = match self.signers.has_room_for(signer) {
                true => Text::from(signer.clone()),
                false => Text::from(OTHER),
            };
            self.admissions.get_or_create(&[("signer", signer)]).inc();
        }
    }

    pub(crate) fn overloaded(&self, door: Door, full: &'static str) {
        self.overloaded.get_or_create(&overload(door, full)).inc();
        self.overloaded_in_all.fetch_add(1, Ordering::Relaxed);
    }

    /// What came of something that was to be told in an Event.
    pub(crate) fn event(&self, outcome: &'static str) {
        let outcome = Text::from(outcome);
        self.events.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// The trust roots of TUF repositories, as they are now.
    pub(crate) fn trust_roots(&self, roots: Vec<RootAge>) {
        self.trust_roots.set(roots);
    }

    /// Questions that nobody had the time to judge, since the start.
    pub(crate) fn overloaded_in_all(&self) -> u64 {
        self.overloaded_in_all.load(Ordering::Relaxed)
    }

    pub(crate) fn policies_in_force(&self, checker: &Checker, now: UnixTime) {
        self.generation.inc();
        self.in_force_since.set(now.seconds());
        self.requests.name_hosts(checker.policies().registries());
        self.policies_checked(now);
    }

    pub(crate) fn policies_checked(&self, now: UnixTime) {
        self.checked_at.set(now.seconds());
        self.last_reload_ok.set(1);
    }

    pub(crate) fn policies_refused(&self) {
        self.last_reload_ok.set(0);
        self.reloads_refused.inc();
    }

    pub(crate) fn certificate(&self, expires: Option<UnixTime>) {
        self.certificate_reload_ok.set(1);
        self.certificate_expires
            .set(expires.map_or(0, |at| at.seconds()));
    }

    pub(crate) fn authority(&self, expires: UnixTime) {
        self.authority_expires.set(expires.seconds());
    }

    pub(crate) fn certificate_refused(&self) {
        self.certificate_reload_ok.set(0);
    }
}

fn overload(door: Door, full: &'static str) -> Labels<2> {
    [("door", door.as_str().into()), ("full", full.into())]
}

fn durations<const N: usize>() -> Durations<N> {
    Durations::new_with_constructor(|| Histogram::new(BUCKETS))
}

/// A duration in the unit of metrics.
fn seconds(took: Duration) -> f64 {
    took.as_secs_f64()
}
