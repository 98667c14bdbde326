//! Collection over a registry in memory.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use countersign_core::{Content, ImageRef, Limits};

use super::*;
use crate::wire;
use crate::{Access, Fetched, Listing, Referrer, RegistryError};

/// A registry in memory that records what it was asked.
#[derive(Default)]
struct Memory {
    manifests: HashMap<String, Vec<u8>>,
    blobs: HashMap<Digest, Vec<u8>>,
    listing: Listing,
    asked: Mutex<Vec<String>>,
    /// The mirror that serves manifests.
    mirror: Option<String>,
}

impl Registry for Memory {
    async fn access(&self, _: &Repository, _: &Budget) -> Result<Access, RegistryError> {
        Ok(Access::anonymous())
    }

    async fn manifest(
        &self,
        _: &Repository,
        reference: &Reference,
        max: usize,
        _: &Budget,
    ) -> Result<Option<Fetched>, RegistryError> {
        self.asked.lock().unwrap().push(reference.to_string());
        let bytes = self.manifests.get(&reference.to_string()).cloned();
        assert!(bytes.as_ref().is_none_or(|bytes| bytes.len() <= max));
        Ok(bytes.map(|bytes| Fetched {
            bytes,
            content_type: Some(wire::OCI_MANIFEST.into()),
            from: self.mirror.clone(),
            doubt: None,
        }))
    }

    async fn referrers(
        &self,
        _: &Repository,
        _: &Digest,
        _: &Budget,
    ) -> Result<Listing, RegistryError> {
        self.asked.lock().unwrap().push("referrers".to_owned());
        Ok(self.listing.clone())
    }

    async fn blob(
        &self,
        _: &Repository,
        blob: &Digest,
        _: usize,
        _: &Budget,
    ) -> Result<Option<Arc<[u8]>>, RegistryError> {
        self.asked.lock().unwrap().push(blob.to_string());
        Ok(self.blobs.get(blob).map(|bytes| bytes.as_slice().into()))
    }
}

impl Memory {
    fn blob_layer(&mut self, media_type: &str, bytes: &[u8]) -> serde_json::Value {
        self.blobs.insert(Digest::of(bytes), bytes.to_vec());
        serde_json::json!({"mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len(),
            "annotations": {"dev.cosignproject.cosign/signature": "c2ln"}})
    }

    fn referrer(&mut self, subject: &Digest, layers: &[serde_json::Value]) -> Digest {
        let manifest = serde_json::json!({"schemaVersion": 2, "mediaType": wire::OCI_MANIFEST, "config": {},
            "layers": layers, "subject": {"mediaType": wire::OCI_MANIFEST, "digest": subject.to_string(), "size": 1}})
        .to_string()
        .into_bytes();
        let digest = Digest::of(&manifest);
        let referrer = Referrer {
            digest,
            size: u64::try_from(manifest.len()).unwrap(),
            media_type: wire::OCI_MANIFEST.into(),
            artifact_type: None,
            annotations: crate::Annotations::default(),
            found_by: FoundBy::Referrers,
        };
        self.listing.items = self
            .listing
            .items
            .iter()
            .cloned()
            .chain([referrer])
            .collect();
        self.manifests.insert(digest.to_string(), manifest);
        digest
    }
}

fn repository() -> Repository {
    Repository::of(&ImageRef::parse("registry.example/app").unwrap())
}

fn budget() -> Budget {
    Budget::new(&Limits::default(), Budget::DEFAULT_TIME)
}

const BUNDLE_V03: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

#[tokio::test]
async fn bundles_are_found_and_other_referrers_left_alone() {
    let image = Digest::of(b"image");
    let mut memory = Memory::default();
    let bundle = memory.blob_layer(BUNDLE_V03, b"{bundle}");
    let sbom = memory.blob_layer("application/spdx+json", b"{sbom}");
    let manifest = memory.referrer(&image, &[bundle]);
    memory.referrer(&image, &[sbom]);
    let evidence = collect_bundles(&memory, &repository(), &image, &budget()).await;
    assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
    let [item] = evidence.items.as_slice() else {
        panic!("{:?}", evidence.items)
    };
    assert_eq!(item.locator.manifest, manifest);
    assert_eq!(item.locator.found_by, FoundBy::Referrers);
    assert!(matches!(&item.content, Content::Bundle(bytes) if **bytes == *b"{bundle}"));
    let asked = memory.asked.lock().unwrap();
    assert!(!asked.contains(&Digest::of(b"{sbom}").to_string()));
}

