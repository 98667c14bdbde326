#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::{Value, json};

use super::{BreakGlassScope, BreakGlassStatement};
use crate::Digest;

const APP: &str = "ghcr.io/acme/shop";

fn hex(of: &str) -> String {
    Digest::of(of.as_bytes()).hex()
}

fn statement() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": APP, "digest": {"sha256": hex("1")}},
            {"name": APP, "digest": {"sha256": hex("2")}},
            {"name": "docker.io/library/nginx", "digest": {"sha256": hex("1")}},
        ],
        "predicateType": BreakGlassStatement::PREDICATE_TYPE,
        "predicate": {
            "id": "bg-2026.11_29",
            "cluster": "prod-eu-1",
            "namespaces": ["shop", "shop-2"],
            "repositories": [APP, "docker.io/library/nginx"],
            "reason": "the log is down and the fix has to go out",
            "ticket": "INC-7",
            "requestedBy": "amara",
            "notBefore": "2026-11-29T01:00:00Z",
            "notAfter": "2026-11-29T04:00:00Z",
            "scope": "images",
        },
    })
}

fn namespaces() -> Value {
    let mut statement = statement();
    let subject = |name: &str| {
        let (name, digest) = BreakGlassStatement::namespace_subject("prod-eu-1", name);
        json!({"name": name, "digest": {"sha256": digest.hex()}})
    };
    statement["subject"] = json!([subject("shop"), subject("shop-2")]);
    let predicate = statement["predicate"].as_object_mut().unwrap();
    predicate.remove("repositories");
    predicate.insert("scope".to_owned(), json!("namespace"));
    statement
}

fn read(statement: &Value) -> Result<BreakGlassStatement, String> {
    BreakGlassStatement::read(statement.to_string().as_bytes()).map_err(|it| it.to_string())
}

#[test]
fn what_is_read_is_what_was_written() {
    let read_it = read(&statement()).unwrap();
    assert_eq!(read_it.id, "bg-2026.11_29");
    assert_eq!(read_it.namespaces, ["shop", "shop-2"]);
    assert_eq!(read_it.duration(), 3 * 3600);
    assert_eq!(read_it.not_after.to_string(), "2026-11-29T04:00:00Z");
    let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
    let pairs = vec![
        (APP.to_owned(), one),
        (APP.to_owned(), two),
        ("docker.io/library/nginx".to_owned(), one),
    ];
    assert_eq!(read_it.subjects(), pairs);
    assert_eq!(read_it.scope, BreakGlassScope::Images(pairs));
    let whole = read(&namespaces()).unwrap();
    assert_eq!(whole.scope, BreakGlassScope::Namespace);
    let subjects = whole.subjects();
    assert_eq!(subjects[0].0, "namespace:prod-eu-1/shop");
    assert_eq!(subjects[0].1, Digest::of(b"namespace:prod-eu-1/shop"));
}

