//! Which policies can match a name at all: found by the literal part of their patterns, so that a decision in a set of a
//! thousand policies costs what it costs in a set of one.

use std::collections::{BTreeSet, HashMap};

use super::glob::Glob;
use super::{Policy, Request};

/// Policies by the literal beginnings of their `images`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    /// The path elements before the first wildcard, joined, and the policies with such a pattern, in the order of the files.
    by_beginning: HashMap<String, Vec<usize>>,
    /// The policies with a pattern that begins with a wildcard.
    anywhere: Vec<usize>,
}

impl Index {
    pub(crate) fn of(policies: &[Policy]) -> Self {
        let mut index = Self::default();
        for (number, policy) in policies.iter().enumerate() {
            for glob in &policy.images {
                let list = match beginning(glob) {
                    "" => &mut index.anywhere,
                    literal => index.by_beginning.entry(literal.to_owned()).or_default(),
                };
                if list.last() != Some(&number) {
                    list.push(number);
                }
            }
        }
        index
    }

    /// The policies whose patterns match the request, in the order of the files; all where there is no name to go by.
    pub(crate) fn matching<'p>(
        &self,
        policies: &'p [Policy],
        request: &Request,
    ) -> Vec<&'p Policy> {
        let Some(name) = request.name() else {
            return policies.iter().collect();
        };
        let ends = name.match_indices('/').map(|(at, _)| at);
        let beginnings = ends.chain([name.len()]).filter_map(|end| name.get(..end));
        let mut numbers: Vec<usize> = beginnings
            .filter_map(|beginning| self.by_beginning.get(beginning))
            .flatten()
            .chain(&self.anywhere)
            .copied()
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
            .into_iter()
            .filter_map(|number| policies.get(number))
            .filter(|policy| policy.names(request))
            .collect()
    }

    /// The first elements of the literal beginnings, each once.
    pub(crate) fn hosts(&self) -> BTreeSet<&str> {
        let hosts = self.by_beginning.keys();
        let hosts = hosts.map(|beginning| beginning.split('/').next().unwrap_or_default());
        hosts.collect()
    }
}

/// The whole path elements before the first wildcard: whatever the pattern matches begins with them.
fn beginning(glob: &Glob) -> &str {
    let text = glob.as_str();
    match text.find('*') {
        None => text,
        Some(star) => {
            let literal = text.get(..star).unwrap_or_default();
            literal.rsplit_once('/').map_or("", |(before, _)| before)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::tests::{SETTINGS, load};
    use crate::{ImageRef, PolicySet, Request};

    fn set(images: &[String]) -> Option<PolicySet> {
        let mut text = SETTINGS.to_owned();
        for (number, image) in images.iter().enumerate() {
            text.push_str(&format!(
                "---\napiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {{name: p{number}}}\nspec:\n  \
                 images: [\"{image}\"]\n  rules: [{{name: pinned, digest: required}}]\n"
            ));
        }
        load(&text).policies
    }

    proptest! {
        /// The index finds what trying every policy finds.
        #[test]
        fn nothing_is_missed(
            images in prop::collection::vec("(h|\\*)\\.io(/(a|b|\\*|a\\*|\\*\\*)){1,3}|\\*\\*|\\*\\*/a|\\*/a/b", 1..8),
            name in "h\\.io(/(a|b|ab)){1,3}",
        ) {
            let Some(policies) = set(&images) else { return Ok(()) };
            let request = Request::named(&ImageRef::parse(&name).unwrap());
            let found: Vec<&str> = policies.matching(&request).iter().map(|it| it.name.as_str()).collect();
            let tried = policies.policies.iter().filter(|it| it.names(&request));
            let tried: Vec<&str> = tried.map(|it| it.name.as_str()).collect();
            prop_assert_eq!(found, tried);
        }
    }

    #[test]
    fn registries_are_those_that_patterns_name_in_so_many_letters() {
        let images = ["h.io:5000/a/**", "g.io/*", "*.io/a", "**", "h.io:5000/b"];
        let policies = set(&images.map(str::to_owned)).unwrap();
        let registries: Vec<&str> = policies.registries().into_iter().collect();
        assert_eq!(registries, ["g.io", "h.io:5000"]);
    }

    #[test]
    fn every_policy_judges_what_has_no_name() {
        let policies = set(&["h.io/a".to_owned(), "**".to_owned()]).unwrap();
        assert_eq!(policies.matching(&Request::unnamed("x", None)).len(), 2);
    }
}
