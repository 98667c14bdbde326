//! Mirrors: what they may say, and what only the registry may.

use std::fs;
use std::sync::Arc;

use countersign::{
    Access, Cache, Cached, DockerConfig, Fetched, Listing, Reference, Registries, Registry as _,
    RegistryError, RegistryHost, Repository, collect,
};
use countersign_core::{Digest, FoundBy, GapClass};
use countersign_testkit::registry::{Fault, Registry};

use crate::{BUNDLE, budget, client};

/// A registry and a mirror that hold the same signed image.
struct Pair {
    origin: Registry,
    mirror: Registry,
    digest: Digest,
}

impl Pair {
    fn start() -> Self {
        Self::of(Registry::start(), Registry::start())
    }

    fn of(origin: Registry, mirror: Registry) -> Self {
        let mut digest = String::new();
        for registry in [&origin, &mirror] {
            digest = registry.push_image("app", "v1");
            registry.attach_bundle("app", &digest, BUNDLE);
        }
        let digest = Digest::parse(&digest).unwrap();
        Self {
            origin,
            mirror,
            digest,
        }
    }

    fn repository(&self) -> Repository {
        Repository::of(&crate::image(&self.origin, "app"))
    }

    fn client(&self, resolves: bool) -> countersign::HttpRegistry {
        let entry = RegistryHost::new()
            .mirror(&self.mirror.url(), resolves)
            .unwrap();
        let registries = Registries::new().host(&self.origin.host(), entry).unwrap();
        client(&self.origin).registries(registries)
    }

    async fn read(
        &self,
        client: &countersign::HttpRegistry,
        reference: Reference,
    ) -> Result<Option<Fetched>, RegistryError> {
        let repository = self.repository();
        client
            .manifest(&repository, &reference, 1 << 20, &budget())
            .await
    }

    async fn image(&self, resolves: bool) -> Result<Option<Fetched>, RegistryError> {
        let client = self.client(resolves);
        self.read(&client, Reference::Digest(self.digest)).await
    }

    async fn list(&self) -> Result<Listing, RegistryError> {
        let client = self.client(false);
        client
            .referrers(&self.repository(), &self.digest, &budget())
            .await
    }
}

fn tag(name: &str) -> Reference {
    Reference::Tag(name.to_owned())
}

#[tokio::test]
async fn bytes_by_digest_come_from_the_mirror_which_is_named() {
    let pair = Pair::start();
    let fetched = pair.image(false).await.unwrap().unwrap();
    assert_eq!(fetched.from, Some(pair.mirror.host()));
    assert!(pair.origin.requests().is_empty());
}

#[tokio::test]
async fn a_mirror_that_has_nothing_fails_or_is_gone_proves_nothing() {
    for fault in [
        Some(Fault::Status(404)),
        Some(Fault::Status(500)),
        Some(Fault::Status(403)),
        Some(Fault::Silence),
        None,
    ] {
        let mut pair = Pair::start();
        let client = pair.client(false);
        match &fault {
            Some(fault) => pair.mirror.fault(|_| true, fault.clone()),
            None => drop(std::mem::replace(&mut pair.mirror, Registry::start())),
        }
        let reference = Reference::Digest(pair.digest);
        let fetched = pair.read(&client, reference).await.unwrap().unwrap();
        assert_eq!(fetched.from, None, "{fault:?}");
    }
}

#[tokio::test]
async fn a_mirror_that_lies_is_forgiven_only_for_the_right_bytes() {
    let huge = Fault::Huge {
        bytes: 1 << 30,
        declared: true,
    };
    for lie in [Fault::WrongBytes, huge, Fault::content_type("text/html")] {
        let pair = Pair::start();
        pair.mirror.fault(|_| true, lie.clone());
        let fetched = pair.image(false).await.unwrap().unwrap();
        assert_eq!(fetched.from, None, "{lie:?}");
        for fault in [Fault::Status(404), Fault::Status(500)] {
            pair.origin.heal();
            pair.origin.fault(|_| true, fault);
            let error = pair.image(false).await.unwrap_err();
            assert_eq!(error.class(), GapClass::Hostile, "{lie:?}: {error}");
            assert_eq!(error.host(), Some(pair.mirror.host().as_str()));
        }
    }
}

#[tokio::test]
async fn a_tag_is_resolved_at_a_mirror_that_may_and_at_no_other() {
    let pair = Pair::start();
    let moved = pair.mirror.push_image("app", "other");
    let bytes = pair.read(&pair.client(true), tag("other")).await.unwrap();
    assert_eq!(Digest::of(&bytes.unwrap().bytes).to_string(), moved);
    assert!(pair.origin.requests().is_empty());
    let not_there = pair.read(&pair.client(false), tag("other")).await.unwrap();
    assert_eq!(not_there, None);
    let origin = pair.read(&pair.client(true), tag("v2")).await.unwrap();
    assert_eq!(origin, None, "the registry says so, not the mirror");
    assert!(!pair.origin.requests().is_empty());
}

