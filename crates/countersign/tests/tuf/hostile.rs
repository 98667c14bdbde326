//! What must not be believed: each wrong thing at a first refresh, and again when something good is known already.

use std::time::{Duration, Instant};

use countersign::TufError;
use countersign_testkit::registry::Fault;
use countersign_testkit::tuf::{Repository, Role};
use serde_json::json;

use crate::{TARGET, World, renew};

/// A wrong repository, and the kind of error that it must give.
type Case = (&'static str, &'static str, fn(&mut Repository));

const CASES: &[Case] = &[
    ("unsigned timestamp", "signature", |it| {
        unsigned(it, Role::Timestamp)
    }),
    ("unsigned snapshot", "signature", |it| {
        unsigned(it, Role::Snapshot)
    }),
    ("unsigned snapshot without pins", "signature", |it| {
        it.pins = false;
        it.publish();
        unsigned(it, Role::Snapshot);
    }),
    ("unsigned targets without pins", "signature", |it| {
        it.pins = false;
        it.publish();
        unsigned(it, Role::Targets);
    }),
    ("unsigned root", "signature", |it| {
        it.publish_root();
        unsigned(it, Role::Root);
    }),
    ("changed timestamp", "signature", |it| {
        it.edit_file("timestamp.json", |json| {
            json["signed"]["version"] = json!(99)
        });
    }),
    ("changed targets", "signature", |it| {
        let name = it.name(Role::Targets);
        it.edit_file(&name, |json| json["signed"]["x"] = json!(1));
    }),
    ("targets of another version", "mismatch", |it| {
        it.pins = false;
        it.publish();
        let (name, version) = (it.name(Role::Targets), it.role(Role::Targets).version);
        it.edit_before_signing(Role::Targets, move |signed| {
            signed["version"] = json!(version + 5)
        });
        it.role(Role::Targets).version -= 1;
        it.publish_targets();
        assert_eq!(name, it.name(Role::Targets));
    }),
    ("a snapshot in the timestamp's place", "malformed", |it| {
        let snapshot = it.file(&it.name(Role::Snapshot)).unwrap().to_vec();
        it.put("timestamp.json", &snapshot);
    }),
    ("a root of another role's type", "malformed", |it| {
        it.publish_root();
        let (root, timestamp) = (
            it.name(Role::Root),
            it.file("timestamp.json").unwrap().to_vec(),
        );
        it.put(&root, &timestamp);
    }),
    ("not JSON", "malformed", |it| {
        it.put("timestamp.json", b"<html>")
    }),
    ("nothing in it", "malformed", |it| {
        it.put("timestamp.json", b"")
    }),
    ("no `signed` (CVE-2026-23991)", "malformed", |it| {
        it.put("timestamp.json", br#"{"signatures": []}"#);
    }),
    ("`signed` is a list (CVE-2026-23991)", "malformed", |it| {
        it.put("timestamp.json", br#"{"signed": [], "signatures": []}"#);
    }),
    ("no signatures", "malformed", |it| {
        it.edit_file("timestamp.json", |json| json["signatures"] = json!(null));
    }),
    ("a key twice in an object", "malformed", |it| {
        let text = String::from_utf8(it.file("timestamp.json").unwrap().to_vec()).unwrap();
        let twin = text.replacen("{\"signatures\"", "{\"signatures\":[],\"signatures\"", 1);
        assert_ne!(text, twin);
        it.put("timestamp.json", twin.as_bytes());
    }),
    ("deep nesting", "malformed", |it| {
        let deep = "[".repeat(100) + &"]".repeat(100);
        it.put("timestamp.json", deep.as_bytes());
    }),
    ("a version of 0", "malformed", |it| {
        it.edit_before_signing(Role::Timestamp, |signed| signed["version"] = json!(0));
        it.publish_timestamp();
    }),
    ("a negative version", "malformed", |it| {
        it.edit_before_signing(Role::Timestamp, |signed| signed["version"] = json!(-1));
        it.publish_timestamp();
    }),
    ("an expiry that is no time", "malformed", |it| {
        it.edit_before_signing(Role::Timestamp, |signed| signed["expires"] = json!("never"));
        it.publish_timestamp();
    }),
    ("another major version of TUF", "malformed", |it| {
        it.edit_before_signing(Role::Timestamp, |signed| {
            signed["spec_version"] = json!("2.0.0")
        });
        it.publish_timestamp();
    }),
    ("a timestamp without a snapshot", "malformed", |it| {
        it.edit_before_signing(Role::Timestamp, |signed| signed["meta"] = json!({}));
        it.publish_timestamp();
    }),
    ("a root that skips a version", "malformed", |it| {
        it.edit_before_signing(Role::Root, |signed| signed["version"] = json!(7));
        it.publish_root();
    }),
    ("a root that goes back", "rollback", |it| {
        let first = it.file("1.root.json").unwrap().to_vec();
        it.put("2.root.json", &first);
    }),
    ("a timestamp that is too large", "hostile", |it| {
        it.edit_before_signing(Role::Timestamp, |signed| {
            signed["x"] = json!("a".repeat(17_000))
        });
        it.publish_timestamp();
    }),
    ("a target of another length", "mismatch", |it| {
        let name = target_file(it);
        let mut bytes = it.file(&name).unwrap().to_vec();
        bytes.pop();
        it.put(&name, &bytes);
    }),
    ("a target that is said to be longer", "mismatch", |it| {
        let length = it.file(&target_file(it)).unwrap().len();
        it.edit_before_signing(Role::Targets, move |signed| {
            signed["targets"][TARGET]["length"] = json!(length + 1);
        });
        it.publish();
    }),
    ("a longer target", "hostile", |it| {
        let name = target_file(it);
        let mut bytes = it.file(&name).unwrap().to_vec();
        bytes.push(b' ');
        it.put(&name, &bytes);
    }),
    ("a target of another content", "mismatch", |it| {
        let name = target_file(it);
        let mut bytes = it.file(&name).unwrap().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        it.put(&name, &bytes);
    }),
    ("a target with an unknown hash only", "mismatch", |it| {
        it.hashes = vec!["sha9000"];
        renew(it);
    }),
    ("a target that is said to be huge", "mismatch", |it| {
        it.edit_before_signing(Role::Targets, |signed| {
            signed["targets"][TARGET]["length"] = json!(1_u64 << 40);
            signed["targets"][TARGET]["hashes"]["sha256"] = json!("0".repeat(64));
        });
        it.publish();
    }),
    (
        "a target whose hash leads elsewhere (CVE-2026-24137)",
        "mismatch",
        |it| {
            it.edit_before_signing(Role::Targets, |signed| {
                signed["targets"][TARGET]["hashes"]["sha256"] = json!("../../evil");
            });
            it.publish();
        },
    ),
    ("no such target", "no-target", |it| {
        it.remove_target(TARGET);
        it.publish();
    }),
    (
        "a target that only a delegated role has",
        "no-target",
        |it| {
            it.remove_target(TARGET);
            it.edit_before_signing(Role::Targets, |signed| {
            signed["delegations"] = json!({"keys": {}, "roles": [
                {"name": "more", "keyids": [], "threshold": 1, "terminating": false, "paths": ["*"]}
            ]});
        });
            it.publish();
        },
    ),
    ("a trusted root that cannot be read", "target", |it| {
        it.set_target(TARGET, br#"{"mediaType": "application/json"}"#);
        it.publish();
    }),
    ("no timestamp", "missing", |it| it.remove("timestamp.json")),
    ("no snapshot", "missing", |it| {
        it.publish();
        it.remove(&it.name(Role::Snapshot));
    }),
    ("no targets metadata", "missing", |it| {
        it.publish();
        it.remove(&it.name(Role::Targets));
    }),
    ("no target file", "missing", |it| {
        renew(it);
        it.remove(&target_file(it));
    }),
];

#[test]
fn cve_2026_23991_nothing_wrong_is_believed_at_first() {
    each_is_refused(|_| {});
}

/// What is good stays.
#[test]
fn nothing_wrong_replaces_what_is_good() {
    each_is_refused(|world| {
        world.refresh().unwrap();
        renew(&mut world.repository);
    });
}

fn each_is_refused(before: fn(&mut World)) {
    let mut wrong = Vec::new();
    for (name, kind, change) in CASES {
        let mut world = World::new();
        before(&mut world);
        let good = world.load();
        change(&mut world.repository);
        let found = match world.refresh() {
            Ok(_) => "believed",
            Err(error) => error.cause.as_str(),
        };
        let kept = world.load().map(|it| it.json) == good.map(|it| it.json);
        if found != *kind || !kept {
            wrong.push(format!("{name}: {found} instead of {kind}, kept: {kept}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_snapshot_names_targets_from_the_first_one_on() {
    for (known, kind) in [(false, "malformed"), (true, "mismatch")] {
        let mut world = World::new();
        if known {
            world.refresh().unwrap();
        }
        world
            .repository
            .edit_before_signing(Role::Snapshot, |signed| {
                signed["meta"] = json!({"x.json": {"version": 1}});
            });
        world.repository.publish();
        assert_eq!(world.refused(), kind);
    }
}

#[test]
fn a_repository_that_does_not_answer_is_unreachable_and_keeps_what_is_good() {
    let faults = [
        ("500", Fault::Status(500), "unreachable"),
        ("429", Fault::Status(429), "unreachable"),
        ("401", Fault::Status(401), "unreachable"),
        ("silence", Fault::Silence, "unreachable"),
        ("slow", Fault::StallAfter(10), "unreachable"),
        ("cut", Fault::CutAfter(10), "unreachable"),
        (
            "endless",
            Fault::Huge {
                bytes: u64::MAX,
                declared: false,
            },
            "hostile",
        ),
        (
            "said to be endless",
            Fault::Huge {
                bytes: 1 << 40,
                declared: true,
            },
            "hostile",
        ),
        (
            "to another host",
            Fault::RedirectTo("http://127.0.0.2:1".to_owned()),
            "hostile",
        ),
        (
            "compressed",
            Fault::Header("content-encoding", "gzip".to_owned()),
            "hostile",
        ),
    ];
    for file in ["timestamp.json", ".snapshot.json", ".targets.json", TARGET] {
        for (name, fault, kind) in &faults {
            let mut world = World::new();
            world.refresh().unwrap();
            renew(&mut world.repository);
            world.server.fault(file, fault.clone());
            let started = Instant::now();
            assert_eq!(world.refused(), *kind, "{name} for {file}");
            assert!(
                started.elapsed() < Duration::from_secs(8),
                "{name} for {file}"
            );
            world.server.heal();
            assert!(world.refresh().is_ok(), "{name} for {file}");
        }
    }
}

#[test]
fn a_root_that_cannot_be_asked_for_is_not_the_end_of_the_roots() {
    for fault in [Fault::Status(500), Fault::Status(401), Fault::Silence] {
        let world = World::new();
        world.server.fault(".root.json", fault);
        assert_eq!(world.refused(), "unreachable");
    }
}

#[test]
fn nobody_listening_is_unreachable() {
    let mut world = World::new();
    world.refresh().unwrap();
    let root = world.source.root().to_vec();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    world.source = countersign::TufSource::new(&url, root).unwrap();
    let error = world.refresh().unwrap_err();
    assert!(matches!(error.cause, TufError::Unreachable(_)), "{error}");
    assert!(error.kept.is_none());
}

/// Each root is a request: a repository cannot keep us asking for ever, and what was followed is not asked again.
#[test]
fn endless_roots_end_and_go_on_next_time() {
    let mut world = World::new();
    for _ in 0..70 {
        world.repository.publish_root();
    }
    assert_eq!(world.refused(), "too-many-roots");
    world.server.asked();
    let state = world.refresh().unwrap();
    assert_eq!(world.server.asked()[0], "66.root.json");
    assert_eq!(crate::versions(&state)[0], 71);
}

#[test]
fn a_pinned_root_must_be_one() {
    let world = World::new();
    let pinned = world.source.root().to_vec();
    let json: serde_json::Value = serde_json::from_slice(&pinned).unwrap();
    let mut unsigned = json.clone();
    unsigned["signatures"] = json!([]);
    let mut changed = json.clone();
    changed["signed"]["x"] = json!(1);
    let mut half = json;
    half["signatures"].as_array_mut().unwrap().pop();
    let timestamp = world.repository.file("timestamp.json").unwrap();
    for wrong in [
        b"".to_vec(),
        b"{}".to_vec(),
        unsigned.to_string().into_bytes(),
        changed.to_string().into_bytes(),
        half.to_string().into_bytes(),
        timestamp.to_vec(),
        [pinned.as_slice(), &[b' '; 512_000]].concat(),
    ] {
        let source = countersign::TufSource::new(&world.server.url(), wrong).unwrap();
        let error = world.store().load(&source).unwrap_err();
        assert!(matches!(error, TufError::PinnedRoot(_)), "{error}");
    }
}

fn unsigned(repository: &mut Repository, role: Role) {
    let name = repository.name(role);
    repository.edit_file(&name, |json| json["signatures"] = json!([]));
}

/// The published file of the target.
fn target_file(repository: &Repository) -> String {
    let name = repository.name(Role::Targets);
    let json: serde_json::Value = serde_json::from_slice(repository.file(&name).unwrap()).unwrap();
    let hash = json["signed"]["targets"][TARGET]["hashes"]["sha256"]
        .as_str()
        .unwrap();
    format!("targets/{hash}.{TARGET}")
}
