//! Versions, each compared as its own package manager compares them.

mod apk;
mod debian;
mod gem;
mod maven;
mod rpm;

use std::cmp::Ordering;
use std::str::FromStr;

/// Bytes of one version: no real one comes near, and none is worth more work.
const MOST_BYTES: usize = 256;

/// Whose rules order versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ecosystem {
    /// Semantic Versioning 2.0.0: npm, cargo, hex, pub.
    Semver,
    /// Go modules: Semantic Versioning behind a `v`.
    Go,
    /// Debian's policy, 5.6.12.
    Debian,
    /// RPM: epoch, version, release.
    Rpm,
    /// Alpine's apk.
    Apk,
    /// Python's PEP 440.
    Pep440,
    /// Maven's version order specification.
    Maven,
    /// RubyGems.
    Gem,
}

impl Ecosystem {
    /// That of a package URL's type; `None` where versions cannot be compared.
    #[must_use]
    pub fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "npm" | "cargo" | "hex" | "pub" => Self::Semver,
            "golang" => Self::Go,
            "deb" => Self::Debian,
            "rpm" => Self::Rpm,
            "apk" => Self::Apk,
            "pypi" => Self::Pep440,
            "maven" => Self::Maven,
            "gem" => Self::Gem,
            _ => return None,
        })
    }

    /// For messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Semver => "semantic versioning",
            Self::Go => "Go",
            Self::Debian => "Debian",
            Self::Rpm => "RPM",
            Self::Apk => "apk",
            Self::Pep440 => "PEP 440",
            Self::Maven => "Maven",
            Self::Gem => "RubyGems",
        }
    }
}

/// A version of one ecosystem.
#[derive(Debug, Clone)]
pub(crate) enum Version {
    Semver(semver::Version),
    Debian(debian::Version),
    Rpm(rpm::Version),
    Apk(apk::Version),
    Pep440(pep440_rs::Version),
    Maven(maven::Version),
    Gem(gem::Version),
}

impl Version {
    /// `None` for what is no version there.
    pub(crate) fn parse(ecosystem: Ecosystem, text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.len() > MOST_BYTES || !text.is_ascii() {
            return None;
        }
        match ecosystem {
            Ecosystem::Semver => semantic(text).map(Self::Semver),
            // The toolchain's own versions are written `go1.22.3`.
            Ecosystem::Go => {
                let bare = text.strip_prefix("go").unwrap_or(text);
                semantic(bare).map(Self::Semver)
            }
            Ecosystem::Debian => debian::Version::parse(text).map(Self::Debian),
            Ecosystem::Rpm => rpm::Version::parse(text).map(Self::Rpm),
            Ecosystem::Apk => apk::Version::parse(text).map(Self::Apk),
            Ecosystem::Pep440 => pep440_rs::Version::from_str(text).ok().map(Self::Pep440),
            Ecosystem::Maven => maven::Version::parse(text).map(Self::Maven),
            Ecosystem::Gem => gem::Version::parse(text).map(Self::Gem),
        }
    }

    /// Whether it leaves open what the other says: an RPM without its release.
    pub(crate) fn leaves_open(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rpm(one), Self::Rpm(other)) => one.leaves_open(other),
            _ => false,
        }
    }

    /// `None` for versions of two ecosystems.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(match (self, other) {
            // Build metadata does not count.
            (Self::Semver(one), Self::Semver(other)) => one.cmp_precedence(other),
            (Self::Debian(one), Self::Debian(other)) => one.compare(other),
            (Self::Rpm(one), Self::Rpm(other)) => one.compare(other),
            (Self::Apk(one), Self::Apk(other)) => one.compare(other),
            (Self::Pep440(one), Self::Pep440(other)) => one.cmp(other),
            (Self::Maven(one), Self::Maven(other)) => one.compare(other),
            (Self::Gem(one), Self::Gem(other)) => one.compare(other),
            _ => return None,
        })
    }
}

/// A semantic version, with or without a `v`; missing numbers are zeros, as in `<2.17`.
fn semantic(text: &str) -> Option<semver::Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let zeros = match numbers.split('.').count() {
        1 => ".0.0",
        2 => ".0",
        _ => "",
    };
    semver::Version::parse(&format!("{numbers}{zeros}{rest}")).ok()
}

/// The digits at the start, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// Compares digits as numbers of any size; none are zero.
fn numbers(one: &str, other: &str) -> Ordering {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests;
