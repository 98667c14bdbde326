//! Out of a registry into a folder, and out of the folder into another registry.

use std::path::Path;

use countersign_sign::{Copied, CopyError, CopyFailed, Done, PieceKind};
use countersign_testkit::registry::Registry;

use crate::scene::{
    REPO, copier, count, filled, holdings, named, refused, route, writable, writes,
};

fn oci(folder: &Path, rest: &str) -> String {
    format!("oci:{}{rest}", folder.join("layout").display())
}

async fn save(from: &Registry, folder: &Path) -> Result<Copied, CopyFailed> {
    let route = route(&named(from, "acme/app:v1"), &oci(folder, ""));
    copier(&[from]).copy(&route).await
}

async fn load(folder: &Path, to: &Registry) -> Result<Copied, CopyFailed> {
    let route = route(&oci(folder, ":v1"), &named(to, REPO));
    copier(&[to]).copy(&route).await
}

#[tokio::test]
async fn through_a_folder_everything_stays_the_same() {
    let registry = |lists: bool| match lists {
        true => writable(),
        false => writable().without_referrers_api(),
    };
    for source in [true, false] {
        for destination in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let from = filled(registry(source));
            let to = registry(destination).start();
            save(&from, folder.path()).await.unwrap();
            load(folder.path(), &to).await.unwrap();
            assert_eq!(holdings(&to).await, holdings(&from).await);
        }
    }
}

#[tokio::test]
async fn a_second_run_changes_nothing_in_the_folder() {
    let (from, folder) = (filled(writable()), tempfile::tempdir().unwrap());
    let first = save(&from, folder.path()).await.unwrap();
    assert_eq!(count(&first, Done::Present), 0);
    let index = || std::fs::read(folder.path().join("layout/index.json")).unwrap();
    let before = index();
    let second = save(&from, folder.path()).await.unwrap();
    assert_eq!(count(&second, Done::Pushed), 0);
    assert_eq!(second.counts(Done::Present), first.counts(Done::Pushed));
    assert_eq!(index(), before);
}

#[tokio::test]
async fn a_dry_run_makes_no_folder() {
    let (from, folder) = (filled(writable()), tempfile::tempdir().unwrap());
    let route = route(&named(&from, "acme/app:v1"), &oci(folder.path(), ""));
    let planned = copier(&[&from]).dry_run(true).copy(&route).await.unwrap();
    assert!(planned.counts(Done::Planned)[&PieceKind::Blob] > 5);
    assert!(!folder.path().join("layout").exists());
}

#[tokio::test]
async fn a_blob_that_was_changed_in_the_folder_is_not_pushed() {
    let (from, folder) = (filled(writable()), tempfile::tempdir().unwrap());
    save(&from, folder.path()).await.unwrap();
    let digest = countersign_testkit::sha256_digest(b"a bundle of the index");
    let hex = digest.split_once(':').unwrap().1;
    let blob = folder.path().join("layout/blobs/sha256").join(hex);
    std::fs::write(&blob, b"A bundle of the index").unwrap();
    let to = writable().start();
    let error = refused(load(folder.path(), &to).await).to_string();
    assert!(error.contains(hex), "{error}");
    assert_eq!(to.digest_at(REPO, "v1"), None);
    assert!(
        writes(&to)
            .iter()
            .all(|request| !request.path.contains(hex))
    );
}

#[tokio::test]
async fn signatures_in_the_folder_are_never_lost() {
    let folder = tempfile::tempdir().unwrap();
    let sign = |registry: &Registry, text: &str| {
        let image = registry.push_image(REPO, "v1");
        let annotations = std::collections::BTreeMap::from([("s".to_owned(), text.to_owned())]);
        registry.attach_sig(REPO, &image, b"payload", &annotations);
    };
    let (one, other) = (Registry::start(), Registry::start());
    sign(&one, "one");
    sign(&other, "other");
    save(&one, folder.path()).await.unwrap();
    let error = refused(save(&other, folder.path()).await);
    assert!(matches!(error, CopyError::Conflict { .. }), "{error}");
    sign(&one, "other");
    save(&one, folder.path()).await.unwrap();
}

#[tokio::test]
async fn evidence_alone_goes_into_a_folder_that_has_the_image() {
    let (from, folder) = (filled(writable()), tempfile::tempdir().unwrap());
    let route = route(&named(&from, "acme/app:v1"), &oci(folder.path(), ""));
    let evidence = || copier(&[&from]).only_evidence(true);
    let error = refused(evidence().copy(&route).await);
    assert!(matches!(error, CopyError::NoImage { .. }), "{error}");
    save(&from, folder.path()).await.unwrap();
    from.attach_bundle(REPO, &from.digest_at(REPO, "v1").unwrap(), b"newer");
    let copied = evidence().copy(&route).await.unwrap();
    assert_eq!(copied.counts(Done::Pushed)[&PieceKind::Manifest], 1);
    let to = writable().start();
    load(folder.path(), &to).await.unwrap();
    assert_eq!(holdings(&to).await, holdings(&from).await);
}
