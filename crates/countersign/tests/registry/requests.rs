//! Nothing is asked twice, and nothing that does not matter.

use countersign::{Image, Verdict};
use countersign_core::{Content, FoundBy, Needs};
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::registry::{FallbackArtifactType, Fault, Registry};

use crate::{BUNDLE, NOW, SIGNED, check, checker, client, image};

const BUNDLES: Needs = Needs {
    referrers: true,
    ..Needs::NONE
};

/// What was asked, shortened: `manifests`, `referrers`, `blobs` or a tag's suffix.
fn asked(registry: &Registry) -> Vec<String> {
    let paths: Vec<String> = registry.requests().into_iter().map(|it| it.path).collect();
    short(&paths)
}

fn short(paths: &[String]) -> Vec<String> {
    let short = |path: &str| {
        let (rest, last) = path.rsplit_once('/').unwrap();
        let kind = rest.rsplit_once('/').unwrap().1;
        match last.strip_prefix("sha256-") {
            Some(tag) => format!("tag{}", &tag[64..]),
            None => kind.to_owned(),
        }
    };
    paths.iter().map(|path| short(path)).collect()
}

#[tokio::test]
async fn one_bundle_by_digest_costs_four_requests() {
    let registry = Registry::start();
    let digest = registry.push_image("acme/app", "v1");
    registry.attach_bundle("acme/app", &digest, BUNDLE);
    let image = image(&registry, &format!("acme/app@{digest}"));
    let evidence = check(&client(&registry), &image, BUNDLES).await.unwrap();
    assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
    let [item] = evidence.items.as_slice() else {
        panic!("{:?}", evidence.items)
    };
    assert!(matches!(&item.content, Content::Bundle(bytes) if **bytes == *BUNDLE));
    assert_eq!(item.locator.found_by, FoundBy::Referrers);
    assert_eq!(
        asked(&registry),
        ["manifests", "referrers", "manifests", "blobs"]
    );
}

#[tokio::test]
async fn an_image_without_evidence_costs_three_and_legacy_two_more() {
    let registry = Registry::start();
    registry.push_image("app", "v1");
    let image = image(&registry, "app:v1");
    let client = client(&registry);
    let evidence = check(&client, &image, BUNDLES).await.unwrap();
    assert!(evidence.items.is_empty() && evidence.gaps.is_empty());
    assert_eq!(asked(&registry), ["manifests", "referrers", "tag"]);
    registry.clear_requests();
    let evidence = check(&client, &image, Needs::ALL).await.unwrap();
    assert!(evidence.items.is_empty() && evidence.gaps.is_empty());
    let mut all = asked(&registry);
    all.sort();
    assert_eq!(all, ["manifests", "referrers", "tag", "tag.att", "tag.sig"]);
}

#[tokio::test]
async fn without_the_referrers_api_the_fallback_tag_serves() {
    for said in [
        FallbackArtifactType::Bundle,
        FallbackArtifactType::Empty,
        FallbackArtifactType::Absent,
    ] {
        let registry = Registry::builder()
            .without_referrers_api()
            .fallback_artifact_type(said)
            .start();
        let digest = registry.push_image("app", "v1");
        registry.attach_bundle("app", &digest, BUNDLE);
        let image = image(&registry, "app:v1");
        let evidence = check(&client(&registry), &image, BUNDLES).await.unwrap();
        assert!(evidence.gaps.is_empty(), "{said:?}: {:?}", evidence.gaps);
        assert_eq!(evidence.items.len(), 1, "{said:?}");
        assert_eq!(
            evidence.items[0].locator.found_by,
            FoundBy::FallbackTag,
            "{said:?}"
        );
        assert_eq!(
            asked(&registry),
            ["manifests", "referrers", "tag", "manifests", "blobs"],
            "{said:?}"
        );
    }
}

