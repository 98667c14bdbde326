//! Policy files on disk: which files of a folder are a policy set, and what `file:` in them may reach.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

#[cfg(feature = "cel")]
use countersign_core::Expressions;
use countersign_core::{
    Diagnostic, ExtraRoot, Files, Loaded, PolicySet, Severity, Source, TufMaterial, TufSource,
    TufSources, UnixTime,
};

use crate::TrustStore;

/// Loads the policy set of a file or folder.
///
/// # Errors
/// [`PolicyError`], whose text lists every error with file, line and column. Warnings do not fail.
pub fn load_policies(path: impl AsRef<Path>) -> Result<PolicySet, PolicyError> {
    let files = PolicyFiles::open(path.as_ref())?;
    let loaded = files.load(&[]);
    loaded.policies.ok_or(PolicyError::Invalid {
        sources: files.sources,
        diagnostics: loaded.diagnostics,
    })
}

/// Bytes of one policy file, key or trust root. The public-good `trusted_root.json` has 7 KiB.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Policy files of one folder. A ConfigMap holds 1 MiB in all.
const MAX_FILES: usize = 1000;

/// A policy set's files: one file, or every policy file of a folder; and documents that stand in no file.
#[derive(Debug, Clone)]
pub struct PolicyFiles {
    /// None if there are only documents that stand in no file.
    folder: Option<PathBuf>,
    sources: Vec<Source>,
    /// The names of those sources that stand in no file.
    documents: BTreeSet<String>,
    /// Where the trust roots of TUF repositories are kept, and when that is read.
    trust: Option<(TrustStore, UnixTime)>,
}

/// Why policy files cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFilesError {
    /// The operating system refuses.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// The folder has no policy file: a set without policies would allow or deny by accident.
    #[error("{}: the folder holds no policy file (*.yaml, *.yml, or *.json with an apiVersion)", .0.display())]
    Empty(PathBuf),
    /// More files than any policy set needs.
    #[error("{}: the folder holds more than {MAX_FILES} policy files", .0.display())]
    TooMany(PathBuf),
    /// A subfolder has policy files, which would be passed over in silence.
    #[error("{}: policy files in a subfolder are not read; a set is one folder", .0.display())]
    Nested(PathBuf),
    /// A file is larger than any policy, key or trust root.
    #[error("{}: larger than {MAX_FILE_BYTES} bytes", .0.display())]
    TooLarge(PathBuf),
    /// A policy file is not UTF-8.
    #[error("{}: not UTF-8 text", .0.display())]
    NotText(PathBuf),
    /// Neither file nor folder: a pipe or device would block or never end.
    #[error("{}: not a regular file", .0.display())]
    NotRegular(PathBuf),
    /// It is hidden, absolute, has `..` or leads out of the policy's folder through a link.
    #[error("{}: outside the policy's folder, or hidden", .0.display())]
    Outside(PathBuf),
}

/// Why there is no policy set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The files cannot be read.
    #[error(transparent)]
    Files(#[from] PolicyFilesError),
    /// The policies are wrong.
    #[error("{}", rendered(sources, diagnostics))]
    Invalid {
        /// The policy files.
        sources: Vec<Source>,
        /// Every error and warning.
        diagnostics: Vec<Diagnostic>,
    },
}

fn rendered(sources: &[Source], diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error);
    let texts: Vec<String> = errors.map(|error| error.render(sources, false)).collect();
    texts.join("\n\n")
}

impl PolicyFiles {
    /// Reads a policy file, or the policy files of a folder in the order of their names.
    ///
    /// Policy files of a folder are `*.yaml`, `*.yml`, and `*.json` that have an `apiVersion` (a `trusted_root.json` has
    /// none). Hidden files are passed over: a mounted ConfigMap keeps its versions in `..data`, and its visible links,
    /// which stay inside the folder, are followed. A link that leads out of the folder is an error.
    ///
    /// # Errors
    /// [`PolicyFilesError`], which names the file.
    pub fn open(path: &Path) -> Result<Self, PolicyFilesError> {
        if !fs::metadata(path).map_err(failed(path))?.is_dir() {
            let text = read_text(path)?;
            let folder = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            return Ok(Self {
                folder: Some(folder.canonicalize().map_err(failed(folder))?),
                sources: vec![source(path, text)],
                documents: BTreeSet::new(),
                trust: None,
            });
        }
        let folder = path.canonicalize().map_err(failed(path))?;
        let mut sources = Vec::new();
        for file in visible_files(path)? {
            if file.is_dir() {
                refuse_nested(&file)?;
                continue;
            }
            if !is_policy_name(&file) && !has_extension(&file, "json") {
                continue;
            }
            let inside =
                inside(&folder, &file).ok_or_else(|| PolicyFilesError::Outside(file.clone()))?;
            let text = read_text(&inside)?;
            if is_policy_name(&file) || is_policy_json(&text) {
                sources.push(source(&file, text));
            }
            if sources.len() > MAX_FILES {
                return Err(PolicyFilesError::TooMany(path.to_owned()));
            }
        }
        if sources.is_empty() {
            return Err(PolicyFilesError::Empty(path.to_owned()));
        }
        Ok(Self {
            folder: Some(folder),
            sources,
            documents: BTreeSet::new(),
            trust: None,
        })
    }

