//! Nobody profits from what another may read.

use countersign::{DockerConfig, Fetched, Listing, RegistryError};
use countersign_testkit::registry::{Fault, OCI_MANIFEST};

use super::*;

/// Two users of one registry, with one cache between them.
struct Tenants {
    registry: Registry,
    cache: Arc<Cache>,
}

const REPOS: [&str; 3] = ["shared", "one", "two"];

impl Tenants {
    /// `one` may read `shared` and `one`; `two` may read `shared` and `two`. All three hold the same signed image.
    fn new() -> (Self, Digest) {
        Self::with(Cache::default())
    }

    fn with(cache: Cache) -> (Self, Digest) {
        let registry = Registry::builder()
            .user("one", "secret-1", &["shared", "one"])
            .user("two", "secret-2", &["shared", "two"])
            .start();
        let manifest = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
        let mut image = String::new();
        for repo in REPOS {
            image = registry.push_manifest(repo, "v1", OCI_MANIFEST, manifest.as_bytes());
            registry.attach_bundle(repo, &image, BUNDLE);
        }
        let cache = Arc::new(cache);
        (Self { registry, cache }, digest(&image))
    }

    fn user(&self, user: &str) -> Cached<HttpRegistry> {
        let password = if user == "one" {
            "secret-1"
        } else {
            "secret-2"
        };
        self.login(user, password)
    }

    fn login(&self, user: &str, password: &str) -> Cached<HttpRegistry> {
        let host = self.registry.host();
        let config = format!(
            r#"{{"auths": {{"{host}": {{"username": "{user}", "password": "{password}"}}}}}}"#
        );
        let config = DockerConfig::from_bytes(config.as_bytes()).unwrap();
        let client = client(&self.registry).credentials(config);
        Cached::new(Arc::new(client), Arc::clone(&self.cache))
    }

    fn repo(&self, path: &str) -> Repository {
        repository(&self.registry, path)
    }

    /// Everything that can be asked for, each by itself.
    async fn all(&self, cached: &Cached<HttpRegistry>, path: &str, image: &Digest) -> Outcomes {
        let (repo, budget) = (self.repo(path), budget());
        let by_digest = Reference::Digest(*image);
        let (tagged, blob) = (tag("v1"), Digest::of(BUNDLE));
        Outcomes {
            tag: cached.manifest(&repo, &tagged, 10_000, &budget).await,
            manifest: cached.manifest(&repo, &by_digest, 10_000, &budget).await,
            listing: cached.referrers(&repo, image, &budget).await,
            blob: cached.blob(&repo, &blob, BUNDLE.len(), &budget).await,
        }
    }

    /// Requests that were not refused.
    fn served(&self) -> usize {
        let requests = self.registry.requests();
        self.registry.clear_requests();
        requests
            .iter()
            .filter(|request| request.header("authorization").is_some())
            .count()
    }
}

#[derive(Debug)]
struct Outcomes {
    tag: Result<Option<Fetched>, RegistryError>,
    manifest: Result<Option<Fetched>, RegistryError>,
    listing: Result<Listing, RegistryError>,
    blob: Result<Option<Arc<[u8]>>, RegistryError>,
}

impl Outcomes {
    fn assert_found(&self) {
        assert!(matches!(self.tag, Ok(Some(_))), "{self:?}");
        assert!(matches!(self.manifest, Ok(Some(_))), "{self:?}");
        assert!(
            matches!(&self.listing, Ok(listing) if listing.items.len() == 1),
            "{self:?}"
        );
        assert!(matches!(self.blob, Ok(Some(_))), "{self:?}");
    }

    /// The registry's own denial, four times.
    fn assert_denied(&self) {
        let errors = [
            self.tag.as_ref().err(),
            self.manifest.as_ref().err(),
            self.listing.as_ref().err(),
            self.blob.as_ref().err(),
        ];
        for error in errors {
            assert!(
                matches!(error, Some(RegistryError::Denied { status: 401, .. })),
                "{self:?}"
            );
        }
    }
}

#[tokio::test]
async fn one_digest_in_two_repositories_of_which_one_may_be_read() {
    let (tenants, image) = Tenants::new();
    let one = tenants.user("one");
    for _ in 0..2 {
        tenants.all(&one, "one", &image).await.assert_found();
        tenants.all(&one, "two", &image).await.assert_denied();
    }
    tenants.user("one");
    tenants
        .all(&tenants.user("two"), "two", &image)
        .await
        .assert_found();
    tenants.all(&one, "two", &image).await.assert_denied();
}

#[tokio::test]
async fn two_tenants_of_whom_one_may_read() {
    let (tenants, image) = Tenants::new();
    let (one, two) = (tenants.user("one"), tenants.user("two"));
    tenants.all(&one, "one", &image).await.assert_found();
    tenants.all(&two, "one", &image).await.assert_denied();
    tenants.all(&one, "one", &image).await.assert_found();
    // Neither a wrong password nor none at all is the same as the right one.
    let wrong = tenants.login("one", "secret-2");
    tenants.all(&wrong, "one", &image).await.assert_denied();
    let nobody = cached(&tenants.registry, &tenants.cache);
    tenants.all(&nobody, "one", &image).await.assert_denied();
}

#[tokio::test]
async fn bytes_are_shared_by_those_who_may_read_them_and_nothing_else_is() {
    let (tenants, image) = Tenants::new();
    let (one, two) = (tenants.user("one"), tenants.user("two"));
    let look = async |cached| {
        let repo = tenants.repo("shared");
        let evidence = check(cached, &repo, &tag("v1")).await.unwrap();
        assert_eq!(evidence.items.len(), 1);
        tenants.served()
    };
    assert_eq!(look(&one).await, 6);
    assert_eq!(look(&one).await, 0);
    // Tag, list, the referrer's manifest and both absences are asked for with the other's credential; the blob is not.
    assert_eq!(look(&two).await, 5);
    assert_eq!(look(&two).await, 0);
    // Once more in another repository of the same tenant.
    tenants.all(&two, "two", &image).await.assert_found();
}

