#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::{CustomField, FieldContent, GroupKind, ImageFields};
use proptest::prelude::*;

fn documents(text: &str) -> Result<Vec<Located>, DocumentError> {
    Documents::new(text).collect()
}

fn one(text: &str) -> Located {
    let mut all = documents(text).unwrap();
    assert_eq!(all.len(), 1, "{text}");
    all.remove(0)
}

fn error(text: &str) -> String {
    documents(text).unwrap_err().to_string()
}

/// `line:column image` of every image, or the first error.
fn images_by(text: &str, fields: &ImageFields) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for document in documents(text).map_err(|error| error.to_string())? {
        for object in ManifestObject::all(&document).map_err(|error| error.to_string())? {
            let images = object.images(fields).map_err(|error| error.to_string())?;
            for image in images {
                let source = text[image.at.bytes.clone()].trim_matches(['"', '\'']);
                assert_eq!(
                    source, image.field.image,
                    "the bytes are those of the image"
                );
                let (line, column) = (image.at.line, image.at.column);
                found.push(format!("{line}:{column} {}", image.field.image));
            }
        }
    }
    Ok(found)
}

fn images(text: &str) -> Result<Vec<String>, String> {
    images_by(text, &ImageFields::default())
}

#[test]
fn values_keep_their_places_and_types() {
    let root = one("a: [1, 'true', ü x]\n\"b\":\n  c: true\n  d:\n");
    let item = |number| root.find(&format!("a[{number}]")).unwrap();
    assert_eq!((item(1).at.line, item(1).at.column), (1, 8));
    assert_eq!(item(1).at.bytes, 7..13);
    assert_eq!(item(2).at.bytes, 15..19);
    assert_eq!(
        root.to_json(),
        serde_json::json!({"a": [1, "true", "ü x"], "b": {"c": true, "d": null}})
    );
    assert_eq!(root.find("b.c").unwrap().at.line, 3);
    assert_eq!(root.entry("b").unwrap().0.at.bytes, 21..24);
    assert!(root.find("b.d").unwrap().is_null());
    assert_eq!(root.find("b.e"), None);
    assert_eq!(root.find("a[0]").unwrap().text(), None);
}

#[test]
fn names_with_points_are_found() {
    let root = one("a.b: {\"c[0]\": x}\na: {b: y}\n");
    assert_eq!(root.find("[\"a.b\"][\"c[0]\"]").unwrap().text(), Some("x"));
    assert_eq!(root.find("a.b").unwrap().text(), Some("y"));
}

#[test]
fn every_document_is_read_and_empty_ones_are_none() {
    let text = "---\n# Source: chart\n---\na: 1\n...\n---\n\n---\n{\"b\": [2]}\n";
    assert_eq!(documents(text).unwrap().len(), 2);
    assert_eq!(documents("\u{feff}a: 1\n").unwrap().len(), 1);
    assert_eq!(documents("a: 1\r\n---\r\nb: 1\r\n").unwrap().len(), 2);
    assert_eq!(
        documents("{\n\t\"a\": [\n\t\t1\n\t]\n}\n").unwrap().len(),
        1
    );
    assert!(documents("# nothing\n").unwrap().is_empty());
}

#[test]
fn a_broken_document_is_an_error_and_the_next_is_still_read() {
    let all: Vec<_> = Documents::new("a: [\n---\nb: 1\n").collect();
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[0].is_err());
    assert!(all[1].is_ok());
    for text in ["a: {b", "a: 'x", "a: b: c", "- a\nb: c\n"] {
        assert!(documents(text).is_err(), "{text}");
    }
}

#[test]
fn what_readers_understand_differently_is_refused() {
    assert_eq!(
        error("a: 1\nb: 2\na: 3\n"),
        "3:1: `a` stands here a second time, and the first is in line 1: readers differ in which one counts; remove one"
    );
    assert!(error("{\"a\": 1, \"a\": 1}").starts_with("1:10: `a`"));
    assert!(error("image: a\n<<: {image: b}\n").starts_with("2:1: `<<` brings another `image`"));
    assert!(error("<<: {a: 1}\n<<: {b: 1}\n").contains("a second `<<`"));
    assert!(error("<<: 1\n").contains("takes a mapping"));
    assert!(error("<<: [1]\n").contains("takes a mapping"));
    assert!(error("a: !!binary eA==\n").contains("the tag"));
    assert!(error("a: !secret x\n").contains("the tag"));
    assert!(error("? [a]\n: b\n").contains("has to be text"));
    assert!(error("a: *b\n").contains("the alias `*b` has no anchor"));
}

#[test]
fn anchors_aliases_and_merge_keys_are_expanded() {
    let root = one(
        "x: &x {a: 1, b: 2}\ny: *x\nz: {<<: *x, b: 3}\nw: {b: 1, <<: [{b: 1}, {b: 4, c: 5}]}\n'<<': q\n",
    );
    assert_eq!(
        root.to_json(),
        serde_json::json!({
            "x": {"a": 1, "b": 2}, "y": {"a": 1, "b": 2}, "z": {"a": 1, "b": 3}, "w": {"b": 1, "c": 5}, "<<": "q"
        })
    );
    assert_eq!(root.find("y.a").unwrap().at.line, 1);
    assert_eq!(one("a: !!str 1\n").find("a").unwrap().text(), Some("1"));
}

#[test]
fn alias_bombs_end_early() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for number in 1..10 {
        let item = format!("*a{}", number - 1);
        text.push_str(&format!(
            "a{number}: &a{number} [{}]\n",
            vec![item; 10].join(", ")
        ));
    }
    assert!(error(&text).contains("bring more than 100000 values"));
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for number in 1..200 {
        deep.push_str(&format!("a{number}: &a{number} [*a{}]\n", number - 1));
    }
    assert!(error(&deep).contains("nests deeper"));
    assert!(documents("a: &a [*a]\n").is_err());
    assert!(documents(&"[".repeat(200)).is_err());
    assert!(documents(&format!("{}{}", "[".repeat(100), "]".repeat(100))).is_ok());
}

