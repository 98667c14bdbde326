//! Ranges of versions: `>=1.2, <2`.

use std::cmp::Ordering;

use super::version::{Ecosystem, Version};

/// Comparators of one range.
const MOST_BOUNDS: usize = 16;

/// Why a text is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RangeError(String);

/// Comparators that all hold of a version within.
#[derive(Debug, Clone)]
pub struct VersionRange {
    ecosystem: Ecosystem,
    bounds: Vec<Bound>,
    text: String,
}

/// How a version lies to a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Every comparator holds.
    Within,
    /// One does not.
    Outside,
    /// No version of this ecosystem.
    Incomparable,
}

#[derive(Debug, Clone)]
struct Bound {
    operator: Operator,
    version: Version,
}

#[derive(Debug, Clone, Copy)]
enum Operator {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Unequal,
}

/// Longer spellings before their beginnings.
const OPERATORS: [(&str, Operator); 6] = [
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("!=", Operator::Unequal),
    ("<", Operator::Less),
    (">", Operator::More),
    ("=", Operator::Equal),
];

impl VersionRange {
    /// Reads comparators, separated by commas.
    ///
    /// # Errors
    /// What is no comparator. A version alone is none: some would read it as a beginning.
    pub fn parse(ecosystem: Ecosystem, text: &str) -> Result<Self, RangeError> {
        let bounds: Vec<&str> = text.split(',').collect();
        if bounds.len() > MOST_BOUNDS {
            return Err(RangeError(format!("more than {MOST_BOUNDS} comparators")));
        }
        let bounds = bounds
            .into_iter()
            .map(|bound| Bound::parse(ecosystem, bound));
        Ok(Self {
            ecosystem,
            bounds: bounds.collect::<Result<_, _>>()?,
            text: text.to_owned(),
        })
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where a version, as an SBOM writes it, lies.
    #[must_use]
    pub fn compare(&self, version: &str) -> Standing {
        let Some(version) = Version::parse(self.ecosystem, version) else {
            return Standing::Incomparable;
        };
        // Both are of one ecosystem, so each pair compares.
        let holds = self.bounds.iter().map(|bound| bound.holds(&version));
        match holds.collect::<Option<Vec<bool>>>() {
            None => Standing::Incomparable,
            Some(holds) if holds.iter().all(|holds| *holds) => Standing::Within,
            Some(_) => Standing::Outside,
        }
    }
}

impl Bound {
    fn parse(ecosystem: Ecosystem, text: &str) -> Result<Self, RangeError> {
        let text = text.trim();
        let found = OPERATORS.iter().find_map(|(spelling, operator)| {
            Some((*operator, text.strip_prefix(spelling)?.trim()))
        });
        let shown = crate::text::safe(text);
        let Some((operator, version)) = found else {
            return Err(RangeError(format!(
                "`{shown}` does not begin with <, <=, =, !=, >= or >"
            )));
        };
        match Version::parse(ecosystem, version) {
            Some(version) => Ok(Self { operator, version }),
            None => Err(RangeError(format!(
                "`{shown}` names no version as {} compares them",
                ecosystem.name()
            ))),
        }
    }

    fn holds(&self, version: &Version) -> Option<bool> {
        let order = version.compare(&self.version)?;
        if order == Ordering::Equal && version.leaves_open(&self.version) {
            return None;
        }
        Some(match self.operator {
            Operator::Less => order == Ordering::Less,
            Operator::AtMost => order != Ordering::Greater,
            Operator::More => order == Ordering::Greater,
            Operator::AtLeast => order != Ordering::Less,
            Operator::Equal => order == Ordering::Equal,
            Operator::Unequal => order != Ordering::Equal,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn range(text: &str) -> VersionRange {
        VersionRange::parse(Ecosystem::Semver, text).unwrap()
    }

    #[test]
    fn every_comparator_must_hold() {
        use Standing::{Incomparable, Outside, Within};
        for (text, version, expected) in [
            ("<2.17.1", "2.17.0", Within),
            ("<2.17.1", "2.17.1", Outside),
            ("<=2.17.1", "2.17.1", Within),
            ("<=2.17.1", "2.17.2", Outside),
            (">1", "1.0.0", Outside),
            (">1", "1.0.1", Within),
            (">=1", "1.0.0", Within),
            (">=1", "0.9.9", Outside),
            ("=1.0", "1.0.0", Within),
            ("=1.0", "1.0.1", Outside),
            ("!=1.0", "1.0.0", Outside),
            ("!=1.0", "1.0.1", Within),
            (" >=1.2 , < 2 ", "1.9.0", Within),
            (">=1.2,<2", "2.0.0", Outside),
            (">=1.2,<2", "1.1.0", Outside),
            ("<2", "", Incomparable),
            ("<2", "latest", Incomparable),
            ("<2", "unknown", Incomparable),
        ] {
            assert_eq!(
                range(text).compare(version),
                expected,
                "{version} in {text}"
            );
        }
    }

    #[test]
    fn what_is_no_range_is_an_error() {
        let many = vec!["<1"; MOST_BOUNDS + 1].join(",");
        for text in [
            "", "1.2", "^1.2", "~1", ">=1,", "<", "<x", "==1", "<1 <2", "*", &many,
        ] {
            assert!(
                VersionRange::parse(Ecosystem::Semver, text).is_err(),
                "{text}"
            );
        }
    }

    /// Which release it is cannot be told, and the range asks.
    #[test]
    fn an_rpm_without_its_release_is_incomparable_where_the_release_decides() {
        let range = |text: &str| VersionRange::parse(Ecosystem::Rpm, text).unwrap();
        assert_eq!(range("<1.2-3").compare("1.2"), Standing::Incomparable);
        assert_eq!(range("<1.2-3").compare("1.1"), Standing::Within);
        assert_eq!(range("<1.2-3").compare("1.2-2"), Standing::Within);
        assert_eq!(range("<1.2-3").compare("1.2-3"), Standing::Outside);
        assert_eq!(range("=1.2").compare("1.2-3"), Standing::Within);
    }
}
