//! The rooms of ARCHITECTURE.md as a test: which crate may use which, from `cargo metadata`, and that `core` has no
//! IO, clock, environment, thread or async, from its sources.
//!
//! Only what is shipped counts: normal and build dependencies. Development dependencies are free, but for the last
//! table.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
// core's clippy.toml is about what core ships; this test asks cargo and reads the sources.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "rooms/can_fail.rs"]
mod can_fail;
#[path = "rooms/graph.rs"]
mod graph;
#[path = "rooms/sources.rs"]
mod sources;

use std::path::Path;
use std::process::Command;

use graph::Graph;

/// What one room may use.
struct Room {
    name: &'static str,
    /// The rooms that it may use directly.
    rooms: &'static [&'static str],
    /// The foreign crates that it may use directly; `None`: any but the forbidden.
    only: Option<&'static [&'static str]>,
    /// Crates that it must not reach, directly or through others. A trailing `*` stands for any ending.
    never: &'static [&'static str],
    /// Crates that it must not use directly: they belong to a room below.
    not_directly: &'static [&'static str],
    /// Crates of `never` that are reached all the same, through which crate, and why that is no harm.
    excused: &'static [Excuse],
}

/// An exception to [`Room::never`]; one that no longer applies fails too.
struct Excuse {
    krate: &'static str,
    through: &'static str,
    #[expect(dead_code, reason = "for the reader")]
    because: &'static str,
}

const CORE: Room = Room {
    name: "countersign-core",
    rooms: &[],
    only: Some(CORE_USES),
    never: &[
        "tokio*",
        "futures*",
        "async-*",
        "mio",
        "reqwest",
        "hyper*",
        "axum*",
        "kube*",
        "k8s-openapi",
        "tracing*",
        "clap*",
    ],
    not_directly: &[],
    excused: &[Excuse {
        krate: "futures-io",
        through: "sigstore-crypto",
        because: "two trait definitions for its asynchronous hasher, which core does not call; no executor, no IO",
    }],
};

/// A crate that core comes to use is written down here by whoever brings it: it ends in every door, and in the part
/// that decides.
const CORE_USES: &[&str] = &[
    "annotate-snippets",
    "aws-lc-rs",
    "base64",
    "cms",
    "const-oid",
    "der",
    "ed25519-dalek",
    "jiff",
    "packageurl",
    "pep440_rs",
    "regex",
    "regex-syntax",
    "rustls-pki-types",
    "schemars",
    "semver",
    "serde",
    "serde-saphyr",
    "serde_json",
    "sha2",
    "sigstore-merkle",
    "sigstore-trust-root",
    "sigstore-types",
    "spdx",
    "spki",
    "strsim",
    "thiserror",
    "x509-cert",
];

/// The room that holds private keys: what comes to it is written down here as well.
const SIGN_USES: &[&str] = &[
    "aws-lc-rs",
    "base64",
    "cms",
    "crypto_secretbox",
    "der",
    "futures-util",
    "pem-rfc7468",
    "scrypt",
    "serde",
    "serde_json",
    "tempfile",
    "thiserror",
    "tokio",
    "x509-cert",
    "zeroize",
];

