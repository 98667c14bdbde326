//! Forged evidence on an index and on its platforms, over HTTP: what is asked, and what is decided.

use countersign::{Decision, Image, Verdict};
use countersign_core::ReasonCode;
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::registry::{Fault, OCI_INDEX, Registry};
use serde_json::{Value, json};

use crate::{NOW, SIGNED, checker};

const REPOSITORY: &str = "acme/app";
const ON_INDEX: &str = "signature: {from: key}";
const ON_PLATFORMS: &str = "signature: {from: key, subject: platform}";
const ON_EITHER: &str = "signature: {from: key, subject: either}";

struct Scene {
    registry: Registry,
    forge: Forge,
    key: Key,
    amd: String,
    arm: String,
    index: String,
}

impl Scene {
    /// An index of two platforms under the tag `v1`.
    fn new() -> Self {
        let registry = Registry::start();
        let (amd, arm) = (
            registry.push_image(REPOSITORY, "amd"),
            registry.push_image(REPOSITORY, "arm"),
        );
        let index = registry.push_index(REPOSITORY, "v1", &[&amd, &arm]);
        Self {
            forge: Forge::new(SIGNED),
            key: Key::generate(Algorithm::P256),
            registry,
            amd,
            arm,
            index,
        }
    }

    /// Another index under the tag: the two platforms and one entry more.
    fn with(mut self, entry: Value) -> Self {
        let platform = |digest: &str, architecture: &str| {
            json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 500,
                "platform": {"os": "linux", "architecture": architecture}})
        };
        let entries = [
            platform(&self.amd, "amd64"),
            platform(&self.arm, "arm64"),
            entry,
        ];
        let index =
            json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).to_string();
        self.index = self
            .registry
            .push_manifest(REPOSITORY, "v1", OCI_INDEX, index.as_bytes());
        self
    }

    fn signed(self, digest: &str) -> Self {
        let bundle = self.forge.image_signature(digest).keyed(&self.key).bundle();
        self.registry.attach_bundle(REPOSITORY, digest, &bundle);
        self
    }

    fn legacy(self, digest: &str) -> Self {
        let (payload, annotations) = self.forge.simple_signing(digest).keyed(&self.key).sig();
        self.registry
            .attach_sig(REPOSITORY, digest, &payload, &annotations);
        self
    }

    fn both(self) -> Self {
        let (amd, arm) = (self.amd.clone(), self.arm.clone());
        self.signed(&amd).signed(&arm)
    }

    fn index_signed(self) -> Self {
        let index = self.index.clone();
        self.signed(&index)
    }

    async fn check(&self, rule: &str) -> Decision {
        self.check_with(rule, "").await
    }

    async fn check_with(&self, rule: &str, settings: &str) -> Decision {
        self.registry.clear_requests();
        let checker = checker(&self.registry, &self.key, rule, settings);
        let image = Image::parse(&format!("{}/{REPOSITORY}:v1", self.registry.host())).unwrap();
        checker.check(&image, NOW).await
    }

    async fn code(&self, rule: &str) -> &'static str {
        code(&self.check(rule).await)
    }

    /// How many requests were about the index, about amd64 and about arm64, the index's manifest apart.
    fn asked(&self) -> [usize; 3] {
        let requests = self.registry.requests();
        [&self.index, &self.amd, &self.arm].map(|digest| {
            let tag = digest.replace(':', "-");
            let about = |path: &str| path.contains(&tag) || path.contains(digest.as_str());
            requests
                .iter()
                .filter(|request| about(&request.path))
                .count()
        })
    }
}

fn code(decision: &Decision) -> &'static str {
    decision.policies()[0].rules[0]
        .code
        .map_or("pass", ReasonCode::as_str)
}

#[tokio::test]
async fn evidence_counts_in_its_own_place_only() {
    for (scene, index, platform, either) in [
        (Scene::new(), "no-evidence", "no-evidence", "no-evidence"),
        (Scene::new().index_signed(), "pass", "no-evidence", "pass"),
        (Scene::new().both(), "no-evidence", "pass", "pass"),
    ] {
        assert_eq!(scene.code(ON_INDEX).await, index);
        assert_eq!(scene.code(ON_PLATFORMS).await, platform);
        assert_eq!(scene.code(ON_EITHER).await, either);
    }
}

#[tokio::test]
async fn one_platform_of_two_is_not_enough_and_the_other_is_named() {
    let scene = Scene::new();
    let amd = scene.amd.clone();
    let scene = scene.signed(&amd);
    for rule in [ON_PLATFORMS, ON_EITHER] {
        let decision = scene.check(rule).await;
        assert_eq!(decision.effect(), Verdict::Deny, "{rule}");
        let message = &decision.policies()[0].rules[0].message;
        assert!(
            message.contains(&format!("linux/arm64 ({})", scene.arm)),
            "{message}"
        );
        let cited = decision.evidence()[0].child.as_ref().unwrap();
        assert_eq!(cited.digest.to_string(), scene.amd);
    }
}

