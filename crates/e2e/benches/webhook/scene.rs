//! A real registry with images that `countersign-sign` has signed, by a key and by identities of a private Sigstore, and the policies that judge them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use countersign::{
    Budget, Call, CallBody, HttpRegistry, ImageRef, Limits, Method, Repository, Scope,
    ServiceClient, Target, UnixTime,
};
use countersign_core::{Digest, TrustRoot};
use countersign_e2e::{
    Identity, REGISTRY_PARTS, Registry, RegistryKind, SIGSTORE_PARTS, Sigstore, parts,
    plain_registries, workspace,
};
use countersign_sign::{
    Attacher, IdentitySource, IdentityToken, SignedBundle, Signer, SigningConfig, SigningKey,
    SigningServices, Statement, sign_statement,
};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::client::Question;
use crate::proxy::Proxy;
use crate::record::{self, IMAGES};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const SIGNATURE: &str = "https://sigstore.dev/cosign/sign/v1";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const CYCLONEDX: &str = "https://cyclonedx.org/bom";
const SCAN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";
const WORKFLOW: &str = "acme/app:acme/ci/.github/workflows/release.yml@refs/heads/main";
/// Packages of an SBOM: those of a small service on a distroless image.
const PACKAGES: usize = 120;
const LICENSES: [&str; 3] = ["MIT", "Apache-2.0", "BSD-3-Clause"];
/// Images that are signed and attached at a time.
const AT_A_TIME: usize = 4;
const COLD: &str = "load/cold";
/// Images of one such repository: the registry looks through all of them for each list of referrers.
const OF_A_REPOSITORY: usize = 50;

/// Everything that is asked, and everything that is asked about.
pub(crate) struct Scene {
    registry: Registry,
    /// Before the registry, where faults are wanted.
    pub(crate) proxy: Option<Proxy>,
    sigstore: Sigstore,
    key: SigningKey,
    folder: TempDir,
    runtime: Runtime,
    recorded: Vec<String>,
}

/// Which images stand for the placeholders of the questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Images {
    /// With a signature: half of them by a key, half by an identity.
    Signed,
    /// With provenance, SBOM and scan beside it.
    Attested,
}

impl Images {
    const fn name(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Attested => "attested",
        }
    }
}

impl Scene {
    pub(crate) fn set(with_faults: bool) -> Result<Self> {
        let recorded = record::recorded()?;
        let parts = parts(&[&REGISTRY_PARTS[..], &SIGSTORE_PARTS[..]].concat())
            .context("the lab's parts are not there, or COUNTERSIGN_E2E=1 is not set")?;
        let folder = tempfile::tempdir()?;
        let services = folder.path().join("sigstore");
        fs::create_dir(&services)?;
        let key = workspace().join("crates/sign/tests/keys/p256.ec.pem");
        let registry = Registry::start(&parts, RegistryKind::WithReferrers)?;
        Ok(Self {
            proxy: match with_faults {
                true => Some(Proxy::start(registry.host())?),
                false => None,
            },
            registry,
            sigstore: Sigstore::start(&parts, &services)?,
            key: SigningKey::from_pem(&fs::read_to_string(key)?, None)?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            folder,
            recorded,
        })
    }

    /// By which name images are known.
    pub(crate) fn host(&self) -> String {
        match &self.proxy {
            Some(proxy) => proxy.host(),
            None => self.registry.host(),
        }
    }

    /// The recorded questions about images of this registry, which are pushed and signed for that.
    pub(crate) fn questions(&self, images: Images) -> Result<Vec<Question>> {
        let named = self.runtime.block_on(self.push_named(images))?;
        let bodies = self.recorded.iter().map(|body| {
            let mut body = body.clone();
            for (number, image) in named.iter().enumerate() {
                body = body.replace(&record::placeholder(number), image);
            }
            Question::new(&body)
        });
        bodies.collect()
    }

