//! Questions as the API server asks them, over the router, against a registry with faults.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use countersign::{Cache, Checker, HttpRegistry, PolicySet, Source};
use countersign_core::{ImageFields, NoFiles};
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::policy::production;
use countersign_testkit::registry::{Fault, Registry};
use countersign_webhook::{Doors, Reviewer};
use serde_json::{Value, json};
use tower_service::Service as _;

const NOW: u64 = 1_790_000_000;

fn clock() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 60)
}

fn load(text: String) -> PolicySet {
    let source = Source {
        name: "policy.yaml".to_owned(),
        text,
    };
    let loaded = PolicySet::load(&[source], &NoFiles, &[]);
    loaded
        .policies
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

/// A registry with a signed image and an unsigned one.
struct Scene {
    registry: Registry,
    key: Key,
    signed: String,
    unsigned: String,
}

impl Scene {
    fn new() -> Self {
        let registry = Registry::start();
        let (key, forge) = (
            Key::generate(Algorithm::P256),
            Forge::new(NOW.try_into().unwrap()),
        );
        let digest = registry.push_image("acme/signed", "v1");
        let bundle = forge.image_signature(&digest).keyed(&key).bundle();
        registry.attach_bundle("acme/signed", &digest, &bundle);
        let other = registry.push_image("acme/unsigned", "v1");
        let named = |repository: &str, digest: &str| {
            format!("{}/acme/{repository}@{digest}", registry.host())
        };
        Self {
            signed: named("signed", &digest),
            unsigned: named("unsigned", &other),
            registry,
            key,
        }
    }

    /// The set with this `spec` of its one policy.
    fn policies(&self, spec: &str) -> PolicySet {
        load(self.policy_text(spec))
    }

    fn policy_text(&self, spec: &str) -> String {
        let (pem, host) = (self.key.public_pem(), self.registry.host());
        production("unmatched: deny", &pem, &host, spec)
    }

    fn reviewer(&self, spec: &str) -> Arc<Reviewer> {
        let registry = HttpRegistry::new()
            .plain_http(self.registry.host())
            .retries(0, Duration::ZERO);
        let checker = Checker::new(self.policies(spec)).registry(registry);
        Arc::new(Reviewer::new(checker, ImageFields::default()).clock(clock))
    }

    fn door(&self, spec: &str) -> Router {
        Doors::new(self.reviewer(spec)).router()
    }
}

const SIGNED: &str = "rules: [{name: signed, signature: {from: key}}]";
const WARNED: &str = "mode: warn\n  rules: [{name: signed, signature: {from: key}}]";

fn pod(images: &[&str]) -> Value {
    let containers: Vec<Value> = images
        .iter()
        .enumerate()
        .map(|(number, image)| json!({"name": format!("c{number}"), "image": image}))
        .collect();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}, "spec": {"containers": containers}})
}

fn create(object: Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "operation": "CREATE",
            "namespace": "shop",
            "object": object,
        },
    })
}

fn update(object: Value, old: Value) -> Value {
    let mut review = create(object);
    review["request"]["operation"] = json!("UPDATE");
    review["request"]["oldObject"] = old;
    review
}