#[tokio::test]
async fn what_cannot_matter_is_not_asked() {
    // (index, amd64, arm64): a list and a fallback tag where nothing is found, `.sig` in the second stage
    for (scene, rule, asked) in [
        (Scene::new().both(), ON_INDEX, [3, 0, 0]),
        (Scene::new().index_signed(), ON_INDEX, [1, 0, 0]),
        (Scene::new().index_signed(), ON_EITHER, [1, 0, 0]),
        (Scene::new().both(), ON_PLATFORMS, [0, 1, 1]),
        (Scene::new().both(), ON_EITHER, [3, 1, 1]),
        (Scene::new(), ON_PLATFORMS, [0, 3, 3]),
        (Scene::new(), ON_EITHER, [3, 3, 3]),
    ] {
        let _ = scene.check(rule).await;
        assert_eq!(scene.asked(), asked, "{rule}");
    }
    let scene = Scene::new().both();
    let denied = scene
        .check_with(ON_PLATFORMS, "platforms: [linux/amd64]")
        .await;
    assert_eq!(code(&denied), "platform-not-allowed");
    assert_eq!(
        scene.asked(),
        [0, 0, 0],
        "nothing that is attached could change it"
    );
}

#[tokio::test]
async fn legacy_tags_of_platforms_are_the_second_stage() {
    let scene = Scene::new();
    let (amd, arm) = (scene.amd.clone(), scene.arm.clone());
    let scene = scene.signed(&amd).legacy(&arm);
    assert_eq!(scene.code(ON_PLATFORMS).await, "pass");
    assert_eq!(
        scene.asked(),
        [0, 2, 3],
        "amd64's tag too: one list is asked like the other"
    );
    assert_eq!(scene.code(ON_EITHER).await, "pass");
}

#[tokio::test]
async fn evil_children_and_nested_indexes_deny() {
    let entry = |media_type: &str, platform: Value| {
        json!({"mediaType": media_type, "digest": format!("sha256:{}", "e".repeat(64)), "size": 7, "platform": platform,
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"}})
    };
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let linux = json!({"os": "linux", "architecture": "amd64"});
    let unknown = json!({"os": "unknown", "architecture": "unknown"});
    for (entry, expected, warnings) in [
        (entry(manifest, linux.clone()), "no-evidence", 0),
        (entry(manifest, Value::Null), "no-evidence", 0),
        (entry(OCI_INDEX, linux), "nested-index", 0),
        (entry(manifest, unknown), "pass", 1),
    ] {
        let scene = Scene::new().with(entry.clone()).both();
        let decision = scene.check(ON_PLATFORMS).await;
        assert_eq!(code(&decision), expected, "{entry}");
        assert_eq!(decision.warnings().len(), warnings, "{entry}");
    }
}

#[tokio::test]
async fn a_platform_that_cannot_be_asked_is_unknown_and_a_lie_is_not_excused() {
    for (fault, effect) in [
        (Fault::Status(503), Verdict::Allow),
        (Fault::Status(401), Verdict::Allow),
        (
            Fault::Body("application/json".to_owned(), b"{".to_vec()),
            Verdict::Unknown,
        ),
    ] {
        let scene = Scene::new().both();
        let list = format!("/referrers/{}", scene.arm);
        scene
            .registry
            .fault(move |request| request.path.contains(&list), fault.clone());
        let decision = scene.check_with(ON_PLATFORMS, "onUnknown: allow").await;
        assert_eq!(decision.judged(), Verdict::Unknown, "{fault:?}");
        assert_eq!(decision.effect(), effect, "{fault:?}");
        assert!(decision.gaps()[0].what.contains(&scene.arm));
    }
}

#[tokio::test]
async fn an_index_of_more_platforms_than_anybody_builds_is_not_asked_about() {
    let scene = Scene::new();
    let entries: Vec<Value> = (0..65)
        .map(|number| {
            json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": format!("sha256:{number:064x}"),
                "size": 7, "platform": {"os": "linux", "architecture": format!("a{number}")}})
        })
        .collect();
    let index =
        json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).to_string();
    scene
        .registry
        .push_manifest(REPOSITORY, "v1", OCI_INDEX, index.as_bytes());
    let decision = scene.check_with(ON_PLATFORMS, "onUnknown: allow").await;
    assert_eq!(decision.effect(), Verdict::Unknown);
    assert_eq!(code(&decision), "registry-hostile");
    assert_eq!(scene.registry.requests().len(), 1);
}

#[tokio::test]
async fn docker_schema_1_is_refused_by_name() {
    let manifest =
        json!({"schemaVersion": 1, "name": REPOSITORY, "tag": "v1", "fsLayers": [], "history": []})
            .to_string();
    for media_type in [
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ] {
        let scene = Scene::new();
        let bytes = manifest.as_bytes();
        scene
            .registry
            .push_manifest(REPOSITORY, "v1", media_type, bytes);
        let decision = scene.check_with(ON_INDEX, "onUnknown: allow").await;
        assert_eq!(decision.effect(), Verdict::Unknown);
        let cause = &decision.gaps()[0].cause;
        assert!(cause.contains("Docker's schema 1"), "{cause}");
    }
}
