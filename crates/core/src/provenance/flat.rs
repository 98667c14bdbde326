//! Parameters under one name each: `inputs.debug` is what JSON nests.

use std::collections::BTreeMap;

use serde_json::Value;

/// No build has more parameters; a document that lists more is not read.
const MOST: usize = 10_000;

/// Every scalar by its path. Empty objects, empty lists and `null` say nothing and have no name.
///
/// # Errors
/// There are too many.
pub(super) fn flat(
    values: impl IntoIterator<Item = (String, Value)>,
) -> Result<BTreeMap<String, String>, String> {
    let mut all = BTreeMap::new();
    for (name, value) in values {
        add(name, value, &mut all)?;
    }
    Ok(all)
}

/// The depth is bounded by the reader of the document.
fn add(name: String, value: Value, all: &mut BTreeMap<String, String>) -> Result<(), String> {
    let text = match value {
        Value::Null => return Ok(()),
        Value::Object(members) => {
            for (key, inner) in members {
                add(format!("{name}.{key}"), inner, all)?;
            }
            return Ok(());
        }
        Value::Array(items) => {
            for (number, inner) in items.into_iter().enumerate() {
                add(format!("{name}.{number}"), inner, all)?;
            }
            return Ok(());
        }
        Value::String(text) => text,
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
    };
    if all.len() == MOST {
        return Err(format!("more than {MOST} parameters"));
    }
    // `{"a.b": 1, "a": {"b": 2}}` would have one name for two values.
    match all.insert(name, text) {
        None => Ok(()),
        Some(_) => Err("two parameters have one name".to_owned()),
    }
}
