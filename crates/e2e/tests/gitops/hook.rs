//! The PreSync hook of the example, and the sidecar of the plugin, in a cluster that has no nodes: what a node would do, the test does.

use std::fs;
use std::path::Path;
use std::process::Command;

use countersign_e2e::{
    Countersign, Output, Registration, eventually, outcome, run, workloads, workspace,
};
use serde_json::{Value, json};

use crate::application::{Application, application};
use crate::lab::{Lab, deploy, parts};
use crate::page;

const EXAMPLE: &str = "docs/examples/github-actions-argocd/gitops";
const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
/// The image of the hook itself, which policies have to allow too.
const OURS: &str = "ghcr.io/countersign-dev/countersign:0.1.0@sha256:1111111111111111111111111111111111111111111111111111111111111111";

#[test]
fn the_hook_of_the_example_holds_a_sync_back() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "hooked";
    lab.cluster.namespace(namespace).unwrap();
    let webhook = lab.webhook(namespace, "", &[]);
    // Pods and Jobs are judged, and Deployments are not: only the hook looks at their images before they are there.
    let all = workloads().unwrap();
    let judged = all.as_array().unwrap().iter();
    let judged: Vec<Value> = judged
        .filter(|it| it["apiGroups"] != json!(["apps"]))
        .cloned()
        .collect();
    let validate = webhook.client_config("/validate");
    let mut registration = Registration::of(namespace, "validating", validate);
    registration.rules = Some(json!(judged));
    let _registered = registration.register(&lab.cluster).unwrap();
    lab.until_enforced(namespace);
    let maps = format!("/api/v1/namespaces/{namespace}/configmaps");
    let policy = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "countersign-policy"},
        "data": lab.images.policy_files(),
    });
    assert!(lab.admin().create(&maps, &policy).unwrap().is_done());

    let repository = lab.repository(namespace);
    for (image, code) in [(&lab.images.unsigned, 1), (&lab.images.signed, 0)] {
        let (name, digest) = image.split_once('@').unwrap();
        let replaced = [
            (
                "- name: ghcr.io/acme/app",
                &*format!("- name: ghcr.io/acme/app\n    newName: {name}"),
            ),
            (DIGEST, digest),
            ("v1.0.0", "v1"),
            (OURS, lab.images.other.as_str()),
            ("shop", namespace),
            ("backoffLimit: 2", "backoffLimit: 0"),
        ];
        for folder in ["base", "overlays"] {
            let from = workspace().join(EXAMPLE).join(folder);
            repository.copy(&from, folder, &replaced);
        }
        let commit = repository.commit(&format!("exit code {code}"));
        let overlay = "overlays/prod-presync";
        let mut wanted = application(namespace, &repository.url(), overlay, namespace);
        // Each try would make a Job of its own.
        wanted["spec"]["syncPolicy"]["retry"]["limit"] = json!(0);
        let application = Application::create(&lab, &wanted);
        let (pod, said) = judged_by_the_job(&lab, namespace);
        assert_eq!(said.code, Some(code), "{}{}", said.stdout, said.stderr);
        assert_eq!(lab.deployed(namespace, "app"), "", "before the hook ended");
        ended(&lab, namespace, &pod, code == 0);
        if code == 0 {
            application.synced(&commit);
            assert_eq!(
                lab.deployed(namespace, "app"),
                format!("{name}:v1@{digest}")
            );
            continue;
        }
        assert!(said.stdout.contains("no-evidence"), "{}", said.stdout);
        let status = application.until("a failed sync", |it| {
            let state = &it["operationState"];
            state["phase"] == "Failed" && state["syncResult"]["revision"] == commit.as_str()
        });
        let all = status["operationState"]["syncResult"]["resources"].as_array();
        let hook = all
            .into_iter()
            .flatten()
            .find(|it| it["hookType"] == "PreSync");
        assert_eq!(hook.unwrap()["hookPhase"], "Failed", "{status:#}");
        assert_eq!(lab.deployed(namespace, "app"), "");
        drop(application);
        let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs/countersign-presync");
        let delete = format!("{jobs}?propagationPolicy=Background");
        assert!(lab.admin().delete(&delete).unwrap().is_done());
        eventually("the Job and its Pods are gone", || {
            let is_gone = lab.admin().get(&jobs)?.status == 404;
            Ok((is_gone && lab.running(namespace).is_empty()).then_some(()))
        })
        .unwrap();
    }
}

/// Waits for the Pod of the hook's Job, and runs what its container says, with the policies of its volume.
fn judged_by_the_job(lab: &Lab, namespace: &str) -> (Value, Output) {
    let list =
        format!("/api/v1/namespaces/{namespace}/pods?labelSelector=app%3Dcountersign-presync");
    let pod = eventually("the Pod of the hook", || {
        let pods = lab.admin().get(&list)?.body;
        Ok(pods["items"].get(0).cloned())
    })
    .unwrap();
    let container = &pod["spec"]["containers"][0];
    let volume = &pod["spec"]["volumes"][0]["configMap"]["name"];
    let path = format!(
        "/api/v1/namespaces/{namespace}/configmaps/{}",
        volume.as_str().unwrap()
    );
    let files = lab.admin().get(&path).unwrap().body;
    let folder = lab.folder.path().join("hook");
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in files["data"].as_object().unwrap() {
        fs::write(folder.join(name), text.as_str().unwrap()).unwrap();
    }
    let mount = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
    let mut command = Command::new(Countersign::build().unwrap().path());
    for argument in container["args"].as_array().unwrap() {
        command.arg(
            argument
                .as_str()
                .unwrap()
                .replace(mount, folder.to_str().unwrap()),
        );
    }
    // A registry on this machine has to be allowed.
    command
        .arg("--registries")
        .arg(lab.images.registries(lab.folder.path()));
    (pod.clone(), outcome(&mut command).unwrap())
}

