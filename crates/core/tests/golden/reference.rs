//! The reference page of policies, from their JSON Schema: every kind, every field, its type and what it means.

use std::fmt::Write as _;

use serde_json::Value;

const HEAD: &str = "# Reference of policies

<!-- Generated from crates/core/src/policy/document by crates/core/tests/golden.rs; do not edit. -->

Every kind of document and every field that this version reads. Any other field is an error. [policy.md](policy.md) shows how
they go together, and `countersign policy schema` prints the JSON Schema for editors.

Every document has the head

```yaml
apiVersion: countersign.dev/v1alpha1
kind: Policy                      # one of the kinds below
metadata: {name: production}      # unique among documents of this kind
spec: {}                          # the fields below
```

| type | is written as |
|---|---|
| text | any text that is not empty; a number or boolean has to stand in quotes |
| name | at most 63 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends |
| duration | a number and one unit: `90s`, `30m`, `12h`, `7d`, `4w` |
| time | RFC 3339 with an offset, such as `2026-01-31T12:00:00Z`, or a date |
| platform | `os/architecture` or `os/architecture/variant` |
| list | never empty: nothing passes by emptiness |
";

/// The whole page.
pub(crate) fn page(schema: &Value) -> String {
    let mut page = HEAD.to_owned();
    let kinds = schema["oneOf"].as_array().unwrap();
    assert!(!kinds.is_empty());
    for kind in kinds {
        let properties = &kind["properties"];
        let (name, spec) = (
            properties["kind"]["const"].as_str().unwrap(),
            &properties["spec"],
        );
        write!(page, "\n## {name}\n\n{}\n\n", text(&spec["description"])).unwrap();
        page.push_str("| field | type | meaning |\n|---|---|---|\n");
        rows("", spec, &mut page);
    }
    page
}

/// One line for each field of an object, and for those inside it.
fn rows(prefix: &str, object: &Value, page: &mut String) {
    let required = |name: &str| {
        let mut names = object["required"].as_array().into_iter().flatten();
        names.any(|required| required == name)
    };
    for (name, field) in object["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        let mark = if required(name) { ", **required**" } else { "" };
        let meaning = text(&field["description"]).replace('|', "\\|");
        assert!(!meaning.is_empty(), "{path} is not described");
        writeln!(page, "| `{path}` | {}{mark} | {meaning} |", kind(field)).unwrap();
        inside(&path, field, page);
    }
}

fn inside(path: &str, field: &Value, page: &mut String) {
    if field["type"] == "array" {
        inside(&format!("{path}[]"), &field["items"], page);
    } else {
        rows(&format!("{path}."), field, page);
    }
}

/// What may be written, in words.
fn kind(schema: &Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words
            .iter()
            .map(|word| format!("`{}`", text(word)))
            .collect();
        return words.join(", ");
    }
    if let Some(one_of) = schema["oneOf"].as_array() {
        let kinds: Vec<String> = one_of.iter().map(kind_within).collect();
        return kinds.join(", or ");
    }
    if let Some(title) = schema["title"].as_str() {
        return title.to_owned();
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(word) if word == "object" && schema["additionalProperties"].is_object() => {
            format!("mapping to {}", kind(&schema["additionalProperties"]))
        }
        Value::String(word) if word == "object" => "mapping".to_owned(),
        Value::String(word) if word == "string" => "text".to_owned(),
        Value::String(word) if word == "integer" => "whole number".to_owned(),
        Value::String(word) if word == "boolean" => "`true`, `false`".to_owned(),
        Value::Array(_) => "mapping, or text with JSON".to_owned(),
        other => panic!("what type is {other} of {schema}?"),
    }
}

/// An alternative: of a mapping its fields.
fn kind_within(schema: &Value) -> String {
    match schema["properties"].as_object() {
        Some(fields) => {
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            format!("`{{{}: …}}`", names.join(": …, "))
        }
        None => kind(schema),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
