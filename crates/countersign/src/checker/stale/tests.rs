//! What is recollected, and when nothing is. The registry is real; that it cannot be asked is a fault of it.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use countersign_core::{ImageRef, NoFiles, PolicySet, ReasonCode, Request, Source, UnixTime};
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::registry::{Fault, Registry as Server};

use super::*;
use crate::{Cache, Cached, Checker, HttpRegistry, Repository};

const NOW: i64 = 1_790_000_000;
const API: &str = "apiVersion: countersign.dev/v1alpha1\n";
const DAY: Duration = Duration::from_secs(86_400);

/// A signed image that was checked while its registry answered.
struct Scene {
    server: Server,
    client: Arc<HttpRegistry>,
    cache: Arc<Cache>,
    key: Key,
    checker: Checker,
    image: ImageRef,
    repository: Repository,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start();
        let (forge, key) = (Forge::new(NOW), Key::generate(Algorithm::P256));
        let digest = server.push_image("app", "v1");
        let bundle = forge.image_signature(&digest).keyed(&key).bundle();
        server.attach_bundle("app", &digest, &bundle);
        let client = HttpRegistry::new()
            .plain_http(server.host())
            .retries(0, Duration::ZERO);
        let image = ImageRef::parse(&format!("{}/app:v1@{digest}", server.host())).unwrap();
        let scene = Self {
            client: Arc::new(client),
            cache: Arc::default(),
            checker: Checker::new(policies(&key)),
            key,
            repository: Repository::of(&image),
            image,
            server,
        };
        let first = scene.decision(&scene.digest()).await;
        assert_eq!(first.effect(), Verdict::Allow);
        scene
    }

    fn digest(&self) -> Reference {
        Reference::of(&self.image)
    }

    fn last(&self) -> LastKnown<HttpRegistry> {
        LastKnown::new(Arc::clone(&self.client), Arc::clone(&self.cache), DAY)
    }

    fn request(&self) -> Request {
        Request::named(&self.image)
    }

    /// What a check says now, before anything is recollected.
    async fn decision(&self, reference: &Reference) -> Decision {
        let request = self.request();
        let question = Question::new(&self.checker, &request, UnixTime::from_seconds(NOW + 60));
        let cached = Cached::new(Arc::clone(&self.client), Arc::clone(&self.cache));
        let places = Places::of(&cached, &self.repository, &self.repository);
        question.ask(&places, reference).await
    }

    /// What `reconsidered` makes of the decision, and whether it used the last known list.
    async fn again(&self, reference: &Reference) -> (Decision, bool) {
        let decision = self.decision(reference).await;
        let (last, request) = (self.last(), self.request());
        let question = Question::new(&self.checker, &request, UnixTime::from_seconds(NOW + 60));
        let places = Places::of(&last, &self.repository, &self.repository);
        let again = question.reconsidered(decision, places, reference).await;
        let digest = self.image.digest().unwrap();
        (again, !last.used_for(digest).is_empty())
    }

    fn faulty(&self, part: &'static str, fault: Fault) {
        self.server.heal();
        self.server
            .fault(move |request| request.path.contains(part), fault);
    }
}

