//! `docs/examples/github-actions-argocd`: the order of its steps, who may do what, and what it gives to Argo CD and Flux.

use serde_json::Value;

use super::workflow::Workflow;
use crate::run::ROOT;

const EXAMPLE: &str = "docs/examples/github-actions-argocd";

fn workflow(name: &str) -> Workflow {
    Workflow::read(&format!("{EXAMPLE}/{name}"))
}

fn documents(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{ROOT}/{EXAMPLE}/gitops/{name}")).unwrap();
    text.split("\n---\n")
        .map(|it| serde_saphyr::from_str(it).unwrap())
        .collect()
}

/// What each step of a job is: its action without the commit, or its name.
fn steps(job: &Value) -> Vec<&str> {
    let steps = job["steps"].as_array().unwrap().iter();
    steps
        .map(|step| match step["uses"].as_str() {
            Some(uses) => uses.split('@').next().unwrap(),
            None => step["name"].as_str().unwrap(),
        })
        .collect()
}

/// Where `earlier` and `later` stand, in this order.
#[track_caller]
fn ordered(steps: &[&str], earlier: &str, later: &str) {
    let place = |wanted: &str| {
        steps
            .iter()
            .position(|it| *it == wanted)
            .unwrap_or_else(|| panic!("no {wanted} in {steps:?}"))
    };
    assert!(
        place(earlier) < place(later),
        "{earlier} before {later}: {steps:?}"
    );
}

#[test]
fn the_application_builds_then_signs_then_asks() {
    let release = workflow("app/.github/workflows/release.yml");
    let jobs = release.jobs();
    assert_eq!(jobs["attest"]["needs"], "build");
    assert_eq!(
        jobs["verify"]["needs"],
        serde_json::json!(["build", "attest"])
    );
    ordered(
        &steps(&jobs["build"]),
        "docker/login-action",
        "docker/build-push-action",
    );
    ordered(&steps(&jobs["attest"]), "sigstore/cosign-installer", "sign");
    ordered(&steps(&jobs["attest"]), "sign", "sbom");
    // What runs the code of dependencies has no identity; what has one runs no such code, not even a checkout.
    assert_eq!(
        release.writes(),
        [
            "attest: attestations",
            "attest: id-token",
            "attest: packages",
            "build: packages",
        ]
    );
    assert!(!steps(&jobs["attest"]).contains(&"actions/checkout"));
    // By digest alone: the digest that the push gave back.
    assert_eq!(
        jobs["build"]["outputs"]["digest"],
        "${{ steps.push.outputs.digest }}"
    );
    assert_eq!(
        jobs["attest"]["env"]["DIGEST"],
        "${{ needs.build.outputs.digest }}"
    );
    for step in jobs["attest"]["steps"].as_array().unwrap() {
        let script = step["run"].as_str().unwrap_or_default();
        for line in script.lines().filter(|line| line.contains("$IMAGE")) {
            assert!(line.contains("\"$IMAGE@$DIGEST\""), "{line}");
        }
    }
}

#[test]
fn what_may_write_to_the_gitops_repository_judges_and_renders_nothing() {
    let update = workflow("gitops/.github/workflows/update.yml");
    let jobs = update.jobs();
    ordered(
        &steps(&jobs["pin"]),
        "newest",
        "countersign-dev/countersign/deploy/ci",
    );
    ordered(
        &steps(&jobs["pin"]),
        "countersign-dev/countersign/deploy/ci",
        "pin",
    );
    assert_eq!(jobs["propose"]["needs"], "pin");
    assert_eq!(
        update.writes(),
        [
            "propose: actions",
            "propose: contents",
            "propose: pull-requests"
        ]
    );
    assert_eq!(
        steps(&jobs["propose"]),
        [
            "actions/checkout",
            "actions/download-artifact",
            "commit",
            "propose"
        ]
    );
    for job in ["pin", "propose"] {
        let checkout = &jobs[job]["steps"][0];
        assert_eq!(checkout["with"]["ref"], "main", "{job}");
    }
    let verify = workflow("gitops/.github/workflows/verify.yml");
    assert_eq!(verify.writes(), [""; 0]);
    let steps = verify.jobs()["verify"]["steps"].as_array().unwrap();
    let gate = &steps.last().unwrap()["with"];
    assert_eq!(
        (&gate["policy-ref"], &gate["require-digest"]),
        (&"main".into(), &true.into())
    );
}

#[test]
fn the_controllers_may_do_what_the_overlay_needs() {
    let [application, project] = &documents("argocd/application.yaml")[..] else {
        panic!("an Application and its AppProject")
    };
    assert_eq!(
        (&application["kind"], &project["kind"]),
        (&"Application".into(), &"AppProject".into())
    );
    assert_eq!(application["spec"]["project"], project["metadata"]["name"]);
    assert_eq!(
        project["spec"]["sourceRepos"],
        serde_json::json!([application["spec"]["source"]["repoURL"]])
    );
    assert_eq!(
        project["spec"]["destinations"],
        serde_json::json!([application["spec"]["destination"]])
    );
    assert_eq!(
        project["spec"]["clusterResourceWhitelist"],
        serde_json::json!([])
    );
    assert_eq!(
        application["spec"]["syncPolicy"]["automated"],
        serde_json::json!({"prune": true, "selfHeal": true})
    );

    let [source, flux] = &documents("flux/kustomization.yaml")[..] else {
        panic!("a GitRepository and a Kustomization")
    };
    assert_eq!(flux["apiVersion"], "kustomize.toolkit.fluxcd.io/v1");
    assert_eq!(
        flux["spec"]["sourceRef"]["name"],
        source["metadata"]["name"]
    );
    assert_eq!(source["spec"]["ref"], serde_json::json!({"branch": "main"}));
    assert!(
        flux["spec"]["serviceAccountName"].is_string(),
        "not as Flux itself"
    );
    assert_eq!(flux["spec"]["wait"], true);

    // Both sync the same folder, and the hook belongs to it.
    let path = application["spec"]["source"]["path"].as_str().unwrap();
    assert_eq!(flux["spec"]["path"], format!("./{path}"));
    let [overlay] = &documents(&format!("{path}/kustomization.yaml"))[..] else {
        panic!("one kustomization")
    };
    assert_eq!(
        overlay["namespace"],
        application["spec"]["destination"]["namespace"]
    );
    let [hook] = &documents("overlays/prod-presync/presync.yaml")[..] else {
        panic!("one Job")
    };
    assert_eq!(
        hook["metadata"]["annotations"]["argocd.argoproj.io/hook"],
        "PreSync"
    );
    let pod = &hook["spec"]["template"]["spec"];
    assert_eq!(
        pod["containers"][0]["args"][3], "IMAGE",
        "where the replacement puts it"
    );
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["volumes"][0]["configMap"]["name"], "countersign-policy");
}
