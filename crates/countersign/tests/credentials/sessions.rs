//! Several candidates for one repository: shown in their order, each to its own host.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::{
    Call, CallBody, DockerConfig, Keyring, Method, Registry as _, RegistryError, Scope, Target,
};
use countersign_testkit::registry::{Fault, Registry};

use crate::{
    PASSWORD, USER, authorizations, budget, client, config, read, repository, secret, tried,
};

fn registries() -> [Registry; 2] {
    [
        Registry::builder().basic(USER, PASSWORD).start(),
        Registry::builder().bearer(USER, PASSWORD).start(),
    ]
}

#[tokio::test]
async fn the_right_candidate_is_found_second_and_remembered() {
    for registry in registries() {
        registry.push_image("acme/app", "v1");
        let host = registry.host();
        let path = format!("{host}/acme");
        for keyring in [
            Keyring::from(secret(&[
                (&path, "wrong", "wrong"),
                (&host, USER, PASSWORD),
            ])),
            Keyring::from(config(&host, "wrong", "wrong")).and(config(&host, USER, PASSWORD)),
        ] {
            let client = client(&registry, keyring);
            assert!(
                read(&client, &registry, "acme/app")
                    .await
                    .unwrap()
                    .is_some()
            );
            registry.clear_requests();
            assert!(
                read(&client, &registry, "acme/app")
                    .await
                    .unwrap()
                    .is_some()
            );
            assert_eq!(registry.requests().len(), 1, "{:?}", registry.requests());
        }
    }
}

