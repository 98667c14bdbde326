//! Small files that a configuration names, relative to itself.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::RegistryError;

/// Certificates and configurations are a few kilobytes; bundles of all public CAs have less than half of this.
const MAX_BYTES: u64 = 1024 * 1024;

/// A regular file of at most 1 MiB.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, RegistryError> {
    let file = File::open(path).map_err(|error| broken(path, error.to_string()))?;
    let is_file = file.metadata().is_ok_and(|it| it.is_file());
    if !is_file {
        return Err(broken(path, "no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| broken(path, error.to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|read| read > MAX_BYTES) {
        return Err(broken(path, "larger than 1 MiB"));
    }
    Ok(bytes)
}

/// As [`read`], of text.
pub(super) fn read_text(path: &Path) -> Result<String, RegistryError> {
    String::from_utf8(read(path)?).map_err(|_| broken(path, "not UTF-8"))
}

pub(super) fn broken(path: &Path, cause: impl Into<String>) -> RegistryError {
    RegistryError::Configuration {
        source_name: path.display().to_string(),
        cause: cause.into(),
    }
}
