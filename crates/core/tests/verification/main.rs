//! Every step of `docs/verification.md`, by evidence that the Forge makes valid but for one thing.
//!
//! A test is named for its step (`s08_…`); each fails when the check that it is about is removed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::as_conversions,
    clippy::disallowed_methods,
    missing_docs
)]

mod advisories;
mod binding;
mod certificates;
mod constraints;
mod documentation;
mod entries;
mod keys;
mod legacy;
mod logs;
mod meaning;
mod parsing;
mod roots;
mod timestamps;
mod transparency;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use countersign_core::{
    Claim, Content, Digest, Evidence, Facts, Findings, FoundBy, Item, Limits, Locator, PinnedImage,
    PublicKey, ReasonCode, Trust, TrustRoot, Verified, examine,
};
use countersign_testkit::forge::{Algorithm, Forge, Forgery, Identity, Key};

/// 2026-09-21T14:13:20Z, the Forge's time.
pub(crate) const NOW: i64 = 1_790_000_000;
const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}"#;

/// One Sigstore instance, one managed key, one image.
pub(crate) struct World {
    pub(crate) forge: Forge,
    pub(crate) key: Key,
    pub(crate) trust: Trust,
}

/// The world that most tests share.
pub(crate) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::of(Forge::new(NOW)))
}

impl World {
    pub(crate) fn of(forge: Forge) -> Self {
        let key = Key::generate(Algorithm::P256);
        let root = TrustRoot::from_json("private", forge.trusted_root().as_bytes()).unwrap();
        let trust = Trust::new(vec![root], vec![public(&key)]).unwrap();
        Self { forge, key, trust }
    }

    /// A keyless image signature in a bundle, with Rekor v1.
    pub(crate) fn v1(&self) -> Forgery<'_> {
        self.keyless().rekor_v1()
    }

    /// A keyless image signature in a bundle, with Rekor v2 and a timestamp.
    pub(crate) fn v2(&self) -> Forgery<'_> {
        self.keyless().rekor_v2().timestamp()
    }

    pub(crate) fn keyless(&self) -> Forgery<'_> {
        self.forge
            .image_signature(&digest())
            .keyless(Identity::default())
    }

    pub(crate) fn keyed(&self) -> Forgery<'_> {
        self.forge.image_signature(&digest()).keyed(&self.key)
    }

    /// Why a bundle is refused.
    #[track_caller]
    pub(crate) fn refused(&self, bundle: Vec<u8>) -> ReasonCode {
        refusal(&self.examine(Content::Bundle(bundle.into())))
    }

    /// The facts of a bundle that verifies, once.
    #[track_caller]
    pub(crate) fn proven(&self, bundle: Vec<u8>) -> Verified<Claim> {
        proof(&self.examine(Content::Bundle(bundle.into())))
    }

    /// A bundle that must verify, where its facts do not matter.
    #[track_caller]
    pub(crate) fn accepts(&self, bundle: Vec<u8>) {
        accept(&self.examine(Content::Bundle(bundle.into())));
    }

    pub(crate) fn examine(&self, content: Content) -> Findings {
        examine_with(content, &self.trust)
    }
}

pub(crate) fn examine_with(content: Content, trust: &Trust) -> Findings {
    examine(&image(), &evidence_of(content), trust, &Limits::default())
}

/// One piece of evidence.
pub(crate) fn evidence_of(content: Content) -> Evidence {
    let item = Item {
        locator: Locator {
            found_by: FoundBy::Referrers,
            manifest: Digest::of(b"a manifest"),
            blob: Digest::of(b"a blob"),
            place: None,
        },
        content,
    };
    Evidence {
        items: vec![item],
        gaps: Vec::new(),
        stale: Vec::new(),
    }
}

#[track_caller]
pub(crate) fn refusal(findings: &Findings) -> ReasonCode {
    assert!(findings.verified().is_empty(), "it verified");
    findings.rejected()[0].code
}

#[track_caller]
pub(crate) fn proof(findings: &Findings) -> Verified<Claim> {
    assert!(findings.rejected().is_empty(), "{:?}", findings.rejected());
    assert_eq!(findings.verified().len(), 1);
    findings.verified()[0].clone()
}

#[track_caller]
pub(crate) fn accept(findings: &Findings) {
    assert!(proof(findings).facts().image() == image().digest());
}

pub(crate) fn image() -> PinnedImage {
    PinnedImage::from_bytes(MANIFEST.into(), None, None, &Limits::default()).unwrap()
}

/// `sha256:…` of the image.
pub(crate) fn digest() -> String {
    image().digest().to_string()
}

pub(crate) fn public(key: &Key) -> PublicKey {
    PublicKey::from_spki(&key.public_der()).unwrap()
}

pub(crate) fn sig((payload, annotations): (Vec<u8>, BTreeMap<String, String>)) -> Content {
    Content::SimpleSigning {
        payload: payload.into(),
        annotations,
    }
}

pub(crate) fn att((envelope, annotations): (Vec<u8>, BTreeMap<String, String>)) -> Content {
    Content::Attestation {
        envelope: envelope.into(),
        annotations,
    }
}

fn time_kinds(facts: &Facts) -> Vec<&'static str> {
    facts
        .times()
        .iter()
        .map(|proven| proven.source.kind())
        .collect()
}

#[test]
fn what_is_valid_verifies_with_all_its_facts() {
    let world = world();
    let v1 = world.proven(world.v1().bundle());
    assert!(v1.claim().is_image_signature());
    assert_eq!(time_kinds(v1.facts()), ["log"]);
    assert_eq!(v1.facts().logs().len(), 1);
    assert_eq!(v1.facts().sct_logs(), 1);
    assert_eq!(v1.facts().root().unwrap().name, "private");

    let v2 = world.proven(world.v2().bundle());
    assert_eq!(time_kinds(v2.facts()), ["timestamp"]);
    assert_eq!(v2.facts().logs().len(), 1);

    let both = world.proven(world.v1().timestamp().bundle());
    assert_eq!(time_kinds(both.facts()), ["log", "timestamp"]);

    let bare = world.proven(world.keyed().bundle());
    assert!(bare.facts().times().is_empty() && bare.facts().root().is_none());
    let logged = world.proven(world.keyed().rekor_v1().bundle());
    assert_eq!(time_kinds(logged.facts()), ["log"]);
}
