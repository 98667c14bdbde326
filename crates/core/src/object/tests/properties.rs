//! Of any object at all.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Any JSON value, a few levels deep, with the names that matter more often than others.
fn value() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        Just("spec".to_owned()),
        Just("containers".to_owned()),
        Just("image".to_owned()),
        Just("template".to_owned()),
        Just("volumes".to_owned()),
        Just("reference".to_owned()),
        Just("name".to_owned()),
        "[a-z]{1,3}"
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z/:]{0,4}".prop_map(Value::from)
    ];
    leaf.prop_recursive(6, 48, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever an object is, every text below an `image` of its containers is found or the object is refused.
    #[test]
    fn nothing_panics_and_no_image_is_passed_over(spec in value()) {
        let object = json!({"apiVersion": "v1", "kind": "Pod", "spec": spec});
        if let Ok(found) = ImageFields::default().of(&object) {
            let containers = object["spec"]["containers"].as_array().unwrap();
            for container in containers {
                let image = container["image"].as_str().unwrap();
                prop_assert!(found.iter().any(|field| field.image == image));
            }
            prop_assert!(found.len() >= containers.len());
            prop_assert!(changed_images(&found, &found).is_empty());
        }
    }
}

/// An object of each kind that makes Pods, and of one that was configured, with something in every field that is looked at.
fn objects() -> Vec<Value> {
    let mut spec = spec();
    spec["imagePullSecrets"] = json!([{"name": "s"}, {"name": ""}]);
    spec["serviceAccountName"] = json!("a");
    spec["serviceAccount"] = json!("b");
    let template = json!({"metadata": {"labels": {"name": "x"}}, "spec": spec});
    let metadata =
        json!({"name": "n", "annotations": {"acme.example/proxy": "p", "n": "{\"a\":1}"}});
    let of = |version: &str, kind: &str, spec: Value| json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec});
    vec![
        of("v1", "Pod", spec.clone()),
        json!({"apiVersion": "v1", "kind": "PodTemplate", "template": template}),
        of("apps/v1", "Deployment", json!({"template": template})),
        of(
            "batch/v1",
            "CronJob",
            json!({"jobTemplate": {"spec": {"template": template}}}),
        ),
        of(
            "acme.example/v1",
            "Pipeline",
            json!({
                "steps": [{"image": "a", "env": [1]}, {"image": "b"}],
                "pods": {"one": template, "two": {"spec": spec}},
                "runner": {"pod": spec},
                "extra": [[{"image": "c"}]],
            }),
        ),
    ]
}

fn known() -> ImageFields {
    let field = |kind: &str, at: &str, holds, optional| CustomField {
        of: GroupKind {
            group: match kind {
                "Pod" => String::new(),
                _ => "acme.example".to_owned(),
            },
            kind: kind.to_owned(),
        },
        at: at.parse().unwrap(),
        holds,
        optional,
    };
    use FieldContent::{Image, PodSpec};
    ImageFields::new(vec![
        field(
            "Pod",
            "metadata.annotations[\"acme.example/proxy\"]",
            Image,
            true,
        ),
        field("Pipeline", "spec.steps[*].image", Image, false),
        field("Pipeline", "spec.pods.*.spec", PodSpec, true),
        field("Pipeline", "spec.runner.pod", PodSpec, true),
        field("Pipeline", "spec.extra[*][*].image", Image, true),
    ])
}

/// Puts `by` in the place of the value that is the `at`th from the root on, or takes that away.
fn change(value: &mut Value, at: &mut usize, by: Option<&Value>) -> bool {
    if *at == 0 {
        return true;
    }
    *at -= 1;
    let inner: Vec<(String, &mut Value)> = match value {
        Value::Object(fields) => fields
            .iter_mut()
            .map(|(name, value)| (name.clone(), value))
            .collect(),
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .map(|(number, item)| (number.to_string(), item))
            .collect(),
        _ => return false,
    };
    let mut hit = None;
    for (name, inner) in inner {
        if change(inner, at, by) {
            hit = Some((name, inner));
            break;
        }
    }
    match (hit, by) {
        (Some((_, inner)), Some(by)) => inner.clone_from(by),
        (Some((name, _)), None) => match value {
            Value::Object(fields) => drop(fields.remove(&name)),
            Value::Array(items) => drop(items.remove(name.parse().unwrap())),
            _ => {}
        },
        (None, _) => {}
    }
    false
}

/// How many values there are, from the root on.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Object(fields) => fields.values().map(count).sum(),
        Value::Array(items) => items.iter().map(count).sum(),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is written, and wherever: what is kept of an object says what the object says, errors and their places included.
    #[test]
    fn an_outline_has_all_that_is_looked_at(
        object in select(objects()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(value())), 0..4),
    ) {
        let known = known();
        let mut object = object;
        for (at, by) in &changes {
            let mut at = at.index(count(&object));
            change(&mut object, &mut at, by.as_ref());
        }
        let kept = parse_object_with(
            object.to_string().as_bytes(),
            &Limits::default(),
            &known.outline(),
        );
        let kept = kept.unwrap();
        prop_assert_eq!(known.of(&kept), known.of(&object), "{}", object);
        prop_assert_eq!(known.pulls(&kept), known.pulls(&object), "{}", object);
        prop_assert!(count(&kept) <= count(&object));
        let all = parse_object_with(object.to_string().as_bytes(), &Limits::default(), &Outline::whole());
        prop_assert_eq!(all.unwrap(), object);
    }
}

#[test]
fn what_nobody_looks_at_is_checked_and_not_kept() {
    let outline = ImageFields::default().outline().with(&["metadata", "name"]);
    let read = |text: &str| parse_object_with(text.as_bytes(), &Limits::default(), &outline);
    let text = r#"{"kind": "Pod", "metadata": {"name": {"a": [1, "\u00e4", -2.5]}, "managedFields": [{"f": {"a": 1}}], "uid": "u"},
        "spec": {"containers": [{"name": "a", "image": "i", "env": [{"name": "x", "value": "y"}]}], "nodeName": "n"}}"#;
    let kept = json!({
        "kind": "Pod",
        "metadata": {"name": {"a": [1, "ä", -2.5]}},
        "spec": {"containers": [{"name": "a", "image": "i"}]},
    });
    assert_eq!(read(text).unwrap(), kept);
    for (part, by) in [
        (r#"{"a": 1}"#, r#"{"a": 1, "a": 1}"#),
        (r#""y""#, "\"\n\""),
        (r#""y""#, "01"),
    ] {
        let broken = text.replacen(part, by, 1);
        assert_ne!(broken, text);
        assert!(read(&broken).is_err(), "{broken}");
    }
    // What stands where nothing of its type is looked for is of its type still.
    for other in ["1", "-1", "1.5", "null", "true", "\"x\""] {
        let object: Value = serde_json::from_str(other).unwrap();
        assert_eq!(read(other).unwrap(), object);
    }
    assert_eq!(read("[1]").unwrap(), json!([]));
}