#[test]
fn nothing_is_read_that_says_more_or_less() {
    type Change = (&'static str, Value, &'static str);
    let changes: [Change; 38] = [
        (
            "/_type",
            json!("https://in-toto.io/Statement/v0.1"),
            "_type",
        ),
        (
            "/predicateType",
            json!("https://slsa.dev/provenance/v1"),
            "predicate type",
        ),
        ("/more", json!(1), "more"),
        ("/subject", json!([]), "`subject` is empty"),
        ("/subject/0/digest/sha512", json!("00"), "sha512"),
        (
            "/subject/0/digest/sha256",
            json!(hex("1").to_uppercase()),
            "64 hexadecimal",
        ),
        ("/subject/0/digest/sha256", json!("00"), "64 hexadecimal"),
        ("/subject/0/digest", json!({}), "sha256"),
        ("/subject/0/uri", json!("x"), "uri"),
        (
            "/subject/1/digest/sha256",
            json!(hex("1")),
            "same item twice",
        ),
        (
            "/subject/0/name",
            json!("ghcr.io/acme/other"),
            "not those that the subjects",
        ),
        ("/predicate/more", json!(true), "more"),
        ("/predicate/id", json!(""), "`id`"),
        ("/predicate/id", json!("a b"), "`id`"),
        ("/predicate/id", json!("x".repeat(129)), "`id`"),
        ("/predicate/cluster", json!(""), "cluster"),
        ("/predicate/cluster", json!("*"), "cluster"),
        ("/predicate/cluster", json!("x".repeat(64)), "cluster"),
        ("/predicate/namespaces", json!([]), "`namespaces` is empty"),
        ("/predicate/namespaces", json!(["*"]), "no name"),
        ("/predicate/namespaces", json!(["Shop"]), "no name"),
        ("/predicate/namespaces", json!(["-shop"]), "no name"),
        ("/predicate/namespaces", json!(["shop", "shop"]), "twice"),
        (
            "/predicate/repositories",
            json!([]),
            "`repositories` is empty",
        ),
        (
            "/predicate/repositories",
            json!([APP]),
            "not those that the subjects",
        ),
        (
            "/predicate/repositories",
            json!([APP, "nginx"]),
            "canonical",
        ),
        (
            "/predicate/repositories",
            json!([APP, "docker.io/library/nginx:1"]),
            "canonical",
        ),
        ("/predicate/repositories", Value::Null, "repositories"),
        ("/predicate/reason", json!(" "), "`reason` says nothing"),
        ("/predicate/reason", json!("x".repeat(501)), "more than 500"),
        ("/predicate/reason", json!("fine\u{202e}"), "hidden"),
        ("/predicate/ticket", json!(""), "`ticket` says nothing"),
        ("/predicate/requestedBy", json!("a\nb"), "hidden"),
        (
            "/predicate/notBefore",
            json!("2026-11-29T02:00:00+01:00"),
            "`notBefore`",
        ),
        ("/predicate/notAfter", json!("2026-11-29"), "`notAfter`"),
        (
            "/predicate/notAfter",
            json!("2026-11-29T01:00:00Z"),
            "not later",
        ),
        ("/predicate/scope", json!("cluster"), "`scope`"),
        ("/predicate/scope", json!("namespace"), "every image"),
    ];
    for (pointer, value, why) in changes {
        let mut changed = statement();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = changed.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
            other => other[key] = value.clone(),
        }
        let refused = read(&changed).unwrap_err();
        assert!(refused.contains(why), "{pointer} {value}: {refused}");
    }
}

#[test]
fn every_field_has_to_be_there() {
    for (statement, of) in [
        (statement(), ""),
        (statement(), "/predicate"),
        (namespaces(), "/predicate"),
    ] {
        let fields = statement.pointer(of).unwrap().as_object().unwrap();
        for field in fields.keys() {
            let mut less = statement.clone();
            let parent = less.pointer_mut(of).unwrap();
            parent.as_object_mut().unwrap().remove(field);
            assert!(read(&less).is_err(), "{of} {field}");
        }
    }
}

#[test]
fn a_twin_of_a_key_is_refused() {
    for (field, twin) in [
        ("\"cluster\":\"prod-eu-1\"", "\"cluster\":\"dev\""),
        ("\"scope\":\"images\"", "\"scope\":\"images\""),
    ] {
        let text = statement().to_string();
        let twice = text.replace(field, &format!("{twin},{field}"));
        assert_ne!(text, twice);
        assert!(
            BreakGlassStatement::read(twice.as_bytes()).is_err(),
            "{field}"
        );
    }
}

#[test]
fn namespaces_are_named_by_the_subjects_too() {
    let mut other = namespaces();
    other["predicate"]["namespaces"] = json!(["shop", "shop-3"]);
    assert!(
        read(&other)
            .unwrap_err()
            .contains("subjects are not the namespaces")
    );
    let mut less = namespaces();
    less["predicate"]["namespaces"] = json!(["shop"]);
    assert!(read(&less).is_err());
    let mut turned = namespaces();
    turned["predicate"]["namespaces"] = json!(["shop-2", "shop"]);
    assert!(read(&turned).is_err());
    let mut elsewhere = namespaces();
    elsewhere["predicate"]["cluster"] = json!("dev");
    assert!(read(&elsewhere).is_err());
    let mut image = namespaces();
    image["subject"] = statement()["subject"].clone();
    assert!(read(&image).is_err());
}

#[test]
fn nothing_too_large_is_read() {
    let mut large = statement();
    let subject =
        |number: usize| json!({"name": APP, "digest": {"sha256": hex(&number.to_string())}});
    large["predicate"]["repositories"] = json!([APP]);
    large["subject"] = (0..256).map(subject).collect();
    assert!(read(&large).is_ok());
    large["subject"] = (0..257).map(subject).collect();
    assert!(read(&large).unwrap_err().contains("too many"));
    let blanks = format!("{}{}", statement(), " ".repeat(256 * 1024));
    assert!(BreakGlassStatement::read(blanks.as_bytes()).is_err());
}
