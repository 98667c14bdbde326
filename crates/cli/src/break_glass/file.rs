//! Files of approvals: Sigstore bundles, one on each line (JSON Lines).

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::shown;
use crate::failure::Failure;
use crate::verify_blob::read_bundles;

/// The bundles in a file.
pub(super) fn read(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    read_bundles("break-glass", path)
}

/// Writes a new file: these bytes and no others.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_new(path, bytes)
        .map_err(|error| Failure::unknown(format!("{} cannot be written: {error}", shown(path))))
}

/// Writes all bundles in place of the file, which is whole at any time.
pub(super) fn replace(path: &Path, bundles: &[&[u8]]) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let written = write_new(&beside, &lines(bundles)).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        Failure::unknown(format!(
            "{} cannot be written, and is as it was: {error}",
            shown(path)
        ))
    })
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// A bundle that somebody wrote on several lines comes on one: within JSON a line's end is a blank like any other.
pub(super) fn lines(bundles: &[&[u8]]) -> Vec<u8> {
    let mut text = Vec::new();
    for bundle in bundles {
        let blank = |byte: &u8| {
            if matches!(byte, b'\n' | b'\r') {
                b' '
            } else {
                *byte
            }
        };
        text.extend(bundle.trim_ascii().iter().map(blank));
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_bundle_stands_on_a_line_and_no_file_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("approvals.jsonl");
        create(&path, &lines(&[b"{\n  \"a\": 1\r\n}\n"])).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"{   \"a\": 1  }\n");
        assert!(create(&path, b"{}").is_err());
        replace(&path, &[b"{}", b"{\"b\":2}"]).unwrap();
        assert_eq!(
            read(&path).unwrap(),
            [b"{}".to_vec(), b"{\"b\":2}".to_vec()]
        );
        // What another one is just writing is not written over.
        fs::write(folder.path().join("approvals.jsonl.new"), "x").unwrap();
        assert!(replace(&path, &[b"{}"]).is_err());
        assert_eq!(read(&path).unwrap().len(), 2);
        assert!(read(&folder.path().join("none")).is_err());
    }
}
