//! Parameters under one name each: `inputs.debug` is what JSON nests.

use std::collections::BTreeMap;

use serde_json::Value;

/// No build has more parameters; a document that lists more is not read.
const MOST: usize = 10_000;
/// Bytes of all names together, also of what says nothing: the name of an object is repeated for everything inside it, so that
/// few bytes of a document could otherwise fill the memory.
const MOST_NAME_BYTES: usize = 4 * 1024 * 1024;

/// Every scalar by its path. Empty objects, empty lists and `null` say nothing and have no name.
///
/// # Errors
/// There are too many, or their names are too long.
pub(super) fn flat(
    values: impl IntoIterator<Item = (String, Value)>,
) -> Result<BTreeMap<String, String>, String> {
    let mut flat = Flat::default();
    for (name, value) in values {
        flat.add(name, value)?;
    }
    Ok(flat.all)
}

#[derive(Default)]
struct Flat {
    all: BTreeMap<String, String>,
    name_bytes: usize,
}

impl Flat {
    /// The depth is bounded by the reader of the document.
    fn add(&mut self, name: String, value: Value) -> Result<(), String> {
        self.name_bytes += name.len();
        if self.name_bytes > MOST_NAME_BYTES {
            return Err(format!(
                "names of parameters of more than {MOST_NAME_BYTES} bytes"
            ));
        }
        let text = match value {
            Value::Null => return Ok(()),
            Value::Object(members) => {
                for (key, inner) in members {
                    self.add(format!("{name}.{key}"), inner)?;
                }
                return Ok(());
            }
            Value::Array(items) => {
                for (number, inner) in items.into_iter().enumerate() {
                    self.add(format!("{name}.{number}"), inner)?;
                }
                return Ok(());
            }
            Value::String(text) => text,
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
        };
        if self.all.len() == MOST {
            return Err(format!("more than {MOST} parameters"));
        }
        // `{"a.b": 1, "a": {"b": 2}}` would have one name for two values.
        match self.all.insert(name, text) {
            None => Ok(()),
            Some(_) => Err("two parameters have one name".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::flat;

    /// A name of one MiB above nine values, and above nine that say nothing.
    #[test]
    fn long_names_are_not_repeated_without_end() {
        for value in [
            json!([0, 0, 0, 0, 0, 0, 0, 0, 0]),
            json!([null, null, null, null, {}, {}, {}, [], []]),
        ] {
            let long = [("k".repeat(1024 * 1024), value.clone())];
            assert!(flat(long).is_err_and(|why| why.contains("names of parameters")));
            assert!(flat([("k".to_owned(), value)]).is_ok());
        }
    }
}
