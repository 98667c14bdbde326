#![allow(clippy::unwrap_used)]

use super::*;
use crate::policy::tests::{SETTINGS, load};

const KEYS: [&str; 2] = [
    include_str!("../../../../../testdata/keys/release.pub"),
    include_str!("../../../../../testdata/keys/foreign.pub"),
];

fn signer(windows: &[&str]) -> String {
    let keys: String = windows
        .iter()
        .zip(KEYS)
        .enumerate()
        .map(|(number, (window, pem))| format!("    - {{id: k{number}, pem: {pem:?}{window}}}\n"))
        .collect();
    format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: release}}\nspec:\n  trust: public-good\n  keys:\n{keys}---\n"
    )
}

fn policy(name: &str, head: &str, rules: &[&str]) -> String {
    let rules: String = rules.iter().map(|rule| format!("    - {rule}\n")).collect();
    format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {{name: {name}}}\nspec:\n  {head}\n  rules:\n{rules}---\n"
    )
}

/// Code and message of each warning, as of noon of a day.
fn lint(text: &str, day: &str) -> Vec<String> {
    let loaded = load(&format!("{SETTINGS}---\n{text}"));
    assert_eq!(loaded.diagnostics, []);
    let now = UnixTime::parse(&format!("{day}T12:00:00Z")).unwrap();
    let found = loaded.policies.unwrap().lint(now);
    found
        .iter()
        .map(|it| format!("{} {}", it.code, it.message))
        .collect()
}

fn exception(expires: &str) -> String {
    format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Exception\nmetadata: {{name: waiver}}\nspec: {{policy: production, rules: [pinned], images: [ghcr.io/acme/app], expires: {expires}, reason: why}}\n---\n"
    )
}

#[test]
fn an_exception_that_ends_is_told_a_month_before_and_from_then_on() {
    let text = policy("production", IMAGES, &[PINNED]) + &exception("2027-01-31");
    assert_eq!(lint(&text, "2027-01-01"), Vec::<String>::new());
    let ends = "2027-02-01T00:00:00Z";
    for (day, expected) in [
        (
            "2027-01-02",
            format!("expired the Exception `waiver` ends {ends}, less than 30 days from now"),
        ),
        (
            "2027-01-31",
            format!("expired the Exception `waiver` ends {ends}, less than 30 days from now"),
        ),
        (
            "2027-02-01",
            format!("expired the Exception `waiver` waives nothing since {ends}"),
        ),
    ] {
        assert_eq!(lint(&text, day), [expected], "{day}");
    }
    // By the hour.
    let text = policy("production", IMAGES, &[PINNED]) + &exception("2027-01-31T12:00:00Z");
    let over = "expired the Exception `waiver` waives nothing since 2027-01-31T12:00:00Z";
    assert_eq!(lint(&text, "2027-01-31"), [over]);
}

#[test]
fn an_exception_of_a_policy_that_never_denies_waives_nothing() {
    let waives = |mode: &str| {
        let head = format!("{IMAGES}\n  mode: {mode}");
        let text = policy("production", &head, &[PINNED]) + &exception("2027-01-31");
        let other = policy("other", "images: [\"ghcr.io/other/**\"]", &[PINNED]);
        lint(&(text + &other), "2026-06-01")
    };
    let nothing =
        "no-effect the Exception `waiver` has no effect: the policy `production` never denies";
    assert_eq!(waives("warn"), [nothing]);
    assert_eq!(waives("audit"), [nothing]);
    assert_eq!(waives("enforce"), Vec::<String>::new());
}

const IMAGES: &str = "images: [\"ghcr.io/acme/**\"]";
const SIGNED: &str = "{name: signed, signature: {from: release}}";
const PINNED: &str = "{name: pinned, digest: required}";

#[test]
fn keys_that_end_are_told_a_month_before_and_one_that_is_followed_never() {
    let of = |windows: &[&str]| signer(windows) + &policy("production", IMAGES, &[SIGNED]);
    let one = of(&[", validUntil: 2027-01-31"]);
    assert_eq!(lint(&one, "2026-12-30"), Vec::<String>::new());
    let ends = "2027-02-01T00:00:00Z";
    assert_eq!(
        lint(&one, "2027-01-02"),
        [format!(
            "expired no key of the Signer `release` may sign from {ends} on, less than 30 days from now"
        )]
    );
    assert_eq!(
        lint(&one, "2027-02-01"),
        [format!(
            "expired no key of the Signer `release` may sign since {ends}"
        )]
    );
    for staged in [
        of(&[", validUntil: 2027-01-31", ", validFrom: 2027-01-01"]),
        of(&[", validUntil: 2027-01-31", ""]),
        of(&[""]),
    ] {
        assert_eq!(lint(&staged, "2027-02-01"), Vec::<String>::new());
    }
}

