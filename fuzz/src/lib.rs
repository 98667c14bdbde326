//! What the targets share: committed evidence that verifies by one trusted root and one key, whose private keys nobody has.
//!
//! So whatever verifies must say what one of these says: anything else was forged by the fuzzer and is a defect.

mod edit;
/// The very source of the language: the crate that it is in would bring an HTTP client and a runtime into this build. It is
/// formatted where it belongs.
#[rustfmt::skip]
#[path = "../../crates/countersign/src/cel/mod.rs"]
pub mod expressions;
// What the webhook makes of a question, from its very sources, for the same reason.
#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../../crates/webhook/src/emergency.rs"]
mod emergency;
#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../../crates/webhook/src/images.rs"]
mod images;
#[rustfmt::skip]
#[path = "../../crates/webhook/tests/hostile/oracle.rs"]
mod oracle;
mod provenance;
#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../../crates/webhook/src/review/mod.rs"]
mod question;
mod review;
mod sbom;

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::{
    Content, Digest, Evidence, Facts, Findings, FoundBy, Item, Limits, Locator, PinnedImage, PublicKey, Trust,
    TrustRoot, UnixTime, Verified, examine,
};
use der::{Decode as _, Encode as _, asn1::OctetString};
use serde_json::Value;

pub use edit::edited;
pub use provenance::only_true_builds_pass;
use question::{Operation, Review};
pub use review::every_new_image_is_judged;
pub use sbom::sbom_is_read_alike;

/// What all evidence is about.
pub const IMAGE: &[u8] = include_bytes!("../seeds/manifest/forged");
/// The SCT list of [`World::leaf`].
pub const SCT_LIST: &[u8] = include_bytes!("../seeds/sct_list/v1-stamped");

const ROOT: &[u8] = include_bytes!("../seeds/trusted_root/forged");
const KEY: &str = include_str!("../seeds/key.pem");

const BUNDLES: [&[u8]; 6] = [
    include_bytes!("../seeds/bundle/v1-stamped"),
    include_bytes!("../seeds/bundle/v2"),
    include_bytes!("../seeds/bundle/intoto"),
    include_bytes!("../seeds/bundle/keyed-blob"),
    include_bytes!("../seeds/bundle/keyed-v1"),
    include_bytes!("../seeds/bundle/bundle-01"),
];
const LAYERS: [(Kind, &[u8]); 3] = [
    (Kind::SimpleSigning, include_bytes!("../seeds/simple_signing/sig-stamped")),
    (Kind::Attestation, include_bytes!("../seeds/attestation/att-intoto-001")),
    (Kind::Attestation, include_bytes!("../seeds/attestation/att-intoto-002")),
];

/// Annotations of a layer, in the order in which a seed has them.
const ANNOTATIONS: [&str; 5] = [
    "dev.cosignproject.cosign/signature",
    "dev.sigstore.cosign/certificate",
    "dev.sigstore.cosign/chain",
    "dev.sigstore.cosign/bundle",
    "dev.sigstore.cosign/rfc3161timestamp",
];

/// The committed evidence and what it is judged by.
pub struct World {
    /// The root under which all of it verifies.
    pub root: TrustRoot,
    /// The key of what is keyed.
    pub key: PublicKey,
    /// DER of the leaf of the first bundle.
    pub leaf: Vec<u8>,
    /// DER of the certificate that issued it.
    pub issuer: Vec<u8>,
    /// Log ids, and the text that each signed as a checkpoint.
    pub checkpoints: Vec<(Vec<u8>, String)>,
    /// What the first bundle's timestamp is of.
    pub stamped: Vec<u8>,
    /// The time of that timestamp.
    pub time: UnixTime,
    items: Vec<Content>,
    image: PinnedImage,
    trust: Trust,
    proofs: Vec<Proof>,
}

impl World {
    /// One piece of evidence, whatever the number.
    pub fn item(&self, number: u8) -> &Content {
        &self.items[usize::from(number) % self.items.len()]
    }
}

/// What was proven, apart from what the unsigned parts of evidence choose: how it was packed, and which witnesses were left out.
struct Proof {
    claim: String,
    signer: String,
    root: String,
    times: Vec<String>,
    logs: Vec<String>,
}

impl Proof {
    fn of<T: std::fmt::Debug>(verified: &Verified<T>) -> Self {
        let facts: &Facts = verified.facts();
        Self {
            claim: format!("{:?}", verified.claim()),
            signer: format!("{:?}, {} SCTs", facts.signer(), facts.sct_logs()),
            root: format!("{:?}", facts.root()),
            times: facts.times().iter().map(|time| format!("{time:?}")).collect(),
            // The index of a Rekor v1 entry without a promise is signed by nobody.
            logs: facts.logs().iter().map(|log| format!("{} {}", log.name, log.log_id)).collect(),
        }
    }

    fn same_claim(&self, other: &Self) -> bool {
        self.claim == other.claim && self.signer == other.signer
    }

    /// Whether all of it was really signed: keyed evidence needs no witness, and so no root.
    fn is_within(&self, original: &Self) -> bool {
        self.same_claim(original)
            && (self.root == original.root || self.times.is_empty() && self.logs.is_empty() && self.root == "None")
            && self.times.iter().all(|time| original.times.contains(time))
            && self.logs.iter().all(|log| original.logs.contains(log))
    }
}