async fn jump(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn what_was_known_is_recollected_with_the_gaps_of_the_first_try() {
    let scene = Scene::new().await;
    scene.faulty("", Fault::Status(503));
    jump(120).await;
    let first = scene.decision(&scene.digest()).await;
    assert_eq!(first.judged(), Verdict::Unknown);
    assert!(may_stand_in(first.gaps()));
    let (again, used) = scene.again(&scene.digest()).await;
    assert!(used);
    assert_eq!(again.judged(), Verdict::Allow, "{:?}", again.gaps());
    assert_eq!(again.gaps(), first.gaps());
    let [stale] = again.stale() else {
        panic!("{:?}", again.stale())
    };
    let image = scene.image.digest().unwrap();
    let what = format!("referrers of {image} in {}", scene.repository);
    assert_eq!(stale.what, what);
    assert!(
        again
            .warnings()
            .iter()
            .any(|it| it.code == ReasonCode::StaleEvidence),
        "{:?}",
        again.warnings()
    );
}

#[tokio::test]
async fn whatever_part_cannot_be_asked_the_last_known_list_is_used() {
    for part in ["/manifests/", "/referrers/", "/blobs/", ""] {
        for fault in [
            Fault::Status(503),
            Fault::Status(429),
            Fault::Status(403),
            Fault::CutAfter(3),
        ] {
            let scene = Scene::new().await;
            scene.faulty(part, fault.clone());
            jump(120).await;
            let (_, used) = scene.again(&scene.digest()).await;
            // A blob is not asked for: the manifest, which can be read, names it, and its bytes are known.
            assert_eq!(used, part != "/blobs/", "{part} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_registry_that_answers_is_believed() {
    let scene = Scene::new().await;
    jump(120).await;
    let (decision, used) = scene.again(&scene.digest()).await;
    assert_eq!((decision.effect(), used), (Verdict::Allow, false));
    // It says that the image has no evidence any more; only cosign's tags cannot be asked for.
    let empty = serde_json::json!({"schemaVersion": 2, "manifests": []});
    let empty = Fault::Body(
        "application/vnd.oci.image.index.v1+json".to_owned(),
        empty.to_string().into_bytes(),
    );
    scene.faulty("/referrers/", empty);
    scene
        .server
        .fault(|request| request.path.contains(".sig"), Fault::Status(503));
    jump(120).await;
    let (decision, used) = scene.again(&scene.digest()).await;
    assert_eq!((decision.judged(), used), (Verdict::Unknown, false));
    // Not even those: then it is denied.
    scene.server.heal();
    scene.faulty("/referrers/", Fault::Status(404));
    jump(120).await;
    let (decision, used) = scene.again(&scene.digest()).await;
    assert_eq!((decision.judged(), used), (Verdict::Deny, false));
}

#[tokio::test]
async fn a_registry_that_lies_is_excused_by_nothing() {
    for (part, fault) in [
        (
            "/referrers/",
            Fault::Body("text/html".to_owned(), b"<p>".to_vec()),
        ),
        ("/manifests/sha256:", Fault::WrongBytes),
        ("/manifests/sha256:", Fault::Status(404)),
    ] {
        let scene = Scene::new().await;
        scene.faulty(part, fault.clone());
        scene
            .server
            .fault(|request| request.path.contains(".sig"), Fault::Status(503));
        jump(120).await;
        let (decision, used) = scene.again(&scene.digest()).await;
        assert_eq!(decision.effect(), Verdict::Unknown, "{part} {fault:?}");
        assert!(!used, "{part} {fault:?}: {:?}", decision.gaps());
    }
}

#[tokio::test]
async fn a_tag_that_cannot_be_resolved_stays_unknown() {
    let scene = Scene::new().await;
    let tag = Reference::Tag("v1".to_owned());
    assert_eq!(scene.decision(&tag).await.effect(), Verdict::Allow);
    scene.faulty("", Fault::Status(503));
    jump(120).await;
    let (decision, used) = scene.again(&tag).await;
    assert_eq!((decision.judged(), used), (Verdict::Unknown, false));
    // One that can be is as good as its digest.
    scene.faulty("/referrers/", Fault::Status(503));
    let (_, used) = scene.again(&tag).await;
    assert!(used);
}

#[tokio::test]
async fn a_record_that_supports_nothing_changes_nothing() {
    let scene = Scene::new().await;
    let stranger = Key::generate(Algorithm::P256);
    let scene = Scene {
        checker: Checker::new(policies(&stranger)),
        ..scene
    };
    scene.faulty("", Fault::Status(503));
    jump(120).await;
    let (decision, used) = scene.again(&scene.digest()).await;
    assert!(used);
    // Not denied by what is only remembered: neither its evidence nor its refusals are in the report.
    assert_eq!(decision.judged(), Verdict::Unknown);
    assert!(decision.refused().is_empty());
    assert_eq!(decision.gaps().len(), 1);
}

/// What is denied for another reason is not asked for again.
#[tokio::test]
async fn a_denial_stays_one() {
    let scene = Scene::new().await;
    let key = Key::generate(Algorithm::P256);
    let scene = Scene {
        checker: Checker::new(policies_with(
            &key,
            "\n    - {name: old, signature: {from: old}}",
        )),
        ..scene
    };
    // There is no signature of the old format, which is no matter of referrers.
    scene.faulty("/referrers/", Fault::Status(503));
    jump(120).await;
    let (decision, used) = scene.again(&scene.digest()).await;
    assert_eq!((decision.judged(), used), (Verdict::Deny, false));
    assert!(may_stand_in(decision.gaps()));
}

/// What a policy judges that only audits must not take from one that enforces what stands in for the registry.
#[tokio::test]
async fn an_audit_makes_no_difference() {
    let scene = Scene::new().await;
    let audit = "
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {name: audit}
spec: {images: ['**'], mode: audit, rules: [{name: old, signature: {from: old}}]}";
    let scene = Scene {
        checker: Checker::new(policies_with(&scene.key, audit)),
        ..scene
    };
    scene.faulty("/referrers/", Fault::Status(503));
    jump(120).await;
    let first = scene.decision(&scene.digest()).await;
    let verdicts = |decision: &Decision| (decision.judged(), decision.effect());
    assert_eq!(verdicts(&first), (Verdict::Deny, Verdict::Unknown));
    let (decision, used) = scene.again(&scene.digest()).await;
    assert!(used);
    // A last known list tells nothing of what is not on it.
    assert_eq!(verdicts(&decision), (Verdict::Unknown, Verdict::Allow));
}

/// One rule: a signature by this key.
fn policies(key: &Key) -> PolicySet {
    policies_with(key, "")
}

fn policies_with(key: &Key, rules: &str) -> PolicySet {
    let signer = |name: &str, formats: &str, key: &Key| {
        let pem = key.public_pem().replace('\n', "\n        ");
        format!(
            "{API}kind: Signer
metadata: {{name: {name}}}
spec:
  formats: [{formats}]
  log: off
  time: none
  keys:
    - id: key
      pem: |
        {pem}
---
"
        )
    };
    let text = format!(
        "{API}kind: Settings
metadata: {{name: test}}
spec: {{unmatched: deny, stale: {{maxAge: 1d}}}}
---
{}{}{API}kind: Policy
metadata: {{name: test}}
spec:
  images: ['127.0.0.1:*/app']
  rules:
    - {{name: signed, signature: {{from: key}}}}{rules}
",
        signer("key", "bundle, legacy", key),
        signer("old", "legacy", &Key::generate(Algorithm::P256)),
    );
    let sources = [Source {
        name: "policy.yaml".to_owned(),
        text,
    }];
    let loaded = PolicySet::load(&sources, &NoFiles, &[]);
    let texts = loaded.diagnostics.iter();
    let texts: Vec<_> = texts.map(|it| it.render(&sources, false)).collect();
    loaded
        .policies
        .unwrap_or_else(|| panic!("{}", texts.join("\n")))
}
