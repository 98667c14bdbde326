//! Alpine's versions: `apk-package(5)`, "pkgver"; compared as apk-tools does.

use std::cmp::Ordering;

use super::{digits, numbers};

/// In the order of apk: those before a release, then those behind it.
const BEFORE: [&str; 4] = ["alpha", "beta", "pre", "rc"];
const BEHIND: [&str; 5] = ["cvs", "svn", "git", "hg", "p"];

/// `NUMBER{.NUMBER}[LETTER]{_SUFFIX[NUMBER]}[~HASH][-rNUMBER]`, in parts.
#[derive(Debug, Clone)]
pub(crate) struct Version(Vec<Part>);

/// In the order in which they may stand. Where two versions part, the one that goes on with the earlier kind is newer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    First(String),
    Number(String),
    Letter(u8),
    /// By its place: negative before the release.
    Suffix(i8),
    SuffixNumber(String),
    Hash(String),
    Revision(String),
    End,
}

impl Version {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (first, mut rest) = number(text)?;
        let mut parts = vec![Part::First(first)];
        while let Some(behind) = rest.strip_prefix('.') {
            let (next, behind) = number(behind)?;
            parts.push(Part::Number(next));
            rest = behind;
        }
        if let Some(letter) = rest.bytes().next().filter(u8::is_ascii_lowercase) {
            parts.push(Part::Letter(letter));
            rest = rest.get(1..).unwrap_or_default();
        }
        while let Some(behind) = rest.strip_prefix('_') {
            let end = behind.find(|c: char| !c.is_ascii_lowercase());
            let (name, behind) = behind.split_at(end.unwrap_or(behind.len()));
            parts.push(Part::Suffix(suffix(name)?));
            let (digits, behind) = digits(behind);
            if !digits.is_empty() {
                parts.push(Part::SuffixNumber(digits.to_owned()));
            }
            rest = behind;
        }
        if let Some(behind) = rest.strip_prefix('~') {
            let end = behind.find(|c: char| !c.is_ascii_hexdigit());
            let (hash, behind) = behind.split_at(end.unwrap_or(behind.len()));
            parts.push(Part::Hash(hash.to_owned()));
            rest = behind;
        }
        if let Some(behind) = rest.strip_prefix("-r") {
            let (revision, behind) = number(behind)?;
            parts.push(Part::Revision(revision));
            rest = behind;
        }
        parts.push(Part::End);
        rest.is_empty().then_some(Self(parts))
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let pairs = self.0.iter().zip(&other.0);
        let orders = pairs.map(|(one, other)| one.compare(other));
        orders
            .into_iter()
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    }
}

impl Part {
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(other))
                if one.starts_with('0') || other.starts_with('0') =>
            {
                // A decimal fraction.
                one.cmp(other)
            }
            (Self::First(one), Self::First(other))
            | (Self::Number(one), Self::Number(other))
            | (Self::SuffixNumber(one), Self::SuffixNumber(other))
            | (Self::Revision(one), Self::Revision(other)) => numbers(one, other),
            (Self::Letter(one), Self::Letter(other)) => one.cmp(other),
            (Self::Suffix(one), Self::Suffix(other)) => one.cmp(other),
            (Self::Hash(one), Self::Hash(other)) => one.cmp(other),
            (Self::Suffix(..0), _) => Ordering::Less,
            (_, Self::Suffix(..0)) => Ordering::Greater,
            _ => other.kind().cmp(&self.kind()),
        }
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::First(_) => 0,
            Self::Number(_) => 1,
            Self::Letter(_) => 2,
            Self::Suffix(_) => 3,
            Self::SuffixNumber(_) => 4,
            Self::Hash(_) => 5,
            Self::Revision(_) => 6,
            Self::End => 7,
        }
    }
}

/// At least one digit.
fn number(text: &str) -> Option<(String, &str)> {
    let (number, rest) = digits(text);
    (!number.is_empty()).then(|| (number.to_owned(), rest))
}

fn suffix(name: &str) -> Option<i8> {
    let place = |names: &[&str]| {
        let at = names.iter().position(|known| *known == name)?;
        i8::try_from(at).ok()
    };
    place(&BEFORE).map(|at| at - 4).or_else(|| place(&BEHIND))
}