const ROOMS: &[Room] = &[
    CORE,
    Room {
        name: "countersign",
        rooms: &["countersign-core"],
        only: None,
        never: &["axum*", "kube*", "k8s-openapi", "clap*"],
        not_directly: &[],
        excused: &[],
    },
    Room {
        name: "countersign-sign",
        rooms: &["countersign-core", "countersign"],
        only: Some(SIGN_USES),
        never: &["axum*", "kube*", "k8s-openapi", "clap*"],
        not_directly: &[
            "sigstore-*",
            "reqwest",
            "hyper*",
            "oci-client",
            "oci-spec",
            "http-auth",
        ],
        excused: &[],
    },
    Room {
        name: "countersign-cli",
        rooms: &["countersign-core", "countersign", "countersign-sign"],
        only: None,
        never: &["axum*", "kube*", "k8s-openapi"],
        not_directly: &[
            "sigstore-*",
            "reqwest",
            "hyper*",
            "oci-client",
            "oci-spec",
            "http-auth",
            "aws-lc-*",
        ],
        excused: &[],
    },
    Room {
        name: "countersign-webhook",
        rooms: &["countersign-core", "countersign"],
        only: None,
        never: &[],
        not_directly: &[
            "sigstore-*",
            "reqwest",
            "oci-client",
            "oci-spec",
            "http-auth",
            "aws-lc-*",
        ],
        excused: &[],
    },
    Room {
        name: "countersign-testkit",
        rooms: &[],
        only: None,
        never: &["sigstore-*", "kube*", "clap*"],
        not_directly: &[],
        excused: &[],
    },
    Room {
        name: "countersign-image",
        rooms: &[],
        only: None,
        never: &["tokio*", "reqwest", "hyper*", "kube*", "aws-lc-*"],
        not_directly: &[],
        excused: &[],
    },
    Room {
        name: "countersign-e2e",
        rooms: &["countersign-core", "countersign", "countersign-testkit"],
        only: None,
        never: &["sigstore-verify"],
        not_directly: &[],
        excused: &[],
    },
    Room {
        name: "countersign-echo",
        rooms: &[],
        only: None,
        never: &["sigstore-*", "kube*", "clap*"],
        not_directly: &[],
        excused: &[],
    },
];

/// What no published crate ships: the forger, and the verifier that is the tests' oracle.
const NEVER_SHIPPED: &[&str] = &[
    "countersign-testkit",
    "countersign-image",
    "countersign-e2e",
    "countersign-echo",
    "sigstore-verify",
    "oci-client",
];

/// The room that writes to registries, and the only one that may use it.
const PUSHES: &str = "countersign-sign";
const MAY_PUSH: &str = "countersign-cli";
/// What asks the services of Sigstore to sign: nothing that is shipped needs foreign ones beside those of the room that signs.
const SIGNING_CLIENTS: &[&str] = &[
    "sigstore-sign",
    "sigstore-fulcio",
    "sigstore-oidc",
    "sigstore-rekor",
    "sigstore-tsa",
];
/// What a client of Fulcio or Rekor has to say.
const SIGNING_PATHS: &[&str] = &[
    "api/v2/signingCert",
    "api/v2/log/entries",
    "api/v1/log/entries",
];
/// What opens encrypted private keys: nobody else has a use for it.
const OPENS_KEYS: &[&str] = &["scrypt", "crypto_secretbox"];

#[test]
fn every_crate_of_the_workspace_is_a_room_of_the_table() {
    let graph = workspace();
    let mut members = graph.members();
    let mut rooms: Vec<&str> = ROOMS.iter().map(|room| room.name).collect();
    members.sort_unstable();
    rooms.sort_unstable();
    assert_eq!(members, rooms);
}

