//! Transparency logs: Rekor v1 and v2.

use serde_json::{Value, json};

use super::key::{Algorithm, Hash, Key};
use super::{base64, merkle};
use crate::digest::hex;

/// A transparency log.
#[derive(Clone, Debug)]
pub struct TransparencyLog {
    /// The host of its URL: the name that signs checkpoints.
    pub host: String,
    /// What it signs with.
    pub key: Key,
    /// Which kind of Rekor.
    pub generation: Generation,
}

/// Which kind of Rekor a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// Promises (SET), integrated times, inclusion proofs; origin `host - tree id`.
    V1,
    /// Tiles: inclusion proofs only; origin `host`.
    V2,
}

/// An entry before the log takes it in.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The log that takes it.
    pub log: TransparencyLog,
    /// The log that the evidence names.
    pub log_id: Vec<u8>,
    /// What the evidence says beside the body: `hashedrekord`, `dsse`, `intoto`.
    pub kind: String,
    /// What the evidence says beside the body.
    pub version: String,
    /// The body, logged in its canonical form.
    pub body: Value,
    /// Bytes to log in place of the body.
    pub raw_body: Option<Vec<u8>>,
    /// When it was logged, in seconds since 1970; v1 only.
    pub integrated_time: i64,
    /// The index over all shards, which the promise names; v2 has one index only.
    pub log_index: i64,
    /// The place in the tree.
    pub tree_index: usize,
    /// How many leaves the tree has.
    pub tree_size: usize,
    /// Whether there is a promise, the signed entry timestamp; v1 only.
    pub promise: bool,
    /// Whether there is an inclusion proof.
    pub proof: bool,
    /// Whether the proof has a checkpoint.
    pub checkpoint: bool,
}

/// A checkpoint before it is signed (C2SP tlog-checkpoint, signed-note).
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The first line.
    pub origin: String,
    /// The second line.
    pub size: u64,
    /// The third line.
    pub root: Vec<u8>,
    /// Lines after these.
    pub extensions: Vec<String>,
    /// Who signs.
    pub signers: Vec<NoteSigner>,
    /// Signature lines of others, before our own.
    pub lines_before: Vec<String>,
    /// Signature lines of others, after our own.
    pub lines_after: Vec<String>,
}

/// A signer of a note.
#[derive(Clone, Debug)]
pub struct NoteSigner {
    /// Name in the signature line.
    pub name: String,
    /// Key hint in the signature line.
    pub hint: [u8; 4],
    /// What signs.
    pub key: Key,
}

/// An entry that the log took in.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    entry: Entry,
    body: Vec<u8>,
    promise: Option<Vec<u8>>,
    root: Vec<u8>,
    hashes: Vec<Vec<u8>>,
    checkpoint: String,
}

const TREE_ID: u64 = 1_193_050_959_916_656_506;
/// How many entries older shards of a v1 log hold.
const SHARD_OFFSET: i64 = 121_904_262;

impl TransparencyLog {
    /// A log with a new key.
    #[must_use]
    pub fn new(host: &str, generation: Generation, algorithm: Algorithm) -> Self {
        Self {
            host: host.into(),
            key: Key::generate(algorithm),
            generation,
        }
    }

    /// What trusted roots and entries call it: for v1 the SHA-256 of the public key, for v2 the key id of its checkpoints
    /// (C2SP signed-note: SHA-256 of name, line break, algorithm 1, key).
    #[must_use]
    pub fn log_id(&self) -> Vec<u8> {
        match (self.generation, self.key.algorithm()) {
            (Generation::V2, Algorithm::Ed25519) => {
                Hash::Sha256.of(&[self.host.as_bytes(), b"\n\x01", &self.key.public_raw()].concat())
            }
            _ => Hash::Sha256.of(&self.key.public_der()),
        }
    }

    /// How it signs checkpoints.
    #[must_use]
    pub fn note_signer(&self) -> NoteSigner {
        let mut hint = [0; 4];
        hint.copy_from_slice(&self.log_id()[..4]);
        NoteSigner {
            name: self.host.clone(),
            hint,
            key: self.key.clone(),
        }
    }

    /// An entry for this log: the third leaf of eleven in a tree.
    pub(crate) fn entry(&self, kind: &str, version: &str, body: Value, time: i64) -> Entry {
        let tree_index = 2;
        Entry {
            log: self.clone(),
            log_id: self.log_id(),
            kind: kind.into(),
            version: version.into(),
            body,
            raw_body: None,
            integrated_time: time,
            log_index: if self.generation == Generation::V1 {
                SHARD_OFFSET + 2
            } else {
                2
            },
            tree_index,
            tree_size: 11,
            promise: self.generation == Generation::V1,
            proof: true,
            checkpoint: true,
        }
    }
}

