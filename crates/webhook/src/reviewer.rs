//! From a question to its answer.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use countersign::{Checker, Image};
use countersign_core::{
    Decision, ImageFields, ImageRef, Mode, Namespace, PolicySet, UnixTime, Verdict, Warning,
    printable,
};
use futures_util::stream::{self, StreamExt as _};

use crate::images::{Asked, asked};
use crate::message::message;
use crate::{Answer, Review};

/// Images of one question that are judged at a time.
const AT_A_TIME: usize = 8;

/// Which webhook configuration asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The one behind `failurePolicy: Fail`: what enforcing policies deny is denied.
    Enforce,
    /// The one behind `failurePolicy: Ignore`: nothing is ever denied; policies that warn or audit are heard.
    Audit,
}

/// Judges the images of objects by the policies that are in force.
pub struct Reviewer {
    checker: RwLock<Arc<Checker>>,
    fields: ImageFields,
    clock: fn() -> SystemTime,
}

impl fmt::Debug for Reviewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reviewer")
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

/// How one image came out.
enum Judged {
    /// What is written is no reference.
    Misnamed(String),
    /// There was no time.
    Late(String),
    Decided(Box<Decision>),
}

impl Reviewer {
    /// A reviewer that asks this checker, and looks for images where Kubernetes and `fields` say.
    #[must_use]
    pub fn new(checker: Checker, fields: ImageFields) -> Self {
        Self {
            checker: RwLock::new(Arc::new(checker)),
            fields,
            clock: SystemTime::now,
        }
    }

    /// The same by another clock.
    #[must_use]
    pub const fn clock(mut self, clock: fn() -> SystemTime) -> Self {
        self.clock = clock;
        self
    }

    /// Puts other policies in force, at once and whole. What was fetched and proven stays known.
    pub fn replace_policies(&self, policies: PolicySet) {
        let mut checker = self.checker.write().unwrap_or_else(PoisonError::into_inner);
        *checker = Arc::new(checker.with_policies(policies));
    }

    fn checker(&self) -> Arc<Checker> {
        let checker = self.checker.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&checker)
    }

    /// Answers one question, within `time`.
    pub async fn review(&self, review: &Review, door: Door, time: Duration) -> Answer {
        let asked = match asked(review, &self.fields) {
            Ok(asked) => asked,
            Err(error) => {
                let message = format!(
                    "countersign cannot tell which images this {} would run: {error}",
                    review.kind
                );
                return match door {
                    Door::Enforce => Answer::deny(&message),
                    Door::Audit => Answer::allow().warn([message]),
                };
            }
        };
        let judged = self.judge(review, &asked, time).await;
        answer(&judged, door)
    }

    /// Judges each image once, however many fields name it, in the order of the fields.
    async fn judge(&self, review: &Review, asked: &Asked, time: Duration) -> Vec<Judged> {
        let checker = self.checker();
        let now: UnixTime = (self.clock)().into();
        let mut seen = BTreeSet::new();
        let fields = asked.fields.iter().cloned();
        let images = fields.filter(|field| seen.insert(field.image.clone()));
        let judged = images.map(|field| {
            let (checker, namespace) = (Arc::clone(&checker), review.namespace.clone());
            let is_owned_pod = asked.is_owned_pod;
            async move {
                let mut image = match ImageRef::parse(&field.image) {
                    Ok(name) => Image::from(name),
                    Err(error) => {
                        let image = printable(&field.image);
                        return Judged::Misnamed(format!("{image} in {}: {error}", field.path));
                    }
                };
                if let Some(namespace) = &namespace {
                    image = image.in_namespace(Namespace::new(namespace));
                }
                if is_owned_pod {
                    image = image.with_age_relief();
                }
                match tokio::time::timeout(time, checker.check(&image, now)).await {
                    Ok(decision) => Judged::Decided(Box::new(decision)),
                    Err(_) => Judged::Late(format!(
                        "{}: no answer within {} s; the registry or the network is slow; try again",
                        printable(&field.image),
                        time.as_secs_f32()
                    )),
                }
            }
        });
        let judged: Vec<_> = judged.collect();
        stream::iter(judged).buffered(AT_A_TIME).collect().await
    }
}

/// Deny over unknown over allow, across images as across rules.
fn answer(judged: &[Judged], door: Door) -> Answer {
    let mut denied = Vec::new();
    let mut unknown = Vec::new();
    let mut warnings = Vec::new();
    for one in judged {
        match one {
            Judged::Misnamed(message) => denied.push(message.clone()),
            Judged::Late(message) => unknown.push(message.clone()),
            Judged::Decided(decision) => {
                warnings.extend(told(decision, door));
                match decision.effect() {
                    Verdict::Allow => {}
                    Verdict::Deny => denied.push(message(decision)),
                    _ => unknown.push(message(decision)),
                }
            }
        }
    }
    let (verdict, messages) = match (denied.is_empty(), unknown.is_empty()) {
        (true, true) => ("allow", Vec::new()),
        (true, false) => ("unknown", unknown),
        (false, _) => ("deny", denied),
    };
    let message = match messages.split_first() {
        None => String::new(),
        Some((first, [])) => first.clone(),
        Some((first, others)) => format!(
            "{first} | and {} more: {}",
            others.len(),
            others.join(" | ")
        ),
    };
    let answer = match (door, verdict) {
        (Door::Audit, _) | (Door::Enforce, "allow") => Answer::allow(),
        (Door::Enforce, "unknown") => Answer::unknown(&message),
        (Door::Enforce, _) => Answer::deny(&message),
    };
    let answer = answer.warn(warnings).annotate("effect", verdict.to_owned());
    match message.as_str() {
        "" => answer,
        message => answer.annotate("message", message.chars().take(1000).collect()),
    }
}

/// The warnings that belong to a door: each is told once, though both doors decide.
fn told(decision: &Decision, door: Door) -> Vec<String> {
    let is_enforced = |warning: &Warning| {
        let policy = warning.policy.as_deref();
        let own = |it: &&countersign_core::PolicyOutcome| Some(it.name.as_str()) == policy;
        decision
            .policies()
            .iter()
            .find(own)
            .is_none_or(|it| it.mode == Mode::Enforce)
    };
    let belongs = |warning: &&Warning| is_enforced(warning) == (door == Door::Enforce);
    let line = |warning: &Warning| {
        let about = match (&warning.policy, &warning.rule) {
            (Some(policy), Some(rule)) => format!("{}/{}: ", printable(policy), printable(rule)),
            (Some(policy), None) => format!("{}: ", printable(policy)),
            _ => String::new(),
        };
        format!(
            "{}: {about}{} ({})",
            printable(decision.image()),
            printable(&warning.message),
            warning.code
        )
    };
    decision
        .warnings()
        .iter()
        .filter(belongs)
        .map(line)
        .collect()
}
