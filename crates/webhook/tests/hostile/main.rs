//! Ten thousand questions that no API server asks: nothing panics, and nothing is allowed but what runs nothing new that policies do not allow.
#![allow(clippy::unwrap_used)]

mod mutant;
mod oracle;

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use countersign::{Checker, HttpRegistry, PolicySet, Source};
use countersign_core::{ImageFields, NoFiles};
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::policy::production;
use countersign_testkit::registry::Registry;
use countersign_webhook::{Doors, Reviewer};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Value, json};
use tower_service::Service as _;

use crate::mutant::{edit, tear};
use crate::oracle::{Runs, pod_spec, runs};

const NOW: u64 = 1_790_000_000;
const CASES: u32 = 10_000;

fn clock() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW + 60)
}

/// A door behind which one image may run and all others may not.
struct Scene {
    _registry: Registry,
    door: Router,
    signed: String,
    unsigned: String,
}

impl Scene {
    fn new() -> Self {
        let registry = Registry::start();
        let host = registry.host();
        let key = Key::generate(Algorithm::P256);
        let digest = registry.push_image("acme/signed", "v1");
        let forge = Forge::new(NOW.try_into().unwrap());
        let bundle = forge.image_signature(&digest).keyed(&key).bundle();
        registry.attach_bundle("acme/signed", &digest, &bundle);
        let other = registry.push_image("acme/unsigned", "v1");
        let rules =
            "rules: [{name: by-digest, digest: required}, {name: signed, signature: {from: key}}]";
        let source = Source {
            name: "policy.yaml".to_owned(),
            text: production("unmatched: deny", &key.public_pem(), &host, rules),
        };
        let policies = PolicySet::load(&[source], &NoFiles, &[]).policies.unwrap();
        let client = HttpRegistry::new()
            .plain_http(host.clone())
            .retries(0, Duration::ZERO);
        let checker = Checker::new(policies).registry(client);
        let reviewer = Reviewer::new(checker, ImageFields::default()).clock(clock);
        Self {
            door: Doors::new(Arc::new(reviewer)).mutate(true).router(),
            signed: format!("{host}/acme/signed@{digest}"),
            unsigned: format!("{host}/acme/unsigned@{other}"),
            _registry: registry,
        }
    }

    /// Whether it may be done; none where HTTP says that it is no question.
    async fn ask(&self, path: &str, body: &[u8]) -> Option<bool> {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_vec()))
            .unwrap();
        let response = self.door.clone().call(request).await.unwrap();
        let status = response.status();
        let answer = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        if status != StatusCode::OK {
            assert!(status.is_client_error(), "{status}");
            return None;
        }
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let uid = &answer["response"]["uid"];
        assert!(uid.as_str().is_some_and(|it| !it.is_empty()), "{answer}");
        Some(answer["response"]["allowed"].as_bool().unwrap())
    }
}

/// What an API server has asked, about images of this scene: all of them signed.
fn recorded(scene: &Scene) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    // The order of a folder is not the same everywhere.
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let mut review: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        for object in ["object", "oldObject"] {
            let places = places(&review, object);
            for place in places {
                *review.pointer_mut(&place).unwrap() = json!(scene.signed);
            }
        }
        review
    };
    files.iter().map(read).collect()
}

/// JSON pointers to every image of an object of a question.
fn places(review: &Value, object: &str) -> Vec<String> {
    let request = &review["request"];
    let kind = request["kind"]["kind"].as_str().unwrap_or_default();
    let Some(spec) = pod_spec(kind).map(|spec| format!("/request/{object}{spec}")) else {
        return Vec::new();
    };
    let lists = [
        "containers",
        "initContainers",
        "ephemeralContainers",
        "volumes",
    ];
    let all = lists.iter().flat_map(|list| {
        let field = if *list == "volumes" {
            "image/reference"
        } else {
            "image"
        };
        (0..8).map(move |number| format!("/{list}/{number}/{field}"))
    });
    all.map(|place| format!("{spec}{place}"))
        .filter(|place| review.pointer(place).is_some())
        .collect()
}

