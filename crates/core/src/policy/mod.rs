//! Policy files: what people write, review in Git and are judged by.
//!
//! The way of a text: `yaml` reads it into trees with places → `document` reads the trees into typed documents, noting
//! every unknown field → `compile` resolves names, anchors patterns, reads keys and roots → [`PolicySet`], which exists
//! only if nothing is wrong. Diagnostics of all steps come at once.

pub(crate) mod authorize;
mod break_glass;
pub(crate) mod claim;
mod compile;
mod deadline;
mod diagnostic;
mod document;
mod exception;
mod explain;
mod foreign;
pub(crate) mod glob;
mod index;
mod lint;
mod model;
mod mutate;
mod notes;
pub(crate) mod repository;
mod request;
mod revocation;
mod scalar;
mod shape;
pub(crate) mod signer;
mod tree;
mod tuf;
mod uri;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use crate::{Child, Digest, Expressions, Mode, NamespaceFit, Needs, PinnedImage, Trust, UnixTime};
pub(crate) use break_glass::BreakGlass;
pub(crate) use compile::pattern::identity_pattern;
use compile::{Builders, Compiler};
pub use deadline::{Deadline, DeadlineKind};
pub use diagnostic::{Diagnostic, Place, Severity};
use document::Documents;
pub(crate) use exception::{Exception, Exceptions};
pub use explain::{Explained, Explanation};
pub use foreign::{Tree, TreeValue, check_identity_pattern};
use index::Index;
pub(crate) use model::{
    Asked, Condition, DigestDemand, EvidenceDemand, From, Namespaces, OnUnmatched, Policy, Rule,
    Selection, Settings, SubjectDemand, Wanted,
};
pub use mutate::{Mutation, Mutations};
use notes::Notes;
pub use request::{Namespace, Request};
pub(crate) use revocation::Revocations;
use tree::Node;
pub(crate) use tree::plain_scalar;
pub use tuf::{TufMaterial, TufSource, TufSourceError, TufSources};

/// One policy file: its text, and the name under which people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path that is shown to people; unique within one set.
    pub name: String,
    /// The text (YAML, one or more documents).
    pub text: String,
}

/// Reads the files that policies name by `file:`.
pub trait Files {
    /// The bytes of `path`, which stands in the source named `from` and is relative to its folder.
    ///
    /// An implementation bounds what it reads and never leaves the folder of the policy set, links included.
    ///
    /// # Errors
    /// A sentence for the person who wrote the policy.
    fn read(&self, from: &str, path: &str) -> Result<Vec<u8>, String>;

    /// What a TUF repository gave last, from a cache: loading a policy set never asks a network. `Ok(None)`: there is no
    /// such cache, or nothing of this repository in it.
    ///
    /// # Errors
    /// A sentence that says why what the cache has must not be used.
    fn tuf(&self, _source: &TufSource) -> Result<Option<TufMaterial>, String> {
        Ok(None)
    }

    /// The language of expressions (`where`); without one, a policy that has an expression fails to load.
    fn expressions(&self) -> Option<&dyn Expressions> {
        None
    }
}

/// No files at all: for policy sets that name none, and for sources that must not.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _from: &str, _path: &str) -> Result<Vec<u8>, String> {
        Err("there are no files beside this policy".to_owned())
    }
}

/// A trust root that is handed over beside the policy (`--trust-root [NAME=]FILE`).
///
/// It supplies a TrustRoot that Signers name and that no document defines. It never replaces one.
#[derive(Debug, Clone)]
pub struct ExtraRoot {
    /// The name that Signers use; without it there must be exactly one name that is used and not defined.
    pub name: Option<String>,
    /// The bytes of a `trusted_root.json`.
    pub json: Vec<u8>,
}

/// What came of loading a policy set.
#[derive(Debug, Clone)]
#[must_use]
pub struct Loaded {
    /// The set; none if an error is among the diagnostics.
    pub policies: Option<PolicySet>,
    /// Every error and warning, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
}

