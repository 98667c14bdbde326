//! Our reader and `oci-client` see the same referrers and the same bytes, for every image and in every registry of the lab.
//!
//! Where `oci-client` is known to be wrong, `divergences.rs` shows it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;

use countersign::{
    Budget, DockerConfig, HttpRegistry, Reference, Registries, Registry as _, Repository,
};
use countersign_core::{Digest, ImageRef, Limits};
use countersign_e2e::{OWNER, Parts, REGISTRY_PARTS, Registry, RegistryKind, SigningKey, parts};
use oci_client::Client;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use serde_json::{Value, json};

const REPOSITORY: &str = "acme/lab";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANY: usize = 25;
/// Larger than anything in the lab.
const MAX: usize = 4 * 1024 * 1024;

/// One registry, read by both.
struct Pair {
    registry: Registry,
    ours: HttpRegistry,
    theirs: Client,
    auth: RegistryAuth,
}

impl Pair {
    async fn start(parts: &Parts, kind: RegistryKind) -> Self {
        let registry = Registry::start(parts, kind).unwrap();
        let mut config = ClientConfig {
            protocol: ClientProtocol::Http,
            ..ClientConfig::default()
        };
        let (mut ours, mut auth) = (HttpRegistry::new(), RegistryAuth::Anonymous);
        if let Some(ca) = registry.ca() {
            let data = fs::read(ca).unwrap();
            let shown = OWNER.docker_config(&registry.host(), OWNER.password);
            ours = ours
                .ca_file(&data)
                .unwrap()
                .registries(Registries::load(&registry.registries_file().unwrap()).unwrap())
                .credentials(DockerConfig::from_bytes(shown.as_bytes()).unwrap());
            auth = RegistryAuth::Basic(OWNER.user.to_owned(), OWNER.password.to_owned());
            config.protocol = ClientProtocol::Https;
            config.extra_root_certificates = vec![Certificate {
                encoding: CertificateEncoding::Pem,
                data,
            }];
        } else {
            ours = ours.plain_http(registry.host());
        }
        let theirs = Client::new(config);
        theirs.store_auth_if_needed(&registry.host(), &auth).await;
        Self {
            registry,
            ours,
            theirs,
            auth,
        }
    }

    fn repository(&self) -> Repository {
        let name = format!("{}/{REPOSITORY}", self.registry.host());
        Repository::of(&ImageRef::parse(&name).unwrap())
    }

    fn reference(&self, reference: &Reference) -> oci_client::Reference {
        let (host, path) = (self.registry.host(), REPOSITORY.to_owned());
        match reference {
            Reference::Tag(tag) => oci_client::Reference::with_tag(host, path, tag.clone()),
            Reference::Digest(digest) => {
                oci_client::Reference::with_digest(host, path, digest.to_string())
            }
        }
    }

    /// The manifest's bytes, which are the same to both; none if it is there for neither.
    async fn manifest(&self, reference: &Reference) -> Option<Vec<u8>> {
        let ours = self
            .ours
            .manifest(&self.repository(), reference, MAX, &budget())
            .await
            .unwrap()
            .map(|fetched| fetched.bytes);
        let asked = self.reference(reference);
        let theirs = self
            .theirs
            .pull_manifest_raw(&asked, &self.auth, &[MANIFEST, INDEX])
            .await;
        let theirs = match theirs {
            Ok((bytes, _)) => Some(bytes.to_vec()),
            Err(error) if is_absence(&error) => None,
            Err(error) => panic!("{asked}: {error:?}"),
        };
        assert_eq!(ours, theirs, "{asked}");
        ours
    }

