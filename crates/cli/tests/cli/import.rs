//! `policy import`: what is written, what is told of it, and that it decides as the original would.

use std::path::{Path, PathBuf};

use insta::assert_snapshot;

use crate::run::{AT, ROOT, code, output, transcript};

const FOLDER: &str = "crates/cli/tests/cli/import";

fn import(file: &str) -> Vec<String> {
    let path = format!("{FOLDER}/{file}.yaml");
    ["policy", "import", &path, "--at", AT]
        .map(str::to_owned)
        .to_vec()
}

fn told(file: &str) -> String {
    let arguments = import(file);
    transcript(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn every_field_is_told() {
    for file in [
        "controller-fields",
        "kyverno-fields",
        "validating-fields",
        "controller-root",
    ] {
        assert_snapshot!(format!("import-{file}"), told(file));
    }
}

#[test]
fn programs_read_the_report_too() {
    let told = transcript(&[
        "policy",
        "import",
        "crates/cli/tests/cli/import/controller-keyed.yaml",
        "--report",
        "json",
        "--at",
        AT,
    ]);
    assert_snapshot!("import-json", told);
}

/// The set that becomes of some documents of the folder, in a file of its own.
fn imported(folder: &Path, files: &[&str]) -> PathBuf {
    let out = folder.join("policy.yaml");
    let paths: Vec<String> = files
        .iter()
        .map(|file| format!("{FOLDER}/{file}.yaml"))
        .collect();
    let mut arguments = vec![
        "policy",
        "import",
        "--at",
        AT,
        "--out",
        out.to_str().unwrap(),
    ];
    arguments.extend(paths.iter().map(String::as_str));
    let output = output(&arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    out
}

/// How an import of a file or folder into another file ends.
fn import_to(from: &Path, out: &Path) -> Option<i32> {
    let (from, out) = (from.to_str().unwrap(), out.to_str().unwrap());
    code(&["policy", "import", from, "--at", AT, "--out", out])
}

/// Image, and whether the original lets it run.
fn decided(policy: &Path, image: &str, name: &str) -> Option<i32> {
    let layout = format!("oci:{ROOT}/testdata/images/{image}");
    let policy = policy.to_str().unwrap();
    code(&[
        "verify", &layout, "--policy", policy, "--as", name, "--at", AT,
    ])
}

#[test]
fn imported_policies_decide_as_the_originals() {
    let folder = tempfile::tempdir().unwrap();
    let controller = |file| vec![file, "controller-root"];
    for (number, (files, signed)) in [
        (vec!["controller-keyed"], "signed-keyed-legacy"),
        (controller("controller-keyless"), "signed-keyless-legacy"),
        (vec!["kyverno-keyed"], "signed-keyed-legacy"),
        (vec!["kyverno-keyless"], "signed-keyless-legacy"),
        (vec!["validating-keyed"], "signed-keyed-legacy"),
        (vec!["validating-keyed"], "signed-keyed"),
        (vec!["validating-keyless"], "signed-keyless-legacy"),
    ]
    .into_iter()
    .enumerate()
    {
        let place = folder.path().join(number.to_string());
        std::fs::create_dir(&place).unwrap();
        let policy = imported(&place, &files);
        let app = "registry.example/acme/app:v1";
        assert_eq!(decided(&policy, signed, app), Some(0), "{files:?}");
        for other in ["unsigned", "foreign-signed", "signed-keyless-other"] {
            assert_eq!(decided(&policy, other, app), Some(1), "{files:?} {other}");
        }
        // policy-controller keeps out what no policy names, and Kyverno lets it run.
        let is_kyverno = !files.iter().any(|file| file.starts_with("controller"));
        let expected = if is_kyverno { 0 } else { 1 };
        let elsewhere = decided(&policy, "unsigned", "elsewhere.example/app:v1");
        assert_eq!(elsewhere, Some(expected), "{files:?}");
        assert_eq!(
            code(&[
                "policy",
                "lint",
                policy.to_str().unwrap(),
                "--deny-warnings",
                "--at",
                AT
            ]),
            Some(0)
        );
    }
}

/// What could not be carried over denies what it names, and does so whoever has signed.
#[test]
fn what_is_left_out_denies() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("policy.yaml");
    let fields = format!("{FOLDER}/controller-fields.yaml");
    assert_eq!(import_to(Path::new(&fields), &out), Some(1));
    for (name, expected) in [
        ("ghcr.io/acme/content/app:v1", 1),
        ("ghcr.io/acme/results/app:v1", 1),
        ("ghcr.io/acme/tagged:v1", 1),
        ("ghcr.io/acme/workloads/app:v1", 1),
        ("evil.example/app:v1", 1),
        ("elsewhere.example/app:v1", 1),
        ("registry.k8s.io/pause:v1", 0),
        ("ghcr.io/acme/new/app:v1", 0),
    ] {
        assert_eq!(
            decided(&out, "signed-keyed-legacy", name),
            Some(expected),
            "{name}"
        );
    }
}

/// Each change takes something away that keeps images out, or adds what nobody here knows: the result denies.
#[test]
fn what_is_not_understood_denies() {
    let folder = tempfile::tempdir().unwrap();
    let keyed =
        |file: &str| std::fs::read_to_string(format!("{ROOT}/{FOLDER}/{file}-keyed.yaml")).unwrap();
    let changes: [(&str, &str, &str); 17] = [
        (
            "controller",
            "  authorities:",
            "  newField: 1\n  authorities:",
        ),
        (
            "controller",
            "      key:",
            "      newField: {a: [1]}\n      key:",
        ),
        (
            "controller",
            "        data: |",
            "        newField: true\n        data: |",
        ),
        (
            "controller",
            "      key:",
            "      attestations: [{name: x}]\n      key:",
        ),
        (
            "controller",
            "      key:",
            "      attestations: [{name: x, predicateType: vuln, policy: {type: cue, data: x}}]\n      key:",
        ),
        (
            "controller",
            "      key:",
            "      ctlog: {trustRootRef: x}\n      key:",
        ),
        (
            "controller",
            "      key:",
            "      signatureFormat: new\n      key:",
        ),
        (
            "controller",
            "  authorities:",
            "  policy: {type: cue, data: x}\n  authorities:",
        ),
        (
            "kyverno",
            "          attestors:",
            "          annotations: {a: b}\n          attestors:",
        ),
        (
            "kyverno",
            "          attestors:",
            "          type: Notary\n          attestors:",
        ),
        (
            "kyverno",
            "          attestors:",
            "          validate: {deny: {}}\n          attestors:",
        ),
        (
            "kyverno",
            "            - entries:",
            "            - count: 2\n              entries:",
        ),
        (
            "kyverno",
            "                - keys:",
            "                - annotations: {a: b}\n                  keys:",
        ),
        (
            "kyverno",
            "          attestors:",
            "          attestations: [{type: x}]\n          attestors:",
        ),
        ("kyverno", "  rules:", "  newField: 1\n  rules:"),
        ("validating", "e > 0)", "e >= 0)"),
        (
            "validating",
            "        ctlog:",
            "        annotations: {a: b}\n        ctlog:",
        ),
    ];
    for (number, (project, from, to)) in changes.into_iter().enumerate() {
        let text = keyed(project);
        assert!(text.contains(from), "{project}: {from}");
        let file = folder.path().join(format!("{number}.yaml"));
        std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
        let out = folder.path().join(format!("out-{number}.yaml"));
        assert_eq!(import_to(&file, &out), Some(1), "{project}: {to}");
        let decided = decided(&out, "signed-keyed-legacy", "registry.example/acme/app:v1");
        assert_eq!(decided, Some(1), "{project}: {to}");
    }
}

/// Modes that never deny in the original do not here, and do not hide that others do.
#[test]
fn warnings_stay_warnings() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (project, from, to)) in [
        ("controller", "  images:", "  mode: warn\n  images:"),
        (
            "kyverno",
            "validationFailureAction: Enforce",
            "validationFailureAction: Audit",
        ),
        ("validating", "[Deny]", "[Warn]"),
    ]
    .into_iter()
    .enumerate()
    {
        let text =
            std::fs::read_to_string(format!("{ROOT}/{FOLDER}/{project}-keyed.yaml")).unwrap();
        let file = folder.path().join(format!("{number}.yaml"));
        std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
        let out = folder.path().join(format!("out-{number}.yaml"));
        assert_eq!(import_to(&file, &out), Some(0), "{project}");
        let unsigned = |name| decided(&out, "unsigned", name);
        assert_eq!(
            unsigned("registry.example/acme/app:v1"),
            Some(0),
            "{project}"
        );
        let elsewhere = if project == "controller" { 1 } else { 0 };
        assert_eq!(
            unsigned("elsewhere.example/app:v1"),
            Some(elsewhere),
            "{project}"
        );
    }
}

