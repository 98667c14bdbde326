//! What is waived: rules of one policy that need not hold for some images, until a time.

use std::collections::{BTreeMap, BTreeSet};

use super::glob::Glob;
use super::{Namespaces, Place, Request};
use crate::{Digest, NamespaceFit, UnixTime};

/// `kind: Exception`.
#[derive(Debug, Clone)]
pub(crate) struct Exception {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) policy: String,
    pub(crate) rules: BTreeSet<String>,
    pub(crate) images: Vec<Waived>,
    pub(crate) namespaces: Option<Namespaces>,
    /// From then on it has no effect.
    pub(crate) expires: UnixTime,
    pub(crate) reason: String,
    pub(crate) ticket: Option<String>,
}

/// Images of an exception: a pattern, and the one digest that is meant.
#[derive(Debug, Clone)]
pub(crate) struct Waived {
    pub(crate) images: Glob,
    pub(crate) digest: Option<Digest>,
}

/// All exceptions of a set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exceptions {
    all: Vec<Exception>,
    /// Which of them are about a policy.
    by_policy: BTreeMap<String, Vec<usize>>,
}

impl Exceptions {
    pub(crate) fn new(all: Vec<Exception>) -> Self {
        let mut by_policy: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, exception) in all.iter().enumerate() {
            let numbers = by_policy.entry(exception.policy.clone()).or_default();
            numbers.push(number);
        }
        Self { all, by_policy }
    }

    /// All of them, in the order of the files.
    pub(crate) fn all(&self) -> &[Exception] {
        &self.all
    }

    /// Those that name a rule of a policy, in the order of the files.
    pub(crate) fn of(&self, policy: &str, rule: &str) -> impl Iterator<Item = &Exception> {
        let numbers = self.by_policy.get(policy).into_iter().flatten();
        numbers
            .filter_map(|number| self.all.get(*number))
            .filter(move |exception| exception.rules.contains(rule))
    }
}

impl Exception {
    /// Whether it is about the image of a request, which has this digest. Only what is certain counts, for it makes a policy
    /// weaker: an image without a name, or one of which the digest is not known where it matters, is another one.
    pub(crate) fn is_about(&self, request: &Request, digest: Option<&Digest>) -> bool {
        let Some(name) = request.name() else {
            return false;
        };
        self.images.iter().any(|waived| {
            waived.images.matches(name)
                && (waived.digest.is_none() || waived.digest.as_ref() == digest)
        })
    }

    /// Whether its namespaces fit; yes if it is for all.
    pub(crate) fn fit(&self, request: &Request) -> NamespaceFit {
        self.namespaces
            .as_ref()
            .map_or(NamespaceFit::Yes, |it| it.fit(request.namespace()))
    }

    /// Whether it could be about the image of a request at some time, whatever digest it turns out to have.
    pub(crate) fn may_be_about(&self, request: &Request) -> bool {
        let fits = |name| self.images.iter().any(|waived| waived.images.matches(name));
        request.name().is_some_and(fits) && self.fit(request) != NamespaceFit::No
    }

    /// Whether it has to be known which image a reference means.
    pub(crate) fn names_digests(&self) -> bool {
        self.images.iter().any(|waived| waived.digest.is_some())
    }
}
