//! Break-glass statements and approvals of them.

use serde_json::{Value, json};

use crate::digest::sha256_hex;
use crate::forge::{Forge, Key};

/// The predicate type.
pub const BREAK_GLASS: &str = "https://countersign.dev/break-glass/v1";

/// A statement about images, each a canonical repository and `sha256:…`, in the cluster `prod-eu-1` and the namespace `shop`, of three hours:
/// a good one, for tests to change by JSON pointer.
///
/// # Panics
/// A digest does not begin with `sha256:`.
#[must_use]
pub fn statement(images: &[(&str, &str)], not_before: &str, not_after: &str) -> Value {
    let subjects: Vec<Value> = images
        .iter()
        .map(|(name, digest)| {
            let hex = digest.strip_prefix("sha256:").expect("a sha256 digest");
            json!({"name": name, "digest": {"sha256": hex}})
        })
        .collect();
    let mut repositories: Vec<&str> = images.iter().map(|(name, _)| *name).collect();
    repositories.sort_unstable();
    repositories.dedup();
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": BREAK_GLASS,
        "predicate": {
            "id": "bg-1",
            "cluster": "prod-eu-1",
            "namespaces": ["shop"],
            "repositories": repositories,
            "reason": "the registry is down and the fix has to go out",
            "ticket": "INC-7",
            "requestedBy": "amara",
            "notBefore": not_before,
            "notAfter": not_after,
            "scope": "images",
        },
    })
}

/// The same about whatever runs in the namespaces.
///
/// # Panics
/// The statement has no predicate.
#[must_use]
pub fn of_namespaces(mut statement: Value) -> Value {
    let cluster = statement["predicate"]["cluster"].clone();
    let cluster = cluster.as_str().unwrap_or_default();
    let namespaces = statement["predicate"]["namespaces"].clone();
    let subjects = namespaces.as_array().into_iter().flatten().map(|it| {
        let name = format!("namespace:{cluster}/{}", it.as_str().unwrap_or_default());
        let hex = sha256_hex(name.as_bytes());
        json!({"name": name, "digest": {"sha256": hex}})
    });
    statement["subject"] = subjects.collect();
    let predicate = statement["predicate"].as_object_mut().expect("a predicate");
    predicate.remove("repositories");
    predicate.insert("scope".to_owned(), json!("namespace"));
    statement
}

/// The statement with another value at a JSON pointer.
///
/// # Panics
/// There is nothing at the pointer.
#[must_use]
pub fn with(mut statement: Value, pointer: &str, value: Value) -> Value {
    *statement.pointer_mut(pointer).expect("a place") = value;
    statement
}

/// One approval: a bundle over the statement's bytes, by a key alone.
#[must_use]
pub fn approval(forge: &Forge, statement: &Value, key: &Key) -> Vec<u8> {
    approval_of(forge, statement.to_string().as_bytes(), key)
}

/// An approval of any bytes.
#[must_use]
pub fn approval_of(forge: &Forge, payload: &[u8], key: &Key) -> Vec<u8> {
    let envelope = forge.envelope("application/vnd.in-toto+json", payload);
    envelope.keyed(key).bundle()
}
