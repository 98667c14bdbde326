//! Blobs of any size, read piece by piece.

use std::io::{ErrorKind, Read as _};

use countersign_core::{Digest, Hasher};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::OciLayout;
use crate::registry::check_size;
use crate::{Budget, RegistryError};

const PIECE: usize = 256 * 1024;

impl OciLayout {
    /// Copies a blob of any size into `sink`, hashed on the way, as [`HttpRegistry::download`](crate::HttpRegistry) does. `Ok(None)`: it is not there.
    ///
    /// # Errors
    /// What was read is not the blob, could not be read or not be written: then what is in the sink is worthless.
    pub async fn download(
        &self,
        blob: &Digest,
        size: u64,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
        budget: &Budget,
    ) -> Result<Option<()>, RegistryError> {
        let hex = blob.hex();
        let Some((file, _)) = self.files.open(&["blobs", "sha256", &hex])? else {
            return Ok(None);
        };
        let failed = |cause: std::io::Error| self.files.error(&hex, cause.to_string());
        let late = || RegistryError::Timeout {
            host: self.files.name(),
            what: "give a blob",
            limit: budget.time(),
        };
        // One byte more shows that there are more.
        let mut file = file.take(size.saturating_add(1));
        let (mut hasher, mut read, mut piece) = (Hasher::new(), 0_usize, vec![0; PIECE]);
        loop {
            let count = match file.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            let bytes = piece.get(..count).unwrap_or_default();
            hasher.update(bytes);
            read = read.saturating_add(count);
            if u64::try_from(read).is_ok_and(|read| read > size) {
                break;
            }
            let written = budget.in_time(sink.write_all(bytes)).await;
            written.ok_or_else(late)?.map_err(failed)?;
        }
        check_size(&self.files.name(), blob, size, read)?;
        let actual = hasher.finish();
        if actual != *blob {
            return Err(RegistryError::Digest {
                host: self.files.name(),
                expected: *blob,
                actual,
            });
        }
        let flushed = budget.in_time(sink.flush()).await;
        flushed.ok_or_else(late)?.map_err(failed)?;
        Ok(Some(()))
    }
}