#[test]
fn what_cannot_be_imported_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |text: &str| {
        let file = folder.path().join("input.yaml");
        std::fs::write(&file, text).unwrap();
        let output = output(&["policy", "import", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(3), "{text}\n{output:?}");
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    let policy = "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: x}\nspec: {images: [{glob: '**'}], authorities: [{static: {action: pass}}]}\n";
    let other = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: x}\nspec: {rules: [{name: x, verifyImages: [{imageReferences: ['*']}]}]}\n";
    for (text, why) in [
        (String::new(), "nothing can be imported"),
        ("kind: ConfigMap\n".to_owned(), "nothing can be imported"),
        (format!("{policy}---\n{other}"), "import them into two sets"),
        (format!("{policy}---\na: [b"), "nothing was imported"),
        (
            format!("{policy}---\na: &x 1\nb: *x"),
            "nothing was imported",
        ),
        (
            format!(
                "{policy}---\nkind: ConfigMap\nmetadata: {{name: config-policy-controller}}\ndata: {{no-match-policy: perhaps}}"
            ),
            "no-match-policy",
        ),
    ] {
        let told = refused(&text);
        assert!(told.contains(why), "{text}\n{told}");
    }
    assert_eq!(code(&["policy", "import", "/nowhere"]), Some(3));
    assert_eq!(code(&["policy", "import"]), Some(3));
}

