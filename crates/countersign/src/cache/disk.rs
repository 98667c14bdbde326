//! What is kept on disk: raw bytes by their digest, and records of what was read when.
//!
//! Every file is written under a temporary name and renamed, so that none is ever seen in part, whoever is killed when. What a
//! crash of the machine leaves torn shows by its digest and is thrown away. No file is trusted for lying in its place.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use aws_lc_rs::hmac;
use countersign_core::Digest;

use super::CacheError;
use super::folder::{self, TEMPORARY};
use super::memory::Scope;
use super::record::{self, Record, SeenListing, SeenManifest};
use crate::locked::lock;

const BLOBS: &str = "blobs/sha256";
/// A list of a thousand referrers with long annotations; what is larger is not kept.
const MAX_RECORD: usize = 4 * 1024 * 1024;
/// What is larger than this part of the whole is not kept.
const LARGEST_PART: u64 = 4;
/// What a file takes at least, so that many small ones are counted too.
const BLOCK: u64 = 4096;
/// After writing this part of the whole, what is there is counted anew, for other processes write too.
const COUNTED_PART: u64 = 16;
/// What was begun this long ago is not being written any more.
const ABANDONED: Duration = Duration::from_secs(3600);

pub(super) struct Disk {
    folder: PathBuf,
    max_bytes: u64,
    /// Names of records tell nothing about the credentials that they were read with.
    key: hmac::Key,
    size: Mutex<Size>,
}

/// What is there, as far as this process knows.
#[derive(Default)]
struct Size {
    /// None: not counted yet.
    bytes: Option<u64>,
    /// Since it was counted.
    written: u64,
}

/// A file that could make room.
struct Candidate {
    path: PathBuf,
    used: SystemTime,
    size: u64,
}

impl Disk {
    pub(super) fn open(folder: &Path, max_bytes: u64) -> Result<Self, CacheError> {
        // Without a slash at its end, which would lead through a symbolic link.
        let folder: PathBuf = folder.components().collect();
        let parts = ["blobs", BLOBS, SeenManifest::FOLDER, SeenListing::FOLDER];
        folder::prepare(&folder, &parts)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &folder::key(&folder)?);
        Ok(Self {
            folder,
            max_bytes,
            key,
            size: Mutex::default(),
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The bytes with that digest, hashed here, if they are there and at most `max`.
    pub(super) fn blob(&self, digest: &Digest, max: usize) -> io::Result<Option<Vec<u8>>> {
        let path = self.blob_path(digest);
        let Some(bytes) = folder::read_regular(&path, max)? else {
            return Ok(None);
        };
        if Digest::of(&bytes) != *digest {
            return remove(&path).map(|()| None);
        }
        touch(&path);
        Ok(Some(bytes))
    }

    pub(super) fn put_blob(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let path = self.blob_path(digest);
        let is_there = fs::symlink_metadata(&path).is_ok_and(|metadata| {
            metadata.is_file() && metadata.len() == u64::try_from(bytes.len()).unwrap_or(u64::MAX)
        });
        if is_there {
            // Its digest is looked at whenever it is read.
            touch(&path);
            return Ok(());
        }
        self.put(&path, bytes)
    }

    /// The record about `of` under this scope. One that is torn, in the wrong place or of another version is thrown away.
    pub(super) fn record<T: Record>(&self, scope: &Scope, of: &Digest) -> io::Result<Option<T>> {
        let (path, name) = self.record_path::<T>(scope, of);
        let Some(bytes) = folder::read_regular(&path, MAX_RECORD)? else {
            return Ok(None);
        };
        let record = record::from_bytes(&bytes, |body| self.mac(&[name.as_bytes(), body]));
        if record.is_none() {
            remove(&path)?;
        }
        Ok(record)
    }

    pub(super) fn put_record<T: Record>(
        &self,
        scope: &Scope,
        of: &Digest,
        record: &T,
    ) -> io::Result<()> {
        let (path, name) = self.record_path::<T>(scope, of);
        let bytes = record::to_bytes(record, |body| self.mac(&[name.as_bytes(), body]))?;
        if bytes.len() > MAX_RECORD {
            return remove(&path);
        }
        self.put(&path, &bytes)
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let (shard, _) = hex.split_at(2);
        self.folder.join(BLOBS).join(shard).join(&hex)
    }

    fn record_path<T: Record>(&self, scope: &Scope, of: &Digest) -> (PathBuf, String) {
        let name = self.mac(&[T::FOLDER.as_bytes(), scope.0.as_bytes(), of.as_bytes()]);
        (self.folder.join(T::FOLDER).join(&name), name)
    }

    /// A keyed digest of the parts, in hexadecimal.
    fn mac(&self, parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(Digest::of(part).as_bytes());
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.sign().as_ref());
        Digest::from_bytes(bytes).hex()
    }

    /// Writes a file whole or not at all.
    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let size = on_disk(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if size > self.max_bytes / LARGEST_PART {
            return Ok(());
        }
        self.make_room(size)?;
        let (beside, mut file) = match folder::temporary(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Somebody emptied the cache under us.
                make(&self.folder.join(TEMPORARY))?;
                folder::temporary(&self.folder)?
            }
            made => made?,
        };
        let written = file.write_all(bytes).and_then(|()| {
            drop(file);
            rename(&beside, path)
        });
        if written.is_err() {
            // It may have no room for even the name of the error; what stays is taken away later.
            let _ = fs::remove_file(&beside);
        }
        written
    }

