//! Keys of one Signer in a staged rotation: every proven time decides, and none passes by emptiness.

use countersign_core::UnixTime;
use countersign_testkit::forge::{Algorithm, Key};

use crate::world::{DAY, SIGNED, World, set};

const SIGNATURE: &str = "signature: {from: s}";

/// `old` until a day after the signature, `new` from a day before it: both count in between.
fn rotating(old: &Key, new: &Key) -> String {
    let at = |days: i64| UnixTime::from_seconds(SIGNED + days * DAY).to_string();
    let pem = |key: &Key| {
        key.public_pem()
            .lines()
            .map(|line| format!("        {line}\n"))
            .collect::<String>()
    };
    let signer = format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: s}}\nspec:\n  trust: private\n  keys:\n    \
         - id: old\n      validUntil: {}\n      pem: |\n{}    - id: new\n      validFrom: {}\n      pem: |\n{}",
        at(1),
        pem(old),
        at(-1),
        pem(new)
    );
    set(&[signer], SIGNATURE)
}

#[test]
fn a_staged_rotation_lets_each_key_count_in_its_time() {
    let (old, new) = (
        Key::generate(Algorithm::P256),
        Key::generate(Algorithm::Ed25519),
    );
    for (key, name, days, expected) in [
        (&old, "old", 400, "pass"),
        (&old, "old", 2, "pass"),
        (&old, "old", 0, "pass"),
        (&old, "old", -2, "key-window"),
        (&old, "old", -400, "key-window"),
        (&new, "new", 400, "key-window"),
        (&new, "new", 2, "key-window"),
        (&new, "new", 0, "pass"),
        (&new, "new", -2, "pass"),
        (&new, "new", -400, "pass"),
    ] {
        let world = World::new();
        let forge = world.ago(days);
        let bundle = forge
            .image_signature(&world.digest())
            .keyed(key)
            .rekor_v1()
            .timestamp()
            .bundle();
        let world = world.attach(countersign_core::Content::Bundle(bundle.into()));
        let later = UnixTime::from_seconds(SIGNED + 500 * DAY);
        let decision = world.decide_at(&rotating(&old, &new), "ghcr.io/acme/app", later);
        let code = crate::world::only_rule(&decision)
            .code
            .map_or("pass", |code| code.as_str());
        assert_eq!(code, expected, "{name} {days} days before");
    }
}

#[test]
fn cve_2026_54787_no_time_excuses_another() {
    let (old, new) = (
        Key::generate(Algorithm::P256),
        Key::generate(Algorithm::P256),
    );
    let text = rotating(&old, &new);
    // Logged while the old key counted, stamped after that; and the reverse for the new key.
    for (key, logged, stamped, expected) in [
        (&old, 0, 0, "pass"),
        (&old, 0, 3, "key-window"),
        (&old, 3, 0, "key-window"),
        (&new, 0, -3, "key-window"),
        (&new, -3, 0, "key-window"),
    ] {
        let world = World::new().bundle(|forge, digest| {
            forge
                .image_signature(digest)
                .keyed(key)
                .rekor_v1()
                .with_entry(move |entry| entry.integrated_time += logged * DAY)
                .timestamp()
                .with_timestamp(move |stamp| stamp.time += stamped * DAY)
                .bundle()
        });
        let decision = world.decide_at(
            &text,
            "ghcr.io/acme/app",
            UnixTime::from_seconds(SIGNED + 30 * DAY),
        );
        let code = crate::world::only_rule(&decision)
            .code
            .map_or("pass", |code| code.as_str());
        assert_eq!(code, expected, "logged {logged}, stamped {stamped}");
    }
    // Nothing proves when: no window is passed, not even where neither log nor time is demanded.
    let bare =
        World::new().bundle(|forge, digest| forge.image_signature(digest).keyed(&new).bundle());
    assert_eq!(bare.code(&text), "log-missing");
    assert_eq!(
        bare.code(&text.replace("  trust: private\n", "  trust: private\n  log: off\n")),
        "time-missing"
    );
}
