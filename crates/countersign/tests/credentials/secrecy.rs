//! No public type that holds a secret can print it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::{
    Credential, CredentialHelpers, CredentialPlugins, DockerConfig, Keyring, PullSecrets, Secret,
};
use countersign_testkit::registry::Registry;

use crate::{USER, budget, client, program, read, repository};

const SECRET: &str = "swordfish-of-the-deep";

#[tokio::test]
async fn debug_shows_no_secret() {
    let registry = Registry::builder().bearer(USER, SECRET).start();
    registry.push_image("app", "v1");
    let host = registry.host();
    let folder = tempfile::tempdir().unwrap();
    program(
        folder.path(),
        "docker-credential-test",
        &format!(r#"echo '{{"Username": "{USER}", "Secret": "{SECRET}"}}'"#),
    );
    let answer = serde_json::json!({
        "kind": "CredentialProviderResponse",
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "cacheKeyType": "Registry",
        "auth": {&host: {"username": USER, "password": SECRET}},
    });
    program(folder.path(), "plugin", &format!("echo '{answer}'"));
    let plugins = format!(
        "{{apiVersion: kubelet.config.k8s.io/v1, kind: CredentialProviderConfig, providers: [{{name: plugin, \
         matchImages: ['{host}'], apiVersion: credentialprovider.kubelet.k8s.io/v1, defaultCacheDuration: 1h, \
         env: [{{name: KEY, value: {SECRET}}}]}}]}}"
    );
    let plugins = CredentialPlugins::from_bytes(plugins.as_bytes(), folder.path()).unwrap();
    let helpers = CredentialHelpers::on_path(folder.path());
    let auth = STANDARD.encode(format!("{USER}:{SECRET}"));
    let config = serde_json::json!({
        "auths": {&host: {"auth": auth}, "b.example": {"identitytoken": SECRET}, "c.example": {"registrytoken": SECRET}},
        "credsStore": "test",
    });
    let config = DockerConfig::from_bytes(config.to_string().as_bytes())
        .unwrap()
        .run_helpers(&helpers);
    let secrets = serde_json::json!({"auths": {&host: {"auth": auth}}});
    let secrets = PullSecrets::new()
        .dockerconfigjson("ns/name", secrets.to_string().as_bytes())
        .unwrap();
    let keyring = Keyring::from(config.clone())
        .and(secrets.clone())
        .and(plugins.clone());
    let found = keyring
        .find(&repository(&registry, "app"), &budget())
        .await
        .unwrap();
    assert_eq!(found.len(), 4);
    let client = client(&registry, keyring.clone());
    read(&client, &registry, "app").await.unwrap();
    let credential = Credential::Basic {
        username: USER.to_owned(),
        password: Secret::new(SECRET.to_owned()),
    };
    let token = registry
        .requests()
        .iter()
        .find_map(|request| {
            request
                .header("authorization")?
                .strip_prefix("Bearer ")
                .map(str::to_owned)
        })
        .unwrap();
    for shown in [
        format!("{config:?} {config:#?}"),
        format!("{secrets:?} {secrets:#?}"),
        format!("{plugins:?} {plugins:#?}"),
        format!("{helpers:?} {helpers:#?}"),
        format!("{keyring:?} {keyring:#?}"),
        format!("{found:?} {found:#?}"),
        format!("{client:?} {client:#?}"),
        format!("{credential:?} {credential:#?}"),
    ] {
        for secret in [
            SECRET,
            auth.as_str(),
            token.as_str(),
            &STANDARD.encode(SECRET),
        ] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
