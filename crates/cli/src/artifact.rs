//! What `verify-bundle` judges: a file, or the digest of one.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use countersign_core::{Blob, Digest, Hasher};

use crate::escape::escaped;
use crate::failure::Failure;

/// So many bytes are kept in memory; of a larger file only the sha256 is taken, which is enough for all but a few keys.
const MAX_KEPT: u64 = 256 * MIB;
/// Larger files are not read at all; nothing that is published as one file is larger.
const MAX_READ: u64 = 64 * 1024 * MIB;
const MIB: u64 = 1024 * 1024;
/// What stands before the hexadecimal digits of a digest.
const PREFIX: &str = "sha256:";
const HEX_DIGITS: usize = 64;

/// An artifact, as far as it is at hand.
pub(crate) enum Artifact {
    Bytes(Vec<u8>),
    /// The digest was given in place of the artifact.
    Given(Digest),
    /// The file is too large to be kept.
    Hashed(Digest),
}

impl Artifact {
    /// Reads `FILE_OR_DIGEST`. It is a digest if it starts with `sha256:`, has the right length in hexadecimal, and no file has
    /// that name; else it is a path (`cli_protocol.md` of sigstore-conformance).
    pub(crate) fn read(written: &Path) -> Result<Self, Failure> {
        if let Some(digest) = digest(written) {
            return Ok(Self::Given(digest));
        }
        open(written)
            .and_then(|file| take(file, MAX_KEPT, MAX_READ))
            .map_err(|error| {
                let shown = written.display().to_string();
                let digest = if shown.starts_with(PREFIX) {
                    "; nor is it a digest, which is sha256: and 64 hexadecimal digits"
                } else {
                    ""
                };
                Failure::unknown(format!(
                    "{}: the artifact cannot be read: {error}{digest}",
                    escaped(&shown, 300)
                ))
            })
    }

    pub(crate) fn blob(&self) -> Blob<'_> {
        match self {
            Self::Bytes(bytes) => Blob::Bytes(bytes),
            Self::Given(digest) | Self::Hashed(digest) => Blob::Digest(*digest),
        }
    }

    /// What a person should know about how it was read.
    pub(crate) fn note(&self) -> Option<String> {
        match self {
            Self::Bytes(_) => None,
            Self::Given(_) => Some("by its digest alone".to_owned()),
            Self::Hashed(_) => Some(format!(
                "larger than {} MiB, so by its digest alone",
                MAX_KEPT / MIB
            )),
        }
    }
}

fn digest(written: &Path) -> Option<Digest> {
    let hex = written.to_str()?.strip_prefix(PREFIX)?;
    if hex.len() != HEX_DIGITS || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    // Where nobody can tell whether there is such a file, it is none: a path that cannot be read ends with an error.
    match fs::symlink_metadata(written) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Digest::from_hex(&hex.to_ascii_lowercase())
        }
        _ => None,
    }
}

/// Opens files and pipes. Devices never end, and whoever names one has made a mistake.
fn open(path: &Path) -> io::Result<File> {
    let metadata = fs::metadata(path)?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Err(io::Error::other("it is a folder, not a file"));
    }
    if !kind.is_file() && !is_pipe(kind) {
        return Err(io::Error::other("it is neither a file nor a pipe"));
    }
    if metadata.len() > MAX_READ {
        return Err(too_large(MAX_READ));
    }
    File::open(path)
}

fn too_large(max: u64) -> io::Error {
    let max = max / MIB / 1024;
    io::Error::other(format!("it is larger than {max} GiB; give its digest"))
}

#[cfg(unix)]
fn is_pipe(kind: fs::FileType) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    kind.is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_: fs::FileType) -> bool {
    false
}

/// Reads to the end in one pass, as pipes allow no other; keeps up to `max_kept` bytes and hashes the rest as it goes.
fn take(mut from: impl Read, max_kept: u64, max_read: u64) -> io::Result<Artifact> {
    let mut kept = Vec::new();
    let mut read =
        u64::try_from((&mut from).take(max_kept + 1).read_to_end(&mut kept)?).unwrap_or(u64::MAX);
    if read <= max_kept {
        return Ok(Artifact::Bytes(kept));
    }
    let mut hasher = Hasher::new();
    hasher.update(&kept);
    drop(kept);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(Artifact::Hashed(hasher.finish())),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        read = read.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if read > max_read {
            return Err(too_large(max_read));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn what_is_kept_and_what_is_only_hashed() {
        let bytes: Vec<u8> = (0..=255_u8).cycle().take(1_000_000).collect();
        for (kept, is_kept) in [(1_000_000, true), (999_999, false), (0, false)] {
            match take(&bytes[..], kept, u64::MAX).unwrap() {
                Artifact::Bytes(read) => assert!(is_kept && read == bytes),
                Artifact::Hashed(digest) => assert!(!is_kept && digest == Digest::of(&bytes)),
                Artifact::Given(_) => panic!("nothing was given"),
            }
        }
        let error = take(io::repeat(0), 10, 1024 * MIB).err().unwrap();
        assert_eq!(
            error.to_string(),
            "it is larger than 1 GiB; give its digest"
        );
    }

    #[test]
    fn what_is_a_digest() {
        assert_eq!(digest(Path::new(EMPTY)), Some(Digest::of(b"")));
        let upper = EMPTY.to_uppercase().replace("SHA", "sha");
        assert_eq!(digest(Path::new(&upper)), Some(Digest::of(b"")));
        for path in [
            &EMPTY[..70],
            &format!("{EMPTY}0"),
            &EMPTY.replace('e', "g"),
            &EMPTY.to_uppercase(),
            &EMPTY[7..],
            &EMPTY.replace("256", "512"),
            &format!("./{EMPTY}"),
            "",
        ] {
            assert_eq!(digest(Path::new(path)), None, "{path}");
        }
    }
}
