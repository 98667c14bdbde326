//! JSON Schema as a CustomResourceDefinition may have it ("structural", `apiextensions.k8s.io/v1`).

use serde_json::{Map, Value, json};

/// What is copied as it is.
const SAME: [&str; 8] = [
    "description",
    "enum",
    "maxLength",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
];

/// Whatever stands here and below is kept by the API server.
pub(super) const KEPT: &str = "x-kubernetes-preserve-unknown-fields";

/// A schema of ours (draft 2020-12, without `$ref`) as a structural one, which takes all that the first takes, and often more.
///
/// - A field that is not known is kept instead of cut off: a misspelled `except` has to reach whoever reports it, for without it the policy would mean something else.
/// - What may be of several types has no type here, because a structural schema knows one for each field.
///
/// # Errors
/// If it has a keyword that is not known here; the text says which and where.
pub(super) fn structural(schema: &Value, at: &str) -> Result<Value, String> {
    let fields = schema
        .as_object()
        .ok_or_else(|| format!("{at}: a schema is a mapping"))?;
    let of_several_types =
        fields.contains_key("oneOf") || fields.get("type").is_some_and(Value::is_array);
    let mut made = Map::new();
    if of_several_types {
        made.insert(KEPT.to_owned(), true.into());
        made.extend(fields.get_key_value("description").map(owned));
        return Ok(made.into());
    }
    for (keyword, value) in fields {
        match keyword.as_str() {
            "type" => made.extend([owned((keyword, value))]),
            same if SAME.contains(&same) => made.extend([owned((keyword, value))]),
            // Only for people who read our own schema.
            "title" => {}
            "required" => made.extend([owned((keyword, value))]),
            "items" => {
                made.insert(keyword.clone(), structural(value, &format!("{at}[]"))?);
            }
            "additionalProperties" if value == &Value::Bool(false) => {
                made.insert(KEPT.to_owned(), true.into());
            }
            "additionalProperties" => {
                made.insert(keyword.clone(), structural(value, &format!("{at}.*"))?);
            }
            "properties" => {
                let all = value.as_object().into_iter().flatten();
                let all = all.map(|(name, schema)| {
                    Ok((name.clone(), structural(schema, &format!("{at}.{name}"))?))
                });
                let all: Map<String, Value> = all.collect::<Result<_, String>>()?;
                made.insert(keyword.clone(), all.into());
            }
            other => return Err(format!("{at}: what is `{other}` in a structural schema?")),
        }
    }
    match made.contains_key("type") {
        true => Ok(made.into()),
        false => Err(format!("{at}: a structural schema needs a `type`")),
    }
}

fn owned((keyword, value): (&String, &Value)) -> (String, Value) {
    (keyword.clone(), value.clone())
}

/// The schema of `status`.
pub(super) fn status() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let number = |description: &str| json!({"type": "integer", "format": "int64", "description": description});
    json!({
        "type": "object",
        "description": "What the webhook makes of it. Written by the webhook alone.",
        "properties": {
            "observedGeneration": number("The generation of the object that all of this is about."),
            "conditions": {
                "type": "array",
                "description": "`Accepted`: nothing is wrong with this object. `Ready`: it is in force, as a part of the whole set.",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
                "items": {
                    "type": "object",
                    "required": ["type", "status", "reason", "message", "lastTransitionTime"],
                    "properties": {
                        "type": text("`Accepted` or `Ready`."),
                        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                        "reason": text("One word for why."),
                        "message": text("Why, for people."),
                        "observedGeneration": number("The generation of the object that this is about."),
                        "lastTransitionTime": {"type": "string", "format": "date-time", "description": "When `status` changed last."},
                    },
                },
            },
            "diagnostics": {
                "type": "array",
                "description": "What `countersign policy lint` finds here.",
                "x-kubernetes-list-type": "atomic",
                "items": {
                    "type": "object",
                    "required": ["severity", "code", "message"],
                    "properties": {
                        "severity": {"type": "string", "enum": ["error", "warning"]},
                        "code": text("The reason code."),
                        "field": text("The field that is meant."),
                        "line": number("Its line, as messages about the object count lines."),
                        "message": text("What is wrong."),
                        "hint": text("What to write instead."),
                    },
                },
            },
            "diagnosticsLeftOut": number("How many more there are."),
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_keyword_becomes_what_a_structural_schema_may_have() {
        for (schema, wanted) in [
            (
                json!({"type": "object", "additionalProperties": false, "required": ["a"], "properties": {
                    "a": {"title": "name", "type": "string", "pattern": "^a$", "maxLength": 3, "description": "A."},
                }}),
                json!({"type": "object", KEPT: true, "required": ["a"], "properties": {
                    "a": {"type": "string", "pattern": "^a$", "maxLength": 3, "description": "A."},
                }}),
            ),
            (
                json!({"type": "object", "minProperties": 1, "additionalProperties": {"type": "integer", "minimum": 1}}),
                json!({"type": "object", "minProperties": 1, "additionalProperties": {"type": "integer", "minimum": 1}}),
            ),
            (
                json!({"type": "array", "minItems": 1, "items": {"type": "string", "enum": ["a"]}}),
                json!({"type": "array", "minItems": 1, "items": {"type": "string", "enum": ["a"]}}),
            ),
            (
                json!({"description": "D.", "oneOf": [{"type": "string"}, {"type": "array"}]}),
                json!({"description": "D.", KEPT: true}),
            ),
            (json!({"type": ["object", "string"]}), json!({KEPT: true})),
        ] {
            assert_eq!(structural(&schema, "spec").unwrap(), wanted);
        }
    }

    #[test]
    fn what_is_not_known_is_refused_and_never_left_out() {
        for (schema, says) in [
            (
                json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}),
                "spec.a: what is `$ref`",
            ),
            (
                json!({"type": "array", "items": {"type": "string", "not": {}}}),
                "spec[]: what is `not`",
            ),
            (
                json!({"type": "object", "additionalProperties": {"const": 1}}),
                "spec.*: what is `const`",
            ),
            (
                json!({"description": "any"}),
                "spec: a structural schema needs a `type`",
            ),
            (json!(true), "spec: a schema is a mapping"),
        ] {
            let error = structural(&schema, "spec").unwrap_err();
            assert!(error.starts_with(says), "{error}");
        }
    }
}