    /// What refers to the image: both list the same.
    async fn referrers(&self, image: &Digest) -> Vec<Digest> {
        let listing = self
            .ours
            .referrers(&self.repository(), image, &budget())
            .await
            .unwrap();
        assert!(listing.complete(), "{image}: {:?}", listing.incomplete);
        let asked = self.reference(&Reference::Digest(*image));
        let index = self.theirs.pull_referrers(&asked, None).await.unwrap();
        // Sets: some registries list in another order each time.
        let ours: BTreeSet<_> = listing
            .items
            .iter()
            .map(|it| {
                let size = i64::try_from(it.size).unwrap();
                let artifact_type = it.artifact_type.as_deref().map(str::to_owned);
                (
                    it.digest.to_string(),
                    size,
                    it.media_type.to_string(),
                    artifact_type,
                )
            })
            .collect();
        let theirs: BTreeSet<_> = index
            .manifests
            .into_iter()
            .map(|it| (it.digest, it.size, it.media_type, it.artifact_type))
            .collect();
        assert_eq!(ours, theirs, "{image}");
        listing.items.iter().map(|it| it.digest).collect()
    }

    /// A blob's bytes, which are the same to both.
    async fn blob(&self, descriptor: &Value) {
        let text = descriptor["digest"].as_str().unwrap();
        let digest = Digest::parse(text).unwrap();
        let size = usize::try_from(descriptor["size"].as_u64().unwrap()).unwrap();
        let ours = self
            .ours
            .blob(&self.repository(), &digest, size, &budget())
            .await
            .unwrap();
        let mut theirs = Vec::new();
        let image = self.reference(&Reference::Digest(digest));
        self.theirs
            .pull_blob(&image, text, &mut theirs)
            .await
            .unwrap();
        assert_eq!(ours.as_deref(), Some(&*theirs), "{text}");
    }

    /// Everything that hangs on an image, down to the blobs; how many manifests that is.
    async fn compare(&self, image: &Digest) -> usize {
        let mut waiting = vec![Reference::Digest(*image)];
        let mut seen = BTreeSet::new();
        while let Some(reference) = waiting.pop() {
            let Some(bytes) = self.manifest(&reference).await else {
                continue;
            };
            let digest = Digest::of(&bytes);
            if !seen.insert(digest) {
                continue;
            }
            let manifest: Value = serde_json::from_slice(&bytes).unwrap();
            let listed = |field: &str| manifest[field].as_array().cloned().unwrap_or_default();
            for child in listed("manifests") {
                let child = Digest::parse(child["digest"].as_str().unwrap()).unwrap();
                waiting.push(Reference::Digest(child));
            }
            let config = manifest.get("config").cloned();
            for blob in listed("layers").iter().chain(&config) {
                self.blob(blob).await;
            }
            let referrers = self.referrers(&digest).await;
            waiting.extend(referrers.into_iter().map(Reference::Digest));
            waiting.extend(["", ".sig", ".att"].map(|it| Reference::companion(&digest, it)));
        }
        seen.len()
    }

    /// Many small manifests that refer to the image, pushed by `oci-client`; where the registry does not list referrers,
    /// the index at the fallback tag as well.
    async fn attach_many(&self, image: &Digest, kind: RegistryKind) {
        let bytes = self.manifest(&Reference::Digest(*image)).await.unwrap();
        let size = bytes.len();
        let manifest: Value = serde_json::from_slice(&bytes).unwrap();
        // The image's own: go-containerregistry's registry takes blobs from nobody but the like of crane.
        let config = &manifest["config"];
        let mut listed = Vec::new();
        for number in 0..MANY {
            let artifact_type = format!("application/vnd.example.{number}");
            let manifest = json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type,
                "config": config, "layers": [config],
                "subject": {"mediaType": MANIFEST, "digest": image.to_string(), "size": size},
            });
            let bytes = manifest.to_string().into_bytes();
            let digest = Digest::of(&bytes);
            listed.push(json!({
                "mediaType": MANIFEST, "artifactType": artifact_type,
                "digest": digest.to_string(), "size": bytes.len(),
            }));
            // By tag: where a registry sends no `Location`, oci-client panics after a push by digest.
            let tag = Reference::Tag(format!("many-{number}"));
            self.push(&tag, bytes, MANIFEST).await;
        }
        if kind != RegistryKind::WithReferrers {
            let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed});
            let tag = Reference::companion(image, "");
            self.push(&tag, index.to_string().into_bytes(), INDEX).await;
        }
    }

    async fn push(&self, reference: &Reference, bytes: Vec<u8>, media_type: &str) {
        self.theirs
            .push_manifest_raw(
                &self.reference(reference),
                bytes,
                media_type.parse().unwrap(),
            )
            .await
            .unwrap();
    }
}

