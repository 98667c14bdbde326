//! Requests of any method, blobs of any size, and whose token is whose.

use std::io::Cursor;

use countersign::{
    Budget, Call, CallBody, DockerConfig, HttpRegistry, Method, Repository, Scope, Target,
};
use countersign_core::{Digest, GapClass, Limits, ReasonCode};
use countersign_testkit::registry::{Fault, Registry};

use crate::{budget, client, image};

fn config(registry: &Registry, password: &str) -> DockerConfig {
    let text = format!(
        r#"{{"auths": {{"{}": {{"username": "u", "password": "{password}"}}}}}}"#,
        registry.host()
    );
    DockerConfig::from_bytes(text.as_bytes()).unwrap()
}

fn repository(registry: &Registry) -> Repository {
    Repository::of(&image(registry, "app"))
}

fn call(method: Method, path: &str, body: CallBody) -> Call {
    Call {
        method,
        target: Target::Path(path.to_owned()),
        scope: Scope::PullPush,
        headers: vec![("content-type", "text/plain".to_owned())],
        body,
    }
}

async fn download(
    client: &HttpRegistry,
    registry: &Registry,
    digest: &str,
    size: usize,
) -> Result<Option<Vec<u8>>, countersign::RegistryError> {
    let mut sink = Vec::new();
    let size = u64::try_from(size).unwrap();
    let mut limits = Limits::default();
    limits.fetched_bytes = 10_000;
    let budget = Budget::new(&limits, Budget::DEFAULT_TIME);
    let found = client
        .download(
            &repository(registry),
            &Digest::parse(digest).unwrap(),
            size,
            &mut sink,
            &budget,
        )
        .await?;
    Ok(found.map(|()| sink))
}

#[tokio::test]
async fn two_credentials_never_share_a_token_and_one_keeps_its_own() {
    let registry = Registry::builder().bearer("u", "right").start();
    registry.push_image("app", "v1");
    let client = client(&registry);
    let read = async |password: &str| {
        let view = client.with_credentials(config(&registry, password));
        let image = image(&registry, "app:v1");
        crate::check(&view, &image, countersign_core::Needs::NONE).await
    };
    read("right").await.unwrap();
    let gap = read("wrong").await.unwrap_err();
    assert_eq!(gap.code, ReasonCode::RegistryDenied);
    read("right").await.unwrap();
    let gap = crate::check(
        &client,
        &image(&registry, "app:v1"),
        countersign_core::Needs::NONE,
    )
    .await
    .unwrap_err();
    assert_eq!(gap.code, ReasonCode::RegistryDenied);
    let tokens: Vec<_> = registry
        .requests()
        .into_iter()
        .filter(|request| request.path.starts_with("/token"))
        .collect();
    assert_eq!(tokens.len(), 3, "the first kept its token: {tokens:?}");
}

#[tokio::test]
async fn a_call_has_its_method_headers_body_and_a_token_of_its_scope() {
    let registry = Registry::builder().bearer("u", "p").start();
    let client = client(&registry).credentials(config(&registry, "p"));
    let is_unknown = |request: &countersign_testkit::registry::Request| {
        request.method == "POST" && request.header("authorization").is_none()
    };
    registry.fault(is_unknown, Fault::Status(401));
    let challenge = format!("Bearer realm=\"{}/token\"", registry.url());
    registry.fault(is_unknown, Fault::Header("www-authenticate", challenge));
    registry.fault(
        |request| request.method == "POST",
        Fault::Header("location", "/v2/app/blobs/uploads/1?state=x".to_owned()),
    );
    let body = CallBody::Bytes(b"hello".to_vec());
    let called = client
        .call(
            &repository(&registry),
            call(Method::Post, "blobs/uploads/?mount=x", body),
            &budget(),
        )
        .await
        .unwrap();
    let location = called.location();
    assert_eq!(
        location,
        Some(Target::Url(format!(
            "{}/v2/app/blobs/uploads/1?state=x",
            registry.url()
        )))
    );
    let requests = registry.requests();
    assert!(
        requests[1]
            .path
            .ends_with("scope=repository%3Aapp%3Apull%2Cpush"),
        "{requests:?}"
    );
    let last = requests.last().unwrap();
    assert_eq!(last.method, "POST");
    assert_eq!(last.path, "/v2/app/blobs/uploads/?mount=x");
    assert_eq!(last.header("content-type"), Some("text/plain"));
    assert_eq!(last.header("content-length"), Some("5"));
    assert!(last.header("authorization").unwrap().starts_with("Bearer "));
    // Who only reads does not show what may write.
    registry.clear_requests();
    registry.push_image("app", "v1");
    let needs = countersign_core::Needs::NONE;
    crate::check(&client, &image(&registry, "app:v1"), needs)
        .await
        .unwrap();
    let requests = registry.requests();
    assert_eq!(requests[0].header("authorization"), None);
    assert!(requests[1].path.ends_with("%3Apull"), "{requests:?}");
}

