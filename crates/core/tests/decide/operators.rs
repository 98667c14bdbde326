//! Thresholds for logs and timestamps: different operators count, never entries (CVE-2026-49834).

use countersign_core::ExtraRoot;
use countersign_testkit::forge::{Algorithm, Forge, Forgery, Key, trusted_root_of};
use serde_json::Value;

use crate::world::{SIGNED, World, keyed, set};

const SIGNATURE: &str = "signature: {from: s}";

/// A world whose root `both` lists two instances, `forge.example` and `other.example`.
struct Two {
    world: World,
    other: Forge,
    key: Key,
}

impl Two {
    fn new(edit: impl Fn(&mut Value)) -> Self {
        let mut world = World::new();
        let other = Forge::builder(SIGNED).domain("other.example").build();
        let mut root = trusted_root_of(&[&world.forge, &other]);
        edit(&mut root);
        world.roots.push(ExtraRoot {
            name: Some("both".to_owned()),
            json: root.to_string().into_bytes(),
        });
        Self {
            world,
            other,
            key: Key::generate(Algorithm::P256),
        }
    }

    /// The code with which a signature with these witnesses fails.
    fn code(
        &self,
        witnesses: impl for<'f> Fn(Forgery<'f>, &'f Forge, &'f Forge) -> Forgery<'f>,
        more: &str,
    ) -> (&'static str, String) {
        let (ours, other) = (&self.world.forge, &self.other);
        let forgery = ours.image_signature(&self.world.digest()).keyed(&self.key);
        let bundle = witnesses(forgery, ours, other).bundle();
        let world = World {
            forge: ours.clone(),
            image: self.world.image.clone(),
            items: Vec::new(),
            gaps: Vec::new(),
            stale: Vec::new(),
            roots: self.world.roots.clone(),
        }
        .attach(countersign_core::Content::Bundle(bundle.into()));
        let signer = keyed(
            "s",
            &self.key.public_pem(),
            "",
            &format!("  trust: both\n{more}"),
        );
        let outcome = world.rule(&set(&[signer], SIGNATURE));
        (
            outcome.code.map_or("pass", |code| code.as_str()),
            outcome
                .nearest
                .map(|nearest| nearest.found)
                .unwrap_or_default(),
        )
    }
}

fn same(_: &mut Value) {}

#[test]
fn cve_2026_49834_logs_count_by_operator() {
    let two = Two::new(same);
    let one = |found: &str| ("log-threshold", found.to_owned());
    let pass = || ("pass", String::new());
    let demand = "  logOperators: 2\n";
    assert_eq!(
        two.code(|f, _, _| f.rekor_v1(), demand),
        one("1 (forge.example)")
    );
    // Two entries of one log; two logs of one operator.
    assert_eq!(
        two.code(|f, _, _| f.rekor_v1().rekor_v1(), demand),
        one("1 (forge.example)")
    );
    assert_eq!(
        two.code(|f, _, _| f.rekor_v1().rekor_v2(), demand),
        one("1 (forge.example)")
    );
    assert_eq!(
        two.code(
            |f, _, other| f.rekor_v1().logged_by(&other.rekor_v1),
            demand
        ),
        pass()
    );
    assert_eq!(
        two.code(
            |f, _, other| f.rekor_v1().rekor_v2().logged_by(&other.rekor_v2),
            demand
        ),
        pass()
    );
    // Timestamps are no logs.
    assert_eq!(
        two.code(
            |f, _, other| f.rekor_v1().timestamp().stamped_by(&other.tsa),
            demand
        ),
        one("1 (forge.example)")
    );
    assert_eq!(two.code(|f, _, _| f.timestamp(), demand).0, "log-missing");
    for one in [
        "  logOperators: 1\n",
        "  log: required\n",
        "  log: required\n  logOperators: 1\n",
        "",
    ] {
        assert_eq!(two.code(|f, _, _| f.rekor_v1(), one), pass(), "{one}");
    }
}

