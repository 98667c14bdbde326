//! Docker's credential helpers, as real programs.

use std::path::Path;
use std::time::{Duration, Instant};

use countersign::{
    Budget, Credential, CredentialHelpers, DockerConfig, Found, ImageRef, Keyring, Limits,
    RegistryError, Repository, Secret,
};
use countersign_testkit::registry::Registry;

use crate::{PASSWORD, USER, budget, client, program, read, runs, tried};

const NAME: &str = "docker-credential-test";

fn store(helper: &str, folder: &Path) -> DockerConfig {
    let text = serde_json::json!({"credsStore": helper}).to_string();
    let helpers = CredentialHelpers::on_path(folder).timeout(Duration::from_secs(5));
    DockerConfig::from_bytes(text.as_bytes())
        .unwrap()
        .run_helpers(&helpers)
}

fn place(image: &str) -> Repository {
    Repository::of(&ImageRef::parse(image).unwrap())
}

async fn one(config: impl Into<Keyring>, image: &str) -> Found {
    let found = config.into().find(&place(image), &budget()).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_helper_is_asked_for_the_server_as_docker_asks() {
    let folder = tempfile::tempdir().unwrap();
    program(
        folder.path(),
        NAME,
        r#"read server; echo "{\"ServerURL\": \"$server\", \"Username\": \"$1\", \"Secret\": \"for $server\"}""#,
    );
    let config = store("test", folder.path());
    for (image, server) in [
        ("ghcr.io/acme/app", "ghcr.io"),
        ("ghcr.io:8443/acme/app", "ghcr.io:8443"),
        ("nginx", "https://index.docker.io/v1/"),
    ] {
        let found = one(config.clone(), image).await;
        let expected = Credential::Basic {
            username: "get".to_owned(),
            password: Secret::new(format!("for {server}")),
        };
        assert_eq!(found.credential, Some(expected));
        assert_eq!(
            found.note,
            "the user name and password of the credential helper `test`"
        );
    }
}

#[tokio::test]
async fn a_helper_opens_a_registry_and_is_run_once() {
    let registry = Registry::builder().bearer(USER, PASSWORD).start();
    for path in ["one", "two"] {
        registry.push_image(path, "v1");
    }
    let folder = tempfile::tempdir().unwrap();
    program(
        folder.path(),
        NAME,
        &format!(r#"echo '{{"Username": "{USER}", "Secret": "{PASSWORD}"}}'"#),
    );
    let client = client(&registry, store("test", folder.path()));
    for path in ["one", "two", "one"] {
        assert!(read(&client, &registry, path).await.unwrap().is_some());
    }
    assert_eq!(runs(folder.path(), NAME), 1);
}

#[tokio::test]
async fn no_helper_is_run_before_a_registry_asks() {
    let registry = Registry::start();
    registry.push_image("app", "v1");
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), NAME, "exit 1");
    let client = client(&registry, store("test", folder.path()));
    read(&client, &registry, "app").await.unwrap();
    assert_eq!(runs(folder.path(), NAME), 0);
}

#[tokio::test]
async fn the_helper_goes_before_auths_and_auths_before_the_next_file() {
    let registry = Registry::builder().basic(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let folder = tempfile::tempdir().unwrap();
    let host = registry.host();
    program(
        folder.path(),
        NAME,
        r#"echo '{"Username": "robot", "Secret": "old"}'"#,
    );
    program(folder.path(), "docker-credential-later", "exit 1");
    let helpers = CredentialHelpers::on_path(folder.path());
    let first = serde_json::json!({
        "auths": {&host: {"username": USER, "password": PASSWORD}},
        "credHelpers": {&host: "test"},
        "credsStore": "later",
    });
    let next = serde_json::json!({"credsStore": "later"});
    let [first, next] = [first, next].map(|text| {
        DockerConfig::from_bytes(text.to_string().as_bytes())
            .unwrap()
            .run_helpers(&helpers)
    });
    let client = client(&registry, Keyring::from(first).and(next));
    assert!(read(&client, &registry, "app").await.unwrap().is_some());
    let shown = crate::authorizations(&registry);
    assert_eq!(shown.len(), 2);
    assert_ne!(
        shown[0].header("authorization"),
        shown[1].header("authorization")
    );
    // What has sufficed leaves the rest alone.
    assert_eq!(runs(folder.path(), "docker-credential-later"), 0);
}

#[tokio::test]
async fn what_a_helper_says_is_read_by_the_protocol() {
    let folder = tempfile::tempdir().unwrap();
    let secret = |text: &str| Secret::new(text.to_owned());
    for (name, body, credential, note) in [
        (
            "token",
            r#"echo '{"Username": "<token>", "Secret": "hunter2"}'"#,
            Some(Credential::IdentityToken(secret("hunter2"))),
            "the identity token of the credential helper `token`",
        ),
        (
            "none",
            "echo 'credentials not found in native keychain'; exit 1",
            None,
            "the credential helper `none` has none for this registry",
        ),
        (
            "empty",
            r#"echo '{"ServerURL": "", "Username": "", "Secret": ""}'"#,
            None,
            "the credential helper `empty` has none for this registry",
        ),
        (
            "fails",
            "echo 'hunter2 is locked'; echo 'hunter2!' >&2; exit 3",
            None,
            "the credential helper `fails` failed: it ended with exit code 3",
        ),
        (
            "dies",
            "echo '{\"Username\": \"u\", \"Secret\": \"hunter2\"}'; kill -9 $$",
            None,
            "the credential helper `dies` failed: it was stopped by a signal",
        ),
        (
            "babbles",
            r#"echo '{"Username": "u", "Secret": ["hunter2"]}'"#,
            None,
            "the credential helper `babbles` failed: its answer is not JSON of that shape",
        ),
        (
            "endless",
            "while :; do echo hunter2 hunter2 hunter2 hunter2 hunter2 hunter2; done",
            None,
            "the credential helper `endless` failed: it prints more than 65536 bytes",
        ),
    ] {
        program(folder.path(), &format!("docker-credential-{name}"), body);
        let found = one(store(name, folder.path()), "ghcr.io/a").await;
        assert_eq!(found.credential, credential, "{name}");
        assert_eq!(found.note, note);
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    }
}

#[tokio::test]
async fn a_helper_that_hangs_is_stopped_and_the_request_goes_on_without() {
    let registry = Registry::builder().bearer(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), NAME, "echo $$ > \"$0.pid\"; exec sleep 60");
    let helpers = CredentialHelpers::on_path(folder.path()).timeout(Duration::from_millis(500));
    let text = br#"{"credsStore": "test"}"#;
    let config = DockerConfig::from_bytes(text)
        .unwrap()
        .run_helpers(&helpers);
    let client = client(&registry, config);
    let begun = Instant::now();
    let (_, tried) = tried(&client, &registry, "app").await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "it was waited for"
    );
    assert!(
        tried.contains("`test` failed: it did not answer within 500ms and was stopped"),
        "{tried}"
    );
    is_gone(&folder.path().join(format!("{NAME}.pid"))).await;
    // The failure is remembered for a moment, so that a check waits once.
    assert_eq!(crate::tried(&client, &registry, "app").await.0, 401);
    assert!(runs(folder.path(), NAME) <= 1);
}

