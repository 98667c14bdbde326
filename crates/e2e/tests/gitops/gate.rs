//! The plugin of `deploy/argocd` lets no revision out that policies deny.

use std::process::Command;

use countersign_e2e::{outcome, run, workspace};
use serde_json::{Value, json};

use crate::application::{Application, application, conditions};
use crate::lab::{Images, Lab, parts};
use crate::page;
use crate::repository::Repository;

/// An Application that is rendered by the plugin.
fn gated(repository: &Repository, path: &str, namespace: &str) -> Value {
    let mut wanted = application(namespace, &repository.url(), path, namespace);
    wanted["spec"]["source"]["plugin"] = json!({"name": "countersign"});
    wanted["spec"]["syncPolicy"]["syncOptions"] = json!(["CreateNamespace=true"]);
    wanted
}

#[test]
fn argo_cd_is_the_pinned_one() {
    let Some(parts) = parts() else { return };
    let said = run(parts.command("argocd").args(["version", "--client"])).unwrap();
    let pins = workspace().join("crates/e2e/tools/argocd/go.mod");
    let pins = std::fs::read_to_string(pins).unwrap();
    let module = "\tgithub.com/argoproj/argo-cd/v3 ";
    let pinned = pins.lines().find_map(|it| it.strip_prefix(module));
    let pinned = pinned.unwrap().trim_end_matches(" // indirect");
    assert!(
        said.stdout.starts_with(&format!("argocd: {pinned}+")),
        "{}",
        said.stdout
    );
}

/// helm would read a path out of the folder, and fetch an address: by the sidecar's rights, for whoever may write an Application.
#[test]
fn values_are_a_file_beside_the_chart_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in [
        "../values.yaml",
        "/etc/values.yaml",
        "https://acme.example/values.yaml",
        "--post-renderer=x",
        ".values",
    ] {
        let mut command = Command::new("sh");
        command
            .arg(workspace().join("deploy/argocd/countersign-render"))
            .current_dir(folder.path())
            .env("COUNTERSIGN_POLICY", "policy.yaml")
            .env("ARGOCD_APP_NAME", "web")
            .env("ARGOCD_APP_NAMESPACE", "web")
            .env("ARGOCD_ENV_HELM_VALUES", wrong);
        let said = outcome(&mut command).unwrap();
        assert_eq!(said.code, Some(3), "{wrong}: {}", said.stderr);
        let told = format!("has to be the name of a file beside the chart, not '{wrong}'");
        assert!(said.stderr.contains(&told), "{}", said.stderr);
    }
}

const CHART: &str = "apiVersion: v2\nname: web\nversion: 0.1.0\n";

#[test]
fn nothing_of_a_bad_revision_is_applied() {
    let Some(lab) = Lab::shared() else { return };
    // No webhook is registered for this namespace: the plugin alone stands before it.
    let namespace = "gated";
    let repository = lab.repository(namespace);
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "of-the-revision"}});
    repository.write("app/map.yaml", &map.to_string());
    repository.write(
        "app/web.yaml",
        &Images::deployment("web", &lab.images.unsigned),
    );
    repository.commit("web, not signed");
    let application = Application::create(&lab, &gated(&repository, "app", namespace));
    let status = application.until("a comparison that failed", |it| {
        !conditions(it, "ComparisonError").is_empty()
    });
    let told = conditions(&status, "ComparisonError");
    for part in [
        "`countersign-render` failed exit status 1: ",
        &format!("DENIED {}", lab.images.unsigned),
        "Deployment.apps web, spec.template.spec.containers[0].image",
        "FAIL signed (signature): no-evidence [",
        "next: Sign the image by digest in CI",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(status["sync"]["status"], "Unknown", "{status:#}");
    // Not even the namespace is there.
    let there = |path: &str| lab.admin().get(path).unwrap().is_done();
    assert!(!there("/api/v1/namespaces/gated"));

    repository.write(
        "app/web.yaml",
        &Images::deployment("web", &lab.images.signed),
    );
    let good = repository.commit("web, signed");
    let status = application.synced(&good);
    assert_eq!(conditions(&status, "ComparisonError"), "", "{status:#}");
    let kept = "/api/v1/namespaces/gated/configmaps/of-the-revision";
    assert!(there(kept));
    assert_eq!(lab.deployed(namespace, "web"), lab.images.signed);

    // The next bad one changes nothing of what is there, and prunes nothing.
    std::fs::remove_file(repository.path("app/map.yaml")).unwrap();
    repository.write(
        "app/web.yaml",
        &Images::deployment("web", &lab.images.unsigned),
    );
    repository.commit("web, not signed again");
    application.refresh();
    application.until("another comparison that failed", |it| {
        conditions(it, "ComparisonError").contains("no-evidence")
    });
    // For two times of looking again: what failed for some minutes is not written into the status each time.
    for _ in 0..12 {
        std::thread::sleep(std::time::Duration::from_secs(1));
        assert!(there(kept));
        assert_eq!(lab.deployed(namespace, "web"), lab.images.signed);
    }
}

