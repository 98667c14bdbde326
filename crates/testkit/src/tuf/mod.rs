//! A TUF repository that is made here, proper or with any one thing wrong, and served on loopback.
//!
//! ```
//! use countersign_testkit::tuf::{Repository, Role, Server};
//!
//! let now = 1_790_000_000; // seconds since 1970; nothing here has a clock
//! let mut repository = Repository::new(now);
//! let pinned = repository.file("1.root.json").unwrap().to_vec();
//! repository.set_target("trusted_root.json", b"{}");
//! repository.publish(); // targets, snapshot and timestamp, each one version on
//! repository.rotate(Role::Timestamp);
//! repository.publish_root(); // signed by the old and the new root keys
//! repository.publish();
//! let server = Server::start();
//! server.serve(&repository);
//! assert!(server.url().starts_with("http://127.0.0.1:"));
//! # let _ = pinned;
//! ```

mod key;
mod server;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::forge::{Algorithm, Hash};
pub use key::{Signer, canonical};
pub use server::Server;

const DAY: i64 = 86_400;

/// A top-level role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Role {
    Root,
    Timestamp,
    Snapshot,
    Targets,
}

impl Role {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Root, Self::Timestamp, Self::Snapshot, Self::Targets];

    /// The name in metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Timestamp => "timestamp",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
        }
    }
}

/// What the repository's owner says about a role. All of it may be changed; it counts with the next `publish`.
#[derive(Debug)]
pub struct Settings {
    /// Who signs, and which keys the root names.
    pub signers: Vec<Signer>,
    /// How many must sign.
    pub threshold: u64,
    /// The version of what was published last.
    pub version: u64,
    /// Seconds since 1970.
    pub expires: i64,
}

/// A repository: its owner's view, and the files that are published.
pub struct Repository {
    /// Each role's keys, threshold, version and expiry.
    pub roles: BTreeMap<Role, Settings>,
    /// Whether file names carry versions and hashes.
    pub consistent: bool,
    /// Whether timestamp and snapshot also state length and sha256 of what they name.
    pub pins: bool,
    /// The hashes that are stated of targets: `sha256`, `sha512`, or a name that nobody knows.
    pub hashes: Vec<&'static str>,
    targets: BTreeMap<String, Vec<u8>>,
    /// Changes of the signed part, made before it is signed.
    edits: BTreeMap<Role, Edit>,
    /// Who signed the root that was published last, and has to sign the next one too.
    root_signers: Vec<Signer>,
    files: BTreeMap<String, Vec<u8>>,
}

type Edit = Box<dyn Fn(&mut Value) + Send + Sync>;

impl Repository {
    /// A repository as `tuf-on-ci` makes it: consistent snapshots, two root and targets keys of which both must sign
    /// (Ed25519 and P-256), one key for each online role. The timestamp lives 7 days, the snapshot 21, the targets 180, the
    /// root 360. It is published once, without targets.
    #[must_use]
    pub fn new(now: i64) -> Self {
        let settings = |algorithms: &[Algorithm], days: i64| Settings {
            signers: algorithms.iter().map(|it| Signer::new(*it)).collect(),
            threshold: u64::try_from(algorithms.len()).expect("a handful"),
            version: 0,
            expires: now + days * DAY,
        };
        let offline = [Algorithm::Ed25519, Algorithm::P256];
        let roles = BTreeMap::from([
            (Role::Root, settings(&offline, 360)),
            (Role::Timestamp, settings(&[Algorithm::P256], 7)),
            (Role::Snapshot, settings(&[Algorithm::Ed25519], 21)),
            (Role::Targets, settings(&offline, 180)),
        ]);
        let mut this = Self {
            roles,
            consistent: true,
            pins: true,
            hashes: vec!["sha256"],
            targets: BTreeMap::new(),
            edits: BTreeMap::new(),
            root_signers: Vec::new(),
            files: BTreeMap::new(),
        };
        this.publish_root();
        this.publish();
        this
    }

    /// A role's settings.
    ///
    /// # Panics
    /// Never: every role has some.
    pub fn role(&mut self, role: Role) -> &mut Settings {
        self.roles.get_mut(&role).expect("every role has settings")
    }

    /// From now on the signed part of this role is changed like this before it is signed.
    pub fn edit_before_signing(
        &mut self,
        role: Role,
        edit: impl Fn(&mut Value) + Send + Sync + 'static,
    ) {
        self.edits.insert(role, Box::new(edit));
    }

    /// Changes a published JSON file; signatures and pins stay as they are.
    ///
    /// # Panics
    /// When there is no such JSON file.
    pub fn edit_file(&mut self, name: &str, edit: impl FnOnce(&mut Value)) {
        let bytes = self.files.get(name).expect("the file is published");
        let mut json = serde_json::from_slice(bytes).expect("metadata is JSON");
        edit(&mut json);
        self.files
            .insert(name.to_owned(), json.to_string().into_bytes());
    }

    /// A published file.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Publishes any bytes under a name.
    pub fn put(&mut self, name: &str, bytes: &[u8]) {
        self.files.insert(name.to_owned(), bytes.to_vec());
    }

    /// Takes a file away.
    pub fn remove(&mut self, name: &str) {
        self.files.remove(name);
    }

    /// Names a target; it counts with the next [`publish`](Self::publish).
    pub fn set_target(&mut self, name: &str, bytes: &[u8]) {
        self.targets.insert(name.to_owned(), bytes.to_vec());
    }

    /// Takes a target away.
    pub fn remove_target(&mut self, name: &str) {
        self.targets.remove(name);
    }