    /// A set of documents that stand in no file, such as objects of a cluster. Nothing is beside them that a `file:` in them could name.
    #[must_use]
    pub fn of_documents(documents: Vec<Source>) -> Self {
        let nothing = Self {
            folder: None,
            sources: Vec::new(),
            documents: BTreeSet::new(),
            trust: None,
        };
        nothing.with_documents(documents)
    }

    /// The same set with documents that stand in no file, behind the files.
    #[must_use]
    pub fn with_documents(mut self, documents: Vec<Source>) -> Self {
        let names = documents.iter().map(|it| it.name.clone());
        self.documents.extend(names);
        self.sources.extend(documents);
        self
    }

    /// Takes the trust roots that TUF repositories give from this cache, and the public-good one if it is in there. The
    /// repositories are not asked: [`TrustStore::refresh`] does that. `now` is for warnings of what expires.
    #[must_use]
    pub fn trust_store(mut self, store: TrustStore, now: UnixTime) -> Self {
        self.trust = Some((store, now));
        self
    }

    /// The TUF repositories that the set names.
    pub fn tuf_sources(&self) -> TufSources {
        PolicySet::tuf_sources(&self.sources, self)
    }

    /// Parses and checks the set. `roots` supply TrustRoots that Signers name and no document defines.
    pub fn load(&self, roots: &[ExtraRoot]) -> Loaded {
        PolicySet::load(&self.sources, self, roots)
    }

    /// Each policy file, whose name is the path as given, and behind them each document that stands in no file.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    fn read_named(&self, name: &str) -> Result<Vec<u8>, PolicyFilesError> {
        let outside = || PolicyFilesError::Outside(PathBuf::from(name));
        let plain = |component: Component<'_>| match component {
            Component::Normal(part) => !is_hidden(part),
            _ => false,
        };
        let path = Path::new(name);
        if name.is_empty() || !path.components().all(plain) {
            return Err(outside());
        }
        let folder = self.folder.as_ref().ok_or_else(outside)?;
        let path = folder.join(path);
        fs::metadata(&path).map_err(failed(&path))?;
        read_bounded(&inside(folder, &path).ok_or_else(outside)?)
    }
}

/// What a `file:` of the set names: a visible file inside the folder.
impl Files for PolicyFiles {
    fn read(&self, from: &str, path: &str) -> Result<Vec<u8>, String> {
        if self.documents.contains(from) {
            return Err(format!(
                "{from} is no file, so no file is beside it; write here what the file holds"
            ));
        }
        self.read_named(path).map_err(|error| error.to_string())
    }

    fn tuf(&self, source: &TufSource) -> Result<Option<TufMaterial>, String> {
        let Some((store, now)) = &self.trust else {
            return Ok(None);
        };
        let state = store.load(source).map_err(|error| error.to_string())?;
        Ok(state.map(|state| TufMaterial {
            expires: state.expires(),
            read_at: *now,
            warnings: state.warnings(*now),
            json: state.json,
        }))
    }

    #[cfg(feature = "cel")]
    fn expressions(&self) -> Option<&dyn Expressions> {
        static CEL: crate::Cel = crate::Cel::new();
        Some(&CEL)
    }
}

fn source(path: &Path, text: String) -> Source {
    Source {
        name: path.display().to_string(),
        text,
    }
}

/// The visible entries of a folder, sorted by name.
fn visible_files(folder: &Path) -> Result<Vec<PathBuf>, PolicyFilesError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        if !is_hidden(&entry.file_name()) {
            files.push(entry.path());
        }
        if files.len() > 10 * MAX_FILES {
            return Err(PolicyFilesError::TooMany(folder.to_owned()));
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn refuse_nested(folder: &Path) -> Result<(), PolicyFilesError> {
    match visible_files(folder)?
        .into_iter()
        .find(|file| is_policy_name(file))
    {
        Some(file) => Err(PolicyFilesError::Nested(file)),
        None => Ok(()),
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|own| own == extension)
}

fn is_policy_name(path: &Path) -> bool {
    has_extension(path, "yaml") || has_extension(path, "yml")
}

/// Whether a JSON file is a policy. A broken one is: its error must be seen.
fn is_policy_json(text: &str) -> bool {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(document) => document.get("apiVersion").is_some(),
        Err(_) => true,
    }
}

/// The file behind all links, if it lies inside the (canonical) folder.
fn inside(folder: &Path, file: &Path) -> Option<PathBuf> {
    file.canonicalize()
        .ok()
        .filter(|target| target.starts_with(folder))
}

fn read_text(path: &Path) -> Result<String, PolicyFilesError> {
    String::from_utf8(read_bounded(path)?).map_err(|_| PolicyFilesError::NotText(path.to_owned()))
}

/// Reads a regular file of at most [`MAX_FILE_BYTES`].
pub(crate) fn read_bounded(path: &Path) -> Result<Vec<u8>, PolicyFilesError> {
    // Asked before opening: opening a pipe waits for its writer.
    if !fs::metadata(path).map_err(failed(path))?.is_file() {
        return Err(PolicyFilesError::NotRegular(path.to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(failed(path))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_FILE_BYTES) {
        Ok(bytes)
    } else {
        Err(PolicyFilesError::TooLarge(path.to_owned()))
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> PolicyFilesError {
    let path = path.to_owned();
    move |error| PolicyFilesError::Io { path, error }
}

#[cfg(test)]
mod tests;