#[tokio::test]
async fn evidence_says_which_mirror_served_it() {
    let image = Digest::of(b"image");
    for (listed, served, expected) in [
        (None, None, None),
        (Some("list.example"), None, Some("list.example")),
        (None, Some("manifest.example"), Some("manifest.example")),
        (
            Some("list.example"),
            Some("manifest.example"),
            Some("manifest.example"),
        ),
    ] {
        let mut memory = Memory::default();
        let bundle = memory.blob_layer(BUNDLE_V03, b"{bundle}");
        memory.referrer(&image, &[bundle]);
        let layer = memory.blob_layer(SIMPLE_SIGNING, b"payload");
        let manifest =
            serde_json::json!({"schemaVersion": 2, "config": {}, "layers": [layer]}).to_string();
        let tag = Reference::companion(&image, ".sig").to_string();
        memory.manifests.insert(tag, manifest.into_bytes());
        memory.listing.from = listed.map(str::to_owned);
        memory.mirror = served.map(str::to_owned);
        let evidence = collect(&memory, &repository(), &image, Needs::ALL, &budget()).await;
        let places: Vec<Option<&str>> = evidence
            .items
            .iter()
            .map(|item| item.locator.place.as_deref())
            .collect();
        assert_eq!(places, [expected, served]);
    }
}

#[tokio::test]
async fn the_artifact_type_of_a_list_selects_nothing() {
    let image = Digest::of(b"image");
    for said in [
        None,
        Some("application/vnd.oci.empty.v1+json"),
        Some("application/spdx+json"),
        Some(BUNDLE_V03),
    ] {
        let mut memory = Memory::default();
        let bundle = memory.blob_layer(BUNDLE_V03, b"{bundle}");
        memory.referrer(&image, &[bundle]);
        Arc::make_mut(&mut memory.listing.items)[0].artifact_type = said.map(Into::into);
        let evidence = collect_bundles(&memory, &repository(), &image, &budget()).await;
        assert_eq!(evidence.items.len(), 1, "{said:?}");
    }
}

#[tokio::test]
async fn a_listed_manifest_about_another_image_is_a_hostile_gap() {
    let image = Digest::of(b"image");
    let mut memory = Memory::default();
    let bundle = memory.blob_layer(BUNDLE_V03, b"{bundle}");
    memory.referrer(&Digest::of(b"other"), &[bundle]);
    let evidence = collect_bundles(&memory, &repository(), &image, &budget()).await;
    assert!(evidence.items.is_empty());
    assert_eq!(evidence.gaps[0].class, GapClass::Hostile);
    assert!(evidence.gaps[0].cause.contains("subject"));
}

#[tokio::test]
async fn what_is_listed_but_missing_is_a_gap() {
    let image = Digest::of(b"image");
    let mut memory = Memory::default();
    let bundle = memory.blob_layer(BUNDLE_V03, b"{bundle}");
    let gone = memory.blob_layer(BUNDLE_V03, b"{gone}");
    memory.referrer(&image, &[bundle, gone]);
    let lost = memory.referrer(&image, &[]);
    memory.blobs.remove(&Digest::of(b"{gone}"));
    memory.manifests.remove(&lost.to_string());
    let evidence = collect_bundles(&memory, &repository(), &image, &budget()).await;
    assert_eq!(evidence.items.len(), 1);
    assert_eq!(evidence.gaps.len(), 2, "{:?}", evidence.gaps);
    assert!(
        evidence
            .gaps
            .iter()
            .all(|gap| gap.class == GapClass::Hostile)
    );
}

