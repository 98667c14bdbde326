//! The checker against a registry with faults: what is asked in which stage, and what an unanswered question means.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use countersign::{
    Checker, Decision, HttpRegistry, Image, PolicySet, ProofCache, PullSecrets, Source, UnixTime,
    Verdict,
};
use countersign_core::{NoFiles, ReasonCode};
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::registry::{Fault, Registry, Request};

const NOW: i64 = 1_790_000_000;

/// A registry with one image, and a key that is trusted.
struct Scene {
    registry: Registry,
    forge: Forge,
    key: Key,
    digest: String,
}

impl Scene {
    fn new() -> Self {
        Self::of(Registry::start())
    }

    fn of(registry: Registry) -> Self {
        let digest = registry.push_image("acme/app", "v1");
        Self {
            registry,
            forge: Forge::new(NOW),
            key: Key::generate(Algorithm::P256),
            digest,
        }
    }

    fn bundle(self) -> Self {
        let bundle = self
            .forge
            .image_signature(&self.digest)
            .keyed(&self.key)
            .bundle();
        self.registry
            .attach_bundle("acme/app", &self.digest, &bundle);
        self
    }

    fn legacy(self) -> Self {
        let (payload, annotations) = self
            .forge
            .simple_signing(&self.digest)
            .keyed(&self.key)
            .sig();
        self.registry
            .attach_sig("acme/app", &self.digest, &payload, &annotations);
        self
    }

    fn faulty(self, part: &'static str, fault: Fault) -> Self {
        self.registry
            .fault(move |request: &Request| request.path.contains(part), fault);
        self
    }

    /// The image by a policy whose one rule is `rule`; `signer` and `settings` are more fields.
    fn check(&self, rule: &str, signer: &str, settings: &str) -> Decision {
        self.check_image(
            &format!("{}/acme/app:v1", self.registry.host()),
            rule,
            signer,
            settings,
        )
    }

    fn check_image(&self, image: &str, rule: &str, signer: &str, settings: &str) -> Decision {
        let checker = self.checker(policies(&self.key, rule, signer, settings));
        ask(&checker, image)
    }

    fn checker(&self, policies: PolicySet) -> Checker {
        let registry = HttpRegistry::new()
            .plain_http(self.registry.host())
            .retries(0, Duration::ZERO);
        Checker::new(policies)
            .registry(registry)
            .timeout(Duration::from_secs(20))
    }

    /// Which kinds of requests were made, each once.
    fn asked(&self) -> Vec<&'static str> {
        let paths: Vec<String> = self
            .registry
            .requests()
            .into_iter()
            .map(|it| it.path)
            .collect();
        ["/manifests/v1", "/referrers/", ".sig", ".att"]
            .into_iter()
            .filter(|kind| paths.iter().any(|path| path.contains(kind)))
            .collect()
    }
}

fn ask(checker: &Checker, image: &str) -> Decision {
    let image = Image::parse(image).unwrap();
    let now = UnixTime::from_seconds(NOW + 60);
    checker.check_blocking(&image, now).unwrap()
}

const SIGNED: &str = "signature: {from: key}";

/// Of a registry that is left alone one request finds out whether it is back. A check makes two at once, and when the other one is refused meanwhile,
/// that must not end the first: nobody would ever find out.
#[test]
fn a_registry_that_is_back_is_found_out_by_a_check_that_asks_twice_at_once() {
    let scene = Scene::new().bundle();
    let image = format!("{}/acme/app@{}", scene.registry.host(), scene.digest);
    let checker = scene.checker(policies(&scene.key, SIGNED, "", ""));
    scene.registry.fault(|_| true, Fault::CutAfter(10));
    for _ in 0..3 {
        assert_eq!(ask(&checker, &image).effect(), Verdict::Unknown);
    }
    scene.registry.heal();
    scene.registry.clear_requests();
    // It is left alone for a few seconds at first, and would be asked twice in each of these tries then.
    let is_back = (0..150).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        ask(&checker, &image).effect() == Verdict::Allow
    });
    assert!(is_back);
    assert!(!scene.registry.requests().is_empty());
}

