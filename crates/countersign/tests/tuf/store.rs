//! The cache on disk: changed, cut, shared, and left by a killed writer.

use std::fs;

use countersign::{TrustStore, TufError};
use serde_json::{Value, json};

use crate::{World, renew, versions};

/// Nothing that is changed in the file is believed.
#[test]
fn a_changed_cache_is_refused_and_begun_anew() {
    let mut world = World::new();
    world.repository.publish_root();
    world.repository.publish();
    let good = world.refresh().unwrap();
    let file = world.store().file(&world.source);
    let whole = fs::read(&file).unwrap();
    let json: Value = serde_json::from_slice(&whole).unwrap();
    let other = World::new();
    other.refresh().unwrap();
    let foreign: Value =
        serde_json::from_slice(&fs::read(other.store().file(&other.source)).unwrap()).unwrap();
    let mut changed: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"null".to_vec(),
        whole[..whole.len() / 2].to_vec(),
        [whole.as_slice(), b"}"].concat(),
        foreign.to_string().into_bytes(),
    ];
    for key in ["timestamp", "snapshot", "targets", "target"] {
        for value in [
            json!(""),
            json!("AAAA"),
            json!("*"),
            foreign["good"][key].clone(),
        ] {
            let mut json = json.clone();
            json["good"][key] = value;
            changed.push(json.to_string().into_bytes());
        }
    }
    for (pointer, value) in [
        ("/format", json!(2)),
        ("/roots", json!([])),
        ("/roots/0", json!("AAAA")),
        ("/good/rootVersion", json!(3)),
        ("/unknown", json!(1)),
    ] {
        let mut json = json.clone();
        match json.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => json["unknown"] = value,
        }
        changed.push(json.to_string().into_bytes());
    }
    for (number, bytes) in changed.iter().enumerate() {
        fs::write(&file, bytes).unwrap();
        let loaded = world.store().load(&world.source);
        match loaded {
            Err(TufError::Cache { .. }) => {}
            other => panic!("{number}: {other:?}"),
        }
        assert_eq!(world.refresh().unwrap(), good, "{number}");
    }
    // The seen versions are hints: what does not verify is no bound.
    for key in ["seenTimestamp", "seenSnapshot"] {
        let mut json = json.clone();
        json[key] = json!("AAAA");
        fs::write(&file, json.to_string()).unwrap();
        assert_eq!(world.load(), Some(good.clone()), "{key}");
    }
}

/// A writer that was killed leaves a half file beside; the cache is the old one, and the next writer goes on.
#[test]
fn what_a_killed_writer_leaves_harms_nobody() {
    let mut world = World::new();
    let good = world.refresh().unwrap();
    let file = world.store().file(&world.source);
    let whole = fs::read(&file).unwrap();
    for cut in [0, 1, whole.len() / 2, whole.len()] {
        fs::write(file.with_extension("new"), &whole[..cut]).unwrap();
        assert_eq!(world.load(), Some(good.clone()));
    }
    let json = renew(&mut world.repository);
    assert_eq!(world.refresh().unwrap().json, json);
    assert!(!file.with_extension("new").exists());
}

/// Two processes: the one that began earlier and ends later does not put the older state back.
#[test]
fn an_older_state_never_replaces_a_newer_one() {
    let mut world = World::new();
    world.refresh().unwrap();
    let file = world.store().file(&world.source);
    let old = fs::read(&file).unwrap();
    let json = renew(&mut world.repository);
    world.refresh().unwrap();
    let new = fs::read(&file).unwrap();

    // The slow process has read the old state, and is held up in the middle of its refresh.
    fs::write(&file, &old).unwrap();
    world
        .server
        .fault("2.root.json", countersign_testkit::registry::Fault::Silence);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| world.refresh());
        while world.server.asked().is_empty() {
            std::thread::yield_now();
        }
        // Meanwhile the quick one writes.
        let beside = file.with_extension("quick");
        fs::write(&beside, &new).unwrap();
        fs::rename(&beside, &file).unwrap();
        let error = slow.join().unwrap().unwrap_err();
        assert_eq!(error.kept.unwrap().json, json);
    });
    assert_eq!(world.load().unwrap().json, json);
}

#[test]
fn many_may_refresh_and_read_at_once() {
    let mut world = World::new();
    world.refresh().unwrap();
    for round in 0..5 {
        let json = renew(&mut world.repository);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| world.refresh().unwrap());
                scope.spawn(|| assert!(world.load().is_some()));
            }
        });
        let state = world.load().unwrap();
        assert_eq!(
            (state.json.as_slice(), versions(&state)[1]),
            (json.as_slice(), 3 + round)
        );
    }
}

#[test]
fn each_source_has_its_own_file() {
    let world = World::new();
    let other = World::new();
    let store = TrustStore::new(world.folder.path());
    world.refresh().unwrap();
    assert!(store.load(&world.source).unwrap().is_some());
    assert!(store.load(&other.source).unwrap().is_none());
    let moved = countersign::TufSource::new("https://tuf.example", world.source.root().to_vec());
    assert!(store.load(&moved.unwrap()).unwrap().is_none());
}

#[test]
fn cve_2026_24137_nothing_is_written_outside_the_folder() {
    let mut world = World::new();
    let outer = tempfile::tempdir().unwrap();
    let json = world.repository.file("timestamp.json").unwrap().to_vec();
    for name in ["../evil.json", "/tmp/evil.json", "a/../../evil.json"] {
        world.repository.set_target(name, &json);
    }
    world.repository.publish();
    world.folder = tempfile::tempdir_in(outer.path()).unwrap();
    world.refresh().unwrap();
    let entries = |folder: &std::path::Path| fs::read_dir(folder).unwrap().count();
    assert_eq!(entries(outer.path()), 1);
    assert_eq!(entries(world.folder.path()), 2); // the cache, and its lock
    assert_eq!(
        world.store().file(&world.source).parent(),
        Some(world.folder.path())
    );
}

/// A folder that cannot be written: what was good before is still given, with the reason.
#[test]
fn a_cache_that_cannot_be_written_is_told() {
    let world = World::new();
    let file = world.folder.path().join("a-file");
    fs::write(&file, b"").unwrap();
    let store = TrustStore::new(file.join("below"));
    let client = countersign::TufClient::new();
    let now = countersign::UnixTime::from_seconds(crate::NOW);
    let work = store.refresh(&world.source, &client, now);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = runtime.block_on(work).unwrap_err();
    assert_eq!(error.cause.as_str(), "cache");
}
