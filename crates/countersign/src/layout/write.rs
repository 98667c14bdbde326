//! Adds images to a layout, so that whoever reads it meanwhile, or after a crash, sees it without the new image or with it.

mod blob_file;
mod entries;

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use countersign_core::{Digest, Hasher, Limits};

pub use self::blob_file::BlobFile;
use self::entries::{Entries, Entry};
use super::OciLayout;
use super::files::Files;
use crate::attached::{Attached, Node, Way};
use crate::{LayoutRef, RegistryError};

const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// What the names of unfinished files begin with.
const UNFINISHED: &str = ".countersign-";

/// Writes images into an OCI layout (image specification, "Image Layout"), a new one or one that is there.
///
/// Blobs come first and `index.json` last, each by renaming a finished file. What is there stays, but for names that move. No
/// symbolic link inside is followed. The folder is locked as long as this lives.
#[derive(Debug)]
pub struct LayoutWriter {
    files: Files,
    root: PathBuf,
    entries: Entries,
    limits: Limits,
    _lock: Option<File>,
}

impl LayoutWriter {
    /// Opens a folder: it does not exist yet, is empty, or is a layout.
    ///
    /// # Errors
    /// [`RegistryError::Layout`] if it is something else, cannot be written, or another process is writing to it.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, RegistryError> {
        let files = Files::new(path);
        let failed = |error: std::io::Error| failure(path, error);
        fs::create_dir_all(path).map_err(failed)?;
        let lock = lock(path)?;
        if is_empty(path).map_err(failed)? {
            write(path, &path.join("oci-layout"), MARKER)?;
            write(path, &path.join("index.json"), &Entries::empty().to_json())?;
        }
        // Whatever a reader would refuse is refused; a crash in the midst of the two lines above leaves no index.
        if files
            .read(&["index.json"], limits.manifest_bytes)?
            .is_none()
            && files.read(&["oci-layout"], MARKER.len())?.as_deref() == Some(MARKER)
        {
            write(path, &path.join("index.json"), &Entries::empty().to_json())?;
        }
        let reference = LayoutRef::at(path);
        OciLayout::open(&reference, limits)?;
        let index = files
            .read(&["index.json"], limits.manifest_bytes)?
            .ok_or_else(|| files.error("index.json", "not there"))?;
        let entries = Entries::read(&index).map_err(|cause| files.error("index.json", cause))?;
        for part in [path.join("blobs"), path.join("blobs").join("sha256")] {
            folder(&part)?;
        }
        Ok(Self {
            files,
            root: path.to_owned(),
            entries,
            limits: limits.clone(),
            _lock: lock,
        })
    }

    /// Whether these bytes are there, and are what their name says.
    ///
    /// # Errors
    /// [`RegistryError::Layout`] if that cannot be read.
    pub fn has(&self, digest: &Digest, size: u64) -> Result<bool, RegistryError> {
        let path = self.path_of(digest);
        let failed = |error| failure(&path, error);
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() && metadata.len() == size => {}
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        }
        let mut file = File::open(&path).map_err(failed)?.take(size);
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish() == *digest),
                Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Writes a blob or manifest, unless it is there.
    ///
    /// # Errors
    /// [`RegistryError::Digest`] if the bytes are not what they should be; [`RegistryError::Layout`] if they cannot be written.
    pub fn blob(&mut self, digest: &Digest, bytes: &[u8]) -> Result<(), RegistryError> {
        crate::registry::check_digest(&self.files.name(), digest, bytes)?;
        if self.has(digest, u64::try_from(bytes.len()).unwrap_or(u64::MAX))? {
            return Ok(());
        }
        write(&self.root, &self.path_of(digest), bytes)
    }

    /// A file for a blob of any size, to be written piece by piece.
    ///
    /// # Errors
    /// [`RegistryError::Layout`] if there can be none.
    pub fn begin(&self, digest: &Digest, size: u64) -> Result<BlobFile, RegistryError> {
        BlobFile::new(&self.root, self.path_of(digest), *digest, size)
    }

    /// Adds an image and all that hangs on it: writes the manifests, and lists the image (under `tag`, where there is one), its
    /// referrers and what stands at tags. [`finish`](Self::finish) makes it seen.
    ///
    /// The blobs of everything but the image and its platforms must have been written before.
    ///
    /// # Errors
    /// [`RegistryError::Layout`] if something is missing, in `attached` or among the blobs, or cannot be written.
    pub fn add(&mut self, attached: &Attached, tag: Option<&str>) -> Result<(), RegistryError> {
        if let Some(gap) = attached.gaps().next() {
            let cause = format!("incomplete: {}: {}", gap.what, gap.cause);
            return Err(self.files.error("index.json", cause));
        }
        for node in attached.nodes() {
            self.blob(&node.digest, node.bytes())?;
            if node.image().is_some() {
                continue;
            }
            for blob in &node.blobs {
                if !self.has(&blob.digest, blob.size)? {
                    let cause = format!("{} was not written", blob.digest);
                    return Err(self.files.error("blobs", cause));
                }
            }
        }
        self.entries.put(Entry {
            name: tag,
            ..Entry::of(&attached.image)
        });
        for node in attached.nodes() {
            match node.way {
                // The reader finds these through what lists them.
                Way::Asked | Way::Child | Way::FallbackReferrer => {}
                _ => self.entries.put(Entry::of(node)),
            }
        }
        Ok(())
    }

    /// Makes what was added seen.
    ///
    /// # Errors
    /// [`RegistryError::Layout`] if that cannot be written, [`RegistryError::TooLarge`] if no reader would read it; then the layout is as before.
    pub fn finish(self) -> Result<(), RegistryError> {
        if !self.entries.changed() {
            return Ok(());
        }
        let index = self.entries.to_json();
        if index.len() > self.limits.manifest_bytes {
            return Err(RegistryError::too_large(
                &self.files.name(),
                "index.json",
                self.limits.manifest_bytes,
            ));
        }
        sync_folder(&self.root.join("blobs").join("sha256"))?;
        write(&self.root, &self.root.join("index.json"), &index)
    }

    fn path_of(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs").join("sha256").join(digest.hex())
    }
}