#[tokio::test]
async fn what_was_recorded_is_allowed_with_signed_images_and_not_with_one_that_is_unsigned() {
    let scene = Scene::new();
    let mut changed = 0;
    for review in recorded(&scene) {
        let ask =
            async |review: &Value| scene.ask("/validate", review.to_string().as_bytes()).await;
        let kind = review["request"]["kind"]["kind"]
            .as_str()
            .unwrap()
            .to_owned();
        let runs_something = !matches!(
            review["request"]["operation"].as_str(),
            Some("DELETE" | "CONNECT")
        );
        let is_known = pod_spec(&kind).is_some();
        assert_eq!(
            ask(&review).await,
            Some(is_known || !runs_something),
            "{kind}"
        );
        for place in places(&review, "object").iter().filter(|_| runs_something) {
            let mut one = review.clone();
            *one.pointer_mut(place).unwrap() = json!(scene.unsigned);
            assert_eq!(ask(&one).await, Some(false), "{kind} {place}");
            changed += 1;
        }
    }
    assert!(changed >= 30, "{changed}");
}

/// Of ten thousand changed questions none panics, and whatever is allowed runs only what may run, as other code reads it.
#[test]
fn no_change_of_a_question_gets_an_image_in_that_would_not_get_in_without_it() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let scene = runtime.block_on(async { Scene::new() });
    let recorded = recorded(&scene);
    let images = [
        scene.signed.as_str(),
        scene.unsigned.as_str(),
        "registry.example/acme/app:v1",
        "sha256:00",
        "",
    ];
    let edits = |most: usize| vec(any::<(u8, u16, u16)>(), 0..most);
    let strategy = (any::<u16>(), any::<u16>(), edits(5), edits(3));
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let [allowed, refused, no_question, bad] = [(); 4].map(|()| Cell::new(0_u32));
    let body = RefCell::new(Vec::new());
    let result = runner.run(&strategy, |(which, place, tree, bytes)| {
        let mut review = recorded[usize::from(which) % recorded.len()].clone();
        // One image of three in four questions must not run.
        let places = places(&review, "object");
        if place % 4 != 0 && !places.is_empty() {
            let place = &places[usize::from(place) % places.len()];
            *review.pointer_mut(place).unwrap() = json!(scene.unsigned);
        }
        edit(&mut review, &tree, &images);
        let mut sent = review.to_string().into_bytes();
        tear(&mut sent, &bytes);
        body.replace(sent.clone());
        let expected = runs(&sent);
        let may_run = match &expected {
            Runs::Nothing => true,
            Runs::Anything => false,
            Runs::New(new) => new.iter().all(|it| it.image == scene.signed),
        };
        let answer = runtime.block_on(async {
            // The other doors deny nothing; they too must stand.
            for path in ["/validate-audit", "/mutate"] {
                let answer = scene.ask(path, &sent).await;
                assert_ne!(answer, Some(false), "{path}");
            }
            scene.ask("/validate", &sent).await
        });
        let count = |cell: &Cell<u32>| cell.set(cell.get() + 1);
        count(match answer {
            Some(true) => &allowed,
            Some(false) => &refused,
            None => &no_question,
        });
        if !may_run {
            count(&bad);
        }
        match answer == Some(true) && !may_run {
            true => Err(TestCaseError::fail(format!("allowed: {expected:?}"))),
            false => Ok(()),
        }
    });
    if let Err(error) = result {
        panic!("{error}\n{}", String::from_utf8_lossy(&body.borrow()));
    }
    let counts = [allowed, refused, no_question, bad].map(|it| it.get());
    // Each kind of answer has to be among them, or the property would say little.
    assert!(counts.iter().all(|count| *count > CASES / 20), "{counts:?}");
}
