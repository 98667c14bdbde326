//! Examples with keys.

use countersign_testkit::forge::{Algorithm, Forge, Forgery, Key};

use crate::case::{Example, SIGNED, image};

const APP: &str = "ghcr.io/acme/app";

pub(crate) fn air_gapped(example: &Example) {
    let app = "registry.acme.example/shop/app";
    let [a, b, c] = example.keys.as_slice() else {
        unreachable!("three people have keys");
    };
    let other = Key::generate(Algorithm::P256);
    let by = |keys: &[&Key]| -> Vec<Vec<u8>> {
        let keys = keys.iter();
        keys.map(|key| signature(&example.forge, key).bundle())
            .collect()
    };
    let case = |name, why| example.case(name, app, why);
    case("a-and-b", "two of the three signed")
        .bundles(by(&[a, b]))
        .write();
    case("b-and-c", "two others of the three signed")
        .bundles(by(&[b, c]))
        .write();
    case("one", "one of the three is not enough")
        .bundles(by(&[a]))
        .fails("released", "threshold-not-met")
        .write();
    case("one-twice", "two signatures by one person count once")
        .bundles(by(&[a, a]))
        .fails("released", "threshold-not-met")
        .write();
    case("a-stranger", "nobody knows the second key")
        .bundles(by(&[a, &other]))
        .fails("released", "threshold-not-met")
        .write();
    example.common(app, &["released"], true);
}

pub(crate) fn baseline(example: &Example) {
    let [key] = example.keys.as_slice() else {
        unreachable!("one key signs");
    };
    let forge = &example.forge;
    let other = Key::generate(Algorithm::P256);
    let logged = |key| signature(forge, key).rekor_v2().timestamp().bundle();
    let case = |name, why| example.case(name, APP, why);
    case("signed", "the key signed, and a log holds the signature")
        .bundles([logged(key)])
        .write();
    case("unlogged", "no log holds the signature")
        .bundles([signature(forge, key).timestamp().bundle()])
        .fails("signed", "log-missing")
        .write();
    case("foreign-key", "another key signed")
        .bundles([logged(&other)])
        .fails("signed", "key-unknown")
        .write();
    case("too-old", "signed more than 400 days ago")
        .bundles([logged(key)])
        .at("2027-12-31T00:00:00Z")
        .fails("signed", "too-old")
        .write();
    example.common(APP, &["signed"], true);
}

pub(crate) fn key_rotation(example: &Example) {
    let [old, new] = example.keys.as_slice() else {
        unreachable!("one key follows the other");
    };
    let logged = |key: &Key, time: &str| {
        let forge = example.forge_at(time);
        signature(&forge, key).rekor_v2().timestamp().bundle()
    };
    let case = |name, why| example.case(name, APP, why).at("2028-06-01T00:00:00Z");
    let promised = signature(&example.forge, old).rekor_v1().bundle();
    case("old-key", "a log proves the time")
        .bundles([promised])
        .write();
    let name = "ghcr.io/acme/app/debug";
    let overlap = "2027-01-15T12:00:00Z";
    example
        .case("old-key-in-overlap", name, "either key counts for a month")
        .at("2027-03-01T00:00:00Z")
        .bundles([logged(old, overlap)])
        .write();
    case("new-key-in-overlap", "either key counts for a month")
        .bundles([logged(new, overlap)])
        .write();
    for (name, why, key, time) in [
        (
            "old-key-too-early",
            "before the first key counted",
            old,
            "2025-12-15T12:00:00Z",
        ),
        (
            "old-key-too-late",
            "after the first key counted",
            old,
            "2027-02-15T12:00:00Z",
        ),
        (
            "new-key-too-early",
            "before the second key counted",
            new,
            "2026-12-15T12:00:00Z",
        ),
        (
            "new-key-too-late",
            "after the second key counted",
            new,
            "2028-02-15T12:00:00Z",
        ),
    ] {
        case(name, why)
            .bundles([logged(key, time)])
            .fails("signed", "key-window")
            .write();
    }
    case("unlogged", "no log holds the signature")
        .bundles([signature(&example.forge, old).timestamp().bundle()])
        .fails("signed", "log-missing")
        .write();
    case("foreign-key", "another key signed")
        .bundles([logged(&Key::generate(Algorithm::P256), SIGNED)])
        .fails("signed", "key-unknown")
        .write();
    example.common(APP, &["signed"], false);
}

/// What real cosign signed, in `testdata`.
pub(crate) fn testdata_keyed(example: &Example) {
    let app = "registry.example/acme/app";
    example
        .case("signed", app, "real cosign signed it with the key")
        .layout("../../../../testdata/images/signed-keyed")
        .write();
    example
        .case("foreign-key", app, "another key signed")
        .layout("../../../../testdata/images/foreign-signed")
        .fails("signed", "key-unknown")
        .write();
    example.common(app, &["signed"], false);
}

/// An image signature with a key, without log and time.
pub(crate) fn signature<'f>(forge: &'f Forge, key: &Key) -> Forgery<'f> {
    forge.image_signature(&image()).keyed(key)
}