    /// Questions about `number` images that are named nowhere else, each in one place.
    pub(crate) fn cold_questions(&self, number: usize) -> Result<Vec<Question>> {
        let mut images = self
            .runtime
            .block_on(self.push_cold(number))?
            .into_iter()
            .peekable();
        let mut questions = Vec::new();
        for body in self.recorded.iter().cycle() {
            if images.peek().is_none() {
                break;
            }
            let mut body = body.clone();
            for placeholder in record::images(&body) {
                // The last question may name one twice.
                if let Some(image) = images.next() {
                    body = body.replace(&placeholder, &image);
                } else {
                    body = body.replace(
                        &placeholder,
                        &format!("{}/{COLD}-0@{}", self.host(), Digest::of(b"none")),
                    );
                }
            }
            if !body.contains(&Digest::of(b"none").to_string()) {
                questions.push(Question::new(&body)?);
            }
        }
        Ok(questions)
    }

    /// A folder with the policies that judge these images.
    pub(crate) fn policy(&self, images: Images) -> Result<PathBuf> {
        let folder = self.folder.path().join(images.name());
        fs::create_dir_all(&folder)?;
        fs::copy(self.sigstore.trusted_root(), folder.join("root.json"))?;
        fs::write(folder.join("release.pub"), self.key.public_pem())?;
        let (head, rules) = include_str!("policy.yaml")
            .split_once("# RULES\n")
            .context("no rules")?;
        let rules = match images {
            Images::Signed => "",
            Images::Attested => rules,
        };
        let mut policy = head.to_owned();
        for (kind, signer) in [("keyed", "release"), ("keyless", "ci")] {
            // A port is no part of a glob's element that could be left open.
            let mut patterns = vec![format!("{}/load/{kind}-*", self.host())];
            if kind == "keyed" {
                patterns.push(format!("{}/{COLD}-*", self.host()));
            }
            let of = include_str!("rules.yaml")
                .replace("KIND", kind)
                .replace("PATTERNS", &json!(patterns).to_string());
            // The youngest of what has no time is not known.
            let rules = match kind {
                "keyed" => rules.replace("from: FROM\n", "from: FROM\n        match: any\n"),
                _ => rules.to_owned(),
            };
            policy += &(of + &rules).replace("FROM", signer);
        }
        fs::write(folder.join("policy.yaml"), policy)?;
        Ok(folder)
    }

    /// How the registry is reached.
    pub(crate) fn registries(&self) -> Result<PathBuf> {
        let file = self.folder.path().join("registries.yaml");
        fs::write(&file, plain_registries(&[&self.host()]))?;
        Ok(file)
    }

    async fn push_named(&self, images: Images) -> Result<Vec<String>> {
        let workflow = self.keyless()?;
        let mut named = Vec::new();
        for number in 0..IMAGES {
            let kind = ["keyed", "keyless"][number % 2];
            let repository = format!("load/{kind}-{}-{number:02}", images.name());
            let image = self.push(&repository, number, true).await?;
            for (kind, predicate) in statements(images, number) {
                let statement = statement(&image, kind, predicate)?;
                let bundle = match number % 2 {
                    0 => sign_statement(&statement, &self.key)?,
                    _ => workflow.sign(&statement, now()).await?,
                };
                self.attach(&image, &bundle).await?;
            }
            named.push(image);
        }
        Ok(named)
    }

    async fn push_cold(&self, number: usize) -> Result<Vec<String>> {
        let repository = |number: usize| format!("{COLD}-{}", number / OF_A_REPOSITORY);
        for first in (0..number).step_by(OF_A_REPOSITORY) {
            self.push(&repository(first), first, true).await?;
        }
        let images = (0..number).map(|number| async move {
            let image = self.push(&repository(number), number, false).await?;
            let statement = statement(&image, SIGNATURE, json!({}))?;
            self.attach(&image, &sign_statement(&statement, &self.key)?)
                .await?;
            Ok(image)
        });
        stream::iter(images.collect::<Vec<_>>())
            .buffered(AT_A_TIME)
            .try_collect()
            .await
    }

    fn keyless(&self) -> Result<Signer> {
        let config = SigningConfig::from_json(&fs::read(self.sigstore.signing_config())?)?;
        let root = fs::read(self.sigstore.trusted_root())?;
        let root = TrustRoot::from_json("private", &root)?;
        let services = SigningServices::new(&config, root, ServiceClient::new(), now())?;
        let identity: Identity = WORKFLOW.parse()?;
        let token = IdentityToken::new(&self.sigstore.token(&identity)?, now())?;
        Ok(Signer::keyless(services, IdentitySource::Token(token))?)
    }

