//! The registry takes pushes as the distribution specification says, where that was allowed, and keeps nothing that a fault
//! prevents.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use countersign_testkit::registry::{Fault, OCI_MANIFEST, Registry, UploadLocation};
use countersign_testkit::sha256_digest;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

struct Pusher<'a> {
    registry: &'a Registry,
    client: Client,
    token: Option<String>,
}

impl<'a> Pusher<'a> {
    fn new(registry: &'a Registry) -> Self {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            registry,
            client: client.build().unwrap(),
            token: None,
        }
    }

    async fn send(&self, method: Method, path: &str, body: impl Into<Vec<u8>>) -> Response {
        let url = if path.starts_with('/') {
            format!("{}{path}", self.registry.url())
        } else {
            path.to_owned()
        };
        let mut request = self
            .client
            .request(method, url)
            .header("content-type", OCI_MANIFEST)
            .body(body.into());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    }

    async fn begin(&self, query: &str) -> Response {
        let path = format!("/v2/app/blobs/uploads/{query}");
        self.send(Method::POST, &path, "").await
    }

    /// Uploads in two requests; the last answer.
    async fn upload(&self, bytes: &[u8], digest: &str) -> Response {
        let begun = self.begin("").await;
        assert_eq!(begun.status(), 202);
        let location = format!("{}&digest={digest}", location(&begun));
        self.send(Method::PUT, &location, bytes).await
    }
}

fn location(response: &Response) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}

/// A manifest of one blob, perhaps about an image.
fn manifest(blob: &[u8], subject: Option<&str>) -> Vec<u8> {
    let descriptor =
        json!({"mediaType": "text/plain", "size": blob.len(), "digest": sha256_digest(blob)});
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor, "layers": [descriptor],
    });
    if let Some(subject) = subject {
        manifest["subject"] = json!({"mediaType": OCI_MANIFEST, "size": 1, "digest": subject});
    }
    manifest.to_string().into_bytes()
}

#[tokio::test]
async fn blobs_first_then_the_manifest_and_its_referrers() {
    let registry = Registry::builder().writable().start();
    let pusher = Pusher::new(&registry);
    let bytes = manifest(b"layer", None);
    let digest = sha256_digest(&bytes);
    let path = format!("/v2/app/manifests/{digest}");
    let refused = pusher.send(Method::PUT, &path, bytes.clone()).await;
    assert_eq!(refused.status(), 400);
    assert!(
        refused
            .text()
            .await
            .unwrap()
            .contains("MANIFEST_BLOB_UNKNOWN")
    );
    let wrong = pusher.upload(b"lawyer", &sha256_digest(b"layer")).await;
    assert_eq!(wrong.status(), 400);
    let pushed = pusher.upload(b"layer", &sha256_digest(b"layer")).await;
    assert_eq!(pushed.status(), 201);

    let lie = format!("/v2/app/manifests/{}", sha256_digest(b"other"));
    assert_eq!(
        pusher.send(Method::PUT, &lie, bytes.clone()).await.status(),
        400
    );
    let pushed = pusher.send(Method::PUT, &path, bytes.clone()).await;
    assert_eq!(pushed.status(), 201);
    assert!(!pushed.headers().contains_key("oci-subject"));
    assert_eq!(registry.digest_at("app", "v1"), None);
    let tagged = pusher
        .send(Method::PUT, "/v2/app/manifests/v1", bytes)
        .await;
    assert_eq!(tagged.status(), 201);
    assert_eq!(registry.digest_at("app", "v1"), Some(digest.clone()));

    let referrer = manifest(b"layer", Some(&digest));
    let path = format!("/v2/app/manifests/{}", sha256_digest(&referrer));
    let pushed = pusher.send(Method::PUT, &path, referrer.clone()).await;
    assert_eq!(pushed.headers()["oci-subject"], digest.as_str());
    let listed = pusher
        .send(Method::GET, &format!("/v2/app/referrers/{digest}"), "")
        .await;
    let listed: Value = serde_json::from_slice(&listed.bytes().await.unwrap()).unwrap();
    assert_eq!(
        listed["manifests"][0]["digest"],
        sha256_digest(&referrer).as_str()
    );
}

