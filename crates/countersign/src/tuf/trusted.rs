//! Metadata that was verified from the pinned root on. No IO, no clock.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use countersign_core::{TufSource, UnixTime};
use jiff::Timestamp as Instant;
use sigstore_tuf::{Snapshot, TargetFile, Targets, Timestamp, TrustedMetadataSet};

use super::{RoleState, TufError, TufRole, checks};

/// A verification time before every expiry: what is loaded from the cache was fresh when it was fetched, and how long it
/// serves after its end is the policy's affair.
pub(super) const WHENEVER: Instant = Instant::MIN;

/// What is trusted of one repository, with the bytes as they came.
#[derive(Clone)]
pub(super) struct Trusted {
    set: TrustedMetadataSet,
    /// Every root after the pinned one, in order.
    pub(super) roots: Vec<Vec<u8>>,
    pub(super) timestamp: Option<Vec<u8>>,
    pub(super) snapshot: Option<Vec<u8>>,
    pub(super) targets: Option<Vec<u8>>,
}

impl Trusted {
    /// Begins with the pinned root, which must be signed by its own keys. Its expiry does not matter: newer ones follow.
    pub(super) fn begin(source: &TufSource) -> Result<Self, TufError> {
        let pinned = |error: TufError| TufError::PinnedRoot(error.to_string());
        let root = checks::read_root(source.root()).map_err(pinned)?;
        checks::signed(&root, root.signed(), TufRole::Root).map_err(pinned)?;
        let set = TrustedMetadataSet::from_root(source.root())
            .map_err(|error| pinned(TufError::of(TufRole::Root, &error)))?;
        Ok(Self {
            set,
            roots: Vec::new(),
            timestamp: None,
            snapshot: None,
            targets: None,
        })
    }

    /// The next root: signed by enough keys of the one before and by enough of its own (specification, 5.3). What hangs on
    /// the one before is forgotten.
    pub(super) fn next_root(&mut self, bytes: Vec<u8>) -> Result<(), TufError> {
        let root = checks::read_root(&bytes)?;
        checks::signed(&root, self.set.root(), TufRole::Root)?;
        checks::signed(&root, root.signed(), TufRole::Root)?;
        self.set
            .update_root(&bytes)
            .map_err(|error| TufError::of(TufRole::Root, &error))?;
        self.roots.push(bytes);
        (self.timestamp, self.snapshot, self.targets) = (None, None, None);
        Ok(())
    }

    pub(super) fn root_version(&self) -> u64 {
        self.set.root().version
    }

    pub(super) fn timestamp_version(&self) -> u64 {
        self.set.timestamp().map_or(0, |role| role.version)
    }

    /// Whether files carry their version or hash in their name.
    pub(super) fn consistent(&self) -> bool {
        self.set.root().consistent_snapshot
    }

    pub(super) fn check_root_expiry(&self, now: Instant) -> Result<(), TufError> {
        self.set
            .check_root_expired(now)
            .map_err(|error| TufError::of(TufRole::Root, &error))
    }

    /// A timestamp that is newer than the one that is known; the same version again changes nothing, and the known one must
    /// be fresh (specification, 5.4).
    pub(super) fn next_timestamp(&mut self, bytes: Vec<u8>, now: Instant) -> Result<(), TufError> {
        let role = TufRole::Timestamp;
        let metadata = checks::read::<Timestamp>(role, &bytes)?;
        checks::signed(&metadata, self.set.root(), role)?;
        match self.set.update_timestamp(&bytes, now) {
            Ok(()) => {
                self.timestamp = Some(bytes);
                Ok(())
            }
            Err(sigstore_tuf::Error::EqualVersion { .. }) => self
                .set
                .check_timestamp_expired(now)
                .map_err(|error| TufError::of(role, &error)),
            Err(error) => Err(TufError::of(role, &error)),
        }
    }

    /// The version of the snapshot that the timestamp names.
    pub(super) fn snapshot_version(&self) -> Result<u64, TufError> {
        let named = self.set.timestamp().and_then(Timestamp::snapshot_meta);
        named.map(|file| file.version).ok_or_else(|| {
            malformed(
                TufRole::Timestamp,
                "it does not say which snapshot is current",
            )
        })
    }

