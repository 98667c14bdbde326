//! The door that writes digests.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::{Checker, HttpRegistry, PolicySet, Source};
use countersign_core::{ImageFields, NoFiles};
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::policy::production;
use countersign_testkit::registry::{Fault, Registry};
use countersign_webhook::{Doors, Reviewer};
use serde_json::{Value, json};
use tower_service::Service as _;

const NOW: u64 = 1_790_000_000;

struct Scene {
    registry: Registry,
    reviewer: Arc<Reviewer>,
    door: Router,
    digest: String,
}

impl Scene {
    fn new(rules: &str) -> Self {
        let registry = Registry::start();
        let (key, forge) = (
            Key::generate(Algorithm::P256),
            Forge::new(NOW.try_into().unwrap()),
        );
        let digest = registry.push_image("acme/signed", "v1");
        let bundle = forge.image_signature(&digest).keyed(&key).bundle();
        registry.attach_bundle("acme/signed", &digest, &bundle);
        registry.push_image("acme/unsigned", "v1");
        registry.push_image("other/app", "v1");
        let host = registry.host();
        let rules = format!("rules: {rules}");
        let text = production("unmatched: allow", &key.public_pem(), &host, &rules);
        let source = Source {
            name: "policy.yaml".to_owned(),
            text,
        };
        let loaded = PolicySet::load(&[source], &NoFiles, &[]);
        let client = HttpRegistry::new()
            .plain_http(&host)
            .retries(0, Duration::ZERO);
        let checker = Checker::new(loaded.policies.unwrap()).registry(client);
        let clock = || SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 60);
        let reviewer = Arc::new(Reviewer::new(checker, ImageFields::default()).clock(clock));
        Self {
            door: Doors::new(Arc::clone(&reviewer)).mutate(true).router(),
            reviewer,
            digest,
            registry,
        }
    }

    fn image(&self, rest: &str) -> String {
        format!("{}/{rest}", self.registry.host())
    }

    /// The `response` to a question.
    async fn ask(&mut self, review: &Value) -> Value {
        let request = Request::post("/mutate?timeout=2s")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(review.to_string()))
            .unwrap();
        let response = self.door.call(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["response"]["allowed"], true);
        body["response"].take()
    }

    /// What is written where.
    async fn pins(&mut self, review: &Value) -> Vec<(String, String)> {
        let answer = self.ask(review).await;
        let Some(patch) = answer.get("patch") else {
            assert!(answer.get("patchType").is_none());
            return Vec::new();
        };
        assert_eq!(answer["patchType"], "JSONPatch");
        let patch = STANDARD.decode(patch.as_str().unwrap()).unwrap();
        let patch: Vec<Value> = serde_json::from_slice(&patch).unwrap();
        let pairs = patch.chunks(2).map(|pair| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            assert_eq!(
                (&pair[0]["op"], &pair[1]["op"]),
                (&json!("test"), &json!("replace"))
            );
            assert_eq!(pair[0]["path"], pair[1]["path"]);
            let at = text(&pair[1]["path"]);
            assert_eq!(
                review["request"]["object"].pointer(&at),
                Some(&pair[0]["value"])
            );
            (at, text(&pair[1]["value"]))
        });
        pairs.collect()
    }
}

const BOTH: &str = "[{name: pinned, digest: required}, {name: signed, signature: {from: key}}]";

fn create(spec: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "operation": "CREATE",
            "namespace": "shop",
            "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}, "spec": spec},
        },
    })
}

fn container(image: &str) -> Value {
    json!({"name": image, "image": image})
}

#[tokio::test]
async fn what_policies_allow_is_pinned_and_keeps_its_tag() {
    let mut scene = Scene::new(BOTH);
    let (signed, digest) = (scene.image("acme/signed:v1"), scene.digest.clone());
    let review = create(&json!({
        "containers": [
            container(&signed),
            container(&scene.image("acme/unsigned:v1")),
            container(&scene.image(&format!("acme/signed:v1@{digest}"))),
            container(&scene.image("acme/absent:v1")),
            container(&scene.image("other/app:v1")),
            container("not an image"),
            container("oci:/etc"),
        ],
        "initContainers": [container(&signed)],
        "volumes": [{"name": "v", "image": {"reference": signed}}, {"name": "w", "emptyDir": {}}],
    }));
    let pinned = format!("{signed}@{digest}");
    assert_eq!(
        scene.pins(&review).await,
        [
            ("/spec/initContainers/0/image".to_owned(), pinned.clone()),
            ("/spec/containers/0/image".to_owned(), pinned.clone()),
            ("/spec/volumes/0/image/reference".to_owned(), pinned),
        ]
    );
    let asked = scene.registry.requests();
    assert!(
        asked
            .iter()
            .all(|request| !request.path.contains("other/app")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn only_pods_are_changed_and_only_what_is_new_in_them() {
    let mut scene = Scene::new(BOTH);
    let signed = scene.image("acme/signed:v1");
    let review = create(&json!({"containers": [container(&signed)]}));
    let mut job = review.clone();
    job["request"]["kind"] = json!({"group": "batch", "version": "v1", "kind": "Job"});
    job["request"]["object"] = json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": {"containers": [container(&signed)]}}}});
    assert_eq!(scene.pins(&job).await, []);
    let mut update = review.clone();
    update["request"]["operation"] = json!("UPDATE");
    update["request"]["oldObject"] = review["request"]["object"].clone();
    assert_eq!(scene.pins(&update).await, []);
    let mut delete = review.clone();
    delete["request"]["operation"] = json!("DELETE");
    assert_eq!(scene.pins(&delete).await, []);
    let mut unreadable = review.clone();
    unreadable["request"]["object"]["spec"] = json!([]);
    assert_eq!(scene.pins(&unreadable).await, []);
    assert_eq!(scene.registry.connections(), 0);
    assert_eq!(scene.pins(&review).await.len(), 1);
}

#[tokio::test]
async fn what_nobody_can_tell_stays_as_it_is() {
    for fault in [Fault::Status(500), Fault::Silence, Fault::WrongBytes] {
        let mut scene = Scene::new(BOTH);
        scene.registry.fault(|_| true, fault);
        let signed = scene.image("acme/signed:v1");
        let review = create(&json!({"containers": [container(&signed)]}));
        assert_eq!(scene.pins(&review).await, []);
    }
}

#[tokio::test]
async fn there_is_no_such_door_unless_it_is_wanted() {
    let scene = Scene::new(BOTH);
    let mut door = Doors::new(Arc::clone(&scene.reviewer)).router();
    let request = Request::post("/mutate")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(
            create(&json!({"containers": [container(&scene.image("a"))]})).to_string(),
        ))
        .unwrap();
    assert_eq!(
        door.call(request).await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
}