/// A valid, compiled set of policies: an immutable value, swapped whole.
#[derive(Debug, Clone)]
pub struct PolicySet {
    pub(crate) settings: Settings,
    pub(crate) policies: Vec<Policy>,
    index: Index,
    pub(crate) exceptions: Exceptions,
    pub(crate) revocations: Revocations,
    pub(crate) break_glass: Vec<BreakGlass>,
    trust: Trust,
    digest: Digest,
    /// `signer/id` of each key.
    pub(crate) known_as: BTreeMap<Digest, String>,
    /// Where each trust root comes from, by its name.
    origins: BTreeMap<String, RootOrigin>,
}

/// Where a trust root of a policy set comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootOrigin {
    /// It is compiled in.
    BuiltIn,
    /// A file beside the policy.
    File(String),
    /// It stands in the policy itself.
    Inline,
    /// It was handed over beside the policy.
    HandedOver,
    /// A TUF repository gave it.
    Tuf {
        /// Where the repository is.
        url: String,
        /// When the first role of its metadata expires.
        expires: UnixTime,
        /// Until when it serves all the same (`trust: {maxAge}` in Settings).
        serves_until: UnixTime,
    },
}

impl PolicySet {
    /// Parses, validates and compiles a policy set. Every diagnostic is reported, not only the first.
    ///
    /// `files` reads what documents name by `file:`; `extra` are trust roots that were handed over beside the policy.
    pub fn load(sources: &[Source], files: &dyn Files, extra: &[ExtraRoot]) -> Loaded {
        let (trees, whole, notes) = read_trees(sources);
        Self::of_trees(&trees, whole, notes, (sources, files, extra))
    }

    /// Compiles what was read; `whole` is false if a document was lost on the way.
    fn of_trees(
        trees: &[Node],
        whole: bool,
        mut notes: Notes,
        (sources, files, extra): (&[Source], &dyn Files, &[ExtraRoot]),
    ) -> Loaded {
        let mut documents = Documents {
            lost: !whole,
            ..Documents::default()
        };
        for tree in trees {
            documents.add(tree, &mut notes);
        }
        let mut compiler = Compiler {
            notes,
            sources,
            files,
            contents: Vec::new(),
            builders: Builders::default(),
        };
        let policies = compiler.compile(&documents, extra);
        let diagnostics = compiler.notes.finish();
        debug_assert!(
            policies.is_some()
                != diagnostics
                    .iter()
                    .any(|note| note.severity == Severity::Error)
        );
        Loaded {
            policies,
            diagnostics,
        }
    }

    /// The TUF repositories that a policy set names, also where something else in it is wrong: whoever sets one up has to
    /// fetch before the set can be loaded.
    pub fn tuf_sources(sources: &[Source], files: &dyn Files) -> TufSources {
        let (trees, _, mut notes) = read_trees(sources);
        let mut documents = Documents::default();
        for tree in &trees {
            documents.add(tree, &mut notes);
        }
        let mut compiler = Compiler {
            notes,
            sources,
            files,
            contents: Vec::new(),
            builders: Builders::default(),
        };
        let sources = compiler.tuf_sources(&documents);
        TufSources {
            sources,
            diagnostics: compiler.notes.finish(),
        }
    }

    /// Where the trust root of this name comes from.
    #[must_use]
    pub fn root_origin(&self, name: &str) -> Option<&RootOrigin> {
        self.origins.get(name)
    }

