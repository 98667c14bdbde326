//! Which credential of a docker config is used for which repository.

#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use countersign_core::ImageRef;

use super::*;
use crate::credentials::auth::BASE64;
use crate::{Limits, Secret};

fn repository(image: &str) -> Repository {
    Repository::of(&ImageRef::parse(image).unwrap())
}

fn basic(username: &str, password: &str) -> Option<Credential> {
    Some(Credential::Basic {
        username: username.to_owned(),
        password: Secret::new(password.to_owned()),
    })
}

fn auth(text: &str) -> String {
    BASE64.encode(text)
}

#[test]
fn the_most_specific_key_wins() {
    let config = format!(
        r#"{{"auths": {{
            "https://index.docker.io/v1/": {{"auth": "{hub}"}},
            "ghcr.io": {{"username": "host", "password": "1"}},
            "ghcr.io/acme": {{"username": "org", "password": "2"}},
            "https://ghcr.io/acme/app": {{"username": "repo", "password": "3"}},
            "REG.example:443/v2/": {{"username": "port", "password": "4"}},
            "reg.example:8443": {{"username": "other-port", "password": "5"}},
            "localhost:5000": {{"username": "local", "password": "6"}},
            "https://Registry/v2/": {{"username": "one-word", "password": "7"}}
        }}}}"#,
        hub = auth("me:secret:with:colons")
    );
    let config = DockerConfig::from_bytes(config.as_bytes()).unwrap();
    for (image, expected) in [
        ("nginx", basic("me", "secret:with:colons")),
        (
            "registry-1.docker.io/a/b",
            basic("me", "secret:with:colons"),
        ),
        ("ghcr.io/other/app", basic("host", "1")),
        ("ghcr.io/acmeevil/app", basic("host", "1")),
        ("ghcr.io/acme/other", basic("org", "2")),
        ("ghcr.io/acme/app", basic("repo", "3")),
        ("ghcr.io/acme/app/sub", basic("repo", "3")),
        ("reg.example/x", basic("port", "4")),
        ("reg.example:8443/x", basic("other-port", "5")),
        ("localhost:5000/x", basic("local", "6")),
        ("localhost:5001/x", None),
        ("registry:443/x", basic("one-word", "7")),
        ("Registry/x", basic("one-word", "7")),
        ("registry:444/x", None),
        ("evil-ghcr.io/acme/app", None),
        ("ghcr.io.evil.example/acme/app", None),
    ] {
        assert_eq!(config.credential(&repository(image)), expected, "{image}");
    }
}

#[test]
fn every_kind_of_entry_is_read() {
    let config = format!(
        r#"{{"auths": {{
            "a.example": {{"identitytoken": "idt", "auth": "{user}"}},
            "b.example": {{"registrytoken": "rt"}},
            "c.example": {{"auth": "{token}"}},
            "d.example": {{}},
            "e.example": {{"auth": "{unpadded}", "email": "x@example"}},
            "f.example": {{"auth": "{nul}"}}
        }}, "HttpHeaders": {{"x": "y"}}}}"#,
        user = auth("user:"),
        token = auth("<token>:idt2"),
        unpadded = auth("u:pa").trim_end_matches('='),
        nul = auth("u:p\0\0"),
    );
    let config = DockerConfig::from_bytes(config.as_bytes()).unwrap();
    let get = |host: &str| config.credential(&repository(&format!("{host}/app")));
    let secret = |text: &str| Secret::new(text.to_owned());
    assert_eq!(
        get("a.example"),
        Some(Credential::IdentityToken(secret("idt")))
    );
    assert_eq!(
        get("b.example"),
        Some(Credential::RegistryToken(secret("rt")))
    );
    assert_eq!(
        get("c.example"),
        Some(Credential::IdentityToken(secret("idt2")))
    );
    assert_eq!(get("d.example"), None);
    assert_eq!(get("e.example"), basic("u", "pa"));
    assert_eq!(get("f.example"), basic("u", "p"));
}

