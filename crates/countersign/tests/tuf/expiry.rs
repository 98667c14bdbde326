//! What expires, when it is told, and that it keeps serving.

use countersign::{TufError, TufRole, UnixTime};
use countersign_testkit::tuf::Role;

use crate::{DAY, NOW, World, renew, versions};

const ROLES: [(Role, TufRole); 4] = [
    (Role::Root, TufRole::Root),
    (Role::Timestamp, TufRole::Timestamp),
    (Role::Snapshot, TufRole::Snapshot),
    (Role::Targets, TufRole::Targets),
];

#[test]
fn no_expired_role_is_taken() {
    for (role, named) in ROLES {
        let mut world = World::new();
        let good = world.refresh().unwrap();
        world.repository.role(role).expires = NOW - 1;
        world.repository.publish_root();
        renew(&mut world.repository);
        let error = world.refresh().unwrap_err();
        let expected = TufError::Expired {
            role: named,
            expires: UnixTime::from_seconds(NOW - 1),
        };
        assert_eq!(error.cause, expected);
        assert_eq!(world.load().unwrap().json, good.json, "{role:?}");
        world.repository.role(role).expires = NOW + DAY;
        world.repository.publish_root();
        renew(&mut world.repository);
        assert!(world.refresh().is_ok(), "{role:?}");
    }
}

/// The end is the last second that counts.
#[test]
fn a_role_counts_until_its_end() {
    let world = World::new();
    world.refresh_at(NOW + 7 * DAY).unwrap();
    let error = world.refresh_at(NOW + 7 * DAY + 1).unwrap_err();
    assert!(matches!(
        error.cause,
        TufError::Expired {
            role: TufRole::Timestamp,
            ..
        }
    ));
}

/// What is known may have expired: newer metadata of the repository is followed all the same.
#[test]
fn an_expired_cache_is_refreshed() {
    let mut world = World::new();
    world.repository.role(Role::Root).expires = NOW + 7 * DAY;
    world.repository.publish_root();
    world.repository.publish();
    world.refresh().unwrap();
    for role in Role::ALL {
        world.repository.role(role).expires = NOW + 400 * DAY;
    }
    world.repository.publish_root();
    world.repository.publish();
    let state = world.refresh_at(NOW + 390 * DAY).unwrap();
    assert_eq!(versions(&state), [3, 4, 4, 4]);
    assert_eq!(state.expires().seconds(), NOW + 400 * DAY);
}

/// A mirror that replays the same timestamp for ever is noticed when it expires (freeze).
#[test]
fn a_frozen_repository_is_noticed() {
    let world = World::new();
    let good = world.refresh().unwrap();
    let error = world.refresh_at(NOW + 8 * DAY).unwrap_err();
    assert!(matches!(
        error.cause,
        TufError::Expired {
            role: TufRole::Timestamp,
            ..
        }
    ));
    assert_eq!(error.kept.unwrap().json, good.json);
}

#[test]
fn the_cache_serves_what_has_expired_and_says_so() {
    let world = World::new();
    let state = world.refresh().unwrap();
    assert_eq!(state.expires().seconds(), NOW + 7 * DAY);
    let later = UnixTime::from_seconds(NOW + 1000 * DAY);
    let old = world.load().unwrap();
    assert_eq!(old, state);
    assert_eq!(old.warnings(later).len(), 4);
    assert!(old.warnings(later)[0].contains("root metadata expired"));
}

#[test]
fn each_role_is_warned_of_in_time() {
    let world = World::new();
    let state = world.refresh().unwrap();
    assert_eq!(
        state.warnings(UnixTime::from_seconds(NOW)),
        Vec::<String>::new()
    );
    for (days, role, before) in [
        (7, "timestamp", 2),
        (21, "snapshot", 2),
        (180, "targets", 14),
        (360, "root", 60),
    ] {
        let end = NOW + days * DAY;
        let told = |now: i64| {
            let warnings = state.warnings(UnixTime::from_seconds(now));
            let own: Vec<String> = warnings
                .into_iter()
                .filter(|it| it.contains(role))
                .collect();
            own
        };
        assert_eq!(told(end - before * DAY - 1), Vec::<String>::new(), "{role}");
        assert!(
            told(end - before * DAY)[0].contains("expires soon"),
            "{role}"
        );
        assert!(told(end)[0].contains("expires soon"), "{role}");
        assert!(told(end + 1)[0].contains("expired"), "{role}");
    }
}
