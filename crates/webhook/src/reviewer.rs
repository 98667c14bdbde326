//! From a question to its answer.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use countersign::Checker;
use countersign_core::{Decision, ImageFields, PolicySet, UnixTime, printable};
use tokio::time::Instant;

use crate::answering::answer;
use crate::emergency::{Common, approvals};
use crate::images::{Unreadable, asked};
use crate::pin::{Pin, pins};
use crate::sitting::Sitting;
use crate::spans::within;
use crate::{Answer, Operation, Review};

/// Which webhook configuration asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Door {
    /// The one behind `failurePolicy: Fail`: what enforcing policies deny is denied.
    Enforce,
    /// The one behind `failurePolicy: Ignore`: nothing is ever denied; policies that warn or audit are heard.
    Audit,
    /// The one that writes digests: nothing is ever denied; images that policies allow are pinned in Pods.
    Mutate,
}

impl Door {
    /// How it is written in logs and metrics: `enforce`, `audit` or `mutate`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Audit => "audit",
            Self::Mutate => "mutate",
        }
    }
}

/// Judges the images of objects by the policies that are in force.
pub struct Reviewer {
    state: RwLock<State>,
    fields: ImageFields,
    clock: fn() -> SystemTime,
    witness: Option<Arc<dyn Witness>>,
    /// Approvals for an emergency that every object has; their keys are those of the policies in force.
    approvals: RwLock<Arc<Common>>,
}

type Fresh = Box<dyn FnOnce(PolicySet) -> Checker + Send + Sync>;

enum State {
    /// No policies yet: nobody can tell anything. What makes the checker of the first set.
    Waiting(Option<Fresh>),
    InForce(Arc<Checker>),
}

/// Who is told of everything that was decided, for log and metrics. It must not block.
pub trait Witness: Send + Sync + 'static {
    /// A question was answered.
    fn answered(&self, answered: &Answered<'_>);
}

/// A question and what came of it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Answered<'a> {
    /// The question.
    pub review: &'a Review,
    /// Where it was asked.
    pub door: Door,
    /// How each image came out, each once, in the order of the fields.
    pub images: &'a [Judged],
    /// What was answered.
    pub answer: &'a Answer,
    /// From the question to the answer.
    pub took: Duration,
}

/// How one image came out.
#[derive(Debug)]
pub struct Judged {
    /// What is written.
    pub image: String,
    /// The fields that name it.
    pub fields: Vec<String>,
    /// What is to be said of it.
    pub outcome: Outcome,
}

/// What is to be said of an image.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// What is written is no reference: it is refused, with this message.
    Misnamed(String),
    /// There was no time: nobody can tell, with this message.
    Late(String),
    /// It was decided.
    Decided(Box<Decision>),
}

impl fmt::Debug for Reviewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reviewer")
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

impl Reviewer {
    /// A reviewer that asks this checker, and looks for images where Kubernetes and `fields` say.
    #[must_use]
    pub fn new(checker: Checker, fields: ImageFields) -> Self {
        Self::with(State::InForce(Arc::new(checker)), fields)
    }

    /// A reviewer without policies, which answers every question that may run something with "nobody can tell" until
    /// [`replace_policies`](Self::replace_policies) gives it some, of which `fresh` makes its checker.
    #[must_use]
    pub fn waiting(
        fresh: impl FnOnce(PolicySet) -> Checker + Send + Sync + 'static,
        fields: ImageFields,
    ) -> Self {
        Self::with(State::Waiting(Some(Box::new(fresh))), fields)
    }

    fn with(state: State, fields: ImageFields) -> Self {
        Self {
            state: RwLock::new(state),
            fields,
            clock: SystemTime::now,
            witness: None,
            approvals: RwLock::default(),
        }
    }

    /// The same by another clock.
    #[must_use]
    pub const fn clock(mut self, clock: fn() -> SystemTime) -> Self {
        self.clock = clock;
        self
    }

    /// Tells this witness of every answer.
    #[must_use]
    pub fn witness(mut self, witness: Arc<dyn Witness>) -> Self {
        self.witness = Some(witness);
        self
    }

