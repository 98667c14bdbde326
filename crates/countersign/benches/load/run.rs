//! One run of all checks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::{Cache, Checker, Decision, HttpRegistry, PolicySet, Source, UnixTime, Verdict};
use countersign_core::{GapClass, NoFiles};
use countersign_testkit::policy::KeyedPolicy;
use tokio::task::JoinSet;

use super::counter::Counter;
use super::peer::{Peer, Stock, Stored};
use super::{AT_ONCE, CHECKS_OF_EACH, IMAGES, NOW, REGISTRIES, ROLLOUT, dice};

/// How long to wait for a connection or the next byte: a tenth of what is usual, so that the run takes a minute.
const STALL: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is wrong with the registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing.
    Sound,
    /// Faults at three, and the fourth is dead: silent first, then gone.
    Faulty,
}

/// What came out of a run.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) took: Duration,
    /// How long each check took, of images at living registries and at the dead one.
    pub(super) living: Vec<Duration>,
    pub(super) dead: Vec<Duration>,
    /// How many checks of images at living registries could not tell.
    pub(super) unknown: usize,
    /// The same, by image.
    pub(super) unknown_of: HashMap<String, u64>,
    /// Why they could not, by reason code and how often.
    pub(super) causes: HashMap<&'static str, usize>,
    /// What the client and the cache counted.
    pub(super) counts: BTreeMap<String, u64>,
    /// What must not be.
    pub(super) wrong: Vec<String>,
}

/// Checks every image ten times, 64 checks at a time, those of some images together and in no order.
pub(super) async fn run(phase: Phase, peer: &Peer, stock: &Arc<Stock>) -> Outcome {
    let counter = Arc::new(Counter::default());
    let checker = Arc::new(checker(stock, &counter));
    let mut outcome = Outcome::default();
    peer.ask(match phase {
        Phase::Sound => "sound",
        Phase::Faulty => "faults 1",
    });
    if phase == Phase::Faulty {
        peer.ask("silence");
    }
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for (position, index) in order().enumerate() {
        if phase == Phase::Faulty && position == IMAGES * CHECKS_OF_EACH / 2 {
            while let Some(done) = running.join_next().await {
                outcome.add(phase, stock, &done.unwrap());
            }
            peer.ask("close");
        }
        if running.len() == AT_ONCE
            && let Some(done) = running.join_next().await
        {
            outcome.add(phase, stock, &done.unwrap());
        }
        running.spawn(check(Arc::clone(&checker), Arc::clone(stock), index));
    }
    while let Some(done) = running.join_next().await {
        outcome.add(phase, stock, &done.unwrap());
    }
    outcome.took = begun.elapsed();
    outcome.counts = counter.counts();
    outcome
}

/// One check that has ended.
struct Done {
    index: usize,
    took: Duration,
    effect: Verdict,
    /// Class, code and cause of each gap.
    gaps: Vec<(GapClass, &'static str, String)>,
}

async fn check(checker: Arc<Checker>, stock: Arc<Stock>, index: usize) -> Done {
    let begun = Instant::now();
    let now = UnixTime::from_seconds(NOW + 60);
    let decision: Decision = checker.check(&stock.images[index].image, now).await;
    let gaps = decision.gaps().iter();
    Done {
        index,
        took: begun.elapsed(),
        effect: decision.effect(),
        gaps: gaps
            .map(|gap| (gap.class, gap.code.as_str(), gap.cause.clone()))
            .collect(),
    }
}

impl Outcome {
    fn add(&mut self, phase: Phase, stock: &Stock, done: &Done) {
        let stored = &stock.images[done.index];
        let dead = phase == Phase::Faulty && stored.registry == REGISTRIES - 1;
        let times = if dead {
            &mut self.dead
        } else {
            &mut self.living
        };
        times.push(done.took);
        if done.effect == Verdict::Unknown && !dead {
            self.unknown += 1;
            *self.unknown_of.entry(stored.name.clone()).or_default() += 1;
            for (_, code, _) in &done.gaps {
                *self.causes.entry(code).or_default() += 1;
            }
        }
        if !is_right(phase, dead, stored, done) && self.wrong.len() < 20 {
            self.wrong.push(format!(
                "{} ({}): {:?}, gaps {:?}",
                stored.name, stored.kind, done.effect, done.gaps
            ));
        }
    }
}

/// The truth; or *unknown* where registries are faulty, because something was unavailable, and nothing was hostile. Of the
/// dead registry nobody knows anything.
fn is_right(phase: Phase, dead: bool, stored: &Stored, done: &Done) -> bool {
    let excused =
        !done.gaps.is_empty() && done.gaps.iter().all(|gap| gap.0 == GapClass::Unavailable);
    match (phase, done.effect) {
        (Phase::Faulty, Verdict::Unknown) => excused,
        (_, effect) => effect == stored.truth() && !dead,
    }
}

/// The indices of the images: fifty by fifty, and each of the fifty ten times in an order that is the same in every run.
fn order() -> impl Iterator<Item = usize> {
    (0..IMAGES).step_by(ROLLOUT).flat_map(|first| {
        let mut some: Vec<_> = (first..first + ROLLOUT)
            .flat_map(|index| std::iter::repeat_n(index, CHECKS_OF_EACH))
            .collect();
        for place in (1..some.len()).rev() {
            let place_number = u64::try_from(place).unwrap();
            let seed = u64::try_from(first).unwrap();
            let other = usize::try_from(dice(seed, place_number) % (place_number + 1)).unwrap();
            some.swap(place, other);
        }
        some
    })
}

fn checker(stock: &Stock, counter: &Arc<Counter>) -> Checker {
    let client = HttpRegistry::new().observer(Arc::<Counter>::clone(counter));
    let registry = stock
        .hosts
        .iter()
        .fold(client, |client, host| client.plain_http(host));
    let cache = Cache::default().observer(Arc::<Counter>::clone(counter));
    Checker::new(policies(&stock.key))
        .registry(registry.timeouts(STALL, STALL))
        .cache(cache)
        .timeout(TIMEOUT)
}

fn policies(key: &str) -> PolicySet {
    let text = KeyedPolicy::new(key).images("127.0.0.1:*/acme/*").text();
    let name = "policy.yaml".to_owned();
    let loaded = PolicySet::load(&[Source { name, text }], &NoFiles, &[]);
    loaded.policies.unwrap()
}
