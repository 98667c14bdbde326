//! Trust roots of a set: built in, defined by documents, or handed over beside the policy.

use std::collections::{BTreeMap, BTreeSet};

use super::Compiler;
use crate::policy::document::{Document, Documents, SctWord, TrustRootSpec};
use crate::policy::notes::{At, did_you_mean};
use crate::policy::{ExtraRoot, Severity};
use crate::{Digest, ReasonCode, TrustRoot};

/// The trust roots that Signers can name.
pub(in crate::policy) struct Roots {
    /// By name; `None` for one that is defined but wrong.
    by_name: BTreeMap<String, Option<Root>>,
}

/// A trust root, and what its document says about it.
#[derive(Clone)]
pub(in crate::policy) struct Root {
    pub(in crate::policy) root: TrustRoot,
    /// Whether certificates need a proof of certificate transparency.
    pub(in crate::policy) sct: bool,
}

impl Roots {
    /// `None`: no such name; `Some(None)`: defined, but wrong.
    pub(in crate::policy) fn find(&self, name: &str) -> Option<Option<&Root>> {
        self.by_name.get(name).map(Option::as_ref)
    }

    pub(in crate::policy) fn did_you_mean(&self, name: &str) -> String {
        did_you_mean(name, self.by_name.keys().map(String::as_str))
    }

    /// Every root, by name: an unused one costs little, and proofs do not change when a Signer is added.
    pub(in crate::policy) fn all(&self) -> Vec<TrustRoot> {
        self.by_name
            .values()
            .flatten()
            .map(|root| root.root.clone())
            .collect()
    }
}

