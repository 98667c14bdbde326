//! Two tenants of one process: neither profits from the other's credential.

use countersign::{CredentialHelpers, Keyring};
use countersign_testkit::registry::Registry;

use crate::{PASSWORD, USER, authorizations, client, config, program, read, runs, secret, tried};

#[tokio::test]
async fn a_tenant_without_the_right_credential_is_denied_beside_one_with_it() {
    for registry in [
        Registry::builder().basic(USER, PASSWORD).start(),
        Registry::builder().bearer(USER, PASSWORD).start(),
    ] {
        registry.push_image("app", "v1");
        let host = registry.host();
        let nobody = client(&registry, Keyring::new());
        // Views share all that may be shared.
        let allowed = nobody.with_credentials(secret(&[(&host, USER, PASSWORD)]));
        let wrong = nobody.with_credentials(secret(&[(&host, "other", "tenant")]));
        for _ in 0..2 {
            assert!(read(&allowed, &registry, "app").await.unwrap().is_some());
            assert_eq!(tried(&wrong, &registry, "app").await.0, 401);
            registry.clear_requests();
            assert_eq!(tried(&nobody, &registry, "app").await.0, 401);
            assert!(authorizations(&registry).is_empty());
        }
    }
}

/// One program's answer for one server is for all who may run it; who may not does not see it.
#[tokio::test]
async fn a_helper_s_answer_is_for_those_who_may_run_it() {
    let registry = Registry::builder().basic(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let folder = tempfile::tempdir().unwrap();
    program(
        folder.path(),
        "docker-credential-test",
        &format!(r#"echo '{{"Username": "{USER}", "Secret": "{PASSWORD}"}}'"#),
    );
    let text = format!(r#"{{"credHelpers": {{"{}": "test"}}}}"#, registry.host());
    let config = countersign::DockerConfig::from_bytes(text.as_bytes()).unwrap();
    let helpers = CredentialHelpers::on_path(folder.path());
    for _ in 0..2 {
        let may = client(&registry, config.clone().run_helpers(&helpers));
        assert!(read(&may, &registry, "app").await.unwrap().is_some());
    }
    assert_eq!(runs(folder.path(), "docker-credential-test"), 1);
    let may_not = client(&registry, config);
    let (_, tried) = tried(&may_not, &registry, "app").await;
    assert!(tried.contains("`test` is not run here"), "{tried}");
    assert_eq!(runs(folder.path(), "docker-credential-test"), 1);
}

/// What a secret says is never run, whatever may be run otherwise.
#[tokio::test]
async fn a_pull_secret_runs_nothing() {
    let registry = Registry::builder().basic(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "docker-credential-test", "exit 1");
    let host = registry.host();
    let text = format!(r#"{{"credsStore": "test", "credHelpers": {{"{host}": "test"}}}}"#);
    let secrets = countersign::PullSecrets::new()
        .dockerconfigjson("ns/evil", text.as_bytes())
        .unwrap();
    let helpers = CredentialHelpers::on_path(folder.path());
    let keyring = Keyring::from(secrets).and(config(&host, USER, PASSWORD).run_helpers(&helpers));
    let client = client(&registry, keyring);
    assert!(read(&client, &registry, "app").await.unwrap().is_some());
    assert_eq!(runs(folder.path(), "docker-credential-test"), 0);
}

/// The same login in the secrets of two namespaces is one access, and each is told of its own secret.
#[tokio::test]
async fn whoever_shows_the_same_under_another_name_is_told_its_own() {
    let registry = Registry::builder().basic(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let nobody = client(&registry, Keyring::new());
    let text =
        serde_json::json!({"auths": {registry.host(): {"username": "other", "password": "x"}}});
    let secret = |name: &str| {
        let secrets = countersign::PullSecrets::new();
        let secrets = secrets.dockerconfigjson(name, text.to_string().as_bytes());
        nobody.with_credentials(secrets.unwrap())
    };
    let (red, blue) = (secret("red/pull"), secret("blue/login"));
    let repository = crate::repository(&registry, "app");
    let access = async |client: &countersign::HttpRegistry| {
        countersign::Registry::access(client, &repository, &crate::budget()).await
    };
    assert_eq!(access(&red).await.unwrap(), access(&blue).await.unwrap());
    for _ in 0..2 {
        let (_, told) = tried(&red, &registry, "app").await;
        assert!(
            told.contains("red/pull") && !told.contains("blue"),
            "{told}"
        );
        let (_, told) = tried(&blue, &registry, "app").await;
        assert!(
            told.contains("blue/login") && !told.contains("red"),
            "{told}"
        );
    }
}

/// A secret that is missing keeps nobody from using another, is told in a denial, and to nobody else.
#[tokio::test]
async fn what_a_tenant_misses_is_told_to_it_alone() {
    let registry = Registry::builder().basic(USER, PASSWORD).start();
    registry.push_image("app", "v1");
    let host = registry.host();
    let nobody = client(&registry, Keyring::new());
    let misses = countersign::PullSecrets::new().absent("the pull secret red/gone is not there");
    let red = nobody.with_credentials(misses.clone());
    for _ in 0..2 {
        let (_, told) = tried(&red, &registry, "app").await;
        assert!(told.contains("red/gone is not there"), "{told}");
        let (_, told) = tried(&nobody, &registry, "app").await;
        assert!(!told.contains("red/"), "{told}");
    }
    let good = secret(&[(&host, USER, PASSWORD)]);
    let both = nobody.with_credentials(misses.clone().and(&good));
    assert!(read(&both, &registry, "app").await.unwrap().is_some());
    let wrong = secret(&[(&host, "other", "tenant")]);
    let (_, told) = tried(
        &nobody.with_credentials(misses.and(&wrong)),
        &registry,
        "app",
    )
    .await;
    assert!(
        told.contains("the pull secret ns/pull's") && told.contains("red/gone is not there"),
        "{told}"
    );
}
