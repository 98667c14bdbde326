//! The kubelet's credential provider plugins, as real programs.

use std::path::Path;
use std::time::{Duration, Instant};

use countersign::{
    Budget, Credential, CredentialPlugins, Found, ImageRef, Keyring, Limits, RegistryError,
    Repository,
};
use countersign_testkit::registry::Registry;

use crate::{PASSWORD, USER, budget, client, program, read, runs};

const NAME: &str = "acme-credential-provider";

fn place(image: &str) -> Repository {
    Repository::of(&ImageRef::parse(image).unwrap())
}

fn configured(folder: &Path, more: &str) -> Result<CredentialPlugins, RegistryError> {
    let text = format!(
        r#"
apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: {NAME}
    matchImages: ["*.acme.example", "127.0.0.1:*"]
    apiVersion: credentialprovider.kubelet.k8s.io/v1
{more}
"#
    );
    CredentialPlugins::from_bytes(text.as_bytes(), folder)
}

fn keyring(folder: &Path) -> Keyring {
    configured(folder, "    defaultCacheDuration: 10m")
        .unwrap()
        .into()
}

/// A program that answers for every image of `acme.example`.
fn answering(folder: &Path, more: &str) {
    let answer = format!(
        r#"{{"kind": "CredentialProviderResponse", "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "auth": {{"*.acme.example": {{"username": "u", "password": "hunter2"}}}}, {more}}}"#
    );
    program(folder, NAME, &format!("echo '{answer}'"));
}

async fn find(keyring: &Keyring, image: &str) -> Vec<Found> {
    keyring.find(&place(image), &budget()).await.unwrap()
}