impl Compiler<'_> {
    pub(in crate::policy) fn roots(&mut self, documents: &Documents, extra: &[ExtraRoot]) -> Roots {
        let mut roots = Roots {
            by_name: BTreeMap::new(),
        };
        let public_good = TrustRoot::public_good().map_err(|error| {
            self.notes.general(
                ReasonCode::TrustRootInvalid,
                Severity::Error,
                error.to_string(),
                None,
            );
        });
        let public_good = public_good.ok().map(|root| Root { root, sct: true });
        roots
            .by_name
            .insert(TrustRoot::PUBLIC_GOOD.to_owned(), public_good);

        let mut open: BTreeMap<String, Option<&Document<TrustRootSpec>>> = documents
            .signers
            .iter()
            .filter_map(|signer| signer.spec.trust.as_ref())
            .map(|name| (name.value.0.clone(), None))
            .filter(|(name, _)| name != TrustRoot::PUBLIC_GOOD)
            .collect();
        for document in &documents.roots {
            let name = &document.name.value.0;
            if name == TrustRoot::PUBLIC_GOOD {
                let message = format!("`{name}` is built in");
                self.notes
                    .error(ReasonCode::ReservedName, document.name.at, message);
                continue;
            }
            if !["file", "trustedRoot", "tuf"]
                .iter()
                .any(|field| document.spec.has(field))
            {
                open.insert(name.clone(), Some(document));
                continue;
            }
            open.remove(name);
            let root = self.defined(document);
            roots.by_name.insert(name.clone(), root);
        }
        self.extra(extra, &mut open, &mut roots);
        for (name, document) in open {
            if let Some(document) = document {
                self.notes.error_with(
                    ReasonCode::TrustRootInvalid,
                    document.name.at,
                    format!("nothing says what is in the TrustRoot `{name}`"),
                    format!("Add `file:` or `trustedRoot:`, or pass --trust-root {name}=FILE."),
                );
                roots.by_name.insert(name, None);
            }
        }
        roots
    }

    fn defined(&mut self, document: &Document<TrustRootSpec>) -> Option<Root> {
        let spec = &document.spec;
        let (at, json) = match (&spec.file, &spec.trusted_root) {
            (Some(file), None) => (file.at, self.read_file(file.at, &file.value)?),
            (None, Some(inline)) => (inline.at, inline.json.clone()),
            (None, None) => return None,
            _ => {
                let message = "a TrustRoot has either `file` or `trustedRoot`";
                self.notes
                    .error(ReasonCode::Contradiction, document.name.at, message);
                return None;
            }
        };
        self.root(&document.name.value.0, &json, Some(at), Some(document))
    }

    /// Reads the material; where it is wrong is `at`, or the command line.
    fn root(
        &mut self,
        name: &str,
        json: &[u8],
        at: Option<At>,
        document: Option<&Document<TrustRootSpec>>,
    ) -> Option<Root> {
        let root = match TrustRoot::from_json(name, json) {
            Ok(root) => root,
            Err(error) => {
                match at {
                    Some(at) => {
                        self.notes
                            .error(ReasonCode::TrustRootInvalid, at, error.to_string())
                    }
                    None => {
                        self.notes.general(
                            ReasonCode::TrustRootInvalid,
                            Severity::Error,
                            error.to_string(),
                            None,
                        );
                    }
                }
                return None;
            }
        };
        if let Some(at) = at {
            for warning in root.warnings() {
                self.notes.warning(
                    ReasonCode::TrustRootInvalid,
                    at,
                    format!("trust root `{name}`: {warning}"),
                );
            }
        }
        let sct = document.and_then(|document| document.spec.sct.as_ref());
        if let Some(word) = sct
            && word.value == SctWord::None
            && root.lists_ct_logs()
        {
            self.notes.error_with(
                ReasonCode::Contradiction,
                word.at,
                "the trust root lists a certificate-transparency log, so `sct: none` is refused",
                "Remove `sct: none`.",
            );
            return None;
        }
        Some(Root {
            root,
            sct: sct.is_none_or(|word| word.value == SctWord::Required),
        })
    }

    /// Gives the roots that were handed over to the names that wait for one.
    fn extra(
        &mut self,
        extra: &[ExtraRoot],
        open: &mut BTreeMap<String, Option<&Document<TrustRootSpec>>>,
        roots: &mut Roots,
    ) {
        let mut given = BTreeSet::new();
        let (named, unnamed): (Vec<&ExtraRoot>, Vec<&ExtraRoot>) =
            extra.iter().partition(|one| one.name.is_some());
        for one in named.into_iter().chain(unnamed) {
            self.contents.push(Digest::of(&one.json));
            let name = match &one.name {
                Some(name) => name.clone(),
                None => match open.keys().collect::<Vec<_>>().as_slice() {
                    [only] => (*only).clone(),
                    [] => {
                        self.refuse_extra(
                            ReasonCode::UnusedName,
                            "no Signer names a trust root that the policy does not define",
                        );
                        continue;
                    }
                    several => {
                        let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
                        let message = format!(
                            "the policy leaves several trust roots open: {}",
                            names.join(", ")
                        );
                        self.refuse_extra(ReasonCode::UnknownName, &message);
                        continue;
                    }
                },
            };
            if name == TrustRoot::PUBLIC_GOOD {
                self.refuse_extra(
                    ReasonCode::ReservedName,
                    "`public-good` is built in and cannot be replaced",
                );
            } else if given.contains(&name) || roots.by_name.contains_key(&name) {
                self.refuse_extra(
                    ReasonCode::DuplicateName,
                    &format!("the trust root `{name}` is defined already"),
                );
            } else if let Some(document) = open.remove(&name) {
                let at = document.map(|document| document.name.at);
                let root = self.root(&name, &one.json, at, document);
                roots.by_name.insert(name.clone(), root);
                given.insert(name);
            } else {
                self.refuse_extra(
                    ReasonCode::UnusedName,
                    &format!("no Signer names the trust root `{name}`"),
                );
            }
        }
    }

    fn refuse_extra(&mut self, code: ReasonCode, message: &str) {
        let hint = "Pass --trust-root NAME=FILE for a name that a Signer's `trust` uses and no TrustRoot document defines.";
        self.notes.general(
            code,
            Severity::Error,
            format!("--trust-root: {message}"),
            Some(hint),
        );
    }
}
