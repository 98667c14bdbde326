//! Walks over a real server in this process.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_core::{Content, Digest, GapClass, ImageRef, Limits, ReasonCode};
use countersign_testkit::registry::{BUNDLE_V03, Fault, OCI_INDEX, OCI_MANIFEST, Registry};
use serde_json::{Value, json};

use super::*;
use crate::HttpRegistry;

fn client(registry: &Registry) -> HttpRegistry {
    HttpRegistry::new()
        .timeouts(Duration::from_secs(2), Duration::from_secs(1))
        .retries(0, Duration::from_millis(1))
        .plain_http(registry.host())
}

fn repository(registry: &Registry, path: &str) -> Repository {
    Repository::of(&ImageRef::parse(&format!("{}/{path}", registry.host())).unwrap())
}

fn limited(limits: &Limits) -> Budget {
    Budget::new(limits, Budget::DEFAULT_TIME)
}

async fn walked_by(registry: &Registry, budget: &Budget, what: &Walk) -> Result<Attached, Gap> {
    walk(
        &client(registry),
        &repository(registry, "app"),
        &Reference::Tag("v1".to_owned()),
        what,
        budget,
    )
    .await
}

async fn walked(registry: &Registry) -> Attached {
    walked_by(registry, &limited(&Limits::default()), &Walk::new())
        .await
        .unwrap()
}

/// The tree, as one line for each manifest.
fn tree(attached: &Attached) -> Vec<String> {
    fn add(node: &Node, depth: usize, lines: &mut Vec<String>) {
        lines.push(format!("{:depth$}{}", "", node.way));
        for below in node.children.iter().chain(&node.attached) {
            add(below, depth + 1, lines);
        }
    }
    let mut lines = Vec::new();
    add(&attached.image, 0, &mut lines);
    lines
}

fn described(digest: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": bytes.len()})
}

/// A manifest of one layer that says that it refers to `subject`; its descriptor.
fn push_referrer(registry: &Registry, subject: &str, artifact_type: &str) -> Value {
    let layer = registry.push_blob("app", artifact_type.as_bytes());
    let layer = json!({"mediaType": "text/plain", "digest": layer, "size": artifact_type.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type, "config": layer, "layers": [layer],
        "annotations": {"about": "it"}, "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1},
    })
    .to_string();
    let digest = registry.push_manifest("app", "", OCI_MANIFEST, manifest.as_bytes());
    described(&digest, manifest.as_bytes())
}

fn push_index(registry: &Registry, tag: &str, manifests: &[Value]) -> (String, Value) {
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
    let index = index.to_string();
    let digest = registry.push_manifest("app", tag, OCI_INDEX, index.as_bytes());
    let mut descriptor = described(&digest, index.as_bytes());
    descriptor["mediaType"] = json!(OCI_INDEX);
    (digest, descriptor)
}

fn tag_of(digest: &str, suffix: &str) -> String {
    format!("{}{suffix}", digest.replace(':', "-"))
}

/// An index of two platforms with something of every kind.
fn push_everything(registry: &Registry) -> String {
    let amd64 = registry.push_image("app", "amd64");
    let arm64 = registry.push_image("app", "arm64");
    let index = registry.push_index("app", "v1", &[&amd64, &arm64]);
    let bundle = registry.attach_bundle("app", &index, b"{bundle}");
    registry.attach_bundle("app", &bundle, b"{about the bundle}");
    registry.attach_sig("app", &arm64, b"payload", &BTreeMap::new());
    registry.attach_att("app", &arm64, b"envelope", &BTreeMap::new());
    let sbom = br#"{"schemaVersion":2,"layers":[]}"#;
    registry.push_manifest("app", &tag_of(&arm64, ".sbom"), OCI_MANIFEST, sbom);
    index
}

