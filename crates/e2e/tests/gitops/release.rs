//! What a commit becomes in the cluster: Deployments and admitted Pods, or a refusal that somebody reads in the Application.

use countersign_e2e::{Registration, eventually, pods_alone, workspace};
use serde_json::{Value, json};

use crate::application::{Application, application, resource, result};
use crate::lab::{Images, Lab};
use crate::page;

const EXAMPLE: &str = "docs/examples/github-actions-argocd/gitops";
/// What stands in the example for the image and its digest.
const IMAGE: &str = "ghcr.io/acme/app";
const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn digest(image: &str) -> &str {
    image.split_once('@').unwrap().1
}

/// The documents of the example's `argocd/application.yaml` for another repository.
fn of_the_example(url: &str) -> (Value, Value) {
    let file = workspace().join(EXAMPLE).join("argocd/application.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    let text = text.replace("https://github.com/acme/gitops", url);
    let (application, project) = text.split_once("\n---\n").unwrap();
    let read = |text: &str| serde_saphyr::from_str(text).unwrap();
    (read(application), read(project))
}

#[test]
fn a_signed_commit_runs_and_an_unsigned_one_is_refused_where_everybody_looks() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "shop";
    let (_webhook, _registered) = lab.enforced(namespace, "{name: by-digest, digest: required}, ");

    // The example as it stands, but for the registry and the repository.
    let host = lab.images.registry.host();
    let repository = lab.repository("gitops");
    let app = format!("{host}/acme/app");
    let replaced = [
        (IMAGE, app.as_str()),
        (DIGEST, digest(&lab.images.signed)),
        ("v1.0.0", "v1"),
    ];
    for folder in ["base", "overlays"] {
        let from = workspace().join(EXAMPLE).join(folder);
        repository.copy(&from, folder, &replaced);
    }
    let first = repository.commit("app v1");
    let (wanted, project) = of_the_example(&repository.url());
    let projects = "/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects";
    assert!(lab.admin().create(projects, &project).unwrap().is_done());
    let application = Application::create(&lab, &wanted);
    application.synced(&first);
    let expected = format!("{app}:v1@{}", digest(&lab.images.signed));
    assert_eq!(lab.deployed(namespace, "app"), expected);
    eventually("two Pods", || {
        Ok((lab.running(namespace) == [expected.as_str(); 2]).then_some(()))
    })
    .unwrap();
    lab.runs(namespace);
    application.until("Healthy", |it| it["health"]["status"] == "Healthy");

    // A manual edit, and of the image: the signed one of another build, which the webhook lets in.
    let deployment = format!("/apis/apps/v1/namespaces/{namespace}/deployments/app");
    for change in [
        json!({"spec": {"replicas": 5}}),
        json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": lab.images.other}]}}}}),
    ] {
        let answer = lab.admin().patch(&deployment, &change).unwrap();
        assert!(answer.is_done(), "{answer:?}");
        let edited = answer.body["metadata"]["generation"].as_u64().unwrap();
        eventually("the edit is reverted", || {
            let now = lab.admin().get(&deployment)?.body;
            let is_reverted = now["metadata"]["generation"].as_u64() > Some(edited)
                && now["spec"]["replicas"] == 2
                && lab.deployed(namespace, "app") == expected;
            Ok(is_reverted.then_some(()))
        })
        .unwrap_or_else(|error| panic!("{error}: {:#}", application.status()));
        application.until("Synced", |it| it["sync"]["status"] == "Synced");
    }
    // What policies deny cannot even be put there by hand.
    let change = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": lab.images.unsigned}]}}}});
    let refused = lab.admin().patch(&deployment, &change).unwrap();
    assert!(refused.message().contains("no-evidence"), "{refused:?}");

    // The next commit names an image that nobody signed.
    let overlay = "overlays/prod/kustomization.yaml";
    let text = std::fs::read_to_string(repository.path(overlay)).unwrap();
    let unsigned = text
        .replace(
            &format!("- name: {app}\n"),
            &format!("- name: {app}\n    newName: {host}/acme/unsigned\n"),
        )
        .replace(digest(&lab.images.signed), digest(&lab.images.unsigned));
    repository.write(overlay, &unsigned);
    let second = repository.commit("app v2, not signed");
    application.refresh();
    let status = application.until("a refused sync", |it| {
        it["operationState"]["syncResult"]["revision"] == second.as_str()
            && it["operationState"]["message"]
                .as_str()
                .is_some_and(|it| it.contains("denied"))
    });
    says_why(&status, "Deployment", "app");
    assert_eq!(status["sync"]["status"], "OutOfSync", "{status:#}");
    // What ran runs on.
    assert_eq!(lab.deployed(namespace, "app"), expected);
    assert!(lab.running(namespace).iter().all(|it| *it == expected));

    // Put right in Git, it goes on by itself.
    repository.write(overlay, &text);
    let third = repository.commit("back to app v1");
    application.synced(&third);
}

