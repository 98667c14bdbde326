//! Real evidence: of testdata's images, of the public conformance suite, of slsa-verifier's images.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_testkit::faults::Evidence;
use countersign_testkit::mutate::Seed;
use serde_json::Value;

const PUBLIC_GOOD: &str = "public-good-trusted_root.json";

/// A bundle's bytes.
pub(crate) trait Bundled {
    fn bundle(&self) -> &[u8];
}

impl Bundled for Seed {
    fn bundle(&self) -> &[u8] {
        match &self.evidence {
            Evidence::Bundle(bytes) => bytes,
            other => panic!("{}: no bundle: {other:?}", self.name),
        }
    }
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

/// Every bundle of testdata's images, `signed-keyless-0`, with the image that it says to be about.
pub(crate) fn bundles_of_images() -> Vec<Seed> {
    images(|layout| layout.bundles())
}

/// Every layer of `.sig` and `.att` of testdata's images that verifies.
pub(crate) fn layers_of_images() -> Vec<Seed> {
    let mut layers = images(|layout| layout.layers());
    // Tampered ones do not verify; foreign keys and Ed25519ph are refused too (`testdata/README.md`).
    layers.retain(|seed| {
        let name = &seed.name;
        !name.starts_with("tampered") && !name.contains("ed25519ph")
    });
    layers
}

fn images(evidence: impl Fn(&Layout) -> Vec<(Vec<u8>, Evidence)>) -> Vec<Seed> {
    let root = fs::read_to_string(testdata().join("trust/private-trusted_root.json")).unwrap();
    let keys: String = folder(&testdata().join("keys"))
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "pub"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let mut seeds = Vec::new();
    for path in folder(&testdata().join("images")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        // Copies of what other images have.
        if name.starts_with("platforms-") {
            continue;
        }
        for (number, (artifact, evidence)) in
            evidence(&Layout(path.clone())).into_iter().enumerate()
        {
            seeds.push(Seed {
                name: format!("{name}-{number}"),
                evidence,
                artifact,
                trusted_root: root.clone(),
                key_pem: Some(keys.clone()),
                deep: false,
            });
        }
    }
    seeds
}

/// An OCI image layout.
struct Layout(PathBuf);

impl Layout {
    fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        let hex = digest.strip_prefix("sha256:")?;
        fs::read(self.0.join("blobs/sha256").join(hex)).ok()
    }

    /// Whatever is a bundle and hangs by a manifest with a subject.
    fn bundles(&self) -> Vec<(Vec<u8>, Evidence)> {
        let mut found = Vec::new();
        for path in folder(&self.0.join("blobs/sha256")) {
            let Ok(manifest) = serde_json::from_slice::<Value>(&fs::read(path).unwrap()) else {
                continue;
            };
            let subject = manifest["subject"]["digest"].as_str();
            let Some(subject) = subject.and_then(|digest| self.blob(digest)) else {
                continue;
            };
            for layer in manifest["layers"].as_array().unwrap() {
                let kind = layer["mediaType"].as_str().unwrap();
                if kind.starts_with("application/vnd.dev.sigstore.bundle") {
                    let bundle = self.blob(layer["digest"].as_str().unwrap()).unwrap();
                    found.push((subject.clone(), Evidence::Bundle(bundle)));
                }
            }
        }
        found
    }

    /// The layers at `sha256-<hex>.sig` and `.att`.
    fn layers(&self) -> Vec<(Vec<u8>, Evidence)> {
        let index: Value =
            serde_json::from_slice(&fs::read(self.0.join("index.json")).unwrap()).unwrap();
        let mut found = Vec::new();
        for entry in index["manifests"].as_array().unwrap() {
            let name = entry["annotations"]["org.opencontainers.image.ref.name"].as_str();
            let tag = name.unwrap_or_default();
            let Some((image, kind)) = tag.rsplit_once('.') else {
                continue;
            };
            let Some(artifact) = self.blob(&image.replace("sha256-", "sha256:")) else {
                continue;
            };
            let manifest = self.blob(entry["digest"].as_str().unwrap()).unwrap();
            let manifest: Value = serde_json::from_slice(&manifest).unwrap();
            for layer in manifest["layers"].as_array().unwrap() {
                let bytes = self.blob(layer["digest"].as_str().unwrap()).unwrap();
                let annotations: BTreeMap<String, String> =
                    serde_json::from_value(layer["annotations"].clone()).unwrap();
                let evidence = match kind {
                    "sig" => Evidence::Sig(bytes, annotations),
                    "att" => Evidence::Att(bytes, annotations),
                    _ => continue,
                };
                found.push((artifact.clone(), evidence));
            }
        }
        found
    }
}

/// The cases of the public conformance suite.
pub(crate) fn conformance_cases(corpus: &Path) -> Vec<Seed> {
    let suite = corpus.join("sigstore-conformance");
    let public_good = fs::read_to_string(corpus.join(PUBLIC_GOOD)).unwrap();
    let cases = folder(&suite.join("bundle-verify"));
    cases
        .iter()
        .filter(|case| case.is_dir())
        .map(|case| {
            let own = fs::read(case.join("artifact"));
            let root = fs::read_to_string(case.join("trusted_root.json"));
            Seed {
                name: case.file_name().unwrap().to_str().unwrap().to_owned(),
                evidence: Evidence::Bundle(fs::read(case.join("bundle.sigstore.json")).unwrap()),
                artifact: own.unwrap_or_else(|_| fs::read(suite.join("a.txt")).unwrap()),
                trusted_root: root.unwrap_or_else(|_| public_good.clone()),
                key_pem: fs::read_to_string(case.join("key.pub")).ok(),
                deep: false,
            }
        })
        .collect()
}

/// The bundles among slsa-verifier's data.
pub(crate) fn slsa_bundles(corpus: &Path) -> Vec<Seed> {
    let public_good = fs::read_to_string(corpus.join(PUBLIC_GOOD)).unwrap();
    let mut seeds = Vec::new();
    for path in folder(&corpus.join("slsa-verifier/bcr")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(artifact) = name.strip_suffix(".intoto.jsonl") {
            seeds.push(Seed {
                name: name.to_owned(),
                evidence: Evidence::Bundle(fs::read(&path).unwrap()),
                artifact: fs::read(path.with_file_name(artifact)).unwrap(),
                trusted_root: public_good.clone(),
                key_pem: None,
                deep: false,
            });
        }
    }
    seeds
}

fn folder(path: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}
