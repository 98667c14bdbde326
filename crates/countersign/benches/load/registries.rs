//! The other side of the load: four registries with a thousand images, in a process of their own, so that what they hold
//! is not counted as the checker's.
//!
//! It talks by lines: each command on standard input is answered by one line of JSON on standard output.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::registry::{Fault, Registry, Request};
use serde_json::{Value, json};

use super::{IMAGES, NOW, REGISTRIES, dice};

/// Of a thousand answers, how many are which fault.
const LIMITED_AT_ONCE: u64 = 25;
const LIMITED_FOR_A_SECOND: u64 = 25;
const FAILED: u64 = 50;
const STALLED: u64 = 5;
const SILENT: u64 = 5;

/// The registries, and what was asked of them.
struct Farm {
    /// The last one dies: then there is nothing in its place.
    registries: Vec<Option<Registry>>,
    /// How many live.
    living: usize,
    asked: Arc<Mutex<HashMap<(usize, String), Asked>>>,
}

/// How often one URL was asked for.
struct Asked {
    times: u64,
    /// How many of them were answered by a fault.
    faulted: u64,
    first: Instant,
    last: Instant,
}

/// Serves until standard input ends.
pub(super) fn serve() {
    let mut farm = Farm::new();
    let images = farm.fill();
    answer(&images);
    for line in std::io::stdin().lines() {
        match line.as_deref().unwrap_or_default() {
            "sound" => farm.arm(None),
            "faults 1" => farm.arm(Some(1)),
            "faults 2" => farm.arm(Some(2)),
            "silence" => farm.silence(),
            "close" => farm.close(),
            "counts" => {
                answer(&farm.counts());
                continue;
            }
            other => panic!("no such command: {other}"),
        }
        answer(&json!("done"));
    }
}

fn answer(value: &Value) {
    println!("{value}");
    std::io::stdout().flush().expect("the parent reads");
}

impl Farm {
    fn new() -> Self {
        let registries = (0..REGISTRIES).map(|_| Some(Registry::start())).collect();
        Self {
            registries,
            living: REGISTRIES,
            asked: Arc::default(),
        }
    }

    /// A thousand images, of which each ten are: six signed by a bundle, two by `.sig`, one by a key that nobody trusts,
    /// one not at all.
    fn fill(&self) -> Value {
        let forge = Forge::new(NOW);
        let trusted = Key::generate(Algorithm::P256);
        let foreign = Key::generate(Algorithm::P256);
        let images: Vec<_> = (0..IMAGES)
            .map(|number| {
                let registry = self.registries[number % REGISTRIES].as_ref();
                let registry = registry.expect("all live at first");
                let repository = format!("acme/app-{number}");
                let digest = registry.push_image(&repository, "v1");
                let bundle = |key| {
                    let bundle = forge.image_signature(&digest).keyed(key).bundle();
                    registry.attach_bundle(&repository, &digest, &bundle);
                };
                // Not by the number itself, which says at which registry the image is.
                let kind = match number / REGISTRIES % 10 {
                    0..6 => {
                        bundle(&trusted);
                        "bundle"
                    }
                    6..8 => {
                        let (payload, annotations) =
                            forge.simple_signing(&digest).keyed(&trusted).sig();
                        registry.attach_sig(&repository, &digest, &payload, &annotations);
                        "legacy"
                    }
                    8 => {
                        bundle(&foreign);
                        "foreign"
                    }
                    _ => "unsigned",
                };
                json!({
                    "registry": number % REGISTRIES, "kind": kind,
                    "name": format!("{}/{repository}@{digest}", registry.host()),
                })
            })
            .collect();
        let hosts: Vec<_> = self
            .registries
            .iter()
            .flatten()
            .map(Registry::host)
            .collect();
        json!({"key": trusted.public_pem(), "hosts": hosts, "images": images})
    }

    /// Forgets what was asked so far; from now on everything is counted, and answers are faulty as the seed has it.
    fn arm(&self, seed: Option<u64>) {
        lock(&self.asked).clear();
        for (index, registry) in self.registries.iter().enumerate() {
            let Some(registry) = registry else { continue };
            registry.clear_requests();
            registry.heal();
            // The registry asks each of these about every request, in this order: the first throws the dice for all.
            let thrown = Arc::new(AtomicU64::new(u64::MAX));
            let (number, asked) = (AtomicU64::new(0), Arc::clone(&self.asked));
            let throw = Arc::clone(&thrown);
            registry.fault(
                move |request: &Request| {
                    let number = number.fetch_add(1, Ordering::Relaxed);
                    let place = u64::try_from(index).unwrap_or_default();
                    let value =
                        seed.map_or(u64::MAX, |seed| dice(seed * 1_000 + place, number) % 1_000);
                    throw.store(value, Ordering::Relaxed);
                    note(&asked, index, request, value < FAULTS_END);
                    false
                },
                Fault::Silence,
            );
            for (range, fault) in faults() {
                let thrown = Arc::clone(&thrown);
                registry.fault(
                    move |_| range.contains(&thrown.load(Ordering::Relaxed)),
                    fault,
                );
            }
        }
    }

