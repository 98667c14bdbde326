//! The command, a registry, a private Sigstore, and who signs and attests.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use countersign_e2e::{
    Countersign, Identity, Parts, REGISTRY_PARTS, Registry, RegistryKind, SIGSTORE_PARTS,
    SigningKey, Sigstore, Syft, Verdict, parts, workspace,
};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const ALLOWED: i32 = 0;
pub(crate) const DENIED: i32 = 1;

const PIPELINE: &str = "acme/app:acme/ci/.github/workflows/release.yml@refs/heads/main";
const SECURITY: &str = "security@acme.example";
const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// Who attests, with cosign 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The Signer `ci`, keyless.
    Workflow,
    /// The Signer `release`.
    Key,
    /// The Signer `security`, keyless.
    Security,
}

pub(crate) struct Scene {
    pub(crate) countersign: Countersign,
    pub(crate) registry: Registry,
    pub(crate) key: SigningKey,
    pub(crate) parts: Parts,
    sigstore: Sigstore,
    syft: Syft,
    folder: TempDir,
    files: Cell<u32>,
}

impl Scene {
    /// Nothing where the real parts are not asked for.
    pub(crate) fn set() -> Option<Self> {
        let parts = parts(&[&REGISTRY_PARTS[..], &SIGSTORE_PARTS[..], &["syft"]].concat())?;
        let folder = tempfile::tempdir().unwrap();
        let authorities = folder.path().join("sigstore");
        fs::create_dir(&authorities).unwrap();
        let sigstore = Sigstore::start(&parts, &authorities).unwrap();
        let key = SigningKey::generate(&parts, &folder.path().join("key"))
            .unwrap()
            .witnessed_by(&sigstore);
        let scene = Self {
            countersign: Countersign::build().unwrap(),
            registry: Registry::start(&parts, RegistryKind::WithReferrers).unwrap(),
            key,
            syft: Syft::new(&parts, folder.path()),
            parts,
            sigstore,
            folder,
            files: Cell::new(0),
        };
        let policies = scene.policies();
        fs::create_dir(&policies).unwrap();
        fs::copy(scene.sigstore.trusted_root(), policies.join("root.json")).unwrap();
        fs::copy(scene.key.public_key(), policies.join("release.pub")).unwrap();
        Some(scene)
    }

    /// Pushes an image with the files that `fill` writes into the folder.
    pub(crate) fn push(
        &self,
        repository: &str,
        tag: &str,
        platform: &str,
        fill: impl FnOnce(&Path),
    ) -> String {
        let root = self.new_path("root");
        fs::create_dir(&root).unwrap();
        fill(&root);
        self.registry
            .push_files(repository, tag, platform, &root)
            .unwrap()
    }

    /// What syft finds in an image, in one of its formats.
    pub(crate) fn sbom(&self, image: &str, format: &str) -> PathBuf {
        let [document] = self.sboms(image, [format]);
        document
    }

    /// The same in several formats, of one look at the image.
    pub(crate) fn sboms<const N: usize>(&self, image: &str, formats: [&str; N]) -> [PathBuf; N] {
        let files = formats.map(|_| self.new_path("sbom.json"));
        let documents: Vec<(&str, &Path)> = formats
            .into_iter()
            .zip(files.iter().map(PathBuf::as_path))
            .collect();
        self.syft.write(image, &documents).unwrap();
        files
    }

    pub(crate) fn sign(&self, by: By, image: &str) {
        match by.identity() {
            Some(identity) => self.sigstore.sign3(&identity, image),
            None => self.key.sign3(image),
        }
        .unwrap();
    }

    /// Attests a predicate of one of cosign's types.
    pub(crate) fn attest(&self, by: By, kind: &str, predicate: &Path, image: &str) {
        match by.identity() {
            Some(identity) => self.sigstore.attest3(&identity, kind, predicate, image),
            None => self.key.attest3(kind, predicate, image),
        }
        .unwrap();
    }

