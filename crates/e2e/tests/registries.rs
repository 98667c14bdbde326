//! Our registry client against real registries, filled by real cosign.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use countersign::{Budget, HttpRegistry, Reference, Repository, collect, resolve};
use countersign_core::{
    Content, Evidence, FoundBy, Gap, GapClass, ImageRef, Limits, Needs, ReasonCode,
};
use countersign_e2e::{REGISTRY_PARTS, Registry, RegistryKind, SigningKey, parts};

async fn check(client: &HttpRegistry, image: &str) -> Result<Evidence, Gap> {
    let image = ImageRef::parse(image).unwrap();
    let (repository, reference) = (Repository::of(&image), Reference::of(&image));
    let budget = Budget::new(&Limits::default(), Budget::DEFAULT_TIME);
    let pinned = resolve(client, &repository, &reference, &budget).await?;
    Ok(collect(client, &repository, pinned.digest(), Needs::ALL, &budget).await)
}

/// How evidence was found, and in which form, sorted.
fn found(evidence: &Evidence) -> Vec<(FoundBy, &'static str)> {
    let mut found: Vec<_> = evidence
        .items
        .iter()
        .map(|item| {
            let form = match &item.content {
                Content::Bundle(_) => "bundle",
                Content::SimpleSigning { .. } => "simple signing",
                Content::Attestation { .. } => "attestation",
                other => panic!("{other:?}"),
            };
            (item.locator.found_by, form)
        })
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn all_that_cosign_attaches_is_found_in_every_registry() {
    let tools: Vec<_> = REGISTRY_PARTS
        .into_iter()
        .chain(["cosign2", "cosign3"])
        .collect();
    let Some(parts) = parts(&tools) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::generate(&parts, &folder.path().join("key")).unwrap();
    let predicate = folder.path().join("predicate.json");
    std::fs::write(&predicate, r#"{"buildDefinition": {}}"#).unwrap();
    for (kind, by) in [
        (RegistryKind::Registry, FoundBy::FallbackTag),
        (RegistryKind::Crane, FoundBy::FallbackTag),
        (RegistryKind::WithReferrers, FoundBy::Referrers),
    ] {
        let registry = Registry::start(&parts, kind).unwrap();
        let client = HttpRegistry::new()
            .plain_http(registry.host())
            .retries(0, Duration::ZERO);
        let unsigned = registry.push("acme/app", "v0", "unsigned").unwrap();
        let evidence = check(&client, &unsigned).await.unwrap();
        assert!(evidence.items.is_empty(), "{kind:?}");
        assert!(evidence.gaps.is_empty(), "{kind:?}: {:?}", evidence.gaps);

        let signed = registry.push("acme/app", "v1", "signed").unwrap();
        key.sign3(&signed).unwrap();
        key.attest3("https://example.com/predicate/v1", &predicate, &signed)
            .unwrap();
        key.sign2(&signed).unwrap();
        let tagged = format!("{}/acme/app:v1", registry.host());
        for image in [&signed, &tagged] {
            let evidence = check(&client, image).await.unwrap();
            assert!(evidence.gaps.is_empty(), "{kind:?}: {:?}", evidence.gaps);
            assert_eq!(
                found(&evidence),
                [
                    (by, "bundle"),
                    (by, "bundle"),
                    (FoundBy::SignatureTag, "simple signing")
                ],
                "{kind:?}"
            );
        }

        registry.tag(&unsigned, "v1").unwrap();
        let evidence = check(&client, &tagged).await.unwrap();
        assert!(evidence.items.is_empty(), "{kind:?}: the tag has moved");
        let missing = format!("{}/acme/app:v2", registry.host());
        let gap = check(&client, &missing).await.unwrap_err();
        assert_eq!(gap.code, ReasonCode::ImageNotFound, "{kind:?}");

        registry.stop();
        let gap = check(&client, &signed).await.unwrap_err();
        assert_eq!(gap.class, GapClass::Unavailable, "{kind:?}");
        assert_eq!(gap.code, ReasonCode::RegistryUnavailable, "{kind:?}");
    }
}