/// With everything in the caches, and then with the registry gone.
#[test]
fn a_revocation_counts_at_once_and_without_the_registry() {
    let scene = Scene::new().bundle();
    let host = scene.registry.host().to_owned();
    let (by_tag, by_digest) = (
        format!("{host}/acme/app:v1"),
        format!("{host}/acme/app@{}", scene.digest),
    );
    let allowing = policies(&scene.key, SIGNED, "", "");
    let checker = scene.checker(allowing);
    for image in [&by_tag, &by_digest] {
        assert_eq!(ask(&checker, image).effect(), Verdict::Allow);
    }
    let asked = scene.registry.requests().len();
    for spec in [
        format!("digests: [\"{}\"]", scene.digest),
        "keys: [key]".to_owned(),
    ] {
        let revoking = format!(
            "---\napiVersion: countersign.dev/v1alpha1\nkind: Revocation\nmetadata: {{name: r}}\nspec: {{{spec}, reason: stolen}}\n"
        );
        let revoked = checker.with_policies(policies_and(&scene.key, SIGNED, "", "", &revoking));
        for image in [&by_tag, &by_digest] {
            assert_eq!(
                ask(&revoked, image).effect(),
                Verdict::Deny,
                "{spec} {image}"
            );
        }
    }
    // What a tag means and which evidence there is was known a moment ago.
    assert!(scene.registry.requests().len() <= asked + 2);
    let revoking = format!(
        "---\napiVersion: countersign.dev/v1alpha1\nkind: Revocation\nmetadata: {{name: r}}\nspec: {{digests: [\"{}\"], reason: bad}}\n",
        scene.digest
    );
    let set = policies_and(&scene.key, SIGNED, "", "", &revoking);
    // Nobody listens on port 1, and nothing is remembered.
    let host = "127.0.0.1:1";
    let (by_tag, by_digest) = (
        format!("{host}/acme/app:v1"),
        format!("{host}/acme/app@{}", scene.digest),
    );
    let offline = Checker::new(set).registry(
        HttpRegistry::new()
            .plain_http(host)
            .retries(0, Duration::ZERO),
    );
    assert_eq!(ask(&offline, &by_digest).effect(), Verdict::Deny);
    assert_eq!(ask(&offline, &by_tag).effect(), Verdict::Unknown);
    // Whether an image that no policy names is revoked has to be asked too.
    assert_eq!(
        ask(&offline, &format!("{host}/other/app:v1")).effect(),
        Verdict::Deny
    );
}

#[test]
fn policies_that_are_loaded_anew_decide_at_once_and_verify_nothing_again() {
    let scene = Scene::new().bundle();
    let image = format!("{}/acme/app:v1", scene.registry.host());
    let checker = scene.checker(policies(&scene.key, SIGNED, "", ""));
    let counted = |checker: &Checker| {
        let stats = checker.proof_stats();
        (stats.verifications, stats.hits)
    };
    assert_eq!(ask(&checker, &image).effect(), Verdict::Allow);
    assert_eq!(counted(&checker), (1, 0));
    assert_eq!(ask(&checker, &image).effect(), Verdict::Allow);
    assert_eq!(counted(&checker), (1, 1));
    let stricter = policies(&scene.key, SIGNED, "formats: [legacy]", "");
    let stricter = checker.with_policies(stricter);
    assert_eq!(ask(&stricter, &image).effect(), Verdict::Deny);
    // The old format alone is asked for now, so that the bundle is not even fetched.
    assert_eq!(counted(&stricter), (1, 1));
    let other = "signature: {from: key, match: all}\n    - name: more\n      statement: {from: key, match: any, predicateType: https://x.example}";
    let other = stricter.with_policies(policies(&scene.key, other, "", ""));
    assert_eq!(ask(&other, &image).effect(), Verdict::Deny);
    assert_eq!(counted(&other), (1, 2));
    // Another key is another trust: nothing that was proven under the old one counts.
    let key = Key::generate(Algorithm::P256);
    let revoked = checker.with_policies(policies(&key, SIGNED, "", ""));
    assert_eq!(ask(&revoked, &image).effect(), Verdict::Deny);
    // Once in a check, though the legacy tags are asked after it; refusals are not kept.
    assert_eq!(counted(&revoked), (2, 2));
    assert_eq!(ask(&revoked, &image).effect(), Verdict::Deny);
    assert_eq!(counted(&revoked), (3, 2));
    assert_eq!(ask(&checker, &image).effect(), Verdict::Allow);
    assert_eq!(counted(&checker), (3, 3));
    // A checker of its own shares nothing.
    let none = scene
        .checker(policies(&scene.key, SIGNED, "", ""))
        .proof_cache(ProofCache::new(0, 0));
    for times in [1, 2] {
        assert_eq!(ask(&none, &image).effect(), Verdict::Allow);
        assert_eq!(counted(&none), (times, 0));
    }
}