    /// New keys of the same kinds for a role; they count with the next [`publish_root`](Self::publish_root).
    pub fn rotate(&mut self, role: Role) {
        for signer in &mut self.role(role).signers {
            *signer = Signer::new(signer.algorithm());
        }
    }

    /// Publishes targets, snapshot and timestamp, each one version on.
    pub fn publish(&mut self) {
        self.publish_targets();
        self.publish_snapshot();
        self.publish_timestamp();
    }

    /// Publishes a root one version on, signed by its own keys and by those of the one before.
    pub fn publish_root(&mut self) {
        let version = self.next_version(Role::Root);
        let mut keys = serde_json::Map::new();
        let mut roles = serde_json::Map::new();
        for (role, settings) in &self.roles {
            for signer in &settings.signers {
                keys.insert(signer.id.clone(), signer.public());
            }
            let ids: Vec<&str> = settings.signers.iter().map(|it| it.id.as_str()).collect();
            let of = json!({"keyids": ids, "threshold": settings.threshold});
            roles.insert(role.name().to_owned(), of);
        }
        let body = json!({"consistent_snapshot": self.consistent, "keys": keys, "roles": roles});
        let bytes = self.signed(Role::Root, version, body, &self.root_signers);
        self.root_signers = self.role(Role::Root).signers.clone();
        self.files.insert(self.root_name(), bytes);
    }

    /// Publishes targets metadata one version on, and the targets.
    pub fn publish_targets(&mut self) {
        let version = self.next_version(Role::Targets);
        let mut listed = serde_json::Map::new();
        for (name, bytes) in &self.targets {
            let hashes: serde_json::Map<String, Value> = self
                .hashes
                .iter()
                .map(|algorithm| ((*algorithm).to_owned(), json!(hash(algorithm, bytes))))
                .collect();
            let told = json!({"length": bytes.len(), "hashes": hashes});
            listed.insert(name.clone(), told);
            let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
            let slash = if folder.is_empty() { "" } else { "/" };
            for algorithm in &self.hashes {
                let path = if self.consistent {
                    let hash = hash(algorithm, bytes);
                    format!("targets/{folder}{slash}{hash}.{file}")
                } else {
                    format!("targets/{name}")
                };
                self.files.insert(path, bytes.clone());
            }
        }
        let bytes = self.signed(Role::Targets, version, json!({"targets": listed}), &[]);
        self.files.insert(self.name(Role::Targets), bytes);
    }

    /// Publishes a snapshot one version on, of the targets metadata that is published.
    pub fn publish_snapshot(&mut self) {
        let version = self.next_version(Role::Snapshot);
        let body = json!({"meta": {"targets.json": self.pin(Role::Targets)}});
        let bytes = self.signed(Role::Snapshot, version, body, &[]);
        self.files.insert(self.name(Role::Snapshot), bytes);
    }

    /// Publishes a timestamp one version on, of the snapshot that is published.
    pub fn publish_timestamp(&mut self) {
        let version = self.next_version(Role::Timestamp);
        let body = json!({"meta": {"snapshot.json": self.pin(Role::Snapshot)}});
        let bytes = self.signed(Role::Timestamp, version, body, &[]);
        self.files.insert("timestamp.json".to_owned(), bytes);
    }

    /// The file name of the current metadata of a role.
    #[must_use]
    pub fn name(&self, role: Role) -> String {
        let version = self.roles.get(&role).map_or(0, |it| it.version);
        match role {
            Role::Root => self.root_name(),
            Role::Snapshot | Role::Targets if self.consistent => {
                format!("{version}.{}.json", role.name())
            }
            _ => format!("{}.json", role.name()),
        }
    }

    fn root_name(&self) -> String {
        let version = self.roles.get(&Role::Root).map_or(0, |it| it.version);
        format!("{version}.root.json")
    }

    fn next_version(&mut self, role: Role) -> u64 {
        let settings = self.role(role);
        settings.version += 1;
        settings.version
    }

    fn pin(&self, role: Role) -> Value {
        let version = self.roles.get(&role).map_or(0, |it| it.version);
        let bytes = self.file(&self.name(role)).unwrap_or_default();
        if self.pins {
            let sha256 = hash("sha256", bytes);
            json!({"version": version, "length": bytes.len(), "hashes": {"sha256": sha256}})
        } else {
            json!({"version": version})
        }
    }

    fn signed(&self, role: Role, version: u64, body: Value, also: &[Signer]) -> Vec<u8> {
        let settings = &self.roles[&role];
        let expires = jiff::Timestamp::from_second(settings.expires).expect("a time of tests");
        let mut signed = json!({
            "_type": role.name(),
            "spec_version": "1.0.31",
            "version": version,
            "expires": expires.to_string(),
        });
        for (key, value) in body.as_object().expect("a body is an object") {
            signed[key] = value.clone();
        }
        if let Some(edit) = self.edits.get(&role) {
            edit(&mut signed);
        }
        let message = canonical(&signed);
        let mut signatures: Vec<Value> = Vec::new();
        for signer in settings.signers.iter().chain(also) {
            if !signatures
                .iter()
                .any(|it| it["keyid"] == signer.id.as_str())
            {
                signatures.push(json!({"keyid": signer.id, "sig": signer.sign(&message)}));
            }
        }
        json!({"signatures": signatures, "signed": signed})
            .to_string()
            .into_bytes()
    }
}

/// Hexadecimal; a name that nobody knows gives digits all the same.
fn hash(algorithm: &str, bytes: &[u8]) -> String {
    let hash = match algorithm {
        "sha512" => Hash::Sha512,
        _ => Hash::Sha256,
    };
    key::hex(&hash.of(bytes))
}
