//! A blob that is written piece by piece.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use countersign_core::{Digest, Hasher};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{failure, sync_folder, unfinished};
use crate::RegistryError;
use crate::registry::check_size;

/// A blob on its way into a layout: hashed as it comes, and nowhere to be seen before [`keep`](Self::keep). Dropped without that, it is gone.
#[derive(Debug)]
pub struct BlobFile {
    file: tokio::fs::File,
    unfinished: Unfinished,
    path: PathBuf,
    digest: Digest,
    size: u64,
    hasher: Hasher,
    written: u64,
}

/// A file that goes away with its owner.
#[derive(Debug)]
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After a rename there is none; else the next writer removes what could not be removed here.
        let _ = fs::remove_file(&self.0);
    }
}

impl BlobFile {
    pub(super) fn new(
        root: &Path,
        path: PathBuf,
        digest: Digest,
        size: u64,
    ) -> Result<Self, RegistryError> {
        let (file, beside) = unfinished(root)?;
        Ok(Self {
            file: tokio::fs::File::from_std(file),
            unfinished: Unfinished(beside),
            path,
            digest,
            size,
            hasher: Hasher::new(),
            written: 0,
        })
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// [`RegistryError::Size`] or [`RegistryError::Digest`] if it is not what it should be; [`RegistryError::Layout`] if it cannot
    /// be written.
    pub async fn keep(mut self) -> Result<(), RegistryError> {
        let failed = |error| failure(&self.path, error);
        self.file.flush().await.map_err(failed)?;
        self.file.sync_all().await.map_err(failed)?;
        let name = self.path.display().to_string();
        let written = usize::try_from(self.written).unwrap_or(usize::MAX);
        check_size(&name, &self.digest, self.size, written)?;
        let actual = self.hasher.finish();
        if actual != self.digest {
            return Err(RegistryError::Digest {
                host: name,
                expected: self.digest,
                actual,
            });
        }
        fs::rename(&self.unfinished.0, &self.path).map_err(failed)?;
        self.path.parent().map_or(Ok(()), sync_folder)
    }
}

impl AsyncWrite for BlobFile {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = match Pin::new(&mut self.file).poll_write(context, bytes) {
            Poll::Ready(Ok(count)) => count,
            other => return other,
        };
        self.written = self
            .written
            .saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if self.written > self.size {
            return Poll::Ready(Err(io::Error::other("more bytes than the blob has")));
        }
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_shutdown(context)
    }
}
