//! The example with break-glass: who approves, for what, and for how long.

use countersign_testkit::break_glass::{approval, of_namespaces, statement, with};
use countersign_testkit::forge::{Algorithm, Key};
use serde_json::{Value, json};

use crate::case::{Example, image};
use crate::keyed::signature;

const APP: &str = "ghcr.io/acme/app";
const DOWN: (&str, &str) = ("signed", "registry-unavailable");

pub(crate) fn break_glass(example: &Example) {
    let [release, a, b, lead] = example.keys.as_slice() else {
        unreachable!("a release key and three people");
    };
    let stranger = Key::generate(Algorithm::P256);
    let pinned = format!("{APP}@{}", image());
    let case = |name, why| example.case(name, &pinned, why);
    case("signed", "the release key signed")
        .bundles([signature(&example.forge, release).bundle()])
        .write();
    case("foreign-key", "another key signed")
        .bundles([signature(&example.forge, &stranger).bundle()])
        .fails("signed", "key-unknown")
        .write();
    let by = |statement: &Value, keys: &[&Key]| -> Vec<Vec<u8>> {
        let keys = keys.iter();
        keys.map(|key| approval(&example.forge, statement, key))
            .collect()
    };
    let good = good();
    case(
        "overridden",
        "what another key signed runs by two approvals",
    )
    .bundles([signature(&example.forge, &stranger).bundle()])
    .approved("shop", by(&good, &[a, b]))
    .overrides("signed", "key-unknown")
    .write();
    for (name, why, keys) in [
        (
            "a-and-b",
            "the registry is down, and two of three approved",
            [a, b],
        ),
        (
            "b-and-lead",
            "the registry is down, and two others approved",
            [b, lead],
        ),
    ] {
        case(name, why)
            .approved("shop", by(&good, &keys))
            .overrides(DOWN.0, DOWN.1)
            .write();
    }
    let changed = |pointer: &str, value: Value| {
        let pointer = format!("/predicate/{pointer}");
        with(self::good(), &pointer, value)
    };
    for (name, why, namespace, approvals) in [
        ("one", "one approval is not enough", "shop", by(&good, &[a])),
        (
            "one-twice",
            "two approvals by one person count once",
            "shop",
            by(&good, &[a, a]),
        ),
        (
            "release-key",
            "whoever releases approves nothing",
            "shop",
            by(&good, &[a, release]),
        ),
        (
            "two-texts",
            "two people approved two texts",
            "shop",
            [
                by(&good, &[a]),
                by(&changed("reason", json!("because")), &[b]),
            ]
            .concat(),
        ),
        (
            "other-cluster",
            "approved for another cluster",
            "shop",
            by(&changed("cluster", json!("prod-eu-2")), &[a, b]),
        ),
        (
            "other-namespace",
            "approved for another namespace",
            "shop",
            by(&changed("namespaces", json!(["cart"])), &[a, b]),
        ),
        (
            "namespace-not-allowed",
            "no break-glass is for this namespace",
            "cart",
            by(&changed("namespaces", json!(["cart"])), &[a, b]),
        ),
        (
            "too-long",
            "approved for five hours",
            "shop",
            by(&changed("notAfter", json!("2026-12-01T04:00:00Z")), &[a, b]),
        ),
        (
            "expired",
            "it ended a minute ago",
            "shop",
            by(&changed("notAfter", json!("2026-11-30T23:59:00Z")), &[a, b]),
        ),
        (
            "revoked",
            "a drill that was approved and is over",
            "shop",
            by(&changed("id", json!("bg-2026-11-01-drill")), &[a, b]),
        ),
        (
            "whole-namespace",
            "approved for whatever runs there",
            "shop",
            by(&of_namespaces(self::good()), &[a, b]),
        ),
    ] {
        case(name, why)
            .approved(namespace, approvals)
            .untold(DOWN.0, DOWN.1)
            .write();
    }
    example.common(APP, &["signed"], true);
}

fn good() -> Value {
    let digest = image();
    statement(
        &[(APP, &digest)],
        "2026-11-30T23:00:00Z",
        "2026-12-01T02:00:00Z",
    )
}