#[tokio::test]
async fn helpers_are_named_and_without_permission_never_run() {
    let config = DockerConfig::from_bytes(
        br#"{"auths": {"ghcr.io": {}, "quay.io": {"username": "u", "password": "p"}},
            "credHelpers": {"ghcr.io": "../../tmp/evil", "quay.io": "pass", "none.example": ""},
            "credsStore": "desktop"}"#,
    )
    .unwrap();
    let budget = Budget::new(&Limits::default(), Budget::DEFAULT_TIME);
    for (image, expected) in [
        (
            "ghcr.io/a",
            &[
                "the credential helper `../../tmp/evil` is not run here; write the credential into `auths`",
            ][..],
        ),
        (
            "other.example/a",
            &["the credential helper `desktop` is not run here; write the credential into `auths`"],
        ),
        (
            "quay.io/a",
            &[
                "the credential helper `pass` is not run here; write the credential into `auths`",
                "the user name and password of the docker config's `quay.io`",
            ],
        ),
        ("none.example/a", &[]),
    ] {
        let found = config.find(&repository(image), &budget).await.unwrap();
        let notes: Vec<_> = found.iter().map(|found| found.note.as_str()).collect();
        assert_eq!(notes, expected, "{image}");
    }
    assert!(config.credential(&repository("quay.io/a")).is_some());
}

#[test]
fn a_fingerprint_is_of_the_secret_or_of_the_program() {
    let config = |password: &str| {
        let text = format!(
            r#"{{"auths": {{"a.example": {{"username": "u", "password": "{password}"}}}}, "credsStore": "x"}}"#
        );
        DockerConfig::from_bytes(text.as_bytes()).unwrap()
    };
    let access =
        |config: DockerConfig, image: &str| crate::Keyring::from(config).access(&repository(image));
    assert_eq!(
        access(config("1"), "a.example/x"),
        access(config("1"), "a.example/y")
    );
    assert_ne!(
        access(config("1"), "a.example/x"),
        access(config("2"), "a.example/x")
    );
    assert_eq!(access(config("1"), "b.example/x"), Access::anonymous());
    // With permission to run it, the helper is part of the access, by its name and server.
    let helpers = CredentialHelpers::on_path("/nowhere");
    let run = |image| access(config("1").run_helpers(&helpers), image);
    assert_ne!(run("a.example/x"), access(config("1"), "a.example/x"));
    assert_ne!(run("b.example/x"), Access::anonymous());
    assert_ne!(run("b.example/x"), run("c.example/x"));
    assert_eq!(run("b.example/x"), run("b.example/y"));
}

#[test]
fn mistakes_are_told_without_secrets() {
    for text in [
        r#"{"auths": {"a.example": {"auth": "hunter2 is not base64"}}}"#,
        r#"{"auths": {"a.example": {"password": ["hunter2"]}}}"#,
        r#"{"auths": {"a.example": "hunter2"}}"#,
        r#"{"auths": {"a.example": {"auth": "aHVudGVyMg=="}}}"#,
        "hunter2",
    ] {
        let error = DockerConfig::from_bytes(text.as_bytes()).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let config = DockerConfig::from_bytes(
        br#"{"auths": {"a.example": {"username": "u", "password": "hunter2"}}}"#,
    )
    .unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn files_are_bounded_and_may_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.json");
    let config = DockerConfig::load(&path).unwrap();
    assert_eq!(config.credential(&repository("ghcr.io/a")), None);
    std::fs::write(
        &path,
        r#"{"auths":{"ghcr.io":{"username":"u","password":"p"}}}"#,
    )
    .unwrap();
    let config = DockerConfig::load(&path).unwrap();
    assert_eq!(config.credential(&repository("ghcr.io/a")), basic("u", "p"));
    std::fs::write(&path, vec![b' '; 1024 * 1024 + 1]).unwrap();
    let error = DockerConfig::load(&path).unwrap_err();
    assert!(error.to_string().contains("config.json: larger than"));
}