    /// The last registry accepts, reads and never answers.
    fn silence(&mut self) {
        self.living = REGISTRIES - 1;
        if let Some(Some(registry)) = self.registries.last() {
            registry.heal();
            let asked = Arc::clone(&self.asked);
            registry.fault(
                move |request: &Request| {
                    note(&asked, REGISTRIES - 1, request, true);
                    true
                },
                Fault::Silence,
            );
        }
    }

    /// The last registry's port is closed.
    fn close(&mut self) {
        self.registries[REGISTRIES - 1] = None;
    }

    /// What was asked of those that live: how often in all, how many faults there were, and every URL that was asked for
    /// more often than its faults and its age in a cache explain.
    fn counts(&self) -> Value {
        let asked = lock(&self.asked);
        let (living, dead): (Vec<_>, Vec<_>) = asked
            .iter()
            .partition(|((index, _), _)| *index < self.living);
        // A fault may end a whole check, and with it what was under way beside: so it excuses any URL of its image.
        let mut faults: HashMap<&str, u64> = HashMap::new();
        for ((_, path), it) in &living {
            *faults.entry(image_of(path)).or_default() += it.faulted;
        }
        let again: Vec<_> = living
            .iter()
            .filter_map(|((_, path), it)| {
                let image = image_of(path);
                let needed = 1 + it.expired(path) + faults[image];
                let more = it.times.checked_sub(needed).filter(|more| *more > 0)?;
                Some(json!({"image": image, "path": path, "times": it.times, "more": more}))
            })
            .collect();
        let mut images: HashMap<&str, u64> = HashMap::new();
        for ((_, path), it) in &living {
            *images.entry(image_of(path)).or_default() += it.times;
        }
        json!({
            "requests": living.iter().map(|(_, it)| it.times).sum::<u64>(),
            "faults": living.iter().map(|(_, it)| it.faulted).sum::<u64>(),
            "urls": living.len(),
            "dead": dead.iter().map(|(_, it)| it.times).sum::<u64>(),
            "again": again,
            "images": images,
        })
    }
}

const FAULTS_END: u64 = LIMITED_AT_ONCE + LIMITED_FOR_A_SECOND + FAILED + STALLED + SILENT;

/// Each fault with the throws that mean it.
fn faults() -> Vec<(std::ops::Range<u64>, Fault)> {
    let kinds = [
        (LIMITED_AT_ONCE, Fault::RetryAfter(429, "0".to_owned())),
        (LIMITED_FOR_A_SECOND, Fault::RetryAfter(429, "1".to_owned())),
        (FAILED, Fault::Status(503)),
        (STALLED, Fault::StallAfter(20)),
        (SILENT, Fault::Silence),
    ];
    let mut start = 0;
    let ranges = kinds.into_iter().map(|(of_thousand, fault)| {
        let range = start..start + of_thousand;
        start = range.end;
        (range, fault)
    });
    ranges.collect()
}

fn note(
    asked: &Mutex<HashMap<(usize, String), Asked>>,
    index: usize,
    request: &Request,
    faulted: bool,
) {
    let now = Instant::now();
    let mut asked = lock(asked);
    let it = asked.entry((index, request.path.clone())).or_insert(Asked {
        times: 0,
        faulted: 0,
        first: now,
        last: now,
    });
    it.times += 1;
    it.faulted += u64::from(faulted);
    it.last = now;
}

impl Asked {
    /// How often a cache may no longer use what it holds, between the first and the last time (`docs/cache.md`).
    fn expired(&self, path: &str) -> u64 {
        let kept = if path.contains("/referrers/") {
            Duration::from_secs(5)
        } else if path.contains("/manifests/sha256-") {
            Duration::from_secs(2)
        } else {
            Duration::from_secs(60)
        };
        let span = self.last.duration_since(self.first);
        u64::try_from(span.as_millis() / kept.as_millis()).unwrap_or(u64::MAX)
    }
}

/// `app-NUMBER` of a path: each image has a repository of its own.
fn image_of(path: &str) -> &str {
    let repository = path.strip_prefix("/v2/acme/").unwrap_or(path);
    repository.split('/').next().unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
