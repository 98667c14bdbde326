//! The HTTP registry against a real server in this process, healthy and hostile.
#![allow(clippy::unwrap_used)]

mod access;
mod calls;
mod connections;
mod faults;
mod hostile;
mod network_addresses;
mod network_mirrors;
mod network_tls;
mod patience;
mod platforms;
mod requests;

use std::time::{Duration, Instant};

use countersign::{
    Budget, Checker, HttpRegistry, PolicySet, Reference, Registries, RegistryHost, Repository,
    Source, UnixTime, collect, resolve,
};
use countersign_core::{Evidence, Gap, ImageRef, Limits, Needs, NoFiles};
use countersign_testkit::forge::Key;
use countersign_testkit::policy::KeyedPolicy;
use countersign_testkit::registry::Registry;

/// A bundle is opaque to the registry's client; it is longer than what the faults cut off.
const BUNDLE: &[u8] = br#"{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}"#;

/// When forged evidence is made, and when it is judged.
const SIGNED: i64 = 1_790_000_000;
const NOW: UnixTime = UnixTime::from_seconds(SIGNED + 60);

/// A checker with one policy, which has this rule and one Signer, `key`; `settings` are more fields of Settings. It is patient:
/// what is held back must not count as a stall on a busy machine.
fn checker(registry: &Registry, key: &Key, rule: &str, settings: &str) -> Checker {
    let text = KeyedPolicy::new(&key.public_pem())
        .images("127.0.0.1:*/acme/app")
        .rule("rule", rule)
        .settings(settings)
        .text();
    let name = "policy.yaml".to_owned();
    let loaded = PolicySet::load(&[Source { name, text }], &NoFiles, &[]);
    let said = format!("{:?}", loaded.diagnostics);
    let client = client(registry).timeouts(Duration::from_secs(10), Duration::from_secs(10));
    Checker::new(loaded.policies.expect(&said)).registry(client)
}

/// A client that is not patient, so that tests are quick.
fn client(registry: &Registry) -> HttpRegistry {
    let client = HttpRegistry::new()
        .allow_typed(registry.host())
        .timeouts(Duration::from_secs(2), Duration::from_millis(400))
        .retries(1, Duration::from_millis(1));
    match registry.ca_pem() {
        Some(pem) => client.ca_file(pem.as_bytes()).unwrap(),
        None => client.plain_http(registry.host()),
    }
}

/// Entries that let these be on this machine: whoever is led there may go.
fn on_this_machine(others: &[&Registry]) -> Registries {
    others.iter().fold(Registries::new(), |registries, other| {
        let entry = RegistryHost::new().address("loopback").unwrap();
        let entry = match other.ca_pem() {
            Some(pem) => entry.ca_file(pem.as_bytes()).unwrap(),
            None => entry,
        };
        registries.host(&other.host(), entry).unwrap()
    })
}

fn budget() -> Budget {
    Budget::new(&Limits::default(), Budget::DEFAULT_TIME)
}

fn image(registry: &Registry, rest: &str) -> ImageRef {
    ImageRef::parse(&format!("{}/{rest}", registry.host())).unwrap()
}

/// Resolves an image and collects everything.
async fn check(client: &HttpRegistry, image: &ImageRef, needs: Needs) -> Result<Evidence, Gap> {
    let (repository, budget) = (Repository::of(image), budget());
    let pinned = resolve(client, &repository, &Reference::of(image), &budget).await?;
    Ok(collect(client, &repository, pinned.digest(), needs, &budget).await)
}

/// Everything that could not be told, of an image that could not be resolved too.
fn gaps(outcome: Result<Evidence, Gap>) -> Vec<Gap> {
    match outcome {
        Ok(evidence) => evidence.gaps,
        Err(gap) => vec![gap],
    }
}

/// That something ended soon: well below the budget's thirty seconds.
fn soon(started: Instant) {
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "took {took:?}");
}