/// Our message is in the result of the resource and in that of the whole sync.
#[track_caller]
fn says_why(status: &Value, kind: &str, name: &str) {
    let failed = result(status, kind, name);
    assert_eq!(failed["status"], "SyncFailed", "{status:#}");
    for message in [&failed["message"], &status["operationState"]["message"]] {
        let message = message.as_str().unwrap_or_default();
        for part in [
            "admission webhook \"validating.countersign.dev\" denied the request: ",
            "acme/unsigned",
            "policy signed, rule signed [",
            "no-evidence",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

#[test]
fn a_commit_with_an_unsigned_image_ends_as_a_failed_sync() {
    let Some(lab) = Lab::shared() else { return };
    fails_to_sync(&lab, "refused", |_| {});
}

/// Without the annotation Argo CD compares by a dry run, which the webhook refuses, and then calls Synced what it has from before.
#[test]
fn with_server_side_apply_it_does_so_without_server_side_diff() {
    let Some(lab) = Lab::shared() else { return };
    fails_to_sync(&lab, "refused-server-side", |application| {
        let said: Value = serde_saphyr::from_str(&page::block(page::SERVER_SIDE)).unwrap();
        application["metadata"]["annotations"] = said["metadata"]["annotations"].clone();
        let options = &said["spec"]["syncPolicy"]["syncOptions"];
        assert_eq!(*options, json!(["ServerSideApply=true"]));
        application["spec"]["syncPolicy"]["syncOptions"] = options.clone();
    });
}

/// A good commit and then a bad one, by an Application with this change.
fn fails_to_sync(lab: &Lab, namespace: &str, change: impl Fn(&mut Value)) {
    let (_webhook, _registered) = lab.enforced(namespace, "");
    let repository = lab.repository(namespace);
    for name in ["web", "tool"] {
        let signed = Images::deployment(name, &lab.images.signed);
        repository.write(&format!("app/{name}.yaml"), &signed);
    }
    let good = repository.commit("signed");
    let mut wanted = application(namespace, &repository.url(), "app", namespace);
    change(&mut wanted);
    let application = Application::create(lab, &wanted);
    application.synced(&good);
    let unsigned = Images::deployment("web", &lab.images.unsigned);
    repository.write("app/web.yaml", &unsigned);
    repository.write(
        "app/tool.yaml",
        &Images::deployment("tool", &lab.images.other),
    );
    let bad = repository.commit("web, not signed");
    application.refresh();
    let status = application.until("a failed sync", |it| {
        let state = &it["operationState"];
        state["phase"] == "Failed" && state["syncResult"]["revision"] == bad.as_str()
    });
    says_why(&status, "Deployment", "web");
    assert_eq!(result(&status, "Deployment", "tool")["status"], "Synced");
    let status = application.until("its condition", |it| {
        !crate::application::conditions(it, "SyncError").is_empty()
    });
    let told = crate::application::conditions(&status, "SyncError");
    assert!(told.contains("no-evidence"), "{told}");
    let web = resource(&status, "Deployment", "web");
    assert_eq!(web["status"], "OutOfSync", "{status:#}");
    // What ran runs on, and what was right beside it is there.
    assert_eq!(lab.deployed(namespace, "web"), lab.images.signed);
    assert_eq!(lab.deployed(namespace, "tool"), lab.images.other);
    // It stays so for whoever looks later.
    for status in application.compared(3) {
        assert_eq!(status["sync"]["status"], "OutOfSync", "{status:#}");
    }
}

#[test]
fn where_pods_alone_are_judged_the_application_is_degraded_and_says_why() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "pods-alone";
    lab.cluster.namespace(namespace).unwrap();
    let webhook = lab.webhook(namespace, "", &[]);
    let validate = webhook.client_config("/validate");
    let mut registration = Registration::of(namespace, "validating", validate);
    registration.rules = Some(pods_alone());
    let _registered = registration.register(&lab.cluster).unwrap();
    lab.until_enforced(namespace);
    let repository = lab.repository(namespace);
    repository.write(
        "app/web.yaml",
        &Images::deployment("web", &lab.images.unsigned),
    );
    let commit = repository.commit("web");
    let wanted = application(namespace, &repository.url(), "app", namespace);
    let application = Application::create(&lab, &wanted);
    // The Deployment itself is let in.
    application.synced(&commit);
    let status = application.until("Degraded", |it| it["health"]["status"] == "Degraded");
    let health = &resource(&status, "Deployment", "web")["health"];
    assert_eq!(health["status"], "Degraded", "{status:#}");
    let message = health["message"].as_str().unwrap();
    for part in ["denied the request: ", "acme/unsigned", "no-evidence"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(lab.running(namespace).is_empty());

    // With the signed image all is well, and Argo CD's own check decides again, which alone says Healthy.
    repository.write(
        "app/web.yaml",
        &Images::deployment("web", &lab.images.signed),
    );
    let commit = repository.commit("web, signed");
    application.synced(&commit);
    let signed = [lab.images.signed.clone()];
    eventually("the Pod", || {
        Ok((lab.running(namespace) == signed).then_some(()))
    })
    .unwrap();
    // The ReplicaSet that was refused goes when the new one's Pod is ready, and its message with it.
    lab.runs(namespace);
    application.until("Healthy", |it| it["health"]["status"] == "Healthy");
}

#[test]
fn digests_that_are_written_into_pods_put_nothing_out_of_sync() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "pinned";
    lab.cluster.namespace(namespace).unwrap();
    let webhook = lab.webhook(
        namespace,
        "{name: by-digest, digest: required}, ",
        &["--mutate"],
    );
    let (mutate, validate) = (
        webhook.client_config("/mutate"),
        webhook.client_config("/validate"),
    );
    let pods = |name, config| {
        let mut registration = Registration::of(namespace, name, config);
        registration.rules = Some(pods_alone());
        registration
    };
    let _mutating = pods("mutating", mutate)
        .register_mutating(&lab.cluster)
        .unwrap();
    let _validating = pods("validating", validate).register(&lab.cluster).unwrap();
    lab.until_enforced(namespace);
    let tag = format!("{}/acme/app:v1", lab.images.registry.host());
    let repository = lab.repository(namespace);
    repository.write("app/web.yaml", &Images::deployment("web", &tag));
    let commit = repository.commit("web, by tag");
    let wanted = application(namespace, &repository.url(), "app", namespace);
    let application = Application::create(&lab, &wanted);
    application.synced(&commit);
    let pinned = [format!("{tag}@{}", digest(&lab.images.signed))];
    eventually("the Pod with the digest", || {
        Ok((lab.running(namespace) == pinned).then_some(()))
    })
    .unwrap();
    lab.runs(namespace);
    application.until("Healthy", |it| it["health"]["status"] == "Healthy");
    for status in application.compared(4) {
        assert_eq!(status["sync"]["status"], "Synced", "{status:#}");
        assert_eq!(status["health"]["status"], "Healthy", "{status:#}");
        // One sync, of the commit: there was nothing to heal.
        let history = status["history"].as_array().unwrap();
        assert_eq!(history.len(), 1, "{status:#}");
    }
    assert_eq!(lab.deployed(namespace, "web"), tag);
    assert_eq!(lab.running(namespace), pinned);
}