#[tokio::test]
async fn cve_2024_29903_limits_refuse_a_manifest_whole() {
    let image = Digest::of(b"image");
    let mut memory = Memory::default();
    let bundle = memory.blob_layer(BUNDLE_V03, b"{bundle}");
    memory.referrer(&image, &[bundle.clone(), bundle]);
    let mut limits = Limits::default();
    limits.attachments = 1;
    let budget = Budget::new(&limits, Budget::DEFAULT_TIME);
    let evidence = collect_bundles(&memory, &repository(), &image, &budget).await;
    assert!(evidence.items.is_empty());
    assert_eq!(evidence.gaps[0].code, ReasonCode::RegistryHostile);

    limits.attachments = 10;
    limits.bundle_bytes = 3;
    let budget = Budget::new(&limits, Budget::DEFAULT_TIME);
    let evidence = collect_bundles(&memory, &repository(), &image, &budget).await;
    assert!(evidence.items.is_empty());
    assert_eq!(evidence.gaps[0].code, ReasonCode::RegistryHostile);
    assert!(
        !memory
            .asked
            .lock()
            .unwrap()
            .contains(&Digest::of(b"{bundle}").to_string())
    );
}

#[tokio::test]
async fn legacy_tags_share_a_payload_and_are_asked_only_if_needed() {
    let image = Digest::of(b"image");
    let mut memory = Memory::default();
    let layer = memory.blob_layer(SIMPLE_SIGNING, b"payload");
    let manifest =
        serde_json::json!({"schemaVersion": 2, "config": {}, "layers": [layer.clone(), layer]})
            .to_string()
            .into_bytes();
    let tag = Reference::companion(&image, ".sig").to_string();
    memory.manifests.insert(tag.clone(), manifest);

    let nothing = collect(&memory, &repository(), &image, Needs::NONE, &budget()).await;
    assert!(nothing.items.is_empty() && nothing.gaps.is_empty());
    assert!(memory.asked.lock().unwrap().is_empty());

    let needs = Needs {
        signature_tag: true,
        ..Needs::NONE
    };
    let evidence = collect(&memory, &repository(), &image, needs, &budget()).await;
    assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
    assert_eq!(evidence.items.len(), 2);
    for item in &evidence.items {
        assert_eq!(item.locator.found_by, FoundBy::SignatureTag);
        let Content::SimpleSigning {
            payload,
            annotations,
        } = &item.content
        else {
            panic!("{item:?}")
        };
        assert_eq!(**payload, *b"payload");
        assert!(annotations.contains_key("dev.cosignproject.cosign/signature"));
    }
    assert_eq!(
        *memory.asked.lock().unwrap(),
        [tag, Digest::of(b"payload").to_string()]
    );
}

#[tokio::test]
async fn many_layers_with_one_large_blob_do_not_fill_the_memory() {
    let image = Digest::of(b"image");
    let mut memory = Memory::default();
    let layer = memory.blob_layer(BUNDLE_V03, &[b'x'; 10_000]);
    memory.referrer(&image, &vec![layer; 500]);
    let mut limits = Limits::default();
    limits.fetched_bytes = 1_000_000;
    let budget = Budget::new(&limits, Budget::DEFAULT_TIME);
    let evidence = collect_bundles(&memory, &repository(), &image, &budget).await;
    assert!(evidence.items.is_empty());
    assert_eq!(evidence.gaps.len(), 1);
    assert_eq!(evidence.gaps[0].code, ReasonCode::RegistryHostile);
    let budget = Budget::new(&Limits::default(), Budget::DEFAULT_TIME);
    let evidence = collect_bundles(&memory, &repository(), &image, &budget).await;
    assert_eq!((evidence.items.len(), evidence.gaps.len()), (500, 0));
}

#[tokio::test]
async fn an_absent_image_is_no_image_and_a_wrong_one_hostile() {
    let mut memory = Memory::default();
    let reference = Reference::Digest(Digest::of(b"image"));
    let gap = resolve(&memory, &repository(), &reference, &budget())
        .await
        .unwrap_err();
    assert_eq!(gap.code, ReasonCode::ImageNotFound);
    memory.manifests.insert(
        reference.to_string(),
        br#"{"schemaVersion":2,"config":{},"layers":[]}"#.to_vec(),
    );
    let gap = resolve(&memory, &repository(), &reference, &budget())
        .await
        .unwrap_err();
    assert_eq!(gap.code, ReasonCode::RegistryHostile);
    assert_eq!(gap.class, GapClass::Hostile);
}

#[test]
fn collection_may_run_on_any_thread() {
    fn is_send(_: &impl Send) {}
    let (memory, repository, budget) = (Memory::default(), repository(), budget());
    let image = Digest::of(b"image");
    is_send(&collect(&memory, &repository, &image, Needs::ALL, &budget));
}
