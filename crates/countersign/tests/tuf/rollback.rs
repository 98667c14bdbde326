//! Nothing that was seen goes back, unless a new root with new keys says so.

use countersign_testkit::registry::Fault;
use countersign_testkit::tuf::Role;
use serde_json::json;

use crate::{World, more, renew, versions};

#[test]
fn cve_2022_29173_no_role_goes_back() {
    for pins in [true, false] {
        for role in [Role::Timestamp, Role::Snapshot, Role::Targets] {
            let mut world = World::new();
            world.repository.pins = pins;
            more(&mut world.repository, role, 5);
            world.repository.publish();
            world.refresh().unwrap();
            world.repository.role(role).version -= 3;
            world.repository.publish();
            assert_eq!(world.refused(), "rollback", "{role:?}, pins {pins}");
        }
    }
}

#[test]
fn metadata_that_was_listed_does_not_vanish() {
    let mut world = World::new();
    let listed = |signed: &mut serde_json::Value| {
        signed["meta"]["delegated.json"] = json!({"version": 1});
    };
    world.repository.edit_before_signing(Role::Snapshot, listed);
    world.repository.publish();
    world.refresh().unwrap();
    world.repository.edit_before_signing(Role::Snapshot, |_| {});
    world.repository.publish();
    assert_eq!(world.refused(), "mismatch");
}

/// What was seen in a refresh that failed later bounds the next one too.
#[test]
fn what_a_failed_refresh_has_seen_is_not_forgotten() {
    for (missing, first) in [
        (".snapshot.json", "rollback"),
        (".targets.json", "rollback"),
    ] {
        let mut world = World::new();
        world.refresh().unwrap();
        more(&mut world.repository, Role::Timestamp, 5);
        renew(&mut world.repository);
        world.server.fault(missing, Fault::Status(503));
        assert_eq!(world.refused(), "unreachable");
        world.server.heal();
        // Newer than what is good, older than what was seen.
        world.repository.role(Role::Timestamp).version -= 3;
        world.repository.publish();
        assert_eq!(world.refused(), first, "{missing}");
    }
}

/// As above, with nothing good to hold on to.
#[test]
fn what_a_failed_first_refresh_has_seen_is_not_forgotten() {
    let mut world = World::new();
    more(&mut world.repository, Role::Timestamp, 5);
    world.server.fault(".snapshot.json", Fault::Status(503));
    assert_eq!(world.refused(), "unreachable");
    world.server.heal();
    world.repository.role(Role::Timestamp).version -= 3;
    world.repository.publish();
    assert_eq!(world.refused(), "rollback");
}

/// The snapshot that was seen bounds the targets, also when only it came through.
#[test]
fn targets_do_not_go_back_behind_a_snapshot_that_was_only_seen() {
    let mut world = World::new();
    world.refresh().unwrap();
    more(&mut world.repository, Role::Targets, 5);
    world.repository.publish();
    world.server.fault(".targets.json", Fault::Status(503));
    assert_eq!(world.refused(), "unreachable");
    world.server.heal();
    world.repository.role(Role::Targets).version -= 3;
    world.repository.publish();
    assert_eq!(world.refused(), "rollback");
}

/// Fast-forward recovery (specification, 5.3.11): an attacker published a huge version with a stolen key; the owner takes
/// the key away and begins anew.
#[test]
fn new_keys_let_versions_begin_anew() {
    for (rotated, back) in [
        (&[Role::Timestamp][..], Role::Timestamp),
        (&[Role::Timestamp, Role::Snapshot][..], Role::Snapshot),
        (&[Role::Timestamp, Role::Snapshot][..], Role::Targets),
        (&[Role::Snapshot][..], Role::Targets),
    ] {
        let mut world = World::new();
        more(&mut world.repository, back, 99);
        world.repository.publish();
        world.refresh().unwrap();
        for role in rotated {
            world.repository.rotate(*role);
        }
        world.repository.role(back).version = 0;
        world.repository.publish_root();
        world.repository.publish();
        let state = world.refresh().unwrap();
        assert_eq!(versions(&state)[0], 2);
        let place = Role::ALL.iter().position(|role| *role == back).unwrap();
        assert_eq!(versions(&state)[place], 1, "{rotated:?} {back:?}");
        assert_eq!(world.load(), Some(state));
    }
}

/// A new root with the same keys lets nothing begin anew.
#[test]
fn a_new_root_alone_forgets_nothing() {
    for role in [Role::Timestamp, Role::Snapshot, Role::Targets] {
        let mut world = World::new();
        more(&mut world.repository, role, 5);
        world.repository.publish();
        world.refresh().unwrap();
        world.repository.role(role).version -= 3;
        world.repository.publish_root();
        world.repository.publish();
        assert_eq!(world.refused_under_new_root(), "rollback", "{role:?}");
    }
}

impl World {
    /// As `refused`; what is good stays, though a newer root is known.
    fn refused_under_new_root(&self) -> &'static str {
        let before = self.load().unwrap();
        let error = self.refresh().unwrap_err();
        let after = self.load().unwrap();
        assert_eq!((&after.json, &after.roles), (&before.json, &before.roles));
        assert_eq!(after.newer_root, Some(2));
        error.cause.as_str()
    }
}
