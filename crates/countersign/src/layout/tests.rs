//! Layouts as tools write them, and as nobody should.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use countersign_core::{Content, ImageRef, Needs};
use serde_json::{Value, json};

use super::*;
use crate::{collect, resolve};

/// A layout in a temporary directory.
struct Made {
    dir: tempfile::TempDir,
    entries: Vec<Value>,
}

impl Made {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("blobs/sha256")).unwrap();
        std::fs::write(
            dir.path().join("oci-layout"),
            r#"{"imageLayoutVersion":"1.0.0"}"#,
        )
        .unwrap();
        Self {
            dir,
            entries: Vec::new(),
        }
    }

    fn path_of(&self, digest: &Digest) -> PathBuf {
        self.dir.path().join("blobs/sha256").join(digest.hex())
    }

    /// Writes a blob; its descriptor.
    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes);
        std::fs::write(self.path_of(&digest), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": bytes.len()})
    }

    fn manifest(&self, value: &Value) -> Value {
        self.blob(OCI_MANIFEST, value.to_string().as_bytes())
    }

    /// An image that differs by its `name`; its descriptor.
    fn image(&self, name: &str) -> Value {
        self.manifest(&json!({"schemaVersion": 2, "config": {"name": name}, "layers": []}))
    }

    /// A bundle that refers to the image.
    fn bundle(&self, subject: &Value, bundle: &[u8]) -> Value {
        let layer = self.blob("application/vnd.dev.sigstore.bundle.v0.3+json", bundle);
        self.manifest(
            &json!({"schemaVersion": 2, "config": {}, "layers": [layer], "subject": subject}),
        )
    }

    fn list(&mut self, mut descriptor: Value, annotations: &[(&str, &str)]) -> &mut Self {
        for (key, value) in annotations {
            descriptor["annotations"][*key] = json!(value);
        }
        self.entries.push(descriptor);
        self
    }

    fn write(&self) -> &Path {
        let index = json!({"schemaVersion": 2, "manifests": self.entries}).to_string();
        std::fs::write(self.dir.path().join("index.json"), index).unwrap();
        self.dir.path()
    }
}

fn digest_of(descriptor: &Value) -> Digest {
    Digest::parse(descriptor["digest"].as_str().unwrap()).unwrap()
}

fn layout(path: &Path, rest: &str) -> (LayoutRef, OciLayout) {
    let reference = LayoutRef::parse(&format!("oci:{}{rest}", path.display())).unwrap();
    let opened = OciLayout::open(&reference, &Limits::default()).unwrap();
    (reference, opened)
}

fn find(path: &Path, rest: &str) -> Result<Reference, RegistryError> {
    let (reference, opened) = layout(path, rest);
    opened.find(&reference)
}

/// How much evidence of each kind there is: bundles, simple signatures, attestations; then the gaps.
async fn evidence(path: &Path, rest: &str) -> (usize, usize, usize, Vec<countersign_core::Gap>) {
    let (reference, opened) = layout(path, rest);
    let repository = Repository::of(&ImageRef::parse("registry.example/app").unwrap());
    let budget = Budget::new(&Limits::default(), Budget::DEFAULT_TIME);
    let image = opened.find(&reference).unwrap();
    let image = resolve(&opened, &repository, &image, &budget)
        .await
        .unwrap();
    let found = collect(&opened, &repository, image.digest(), Needs::ALL, &budget).await;
    let count = |wanted: fn(&Content) -> bool| {
        found
            .items
            .iter()
            .filter(|item| wanted(&item.content))
            .count()
    };
    (
        count(|content| matches!(content, Content::Bundle(_))),
        count(|content| matches!(content, Content::SimpleSigning { .. })),
        count(|content| matches!(content, Content::Attestation { .. })),
        found.gaps,
    )
}

#[test]
fn one_image_is_found_without_a_name_and_two_are_an_error() {
    let mut made = Made::new();
    let (one, two) = (made.image("one"), made.image("two"));
    let bundle = made.bundle(&one, b"{}");
    made.list(one.clone(), &[(REF_NAME, "v1")])
        .list(one.clone(), &[(REF_NAME, "latest")])
        .list(bundle, &[]);
    assert_eq!(
        find(made.write(), "").unwrap(),
        Reference::Digest(digest_of(&one))
    );
    made.list(two.clone(), &[(REF_NAME, "registry.example/app:v2")]);
    let error = find(made.write(), "").unwrap_err().to_string();
    assert!(error.contains(&digest_of(&one).to_string()), "{error}");
    assert!(error.contains("registry.example/app:v2"), "{error}");
    let path = made.write();
    assert_eq!(
        find(path, ":v2").unwrap(),
        Reference::Digest(digest_of(&two))
    );
    let pinned = format!(":v2@{}", digest_of(&two));
    assert!(find(path, &pinned).is_ok());
    let wrong = format!(":v2@{}", digest_of(&one));
    assert!(matches!(
        find(path, &wrong),
        Err(RegistryError::Candidates { .. })
    ));
    assert!(
        find(path, ":v3")
            .unwrap_err()
            .to_string()
            .contains("no such image")
    );
}

