//! Credentials: who gets them, and who does not.

use countersign::{DockerConfig, HttpRegistry};
use countersign_core::{GapClass, Needs, ReasonCode};
use countersign_testkit::registry::{Fault, Registry, Request};

use crate::{BUNDLE, check, client, gaps, image, on_this_machine};

const USER: &str = "robot";
const PASSWORD: &str = "hunter2:with:colons";

fn config(host: &str, password: &str) -> DockerConfig {
    let text =
        format!(r#"{{"auths": {{"{host}": {{"username": "{USER}", "password": "{password}"}}}}}}"#);
    DockerConfig::from_bytes(text.as_bytes()).unwrap()
}

fn known(registry: &Registry) -> HttpRegistry {
    client(registry).credentials(config(&registry.host(), PASSWORD))
}

fn signed(registry: &Registry, repo: &str) -> String {
    let digest = registry.push_image(repo, "v1");
    registry.attach_bundle(repo, &digest, BUNDLE);
    digest
}

fn authorizations(registry: &Registry) -> Vec<Request> {
    registry
        .requests()
        .into_iter()
        .filter(|request| request.header("authorization").is_some())
        .collect()
}

#[tokio::test]
async fn basic_and_bearer_registries_are_read() {
    for builder in [
        Registry::builder().basic(USER, PASSWORD),
        Registry::builder().bearer(USER, PASSWORD),
        Registry::builder().bearer(USER, PASSWORD).tls(),
        Registry::builder().anonymous_bearer(),
    ] {
        let registry = builder.start();
        signed(&registry, "acme/app");
        let image = image(&registry, "acme/app:v1");
        let evidence = check(&known(&registry), &image, Needs::ALL).await.unwrap();
        assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
        assert_eq!(evidence.items.len(), 1);
        let refused = registry
            .requests()
            .iter()
            .filter(|request| {
                request.header("authorization").is_none() && !request.path.starts_with("/token")
            })
            .count();
        assert_eq!(refused, 1, "only the first request goes without");
    }
}

#[tokio::test]
async fn a_token_is_asked_once_for_each_repository_with_our_scope() {
    let registry = Registry::builder().bearer(USER, PASSWORD).start();
    let client = known(&registry);
    registry.fault(
        |request| {
            !request.path.starts_with("/token") && request.header("authorization").is_none()
        },
        Fault::Header(
            "www-authenticate",
            format!(
                r#"Bearer realm="{}/token?scope=repository:evil:push",service="s",scope="repository:evil:push,pull""#,
                registry.url()
            ),
        ),
    );
    for repo in ["acme/one", "acme/two"] {
        signed(&registry, repo);
        for _ in 0..2 {
            let image = image(&registry, &format!("{repo}:v1"));
            let evidence = check(&client, &image, Needs::ALL).await.unwrap();
            assert_eq!(evidence.items.len(), 1);
        }
    }
    let tokens: Vec<_> = registry
        .requests()
        .into_iter()
        .filter(|request| request.path.starts_with("/token"))
        .map(|request| request.path)
        .collect();
    assert_eq!(
        tokens,
        [
            "/token?service=s&scope=repository%3Aacme%2Fone%3Apull",
            "/token?service=s&scope=repository%3Aacme%2Ftwo%3Apull"
        ]
    );
}

#[tokio::test]
async fn a_wrong_password_is_a_denial_that_tells_what_was_tried() {
    for builder in [
        Registry::builder().basic(USER, PASSWORD),
        Registry::builder().bearer(USER, PASSWORD),
    ] {
        let registry = builder.start();
        signed(&registry, "app");
        let image = image(&registry, "app:v1");
        let host = registry.host();
        let wrong = client(&registry).credentials(config(&host, "hunter3"));
        let gap = check(&wrong, &image, Needs::ALL).await.unwrap_err();
        assert_eq!(gap.class, GapClass::Unavailable);
        assert_eq!(gap.code, ReasonCode::RegistryDenied);
        assert!(
            gap.cause.contains(&format!("docker config's `{host}`")),
            "{}",
            gap.cause
        );
        assert!(!format!("{gap:?}").contains("hunter3"));
        let gap = check(&client(&registry), &image, Needs::ALL)
            .await
            .unwrap_err();
        assert_eq!(gap.code, ReasonCode::RegistryDenied);
        assert!(gap.cause.contains("no credential"), "{}", gap.cause);
    }
}

#[tokio::test]
async fn a_redirect_to_another_host_goes_without_the_credential() {
    for builder in [
        Registry::builder().basic(USER, PASSWORD),
        Registry::builder().bearer(USER, PASSWORD),
    ] {
        let registry = builder.start();
        let store = Registry::start();
        signed(&registry, "app");
        signed(&store, "app");
        registry.fault(
            |request| request.path.contains("/blobs/"),
            Fault::RedirectTo(store.url()),
        );
        let image = image(&registry, "app:v1");
        let client = known(&registry).registries(on_this_machine(&[&store]));
        let evidence = check(&client, &image, Needs::ALL).await.unwrap();
        assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
        assert_eq!(evidence.items.len(), 1, "the store serves the blob");
        assert_eq!(store.requests().len(), 1);
        assert!(authorizations(&store).is_empty(), "{:?}", store.requests());
        assert!(!authorizations(&registry).is_empty());
    }
}

#[tokio::test]
async fn another_host_that_wants_a_password_does_not_get_it() {
    let registry = Registry::builder().basic(USER, PASSWORD).start();
    let thief = Registry::builder().basic(USER, PASSWORD).start();
    signed(&registry, "app");
    signed(&thief, "app");
    registry.fault(
        |request| request.path.contains("/blobs/"),
        Fault::RedirectTo(thief.url()),
    );
    let image = image(&registry, "app:v1");
    let client = known(&registry).registries(on_this_machine(&[&thief]));
    let evidence = check(&client, &image, Needs::ALL).await.unwrap();
    assert!(evidence.items.is_empty());
    assert_eq!(evidence.gaps[0].code, ReasonCode::RegistryDenied);
    let cause = &evidence.gaps[0].cause;
    assert!(
        cause.contains(&thief.host()) && cause.contains("redirected"),
        "{cause}"
    );
    assert!(authorizations(&thief).is_empty(), "{:?}", thief.requests());
}

#[tokio::test]
async fn a_redirect_out_of_tls_is_refused() {
    let registry = Registry::builder().tls().start();
    let plain = Registry::start();
    signed(&registry, "app");
    signed(&plain, "app");
    registry.fault(
        |request| request.path.contains("/blobs/"),
        Fault::RedirectTo(plain.url()),
    );
    let image = image(&registry, "app:v1");
    let client = client(&registry).registries(on_this_machine(&[&plain]));
    let evidence = check(&client, &image, Needs::ALL).await.unwrap();
    assert_eq!(evidence.gaps[0].code, ReasonCode::RegistryHostile);
    assert_eq!(evidence.gaps[0].class, GapClass::Hostile);
    assert!(evidence.gaps[0].cause.contains("https to http"));
    assert!(plain.requests().is_empty());
}

#[tokio::test]
async fn a_realm_without_tls_gets_nothing_from_a_registry_with_it() {
    let thief = Registry::builder().bearer(USER, PASSWORD).start();
    let registry = Registry::builder()
        .tls()
        .bearer(USER, PASSWORD)
        .token_realm(&format!("{}/token", thief.url()))
        .start();
    signed(&registry, "app");
    let client = known(&registry).registries(on_this_machine(&[&thief]));
    let gap = check(&client, &image(&registry, "app:v1"), Needs::ALL)
        .await
        .unwrap_err();
    assert_eq!(gap.class, GapClass::Hostile);
    assert!(gap.cause.contains("realm"), "{}", gap.cause);
    assert!(thief.requests().is_empty());
}

#[tokio::test]
async fn a_token_service_elsewhere_gets_the_credential_and_the_registry_the_token() {
    let service = Registry::builder().bearer(USER, PASSWORD).start();
    let registry = Registry::builder()
        .bearer("nobody", "else")
        .token_realm(&format!("{}/token", service.url()))
        .start();
    signed(&registry, "app");
    let image = image(&registry, "app:v1");
    let client = known(&registry).registries(on_this_machine(&[&service]));
    let evidence = check(&client, &image, Needs::ALL).await.unwrap();
    assert_eq!(evidence.items.len(), 1);
    assert_eq!(authorizations(&service).len(), 1);
    assert!(authorizations(&registry).iter().all(|request| {
        request
            .header("authorization")
            .unwrap()
            .starts_with("Bearer ")
    }));
}

#[tokio::test]
async fn a_token_with_a_line_break_is_refused_and_never_sent() {
    for token in ["abc\r\nx-evil: 1", "abc\ndef", "a b", "\u{0}", ""] {
        let registry = Registry::builder().anonymous_bearer().start();
        signed(&registry, "app");
        registry.fault(
            |request| request.path.starts_with("/token"),
            Fault::token(token),
        );
        let outcome = check(&client(&registry), &image(&registry, "app:v1"), Needs::ALL).await;
        let gaps = gaps(outcome);
        assert_eq!(gaps.len(), 1, "{token:?}");
        assert_eq!(gaps[0].class, GapClass::Hostile, "{token:?}: {gaps:?}");
        assert_eq!(gaps[0].code, ReasonCode::RegistryProtocol, "{token:?}");
        assert!(authorizations(&registry).is_empty(), "{token:?}");
    }
}

#[tokio::test]
async fn cve_2026_49478_a_token_service_that_redirects_or_fails_is_no_login() {
    for (fault, class, code) in [
        (
            Fault::RedirectTo("http://127.0.0.1:9".to_owned()),
            GapClass::Hostile,
            ReasonCode::RegistryHostile,
        ),
        (
            Fault::Status(503),
            GapClass::Unavailable,
            ReasonCode::RegistryUnavailable,
        ),
        (
            Fault::RetryAfter(429, "60".to_owned()),
            GapClass::Unavailable,
            ReasonCode::RegistryRateLimited,
        ),
        (
            Fault::Silence,
            GapClass::Unavailable,
            ReasonCode::RegistryTimeout,
        ),
        (
            Fault::Huge {
                bytes: 1 << 30,
                declared: false,
            },
            GapClass::Hostile,
            ReasonCode::RegistryHostile,
        ),
        (
            Fault::Status(404),
            GapClass::Hostile,
            ReasonCode::RegistryProtocol,
        ),
    ] {
        let registry = Registry::builder().bearer(USER, PASSWORD).start();
        signed(&registry, "app");
        registry.fault(|request| request.path.starts_with("/token"), fault.clone());
        let gap = check(&known(&registry), &image(&registry, "app:v1"), Needs::ALL)
            .await
            .unwrap_err();
        assert_eq!((gap.class, gap.code), (class, code), "{fault:?}: {gap:?}");
    }
}

#[tokio::test]
async fn an_unknown_ca_is_a_tls_gap() {
    let registry = Registry::builder().tls().start();
    signed(&registry, "app");
    let stranger = Registry::builder().tls().start();
    let client = HttpRegistry::new()
        .allow_typed(registry.host())
        .ca_file(stranger.ca_pem().unwrap().as_bytes())
        .unwrap();
    let gap = check(&client, &image(&registry, "app:v1"), Needs::ALL)
        .await
        .unwrap_err();
    assert_eq!(gap.code, ReasonCode::RegistryTls, "{gap:?}");
    assert_eq!(gap.class, GapClass::Unavailable);
    assert!(HttpRegistry::new().ca_file(b"no certificate").is_err());
}

#[tokio::test]
async fn plain_http_is_for_the_named_host_only() {
    let registry = Registry::start();
    signed(&registry, "app");
    let client = HttpRegistry::new()
        .plain_http("other.example")
        .allow_typed(registry.host())
        .retries(0, std::time::Duration::ZERO);
    let gap = check(&client, &image(&registry, "app:v1"), Needs::ALL)
        .await
        .unwrap_err();
    assert_eq!(gap.code, ReasonCode::RegistryTls, "{gap:?}");
    assert!(registry.requests().is_empty());
}
