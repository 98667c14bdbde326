//! Thresholds count different Signers with different keys or identities, assigned one to one.

use std::collections::BTreeMap;

use super::per_signer::PerSigner;
use crate::policy::authorize::Author;
use crate::{Claim, Verified};

/// Gives each Signer at most one piece of evidence so that no key or identity serves two, for as many Signers as
/// possible. The result has one entry for each Signer, in their order.
///
/// One identity may fit several Signers (regular expressions), so first come, first served could count too few: it is a
/// maximum matching, found by augmenting paths.
pub(super) fn assign<'a>(results: &[PerSigner<'a>]) -> Vec<Option<&'a Verified<Claim>>> {
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
