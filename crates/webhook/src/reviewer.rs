//! From a question to its answer.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use countersign::{Checker, Keyring};
use countersign_core::{Decision, ImageFields, Outline, PodPulls, PolicySet, UnixTime, printable};
use tokio::time::Instant;

use crate::answering::answer;
use crate::emergency::{Common, approvals};
use crate::events;
use crate::images::{Unreadable, asked, is_pod, outline, pulls};
use crate::kubernetes::Tenants;
use crate::pin::{Pin, pins};
use crate::placing::{Aside, Surroundings};
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
    outline: Outline,
    clock: fn() -> SystemTime,
    witness: Option<Arc<dyn Witness>>,
    /// Approvals for an emergency that every object has; their keys are those of the policies in force.
    approvals: RwLock<Arc<Common>>,
    tenants: Option<Arc<Tenants>>,
    /// Whether only an API server that shows who it is can ask.
    knows_who_asks: bool,
}

type Fresh = Box<dyn FnOnce(PolicySet) -> Checker + Send + Sync>;

enum State {
    /// No policies yet: nobody can tell anything. What makes the checker of the first set, and the credentials that it is to have.
    Waiting(Option<Fresh>, Option<Keyring>),
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
    /// What Kubernetes told, or did not, of the place where it is to run.
    pub aside: Aside,
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
        Self::with(State::Waiting(Some(Box::new(fresh)), None), fields)
    }

    fn with(state: State, fields: ImageFields) -> Self {
        Self {
            state: RwLock::new(state),
            outline: events::LOOKED_AT
                .into_iter()
                .fold(outline(&fields), Outline::with),
            fields,
            clock: SystemTime::now,
            witness: None,
            approvals: RwLock::default(),
            tenants: None,
            knows_who_asks: false,
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

    /// What of the objects of a question has to be read for it ([`Review::from_json`]).
    #[must_use]
    pub const fn outline(&self) -> &Outline {
        &self.outline
    }

    /// Asks about namespaces.
    #[must_use]
    pub(crate) fn tenants(mut self, tenants: Option<Tenants>) -> Self {
        self.tenants = tenants.map(Arc::new);
        self
    }

    /// Tells everything to whoever asks, for only an API server that has shown who it is can: without that, what comes of a namespace's Secrets is told as reason
    /// code and rule alone, since any Pod could ask.
    #[must_use]
    pub(crate) const fn knows_who_asks(mut self, knows: bool) -> Self {
        self.knows_who_asks = knows;
        self
    }

    /// Reads registries with other credentials of this webhook's own.
    pub(crate) fn replace_credentials(&self, credentials: Keyring) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            State::InForce(checker) => *checker = Arc::new(checker.with_credentials(credentials)),
            State::Waiting(_, waiting) => *waiting = Some(credentials),
        }
    }

    /// Puts other policies in force, at once and whole. What was fetched and proven stays known.
    pub fn replace_policies(&self, policies: PolicySet) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let checker = match &mut *state {
            State::InForce(checker) => checker.with_policies(policies),
            State::Waiting(fresh, credentials) => match (fresh.take(), credentials.take()) {
                (Some(fresh), None) => fresh(policies),
                (Some(fresh), Some(credentials)) => fresh(policies).with_credentials(credentials),
                // It was taken by a call that panicked before there was a checker.
                (None, _) => return,
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
            State::Waiting(..) => None,
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
                let uid = review.uid.as_str();
                let terse = (!self.knows_who_asks).then_some(uid);
                let answer = answer(&images, door, terse).warn(left_out);
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
        // What a tag means in a repository that only a Secret opens is for nobody to know who does not show who it is.
        let pulls = match self.knows_who_asks {
            true => self.pulls(review).unwrap_or_default(),
            false => Vec::new(),
        };
        let surroundings = self.surroundings(review, &pulls);
        let pins = pins(&checker, self.now(), review, &surroundings, deadline).await;
        Answer::allow().patch(pins.iter().flat_map(Pin::patch))
    }

    /// What the object names for pulling its images, where that is used.
    fn pulls(&self, review: &Review) -> Result<Vec<PodPulls>, Unreadable> {
        match &self.tenants {
            Some(tenants) if tenants.reads_secrets() => pulls(review, &self.fields),
            _ => Ok(Vec::new()),
        }
    }

    fn surroundings<'a>(&'a self, review: &'a Review, pulls: &'a [PodPulls]) -> Surroundings<'a> {
        Surroundings {
            namespace: review.namespace.as_deref(),
            tenants: self.tenants.as_deref(),
            pulls,
            is_pod: is_pod(review),
        }
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
        let pulls = self.pulls(review).map_err(Refusal::Unreadable)?;
        let sitting = Sitting {
            approvals,
            checker: &checker,
            now: self.now(),
            surroundings: self.surroundings(review, &pulls),
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