#[test]
fn a_beginning_that_changes_nothing_is_told() {
    let of = |head: &str, rule: &str| {
        policy("soon", &format!("{IMAGES}\n  {head}"), &[rule])
            + &policy("now", "images: [\"ghcr.io/other/**\"]", &[PINNED])
    };
    let begins = of("effectiveFrom: 2026-06-01", PINNED);
    assert_eq!(lint(&begins, "2026-05-01"), Vec::<String>::new());
    assert_eq!(lint(&begins, "2026-06-30"), Vec::<String>::new());
    assert_eq!(
        lint(&begins, "2026-07-02"),
        ["expired `effectiveFrom` of the policy `soon` has no effect since 2026-06-01T00:00:00Z"]
    );
    let warns = of("mode: warn\n  effectiveFrom: 2026-06-01", PINNED);
    assert_eq!(
        lint(&warns, "2026-05-01"),
        ["no-effect `effectiveFrom` of the policy `soon` has no effect: the policy never denies"]
    );
    let earlier = of(
        "effectiveFrom: 2026-06-01",
        "{name: pinned, digest: required, effectiveFrom: 2026-05-15}",
    );
    assert_eq!(
        lint(&earlier, "2026-05-01"),
        ["no-effect `effectiveFrom` of the rule `pinned` has no effect: its policy begins later"]
    );
    let later = of(
        "effectiveFrom: 2026-06-01",
        "{name: pinned, digest: required, effectiveFrom: 2026-06-15}",
    );
    assert_eq!(lint(&later, "2026-05-01"), Vec::<String>::new());
}

#[test]
fn what_an_earlier_rule_or_policy_demands_already_is_told() {
    let twice = [PINNED, "{name: again, digest: required}"];
    assert_eq!(
        lint(&policy("production", IMAGES, &twice), "2026-05-01"),
        ["unreachable the rule `again` has no effect: it demands what `pinned` demands"]
    );
    let both = [PINNED, SIGNED];
    let inner = "images: [\"ghcr.io/acme/app\"]";
    let set = |wide: &str, head: &str, rules: &[&str]| {
        signer(&[""]) + &policy("wide", wide, &both) + &policy("inner", head, rules)
    };
    assert_eq!(
        lint(&set(IMAGES, inner, &[SIGNED]), "2026-05-01"),
        ["unreachable the policy `inner` has no effect: `wide` demands the same of all its images"]
    );
    let reversed =
        signer(&[""]) + &policy("inner", inner, &[SIGNED]) + &policy("wide", IMAGES, &both);
    assert_eq!(lint(&reversed, "2026-05-01").len(), 1);
    let twins = policy("one", IMAGES, &[PINNED]) + &policy("two", IMAGES, &[PINNED]);
    assert_eq!(
        lint(&twins, "2026-05-01"),
        ["unreachable the policy `two` has no effect: `one` demands the same of all its images"]
    );
    for (wide, head, rule) in [
        // Another image, another demand, an earlier policy that leaves something out, or does not deny.
        (IMAGES, "images: [\"ghcr.io/other/app\"]", SIGNED),
        (
            IMAGES,
            inner,
            "{name: signed, signature: {from: release, maxAge: 7d}}",
        ),
        (
            "images: [\"ghcr.io/acme/**\"]\n  except: [\"ghcr.io/acme/app\"]",
            inner,
            SIGNED,
        ),
        ("images: [\"ghcr.io/acme/**\"]\n  mode: warn", inner, SIGNED),
        (
            "images: [\"ghcr.io/acme/**\"]\n  namespaces: {names: [prod]}",
            inner,
            SIGNED,
        ),
        (
            "images: [\"ghcr.io/acme/**\"]\n  effectiveFrom: 2026-04-30",
            inner,
            SIGNED,
        ),
    ] {
        let found = lint(&set(wide, head, &[rule]), "2026-05-01");
        assert_eq!(found, Vec::<String>::new(), "{wide} {head} {rule}");
    }
}
