//! Our reader of image references beside Go's `distribution/reference`, by which Docker and containerd read them.
//!
//! Who judges one image while the node runs another has judged nothing. So of every text both must read the same image, or ours must
//! refuse it; whatever ours refuses and Go's takes is of one of the [`kinds`].

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::Ipv6Addr;
use std::process::Stdio;
use std::thread;

use countersign_core::{ImageRef, ReferenceError};
use countersign_e2e::{Parts, parts};
use countersign_testkit::mutate::Random;
use serde_json::Value;

const MUTANTS: usize = 40_000;

const SEEDS: [&str; 36] = [
    "nginx",
    "nginx:1.27",
    "library/nginx",
    "acme/app",
    "acme/team/app:v1.2.3",
    "docker.io/nginx",
    "docker.io/acme/app:1",
    "docker.io:443/acme/app",
    "index.docker.io/nginx:stable",
    "registry-1.docker.io/acme/app",
    "registry.hub.docker.com/acme/app:1",
    "ghcr.io/acme/app",
    "GHCR.io/acme/app:v1",
    "ghcr.io:443/acme/app:v1",
    "ghcr.io:0443/acme/app:v1",
    "registry.example.com:8443/a/b/c/d:x",
    "localhost/app",
    "localhost:5000/app:v1",
    "LOCALHOST/app",
    "Registry/acme/app",
    "registry:5000/app",
    "127.0.0.1:1338/app",
    "192.0.2.1/app:v1",
    "[::1]:5000/app:v1",
    "[2001:DB8::1]/acme/app",
    "[::ffff:192.0.2.1]/app",
    "xn--n3h.example/acme/app",
    "a.b/c__d/e--f/g.h_i",
    "a-b.c-d/e/f:_x",
    "ghcr.io/acme/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "nginx:1.27@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "ghcr.io/acme/app@sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    "ghcr.io/acme/app@sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "acme/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "https://ghcr.io/acme/app",
];

/// What has a meaning somewhere in a reference, and what looks like it.
const PIECES: [&str; 52] = [
    "a",
    "0",
    "z9",
    "A",
    "Z",
    "f",
    ".",
    "..",
    "-",
    "--",
    "_",
    "__",
    "___",
    "/",
    "//",
    "/./",
    "/../",
    ":",
    "::",
    "@",
    "@@",
    "[",
    "]",
    " ",
    "\t",
    "\n",
    "\0",
    "%2f",
    "%",
    "?",
    "#",
    "\\",
    "+",
    "~",
    "*",
    "é",
    "ſ",
    "K",
    "．",
    ":443",
    ":80",
    ":65535",
    ":65536",
    ":00443",
    "docker.io/",
    "index.docker.io/",
    "Index.Docker.io/",
    "registry-1.docker.io/",
    "localhost/",
    "library/",
    ":latest",
    "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
];

/// A kind of texts that Go's reader takes and ours refuses.
struct Kind {
    /// One of them.
    example: String,
    why: &'static str,
    /// Whether a refusal of what Go's reads in this way is of this kind.
    is: fn(&ReferenceError, &Go) -> bool,
}

fn kinds() -> [Kind; 7] {
    let kind = |example: &str, why, is| Kind {
        example: example.to_owned(),
        why,
        is,
    };
    [
        kind(
            SEEDS[32],
            "evidence is about sha256 digests, and nothing else is looked for",
            |error, go| {
                matches!(error, ReferenceError::Digest(_)) && go.digest.starts_with("sha512:")
            },
        ),
        kind(
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "a node takes it for the id of an image that it has, before it reads a reference",
            |error, go| matches!(error, ReferenceError::BareId(_)) && go.path.ends_with("sha256"),
        ),
        kind(
            "ghcr.io:65536/acme/app",
            "there is no such port",
            |error, go| {
                matches!(error, ReferenceError::Host(_))
                    && go.port().is_some_and(|port| port.parse::<u16>().is_err())
            },
        ),
        kind(
            "[::1::]:5000/app",
            "this is no IPv6 address",
            |error, go| {
                let address = go
                    .domain
                    .split_once(']')
                    .and_then(|(address, _)| address.strip_prefix('['));
                matches!(error, ReferenceError::Host(_))
                    && address.is_some_and(|it| it.parse::<Ipv6Addr>().is_err())
            },
        ),
        kind(
            "ghcr.io__d/acme/app",
            "Go's takes it for a host, and then reads none in it",
            |error, go| matches!(error, ReferenceError::Host(_)) && go.domain.is_empty(),
        ),
        kind(
            "registry-1.docker.io/nginx",
            "Docker Hub, and Go's reads no `library/` behind this name of it",
            |error, go| matches!(error, ReferenceError::HubShortName(_)) && !go.path.contains('/'),
        ),
        kind(
            &format!("{}.example/app", vec!["a"; 520].join(".")),
            "longer than any host and path",
            |error, go| {
                matches!(error, ReferenceError::TooLong) && go.domain.len() + go.path.len() > 255
            },
        ),
    ]
}