#[tokio::test]
async fn everything_is_found_with_and_without_the_api() {
    for with_api in [true, false] {
        let builder = Registry::builder();
        let registry = if with_api {
            builder.page_size(1).start()
        } else {
            builder.without_referrers_api().start()
        };
        let index = push_everything(&registry);
        let attached = walked(&registry).await;
        assert_eq!(
            attached.gaps().count(),
            0,
            "{:?}",
            attached.gaps().collect::<Vec<_>>()
        );
        let expected: &[&str] = if with_api {
            &[
                "asked",
                " child",
                " child",
                "  signature-tag",
                "  attestation-tag",
                "  sbom-tag",
                " referrers",
                "  referrers",
            ]
        } else {
            &[
                "asked",
                " child",
                " child",
                "  signature-tag",
                "  attestation-tag",
                "  sbom-tag",
                " fallback-index",
                " fallback-tag",
                "  fallback-index",
                "  fallback-tag",
            ]
        };
        assert_eq!(tree(&attached), expected);
        let image = &attached.image;
        assert_eq!(image.digest.to_string(), index);
        assert_eq!(image.tag.as_deref(), Some("v1"));
        assert!(image.blobs.is_empty() && image.image().is_some());
        let platform = image.children[1].platform.as_ref().unwrap();
        assert_eq!(platform.architecture, "arm64");
        let bundle = image.attached.last().unwrap();
        assert_eq!(bundle.artifact_type.as_deref(), Some(BUNDLE_V03));
        assert_eq!(bundle.blobs.len(), 2);
        assert_eq!(bundle.blobs[1].digest, Digest::of(b"{bundle}"));
        assert_eq!(Digest::of(bundle.bytes()), bundle.digest);
        assert!(bundle.image().is_none());
        // children first, then the index, then what refers to it
        let order: Vec<Way> = attached.nodes().iter().map(|node| node.way).collect();
        assert_eq!(order[0], Way::Child);
        assert_eq!(attached.nodes()[5].digest, image.digest);
    }
}

#[tokio::test]
async fn evidence_is_what_a_check_collects() {
    for with_api in [true, false] {
        let builder = Registry::builder();
        let registry = if with_api {
            builder.start()
        } else {
            builder.without_referrers_api().start()
        };
        let image = registry.push_image("app", "v1");
        registry.attach_bundle("app", &image, b"{bundle}");
        push_referrer(&registry, &image, "application/vnd.cncf.notary.signature");
        let annotations = BTreeMap::from([("key".to_owned(), "value".to_owned())]);
        registry.attach_sig("app", &image, b"payload", &annotations);
        registry.attach_att("app", &image, b"envelope", &BTreeMap::new());
        let attached = walked(&registry).await;
        let budget = limited(&Limits::default());
        let client = client(&registry);
        let evidence = attached.image.evidence(&client, &budget).await;
        assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
        let repository = repository(&registry, "app");
        let digest = &attached.image.digest;
        let needs = countersign_core::Needs::ALL;
        let collected = crate::collect(&client, &repository, digest, needs, &budget).await;
        assert_eq!(
            format!("{:?}", evidence.items),
            format!("{:?}", collected.items)
        );
        assert_eq!(evidence.items.len(), 3);
        assert!(
            matches!(&evidence.items[0].content, Content::Bundle(bytes) if **bytes == *b"{bundle}")
        );

        registry.fault(
            |request| request.path.contains("/blobs/"),
            Fault::Status(503),
        );
        let evidence = attached.image.evidence(&client, &budget).await;
        assert_eq!((evidence.items.len(), evidence.gaps.len()), (0, 3));
    }
}

#[tokio::test]
async fn what_the_fallback_tag_lists_beside_the_api_is_found_too() {
    let registry = Registry::start();
    let image = registry.push_image("app", "v1");
    let listed = push_referrer(&registry, &image, "by/both");
    let unlisted = Registry::builder().without_referrers_api().start();
    let hidden = push_referrer(&unlisted, &image, "by/fallback");
    // Pushed under another name first, so that this registry's API lists it too; then it stands in both lists once.
    let again = push_referrer(&registry, &image, "by/fallback");
    assert_eq!(hidden, again);
    push_index(&registry, &tag_of(&image, ""), &[listed, hidden]);
    assert_eq!(
        tree(&walked(&registry).await),
        ["asked", " fallback-index", " referrers", " referrers"]
    );
    registry.fault(
        |request| request.path.contains("/referrers/"),
        Fault::Json(json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []})),
    );
    registry.fault(
        |request| request.path.contains("/referrers/"),
        Fault::Header("content-type", OCI_INDEX.into()),
    );
    assert_eq!(
        tree(&walked(&registry).await),
        ["asked", " fallback-index", " fallback-tag", " fallback-tag"]
    );
}

