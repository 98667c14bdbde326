//! The cache: one file for each source, written whole or not at all.
//!
//! A file holds raw metadata and the target as they came. What is read is verified again from the pinned root on, so a
//! changed file can take away, but never add. Whoever can write the folder can put an older genuine state back, as with
//! every TUF client; its expiry bounds for how long.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::{TrustRoot, TufSource, UnixTime};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::trusted::{Trusted, WHENEVER};
use super::{TrustState, TufError};

/// Roots, metadata at their bounds and the target, in base64.
const MAX_FILE: u64 = 64 * 1024 * 1024;
const FORMAT: u32 = 1;

/// A folder that keeps what TUF repositories gave. Several processes may share it.
#[derive(Debug, Clone)]
pub struct TrustStore {
    folder: PathBuf,
}

/// What is known of one source.
pub(super) struct Known {
    /// The newest root, and under it the newest timestamp and snapshot that were seen: nothing older is taken.
    pub(super) newest: Trusted,
    /// What was complete and good last, under the root of its time.
    pub(super) good: Option<Good>,
}

/// A complete, verified state of a repository.
#[derive(Clone)]
pub(super) struct Good {
    pub(super) trusted: Trusted,
    pub(super) target: Vec<u8>,
    pub(super) refreshed: UnixTime,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stored {
    format: u32,
    /// For people who look into the file; the file's name binds address, root and target.
    url: String,
    target: String,
    roots: Vec<Bytes>,
    seen_timestamp: Option<Bytes>,
    seen_snapshot: Option<Bytes>,
    good: Option<StoredGood>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredGood {
    root_version: u64,
    refreshed: i64,
    timestamp: Bytes,
    snapshot: Bytes,
    targets: Bytes,
    target: Bytes,
}

/// Bytes, in base64.
struct Bytes(Vec<u8>);

impl TrustStore {
    /// A cache in this folder, which is made when something is written first.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// What was good last, however old: [`TrustState::expires`] and the policy say whether it still serves. `None`: nothing
    /// was fetched yet.
    ///
    /// # Errors
    /// [`TufError::Cache`] if what is there cannot be read or does not verify; [`TufError::PinnedRoot`].
    pub fn load(&self, source: &TufSource) -> Result<Option<TrustState>, TufError> {
        Ok(self.read(source)?.and_then(|known| known.state(source)))
    }

    /// The file of a source.
    #[must_use]
    pub fn file(&self, source: &TufSource) -> PathBuf {
        self.folder.join(format!("{}.json", source.id().hex()))
    }

    pub(super) fn read(&self, source: &TufSource) -> Result<Option<Known>, TufError> {
        let pinned = Trusted::begin(source)?;
        let path = self.file(source);
        let failed = |why: String| TufError::Cache {
            path: path.clone(),
            why,
        };
        let Some(bytes) = read_bounded(&path).map_err(|error| failed(error.to_string()))? else {
            return Ok(None);
        };
        let stored: Stored = serde_json::from_slice(&bytes)
            .map_err(|error| failed(format!("not a cache of this version ({error})")))?;
        if stored.format != FORMAT {
            let format = stored.format;
            return Err(failed(format!("format {format} is not known")));
        }
        let known = verified(pinned, stored, source)
            .map_err(|error| failed(format!("what is cached does not verify: {error}")))?;
        Ok(Some(known))
    }

    /// Writes what is known, unless another process has written something newer meanwhile; gives what is in the cache then.
    ///
    /// The lock ends with the process that holds it. The file is written beside, synced, and renamed, so that a reader sees
    /// the old or the new one, whenever a process or the machine dies.
    pub(super) fn write(&self, source: &TufSource, known: Known) -> Result<Known, TufError> {
        let path = self.file(source);
        let failed = |error: io::Error| TufError::Cache {
            path: path.clone(),
            why: error.to_string(),
        };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let lock = File::create(path.with_extension("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        if let Ok(Some(other)) = self.read(source)
            && other.age() > known.age()
        {
            return Ok(other);
        }
        let json = serde_json::to_vec(&Stored::new(source, &known))
            .map_err(|error| failed(io::Error::other(error)))?;
        let beside = path.with_extension("new");
        write_synced(&beside, &json).map_err(failed)?;
        fs::rename(&beside, &path).map_err(failed)?;
        // Without this the rename itself may be lost with the power, which leaves the old file.
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
        Ok(known)
    }
}

impl Known {
    /// Nothing but the pinned root.
    pub(super) fn begin(source: &TufSource) -> Result<Self, TufError> {
        Ok(Self {
            newest: Trusted::begin(source)?,
            good: None,
        })
    }

    pub(super) fn state(&self, source: &TufSource) -> Option<TrustState> {
        let good = self.good.as_ref()?;
        Some(TrustState::new(source, good, self.newest.root_version()))
    }

    /// The newest root, what was seen under it, and how new what is good is. A new root may let versions begin anew, so it
    /// counts first.
    fn age(&self) -> [u64; 4] {
        let good = self.good.as_ref().map(|good| &good.trusted);
        [
            self.newest.root_version(),
            self.newest.timestamp_version(),
            good.map_or(0, Trusted::root_version),
            good.map_or(0, Trusted::timestamp_version),
        ]
    }

    /// What was seen, oldest first: each timestamp with the snapshot that belongs to it.
    pub(super) fn seen(&self) -> Vec<Seen> {
        let good = self.good.as_ref().map(|good| &good.trusted);
        good.into_iter()
            .chain([&self.newest])
            .map(|trusted| (trusted.timestamp.clone(), trusted.snapshot.clone()))
            .collect()
    }

    /// Puts what was seen under the newest root: nothing older will be taken. What that root's keys did not sign is no bound
    /// any more, for a root with other keys lets versions begin anew (specification, 5.3.11).
    pub(super) fn remember(&mut self, seen: Vec<Seen>) {
        for (timestamp, snapshot) in seen {
            let known = timestamp.map(|bytes| self.newest.next_timestamp(bytes, WHENEVER));
            if let (Some(Ok(())), Some(bytes)) = (known, snapshot) {
                // Fails where it is older than what the timestamp names; then the one before stays the bound.
                let _ = self.newest.next_snapshot(bytes, WHENEVER);
            }
        }
    }
}

/// A timestamp, and the snapshot that was known with it.
type Seen = (Option<Vec<u8>>, Option<Vec<u8>>);

impl Good {
    /// A complete state, whose target is a trust root that can be read.
    pub(super) fn new(
        trusted: Trusted,
        target: Vec<u8>,
        refreshed: UnixTime,
        source: &TufSource,
    ) -> Result<Self, TufError> {
        let name = source.target_name();
        trusted.check_target(name, &target)?;
        TrustRoot::from_json(name, &target).map_err(|error| TufError::Target {
            name: name.to_owned(),
            why: error.to_string(),
        })?;
        Ok(Self {
            trusted,
            target,
            refreshed,
        })
    }
}

/// Verifies everything that is stored, from the pinned root on.
fn verified(pinned: Trusted, stored: Stored, source: &TufSource) -> Result<Known, TufError> {
    let mut newest = pinned;
    let mut good = None;
    let mut stored_good = stored.good;
    let mut complete = |root: &Trusted| -> Result<(), TufError> {
        if stored_good
            .as_ref()
            .is_none_or(|it| it.root_version != root.root_version())
        {
            return Ok(());
        }
        let Some(it) = stored_good.take() else {
            return Ok(());
        };
        let mut trusted = root.clone();
        trusted.next_timestamp(it.timestamp.0, WHENEVER)?;
        trusted.next_snapshot(it.snapshot.0, WHENEVER)?;
        trusted.next_targets(it.targets.0, WHENEVER)?;
        let refreshed = UnixTime::from_seconds(it.refreshed);
        good = Some(Good::new(trusted, it.target.0, refreshed, source)?);
        Ok(())
    };
    complete(&newest)?;
    for root in stored.roots {
        newest.next_root(root.0)?;
        complete(&newest)?;
    }
    if stored_good.is_some() {
        return Err(TufError::Missing("root.json".to_owned()));
    }
    let mut known = Known { newest, good };
    let seen = |bytes: Option<Bytes>| bytes.map(|bytes| bytes.0);
    let mut all = known.seen();
    all.push((seen(stored.seen_timestamp), seen(stored.seen_snapshot)));
    known.remember(all);
    Ok(known)
}

impl Stored {
    fn new(source: &TufSource, known: &Known) -> Self {
        let bytes = |bytes: &Option<Vec<u8>>| bytes.clone().map(Bytes);
        let Known { newest, good } = known;
        let good = good.as_ref().and_then(|good| {
            Some(StoredGood {
                root_version: good.trusted.root_version(),
                refreshed: good.refreshed.seconds(),
                timestamp: bytes(&good.trusted.timestamp)?,
                snapshot: bytes(&good.trusted.snapshot)?,
                targets: bytes(&good.trusted.targets)?,
                target: Bytes(good.target.clone()),
            })
        });
        Self {
            format: FORMAT,
            url: source.url().to_owned(),
            target: source.target_name().to_owned(),
            roots: newest.roots.iter().cloned().map(Bytes).collect(),
            seen_timestamp: bytes(&newest.timestamp),
            seen_snapshot: bytes(&newest.snapshot),
            good,
        }
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        STANDARD.decode(text).map(Self).map_err(de::Error::custom)
    }
}

fn read_bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE) {
        return Err(io::Error::other("larger than 64 MiB"));
    }
    Ok(Some(bytes))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
