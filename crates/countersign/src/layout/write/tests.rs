//! Layouts as this writer leaves them, and folders that it must leave alone.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use countersign_core::{ImageRef, Needs};
use countersign_testkit::registry::{OCI_INDEX, OCI_MANIFEST, Registry as Server};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::{Budget, HttpRegistry, Reference, Registry, Repository, Walk, collect, resolve, walk};

fn budget() -> Budget {
    Budget::new(&Limits::default(), Budget::DEFAULT_TIME)
}

fn open(path: &Path) -> Result<LayoutWriter, RegistryError> {
    LayoutWriter::open(path, &Limits::default())
}

/// What hangs on `app:<tag>` of a server.
async fn walked(server: &Server, tag: &str) -> (HttpRegistry, Attached) {
    let client = HttpRegistry::new().plain_http(server.host());
    let image = ImageRef::parse(&format!("{}/app:{tag}", server.host())).unwrap();
    let (repository, reference) = (Repository::of(&image), Reference::of(&image));
    let attached = walk(&client, &repository, &reference, &Walk::new(), &budget()).await;
    (client, attached.unwrap())
}

/// Writes the blobs of all but the image itself.
async fn write_blobs(writer: &mut LayoutWriter, client: &HttpRegistry, attached: &Attached) {
    let nodes = attached.nodes().into_iter();
    let budget = budget();
    for node in nodes.filter(|node| node.image().is_none()) {
        for blob in &node.blobs {
            let size = usize::try_from(blob.size).unwrap();
            let fetched = client.blob(&node.repository, &blob.digest, size, &budget);
            let bytes = fetched.await.unwrap().unwrap();
            writer.blob(&blob.digest, &bytes).unwrap();
        }
    }
}

async fn pull(server: &Server, tag: &str, to: &Path) {
    let (client, attached) = walked(server, tag).await;
    let mut writer = open(to).unwrap();
    write_blobs(&mut writer, &client, &attached).await;
    writer.add(&attached, Some(tag)).unwrap();
    writer.finish().unwrap();
}

/// An image in a layout, and its evidence as `Debug` shows it.
async fn evidence(path: &Path, rest: &str) -> (Digest, String) {
    let reference = LayoutRef::parse(&format!("oci:{}{rest}", path.display())).unwrap();
    let layout = OciLayout::open(&reference, &Limits::default()).unwrap();
    let image = layout.find(&reference).unwrap();
    let repository = Repository::layout(path);
    collected(&layout, &repository, &image).await
}

async fn collected<R: Registry>(
    registry: &R,
    repository: &Repository,
    reference: &Reference,
) -> (Digest, String) {
    let budget = budget();
    let image = resolve(registry, repository, reference, &budget)
        .await
        .unwrap();
    let found = collect(registry, repository, image.digest(), Needs::ALL, &budget).await;
    assert!(found.gaps.is_empty(), "{:?}", found.gaps);
    assert!(!found.items.is_empty());
    (*image.digest(), format!("{:?}", found.items))
}

/// Every file with its content, and which are links.
fn files(path: &Path) -> BTreeMap<PathBuf, (bool, Vec<u8>)> {
    let mut all = BTreeMap::new();
    for entry in path.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            let read = (path.is_symlink(), fs::read(&path).unwrap_or_default());
            all.insert(path, read);
        }
    }
    all
}

fn entries(path: &Path) -> Vec<Value> {
    let index: Value = serde_json::from_slice(&fs::read(path.join("index.json")).unwrap()).unwrap();
    index["manifests"].as_array().unwrap().clone()
}

fn sign(server: &Server, image: &str, number: u8) {
    server.attach_bundle("app", image, format!("{{bundle {number}}}").as_bytes());
    server.attach_sig("app", image, &[number], &BTreeMap::new());
    server.attach_att("app", image, &[number, number], &BTreeMap::new());
}

#[tokio::test]
async fn a_reader_finds_what_the_registry_had() {
    for with_api in [true, false] {
        let builder = Server::builder();
        let server = if with_api {
            builder.start()
        } else {
            builder.without_referrers_api().start()
        };
        let image = server.push_image("app", "v1");
        sign(&server, &image, 1);
        server.attach_bundle("app", &image, b"{another}");
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("new/layout");
        pull(&server, "v1", &to).await;
        let (client, attached) = walked(&server, "v1").await;
        let repository = &attached.image.repository;
        let online = collected(
            &client,
            repository,
            &Reference::Digest(attached.image.digest),
        )
        .await;
        for rest in ["", ":v1", &format!("@{image}")] {
            assert_eq!(evidence(&to, rest).await, online, "{rest}");
        }
        let before = files(&to);
        assert!(
            before
                .keys()
                .all(|path| !path.display().to_string().contains(UNFINISHED))
        );
        pull(&server, "v1", &to).await;
        assert_eq!(files(&to), before, "the same again changes nothing");
    }
}

