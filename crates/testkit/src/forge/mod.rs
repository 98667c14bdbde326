//! A whole Sigstore instance in memory, which makes evidence: proper, or with any one thing wrong.
//!
//! A [`Forge`] has a certificate authority, a certificate transparency log, Rekor v1 and v2, and a timestamp authority.
//! A [`Forgery`] is one piece of evidence in the making. What is not touched is valid, so a test that changes one thing
//! proves the one check that should notice it:
//!
//! ```
//! use countersign_testkit::forge::{Forge, Identity, Key, Algorithm};
//!
//! let now = 1_790_000_000; // seconds since 1970; the Forge has no clock
//! let forge = Forge::new(now);
//! let image = countersign_testkit::sha256_digest(b"manifest");
//!
//! // Keyless image signatures as cosign 3 attaches them: Rekor v1, and Rekor v2 with a timestamp.
//! let v1 = forge.image_signature(&image).keyless(Identity::default()).rekor_v1().bundle();
//! let v2 = forge.image_signature(&image).keyless(Identity::default()).rekor_v2().timestamp().bundle();
//!
//! // Keyed, without log or timestamp; an attestation; a blob.
//! let key = Key::generate(Algorithm::P256);
//! let keyed = forge.image_signature(&image).keyed(&key).bundle();
//! let sbom = forge.attestation(&image, "https://spdx.dev/Document", serde_json::json!({})).keyed(&key).rekor_v1().bundle();
//! let blob = forge.blob(b"content").keyed(&key).rekor_v1().timestamp().bundle();
//!
//! // cosign 1 and 2: `.sig` and `.att` layers with their annotations.
//! let (payload, annotations) = forge.simple_signing(&image).keyed(&key).rekor_v1().sig();
//! let (envelope, annotations) = forge.attestation(&image, "https://slsa.dev/provenance/v1", serde_json::json!({}))
//!     .keyless(Identity::default()).rekor_v1_as("intoto", "0.0.1").att();
//!
//! // One thing wrong: before it is signed, or after.
//! let late = forge.image_signature(&image).keyless(Identity::default())
//!     .rekor_v1().with_entry(|entry| entry.integrated_time += 3600).bundle();
//! let stripped = forge.image_signature(&image).keyless(Identity::default())
//!     .rekor_v1().with_json(|json| {
//!         json["verificationMaterial"]["tlogEntries"][0].as_object_mut().unwrap().remove("inclusionPromise");
//!     }).bundle();
//!
//! // What a verifier is told to trust.
//! assert!(forge.trusted_root().contains("certificateAuthorities"));
//! ```

mod body;
mod builder;
mod certificate;
mod der;
mod forgery;
mod identity;
mod key;
mod log;
mod merkle;
mod output;
mod sct;
mod services;
mod timestamp;
mod trusted_root;

use base64::Engine as _;
use serde_json::{Value, json};

pub use builder::Builder;
pub use certificate::{
    BASIC_CONSTRAINTS, CODE_SIGNING, Certificate, EXTENDED_KEY_USAGE, Extension, FULCIO, Issued,
    KEY_USAGE, NAME_CONSTRAINTS, Name, SCT_LIST, SUBJECT_ALT_NAME, San, TIME_STAMPING,
};
pub(crate) use der::tlv;
pub use forgery::Forgery;
pub use identity::{GITHUB_ISSUER, Identity};
pub use key::{Algorithm, Hash, Key};
pub(crate) use log::canonical;
pub use log::{Checkpoint, Entry, Generation, NoteSigner, TransparencyLog, signature_line};
pub use sct::{CtLog, Sct};
pub use services::{Services, token_of};
pub use timestamp::{TST_INFO, Timestamp, TimestampAuthority};
pub use trusted_root::trusted_root_of;

/// The predicate type of cosign 3's image signatures.
pub const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Something that changes a part before it is signed, or a whole after that.
pub(crate) type Edit<'a, T> = dyn Fn(&mut T) + 'a;
pub(crate) type BoxedEdit<'a, T> = Box<Edit<'a, T>>;