#[tokio::test]
async fn evidence_is_found_by_subject_by_tag_and_by_kind() {
    let mut made = Made::new();
    let image = made.image("app");
    let hex = digest_of(&image).hex();
    let referrer = made.bundle(&image, b"{\"by\": \"subject\"}");
    made.list(image.clone(), &[(REF_NAME, "v1")])
        .list(referrer, &[]);
    let fallback = made.bundle(&image, b"{\"by\": \"fallback tag\"}");
    let other = made.bundle(&made.image("other"), b"{\"for\": \"another\"}");
    let index = json!({"schemaVersion": 2, "manifests": [fallback]});
    let index = made.blob(OCI_INDEX, index.to_string().as_bytes());
    made.list(index, &[(REF_NAME, &format!("sha256-{hex}"))])
        .list(other, &[]);
    let payload = made.blob(
        "application/vnd.dev.cosign.simplesigning.v1+json",
        b"payload",
    );
    let envelope = made.blob("application/vnd.dsse.envelope.v1+json", b"envelope");
    let sig = made.manifest(&json!({"schemaVersion": 2, "config": {}, "layers": [payload]}));
    let att = made.manifest(&json!({"schemaVersion": 2, "config": {}, "layers": [envelope]}));
    made.list(sig.clone(), &[(REF_NAME, &format!("sha256-{hex}.sig"))])
        .list(att.clone(), &[(REF_NAME, &format!("sha256-{hex}.att"))]);
    let (bundles, signatures, attestations, gaps) = evidence(made.write(), "").await;
    assert_eq!((bundles, signatures, attestations), (2, 1, 1));
    assert!(gaps.is_empty(), "{gaps:?}");

    let mut saved = Made {
        entries: Vec::new(),
        ..made
    };
    let two = saved.image("two");
    saved
        .list(image, &[(KIND, KIND_IMAGE), (REF_NAME, "r.example/app:v1")])
        .list(two, &[(KIND, KIND_IMAGE), (REF_NAME, "r.example/app:v2")])
        .list(
            sig.clone(),
            &[(KIND, KIND_SIGNATURES), (REF_NAME, "r.example/app:v1")],
        )
        .list(
            att.clone(),
            &[(KIND, KIND_ATTESTATIONS), (REF_NAME, "r.example/app:v2")],
        );
    // by kind and name; and the two bundles that the folder still holds, listed or not
    let (bundles, signatures, attestations, gaps) = evidence(saved.write(), ":v1").await;
    assert_eq!((bundles, signatures, attestations), (2, 1, 0));
    assert!(gaps.is_empty(), "{gaps:?}");
}

