//! From a policy set with `tuf:` to a decision, and how long an expired trust root serves.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use countersign::{
    Checker, Decision, HttpRegistry, Image, Loaded, PolicyFiles, TufSource, UnixTime, Verdict,
};
use countersign_core::{Digest, ReasonCode, RootOrigin};
use countersign_testkit::forge::{Forge, Identity};
use countersign_testkit::policy::keyless_by_tuf;
use countersign_testkit::registry::Registry;
use countersign_testkit::tuf::{Repository, Server};

use crate::{DAY, NOW, TARGET, World};

/// An image that is signed under a trust root, a repository that gives it, and a policy that names the repository.
struct Scene {
    world: World,
    registry: Registry,
    policy: PathBuf,
}

impl Scene {
    fn new(settings: &str) -> Self {
        let forge = Forge::new(NOW);
        let registry = Registry::start();
        let digest = registry.push_image("acme/app", "v1");
        let identity = Identity::email("dev@acme.example", "https://issuer.example");
        let bundle = forge
            .image_signature(&digest)
            .keyless(identity)
            .rekor_v1()
            .bundle();
        registry.attach_bundle("acme/app", &digest, &bundle);

        let mut repository = Repository::new(NOW);
        repository.set_target(TARGET, forge.trusted_root().as_bytes());
        repository.publish();
        let world = World::of(repository);
        let folder = world.folder.path().join("policy");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("root.json"), world.source.root()).unwrap();
        let (url, policy) = (world.server.url(), folder.join("policy.yaml"));
        let text = keyless_by_tuf(settings, &url, "**");
        fs::write(&policy, text).unwrap();
        Self {
            world,
            registry,
            policy,
        }
    }

    fn files(&self, now: i64) -> PolicyFiles {
        PolicyFiles::open(&self.policy)
            .unwrap()
            .trust_store(self.world.store(), UnixTime::from_seconds(now))
    }

    fn load(&self, now: i64) -> Loaded {
        self.files(now).load(&[])
    }

    /// Loaded and judged at different times, as a process does that runs for long.
    fn judge(&self, loaded_at: i64, now: i64) -> Decision {
        let registry = HttpRegistry::new()
            .plain_http(self.registry.host())
            .retries(0, Duration::ZERO);
        let image = format!("{}/acme/app:v1", self.registry.host());
        Checker::new(self.load(loaded_at).policies.unwrap())
            .registry(registry)
            .check_blocking(&Image::parse(&image).unwrap(), UnixTime::from_seconds(now))
            .unwrap()
    }
}

fn codes(loaded: &Loaded) -> Vec<ReasonCode> {
    loaded.diagnostics.iter().map(|one| one.code).collect()
}

#[test]
fn a_root_that_was_never_fetched_is_a_diagnostic_that_says_what_to_run() {
    let scene = Scene::new("");
    let loaded = scene.load(NOW);
    assert!(loaded.policies.is_none());
    assert_eq!(codes(&loaded), [ReasonCode::TrustRootNotFetched]);
    let told = &loaded.diagnostics[0];
    assert!(
        told.hint.contains("countersign trust update --policy"),
        "{told:?}"
    );
    assert!(told.place.is_some());
    assert!(scene.world.server.asked().is_empty(), "loading asks nobody");
    // The sources are known all the same: this is how they are fetched.
    let sources = scene.files(NOW).tuf_sources();
    assert_eq!(
        sources.sources,
        [("acme".to_owned(), scene.world.source.clone())]
    );
}

#[test]
fn a_fetched_root_proves_what_it_did_and_names_its_origin() {
    let scene = Scene::new("");
    scene.world.refresh().unwrap();
    let loaded = scene.load(NOW + 60);
    assert_eq!(loaded.diagnostics, []);
    let policies = loaded.policies.unwrap();
    let expires = UnixTime::from_seconds(NOW + 7 * DAY);
    let origin = RootOrigin::Tuf {
        url: scene.world.server.url(),
        expires,
        serves_until: expires.plus(30 * DAY),
    };
    assert_eq!(policies.root_origin("acme"), Some(&origin));
    assert_eq!(
        policies.root_origin("public-good"),
        Some(&RootOrigin::BuiltIn)
    );
    let decision = scene.judge(NOW + 60, NOW + 60);
    assert_eq!(
        (decision.effect(), decision.warnings()),
        (Verdict::Allow, &[][..])
    );
}