/// Whoever writes goes through the same candidates.
#[tokio::test]
async fn any_request_finds_the_right_candidate() {
    let registry = Registry::builder().basic(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let host = registry.host();
    let get = || Call {
        method: Method::Get,
        target: Target::Path("manifests/v1".to_owned()),
        scope: Scope::PullPush,
        headers: vec![("accept", "*/*".to_owned())],
        body: CallBody::Bytes(b"sent again".to_vec()),
    };
    let place = repository(&registry, "app");
    let wrong = || Keyring::from(config(&host, "wrong", "wrong"));
    let both = client(&registry, wrong().and(config(&host, USER, PASSWORD)));
    let called = both.call(&place, get(), &budget()).await.unwrap();
    assert_eq!(called.status, 200);
    let denied = client(&registry, wrong());
    let error = denied.call(&place, get(), &budget()).await.unwrap_err();
    assert!(matches!(error, RegistryError::Denied { status: 401, .. }));
}

#[tokio::test]
async fn a_denial_lists_all_that_was_tried_and_begins_anew() {
    for registry in registries() {
        registry.push_image("acme/app", "v1");
        let host = registry.host();
        let path = format!("{host}/acme");
        let keyring = Keyring::from(secret(&[(&path, "one", "wrong"), (&host, "two", "wrong")]))
            .and(config(&host, "three", "wrong"));
        let client = client(&registry, keyring);
        let mut lengths = Vec::new();
        for _ in 0..2 {
            registry.clear_requests();
            let (status, tried) = tried(&client, &registry, "acme/app").await;
            assert_eq!(status, 401);
            for part in [
                &format!("the user name and password of the pull secret ns/pull's `{path}`"),
                &format!("the user name and password of the pull secret ns/pull's `{host}`"),
                &format!("the user name and password of the docker config's `{host}`"),
            ] {
                assert!(tried.contains(part.as_str()), "{part} is not in: {tried}");
            }
            assert!(!tried.contains("wrong"), "{tried}");
            lengths.push(authorizations(&registry).len());
        }
        assert_eq!(lengths, [3, 3], "each was shown each time");
    }
}

#[tokio::test]
async fn a_candidate_that_may_not_read_is_followed_by_the_next() {
    let registry = Registry::builder().bearer(USER, PASSWORD).start();
    registry.push_image("acme/app", "v1");
    let (host, path) = (registry.host(), format!("{}/acme", registry.host()));
    let keyring = secret(&[(&path, USER, PASSWORD), (&host, USER, PASSWORD)]);
    let client = client(&registry, keyring);
    // The first token is good, and does not suffice.
    registry.fault_times(
        1,
        |request| !request.path.starts_with("/token") && request.header("authorization").is_some(),
        Fault::Status(403),
    );
    assert!(
        read(&client, &registry, "acme/app")
            .await
            .unwrap()
            .is_some()
    );
    registry.fault(
        |request| !request.path.starts_with("/token"),
        Fault::Status(403),
    );
    let (status, tried) = tried(&client, &registry, "acme/app").await;
    assert_eq!(status, 403);
    assert!(
        tried.contains(&path) && tried.contains(&format!("`{host}`")),
        "{tried}"
    );
}

#[tokio::test]
async fn one_refused_question_does_not_end_the_session() {
    let registry = Registry::builder().bearer(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let client = client(&registry, config(&registry.host(), USER, PASSWORD));
    read(&client, &registry, "app").await.unwrap();
    registry.fault_times(
        1,
        |request| request.path.contains("/manifests/"),
        Fault::Status(403),
    );
    assert_eq!(tried(&client, &registry, "app").await.0, 403);
    registry.clear_requests();
    read(&client, &registry, "app").await.unwrap();
    assert_eq!(registry.requests().len(), 1, "{:?}", registry.requests());
}

#[tokio::test]
async fn a_token_that_ends_early_is_renewed_once_by_the_same_candidate() {
    let registry = Registry::builder().bearer(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let host = registry.host();
    let keyring = Keyring::from(config(&host, USER, PASSWORD)).and(config(&host, "two", "wrong"));
    let client = client(&registry, keyring);
    // More often than there may be candidates: a renewal is not a new one.
    for _ in 0..15 {
        read(&client, &registry, "app").await.unwrap();
        registry.fault_times(
            1,
            |request| {
                !request.path.starts_with("/token") && request.header("authorization").is_some()
            },
            Fault::Status(401),
        );
        registry.fault_times(
            1,
            |request| {
                !request.path.starts_with("/token") && request.header("authorization").is_some()
            },
            challenge(&registry),
        );
        registry.clear_requests();
        read(&client, &registry, "app").await.unwrap();
        let paths: Vec<_> = registry
            .requests()
            .into_iter()
            .map(|request| request.path.split('?').next().unwrap().to_owned())
            .collect();
        assert_eq!(
            paths,
            ["/v2/app/manifests/v1", "/token", "/v2/app/manifests/v1"]
        );
    }
}

fn challenge(registry: &Registry) -> Fault {
    let realm = format!(
        r#"Bearer realm="{}/token",service="testkit""#,
        registry.url()
    );
    Fault::Header("www-authenticate", realm)
}

/// OAuth 2's refresh token goes in a form, never into a URL, which ends in logs.
#[tokio::test]
async fn an_identity_token_is_posted_and_what_it_gives_is_sent() {
    let registry = Registry::builder().bearer(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let given = format!("testkit.{}", URL_SAFE_NO_PAD.encode("repository:app:pull"));
    registry.fault(
        |request| request.method == "POST" && request.path == "/token",
        Fault::token(&given),
    );
    let text = format!(
        r#"{{"auths": {{"{}": {{"identitytoken": "hunter2"}}}}}}"#,
        registry.host()
    );
    let client = client(
        &registry,
        DockerConfig::from_bytes(text.as_bytes()).unwrap(),
    );
    assert!(read(&client, &registry, "app").await.unwrap().is_some());
    let shown = format!("{:?}", registry.requests());
    assert!(shown.contains(&format!("Bearer {given}")), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn no_candidate_of_another_host_is_shown() {
    for registry in registries() {
        registry.push_image("app", "v1");
        let other = Registry::builder().basic(USER, PASSWORD).start();
        let keyring = Keyring::from(secret(&[
            (&other.host(), USER, PASSWORD),
            ("127.0.0.1", USER, PASSWORD),
            ("*.0.0.1", USER, PASSWORD),
        ]))
        .and(config(&other.host(), USER, PASSWORD));
        let client = client(&registry, keyring);
        let (_, tried) = tried(&client, &registry, "app").await;
        assert!(tried.starts_with("no credential"), "{tried}");
        assert!(authorizations(&registry).is_empty());
        assert!(other.requests().is_empty());
    }
}

#[tokio::test]
async fn a_registry_that_asks_for_nothing_is_shown_nothing() {
    let registry = Registry::start();
    registry.push_image("app", "v1");
    let client = client(&registry, config(&registry.host(), USER, PASSWORD));
    read(&client, &registry, "app").await.unwrap();
    assert!(authorizations(&registry).is_empty());
    // A refusal that asks for nothing gets nothing either.
    registry.fault(|_| true, Fault::Status(403));
    let (status, tried) = tried(&client, &registry, "app").await;
    assert_eq!(
        (status, tried.as_str()),
        (403, "no credential (it asks for none)")
    );
    assert!(authorizations(&registry).is_empty());
}

#[tokio::test]
async fn an_infrastructure_error_does_not_move_on_to_the_next_candidate() {
    let registry = Registry::builder().bearer(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let host = registry.host();
    let keyring = Keyring::from(config(&host, USER, PASSWORD)).and(config(&host, "two", "wrong"));
    let client = client(&registry, keyring);
    registry.fault_times(
        1,
        |request| request.path.starts_with("/token"),
        Fault::Status(503),
    );
    let error = read(&client, &registry, "app").await.unwrap_err();
    assert!(matches!(error, RegistryError::Failed { status: 503, .. }));
    assert_eq!(authorizations(&registry).len(), 1);
    assert!(read(&client, &registry, "app").await.unwrap().is_some());
}

#[tokio::test]
async fn no_more_than_ten_candidates_are_shown() {
    let registry = Registry::builder().basic(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let host = registry.host();
    let keyring = (0..30).fold(Keyring::new(), |keyring, number| {
        keyring.and(config(&host, &format!("user{number}"), "wrong"))
    });
    let client = client(&registry, keyring);
    let (_, tried) = tried(&client, &registry, "app").await;
    assert_eq!(authorizations(&registry).len(), 10);
    assert!(
        tried.ends_with("besides, no more than 10 are tried"),
        "{tried}"
    );
}

#[tokio::test]
async fn many_questions_at_once_end_with_one_token() {
    let registry = Registry::builder().bearer(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let host = registry.host();
    let keyring = Keyring::from(config(&host, "one", "wrong")).and(config(&host, USER, PASSWORD));
    let client = std::sync::Arc::new(
        client(&registry, keyring).timeouts(Duration::from_secs(5), Duration::from_secs(5)),
    );
    let registry = std::sync::Arc::new(registry);
    let reads: Vec<_> = (0..20)
        .map(|_| {
            let (client, registry) = (client.clone(), registry.clone());
            tokio::spawn(async move { read(&client, &registry, "app").await })
        })
        .collect();
    for one in reads {
        assert!(one.await.unwrap().unwrap().is_some());
    }
    let tokens = registry
        .requests()
        .iter()
        .filter(|request| request.path.starts_with("/token"))
        .count();
    assert_eq!(tokens, 2, "one refused, one given");
}

#[tokio::test]
async fn the_access_is_that_of_all_candidates() {
    let registry = Registry::start();
    let (host, place) = (registry.host(), repository(&registry, "app"));
    let access = async |keyring: Keyring| {
        let client = client(&registry, keyring);
        client.access(&place, &budget()).await.unwrap()
    };
    let one = || Keyring::from(config(&host, "one", "1"));
    let two = || Keyring::from(config(&host, "two", "2"));
    let nobody = access(Keyring::new()).await;
    assert_eq!(
        access(Keyring::from(config("other.example", "x", "y"))).await,
        nobody
    );
    let all = [
        nobody,
        access(one()).await,
        access(two()).await,
        access(one().and(two())).await,
        access(two().and(one())).await,
    ];
    for (number, first) in all.iter().enumerate() {
        assert!(!all[number + 1..].contains(first), "{number}");
    }
    assert_eq!(access(one()).await, all[1]);
}