#[test]
fn cve_2026_49834_timestamps_count_by_operator() {
    let two = Two::new(same);
    let one = || ("timestamp-threshold", "1 (forge.example)".to_owned());
    let pass = || ("pass", String::new());
    for demand in [
        "  timestampOperators: 2\n",
        "  time: timestamp\n  timestampOperators: 2\n",
    ] {
        assert_eq!(two.code(|f, _, _| f.rekor_v1().timestamp(), demand), one());
        assert_eq!(
            two.code(|f, _, _| f.rekor_v1().timestamp().timestamp(), demand),
            one()
        );
        assert_eq!(
            two.code(
                |f, _, other| f.rekor_v1().timestamp().stamped_by(&other.tsa),
                demand
            ),
            pass()
        );
        // Logs are no timestamps.
        assert_eq!(
            two.code(
                |f, _, other| f.timestamp().rekor_v1().logged_by(&other.rekor_v1),
                demand
            ),
            one()
        );
    }
    let none = two.code(
        |f, _, other| f.rekor_v1().logged_by(&other.rekor_v1),
        "  timestampOperators: 1\n",
    );
    assert_eq!(none, ("timestamp-threshold", "0".to_owned()));
    assert_eq!(
        two.code(
            |f, _, _| f.rekor_v1().timestamp(),
            "  timestampOperators: 1\n"
        ),
        pass()
    );
    let both = "  logOperators: 2\n  timestampOperators: 2\n";
    let all = two.code(
        |f, _, other| {
            f.rekor_v1()
                .logged_by(&other.rekor_v2)
                .timestamp()
                .stamped_by(&other.tsa)
        },
        both,
    );
    assert_eq!(all, pass());
}

#[test]
fn the_roots_word_on_operators_counts_before_domains() {
    // Both instances are run by one operator, whatever their domains say.
    let together = Two::new(|root| {
        for list in ["tlogs", "timestampAuthorities"] {
            for one in root[list].as_array_mut().unwrap() {
                one["operator"] = "Acme.example".into();
            }
        }
        root["tlogs"][0]["operator"] = "elsewhere.example".into();
    });
    let demand = "  logOperators: 2\n";
    let found = together.code(
        |f, _, other| {
            f.rekor_v2()
                .timestamp()
                .logged_by(&other.rekor_v1)
                .logged_by(&other.rekor_v2)
        },
        demand,
    );
    assert_eq!(found, ("log-threshold", "1 (acme.example)".to_owned()));
    // And the first log alone is another's, whatever its domain says.
    assert_eq!(
        together.code(|f, _, _| f.rekor_v1().rekor_v2(), demand).0,
        "pass"
    );
}

#[test]
fn a_log_whose_key_was_not_valid_then_adds_nothing() {
    let two = Two::new(same);
    // Rekor v2 proves no time, and nothing else does: neither log counts.
    let found = two.code(
        |f, _, other| f.rekor_v2().logged_by(&other.rekor_v2),
        "  logOperators: 2\n",
    );
    assert_eq!(found.0, "log-missing");
}

/// What nobody can check must not count as unnecessary: a log whose kind is not supported is demanded like any other.
#[test]
fn a_log_that_is_listed_and_not_supported_is_demanded_all_the_same() {
    let unsupported = Two::new(|root| {
        for log in root["tlogs"].as_array_mut().unwrap() {
            log["hashAlgorithm"] = "SHA2_512".into();
        }
    });
    assert_eq!(
        unsupported.code(|f, _, _| f.timestamp(), "").0,
        "log-missing"
    );
    let none = Two::new(|root| root["tlogs"] = Value::Array(Vec::new()));
    assert_eq!(none.code(|f, _, _| f.timestamp(), "").0, "pass");
    assert_eq!(
        unsupported.code(|f, _, _| f.timestamp(), "  log: off\n").0,
        "pass"
    );
}
