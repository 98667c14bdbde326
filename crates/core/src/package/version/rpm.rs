//! RPM's versions: `rpm-version(7)`.

use std::cmp::Ordering;

use super::{digits, numbers};

#[derive(Debug, Clone)]
pub(crate) struct Version {
    epoch: String,
    version: String,
    release: Option<String>,
}

impl Version {
    /// `[EPOCH:]VERSION[-RELEASE]`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        let (version, release) = match rest.rsplit_once('-') {
            Some((version, release)) => (version, Some(release)),
            None => (rest, None),
        };
        let is_part = |text: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || "._+~^".contains(c);
            text.contains(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(known)
        };
        let is_version = !epoch.is_empty()
            && epoch.bytes().all(|byte| byte.is_ascii_digit())
            // Words such as `latest` and `unknown` are no versions, though RPM would compare them.
            && version.contains(|c: char| c.is_ascii_digit())
            && is_part(version)
            && release.is_none_or(is_part);
        is_version.then(|| Self {
            epoch: epoch.to_owned(),
            version: version.to_owned(),
            release: release.map(str::to_owned),
        })
    }

    /// Whether it has no release where the other has one: it may be any of them.
    pub(super) const fn leaves_open(&self, other: &Self) -> bool {
        self.release.is_none() && other.release.is_some()
    }

    /// As RPM compares a dependency: where one says no release, any will do.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let releases = self.release.as_deref().zip(other.release.as_deref());
        numbers(&self.epoch, &other.epoch)
            .then_with(|| parts(&self.version, &other.version))
            .then_with(|| releases.map_or(Ordering::Equal, |(one, other)| parts(one, other)))
    }
}

/// Digits and letters in turn; what separates them does not count, but for `~` (before the end) and `^` (behind it).
fn parts(mut one: &str, mut other: &str) -> Ordering {
    loop {
        (one, other) = (start(one), start(other));
        if let Some(order) = marks(one, other) {
            if order != Ordering::Equal {
                return order;
            }
            (one, other) = (
                one.get(1..).unwrap_or_default(),
                other.get(1..).unwrap_or_default(),
            );
            continue;
        }
        if one.is_empty() || other.is_empty() {
            return one.len().cmp(&other.len());
        }
        let is_number = one.starts_with(|c: char| c.is_ascii_digit());
        let split = if is_number { digits } else { letters };
        let ((segment, one_rest), (other_segment, other_rest)) = (split(one), split(other));
        if other_segment.is_empty() {
            // A number is newer than a word.
            return if is_number {
                Ordering::Greater
            } else {
                Ordering::Less
            };
        }
        let order = if is_number {
            numbers(segment, other_segment)
        } else {
            segment.cmp(other_segment)
        };
        if order != Ordering::Equal {
            return order;
        }
        (one, other) = (one_rest, other_rest);
    }
}

/// What `~` and `^` decide, if one begins with either; equal if both begin with the same.
fn marks(one: &str, other: &str) -> Option<Ordering> {
    let both = |mark: char| (one.starts_with(mark), other.starts_with(mark));
    match both('~') {
        (true, true) => return Some(Ordering::Equal),
        (true, false) => return Some(Ordering::Less),
        (false, true) => return Some(Ordering::Greater),
        (false, false) => {}
    }
    match both('^') {
        (true, true) => Some(Ordering::Equal),
        (true, false) if other.is_empty() => Some(Ordering::Greater),
        (true, false) => Some(Ordering::Less),
        (false, true) if one.is_empty() => Some(Ordering::Less),
        (false, true) => Some(Ordering::Greater),
        (false, false) => None,
    }
}

fn start(text: &str) -> &str {
    text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric() && c != '~' && c != '^')
}

fn letters(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphabetic());
    text.split_at(end.unwrap_or(text.len()))
}
