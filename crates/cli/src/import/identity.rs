//! Identities: what the originals compare exactly, by regular expressions that may match anywhere, or by wildcards.
//!
//! A Signer's issuer is compared exactly, and its subject's pattern has to match from end to end and must not let strangers
//! in. What is made of a pattern matches at most what the original matched.

use countersign_core::check_identity_pattern;

use super::model::Subject;
use super::node::Node;
use super::report::Log;

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const META: &str = r"\.+*?()|[]{}^$";

/// How a project compares what is not called a regular expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    Exact,
    /// `*` and `?` stand for characters.
    Wildcard,
}

/// The issuers and subjects that count for one identity of the original: nothing, where it cannot be carried over.
pub(super) fn identities(
    node: &Node<'_>,
    plain: Plain,
    log: &mut Log<'_>,
) -> Vec<(String, Subject)> {
    let subject = subject(node, plain, log);
    let issuers = issuers(node, plain, log);
    let Some(subject) = subject else {
        return Vec::new();
    };
    issuers
        .into_iter()
        .map(|issuer| (issuer, subject.clone()))
        .collect()
}

/// Whether a Signer with this identity needs a word about who may call the workflow: the linter's `open-workflow`.
pub(super) fn is_workflow(issuer: &str, subject: &Subject) -> bool {
    match subject {
        Subject::Exact(value) => value.contains("/.github/workflows/"),
        Subject::Regex(_) => issuer == GITHUB,
    }
}

fn issuers(node: &Node<'_>, plain: Plain, log: &mut Log<'_>) -> Vec<String> {
    const HINT: &str = "write one Signer for each issuer that is meant, with its whole URL";
    match (node.get("issuer"), node.get("issuerRegExp")) {
        (Some(issuer), None) => {
            let value = issuer.text().unwrap_or_default();
            if value.is_empty() || !is_exact(value, plain) {
                log.refused(
                    &issuer,
                    "an issuer is compared exactly here, and this is no issuer's URL",
                    HINT,
                );
                return Vec::new();
            }
            log.carried(&issuer, "Signer.keyless.issuer, compared exactly");
            vec![value.to_owned()]
        }
        (None, Some(pattern)) => {
            let issuers = alternatives(pattern.text().unwrap_or_default());
            match issuers.as_slice() {
                [] => log.refused(
                    &pattern,
                    "it does not name the issuers that are meant, and an issuer is compared exactly here",
                    HINT,
                ),
                issuers => log.stricter(
                    &pattern,
                    format!("Signer.keyless.issuer is exactly {}", issuers.join(" or ")),
                ),
            }
            issuers
        }
        (Some(_), Some(pattern)) => {
            log.refused(
                &pattern,
                "an issuer and a pattern for it, of which both have to fit",
                HINT,
            );
            Vec::new()
        }
        (None, None) => {
            log.refused(
                node,
                "no issuer is named, so that whoever runs one could vouch for any identity",
                HINT,
            );
            Vec::new()
        }
    }
}

fn subject(node: &Node<'_>, plain: Plain, log: &mut Log<'_>) -> Option<Subject> {
    const HINT: &str = "write a Signer with the subject that is meant";
    match (node.get("subject"), node.get("subjectRegExp")) {
        (Some(subject), None) => {
            let value = subject.text().unwrap_or_default();
            if is_exact(value, plain) && !value.is_empty() {
                log.carried(&subject, "Signer.keyless.subject.exact");
                return Some(Subject::Exact(value.to_owned()));
            }
            if plain == Plain::Wildcard && !value.is_empty() {
                let pattern = wildcard(value);
                return match check_identity_pattern(&pattern) {
                    Ok(()) => {
                        log.carried(
                            &subject,
                            "Signer.keyless.subject.regex, with the same meaning",
                        );
                        Some(Subject::Regex(pattern))
                    }
                    Err((_, why)) => {
                        log.refused(&subject, &why, HINT);
                        None
                    }
                };
            }
            log.refused(
                &subject,
                "a subject has no blanks, and `*` is no operator in it",
                HINT,
            );
            None
        }
        (None, Some(pattern)) => {
            let text = pattern.text().unwrap_or_default();
            match anchored(text) {
                Ok(Anchored {
                    subject,
                    same: true,
                }) => {
                    log.carried(&pattern, "Signer.keyless.subject, with the same meaning");
                    Some(subject)
                }
                Ok(Anchored {
                    subject,
                    same: false,
                }) => {
                    let (Subject::Exact(value) | Subject::Regex(value)) = &subject;
                    log.stricter(
                        &pattern,
                        format!("the pattern may match anywhere in the original; here the whole subject has to fit `{value}`"),
                    );
                    Some(subject)
                }
                Err(why) => {
                    log.refused(&pattern, &why, HINT);
                    None
                }
            }
        }
        (Some(_), Some(pattern)) => {
            log.refused(
                &pattern,
                "a subject and a pattern for it, of which both have to fit",
                HINT,
            );
            None
        }
        (None, None) => {
            log.refused(
                node,
                "no subject is named, so that anybody whom the issuer knows would count",
                HINT,
            );
            None
        }
    }
}