/// What one read may spend.
fn budget() -> Budget {
    Budget::new(&Limits::default(), Budget::DEFAULT_TIME)
}

/// Whether `oci-client` says that there is no such manifest.
fn is_absence(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => true,
        OciDistributionError::ServerError { code, .. } => *code == 404,
        OciDistributionError::RegistryError { envelope, .. } => envelope
            .errors
            .iter()
            .all(|error| error.code == OciErrorCode::ManifestUnknown),
        _ => false,
    }
}

/// Fills the registry by crane, cosign and `oci-client`; each image with how many manifests belong to it.
async fn fill(pair: &Pair, key: &SigningKey, kind: RegistryKind) -> Vec<(Digest, usize)> {
    let registry = &pair.registry;
    let predicate = key.public_key().with_file_name("predicate.json");
    fs::write(&predicate, r#"{"buildDefinition": {}}"#).unwrap();
    let key = key.in_registry(registry);
    let push = |name: &str| registry.push(REPOSITORY, name, name).unwrap();
    // Where there is no referrers API, the index at the fallback tag is one manifest more.
    let tags = usize::from(kind != RegistryKind::WithReferrers);

    let unsigned = push("unsigned");
    let signed3 = push("signed3");
    key.sign3(&signed3).unwrap();
    let attested3 = push("attested3");
    key.sign3(&attested3).unwrap();
    key.attest3("https://example.com/predicate/v1", &predicate, &attested3)
        .unwrap();
    let legacy = push("legacy");
    key.sign2(&legacy).unwrap();
    key.attest2("https://example.com/predicate/v1", &predicate, &legacy)
        .unwrap();
    let platforms = ["amd64", "arm64"].map(push);
    let index = registry
        .push_index(REPOSITORY, "index", &[&platforms[0], &platforms[1]])
        .unwrap();
    key.sign3(&index).unwrap();
    key.sign3(&platforms[0]).unwrap();
    let many = push("many");
    let digest = |image: &str| Digest::parse(image.split_once('@').unwrap().1).unwrap();
    pair.attach_many(&digest(&many), kind).await;
    [
        (unsigned, 1),
        (signed3, 2 + tags),
        (attested3, 3 + tags),
        (legacy, 3),
        (index, 5 + 2 * tags),
        (many, 1 + MANY + tags),
    ]
    .map(|(image, manifests)| (digest(&image), manifests))
    .to_vec()
}

async fn compare_in(kind: RegistryKind) {
    let Some(parts) = parts(&[&REGISTRY_PARTS[..], &["cosign2", "cosign3"]].concat()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::generate(&parts, &folder.path().join("key")).unwrap();
    let pair = Pair::start(&parts, kind).await;
    for (image, manifests) in fill(&pair, &key, kind).await {
        assert_eq!(pair.compare(&image).await, manifests, "{kind:?}: {image}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_registry_without_the_referrers_api() {
    compare_in(RegistryKind::Registry).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_registry_of_crane() {
    compare_in(RegistryKind::Crane).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_registry_with_the_referrers_api() {
    compare_in(RegistryKind::WithReferrers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_registry_with_passwords() {
    compare_in(RegistryKind::DockerBasic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_registry_with_tokens() {
    compare_in(RegistryKind::DockerToken).await;
}
