//! Slow, limited and dead registries: who waits, who does not, and who stops asking.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use countersign::{
    Budget, DockerConfig, HttpRegistry, Reference, Registry as _, RegistryError, Repository,
};
use countersign_core::{ImageRef, Limits, ReasonCode};
use countersign_testkit::registry::{Fault, Registry};
use futures_util::future::join_all;

use crate::{budget, client};

async fn read_with(
    client: &HttpRegistry,
    host: &str,
    tag: &str,
    budget: &Budget,
) -> Result<bool, RegistryError> {
    let image = ImageRef::parse(&format!("{host}/app:{tag}")).unwrap();
    let (repository, reference) = (Repository::of(&image), Reference::of(&image));
    let fetched = client
        .manifest(&repository, &reference, 1 << 20, budget)
        .await?;
    Ok(fetched.is_some())
}

async fn read(client: &HttpRegistry, registry: &Registry) -> Result<bool, RegistryError> {
    read_with(client, &registry.host(), "v1", &budget()).await
}

fn started() -> Registry {
    let registry = Registry::start();
    registry.push_image("app", "v1");
    registry
}

fn once(registry: &Registry) -> HttpRegistry {
    client(registry).retries(0, Duration::ZERO)
}

#[tokio::test]
async fn a_black_hole_is_waited_for_by_its_own_callers_only() {
    let registry = started();
    // It accepts, by its backlog, and never answers.
    let hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = hole.local_addr().unwrap().to_string();
    let client = client(&registry).plain_http(dead.clone());
    let second = Budget::new(&Limits::default(), Duration::from_secs(1));
    let waiting = join_all((0..50).map(|_| read_with(&client, &dead, "v1", &second)));
    let quick = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let started = Instant::now();
        for _ in 0..5 {
            assert!(read(&client, &registry).await.unwrap());
        }
        assert!(started.elapsed() < Duration::from_millis(900));
    };
    let (waited, ()) = tokio::join!(waiting, quick);
    assert!(
        waited.iter().all(|it| it
            .as_ref()
            .is_err_and(|error| error.code() == ReasonCode::RegistryTimeout)),
        "{waited:?}"
    );
}

#[tokio::test]
async fn one_host_gets_sixteen_requests_at_once() {
    let registry = started();
    registry.fault(|_| true, Fault::Silence);
    let client = once(&registry);
    let all = join_all((0..40).map(|_| read(&client, &registry)));
    let counted = async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        registry.requests().len()
    };
    tokio::select! {
        _ = all => panic!("they are not answered"),
        asked = counted => assert_eq!(asked, 16),
    }
}

#[tokio::test]
async fn who_waits_behind_those_that_fail_does_not_ask_any_more() {
    let registry = started();
    registry.fault(|_| true, Fault::Silence);
    let client = once(&registry);
    let all = join_all((0..60).map(|_| read(&client, &registry))).await;
    assert!(all.iter().all(|it| {
        it.as_ref()
            .is_err_and(|error| error.code() == ReasonCode::RegistryTimeout)
    }));
    // Those at the gate when the first failed, and those who took the first free places; not one after the other.
    let asked = registry.requests().len();
    assert!(asked <= 20, "{asked}");
}

#[tokio::test]
async fn a_limit_that_ends_within_the_deadline_is_waited_for() {
    let registry = started();
    registry.fault_times(1, |_| true, Fault::RetryAfter(429, "1".to_owned()));
    let client = client(&registry);
    let started = Instant::now();
    let (one, other) = tokio::join!(read(&client, &registry), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        // Whoever comes meanwhile does not ask either, until the registry wants to be asked.
        read(&client, &registry).await
    });
    assert!(one.unwrap() && other.unwrap());
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(registry.requests().len(), 3);
}

#[tokio::test]
async fn a_limit_beyond_the_deadline_ends_it_at_once_and_for_everybody() {
    let registry = started();
    registry.fault(|_| true, Fault::RetryAfter(429, "60".to_owned()));
    let client = client(&registry);
    let started = Instant::now();
    for _ in 0..5 {
        let error = read(&client, &registry).await.unwrap_err();
        assert_eq!(error.code(), ReasonCode::RegistryRateLimited, "{error}");
        assert!(error.to_string().contains("429"), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(registry.requests().len(), 1);
}

#[tokio::test]
async fn a_registry_that_fails_is_left_alone_and_asked_again() {
    let registry = started();
    registry.fault(|_| true, Fault::Status(503));
    let client = once(&registry);
    for _ in 0..3 {
        let error = read(&client, &registry).await.unwrap_err();
        assert!(matches!(error, RegistryError::Failed { .. }), "{error}");
    }
    for _ in 0..5 {
        let error = read(&client, &registry).await.unwrap_err();
        assert!(matches!(error, RegistryError::BackedOff { .. }), "{error}");
        assert_eq!(error.code(), ReasonCode::RegistryUnavailable);
        assert!(error.to_string().contains("status 503"), "{error}");
    }
    assert_eq!(registry.requests().len(), 3);
    registry.heal();
    tokio::time::sleep(Duration::from_millis(1050)).await;
    for _ in 0..3 {
        assert!(read(&client, &registry).await.unwrap());
    }
}

#[tokio::test]
async fn one_credential_that_fails_is_not_anothers_failure() {
    let registry = started();
    registry.fault(|_| true, Fault::Status(503));
    let client = once(&registry);
    for _ in 0..4 {
        read(&client, &registry).await.unwrap_err();
    }
    registry.heal();
    let text = format!(
        r#"{{"auths": {{"{}": {{"username": "u", "password": "p"}}}}}}"#,
        registry.host()
    );
    let config = DockerConfig::from_bytes(text.as_bytes()).unwrap();
    let other = client.with_credentials(config);
    assert!(read(&other, &registry).await.unwrap());
    let error = read(&client, &registry).await.unwrap_err();
    assert!(matches!(error, RegistryError::BackedOff { .. }), "{error}");
}

#[tokio::test]
async fn refusals_and_absences_are_answers() {
    for status in [401, 403, 404] {
        let registry = started();
        registry.fault(|_| true, Fault::Status(status));
        let client = once(&registry);
        for _ in 0..6 {
            let outcome = read(&client, &registry).await;
            assert!(!matches!(outcome, Err(RegistryError::BackedOff { .. })));
        }
        assert_eq!(registry.requests().len(), 6, "{status}");
    }
}

#[tokio::test]
async fn a_check_that_is_dropped_closes_its_connection() {
    let registry = started();
    registry.fault(|_| true, Fault::Silence);
    let client = once(&registry);
    tokio::select! {
        outcome = read(&client, &registry) => panic!("{outcome:?}"),
        () = async {
            while registry.requests().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        } => {}
    }
    let started = Instant::now();
    while registry.open_connections() > 0 {
        assert!(started.elapsed() < Duration::from_secs(5), "still open");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