#[tokio::test]
async fn evidence_by_tag_is_asked_for_at_the_registry_first() {
    let pair = Pair::start();
    let none: [(&String, &String); 0] = [];
    let (digest, companion) = (
        pair.digest.to_string(),
        Reference::companion(&pair.digest, ".sig"),
    );
    pair.origin.attach_sig("app", &digest, b"new", none);
    pair.mirror.attach_sig("app", &digest, b"old", none);
    let client = pair.client(true);
    let fetched = pair
        .read(&client, companion.clone())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((fetched.from, fetched.doubt), (None, None));
    assert!(pair.mirror.requests().is_empty());
    pair.origin.fault(|_| true, Fault::Status(503));
    let fetched = pair
        .read(&client, companion.clone())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(fetched.from, Some(pair.mirror.host()));
    assert!(matches!(fetched.doubt, Some(RegistryError::Failed { .. })));
    // A cache neither forgets the doubt nor keeps what is in doubt.
    let cached = Cached::new(Arc::new(client), Arc::new(Cache::default()));
    for _ in 0..2 {
        let (repository, budget) = (pair.repository(), budget());
        let fetched = cached.manifest(&repository, &companion, 1 << 20, &budget);
        assert!(fetched.await.unwrap().unwrap().doubt.is_some());
    }
    // The evidence counts, and that there may be more is said.
    let needs = countersign_core::Needs {
        referrers: false,
        ..countersign_core::Needs::ALL
    };
    let evidence = collect(&cached, &pair.repository(), &pair.digest, needs, &budget()).await;
    assert_eq!(evidence.items.len(), 1);
    let hidden = |gap: &countersign_core::Gap| gap.hides == Some(FoundBy::SignatureTag);
    assert!(evidence.gaps.iter().any(hidden), "{:?}", evidence.gaps);
}

#[tokio::test]
async fn the_registry_lists_and_a_mirror_only_while_it_cannot() {
    let pair = Pair::start();
    let listing = pair.list().await.unwrap();
    assert!(listing.complete() && listing.from.is_none());
    assert!(pair.mirror.requests().is_empty());
    for fault in [Fault::Status(503), Fault::Status(401), Fault::Silence] {
        pair.origin.heal();
        pair.origin.fault(|_| true, fault.clone());
        let listing = pair.list().await.unwrap();
        assert_eq!(listing.items.len(), 1);
        assert_eq!(listing.from, Some(pair.mirror.host()));
        let why = listing.incomplete.expect("a mirror proves no absence");
        assert_eq!(why.host(), Some(pair.origin.host().as_str()), "{fault:?}");
    }
}

#[tokio::test]
async fn a_list_that_lies_is_not_made_good_by_a_mirror() {
    let pair = Pair::start();
    let json = Fault::Body(
        "application/vnd.oci.image.index.v1+json".to_owned(),
        b"{".to_vec(),
    );
    pair.origin
        .fault(|request| request.path.contains("/referrers/"), json);
    let listing = pair.list().await.unwrap();
    let why = listing.incomplete.expect("the gap is kept");
    assert_eq!(why.class(), GapClass::Hostile);
    assert!(pair.mirror.requests().is_empty());
    // The registry cannot be asked, and the mirror lies: the lie is what is told.
    let pair = Pair::start();
    pair.origin.fault(|_| true, Fault::Status(503));
    let huge = Fault::Huge {
        bytes: 1 << 30,
        declared: true,
    };
    pair.mirror.fault(|_| true, huge);
    let error = pair.list().await.unwrap_err();
    assert_eq!(error.class(), GapClass::Hostile, "{error}");
}