const POD: &str = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n";

#[test]
fn images_have_their_places() {
    let text = format!(
        "{POD}    - name: a\n      image: \"nginx:1.27\" # why\n    - {{name: b, image: 'b'}}\n  volumes:\n    - name: m\n      image: {{reference: c@x}}\n"
    );
    assert_eq!(
        images(&text).unwrap(),
        ["6:14 nginx:1.27", "7:24 b", "10:26 c@x"]
    );
    let aliased = format!(
        "{POD}    - &c {{name: a, image: &i nginx}}\n    - {{<<: *c, name: b}}\n    - {{name: c, image: *i}}\n"
    );
    assert_eq!(images(&aliased).unwrap(), ["5:30 nginx"; 3]);
}

#[test]
fn lists_are_taken_apart() {
    let pod = |image: &str| {
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {{\"containers\": [{{\"name\": \"a\", \"image\": \"{image}\"}}]}}}}"
        )
    };
    let list = |kind: &str, items: &str| {
        format!("{{\"apiVersion\": \"v1\", \"kind\": \"{kind}\", \"items\": [{items}]}}")
    };
    let short = |text: &str| -> Vec<String> {
        let all = images(text).unwrap();
        all.iter()
            .map(|it| it.rsplit(' ').next().unwrap().to_owned())
            .collect()
    };
    let inner = list("List", &pod("b"));
    assert_eq!(
        short(&list("List", &[pod("a"), inner].join(","))),
        ["a", "b"]
    );
    assert_eq!(short(&list("PodList", &pod("a"))), ["a"]);
    let bare = "{\"spec\": {\"containers\": [{\"name\": \"a\", \"image\": \"c\"}]}}";
    assert_eq!(short(&list("PodList", bare)), ["c"]);
    assert!(
        images(&list("List", bare))
            .unwrap_err()
            .contains("no Kubernetes object")
    );
    assert!(images("apiVersion: v1\nkind: List\nitems: x\n").is_err());
    assert!(images("apiVersion: v1\nkind: List\n").unwrap().is_empty());
}

#[test]
fn what_is_no_object_is_an_error_at_its_place() {
    assert_eq!(
        images("---\na: 1\n").unwrap_err(),
        "2:1: no Kubernetes object: the object has no `apiVersion`, so that it cannot be told which images it would run"
    );
    assert!(
        images("just text")
            .unwrap_err()
            .contains("no Kubernetes object")
    );
    let no_image = images(&format!("{POD}    - name: a\n")).unwrap_err();
    assert!(no_image.starts_with("5:7: "), "{no_image}");
    let number = images(&format!("{POD}    - name: a\n      image: 1.27\n")).unwrap_err();
    assert!(
        number.starts_with("6:14: ") && number.contains("a number"),
        "{number}"
    );
    assert!(images("apiVersion: v1\nkind: Pod\nmetadata: {namespace: 1}\n").is_err());
}

#[test]
fn unknown_kinds_with_images_are_suspected_until_they_are_configured() {
    let text = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {image: a, template: {spec: {containers: [{name: x, image: b}]}}}\n";
    let document = one(text);
    let objects = ManifestObject::all(&document).unwrap();
    assert_eq!(objects[0].suspects(&ImageFields::default()).len(), 2);
    let kind = GroupKind {
        group: "argoproj.io".to_owned(),
        kind: "Rollout".to_owned(),
    };
    let fields = ImageFields::new(vec![CustomField {
        of: kind,
        at: "spec.template.spec".parse().unwrap(),
        holds: FieldContent::PodSpec,
        optional: false,
    }]);
    assert!(objects[0].suspects(&fields).is_empty());
    assert_eq!(images_by(text, &fields).unwrap(), ["3:66 b"]);
    let known = one("apiVersion: v1\nkind: ConfigMap\ndata: {image: a}\n");
    assert!(
        ManifestObject::all(&known).unwrap()[0]
            .suspects(&ImageFields::default())
            .is_empty()
    );
}

#[test]
fn labels_are_those_of_namespaces() {
    let labels = |text: &str| {
        let document = one(text);
        ManifestObject::all(&document).unwrap()[0].namespace_labels()
    };
    let found =
        labels("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {tier: prod}}\n");
    let found = found.unwrap().unwrap();
    assert_eq!(found["tier"], "prod");
    assert_eq!(found["kubernetes.io/metadata.name"], "shop");
    assert!(
        labels("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {tier: 1}}\n")
            .is_err()
    );
    assert_eq!(
        labels("apiVersion: v1\nkind: Pod\nmetadata: {name: shop}\n").unwrap(),
        None
    );
}

proptest! {
    /// Whatever the text is, nothing panics, and every place is within it.
    #[test]
    fn nothing_panics(text in "[a-c:\\- \\n\\[\\]{}\"'&*<|>#!,0ü]{0,80}") {
        for document in Documents::new(&text).flatten() {
            prop_assert!(text.get(document.at.bytes.clone()).is_some());
            let _ = ManifestObject::all(&document);
        }
    }

    /// JSON is read as JSON is.
    #[test]
    fn json_reads_as_json(value in "[a-z]{1,5}", number in any::<i32>()) {
        let json = serde_json::json!({"a": [value, number, null, true], "b": {value.as_str(): {}}});
        for text in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
            prop_assert_eq!(one(&text).to_json(), json.clone());
        }
    }
}
