//! The registry answers as the distribution specification says, and its faults are the ones it names.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::error::Error;
use std::time::Duration;

use countersign_testkit::registry::{
    FallbackArtifactType, Fault, OCI_INDEX, OCI_MANIFEST, Pages, Registry,
};
use countersign_testkit::sha256_digest;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

fn client() -> Client {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

async fn get(registry: &Registry, path: &str) -> Response {
    client()
        .get(format!("{}{path}", registry.url()))
        .send()
        .await
        .unwrap()
}

async fn json(registry: &Registry, path: &str) -> Value {
    serde_json::from_slice(&get(registry, path).await.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn serves_what_was_pushed() {
    let registry = Registry::start();
    let image = registry.push_image("team/app", "v1");

    let by_tag = get(&registry, "/v2/team/app/manifests/v1").await;
    assert_eq!(by_tag.headers()["content-type"], OCI_MANIFEST);
    assert_eq!(by_tag.headers()["docker-content-digest"], image.as_str());
    let manifest = by_tag.bytes().await.unwrap();
    assert_eq!(sha256_digest(&manifest), image);
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();

    let config = manifest["config"]["digest"].as_str().unwrap();
    let config = get(&registry, &format!("/v2/team/app/blobs/{config}")).await;
    assert_eq!(
        config.bytes().await.unwrap().len().to_string(),
        manifest["config"]["size"].to_string()
    );
    assert_eq!(
        json(&registry, "/v2/team/app/tags/list").await["tags"],
        serde_json::json!(["v1"])
    );
    assert_eq!(
        get(&registry, "/v2/team/app/manifests/v2").await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        get(&registry, "/v2/other/manifests/v1").await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(get(&registry, "/v2/").await.status(), StatusCode::OK);
    assert_eq!(registry.requests()[0].path, "/v2/team/app/manifests/v1");
    assert_eq!(registry.requests().len(), 6);
}

#[tokio::test]
async fn an_index_lists_its_platforms() {
    let registry = Registry::start();
    let images = [
        registry.push_image("app", "amd64"),
        registry.push_image("app", "arm64"),
    ];
    registry.push_index("app", "v1", &[&images[0], &images[1]]);
    let index = json(&registry, "/v2/app/manifests/v1").await;
    assert_eq!(index["manifests"][1]["digest"], images[1].as_str());
    assert_eq!(index["manifests"][1]["platform"]["architecture"], "arm64");
}

#[tokio::test]
async fn bundles_are_referrers() {
    let registry = Registry::start();
    let image = registry.push_image("app", "v1");
    let carrier = registry.attach_bundle("app", &image, b"a bundle");

    let listed = json(&registry, &format!("/v2/app/referrers/{image}")).await;
    assert_eq!(listed["manifests"][0]["digest"], carrier.as_str());
    let manifest = json(&registry, &format!("/v2/app/manifests/{carrier}")).await;
    assert_eq!(manifest["subject"]["digest"], image.as_str());
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let layer = get(&registry, &format!("/v2/app/blobs/{layer}")).await;
    assert_eq!(layer.bytes().await.unwrap().as_ref(), b"a bundle");

    let filtered = get(
        &registry,
        &format!("/v2/app/referrers/{image}?artifactType=text%2Fplain"),
    )
    .await;
    assert_eq!(filtered.headers()["oci-filters-applied"], "artifactType");
    assert!(filtered.text().await.unwrap().contains(r#""manifests":[]"#));
}

#[tokio::test]
async fn without_the_api_bundles_are_in_the_fallback_index() {
    for said in [
        FallbackArtifactType::Bundle,
        FallbackArtifactType::Empty,
        FallbackArtifactType::Absent,
    ] {
        let registry = Registry::builder()
            .without_referrers_api()
            .fallback_artifact_type(said)
            .start();
        let image = registry.push_image("app", "v1");
        let carriers = [
            registry.attach_bundle("app", &image, b"1"),
            registry.attach_bundle("app", &image, b"2"),
        ];

        let api = get(&registry, &format!("/v2/app/referrers/{image}")).await;
        assert_eq!(api.status(), StatusCode::NOT_FOUND);
        let index = json(
            &registry,
            &format!("/v2/app/manifests/{}", image.replace(':', "-")),
        )
        .await;
        assert_eq!(index["mediaType"], OCI_INDEX);
        for (place, carrier) in carriers.iter().enumerate() {
            assert_eq!(index["manifests"][place]["digest"], carrier.as_str());
        }
        assert_eq!(
            index["manifests"][0].get("artifactType").is_none(),
            said == FallbackArtifactType::Absent
        );
    }
}

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let registry = Registry::builder().page_size(40).start();
    let image = registry.push_image("app", "v1");
    registry.attach_decoys("app", &image, 100);
    let mut path = format!("/v2/app/referrers/{image}");
    let mut sizes = Vec::new();
    loop {
        let page = get(&registry, &path).await;
        let link = page
            .headers()
            .get("link")
            .map(|link| link.to_str().unwrap().to_owned());
        let page: Value = serde_json::from_slice(&page.bytes().await.unwrap()).unwrap();
        sizes.push(page["manifests"].as_array().unwrap().len());
        let Some(link) = link else { break };
        path = link
            .strip_prefix('<')
            .unwrap()
            .split('>')
            .next()
            .unwrap()
            .to_owned();
    }
    assert_eq!(sizes, [40, 40, 20]);
}

#[tokio::test]
async fn legacy_tags_collect_layers() {
    let registry = Registry::start();
    let image = registry.push_image("app", "v1");
    let annotations = [(
        "dev.cosignproject.cosign/signature".to_owned(),
        "c2ln".to_owned(),
    )];
    for payload in [b"payload 1", b"payload 2"] {
        registry.attach_sig(
            "app",
            &image,
            payload,
            annotations.iter().map(|(key, value)| (key, value)),
        );
    }
    let manifest = json(
        &registry,
        &format!("/v2/app/manifests/{}.sig", image.replace(':', "-")),
    )
    .await;
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 2);
    assert_eq!(manifest["layers"][1]["digest"], sha256_digest(b"payload 2"));
    assert_eq!(
        manifest["layers"][1]["annotations"]["dev.cosignproject.cosign/signature"],
        "c2ln"
    );
}

#[tokio::test]
async fn basic_credentials_are_wanted() {
    let registry = Registry::builder().basic("user", "secret").start();
    registry.push_image("app", "v1");
    let denied = get(&registry, "/v2/app/manifests/v1").await;
    assert_eq!(denied.status(), StatusCode::UNAUTHORIZED);
    assert!(
        denied.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Basic realm=")
    );
    let url = format!("{}/v2/app/manifests/v1", registry.url());
    let given = client()
        .get(url)
        .basic_auth("user", Some("secret"))
        .send()
        .await
        .unwrap();
    assert_eq!(given.status(), StatusCode::OK);
    assert_eq!(
        registry.requests()[1].header("authorization"),
        Some("Basic dXNlcjpzZWNyZXQ=")
    );
}

#[tokio::test]
async fn tokens_come_from_another_service() {
    let service = Registry::builder().bearer("user", "secret").start();
    let realm = format!("{}/token", service.url());
    let registry = Registry::builder()
        .bearer("user", "secret")
        .token_realm(&realm)
        .start();
    registry.push_image("app", "v1");

    let denied = get(&registry, "/v2/app/manifests/v1").await;
    let challenge = denied.headers()["www-authenticate"].to_str().unwrap();
    assert_eq!(
        challenge,
        format!(
            "Bearer realm=\"{realm}\",service=\"{}\",scope=\"repository:app:pull\"",
            registry.host()
        )
    );
    let url = format!("{realm}?service=x&scope=repository%3Aapp%3Apull");
    assert_eq!(
        client().get(&url).send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    let given = client()
        .get(&url)
        .basic_auth("user", Some("secret"))
        .send()
        .await
        .unwrap();
    let given: Value = serde_json::from_slice(&given.bytes().await.unwrap()).unwrap();
    let token = given["token"].as_str().unwrap();
    for (repo, status) in [("app", StatusCode::OK), ("other", StatusCode::UNAUTHORIZED)] {
        let url = format!("{}/v2/{repo}/manifests/v1", registry.url());
        assert_eq!(
            client()
                .get(url)
                .bearer_auth(token)
                .send()
                .await
                .unwrap()
                .status(),
            status
        );
    }
}

#[tokio::test]
async fn tls_with_a_ca_of_its_own() {
    let registry = Registry::builder().tls().start();
    registry.push_image("app", "v1");
    let url = format!("{}/v2/app/manifests/v1", registry.url());
    assert!(url.starts_with("https://"));
    assert!(client().get(&url).send().await.is_err());
    let ca = reqwest::Certificate::from_pem(registry.ca_pem().unwrap().as_bytes()).unwrap();
    let trusting = Client::builder().tls_certs_only([ca]).build().unwrap();
    assert_eq!(
        trusting.get(&url).send().await.unwrap().status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn faults_of_status_and_headers() {
    let registry = Registry::start();
    registry.push_image("app", "v1");
    let elsewhere = Registry::start();
    let faults = [
        (Fault::Status(503), 503, None),
        (
            Fault::RetryAfter(429, "7".into()),
            429,
            Some(("retry-after", "7".to_owned())),
        ),
        (
            Fault::content_type("text/html"),
            200,
            Some(("content-type", "text/html".to_owned())),
        ),
        (
            Fault::RedirectTo(elsewhere.url()),
            307,
            Some((
                "location",
                format!("{}/v2/app/manifests/v1", elsewhere.url()),
            )),
        ),
        (
            Fault::EndlessPages(Pages::Same),
            200,
            Some(("link", "</v2/app/manifests/v1>; rel=\"next\"".to_owned())),
        ),
        (
            Fault::EndlessPages(Pages::New),
            200,
            Some((
                "link",
                "</v2/app/manifests/v1?endless=1>; rel=\"next\"".to_owned(),
            )),
        ),
    ];
    for (fault, status, header) in faults {
        registry.fault_times(1, |request| request.path.contains("/manifests/"), fault);
        let answer = get(&registry, "/v2/app/manifests/v1").await;
        assert_eq!(answer.status().as_u16(), status);
        if let Some((name, value)) = header {
            assert_eq!(answer.headers()[name], value.as_str());
        }
        assert_eq!(
            get(&registry, "/v2/app/manifests/v1").await.status(),
            StatusCode::OK
        );
    }
}

#[tokio::test]
async fn faults_of_bodies() {
    let registry = Registry::start();
    let image = registry.push_image("app", "v1");
    let get_with = async |fault: Fault| {
        registry.heal();
        registry.fault(|_| true, fault);
        get(&registry, "/v2/app/manifests/v1").await
    };
    let wrong = get_with(Fault::WrongBytes).await;
    assert_eq!(wrong.headers()["docker-content-digest"], image.as_str());
    assert_ne!(sha256_digest(&wrong.bytes().await.unwrap()), image);

    assert!(get_with(Fault::CutAfter(10)).await.bytes().await.is_err());
    assert!(
        get_with(Fault::ContentLength(100_000))
            .await
            .bytes()
            .await
            .is_err()
    );
    assert_eq!(
        get_with(Fault::ContentLength(10))
            .await
            .bytes()
            .await
            .unwrap()
            .len(),
        10
    );
    assert_eq!(
        get_with(Fault::token("a\nb")).await.text().await.unwrap(),
        r#"{"token":"a\nb"}"#
    );

    let mut stalled = get_with(Fault::StallAfter(10)).await;
    assert_eq!(stalled.chunk().await.unwrap().unwrap().len(), 10);
    assert!(
        tokio::time::timeout(Duration::from_millis(100), stalled.chunk())
            .await
            .is_err()
    );

    let declared = get_with(Fault::Huge {
        bytes: 1 << 30,
        declared: true,
    })
    .await;
    assert_eq!(declared.content_length(), Some(1 << 30));
    let mut huge = get_with(Fault::Huge {
        bytes: 10_000_000,
        declared: false,
    })
    .await;
    assert_eq!(huge.content_length(), None);
    let mut length = 0;
    while let Some(chunk) = huge.chunk().await.unwrap() {
        length += chunk.len();
    }
    assert_eq!(length, 10_000_000);
}

#[tokio::test]
async fn silence_ends_with_the_clients_patience() {
    let registry = Registry::start();
    registry.fault(|_| true, Fault::Silence);
    let url = format!("{}/v2/", registry.url());
    let error = client()
        .get(url)
        .timeout(Duration::from_millis(100))
        .send()
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{:?}", error.source());
}
