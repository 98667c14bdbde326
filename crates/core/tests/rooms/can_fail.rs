//! That the checks of `rooms.rs` can fail: on forged metadata they do, where they should and nowhere else.

use serde_json::{Value, json};

use super::graph::Graph;
use super::{Excuse, Room, key_openers, pushers, shipped, signers, violations};

/// Metadata of `core → serde → hidden`, `core ⇢ testkit` (development only), and what the test adds.
fn forged(edges: &[(&str, &str, Value)]) -> Graph {
    let mut all = vec![
        ("countersign-core", "serde", Value::Null),
        ("serde", "hidden", Value::Null),
        ("countersign-core", "countersign-testkit", json!("dev")),
    ];
    all.extend(edges.iter().cloned());
    let mut names: Vec<&str> = all.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
    names.sort_unstable();
    names.dedup();
    let package = |name: &&str| {
        let publish = if *name == "countersign-testkit" {
            json!([])
        } else {
            Value::Null
        };
        json!({"id": format!("id of {name}"), "name": name, "publish": publish})
    };
    let node = |name: &&str| {
        let deps: Vec<Value> = all
            .iter()
            .filter(|(from, ..)| from == name)
            .map(|(_, to, kind)| json!({"pkg": format!("id of {to}"), "dep_kinds": [{"kind": kind}]}))
            .collect();
        json!({"id": format!("id of {name}"), "deps": deps})
    };
    let is_room = |name: &&&str| name.starts_with("countersign");
    Graph::new(&json!({
        "packages": names.iter().map(package).collect::<Vec<_>>(),
        "workspace_members": names.iter().filter(is_room).map(|name| format!("id of {name}")).collect::<Vec<_>>(),
        "resolve": {"nodes": names.iter().map(node).collect::<Vec<_>>()},
    }))
}

const PURE: Room = Room {
    name: "countersign-core",
    rooms: &[],
    only: Some(&["serde"]),
    never: &["tokio*"],
    not_directly: &["hidden"],
    excused: &[],
};

#[test]
fn what_keeps_the_rules_is_let_be() {
    assert_eq!(violations(&forged(&[]), &PURE), [""; 0]);
    assert_eq!(shipped(&forged(&[])), [""; 0]);
}

#[test]
fn a_forbidden_crate_is_seen_through_others() {
    let graph = forged(&[("hidden", "tokio-util", Value::Null)]);
    let expected = "countersign-core must not reach tokio-util: countersign-core → serde → hidden → tokio-util";
    assert_eq!(violations(&graph, &PURE), [expected]);
}

#[test]
fn a_build_dependency_counts_and_a_development_one_does_not() {
    let built = forged(&[("serde", "tokio", json!("build"))]);
    assert_eq!(violations(&built, &PURE).len(), 1);
    let tested = forged(&[("countersign-core", "tokio", json!("dev"))]);
    assert_eq!(violations(&tested, &PURE), [""; 0]);
}

#[test]
fn a_crate_that_is_not_listed_is_seen() {
    let graph = forged(&[("countersign-core", "left-pad", Value::Null)]);
    assert!(violations(&graph, &PURE)[0].starts_with("countersign-core uses left-pad, which"));
    let unused = Room {
        only: Some(&["serde", "gone"]),
        ..PURE
    };
    assert!(violations(&forged(&[]), &unused)[0].contains("may use gone but does not"));
}

#[test]
fn a_crate_of_a_room_below_is_seen() {
    let graph = forged(&[("countersign-core", "hidden", Value::Null)]);
    let open = Room { only: None, ..PURE };
    assert_eq!(
        violations(&graph, &open),
        ["countersign-core must not use hidden directly"]
    );
}

#[test]
fn a_room_above_is_seen() {
    let graph = forged(&[("countersign-core", "countersign", Value::Null)]);
    assert_eq!(
        violations(&graph, &PURE),
        ["countersign-core must not use the room countersign"]
    );
}

#[test]
fn an_excuse_holds_for_its_path_only_and_not_for_ever() {
    const EXCUSED: Room = Room {
        excused: &[Excuse {
            krate: "tokio",
            through: "hidden",
            because: "a test",
        }],
        ..PURE
    };
    let here = forged(&[("hidden", "tokio", Value::Null)]);
    assert_eq!(violations(&here, &EXCUSED), [""; 0]);
    let elsewhere = forged(&[("serde", "tokio", Value::Null)]);
    assert_eq!(violations(&elsewhere, &EXCUSED).len(), 2);
    assert!(violations(&forged(&[]), &EXCUSED)[0].contains("take the excuse off"));
}

#[test]
fn a_shipped_forger_is_seen() {
    let graph = forged(&[("serde", "countersign-testkit", Value::Null)]);
    assert!(
        shipped(&graph)[0].starts_with("the published countersign-core ships countersign-testkit")
    );
}

#[test]
fn a_room_that_could_push_is_seen_and_the_command_may() {
    let graph = forged(&[
        ("countersign-cli", "countersign-sign", Value::Null),
        ("countersign-webhook", "hidden", Value::Null),
        ("hidden", "countersign-sign", Value::Null),
    ]);
    let mut wrong = pushers(&graph);
    wrong.sort_unstable();
    assert_eq!(
        wrong,
        [
            "countersign-core could push: countersign-core → serde → hidden → countersign-sign",
            "countersign-webhook could push: countersign-webhook → hidden → countersign-sign",
        ]
    );
    assert_eq!(pushers(&forged(&[])), [""; 0]);
}

#[test]
fn a_room_that_opens_private_keys_is_seen_and_the_one_that_signs_may() {
    let graph = forged(&[
        ("countersign-cli", "countersign-sign", Value::Null),
        ("countersign-sign", "scrypt", Value::Null),
        ("countersign-webhook", "scrypt", Value::Null),
    ]);
    let wrong = key_openers(&graph);
    assert_eq!(
        wrong,
        ["countersign-webhook opens keys: countersign-webhook → scrypt"]
    );
    assert_eq!(key_openers(&forged(&[])), [""; 0]);
}

#[test]
fn a_webhook_that_could_sign_is_seen_and_the_command_may() {
    let graph = forged(&[
        ("countersign-cli", "countersign-sign", Value::Null),
        ("countersign-webhook", "countersign-sign", Value::Null),
    ]);
    assert_eq!(
        signers(&graph),
        ["countersign-webhook could sign: countersign-webhook → countersign-sign"]
    );
    // Clients of others are no way around it, and not for the command either.
    let graph = forged(&[
        ("countersign-webhook", "left-pad", Value::Null),
        ("left-pad", "sigstore-fulcio", Value::Null),
        ("countersign-cli", "sigstore-rekor", Value::Null),
    ]);
    let mut wrong = signers(&graph);
    wrong.sort_unstable();
    assert_eq!(
        wrong,
        [
            "countersign-cli could sign: countersign-cli → sigstore-rekor",
            "countersign-webhook could sign: countersign-webhook → left-pad → sigstore-fulcio",
        ]
    );
    assert_eq!(signers(&forged(&[])), [""; 0]);
}