#[tokio::test]
async fn tampered_and_missing_blobs_are_gaps() {
    let mut made = Made::new();
    let image = made.image("app");
    let bundle = made.bundle(&image, b"{bundle}");
    made.list(image.clone(), &[(REF_NAME, "v1")])
        .list(bundle, &[]);
    let blob = made.path_of(&Digest::of(b"{bundle}"));
    std::fs::write(&blob, b"{evil!!}").unwrap();
    let (bundles, .., gaps) = evidence(made.write(), ":v1").await;
    assert_eq!(bundles, 0);
    assert_eq!(gaps[0].code, countersign_core::ReasonCode::RegistryHostile);
    std::fs::write(&blob, b"{bundle} and more").unwrap();
    let (.., gaps) = evidence(made.write(), ":v1").await;
    assert_eq!(gaps[0].code, countersign_core::ReasonCode::RegistryHostile);
    std::fs::remove_file(&blob).unwrap();
    let (.., gaps) = evidence(made.write(), ":v1").await;
    assert_eq!(gaps[0].class, countersign_core::GapClass::Hostile);
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_outside_the_layout_is_read() {
    let mut made = Made::new();
    let image = made.image("app");
    let bundle = made.bundle(&image, b"{bundle}");
    made.list(image.clone(), &[(REF_NAME, "v1")])
        .list(bundle, &[]);
    let outside = tempfile::tempdir().unwrap();
    let blob = made.path_of(&Digest::of(b"{bundle}"));
    let target = outside.path().join("target");
    std::fs::rename(&blob, &target).unwrap();
    std::os::unix::fs::symlink(&target, &blob).unwrap();
    let (bundles, .., gaps) = evidence(made.write(), ":v1").await;
    assert_eq!(bundles, 0);
    assert!(gaps[0].cause.contains("not a regular file"), "{gaps:?}");

    let blobs = made.dir.path().join("blobs");
    let moved = outside.path().join("blobs");
    std::fs::rename(&blobs, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &blobs).unwrap();
    let error = find(made.write(), ":v1").unwrap_err().to_string();
    assert!(error.contains("not a directory"), "{error}");
}

#[test]
fn what_is_no_layout_is_refused() {
    let made = Made::new();
    let reference = LayoutRef::parse(&format!("oci:{}", made.dir.path().display())).unwrap();
    let open = || OciLayout::open(&reference, &Limits::default()).map(drop);
    assert!(open().unwrap_err().to_string().contains("index.json"));
    made.write();
    open().unwrap();
    for (file, text) in [
        ("index.json", "[]"),
        ("index.json", r#"{"manifests": [], "manifests": []}"#),
        ("oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#),
        ("oci-layout", "{}"),
    ] {
        std::fs::write(made.dir.path().join(file), text).unwrap();
        assert!(
            matches!(open(), Err(RegistryError::Layout { .. })),
            "{text}"
        );
    }
    std::fs::remove_file(made.dir.path().join("oci-layout")).unwrap();
    assert!(open().unwrap_err().to_string().contains("no OCI layout"));
}

#[tokio::test]
async fn real_layouts_of_real_tools() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/images");
    for (name, expected) in [
        ("signed-keyed", (1, 0, 0)),
        ("signed-keyed-referrers", (1, 0, 0)),
        ("signed-keyed-legacy", (0, 1, 0)),
        ("foreign-signed", (1, 1, 0)),
        ("unsigned", (0, 0, 0)),
    ] {
        for rest in ["", ":v1"] {
            let (bundles, signatures, attestations, gaps) =
                evidence(&images.join(name), rest).await;
            assert_eq!(
                (bundles, signatures, attestations),
                expected,
                "{name}{rest}"
            );
            assert!(gaps.is_empty(), "{name}{rest}: {gaps:?}");
        }
    }
}

/// `cosign save` of cosign 3 lists no bundle in `index.json`, so there, and only there, the blobs are looked at.
#[tokio::test]
async fn unlisted_bundles_of_cosign_save() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/images");
    let (bundles, _, _, gaps) = evidence(&images.join("saved-by-cosign3"), "").await;
    assert_eq!(bundles, 5);
    assert!(gaps.is_empty(), "{gaps:?}");

    for (kind, found) in [(Some(KIND_IMAGE), 1), (None, 0)] {
        let mut made = Made::new();
        let (image, other) = (made.image("a"), made.image("b"));
        made.bundle(&image, b"{}");
        made.bundle(&other, b"{}");
        let kind: Vec<(&str, &str)> = kind.map(|kind| (KIND, kind)).into_iter().collect();
        made.list(image.clone(), &kind);
        let (bundles, _, _, gaps) = evidence(made.write(), "").await;
        assert_eq!((bundles, gaps.len()), (found, 0), "{kind:?}");
        // a blob that is not what its name says spoils the answer
        std::fs::write(made.path_of(&digest_of(&other)), "changed").unwrap();
        let (_, _, _, gaps) = evidence(made.write(), "").await;
        assert_eq!(gaps.len(), found);
    }
}

/// Images of the public corpus, as `cosign save` wrote them over the years; run where the corpus is.
#[tokio::test]
async fn public_layouts_of_cosign_save() {
    let Some(corpus) = countersign_testkit::gate::corpus() else {
        return;
    };
    let corpus = corpus.join("slsa-verifier/gha_generic_container");
    for version in ["v1.4.0", "v1.9.0", "v2.1.0"] {
        let path = corpus.join(version).join("container_workflow_dispatch");
        let (bundles, signatures, attestations, gaps) = evidence(&path, "").await;
        assert_eq!((bundles, signatures, attestations), (0, 0, 1), "{version}");
        assert!(gaps.is_empty(), "{version}: {gaps:?}");
    }
}
