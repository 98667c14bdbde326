//! Patterns over paths: `*` stays within one element, `**` crosses. Anchored at both ends, no other operators.

use std::fmt;

/// Longer patterns are refused; names and refs of that length do not exist.
pub(crate) const MAX_CHARS: usize = 512;

/// A compiled pattern.
///
/// `*` stands for any number of characters other than `/`. `**` is a whole element and stands for any number of
/// elements, at the end for at least one: `ghcr.io/acme/**` is everything below `acme`, not `acme` itself.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    text: String,
    elements: Vec<Element>,
}

#[derive(Clone, PartialEq, Eq)]
enum Element {
    /// `**`
    Any,
    Part(Vec<Atom>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Atom {
    /// `*`
    Any,
    Char(char),
}

impl Element {
    /// Whether an element of a path fits one that is no wildcard.
    fn reads(&self, text: &str) -> bool {
        match self {
            Self::Any => false,
            Self::Part(atoms) => walk(atoms, text.chars(), |atom, c| *atom == Atom::Char(c)),
        }
    }
}

impl Glob {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the pattern.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty, which matches nothing".to_owned());
        }
        if text.chars().count() > MAX_CHARS {
            return Err(format!("has more than {MAX_CHARS} characters"));
        }
        if let Some(odd) = text
            .chars()
            .find(|c| matches!(c, '?' | '[' | ']' | '{' | '}' | '\\' | '!' | ' ') || c.is_control())
        {
            return Err(format!(
                "has `{}`; only `*` and `**` are operators",
                odd.escape_debug()
            ));
        }
        let mut elements = Vec::new();
        for part in text.split('/') {
            elements.push(match part {
                "" => return Err("has an empty path element, which matches nothing".to_owned()),
                "**" => Element::Any,
                part if part.contains("**") => {
                    return Err(
                        "has `**` inside a path element; write it between slashes".to_owned()
                    );
                }
                part => Element::Part(atoms(part)),
            });
        }
        if elements.last() == Some(&Element::Any) {
            elements.insert(elements.len() - 1, Element::Part(vec![Atom::Any]));
        }
        Ok(Self {
            text: text.to_owned(),
            elements,
        })
    }

    /// Whether the whole `text` fits the pattern.
    pub(crate) fn matches(&self, text: &str) -> bool {
        // Most texts end here: a pattern's beginning is a beginning of whatever fits it, and a pattern without operators is its own text.
        let Some((beginning, _)) = self.text.split_once('*') else {
            return self.text == text;
        };
        text.starts_with(beginning) && walk(&self.elements, text.split('/'), Element::reads)
    }

    /// Whether every text that fits `other` fits this pattern; `false` also when that cannot be told.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        meet(&self.elements, &other.elements, false)
    }

    /// Whether some text fits both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        meet(&self.elements, &other.elements, true)
    }

    /// The pattern as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

fn atoms(part: &str) -> Vec<Atom> {
    part.chars()
        .map(|c| if c == '*' { Atom::Any } else { Atom::Char(c) })
        .collect()
}

/// Whether all of `items` fit `pattern`, of whose items some are wildcards and each other one is compared with one item.
///
/// Where one does not fit, the last wildcard takes one more. It is enough to move the last: what stands before it fits with as few as it can, so that more
/// remain for what comes.
fn walk<T: Item, I: Iterator<Item: Copy> + Clone>(
    pattern: &[T],
    items: I,
    fits: impl Fn(&T, I::Item) -> bool,
) -> bool {
    let (mut pattern, mut rest) = (pattern, items);
    let mut back: Option<(&[T], I)> = None;
    loop {
        let mut others = rest.clone();
        match (pattern.split_first(), others.next()) {
            (None, None) => return true,
            (Some((first, after)), _) if first.is_any() => {
                pattern = after;
                back = Some((after, rest.clone()));
                continue;
            }
            (Some((first, after)), Some(item)) if fits(first, item) => {
                (pattern, rest) = (after, others);
                continue;
            }
            _ => {}
        }
        let Some((after, from)) = &mut back else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        (pattern, rest) = (*after, from.clone());
    }
}

/// An item of a pattern: either a wildcard, which stands for any number of items, or something to compare.
trait Item {
    fn is_any(&self) -> bool;
    /// Compares two items that are not both wildcards.
    fn fits(&self, other: &Self, both: bool) -> bool;
}

impl Item for Atom {
    fn is_any(&self) -> bool {
        *self == Self::Any
    }

    fn fits(&self, other: &Self, _both: bool) -> bool {
        self == other
    }
}

impl Item for Element {
    fn is_any(&self) -> bool {
        *self == Self::Any
    }

    fn fits(&self, other: &Self, both: bool) -> bool {
        match (self, other) {
            (Self::Part(left), Self::Part(right)) => meet(left, right, both),
            _ => false,
        }
    }
}

