//! From documents to a [`PolicySet`]: names are resolved, patterns anchored, keys and trust roots read.
//!
//! Like the reading, it does not stop at the first error; whatever cannot be compiled is noted and left out.

mod breadth;
mod break_glass;
mod builders;
mod claims;
mod evidence;
mod exception;
mod from;
mod images;
mod keyless;
mod keys;
mod namespaces;
mod overlap;
pub(crate) mod pattern;
mod provenance;
mod revocation;
mod roots;
mod rules;
mod sbom;
mod settings;
mod signers;
mod summary;
mod vulnerabilities;
mod witnesses;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::break_glass::BreakGlass;
use super::document::{Document, Documents, RuleSpec};
use super::exception::{Exception, Exceptions};
use super::index::Index;
use super::notes::{At, Notes, Spanned};
use super::revocation::{Revocation, Revocations};
use super::scalar::Name;
use super::signer::Signer;
pub(super) use builders::Builders;

use super::{ExtraRoot, Files, Policy, PolicySet, Severity, Source};
use crate::{Digest, ReasonCode, Trust};

/// What the compilation of one set shares.
pub(super) struct Compiler<'a> {
    pub(super) notes: Notes,
    pub(super) sources: &'a [Source],
    pub(super) files: &'a dyn Files,
    /// sha256 of every content that entered: sources, named files, roots handed over.
    pub(super) contents: Vec<Digest>,
    /// Read before the policies, whose rules name them.
    pub(super) builders: Builders,
}

