//! Each fault at each step of a check, as a decision: *unknown* with its cause and class, never *deny*; *allow* only where the
//! settings say so, and never where a registry lies.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use countersign::{
    Cache, Checker, Decision, HttpRegistry, Image, PolicySet, Source, UnixTime, Verdict,
};
use countersign_core::{GapClass, NoFiles, ReasonCode};
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::policy::KeyedPolicy;
use countersign_testkit::registry::{Builder, Fault, Pages, Registry, Request};
use futures_util::future::join_all;

const NOW: i64 = 1_790_000_000;
const USER: &str = "robot";
const PASSWORD: &str = "swordfish";
const PREDICATE: &str = "https://example.com/predicate/v1";

static FORGE: LazyLock<Forge> = LazyLock::new(|| Forge::new(NOW));
static KEY: LazyLock<Key> = LazyLock::new(|| Key::generate(Algorithm::P256));
static STRANGER: LazyLock<Key> = LazyLock::new(|| Key::generate(Algorithm::P256));

/// The steps of a check, by the requests that they make.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Token,
    Image,
    Referrers,
    SecondPage,
    FallbackTag,
    ReferrerManifest,
    Bundle,
    PlatformReferrers,
    SignatureTag,
    SignaturePayload,
    AttestationTag,
    AttestationEnvelope,
}

const STEPS: [Step; 12] = [
    Step::Token,
    Step::Image,
    Step::Referrers,
    Step::SecondPage,
    Step::FallbackTag,
    Step::ReferrerManifest,
    Step::Bundle,
    Step::PlatformReferrers,
    Step::SignatureTag,
    Step::SignaturePayload,
    Step::AttestationTag,
    Step::AttestationEnvelope,
];

impl Step {
    /// Whether something is asked for by digest, so that other bytes are a lie, or by name, so that they are only odd.
    const fn is_by_digest(self) -> bool {
        matches!(
            self,
            Self::Image
                | Self::ReferrerManifest
                | Self::Bundle
                | Self::SignaturePayload
                | Self::AttestationEnvelope
        )
    }

    const fn is_list(self) -> bool {
        matches!(
            self,
            Self::Referrers | Self::SecondPage | Self::PlatformReferrers
        )
    }

    /// Whether a content type is looked at.
    const fn is_typed(self) -> bool {
        !matches!(
            self,
            Self::Token | Self::Bundle | Self::SignaturePayload | Self::AttestationEnvelope
        )
    }

    fn registry(self) -> Builder {
        let builder = Registry::builder();
        match self {
            Self::Token => builder.bearer(USER, PASSWORD),
            Self::SecondPage => builder.page_size(1),
            Self::FallbackTag => builder.without_referrers_api(),
            _ => builder,
        }
    }

    const fn rule(self) -> &'static str {
        match self {
            Self::PlatformReferrers => "signature: {from: key, subject: platform}",
            Self::AttestationTag | Self::AttestationEnvelope => {
                "statement: {from: key, match: any, predicateType: 'https://example.com/predicate/v1'}"
            }
            _ => "signature: {from: key}",
        }
    }
}

/// An image with the evidence that a step leads to, and nothing else that would suffice.
struct Scene {
    step: Step,
    registry: Registry,
    image: String,
    /// How the paths of the step's requests end, or what is in them.
    part: String,
}

impl Scene {
    fn new(step: Step) -> Self {
        let registry = step.registry().start();
        let mut digest = registry.push_image("app", "v1");
        let bundle = FORGE.image_signature(&digest).keyed(&KEY).bundle();
        let tag = digest.replace(':', "-");
        let blob = |bytes: &[u8]| format!("/blobs/{}", registry.push_blob("app", bytes));
        let part = match step {
            Step::SignatureTag | Step::SignaturePayload => {
                let (payload, annotations) = FORGE.simple_signing(&digest).keyed(&KEY).sig();
                registry.attach_sig("app", &digest, &payload, &annotations);
                match step {
                    Step::SignatureTag => format!("{tag}.sig"),
                    _ => blob(&payload),
                }
            }
            Step::AttestationTag | Step::AttestationEnvelope => {
                let attestation = FORGE.attestation(&digest, PREDICATE, serde_json::json!({}));
                let (envelope, annotations) = attestation.keyed(&KEY).att();
                registry.attach_att("app", &digest, &envelope, &annotations);
                match step {
                    Step::AttestationTag => format!("{tag}.att"),
                    _ => blob(&envelope),
                }
            }
            Step::PlatformReferrers => {
                registry.attach_bundle("app", &digest, &bundle);
                let part = format!("/referrers/{digest}");
                digest = registry.push_index("app", "index", &[&digest]);
                part
            }
            _ => {
                if step == Step::SecondPage {
                    let other = FORGE.image_signature(&digest).keyed(&STRANGER).bundle();
                    registry.attach_bundle("app", &digest, &other);
                }
                let referrer = registry.attach_bundle("app", &digest, &bundle);
                match step {
                    Step::Token => "/token".to_owned(),
                    Step::Image => format!("/manifests/{digest}"),
                    Step::SecondPage => "page=1".to_owned(),
                    Step::FallbackTag => format!("/manifests/{tag}"),
                    Step::ReferrerManifest => format!("/manifests/{referrer}"),
                    Step::Bundle => blob(&bundle),
                    _ => format!("/referrers/{digest}"),
                }
            }
        };
        let image = format!("{}/app@{digest}", registry.host());
        Self {
            step,
            registry,
            image,
            part,
        }
    }

