//! The index at the fallback tag, and the manifests at cosign's tags: what is there is extended, never lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_sign::{CopyError, Done, PieceKind};
use countersign_testkit::registry::{Fault, Registry};
use serde_json::Value;

use crate::scene::{
    OCI_INDEX, OCI_MANIFEST, REPO, copy, count, holdings, manifest, refused, writable, writes,
};

/// A source with the API, a destination without it, both with the image; the image's digest.
fn pair() -> (Registry, Arc<Registry>, String) {
    let from = writable().start();
    let to = Arc::new(writable().without_referrers_api().start());
    let image = from.push_image(REPO, "v1");
    assert_eq!(to.push_image(REPO, "v1"), image);
    from.attach_bundle(REPO, &image, b"ours");
    (from, to, image)
}

fn listed(registry: &Registry, image: &str) -> BTreeSet<String> {
    let index: Value =
        serde_json::from_slice(&manifest(registry, &image.replace(':', "-"))).unwrap();
    let digests = index["manifests"].as_array().unwrap().iter();
    digests
        .map(|entry| entry["digest"].as_str().unwrap().to_owned())
        .collect()
}

fn set<const N: usize>(digests: [&String; N]) -> BTreeSet<String> {
    digests.into_iter().cloned().collect()
}

#[tokio::test]
async fn what_is_listed_stays_and_ours_is_described_as_a_registry_would() {
    let (from, to, image) = pair();
    let theirs = to.attach_bundle(REPO, &image, b"theirs");
    copy(&from, &to).await.unwrap();
    let ours = from.attach_bundle(REPO, &image, b"ours");
    assert_eq!(listed(&to, &image), set([&theirs, &ours]));
    let index: Value = serde_json::from_slice(&manifest(&to, &image.replace(':', "-"))).unwrap();
    let entry = &index["manifests"][1];
    assert_eq!(entry["mediaType"], OCI_MANIFEST);
    assert_eq!(
        entry["artifactType"],
        countersign_testkit::registry::BUNDLE_V03
    );
    assert_eq!(
        entry["annotations"]["dev.sigstore.bundle.content"],
        "dsse-envelope"
    );
    assert_eq!(
        entry["size"],
        manifest(&to, &ours).len(),
        "the size of the manifest"
    );
}

