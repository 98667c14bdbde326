//! What a copy holds, and what it costs.

use std::collections::BTreeMap;

use countersign::Registries;
use countersign_sign::{Copier, CopyError, Done, PieceKind};
use countersign_testkit::registry::{Fault, Registry, UploadLocation};

use crate::scene::{
    PASSWORD, REPO, USER, client, copier, copy, count, fill, filled, holdings, named, refused,
    route, writable, writes,
};

fn fallback(digest: &str) -> String {
    digest.replace(':', "-")
}

#[tokio::test]
async fn everything_gets_there_with_the_same_digests_whoever_has_the_referrers_api() {
    let with = writable;
    let without = || writable().without_referrers_api();
    for (source, destination, lists) in [
        (with(), with(), true),
        (with(), without(), false),
        (without(), with(), true),
        (without(), without(), false),
    ] {
        let (from, to) = (filled(source), destination.start());
        let copied = copy(&from, &to).await.unwrap();
        assert_eq!(holdings(&to).await, holdings(&from).await);
        let index = from.digest_at(REPO, "v1").unwrap();
        assert_eq!(copied.digest.to_string(), index);
        assert_eq!(to.digest_at(REPO, "v1"), Some(index.clone()));
        assert_eq!(to.digest_at(REPO, &fallback(&index)).is_none(), lists);
        for suffix in [".sig", ".att", ".sbom"] {
            let tag = fallback(&index) + suffix;
            assert!(to.digest_at(REPO, &tag).is_some());
            assert_eq!(to.digest_at(REPO, &tag), from.digest_at(REPO, &tag));
        }
        assert_eq!(to.digest_at(REPO, "amd64"), None, "only what was asked for");
    }
}

#[tokio::test]
async fn the_sources_fallback_index_is_taken_as_it_is() {
    let from = filled(writable().without_referrers_api());
    let to = writable().without_referrers_api().start();
    copy(&from, &to).await.unwrap();
    let tag = fallback(&from.digest_at(REPO, "v1").unwrap());
    assert_eq!(to.digest_at(REPO, &tag), from.digest_at(REPO, &tag));
}

#[tokio::test]
async fn a_second_run_pushes_nothing() {
    for destination in [writable(), writable().without_referrers_api()] {
        let (from, to) = (filled(writable()), destination.start());
        let first = copy(&from, &to).await.unwrap();
        assert_eq!(count(&first, Done::Present), 0);
        to.clear_requests();
        let second = copy(&from, &to).await.unwrap();
        assert_eq!(writes(&to), []);
        assert_eq!(count(&second, Done::Pushed), 0);
        assert!(second.bytes(Done::Present) > 0);
        let kinds = second.counts(Done::Present);
        // Two platforms and the index; four bundles.
        assert_eq!(kinds[&PieceKind::Manifest], 7);
        // The image's own; `.sig` twice, `.att`, `.sbom`.
        assert_eq!(kinds[&PieceKind::Tag], 5);
    }
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_says_what_a_run_would() {
    for destination in [writable(), writable().without_referrers_api()] {
        let (from, to) = (filled(writable()), destination.start());
        let route = route(&named(&from, "acme/app:v1"), &named(&to, "acme/app:v2"));
        let planned = copier(&[&from, &to]).dry_run(true).copy(&route).await;
        let planned = planned.unwrap();
        assert_eq!(writes(&to), []);
        let copied = copier(&[&from, &to]).copy(&route).await.unwrap();
        assert_eq!(planned.counts(Done::Planned), copied.counts(Done::Pushed));
        assert_eq!(planned.bytes(Done::Planned), copied.bytes(Done::Pushed));
        assert_eq!(planned.pieces.len(), copied.pieces.len());
        let again = copier(&[&from, &to]).dry_run(true).copy(&route).await;
        assert_eq!(count(&again.unwrap(), Done::Planned), 0);
    }
}

#[tokio::test]
async fn evidence_alone_follows_an_image_that_is_there() {
    let (from, to) = (filled(writable()), writable().start());
    let route = route(&named(&from, "acme/app:v1"), &named(&to, "acme/app:v1"));
    let evidence = || copier(&[&from, &to]).only_evidence(true);
    let error = refused(evidence().copy(&route).await);
    assert!(matches!(error, CopyError::NoImage { .. }), "{error}");
    assert_eq!(writes(&to), []);

    // As a tool that copies images alone would leave it, under another tag.
    let platforms = ["amd64", "arm64"].map(|name| to.push_image(REPO, name));
    to.push_index(REPO, "nightly", &[&platforms[0], &platforms[1]]);
    evidence().copy(&route).await.unwrap();
    assert_eq!(to.digest_at(REPO, "v1"), None, "no tag of the image's own");
    let index = to.digest_at(REPO, "nightly").unwrap();
    to.push_manifest(
        REPO,
        "v1",
        crate::scene::OCI_INDEX,
        &crate::scene::manifest(&to, &index),
    );
    assert_eq!(holdings(&to).await, holdings(&from).await);
}

#[tokio::test]
async fn within_a_registry_blobs_are_mounted_and_not_sent() {
    let registry = filled(writable());
    let route = route(
        &named(&registry, "acme/app:v1"),
        &named(&registry, "mirror/app"),
    );
    let copied = copier(&[&registry]).copy(&route).await.unwrap();
    assert!(copied.counts(Done::Mounted)[&PieceKind::Blob] > 5);
    assert!(!copied.counts(Done::Pushed).contains_key(&PieceKind::Blob));
    assert!(
        writes(&registry)
            .iter()
            .all(|request| !(request.method == "PUT" && request.path.contains("/blobs/")))
    );
    assert_eq!(
        registry.digest_at("mirror/app", "v1"),
        registry.digest_at(REPO, "v1")
    );
}

#[tokio::test]
async fn a_mount_that_is_not_allowed_becomes_an_upload() {
    let says_accepted = filled(writable().bearer(USER, PASSWORD));
    let says_denied = filled(writable());
    says_denied.fault(
        |request| request.path.contains("mount="),
        Fault::Status(403),
    );
    for registry in [says_accepted, says_denied] {
        let route = route(
            &named(&registry, "acme/app:v1"),
            &named(&registry, "mirror/app"),
        );
        let copied = copier(&[&registry]).copy(&route).await.unwrap();
        assert!(!copied.counts(Done::Mounted).contains_key(&PieceKind::Blob));
        assert!(copied.counts(Done::Pushed)[&PieceKind::Blob] > 5);
    }
}

#[tokio::test]
async fn uploads_go_where_the_registry_says_and_large_layers_too() {
    for location in [UploadLocation::Path, UploadLocation::Url] {
        let from = writable().start();
        let large: Vec<u8> = (0_u32..1_000_000).flat_map(u32::to_le_bytes).collect();
        let layer = from.push_blob(REPO, &large);
        let config = from.push_blob(REPO, b"{}");
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": crate::scene::OCI_MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": large.len()}],
        });
        let bytes = manifest.to_string().into_bytes();
        from.push_manifest(REPO, "v1", crate::scene::OCI_MANIFEST, &bytes);
        let to = writable().upload_location(location).start();
        copy(&from, &to).await.unwrap();
        assert_eq!(holdings(&to).await, holdings(&from).await);
        let put = writes(&to)
            .into_iter()
            .find(|request| request.path.contains("/uploads/") && request.path.contains(&layer));
        let put = put.unwrap();
        assert_eq!(put.header("content-length"), Some("4000000"));
        assert!(put.path.contains("_state=kept"), "{}", put.path);
    }
}