#[tokio::test]
async fn uploads_go_on_where_the_registry_says() {
    for (how, start) in [
        (UploadLocation::Path, "/v2/app/blobs/uploads/"),
        (UploadLocation::Url, "http://127.0.0.1:"),
    ] {
        let registry = Registry::builder().writable().upload_location(how).start();
        let pusher = Pusher::new(&registry);
        let begun = pusher.begin("").await;
        let first = location(&begun);
        assert!(first.starts_with(start) && first.contains('?'), "{first}");
        let next = pusher.send(Method::PATCH, &first, "lay").await;
        assert_eq!(
            (next.status().as_u16(), &next.headers()["range"]),
            (202, &"0-2".parse().unwrap())
        );
        let digest = sha256_digest(b"layer");
        let last = format!("{}&digest={digest}", location(&next));
        assert_eq!(pusher.send(Method::PUT, &last, "er").await.status(), 201);
        let again = pusher.send(Method::PUT, &last, "er").await;
        assert_eq!(again.status(), 404, "it is over");
        let there = pusher
            .send(Method::HEAD, &format!("/v2/app/blobs/{digest}"), "")
            .await;
        assert_eq!(
            (there.status().as_u16(), &there.headers()["content-length"]),
            (200, &"5".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn a_blob_of_another_repository_is_mounted_if_it_is_there() {
    let registry = Registry::builder().writable().start();
    let pusher = Pusher::new(&registry);
    let digest = registry.push_blob("team/base", b"layer");
    let mounted = pusher
        .begin(&format!("?mount={digest}&from=team%2Fbase"))
        .await;
    assert_eq!(mounted.status(), 201);
    assert_eq!(mounted.headers()["docker-content-digest"], digest.as_str());
    let absent = sha256_digest(b"absent");
    let begun = pusher
        .begin(&format!("?mount={absent}&from=team/base"))
        .await;
    assert_eq!(begun.status(), 202);
}

#[tokio::test]
async fn nothing_is_taken_unless_allowed() {
    let registry = Registry::start();
    let image = registry.push_image("app", "v1");
    let pusher = Pusher::new(&registry);
    assert_eq!(pusher.begin("").await.status(), 405);
    let bytes = manifest(b"layer", Some(&image));
    let pushed = pusher
        .send(Method::PUT, "/v2/app/manifests/v1", bytes)
        .await;
    assert_eq!(pushed.status(), 405);
    assert_eq!(registry.digest_at("app", "v1"), Some(image));
}

#[tokio::test]
async fn a_fault_prevents_the_write_or_loses_its_answer() {
    let registry = Registry::builder().writable().start();
    let pusher = Pusher::new(&registry);
    registry.push_blob("app", b"layer");
    let bytes = manifest(b"layer", None);
    let put = async |tag: &str| {
        let path = format!("/v2/app/manifests/{tag}");
        pusher.send(Method::PUT, &path, bytes.clone()).await
    };
    let is_put = |request: &countersign_testkit::registry::Request| request.method == "PUT";
    registry.fault_times(1, is_put, Fault::Status(503));
    assert_eq!(put("v1").await.status(), 503);
    assert_eq!(registry.digest_at("app", "v1"), None);
    registry.fault_times(1, is_put, Fault::CutAfter(0));
    assert_eq!(put("v2").await.status(), 201);
    assert!(registry.digest_at("app", "v2").is_some());
    assert_eq!(put("v1").await.status(), 201);
}

#[tokio::test]
async fn a_token_to_pull_does_not_push() {
    let registry = Registry::builder().writable().anonymous_bearer().start();
    let mut pusher = Pusher::new(&registry);
    let base = registry.push_blob("base", b"layer");
    let refused = pusher.begin("").await;
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.contains(r#"scope="repository:app:pull,push""#),
        "{challenge}"
    );
    let mount = format!("?mount={base}&from=base");
    for (scopes, status) in [
        ("scope=repository:app:pull", 401),
        ("scope=repository:other:pull,push", 401),
        ("scope=repository:app:push,pull", 202),
        (
            "scope=repository%3Aapp%3Apull%2Cpush&scope=repository:base:pull",
            201,
        ),
    ] {
        let token = pusher
            .send(Method::GET, &format!("/token?{scopes}"), "")
            .await;
        let token: Value = serde_json::from_slice(&token.bytes().await.unwrap()).unwrap();
        pusher.token = Some(token["token"].as_str().unwrap().to_owned());
        assert_eq!(pusher.begin(&mount).await.status(), status, "{scopes}");
    }
}

#[tokio::test]
async fn head_tells_the_length_over_http_2_too() {
    let registry = Registry::builder().tls().start();
    let digest = registry.push_blob("app", b"layer");
    let root = reqwest::Certificate::from_pem(registry.ca_pem().unwrap().as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([root]).build().unwrap();
    let url = format!("{}/v2/app/blobs/{digest}", registry.url());
    let answer = client.head(url).send().await.unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.headers()["content-length"], "5");
    assert!(answer.bytes().await.unwrap().is_empty());
}
