//! One signature in one shape, however it was packed. Nothing in here is verified yet.

use std::sync::Arc;

use super::Artifact;
use crate::trust::Message;
use crate::x509::Cert;
use crate::{Format, UnixTime};

/// A signature with everything that was attached to it.
#[derive(Debug, Clone)]
pub(super) struct Signed<'a> {
    pub(super) format: Format,
    pub(super) content: SignedContent<'a>,
    pub(super) signature: Vec<u8>,
    pub(super) material: Material,
    pub(super) entries: Vec<Entry>,
    pub(super) timestamps: Vec<Vec<u8>>,
}

/// What was signed.
#[derive(Debug, Clone)]
pub(super) enum SignedContent<'a> {
    /// The artifact itself; `declared` is the bundle's `messageDigest`, hash name and bytes.
    Message { declared: Option<(String, Vec<u8>)> },
    /// A DSSE envelope.
    Envelope(Envelope<'a>),
    /// cosign's simple-signing payload.
    SimpleSigning { payload: &'a [u8] },
}

/// A DSSE envelope with its one signature taken out (DSSE v1.0.2, "Envelope").
#[derive(Debug, Clone)]
pub(super) struct Envelope<'a> {
    pub(super) payload_type: String,
    pub(super) payload: Arc<Vec<u8>>,
    /// The exact bytes of the envelope, where it stood alone (`.att` layers).
    pub(super) exact: Option<&'a [u8]>,
}

/// By what the signature is to be verified.
#[derive(Debug, Clone)]
pub(super) enum Material {
    /// The leaf; other certificates that a bundle carries are never used (step 12).
    Certificate(Box<Cert>),
    /// A key that only the policy set can name; the hint helps to explain, never to choose (step 5).
    Key { hint: Option<String> },
}

/// One transparency-log entry.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) log_id: Vec<u8>,
    /// Kind and version as the bundle declares them; an annotation declares none.
    pub(super) declared: Option<(String, String)>,
    /// Index over all shards of a log, as the SET signs it.
    pub(super) index: u64,
    pub(super) integrated_time: Option<UnixTime>,
    pub(super) promise: Option<Vec<u8>>,
    pub(super) proof: Option<Proof>,
    pub(super) body: Vec<u8>,
}

/// An inclusion proof (RFC 6962, 2.1.1) with its checkpoint.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    pub(super) index: u64,
    pub(super) tree_size: u64,
    pub(super) root_hash: Vec<u8>,
    pub(super) hashes: Vec<Vec<u8>>,
    pub(super) checkpoint: String,
}

impl Signed<'_> {
    /// The exact bytes that the signature covers.
    pub(super) fn message<'a>(&'a self, artifact: &Artifact<'a>) -> Message<'a> {
        match (&self.content, artifact.bytes) {
            (SignedContent::Message { .. }, Some(bytes)) => Message::new(String::new(), bytes),
            (SignedContent::Message { .. }, None) => Message::by_digest(artifact.digest),
            (SignedContent::SimpleSigning { payload }, _) => Message::new(String::new(), payload),
            (SignedContent::Envelope(envelope), _) => {
                Message::new(envelope.pae_head(), &envelope.payload)
            }
        }
    }

    /// What an RFC 3161 timestamp covers: the signature bytes, but for `.att` layers the exact envelope bytes.
    pub(super) fn timestamped_bytes(&self) -> &[u8] {
        match &self.content {
            SignedContent::Envelope(Envelope {
                exact: Some(exact), ..
            }) => exact,
            _ => &self.signature,
        }
    }
}

impl Envelope<'_> {
    /// What DSSE's pre-authentication encoding puts before the payload: `DSSEv1 <len> <type> <len> `.
    fn pae_head(&self) -> String {
        format!(
            "DSSEv1 {} {} {} ",
            self.payload_type.len(),
            self.payload_type,
            self.payload.len()
        )
    }
}