/// The gaps of the image itself.
fn causes(attached: &Attached) -> Vec<(GapClass, ReasonCode, String)> {
    let gaps = attached.gaps();
    gaps.map(|gap| (gap.class, gap.code, gap.cause.clone()))
        .collect()
}

#[tokio::test]
async fn what_cannot_be_read_is_a_gap_beside_the_rest() {
    let registry = Registry::start();
    let image = registry.push_image("app", "v1");
    let other = registry.push_image("app", "other");
    registry.attach_bundle("app", &image, b"{bundle}");
    registry.attach_sig("app", &image, b"payload", &BTreeMap::new());
    let about_another = push_referrer(&registry, &other, "text/plain");
    let mut absent = about_another.clone();
    absent["digest"] = json!(Digest::of(b"absent").to_string());
    let mut longer = about_another.clone();
    longer["size"] = json!(longer["size"].as_u64().unwrap() + 1);
    let fallback = tag_of(&image, "");
    for (entry, cause) in [
        (about_another, "its subject is not what it is listed for"),
        (absent, "it is listed but not there"),
        (longer, "should have"),
        (
            json!({"mediaType": OCI_MANIFEST, "digest": "sha512:00", "size": 1}),
            "sha512",
        ),
        (json!({"mediaType": "x/y", "digest": image, "size": 1}), ""),
    ] {
        push_index(&registry, &fallback, &[entry]);
        let attached = walked(&registry).await;
        let gaps = causes(&attached);
        let [(class, _, told)] = gaps.as_slice() else {
            panic!("{cause}: {gaps:?}");
        };
        assert_eq!(*class, GapClass::Hostile);
        assert!(told.contains(cause), "{told}");
        assert!(tree(&attached).contains(&" signature-tag".to_owned()));
        assert!(tree(&attached).contains(&" referrers".to_owned()));
    }
}

#[tokio::test]
async fn a_registry_in_trouble_leaves_gaps_and_no_absence() {
    for (path, status, expected) in [
        ("/referrers/", 503, 1),
        (".sig", 503, 1),
        (".att", 503, 1),
        (".sbom", 503, 1),
        // Those three, the image's fallback tag, and the bundle's; for that one the listing asks too, as the API lists nothing. Refused, and
        // not failed: a registry that fails three times on end is left alone, and what is asked then depends on who came first.
        ("/manifests/sha256-", 403, 6),
    ] {
        let registry = Registry::start();
        let image = registry.push_image("app", "v1");
        registry.attach_bundle("app", &image, b"{bundle}");
        registry.fault(
            move |request| request.path.contains(path),
            Fault::Status(status),
        );
        let gaps = causes(&walked(&registry).await);
        assert_eq!(gaps.len(), expected, "{path}: {gaps:?}");
        assert!(
            gaps.iter()
                .all(|(class, ..)| *class == GapClass::Unavailable)
        );
    }
    let registry = Registry::start();
    let budget = limited(&Limits::default());
    let gap = walked_by(&registry, &budget, &Walk::new())
        .await
        .unwrap_err();
    assert_eq!(gap.code, ReasonCode::ImageNotFound);
}

#[tokio::test]
async fn a_tag_that_leads_back_ends_the_walk() {
    let registry = Registry::start();
    let image = registry.push_image("app", "v1");
    registry.attach_bundle("app", &image, b"{bundle}");
    let bytes = walked(&registry).await.image.bytes().to_vec();
    registry.push_manifest("app", &tag_of(&image, ".sig"), OCI_MANIFEST, &bytes);
    let attached = walked(&registry).await;
    assert_eq!(tree(&attached), ["asked", " referrers", " signature-tag"]);
    assert_eq!(causes(&attached), []);
}