    /// An image of nothing but its number; its blobs are the same for all, and in a repository from the first time on.
    async fn push(&self, repository: &str, number: usize, with_blobs: bool) -> Result<String> {
        let name = format!("{}/{repository}", self.host());
        let place = Repository::of(&ImageRef::parse(&name)?);
        let (config, layer) = (b"{}".as_slice(), b"layer".as_slice());
        let descriptor = |kind: &str, blob: &[u8]| json!({"mediaType": kind, "digest": Digest::of(blob).to_string(), "size": blob.len()});
        if with_blobs {
            for blob in [config, layer] {
                let path = format!("blobs/uploads/?digest={}", Digest::of(blob));
                self.put(&place, Method::Post, path, blob, "application/octet-stream")
                    .await?;
            }
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
            "annotations": {"org.opencontainers.image.version": number.to_string(), "org.opencontainers.image.title": repository},
        });
        let manifest = manifest.to_string().into_bytes();
        let digest = Digest::of(&manifest);
        let path = format!("manifests/{digest}");
        self.put(&place, Method::Put, path, &manifest, MANIFEST)
            .await?;
        Ok(format!("{name}@{digest}"))
    }

    async fn put(
        &self,
        repository: &Repository,
        method: Method,
        path: String,
        part: &[u8],
        kind: &str,
    ) -> Result<()> {
        let call = Call {
            method,
            target: Target::Path(path),
            scope: Scope::PullPush,
            headers: vec![("content-type", kind.to_owned())],
            body: CallBody::Bytes(part.to_vec()),
        };
        let budget = Budget::new(&Limits::default(), Duration::from_secs(30));
        let called = self.client().call(repository, call, &budget).await?;
        ensure!(called.status == 201, "{kind}: {}", called.status);
        Ok(())
    }

    async fn attach(&self, image: &str, bundle: &SignedBundle) -> Result<()> {
        let attacher = Attacher::new(self.client());
        attacher
            .attach(&ImageRef::parse(image)?, bundle, now())
            .await?;
        Ok(())
    }

    fn client(&self) -> HttpRegistry {
        HttpRegistry::new().plain_http(self.host())
    }
}

fn now() -> UnixTime {
    SystemTime::now().into()
}

fn statement(image: &str, kind: &str, predicate: Value) -> Result<Statement> {
    let image = ImageRef::parse(image)?;
    let digest = *image.digest().context("no digest")?;
    let predicate = match predicate {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    Ok(Statement::new(digest, &image.to_string(), kind, predicate)?)
}

/// What is said of an image.
fn statements(images: Images, number: usize) -> BTreeMap<&'static str, Value> {
    let mut all = BTreeMap::from([(SIGNATURE, json!({}))]);
    if images == Images::Attested {
        let mut provenance: Value = predicate(include_str!(
            "../../../../testdata/predicates/slsa-provenance-v1.json"
        ));
        if number.is_multiple_of(2) {
            provenance["runDetails"]["builder"]["id"] = json!("https://build.acme.example/worker");
        }
        let mut scan = predicate(include_str!("../../../../testdata/predicates/vuln.json"));
        scan["scanner"]["result"]["Results"][0]["Vulnerabilities"][0]["Severity"] = json!("LOW");
        all.extend([
            (PROVENANCE, provenance),
            (CYCLONEDX, sbom(number)),
            (SCAN, scan),
        ]);
    }
    all
}

fn predicate(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn sbom(image: usize) -> Value {
    let components: Vec<Value> = (0..PACKAGES)
        .map(|number| {
            let (name, version) = (format!("package-{number}"), format!("1.{image}.{number}"));
            json!({
                "bom-ref": format!("pkg:golang/acme.example/{name}@v{version}"),
                "type": "library",
                "name": name,
                "version": format!("v{version}"),
                "purl": format!("pkg:golang/acme.example/{name}@v{version}"),
                "licenses": [{"license": {"id": LICENSES[number % LICENSES.len()]}}],
            })
        })
        .collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": "2026-11-01T00:00:00Z",
            "tools": {"components": [{"type": "application", "name": "syft", "version": "1.38.0"}]},
            "component": {"type": "container", "name": "registry.acme.example/load/app", "version": "1"},
        },
        "components": components,
    })
}
