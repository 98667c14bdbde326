//! Certificates and proxies, each for its host.

use std::sync::Arc;

use countersign::{
    HttpRegistry, Proxies, Reference, Registries, Registry as _, RegistryError, RegistryHost,
    Repository,
};
use countersign_core::ReasonCode;
use countersign_testkit::registry::Registry;

use crate::{budget, client, on_this_machine};

async fn read(client: &HttpRegistry, host: &str) -> Result<bool, RegistryError> {
    let image = countersign_core::ImageRef::parse(&format!("{host}/app:v1")).unwrap();
    let fetched = client
        .manifest(
            &Repository::of(&image),
            &Reference::of(&image),
            1 << 20,
            &budget(),
        )
        .await?;
    Ok(fetched.is_some())
}

#[tokio::test]
async fn a_ca_counts_for_its_own_host_only() {
    let (one, other) = (
        Registry::builder().tls().start(),
        Registry::builder().tls().start(),
    );
    one.push_image("app", "v1");
    let entry = || RegistryHost::new().address("loopback").unwrap();
    let registries = on_this_machine(&[&one])
        .host(&other.host(), entry())
        .unwrap();
    let client = HttpRegistry::new().registries(registries);
    assert!(read(&client, &one.host()).await.unwrap());
    other.push_image("app", "v1");
    let both = HttpRegistry::new().registries(on_this_machine(&[&one, &other]));
    for registry in [&one, &other] {
        assert!(read(&both, &registry.host()).await.unwrap());
    }
    let error = read(&client, &other.host()).await.unwrap_err();
    assert_eq!(error.code(), ReasonCode::RegistryTls);
    assert!(error.to_string().contains("certificate"), "{error}");
    assert!(entry().ca_file(b"no certificate").is_err());
}

#[tokio::test]
async fn a_client_certificate_opens_the_registry_that_wants_one() {
    let registry = Registry::builder().client_certificates().start();
    registry.push_image("app", "v1");
    let (certificate, key) = registry.client_pem().unwrap();
    let entry = || {
        RegistryHost::new()
            .address("loopback")
            .unwrap()
            .ca_file(registry.ca_pem().unwrap().as_bytes())
            .unwrap()
    };
    let read = async |entry: RegistryHost| {
        let registries = Registries::new().host(&registry.host(), entry).unwrap();
        let client = HttpRegistry::new()
            .retries(0, std::time::Duration::ZERO)
            .registries(registries);
        read(&client, &registry.host()).await
    };
    let with = entry()
        .client_certificate(certificate.as_bytes(), key.as_bytes())
        .unwrap();
    assert!(read(with).await.unwrap());
    let error = read(entry()).await.unwrap_err();
    // TLS 1.3 refuses a client after it has begun to send: the alert may get lost.
    assert!(
        matches!(
            error.code(),
            ReasonCode::RegistryTls | ReasonCode::RegistryUnavailable
        ),
        "{error}"
    );
    let error = entry()
        .client_certificate(certificate.as_bytes(), b"hunter2")
        .unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
}

#[tokio::test]
async fn requests_go_through_the_proxy_of_the_environment_or_of_the_host() {
    let proxy = Registry::start();
    let registry = Registry::start();
    for registry in [&proxy, &registry] {
        registry.push_image("app", "v1");
    }
    let environment = |no_proxy: &str| {
        Proxies::from_environment(|name| match name {
            "http_proxy" => Some(proxy.url()),
            "NO_PROXY" => Some(no_proxy.to_owned()),
            _ => None,
        })
        .unwrap()
    };
    // A name that nobody resolves here: the proxy would.
    let client = HttpRegistry::new()
        .plain_http("registry.invalid:5000")
        .proxies(environment(""));
    assert!(read(&client, "registry.invalid:5000").await.unwrap());
    assert_eq!(
        proxy.requests()[0].header("host"),
        Some("registry.invalid:5000")
    );
    proxy.clear_requests();

    let direct = client_of(&registry).proxies(environment("127.0.0.0/8"));
    assert!(read(&direct, &registry.host()).await.unwrap());
    let entry = RegistryHost::new().proxy(None).unwrap();
    let none = Registries::new().host(&registry.host(), entry).unwrap();
    let direct = client_of(&registry)
        .proxies(environment(""))
        .registries(none);
    assert!(read(&direct, &registry.host()).await.unwrap());
    assert!(proxy.requests().is_empty());
    assert_eq!(registry.requests().len(), 2);

    let entry = RegistryHost::new().proxy(Some(&proxy.url())).unwrap();
    let own = Registries::new().host("registry.invalid", entry).unwrap();
    let client = HttpRegistry::new()
        .plain_http("registry.invalid")
        .registries(own);
    assert!(read(&client, "registry.invalid").await.unwrap());
    assert_eq!(proxy.requests().len(), 1);
}