#[tokio::test]
async fn the_image_is_the_one_that_the_destination_names() {
    let (from, to) = (Registry::start(), writable().start());
    let index = fill(&from);
    let other = from.push_image(REPO, "other");
    let tagged = named(&from, "acme/app:v1");
    let pinned = |digest: &str| route(&tagged, &named(&to, &format!("acme/app@{digest}")));
    let error = refused(copier(&[&from, &to]).copy(&pinned(&other)).await);
    assert!(matches!(error, CopyError::OtherImage { .. }), "{error}");
    assert_eq!(writes(&to), []);
    copier(&[&from, &to]).copy(&pinned(&index)).await.unwrap();
    assert_eq!(to.digest_at(REPO, &index), Some(index));
    assert_eq!(to.digest_at(REPO, "v1"), None);
    assert_eq!(to.digest_at(REPO, "latest"), None);
}

#[tokio::test]
async fn evidence_that_is_kept_apart_is_found_at_the_source_and_not_lost_at_the_destination() {
    let (from, to) = (writable().start(), writable().start());
    let image = from.push_image(REPO, "v1");
    let client = client(&[&from, &to]);
    let apart = |registry: &Registry| {
        Registries::new()
            .evidence(&named(registry, REPO), &named(registry, "evidence"))
            .unwrap()
    };
    from.push_image("evidence", "v1");
    let annotations = BTreeMap::from([("signature".to_owned(), "one".to_owned())]);
    from.attach_sig("evidence", &image, b"payload", &annotations);
    let route = route(&named(&from, "acme/app:v1"), &named(&to, "acme/app"));
    let copier = Copier::new(client.clone().registries(apart(&from)));
    copier.copy(&route).await.unwrap();
    let tag = fallback(&image) + ".sig";
    assert_eq!(to.digest_at(REPO, &tag), from.digest_at("evidence", &tag));
    assert!(to.digest_at(REPO, &tag).is_some());

    let copier = Copier::new(client.registries(apart(&to)));
    let error = refused(copier.copy(&route).await);
    assert!(matches!(error, CopyError::KeptApart { .. }), "{error}");
}
