//! Maven's versions: its reference of the POM, "Version Order Specification".

use std::cmp::Ordering;

use super::{digits, numbers};

/// Qualifiers with a place of their own; the empty one is a release. Others come behind, by name.
const KNOWN: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];

/// Tokens, without those that mean nothing.
#[derive(Debug, Clone)]
pub(crate) struct Version(Vec<Token>);

#[derive(Debug, Clone)]
struct Token {
    /// Behind a hyphen, or at a change between digits and letters; every qualifier counts as such.
    hyphen: bool,
    value: Value,
}

#[derive(Debug, Clone)]
enum Value {
    Number(String),
    Qualifier(String),
}

impl Version {
    /// A version has a number somewhere: Maven would compare `latest` too, to no purpose.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let known = |c: char| c.is_ascii_alphanumeric() || ".-_+".contains(c);
        if !text.contains(|c: char| c.is_ascii_digit()) || !text.chars().all(known) {
            return None;
        }
        Some(Self(trimmed(tokens(&text.to_ascii_lowercase()))))
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let length = self.0.len().max(other.0.len());
        let orders = (0..length).map(|at| match (self.0.get(at), other.0.get(at)) {
            (Some(one), Some(other)) => one.compare(other),
            (Some(one), None) => one.compare(&one.padding()),
            (None, Some(other)) => other.padding().compare(other),
            (None, None) => Ordering::Equal,
        });
        orders
            .into_iter()
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    }
}

/// "Split in tokens between dots, hyphens, and transitions between digits and characters"; empty ones are zeros.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut hyphen = false;
    let mut rest = text;
    loop {
        let (number, behind) = digits(rest);
        let end = rest.find(|c: char| c.is_ascii_digit() || ".-_".contains(c));
        let (word, behind_word) = rest.split_at(end.unwrap_or(rest.len()));
        let behind = if word.is_empty() { behind } else { behind_word };
        tokens.push(if word.is_empty() {
            let number = if number.is_empty() { "0" } else { number };
            Token {
                hyphen,
                value: Value::Number(number.to_owned()),
            }
        } else {
            let before_digit = behind.starts_with(|c: char| c.is_ascii_digit());
            Token {
                hyphen: true,
                value: Value::Qualifier(qualifier(word, before_digit).to_owned()),
            }
        });
        let Some(separator) = behind.chars().next() else {
            return tokens;
        };
        let is_separator = ".-_".contains(separator);
        hyphen = separator != '.';
        rest = behind.get(usize::from(is_separator)..).unwrap_or_default();
    }
}

/// The usual spelling; letters right before a digit are short for words.
fn qualifier(word: &str, before_digit: bool) -> &str {
    match word {
        "a" if before_digit => "alpha",
        "b" if before_digit => "beta",
        "m" if before_digit => "milestone",
        "cr" => "rc",
        "ga" | "final" | "release" => "",
        _ => word,
    }
}

/// "Starting from the end, the trailing null values are trimmed. This process is repeated at each remaining hyphen."
fn trimmed(mut tokens: Vec<Token>) -> Vec<Token> {
    let mut end = tokens.len();
    loop {
        let kept = tokens.get(..end).unwrap_or_default();
        let start = kept.iter().rposition(|token| !token.is_null());
        let start = start.map_or(0, |last| last + 1);
        tokens.drain(start..end);
        let before = tokens.get(..start).unwrap_or_default();
        match before.iter().rposition(|token| token.hyphen) {
            Some(hyphen) if hyphen > 0 => end = hyphen,
            _ => return tokens,
        }
    }
}

impl Token {
    fn is_null(&self) -> bool {
        match &self.value {
            Value::Number(number) => number.bytes().all(|byte| byte == b'0'),
            Value::Qualifier(word) => word.is_empty(),
        }
    }

    /// What stands in for it in a shorter version.
    fn padding(&self) -> Self {
        Self {
            hyphen: self.hyphen,
            value: match self.value {
                Value::Number(_) => Value::Number("0".to_owned()),
                Value::Qualifier(_) => Value::Qualifier(String::new()),
            },
        }
    }

    /// Qualifiers, then numbers behind a hyphen, then numbers behind a dot; those of a kind by what they are.
    fn compare(&self, other: &Self) -> Ordering {
        match (&self.value, &other.value) {
            (Value::Qualifier(one), Value::Qualifier(other)) => {
                place(one).cmp(&place(other)).then_with(|| one.cmp(other))
            }
            (Value::Qualifier(_), Value::Number(_)) => Ordering::Less,
            (Value::Number(_), Value::Qualifier(_)) => Ordering::Greater,
            (Value::Number(one), Value::Number(two)) => match (self.hyphen, other.hyphen) {
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                _ => numbers(one, two),
            },
        }
    }
}

fn place(word: &str) -> usize {
    let known = KNOWN.iter().position(|known| *known == word);
    known.unwrap_or(KNOWN.len())
}
