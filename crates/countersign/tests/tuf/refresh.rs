//! What a sound repository is asked for, and what comes of it.

use countersign_core::Digest;
use countersign_testkit::tuf::{Repository, Role};
use serde_json::json;

use crate::{NOW, TARGET, World, another_trusted_root, renew, versions};

#[test]
fn the_first_refresh_asks_for_each_file_once_and_the_next_for_two() {
    let world = World::new();
    let state = world.refresh().unwrap();
    let asked = world.server.asked();
    let target = asked.last().unwrap();
    assert_eq!(
        asked[..4],
        [
            "2.root.json",
            "timestamp.json",
            "2.snapshot.json",
            "2.targets.json"
        ]
    );
    let file = format!("targets/{}.{TARGET}", Digest::of(&state.json).hex());
    assert_eq!((asked.len(), target), (5, &file));
    assert_eq!(versions(&state), [1, 2, 2, 2]);
    assert_eq!(state.fingerprint, Digest::of(&state.json));
    assert_eq!(state.url, world.server.url());
    assert_eq!(state.refreshed.seconds(), NOW);
    assert_eq!(state.newer_root, None);

    let again = world.refresh_at(NOW + 60).unwrap();
    assert_eq!(world.server.asked(), ["2.root.json", "timestamp.json"]);
    assert_eq!(
        (&again.json, again.refreshed.seconds()),
        (&state.json, NOW + 60)
    );
}

#[test]
fn the_cache_serves_without_a_network_what_came_last() {
    let mut world = World::new();
    assert_eq!(world.load(), None);
    let first = world.refresh().unwrap();
    let json = renew(&mut world.repository);
    assert_eq!(world.load(), Some(first));
    let second = world.refresh().unwrap();
    assert_eq!((&second.json, versions(&second)), (&json, [1, 3, 3, 3]));
    world.server = countersign_testkit::tuf::Server::start();
    assert_eq!(world.load(), Some(second));
}

#[test]
fn only_what_changed_is_fetched() {
    let mut world = World::new();
    world.refresh().unwrap();
    world.server.asked();
    world.repository.publish_timestamp();
    world.refresh().unwrap();
    assert_eq!(world.server.asked(), ["2.root.json", "timestamp.json"]);
    world.repository.publish();
    let state = world.refresh().unwrap();
    assert_eq!(
        world.server.asked(),
        [
            "2.root.json",
            "timestamp.json",
            "3.snapshot.json",
            "3.targets.json"
        ]
    );
    assert_eq!(versions(&state), [1, 4, 3, 3]);
}

/// Without consistent snapshots, without pins, with other hashes, in a folder, with fields that nobody knows.
#[test]
fn repositories_of_other_shapes_are_read() {
    type Shape = fn(&mut Repository);
    let shapes: [(&str, Shape); 6] = [
        ("plain names", |it| it.consistent = false),
        ("no pins", |it| it.pins = false),
        ("sha512 only", |it| it.hashes = vec!["sha512"]),
        ("both hashes", |it| it.hashes = vec!["sha256", "sha512"]),
        ("an unknown hash beside", |it| {
            it.hashes = vec!["sha256", "sha9000"]
        }),
        ("fields of its own", |it| {
            for role in Role::ALL {
                it.edit_before_signing(role, |signed| {
                    signed["x-own"] = json!({"a": ["\"\\\u{e9}\n"]})
                });
            }
        }),
    ];
    for (name, shape) in shapes {
        let mut repository = Repository::new(NOW);
        shape(&mut repository);
        repository.set_target(TARGET, another_trusted_root().as_bytes());
        repository.publish_root();
        repository.publish();
        let world = World::of(repository);
        let state = world
            .refresh()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(versions(&state), [2, 2, 2, 2], "{name}");
        assert_eq!(world.load(), Some(state), "{name}");
    }
}

#[test]
fn a_target_in_a_folder_is_found() {
    let mut world = World::new();
    let json = another_trusted_root();
    world
        .repository
        .set_target("a/b/other.json", json.as_bytes());
    world.repository.publish();
    let main = world.refresh().unwrap();
    world.source = world.source.clone().target("a/b/other.json").unwrap();
    let other = world.refresh().unwrap();
    assert_eq!(other.json, json.as_bytes());
    assert_ne!(other.fingerprint, main.fingerprint);
    let file = world.server.asked().pop().unwrap();
    assert_eq!(
        file,
        format!("targets/a/b/{}.other.json", other.fingerprint.hex())
    );
}

/// The specification, 5.4.3: the same version again changes nothing, whatever it says.
#[test]
fn another_timestamp_of_the_same_version_changes_nothing() {
    let mut world = World::new();
    let first = world.refresh().unwrap();
    world.repository.role(Role::Timestamp).version -= 1;
    world.repository.role(Role::Timestamp).expires += 1000;
    renew(&mut world.repository);
    assert_eq!(versions(&world.refresh().unwrap()), versions(&first));
    assert_eq!(world.load().unwrap().json, first.json);
}

/// Object stores say 403 of what is not there.
#[test]
fn a_forbidden_next_root_is_the_end_of_the_roots() {
    let world = World::new();
    world.server.fault(
        "2.root.json",
        countersign_testkit::registry::Fault::Status(403),
    );
    assert_eq!(versions(&world.refresh().unwrap()), [1, 2, 2, 2]);
}

/// The roots that Sigstore publishes itself are signed as they must be.
#[test]
fn the_public_good_root_that_is_compiled_in_can_be_pinned() {
    let mut world = World::new();
    let public = countersign::TufSource::public_good();
    world.source =
        countersign::TufSource::new(&world.server.url(), public.root().to_vec()).unwrap();
    // Its keys did not sign this repository: the pinned root is fine, and the timestamp is not.
    assert_eq!(world.refused(), "signature");
}
