//! Reads of the files that the command line names: trust roots, keys, CA certificates, bundles.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// A `trusted_root.json` has 7 KiB, a system's whole CA bundle 220 KiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// The bytes of a file, at most 1 MiB of them.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = head(path, MAX_BYTES)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err(io::Error::other("larger than 1 MiB"));
    }
    Ok(bytes)
}

/// The bytes of a file, and of a larger one so many that whoever reads them sees that they are more than `max`.
pub(crate) fn head(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(max.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_endless_file_ends() {
        assert!(read(Path::new("/dev/zero")).is_err());
        assert!(read(Path::new("/dev/null")).unwrap().is_empty());
        assert!(read(Path::new("/nonexistent")).is_err());
    }
}