#[test]
fn charts_and_kustomizations_are_rendered_and_judged() {
    let Some(lab) = Lab::shared() else { return };
    let (registry, signed) = (lab.images.registry.host(), &lab.images.signed);
    let (_, digest) = signed.split_once('@').unwrap();
    for (namespace, files) in [
        (
            "gated-chart",
            vec![
                ("Chart.yaml", CHART.to_owned()),
                (
                    "templates/web.yaml",
                    Images::deployment("web", "{{ .Values.image }}"),
                ),
                ("values.yaml", format!("image: {}\n", lab.images.unsigned)),
                ("values-prod.yaml", format!("image: {signed}\n")),
            ],
        ),
        (
            "gated-overlay",
            vec![
                ("web.yaml", Images::deployment("web", "app")),
                (
                    "kustomization.yaml",
                    format!(
                        "resources: [web.yaml]\nimages: [{{name: app, newName: {registry}/acme/app, digest: \"{digest}\"}}]\n"
                    ),
                ),
            ],
        ),
    ] {
        let repository = lab.repository(namespace);
        for (name, text) in &files {
            repository.write(&format!("app/{name}"), text);
        }
        let commit = repository.commit("web");
        let mut wanted = gated(&repository, "app", namespace);
        if namespace == "gated-chart" {
            let said: Value = serde_saphyr::from_str(&page::block(page::PLUGIN)).unwrap();
            wanted["spec"]["source"]["plugin"] = said["source"]["plugin"].clone();
        }
        let application = Application::create(&lab, &wanted);
        application.synced(&commit);
        assert_eq!(lab.deployed(namespace, "web"), *signed, "{namespace}");
    }
    // An Application cannot name another policy: what it says comes under names of its own.
    let repository = lab.repository("gated-other");
    repository.write(
        "app/web.yaml",
        &Images::deployment("web", &lab.images.unsigned),
    );
    repository.write(
        "app/allow.json",
        r#"{"apiVersion": "countersign.dev/v1alpha1", "kind": "Settings", "metadata": {"name": "mine"}, "spec": {"unmatched": "allow"}}"#,
    );
    repository.commit("web, not signed");
    let mut wanted = gated(&repository, "app", "gated-other");
    wanted["spec"]["source"]["plugin"]["env"] = json!([
        {"name": "COUNTERSIGN_POLICY", "value": "allow.json"}, {"name": "PATH", "value": "."},
    ]);
    let application = Application::create(&lab, &wanted);
    let status = application.until("a comparison that failed", |it| {
        !conditions(it, "ComparisonError").is_empty()
    });
    let told = conditions(&status, "ComparisonError");
    assert!(told.contains("no-evidence"), "{told}");
}
