//! Registries with an image that has everything, and what is in them afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use countersign::{
    Attached, Budget, DockerConfig, HttpRegistry, ImageRef, Limits, Node, Reference, Repository,
    Walk, Way, walk,
};
use countersign_sign::{Copied, Copier, CopyError, CopyFailed, Done, Place, Route};
use countersign_testkit::registry::{Builder, Registry, Request};

pub(crate) const REPO: &str = "acme/app";
pub(crate) const USER: &str = "robot";
pub(crate) const PASSWORD: &str = "hunter2";

/// A client that knows these registries, gives up at once and has the credentials of them all.
pub(crate) fn client(registries: &[&Registry]) -> HttpRegistry {
    let auths: Vec<String> = registries
        .iter()
        .map(|registry| {
            let host = registry.host();
            format!(r#""{host}": {{"username": "{USER}", "password": "{PASSWORD}"}}"#)
        })
        .collect();
    let config = format!(r#"{{"auths": {{{}}}}}"#, auths.join(","));
    let client = HttpRegistry::new()
        .timeouts(Duration::from_secs(2), Duration::from_secs(1))
        .retries(0, Duration::from_millis(1))
        .credentials(DockerConfig::from_bytes(config.as_bytes()).unwrap());
    registries.iter().fold(client, |client, registry| {
        client.plain_http(registry.host())
    })
}

pub(crate) fn copier(registries: &[&Registry]) -> Copier {
    Copier::new(client(registries)).timeout(Duration::from_secs(20))
}

pub(crate) fn route(source: &str, destination: &str) -> Route {
    let place = |text| Place::parse(text).unwrap();
    Route::new(place(source), place(destination)).unwrap()
}

pub(crate) fn named(registry: &Registry, rest: &str) -> String {
    format!("{}/{rest}", registry.host())
}

/// `acme/app:v1` from the one registry to the other.
pub(crate) async fn copy(from: &Registry, to: &Registry) -> Result<Copied, CopyFailed> {
    let route = route(&named(from, "acme/app:v1"), &named(to, "acme/app"));
    copier(&[from, to]).copy(&route).await
}

pub(crate) fn writable() -> Builder {
    Registry::builder().writable()
}

/// A registry with the image that has everything.
pub(crate) fn filled(builder: Builder) -> Registry {
    let registry = builder.start();
    fill(&registry);
    registry
}

/// An index of two platforms; bundles of the index and of one platform, a referrer of a referrer, `.sig`, `.att`, `.sbom`.
/// The digest of the index.
pub(crate) fn fill(registry: &Registry) -> String {
    let platforms = ["amd64", "arm64"].map(|name| registry.push_image(REPO, name));
    let index = registry.push_index(REPO, "v1", &[&platforms[0], &platforms[1]]);
    let carrier = registry.attach_bundle(REPO, &index, b"a bundle of the index");
    registry.attach_bundle(REPO, &index, b"another bundle of the index");
    registry.attach_bundle(REPO, &carrier, b"a bundle of the bundle");
    registry.attach_bundle(REPO, &platforms[1], b"a bundle of the platform");
    let signature = |text: &str| BTreeMap::from([("signature".to_owned(), text.to_owned())]);
    registry.attach_sig(REPO, &index, b"payload", &signature("one"));
    registry.attach_sig(REPO, &index, b"payload", &signature("two"));
    registry.attach_att(REPO, &index, b"envelope", &signature("one"));
    registry.attach_sig(
        REPO,
        &platforms[0],
        b"payload of the platform",
        &signature("one"),
    );
    let sbom = registry.push_image(REPO, "sbom");
    let tag = format!("{}.sbom", index.replace(':', "-"));
    let bytes = manifest(registry, &sbom);
    registry.push_manifest(REPO, &tag, OCI_MANIFEST, &bytes);
    index
}

pub(crate) use countersign_testkit::registry::{OCI_INDEX, OCI_MANIFEST};

/// A manifest's bytes, read as any client would.
pub(crate) fn manifest(registry: &Registry, reference: &str) -> Vec<u8> {
    let reference = match reference.parse() {
        Ok(digest) => Reference::Digest(digest),
        Err(_) => Reference::Tag(reference.to_owned()),
    };
    let client = client(&[registry]);
    let repository = repository(registry);
    let fetched = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let budget = budget();
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(async {
                    use countersign::Registry as _;
                    client
                        .manifest(&repository, &reference, 1 << 20, &budget)
                        .await
                })
            })
            .join()
            .unwrap()
    });
    fetched.unwrap().unwrap().bytes
}

pub(crate) fn budget() -> Budget {
    Budget::new(&Limits::default(), Duration::from_secs(20))
}

pub(crate) fn repository(registry: &Registry) -> Repository {
    Repository::of(&ImageRef::parse(&named(registry, REPO)).unwrap())
}

/// Everything that hangs on `acme/app:v1`: nothing may be missing, not a blob either.
pub(crate) async fn walked(registry: &Registry) -> Attached {
    use countersign::Registry as _;
    let (client, repository) = (client(&[registry]), repository(registry));
    let reference = Reference::Tag("v1".to_owned());
    let attached = walk(&client, &repository, &reference, &Walk::new(), &budget())
        .await
        .unwrap();
    assert_eq!(attached.gaps().count(), 0);
    for blob in attached.nodes().iter().flat_map(|node| &node.blobs) {
        let size = usize::try_from(blob.size).unwrap();
        let read = client
            .blob(&repository, &blob.digest, size, &budget())
            .await;
        assert!(read.unwrap().is_some(), "{}", blob.digest);
    }
    attached
}

/// What hangs where, by whichever list it is found: each way down from the image, as digests and tags.
pub(crate) async fn holdings(registry: &Registry) -> BTreeSet<Vec<String>> {
    fn add(node: &Node, above: &[String], all: &mut BTreeSet<Vec<String>>) {
        let way = match node.way {
            Way::FallbackTag => return,
            Way::FallbackReferrer => Way::Referrer,
            way => way,
        };
        let mut path = above.to_vec();
        path.push(format!("{way} {}", node.digest));
        path.extend(node.tag.clone());
        all.insert(path.clone());
        for below in node.children.iter().chain(&node.attached) {
            add(below, &path, all);
        }
    }
    let mut all = BTreeSet::new();
    add(&walked(registry).await.image, &[], &mut all);
    all
}

/// The requests that write.
pub(crate) fn writes(registry: &Registry) -> Vec<Request> {
    let is_write = |request: &Request| is_write(request);
    registry.requests().into_iter().filter(is_write).collect()
}

pub(crate) fn is_write(request: &Request) -> bool {
    matches!(request.method.as_str(), "POST" | "PUT" | "PATCH")
}

/// How many pieces had this done to them.
pub(crate) fn count(copied: &Copied, done: Done) -> usize {
    copied.counts(done).values().sum()
}

#[track_caller]
pub(crate) fn refused(result: Result<Copied, CopyFailed>) -> CopyError {
    result.unwrap_err().error
}
