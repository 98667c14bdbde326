//! One evaluator behind every door: the command, the library and the webhook make the same record of an image, byte for byte.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use countersign::{Checker, ExtraRoot, HttpRegistry, Image, PolicyFiles, PolicySet, UnixTime};
use countersign_core::{ImageFields, ImageRef, Namespace, Report};
use countersign_testkit::registry::{Fault, Registry};
use countersign_webhook::{Answered, Door, Outcome, Review, Reviewer, Witness};
use serde_json::json;

use crate::run::output;
use crate::world::{AT, World};

/// Keeps the record of each image.
#[derive(Default)]
struct Records(Mutex<Vec<String>>);

impl Witness for Records {
    fn answered(&self, answered: &Answered<'_>) {
        let records = answered.images.iter().map(|judged| match &judged.outcome {
            Outcome::Decided(decision) => Report::new(std::slice::from_ref(decision)).to_json(),
            other => panic!("{other:?}"),
        });
        self.0.lock().unwrap().extend(records);
    }
}

fn now() -> SystemTime {
    let seconds = UnixTime::parse(AT).unwrap().seconds();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap())
}

fn policies(world: &World) -> PolicySet {
    let root = ExtraRoot {
        name: Some("forged".to_owned()),
        json: std::fs::read(world.path("forged.json")).unwrap(),
    };
    let files = PolicyFiles::open(&world.path("policy.yaml")).unwrap();
    files.load(&[root]).policies.unwrap()
}

fn checker(world: &World) -> Checker {
    let registry = HttpRegistry::new().plain_http(world.registry.host());
    Checker::new(policies(world)).registry(registry)
}

fn by_the_command(world: &World, image: &str) -> String {
    let trust = world.trust();
    let trust: Vec<&str> = trust.iter().map(String::as_str).collect();
    let asked = [
        "verify",
        image,
        "--at",
        AT,
        "--namespace",
        "shop",
        "--plain-http",
        "--format",
        "json",
    ];
    let output = output(&[&asked[..], &trust].concat());
    String::from_utf8(output.stdout).unwrap()
}

async fn by_the_library(world: &World, image: &str) -> String {
    let name = ImageRef::parse(image).unwrap();
    let image = Image::from(name).in_namespace(Namespace::new("shop"));
    let decision = checker(world).check(&image, now().into()).await;
    Report::new(&[decision]).to_json()
}

async fn by_the_webhook(world: &World, images: &[&str]) -> Vec<String> {
    let containers: Vec<_> = images
        .iter()
        .map(|image| json!({"name": image, "image": image}))
        .collect();
    let review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "operation": "CREATE",
            "namespace": "shop",
            "object": {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers}},
        },
    });
    let records = Arc::new(Records::default());
    let witness: Arc<dyn Witness> = records.clone();
    let reviewer = Reviewer::new(checker(world), ImageFields::default())
        .clock(now)
        .witness(witness);
    let review = Review::from_json(review.to_string().as_bytes(), reviewer.outline()).unwrap();
    let time = Duration::from_secs(20);
    reviewer.review(&review, Door::Enforce, time).await;
    records.0.lock().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn command_library_and_webhook_make_the_same_record() {
    let world = World::new(Registry::start());
    let digests: Vec<String> = ["keyed", "keyless", "both", "unsigned"]
        .into_iter()
        .map(|tag| {
            let layers = json!({"annotations": {"which": tag}});
            let image = world.artifact(tag, &layers);
            image["digest"].as_str().unwrap().to_owned()
        })
        .collect();
    let [keyed, keyless, both, unsigned] = digests.as_slice() else {
        panic!("{digests:?}");
    };
    world
        .registry
        .attach_bundle("app", keyed, &world.keyed(keyed));
    world
        .registry
        .attach_bundle("app", keyless, &world.keyless(keyless));
    world
        .registry
        .attach_bundle("app", both, &world.keyed(both));
    // Of another image, so that something is refused.
    world
        .registry
        .attach_bundle("app", both, &world.keyless(keyed));
    let down = unsigned.clone();
    world.registry.fault(
        move |request| request.path.contains("referrers") && request.path.contains(&down),
        Fault::Status(403),
    );
    let images = [
        world.image(&format!("@{keyed}")),
        world.image(&format!(":keyless@{keyless}")),
        world.image(":both"),
        world.image(&format!("@{unsigned}")),
        world.image(":absent"),
        format!("{}/elsewhere/app:v1", world.registry.host()),
    ];
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let webhook = by_the_webhook(&world, &images).await;
    assert_eq!(webhook.len(), images.len());
    let mut effects = Vec::new();
    for (image, record) in images.iter().zip(&webhook) {
        assert_eq!(record, &by_the_library(&world, image).await, "{image}");
        assert_eq!(record, &by_the_command(&world, image), "{image}");
        effects.push(Report::from_json(record.as_bytes()).unwrap().effect);
    }
    assert_eq!(
        effects,
        ["allow", "allow", "allow", "unknown", "unknown", "deny"]
    );
}
