//! Spans, as a collector gets them. The collector is a stand-in that takes OTLP over HTTP as JSON, for a real one cannot be started here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use serde_json::Value;

use crate::program::{Program, client};
use crate::scene::{Scene, review};

type Bodies = Arc<Mutex<Vec<Value>>>;

/// A collector that keeps what it gets, and its address.
async fn collector() -> (String, Bodies) {
    let bodies = Bodies::default();
    let kept = Arc::clone(&bodies);
    let take = post(async move |body: Bytes| {
        kept.lock()
            .unwrap()
            .push(serde_json::from_slice(&body).unwrap());
        "{}"
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/v1/traces", take);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, bodies)
}

/// Every span, by its id.
fn spans(bodies: &Bodies) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for body in bodies.lock().unwrap().iter() {
        for resource in body["resourceSpans"].as_array().unwrap() {
            let service = resource["resource"]["attributes"].as_array().unwrap();
            let is_ours = |it: &&Value| it["value"]["stringValue"] == "countersign-webhook";
            assert!(service.iter().any(|it| is_ours(&it)), "{resource}");
            for scope in resource["scopeSpans"].as_array().unwrap() {
                for span in scope["spans"].as_array().unwrap() {
                    let id = span["spanId"].as_str().unwrap().to_owned();
                    all.insert(id, span.clone());
                }
            }
        }
    }
    all
}

fn told<'a>(span: &'a Value, name: &str) -> &'a Value {
    let attributes = span["attributes"].as_array().unwrap();
    let told = attributes.iter().find(|it| it["key"] == name);
    &told.unwrap_or_else(|| panic!("no {name}: {span}"))["value"]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_its_images_and_their_requests_are_spans_one_below_the_other() {
    let (address, bodies) = collector().await;
    let scene = Scene::new();
    let mut program = Program::ready(&scene, &["--otlp-endpoint", &address, "--drain", "0"]);
    let client = client(&scene.authority, &program).build().unwrap();
    let asked = review(&[&scene.signed, &scene.unsigned]);
    let answer = program.ask(&client, "/validate", &asked).await;
    assert_eq!(answer["allowed"], false);
    program.terminate();
    assert_eq!(program.ended(), Some(0));

    let spans = spans(&bodies);
    let named =
        |name: &str| -> Vec<&Value> { spans.values().filter(|it| it["name"] == name).collect() };
    let [review] = named("review")[..] else {
        panic!("{spans:#?}")
    };
    assert_eq!(told(review, "countersign.review.uid")["stringValue"], "u-1");
    assert_eq!(told(review, "countersign.effect")["stringValue"], "deny");
    assert_eq!(told(review, "k8s.namespace.name")["stringValue"], "shop");
    assert_eq!(review["parentSpanId"].as_str().unwrap_or_default(), "");
    let images = named("image");
    assert_eq!(images.len(), 2);
    for image in &images {
        assert_eq!(image["parentSpanId"], review["spanId"]);
        let effect = match told(image, "countersign.image")["stringValue"].as_str() {
            Some(it) if it == scene.signed => "allow",
            _ => "deny",
        };
        assert_eq!(told(image, "countersign.effect")["stringValue"], effect);
    }
    let requests = named("registry request");
    assert!(requests.len() >= 4, "{requests:?}");
    for request in requests {
        let parent = &spans[request["parentSpanId"].as_str().unwrap()];
        assert_eq!(parent["name"], "image");
        assert_eq!(request["traceId"], review["traceId"]);
        assert_eq!(
            told(request, "server.address")["stringValue"],
            scene.registry.host()
        );
        let time = |field: &str| request[field].as_str().unwrap().parse::<u64>().unwrap();
        assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_is_said_once_and_holds_up_nothing() {
    let scene = Scene::new();
    let away = ["--otlp-endpoint", "http://127.0.0.1:9", "--drain", "0"];
    let mut program = Program::ready(&scene, &away);
    let client = client(&scene.authority, &program).build().unwrap();
    for _ in 0..2 {
        let asked = review(&[&scene.signed]);
        let answer = program.ask(&client, "/validate", &asked).await;
        assert_eq!(answer["allowed"], true);
        program.line(|line| line["event"] == "spans-dropped");
    }
    program.terminate();
    assert_eq!(program.ended(), Some(0));
    let lines = program.lines();
    let dropped = lines.iter().filter(|line| line["event"] == "spans-dropped");
    assert_eq!(dropped.count(), 1);
}