/// Examines one piece of evidence: what verifies was signed.
pub fn nothing_forged(content: Content) {
    let world = world();
    let findings = judge(&world.image, &content, &world.trust);
    assert_eq!(findings.verified().is_empty(), findings.rejected().len() == 1);
    for proof in findings.verified().iter().map(Proof::of) {
        let signed = world.proofs.iter().any(|original| proof.is_within(original));
        assert!(signed, "nobody signed: {} by {} at {:?}", proof.claim, proof.signer, proof.times);
    }
}

/// The evidence under another root: what verifies says what it says under the right one.
pub fn same_claims_under(root: TrustRoot) {
    let world = world();
    let trust = Trust::new(vec![root], vec![world.key.clone()]).expect("one name");
    for content in &world.items {
        for proof in judge(&world.image, content, &trust).verified().iter().map(Proof::of) {
            let same = world.proofs.iter().any(|original| original.claim == proof.claim);
            assert!(same, "nobody signed: {}", proof.claim);
        }
    }
}

fn judge(image: &PinnedImage, content: &Content, trust: &Trust) -> Findings {
    let digest = Digest::of(b"");
    let locator = Locator { found_by: FoundBy::File, manifest: digest, blob: digest, place: None };
    let item = Item { locator, content: content.clone() };
    examine(image, &Evidence { items: vec![item], gaps: Vec::new(), stale: Vec::new() }, trust, &Limits::default())
}

/// The world, read once; all of its evidence must verify.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let root = TrustRoot::from_json("forged", ROOT).expect("the seed is a trusted root");
        let key = PublicKey::from_pem(KEY).expect("the seed is a key");
        let good = TrustRoot::public_good().expect("built in");
        let trust = Trust::new(vec![root.clone(), good], vec![key.clone()]).expect("two names");
        let image = PinnedImage::from_bytes(IMAGE.into(), None, None, &Limits::default()).expect("it is a manifest");
        let bundles = BUNDLES.iter().map(|bytes| Content::Bundle((*bytes).into()));
        let layers = LAYERS.iter().map(|(kind, bytes)| layer(*kind, bytes));
        let items: Vec<Content> = bundles.chain(layers).collect();
        let findings: Vec<Findings> = items.iter().map(|item| judge(&image, item, &trust)).collect();
        for one in &findings {
            assert_eq!(one.verified().len(), 1, "a seed must verify: {:?}", one.rejected());
        }
        let stamp = |time: &&countersign_core::ProvenTime| {
            matches!(time.source, countersign_core::TimeSource::Timestamp { .. })
        };
        let facts = findings[0].verified()[0].facts();
        let first: Value = serde_json::from_slice(BUNDLES[0]).expect("JSON");
        let second: Value = serde_json::from_slice(BUNDLES[1]).expect("JSON");
        let trusted: Value = serde_json::from_slice(ROOT).expect("JSON");
        World {
            leaf: decoded(&first["verificationMaterial"]["certificate"]["rawBytes"]),
            issuer: decoded(&trusted["certificateAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"]),
            checkpoints: vec![checkpoint(&first), checkpoint(&second)],
            stamped: decoded(&first["dsseEnvelope"]["signatures"][0]["sig"]),
            time: facts.times().iter().find(stamp).expect("it is stamped").time,
            proofs: findings.iter().flat_map(|one| one.verified()).map(Proof::of).collect(),
            root,
            key,
            items,
            image,
            trust,
        }
    })
}

fn checkpoint(bundle: &Value) -> (Vec<u8>, String) {
    let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
    let text = entry["inclusionProof"]["checkpoint"]["envelope"].as_str().expect("it has a checkpoint");
    let (note, _) = text.split_once("\n\n").expect("a checkpoint is signed");
    (decoded(&entry["logId"]["keyId"]), note.to_owned())
}

fn decoded(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().expect("text")).expect("base64")
}

/// The two kinds of layers.
#[derive(Clone, Copy)]
pub enum Kind {
    /// `.sig`
    SimpleSigning,
    /// `.att`
    Attestation,
}

/// A layer as seeds have it: what was signed, and five annotations, each behind a NUL; an empty one is not there.
pub fn layer(kind: Kind, bytes: &[u8]) -> Content {
    let mut parts = bytes.split(|byte| *byte == 0);
    let signed = parts.next().unwrap_or_default().into();
    let texts = parts.map(|text| String::from_utf8_lossy(text).into_owned());
    let annotations = ANNOTATIONS.iter().map(|name| (*name).to_owned()).zip(texts);
    let annotations = annotations.filter(|(_, text)| !text.is_empty()).collect();
    match kind {
        Kind::SimpleSigning => Content::SimpleSigning { payload: signed, annotations },
        Kind::Attestation => Content::Attestation { envelope: signed, annotations },
    }
}

/// The leaf with another SCT list.
pub fn with_scts(list: &[u8]) -> Option<Vec<u8>> {
    static LEAF: OnceLock<x509_cert::Certificate> = OnceLock::new();
    let leaf = LEAF.get_or_init(|| x509_cert::Certificate::from_der(&world().leaf).expect("a certificate"));
    let mut leaf = leaf.clone();
    let extensions = leaf.tbs_certificate.extensions.as_mut()?;
    let scts = extensions.iter_mut().find(|one| one.extn_value.as_bytes() == SCT_LIST)?;
    scts.extn_value = OctetString::new(list).ok()?;
    leaf.to_der().ok()
}
