//! No output holds a secret: whatever goes right or wrong, in every format, at the most verbose.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use countersign_testkit::registry::{Fault, Registry, Request};
use serde_json::{Value, json};

use crate::run::{ROOT, command};

const USER: &str = "robot";
const PASSWORD: &str = "swordfish-of-the-registry";
const WRONG: &str = "a-wrong-swordfish";
const HELPED: &str = "swordfish-of-the-helper";
const TOKEN: &str = "swordfish-as-a-token";
/// `robot:<each>` in base64, and each alone.
const ENCODED: [&str; 8] = [
    "cm9ib3Q6c3dvcmRmaXNoLW9mLXRoZS1yZWdpc3RyeQ==",
    "c3dvcmRmaXNoLW9mLXRoZS1yZWdpc3RyeQ==",
    "cm9ib3Q6YS13cm9uZy1zd29yZGZpc2g=",
    "YS13cm9uZy1zd29yZGZpc2g=",
    "cm9ib3Q6c3dvcmRmaXNoLW9mLXRoZS1oZWxwZXI=",
    "c3dvcmRmaXNoLW9mLXRoZS1oZWxwZXI=",
    "cm9ib3Q6c3dvcmRmaXNoLWFzLWEtdG9rZW4=",
    "c3dvcmRmaXNoLWFzLWEtdG9rZW4=",
];

/// A registry, and what the config says of it.
struct Case {
    name: &'static str,
    registry: Registry,
    /// Another one that is asked too.
    other: Option<Registry>,
    config: fn(&str) -> Value,
    /// What the helper does.
    helper: String,
    /// What must have been sent, for the case to mean something.
    sends: &'static str,
}

#[test]
fn no_output_holds_a_secret() {
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        let image = case.registry.push_image("app", "v1");
        case.registry.attach_bundle("app", &image, b"{}");
        let config = (case.config)(&case.registry.host());
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        helper(folder.path(), &case.helper);
        for format in ["text", "json"] {
            let printed = verify(folder.path(), &case.registry, format);
            let sent = sent(&case);
            assert!(
                sent.iter().any(|value| value.starts_with(case.sends)),
                "{}: nothing begins with `{}`: {sent:?}",
                case.name,
                case.sends
            );
            let secrets = [PASSWORD, WRONG, HELPED, TOKEN];
            let tokens = sent.iter().filter_map(|value| value.split_once(' '));
            for secret in secrets
                .into_iter()
                .chain(ENCODED)
                .chain(tokens.map(|(_, token)| token))
            {
                assert!(
                    !printed.contains(secret),
                    "{} ({format}) shows `{secret}`:\n{printed}",
                    case.name
                );
            }
        }
    }
}

