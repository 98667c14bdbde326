//! The real parts run, and are of the versions that their modules pin.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use countersign_e2e::parts;

/// Parts that tell their version, with the module that pins it.
const VERSIONED: [(&str, &str); 5] = [
    ("cosign2", "github.com/sigstore/cosign/v2"),
    ("cosign3", "github.com/sigstore/cosign/v3"),
    ("fulcio", "github.com/sigstore/fulcio"),
    ("rekor-server", "github.com/sigstore/rekor-tiles/v2"),
    (
        "timestamp-server",
        "github.com/sigstore/timestamp-authority/v2",
    ),
];

#[test]
fn each_part_that_tells_its_version_is_the_pinned_one() {
    let Some(parts) = parts(&VERSIONED.map(|(tool, _)| tool)) else {
        return;
    };
    for (tool, module) in VERSIONED {
        let output = parts.command(tool).arg("version").output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let version = said
            .lines()
            .find_map(|line| line.strip_prefix("GitVersion:"))
            .unwrap_or_else(|| panic!("{tool} tells no version: {said}"));
        assert_eq!(version.trim(), pinned(tool, module), "{tool}");
    }
}

#[test]
fn the_parts_of_kubernetes_are_the_pinned_ones() {
    let versioned = [
        ("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
        ("kube-apiserver", "kubernetes", "k8s.io/kubernetes"),
        ("kube-controller-manager", "kubernetes", "k8s.io/kubernetes"),
    ];
    let Some(parts) = parts(&versioned.map(|(tool, ..)| tool)) else {
        return;
    };
    for (tool, folder, module) in versioned {
        let output = parts.command(tool).arg("--version").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let pinned = pinned(folder, module);
        let version = pinned.trim_start_matches('v');
        let first = said.lines().next().unwrap_or_default();
        assert!(first.ends_with(version), "{tool} {pinned}: {said}");
    }
}

#[test]
fn parts_without_a_version_explain_themselves() {
    let tools = [
        "actionlint",
        "sarif-schema",
        "crane",
        "ctstub",
        "docker-registry",
        "helm",
        "kubectl",
        "registry",
    ];
    let Some(parts) = parts(&tools) else {
        return;
    };
    for tool in tools {
        let output = parts.command(tool).arg("--help").output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(said.to_lowercase().contains("usage"), "{tool}: {said}");
    }
}

/// The version of `module` in the tool's `go.mod`.
fn pinned(tool: &str, module: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tools/{tool}/go.mod"));
    let text = fs::read_to_string(file).unwrap();
    let version = text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(module)).then(|| words.next().unwrap().to_owned())
    });
    version.unwrap_or_else(|| panic!("{tool}/go.mod does not require {module}"))
}