impl Entry {
    /// Puts it into a tree of its own among other leaves, and signs what the log signs.
    pub(crate) fn log(self, edits: &[super::BoxedEdit<'_, Checkpoint>]) -> Logged {
        let body = match &self.raw_body {
            Some(raw) => raw.clone(),
            None => canonical(&self.body),
        };
        let leaves: Vec<_> = (0..self.tree_size)
            .map(|index| match index == self.tree_index {
                true => merkle::leaf_hash(&body),
                false => merkle::leaf_hash(format!("somebody else's entry {index}").as_bytes()),
            })
            .collect();
        let root = merkle::root(&leaves);
        let mut checkpoint = Checkpoint {
            origin: match self.log.generation {
                Generation::V1 => format!("{} - {TREE_ID}", self.log.host),
                Generation::V2 => self.log.host.clone(),
            },
            size: u64::try_from(self.tree_size).expect("a small tree"),
            root: root.clone(),
            extensions: Vec::new(),
            signers: vec![self.log.note_signer()],
            lines_before: Vec::new(),
            lines_after: Vec::new(),
        };
        for edit in edits {
            edit(&mut checkpoint);
        }
        Logged {
            promise: self.promise.then(|| self.sign_promise(&body)),
            body,
            root,
            hashes: merkle::path(&leaves, self.tree_index),
            checkpoint: checkpoint.signed(),
            entry: self,
        }
    }

    fn sign_promise(&self, body: &[u8]) -> Vec<u8> {
        let promised = json!({
            "body": base64(body), "integratedTime": self.integrated_time,
            "logIndex": self.log_index, "logID": hex(&self.log_id),
        });
        self.log.key.sign(&canonical(&promised))
    }
}

impl Logged {
    /// As a `TransparencyLogEntry` of a bundle.
    pub(crate) fn to_bundle_entry(&self) -> Value {
        let entry = &self.entry;
        let mut json = json!({
            "logIndex": entry.log_index.to_string(),
            "logId": {"keyId": base64(&entry.log_id)},
            "kindVersion": {"kind": entry.kind, "version": entry.version},
            "canonicalizedBody": base64(&self.body),
        });
        if entry.log.generation == Generation::V1 {
            json["integratedTime"] = json!(entry.integrated_time.to_string());
        }
        if let Some(promise) = &self.promise {
            json["inclusionPromise"] = json!({"signedEntryTimestamp": base64(promise)});
        }
        if entry.proof {
            let hashes: Vec<_> = self.hashes.iter().map(|hash| base64(hash)).collect();
            json["inclusionProof"] = json!({
                "logIndex": entry.tree_index.to_string(), "treeSize": entry.tree_size.to_string(),
                "rootHash": base64(&self.root), "hashes": hashes,
            });
            if entry.checkpoint {
                json["inclusionProof"]["checkpoint"] = json!({"envelope": self.checkpoint});
            }
        }
        json
    }

    /// As Rekor v1 answers who has something logged: below a UUID, with the index over all shards beside the tree's.
    pub(crate) fn to_answer(&self) -> Value {
        let entry = &self.entry;
        let hashes: Vec<_> = self.hashes.iter().map(|hash| hex(hash)).collect();
        let uuid = hex(&merkle::leaf_hash(&self.body));
        json!({uuid: {
            "body": base64(&self.body), "integratedTime": entry.integrated_time,
            "logIndex": entry.log_index, "logID": hex(&entry.log_id),
            "verification": {
                "inclusionProof": {
                    "checkpoint": self.checkpoint, "hashes": hashes, "logIndex": entry.tree_index,
                    "rootHash": hex(&self.root), "treeSize": entry.tree_size,
                },
                "signedEntryTimestamp": self.promise.as_deref().map(base64),
            },
        }})
    }

    /// As cosign 1 and 2 write it into an annotation.
    pub(crate) fn to_annotation(&self) -> Value {
        let entry = &self.entry;
        json!({
            "SignedEntryTimestamp": self.promise.as_deref().map(base64),
            "Payload": {
                "body": base64(&self.body), "integratedTime": entry.integrated_time,
                "logIndex": entry.log_index, "logID": hex(&entry.log_id),
            },
        })
    }
}

impl Checkpoint {
    fn signed(&self) -> String {
        let mut note = format!("{}\n{}\n{}\n", self.origin, self.size, base64(&self.root));
        for line in &self.extensions {
            note.push_str(line);
            note.push('\n');
        }
        let own = self.signers.iter().map(|signer| {
            let signature = [signer.hint.to_vec(), signer.key.sign(note.as_bytes())].concat();
            signature_line(&signer.name, &signature)
        });
        let lines: Vec<_> = self
            .lines_before
            .iter()
            .cloned()
            .chain(own)
            .chain(self.lines_after.iter().cloned())
            .collect();
        format!("{note}\n{}", lines.concat())
    }
}

/// A signature line of a note: `name`, and four bytes of key hint with the signature behind them.
#[must_use]
pub fn signature_line(name: &str, hint_and_signature: &[u8]) -> String {
    format!("\u{2014} {name} {}\n", base64(hint_and_signature))
}

/// Canonical JSON (RFC 8785).
pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("a JSON value has a canonical form")
}