#[tokio::test]
async fn a_proxy_that_is_gone_or_wants_a_password_is_named_and_no_verdict() {
    let proxy = Registry::start();
    let host = proxy.host();
    let proxied = || {
        let url = format!("http://u:hunter2@{host}");
        let entry = RegistryHost::new().proxy(Some(&url)).unwrap();
        let registries = Registries::new().host("registry.invalid", entry).unwrap();
        HttpRegistry::new()
            .plain_http("registry.invalid")
            .retries(0, std::time::Duration::ZERO)
            .registries(registries)
    };
    proxy.fault(|_| true, countersign_testkit::registry::Fault::Status(407));
    let error = read(&proxied(), "registry.invalid").await.unwrap_err();
    assert_eq!(error.code(), ReasonCode::RegistryDenied);
    assert!(error.to_string().contains("proxy"), "{error}");
    drop(proxy);
    let error = read(&proxied(), "registry.invalid").await.unwrap_err();
    assert_eq!(error.code(), ReasonCode::RegistryUnavailable);
    let text = format!("{error} {error:?}");
    assert!(
        text.contains(&format!("through the proxy {host}")) && !text.contains("hunter2"),
        "{text}"
    );
}

#[tokio::test]
async fn an_address_is_refused_before_a_proxy_hears_of_it() {
    let proxy = Registry::start();
    let proxies =
        Proxies::from_environment(|name| (name == "ALL_PROXY").then(|| proxy.url())).unwrap();
    let client = HttpRegistry::new().proxies(proxies);
    let error = read(&client, "127.0.0.1:1").await.unwrap_err();
    assert_eq!(error.code(), ReasonCode::RegistryHostile);
    assert_eq!(proxy.connections(), 0);
}

fn client_of(registry: &Registry) -> HttpRegistry {
    client(registry)
}

/// Counts what the observer hears.
#[derive(Debug, Default)]
struct Heard(std::sync::Mutex<Vec<String>>);

impl countersign::Observer for Heard {
    fn request_begins(&self, request: &countersign::RequestBegins<'_>) {
        let line = format!("{} {}", request.what, request.attempt);
        self.0.lock().unwrap().push(line);
    }

    fn request_ends(&self, request: &countersign::RequestEnds<'_>) {
        let line = format!(
            "{} {} {:?} {:?} {}",
            request.what,
            request.attempt,
            request.status,
            request.error.map(ReasonCode::as_str),
            request.bytes > 0
        );
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn the_observer_hears_of_every_request() {
    let registry = Registry::builder().anonymous_bearer().start();
    registry.push_image("app", "v1");
    registry.fault_times(
        1,
        |request| request.header("authorization").is_some(),
        countersign_testkit::registry::Fault::CutAfter(10),
    );
    let heard = Arc::new(Heard::default());
    let client = client(&registry).observer(heard.clone());
    assert!(read(&client, &registry.host()).await.unwrap());
    assert_eq!(
        *heard.0.lock().unwrap(),
        [
            "manifest 1",
            "manifest 1 Some(401) None false",
            "token 1",
            "token 1 Some(200) None true",
            "manifest 1",
            "manifest 1 Some(200) Some(\"registry-unavailable\") true",
            "manifest 2",
            "manifest 2 Some(200) None true",
        ]
    );
}
