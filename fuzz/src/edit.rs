//! Valid evidence with edits: bytes of its parts, its fields, and parts of other evidence.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::Content;
use serde_json::{Map, Value, json};

use crate::world;

/// The first byte chooses the evidence; each eight bytes behind it are one edit.
pub fn edited(bytes: &[u8]) -> Option<Content> {
    let (item, edits) = bytes.split_first()?;
    let original = world().item(*item);
    let mut document = unfold(original);
    for edit in edits.chunks_exact(8).take(16) {
        apply(edit, &mut document);
    }
    fold(original, document)
}

/// One edit: what is done; to which node; the number of other evidence; a place; a value.
fn apply(edit: &[u8], document: &mut Value) -> Option<()> {
    let [how, node_high, node_low, other, at_high, at_low, value, _] = *edit else { return None };
    let number = |high, low| usize::from(u16::from_be_bytes([high, low]));
    let at = number(at_high, at_low);
    let mut nodes = Vec::new();
    pointers(document, "", &mut nodes);
    let pointer = &nodes[number(node_high, node_low) % nodes.len()];
    let node = document.pointer_mut(pointer)?;
    match how % 8 {
        0 => change(node, |bytes| {
            let at = at % bytes.len().max(1);
            bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= value.max(1));
        }),
        1 => change(node, |bytes| bytes.truncate(at)),
        2 => change(node, |bytes| bytes.insert(at.min(bytes.len()), value)),
        3 => *node = scalar(value),
        4 => *node = unfold(world().item(other)).pointer(pointer)?.clone(),
        5 => {
            let other = unfold(world().item(other));
            let mut theirs = Vec::new();
            pointers(&other, "", &mut theirs);
            *node = other.pointer(&theirs[at % theirs.len()])?.clone();
        }
        6 => match node {
            Value::Array(items) => items.push(items.get(at % items.len().max(1))?.clone()),
            Value::Number(number) => *node = json!(number.as_i64()?.wrapping_add(i64::from(value) - 128)),
            _ => {}
        },
        _ => {
            let (parent, name) = pointer.rsplit_once('/')?;
            match document.pointer_mut(parent)? {
                Value::Object(members) => drop(members.remove(&name.replace("~1", "/").replace("~0", "~"))),
                Value::Array(items) => drop(items.remove(name.parse().ok()?)),
                _ => {}
            }
        }
    }
    Some(())
}

/// Changes a text: the bytes that it stands for in base64, or else its own.
fn change(node: &mut Value, how: impl Fn(&mut Vec<u8>)) {
    let Value::String(text) = node else { return };
    match STANDARD.decode(&*text) {
        Ok(mut bytes) => {
            how(&mut bytes);
            *text = STANDARD.encode(bytes);
        }
        Err(_) => {
            let mut bytes = text.as_bytes().to_vec();
            how(&mut bytes);
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

fn scalar(value: u8) -> Value {
    let all = [
        json!(null),
        json!(""),
        json!("0"),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!("9223372036854775807"),
        json!([]),
        json!({}),
        json!(true),
    ];
    all[usize::from(value) % all.len()].clone()
}

/// RFC 6901 pointers to every value, outermost first.
fn pointers(value: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| pointers(item, &format!("{here}/{at}"), all));
        }
        Value::Object(members) => {
            for (name, member) in members {
                pointers(member, &format!("{here}/{}", name.replace('~', "~0").replace('/', "~1")), all);
            }
        }
        _ => {}
    }
}

/// A bundle as it is; of a layer what was signed, in base64, and its annotations, unfolded where they are JSON.
fn unfold(content: &Content) -> Value {
    let (signed, annotations) = match content {
        Content::Bundle(bytes) => return serde_json::from_slice(bytes).expect("a bundle is JSON"),
        Content::SimpleSigning { payload, annotations } => (payload, annotations),
        Content::Attestation { envelope, annotations } => (envelope, annotations),
        other => unreachable!("{other:?}"),
    };
    let unfolded: Map<String, Value> = annotations
        .iter()
        .map(|(name, text)| {
            let json = Some(text).filter(|text| text.starts_with('{'));
            let json = json.and_then(|text| serde_json::from_str(text).ok());
            (name.clone(), json.unwrap_or_else(|| json!(text)))
        })
        .collect();
    json!({"signed": STANDARD.encode(signed), "annotations": unfolded})
}

fn fold(original: &Content, document: Value) -> Option<Content> {
    let signed = || Some(STANDARD.decode(document["signed"].as_str()?).ok()?.into());
    let annotations = || {
        let members = document["annotations"].as_object()?.iter();
        let texts = members
            .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        Some(texts.collect())
    };
    Some(match original {
        Content::SimpleSigning { .. } => Content::SimpleSigning { payload: signed()?, annotations: annotations()? },
        Content::Attestation { .. } => Content::Attestation { envelope: signed()?, annotations: annotations()? },
        _ => Content::Bundle(document.to_string().into_bytes().into()),
    })
}