    /// How it was built, with these inputs of the workflow: each builder says that it did.
    pub(crate) fn attest_provenance(&self, by: By, inputs: &Value, image: &str) {
        let mut predicate = read("slsa-provenance-v1.json");
        let definition = &mut predicate["buildDefinition"];
        definition["externalParameters"]["inputs"] = inputs.clone();
        let base = json!({
            "uri": "pkg:docker/library/debian@12",
            "digest": {"sha256": "0123456789abcdef".repeat(4)},
        });
        let dependencies = definition["resolvedDependencies"].as_array_mut().unwrap();
        dependencies.push(base);
        if by == By::Key {
            let builder = &mut predicate["runDetails"]["builder"];
            *builder = json!({"id": "https://build.acme.example/worker"});
        }
        self.attest_json(by, "slsaprovenance1", &predicate, image);
    }

    /// A scan that found one vulnerability of this severity, or none.
    pub(crate) fn attest_scan(&self, by: By, severity: Option<&str>, image: &str) {
        self.attest_json(by, "vuln", &scan(severity), image);
    }

    /// That the vulnerability is of no effect.
    pub(crate) fn attest_vex(&self, by: By, image: &str) {
        let (_, digest) = image.split_once('@').unwrap();
        let product = format!("pkg:oci/app@{}", digest.replace(':', "%3A"));
        let document = json!({
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": "https://acme.example/vex/1",
            "author": "security@acme.example",
            "timestamp": "2026-11-01T00:00:00Z",
            "version": 1,
            "statements": [{
                "vulnerability": {"name": "CVE-2025-22872"},
                "products": [{
                    "@id": product,
                    "subcomponents": [{"@id": "pkg:golang/golang.org/x/net@v0.37.0"}],
                }],
                "status": "not_affected",
                "justification": "vulnerable_code_not_in_execute_path",
            }],
        });
        self.attest_json(by, "openvex", &document, image);
    }

    pub(crate) fn attest_tests(&self, by: By, result: &str, image: &str) {
        let configuration =
            json!([{"name": "pipeline.yaml", "digest": {"sha256": "ab".repeat(32)}}]);
        let predicate = json!({"result": result, "configuration": configuration});
        self.attest_json(by, TEST_RESULT, &predicate, image);
    }

    /// Verifies, and compares exit code and reasons.
    #[track_caller]
    pub(crate) fn check(&self, policy: &str, image: &str, code: i32, reasons: &[&str]) -> Verdict {
        let path = self.write_policy(policy);
        let verdict = self.countersign.verify(image, &path).unwrap();
        assert_eq!(verdict.code, Some(code), "{image}: {verdict:#?}");
        assert_eq!(verdict.reasons(), reasons, "{image}: {verdict:#?}");
        verdict
    }

    /// The policy's file, beside trust root and key.
    pub(crate) fn write_policy(&self, policy: &str) -> PathBuf {
        let path = self.policies().join("policy.yaml");
        fs::write(&path, policy).unwrap();
        path
    }

    /// `root.json` and `release.pub` are here.
    pub(crate) fn policies(&self) -> PathBuf {
        self.folder.path().join("policies")
    }

    /// A predicate of [`scan`] and its kin as a file.
    pub(crate) fn file(&self, predicate: &Value) -> PathBuf {
        let path = self.new_path("predicate.json");
        fs::write(&path, predicate.to_string()).unwrap();
        path
    }

    /// Timestamps have whole seconds: what is attested next is proven to be newer.
    pub(crate) fn wait_for_the_next_second() {
        thread::sleep(Duration::from_millis(1_100));
    }

    fn attest_json(&self, by: By, kind: &str, predicate: &Value, image: &str) {
        self.attest(by, kind, &self.file(predicate), image);
    }

    fn new_path(&self, name: &str) -> PathBuf {
        let number = self.files.get();
        self.files.set(number + 1);
        self.folder.path().join(format!("{number}-{name}"))
    }
}

impl By {
    fn identity(self) -> Option<Identity> {
        match self {
            Self::Workflow => Some(PIPELINE),
            Self::Security => Some(SECURITY),
            Self::Key => None,
        }
        .map(|text| text.parse().unwrap())
    }
}

/// A scan that found one vulnerability of this severity, or none.
pub(crate) fn scan(severity: Option<&str>) -> Value {
    let mut predicate = read("vuln.json");
    let result = &mut predicate["scanner"]["result"]["Results"][0];
    match severity {
        Some(severity) => result["Vulnerabilities"][0]["Severity"] = severity.into(),
        None => result["Vulnerabilities"] = json!([]),
    }
    predicate
}

fn read(predicate: &str) -> Value {
    let path = workspace().join("testdata/predicates").join(predicate);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}