impl Compiler<'_> {
    /// Compiles the documents; without a set, an error is among the notes.
    pub(super) fn compile(
        &mut self,
        documents: &Documents,
        extra: &[ExtraRoot],
    ) -> Option<PolicySet> {
        let settings = self.settings(documents);
        self.duplicates(documents);
        let max_age = settings::max_age(documents);
        let roots = self.roots(documents, extra, max_age);
        let signers = self.signers(documents, &roots);
        self.builders = self.builders(documents, &signers);
        let policies: Vec<Option<Policy>> = documents
            .policies
            .iter()
            .map(|document| self.policy(document, &signers))
            .collect();
        let exceptions: Vec<Option<Exception>> = documents
            .exceptions
            .iter()
            .map(|document| self.exception(document, documents, &policies))
            .collect();
        let revocations: Vec<Option<Revocation>> = documents
            .revocations
            .iter()
            .map(|document| self.revocation(document, &signers))
            .collect();
        let break_glass: Vec<Option<BreakGlass>> = documents
            .break_glass
            .iter()
            .map(|document| self.break_glass(document, documents, &signers))
            .collect();
        if documents.policies.is_empty() && !documents.lost {
            self.notes.general(
                ReasonCode::NoPolicies,
                Severity::Error,
                "the set has no policies",
                None,
            );
        }
        if self.notes.has_errors() {
            return None;
        }
        self.unused(documents);
        let policies: Vec<Policy> = policies.into_iter().collect::<Option<_>>()?;
        let exceptions: Vec<Exception> = exceptions.into_iter().collect::<Option<_>>()?;
        let revocations: Vec<Revocation> = revocations.into_iter().collect::<Option<_>>()?;
        let break_glass: Vec<BreakGlass> = break_glass.into_iter().collect::<Option<_>>()?;
        let settings = settings?;
        self.denies_everything(&settings, &policies, documents);
        self.platforms_without_effect(&policies, documents);
        let keys = signers.keys.iter().map(|(_, key)| key.clone()).collect();
        let trust = match Trust::new(roots.all(), keys) {
            Ok(trust) => trust,
            Err(error) => {
                self.notes.general(
                    ReasonCode::TrustRootInvalid,
                    Severity::Error,
                    error.to_string(),
                    None,
                );
                return None;
            }
        };
        Some(PolicySet {
            settings,
            index: Index::of(&policies),
            policies,
            exceptions: Exceptions::new(exceptions),
            revocations: Revocations::new(revocations),
            break_glass,
            trust,
            digest: self.digest(),
            known_as: signers.known_as(),
            origins: roots.origins(),
        })
    }

    /// Names are unique within their kind.
    fn duplicates(&mut self, documents: &Documents) {
        fn names<S>(documents: &[Document<S>]) -> Vec<&Spanned<Name>> {
            documents.iter().map(|document| &document.name).collect()
        }
        self.duplicates_of("Signer", &names(&documents.signers));
        self.duplicates_of("TrustRoot", &names(&documents.roots));
        self.duplicates_of("Policy", &names(&documents.policies));
        self.duplicates_of("Builder", &names(&documents.builders));
        self.duplicates_of("Exception", &names(&documents.exceptions));
        self.duplicates_of("Revocation", &names(&documents.revocations));
        self.duplicates_of("BreakGlass", &names(&documents.break_glass));
    }

    pub(super) fn duplicates_of(&mut self, what: &str, names: &[&Spanned<Name>]) {
        let mut seen: BTreeMap<&str, At> = BTreeMap::new();
        for name in names {
            let text = name.value.0.as_str();
            if let Some(first) = seen.get(text) {
                let first = self.notes.place(*first);
                let message = format!(
                    "a second {what} is named `{text}`; the first is in {}, line {}",
                    first.file, first.line
                );
                self.notes
                    .error(ReasonCode::DuplicateName, name.at, message);
            } else {
                seen.insert(text, name.at);
            }
        }
    }

    /// Documents that nothing names. Asked only when there is no error, which could be why nothing names them.
    fn unused(&mut self, documents: &Documents) {
        let break_glass = documents.break_glass.iter();
        let approving = break_glass.filter_map(|document| document.spec.from.as_ref());
        let used: BTreeSet<&str> = documents
            .policies
            .iter()
            .filter_map(|policy| policy.spec.rules.as_ref())
            .flat_map(|rules| &rules.value)
            .filter_map(RuleSpec::from)
            .chain(approving)
            .flat_map(|from| &from.names)
            .map(|name| name.value.0.as_str())
            .collect();
        for signer in &documents.signers {
            let name = &signer.name.value.0;
            if !used.contains(name.as_str()) {
                let message = format!("no rule names the Signer `{name}`");
                self.notes
                    .warning(ReasonCode::UnusedName, signer.name.at, message);
            }
        }
        let rules = documents
            .policies
            .iter()
            .filter_map(|policy| policy.spec.rules.as_ref());
        let built: BTreeSet<&str> = rules
            .flat_map(|rules| &rules.value)
            .filter_map(|rule| rule.provenance.as_ref()?.builders.as_ref())
            .flat_map(|builders| &builders.value)
            .map(|name| name.value.0.as_str())
            .collect();
        for builder in &documents.builders {
            let name = &builder.name.value.0;
            if !built.contains(name.as_str()) {
                let message = format!("no rule names the Builder `{name}`");
                self.notes
                    .warning(ReasonCode::UnusedName, builder.name.at, message);
            }
        }
        let trusted: BTreeSet<&str> = documents
            .signers
            .iter()
            .filter_map(|signer| signer.spec.trust.as_ref())
            .map(|name| name.value.0.as_str())
            .collect();
        for root in &documents.roots {
            let name = &root.name.value.0;
            if !trusted.contains(name.as_str()) {
                let message = format!("no Signer names the TrustRoot `{name}`");
                self.notes
                    .warning(ReasonCode::UnusedName, root.name.at, message);
            }
        }
    }

    /// The bytes of a file that the document at `at` names.
    pub(super) fn read_file(&mut self, at: At, path: &str) -> Option<Vec<u8>> {
        let odd = path.starts_with('/')
            || path.contains(['\\', '\0', ':'])
            || path
                .split('/')
                .any(|element| matches!(element, "" | "." | ".."));
        if odd {
            let message = format!("`{path}` is not a path inside the policy's folder");
            self.notes.error(ReasonCode::FileUnreadable, at, message);
            return None;
        }
        let from = self
            .sources
            .get(at.file)
            .map(|source| source.name.as_str())
            .unwrap_or_default();
        match self.files.read(from, path) {
            Ok(bytes) => {
                self.contents.push(Digest::of(&bytes));
                Some(bytes)
            }
            Err(why) => {
                self.notes.error(
                    ReasonCode::FileUnreadable,
                    at,
                    format!("`{path}` cannot be read: {why}"),
                );
                None
            }
        }
    }

    /// The set's digest: independent of the files' names and order, so that every door computes the same.
    fn digest(&mut self) -> Digest {
        let mut contents: Vec<Digest> = self
            .sources
            .iter()
            .map(|source| Digest::of(source.text.as_bytes()))
            .collect();
        contents.append(&mut self.contents);
        contents.sort_unstable();
        let mut material = b"countersign policy set v1\n".to_vec();
        for content in &contents {
            material.extend_from_slice(content.as_bytes());
        }
        Digest::of(&material)
    }
}

/// The compiled Signers of a set.
#[derive(Default)]
pub(super) struct Signers {
    /// By name; `None` for one that is defined but wrong.
    pub(super) by_name: BTreeMap<String, Option<Arc<Signer>>>,
    /// Every key, with its Signer's name and its id.
    pub(super) keys: Vec<((String, String), crate::PublicKey)>,
    /// Whether a document was lost, so that a name may be unknown for that reason only.
    pub(super) lost: bool,
}

impl Signers {
    fn known_as(&self) -> BTreeMap<Digest, String> {
        self.keys
            .iter()
            .map(|((signer, id), key)| (*key.id(), format!("{signer}/{id}")))
            .collect()
    }
}
