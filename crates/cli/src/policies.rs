//! From files to a policy set, for every command that needs one.

use std::path::{Path, PathBuf};

use countersign::{PolicyFiles, TrustStore};
use countersign_core::{
    Diagnostic, ExtraRoot, Loaded, PolicySet, Severity, Source, TrustError, TrustRoot, UnixTime,
};

use crate::args::NamedFile;
use crate::args::policy::PolicyRoots;
use crate::args::trust::Cache;
use crate::bounded;
use crate::escape::escaped;
use crate::failure::Failure;
use crate::output;
use crate::surroundings::Surroundings;

/// A policy set with the texts that its diagnostics quote.
pub(crate) struct Policies {
    pub(crate) files: PolicyFiles,
    pub(crate) loaded: Loaded,
}

/// Which trust roots a policy set is read with, beside those that it brings.
#[derive(Debug)]
pub(crate) struct Roots {
    /// Those of the command line.
    pub(crate) named: Vec<NamedFile>,
    /// Where those of TUF repositories are kept.
    pub(crate) cache: Option<PathBuf>,
    /// As of when they are looked at.
    pub(crate) now: UnixTime,
}

impl Roots {
    pub(crate) fn new(
        named: Vec<NamedFile>,
        typed: &Cache,
        surroundings: &Surroundings,
        now: UnixTime,
    ) -> Self {
        Self {
            named,
            cache: typed.trust().or_else(|| surroundings.trust_cache.clone()),
            now,
        }
    }

    pub(crate) fn typed(typed: PolicyRoots, surroundings: &Surroundings, now: UnixTime) -> Self {
        Self::new(typed.trust_roots, &typed.cache, surroundings, now)
    }
}

impl Policies {
    /// Reads and checks a file or folder; wrong policies are not an error of this, but diagnostics.
    pub(crate) fn load(path: &Path, roots: &Roots) -> Result<Self, Failure> {
        let named = roots
            .named
            .iter()
            .map(extra_root)
            .collect::<Result<Vec<_>, _>>()?;
        let mut files =
            PolicyFiles::open(path).map_err(|error| Failure::misused(&error.to_string()))?;
        if let Some(folder) = &roots.cache {
            files = files.trust_store(TrustStore::new(folder), roots.now);
        }
        let loaded = files.load(&named);
        Ok(Self { files, loaded })
    }

    /// The set, if nothing is wrong with it; what is wrong goes to standard error, warnings too.
    pub(crate) fn told(
        self,
        path: &Path,
        left_undone: &str,
        color: anstream::ColorChoice,
    ) -> Result<PolicySet, Failure> {
        output::say(
            &rendered(&self.loaded.diagnostics, self.files.sources()),
            color,
        );
        let errors = self.count(Severity::Error);
        self.loaded.policies.ok_or_else(|| {
            let path = path.display();
            Failure::misused(&format!(
                "{path}: {errors} errors in the policy; {left_undone}"
            ))
        })
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.loaded
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    }
}

/// All diagnostics as text with colours, each with the lines that it is about.
pub(crate) fn rendered(diagnostics: &[Diagnostic], sources: &[Source]) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&diagnostic.render(sources, true));
        text.push_str("\n\n");
    }
    text
}

/// Trust material that cannot be read leaves the question open; it is no mistake in the policy.
pub(crate) fn extra_root(named: &NamedFile) -> Result<ExtraRoot, Failure> {
    let failed = |why: String| {
        Failure::unknown(format!(
            "--trust-root {}: {}",
            escaped(&named.file.display().to_string(), 300),
            escaped(&why, 300)
        ))
    };
    let json = bounded::read(&named.file).map_err(|error| failed(error.to_string()))?;
    TrustRoot::from_json(named.name.as_deref().unwrap_or_default(), &json).map_err(|error| {
        match error {
            TrustError::Malformed { why, .. } => failed(why),
            error => failed(error.to_string()),
        }
    })?;
    Ok(ExtraRoot {
        name: named.name.clone(),
        json,
    })
}
