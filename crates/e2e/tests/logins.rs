//! Docker's registry 2.8 over TLS with a certificate authority of its own, for users with a password and for bearers of
//! tokens: filled by real cosign, read by our library and our command.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign::{
    Budget, DockerConfig, HttpRegistry, Reference, Registries, Repository, collect, resolve,
};
use countersign_core::{Evidence, FoundBy, Gap, GapClass, ImageRef, Limits, Needs, ReasonCode};
use countersign_e2e::{
    Countersign, Login, OWNER, READER, REGISTRY_PARTS, RELEASE_POLICY, Registry, RegistryKind,
    SigningKey, TlsAccess, Verdict, parts,
};
use tempfile::TempDir;

const ALLOWED: Option<i32> = Some(0);
const UNKNOWN: Option<i32> = Some(2);

/// A registry that wants a login, with a signed image in each of two repositories.
struct Scene {
    registry: Registry,
    countersign: Countersign,
    policy: PathBuf,
    /// Signed by cosign 3 and by cosign 2: `acme/open`, which every user may read, and `acme/closed`.
    open: String,
    closed: String,
    folder: TempDir,
}

impl Scene {
    /// Nothing where the real parts are not asked for.
    fn set(kind: RegistryKind) -> Option<Self> {
        let parts = parts(&[&REGISTRY_PARTS[..], &["cosign2", "cosign3"]].concat())?;
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::start(&parts, kind).unwrap();
        let key = SigningKey::generate(&parts, &folder.path().join("key")).unwrap();
        let there = key.in_registry(&registry);
        let [open, closed] = ["acme/open", "acme/closed"].map(|repository| {
            let image = registry.push(repository, "v1", repository).unwrap();
            there.sign3(&image).unwrap();
            there.sign2(&image).unwrap();
            image
        });
        let policy = folder.path().join("policy.yaml");
        fs::write(&policy, RELEASE_POLICY).unwrap();
        fs::copy(key.public_key(), folder.path().join("release.pub")).unwrap();
        Some(Self {
            registry,
            countersign: Countersign::build().unwrap(),
            policy,
            open,
            closed,
            folder,
        })
    }

    /// Our library's client, as this user.
    fn client(&self, login: Option<(&Login, &str)>) -> HttpRegistry {
        let client = self
            .distrustful()
            .ca_file(&fs::read(self.registry.ca().unwrap()).unwrap())
            .unwrap();
        let Some((login, password)) = login else {
            return client;
        };
        let config = login.docker_config(&self.registry.host(), password);
        client.credentials(DockerConfig::from_bytes(config.as_bytes()).unwrap())
    }

    /// Our library's client without the registry's certificate authority.
    fn distrustful(&self) -> HttpRegistry {
        let registries = self.registry.registries_file().unwrap();
        HttpRegistry::new()
            .registries(Registries::load(&registries).unwrap())
            .retries(0, Duration::ZERO)
    }

    /// Our command, as this user; with the registry's certificate authority or without.
    fn verify(&self, image: &str, login: Option<(&Login, &str)>, ca: Option<&Path>) -> Verdict {
        let registries = self.registry.registries_file().unwrap();
        self.verify_with(image, login, ca, Some(&registries))
    }

    fn verify_with(
        &self,
        image: &str,
        login: Option<(&Login, &str)>,
        ca: Option<&Path>,
        registries: Option<&Path>,
    ) -> Verdict {
        let config = self.folder.path().join("docker");
        let (login, password) = (login.map(|it| it.0), login.map_or("", |it| it.1));
        self.registry.login(login, password, &config).unwrap();
        let access = TlsAccess {
            ca,
            registries,
            docker_config: &config,
        };
        self.countersign
            .verify_over_tls(image, &self.policy, &access)
            .unwrap()
    }

    /// The command allows the image to this user.
    fn allowed(&self, image: &str, login: &Login) {
        let verdict = self.verify(image, Some((login, login.password)), self.registry.ca());
        assert_eq!(verdict.code, ALLOWED, "{verdict:#?}");
    }