/// Files that somebody may have edited stay as they are.
#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let first = imported(folder.path(), &["controller-keyed"]);
    let before = std::fs::read(&first).unwrap();
    let keyed = format!("{FOLDER}/kyverno-keyed.yaml");
    let arguments = ["policy", "import", &keyed, "--out", first.to_str().unwrap()];
    assert_eq!(code(&arguments), Some(2));
    assert_eq!(std::fs::read(&first).unwrap(), before);
}

/// A list is its items, and what happens to an image that no policy names is what the controller was told.
#[test]
fn lists_and_configuration_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: policy.sigstore.dev/v1beta1\n  kind: ClusterImagePolicy\n  metadata: {name: x}\n  spec: {images: [{glob: 'h.example/a:v1'}], authorities: [{static: {action: fail}}]}\n- kind: ConfigMap\n  apiVersion: v1\n  metadata: {name: config-policy-controller}\n  data: {no-match-policy: allow}\n";
    std::fs::write(folder.path().join("list.yaml"), list).unwrap();
    let out = folder.path().join("out.yaml");
    assert_eq!(import_to(folder.path(), &out), Some(0));
    assert_eq!(
        decided(&out, "unsigned", "elsewhere.example/app:v1"),
        Some(0)
    );
    assert_eq!(decided(&out, "unsigned", "h.example/a:v1"), Some(1));
}

/// The page's session, and the report that it shows.
#[test]
fn the_documented_session_is_what_happens() {
    let page = include_str!("../../../../docs/import.md");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("imported.yaml").display().to_string();
    let (_, rest) = page.split_once("```console\n").unwrap();
    let (session, rest) = rest.split_once("```").unwrap();
    let (_, rest) = rest.split_once("```text\n").unwrap();
    let (report, _) = rest.split_once("```").unwrap();
    let mut codes = Vec::new();
    for line in session.lines() {
        let line = line
            .strip_prefix("$ countersign ")
            .unwrap()
            .replace("imported.yaml", &out);
        let done = output(&line.split(' ').collect::<Vec<_>>());
        if codes.is_empty() {
            assert_eq!(String::from_utf8(done.stdout).unwrap(), report);
        }
        codes.push(done.status.code().unwrap());
    }
    assert_eq!(codes, [0, 0, 0, 1]);
}

/// An error of the linter that no field foresaw closes the Policy, and the run says so.
#[test]
fn what_the_linter_refuses_denies() {
    let folder = tempfile::tempdir().unwrap();
    let keyless = "kind: ClusterPolicy\napiVersion: kyverno.io/v1\nmetadata: {name: x}\nspec:\n  validationFailureAction: Enforce\n  rules:\n  - name: r\n    verifyImages:\n    - imageReferences: ['registry.example/*']\n      attestors:\n      - entries:\n        - keyless:\n            issuer: https://accounts.google.com\n            subject: dev@acme.example\n            additionalExtensions: {githubWorkflowSha: abc}\n";
    let file = folder.path().join("in.yaml");
    std::fs::write(&file, keyless).unwrap();
    let out = folder.path().join("out.yaml");
    let arguments = [
        "policy",
        "import",
        file.to_str().unwrap(),
        "--at",
        AT,
        "--out",
        out.to_str().unwrap(),
    ];
    let done = output(&arguments);
    let told = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(1), "{told}");
    assert!(told.contains("this cannot be said here"), "{told}");
    assert_eq!(
        decided(&out, "signed-keyed-legacy", "registry.example/acme/app:v1"),
        Some(1)
    );
    assert_eq!(
        code(&[
            "policy",
            "lint",
            out.to_str().unwrap(),
            "--deny-warnings",
            "--at",
            AT
        ]),
        Some(0)
    );
}