    fn checker(&self, settings: &str) -> Checker {
        let config = serde_json::json!({"auths": {self.registry.host(): {"username": USER, "password": PASSWORD}}});
        let credentials =
            countersign::DockerConfig::from_bytes(config.to_string().as_bytes()).unwrap();
        let registry = HttpRegistry::new()
            .plain_http(self.registry.host())
            .credentials(credentials)
            .timeouts(Duration::from_secs(2), Duration::from_millis(1500))
            .retries(0, Duration::ZERO);
        Checker::new(policies(self.step.rule(), settings))
            .registry(registry)
            .cache(Arc::new(Cache::default()))
            .timeout(Duration::from_secs(20))
    }

    fn break_with(&self, fault: &Fault) {
        let fault = match fault {
            // To itself: a loop.
            Fault::RedirectTo(to) if to.is_empty() => Fault::RedirectTo(self.registry.url()),
            fault => fault.clone(),
        };
        let part = self.part.clone();
        self.registry.fault(
            move |request: &Request| {
                let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
                path.ends_with(&part) || query == part
            },
            fault,
        );
    }

    async fn check(&self, checker: &Checker) -> Decision {
        let image = Image::parse(&self.image).unwrap();
        checker
            .check(&image, UnixTime::from_seconds(NOW + 60))
            .await
    }
}

fn unavailable() -> Vec<Fault> {
    vec![
        Fault::Status(401),
        Fault::Status(403),
        Fault::Status(429),
        Fault::RetryAfter(429, "60".to_owned()),
        Fault::RetryAfter(503, "60".to_owned()),
        Fault::Status(500),
        Fault::Status(502),
        Fault::CutAfter(10),
        Fault::Silence,
        Fault::StallAfter(0),
        Fault::StallAfter(10),
    ]
}

/// Whether a fault at a step is a lie.
type Applies = fn(Step) -> bool;

/// Each lie with the steps at which it is one.
fn hostile() -> Vec<(Fault, Applies)> {
    let everywhere: Applies = |_| true;
    let huge = |declared| Fault::Huge {
        bytes: 1 << 30,
        declared,
    };
    let html = Fault::Body("text/html".to_owned(), b"<html>log in".to_vec());
    vec![
        (Fault::WrongBytes, everywhere),
        (huge(true), everywhere),
        (huge(false), everywhere),
        (Fault::RedirectTo(String::new()), everywhere),
        // A place on this machine that nobody has named.
        (
            Fault::RedirectTo("http://127.0.0.1:1".to_owned()),
            everywhere,
        ),
        (
            Fault::RedirectTo("http://169.254.169.254".to_owned()),
            everywhere,
        ),
        (Fault::Status(418), everywhere),
        (
            Fault::Header("content-encoding", "gzip".to_owned()),
            everywhere,
        ),
        (Fault::content_type("text/html"), Step::is_typed),
        (html, everywhere),
        (Fault::EndlessPages(Pages::Same), Step::is_list),
        (Fault::EndlessPages(Pages::New), Step::is_list),
        (Fault::Status(404), Step::is_by_digest),
    ]
}

fn cases() -> Vec<(Step, Fault, GapClass)> {
    let mut cases = Vec::new();
    for step in STEPS {
        for fault in unavailable() {
            cases.push((step, fault, GapClass::Unavailable));
        }
        for (fault, applies) in hostile() {
            if applies(step) {
                cases.push((step, fault, GapClass::Hostile));
            }
        }
    }
    cases
}

/// So many registries at once are enough for one process.
const AT_ONCE: usize = 72;