#[tokio::test]
async fn what_is_there_stays_and_names_move() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let first = server.push_image("app", "v1");
    sign(&server, &first, 1);
    pull(&server, "v1", dir.path()).await;
    let index = dir.path().join("index.json");
    let mut document: Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    document["annotations"] = json!({"mine": "kept"});
    document["manifests"][0]["platform"] = json!({"os": "linux", "architecture": "amd64"});
    fs::write(&index, document.to_string()).unwrap();

    // The signatures' manifest grows, which gives its tag another digest.
    sign(&server, &first, 2);
    pull(&server, "v1", dir.path()).await;
    let (found, items) = evidence(dir.path(), "").await;
    assert_eq!(found.to_string(), first);
    assert!(
        items.contains("payload: [1]") && items.contains("payload: [2]"),
        "{items}"
    );

    let other = server.push_image("app", "v2");
    let bytes = walked(&server, "v2").await.1.image.bytes().to_vec();
    server.push_manifest("app", "v1", OCI_MANIFEST, &bytes);
    sign(&server, &other, 3);
    pull(&server, "v1", dir.path()).await;
    assert_eq!(evidence(dir.path(), ":v1").await.0.to_string(), other);
    assert_eq!(
        evidence(dir.path(), &format!("@{first}"))
            .await
            .0
            .to_string(),
        first
    );
    let read: Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    assert_eq!(read["annotations"]["mine"], "kept");
    assert_eq!(read["manifests"][0]["platform"]["os"], "linux");
    assert_eq!(read["manifests"][0]["digest"], first);
}

#[tokio::test]
async fn annotations_name_nothing() {
    let server = Server::start();
    let image = server.push_image("app", "v1");
    sign(&server, &image, 1);
    let layer = server.push_blob("app", b"x");
    let layer = json!({"mediaType": "text/plain", "digest": layer, "size": 1});
    let evil = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": layer, "layers": [],
        "annotations": {"org.opencontainers.image.ref.name": format!("{}.sig", image.replace(':', "-")),
            "kind": "dev.cosignproject.cosign/sigs"},
        "subject": {"mediaType": OCI_MANIFEST, "digest": image, "size": 1}});
    server.push_manifest("app", "", OCI_MANIFEST, evil.to_string().as_bytes());
    let dir = tempfile::tempdir().unwrap();
    pull(&server, "v1", dir.path()).await;
    let (_, items) = evidence(dir.path(), "").await;
    assert!(items.contains("payload: [1]"), "{items}");
}

#[tokio::test]
async fn what_is_incomplete_is_not_listed() {
    let server = Server::start();
    let image = server.push_image("app", "v1");
    sign(&server, &image, 1);
    let dir = tempfile::tempdir().unwrap();
    let (client, attached) = walked(&server, "v1").await;
    let mut writer = open(dir.path()).unwrap();
    let error = writer.add(&attached, None).unwrap_err().to_string();
    assert!(error.contains("was not written"), "{error}");
    write_blobs(&mut writer, &client, &attached).await;
    drop(writer);
    assert_eq!(entries(dir.path()), Vec::<Value>::new());

    let not_there = json!({"schemaVersion": 2, "mediaType": OCI_INDEX,
        "manifests": [{"mediaType": OCI_MANIFEST, "digest": Digest::of(b"absent").to_string(), "size": 1}]});
    let fallback = image.replace(':', "-");
    server.push_manifest(
        "app",
        &fallback,
        OCI_INDEX,
        not_there.to_string().as_bytes(),
    );
    let (_, attached) = walked(&server, "v1").await;
    let mut writer = open(dir.path()).unwrap();
    let error = writer.add(&attached, None).unwrap_err().to_string();
    assert!(error.contains("incomplete"), "{error}");
}