const YEAR: i64 = 31_557_600;

/// A whole fake Sigstore instance; see the [module](self).
#[derive(Clone, Debug)]
pub struct Forge {
    /// The time at which everything is signed, in seconds since 1970.
    pub now: i64,
    /// The domain of its hosts.
    pub domain: String,
    /// The self-signed certificate of the certificate authority, and its key.
    pub root: (Issued, Key),
    /// The certificate that issues leaves, unless the root does.
    pub intermediate: Option<(Issued, Key)>,
    /// The certificate transparency log.
    pub ct_log: CtLog,
    /// Rekor v1.
    pub rekor_v1: TransparencyLog,
    /// Rekor v2.
    pub rekor_v2: TransparencyLog,
    /// The timestamp authority.
    pub tsa: TimestampAuthority,
    pub(crate) ca_uri: String,
}

impl Forge {
    /// An instance with the curves of the public-good one, at this time.
    #[must_use]
    pub fn new(now: i64) -> Self {
        Self::builder(now).build()
    }

    /// An instance with options.
    #[must_use]
    pub fn builder<'a>(now: i64) -> Builder<'a> {
        Builder::new(now)
    }

    /// Its `trusted_root.json`, version 0.1.
    #[must_use]
    pub fn trusted_root(&self) -> String {
        trusted_root_of(&[self]).to_string()
    }

    /// An image signature as cosign 3 makes it: a DSSE envelope with an in-toto statement.
    pub fn image_signature(&self, digest: &str) -> Forgery<'_> {
        self.attestation(digest, COSIGN_SIGN, json!({}))
    }

    /// A DSSE envelope with an in-toto statement v1 about `digest` (`sha256:…`).
    pub fn attestation(&self, digest: &str, predicate_type: &str, predicate: Value) -> Forgery<'_> {
        let (algorithm, value) = digest
            .split_once(':')
            .expect("a digest names its algorithm");
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {algorithm: value}, "annotations": {}}],
            "predicateType": predicate_type, "predicate": predicate,
        });
        Forgery::envelope(self, IN_TOTO, statement.to_string().into_bytes())
    }

    /// A DSSE envelope with any payload.
    pub fn envelope(&self, payload_type: &str, payload: &[u8]) -> Forgery<'_> {
        Forgery::envelope(self, payload_type, payload.to_vec())
    }

    /// A simple-signing payload about `digest`, as cosign 1 and 2 sign it.
    pub fn simple_signing(&self, digest: &str) -> Forgery<'_> {
        let payload = json!({
            "critical": {
                "identity": {"docker-reference": "registry.example/app"},
                "image": {"docker-manifest-digest": digest},
                "type": "cosign container image signature",
            },
            "optional": null,
        });
        Forgery::message(self, payload.to_string().into_bytes())
    }

    /// A signature over bytes.
    pub fn blob(&self, bytes: &[u8]) -> Forgery<'_> {
        Forgery::message(self, bytes.to_vec())
    }

    /// The certificate that issues leaves, and its key.
    #[must_use]
    pub fn issuer(&self) -> &(Issued, Key) {
        self.intermediate.as_ref().unwrap_or(&self.root)
    }

    /// The certificates above a leaf, root last.
    #[must_use]
    pub fn ca_chain(&self) -> Vec<&Issued> {
        self.intermediate
            .iter()
            .chain([&self.root])
            .map(|(issued, _)| issued)
            .collect()
    }
}

/// A self-signed CA certificate for ten years around `now`, without key identifiers.
fn ca_certificate(key: &Key, name: &Name, now: i64) -> Certificate {
    let mut certificate = Certificate::new(key, now - 5 * YEAR, now + 5 * YEAR);
    certificate.issuer = name.clone();
    certificate.subject = name.clone();
    certificate.push_key_usage(0x06);
    certificate.push_constraints(true, None);
    certificate
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
