//! Bounded reads of the files of a layout, and of nothing outside it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use countersign_core::Digest;

use crate::RegistryError;

/// The directory of a layout.
#[derive(Debug, Clone)]
pub(super) struct Files {
    root: PathBuf,
}

impl Files {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// How messages name the layout.
    pub(super) fn name(&self) -> String {
        format!("oci:{}", self.root.display())
    }

    /// Reads `blobs/sha256/<hex>`; not its digest, which is the caller's to check.
    pub(super) fn blob(
        &self,
        digest: &Digest,
        max: usize,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        self.read(&["blobs", "sha256", &digest.hex()], max)
    }

    /// The digests and sizes of the regular files in `blobs/sha256` of at most `max_size` bytes, sorted; more than
    /// `max_files` files of any size are too many.
    pub(super) fn blobs(
        &self,
        max_files: usize,
        max_size: u64,
    ) -> Result<Vec<(Digest, u64)>, RegistryError> {
        let folder = self.root.join("blobs").join("sha256");
        let failed = |error: std::io::Error| unreadable(&folder, error.to_string());
        let mut blobs = Vec::new();
        for (count, entry) in folder.read_dir().map_err(failed)?.enumerate() {
            if count == max_files {
                return Err(RegistryError::too_large(
                    &self.name(),
                    format!("the number of files in {}", folder.display()),
                    max_files,
                ));
            }
            let entry = entry.map_err(failed)?;
            let metadata = entry.metadata().map_err(failed)?;
            let digest = entry.file_name().to_str().and_then(Digest::from_hex);
            if let Some(digest) = digest
                && metadata.is_file()
                && metadata.len() <= max_size
            {
                blobs.push((digest, metadata.len()));
            }
        }
        blobs.sort_unstable();
        Ok(blobs)
    }

    /// Reads a file below the root, if it is there.
    pub(super) fn read(
        &self,
        parts: &[&str],
        max: usize,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let Some((file, path)) = self.open(parts)? else {
            return Ok(None);
        };
        let bound = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        file.take(bound)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(&path, error.to_string()))?;
        if bytes.len() > max {
            return Err(RegistryError::too_large(
                &self.name(),
                path.display().to_string(),
                max,
            ));
        }
        Ok(Some(bytes))
    }

    /// Opens a file below the root, if it is there.
    ///
    /// Every part of the way is a real directory and the file a regular one: a symbolic link could lead out of the
    /// layout, and a pipe would never end. (Whoever can change the layout while it is read can still swap a part in
    /// between; what is read by digest is hashed afterwards.)
    pub(super) fn open(&self, parts: &[&str]) -> Result<Option<(File, PathBuf)>, RegistryError> {
        let mut path = self.root.clone();
        for (depth, part) in parts.iter().enumerate() {
            path.push(part);
            let kind = match path.symlink_metadata() {
                Ok(metadata) => metadata.file_type(),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(unreadable(&path, error.to_string())),
            };
            let is_last = depth + 1 == parts.len();
            if !(if is_last {
                kind.is_file()
            } else {
                kind.is_dir()
            }) {
                let wanted = if is_last { "regular file" } else { "directory" };
                return Err(unreadable(&path, format!("not a {wanted}")));
            }
        }
        let file = File::open(&path).map_err(|error| unreadable(&path, error.to_string()))?;
        Ok(Some((file, path)))
    }

    /// An error about a file of the layout.
    pub(super) fn error(&self, part: &str, cause: impl Into<String>) -> RegistryError {
        unreadable(&self.root.join(part), cause.into())
    }
}

fn unreadable(path: &Path, cause: String) -> RegistryError {
    RegistryError::Layout {
        path: path.display().to_string(),
        cause,
    }
}
