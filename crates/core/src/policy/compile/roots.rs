//! Trust roots of a set: built in, defined by documents, or handed over beside the policy.

use std::collections::{BTreeMap, BTreeSet};

use super::Compiler;
use crate::policy::document::{Document, Documents, SctWord, TrustRootSpec, TufSpec};
use crate::policy::notes::{At, did_you_mean};
use crate::policy::signer::RootLife;
use crate::policy::{ExtraRoot, RootOrigin, Severity, TufMaterial, TufSource};
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
    origin: RootOrigin,
}

impl Root {
    /// How long it serves, if a TUF repository gave it.
    pub(in crate::policy) const fn life(&self) -> Option<RootLife> {
        match self.origin {
            RootOrigin::Tuf {
                expires,
                serves_until,
                ..
            } => Some(RootLife {
                expires,
                serves_until,
            }),
            _ => None,
        }
    }
}

impl Roots {
    /// `None`: no such name; `Some(None)`: defined, but wrong.
    pub(in crate::policy) fn find(&self, name: &str) -> Option<Option<&Root>> {
        self.by_name.get(name).map(Option::as_ref)
    }

    pub(in crate::policy) fn did_you_mean(&self, name: &str) -> String {
        did_you_mean(name, self.by_name.keys().map(String::as_str))
    }

    /// Where each root comes from.
    pub(in crate::policy) fn origins(&self) -> BTreeMap<String, RootOrigin> {
        let known = self.by_name.iter();
        known
            .filter_map(|(name, root)| Some((name.clone(), root.as_ref()?.origin.clone())))
            .collect()
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
    pub(in crate::policy) fn roots(
        &mut self,
        documents: &Documents,
        extra: &[ExtraRoot],
        max_age: i64,
    ) -> Roots {
        let mut roots = Roots {
            by_name: BTreeMap::new(),
        };
        let public_good = self.public_good(max_age);
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
            let root = self.defined(document, max_age);
            roots.by_name.insert(name.clone(), root);
        }
        self.extra(extra, &mut open, &mut roots);
        for (name, document) in open {
            if let Some(document) = document {
                self.notes.error_with(
                    ReasonCode::TrustRootInvalid,
                    document.name.at,
                    format!("nothing says what is in the TrustRoot `{name}`"),
                    format!(
                        "Add `file:`, `trustedRoot:` or `tuf:`, or pass --trust-root {name}=FILE."
                    ),
                );
                roots.by_name.insert(name, None);
            }
        }
        roots
    }

    /// The TUF repositories that documents name and that can be asked.
    pub(in crate::policy) fn tuf_sources(
        &mut self,
        documents: &Documents,
    ) -> Vec<(String, TufSource)> {
        let named = documents.roots.iter().filter_map(|document| {
            let source = self.tuf_source(document.spec.tuf.as_ref()?)?;
            Some((document.name.value.0.clone(), source))
        });
        named.collect()
    }

    /// The built-in root, or what its TUF repository gave since somebody began to ask it.
    fn public_good(&mut self, max_age: i64) -> Option<Root> {
        let name = TrustRoot::PUBLIC_GOOD;
        let source = TufSource::public_good();
        match self.files.tuf(&source) {
            Ok(None) => {}
            Ok(Some(material)) => {
                return self.fetched(name, &source, &material, max_age, None, None);
            }
            Err(why) => {
                let message = format!("trust root `{name}`: {why}");
                let code = ReasonCode::TrustRootNotFetched;
                self.notes.general(code, Severity::Error, message, None);
                return None;
            }
        }
        match TrustRoot::public_good() {
            Ok(root) => Some(Root {
                root,
                sct: true,
                origin: RootOrigin::BuiltIn,
            }),
            Err(error) => {
                let code = ReasonCode::TrustRootInvalid;
                self.notes
                    .general(code, Severity::Error, error.to_string(), None);
                None
            }
        }
    }

    fn defined(&mut self, document: &Document<TrustRootSpec>, max_age: i64) -> Option<Root> {
        let spec = &document.spec;
        let name = &document.name.value.0;
        let (at, json, origin) = match (&spec.file, &spec.trusted_root, &spec.tuf) {
            (Some(file), None, None) => {
                let json = self.read_file(file.at, &file.value)?;
                (file.at, json, RootOrigin::File(file.value.clone()))
            }
            (None, Some(inline), None) => (inline.at, inline.json.clone(), RootOrigin::Inline),
            (None, None, Some(tuf)) => {
                let source = self.tuf_source(tuf)?;
                let material = self.cached(name, tuf, &source)?;
                let at = Some(tuf.at);
                return self.fetched(name, &source, &material, max_age, at, Some(document));
            }
            (None, None, None) => return None,
            _ => {
                let message = "a TrustRoot has one of `file`, `trustedRoot` and `tuf`";
                self.notes
                    .error(ReasonCode::Contradiction, document.name.at, message);
                return None;
            }
        };
        self.root(name, &json, origin, Some(at), Some(document))
    }

    fn tuf_source(&mut self, tuf: &TufSpec) -> Option<TufSource> {
        let (url, root) = (tuf.url.as_ref()?, tuf.root.as_ref()?);
        let bytes = self.read_file(root.at, &root.value)?;
        match TufSource::new(&url.value, bytes) {
            Ok(source) => Some(source),
            Err(error) => {
                self.notes
                    .error(ReasonCode::WrongValue, url.at, error.to_string());
                None
            }
        }
    }

    /// What the cache has of a repository.
    fn cached(&mut self, name: &str, tuf: &TufSpec, source: &TufSource) -> Option<TufMaterial> {
        let why = match self.files.tuf(source) {
            Ok(Some(material)) => return Some(material),
            Ok(None) => format!(
                "nothing was fetched yet from `{}` for the trust root `{name}`",
                source.url()
            ),
            Err(why) => format!("trust root `{name}`: {why}"),
        };
        self.notes
            .error(ReasonCode::TrustRootNotFetched, tuf.at, why);
        None
    }

    /// A trust root that a TUF repository gave; one that no longer serves is told, and proves nothing when images are judged.
    fn fetched(
        &mut self,
        name: &str,
        source: &TufSource,
        material: &TufMaterial,
        max_age: i64,
        at: Option<At>,
        document: Option<&Document<TrustRootSpec>>,
    ) -> Option<Root> {
        self.contents.push(Digest::of(&material.json));
        let life = RootLife {
            expires: material.expires,
            serves_until: material.expires.plus(max_age),
        };
        let gone = (life.serves_until < material.read_at).then(|| {
            format!(
                "it no longer serves: its TUF metadata expired {}, and Settings let it serve until {}",
                life.expires, life.serves_until
            )
        });
        for warning in gone.iter().chain(&material.warnings) {
            let message = format!("trust root `{name}`: {warning}");
            let code = ReasonCode::TrustRootStale;
            match at {
                Some(at) => self.notes.warning(code, at, message),
                None => self.notes.general(code, Severity::Warning, message, None),
            }
        }
        let origin = RootOrigin::Tuf {
            url: source.url().to_owned(),
            expires: life.expires,
            serves_until: life.serves_until,
        };
        self.root(name, &material.json, origin, at, document)
    }

    /// Reads the material; where it is wrong is `at`, or the command line.
    fn root(
        &mut self,
        name: &str,
        json: &[u8],
        origin: RootOrigin,
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
            origin,
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
                let origin = RootOrigin::HandedOver;
                let root = self.root(&name, &one.json, origin, at, document);
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