    /// What the cluster is called to which the set belongs (`cluster` in Settings).
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        self.settings.cluster.as_deref()
    }

    /// The JSON Schema of one policy document, as in `docs/policy.schema.json`.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        document::schema()
    }

    /// Every trust root and key that the set names, and the public-good root.
    #[must_use]
    pub const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Signer and key id, as `signer/id`, under which the set names the key with this sha256 of its SubjectPublicKeyInfo.
    #[must_use]
    pub fn key_name(&self, key: &Digest) -> Option<&str> {
        self.known_as.get(key).map(String::as_str)
    }

    /// sha256 over the contents of the policy files and of every file that they name.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How old the last known evidence may be that stands in for what a registry cannot be asked for (`stale: {maxAge}` in
    /// Settings); none if nothing may.
    #[must_use]
    pub const fn stale_max_age(&self) -> Option<std::time::Duration> {
        self.settings.stale
    }

    /// The policies that judge a request, in the order of the files.
    pub(crate) fn matching(&self, request: &Request) -> Vec<&Policy> {
        self.index.matching(&self.policies, request)
    }

    /// The registries (`host[:port]`) that the policies' `images` name in so many letters, each once. A pattern that begins with a wildcard names none.
    #[must_use]
    pub fn registries(&self) -> BTreeSet<&str> {
        self.index.hosts()
    }

    /// Whether any policy names the image, and may be for its namespace.
    #[must_use]
    pub fn names(&self, request: &Request) -> bool {
        !self.matching(request).is_empty()
    }

    /// Whether a policy that names the image, or an Exception from one, selects namespaces by labels, and those of the request's namespace are not known yet. Of a
    /// request without a namespace nobody's labels matter.
    #[must_use]
    pub fn wants_labels(&self, request: &Request) -> bool {
        let policies = self.policies.iter().map(|it| &it.namespaces);
        let exceptions = self.exceptions.all().iter().map(|it| &it.namespaces);
        let mut selections = policies.chain(exceptions).flatten();
        // Most sets never ask, and need not match for that.
        if selections.all(|it| it.labels.is_empty()) {
            return false;
        }
        self.matching(request).into_iter().any(|policy| {
            policy.selects(request) == Some(NamespaceFit::Unknown)
                || policy.rules.iter().any(|rule| {
                    let mut exceptions = self.exceptions.of(&policy.name, &rule.name);
                    exceptions.any(|it| {
                        it.may_be_about(request) && it.fit(request) == NamespaceFit::Unknown
                    })
                })
        })
    }

    /// Which evidence can matter for this request: nothing if no policy matches, or if a `digest` rule that no Exception may
    /// waive or a Revocation already denies. Where images are revoked or waived by digest, it matters which one the reference means. With
    /// [break-glass](Request::with_break_glass) only a Revocation denies beforehand.
    #[must_use]
    pub fn needs(&self, request: &Request) -> Needs {
        // What break-glass may never override has to be seen, and which image it would let run.
        let overridable = request.break_glass().is_some();
        let mut needs = Needs {
            manifest: self.revocations.name_images() || overridable,
            ..Needs::default()
        };
        let written = request.digest();
        if written.is_some_and(|digest| self.revocations.of_image(digest).is_some()) {
            return Needs::default();
        }
        for policy in self.matching(request) {
            for rule in &policy.rules {
                match &rule.condition {
                    Condition::Digest(demand) => {
                        let always =
                            policy.effective_from.is_none() && rule.effective_from.is_none();
                        if policy.mode == Mode::Enforce && always && !demand.is_met(request) {
                            let exceptions = self.exceptions.of(&policy.name, &rule.name);
                            let mut waiving = exceptions
                                .filter(|exception| exception.may_be_about(request))
                                .peekable();
                            if waiving.peek().is_none() && !overridable {
                                return Needs::default();
                            }
                            needs.manifest |= waiving.any(Exception::names_digests);
                        }
                    }
                    Condition::Evidence(demand) => demand.add_needs(&mut needs),
                }
            }
        }
        needs
    }

    /// The children of an index whose evidence can matter where a rule looks at platforms: each that could run, once. None if
    /// the index is refused without it, for a nested index or a platform that Settings do not name.
    #[must_use]
    pub fn platforms_of<'a>(&self, image: &'a PinnedImage) -> Vec<&'a Child> {
        let runnable = image.runnable();
        let acceptable =
            |child: &&Child| !child.is_index() && self.settings.allows(child.platform.as_ref());
        if !runnable.iter().all(acceptable) {
            return Vec::new();
        }
        let mut seen = BTreeSet::new();
        let mut platforms = runnable;
        platforms.retain(|child| seen.insert(child.digest));
        platforms
    }
}

/// Every document of the sources as a tree, and whether none was lost.
fn read_trees(sources: &[Source]) -> (Vec<Node>, bool, Notes) {
    let mut notes = Notes::new(sources.iter().map(|source| source.name.clone()).collect());
    let (mut trees, mut all) = (Vec::new(), true);
    for (file, source) in sources.iter().enumerate() {
        let (documents, whole) = yaml::read(file, &source.text, &mut notes);
        all &= whole;
        trees.extend(documents);
    }
    (trees, all, notes)
}

#[cfg(test)]
pub(crate) mod tests;