#[tokio::test]
async fn a_blob_is_seen_whole_and_true_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path()).unwrap();
    let (digest, empty) = (Digest::of(b"whole"), files(dir.path()));
    assert!(writer.blob(&digest, b"other").is_err());
    for bytes in [&b"whol"[..], b"whole and more", b"wrong"] {
        let mut file = writer.begin(&digest, 5).unwrap();
        let written = file.write_all(bytes).await;
        assert!(written.is_err() || file.keep().await.is_err(), "{bytes:?}");
    }
    let mut file = writer.begin(&digest, 5).unwrap();
    file.write_all(b"whole").await.unwrap();
    drop(file);
    assert_eq!(files(dir.path()), empty, "nothing is left");
    let mut file = writer.begin(&digest, 5).unwrap();
    file.write_all(b"wh").await.unwrap();
    file.write_all(b"ole").await.unwrap();
    file.keep().await.unwrap();
    assert!(writer.has(&digest, 5).unwrap());
    assert!(!writer.has(&digest, 6).unwrap());
    // A damaged blob is not taken for the true one.
    fs::write(writer.path_of(&digest), "wrong").unwrap();
    assert!(!writer.has(&digest, 5).unwrap());
    writer.blob(&digest, b"whole").unwrap();
    assert!(writer.has(&digest, 5).unwrap());
}

#[tokio::test]
async fn a_layouts_blob_is_downloaded_true_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (bytes, budget) = (vec![7_u8; 1_000_000], budget());
    let digest = Digest::of(&bytes);
    let mut writer = open(dir.path()).unwrap();
    writer.blob(&digest, &bytes).unwrap();
    let layout = OciLayout::open(&LayoutRef::at(dir.path()), &Limits::default()).unwrap();
    let mut sink = Vec::new();
    let read = layout
        .download(&digest, 1_000_000, &mut sink, &budget)
        .await;
    assert_eq!(read.unwrap(), Some(()));
    assert_eq!(sink, bytes);
    for size in [999_999, 1_000_001] {
        let read = layout
            .download(&digest, size, &mut Vec::new(), &budget)
            .await;
        assert!(matches!(read, Err(RegistryError::Size { .. })), "{read:?}");
    }
    fs::write(writer.path_of(&digest), vec![8_u8; 1_000_000]).unwrap();
    let read = layout
        .download(&digest, 1_000_000, &mut Vec::new(), &budget)
        .await;
    assert!(matches!(read, Err(RegistryError::Digest { .. })));
    let absent = layout
        .download(&Digest::of(b"absent"), 1, &mut Vec::new(), &budget)
        .await;
    assert_eq!(absent.unwrap(), None);
}

#[test]
fn only_layouts_and_empty_folders_are_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "precious").unwrap();
    for path in [dir.path(), &file] {
        let before = files(dir.path());
        assert!(matches!(open(path), Err(RegistryError::Layout { .. })));
        assert_eq!(files(dir.path()), before);
    }
    let layout = dir.path().join("layout");
    let first = open(&layout).unwrap();
    #[cfg(unix)]
    assert!(
        open(&layout)
            .unwrap_err()
            .to_string()
            .contains("another process")
    );
    drop(first);
    // Killed after the first line of a new layout, and in the midst of a blob.
    fs::remove_file(layout.join("index.json")).unwrap();
    fs::write(layout.join(".countersign-1-0"), "half").unwrap();
    drop(open(&layout).unwrap());
    assert_eq!(entries(&layout), Vec::<Value>::new());
    assert!(!layout.join(".countersign-1-0").exists());
    fs::write(
        layout.join("oci-layout"),
        r#"{"imageLayoutVersion":"2.0.0"}"#,
    )
    .unwrap();
    assert!(open(&layout).is_err());
    fs::write(layout.join("oci-layout"), MARKER).unwrap();
    fs::write(
        layout.join("index.json"),
        r#"{"manifests": [], "manifests": []}"#,
    )
    .unwrap();
    assert!(open(&layout).is_err());
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("target");
    fs::write(&target, "precious").unwrap();
    let digest = Digest::of(b"blob");
    let dir = tempfile::tempdir().unwrap();
    let mut writer = open(dir.path()).unwrap();
    symlink(&target, writer.path_of(&digest)).unwrap();
    writer.blob(&digest, b"blob").unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"precious");
    assert!(writer.has(&digest, 4).unwrap());
    drop(writer);

    for part in ["index.json", "oci-layout"] {
        let path = dir.path().join(part);
        let moved = outside.path().join(part);
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        assert!(open(dir.path()).is_err(), "{part}");
        fs::rename(&moved, &path).unwrap();
    }
    let blobs = dir.path().join("blobs/sha256");
    let moved = outside.path().join("sha256");
    fs::rename(&blobs, &moved).unwrap();
    symlink(&moved, &blobs).unwrap();
    assert!(
        open(dir.path())
            .unwrap_err()
            .to_string()
            .contains("not a directory")
    );
}
