//! What is registered is what bears images, no more and no less, and what changes no image is not asked about.

use std::collections::BTreeSet;

use countersign_core::{GroupKind, ImageFields};
use countersign_e2e::{Answer, Client, Recorder, eventually, pod};
use serde_json::{Value, json};

use crate::chart::{find, objects};
use crate::lab::{Lab, configuration};

fn rules<'a>(rendered: &'a [Value], name: &str) -> &'a [Value] {
    let found = find(rendered, "ValidatingWebhookConfiguration", name).unwrap();
    found["webhooks"][0]["rules"].as_array().unwrap()
}

/// Groups and resources of rules, without subresources.
fn registered(rules: &[Value]) -> BTreeSet<(String, String)> {
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().unwrap().iter();
        all.map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let mut all = BTreeSet::new();
    for rule in rules {
        assert_eq!(rule["operations"], json!(["CREATE", "UPDATE"]));
        assert_eq!(rule["scope"], "Namespaced");
        for group in texts(&rule["apiGroups"]) {
            let resources = texts(&rule["resources"]).into_iter();
            all.extend(
                resources
                    .filter(|it| !it.contains('/'))
                    .map(|it| (group.clone(), it)),
            );
        }
    }
    all
}

/// Every resource that an API server serves and of which we know where its images are, by group.
fn known(admin: &Client) -> BTreeSet<(String, String)> {
    let mut paths = vec![("".to_owned(), "/api/v1".to_owned())];
    let groups = admin.get("/apis").unwrap().body;
    for group in groups["groups"].as_array().unwrap() {
        let name = group["name"].as_str().unwrap();
        for version in group["versions"].as_array().unwrap() {
            let version = version["groupVersion"].as_str().unwrap();
            paths.push((name.to_owned(), format!("/apis/{version}")));
        }
    }
    let fields = ImageFields::default();
    let mut all = BTreeSet::new();
    for (group, path) in paths {
        let list = admin.get(&path).unwrap().body;
        for resource in list["resources"].as_array().unwrap() {
            let name = resource["name"].as_str().unwrap();
            let kind = GroupKind {
                group: group.clone(),
                kind: resource["kind"].as_str().unwrap().to_owned(),
            };
            if !name.contains('/') && fields.knows(&kind) {
                all.insert((group.clone(), name.to_owned()));
            }
        }
    }
    all
}

/// A rendered configuration that asks somebody on this machine.
fn redirected(rendered: &[Value], kind: &str, name: &str, client_config: &Value) -> Value {
    let mut configuration = find(rendered, kind, name).unwrap().clone();
    configuration["webhooks"][0]["clientConfig"] = client_config.clone();
    configuration
}

fn install(admin: &Client, configuration: &Value) {
    let kind = configuration["kind"].as_str().unwrap().to_lowercase();
    let list = format!("/apis/admissionregistration.k8s.io/v1/{kind}s");
    let created = admin.create(&list, configuration).unwrap();
    assert!(created.is_done(), "{created:?}");
}

