//! The cache before a real registry in this process: what is asked again, by whom, and what a disk adds.
#![allow(clippy::unwrap_used)]

mod bounds;
mod checks;
mod disk;
mod flights;
mod kill;
mod last_known;
mod memory;
mod tenants;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::{
    Budget, Cache, CacheAnswer, CacheAsked, CacheKind, Cached, HttpRegistry, Observer, Reference,
    Registry as _, Repository, collect, resolve,
};
use countersign_core::{Digest, Evidence, Gap, ImageRef, Limits, Needs};
use countersign_testkit::registry::Registry;

const BUNDLE: &[u8] = br#"{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}"#;

/// A client that asks once and is not patient.
fn client(registry: &Registry) -> HttpRegistry {
    HttpRegistry::new()
        .plain_http(registry.host())
        .timeouts(Duration::from_secs(2), Duration::from_secs(2))
        .retries(0, Duration::ZERO)
}

fn cached(registry: &Registry, cache: &Arc<Cache>) -> Cached<HttpRegistry> {
    Cached::new(Arc::new(client(registry)), Arc::clone(cache))
}

fn budget() -> Budget {
    Budget::new(&Limits::default(), Budget::DEFAULT_TIME)
}

fn repository(registry: &Registry, path: &str) -> Repository {
    Repository::of(&ImageRef::parse(&format!("{}/{path}", registry.host())).unwrap())
}

fn digest(text: &str) -> Digest {
    Digest::parse(text).unwrap()
}

fn tag(tag: &str) -> Reference {
    Reference::Tag(tag.to_owned())
}

/// An image with one bundle; its digest.
fn signed(registry: &Registry, repo: &str) -> String {
    let image = registry.push_image(repo, "v1");
    registry.attach_bundle(repo, &image, BUNDLE);
    image
}

/// Resolves and collects everything.
async fn check<R: countersign::Registry>(
    registry: &R,
    repository: &Repository,
    reference: &Reference,
) -> Result<Evidence, Gap> {
    let budget = budget();
    let image = resolve(registry, repository, reference, &budget).await?;
    Ok(collect(registry, repository, image.digest(), Needs::ALL, &budget).await)
}

/// How often each kind of thing was asked for since the last time, tags by their suffix.
fn asked(registry: &Registry) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for request in registry.requests() {
        let (rest, last) = request.path.rsplit_once('/').unwrap();
        let kind = match last.strip_prefix("sha256-") {
            Some(tag) => tag[64..].to_owned(),
            None if rest.ends_with("/manifests") && !last.starts_with("sha256:") => "tag".into(),
            None => rest.rsplit_once('/').unwrap().1.to_owned(),
        };
        *kinds.entry(kind).or_default() += 1;
    }
    registry.clear_requests();
    kinds
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected
        .iter()
        .map(|(kind, count)| ((*kind).to_owned(), *count))
        .collect()
}

/// Lets time pass for every deadline, and not for the test.
async fn jump(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

/// Counts the answers of a cache.
#[derive(Default)]
struct Counter(Mutex<BTreeMap<(&'static str, &'static str), usize>>);

impl Counter {
    fn of(&self, kind: CacheKind, answer: CacheAnswer) -> usize {
        let counts = self.0.lock().unwrap();
        counts
            .get(&(kind.as_str(), answer.as_str()))
            .copied()
            .unwrap_or(0)
    }
}

impl Observer for Counter {
    fn cache_asked(&self, asked: &CacheAsked) {
        *self
            .0
            .lock()
            .unwrap()
            .entry((asked.kind.as_str(), asked.answer.as_str()))
            .or_default() += 1;
    }
}