/// Another writer's index, at each read after one of our writes.
fn write_between(to: &Arc<Registry>, image: &str, index: Vec<u8>, times: usize) {
    let (tag, other) = (image.replace(':', "-"), Arc::clone(to));
    let (written, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let path = format!("/manifests/{tag}");
    to.fault(
        move |request| {
            if !request.path.ends_with(&path) {
                return false;
            }
            if request.method == "PUT" {
                written.store(1, Ordering::Relaxed);
            } else if written.swap(0, Ordering::Relaxed) == 1
                && done.fetch_add(1, Ordering::Relaxed) < times
            {
                other.push_manifest(REPO, &tag, OCI_INDEX, &index);
            }
            false
        },
        Fault::Silence,
    );
}

#[tokio::test]
async fn a_writer_between_write_and_read_is_noticed() {
    let (from, to, image) = pair();
    let theirs = to.attach_bundle(REPO, &image, b"theirs");
    // They read before we wrote, and write after: ours is gone.
    let index = manifest(&to, &image.replace(':', "-"));
    write_between(&to, &image, index, 2);
    copy(&from, &to).await.unwrap();
    let ours = from.attach_bundle(REPO, &image, b"ours");
    assert_eq!(listed(&to, &image), set([&theirs, &ours]));
    let puts = writes(&to)
        .into_iter()
        .filter(|it| it.path.ends_with(&image.replace(':', "-")))
        .count();
    assert_eq!(puts, 3);
}

#[tokio::test]
async fn a_writer_who_never_stops_ends_the_copy() {
    let (from, to, image) = pair();
    to.attach_bundle(REPO, &image, b"theirs");
    let moved = to.push_image(REPO, "before");
    to.push_manifest(REPO, "v1", OCI_MANIFEST, &manifest(&to, &moved));
    let index = manifest(&to, &image.replace(':', "-"));
    write_between(&to, &image, index, usize::MAX);
    let error = refused(copy(&from, &to).await);
    assert!(
        matches!(error, CopyError::Contended { tries: 5, .. }),
        "{error}"
    );
    assert_eq!(to.digest_at(REPO, "v1"), Some(moved), "the tag was moved");
    // The closure that writes holds the registry.
    to.heal();
}

#[tokio::test]
async fn something_else_at_the_fallback_tag_is_let_be() {
    let (from, to, image) = pair();
    let tag = image.replace(':', "-");
    let bytes = manifest(&to, &image);
    for (media_type, bytes) in [
        (OCI_MANIFEST, bytes),
        (OCI_INDEX, b"{\"schemaVersion\":2}".to_vec()),
        (
            OCI_INDEX,
            b"{\"schemaVersion\":2,\"manifests\":[],\"manifests\":[]}".to_vec(),
        ),
    ] {
        let digest = to.push_manifest(REPO, &tag, media_type, &bytes);
        let error = refused(copy(&from, &to).await);
        assert!(error.to_string().contains(&to.host()), "{error}");
        assert_eq!(to.digest_at(REPO, &tag), Some(digest));
    }
}

#[tokio::test]
async fn a_registry_that_lists_without_saying_so_gets_no_fallback_index() {
    let (from, _, image) = pair();
    let to = writable().start();
    to.fault(
        |request| request.method == "PUT",
        Fault::Header("oci-subject", "no".to_owned()),
    );
    copy(&from, &to).await.unwrap();
    assert_eq!(holdings(&to).await, holdings(&from).await);
    assert_eq!(to.digest_at(REPO, &image.replace(':', "-")), None);
}

#[tokio::test]
async fn what_is_there_and_not_listed_is_listed() {
    let (from, to, image) = pair();
    // The bundle's manifest was copied by digest alone, as common tools do.
    let carrier = from.attach_bundle(REPO, &image, b"ours");
    for blob in [b"{}".as_slice(), b"ours"] {
        to.push_blob(REPO, blob);
    }
    to.push_manifest(REPO, "", OCI_MANIFEST, &manifest(&from, &carrier));
    let copied = copy(&from, &to).await.unwrap();
    assert_eq!(listed(&to, &image), set([&carrier]));
    assert_eq!(copied.counts(Done::Pushed)[&PieceKind::FallbackIndex], 1);
}

fn signature(text: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("signature".to_owned(), text.to_owned())])
}

#[tokio::test]
async fn signatures_at_a_tag_are_never_lost() {
    for (ours, theirs, kept) in [
        (vec!["one", "two"], vec!["one"], Some("ours")),
        (vec!["one"], vec!["one", "two"], Some("theirs")),
        (vec!["one"], vec!["two"], None),
    ] {
        let (from, to, image) = pair();
        let tag = image.replace(':', "-") + ".sig";
        let sign = |registry: &Registry, signatures: &[&str]| {
            for text in signatures {
                registry.attach_sig(REPO, &image, b"payload", &signature(text));
            }
            registry.digest_at(REPO, &tag)
        };
        let (ours, theirs) = (sign(&from, &ours), sign(&to, &theirs));
        let result = copy(&from, &to).await;
        match kept {
            Some("ours") => assert_eq!(to.digest_at(REPO, &tag), ours),
            _ => assert_eq!(to.digest_at(REPO, &tag), theirs),
        }
        match kept {
            Some(_) => assert!(count(&result.unwrap(), Done::Present) > 0),
            None => {
                let error = refused(result);
                assert!(matches!(error, CopyError::Conflict { .. }), "{error}");
            }
        }
    }
}