/// Says of a Pod how it ended.
fn ended(lab: &Lab, namespace: &str, pod: &Value, is_good: bool) {
    let name = pod["metadata"]["name"].as_str().unwrap();
    let phase = if is_good { "Succeeded" } else { "Failed" };
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/status");
    let answer = lab
        .admin()
        .merge(&path, &json!({"status": {"phase": phase}}))
        .unwrap();
    assert!(answer.is_done(), "{answer:?}");
}

#[test]
fn the_sidecar_of_the_plugin_is_admitted_beside_argo_cds_own_repo_server() {
    let Some(lab) = Lab::shared() else { return };
    let parts = parts().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let base = parts.path("argocd.d").join("base");
    for (from, to) in [
        (
            base.join("repo-server/argocd-repo-server-deployment.yaml"),
            "deployment.yaml",
        ),
        (
            base.join("repo-server/argocd-repo-server-sa.yaml"),
            "account.yaml",
        ),
        (base.join("config/argocd-cm.yaml"), "argocd-cm.yaml"),
    ] {
        fs::copy(from, at(to)).unwrap();
    }
    fs::create_dir(at("countersign")).unwrap();
    for name in [
        "kustomization.yaml",
        "plugin.yaml",
        "countersign-render",
        "repo-server.yaml",
        "health.yaml",
    ] {
        fs::copy(deploy(name), at("countersign").join(name)).unwrap();
    }
    // As the page says, of what is here: Argo CD's repository is not, but its files are.
    let mut said: Value = serde_saphyr::from_str(&page::block(page::COMPONENT)).unwrap();
    assert!(
        said["resources"][0]
            .as_str()
            .unwrap()
            .contains("/argo-cd/manifests/")
    );
    assert!(
        said["components"][0]
            .as_str()
            .unwrap()
            .contains("//deploy/argocd?")
    );
    said["resources"] = json!(["deployment.yaml", "account.yaml", "argocd-cm.yaml"]);
    said["components"] = json!(["countersign"]);
    fs::write(at("kustomization.yaml"), said.to_string()).unwrap();
    let kubectl = |words: &[&str], file: &Path| {
        let mut command = parts.command("kubectl");
        command.args(words).arg(file).env("HOME", folder.path());
        command
            .arg("--kubeconfig")
            .arg(lab.cluster.admin_kubeconfig());
        run(&mut command).unwrap()
    };
    // Strictly: a field that nothing knows would be an error.
    let words = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--validate=strict",
        "-k",
    ];
    let applied = kubectl(&words, folder.path());
    assert_eq!(applied.stderr, "", "a warning");
    assert_eq!(
        applied.stdout.matches("serverside-applied").count(),
        4,
        "{}",
        applied.stdout
    );

    let path = "/apis/apps/v1/namespaces/argocd/deployments/argocd-repo-server";
    let stored = lab.admin().get(path).unwrap().body;
    let spec = &stored["spec"]["template"]["spec"];
    let named = |list: &Value, name: &str| {
        let all = list.as_array().into_iter().flatten();
        let mut all = all.filter(|it| it["name"] == name);
        all.next()
            .cloned()
            .unwrap_or_else(|| panic!("no {name}: {list:#}"))
    };
    let sidecar = named(&spec["containers"], "countersign");
    assert_eq!(spec["containers"].as_array().unwrap().len(), 2);
    // Each of its volumes is there, and the plugin's is the ConfigMap that was made for it.
    for mount in sidecar["volumeMounts"].as_array().unwrap() {
        named(&spec["volumes"], mount["name"].as_str().unwrap());
    }
    let program = named(&spec["volumes"], "countersign");
    let program = program["image"]["reference"].as_str().unwrap();
    assert!(program.starts_with("ghcr.io/countersign-dev/countersign:"));
    let map = named(&spec["volumes"], "countersign-plugin");
    assert_eq!(map["configMap"]["defaultMode"], 0o555);
    let map = map["configMap"]["name"].as_str().unwrap();
    let map = lab
        .admin()
        .get(&format!("/api/v1/namespaces/argocd/configmaps/{map}"))
        .unwrap();
    let script = fs::read_to_string(deploy("countersign-render")).unwrap();
    assert_eq!(map.body["data"]["countersign-render"], script);
    let settings = lab
        .admin()
        .get("/api/v1/namespaces/argocd/configmaps/argocd-cm")
        .unwrap()
        .body;
    let health = settings["data"]["resource.customizations.health.apps_Deployment"].as_str();
    assert!(health.unwrap().contains("ReplicaFailure"));
}