#[test]
fn both_read_the_same_image_or_ours_refuses() {
    let Some(parts) = parts(&["reference"]) else {
        return;
    };
    let kinds = kinds();
    let examples = kinds.iter().map(|kind| kind.example.clone());
    let seeds = SEEDS.map(str::to_owned);
    let texts: Vec<String> = seeds
        .into_iter()
        .chain(examples)
        .chain((0..MUTANTS).map(mutant))
        .collect();

    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (text, go) in texts.iter().zip(read_by_go(&parts, &texts)) {
        match judge(text, go.as_ref(), &kinds) {
            Ok(how) => *counts.entry(how).or_default() += 1,
            Err(why) => wrong.push(format!("{text:?}: {why}")),
        }
    }
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Neither side refuses everything, and every kind is still needed.
    assert!(counts["read alike"] > MUTANTS / 10, "{counts:#?}");
    assert!(counts["refused by both"] > MUTANTS / 10, "{counts:#?}");
    for kind in &kinds {
        assert!(
            counts.contains_key(kind.why),
            "nothing is refused because {}: {counts:#?}",
            kind.why
        );
    }
}

/// What Go's reader said.
struct Go {
    /// Empty where it is host-like and no host, and was read as a part of the path.
    domain: String,
    path: String,
    tag: Option<String>,
    digest: String,
}

impl Go {
    fn of(answer: &Value) -> Option<Self> {
        let part = |name: &str| answer[name].as_str().map(str::to_owned);
        match part("error") {
            Some(_) => None,
            None => Some(Self {
                domain: part("domain").unwrap_or_default(),
                path: part("path").unwrap(),
                tag: part("tag"),
                digest: part("digest").unwrap_or_default(),
            }),
        }
    }

    fn port(&self) -> Option<&str> {
        let (_, port) = self.domain.rsplit_once(':')?;
        Some(port).filter(|port| !port.contains(']'))
    }

    /// The registry as we name it: in lower case, the port as a number and left out if it is that of https, Docker Hub by one name.
    fn registry(&self) -> String {
        let host = self.port().map_or(self.domain.as_str(), |port| {
            &self.domain[..self.domain.len() - port.len() - 1]
        });
        let host = host.to_lowercase();
        let port: u32 = self.port().map_or(443, |port| port.parse().unwrap());
        let hub = [
            "docker.io",
            "index.docker.io",
            "registry-1.docker.io",
            "registry.hub.docker.com",
        ];
        let is_word = host != "localhost" && !host.contains(['.', ':']);
        match port {
            443 if hub.contains(&host.as_str()) => "docker.io".to_owned(),
            443 if !is_word => host,
            // A word alone would be the first element of a path on Docker Hub.
            port => format!("{host}:{port}"),
        }
    }
}

/// How the two readings agree.
fn judge<'k>(text: &str, go: Option<&Go>, kinds: &'k [Kind]) -> Result<&'k str, String> {
    match (ImageRef::parse(text), go) {
        (Err(_), None) => Ok("refused by both"),
        (Ok(ours), None) => Err(format!("Go's refuses what ours reads as {ours}")),
        (Err(error), Some(go)) => {
            let of_kind = kinds.iter().find(|kind| (kind.is)(&error, go));
            of_kind
                .map(|kind| kind.why)
                .ok_or_else(|| format!("ours refuses for no known reason: {error}"))
        }
        (Ok(ours), Some(go)) => {
            let digest = ours.digest().map(ToString::to_string).unwrap_or_default();
            let has_neither = go.tag.is_none() && go.digest.is_empty();
            let tag = go.tag.as_deref().or(has_neither.then_some("latest"));
            let ours = (
                ours.registry(),
                ours.repository(),
                ours.tag(),
                digest.as_str(),
            );
            let theirs = go.registry();
            let theirs = (theirs.as_str(), go.path.as_str(), tag, go.digest.as_str());
            if ours == theirs {
                Ok("read alike")
            } else {
                Err(format!("ours is {ours:?}, Go's {theirs:?}"))
            }
        }
    }
}

/// A seed with one to three changes; the same for the same number.
fn mutant(number: usize) -> String {
    let mut random = Random::named(&format!("reference-{number}"));
    let mut text: Vec<char> = SEEDS[random.below(SEEDS.len())].chars().collect();
    for _ in 0..=random.below(3) {
        let from = random.below(text.len() + 1);
        let to = (from + random.below(8)).min(text.len());
        let piece = PIECES[random.below(PIECES.len())].chars();
        match random.below(7) {
            0 | 1 => drop(text.splice(from..from, piece)),
            2 => drop(text.splice(from..to, piece)),
            3 => drop(text.drain(from..to)),
            4 => drop(text.splice(from..from, text[from..to].to_vec())),
            5 => text[from..to].iter_mut().for_each(flip_case),
            _ => {
                let other: Vec<char> = SEEDS[random.below(SEEDS.len())].chars().collect();
                text.splice(from.., other[random.below(other.len())..].iter().copied());
            }
        }
    }
    text.into_iter().collect()
}

fn flip_case(letter: &mut char) {
    *letter = if letter.is_ascii_uppercase() {
        letter.to_ascii_lowercase()
    } else {
        letter.to_ascii_uppercase()
    };
}

/// What Go's reader says of each text; nothing where it refuses.
fn read_by_go(parts: &Parts, texts: &[String]) -> Vec<Option<Go>> {
    let mut command = parts.command("reference");
    let mut reader = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = texts
        .iter()
        .map(|text| format!("{}\n", Value::from(text.as_str())))
        .collect();
    // Beside the reading, since both pipes have an end.
    let mut stdin = reader.stdin.take().unwrap();
    let writing = thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = reader.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    let said = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<_> = said
        .lines()
        .map(|line| Go::of(&serde_json::from_str(line).unwrap()))
        .collect();
    assert_eq!(answers.len(), texts.len());
    answers
}