#[test]
fn legacy_tags_are_asked_only_if_bundles_did_not_suffice() {
    let scene = Scene::new().bundle().legacy();
    assert_eq!(scene.check(SIGNED, "", "").effect(), Verdict::Allow);
    assert_eq!(scene.asked(), ["/manifests/v1", "/referrers/"]);

    let scene = Scene::new().legacy();
    assert_eq!(scene.check(SIGNED, "", "").effect(), Verdict::Allow);
    assert_eq!(scene.asked(), ["/manifests/v1", "/referrers/", ".sig"]);
}

#[test]
fn nothing_is_asked_that_no_signer_takes() {
    let scene = Scene::new().legacy();
    let denied = scene.check(SIGNED, "formats: [bundle]", "");
    assert_eq!(denied.effect(), Verdict::Deny);
    assert_eq!(scene.asked(), ["/manifests/v1", "/referrers/"]);

    let scene = Scene::new().bundle().legacy();
    assert_eq!(
        scene.check(SIGNED, "formats: [legacy]", "").effect(),
        Verdict::Allow
    );
    assert_eq!(scene.asked(), ["/manifests/v1", ".sig"]);
}

#[test]
fn a_rule_over_all_evidence_sees_all_evidence() {
    let scene = Scene::new().bundle();
    let (mut payload, annotations) = scene
        .forge
        .simple_signing(&scene.digest)
        .keyed(&scene.key)
        .sig();
    payload.push(b' ');
    scene
        .registry
        .attach_sig("acme/app", &scene.digest, &payload, &annotations);
    let decision = scene.check("signature: {from: key, match: all}", "", "");
    assert_eq!(
        (decision.evidence().len(), decision.refused().len()),
        (1, 1)
    );
    assert_eq!(scene.asked(), ["/manifests/v1", "/referrers/", ".sig"]);
}

#[test]
fn what_is_decided_anyway_costs_no_request() {
    let scene = Scene::new().bundle();
    let image = format!("{}/other/app:v1", scene.registry.host());
    let unmatched = scene.check_image(&image, SIGNED, "", "");
    assert_eq!(unmatched.effect(), Verdict::Deny);
    assert!(unmatched.unmatched().is_some());
    assert_eq!(
        scene.check("digest: required", "", "").effect(),
        Verdict::Deny
    );
    assert_eq!(scene.registry.requests(), []);
}

#[test]
fn an_unanswered_question_is_unknown_and_never_unsigned() {
    for (status, code) in [
        (401, ReasonCode::RegistryDenied),
        (403, ReasonCode::RegistryDenied),
        (429, ReasonCode::RegistryRateLimited),
        (500, ReasonCode::RegistryUnavailable),
        (503, ReasonCode::RegistryUnavailable),
    ] {
        for part in ["/manifests/v1", "/referrers/", ".sig"] {
            let scene = Scene::new().faulty(part, Fault::Status(status));
            let decision = scene.check(SIGNED, "", "");
            assert_eq!(decision.effect(), Verdict::Unknown, "{status} at {part}");
            let [policy] = decision.policies() else {
                panic!("one policy")
            };
            assert_eq!(policy.rules[0].code, Some(code), "{status} at {part}");
            let excused = scene.check(SIGNED, "", ", onUnknown: allow");
            assert_eq!(excused.effect(), Verdict::Allow, "{status} at {part}");
            assert_eq!(excused.judged(), Verdict::Unknown);
        }
    }
}

#[test]
fn a_gap_does_not_matter_where_a_signature_was_found() {
    let scene = Scene::new().bundle().faulty(".sig", Fault::Status(503));
    assert_eq!(scene.check(SIGNED, "", "").effect(), Verdict::Allow);
    let scene = Scene::new()
        .legacy()
        .faulty("/referrers/", Fault::Status(503));
    assert_eq!(scene.check(SIGNED, "", "").effect(), Verdict::Allow);
}