#[tokio::test]
async fn a_plugin_sees_the_request_and_what_is_configured_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    program(
        folder.path(),
        NAME,
        r#"read request; export -p > "$0.environment"; echo "$request" > "$0.request"; echo "$@" > "$0.arguments"
echo '{"kind": "CredentialProviderResponse", "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
"cacheKeyType": "Image", "cacheDuration": "0", "auth": {
 "a.acme.example": {"username": "host", "password": "1"},
 "a.acme.example/team": {"username": "path", "password": "2"},
 "*.acme.example": {"username": "glob", "password": "3"},
 "b.acme.example": {"username": "other", "password": "4"}}}'"#,
    );
    let plugins = configured(
        folder.path(),
        "    defaultCacheDuration: 0s\n    args: [get, --for=me]\n    env: [{name: PROFILE, value: ci}]",
    )
    .unwrap()
    .variable("HOME", "/home/somebody");
    let found = find(&plugins.into(), "a.acme.example/team/app:v1").await;
    let users: Vec<_> = found
        .iter()
        .map(|found| match &found.credential {
            Some(Credential::Basic { username, .. }) => username.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(users, ["path", "host", "glob"]);
    assert_eq!(
        found[0].note,
        "the user name and password of the credential plugin `acme-credential-provider` for `a.acme.example/team`"
    );
    let written =
        |what: &str| std::fs::read_to_string(folder.path().join(format!("{NAME}.{what}"))).unwrap();
    let request: serde_json::Value = serde_json::from_str(&written("request")).unwrap();
    assert_eq!(
        request,
        serde_json::json!({
            "kind": "CredentialProviderRequest",
            "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
            "image": "a.acme.example/team/app",
        })
    );
    assert_eq!(written("arguments"), "get --for=me\n");
    let environment = written("environment");
    assert!(environment.contains("PROFILE=") && environment.contains("HOME="));
    // This test has many, as every test of cargo's.
    assert!(!environment.contains("CARGO"), "{environment}");
}

#[tokio::test]
async fn answers_are_kept_by_their_key_type() {
    for (key_type, expected) in [("Image", 4), ("Registry", 2), ("Global", 1)] {
        let folder = tempfile::tempdir().unwrap();
        answering(folder.path(), &format!(r#""cacheKeyType": "{key_type}""#));
        let keyring = keyring(folder.path());
        for _ in 0..2 {
            for image in [
                "a.acme.example/1",
                "a.acme.example/2",
                "b.acme.example/1",
                "b.acme.example/2",
            ] {
                assert!(find(&keyring, image).await[0].credential.is_some());
            }
        }
        assert_eq!(runs(folder.path(), NAME), expected, "{key_type}");
        // Whom nobody configured it for, it is not asked.
        assert!(find(&keyring, "acme.example/1").await.is_empty());
        assert_eq!(runs(folder.path(), NAME), expected, "{key_type}");
    }
}

#[tokio::test]
async fn answers_are_kept_for_as_long_as_they_say() {
    for (default, told, expected) in [
        ("10m", "", 1),
        ("0s", "", 2),
        ("0s", r#", "cacheDuration": "10m""#, 1),
        ("10m", r#", "cacheDuration": "0s""#, 2),
        ("10m", r#", "cacheDuration": "-5m""#, 2),
    ] {
        let folder = tempfile::tempdir().unwrap();
        answering(folder.path(), &format!(r#""cacheKeyType": "Global"{told}"#));
        let plugins = configured(
            folder.path(),
            &format!("    defaultCacheDuration: {default}"),
        )
        .unwrap();
        let keyring = Keyring::from(plugins);
        for _ in 0..2 {
            assert!(
                find(&keyring, "a.acme.example/1").await[0]
                    .credential
                    .is_some()
            );
        }
        assert_eq!(runs(folder.path(), NAME), expected, "{default} {told}");
    }
}

#[tokio::test]
async fn equal_questions_at_once_run_one_program() {
    let folder = tempfile::tempdir().unwrap();
    answering(folder.path(), r#""cacheKeyType": "Registry""#);
    let keyring = keyring(folder.path());
    let asks: Vec<_> = (0..20)
        .map(|number| {
            let keyring = keyring.clone();
            tokio::spawn(async move {
                let image = format!("{}.acme.example/{number}", ["a", "b"][number % 2]);
                find(&keyring, &image).await
            })
        })
        .collect();
    for ask in asks {
        assert!(ask.await.unwrap()[0].credential.is_some());
    }
    assert_eq!(runs(folder.path(), NAME), 2);
}

#[tokio::test]
async fn failures_are_named_and_remembered_for_a_moment_only() {
    let kind = r#""kind": "CredentialProviderResponse""#;
    let version = r#""apiVersion": "credentialprovider.kubelet.k8s.io/v1""#;
    for (body, why) in [
        (
            "echo hunter2; echo hunter2 >&2; exit 7".to_owned(),
            "it ended with exit code 7",
        ),
        (
            "echo hunter2".to_owned(),
            "not a CredentialProviderResponse",
        ),
        (
            format!(r#"echo '{{{kind}, "apiVersion": "v1", "cacheKeyType": "Image"}}'"#),
            "another kind or version",
        ),
        (
            format!(r#"echo '{{{kind}, {version}, "cacheKeyType": "hunter2"}}'"#),
            "not a CredentialProviderResponse",
        ),
        (
            format!(
                r#"echo '{{{kind}, {version}, "cacheKeyType": "Image", "cacheDuration": "hunter2"}}'"#
            ),
            "cacheDuration",
        ),
        (
            "while :; do echo hunter2 hunter2 hunter2 hunter2 hunter2 hunter2 hunter2; done"
                .to_owned(),
            "prints more than 1048576 bytes",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        program(folder.path(), NAME, &body);
        let keyring = keyring(folder.path());
        for _ in 0..2 {
            let found = find(&keyring, "a.acme.example/1").await;
            assert_eq!(found.len(), 1);
            assert!(found[0].credential.is_none());
            let note = &found[0].note;
            assert!(note.contains(why) && note.contains(NAME), "{note}");
            assert!(!note.contains("hunter2"), "{note}");
        }
        assert_eq!(runs(folder.path(), NAME), 1, "{body}");
    }
}

#[tokio::test]
async fn a_plugin_that_hangs_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), NAME, "exec sleep 60");
    let plugins = configured(folder.path(), "    defaultCacheDuration: 1m")
        .unwrap()
        .variable("PATH", "/usr/bin:/bin");
    let begun = Instant::now();
    let quick = Keyring::from(plugins.clone().timeout(Duration::from_millis(300)));
    let found = find(&quick, "a.acme.example/1").await;
    assert!(
        found[0].note.contains("did not answer within 300ms"),
        "{}",
        found[0].note
    );
    let short = Budget::new(&Limits::default(), Duration::from_millis(300));
    let error = Keyring::from(configured(folder.path(), "    defaultCacheDuration: 1m").unwrap())
        .find(&place("a.acme.example/1"), &short)
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Timeout { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// A token that is renewed is the same access, for the last known evidence must survive it.
#[tokio::test]
async fn the_access_is_the_program_s_and_not_the_token_s() {
    let folder = tempfile::tempdir().unwrap();
    answering(
        folder.path(),
        r#""cacheKeyType": "Image", "cacheDuration": "0""#,
    );
    let keyring = keyring(folder.path());
    let image = place("a.acme.example/1");
    let before = keyring.access(&image);
    let fingerprint = find(&keyring, "a.acme.example/1").await[0].fingerprint;
    program(folder.path(), NAME, "exit 1");
    assert_eq!(keyring.access(&image), before);
    assert_eq!(
        find(&keyring, "a.acme.example/1").await[0].fingerprint,
        fingerprint
    );
    assert_ne!(keyring.access(&place("a.acme.example/2")), before);
    let other = configured(
        folder.path(),
        "    defaultCacheDuration: 10m\n    args: [x]",
    )
    .unwrap();
    assert_ne!(Keyring::from(other).access(&image), before);
    let given = |name: &str| {
        let plugins = configured(folder.path(), "    defaultCacheDuration: 10m").unwrap();
        Keyring::from(plugins.variable(name, "/somewhere")).access(&image)
    };
    assert_eq!(given("PATH"), before);
    assert_ne!(given("HOME"), before, "another home is another account");
}

#[tokio::test]
async fn a_plugin_opens_a_registry() {
    let registry = Registry::builder().bearer(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let folder = tempfile::tempdir().unwrap();
    let answer = serde_json::json!({
        "kind": "CredentialProviderResponse",
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "cacheKeyType": "Registry",
        "auth": {registry.host(): {"username": USER, "password": PASSWORD}},
    });
    program(folder.path(), NAME, &format!("echo '{answer}'"));
    let text = format!(
        "{{apiVersion: kubelet.config.k8s.io/v1, kind: CredentialProviderConfig, providers: [{{name: {NAME}, \
         matchImages: ['{}'], apiVersion: credentialprovider.kubelet.k8s.io/v1, defaultCacheDuration: 1h}}]}}",
        registry.host()
    );
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, text).unwrap();
    let plugins = CredentialPlugins::load(&file, folder.path()).unwrap();
    let client = client(&registry, plugins);
    assert!(read(&client, &registry, "app").await.unwrap().is_some());
    assert_eq!(runs(folder.path(), NAME), 1);
}

#[test]
fn a_program_that_is_missing_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let error = configured(folder.path(), "    defaultCacheDuration: 1m").unwrap_err();
    assert!(error.to_string().contains("no such program"), "{error}");
    let missing = CredentialPlugins::load(&folder.path().join("none.yaml"), folder.path());
    assert!(missing.unwrap_err().to_string().contains("none.yaml"));
}
