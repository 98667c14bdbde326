//! Thresholds, and keys that count once.

use countersign_testkit::forge::Algorithm;
use countersign_testkit::tuf::{Repository, Role, Signer};
use serde_json::{Value, json};

use crate::{World, versions};

const LOWER: [Role; 3] = [Role::Timestamp, Role::Snapshot, Role::Targets];

/// A new root and everything under it.
fn publish(repository: &mut Repository) {
    repository.publish_root();
    repository.publish();
}

#[test]
fn every_role_needs_as_many_signatures_as_the_root_says() {
    for role in LOWER {
        let mut world = World::new();
        world.repository.role(role).threshold += 1;
        publish(&mut world.repository);
        assert_eq!(world.refused(), "signature", "{role:?}");
        world
            .repository
            .role(role)
            .signers
            .push(Signer::new(Algorithm::Ed25519));
        publish(&mut world.repository);
        assert_eq!(versions(&world.refresh().unwrap())[0], 3, "{role:?}");
    }
}

/// CVE-2026-23992: a threshold of 0 is met by no signature at all.
#[test]
fn cve_2026_23992_a_threshold_of_zero_is_refused_in_any_role() {
    for role in Role::ALL {
        let mut world = World::new();
        world.refresh().unwrap();
        world.repository.role(role).threshold = 0;
        publish(&mut world.repository);
        assert_eq!(world.refused(), "malformed", "{role:?}");
        // Not even the root that says so is followed.
        assert_eq!(world.load().unwrap().newer_root, None, "{role:?}");
    }
}

#[test]
fn a_root_without_one_of_the_roles_is_not_followed() {
    for role in Role::ALL {
        let mut world = World::new();
        world.refresh().unwrap();
        world
            .repository
            .edit_before_signing(Role::Root, move |signed| {
                signed["roles"].as_object_mut().unwrap().remove(role.name());
            });
        world.repository.publish_root();
        assert_eq!(world.refused(), "malformed", "{role:?}");
        assert_eq!(world.load().unwrap().newer_root, None, "{role:?}");
    }
}

#[test]
fn a_negative_threshold_is_refused() {
    let mut world = World::new();
    world.repository.edit_before_signing(Role::Root, |signed| {
        signed["roles"]["timestamp"]["threshold"] = json!(-1);
    });
    publish(&mut world.repository);
    assert_eq!(world.refused(), "malformed");
}

/// RUSTSEC-2020-0024: the same id again in the root's list.
#[test]
fn a_key_id_that_stands_twice_in_a_role_is_refused() {
    for role in Role::ALL {
        let mut world = World::new();
        let twin = world.repository.role(role).signers[0].clone();
        world.repository.role(role).signers.push(twin);
        world.repository.role(role).threshold += 1;
        publish(&mut world.repository);
        assert_eq!(world.refused(), "malformed", "{role:?}");
    }
}

/// One key by two ids signs once, however its public half is written.
#[test]
fn ghsa_3633_5h82_39pq_one_key_by_two_ids_counts_once() {
    for role in LOWER {
        for algorithm in [Algorithm::Ed25519, Algorithm::P256] {
            let mut world = World::new();
            let key = Signer::new(algorithm);
            let settings = world.repository.role(role);
            settings.signers = vec![key.clone(), key.called("another-id")];
            settings.threshold = 2;
            publish(&mut world.repository);
            assert_eq!(world.refused(), "signature", "{role:?} {algorithm:?}");
        }
    }
}

/// PEM with other line ends, and hexadecimal in capitals, are the same key.
#[test]
fn one_key_in_two_spellings_counts_once() {
    type Respell = fn(&str) -> String;
    let spellings: [(Algorithm, Respell); 2] = [
        (Algorithm::P256, |pem| pem.replace('\n', "\r\n")),
        (Algorithm::Ed25519, str::to_uppercase),
    ];
    for (algorithm, respell) in spellings {
        let mut world = World::new();
        let key = Signer::new(algorithm);
        let settings = world.repository.role(Role::Timestamp);
        settings.signers = vec![key.clone(), key.called("another-id")];
        settings.threshold = 2;
        world
            .repository
            .edit_before_signing(Role::Root, move |signed| {
                let public = &mut signed["keys"]["another-id"]["keyval"]["public"];
                *public = json!(respell(public.as_str().unwrap()));
            });
        publish(&mut world.repository);
        assert_eq!(world.refused(), "signature", "{algorithm:?}");
    }
}

#[test]
fn a_signature_that_stands_twice_is_refused() {
    for role in LOWER {
        let mut world = World::new();
        world.repository.pins = false;
        world.repository.publish();
        let name = world.repository.name(role);
        world.repository.edit_file(&name, |json| {
            let twin = json["signatures"][0].clone();
            json["signatures"].as_array_mut().unwrap().push(twin);
        });
        assert_eq!(world.refused(), "signature", "{role:?}");
    }
}

#[test]
fn a_flood_of_signatures_is_refused() {
    let mut world = World::new();
    world.repository.edit_file("timestamp.json", |json| {
        let all = json["signatures"].as_array_mut().unwrap();
        all.extend((0..100).map(|id| json!({"keyid": id.to_string(), "sig": "00"})));
    });
    assert_eq!(world.refused(), "malformed");
}

/// tuf-on-ci leaves an empty signature for who has not signed yet; one that is wrong spoils nothing either.
#[test]
fn a_wrong_or_empty_signature_beside_enough_good_ones_spoils_nothing() {
    for wrong in ["", "zz", "00", "0"] {
        let mut world = World::new();
        let absent = Signer::new(Algorithm::Ed25519);
        let id = absent.id.clone();
        world.repository.role(Role::Timestamp).signers.push(absent);
        publish(&mut world.repository);
        world.repository.edit_file("timestamp.json", |json| {
            let all = json["signatures"].as_array_mut().unwrap();
            let own: Vec<&mut Value> = all
                .iter_mut()
                .filter(|it| it["keyid"] == id.as_str())
                .collect();
            assert_eq!(own.len(), 1);
            for signature in own {
                signature["sig"] = json!(wrong);
            }
        });
        assert_eq!(versions(&world.refresh().unwrap())[0], 2, "{wrong:?}");
    }
}

#[test]
fn a_key_of_another_role_does_not_sign() {
    for role in LOWER {
        let mut world = World::new();
        world.repository.pins = false;
        world.repository.publish();
        // The root still names the old keys.
        world.repository.rotate(role);
        world.repository.publish();
        assert_eq!(world.refused(), "signature", "{role:?}");
    }
}

#[test]
fn keys_of_every_kind_of_the_specification_sign() {
    for algorithm in [
        Algorithm::Ed25519,
        Algorithm::P256,
        Algorithm::P384,
        Algorithm::RsaPss(2048),
    ] {
        let mut world = World::new();
        for role in Role::ALL {
            let settings = world.repository.role(role);
            settings.signers.push(Signer::new(algorithm));
            settings.threshold += 1;
        }
        publish(&mut world.repository);
        assert_eq!(versions(&world.refresh().unwrap())[0], 2, "{algorithm:?}");
        world.repository.publish_root();
        let name = world.repository.name(Role::Root);
        world.repository.edit_file(&name, |json| {
            for signature in json["signatures"].as_array_mut().unwrap() {
                let mut sig = signature["sig"].as_str().unwrap().to_owned();
                let last = if sig.ends_with('0') { "1" } else { "0" };
                sig.replace_range(sig.len() - 1.., last);
                signature["sig"] = json!(sig);
            }
        });
        assert_eq!(world.refused(), "signature", "{algorithm:?}");
    }
}