#[test]
fn each_room_uses_only_what_it_may() {
    let graph = workspace();
    let wrong: Vec<String> = ROOMS
        .iter()
        .flat_map(|room| violations(&graph, room))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_published_crate_ships_what_is_for_tests() {
    let graph = workspace();
    let wrong = shipped(&graph);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_command_pushes() {
    let graph = workspace();
    let wrong = pushers(&graph);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(graph.reached(MAY_PUSH).contains_key(PUSHES));
}

#[test]
fn only_the_command_has_things_signed() {
    let graph = workspace();
    let wrong = signers(&graph);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The clients are a few lines, which another room could have too.
#[test]
fn only_the_room_that_signs_knows_the_services() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut knowing: Vec<String> = workspace()
        .published()
        .filter(|member| {
            let folder = member.strip_prefix("countersign-").unwrap_or(member);
            let sources = crates.join(folder).join("src");
            assert!(sources.is_dir(), "{}", sources.display());
            !sources::mentions(&sources, SIGNING_PATHS).is_empty()
        })
        .map(str::to_owned)
        .collect();
    knowing.sort_unstable();
    assert_eq!(knowing, [PUSHES]);
}

#[test]
fn only_the_room_that_signs_opens_private_keys() {
    let graph = workspace();
    let wrong = key_openers(&graph);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for opener in OPENS_KEYS {
        assert!(graph.uses(PUSHES).contains(opener), "{opener}");
    }
}

#[test]
fn core_has_no_io_clock_environment_thread_or_async() {
    let wrong = sources::scan(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn workspace() -> Graph {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        // What other systems need (a clock for browsers, say) is not what is shipped.
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Graph::new(&serde_json::from_slice(&output.stdout).unwrap())
}

fn violations(graph: &Graph, room: &Room) -> Vec<String> {
    let name = room.name;
    let mut wrong = Vec::new();
    for used in graph.uses(name) {
        if graph.is_member(used) {
            if !room.rooms.contains(&used) {
                wrong.push(format!("{name} must not use the room {used}"));
            }
        } else if room.only.is_some_and(|only| !only.contains(&used)) {
            wrong.push(format!(
                "{name} uses {used}, which its table in crates/core/tests/rooms.rs does not list"
            ));
        }
        if any(room.not_directly, used) {
            wrong.push(format!("{name} must not use {used} directly"));
        }
    }
    for unused in room.only.unwrap_or_default() {
        if !graph.uses(name).contains(unused) {
            wrong.push(format!(
                "{name} may use {unused} but does not: take it off the table"
            ));
        }
    }
    for (reached, path) in graph.reached(name) {
        let through = path[path.len() - 2];
        let excused = room
            .excused
            .iter()
            .any(|excuse| excuse.krate == reached && excuse.through == through);
        if any(room.never, reached) && !excused {
            wrong.push(format!(
                "{name} must not reach {reached}: {}",
                path.join(" → ")
            ));
        }
    }
    for excuse in room.excused {
        if !graph.edge(name, excuse.through, excuse.krate) {
            wrong.push(format!(
                "{name} no longer reaches {} through {}: take the excuse off the table",
                excuse.krate, excuse.through
            ));
        }
    }
    wrong
}

fn shipped(graph: &Graph) -> Vec<String> {
    let mut wrong = Vec::new();
    for member in graph.published() {
        for (reached, path) in graph.reached(member) {
            if NEVER_SHIPPED.contains(&reached) {
                wrong.push(format!(
                    "the published {member} ships {reached}: {}",
                    path.join(" → ")
                ));
            }
        }
    }
    wrong
}

/// Crates of the workspace that could write to a registry and must not.
fn pushers(graph: &Graph) -> Vec<String> {
    let mut wrong = Vec::new();
    for member in graph.members() {
        if let Some(path) = graph.reached(member).get(PUSHES)
            && member != MAY_PUSH
        {
            wrong.push(format!("{member} could push: {}", path.join(" → ")));
        }
    }
    wrong
}

/// Crates of the workspace that could have something signed and must not: by the room that signs, or by clients of others.
fn signers(graph: &Graph) -> Vec<String> {
    let mut wrong = Vec::new();
    for member in graph.published() {
        let reached = graph.reached(member);
        let may = [MAY_PUSH, PUSHES].contains(&member);
        let forbidden = SIGNING_CLIENTS.iter().chain((!may).then_some(&PUSHES));
        for client in forbidden {
            if let Some(path) = reached.get(client) {
                wrong.push(format!("{member} could sign: {}", path.join(" → ")));
            }
        }
    }
    wrong
}

/// Crates of the workspace that could open an encrypted private key and must not.
fn key_openers(graph: &Graph) -> Vec<String> {
    let mut wrong = Vec::new();
    for member in graph.members() {
        let reached = graph.reached(member);
        for opener in OPENS_KEYS {
            if let Some(path) = reached.get(opener)
                && !path.contains(&PUSHES)
            {
                wrong.push(format!("{member} opens keys: {}", path.join(" → ")));
            }
        }
    }
    wrong
}

fn any(patterns: &[&str], name: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *pattern,
        })
}