/// An expired repository blocks nothing for as long as the policy says, and everything behind that.
#[test]
fn an_expired_root_serves_as_long_as_the_policy_says() {
    for (settings, days) in [("", 30), ("trust: {}", 30), ("trust: {maxAge: 2d}", 2)] {
        let scene = Scene::new(settings);
        scene.world.refresh().unwrap();
        let (expires, ends) = (NOW + 7 * DAY, NOW + (7 + days) * DAY);
        for (now, verdict, told) in [
            (expires, Verdict::Allow, false),
            (expires + 1, Verdict::Allow, true),
            (ends, Verdict::Allow, true),
            (ends + 1, Verdict::Deny, false),
        ] {
            // The clock moves on after loading, or has moved before.
            for loaded_at in [NOW, now] {
                let decision = scene.judge(loaded_at, now);
                assert_eq!(decision.effect(), verdict, "{settings} {now}");
                let stale = |code: ReasonCode| code == ReasonCode::TrustRootStale;
                assert_eq!(
                    decision.warnings().iter().any(|it| stale(it.code)),
                    told,
                    "{now}"
                );
            }
        }
        let denied = scene.judge(NOW, ends + 1);
        let rule = &denied.policies()[0].rules[0];
        assert_eq!(
            rule.nearest.as_ref().unwrap().code,
            ReasonCode::TrustRootExpired
        );
        assert!(
            rule.hint.contains("countersign trust update"),
            "{}",
            rule.hint
        );
        // Whoever lints sees it as well.
        let lint = scene.load(ends + 1);
        assert!(
            lint.diagnostics[0].message.contains("no longer serves"),
            "{lint:?}"
        );
        assert!(codes(&scene.load(expires - DAY)).contains(&ReasonCode::TrustRootStale));
    }
}

#[test]
fn a_repository_that_is_gone_blocks_nothing() {
    let mut scene = Scene::new("");
    scene.world.refresh().unwrap();
    scene.world.server = Server::start();
    assert_eq!(scene.judge(NOW, NOW + 20 * DAY).effect(), Verdict::Allow);
}

#[test]
fn a_broken_cache_is_a_diagnostic() {
    let scene = Scene::new("");
    scene.world.refresh().unwrap();
    fs::write(scene.world.store().file(&scene.world.source), b"{}").unwrap();
    assert_eq!(codes(&scene.load(NOW)), [ReasonCode::TrustRootNotFetched]);
}

/// Another `root.json` in the policy is another source: what an old pin fetched does not count for it.
#[test]
fn what_another_pinned_root_fetched_does_not_count() {
    let scene = Scene::new("");
    scene.world.refresh().unwrap();
    let other = Repository::new(NOW);
    let root = scene.policy.with_file_name("root.json");
    fs::write(&root, other.file("1.root.json").unwrap()).unwrap();
    assert_eq!(codes(&scene.load(NOW)), [ReasonCode::TrustRootNotFetched]);
    fs::write(&root, b"{}").unwrap();
    let loaded = scene.load(NOW);
    assert_eq!(codes(&loaded), [ReasonCode::TrustRootNotFetched]);
    assert!(
        loaded.diagnostics[0].message.contains("pinned TUF root"),
        "{loaded:?}"
    );
}

/// The set's digest says which trust material entered.
#[test]
fn the_digest_of_the_set_covers_what_was_fetched() {
    let mut scene = Scene::new("");
    let digest = |scene: &Scene| -> Digest { *scene.load(NOW).policies.unwrap().digest() };
    scene.world.refresh().unwrap();
    let first = digest(&scene);
    scene.world.repository.publish();
    scene.world.refresh().unwrap();
    assert_eq!(digest(&scene), first, "the same trusted root");
    crate::renew(&mut scene.world.repository);
    scene.world.refresh().unwrap();
    assert_ne!(digest(&scene), first);
}

/// The built-in root stays until somebody asks its repository; from then on what came from there counts.
#[test]
fn public_good_is_built_in_until_it_was_fetched() {
    let scene = Scene::new("");
    scene.world.refresh().unwrap();
    let store = scene.world.store();
    let public_good = TufSource::public_good();
    assert_eq!(store.load(&public_good), Ok(None));
    fs::write(store.file(&public_good), b"{}").unwrap();
    let loaded = scene.load(NOW);
    assert_eq!(codes(&loaded), [ReasonCode::TrustRootNotFetched]);
    assert!(
        loaded.diagnostics[0].message.contains("`public-good`"),
        "{loaded:?}"
    );
}