    /// Puts other policies in force, at once and whole. What was fetched and proven stays known.
    pub fn replace_policies(&self, policies: PolicySet) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let checker = match &mut *state {
            State::InForce(checker) => checker.with_policies(policies),
            State::Waiting(fresh) => match fresh.take() {
                Some(fresh) => fresh(policies),
                // It was taken by a call that panicked before there was a checker.
                None => return,
            },
        };
        *state = State::InForce(Arc::new(checker));
    }

    /// Hands over approvals of break-glass statements for every object, Sigstore bundles, in place of those before. Which of them count, and for what, the
    /// policies in force say at each question.
    pub fn replace_approvals(&self, bundles: Vec<Vec<u8>>) {
        let mut approvals = self
            .approvals
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *approvals = Arc::new(Common::new(bundles));
    }

    fn approvals(&self) -> Arc<Common> {
        let approvals = self
            .approvals
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&approvals)
    }

    /// What judges now; none before the first policies.
    #[must_use]
    pub fn checker(&self) -> Option<Arc<Checker>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::InForce(checker) => Some(Arc::clone(checker)),
            State::Waiting(_) => None,
        }
    }

    pub(crate) fn now(&self) -> UnixTime {
        (self.clock)().into()
    }

    /// Answers one question, within `time`.
    pub async fn review(&self, review: &Review, door: Door, time: Duration) -> Answer {
        let told = || {
            let namespace = review.namespace.as_deref().unwrap_or_default();
            vec![
                ("countersign.review.uid", printable(&review.uid)),
                ("countersign.door", door.as_str().to_owned()),
                ("countersign.kind", printable(&review.kind.to_string())),
                ("countersign.dry_run", review.dry_run.to_string()),
                ("k8s.namespace.name", printable(namespace)),
            ]
        };
        let effect = |answer: &Answer| vec![("countersign.effect", answer.effect().to_owned())];
        within("review", told, self.answered(review, door, time), effect).await
    }

    async fn answered(&self, review: &Review, door: Door, time: Duration) -> Answer {
        let begun = Instant::now();
        if door == Door::Mutate {
            let answer = self.pinned(review, begun + time).await;
            self.tell(review, door, &[], &answer, begun.elapsed());
            return answer;
        }
        let (images, answer) = match self.judged(review, begun + time, time).await {
            Ok(Sat { images, left_out }) => {
                let answer = answer(&images, door).warn(left_out);
                (images, answer)
            }
            Err(refusal) => (Vec::new(), refusal.answer(review, door)),
        };
        self.tell(review, door, &images, &answer, begun.elapsed());
        answer
    }

    /// Always an allow, with what is to be written into a Pod. Images stay as they are that have a digest, that policies do not allow, or that nobody can tell
    /// about.
    async fn pinned(&self, review: &Review, deadline: Instant) -> Answer {
        let Some(checker) = self.checker() else {
            return Answer::allow();
        };
        let pins = pins(&checker, self.now(), review, deadline).await;
        Answer::allow().patch(pins.iter().flat_map(Pin::patch))
    }

    fn tell(
        &self,
        review: &Review,
        door: Door,
        images: &[Judged],
        answer: &Answer,
        took: Duration,
    ) {
        if let Some(witness) = &self.witness {
            witness.answered(&Answered {
                review,
                door,
                images,
                answer,
                took,
            });
        }
    }

    async fn judged(
        &self,
        review: &Review,
        deadline: Instant,
        time: Duration,
    ) -> Result<Sat, Refusal> {
        let runs_something = !matches!(review.operation, Operation::Delete | Operation::Connect);
        let Some(checker) = self.checker().filter(|_| runs_something) else {
            return match runs_something {
                true => Err(Refusal::NoPolicies),
                false => Ok(Sat::default()),
            };
        };
        let asked = asked(review, &self.fields).map_err(Refusal::Unreadable)?;
        let trust = checker.policies().trust();
        let (approvals, left_out) = approvals(&self.approvals(), asked.approvals, trust);
        let sitting = Sitting {
            approvals,
            checker: &checker,
            now: self.now(),
            namespace: review.namespace.as_deref(),
            is_owned_pod: asked.is_owned_pod,
            deadline,
            time,
        };
        Ok(Sat {
            images: sitting.judge(&asked.fields).await,
            left_out,
        })
    }
}

/// What came of a question whose images were judged.
#[derive(Default)]
struct Sat {
    images: Vec<Judged>,
    /// Approvals that were not looked at, and why.
    left_out: Option<String>,
}

/// Why no image was judged.
enum Refusal {
    Unreadable(Unreadable),
    NoPolicies,
}

impl Refusal {
    fn answer(&self, review: &Review, door: Door) -> Answer {
        let kind = printable(&review.kind.to_string());
        let (effect, message) = match self {
            Self::Unreadable(error) => (
                "deny",
                format!("countersign cannot tell which images this {kind} would run: {error}"),
            ),
            Self::NoPolicies => (
                "unknown",
                "countersign has no policies yet, so that it cannot tell whether anything may run; its log says what is wrong with them; try again later".to_owned(),
            ),
        };
        refused(door, effect, &message)
    }
}

/// The answer to a question of which no image was looked at: `deny` or `unknown` with this message, and at the audit door a warning.
pub(crate) fn refused(door: Door, effect: &str, message: &str) -> Answer {
    let answer = match (door, effect) {
        (Door::Enforce, "deny") => Answer::deny(message),
        (Door::Enforce, _) => Answer::unknown(message),
        (Door::Audit, _) => Answer::allow().warn([message.to_owned()]),
        (Door::Mutate, _) => return Answer::allow(),
    };
    answer
        .annotate("effect", effect.to_owned())
        .annotate("message", message.to_owned())
}
