//! Break-glass at the webhook's doors: approvals in an annotation and from a ConfigMap, with the registry up and gone.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, SystemTime};

use countersign::{Checker, HttpRegistry, PolicySet, Source};
use countersign_core::{ImageFields, NoFiles, UnixTime};
use countersign_testkit::break_glass::{approval, statement};
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::policy::bare_signer;
use countersign_testkit::registry::{Fault, Registry};
use countersign_webhook::{Answer, Door, Review, Reviewer};
use serde_json::{Value, json};

const NOW: i64 = 1_790_000_000;

fn clock() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

/// An unsigned image, two people on call who both have to approve, and a statement about the image that both could.
struct Night {
    registry: Registry,
    forge: Forge,
    people: [Key; 2],
    image: String,
    statement: Value,
}

impl Night {
    fn new() -> Self {
        let registry = Registry::start();
        let digest = registry.push_image("acme/app", "v1");
        let name = format!("{}/acme/app", registry.host());
        let time = |seconds: i64| UnixTime::from_seconds(NOW + seconds).to_string();
        Self {
            statement: statement(&[(&name, &digest)], &time(-60), &time(3600)),
            image: format!("{name}@{digest}"),
            registry,
            forge: Forge::new(NOW),
            people: std::array::from_fn(|_| Key::generate(Algorithm::P256)),
        }
    }

    fn reviewer(&self) -> Reviewer {
        let signer = |name: &str, key: &Key| bare_signer(name, &key.public_pem());
        let [a, b] = &self.people;
        let release = Key::generate(Algorithm::P256);
        let text = format!(
            "apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {{name: acme}}
spec: {{unmatched: deny, cluster: prod-eu-1}}
{}{}{}---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: production}}
spec:
  images: [\"{}/acme/**\"]
  rules: [{{name: signed, signature: {{from: release}}}}]
---
apiVersion: countersign.dev/v1alpha1
kind: BreakGlass
metadata: {{name: oncall}}
spec: {{from: {{all: [a, b]}}, maxDuration: 4h, namespaces: [shop]}}
",
            signer("a", a),
            signer("b", b),
            signer("release", &release),
            self.registry.host(),
        );
        let source = Source {
            name: "policy.yaml".to_owned(),
            text,
        };
        let loaded = PolicySet::load(&[source], &NoFiles, &[]);
        let policies = loaded
            .policies
            .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let registry = HttpRegistry::new()
            .plain_http(self.registry.host())
            .retries(0, Duration::ZERO);
        let checker = Checker::new(policies).registry(registry);
        Reviewer::new(checker, ImageFields::default()).clock(clock)
    }

    /// Approvals by the first so many people, one on each line.
    fn lines(&self, people: usize) -> String {
        let keys = self.people.iter().take(people);
        let lines = keys.map(|key| approval(&self.forge, &self.statement, key));
        let lines: Vec<String> = lines.map(|it| String::from_utf8(it).unwrap()).collect();
        lines.join("\n")
    }

    fn pod(&self, annotation: Option<&str>) -> Value {
        let annotations = annotation.map(|it| json!({"countersign.dev/break-glass": it}));
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "app", "annotations": annotations},
            "spec": {"containers": [{"name": "app", "image": self.image}]},
        })
    }
}

async fn ask(reviewer: &Reviewer, door: Door, namespace: &str, object: Value) -> Answer {
    let (group, kind) = match object["kind"].as_str().unwrap() {
        "Pod" => ("", "Pod"),
        kind => ("apps", kind),
    };
    let body = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": {"group": group, "version": "v1", "kind": kind},
            "operation": "CREATE",
            "namespace": namespace,
            "object": object,
        },
    });
    let review = Review::from_json(body.to_string().as_bytes(), reviewer.outline()).unwrap();
    reviewer
        .review(&review, door, Duration::from_secs(10))
        .await
}