#[test]
fn every_kind_that_bears_images_is_registered_and_changes_of_images_alone_are_asked_about() {
    let Some(lab) = Lab::wait() else { return };
    let admin = lab.admin();
    let values = ["enforce.namespaces={registered}"];
    let rendered = objects(&lab.chart.rendered(&values));
    for name in ["countersign-enforce", "countersign-audit"] {
        assert_eq!(registered(rules(&rendered, name)), known(admin), "{name}");
        let text = Value::from(rules(&rendered, name)).to_string();
        assert!(text.contains("\"pods/ephemeralcontainers\""), "{name}");
    }

    // Somebody who listens stands behind both.
    for namespace in ["registered", "unregistered"] {
        lab.namespace(namespace);
    }
    let [enforce, audit] = [(); 2].map(|()| Recorder::start().unwrap());
    for (name, recorder) in [
        ("countersign-enforce", &enforce),
        ("countersign-audit", &audit),
    ] {
        let kind = "ValidatingWebhookConfiguration";
        install(
            admin,
            &redirected(&rendered, kind, name, &recorder.client_config()),
        );
    }
    let pods = |namespace: &str| format!("/api/v1/namespaces/{namespace}/pods");
    eventually("both webhooks", || {
        let list = pods("registered") + "?dryRun=All";
        admin.create(&list, &pod("probe", "a.example/a"))?;
        let are_asked = !enforce.reviews().is_empty() && !audit.reviews().is_empty();
        Ok(are_asked.then_some(()))
    })
    .unwrap();
    // How often each is asked when something is done.
    let asked = |what: &str, act: &dyn Fn() -> Answer| {
        let before = [&enforce, &audit].map(|it| it.reviews().len());
        let answer = act();
        assert!(answer.is_done(), "{what}: {answer:?}");
        let after = [&enforce, &audit].map(|it| it.reviews().len());
        [after[0] - before[0], after[1] - before[1]]
    };
    let create = |namespace: &str, name: &str| {
        let (list, object) = (pods(namespace), pod(name, "a.example/a"));
        asked(name, &|| admin.create(&list, &object).unwrap())
    };
    assert_eq!(create("registered", "app"), [1, 1]);
    assert_eq!(create("unregistered", "app"), [0, 1]);
    eventually("the service account of kube-system", || {
        let path = "/api/v1/namespaces/kube-system/serviceaccounts/default";
        Ok(admin.get(path)?.is_done().then_some(()))
    })
    .unwrap();
    assert_eq!(create("kube-system", "registered-app"), [0, 1]);

    let app = pods("registered") + "/app";
    let merged = |what: &str, path: &str, change: Value| {
        asked(what, &|| admin.merge(path, &change).unwrap())
    };
    let nobody = [0, 0];
    assert_eq!(
        merged("label", &app, json!({"metadata": {"labels": {"a": "b"}}})),
        nobody
    );
    assert_eq!(
        merged(
            "finalizer",
            &app,
            json!({"metadata": {"finalizers": ["acme.example/a"]}})
        ),
        nobody
    );
    assert_eq!(
        merged(
            "no finalizer",
            &app,
            json!({"metadata": {"finalizers": null}})
        ),
        nobody
    );
    let status = app.clone() + "/status";
    assert_eq!(
        merged("status", &status, json!({"status": {"phase": "Running"}})),
        nobody
    );
    let image = |image: &str| json!({"spec": {"containers": [{"name": "app", "image": image}]}});
    let patched = |what: &str, path: &str, change: Value| {
        asked(what, &|| admin.patch(path, &change).unwrap())
    };
    assert_eq!(patched("image", &app, image("a.example/b")), [1, 1]);
    let debug =
        json!({"spec": {"ephemeralContainers": [{"name": "debug", "image": "a.example/c"}]}});
    let ephemeral = app.clone() + "/ephemeralcontainers";
    assert_eq!(patched("debug", &ephemeral, debug), [1, 1]);

    // What has no spec is asked about whatever changes.
    let templates = "/api/v1/namespaces/registered/podtemplates";
    let template = json!({
        "apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "tpl"},
        "template": pod("x", "a.example/a"),
    });
    assert_eq!(
        asked("template", &|| admin.create(templates, &template).unwrap()),
        [1, 1]
    );
    let change =
        json!({"template": {"spec": {"containers": [{"name": "app", "image": "a.example/d"}]}}});
    assert_eq!(
        patched("template's image", &format!("{templates}/tpl"), change),
        [1, 1]
    );
    // As large an object as an API server takes is compared within what it spends on a condition.
    let container = |number: usize| {
        let variable =
            |it: usize| json!({"name": format!("VARIABLE_{it}"), "value": "x".repeat(40)});
        let environment: Vec<Value> = (0..100).map(variable).collect();
        json!({"name": format!("c{number}"), "image": "a.example/a", "env": environment})
    };
    let containers: Vec<Value> = (0..120).map(container).collect();
    let labels = json!({"app": "big"});
    let big = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "big"},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": containers},
        }},
    });
    let deployments = "/apis/apps/v1/namespaces/registered/deployments";
    let created = admin.create(deployments, &big).unwrap();
    assert!(created.is_done(), "{created:?}");
    let path = format!("{deployments}/big");
    let labelled = eventually("a label on the large Deployment", || {
        let before = [&enforce, &audit].map(|it| it.reviews().len());
        let answer = admin.merge(&path, &json!({"metadata": {"labels": {"a": "b"}}}))?;
        assert!(answer.is_done(), "{answer:?}");
        let after = [&enforce, &audit].map(|it| it.reviews().len());
        // Its controller writes beside us, and may be asked about.
        Ok((before == after).then_some(answer))
    })
    .unwrap();
    assert_eq!(labelled.body["metadata"]["labels"]["a"], "b");
    let last = format!("c{}", 119);
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": last, "image": "a.example/b"}]}}}});
    let before = enforce.reviews().len();
    assert!(admin.patch(&path, &image).unwrap().is_done());
    assert!(
        enforce.reviews().len() > before,
        "the last image of a large object"
    );

    let deleted = asked("deletion", &|| admin.delete(&app).unwrap());
    assert_eq!(deleted, nobody);

    for name in ["countersign-enforce", "countersign-audit"] {
        assert!(admin.delete(&configuration(name)).unwrap().is_done());
    }
}
