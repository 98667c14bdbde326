//! Roots follow roots, each signed by the one before.

use countersign_testkit::forge::Algorithm;
use countersign_testkit::registry::Fault;
use countersign_testkit::tuf::{Role, Signer};
use serde_json::json;

use crate::{NOW, World, renew, versions};

#[test]
fn every_role_can_have_new_keys_and_roots_are_followed_one_by_one() {
    let mut world = World::new();
    world.refresh().unwrap();
    for (place, role) in Role::ALL.into_iter().enumerate() {
        world.repository.rotate(role);
        world.repository.publish_root();
        renew(&mut world.repository);
        let state = world.refresh().unwrap();
        assert_eq!(versions(&state)[0], 2 + u64::try_from(place).unwrap());
        assert_eq!(world.load(), Some(state));
    }
    // From the pinned root at once, with no cache.
    world.folder = tempfile::tempdir().unwrap();
    world.server.asked();
    assert_eq!(versions(&world.refresh().unwrap())[0], 5);
    let roots = ["2", "3", "4", "5", "6"].map(|version| format!("{version}.root.json"));
    assert_eq!(world.server.asked()[..5], roots);
}

#[test]
fn a_root_needs_the_signatures_of_the_old_and_of_the_new_keys() {
    for keep_old in [true, false] {
        let mut world = World::new();
        world.refresh().unwrap();
        let old: Vec<String> = world
            .repository
            .role(Role::Root)
            .signers
            .iter()
            .map(|it| it.id.clone())
            .collect();
        world.repository.rotate(Role::Root);
        world.repository.publish_root();
        world.repository.edit_file("2.root.json", |json| {
            let all = json["signatures"].as_array_mut().unwrap();
            all.retain(|it| old.iter().any(|id| it["keyid"] == id.as_str()) == keep_old);
            assert_eq!(all.len(), 2);
        });
        assert_eq!(world.refused(), "signature", "old keys: {keep_old}");
    }
}

#[test]
fn a_higher_threshold_counts_at_once() {
    let mut world = World::new();
    world.repository.role(Role::Root).threshold = 3;
    world.repository.publish_root();
    assert_eq!(world.refused(), "signature");
    world.repository.role(Role::Root).version = 1;
    let more = Signer::new(Algorithm::RsaPss(2048));
    world.repository.role(Role::Root).signers.push(more);
    world.repository.publish_root();
    assert_eq!(versions(&world.refresh().unwrap())[0], 2);
}

/// A root that is missing in between ends the chain: later ones cannot be reached, and nothing of theirs is believed.
#[test]
fn a_missing_root_hides_those_behind_it() {
    let mut world = World::new();
    world.repository.publish_root();
    world.repository.rotate(Role::Timestamp);
    world.repository.publish_root();
    world.repository.publish();
    world.repository.remove("2.root.json");
    assert_eq!(world.refused(), "signature");
}

/// Roots that were followed stay known, also when nothing else could be had; what was good before still is.
#[test]
fn a_new_root_over_a_broken_repository_is_kept_and_told() {
    let mut world = World::new();
    let good = world.refresh().unwrap();
    world.repository.rotate(Role::Timestamp);
    world.repository.rotate(Role::Targets);
    world.repository.publish_root();
    renew(&mut world.repository);
    world.server.fault("timestamp.json", Fault::Status(500));
    let error = world.refresh().unwrap_err();
    let kept = error.kept.unwrap();
    assert_eq!((&kept.json, &kept.roles), (&good.json, &good.roles));
    assert_eq!(kept.newer_root, Some(2));
    let now = countersign::UnixTime::from_seconds(NOW);
    assert!(
        kept.warnings(now)
            .iter()
            .any(|it| it.contains("newer TUF root 2"))
    );
    world.server.heal();
    world.server.asked();
    assert_eq!(versions(&world.refresh().unwrap()), [2, 3, 3, 3]);
    assert_eq!(world.server.asked()[0], "3.root.json");
}

/// A key that a new root has dropped signs nothing any more.
#[test]
fn what_old_keys_sign_after_a_rotation_is_refused() {
    let mut world = World::new();
    world.refresh().unwrap();
    let stolen = world.repository.role(Role::Timestamp).signers.clone();
    world.repository.rotate(Role::Timestamp);
    world.repository.publish_root();
    world.repository.publish();
    world.refresh().unwrap();
    world.repository.role(Role::Timestamp).signers = stolen;
    world.repository.publish();
    assert_eq!(world.refused(), "signature");
}

#[test]
fn an_unknown_kind_of_key_beside_spoils_nothing() {
    let mut world = World::new();
    world.repository.edit_before_signing(Role::Root, |signed| {
        signed["keys"]["future"] =
            json!({"keytype": "future", "scheme": "future", "keyval": {"public": "x"}});
        signed["roles"]["timestamp"]["keyids"]
            .as_array_mut()
            .unwrap()
            .push(json!("future"));
    });
    world.repository.publish_root();
    world.repository.publish();
    assert_eq!(versions(&world.refresh().unwrap())[0], 2);
}
