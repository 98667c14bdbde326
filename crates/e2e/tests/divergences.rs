//! Where `oci-client` 0.18 is known to be wrong, and we are right (`dependencies.md` of the design).
//!
//! Each test fails too when `oci-client` begins to be right: then the case belongs into `differential.rs`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use countersign::{
    Budget, DockerConfig, HttpRegistry, Listing, Reference, Registry as _, RegistryError,
    Repository,
};
use countersign_core::{Digest, GapClass, ImageRef, Limits};
use countersign_testkit::registry::{BUNDLE_V03, Builder, Fault, Registry, Request};
use oci_client::Client;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::OciImageIndex;
use oci_client::secrets::RegistryAuth;

const REPOSITORY: &str = "acme/app";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry with one image, and both readers.
struct Scene {
    registry: Registry,
    image: String,
    ours: HttpRegistry,
    theirs: Client,
    budget: Budget,
}

impl Scene {
    fn set(builder: Builder) -> Self {
        let registry = builder.start();
        let image = registry.push_image(REPOSITORY, "v1");
        Self {
            image,
            ours: HttpRegistry::new()
                .plain_http(registry.host())
                .retries(0, Duration::ZERO),
            theirs: Client::new(ClientConfig {
                protocol: ClientProtocol::Http,
                ..ClientConfig::default()
            }),
            budget: Budget::new(&Limits::default(), Budget::DEFAULT_TIME),
            registry,
        }
    }

    fn repository(&self) -> Repository {
        let name = format!("{}/{REPOSITORY}", self.registry.host());
        Repository::of(&ImageRef::parse(&name).unwrap())
    }

    async fn ours_listed(&self) -> Result<Listing, RegistryError> {
        let image = Digest::parse(&self.image).unwrap();
        self.ours
            .referrers(&self.repository(), &image, &self.budget)
            .await
    }

    async fn theirs_listed(&self) -> Result<OciImageIndex, OciDistributionError> {
        let (host, path) = (self.registry.host(), REPOSITORY.to_owned());
        let image = oci_client::Reference::with_digest(host, path, self.image.clone());
        self.theirs.pull_referrers(&image, None).await
    }

    /// The manifest at tag `v1`, as `oci-client` reads it with these credentials.
    async fn theirs_pulled(&self, auth: &RegistryAuth) -> Result<usize, OciDistributionError> {
        let (host, path) = (self.registry.host(), REPOSITORY.to_owned());
        let image = oci_client::Reference::with_tag(host, path, "v1".to_owned());
        let (bytes, _) = self
            .theirs
            .pull_manifest_raw(&image, auth, &[MANIFEST])
            .await?;
        Ok(bytes.len())
    }

    /// The same as we read it.
    async fn ours_pulled(&self, client: &HttpRegistry) -> Result<usize, RegistryError> {
        let tag = Reference::Tag("v1".to_owned());
        let max = self.budget.limits().manifest_bytes;
        let fetched = client
            .manifest(&self.repository(), &tag, max, &self.budget)
            .await?;
        Ok(fetched.unwrap().bytes.len())
    }

    /// Our client with this user's password.
    fn ours_as(&self, user: &str, password: &str) -> HttpRegistry {
        let host = self.registry.host();
        let config = format!(
            r#"{{"auths": {{"{host}": {{"username": "{user}", "password": "{password}"}}}}}}"#
        );
        HttpRegistry::new()
            .plain_http(host)
            .retries(0, Duration::ZERO)
            .credentials(DockerConfig::from_bytes(config.as_bytes()).unwrap())
    }
}

fn basic(user: &str, password: &str) -> RegistryAuth {
    RegistryAuth::Basic(user.to_owned(), password.to_owned())
}