#[tokio::test]
async fn an_absence_is_not_shared() {
    let (tenants, _) = Tenants::new();
    let (one, two) = (tenants.user("one"), tenants.user("two"));
    let (repo, budget, later) = (tenants.repo("shared"), budget(), tag("later"));
    let look = async |cached: &Cached<HttpRegistry>| {
        let manifest = cached.manifest(&repo, &later, 100, &budget);
        let blob = Digest::of(b"later");
        let blob = cached.blob(&repo, &blob, 5, &budget);
        (
            manifest.await.unwrap().is_some(),
            blob.await.unwrap().is_some(),
        )
    };
    assert_eq!(look(&one).await, (false, false));
    tenants
        .registry
        .push_manifest("shared", "later", OCI_MANIFEST, b"{}");
    tenants.registry.push_blob("shared", b"later");
    assert_eq!(look(&one).await, (false, false));
    assert_eq!(look(&two).await, (true, true));
    assert_eq!(look(&one).await, (false, false));
}

#[tokio::test]
async fn flights_are_not_shared() {
    let (tenants, image) = Tenants::new();
    let (one, two) = (tenants.user("one"), tenants.user("two"));
    let (mine, theirs) = tokio::join!(
        tenants.all(&one, "one", &image),
        tenants.all(&two, "one", &image),
    );
    mine.assert_found();
    theirs.assert_denied();
    jump(120).await;
    let (repo, budget) = (tenants.repo("shared"), budget());
    tenants.registry.clear_requests();
    let (a, b) = tokio::join!(
        one.referrers(&repo, &image, &budget),
        two.referrers(&repo, &image, &budget),
    );
    assert_eq!((a.unwrap().items.len(), b.unwrap().items.len()), (1, 1));
    assert_eq!(tenants.served(), 2);
}

#[tokio::test]
async fn a_right_that_was_taken_away_ends_within_a_minute() {
    let (tenants, image) = Tenants::new();
    let one = tenants.user("one");
    tenants.all(&one, "one", &image).await.assert_found();
    tenants.registry.fault(|_| true, Fault::Status(401));
    let by_digest = Reference::Digest(image);
    let (repo, blob) = (tenants.repo("one"), Digest::of(BUNDLE));
    let manifest = async || one.manifest(&repo, &by_digest, 10_000, &budget()).await;
    let bytes = async || one.blob(&repo, &blob, BUNDLE.len(), &budget()).await;
    jump(59).await;
    assert!(manifest().await.is_ok() && bytes().await.is_ok());
    jump(2).await;
    let outcomes = Outcomes {
        tag: one.manifest(&repo, &tag("v1"), 10_000, &budget()).await,
        manifest: manifest().await,
        listing: one.referrers(&repo, &image, &budget()).await,
        blob: bytes().await,
    };
    outcomes.assert_denied();
}

/// A list can name whatever somebody pushed into it; only a manifest that was read there shows what the repository holds.
#[tokio::test]
async fn a_list_that_names_a_foreign_manifest_opens_nothing() {
    let (tenants, image) = Tenants::new();
    let (one, two) = (tenants.user("one"), tenants.user("two"));
    tenants.all(&two, "two", &image).await.assert_found();
    let repo = tenants.repo("two");
    let listing = two.referrers(&repo, &image, &budget()).await.unwrap();
    let referrer = listing.items[0].clone();
    let reference = Reference::Digest(referrer.digest);
    let max = usize::try_from(referrer.size).unwrap();
    let read = two.manifest(&repo, &reference, max, &budget()).await;
    assert!(read.unwrap().is_some());

    // Tenant one has a repository with the image, and a list that names the other's evidence, which it does not hold.
    let own = tenants.repo("one");
    let index = serde_json::json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{"mediaType": OCI_MANIFEST, "digest": Digest::of(b"foreign").to_string(), "size": 7}]});
    tenants
        .registry
        .push_manifest("two", "", OCI_MANIFEST, b"foreign");
    let foreign = Reference::Digest(Digest::of(b"foreign"));
    let read = two.manifest(&repo, &foreign, 7, &budget()).await;
    assert!(read.unwrap().is_some());
    tenants.registry.fault(
        |request| request.path.contains("/one/referrers/"),
        Fault::Body(
            "application/vnd.oci.image.index.v1+json".into(),
            index.to_string().into_bytes(),
        ),
    );
    let listing = one.referrers(&own, &image, &budget()).await.unwrap();
    assert_eq!(listing.items[0].digest, Digest::of(b"foreign"));
    let read = one.manifest(&own, &foreign, 7, &budget()).await;
    assert_eq!(read.unwrap(), None);
}

#[tokio::test]
async fn what_is_on_disk_is_shared_no_further() {
    let folder = tempfile::tempdir().unwrap();
    let on_disk = || {
        let cache = Cache::default().on_disk(folder.path().join("cache"), 1 << 20);
        cache.unwrap()
    };
    let (mut tenants, image) = Tenants::with(on_disk());
    let repo = tenants.repo("one");
    check(&tenants.user("one"), &repo, &tag("v1"))
        .await
        .unwrap();
    // Everything is on disk, and nothing in memory.
    tenants.cache = Arc::new(on_disk());
    tenants
        .all(&tenants.user("two"), "one", &image)
        .await
        .assert_denied();
    tenants
        .all(&tenants.user("one"), "two", &image)
        .await
        .assert_denied();
    tenants
        .all(&tenants.user("one"), "one", &image)
        .await
        .assert_found();
}
