//! Questions of a real API server, changed: their trees, and then their bytes.

use serde_json::{Map, Value, json};

/// What is done; to which node or byte; from where or with what.
pub(crate) type Edit = (u8, u16, u16);

/// Changes the tree.
pub(crate) fn edit(review: &mut Value, edits: &[Edit], images: &[&str]) {
    for (how, node, other) in edits {
        let pointers = pointers(review);
        let pick = |number: u16| &pointers[usize::from(number) % pointers.len()];
        let (at, from) = (pick(*node), pick(*other));
        let source = review.pointer(from).cloned().unwrap_or_default();
        match how % 8 {
            0 => remove(review, at),
            1 => *review.pointer_mut(at).unwrap() = odd(*other, images),
            2 => *review.pointer_mut(at).unwrap() = source,
            3 => rename(review, at, *other),
            4 => match review.pointer_mut(at).unwrap() {
                Value::Array(items) => items.push(source),
                Value::Object(members) => drop(members.insert(key(*other).to_owned(), source)),
                text => *text = json!(images[usize::from(*other) % images.len()]),
            },
            5 => swap(review, at, from),
            // What is asked about, and not how it looks.
            6 => {
                let operations = ["CREATE", "UPDATE", "DELETE", "CONNECT", "create", "PATCH"];
                let operation = operations[usize::from(*other) % operations.len()];
                put(review, "/request/operation", operation);
            }
            _ => {
                let kinds = ["Pod", "Deployment", "CronJob", "PodTemplate", "ConfigMap"];
                let kind = kinds[usize::from(*other) % kinds.len()];
                put(review, "/request/kind/kind", kind);
                if node % 2 == 0 {
                    put(review, "/request/object/kind", kind);
                }
            }
        }
    }
}

/// Where there is such a node, which an edit before may have taken away.
fn put(review: &mut Value, at: &str, text: &str) {
    if let Some(node) = review.pointer_mut(at) {
        *node = json!(text);
    }
}

/// Changes the bytes.
pub(crate) fn tear(body: &mut Vec<u8>, edits: &[Edit]) {
    for (how, at, value) in edits {
        if body.is_empty() {
            return;
        }
        // A place anywhere, in a body larger than a u16.
        let at = usize::from(*at) * body.len() / 65536;
        match how % 5 {
            0 => body[at] ^= u8::try_from(value % 255).unwrap() + 1,
            1 => body.truncate(at),
            2 => body.insert(at, u8::try_from(value % 256).unwrap()),
            3 => drop(body.drain(at..(at + usize::from(value % 40)).min(body.len()))),
            // A twin of whatever stands there: members, list entries, halves of both.
            _ => {
                let end = (at + usize::from(value % 400)).min(body.len());
                let twin = body[at..end].to_vec();
                body.splice(end..end, twin);
            }
        }
    }
}

/// Every node, by its JSON pointer.
fn pointers(value: &Value) -> Vec<String> {
    fn walk(value: &Value, at: String, all: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    walk(member, format!("{at}/{name}"), all);
                }
            }
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    walk(item, format!("{at}/{number}"), all);
                }
            }
            _ => {}
        }
        all.push(at);
    }
    let mut all = Vec::new();
    walk(value, String::new(), &mut all);
    all
}

/// The node above, and the name of this one in it; none of the root.
fn above<'a>(review: &'a mut Value, at: &str) -> Option<(&'a mut Value, String)> {
    let (parent, name) = at.rsplit_once('/')?;
    let name = name.replace("~1", "/").replace("~0", "~");
    Some((review.pointer_mut(parent)?, name))
}

fn remove(review: &mut Value, at: &str) {
    match above(review, at) {
        Some((Value::Object(members), name)) => drop(members.remove(&name)),
        Some((Value::Array(items), name)) => drop(items.remove(name.parse().unwrap())),
        _ => {}
    }
}

fn rename(review: &mut Value, at: &str, other: u16) {
    if let Some((Value::Object(members), name)) = above(review, at) {
        let value = members.remove(&name).unwrap_or_default();
        let new = match other % 4 {
            0 => name.to_uppercase(),
            1 => format!("{name} "),
            2 => name.chars().rev().collect(),
            _ => key(other).to_owned(),
        };
        members.insert(new, value);
    }
}

fn swap(review: &mut Value, at: &str, from: &str) {
    // One within the other cannot change places with it.
    if at.starts_with(from) || from.starts_with(at) {
        return;
    }
    let (left, right) = (review.pointer(at).cloned(), review.pointer(from).cloned());
    if let (Some(left), Some(right)) = (left, right) {
        *review.pointer_mut(at).unwrap() = right;
        *review.pointer_mut(from).unwrap() = left;
    }
}

/// Names that mean something.
fn key(number: u16) -> &'static str {
    let keys = [
        "image",
        "images",
        "containers",
        "initContainers",
        "ephemeralContainers",
        "volumes",
        "reference",
        "spec",
        "template",
        "metadata",
        "ownerReferences",
        "annotations",
        "deletionTimestamp",
        "object",
        "oldObject",
        "operation",
        "kind",
        "apiVersion",
        "namespace",
        "dryRun",
        "name",
        "uid",
    ];
    keys[usize::from(number) % keys.len()]
}

/// Values that programs stumble over.
fn odd(number: u16, images: &[&str]) -> Value {
    let deep = (0..200).fold(json!("deep"), |inner, _| json!([inner]));
    let odd = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1.5e300),
        json!(u64::MAX),
        json!(""),
        json!("\0"),
        json!("\u{202e}x\u{1b}[0m"),
        json!("x".repeat(70_000)),
        json!([]),
        json!([null]),
        json!({}),
        Value::Object(Map::from_iter([(String::new(), Value::Null)])),
        deep,
    ];
    let number = usize::from(number) % (odd.len() + images.len());
    match number.checked_sub(odd.len()) {
        Some(image) => json!(images[image]),
        None => odd[number].clone(),
    }
}
