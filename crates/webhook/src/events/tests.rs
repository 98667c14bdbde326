//! What is told of which object: an owner is the maker's word, and no way out of the maker's namespace.
#![allow(clippy::unwrap_used)]

use countersign::Checker;
use countersign_core::ImageFields;
use serde_json::{Value, json};

use super::*;
use crate::{Answer, Review, Reviewer};

fn review(change: impl FnOnce(&mut Value)) -> Review {
    let mut body = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "u-1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE", "namespace": "shop",
            "object": {
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "generateName": "web-7f-", "namespace": "kube-system", "uid": "mine",
                    "ownerReferences": [
                        {"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "1"},
                        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7f", "uid": "2", "controller": true},
                    ],
                },
            },
        },
    });
    change(&mut body["request"]);
    let reviewer = Reviewer::waiting(Checker::new, ImageFields::default());
    Review::from_json(body.to_string().as_bytes(), reviewer.outline()).unwrap()
}

fn told(review: &Review, door: Door, answer: &Answer) -> Option<Notice> {
    notice(&Answered {
        review,
        door,
        images: &[],
        answer,
        took: Duration::ZERO,
    })
}

fn written(subject: Option<Subject>) -> String {
    subject.map_or_else(
        || "nobody".to_owned(),
        |it| {
            format!(
                "{} {} {}/{} {}",
                it.api_version,
                it.kind,
                it.namespace,
                it.name,
                it.uid.as_deref().unwrap_or("-")
            )
        },
    )
}

#[test]
fn it_is_about_the_controller_or_the_object_itself() {
    let of = |change: &dyn Fn(&mut Value)| written(Subject::of(&review(change)));
    assert_eq!(of(&|_| ()), "apps/v1 ReplicaSet shop/web-7f 2");
    let alone = |request: &mut Value| {
        request["object"]["metadata"]["ownerReferences"] = json!([]);
    };
    // It is not there, and will not be: it has no uid.
    assert_eq!(of(&alone), "v1 Pod shop/web-7f- -");
    let changed = |request: &mut Value| {
        alone(request);
        request["operation"] = json!("UPDATE");
        request["object"]["metadata"]["name"] = json!("web");
        request["oldObject"] = json!({"metadata": {"uid": "3"}});
    };
    assert_eq!(of(&changed), "v1 Pod shop/web 3");
}

#[test]
fn no_object_leads_out_of_its_namespace_or_into_a_path() {
    let of = |change: &dyn Fn(&mut Value)| written(Subject::of(&review(change)));
    // Where an owner or the object itself says that it is counts for nothing.
    let elsewhere = |request: &mut Value| {
        request["object"]["metadata"]["ownerReferences"][1]["namespace"] = json!("kube-system");
    };
    assert_eq!(of(&elsewhere), "apps/v1 ReplicaSet shop/web-7f 2");
    for namespace in [
        "",
        "../kube-system",
        "a/b",
        "a?b",
        "a%2fb",
        "A",
        &"a".repeat(64),
    ] {
        assert_eq!(
            of(&|request| request["namespace"] = json!(namespace)),
            "nobody",
            "{namespace}"
        );
    }
    for name in [
        "",
        "a/b",
        "..",
        "../../secrets/x",
        "a?watch=1",
        "a b",
        "a\n",
        &"a".repeat(254),
    ] {
        let owner = |request: &mut Value| {
            request["object"]["metadata"]["ownerReferences"][1]["name"] = json!(name);
        };
        assert_eq!(of(&owner), "v1 Pod shop/web-7f- -", "{name}");
        let both = |request: &mut Value| {
            owner(request);
            request["object"]["metadata"]["generateName"] = json!(name);
        };
        assert_eq!(of(&both), "nobody", "{name}");
    }
    for field in ["apiVersion", "kind", "uid"] {
        let owner = |request: &mut Value| {
            request["object"]["metadata"]["ownerReferences"][1][field] = json!("a\u{202e}");
        };
        assert_eq!(of(&owner), "v1 Pod shop/web-7f- -", "{field}");
    }
}

