//! A signed statement as a Sigstore bundle v0.3 (`protobuf-specs`, `sigstore_bundle.proto`, JSON form), as cosign 3 writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::{
    Blob, Digest, Facts, Limits, PublicKey, Trust, TrustRoot, UnixTime, examine_blob,
};
use serde_json::{Value, json};

use crate::{SignError, SigningKey, Statement};

pub(crate) const BUNDLE_V03: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A bundle that verification has already taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBundle {
    bytes: Vec<u8>,
    image: Digest,
    predicate_type: String,
    signed_at: Option<UnixTime>,
}

/// Signs a statement: one DSSE signature over its PAE (DSSE protocol v1, "Signature Definition"), with the key's hint for verifiers.
///
/// The bundle holds neither a log entry nor a timestamp, so it counts under a Signer with `log: off` and `time: none` only, and cosign
/// verifies it with `--insecure-ignore-tlog`; [`Signer`](crate::Signer) adds both.
///
/// What comes back has been verified with the public half, within the limits of [`Limits::default`]: neither a faulty signature nor a
/// statement that nobody would read leaves this function.
///
/// # Errors
/// [`SignError`].
pub fn sign_statement(statement: &Statement, key: &SigningKey) -> Result<SignedBundle, SignError> {
    let draft = Draft::by_key(statement, key)?;
    let facts = draft
        .verified(None)
        .map_err(|why| SignError::Unverifiable {
            image: *statement.image(),
            why,
        })?;
    Ok(draft.into_bundle(&facts))
}

impl SignedBundle {
    /// The bundle, JSON.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The image that it is about.
    #[must_use]
    pub const fn image(&self) -> &Digest {
        &self.image
    }

    /// The type of what it says.
    #[must_use]
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    /// When it was signed, as a log or a timestamp authority vouches for it; nothing if neither was asked.
    #[must_use]
    pub const fn signed_at(&self) -> Option<UnixTime> {
        self.signed_at
    }
}

/// A signature on its way into a bundle. Only [`verified`](Self::verified) says whether it is any good.
pub(crate) struct Draft<'a> {
    pub(crate) statement: &'a Statement,
    payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) signer: DraftSigner,
    /// The key's algorithm, for messages.
    pub(crate) algorithm: &'static str,
    /// What Rekor v2 logs of it: how the algorithm is called, and the hash of what was signed.
    pub(crate) logged_as: Option<(&'static str, Vec<u8>)>,
    timestamps: Vec<Vec<u8>>,
    entries: Vec<Value>,
}

/// Whose signature it is.
pub(crate) enum DraftSigner {
    Key {
        public: Box<PublicKey>,
        hint: String,
    },
    /// DER.
    Certificate(Vec<u8>),
}

impl<'a> Draft<'a> {
    /// Signed, and told to be the key's.
    pub(crate) fn by_key(statement: &'a Statement, key: &SigningKey) -> Result<Self, SignError> {
        let signer = DraftSigner::Key {
            public: Box::new(key.public_key().clone()),
            hint: key.hint(),
        };
        Self::new(statement, key, signer)
    }

    /// Signed, and told to be that of a certificate of the key.
    pub(crate) fn by_certificate(
        statement: &'a Statement,
        key: &SigningKey,
        certificate: Vec<u8>,
    ) -> Result<Self, SignError> {
        Self::new(statement, key, DraftSigner::Certificate(certificate))
    }

    fn new(
        statement: &'a Statement,
        key: &SigningKey,
        signer: DraftSigner,
    ) -> Result<Self, SignError> {
        let payload = statement.payload().to_vec();
        let signed = pre_authentication_encoding(IN_TOTO, &payload);
        let hashed = |hash| aws_lc_rs::digest::digest(hash, &signed).as_ref().to_vec();
        Ok(Self {
            statement,
            signature: key.sign(&signed).map_err(|_| SignError::Key)?,
            signer,
            algorithm: key.public_key().algorithm(),
            logged_as: key.details().map(|(details, hash)| (details, hashed(hash))),
            payload,
            timestamps: Vec::new(),
            entries: Vec::new(),
        })
    }

    /// Adds the answer of a timestamp authority.
    pub(crate) fn stamped(&mut self, answer: Vec<u8>) {
        self.timestamps.push(answer);
    }

    /// Adds a `TransparencyLogEntry`.
    pub(crate) fn logged(&mut self, entry: Value) {
        self.entries.push(entry);
    }

    /// The DSSE envelope.
    pub(crate) fn envelope(&self) -> Value {
        json!({
            "payload": STANDARD.encode(&self.payload),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": STANDARD.encode(&self.signature)}],
        })
    }

    /// What verification proves about it: that it is the signer's, and that every timestamp and every entry is about it. With a trust
    /// root all of that holds under this one.
    ///
    /// # Errors
    /// What verification says.
    pub(crate) fn verified(&self, root: Option<&TrustRoot>) -> Result<Facts, String> {
        let keys = match &self.signer {
            DraftSigner::Key { public, .. } => vec![PublicKey::clone(public)],
            DraftSigner::Certificate(_) => Vec::new(),
        };
        let roots = root.cloned().into_iter().collect();
        let trust = Trust::new(roots, keys).map_err(|error| error.to_string())?;
        let blob = Blob::Digest(*self.statement.image());
        let findings = examine_blob(blob, &self.bytes(), &trust, &Limits::default());
        match (findings.verified(), findings.rejected()) {
            ([verified], []) => Ok(verified.facts().clone()),
            (_, rejected) => Err(rejected
                .iter()
                .map(|rejected| format!("{}: {}", rejected.code, rejected.detail))
                .collect::<Vec<_>>()
                .join("; ")),
        }
    }

    /// The bundle, of which these are the facts.
    pub(crate) fn into_bundle(self, facts: &Facts) -> SignedBundle {
        SignedBundle {
            bytes: self.bytes(),
            image: *self.statement.image(),
            predicate_type: self.statement.predicate_type().to_owned(),
            signed_at: facts.signed_at(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut material = match &self.signer {
            DraftSigner::Key { hint, .. } => json!({"publicKey": {"hint": hint}}),
            DraftSigner::Certificate(der) => {
                json!({"certificate": {"rawBytes": STANDARD.encode(der)}})
            }
        };
        if !self.entries.is_empty() {
            material["tlogEntries"] = json!(self.entries);
        }
        if !self.timestamps.is_empty() {
            let stamp = |answer| json!({"signedTimestamp": STANDARD.encode(answer)});
            let stamps: Vec<Value> = self.timestamps.iter().map(stamp).collect();
            material["timestampVerificationData"] = json!({"rfc3161Timestamps": stamps});
        }
        let bundle = json!({
            "mediaType": BUNDLE_V03,
            "verificationMaterial": material,
            "dsseEnvelope": self.envelope(),
        });
        bundle.to_string().into_bytes()
    }
}

/// DSSE's PAE (DSSE protocol v1, "Signature Definition").
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}