#[tokio::test]
async fn to_oci_client_a_rate_limit_at_the_referrers_tag_means_no_referrers() {
    let scene = Scene::set(Registry::builder().without_referrers_api());
    scene
        .registry
        .attach_bundle(REPOSITORY, &scene.image, b"{}");
    assert_eq!(scene.ours_listed().await.unwrap().items.len(), 1);
    assert_eq!(scene.theirs_listed().await.unwrap().manifests.len(), 1);

    scene.registry.fault(
        |request: &Request| request.path.contains("/manifests/sha256-"),
        Fault::Status(429),
    );
    assert_eq!(scene.theirs_listed().await.unwrap().manifests.len(), 0);
    let error = scene.ours_listed().await.unwrap_err();
    assert_eq!(error.class(), GapClass::Unavailable);
    assert!(
        matches!(error, RegistryError::RateLimited { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn oci_client_does_not_follow_the_pages_of_a_list() {
    let scene = Scene::set(Registry::builder().page_size(10));
    scene.registry.attach_decoys(REPOSITORY, &scene.image, 25);
    assert_eq!(scene.theirs_listed().await.unwrap().manifests.len(), 10);
    let listing = scene.ours_listed().await.unwrap();
    assert!(listing.complete());
    assert_eq!(listing.items.len(), 25);
}

#[tokio::test]
async fn oci_client_believes_an_empty_list_and_does_not_look_at_the_fallback_tag() {
    // A registry that learned to list referrers after the signatures were pushed.
    let scene = Scene::set(Registry::builder());
    let descriptor = serde_json::json!({
        "mediaType": MANIFEST, "artifactType": BUNDLE_V03, "size": 7, "digest": Digest::of(b"x").to_string(),
    });
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [descriptor],
    });
    scene.registry.push_manifest(
        REPOSITORY,
        &scene.image.replace(':', "-"),
        "application/vnd.oci.image.index.v1+json",
        index.to_string().as_bytes(),
    );
    assert_eq!(scene.theirs_listed().await.unwrap().manifests.len(), 0);
    assert_eq!(scene.ours_listed().await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn oci_client_keeps_the_first_credentials_of_a_registry_for_everybody() {
    let scene = Scene::set(Registry::builder().basic("tenant", "right"));
    scene
        .theirs_pulled(&basic("tenant", "right"))
        .await
        .unwrap();
    let other = scene.theirs_pulled(&basic("other", "wrong")).await;
    assert!(other.is_ok(), "served with the secret of somebody else");

    let tenant = scene.ours_as("tenant", "right");
    scene.ours_pulled(&tenant).await.unwrap();
    let error = scene.ours_pulled(&scene.ours_as("other", "wrong")).await;
    assert!(
        matches!(error, Err(RegistryError::Denied { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn oci_client_reads_a_manifest_of_any_size() {
    const HUGE: usize = 32 * 1024 * 1024;
    let scene = Scene::set(Registry::builder());
    scene.registry.fault(
        |request: &Request| request.path.contains("/manifests/"),
        Fault::Huge {
            bytes: HUGE.try_into().unwrap(),
            declared: true,
        },
    );
    // Without a header there is nothing that it could compare the bytes with.
    scene.registry.fault(
        |request: &Request| request.path.contains("/manifests/"),
        Fault::Header("docker-content-digest", String::new()),
    );
    let theirs = scene.theirs_pulled(&RegistryAuth::Anonymous).await;
    assert_eq!(theirs.unwrap(), HUGE);
    let error = scene.ours_pulled(&scene.ours).await.unwrap_err();
    assert!(matches!(error, RegistryError::TooLarge { .. }), "{error}");
    assert_eq!(error.class(), GapClass::Hostile);
}

#[tokio::test]
async fn oci_client_panics_over_a_token_with_a_line_break() {
    let scene = Scene::set(Registry::builder().anonymous_bearer());
    scene.registry.fault(
        |request: &Request| request.path.starts_with("/token"),
        Fault::token("a\r\nb"),
    );
    let error = scene.ours_pulled(&scene.ours).await.unwrap_err();
    assert!(!error.to_string().contains("a\r\nb"), "{error:?}");

    let theirs = tokio::spawn(async move { scene.theirs_pulled(&basic("user", "password")).await });
    assert!(theirs.await.unwrap_err().is_panic());
}