/// Whether a value can be compared exactly here, and was in the original.
fn is_exact(value: &str, plain: Plain) -> bool {
    let odd = |it: char| {
        it.is_whitespace()
            || it.is_control()
            || it == '*'
            || (plain == Plain::Wildcard && it == '?')
    };
    !value.contains(odd)
}

/// A wildcard pattern as a regular expression.
fn wildcard(text: &str) -> String {
    let mut out = String::new();
    for it in text.chars() {
        match it {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            it => push_literal(it, &mut out),
        }
    }
    out
}

fn push_literal(it: char, out: &mut String) {
    if META.contains(it) {
        out.push('\\');
    }
    out.push(it);
}

/// The URLs that a pattern names, one or several: each is matched by the pattern, which may match others too.
fn alternatives(pattern: &str) -> Vec<String> {
    let (_, body, _) = bare(pattern);
    let body = body
        .strip_prefix("(?:")
        .or_else(|| body.strip_prefix('('))
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(body);
    let literals = body.split('|').map(|part| literal(bare(part).1));
    let all: Option<Vec<String>> = literals
        .map(|it| it.filter(|it| it.starts_with("https://") || it.starts_with("http://")))
        .collect();
    all.unwrap_or_default()
}

/// The pattern without its anchors, and whether it had them at its beginning and end.
fn bare(pattern: &str) -> (bool, &str, bool) {
    let (start, rest) = match pattern.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    match rest.strip_suffix('$') {
        Some(rest) if !rest.ends_with('\\') => (start, rest, true),
        _ => (start, rest, false),
    }
}

/// The one text that a pattern without operators means; an unescaped dot between letters is taken for a dot.
fn literal(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = pattern.chars();
    while let Some(it) = rest.next() {
        match it {
            '\\' => out.push(rest.next().filter(|it| !it.is_alphanumeric())?),
            '.' => out.push('.'),
            it if META.contains(it) => return None,
            it => out.push(it),
        }
    }
    let odd = |it: char| it.is_whitespace() || it.is_control() || it == '*';
    (!out.is_empty() && !out.contains(odd)).then_some(out)
}

/// What became of a regular expression over subjects.
#[derive(Debug, PartialEq, Eq)]
struct Anchored {
    subject: Subject,
    /// Whether it means the same.
    same: bool,
}

