//! Questions as a real API server asks them: Pods, Deployments and what controllers make of these, of 5 to 30 kB with two to four containers, over 50 images.
//!
//! They are recorded once, into `target/load-webhook`; whoever removes the folder has them recorded anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use countersign_core::ImageFields;
use countersign_e2e::{CLUSTER_PARTS, Cluster, Recorder, eventually, parts, workspace};
use countersign_webhook::Review;
use serde_json::{Value, json};

/// Images that the objects name.
pub(crate) const IMAGES: usize = 50;
/// Questions that are wanted at least.
const QUESTIONS: usize = 200;
const PODS: usize = 150;
const DEPLOYMENTS: usize = 30;
const BYTES: std::ops::RangeInclusive<usize> = 5_000..=30_000;
const NAMESPACE: &str = "load";

/// What was recorded, with placeholders for images.
pub(crate) fn recorded() -> Result<Vec<String>> {
    let folder = workspace().join("target/load-webhook");
    let kept = read(&folder)?;
    if kept.len() >= QUESTIONS {
        return Ok(kept);
    }
    let bodies = record()?;
    fs::create_dir_all(&folder)?;
    for (number, body) in bodies.iter().enumerate() {
        fs::write(folder.join(format!("{number:03}.json")), body)?;
    }
    Ok(bodies)
}

/// What stands for an image in a question that was recorded.
pub(crate) fn placeholder(number: usize) -> String {
    format!("registry.acme.example/load/app-{number:02}@sha256:{number:064x}")
}

fn read(folder: &Path) -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.sort_unstable();
    let bodies = paths.iter().map(|path| Ok(fs::read_to_string(path)?));
    bodies.collect()
}

fn record() -> Result<Vec<String>> {
    let parts = parts(&CLUSTER_PARTS).context("the lab's API server is not there")?;
    let cluster = Cluster::shared(&parts)?;
    cluster.namespace(NAMESPACE)?;
    let recorder = Recorder::start()?;
    let rule = |group: &str, resources: &[&str]| json!({"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": resources});
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "record"},
        "webhooks": [{
            "name": "record.countersign.dev",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": recorder.client_config(),
            "rules": [rule("", &["pods"]), rule("apps", &["deployments", "replicasets"])],
        }],
    });
    let admin = cluster.admin();
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let answer = admin.create(path, &configuration)?;
    ensure!(answer.is_done(), "{answer:?}");
    let pods = format!("/api/v1/namespaces/{NAMESPACE}/pods");
    eventually("the recorder", || {
        let probe = admin.create(&format!("{pods}?dryRun=All"), &pod(0))?;
        ensure!(probe.is_done(), "{probe:?}");
        Ok((!recorder.reviews().is_empty()).then_some(()))
    })?;
    for number in 0..PODS {
        let answer = admin.create(&pods, &pod(number))?;
        ensure!(answer.is_done(), "{answer:?}");
    }
    let deployments = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments");
    for number in 0..DEPLOYMENTS {
        let answer = admin.create(&deployments, &deployment(number))?;
        ensure!(answer.is_done(), "{answer:?}");
    }
    let bodies = eventually("the Pods of the Deployments", || {
        let bodies = recorder.reviews();
        let fitting: Vec<String> = bodies.into_iter().filter(|body| fits(body)).collect();
        Ok((fitting.len() >= QUESTIONS).then_some(fitting))
    })?;
    let named: BTreeSet<String> = bodies.iter().flat_map(|body| images(body)).collect();
    if named.len() != IMAGES {
        bail!("{} images were recorded, not {IMAGES}", named.len());
    }
    Ok(bodies)
}

fn fits(body: &str) -> bool {
    BYTES.contains(&body.len()) && (2..=4).contains(&images(body).len())
}

/// The images of a question's object.
pub(crate) fn images(body: &str) -> Vec<String> {
    let known = ImageFields::default();
    let Ok(review) = Review::from_json(body.as_bytes(), &known.outline()) else {
        return Vec::new();
    };
    let fields = review.object.as_ref().map(|it| known.of(it));
    let fields = fields.and_then(Result::ok).unwrap_or_default();
    fields.into_iter().map(|field| field.image).collect()
}

fn pod(number: usize) -> Value {
    let bare = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("app-{number}"), "namespace": NAMESPACE, "labels": labels(number)},
        "spec": spec(number),
    });
    applied(bare)
}

fn deployment(number: usize) -> Value {
    let labels = labels(number);
    let bare = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": format!("web-{number}"), "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app.kubernetes.io/instance": format!("app-{number}")}},
            "template": {"metadata": {"labels": labels}, "spec": spec(number)},
        },
    });
    applied(bare)
}

/// As `kubectl apply` sends it.
fn applied(mut object: Value) -> Value {
    let text = object.to_string();
    object["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/last-applied-configuration": text});
    object
}

fn labels(number: usize) -> Value {
    json!({
        "app.kubernetes.io/name": "app",
        "app.kubernetes.io/instance": format!("app-{number}"),
        "app.kubernetes.io/part-of": "shop",
        "app.kubernetes.io/managed-by": "Helm",
        "helm.sh/chart": "shop-4.2.1",
    })
}

/// Two to four containers, each with an image of its own, and more or less of what charts write.
fn spec(number: usize) -> Value {
    let containers: Vec<Value> = (0..2 + number % 3)
        .map(|place| container(number, place))
        .collect();
    json!({
        "containers": containers,
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 45,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "volumes": [
            {"name": "config", "configMap": {"name": "shop-config", "optional": true}},
            {"name": "scratch", "emptyDir": {"sizeLimit": "256Mi"}},
        ],
    })
}

fn container(number: usize, place: usize) -> Value {
    let env: Vec<Value> = (0..6 + number * 7 % 30)
        .map(|at| json!({"name": format!("SHOP_SETTING_{at:02}"), "value": format!("value-{number}-{at}")}))
        .collect();
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": 8000 + place}, "periodSeconds": 10, "timeoutSeconds": 2});
    json!({
        "name": format!("container-{place}"),
        "image": placeholder((number * 3 + place * 17) % IMAGES),
        "args": ["serve", "--listen", format!("0.0.0.0:{}", 8000 + place)],
        "env": env,
        "ports": [{"name": format!("http-{place}"), "containerPort": 8000 + place}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "readinessProbe": probe("/ready"),
        "livenessProbe": probe("/live"),
        "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/shop", "readOnly": true},
            {"name": "scratch", "mountPath": "/tmp"},
        ],
    })
}
