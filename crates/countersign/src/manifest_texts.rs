//! The texts of manifests: files, whole folders, standard input.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use countersign_core::printable;

/// Bytes of one input, as the reader of documents takes them.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Files of one run, and folders in each other: no repository has more, and links could go in circles.
const MAX_FILES: usize = 20_000;
const MAX_DEPTH: usize = 32;
/// What manifests are called.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// The text of a manifest, with the name under which people know it.
#[derive(Debug, Clone)]
pub struct ManifestText {
    /// The path as it was typed or found; `-` for standard input. No line breaks or escape sequences are taken out of it.
    pub name: String,
    /// Where to write it back; none for standard input.
    pub path: Option<PathBuf>,
    /// What is in it.
    pub text: String,
}

/// Every text of these files and folders (`-`: standard input), in this order and within a folder by name; and what cannot be read, one line each.
///
/// Of a folder every `.yaml`, `.yml` and `.json` file below it is read, but what begins with a point. An input may have 64 MiB.
#[must_use]
pub fn read_manifests(paths: &[PathBuf]) -> (Vec<ManifestText>, Vec<String>) {
    let mut reading = Reading::default();
    for path in paths {
        if path == Path::new("-") {
            reading.standard_input();
        } else if path.is_dir() {
            reading.folder(path, 0);
        } else {
            reading.file(path);
        }
    }
    (reading.inputs, reading.wrong)
}

#[derive(Default)]
struct Reading {
    inputs: Vec<ManifestText>,
    wrong: Vec<String>,
}

impl Reading {
    fn standard_input(&mut self) {
        if self.inputs.iter().any(|it| it.path.is_none()) {
            return self.wrong("-", "standard input can be read once");
        }
        let mut bytes = Vec::new();
        let mut stdin = io::stdin().lock().take(MAX_BYTES + 1);
        match stdin.read_to_end(&mut bytes) {
            Ok(_) => self.bytes("-".to_owned(), None, bytes),
            Err(error) => self.wrong("-", &error.to_string()),
        }
    }

    fn file(&mut self, path: &Path) {
        let name = shown(path);
        // The same file twice, by a folder and by name, is one input.
        if self
            .inputs
            .iter()
            .any(|it| it.path.as_deref() == Some(path))
        {
            return;
        }
        if self.inputs.len() >= MAX_FILES {
            return self.wrong(&name, &format!("more than {MAX_FILES} files"));
        }
        match head(path) {
            Ok(bytes) => self.bytes(name, Some(path.to_owned()), bytes),
            Err(error) => self.wrong(&name, &error.to_string()),
        }
    }

    /// Everything below a folder that is called like a manifest. What begins with a point (`.git`, `.github`) is no manifest.
    fn folder(&mut self, path: &Path, depth: usize) {
        let name = shown(path);
        if depth > MAX_DEPTH {
            return self.wrong(&name, &format!("folders nest deeper than {MAX_DEPTH}"));
        }
        let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.wrong(&name, &error.to_string()),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            match (entry.file_type(), fs::metadata(&path)) {
                (Ok(own), Ok(target)) if target.is_dir() => {
                    if own.is_symlink() {
                        let why = "a link to a folder; name it by itself if it is to be read";
                        self.wrong(&shown(&path), why);
                    } else {
                        self.folder(&path, depth + 1);
                    }
                }
                (Ok(_), Ok(_)) if is_manifest(&path) => self.file(&path),
                (Ok(_), Ok(_)) => {}
                (Err(error), _) | (_, Err(error)) => self.wrong(&shown(&path), &error.to_string()),
            }
        }
    }

    fn bytes(&mut self, name: String, path: Option<PathBuf>, bytes: Vec<u8>) {
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
            return self.wrong(&name, &format!("larger than {MAX_BYTES} bytes"));
        }
        match String::from_utf8(bytes) {
            Ok(text) => self.inputs.push(ManifestText { name, path, text }),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let before = error.as_bytes().get(..valid).unwrap_or_default();
                let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
                self.wrong(&format!("{name}:{line}"), "not UTF-8");
            }
        }
    }

    fn wrong(&mut self, name: &str, why: &str) {
        self.wrong
            .push(format!("{}: {}", printable(name), printable(why)));
    }
}

/// The bytes of a file, and of a larger one so many that it shows.
fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_manifest(path: &Path) -> bool {
    let ending = path.extension().and_then(|it| it.to_str());
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

/// A path as CI systems match it with files of the repository: without `./` before it.
fn shown(path: &Path) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    path.display().to_string()
}