    /// Neither library nor command gets in, and both say with what they tried.
    async fn refused(&self, image: &str, login: Option<(&Login, &str)>, tried: &str) {
        let gap = check(&self.client(login), image).await.unwrap_err();
        assert_eq!(gap.class, GapClass::Unavailable, "{gap:?}");
        assert_eq!(gap.code, ReasonCode::RegistryDenied, "{gap:?}");
        assert!(gap.cause.contains(tried), "{gap:?}");

        for secret in [OWNER.password, READER.password, "wrong-password"] {
            assert!(!gap.cause.contains(secret), "{gap:?}");
        }
        let verdict = self.verify(image, login, self.registry.ca());
        assert_eq!(verdict.code, UNKNOWN, "{verdict:#?}");
        assert_eq!(verdict.reasons(), ["registry-denied"], "{verdict:#?}");
        let report = verdict.report.to_string();
        assert!(report.contains(tried), "{report}");
        for secret in [OWNER.password, READER.password, "wrong-password"] {
            assert!(!report.contains(secret), "{report}");
            assert!(!verdict.stderr.contains(secret), "{verdict:#?}");
        }
    }
}

async fn check(client: &HttpRegistry, image: &str) -> Result<Evidence, Gap> {
    let image = ImageRef::parse(image).unwrap();
    let (repository, reference) = (Repository::of(&image), Reference::of(&image));
    let budget = Budget::new(&Limits::default(), Budget::DEFAULT_TIME);
    let pinned = resolve(client, &repository, &reference, &budget).await?;
    Ok(collect(client, &repository, pinned.digest(), Needs::ALL, &budget).await)
}

/// What holds however the registry checks who somebody is.
async fn lets_in_who_has_the_password(scene: &Scene) {
    let owner = Some((&OWNER, OWNER.password));
    for image in [&scene.open, &scene.closed] {
        let evidence = check(&scene.client(owner), image).await.unwrap();
        assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
        let mut found: Vec<_> = evidence
            .items
            .iter()
            .map(|item| item.locator.found_by)
            .collect();
        found.sort();
        assert_eq!(found, [FoundBy::FallbackTag, FoundBy::SignatureTag]);
        scene.allowed(image, &OWNER);
    }
    scene.allowed(&format!("{}/acme/open:v1", scene.registry.host()), &OWNER);

    scene.refused(&scene.open, None, "no credential").await;
    let mistyped = Some((&OWNER, "wrong-password"));
    let tried = format!("`{}`", scene.registry.host());
    scene.refused(&scene.open, mistyped, &tried).await;

    // Who does not trust the certificate authority learns nothing, and sends no password.
    let before = scene.registry.tokens_asked();
    let verdict = scene.verify(&scene.open, owner, None);
    assert_eq!(verdict.code, UNKNOWN, "{verdict:#?}");
    assert_eq!(verdict.reasons(), ["registry-tls"], "{verdict:#?}");
    let config = OWNER.docker_config(&scene.registry.host(), OWNER.password);
    let distrustful = scene
        .distrustful()
        .credentials(DockerConfig::from_bytes(config.as_bytes()).unwrap());
    let gap = check(&distrustful, &scene.open).await.unwrap_err();
    assert_eq!(gap.class, GapClass::Unavailable, "{gap:?}");
    assert_eq!(gap.code, ReasonCode::RegistryTls, "{gap:?}");
    assert_eq!(scene.registry.tokens_asked(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_with_passwords() {
    let Some(scene) = Scene::set(RegistryKind::DockerBasic) else {
        return;
    };
    lets_in_who_has_the_password(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_with_tokens() {
    let Some(scene) = Scene::set(RegistryKind::DockerToken) else {
        return;
    };
    lets_in_who_has_the_password(&scene).await;

    // The registry that was typed may be on this machine; whom it sends us to for a token may not, and gets no password.
    let owner = Some((&OWNER, OWNER.password));
    let before = scene.registry.tokens_asked();
    let verdict = scene.verify_with(&scene.open, owner, scene.registry.ca(), None);
    assert_eq!(verdict.code, UNKNOWN, "{verdict:#?}");
    assert_eq!(verdict.reasons(), ["registry-hostile"], "{verdict:#?}");
    assert_eq!(scene.registry.tokens_asked(), before);

    // A user who may read one repository reads that one, and the token for it opens no other.
    let reader = Some((&READER, READER.password));
    scene.allowed(&scene.open, &READER);
    let tried = format!("`{}`", scene.registry.host());
    scene.refused(&scene.closed, reader, &tried).await;

    let before = scene.registry.tokens_asked().len();
    let client = scene.client(reader);
    check(&client, &scene.open).await.unwrap();
    let gap = check(&client, &scene.closed).await.unwrap_err();
    assert_eq!(gap.code, ReasonCode::RegistryDenied, "{gap:?}");
    check(&client, &scene.open).await.unwrap();
    assert_eq!(
        scene.registry.tokens_asked()[before..],
        [
            "reader repository:acme/open:pull",
            "reader repository:acme/closed:pull"
        ],
        "one token for each repository, to read and no more"
    );
}
