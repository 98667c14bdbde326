//! Patterns over images: from those of other projects, which match a reference as text with its tag, to ours.
//!
//! What is made of the images of a policy matches at least what the original matched, so that no image escapes the policy;
//! what is made of its exceptions matches at most what the original left out.

use std::collections::BTreeSet;

use countersign_core::ImageRef;

/// So many patterns may become of one.
const MAX_PATTERNS: usize = 32;
/// Longer patterns are no names of images.
const MAX_CHARS: usize = 300;
/// The names of Docker Hub, of which the last is ours.
const HUB: [&str; 3] = ["index.docker.io", "registry-1.docker.io", "docker.io"];

/// How a project understands `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// policy-controller: `*` stays within a path element, `**` crosses.
    Controller,
    /// Kyverno's rules: `*` crosses, `?` is one character.
    Wildcard,
    /// Kyverno's ImageValidatingPolicy: the same, and classes and alternatives, which are not read here.
    Glob,
}

/// What became of one pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Images {
    /// Patterns of ours; none if no image has such a name.
    pub(super) patterns: Vec<String>,
    /// How they differ from the original.
    pub(super) fit: Fit,
}

/// How patterns of ours relate to the one that they were made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// They name the same images.
    Same,
    /// They name more images: the original looked at tags or digests, which patterns of ours do not.
    AnyTag,
    /// They name more images: the original has an operator that ours have not.
    Wider,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// Any characters but `/`.
    Within,
    /// Any characters.
    Cross,
    Char(char),
}

/// Patterns that match at least what `text` matches.
///
/// # Errors
/// Why the text is no pattern in the original either.
pub(super) fn covering(text: &str, dialect: Dialect) -> Result<Images, String> {
    let whole = match (dialect, text) {
        (Dialect::Controller, "*") => "index.docker.io/library/*",
        (Dialect::Controller, "*/*") => "index.docker.io/*/*",
        _ => text,
    };
    let (tokens, mut fit) = tokens(whole, dialect)?;
    let (tokens, any_tag) = without_tag(tokens);
    if !any_tag {
        fit = Fit::AnyTag;
    }
    let mut patterns = BTreeSet::new();
    for elements in expanded(&tokens) {
        add_names(&elements, &mut patterns);
    }
    if patterns.len() > MAX_PATTERNS {
        patterns = BTreeSet::from(["**".to_owned()]);
        fit = Fit::Wider;
    }
    Ok(Images {
        patterns: minimal(patterns),
        fit,
    })
}

/// Patterns that match at most what `text` matches in Kyverno's rules, with every tag and digest.
///
/// # Errors
/// Why there are none.
pub(super) fn covered(text: &str) -> Result<Vec<String>, String> {
    let (tokens, fit) = tokens(text, Dialect::Wildcard)?;
    if fit != Fit::Same {
        return Err("it has operators that patterns here do not have".to_owned());
    }
    let (tokens, any_tag) = without_tag(tokens);
    if !any_tag {
        return Err("it looks at tags or digests, and patterns here do not".to_owned());
    }
    let all = expanded(&tokens);
    let patterns: BTreeSet<String> = all
        .iter()
        .filter(|elements| elements.iter().any(|it| it == "**") || elements.len() > 1)
        .filter(|elements| can_be_full(elements))
        .filter(|elements| {
            elements
                .first()
                .is_some_and(|host| host == "**" || canonical(host).as_ref() == Some(host))
        })
        .map(|elements| elements.join("/"))
        .collect();
    if patterns.is_empty() || patterns.len() > MAX_PATTERNS {
        return Err("no canonical name of an image fits it".to_owned());
    }
    Ok(minimal(patterns))
}

fn tokens(text: &str, dialect: Dialect) -> Result<(Vec<Token>, Fit), String> {
    let mut fit = Fit::Same;
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(it) = rest.next() {
        tokens.push(match (it, dialect) {
            ('*', Dialect::Controller) if rest.peek() == Some(&'*') => {
                rest.next();
                Token::Cross
            }
            ('*', Dialect::Controller) => Token::Within,
            ('*', _) => Token::Cross,
            ('?', Dialect::Wildcard | Dialect::Glob) => {
                fit = Fit::Wider;
                Token::Cross
            }
            ('[' | '{' | '\\', Dialect::Glob) => {
                return Err(format!("`{it}` is an operator that is not read here"));
            }
            _ => Token::Char(it),
        });
    }
    let is_known = |it: &char| it.is_ascii_alphanumeric() || "-_:/.@+".contains(*it);
    let odd = tokens.iter().find_map(|token| match token {
        Token::Char(it) if !is_known(it) => Some(it),
        _ => None,
    });
    match odd {
        Some(odd) => Err(format!(
            "no reference has the character `{}`",
            odd.escape_debug()
        )),
        None if tokens.is_empty() => Err("it is empty".to_owned()),
        None if tokens.len() > MAX_CHARS => Err(format!("it has more than {MAX_CHARS} characters")),
        None => Ok((tokens, fit)),
    }
}

/// Without tag and digest, and whether the pattern fits each of them.
fn without_tag(mut tokens: Vec<Token>) -> (Vec<Token>, bool) {
    let last = tokens
        .iter()
        .rposition(|it| *it == Token::Char('/'))
        .map_or(0, |slash| slash + 1);
    let is_mark = |it: &Token| matches!(it, Token::Char(':' | '@'));
    match tokens.iter().skip(last).position(is_mark) {
        Some(mark) => {
            tokens.truncate(last + mark);
            (tokens, false)
        }
        None => {
            let any = matches!(tokens.last(), Some(Token::Within | Token::Cross));
            (tokens, any)
        }
    }
}