#[test]
fn what_is_refused_is_told_and_nothing_else() {
    let (denied, unknown) = (Answer::deny("why"), Answer::unknown("late"));
    let reason = |review: &Review, door, answer: &Answer| {
        told(review, door, answer).map(|it| (it.key.reason, it.message))
    };
    let asked = review(|_| ());
    assert_eq!(
        reason(&asked, Door::Enforce, &denied),
        Some(("ImageDenied", "why".to_owned()))
    );
    assert_eq!(
        reason(&asked, Door::Enforce, &unknown),
        Some(("ImageUndecided", "late".to_owned()))
    );
    assert_eq!(reason(&asked, Door::Enforce, &Answer::allow()), None);
    for door in [Door::Audit, Door::Mutate] {
        assert_eq!(reason(&asked, door, &denied), None);
    }
    let dry = review(|request| request["dryRun"] = json!(true));
    assert_eq!(reason(&dry, Door::Enforce, &denied), None);
}

/// Keeps what would be told of each answer.
#[derive(Default)]
struct Heard(Mutex<Vec<Option<Notice>>>);

impl crate::Witness for Heard {
    fn answered(&self, answered: &Answered<'_>) {
        self.0.lock().unwrap().push(notice(answered));
    }
}

#[tokio::test]
async fn what_runs_by_break_glass_alone_is_told_and_what_is_denied_names_its_policy() {
    use countersign::{Checker, HttpRegistry, PolicySet, Source};
    use countersign_core::{ImageFields, NoFiles, UnixTime};
    use countersign_testkit::break_glass::{approval, statement};
    use countersign_testkit::forge::{Algorithm, Forge, Key};
    use countersign_testkit::policy::bare_signer;
    use countersign_testkit::registry::Registry;

    let now: UnixTime = SystemTime::now().into();
    let registry = Registry::start();
    let digest = registry.push_image("acme/app", "v1");
    let name = format!("{}/acme/app", registry.host());
    let time = |seconds| now.plus(seconds).to_string();
    let person = Key::generate(Algorithm::P256);
    let statement = statement(&[(&name, &digest)], &time(-60), &time(3600));
    let approval = approval(&Forge::new(now.seconds()), &statement, &person);
    let text = format!(
        "apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {{name: acme}}
spec: {{unmatched: deny, cluster: prod-eu-1}}
{}{}---
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
spec: {{from: a, maxDuration: 4h, namespaces: [shop]}}
",
        bare_signer("a", &person.public_pem()),
        bare_signer("release", &Key::generate(Algorithm::P256).public_pem()),
        registry.host(),
    );
    let source = Source {
        name: "policy.yaml".to_owned(),
        text,
    };
    let loaded = PolicySet::load(&[source], &NoFiles, &[]);
    let policies = loaded
        .policies
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let client = HttpRegistry::new().plain_http(registry.host());
    let heard = Arc::new(Heard::default());
    let witness: Arc<dyn crate::Witness> = heard.clone();
    let reviewer = crate::Reviewer::new(
        Checker::new(policies).registry(client),
        ImageFields::default(),
    )
    .witness(witness);
    let image = format!("{name}@{digest}");
    let asked = review(|request| {
        request["object"]["spec"] = json!({"containers": [{"name": "app", "image": image}]});
    });
    for approvals in [Vec::new(), vec![approval]] {
        reviewer.replace_approvals(approvals);
        reviewer
            .review(&asked, Door::Enforce, Duration::from_secs(10))
            .await;
    }
    let heard = heard.0.lock().unwrap();
    let [Some(denied), Some(broken)] = &heard[..] else {
        panic!("{heard:?}")
    };
    assert_eq!(
        (denied.key.reason, denied.key.policy.as_str()),
        ("ImageDenied", "production")
    );
    assert_eq!(broken.key.reason, "BreakGlassUsed");
    assert!(
        broken.message.contains(&image) && broken.message.contains("bg-1"),
        "{}",
        broken.message
    );
}