#[tokio::test]
async fn an_annotation_that_enough_people_approved_lets_its_object_run_and_says_so_loudly() {
    let night = Night::new();
    let reviewer = night.reviewer();
    let both = night.lines(2);
    let answer = ask(&reviewer, Door::Enforce, "shop", night.pod(Some(&both))).await;
    assert!(answer.is_allowed(), "{}", answer.message());
    let json = answer.to_json("u-1");
    assert_eq!(json["response"]["auditAnnotations"]["break-glass"], "bg-1");
    let warnings = answer.warnings().join("\n");
    assert!(warnings.contains("break-glass-used"), "{warnings}");
    // A Deployment hands it to its Pods by its template.
    let pod = night.pod(Some(&both));
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {"template": {"metadata": pod["metadata"], "spec": pod["spec"]}},
    });
    let answer = ask(&reviewer, Door::Enforce, "shop", deployment).await;
    assert!(answer.is_allowed(), "{}", answer.message());
}

#[tokio::test]
async fn an_annotation_is_trusted_by_its_approvals_alone() {
    let night = Night::new();
    let reviewer = night.reviewer();
    let (one, both) = (night.lines(1), night.lines(2));
    let other_text = Night {
        statement: {
            let mut other = night.statement.clone();
            other["predicate"]["ticket"] = json!("INC-8");
            other
        },
        ..Night::new()
    };
    let second = approval(&night.forge, &other_text.statement, &night.people[1]);
    let two_texts = format!("{one}\n{}", String::from_utf8(second).unwrap());
    let strangers = Night::new().lines(2);
    for (annotation, namespace) in [
        (None, "shop"),
        (Some(""), "shop"),
        (Some("yes"), "shop"),
        (Some(one.as_str()), "shop"),
        (Some(two_texts.as_str()), "shop"),
        (Some(strangers.as_str()), "shop"),
        (Some(both.as_str()), "lab"),
    ] {
        let answer = ask(&reviewer, Door::Enforce, namespace, night.pod(annotation)).await;
        assert!(!answer.is_allowed(), "{annotation:?} {namespace}");
        let json = answer.to_json("u-1");
        assert!(
            json["response"]["auditAnnotations"]
                .get("break-glass")
                .is_none()
        );
    }
    // More than anybody could have approved: it is left out, and told.
    let flood: Vec<String> = (0..65)
        .map(|number| json!({ "n": number }).to_string())
        .collect();
    let flood = flood.join("\n");
    let answer = ask(&reviewer, Door::Enforce, "shop", night.pod(Some(&flood))).await;
    assert!(!answer.is_allowed());
    let warnings = answer.warnings().join("\n");
    assert!(
        warnings.contains("is not looked at: 65 approvals"),
        "{warnings}"
    );
}

#[tokio::test]
async fn approvals_for_all_count_for_what_they_name_also_with_the_registry_gone() {
    let night = Night::new();
    let reviewer = night.reviewer();
    night.registry.fault(|_| true, Fault::Status(503));
    let before = ask(&reviewer, Door::Enforce, "shop", night.pod(None)).await;
    assert_eq!(before.to_json("u")["response"]["status"]["code"], 503);
    let bundles = |people| {
        let lines = night.lines(people);
        lines.lines().map(|line| line.as_bytes().to_vec()).collect()
    };
    reviewer.replace_approvals(bundles(1));
    let one = ask(&reviewer, Door::Enforce, "shop", night.pod(None)).await;
    assert!(!one.is_allowed());
    // One in the ConfigMap and the other in the annotation are two over the same bytes.
    let second = approval(&night.forge, &night.statement, &night.people[1]);
    let second = String::from_utf8(second).unwrap();
    let joined = ask(&reviewer, Door::Enforce, "shop", night.pod(Some(&second))).await;
    assert!(joined.is_allowed(), "{}", joined.message());
    reviewer.replace_approvals(bundles(2));
    let both = ask(&reviewer, Door::Enforce, "shop", night.pod(None)).await;
    assert!(both.is_allowed(), "{}", both.message());
    let mut other = night.pod(None);
    let name = night
        .image
        .split('@')
        .next()
        .unwrap()
        .replace("acme/app", "acme/other");
    other["spec"]["containers"][0]["image"] = json!(format!("{name}@sha256:{}", "0".repeat(64)));
    let other = ask(&reviewer, Door::Enforce, "shop", other).await;
    assert!(!other.is_allowed());
    reviewer.replace_approvals(Vec::new());
    let after = ask(&reviewer, Door::Enforce, "shop", night.pod(None)).await;
    assert!(!after.is_allowed());
}