/// Whether `left` fits `right`: wildcards of `left` absorb items of `right`; with `both`, those of `right` absorb too.
///
/// `reached[j]` says whether the part of `left` that was walked so far fits the first `j` items of `right`.
fn meet<T: Item>(left: &[T], right: &[T], both: bool) -> bool {
    let absorbs = |item: &T| both && item.is_any();
    let mut reached = Vec::with_capacity(right.len() + 1);
    reached.push(true);
    for item in right {
        let before = reached.last() == Some(&true);
        reached.push(before && absorbs(item));
    }
    for item in left {
        let mut next = Vec::with_capacity(reached.len());
        next.push(item.is_any() && reached.first() == Some(&true));
        for (index, (other, pair)) in right.iter().zip(reached.windows(2)).enumerate() {
            let (diagonal, above) = match pair {
                [diagonal, above] => (*diagonal, *above),
                _ => (false, false),
            };
            let before = next.get(index) == Some(&true);
            next.push(
                ((item.is_any() || absorbs(other)) && (above || before))
                    || (diagonal && !item.is_any() && !absorbs(other) && item.fits(other, both)),
            );
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn glob(text: &str) -> Glob {
        Glob::parse(text).unwrap()
    }

    #[test]
    fn star_stays_within_an_element_and_two_stars_cross() {
        for (pattern, text, expected) in [
            ("ghcr.io/acme/**", "ghcr.io/acme/app", true),
            ("ghcr.io/acme/**", "ghcr.io/acme/a/b/c", true),
            ("ghcr.io/acme/**", "ghcr.io/acme", false),
            ("ghcr.io/acme/**", "ghcr.io/acme-evil/app", false),
            ("ghcr.io/acme/**", "evil.io/ghcr.io/acme/app", false),
            ("ghcr.io/acme/*", "ghcr.io/acme/app", true),
            ("ghcr.io/acme/*", "ghcr.io/acme/a/b", false),
            ("ghcr.io/acme/app", "ghcr.io/acme/app", true),
            ("ghcr.io/acme/app", "ghcr.io/acme/app2", false),
            ("ghcr.io/acme/app", "ghcrXio/acme/app", false),
            ("ghcr.io/*/app-*", "ghcr.io/x/app-", true),
            ("ghcr.io/*/app-*", "ghcr.io/x/y/app-1", false),
            ("*.gcr.io/**", "eu.gcr.io/a/b", true),
            ("*.gcr.io/**", "eu.gcr.io.evil.com/a", false),
            ("**/app", "app", true),
            ("**/app", "x/y/app", true),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/b/c", false),
            ("**", "a/b", true),
            ("**", "a", true),
            ("refs/tags/v*", "refs/tags/v1.4.0", true),
            ("refs/tags/v*", "refs/tags/v1/evil", false),
            ("refs/heads/main", "refs/heads/main2", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
        ] {
            assert_eq!(glob(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    proptest! {
            /// The short way says what the tables say by which patterns are compared.
            #[test]
            fn a_text_is_a_pattern_without_operators(
    pattern in r"(\*\*|\*?[ab]{1,2}\*?|\*|\*a\*b\*)(/(\*\*|\*?[ab]{1,2}\*?|\*|a\*b\*a)){0,4}",
                text in "[ab*]{0,4}(/[ab]{0,4}){0,5}",
            ) {
                let pattern = glob(&pattern);
                let elements = text.split('/').map(|part| Element::Part(part.chars().map(Atom::Char).collect()));
                let literal: Vec<Element> = elements.collect();
                prop_assert_eq!(pattern.matches(&text), meet(&pattern.elements, &literal, false));
            }
        }

    #[test]
    fn overlap_and_cover() {
        for (left, right, overlaps, covers) in [
            ("refs/heads/*", "refs/heads/main", true, true),
            ("refs/heads/main", "refs/heads/*", true, false),
            ("refs/heads/a*", "refs/heads/*b", true, false),
            ("refs/heads/a*", "refs/heads/b*", false, false),
            ("refs/**", "refs/heads/*", true, true),
            ("refs/heads/*", "refs/**", true, false),
            ("**", "a/**", true, true),
            ("a/**", "b/**", false, false),
            ("a/**", "**/b", true, false),
            ("a/**", "a/**", true, true),
            ("a", "a", true, true),
        ] {
            assert_eq!(
                glob(left).overlaps(&glob(right)),
                overlaps,
                "{left} ∩ {right}"
            );
            assert_eq!(
                glob(right).overlaps(&glob(left)),
                overlaps,
                "{right} ∩ {left}"
            );
            assert_eq!(glob(left).covers(&glob(right)), covers, "{left} ⊇ {right}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "", "a//b", "/a", "a/", "a**", "a/b**/c", "a/***", "a?", "[ab]", "{a,b}", "a\\*", "!a",
            "a b", "a\n",
        ] {
            assert!(Glob::parse(text).is_err(), "{text:?}");
        }
        assert!(Glob::parse(&"a".repeat(513)).is_err());
    }

    #[test]
    fn matching_takes_polynomial_time() {
        let pattern = glob(&"*a".repeat(200));
        assert!(!pattern.matches(&"b".repeat(20_000)));
    }
}
