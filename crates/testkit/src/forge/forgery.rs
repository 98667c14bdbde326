//! One piece of evidence in the making.

use serde_json::Value;

use super::certificate::Certificate;
use super::identity::Identity;
use super::key::{Hash, Key};
use super::log::{Checkpoint, Entry, TransparencyLog};
use super::sct::Sct;
use super::timestamp::{Timestamp, TimestampAuthority};
use super::{BoxedEdit, Forge};

/// One piece of evidence in the making: say what, who, and with which proofs; then take it as a
/// [bundle](Self::bundle), a [`.sig`](Self::sig) or an [`.att`](Self::att) layer.
///
/// Every `with_…` changes one part just before it is signed or written; all else stays consistent with that change.
#[must_use]
pub struct Forgery<'f> {
    pub(super) forge: &'f Forge,
    /// `Some`: a DSSE envelope of that payload type.
    pub(super) payload_type: Option<String>,
    pub(super) payload: Vec<u8>,
    pub(super) signer: Signer,
    pub(super) version: String,
    pub(super) chain: bool,
    pub(super) signing_key: Option<Key>,
    pub(super) signing_hash: Option<Hash>,
    pub(super) entries: Vec<EntryRequest<'f>>,
    pub(super) stamps: Vec<StampRequest<'f>>,
    pub(super) edits: Edits<'f>,
}

pub(super) enum Signer {
    Keyed(Key),
    Keyless { key: Key, identity: Identity },
}

pub(super) struct EntryRequest<'f> {
    pub(super) log: TransparencyLog,
    /// `None`: the kind that belongs to the content.
    pub(super) kind: Option<(String, String)>,
    pub(super) edits: Vec<BoxedEdit<'f, Entry>>,
    pub(super) checkpoint_edits: Vec<BoxedEdit<'f, Checkpoint>>,
}

pub(super) struct StampRequest<'f> {
    pub(super) authority: TimestampAuthority,
    pub(super) edits: Vec<BoxedEdit<'f, Timestamp>>,
}

#[derive(Default)]
pub(super) struct Edits<'f> {
    pub(super) leaf: Vec<BoxedEdit<'f, Certificate>>,
    pub(super) leaf_issuer: Option<Key>,
    pub(super) leaf_der: Vec<BoxedEdit<'f, Vec<u8>>>,
    pub(super) scts: Vec<BoxedEdit<'f, Vec<Sct>>>,
    pub(super) certificates: Vec<BoxedEdit<'f, Vec<Vec<u8>>>>,
    pub(super) signed_bytes: Vec<BoxedEdit<'f, Vec<u8>>>,
    pub(super) signature: Vec<BoxedEdit<'f, Vec<u8>>>,
    pub(super) json: Vec<BoxedEdit<'f, Value>>,
    pub(super) text: Vec<BoxedEdit<'f, String>>,
}

impl<'f> Forgery<'f> {
    pub(super) fn envelope(forge: &'f Forge, payload_type: &str, payload: Vec<u8>) -> Self {
        Self {
            payload_type: Some(payload_type.into()),
            ..Self::message(forge, payload)
        }
    }

    pub(super) fn message(forge: &'f Forge, message: Vec<u8>) -> Self {
        let key = Key::generate(super::Algorithm::P256);
        Self {
            forge,
            payload_type: None,
            payload: message,
            signer: Signer::Keyless {
                key,
                identity: Identity::default(),
            },
            version: "0.3".into(),
            chain: false,
            signing_key: None,
            signing_hash: None,
            entries: Vec::new(),
            stamps: Vec::new(),
            edits: Edits::default(),
        }
    }

    // Who signs.

    /// Signed by a managed key.
    pub fn keyed(mut self, key: &Key) -> Self {
        self.signer = Signer::Keyed(key.clone());
        self
    }

    /// Signed with a short-lived certificate for this identity and a new P-256 key.
    pub fn keyless(mut self, identity: Identity) -> Self {
        self.signer = Signer::Keyless {
            key: Key::generate(super::Algorithm::P256),
            identity,
        };
        self
    }

    /// Signed with a short-lived certificate for this identity and key.
    pub fn keyless_with(mut self, identity: Identity, key: &Key) -> Self {
        self.signer = Signer::Keyless {
            key: key.clone(),
            identity,
        };
        self
    }

    /// The signature is made with this key, while all else still speaks of the signer's.
    pub fn signed_by(mut self, key: &Key) -> Self {
        self.signing_key = Some(key.clone());
        self
    }

    /// The signature is made with this hash, not the key's own; entries say so too.
    pub fn hashed_with(mut self, hash: Hash) -> Self {
        self.signing_hash = Some(hash);
        self
    }

    // With which proofs.

    /// An entry in Rekor v1, of the kind that belongs to the content: `dsse` 0.0.1 or `hashedrekord` 0.0.1.
    pub fn rekor_v1(self) -> Self {
        let log = self.forge.rekor_v1.clone();
        self.logged_by(&log)
    }

    /// An entry in Rekor v1 of another kind: `("intoto", "0.0.1")`, `("intoto", "0.0.2")`, …
    pub fn rekor_v1_as(self, kind: &str, version: &str) -> Self {
        let mut forgery = self.rekor_v1();
        forgery.last_entry().kind = Some((kind.into(), version.into()));
        forgery
    }

    /// An entry in Rekor v2, `hashedrekord` 0.0.2.
    pub fn rekor_v2(self) -> Self {
        let log = self.forge.rekor_v2.clone();
        self.logged_by(&log)
    }