#[tokio::test]
async fn legacy_signatures_and_attestations_are_found() {
    let registry = Registry::start();
    let digest = registry.push_image("app", "v1");
    let none: [(&String, &String); 0] = [];
    let key = "dev.cosignproject.cosign/signature".to_owned();
    let (one, two) = ("b25l".to_owned(), "dHdv".to_owned());
    registry.attach_sig("app", &digest, b"payload", [(&key, &one)]);
    registry.attach_sig("app", &digest, b"payload", [(&key, &two)]);
    registry.attach_att("app", &digest, b"envelope", none);
    let image = image(&registry, "app:v1");
    let needs = Needs {
        referrers: false,
        ..Needs::ALL
    };
    let evidence = check(&client(&registry), &image, needs).await.unwrap();
    assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
    let found: Vec<_> = evidence
        .items
        .iter()
        .map(|item| match &item.content {
            Content::SimpleSigning {
                payload,
                annotations,
            } => (&**payload, annotations.get(&key).map(String::as_str)),
            Content::Attestation { envelope, .. } => (&**envelope, None),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        found,
        [
            (b"payload".as_slice(), Some("b25l")),
            (b"payload", Some("dHdv")),
            (b"envelope", None)
        ]
    );
    // Two signatures share one payload, which is fetched once.
    let mut all = asked(&registry);
    all.sort();
    assert_eq!(all, ["blobs", "blobs", "manifests", "tag.att", "tag.sig"]);
}

#[tokio::test]
async fn every_page_is_read() {
    let registry = Registry::builder().page_size(2).start();
    let digest = registry.push_image("app", "v1");
    for number in 0..5 {
        registry.attach_bundle("app", &digest, format!("bundle {number}").as_bytes());
    }
    let image = image(&registry, "app:v1");
    let evidence = check(&client(&registry), &image, BUNDLES).await.unwrap();
    assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
    assert_eq!(evidence.items.len(), 5);
    let pages = asked(&registry)
        .iter()
        .filter(|kind| kind.contains("referrers"))
        .count();
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn https_with_an_own_ca_asks_as_little() {
    let registry = Registry::builder().tls().start();
    let digest = registry.push_image("app", "v1");
    registry.attach_bundle("app", &digest, BUNDLE);
    let image = image(&registry, "app:v1");
    let evidence = check(&client(&registry), &image, BUNDLES).await.unwrap();
    assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
    assert_eq!(evidence.items.len(), 1);
    assert_eq!(registry.requests().len(), 4);
}

/// A check by digest with one bundle: four requests in three rounds. The first two answers are held back until both have been
/// asked for, so that a check which asks for one after the other never ends well.
#[tokio::test]
async fn a_cold_check_by_digest_takes_three_rounds() {
    let (registry, forge, key) = (
        Registry::start(),
        Forge::new(SIGNED),
        Key::generate(Algorithm::P256),
    );
    let digest = registry.push_image("acme/app", "v1");
    let bundle = forge.image_signature(&digest).keyed(&key).bundle();
    registry.attach_bundle("acme/app", &digest, &bundle);
    let first = format!("/{digest}");
    registry.fault(
        move |request| request.path.ends_with(&first),
        Fault::Together(2),
    );
    let checker = checker(&registry, &key, "signature: {from: key}", "");
    let image = Image::parse(&format!("{}/acme/app@{digest}", registry.host())).unwrap();
    let decision = checker.check(&image, NOW).await;
    assert_eq!(decision.effect(), Verdict::Allow, "{:?}", decision.gaps());
    let mut rounds: Vec<Vec<String>> = registry.rounds().iter().map(|round| short(round)).collect();
    // Within a round the network decides who arrives first.
    rounds.iter_mut().for_each(|round| round.sort());
    assert_eq!(
        rounds,
        [
            vec!["manifests", "referrers"],
            vec!["manifests"],
            vec!["blobs"]
        ]
    );
}

#[tokio::test]
async fn the_platforms_of_an_index_are_asked_at_once_and_their_manifests_never() {
    let (registry, forge, key) = (
        Registry::start(),
        Forge::new(SIGNED),
        Key::generate(Algorithm::P256),
    );
    let (amd, arm) = (
        registry.push_image("acme/app", "amd"),
        registry.push_image("acme/app", "arm"),
    );
    let index = registry.push_index("acme/app", "v1", &[&amd, &arm]);
    for digest in [&amd, &arm] {
        let bundle = forge.image_signature(digest).keyed(&key).bundle();
        registry.attach_bundle("acme/app", digest, &bundle);
    }
    // One for the index, and both lists at once.
    registry.fault(
        |request| request.path.contains("/referrers/"),
        Fault::Together(3),
    );
    let checker = checker(
        &registry,
        &key,
        "signature: {from: key, subject: platform}",
        "",
    );
    let image = Image::parse(&format!("{}/acme/app:v1", registry.host())).unwrap();
    let decision = checker.check(&image, NOW).await;
    assert_eq!(decision.effect(), Verdict::Allow, "{:?}", decision.gaps());
    let rounds = registry.rounds();
    assert_eq!(short(&rounds[0]), ["manifests"]);
    assert_eq!(short(&rounds[1]), ["referrers", "referrers"]);
    let paths = rounds.concat();
    assert_eq!(paths.len(), 7, "{paths:?}");
    assert!(
        !paths
            .iter()
            .any(|path| path.contains("manifests") && (path.contains(&amd) || path.contains(&arm)))
    );
    assert!(
        !paths
            .iter()
            .any(|path| path.contains("referrers") && path.contains(&index))
    );
}
