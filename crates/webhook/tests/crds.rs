//! The CustomResourceDefinitions in `deploy/crds`, which are generated: `UPDATE_GOLDEN=1 cargo test -p countersign-webhook --test crds` writes them anew.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_core::PolicySet;
use countersign_webhook::crds;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crds")
}

#[test]
fn deploy_has_the_definitions_and_no_other_files() {
    let folder = folder();
    let all = crds().unwrap();
    let is_updated = std::env::var_os("UPDATE_GOLDEN").is_some();
    if is_updated {
        fs::create_dir_all(&folder).unwrap();
    }
    for (name, text) in &all {
        let path = folder.join(name);
        if is_updated {
            fs::write(&path, text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == *text,
            "{} is not what the code says; run with UPDATE_GOLDEN=1 and read the difference",
            path.display()
        );
    }
    let there = fs::read_dir(&folder).unwrap();
    let there: BTreeSet<String> = there
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(there, all.into_iter().map(|(name, _)| name).collect());
}

#[test]
fn every_kind_of_policy_files_has_a_definition() {
    let schema = PolicySet::schema();
    let kinds: BTreeSet<&str> = schema["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind["properties"]["kind"]["const"].as_str().unwrap())
        .collect();
    let all = crds().unwrap();
    let defined: Vec<Value> = all
        .iter()
        .map(|(_, text)| serde_saphyr::from_str(text).unwrap())
        .collect();
    let names = defined
        .iter()
        .map(|it| it["spec"]["names"]["kind"].as_str().unwrap());
    assert_eq!(names.collect::<BTreeSet<_>>(), kinds);
    for definition in &defined {
        let version = &definition["spec"]["versions"][0];
        let version = format!("countersign.dev/{}", version["name"].as_str().unwrap());
        assert_eq!(
            schema["oneOf"][0]["properties"]["apiVersion"]["const"],
            version
        );
    }
}

#[test]
fn the_program_prints_them() {
    let program = Command::new(env!("CARGO_BIN_EXE_countersign-webhook"))
        .arg("crds")
        .output()
        .unwrap();
    assert!(program.status.success(), "{program:?}");
    let all: String = crds()
        .unwrap()
        .iter()
        .map(|(_, text)| format!("---\n{text}"))
        .collect();
    assert_eq!(String::from_utf8(program.stdout).unwrap(), all);
}