/// The widest of some patterns that match from end to end, match nothing that the original does not, and let no stranger in.
fn anchored(pattern: &str) -> Result<Anchored, String> {
    // An anchor binds to one alternative only, so that such a pattern stays as it is.
    let (start, body, end) = if has_alternatives(pattern) {
        (false, pattern, false)
    } else {
        bare(pattern)
    };
    if body.is_empty() {
        return Err("it matches anything".to_owned());
    }
    let narrow = narrowed(body)?;
    let group = if has_alternatives(body) {
        format!("(?:{narrow})")
    } else {
        narrow
    };
    let is_open = |text: &str| text == ".*" || text == ".+";
    let begins = start || group.get(..2).is_some_and(is_open);
    let ends = end
        || group.len() > 2
            && group.get(group.len() - 2..).is_some_and(is_open)
            && !group.ends_with(r"\.*");
    // What begins with anything may begin with a URL's scheme, which keeps the host where it belongs.
    let (open, group) = match group.strip_prefix(".*") {
        Some(rest) if !start && !rest.is_empty() => (true, rest.to_owned()),
        _ => (false, group),
    };
    let before: &[&str] = match (begins && !open, group.starts_with("http")) {
        (true, _) => &[""],
        (false, true) => &["", ".*"],
        (false, false) => &[".*", "https://", ""],
    };
    let behind: &[&str] = if ends {
        &[""]
    } else {
        &[".*", "/.*", "@.*", ""]
    };
    let mut first = None;
    for head in before {
        for tail in behind {
            let whole = format!("{head}{group}{tail}");
            match check_identity_pattern(&whole) {
                Ok(()) => {
                    let is_free = |end: bool, part: &str| end || part == ".*";
                    let same = group == body.strip_prefix(".*").filter(|_| open).unwrap_or(body)
                        && is_free(begins && !open, head)
                        && is_free(ends, tail);
                    let subject = literal_of(&whole).map_or(Subject::Regex(whole), Subject::Exact);
                    return Ok(Anchored { subject, same });
                }
                Err((_, why)) => first = first.or(Some(why)),
            }
        }
    }
    Err(first.unwrap_or_default())
}

/// The text that a pattern means, if it has no operator at all: dots have to be escaped.
fn literal_of(pattern: &str) -> Option<String> {
    let unescaped = pattern.replace(r"\.", "");
    (!unescaped.contains('.'))
        .then(|| literal(pattern))
        .flatten()
}

/// Whether there is a `|` outside of all groups.
fn has_alternatives(pattern: &str) -> bool {
    let (mut depth, mut class, mut escaped) = (0_i32, false, false);
    for it in pattern.chars() {
        match it {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' if class => class = false,
            '[' => class = true,
            _ if class => {}
            '(' => depth += 1,
            ')' => depth -= 1,
            '|' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// The pattern with what Go understands more narrowly written out, and with dots between letters for dots.
fn narrowed(pattern: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut class = false;
    let all: Vec<char> = pattern.chars().collect();
    let mut index = 0;
    let at = |index: usize| all.get(index).copied();
    while let Some(it) = at(index) {
        let next = at(index + 1);
        match (it, next) {
            ('\\', Some(letter)) => {
                // Go knows ASCII only.
                match (letter, class) {
                    ('d', false) => out.push_str("[0-9]"),
                    ('d', true) => out.push_str("0-9"),
                    ('w', false) => out.push_str("[0-9A-Za-z_]"),
                    ('w', true) => out.push_str("0-9A-Za-z_"),
                    ('s', false) => out.push_str(r"[\t\n\f\r ]"),
                    ('s', true) => out.push_str(r"\t\n\f\r "),
                    ('b', false) => out.push_str(r"(?-u:\b)"),
                    ('Q' | 'C' | 'p' | 'P' | 'B' | 'D' | 'W' | 'S', _) => {
                        return Err(format!(
                            "`\\{letter}` means something else in Go's regular expressions"
                        ));
                    }
                    _ => out.extend(['\\', letter]),
                }
                index += 2;
                continue;
            }
            ('[', Some(':')) if class => {}
            ('[', _) if class => {
                return Err("a class within a class means something else in Go".to_owned());
            }
            ('&' | '~' | '-', Some(twin)) if class && twin == it => {
                return Err(format!("`{it}{it}` in a class means something else in Go"));
            }
            ('[', _) => class = true,
            (']', _) if class => class = false,
            ('.', Some(next)) if !class => {
                let is_word = |it: char| it.is_ascii_alphanumeric();
                let before = index.checked_sub(1).and_then(at);
                if before.is_some_and(is_word) && is_word(next) {
                    out.push('\\');
                }
            }
            _ => {}
        }
        out.push(it);
        index += 1;
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