#[tokio::test]
async fn a_check_that_ends_stops_the_helper() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), NAME, "echo $$ > \"$0.pid\"; exec sleep 60");
    let keyring = Keyring::from(store("test", folder.path()));
    let short = Budget::new(&Limits::default(), Duration::from_millis(500));
    let error = keyring.find(&place("ghcr.io/a"), &short).await.unwrap_err();
    assert!(matches!(error, RegistryError::Timeout { .. }), "{error}");
    is_gone(&folder.path().join(format!("{NAME}.pid"))).await;
}

/// Waits until the process whose number stands in the file does not run any more.
async fn is_gone(pid: &Path) {
    // A busy machine may have stopped it before it came so far.
    let Ok(pid) = std::fs::read_to_string(pid) else {
        return;
    };
    let stat = format!("/proc/{}/stat", pid.trim());
    for _ in 0..500 {
        match std::fs::read_to_string(&stat) {
            // A zombie has ended.
            Ok(stat) if !stat.contains(") Z ") => {}
            _ => return,
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("process {pid} still runs");
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("docker-credential-x");
    std::fs::create_dir(&inner).unwrap();
    program(folder.path(), "evil", "exit 0");
    program(folder.path(), "docker-credential-UP", "exit 0");
    for name in ["x/../evil", "../evil", "UP", "a b", "x\0", "é"] {
        let found = one(store(name, folder.path()), "ghcr.io/a").await;
        assert!(
            found.note.contains("may hold only a-z, 0-9 and -"),
            "{}",
            found.note
        );
    }
    assert_eq!(runs(folder.path(), "evil"), 0);
    assert_eq!(runs(folder.path(), "docker-credential-UP"), 0);
    // Not found: no such file, a folder of that name, or one that may not be run.
    std::fs::write(folder.path().join("docker-credential-text"), "#!/bin/sh").unwrap();
    for name in ["missing", "x", "text"] {
        let found = one(store(name, folder.path()), "ghcr.io/a").await;
        assert!(
            found.note.contains("on PATH") && found.note.contains(name),
            "{}",
            found.note
        );
    }
    // A folder that is not absolute is one of wherever the process stands.
    program(folder.path(), NAME, "exit 0");
    let here = std::env::current_dir().unwrap();
    let up = "../".repeat(here.components().count());
    let relative = format!("{up}.{}", folder.path().display());
    assert!(Path::new(&relative).join(NAME).exists());
    for path in [relative.as_str(), "", ".", "::"] {
        let config = DockerConfig::from_bytes(br#"{"credsStore": "test"}"#)
            .unwrap()
            .run_helpers(&CredentialHelpers::on_path(path));
        let found = one(config, "ghcr.io/a").await;
        assert!(found.note.contains("on PATH"), "{path}: {}", found.note);
    }
    assert_eq!(runs(folder.path(), NAME), 0);
}

#[tokio::test]
async fn different_servers_are_asked_at_once_and_each_once() {
    let folder = tempfile::tempdir().unwrap();
    // Each waits until both run.
    program(
        folder.path(),
        NAME,
        r#"read server; : > "$0.is.$server"
        while [ ! -e "$0.is.a.example" ] || [ ! -e "$0.is.b.example" ]; do sleep 0.01; done
        echo '{"Username": "u", "Secret": "s"}'"#,
    );
    let keyring = Keyring::from(store("test", folder.path()));
    let asks: Vec<_> = ["a.example/1", "b.example/1", "a.example/2", "b.example/2"]
        .into_iter()
        .map(|image| {
            let keyring = keyring.clone();
            tokio::spawn(async move { keyring.find(&place(image), &budget()).await })
        })
        .collect();
    for ask in asks {
        assert!(ask.await.unwrap().unwrap()[0].credential.is_some());
    }
    assert_eq!(runs(folder.path(), NAME), 2);
}