#[tokio::test]
async fn without_a_fault_every_step_leads_to_an_allow() {
    for step in STEPS {
        let scene = Scene::new(step);
        scene.break_with(&Fault::Header("x-nothing", "1".to_owned()));
        let decision = scene.check(&scene.checker("")).await;
        assert_eq!(decision.effect(), Verdict::Allow, "{step:?}: {decision:?}");
        let asked = scene.registry.requests();
        assert!(
            asked
                .iter()
                .any(|request| request.path.contains(&scene.part)),
            "{step:?} asks nothing"
        );
    }
}

#[tokio::test]
async fn s02_every_fault_at_every_step_is_unknown_and_classed() {
    for cases in cases().chunks(AT_ONCE) {
        let checks = cases.iter().map(async |(step, fault, class)| {
            let scene = Scene::new(*step);
            scene.break_with(fault);
            let what = format!("{fault:?} at {step:?}");
            let decision = scene.check(&scene.checker("")).await;
            let verdicts = (decision.judged(), decision.effect());
            assert_eq!(
                verdicts,
                (Verdict::Unknown, Verdict::Unknown),
                "{what}: {decision:?}"
            );
            let worst = decision.gaps().iter().map(|gap| gap.class).max();
            assert_eq!(worst, Some(*class), "{what}: {:?}", decision.gaps());
            for gap in decision.gaps() {
                let names_host = ["127.0.0.1", "169.254.169.254"].map(|it| gap.cause.contains(it));
                assert_ne!(names_host, [false; 2], "{what}: {gap:?}");
            }
            // Who may not be able to tell is excused by `onUnknown`, who is lied to never.
            let decision = scene.check(&scene.checker("onUnknown: allow")).await;
            let expected = match class {
                GapClass::Unavailable => Verdict::Allow,
                _ => Verdict::Unknown,
            };
            assert_eq!(decision.effect(), expected, "{what}: {decision:?}");
            assert_eq!(decision.judged(), Verdict::Unknown, "{what}");
        });
        join_all(checks).await;
    }
}

/// What is asked for again after two minutes, and known from before.
const REMEMBERED: [Step; 6] = [
    Step::Image,
    Step::Referrers,
    Step::SecondPage,
    Step::FallbackTag,
    Step::ReferrerManifest,
    Step::PlatformReferrers,
];

#[tokio::test]
async fn only_stale_makes_an_allow_of_it_and_never_of_a_lie() {
    let cases: Vec<_> = cases()
        .into_iter()
        .filter(|(step, ..)| REMEMBERED.contains(step) || *step == Step::SignatureTag)
        .collect();
    for cases in cases.chunks(AT_ONCE) {
        let warm = join_all(cases.iter().map(async |(step, ..)| {
            let scene = Scene::new(*step);
            let checker = scene.checker("stale: {maxAge: 1h}");
            let decision = scene.check(&checker).await;
            assert_eq!(
                decision.effect(),
                Verdict::Allow,
                "{step:?}: {:?}",
                decision.gaps()
            );
            assert!(decision.stale().is_empty());
            (scene, checker)
        }));
        let warm = warm.await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(120)).await;
        tokio::time::resume();
        let checks = warm.iter().zip(cases).map(async |(warm, case)| {
            let ((scene, checker), (step, fault, class)) = (warm, case);
            scene.break_with(fault);
            let decision = scene.check(checker).await;
            let what = format!("{fault:?} at {step:?}: {decision:?}");
            if *class == GapClass::Unavailable && REMEMBERED.contains(step) {
                assert_eq!(decision.effect(), Verdict::Allow, "{what}");
                assert!(!decision.stale().is_empty(), "{what}");
                let warned = |code| decision.warnings().iter().any(|it| it.code == code);
                assert!(warned(ReasonCode::StaleEvidence), "{what}");
                // Why the registry was not believed to have answered stays said.
                assert!(!decision.gaps().is_empty(), "{what}");
            } else {
                assert_eq!(decision.effect(), Verdict::Unknown, "{what}");
                assert_eq!(decision.judged(), Verdict::Unknown, "{what}");
                assert!(decision.stale().is_empty(), "{what}");
            }
            // Without the setting nothing is taken from before.
            let stricter = checker.with_policies(policies(step.rule(), ""));
            let decision = scene.check(&stricter).await;
            assert_eq!(decision.effect(), Verdict::Unknown, "{what}");
        });
        join_all(checks).await;
    }
}

fn policies(rule: &str, settings: &str) -> PolicySet {
    let text = KeyedPolicy::new(&KEY.public_pem())
        .rule("rule", rule)
        .settings(settings)
        .text();
    let name = "policy.yaml".to_owned();
    let loaded = PolicySet::load(&[Source { name, text }], &NoFiles, &[]);
    loaded.policies.unwrap()
}
