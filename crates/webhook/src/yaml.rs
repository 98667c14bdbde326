//! Trees as YAML: the same tree is always the same text, and of each line it is known which field it tells of.

use std::fmt::Write as _;

use serde_json::Value;

/// What a reader of YAML 1.1, as `kubectl` is, takes for something else than text.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// A tree, written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// The text, block style, with keys in the order of their letters.
    pub(crate) text: String,
    /// The field of each line: `spec.rules[0].name`.
    fields: Vec<String>,
}

impl Written {
    /// Writes a mapping or a list.
    pub(crate) fn of(tree: &Value) -> Self {
        let mut written = Self::default();
        written.node(tree, 0, "");
        written
    }

    /// Which field stands in this line, counted from 1.
    pub(crate) fn field(&self, line: usize) -> Option<&str> {
        let index = line.checked_sub(1)?;
        self.fields.get(index).map(String::as_str)
    }

    fn node(&mut self, node: &Value, indent: usize, at: &str) {
        match node {
            Value::Object(fields) if !fields.is_empty() => {
                self.mapping(fields, indent, at, &" ".repeat(indent));
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    let at = format!("{at}[{index}]");
                    let dash = format!("{}- ", " ".repeat(indent));
                    match item {
                        Value::Object(fields) if !fields.is_empty() => {
                            self.mapping(fields, indent + 2, &at, &dash);
                        }
                        Value::Array(items) if !items.is_empty() => {
                            self.line(dash.trim_end(), &at);
                            self.node(item, indent + 2, &at);
                        }
                        leaf => self.line(&(dash + &scalar(leaf)), &at),
                    }
                }
            }
            leaf => self.line(&(" ".repeat(indent) + &scalar(leaf)), at),
        }
    }

    /// The fields of a mapping, the first of them behind `first`.
    fn mapping(
        &mut self,
        fields: &serde_json::Map<String, Value>,
        indent: usize,
        at: &str,
        first: &str,
    ) {
        let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
        fields.sort_unstable_by_key(|(name, _)| *name);
        let rest = " ".repeat(indent);
        for (index, (name, value)) in fields.into_iter().enumerate() {
            let begin = if index == 0 { first } else { &rest };
            let (at, key) = (below(at, name), string(name));
            if is_leaf(value) {
                self.line(&format!("{begin}{key}: {}", scalar(value)), &at);
            } else {
                self.line(&format!("{begin}{key}:"), &at);
                self.node(value, indent + 2, &at);
            }
        }
    }

    fn line(&mut self, line: &str, at: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        self.fields.push(at.to_owned());
    }
}

fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    }
}

/// The path of a field of what is at `at`.
fn below(at: &str, name: &str) -> String {
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    match (is_plain && !name.is_empty(), at) {
        (true, "") => name.to_owned(),
        (true, at) => format!("{at}.{name}"),
        (false, at) => format!("{at}[{}]", quoted(name)),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => string(text),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        // Numbers, booleans and null are in YAML what they are in JSON.
        other => other.to_string(),
    }
}

/// Without quotes where no reader could take it for anything but this text.
fn string(text: &str) -> String {
    let is_plain = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b'-'));
    let is_word = WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    match is_plain && !is_word {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// In double quotes (YAML 1.2.2, 7.3.1). What is no letter, digit or sign of ASCII is escaped: it might turn, hide or end a line.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            '\n' => quoted.push_str("\\n"),
            ' ' => quoted.push(' '),
            char if char.is_ascii_graphic() || (!char.is_ascii() && char.is_alphanumeric()) => {
                quoted.push(char);
            }
            char => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\U{:08x}", u32::from(char));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_tree_is_written_line_by_line_with_its_fields() {
        let tree = json!({
            "spec": {
                "rules": [{"name": "signed", "signature": {"from": "release"}}, {"digest": "required"}],
                "labels": {"a/b": "off", "": "x y"}, "empty": {}, "none": [], "nested": [["a"], []],
                "n": 3, "b": false, "nothing": null, "pem": "-----\nA\u{202e}ü\"\\\t",
            },
            "kind": "Policy",
        });
        let written = Written::of(&tree);
        let text = r#"kind: Policy
spec:
  b: false
  empty: {}
  labels:
    "": "x y"
    a/b: "off"
  "n": 3
  nested:
    -
      - a
    - []
  none: []
  nothing: null
  pem: "-----\nA\U0000202eü\"\\\U00000009"
  rules:
    - name: signed
      signature:
        from: release
    - digest: required
"#;
        assert_eq!(written.text, text);
        for (line, field) in [
            (0, None),
            (1, Some("kind")),
            (2, Some("spec")),
            (6, Some("spec.labels[\"\"]")),
            (7, Some("spec.labels[\"a/b\"]")),
            (11, Some("spec.nested[0][0]")),
            (17, Some("spec.rules[0].name")),
            (19, Some("spec.rules[0].signature.from")),
            (20, Some("spec.rules[1].digest")),
            (21, None),
        ] {
            assert_eq!(written.field(line), field, "{line}");
        }
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            proptest::sample::select(&["off", "Yes", "1e3", "~", "", "- a", "a: b", "#", "<<"][..])
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map("\\PC{0,8}", inner, 0..5)
                    .prop_map(|it| Value::Object(it.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_what_it_was(inner in tree()) {
            let tree = json!({"spec": inner});
            let written = Written::of(&tree);
            let read: Value = serde_saphyr::from_str(&written.text)
                .map_err(|error| TestCaseError::fail(format!("{error}\n{}", written.text)))?;
            prop_assert_eq!(&read, &tree, "{}", written.text);
            prop_assert_eq!(written.fields.len(), written.text.lines().count());
        }
    }
}
