//! A layer: files with fixed owners, times and order, as a compressed archive.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use anyhow::{Context as _, Result, bail};
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use crate::written::Digested;

/// A file or folder of a layer. Files belong to root, so that what runs cannot change itself.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Without a slash at either end.
    path: String,
    kind: Kind,
    mode: u32,
    owner: u64,
}

#[derive(Debug, Clone)]
enum Kind {
    File(Vec<u8>),
    Folder,
}

impl Entry {
    /// A file that anybody may read.
    pub(crate) fn file(path: &str, bytes: Vec<u8>) -> Self {
        Self::new(path, Kind::File(bytes), 0o644, 0)
    }

    /// A file that anybody may read and run.
    pub(crate) fn program(path: &str, bytes: Vec<u8>) -> Self {
        Self::new(path, Kind::File(bytes), 0o755, 0)
    }

    /// A folder of this owner. The folders above a file need not be named.
    pub(crate) fn folder(path: &str, mode: u32, owner: u64) -> Self {
        Self::new(path, Kind::Folder, mode, owner)
    }

    fn new(path: &str, kind: Kind, mode: u32, owner: u64) -> Self {
        Self {
            path: path.trim_matches('/').to_owned(),
            kind,
            mode,
            owner,
        }
    }

    /// A file's bytes; a folder has none.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.kind {
            Kind::File(bytes) => bytes,
            Kind::Folder => &[],
        }
    }
}

/// A compressed archive, and the digest of what is in it.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) compressed: Digested,
    /// The digest of the archive before compression (`rootfs.diff_ids`).
    pub(crate) diff_id: String,
}

impl Layer {
    /// An archive of `entries` and of all folders above them, sorted by path, with this time of change in seconds since 1970.
    ///
    /// Compressed by the one implementation that Cargo.lock pins, with no name, time or system in its head.
    pub(crate) fn of(entries: Vec<Entry>, seconds: u64) -> Result<Self> {
        let mut all: BTreeMap<String, Entry> = BTreeMap::new();
        for entry in entries {
            let path = entry.path.clone();
            if all.insert(path.clone(), entry).is_some() {
                bail!("{path} would be in the layer twice");
            }
        }
        for folder in above(all.keys()) {
            all.entry(folder.clone())
                .or_insert_with(|| Entry::folder(&folder, 0o755, 0));
        }
        let mut archive = Builder::new(Vec::new());
        for (path, entry) in &all {
            append(&mut archive, entry, seconds).with_context(|| format!("archiving {path}"))?;
        }
        let archive = archive.into_inner()?;
        let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
        gzip.write_all(&archive)?;
        Ok(Self {
            compressed: Digested::new(gzip.finish()?),
            diff_id: Digested::new(archive).digest().to_owned(),
        })
    }
}

fn append(archive: &mut Builder<Vec<u8>>, entry: &Entry, seconds: u64) -> Result<()> {
    let mut header = Header::new_ustar();
    header.set_mode(entry.mode);
    header.set_uid(entry.owner);
    header.set_gid(entry.owner);
    header.set_mtime(seconds);
    let bytes = entry.bytes();
    header.set_size(u64::try_from(bytes.len())?);
    let path = match entry.kind {
        Kind::File(_) => {
            header.set_entry_type(EntryType::Regular);
            entry.path.clone()
        }
        Kind::Folder => {
            header.set_entry_type(EntryType::Directory);
            format!("{}/", entry.path)
        }
    };
    Ok(archive.append_data(&mut header, path, bytes)?)
}

/// The folders above these paths.
fn above<'a>(paths: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    paths
        .flat_map(|path| path.match_indices('/').map(|(end, _)| path.split_at(end).0))
        .map(str::to_owned)
        .collect()
}
