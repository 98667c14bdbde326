//! Typed reading against serde_json's, and what it refuses beyond that.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::marker::PhantomData;

use proptest::prelude::*;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::json::{self, Bounds, Error};

const BOUNDS: Bounds = Bounds {
    depth: 16,
    keys: 1000,
    escapes: 100,
};

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    super::read(text.as_bytes(), BOUNDS, PhantomData::<T>)
}

#[derive(Debug, Deserialize, PartialEq)]
struct Outer {
    one: Option<Inner>,
    #[serde(default)]
    many: Vec<Inner>,
    kind: Option<Kind>,
    pair: Option<(u8, bool)>,
    more: Option<BTreeMap<String, f64>>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Inner {
    id: String,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    FirstOne,
}

#[test]
fn a_list_is_no_object_however_deep() {
    assert!(read::<Outer>(r#"{"one": {"id": "a"}, "many": [{"id": "b"}]}"#).is_ok());
    assert!(read::<Outer>(r#"{"one": null, "many": []}"#).is_ok());
    for wrong in [
        r#"[{"id": "a"}, []]"#,
        r#"{"one": ["a"], "many": []}"#,
        r#"{"one": null, "many": [["b"]]}"#,
    ] {
        assert!(read::<Outer>(wrong).is_err(), "{wrong}");
    }
}

/// Also where nobody asks for what stands there.
#[test]
fn what_is_skipped_is_checked() {
    for (wrong, why) in [
        (
            r#"{"one": {"id": "a", "other": [{"x": 1, "\u0078": 2}]}}"#,
            "duplicate key `x`",
        ),
        (r#"{"one": null, "one": null}"#, "duplicate key `one`"),
        (
            r#"{"other": [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"#,
            "nested deeper than 16 levels at byte 25",
        ),
        (r#"{"other": 01}"#, "expected `,` or `}` at byte 11"),
        (
            r#"{"other": 1} {}"#,
            "expected the end of the document at byte 13",
        ),
        (
            "{\"other\": \"\t\"}",
            "expected the rest of a string at byte 11",
        ),
    ] {
        let error = read::<Outer>(wrong).unwrap_err();
        assert_eq!(error.to_string(), why, "{wrong}");
    }
    // behind a value of the wrong type
    let error = read::<Outer>(r#"{"one": 1, "x": {"a": 1, "a": 2}}"#).unwrap_err();
    assert_eq!(error.to_string(), "duplicate key `a`");
    let many: String = (0..1001).map(|key| format!(r#","k{key}":0"#)).collect();
    let error = read::<Outer>(&format!(r#"{{"one":null{many}}}"#)).unwrap_err();
    assert!(error.is_over_limit(), "{error}");
    let escapes = format!(r#"{{"other": "{}"}}"#, r"\n".repeat(101));
    assert!(read::<Outer>(&escapes).unwrap_err().is_over_limit());
}

#[test]
fn a_type_that_does_not_fit_says_where() {
    for (wrong, why) in [
        (
            r#"{"one": {"id": 5}}"#,
            "invalid type: integer `5`, expected a string at byte 16",
        ),
        (
            r#"{"pair": [1, true, 3]}"#,
            "more items than are expected at byte 19",
        ),
        (
            r#"{"pair": [256, true]}"#,
            "invalid value: integer `256`, expected u8 at byte 13",
        ),
        (
            r#"{"kind": "second"}"#,
            "unknown variant `second`, expected `first-one` at byte 17",
        ),
        (
            r#"{"kind": {"first-one": null}}"#,
            "expected a string at byte 9",
        ),
        (
            r#"{"one": "\ud800"}"#,
            "unexpected end of hex escape at byte 16",
        ),
    ] {
        let error = read::<Outer>(wrong).unwrap_err();
        assert_eq!(error.to_string(), why, "{wrong}");
    }
}

proptest! {
    /// Where both read a document, they read the same; what serde_json refuses, this refuses.
    #[test]
    fn values_are_those_of_serde_json(text in document()) {
        let theirs = serde_json::from_str::<Value>(&text);
        let ours = read::<Value>(&text);
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
            (Ok(ours), Err(error)) => prop_assert!(false, "{ours}, serde_json: {error}"),
            (Err(error), Ok(_)) => {
                let stricter = error.is_over_limit() || error.to_string().starts_with("duplicate key");
                prop_assert!(stricter, "{text}: {error}");
            }
            (Err(_), Err(_)) => {}
        }
        // Whether values are built or skipped does not matter, but for numbers and surrogates that nobody looks at.
        if read::<Value>(&text).is_ok() {
            prop_assert!(read::<IgnoredAny>(&text).is_ok());
        }
        prop_assert_eq!(
            read::<IgnoredAny>(&text).is_ok(),
            json::scan(text.as_bytes(), BOUNDS).is_ok()
        );
    }

    /// Escapes of every letter, code points, halves of surrogates and what no JSON has, at every place of a string, which is a key too.
    #[test]
    fn strings_are_those_of_serde_json(pieces in prop::collection::vec(piece(), 0..12)) {
        let text = format!("\"{}\"", pieces.concat());
        let theirs = serde_json::from_str::<String>(&text).ok();
        prop_assert_eq!(read::<String>(&text).ok(), theirs.clone(), "{}", text);
        let object = format!("{{{text}: 1}}");
        let keys = |map: BTreeMap<String, u8>| map.into_keys().next();
        prop_assert_eq!(read(&object).ok().and_then(keys), theirs, "{}", object);
    }

    #[test]
    fn structs_are_those_of_serde_json(text in outer()) {
        let theirs = serde_json::from_str::<Outer>(&text).ok();
        prop_assert_eq!(read::<Outer>(&text).ok(), theirs, "{}", text);
    }
}

/// Pieces of JSON, mostly in an order that makes sense.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-0".to_owned()),
        Just("1e999".to_owned()),
        Just("18446744073709551616".to_owned()),
        Just(r#""\ud83d\ude00""#.to_owned()),
        Just(r#""\ud83d""#.to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        "[a-c\"\\\\{},:é ]{0,6}",
        "\"[a-cé\u{1f600}\t]{0,4}\"",
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let key = prop_oneof!["\"[a-d]\"", Just(r#""\u0061""#.to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| format!("[{}]", items.join(" ,"))),
            prop::collection::vec((key, inner), 0..5).prop_map(|members| {
                let members = members.iter().map(|(key, value)| format!("{key}: {value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }),
        ]
    })
}

/// Of a string, as it is written.
fn piece() -> impl Strategy<Value = String> {
    let escapes = &[
        r#"\""#,
        r"\\",
        r"\/",
        r"\b",
        r"\f",
        r"\n",
        r"\r",
        r"\t",
        r"\u0041",
        r"\u00e9",
        r"\ud83d\ude00",
        r"\ud83d",
        r"\x",
        "\n",
        "é",
        "\u{1f600}",
    ][..];
    prop_oneof![
        3 => prop::sample::select(escapes).prop_map(str::to_owned),
        1 => "[a-z :{}]{0,20}",
    ]
}

/// Something like an [`Outer`], without lists in the place of objects and without twins.
fn outer() -> impl Strategy<Value = String> {
    let value = |choices: &'static [&'static str]| prop::sample::select(choices);
    (
        value(&["null", "{\"id\": \"a\"}", "{\"id\": 1}", "{}", "\"a\"", "3"]),
        value(&["[]", "null", "[{\"id\": \"\\u00e9\"}]", "{}", "[null]"]),
        value(&["null", "\"first-one\"", "\"other\"", "1"]),
        value(&["null", "[1, true]", "[1]", "[1, true, 2]", "[-1, true]", "[1.0, true]"]),
        value(&["null", "{}", "{\"a\": 1, \"b\": 1.5e3}", "{\"a\": \"\"}", "[]"]),
    )
        .prop_map(|(one, many, kind, pair, more)| {
            format!(r#"{{"one": {one}, "many":{many}, "x": [{{}}], "kind": {kind} , "pair": {pair}, "more": {more}}}"#)
        })
}
