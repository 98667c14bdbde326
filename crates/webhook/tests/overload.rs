//! Four times as many questions as can be judged: those that can be are, whoever else asks, and all others hear soon that they are not.
//!
//! What bounds the capacity here is a slow registry and eight places, so that it is the same on every machine. The load test (`just load-webhook`) does the
//! same to the whole program, where the processor is the bound.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use countersign::{Checker, HttpRegistry, PolicySet, Source};
use countersign_core::{ImageFields, NoFiles};
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::policy::production;
use countersign_testkit::registry::{Fault, Registry};
use countersign_webhook::{Doors, Reviewer};
use serde_json::{Value, json};
use tower_service::Service as _;

const NOW: u64 = 1_790_000_000;
const PLACES: usize = 8;
const WAITING: usize = 8;
/// How long the registry takes for each image.
const SLOW: Duration = Duration::from_millis(100);
/// Four times what eight places judge in this time.
const ROUNDS: usize = 12;
const TIMES: usize = 4;
/// Bytes of questions that are held: a question here has some hundreds.
const BYTES: usize = 64 * 1024;

fn clock() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 60)
}

/// A door whose every question needs an image that nobody has asked about before, of a registry that is slow.
fn scene(images: usize) -> (Router, Vec<String>) {
    let registry = Box::leak(Box::new(Registry::start()));
    let key = Key::generate(Algorithm::P256);
    let forge = Forge::new(NOW.try_into().unwrap());
    let images = (0..images)
        .map(|number| {
            let repository = format!("acme/app-{number}");
            let digest = registry.push_image(&repository, "v1");
            let bundle = forge.image_signature(&digest).keyed(&key).bundle();
            registry.attach_bundle(&repository, &digest, &bundle);
            format!("{}/{repository}@{digest}", registry.host())
        })
        .collect();
    registry.fault(
        |request| request.path.contains("/referrers/"),
        Fault::Delay(SLOW),
    );
    let spec = "rules: [{name: signed, signature: {from: key}}]";
    let text = production("unmatched: deny", &key.public_pem(), &registry.host(), spec);
    let name = "policy.yaml".to_owned();
    let policies = PolicySet::load(&[Source { name, text }], &NoFiles, &[]).policies;
    let client = HttpRegistry::new().plain_http(registry.host());
    let checker = Checker::new(policies.unwrap()).registry(client);
    let reviewer = Reviewer::new(checker, ImageFields::default()).clock(clock);
    let doors = Doors::new(Arc::new(reviewer)).bounds(PLACES, WAITING, BYTES);
    (doors.router(), images)
}

/// What came of one question, and how long it took.
async fn ask(mut door: Router, namespace: String, image: String) -> (Value, Duration) {
    let begun = Instant::now();
    let review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "operation": "CREATE",
            "namespace": namespace,
            "object": {
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
    });
    let body = review.to_string();
    let request = Request::post("/validate?timeout=10s")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, body.len())
        .body(Body::from(body))
        .unwrap();
    let response = door.call(request).await.unwrap();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    (answer["response"].clone(), begun.elapsed())
}

fn is_overloaded(answer: &Value) -> bool {
    let message = answer["status"]["message"].as_str().unwrap_or_default();
    answer["allowed"] == false
        && answer["status"]["code"] == 503
        && message.starts_with("countersign is overloaded")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_judged_is_judged_at_four_times_of_it() {
    let each = PLACES * TIMES;
    let (door, images) = scene(each * ROUNDS);
    let begun = Instant::now();
    let mut asked = Vec::new();
    // A quarter of each round's questions is what the places can judge in it; they come from many namespaces.
    for (round, images) in images.chunks(each).enumerate() {
        for (number, image) in images.iter().enumerate() {
            let namespace = format!("n{}", (round + number) % 5);
            asked.push(tokio::spawn(ask(door.clone(), namespace, image.clone())));
        }
        tokio::time::sleep(SLOW).await;
    }
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(answer.await.unwrap());
    }
    let took = begun.elapsed();
    let judged = answers.iter().filter(|(it, _)| it["allowed"] == true);
    let refused = answers.iter().filter(|(it, _)| is_overloaded(it));
    assert_eq!(
        judged.clone().count() + refused.clone().count(),
        answers.len()
    );
    // Of what the places could have judged in the time that it really took, however busy the machine is.
    let rounds = took.as_secs_f64() / SLOW.as_secs_f64();
    let capacity = f64::from(u32::try_from(PLACES).unwrap()) * rounds;
    let goodput = f64::from(u32::try_from(judged.count()).unwrap());
    assert!(goodput >= 0.5 * capacity, "{goodput} of {capacity}");
    assert!(refused.clone().count() > each);
    let slowest = answers.iter().map(|(_, took)| *took).max().unwrap();
    assert!(slowest < Duration::from_secs(9), "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_floods_takes_from_others_neither_place_nor_turn() {
    let (door, images) = scene(200);
    let (flood, others) = images.split_at(180);
    let flooded: Vec<_> = flood
        .iter()
        .map(|image| tokio::spawn(ask(door.clone(), "flood".to_owned(), image.clone())))
        .collect();
    tokio::time::sleep(SLOW / 4).await;
    // One after the other: each finds the flood there, and is judged all the same.
    for (number, image) in others.iter().enumerate() {
        let (answer, took) =
            ask(door.clone(), format!("quiet-{}", number % 2), image.clone()).await;
        assert_eq!(answer["allowed"], true, "{answer}");
        assert!(took < Duration::from_secs(5), "{took:?}");
        let more = ask(door.clone(), "flood".to_owned(), flood[number].clone());
        tokio::spawn(more);
    }
    let mut refused = 0;
    for answer in flooded {
        refused += usize::from(is_overloaded(&answer.await.unwrap().0));
    }
    // It has its half of the places and what may wait, and no more.
    assert!(refused >= 180 - PLACES - WAITING - 20, "{refused}");
}

/// While the news of a refusal waits, nothing is kept of the question: not its bytes, and not the room for them.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_after_a_moment_that_costs_nobody_anything() {
    let reviewer = Reviewer::waiting(Checker::new, ImageFields::default());
    let doors = Doors::new(Arc::new(reviewer)).bounds(0, 0, BYTES);
    let door = doors.router();
    let name = |letter: &str| letter.repeat(BYTES - 1000);
    let begun = tokio::time::Instant::now();
    let both = tokio::join!(
        ask(door.clone(), "shop".to_owned(), name("a")),
        ask(door.clone(), "shop".to_owned(), name("b")),
    );
    for (answer, _) in [both.0, both.1] {
        assert!(is_overloaded(&answer), "{answer}");
    }
    assert_eq!(begun.elapsed(), Duration::from_millis(250));
}

/// What is too much for the bytes is not even read; what is held goes when it is answered.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_bounded_and_given_back() {
    let (door, images) = scene(4);
    let large = |length: usize| {
        Request::post("/validate")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_LENGTH, length)
            .body(Body::from(vec![b' '; length]))
            .unwrap()
    };
    let refused = door.clone().call(large(BYTES + 1)).await.unwrap();
    assert_eq!(refused.status(), 503);
    for _ in 0..8 {
        let read = door.clone().call(large(BYTES)).await.unwrap();
        assert_eq!(read.status(), 400);
    }
    let (answer, _) = ask(door, "shop".to_owned(), images[0].clone()).await;
    assert_eq!(answer["allowed"], true, "{answer}");
}