    /// The snapshot that the timestamp names; no targets metadata in it goes back or away (specification, 5.5).
    pub(super) fn next_snapshot(&mut self, bytes: Vec<u8>, now: Instant) -> Result<(), TufError> {
        let role = TufRole::Snapshot;
        let metadata = checks::read::<Snapshot>(role, &bytes)?;
        checks::signed(&metadata, self.set.root(), role)?;
        self.set
            .update_snapshot(&bytes, now)
            .map_err(|error| TufError::of(role, &error))?;
        self.snapshot = Some(bytes);
        self.targets = None;
        Ok(())
    }

    /// The version of the targets metadata that the snapshot names.
    pub(super) fn targets_version(&self) -> Result<u64, TufError> {
        let named = self
            .set
            .snapshot()
            .and_then(|role| role.meta.get("targets.json"));
        named.map(|file| file.version).ok_or_else(|| {
            malformed(
                TufRole::Snapshot,
                "it does not say which targets are current",
            )
        })
    }

    /// The targets metadata that the snapshot names (specification, 5.6).
    pub(super) fn next_targets(&mut self, bytes: Vec<u8>, now: Instant) -> Result<(), TufError> {
        let role = TufRole::Targets;
        let metadata = checks::read::<Targets>(role, &bytes)?;
        checks::signed(&metadata, self.set.root(), role)?;
        self.set
            .update_targets(&bytes, now)
            .map_err(|error| TufError::of(role, &error))?;
        self.targets = Some(bytes);
        Ok(())
    }

    /// What the top-level targets say of a file.
    pub(super) fn target(&self, name: &str) -> Result<&TargetFile, TufError> {
        self.set
            .targets_role("targets")
            .and_then(|role| role.target(name))
            .ok_or_else(|| TufError::NoTarget(name.to_owned()))
    }

    /// Whether bytes are the target: the length, every hash that we know, and at least one of them.
    pub(super) fn check_target(&self, name: &str, bytes: &[u8]) -> Result<(), TufError> {
        let target = self.target(name)?;
        let mismatch = |why: String| TufError::Mismatch {
            file: name.to_owned(),
            why,
        };
        if u64::try_from(bytes.len()).ok() != Some(target.length) {
            let (is, wanted) = (bytes.len(), target.length);
            return Err(mismatch(format!("it has {is} bytes instead of {wanted}")));
        }
        let mut known = 0;
        for (algorithm, wanted) in &target.hashes {
            let algorithm = match algorithm.as_str() {
                "sha256" => &SHA256,
                "sha512" => &SHA512,
                _ => continue,
            };
            known += 1;
            if checks::from_hex(wanted).as_deref() != Some(digest(algorithm, bytes).as_ref()) {
                return Err(mismatch(format!("its {algorithm:?} differs")));
            }
        }
        if known == 0 {
            return Err(mismatch("no hash of it is sha256 or sha512".to_owned()));
        }
        Ok(())
    }

    /// Every role that is loaded.
    pub(super) fn roles(&self) -> Vec<RoleState> {
        let state = |role, version, expires: Instant| RoleState {
            role,
            version,
            expires: UnixTime::from_seconds(expires.as_second()),
        };
        let root = self.set.root();
        let mut roles = vec![state(TufRole::Root, root.version, root.expires)];
        let timestamp = self.set.timestamp();
        roles.extend(timestamp.map(|it| state(TufRole::Timestamp, it.version, it.expires)));
        let snapshot = self.set.snapshot();
        roles.extend(snapshot.map(|it| state(TufRole::Snapshot, it.version, it.expires)));
        let targets = self.set.targets_role("targets");
        roles.extend(targets.map(|it| state(TufRole::Targets, it.version, it.expires)));
        roles
    }
}

fn malformed(role: TufRole, why: &str) -> TufError {
    TufError::Malformed {
        file: format!("{role}.json"),
        why: why.to_owned(),
    }
}