#[test]
fn a_lie_is_excused_by_no_policy() {
    let scene = Scene::new().bundle().faulty("/blobs/", Fault::WrongBytes);
    let decision = scene.check(SIGNED, "", ", onUnknown: allow");
    assert_eq!(decision.effect(), Verdict::Unknown);
    assert_eq!(decision.gaps()[0].code, ReasonCode::RegistryHostile);
}

/// One checker, one cache, and images of many.
#[test]
fn an_images_own_credentials_count_for_it_alone_and_before_the_checkers() {
    let scene = Scene::of(Registry::builder().basic("robot", "hunter2").start()).bundle();
    let host = scene.registry.host();
    let secret = |user: &str, password: &str| {
        let text =
            serde_json::json!({"auths": {host.as_str(): {"username": user, "password": password}}});
        let name = format!("{user}/pull");
        let secrets = PullSecrets::new();
        secrets
            .dockerconfigjson(&name, text.to_string().as_bytes())
            .unwrap()
    };
    let checker = scene.checker(policies(&scene.key, SIGNED, "", ""));
    let bare = Image::parse(&format!("{host}/acme/app@{}", scene.digest)).unwrap();
    let judged = |checker: &Checker, image: &Image| {
        let now = UnixTime::from_seconds(NOW + 60);
        let decision = checker.check_blocking(image, now).unwrap();
        let report = countersign::Report::new(std::slice::from_ref(&decision));
        (decision.effect(), serde_json::to_string(&report).unwrap())
    };
    let good = bare.clone().with_credentials(secret("robot", "hunter2"));
    let bad = bare.clone().with_credentials(secret("mallory", "guess"));
    for _ in 0..2 {
        assert_eq!(judged(&checker, &good).0, Verdict::Allow);
        // Everything is in the cache by now, for whoever may read it.
        let (effect, report) = judged(&checker, &bare);
        assert_eq!(effect, Verdict::Unknown);
        assert!(report.contains("no credential"), "{report}");
        let (effect, report) = judged(&checker, &bad);
        assert_eq!(effect, Verdict::Unknown);
        assert!(
            report.contains("mallory/pull")
                && !report.contains("robot")
                && !report.contains("guess"),
            "{report}"
        );
    }
    assert_ne!(checker.access(&good), checker.access(&bare));
    assert_ne!(checker.access(&good), checker.access(&bad));
    let elsewhere = Image::parse("ghcr.io/acme/app").unwrap();
    let other = elsewhere
        .clone()
        .with_credentials(secret("robot", "hunter2"));
    assert_eq!(checker.access(&elsewhere), checker.access(&other));

    // What the checker has comes after what the image has.
    scene.registry.clear_requests();
    let own = checker.with_credentials(secret("robot", "hunter2"));
    assert_eq!(judged(&own, &bare).0, Verdict::Allow);
    assert_eq!(judged(&own, &bad).0, Verdict::Allow);
    let requests = scene.registry.requests();
    let shown = requests.iter().filter_map(|it| it.header("authorization"));
    assert!(shown.clone().any(|it| it == basic("mallory", "guess")));
    assert!(shown.clone().any(|it| it == basic("robot", "hunter2")));
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {pair}")
}

fn policies(key: &Key, rule: &str, signer: &str, settings: &str) -> PolicySet {
    policies_and(key, rule, signer, settings, "")
}

/// The same with further documents.
fn policies_and(key: &Key, rule: &str, signer: &str, settings: &str, more: &str) -> PolicySet {
    let pem: String = key
        .public_pem()
        .lines()
        .map(|line| format!("        {line}\n"))
        .collect();
    let text = format!(
        r#"apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {{name: test}}
spec: {{unmatched: deny{settings}}}
---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: key}}
spec:
  log: off
  time: none
  keys:
    - id: key
      pem: |
{pem}  {signer}
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: test}}
spec:
  images: ["127.0.0.1:*/acme/app"]
  rules:
    - name: rule
      {rule}
    - name: signed
      {SIGNED}
{more}"#
    );
    let sources = [Source {
        name: "policy.yaml".to_owned(),
        text,
    }];
    let loaded = PolicySet::load(&sources, &NoFiles, &[]);
    let texts: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|it| it.render(&sources, false))
        .collect();
    loaded
        .policies
        .unwrap_or_else(|| panic!("{}", texts.join("\n")))
}
