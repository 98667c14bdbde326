//! `docs/gitops.md` shows nothing that is not in a tested file. These tests need no parts.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_e2e::workspace;
use countersign_testkit::page::blocks;
use serde_json::Value;

const EXAMPLE: &str = "docs/examples/github-actions-argocd/gitops";

/// What other tests take from the page, by words in it.
const TAKEN: [&str; 3] = [SERVER_SIDE, PLUGIN, COMPONENT];
pub(crate) const SERVER_SIDE: &str = "ServerSideDiff=false";
pub(crate) const PLUGIN: &str = "name: HELM_VALUES";
pub(crate) const COMPONENT: &str = "components: ";

/// The YAML of the page with these words in it.
pub(crate) fn block(words: &str) -> String {
    let page = page();
    let found: Vec<&str> = blocks(&page, "yaml")
        .filter(|it| it.contains(words))
        .collect();
    assert_eq!(found.len(), 1, "{words}");
    found[0].to_owned()
}

fn page() -> String {
    fs::read_to_string(workspace().join("docs/gitops.md")).unwrap()
}

/// All files below a folder of the workspace.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let (folders, mut all): (Vec<_>, Vec<_>) = entries.partition(|it| it.is_dir());
    all.extend(folders.iter().flat_map(|it| files(it)));
    all
}

#[test]
fn every_yaml_of_the_page_is_of_a_tested_file() {
    let mut texts = Vec::new();
    for folder in ["deploy/argocd", EXAMPLE] {
        let all = files(&workspace().join(folder));
        texts.extend(all.iter().map(|it| fs::read_to_string(it).unwrap()));
    }
    let page = page();
    let blocks: Vec<&str> = blocks(&page, "yaml").collect();
    assert!(blocks.len() >= 3, "{} blocks", blocks.len());
    for block in blocks {
        let is_taken = TAKEN.iter().any(|it| block.contains(it));
        let is_of_a_file = texts.iter().any(|it| it.contains(block));
        assert!(is_taken || is_of_a_file, "{block}");
    }
}

#[test]
fn every_file_of_the_folder_is_explained() {
    let page = page();
    for file in files(&workspace().join("deploy/argocd")) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let link = format!("](../deploy/argocd/{name})");
        assert!(
            page.contains(&link),
            "docs/gitops.md does not link to {name}"
        );
    }
}

/// Flux' own types are not here to ask; what can be held together is.
#[test]
fn the_objects_of_flux_belong_together_and_lead_to_the_overlay() {
    let gitops = workspace().join(EXAMPLE);
    let text = fs::read_to_string(gitops.join("flux/kustomization.yaml")).unwrap();
    let (source, kustomization) = text.split_once("\n---\n").unwrap();
    let [source, kustomization] =
        [source, kustomization].map(|it| -> Value { serde_saphyr::from_str(it).unwrap() });
    assert_eq!(source["apiVersion"], "source.toolkit.fluxcd.io/v1");
    assert_eq!(
        kustomization["apiVersion"],
        "kustomize.toolkit.fluxcd.io/v1"
    );
    let of = &kustomization["spec"];
    assert_eq!(of["sourceRef"]["kind"], source["kind"]);
    assert_eq!(of["sourceRef"]["name"], source["metadata"]["name"]);
    assert_eq!(
        kustomization["metadata"]["namespace"],
        source["metadata"]["namespace"]
    );
    let path = of["path"].as_str().unwrap();
    assert!(
        gitops.join(path).join("kustomization.yaml").is_file(),
        "{path}"
    );
    // The same overlay as the gate of the pull request renders, and as Argo CD syncs.
    let overlay = path.trim_start_matches("./");
    let gate = fs::read_to_string(gitops.join(".github/workflows/verify.yml")).unwrap();
    assert!(gate.contains(&format!("kubectl kustomize {overlay} ")));
    let argo = fs::read_to_string(gitops.join("argocd/application.yaml")).unwrap();
    assert!(argo.contains(&format!("path: {overlay}\n")));
    // A denied Pod is a failure only where somebody waits for it.
    assert_eq!(
        (&of["wait"], &of["prune"]),
        (&Value::Bool(true), &Value::Bool(true))
    );
}