    /// Takes away what was not used for longest, if `size` more bytes would be too many.
    fn make_room(&self, size: u64) -> io::Result<()> {
        let mut known = lock(&self.size);
        known.written += size;
        let fits = |bytes: u64| bytes.saturating_add(size) <= self.max_bytes;
        if let Some(bytes) = known.bytes
            && fits(bytes)
            && known.written <= self.max_bytes / COUNTED_PART
        {
            known.bytes = Some(bytes + size);
            return Ok(());
        }
        let (mut files, begun) = self.files()?;
        let mut bytes = begun + files.iter().map(|file| file.size).sum::<u64>();
        if !fits(bytes) {
            // A tenth more than needed, so that not every write counts all files.
            let goal = (self.max_bytes - self.max_bytes / 10).saturating_sub(size);
            files.sort_by_key(|file| file.used);
            for file in files {
                if bytes <= goal {
                    break;
                }
                remove(&file.path)?;
                bytes = bytes.saturating_sub(file.size);
            }
        }
        *known = Size {
            bytes: Some(bytes + size),
            written: 0,
        };
        Ok(())
    }

    /// Every file of the cache but its key, and the bytes of those that are being written: they are their writers'. What
    /// writers that were killed left behind is taken away on the way.
    fn files(&self) -> io::Result<(Vec<Candidate>, u64)> {
        let mut files = Vec::new();
        for shard in entries(&self.folder.join(BLOBS))? {
            if shard.file_type().is_ok_and(|kind| kind.is_dir()) {
                collect(&shard.path(), &mut files)?;
            }
        }
        for folder in [SeenManifest::FOLDER, SeenListing::FOLDER] {
            collect(&self.folder.join(folder), &mut files)?;
        }
        let mut temporary = Vec::new();
        collect(&self.folder.join(TEMPORARY), &mut temporary)?;
        let mut begun = 0_u64;
        for file in temporary {
            if file.used.elapsed().is_ok_and(|age| age > ABANDONED) {
                remove(&file.path)?;
            } else {
                begun = begun.saturating_add(file.size);
            }
        }
        Ok((files, begun))
    }
}

fn collect(folder: &Path, files: &mut Vec<Candidate>) -> io::Result<()> {
    for entry in entries(folder)? {
        // Of the entry itself, not of what a link points to. It may have vanished meanwhile.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if !metadata.is_dir() {
            files.push(Candidate {
                path: entry.path(),
                used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                size: on_disk(metadata.len()),
            });
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.flatten().collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make(to.parent().unwrap_or(to))?;
            fs::rename(from, to)
        }
        renamed => renamed,
    }
}

fn make(folder: &Path) -> io::Result<()> {
    folder::make(folder).map_err(io::Error::other)
}

/// Takes a file away; another process may have been faster.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Notes that the file was used. It only decides what makes room first, so that it may fail.
fn touch(path: &Path) {
    let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
}

fn on_disk(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK).max(1).saturating_mul(BLOCK)
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("folder", &self.folder)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}