#[tokio::test]
async fn a_credential_goes_to_its_own_host_and_to_no_mirror() {
    let config = |entries: &[(&Registry, &str)]| {
        let auths: Vec<_> = entries
            .iter()
            .map(|(registry, password)| {
                format!(
                    r#""{}": {{"username": "u", "password": "{password}"}}"#,
                    registry.host()
                )
            })
            .collect();
        let text = format!(r#"{{"auths": {{{}}}}}"#, auths.join(","));
        DockerConfig::from_bytes(text.as_bytes()).unwrap()
    };
    let start = || {
        let basic = |password| Registry::builder().basic("u", password).start();
        Pair::of(basic("origins"), basic("mirrors"))
    };
    let sent = |registry: &Registry| {
        registry
            .requests()
            .iter()
            .filter(|request| request.header("authorization").is_some())
            .count()
    };
    let pair = start();
    let client = pair.client(true);
    let reference = Reference::Digest(pair.digest);
    let own = client.with_credentials(config(&[(&pair.origin, "origins")]));
    let fetched = pair.read(&own, reference.clone()).await.unwrap().unwrap();
    assert_eq!(fetched.from, None);
    assert!(!pair.mirror.requests().is_empty());
    assert_eq!((sent(&pair.mirror), sent(&pair.origin)), (0, 1));

    let pair = start();
    let client = pair.client(true);
    let both = [(&pair.origin, "origins"), (&pair.mirror, "mirrors")];
    let both = client.with_credentials(config(&both));
    let fetched = pair.read(&both, reference).await.unwrap().unwrap();
    assert_eq!(fetched.from, Some(pair.mirror.host()));
    assert_eq!((sent(&pair.mirror), sent(&pair.origin)), (1, 0));
    let access = async |client: &countersign::HttpRegistry| -> Access {
        client.access(&pair.repository(), &budget()).await.unwrap()
    };
    assert_ne!(
        access(&both).await,
        access(&client).await,
        "the mirror's credential is part of what can be read"
    );
}

#[tokio::test]
async fn every_mirrors_credential_is_part_of_what_can_be_read() {
    let pair = Pair::start();
    let folder = tempfile::tempdir().unwrap();
    let host = folder.path().join(pair.origin.host());
    fs::create_dir(&host).unwrap();
    let own = pair.client(false);
    for ability in ["pull", "resolve", "referrers"] {
        let text = format!(
            "[host.\"{}\"]\ncapabilities = [\"{ability}\"]\n",
            pair.mirror.url()
        );
        fs::write(host.join("hosts.toml"), text).unwrap();
        let registries = Registries::new().hosts_dir(folder.path()).unwrap();
        let client = own.clone().registries(registries);
        let text = format!(
            r#"{{"auths": {{"{}": {{"username": "u", "password": "p"}}}}}}"#,
            pair.mirror.host()
        );
        let other = client.with_credentials(DockerConfig::from_bytes(text.as_bytes()).unwrap());
        let (repository, budget) = (pair.repository(), budget());
        let one = client.access(&repository, &budget).await.unwrap();
        let two = other.access(&repository, &budget).await.unwrap();
        assert_ne!(one, two, "{ability}");
    }
}

#[tokio::test]
async fn a_prefix_goes_before_the_name_in_paths_and_scopes() {
    let mirror = Registry::builder().bearer("u", "p").start();
    let origin = Registry::start();
    let digest = mirror.push_image("hub/app", "v1");
    let entry = RegistryHost::new()
        .mirror(&format!("{}/hub", mirror.url()), false)
        .unwrap();
    let text = format!(
        r#"{{"auths": {{"{}": {{"username": "u", "password": "p"}}}}}}"#,
        mirror.host()
    );
    let client = client(&origin)
        .registries(Registries::new().host(&origin.host(), entry).unwrap())
        .credentials(DockerConfig::from_bytes(text.as_bytes()).unwrap());
    let repository = Repository::of(&crate::image(&origin, "app"));
    let reference = Reference::Digest(Digest::parse(&digest).unwrap());
    let fetched = client
        .manifest(&repository, &reference, 1 << 20, &budget())
        .await
        .unwrap();
    assert_eq!(fetched.unwrap().from, Some(mirror.host()));
    let asked: Vec<_> = mirror.requests().into_iter().map(|it| it.path).collect();
    assert!(asked[0].starts_with("/v2/hub/app/manifests/"), "{asked:?}");
    assert!(
        asked[1].contains("scope=repository%3Ahub%2Fapp%3Apull"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_hosts_toml_tells_the_mirror_which_registry_is_meant() {
    let pair = Pair::start();
    let folder = tempfile::tempdir().unwrap();
    let host = folder
        .path()
        .join(format!("{}_", pair.origin.host().replace(':', "_")));
    fs::create_dir(&host).unwrap();
    let text = format!(
        "server = \"{}\"\n[host.\"{}\"]\ncapabilities = [\"pull\"]\n[host.\"{}\".header]\nx-one = \"1\"\n",
        pair.origin.url(),
        pair.mirror.url(),
        pair.mirror.url()
    );
    fs::write(host.join("hosts.toml"), text).unwrap();
    let registries = Registries::new().hosts_dir(folder.path()).unwrap();
    // Nobody has typed the registry: the operator's file names both.
    let client = countersign::HttpRegistry::new().registries(registries);
    let reference = Reference::Digest(pair.digest);
    let fetched = pair.read(&client, reference).await.unwrap().unwrap();
    assert_eq!(fetched.from, Some(pair.mirror.host()));
    let asked = &pair.mirror.requests()[0];
    let namespace = format!("?ns={}", pair.origin.host().replace(':', "%3A"));
    assert!(asked.path.ends_with(&namespace), "{}", asked.path);
    assert_eq!(asked.header("x-one"), Some("1"));
    pair.mirror.fault(|_| true, Fault::Status(404));
    let fetched = pair.read(&client, Reference::Digest(pair.digest)).await;
    assert_eq!(fetched.unwrap().unwrap().from, None);
    let asked = &pair.origin.requests()[0];
    assert!(!asked.path.contains("ns=") && asked.header("x-one").is_none());
}