impl<'a> Entry<'a> {
    /// Annotations of a manifest stay out: they could claim any name.
    fn of(node: &'a Node) -> Self {
        Self {
            digest: node.digest,
            size: node.bytes().len(),
            media_type: &node.media_type,
            artifact_type: node.artifact_type.as_deref(),
            name: node.tag.as_deref(),
        }
    }
}

/// Keeps other writers out, where the system has such locks; the leavings of those that were killed go.
fn lock(root: &Path) -> Result<Option<File>, RegistryError> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let failed = |error| failure(root, error);
    let folder = File::open(root).map_err(failed)?;
    match folder.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let error = std::io::Error::other("another process is writing to it");
            return Err(failed(error));
        }
        // Some file systems have no locks.
        Err(fs::TryLockError::Error(_)) => return Ok(None),
    }
    for entry in root.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if is_unfinished(&entry.file_name()) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(Some(folder))
}

fn is_unfinished(name: &std::ffi::OsStr) -> bool {
    name.to_str()
        .is_some_and(|name| name.starts_with(UNFINISHED))
}

fn is_empty(root: &Path) -> std::io::Result<bool> {
    for entry in root.read_dir()? {
        if !is_unfinished(&entry?.file_name()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A real folder, made if need be.
fn folder(path: &Path) -> Result<(), RegistryError> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(failure(path, std::io::Error::other("not a directory"))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir(path).map_err(|error| failure(path, error))
        }
        Err(error) => Err(failure(path, error)),
    }
}

/// Writes a file beside, and renames it: nobody ever sees half of it. A symbolic link of that name is replaced, not followed.
fn write(root: &Path, path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
    let (mut file, beside) = unfinished(root)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        // It is in nobody's way, and the next writer removes it.
        let _ = fs::remove_file(&beside);
        return Err(failure(path, error));
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// Without this a rename may be lost with the power.
fn sync_folder(path: &Path) -> Result<(), RegistryError> {
    if !cfg!(unix) {
        return Ok(());
    }
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| failure(path, error))
}

/// A new file in the layout, for something that is not finished.
fn unfinished(root: &Path) -> Result<(File, PathBuf), RegistryError> {
    let mut number = 0_u32;
    loop {
        let path = root.join(format!("{UNFINISHED}{}-{number}", std::process::id()));
        match File::create_new(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < 1000 => number += 1,
            Err(error) => return Err(failure(&path, error)),
        }
    }
}

fn failure(path: &Path, error: std::io::Error) -> RegistryError {
    RegistryError::Layout {
        path: path.display().to_string(),
        cause: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
