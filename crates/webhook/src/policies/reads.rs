//! Which bytes a policy set was made of, so that a look at files that have not changed costs reading them and nothing more.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use countersign::{PolicyFiles, TrustStore};
use countersign_core::{Digest, Expressions, Files, Hasher, TufMaterial, TufSource};

/// What a set was made of: digests of what was read when it was made.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    /// The policy files themselves.
    sources: Digest,
    beside: Beside,
}

/// What was read beside the policy files.
#[derive(Debug, Clone, Default)]
struct Beside {
    /// Files of the set's folder, by the name in `file:`.
    named: BTreeMap<String, Digest>,
    /// What TUF repositories gave last.
    trust: BTreeMap<PathBuf, Digest>,
    /// Whether something was read twice and was not the same.
    is_torn: bool,
}

/// Policy files of which it is written down what is read.
pub(crate) struct Reads<'a> {
    files: &'a PolicyFiles,
    trust: Option<TrustStore>,
    beside: RefCell<Beside>,
}

impl<'a> Reads<'a> {
    pub(crate) fn new(files: &'a PolicyFiles, trust: Option<&Path>) -> Self {
        Self {
            files,
            trust: trust.map(TrustStore::new),
            beside: RefCell::default(),
        }
    }

    /// What was read until now.
    pub(crate) fn done(self) -> Read {
        Read {
            sources: of_sources(self.files),
            beside: self.beside.into_inner(),
        }
    }
}

impl Read {
    /// Whether everything is there again, byte for byte.
    pub(crate) fn is_still(&self, files: &PolicyFiles) -> bool {
        let Beside {
            named,
            trust,
            is_torn,
        } = &self.beside;
        !is_torn
            && of_sources(files) == self.sources
            && named
                .iter()
                .all(|(name, digest)| of_result(&files.read("", name)) == *digest)
            && trust.iter().all(|(path, digest)| of_file(path) == *digest)
    }
}

impl Files for Reads<'_> {
    fn read(&self, from: &str, path: &str) -> Result<Vec<u8>, String> {
        let read = self.files.read(from, path);
        let digest = of_result(&read);
        let mut beside = self.beside.borrow_mut();
        let before = beside.named.insert(path.to_owned(), digest);
        beside.is_torn |= before.is_some_and(|before| before != digest);
        read
    }

    fn tuf(&self, source: &TufSource) -> Result<Option<TufMaterial>, String> {
        if let Some(trust) = &self.trust {
            // Before it is read: what is written in between is another one at the next look.
            let path = trust.file(source);
            let digest = of_file(&path);
            let mut beside = self.beside.borrow_mut();
            let before = beside.trust.insert(path, digest);
            beside.is_torn |= before.is_some_and(|before| before != digest);
        }
        self.files.tuf(source)
    }

    fn expressions(&self) -> Option<&dyn Expressions> {
        self.files.expressions()
    }
}

fn of_sources(files: &PolicyFiles) -> Digest {
    let mut hasher = Hasher::new();
    for source in files.sources() {
        for text in [&source.name, &source.text] {
            hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(text.as_bytes());
        }
    }
    hasher.finish()
}

fn of_file(path: &Path) -> Digest {
    of_result(&fs::read(path).map_err(|error| error.to_string()))
}

/// What cannot be read is told apart from what can, whatever it holds.
fn of_result(read: &Result<Vec<u8>, String>) -> Digest {
    let mut hasher = Hasher::new();
    match read {
        Ok(bytes) => {
            hasher.update(b"+");
            hasher.update(bytes);
        }
        Err(why) => {
            hasher.update(b"-");
            hasher.update(why.as_bytes());
        }
    }
    hasher.finish()
}
