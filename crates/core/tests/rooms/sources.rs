//! What must not stand in core's sources. Clippy's `crates/core/clippy.toml` sees calls by what they resolve to; this
//! sees also what is merely named, whichever lints are allowed.

use std::fs;
use std::path::Path;

/// Modules of the standard library that core must not name, alone or in a `use std::{…}`.
const MODULES: &[&str] = &["fs", "env", "thread", "process", "os"];

/// Code that core must not contain, as words in a row.
const PHRASES: &[&[&str]] = &[
    // As a value it may come in; see `UnixTime`.
    &["SystemTime", ":", ":", "now"],
    &[".", "elapsed", "("],
    &["Instant"],
    &["TcpStream"],
    &["TcpListener"],
    &["UdpSocket"],
    &["ToSocketAddrs"],
    &["async", "fn"],
    &["async", "move"],
    &["async", "{"],
    &[".", "await"],
    &["Timestamp", ":", ":", "now"],
    &["Zoned", ":", ":", "now"],
    &["stdout"],
    &["stderr"],
    &["stdin"],
];

/// Every offence in the `.rs` files below `folder`, tests apart.
pub(crate) fn scan(folder: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut files = 0;
    visit(folder, &mut |path, code| {
        files += 1;
        let offences = offences(code).into_iter();
        wrong.extend(offences.map(|(line, what)| format!("{}:{line}: {what}", path.display())));
    });
    assert!(files > 0, "no sources in {}", folder.display());
    wrong
}

/// The `.rs` files below `folder` that say one of these words, tests apart.
pub(crate) fn mentions(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    visit(folder, &mut |path, code| {
        if words.iter().any(|word| code.contains(word)) {
            found.push(path.display().to_string());
        }
    });
    found
}

fn visit(folder: &Path, each: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            visit(&path, each);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            each(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

/// The lines of `code` that offend, up to the tests, which stand last.
fn offences(code: &str) -> Vec<(usize, String)> {
    let shipped = match code.find("#[cfg(test)]\nmod tests") {
        Some(tests) => &code[..tests],
        None => code,
    };
    let tokens = tokens(shipped);
    let mut wrong = Vec::new();
    for (at, (line, _)) in tokens.iter().enumerate() {
        let words = |from: usize| tokens[from..].iter().map(|(_, word)| *word);
        for phrase in PHRASES {
            if words(at).take(phrase.len()).eq(phrase.iter().copied()) {
                wrong.push((*line, phrase.join(" ")));
            }
        }
        if words(at).take(3).eq(["std", ":", ":"]) {
            let mut path = words(at + 3);
            let named: Vec<&str> = match path.next() {
                Some("{") => path.take_while(|word| *word != ";").collect(),
                other => other.into_iter().collect(),
            };
            let modules = named.into_iter().filter(|word| MODULES.contains(word));
            wrong.extend(modules.map(|module| (*line, format!("std::{module}"))));
        }
    }
    wrong
}

/// Words and signs, each with its line; neither comments nor, in a line, what follows `//` (a string that holds an
/// address loses its end, which is no code either).
fn tokens(code: &str) -> Vec<(usize, &str)> {
    let mut tokens = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let line = line.split("//").next().unwrap_or_default();
        let is_word = |sign: char| sign.is_alphanumeric() || sign == '_';
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let end = if is_word(first) {
                rest.find(|sign| !is_word(sign))
            } else {
                Some(first.len_utf8())
            };
            let (token, after) = rest.split_at(end.unwrap_or(rest.len()));
            tokens.push((number + 1, token));
            rest = after.trim_start();
        }
    }
    tokens
}

#[test]
fn offences_are_seen() {
    let cases = [
        ("let text = std::fs::read(path);", "std::fs"),
        ("use std::{collections::BTreeMap, env};", "std::env"),
        (
            "use std::{\n    io,\n    thread::{self, Builder},\n};",
            "std::thread",
        ),
        (
            "let now = std::time::SystemTime::now();",
            "SystemTime : : now",
        ),
        ("let age = then.elapsed();", ". elapsed ("),
        ("let start = Instant::now();", "Instant"),
        ("let now = jiff::Timestamp::now();", "Timestamp : : now"),
        ("pub async fn fetch() {}", "async fn"),
        ("get() . await;", ". await"),
        ("let socket: std::net::TcpStream;", "TcpStream"),
    ];
    for (code, what) in cases {
        assert_eq!(offences(code), [(1, what.to_owned())], "{code}");
    }
}

#[test]
fn what_only_looks_alike_is_let_be() {
    let cases = [
        "//! no `std::fs` and no `Instant`",
        "let now: jiff::Timestamp = request.now; // not Timestamp::now()",
        "use std::{collections::BTreeMap, net::Ipv6Addr};",
        "impl From<SystemTime> for UnixTime {}",
        "let environment = standard::env;",
        "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}",
    ];
    for code in cases {
        assert_eq!(offences(code), [], "{code}");
    }
}
