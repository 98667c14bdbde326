//! Replacing a file whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::escape::escaped;
use crate::failure::Failure;

/// Writes beside the file and renames: whoever reads it finds the old text or the new one. A link stays a link, and permissions stay. The file need
/// not be there yet.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn whole_or_not(path: &Path, text: &str) -> Result<(), Failure> {
    whole(path, text).map_err(|error| {
        let path = escaped(&path.display().to_string(), 300);
        Failure::unknown(format!("{path}: cannot be written: {error}"))
    })
}

fn whole(path: &Path, text: &str) -> io::Result<()> {
    let path = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        found => found?,
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".countersign-{}", std::process::id()));
    let beside = path.with_file_name(name);
    let written = filled(&beside, &path, text).and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        // What cannot be removed either is left; the error that is told is the first one.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn filled(beside: &Path, original: &Path, text: &str) -> io::Result<()> {
    let permissions = match fs::metadata(original) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        found => Some(found?.permissions()),
    };
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(beside)?;
    file.write_all(text.as_bytes())?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.sync_all()
}
