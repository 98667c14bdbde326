//! The trust roots of a case. Unlike `--trust-root`, they may stand in for the built-in one: a test needs evidence that people
//! can make, and nobody can make any of the public-good instance's. Nothing else in countersign can replace that root.

use countersign::PolicyFiles;
use countersign_core::{
    Expressions, ExtraRoot, Files, Loaded, Mutation, Mutations, PolicySet, TrustRoot, TufMaterial,
    TufSource, UnixTime,
};

use crate::args::NamedFile;
use crate::failure::Failure;
use crate::policies::extra_root;

/// What a case hands over beside its policy.
pub(super) struct CaseRoots {
    /// For the names that the policy leaves open.
    extra: Vec<ExtraRoot>,
    /// In place of the built-in root.
    public_good: Option<Vec<u8>>,
}

/// A policy's files, and in place of the public-good TUF repository what a case says.
struct CaseFiles<'a> {
    files: &'a PolicyFiles,
    public_good: Option<&'a [u8]>,
}

impl CaseRoots {
    /// Reads the files.
    pub(super) fn read(named: &[NamedFile]) -> Result<Self, Failure> {
        let all = named.iter().map(extra_root);
        let (public_good, extra): (Vec<_>, Vec<_>) = all
            .collect::<Result<Vec<ExtraRoot>, _>>()?
            .into_iter()
            .partition(|root| root.name.as_deref() == Some(TrustRoot::PUBLIC_GOOD));
        Ok(Self {
            extra,
            public_good: public_good.into_iter().next().map(|root| root.json),
        })
    }

    /// The policy with these roots.
    pub(super) fn load(&self, files: &PolicyFiles) -> Loaded {
        PolicySet::load(files.sources(), &self.beside(files), &self.extra)
    }

    /// The policy with one change and these roots.
    pub(super) fn load_changed(
        &self,
        mutations: &Mutations<'_>,
        mutation: &Mutation,
        files: &PolicyFiles,
    ) -> Loaded {
        mutations.load(mutation, &self.beside(files), &self.extra)
    }

    fn beside<'a>(&'a self, files: &'a PolicyFiles) -> CaseFiles<'a> {
        CaseFiles {
            files,
            public_good: self.public_good.as_deref(),
        }
    }
}

impl Files for CaseFiles<'_> {
    fn read(&self, from: &str, path: &str) -> Result<Vec<u8>, String> {
        self.files.read(from, path)
    }

    /// As if `trust update` had fetched it: it never expires, because a case comes out the same in a year.
    fn tuf(&self, source: &TufSource) -> Result<Option<TufMaterial>, String> {
        match self.public_good {
            Some(json) if source.id() == TufSource::public_good().id() => Ok(Some(TufMaterial {
                json: json.to_vec(),
                expires: UnixTime::from_seconds(LAST_SECOND),
                read_at: UnixTime::from_seconds(0),
                warnings: Vec::new(),
            })),
            _ => self.files.tuf(source),
        }
    }

    fn expressions(&self) -> Option<&dyn Expressions> {
        self.files.expressions()
    }
}

/// The end of the year 9998: what Settings add to it is still a time.
const LAST_SECOND: i64 = 253_370_764_799;
