//! Policies as custom resources, under the least role that reads them and writes their status.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use countersign_e2e::{
    Answer, CLUSTER_PARTS, Cluster, Grant, Registration, Webhook, WebhookProgram, eventually,
    parts, pod,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const HOME: &str = "countersign";
const NAMESPACE: &str = "resources";
const API: &str = "/apis/countersign.dev/v1alpha1";
const BY_TAG: &str = "h.example/acme/app:v1";
const BY_DIGEST: &str =
    "h.example/acme/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Scene {
    cluster: Arc<Cluster>,
    program: WebhookProgram,
    kubeconfig: PathBuf,
    /// Of one that may read policies and write their status, and may not hold the lease.
    never_leads: PathBuf,
    folder: TempDir,
}

impl Scene {
    fn new() -> Option<Self> {
        let parts = parts(&CLUSTER_PARTS)?;
        let cluster = Arc::new(Cluster::alone(&parts).unwrap());
        cluster.namespace(HOME).unwrap();
        cluster.namespace(NAMESPACE).unwrap();
        let grants = [
            Grant {
                namespace: None,
                rules: json!([
                    {"apiGroups": ["countersign.dev"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
                    {"apiGroups": ["countersign.dev"], "resources": ["*/status"], "verbs": ["patch"]},
                ]),
            },
            Grant {
                namespace: Some(HOME.to_owned()),
                rules: json!([
                    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
                ]),
            },
        ];
        let kubeconfig = cluster.service_account(HOME, "webhook", &grants).unwrap();
        let never_leads = cluster
            .service_account(HOME, "follower", &grants[..1])
            .unwrap();
        Some(Self {
            cluster,
            program: WebhookProgram::build().unwrap(),
            kubeconfig,
            never_leads,
            folder: tempfile::tempdir().unwrap(),
        })
    }

    /// A replica that has no policies but the cluster's.
    fn replica(&self) -> Webhook {
        self.launch(&self.kubeconfig, &[])
    }

    /// A replica that has a policy of its own too, in a folder.
    fn replica_with_files(&self) -> Webhook {
        let policy = self.folder.path().join("policy");
        fs::create_dir_all(&policy).unwrap();
        let spec = json!({"images": ["j.example/**"], "rules": [{"name": "pinned", "digest": "required"}]});
        fs::write(
            policy.join("more.json"),
            object("Policy", "more", &spec).to_string(),
        )
        .unwrap();
        self.launch(&self.kubeconfig, &["--policy", policy.to_str().unwrap()])
    }

    fn launch(&self, kubeconfig: &Path, more: &[&str]) -> Webhook {
        let registries = self.folder.path().join("registries.yaml");
        let text = "apiVersion: countersign.dev/v1alpha1\nkind: Registries\nspec:\n  registries: [{host: h.example}]\n";
        fs::write(&registries, text).unwrap();
        let kubeconfig = kubeconfig.display().to_string();
        let arguments = ["--kubernetes", &kubeconfig, "--policy-resources"];
        let arguments = [&arguments[..], more].concat();
        self.program.launch(&registries, &arguments).unwrap()
    }

    fn define(&self) {
        for (_, text) in countersign_webhook::crds().unwrap() {
            let definition: Value = serde_saphyr::from_str(&text).unwrap();
            let list = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            done(self.cluster.admin().create(list, &definition).unwrap());
            let plural = definition["spec"]["names"]["plural"].as_str().unwrap();
            let path = format!("{API}/{plural}");
            eventually(&path, || {
                Ok(self.cluster.admin().get(&path)?.is_done().then_some(()))
            })
            .unwrap();
        }
    }

    fn create(&self, plural: &str, object: &Value) -> Answer {
        let path = format!("{API}/{plural}");
        self.cluster.admin().create(&path, object).unwrap()
    }

    fn merge(&self, object: &str, change: &Value) {
        done(
            self.cluster
                .admin()
                .merge(&format!("{API}/{object}"), change)
                .unwrap(),
        );
    }

    fn get(&self, object: &str) -> Value {
        done(
            self.cluster
                .admin()
                .get(&format!("{API}/{object}"))
                .unwrap(),
        )
    }

    /// Waits until the condition `Ready` of an object has this reason for what stands there now; gives the object.
    fn until(&self, object: &str, reason: &str) -> Value {
        let mut last = Value::Null;
        let found = eventually(&format!("{object}: {reason}"), || {
            let object = self.get(object);
            let is_it = |it: &Value| {
                it["type"] == "Ready"
                    && it["reason"] == reason
                    && it["observedGeneration"] == object["metadata"]["generation"]
            };
            let is_there = object["status"]["conditions"]
                .as_array()
                .is_some_and(|all| all.iter().any(is_it));
            last = object.clone();
            Ok(is_there.then_some(object))
        });
        found.unwrap_or_else(|error| panic!("{error}\n{last:#}"))
    }

    fn pod(&self, image: &str) -> Answer {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All");
        self.cluster
            .admin()
            .create(&path, &pod("probe", image))
            .unwrap()
    }

    fn until_pod(&self, image: &str, is_it: impl Fn(&Answer) -> bool) -> Answer {
        let mut last = None;
        let found = eventually(&format!("another answer of {image}"), || {
            let answer = self.pod(image);
            last = Some(answer.clone());
            Ok(is_it(&answer).then_some(answer))
        });
        found.unwrap_or_else(|error| panic!("{error}\n{last:#?}"))
    }
}

fn done(answer: Answer) -> Value {
    assert!(answer.is_done(), "{answer:?}");
    answer.body
}

fn ready(object: &Value) -> &Value {
    let conditions = object["status"]["conditions"].as_array().unwrap();
    conditions.iter().find(|it| it["type"] == "Ready").unwrap()
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "countersign.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

fn settings() -> Value {
    object("Settings", "cluster", &json!({"unmatched": "deny"}))
}

fn pinned() -> Value {
    let spec = json!({"images": ["h.example/**"], "mode": "enforce", "rules": [{"name": "pinned", "digest": "required"}]});
    object("Policy", "pinned", &spec)
}

/// The digest of the set that a replica has put in force last.
fn digest(webhook: &Webhook) -> Option<Value> {
    let events = webhook.events("policies-in-force");
    events.last().map(|it| it["policyDigest"].clone())
}

#[test]
fn policies_are_resources_of_the_cluster() {
    let Some(scene) = Scene::new() else { return };
    // Without definitions there is nothing to read, and no replica is ready.
    let mut first = scene.launch(&scene.never_leads, &[]);
    let away = eventually("a message", || {
        Ok(first.events("policy-resources-away").pop())
    })
    .unwrap();
    let errors = away["errors"].as_str().unwrap();
    assert!(
        errors.contains("countersign-webhook crds | kubectl apply"),
        "{errors}"
    );
    scene.define();
    examples_are_taken_and_wrong_ones_are_not(&scene);

    // No policies are no set.
    eventually("an empty list", || {
        Ok(first.events("policy-resources-read").pop())
    })
    .unwrap();
    eventually("a refusal", || Ok(first.events("policies-refused").pop())).unwrap();
    assert!(!first.is_ready());
    done(scene.create("settings", &settings()));
    done(scene.create("policies", &pinned()));
    // What is left when the other is deleted: a set without any policy is none.
    let elsewhere =
        json!({"images": ["i.example/**"], "rules": [{"name": "pinned", "digest": "required"}]});
    done(scene.create("policies", &object("Policy", "elsewhere", &elsewhere)));
    first.wait_until_ready().unwrap();
    // Whoever does not lead writes nothing.
    thread::sleep(Duration::from_secs(3));
    assert_eq!(scene.get("policies/pinned")["status"], Value::Null);
    let mut second = scene.replica();
    second.wait_until_ready().unwrap();
    eventually("both the same", || {
        let of_first = digest(&first);
        Ok((of_first.is_some() && of_first == digest(&second)).then_some(()))
    })
    .unwrap();

    let config = first.client_config("/validate");
    let _registered = Registration::of(NAMESPACE, "validate", config)
        .register(&scene.cluster)
        .unwrap();
    let denied = scene.until_pod(BY_TAG, |answer| !answer.is_done());
    assert!(denied.message().contains("Policy/pinned:"), "{denied:?}");
    assert!(scene.pod(BY_DIGEST).is_done());
    told_once_and_shown(&scene);
    a_typo_keeps_what_was_in_force(&scene);

    let whole = digest(&first);
    done(
        scene
            .cluster
            .admin()
            .delete(&format!("{API}/policies/pinned"))
            .unwrap(),
    );
    let denied = scene.until_pod(BY_DIGEST, |answer| !answer.is_done());
    assert!(denied.message().contains("unmatched"), "{denied:?}");
    done(scene.create("policies", &pinned()));
    scene.until_pod(BY_DIGEST, Answer::is_done);
    eventually("the same set", || {
        Ok((digest(&first) == whole).then_some(()))
    })
    .unwrap();
    second.stop();
    let mut again = scene.replica();
    again.wait_until_ready().unwrap();
    // The log is written a moment after what it tells of.
    eventually("the same set again", || {
        Ok((digest(&again) == whole).then_some(()))
    })
    .unwrap();

    the_api_server_may_be_away(&scene, &first);
}

fn examples_are_taken_and_wrong_ones_are_not(scene: &Scene) {
    let plural = |kind: &str| match kind {
        "Settings" => "settings".to_owned(),
        "Policy" => "policies".to_owned(),
        "BreakGlass" => "breakglasses".to_owned(),
        kind => kind.to_lowercase() + "s",
    };
    let dry = |object: &Value| {
        let kind = object["kind"].as_str().unwrap();
        let list = format!("{}?dryRun=All&fieldValidation=Strict", plural(kind));
        scene.create(&list, object)
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|it| it != "yaml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for document in serde_saphyr::from_multiple::<Value>(&text).unwrap() {
            let answer = dry(&document);
            assert!(answer.is_done(), "{}: {answer:?}", path.display());
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
    let with = |change: Value| {
        let mut object = pinned();
        let fields = object["spec"].as_object_mut().unwrap();
        fields.extend(change.as_object().unwrap().clone());
        object
    };
    for (wrong, says) in [
        (
            with(json!({"mode": "enforc"})),
            "Unsupported value: \"enforc\"",
        ),
        (with(json!({"images": []})), "should have at least 1 items"),
        (with(json!({"rules": "none"})), "must be of type array"),
        // What a reader of YAML 1.1 makes of `log: off`.
        (object("Signer", "x", &json!({"log": false})), "spec.log"),
        (
            json!({"apiVersion": "countersign.dev/v1alpha1", "kind": "Policy", "metadata": {"name": "x"}}),
            "spec: Required value",
        ),
    ] {
        let answer = dry(&wrong);
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.message().contains(says), "{says}: {answer:?}");
    }
}

fn told_once_and_shown(scene: &Scene) {
    let policy = scene.until("policies/pinned", "InForce");
    scene.until("settings/cluster", "InForce");
    assert_eq!(policy["status"]["diagnostics"], json!([]));
    let table = done(
        scene
            .cluster
            .admin()
            .table(&format!("{API}/policies"))
            .unwrap(),
    );
    let columns = table["columnDefinitions"].as_array().unwrap().iter();
    let names: Vec<&str> = columns.map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Name", "Mode", "Ready", "Reason", "Age"]);
    let cells = table["rows"][1]["cells"].as_array().unwrap();
    assert_eq!(
        cells[..4],
        [
            json!("pinned"),
            json!("enforce"),
            json!("True"),
            json!("InForce")
        ]
    );
    thread::sleep(Duration::from_secs(7));
    let later = scene.get("policies/pinned");
    assert_eq!(
        later["metadata"]["resourceVersion"],
        policy["metadata"]["resourceVersion"]
    );
}

fn a_typo_keeps_what_was_in_force(scene: &Scene) {
    // The API server takes what it does not know; nothing may be lost without a word.
    scene.merge(
        "policies/pinned",
        &json!({"spec": {"exept": ["h.example/acme/**"]}}),
    );
    let wrong = scene.until("policies/pinned", "Invalid");
    let found = &wrong["status"]["diagnostics"][0];
    assert_eq!(found["field"], "spec.exept", "{wrong:#}");
    assert_eq!(found["code"], "unknown-field");
    let other = scene.until("settings/cluster", "SetRefused");
    let message = ready(&other)["message"].as_str().unwrap();
    assert!(
        message.starts_with("refused because of Policy/pinned: there is no field `exept` here"),
        "{message}"
    );
    assert_eq!(ready(&other)["status"], "False");
    assert!(!scene.pod(BY_TAG).is_done() && scene.pod(BY_DIGEST).is_done());
    scene.merge("policies/pinned", &json!({"spec": {"exept": null}}));
    scene.until("policies/pinned", "InForce");
    scene.until("settings/cluster", "InForce");
}

fn the_api_server_may_be_away(scene: &Scene, running: &Webhook) {
    let events = |event: &str| running.events(event).len();
    let (away, read) = (
        events("policy-resources-away"),
        events("policy-resources-read"),
    );
    let before = digest(running);
    scene.cluster.stop_api_server();
    eventually("the API server's end", || {
        Ok((events("policy-resources-away") > away).then_some(()))
    })
    .unwrap();
    assert!(running.is_ready());
    assert_eq!(digest(running), before);
    let mut late = scene.replica();
    eventually("the same of the other", || {
        Ok(late.events("policy-resources-away").pop())
    })
    .unwrap();
    assert!(!late.is_ready() && late.events("policies-in-force").is_empty());
    // Files alone would be half a set.
    let mut with_files = scene.replica_with_files();
    eventually("the same of the third", || {
        Ok(with_files.events("policy-resources-away").pop())
    })
    .unwrap();
    thread::sleep(Duration::from_secs(1));
    assert!(!with_files.is_ready() && with_files.events("policies-in-force").is_empty());

    scene.cluster.start_api_server().unwrap();
    late.wait_until_ready().unwrap();
    assert_eq!(digest(&late), before);
    with_files.wait_until_ready().unwrap();
    let both = digest(&with_files);
    assert!(both.is_some() && both != before);
    with_files.stop();
    eventually("all lists again", || {
        Ok((events("policy-resources-read") > read).then_some(()))
    })
    .unwrap();
    scene.merge("policies/pinned", &json!({"spec": {"mode": "warn"}}));
    scene.until("policies/pinned", "InForce");
    eventually("another set", || {
        let now = digest(running);
        Ok((now != before && now == digest(&late)).then_some(()))
    })
    .unwrap();
}