async fn send(door: &mut Router, path: &str, kind: &str, body: Vec<u8>) -> (StatusCode, String) {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, kind)
        .body(Body::from(body))
        .unwrap();
    let response = door.call(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The `response` of an answer, whose uid is the question's.
async fn ask(door: &mut Router, path: &str, review: &Value) -> Value {
    let body = serde_json::to_vec(review).unwrap();
    let (status, body) = send(door, path, "application/json", body).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let mut answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(answer["kind"], "AdmissionReview");
    assert_eq!(answer["response"]["uid"], "u-1");
    answer["response"].take()
}

#[tokio::test]
async fn a_signed_image_may_run_and_an_unsigned_one_is_refused_with_the_reason_and_the_next_step() {
    let scene = Scene::new();
    let mut door = scene.door(SIGNED);
    let allowed = ask(&mut door, "/validate", &create(pod(&[&scene.signed]))).await;
    assert_eq!(allowed["allowed"], true, "{allowed}");
    let denied = ask(
        &mut door,
        "/validate",
        &create(pod(&[&scene.signed, &scene.unsigned])),
    )
    .await;
    assert_eq!(denied["allowed"], false);
    assert_eq!(denied["status"]["code"], 403);
    let message = denied["status"]["message"].as_str().unwrap();
    let begin = format!(
        "{}: policy production, rule signed [policy.yaml:",
        scene.unsigned
    );
    assert!(message.starts_with(&begin), "{message}");
    assert!(
        message.contains(": no-evidence: ") && message.contains("; next: "),
        "{message}"
    );
    assert_eq!(denied["auditAnnotations"]["effect"], "deny");
}

#[tokio::test]
async fn every_field_with_an_image_is_judged() {
    let scene = Scene::new();
    let mut door = scene.door(SIGNED);
    for (list, entry) in [
        (
            "initContainers",
            json!({"name": "x", "image": scene.unsigned}),
        ),
        (
            "ephemeralContainers",
            json!({"name": "x", "image": scene.unsigned}),
        ),
        (
            "volumes",
            json!({"name": "x", "image": {"reference": scene.unsigned}}),
        ),
    ] {
        let mut object = pod(&[&scene.signed]);
        object["spec"][list] = json!([entry]);
        let denied = ask(&mut door, "/validate", &create(object)).await;
        assert_eq!(denied["allowed"], false, "{list}");
    }
}

#[tokio::test]
async fn what_was_admitted_long_ago_can_be_changed_without_asking_anybody() {
    let scene = Scene::new();
    let mut door = scene.door(SIGNED);
    let mut scaled = pod(&[&scene.unsigned]);
    scaled["metadata"]["labels"] = json!({"a": "b"});
    let answer = ask(
        &mut door,
        "/validate",
        &update(scaled, pod(&[&scene.unsigned])),
    )
    .await;
    assert_eq!(answer["allowed"], true);
    let mut delete = create(Value::Null);
    delete["request"]["operation"] = json!("DELETE");
    delete["request"]["oldObject"] = pod(&[&scene.unsigned]);
    assert_eq!(ask(&mut door, "/validate", &delete).await["allowed"], true);
    assert_eq!(scene.registry.requests().len(), 0);
    let changed = update(pod(&[&scene.unsigned]), pod(&[&scene.signed]));
    assert_eq!(
        ask(&mut door, "/validate", &changed).await["allowed"],
        false
    );
}

#[tokio::test]
async fn an_image_is_asked_for_once_however_many_containers_run_it() {
    let scene = Scene::new();
    let mut door = scene.door(SIGNED);
    let one = ask(&mut door, "/validate", &create(pod(&[&scene.signed]))).await;
    let asked = scene.registry.requests().len();
    assert_eq!(one["allowed"], true);
    let other = Scene::new();
    let mut door = other.door(SIGNED);
    let many = ask(
        &mut door,
        "/validate",
        &create(pod(&[other.signed.as_str(); 20])),
    )
    .await;
    assert_eq!(many["allowed"], true);
    assert_eq!(other.registry.requests().len(), asked);
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_no_policy_verdict() {
    let scene = Scene::new();
    scene.registry.fault(|_| true, Fault::Status(429));
    let mut door = scene.door(SIGNED);
    let answer = ask(&mut door, "/validate", &create(pod(&[&scene.signed]))).await;
    assert_eq!(answer["allowed"], false);
    assert_eq!(answer["status"]["code"], 503, "{answer}");
    let message = answer["status"]["message"].as_str().unwrap();
    assert!(
        message.contains("429") && !message.contains("no-evidence"),
        "{message}"
    );
    assert_eq!(answer["auditAnnotations"]["effect"], "unknown");
}

#[tokio::test]
async fn a_review_ends_before_the_api_server_gives_up_however_many_images_it_has() {
    let scene = Scene::new();
    scene.registry.fault(|_| true, Fault::Silence);
    let mut door = scene.door(SIGNED);
    let images: Vec<String> = (0..40)
        .map(|number| format!("{}/acme/many/{number}:v1", scene.registry.host()))
        .collect();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let begun = std::time::Instant::now();
    let answer = ask(&mut door, "/validate?timeout=2s", &create(pod(&images))).await;
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(answer["status"]["code"], 503);
    let message = answer["status"]["message"].as_str().unwrap();
    assert!(message.contains(": registry-timeout: "), "{message}");
    assert!(message.contains("and 39 more"), "{message}");
}

#[tokio::test]
async fn a_folder_on_disk_and_nonsense_are_no_images_that_could_be_judged() {
    let scene = Scene::new();
    let mut door = scene.door(SIGNED);
    for image in [
        "oci:/etc",
        "oci:testdata/images/signed-keyed",
        "UPPER/case",
        "a b",
        "sha256:0000",
        " ",
    ] {
        let answer = ask(&mut door, "/validate", &create(pod(&[image]))).await;
        assert_eq!(answer["allowed"], false, "{image}");
        let message = answer["status"]["message"].as_str().unwrap();
        assert!(
            message.contains("spec.containers[0].image") || message.contains("unmatched"),
            "{message}"
        );
    }
    assert_eq!(scene.registry.requests().len(), 0);
}

#[tokio::test]
async fn warnings_are_heard_at_the_audit_door_alone_and_nothing_is_denied_there() {
    let scene = Scene::new();
    let mut door = scene.door(WARNED);
    let review = create(pod(&[&scene.unsigned]));
    let answer = ask(&mut door, "/validate-audit", &review).await;
    assert_eq!(answer["allowed"], true);
    let warnings = answer["warnings"].as_array().unwrap();
    assert!(
        warnings
            .iter()
            .any(|it| it.as_str().unwrap().contains("production/signed: ")),
        "{answer}"
    );
    // A policy that warns names no image for `unmatched: deny`.
    let enforced = ask(&mut door, "/validate", &review).await;
    assert_eq!(enforced["allowed"], false);
    assert!(enforced.get("warnings").is_none(), "{enforced}");
    let message = enforced["status"]["message"].as_str().unwrap();
    assert!(
        message.contains("unmatched: no enforcing policy names this image [policy.yaml:"),
        "{message}"
    );
    // What enforcing policies deny is not denied twice.
    let mut door = scene.door(SIGNED);
    let audited = ask(&mut door, "/validate-audit", &review).await;
    assert_eq!(
        (&audited["allowed"], &audited["auditAnnotations"]["effect"]),
        (&json!(true), &json!("deny"))
    );
}

#[tokio::test]
async fn policies_judge_by_the_namespace_of_the_review() {
    let scene = Scene::new();
    let mut door = scene
        .door("namespaces: {names: [prod-*]}\n  rules: [{name: signed, signature: {from: key}}]");
    let mut review = create(pod(&[&scene.signed]));
    let elsewhere = ask(&mut door, "/validate", &review).await;
    assert!(
        elsewhere["status"]["message"]
            .as_str()
            .unwrap()
            .contains("unmatched"),
        "{elsewhere}"
    );
    review["request"]["namespace"] = json!("prod-eu");
    assert_eq!(ask(&mut door, "/validate", &review).await["allowed"], true);
    // Labels that nobody knows are no reason to take a policy for one that does not judge.
    let mut door = scene.door("namespaces: {matchLabels: {tier: prod}}\n  rules: [{name: signed, signature: {from: key}}]");
    let unknown = ask(&mut door, "/validate", &review).await;
    assert_eq!(unknown["status"]["code"], 503, "{unknown}");
    assert!(
        unknown["status"]["message"]
            .as_str()
            .unwrap()
            .contains("labels are not known"),
        "{unknown}"
    );
}

#[tokio::test]
async fn what_was_admitted_before_is_allowed_while_the_registry_hangs_if_the_policy_says_so() {
    let scene = Scene::new();
    let text = scene.policy_text(SIGNED);
    let stale = text.replace(
        "{unmatched: deny}",
        "{unmatched: deny, stale: {maxAge: 24h}}",
    );
    let registry = HttpRegistry::new()
        .plain_http(scene.registry.host())
        .retries(0, Duration::ZERO);
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::default()
        .on_disk(folder.path(), Cache::DEFAULT_DISK_BYTES)
        .unwrap();
    let checker = Checker::new(load(stale)).registry(registry).cache(cache);
    let mut door = Doors::new(Arc::new(
        Reviewer::new(checker, ImageFields::default()).clock(clock),
    ))
    .router();
    let asked = create(pod(&[&scene.signed]));
    assert_eq!(ask(&mut door, "/validate", &asked).await["allowed"], true);
    // What is remembered for a moment is over, and the registry is asked again.
    tokio::time::sleep(Duration::from_secs(6)).await;
    scene.registry.fault(|_| true, Fault::Silence);
    let answer = ask(&mut door, "/validate?timeout=2s", &asked).await;
    assert_eq!(answer["allowed"], true, "{answer}");
    let warnings = answer["warnings"].to_string();
    assert!(warnings.contains(": stale-evidence: "), "{answer}");
    // An image that was never seen gains nothing.
    let other = create(pod(&[&scene.unsigned]));
    let answer = ask(&mut door, "/validate?timeout=2s", &other).await;
    assert_eq!(answer["status"]["code"], 503, "{answer}");
}

#[tokio::test]
async fn other_policies_count_at_once() {
    let scene = Scene::new();
    let reviewer = scene.reviewer(SIGNED);
    let mut door = Doors::new(Arc::clone(&reviewer)).router();
    let review = create(pod(&[&scene.unsigned]));
    assert_eq!(ask(&mut door, "/validate", &review).await["allowed"], false);
    reviewer.replace_policies(scene.policies("rules: [{name: pinned, digest: required}]"));
    assert_eq!(ask(&mut door, "/validate", &review).await["allowed"], true);
}

#[tokio::test]
async fn what_is_no_question_gets_a_4xx_and_never_an_allow() {
    let scene = Scene::new();
    let mut door = scene.door(SIGNED);
    let review = serde_json::to_vec(&create(pod(&[&scene.signed]))).unwrap();
    let json = "application/json";
    let large = vec![b' '; 9 << 20];
    for (path, kind, body, expected) in [
        ("/validate", json, b"{".to_vec(), StatusCode::BAD_REQUEST),
        ("/validate", json, Vec::new(), StatusCode::BAD_REQUEST),
        (
            "/validate",
            json,
            b"{\"kind\": \"AdmissionReview\", \"apiVersion\": \"admission.k8s.io/v1beta1\"}"
                .to_vec(),
            StatusCode::BAD_REQUEST,
        ),
        (
            "/validate",
            json,
            "[".repeat(100_000).into_bytes(),
            StatusCode::BAD_REQUEST,
        ),
        ("/validate", json, large, StatusCode::PAYLOAD_TOO_LARGE),
        (
            "/validate",
            "text/plain",
            review.clone(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "/validate?timeout=0s",
            json,
            review.clone(),
            StatusCode::BAD_REQUEST,
        ),
        (
            "/validate?timeout=soon",
            json,
            review.clone(),
            StatusCode::BAD_REQUEST,
        ),
        ("/elsewhere", json, review.clone(), StatusCode::NOT_FOUND),
    ] {
        let (status, text) = send(&mut door, path, kind, body).await;
        assert_eq!(status, expected, "{path} {text}");
        assert!(!text.contains("allowed"), "{text}");
    }
    let (status, _) = send(
        &mut door,
        "/validate",
        "application/json; charset=utf-8",
        review,
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    let mut unknown = create(pod(&[&scene.signed]));
    unknown["request"]["kind"] =
        json!({"group": "example.com", "version": "v1", "kind": "Machine"});
    let answer = ask(&mut door, "/validate", &unknown).await;
    assert_eq!(answer["allowed"], false);
    let message = answer["status"]["message"].as_str().unwrap();
    assert!(
        message
            .contains("nothing is known about images in objects of the kind `Machine.example.com`"),
        "{message}"
    );
}

/// `mode: audit` says nothing to people and everything to the audit log.
#[tokio::test]
async fn what_audit_finds_stands_in_the_audit_log_alone() {
    let scene = Scene::new();
    let mut door = scene.door(&WARNED.replace("mode: warn", "mode: audit"));
    let review = create(pod(&[&scene.unsigned]));
    let answer = ask(&mut door, "/validate-audit", &review).await;
    assert_eq!(answer["allowed"], true);
    assert!(answer.get("warnings").is_none(), "{answer}");
    assert_eq!(
        answer["auditAnnotations"]["findings"],
        "production/signed: no-evidence"
    );
    let answer = ask(&mut door, "/validate", &review).await;
    assert!(answer["auditAnnotations"].get("findings").is_none());
    let answer = ask(&mut door, "/validate-audit", &create(pod(&[&scene.signed]))).await;
    assert!(answer["auditAnnotations"].get("findings").is_none());
}