    /// An entry in any log, another instance's for example.
    pub fn logged_by(mut self, log: &TransparencyLog) -> Self {
        self.entries.push(EntryRequest {
            log: log.clone(),
            kind: None,
            edits: Vec::new(),
            checkpoint_edits: Vec::new(),
        });
        self
    }

    /// A timestamp by this instance's authority.
    pub fn timestamp(self) -> Self {
        let authority = self.forge.tsa.clone();
        self.stamped_by(&authority)
    }

    /// A timestamp by any authority, another instance's for example.
    pub fn stamped_by(mut self, authority: &TimestampAuthority) -> Self {
        self.stamps.push(StampRequest {
            authority: authority.clone(),
            edits: Vec::new(),
        });
        self
    }

    // In which form.

    /// The bundle's version: `0.1`, `0.2` (both carry the chain; 0.1 has promises only), `0.3`, or
    /// anything else, which goes into the media type as it is.
    pub fn version(mut self, version: &str) -> Self {
        self.version = version.into();
        self.chain = matches!(version, "0.1" | "0.2");
        self
    }

    /// The bundle carries leaf and intermediates as a chain, whatever its version.
    pub fn carrying_chain(mut self) -> Self {
        self.chain = true;
        self
    }

    // What is changed.

    /// Changes the DSSE payload or message before it is signed.
    pub fn with_payload(mut self, edit: impl FnOnce(&mut Vec<u8>)) -> Self {
        edit(&mut self.payload);
        self
    }

    /// Changes the payload as JSON (a statement, a simple-signing payload) before it is signed.
    ///
    /// # Panics
    /// When the payload is not JSON.
    pub fn with_statement(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        let mut statement = serde_json::from_slice(&self.payload).expect("the payload is JSON");
        edit(&mut statement);
        self.payload = statement.to_string().into_bytes();
        self
    }

    /// Another DSSE payload type, signed and shown.
    pub fn payload_type(mut self, payload_type: &str) -> Self {
        self.payload_type = Some(payload_type.into());
        self
    }

    /// Changes the leaf certificate before SCTs and signature are made over it.
    pub fn with_leaf(mut self, edit: impl Fn(&mut Certificate) + 'f) -> Self {
        self.edits.leaf.push(Box::new(edit));
        self
    }

    /// The leaf is signed with this key in place of the issuer's, which it still names.
    pub fn with_leaf_issuer(mut self, key: &Key) -> Self {
        self.edits.leaf_issuer = Some(key.clone());
        self
    }

    /// Changes the issued leaf's DER, in the evidence and in its entries alike.
    pub fn with_leaf_der(mut self, edit: impl Fn(&mut Vec<u8>) + 'f) -> Self {
        self.edits.leaf_der.push(Box::new(edit));
        self
    }

    /// Changes the SCTs before they are signed; an empty list leaves the extension out.
    pub fn with_scts(mut self, edit: impl Fn(&mut Vec<Sct>) + 'f) -> Self {
        self.edits.scts.push(Box::new(edit));
        self
    }

    /// Changes the certificates that the bundle shows: the leaf alone, or with intermediates. Entries keep the true leaf.
    pub fn with_certificates(mut self, edit: impl Fn(&mut Vec<Vec<u8>>) + 'f) -> Self {
        self.edits.certificates.push(Box::new(edit));
        self
    }

    /// Changes the bytes that are signed, while the payload that is shown stays.
    pub fn with_signed_bytes(mut self, edit: impl Fn(&mut Vec<u8>) + 'f) -> Self {
        self.edits.signed_bytes.push(Box::new(edit));
        self
    }

    /// Changes the signature before it is logged, stamped and shown.
    pub fn with_signature(mut self, edit: impl Fn(&mut Vec<u8>) + 'f) -> Self {
        self.edits.signature.push(Box::new(edit));
        self
    }

    /// Changes the last entry before the log takes it.
    ///
    /// # Panics
    /// When there is no entry yet.
    pub fn with_entry(mut self, edit: impl Fn(&mut Entry) + 'f) -> Self {
        self.last_entry().edits.push(Box::new(edit));
        self
    }

    /// Changes the last entry's checkpoint before the log signs it.
    ///
    /// # Panics
    /// When there is no entry yet.
    pub fn with_checkpoint(mut self, edit: impl Fn(&mut Checkpoint) + 'f) -> Self {
        self.last_entry().checkpoint_edits.push(Box::new(edit));
        self
    }

    /// Changes the last timestamp before the authority signs it.
    ///
    /// # Panics
    /// When there is no timestamp yet.
    pub fn with_timestamp(mut self, edit: impl Fn(&mut Timestamp) + 'f) -> Self {
        let last = self
            .stamps
            .last_mut()
            .expect("a timestamp was asked for before");
        last.edits.push(Box::new(edit));
        self
    }

    /// Changes the finished bundle (or, of a layer, the JSON object of its annotations).
    pub fn with_json(mut self, edit: impl Fn(&mut Value) + 'f) -> Self {
        self.edits.json.push(Box::new(edit));
        self
    }

    /// Changes the finished bundle's text: for duplicate keys and the like.
    pub fn with_text(mut self, edit: impl Fn(&mut String) + 'f) -> Self {
        self.edits.text.push(Box::new(edit));
        self
    }

    /// The DSSE payload or message as it stands.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    fn last_entry(&mut self) -> &mut EntryRequest<'f> {
        self.entries
            .last_mut()
            .expect("an entry was asked for before")
    }
}