/// Where any of several counts, one that another covers is left out; where several have to sign, the Policy denies.
#[test]
fn signers_that_overlap_count_once() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (count, closed)) in [("1", false), ("2", true)].into_iter().enumerate() {
        let keyless = format!(
            "kind: ClusterPolicy\napiVersion: kyverno.io/v1\nmetadata: {{name: x}}\nspec:\n  rules:\n  - name: r\n    verifyImages:\n    - imageReferences: ['registry.example/*']\n      attestors:\n      - count: {count}\n        entries:\n        - keyless: {{issuer: 'https://i.example', subject: dev@acme.example}}\n        - keyless: {{issuer: 'https://i.example', subject: '*@acme.example'}}\n        - keyless: {{issuer: 'https://i.example', subject: ops@beta.example}}\n"
        );
        let file = folder.path().join(format!("{number}.yaml"));
        std::fs::write(&file, keyless).unwrap();
        let done = output(&["policy", "import", file.to_str().unwrap(), "--at", AT]);
        let [policy, told] = [done.stdout, done.stderr].map(|it| String::from_utf8(it).unwrap());
        assert_eq!(done.status.code(), Some(i32::from(closed)), "{told}");
        assert_eq!(policy.contains("not-imported.invalid"), closed, "{policy}");
        assert_eq!(
            told.contains("was left out: another accepts the same identity"),
            !closed,
            "{told}"
        );
        assert_eq!(
            policy.contains("{any: [x-r-2, x-r-3]}"),
            !closed,
            "{policy}"
        );
    }
}

/// What is attested counts where only its type is asked for, and denies where what it says was looked at by what is not read here.
#[test]
fn content_that_is_not_read_denies() {
    let folder = tempfile::tempdir().unwrap();
    let vuln = "https://cosign.sigstore.dev/attestation/vuln/v1";
    let controller = "      attestations: [{name: x, predicateType: vuln}]\n      key:";
    let cue = "      attestations: [{name: x, predicateType: vuln, policy: {type: cue, data: x}}]\n      key:";
    let key = std::fs::read_to_string(format!("{ROOT}/testdata/keys/release.pub")).unwrap();
    let key: String = key
        .lines()
        .map(|line| format!("                        {line}\n"))
        .collect();
    let attested = |more: &str| {
        format!(
            "          attestations:\n            - type: {vuln}\n{more}              attestors:\n                - entries:\n                    - keys:\n                        rekor: {{ignoreTlog: true}}\n                        publicKeys: |\n{}          attestors:",
            key.replace("                        ", "                          ")
        )
    };
    let conditions = "              conditions: [{all: [{key: a, operator: Equals, value: a}]}]\n";
    for (number, (project, from, to, expected)) in [
        ("controller", "      key:", controller.to_owned(), 0),
        ("controller", "      key:", cue.to_owned(), 1),
        ("kyverno", "          attestors:", attested(""), 0),
        ("kyverno", "          attestors:", attested(conditions), 1),
    ]
    .into_iter()
    .enumerate()
    {
        let text =
            std::fs::read_to_string(format!("{ROOT}/{FOLDER}/{project}-keyed.yaml")).unwrap();
        let file = folder.path().join(format!("{number}.yaml"));
        std::fs::write(&file, text.replacen(from, &to, 1)).unwrap();
        let out = folder.path().join(format!("out-{number}.yaml"));
        assert_eq!(import_to(&file, &out), Some(expected), "{project}: {to}");
        let app = "registry.example/acme/app:v1";
        assert_eq!(
            decided(&out, "attested-keyed-legacy", app),
            Some(expected),
            "{project}: {to}"
        );
        assert_eq!(
            decided(&out, "signed-keyed-legacy", app),
            Some(1),
            "{project}: {to}"
        );
    }
}