#[tokio::test]
async fn a_streamed_body_is_sent_with_its_length_and_never_again() {
    let registry = Registry::start();
    registry.fault(|_| true, Fault::Status(503));
    let stream = || CallBody::Stream {
        size: 200_000,
        reader: Box::new(Cursor::new(vec![7; 200_000])),
    };
    let put = call(Method::Put, "blobs/uploads/1", stream());
    let client = client(&registry);
    let error = client
        .call(&repository(&registry), put, &budget())
        .await
        .unwrap_err();
    assert_eq!(error.code(), ReasonCode::RegistryUnavailable);
    let requests = registry.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("content-length"), Some("200000"));
    let patch = call(Method::Patch, "blobs/uploads/1", CallBody::Bytes(vec![1]));
    let outcome = client.call(&repository(&registry), patch, &budget()).await;
    assert!(outcome.is_err());
    assert_eq!(registry.requests().len(), 2);
}

#[tokio::test]
async fn a_call_elsewhere_goes_without_the_credential() {
    let registry = Registry::builder().basic("u", "p").start();
    let store = Registry::start();
    let client = client(&registry)
        .credentials(config(&registry, "p"))
        .registries(crate::on_this_machine(&[&store]));
    // The session has the credential by now.
    let get = call(Method::Get, "tags/list", CallBody::Empty);
    client
        .call(&repository(&registry), get, &budget())
        .await
        .unwrap();
    let mut put = call(Method::Put, "", CallBody::Bytes(vec![1]));
    put.target = Target::Url(format!("{}/v2/app/upload", store.url()));
    let called = client
        .call(&repository(&registry), put, &budget())
        .await
        .unwrap();
    assert_eq!(called.status, 405);
    assert_eq!(store.requests()[0].header("authorization"), None);
    for target in ["ftp://x/", "nothing", "http://u:p@x/"] {
        let mut put = call(Method::Put, "", CallBody::Empty);
        put.target = Target::Url(target.to_owned());
        let outcome = client.call(&repository(&registry), put, &budget()).await;
        assert_eq!(outcome.unwrap_err().class(), GapClass::Hostile, "{target}");
    }
}

#[tokio::test]
async fn a_blob_larger_than_the_budget_is_streamed_and_hashed() {
    let registry = Registry::start();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|it| it.to_le_bytes()[1]).collect();
    let digest = registry.push_blob("app", &bytes);
    let client = client(&registry);
    let found = download(&client, &registry, &digest, bytes.len()).await;
    assert!(found.unwrap().unwrap() == bytes);
    let missing = Digest::of(b"missing").to_string();
    let found = download(&client, &registry, &missing, 7).await.unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn a_download_that_is_not_what_was_asked_for_is_an_error() {
    let registry = Registry::start();
    let bytes = vec![3; 100_000];
    let digest = registry.push_blob("app", &bytes);
    let client = client(&registry);
    for size in [99_999, 100_001] {
        let error = download(&client, &registry, &digest, size)
            .await
            .unwrap_err();
        assert_eq!(error.class(), GapClass::Hostile, "{error}");
    }
    for (fault, code) in [
        (Fault::WrongBytes, ReasonCode::RegistryHostile),
        (Fault::CutAfter(10), ReasonCode::RegistryUnavailable),
        (Fault::StallAfter(10), ReasonCode::RegistryTimeout),
        (Fault::Status(403), ReasonCode::RegistryDenied),
    ] {
        registry.heal();
        registry.fault(|_| true, fault.clone());
        let error = download(&client, &registry, &digest, bytes.len())
            .await
            .unwrap_err();
        assert_eq!(error.code(), code, "{fault:?}: {error}");
    }
}
