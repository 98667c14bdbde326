//! Why a folder cannot hold a cache.

use std::path::{Path, PathBuf};

/// Why [`Cache::on_disk`](crate::Cache::on_disk) refuses a folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// Somebody else could change what is in it.
    #[error("the cache folder {} is not safe: {why}", .path.display())]
    Unsafe {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: &'static str,
    },
    /// It cannot be made, read or written.
    #[error("the cache folder {} cannot be used: {cause}", .path.display())]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
}

impl CacheError {
    pub(super) fn unusable(path: &Path, cause: std::io::Error) -> Self {
        Self::Unusable {
            path: path.to_owned(),
            cause,
        }
    }
}