fn cases() -> Vec<Case> {
    let basic = || Registry::builder().basic(USER, PASSWORD).start();
    let bearer = || Registry::builder().bearer(USER, PASSWORD).start();
    let refusing = bearer();
    refusing.fault(
        |request| request.path.starts_with("/token"),
        Fault::Status(403),
    );
    let babbling = bearer();
    babbling.fault(
        |request| request.path.starts_with("/token"),
        Fault::Json(json!({"token": [TOKEN], "access_token": TOKEN})),
    );
    let smuggling = bearer();
    smuggling.fault(
        |request| request.path.starts_with("/token"),
        Fault::token(&format!("{TOKEN}\r\nx-evil: yes")),
    );
    let (redirecting, store) = (bearer(), basic());
    redirecting.fault(
        |request| request.path.contains("/blobs/"),
        Fault::RedirectTo(store.url()),
    );
    let helped = Registry::builder().bearer(USER, HELPED).start();
    let right = |host: &str| login(host, PASSWORD);
    let wrong = |host: &str| login(host, WRONG);
    let silent = || "exit 1".to_owned();
    let answering = format!(r#"echo '{{"Username": "{USER}", "Secret": "{HELPED}"}}'"#);
    let spilling = format!("echo '{HELPED}'; echo '{HELPED}' >&2; exit 1");
    let identity: fn(&str) -> Value = |host| json!({"auths": {host: {"identitytoken": TOKEN}}});
    let ready: fn(&str) -> Value = |host| json!({"auths": {host: {"registrytoken": TOKEN}}});
    let broken: fn(&str) -> Value =
        |host| json!({"auths": {host: {"registrytoken": format!("{TOKEN}\n{PASSWORD}")}}});
    let ask: fn(&str) -> Value = |host| {
        json!({
            "auths": {host: {"username": USER, "password": WRONG}},
            "credHelpers": {host: "test"},
        })
    };
    let case = |name, registry, config, sends| Case {
        name,
        registry,
        other: None,
        config,
        helper: silent(),
        sends,
    };
    let helping = |name, registry, helper, sends| Case {
        helper,
        ..case(name, registry, ask, sends)
    };
    vec![
        case("basic", basic(), right, "Basic "),
        case("bearer", bearer(), right, "Bearer "),
        case("basic, refused", basic(), wrong, "Basic "),
        case("bearer, refused", bearer(), wrong, "Basic "),
        case("a realm that refuses", refusing, right, "Basic "),
        case("a realm that babbles", babbling, right, "Basic "),
        case("a token that smuggles", smuggling, right, "Basic "),
        case("an identity token", bearer(), identity, ""),
        case("a registry token", bearer(), ready, "Bearer "),
        case("a token that cannot be sent", bearer(), broken, ""),
        helping("a helper", helped, answering.clone(), "Bearer "),
        helping("a helper, refused", basic(), answering, "Basic "),
        helping("a helper that spills", basic(), spilling, "Basic "),
        Case {
            other: Some(store),
            ..case("a redirect", redirecting, right, "Bearer ")
        },
    ]
}

fn login(host: &str, password: &str) -> Value {
    json!({"auths": {host: {"username": USER, "password": password}}})
}

/// All that the command prints, on both streams.
fn verify(folder: &Path, registry: &Registry, format: &str) -> String {
    let policy = std::fs::read_to_string(format!("{ROOT}/policies/testdata-keyed.yaml")).unwrap();
    let policy = policy.replace("registry.example/acme/*", "127.0.0.1:*/app");
    let file = folder.join("policy.yaml");
    std::fs::write(&file, policy).unwrap();
    let image = format!("{}/app:v1", registry.host());
    let ended = command(&[
        "verify",
        &image,
        "--plain-http",
        "--explain",
        "--verbose",
        "--format",
        format,
        "--policy",
        file.to_str().unwrap(),
    ])
    .env("DOCKER_CONFIG", folder)
    .env("PATH", folder)
    .output()
    .unwrap();
    let [stdout, stderr] = [ended.stdout, ended.stderr].map(|it| String::from_utf8(it).unwrap());
    assert!(!stdout.is_empty(), "{stderr}");
    stdout + &stderr
}

/// Every `Authorization` that a case's registries have seen; an empty one stands for none.
fn sent(case: &Case) -> Vec<String> {
    let others = case.other.iter().flat_map(Registry::requests);
    let requests = case.registry.requests().into_iter().chain(others);
    let authorization = |request: Request| request.header("authorization").unwrap_or("").to_owned();
    requests.map(authorization).collect()
}

/// A credential helper `test`. Another process makes the file that is run: were it open for writing here while another
/// test forks, running it would fail with "text file busy".
fn helper(folder: &Path, body: &str) {
    let source = folder.join("helper.source");
    std::fs::write(&source, format!("#!/bin/sh\n{body}\n")).unwrap();
    let status = Command::new("install")
        .args(["-m", "755"])
        .args([source, folder.join("docker-credential-test")])
        .status()
        .unwrap();
    assert!(status.success());
}

/// What is wrong with a file is told by its place.
#[test]
fn a_broken_file_is_told_without_what_it_holds() {
    for (name, text) in [
        (
            "DOCKER_CONFIG",
            format!(r#"{{"auths": {{"ghcr.io": "{PASSWORD}"}}}}"#),
        ),
        (
            "DOCKER_CONFIG",
            format!(r#"{{"auths": {{"ghcr.io": {{"auth": "{PASSWORD}"}}}}}}"#),
        ),
        (
            "REGISTRY_AUTH_FILE",
            format!(r#"{{"auths": {{"ghcr.io": {{"identitytoken": ["{PASSWORD}"]}}}}}}"#),
        ),
        ("XDG_RUNTIME_DIR", PASSWORD.to_owned()),
        ("XDG_CONFIG_HOME", format!("{{\"{PASSWORD}")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let nested = folder.path().join("containers");
        std::fs::create_dir(&nested).unwrap();
        let (variable, file) = match name {
            "DOCKER_CONFIG" => (folder.path().to_owned(), folder.path().join("config.json")),
            "REGISTRY_AUTH_FILE" => (nested.join("x.json"), nested.join("x.json")),
            _ => (folder.path().to_owned(), nested.join("auth.json")),
        };
        std::fs::write(&file, text).unwrap();
        let ended = command(&[
            "verify",
            "ghcr.io/acme/app",
            "--policy",
            "policies/testdata-keyed.yaml",
        ])
        .env(name, variable)
        .output()
        .unwrap();
        let printed = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{printed}");
        assert!(!printed.contains(PASSWORD), "{printed}");
        assert!(printed.contains(file.to_str().unwrap()), "{printed}");
    }
}
