//! Debian's versions: policy 5.6.12, `deb-version(7)`.

use std::cmp::Ordering;

use super::{digits, numbers};

#[derive(Debug, Clone)]
pub(crate) struct Version {
    epoch: String,
    upstream: String,
    revision: String,
}

impl Version {
    /// `[EPOCH:]UPSTREAM[-REVISION]`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        let all = |text: &str, others: &str| {
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || others.contains(c))
        };
        let is_version = !epoch.is_empty()
            && epoch.bytes().all(|byte| byte.is_ascii_digit())
            && upstream.starts_with(|c: char| c.is_ascii_digit())
            && all(upstream, ".+-:~")
            && all(revision, ".+~")
            && !rest.ends_with('-');
        is_version.then(|| Self {
            epoch: epoch.to_owned(),
            upstream: upstream.to_owned(),
            revision: revision.to_owned(),
        })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        numbers(&self.epoch, &other.epoch)
            .then_with(|| parts(&self.upstream, &other.upstream))
            .then_with(|| parts(&self.revision, &other.revision))
    }
}

/// Alternately what is no digit, character by character, and digits as numbers.
fn parts(mut one: &str, mut other: &str) -> Ordering {
    while !one.is_empty() || !other.is_empty() {
        while is_word(one) || is_word(other) {
            let order = weight(one).cmp(&weight(other));
            if order != Ordering::Equal {
                return order;
            }
            // Equal weights here are equal characters.
            (one, other) = (behind(one), behind(other));
        }
        let ((number, one_rest), (other_number, other_rest)) = (digits(one), digits(other));
        let order = numbers(number, other_number);
        if order != Ordering::Equal {
            return order;
        }
        (one, other) = (one_rest, other_rest);
    }
    Ordering::Equal
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| !c.is_ascii_digit())
}

fn behind(text: &str) -> &str {
    text.get(1..).unwrap_or_default()
}

/// A tilde before the end, the end before letters, letters before all else.
fn weight(text: &str) -> i32 {
    match text.bytes().next() {
        None | Some(b'0'..=b'9') => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(byte),
        Some(byte) => i32::from(byte) + 256,
    }
}