/// Every way to read the pattern by whole path elements, of which `**` is one.
fn expanded(tokens: &[Token]) -> Vec<Vec<String>> {
    let parts: Vec<&[Token]> = tokens.split(|it| *it == Token::Char('/')).collect();
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    for (index, part) in parts.iter().enumerate() {
        let ways = element(part, index + 1 == parts.len());
        all = all
            .iter()
            .flat_map(|before| ways.iter().map(move |way| [&before[..], &way[..]].concat()))
            .take(MAX_PATTERNS * 4)
            .collect();
    }
    for elements in &mut all {
        elements.dedup_by(|right, left| right == "**" && left == "**");
    }
    all
}

/// The ways to read one element. `x**y` is `x*y`, or `x*` and `*y` with anything between.
fn element(part: &[Token], last: bool) -> Vec<Vec<String>> {
    let any = || "**".to_owned();
    let Some(cross) = part.iter().position(|it| *it == Token::Cross) else {
        return vec![vec![joined(part)]];
    };
    let (before, after) = (&part[..cross], &part[cross + 1..]);
    let stars = |part: &[Token]| part.iter().all(|it| !matches!(it, Token::Char(_)));
    if stars(part) {
        // Ours stands for nothing too, except at the end.
        return if last {
            vec![vec![any()]]
        } else {
            vec![vec!["*".to_owned(), any()]]
        };
    }
    let head = [before, &[Token::Within]].concat();
    let tail = [&[Token::Within], after].concat();
    match (before.is_empty(), after.is_empty()) {
        (false, true) if last => vec![vec![joined(&head)], vec![joined(&head), any()]],
        (false, true) => vec![vec![joined(&head), any()]],
        (true, _) => element(&tail, last)
            .into_iter()
            .map(|way| [vec![any()], way].concat())
            .collect(),
        (false, false) => {
            let whole = [before, &tail[..]].concat();
            let split = element(&tail, last)
                .into_iter()
                .map(|way| [vec![joined(&head), any()], way].concat());
            element(&whole, last).into_iter().chain(split).collect()
        }
    }
}

fn joined(part: &[Token]) -> String {
    let mut text = String::new();
    for token in part {
        match token {
            Token::Char(it) => text.push(*it),
            Token::Within | Token::Cross => {
                if !text.ends_with('*') {
                    text.push('*');
                }
            }
        }
    }
    text
}

/// The canonical names that fit: as they stand, or as names of Docker Hub, which are written without a host.
fn add_names(elements: &[String], patterns: &mut BTreeSet<String>) {
    let hub = HUB[2];
    if elements.iter().any(String::is_empty) {
        return;
    }
    let mut add = |elements: &[&str]| {
        if elements.iter().skip(1).all(|it| is_path(it)) {
            patterns.insert(elements.join("/"));
        }
    };
    let all: Vec<&str> = elements.iter().map(String::as_str).collect();
    match all.as_slice() {
        ["**"] => add(&["**"]),
        [single] => add(&[hub, "library", single]),
        [first, rest @ ..] => {
            if can_be_full(elements) {
                let Some(host) = canonical(first) else {
                    return;
                };
                let host = host.as_str();
                add(&[&[host], rest].concat());
                if let [name] = rest
                    && HUB.iter().any(|it| fits(first, it))
                {
                    add(&[hub, "library", name]);
                }
                if !fits(host, hub) && HUB.iter().any(|it| fits(host, it)) {
                    add(&[&[hub], rest].concat());
                }
            }
            if !first.contains(['.', ':']) && *first != "localhost" && *first != "**" {
                add(&[&[hub], all.as_slice()].concat());
            }
        }
        [] => {}
    }
}

/// The one spelling of a host that patterns of ours have; none if it is no host.
fn canonical(host: &str) -> Option<String> {
    if host.contains('*') {
        return Some(host.to_ascii_lowercase());
    }
    let image = ImageRef::parse(&format!("{host}/a/b")).ok()?;
    (image.repository() == "a/b").then(|| image.registry().to_owned())
}

/// Whether the first element can be a host.
fn can_be_full(elements: &[String]) -> bool {
    elements
        .first()
        .is_some_and(|host| host.contains(['.', ':', '*']) || host == "localhost")
}

/// Whether an element can be one of a repository's path.
fn is_path(element: &str) -> bool {
    let fits = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "._-*".contains(it);
    !element.is_empty() && element.chars().all(fits)
}

/// Whether a text fits an element with `*` in it.
fn fits(element: &str, text: &str) -> bool {
    match element.split_once('*') {
        None => element == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len())
                .filter_map(|skip| rest.get(skip..))
                .any(|rest| fits(tail, rest))
        }),
    }
}

/// Without what another pattern names anyway.
fn minimal(patterns: BTreeSet<String>) -> Vec<String> {
    let all = patterns.clone();
    let is_covered = |it: &String| all.iter().any(|wide| wide != it && covers(wide, it));
    patterns.into_iter().filter(|it| !is_covered(it)).collect()
}

/// Whether a pattern with `**` at one end names all that another names; `false` also where that is not plain.
fn covers(wide: &str, narrow: &str) -> bool {
    let below = |rest: &str| {
        narrow
            .strip_suffix(rest)
            .is_some_and(|head| head.ends_with('/'))
    };
    match (
        wide.strip_prefix("*/**/"),
        wide.strip_prefix("**/"),
        wide.strip_suffix("**"),
    ) {
        _ if wide == "**" => true,
        (Some(rest), _, _) => below(rest),
        (None, Some(rest), _) => narrow == rest || below(rest),
        (None, None, Some(head)) => {
            !head.contains('*')
                && narrow
                    .strip_prefix(head)
                    .is_some_and(|rest| !rest.is_empty())
        }
        (None, None, None) => false,
    }
}

#[cfg(test)]
mod tests;