#[tokio::test]
async fn depth_and_number_are_bounded_and_it_is_said() {
    let registry = Registry::start();
    let image = registry.push_image("app", "v1");
    let mut subject = image.clone();
    for depth in 1..=5 {
        let referrer = push_referrer(&registry, &subject, "text/chain");
        subject = referrer["digest"].as_str().unwrap().to_owned();
        let attached = walked(&registry).await;
        assert_eq!(attached.nodes().len(), 1 + depth.min(4), "{depth}");
        let told = causes(&attached);
        assert_eq!(told.len(), usize::from(depth == 5), "{told:?}");
    }

    let registry = Registry::start();
    registry.push_image("app", "v1");
    let bytes = walked(&registry).await.image.bytes().to_vec();
    let mut below = described(&Digest::of(&bytes).to_string(), &bytes);
    for depth in 1..=5 {
        below = push_index(&registry, "v1", &[below]).1;
        let attached = walked(&registry).await;
        let deep = depth == 5;
        assert_eq!(attached.nodes().len(), if deep { 5 } else { 1 + depth });
        assert_eq!(causes(&attached).len(), usize::from(deep));
    }

    let registry = Registry::start();
    let image = registry.push_image("app", "v1");
    registry.attach_decoys("app", &image, 5);
    let mut limits = Limits::default();
    limits.attachments = 5;
    let whole = walked_by(&registry, &limited(&limits), &Walk::new()).await;
    assert_eq!(causes(&whole.unwrap()), []);
    registry.attach_sig("app", &image, b"payload", &BTreeMap::new());
    let part = walked_by(&registry, &limited(&limits), &Walk::new()).await;
    assert_eq!(causes(&part.unwrap()).len(), 1);
}

#[tokio::test]
async fn cve_2021_41190_what_could_be_two_things_is_a_gap() {
    let registry = Registry::start();
    let (image, both) = ("v1", br#"{"schemaVersion":2,"manifests":[],"config":{"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}"#);
    let digest = registry.push_image("app", image);
    for (media_type, cause) in [
        (OCI_MANIFEST, "as a manifest and as an index"),
        (OCI_INDEX, "as a manifest and as an index"),
    ] {
        registry.push_manifest("app", &tag_of(&digest, ".sig"), media_type, both);
        let gaps = causes(&walked(&registry).await);
        assert!(gaps[0].2.contains(cause), "{gaps:?}");
    }
    let says_another = format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","layers":[]}}"#);
    let tag = tag_of(&digest, ".sig");
    registry.push_manifest("app", &tag, OCI_MANIFEST, says_another.as_bytes());
    let gaps = causes(&walked(&registry).await);
    assert!(gaps[0].2.contains("it is said to be"), "{gaps:?}");
}

#[tokio::test]
async fn evidence_that_is_kept_apart_is_found_where_it_is_kept() {
    let registry = Registry::start();
    let image = registry.push_image("app", "v1");
    registry.attach_sig("signatures", &image, b"payload", &BTreeMap::new());
    let budget = limited(&Limits::default());
    let apart = Walk::new().evidence_repository(Some(repository(&registry, "signatures")));
    assert_eq!(tree(&walked(&registry).await), ["asked"]);
    let attached = walked_by(&registry, &budget, &apart).await.unwrap();
    assert_eq!(tree(&attached), ["asked", " signature-tag"]);
    assert_eq!(attached.image.attached[0].repository.path(), "signatures");
    let evidence = attached.image.evidence(&client(&registry), &budget).await;
    assert_eq!((evidence.items.len(), evidence.gaps.len()), (1, 0));
}

#[test]
fn a_walk_may_run_on_any_thread() {
    fn is_send(_: &impl Send) {}
    let registry = Registry::start();
    let (client, repository) = (client(&registry), repository(&registry, "app"));
    let (reference, budget) = (Reference::Tag("v1".to_owned()), limited(&Limits::default()));
    let what = Walk::new();
    is_send(&walk(&client, &repository, &reference, &what, &budget));
}
