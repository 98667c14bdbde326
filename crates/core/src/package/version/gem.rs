//! RubyGems' versions: `Gem::Version`.

use std::cmp::Ordering;

use super::numbers;

/// Segments, without zeros that mean nothing.
#[derive(Debug, Clone)]
pub(crate) struct Version(Vec<Segment>);

#[derive(Debug, Clone)]
enum Segment {
    Number(String),
    Word(String),
}

impl Version {
    /// `1.2.3`, `1.0.0.rc1`; a hyphen begins a prerelease.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let known = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
        if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(known) {
            return None;
        }
        let text = text.replace('-', ".pre.");
        let mut segments = Vec::new();
        for part in text.split('.') {
            if part.is_empty() {
                return None;
            }
            let change = |one: &char, other: &char| one.is_ascii_digit() == other.is_ascii_digit();
            let characters: Vec<char> = part.chars().collect();
            for run in characters.chunk_by(change) {
                let run: String = run.iter().collect();
                segments.push(if run.starts_with(|c: char| c.is_ascii_digit()) {
                    Segment::Number(run)
                } else {
                    Segment::Word(run)
                });
            }
        }
        Some(Self(canonical(segments)))
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let zero = Segment::Number("0".to_owned());
        let length = self.0.len().max(other.0.len());
        let orders = (0..length).map(|at| {
            let one = self.0.get(at).unwrap_or(&zero);
            one.compare(other.0.get(at).unwrap_or(&zero))
        });
        orders
            .into_iter()
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    }
}

/// Zeros at the end of the release, and at the end of all, do not count.
fn canonical(mut segments: Vec<Segment>) -> Vec<Segment> {
    let word = |segment: &Segment| matches!(segment, Segment::Word(_));
    let release = segments.iter().position(word).unwrap_or(segments.len());
    let mut rest = segments.split_off(release);
    for part in [&mut segments, &mut rest] {
        while part.last().is_some_and(Segment::is_zero) {
            part.pop();
        }
    }
    segments.append(&mut rest);
    segments
}

impl Segment {
    fn is_zero(&self) -> bool {
        matches!(self, Self::Number(number) if number.bytes().all(|byte| byte == b'0'))
    }

    /// A word is older than a number.
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => numbers(one, other),
            (Self::Word(one), Self::Word(other)) => one.cmp(other),
            (Self::Word(_), Self::Number(_)) => Ordering::Less,
            (Self::Number(_), Self::Word(_)) => Ordering::Greater,
        }
    }
}
