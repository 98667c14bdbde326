//! Thresholds count different Signers with different keys or identities, assigned one to one; of builds, different builders too.

use std::collections::BTreeMap;

use super::per_signer::PerSigner;
use crate::policy::Wanted;
use crate::policy::authorize::Author;
use crate::{Claim, Verified};

/// Gives each Signer at most one piece of evidence so that no key or identity serves two, for as many Signers as
/// possible. The result has one entry for each Signer, in their order.
///
/// One identity may fit several Signers (regular expressions), so first come, first served could count too few: it is a
/// maximum matching, found by augmenting paths.
pub(super) fn assign<'a>(
    results: &[PerSigner<'a>],
    wanted: &Wanted,
) -> Vec<Option<&'a Verified<Claim>>> {
    let good = results.iter().flat_map(|result| &result.good);
    if results.len() > 1 && good.filter_map(|one| wanted.distinct(one)).next().is_some() {
        return distinct(results, wanted);
    }
    let options: Vec<BTreeMap<Author, &'a Verified<Claim>>> = results.iter().map(options).collect();
    let mut taken: BTreeMap<&Author, usize> = BTreeMap::new();
    for signer in 0..options.len() {
        let mut tried = Vec::new();
        augment(signer, &options, &mut taken, &mut tried);
    }
    let mut assigned = vec![None; results.len()];
    for (author, signer) in taken {
        if let (Some(slot), Some(own)) = (assigned.get_mut(signer), options.get(signer)) {
            *slot = own.get(author).copied();
        }
    }
    assigned
}

/// Steps after which no better assignment of builds is looked for: rules name a handful of Signers, each with a handful of builds.
const MAX_STEPS: usize = 100_000;

/// One build that a Signer passes with, and what must be no other's.
struct Build<'a> {
    claim: &'a Verified<Claim>,
    author: Author,
    builder: Option<String>,
}

/// The same where builders must differ as well: that is no matching any more, so it is tried. Where it would take too long,
/// fewer count, never more.
fn distinct<'a>(results: &[PerSigner<'a>], wanted: &Wanted) -> Vec<Option<&'a Verified<Claim>>> {
    let options: Vec<Vec<Build<'a>>> = results
        .iter()
        .map(|result| {
            let mut builds: Vec<Build<'a>> = Vec::new();
            for claim in &result.good {
                let (author, builder) = (Author::of(claim.facts()), wanted.distinct(claim));
                let is_it = |it: &Build<'_>| it.author == author && it.builder == builder;
                if !builds.iter().any(is_it) {
                    builds.push(Build {
                        claim,
                        author,
                        builder,
                    });
                }
            }
            builds
        })
        .collect();
    let mut search = Search {
        options: &options,
        chosen: Vec::new(),
        best: Vec::new(),
        steps: 0,
    };
    search.from(0);
    let mut assigned = vec![None; results.len()];
    for (signer, build) in search.best {
        if let Some(slot) = assigned.get_mut(signer) {
            *slot = Some(build.claim);
        }
    }
    assigned
}

struct Search<'o, 'a> {
    options: &'o [Vec<Build<'a>>],
    chosen: Vec<(usize, &'o Build<'a>)>,
    best: Vec<(usize, &'o Build<'a>)>,
    steps: usize,
}

impl<'o> Search<'o, '_> {
    /// Chooses for this Signer and those behind it. Depth is the number of Signers.
    fn from(&mut self, signer: usize) {
        self.steps += 1;
        let Some(own) = self.options.get(signer) else {
            if self.chosen.len() > self.best.len() {
                self.best.clone_from(&self.chosen);
            }
            return;
        };
        let left = self.options.len() - signer;
        if self.steps > MAX_STEPS || self.chosen.len() + left <= self.best.len() {
            return;
        }
        for build in own {
            let differs = |(_, other): &(usize, &'o Build<'_>)| {
                other.author != build.author && other.builder != build.builder
            };
            if self.chosen.iter().all(differs) {
                self.chosen.push((signer, build));
                self.from(signer + 1);
                self.chosen.pop();
            }
        }
        self.from(signer + 1);
    }
}

/// The identities with which a Signer passes, each with its youngest evidence.
fn options<'a>(result: &PerSigner<'a>) -> BTreeMap<Author, &'a Verified<Claim>> {
    let mut options: BTreeMap<Author, &'a Verified<Claim>> = BTreeMap::new();
    let key = |one: &Verified<Claim>| {
        (
            one.facts().signed_at(),
            std::cmp::Reverse(one.facts().locator().clone()),
        )
    };
    for one in &result.good {
        let slot = options.entry(Author::of(one.facts())).or_insert(one);
        if key(one) > key(slot) {
            *slot = one;
        }
    }
    options
}

/// Finds an identity for a Signer, moving others to another of theirs where that helps. Depth is the number of Signers.
fn augment<'o>(
    signer: usize,
    options: &'o [BTreeMap<Author, &Verified<Claim>>],
    taken: &mut BTreeMap<&'o Author, usize>,
    tried: &mut Vec<&'o Author>,
) -> bool {
    let Some(own) = options.get(signer) else {
        return false;
    };
    for author in own.keys() {
        if tried.contains(&author) {
            continue;
        }
        tried.push(author);
        let holder = taken.get(author).copied();
        if holder.is_none_or(|holder| augment(holder, options, taken, tried)) {
            taken.insert(author, signer);
            return true;
        }
    }
    false
}
