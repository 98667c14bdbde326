//! Documents of other projects, from checkouts of theirs: `COUNTERSIGN_IMPORT_CORPUS=DIR:DIR cargo test … import_corpus -- --nocapture`.
//!
//! They are not ours to copy, so that without checkouts there is nothing to try. `docs/import.md` has the counts.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::run::{code, command};

const KINDS: [&str; 6] = [
    "ClusterImagePolicy",
    "TrustRoot",
    "ClusterPolicy",
    "Policy",
    "ImageValidatingPolicy",
    "NamespacedImageValidatingPolicy",
];
const GROUPS: [&str; 3] = [
    "policy.sigstore.dev/",
    "kyverno.io/",
    "policies.kyverno.io/",
];

#[test]
fn documents_of_others_are_imported_or_refused() {
    let Some(corpus) = std::env::var_os("COUNTERSIGN_IMPORT_CORPUS") else {
        return;
    };
    let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let mut why: BTreeMap<String, usize> = BTreeMap::new();
    for folder in std::env::split_paths(&corpus) {
        let mut files = Vec::new();
        walk(&folder, &mut files);
        assert!(!files.is_empty(), "{} has no documents", folder.display());
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            for document in documents(&file, &text) {
                if let Some(kind) = kind(&document) {
                    let result = tried(&file, &document, &mut why);
                    *counts.entry((kind, result)).or_default() += 1;
                }
            }
        }
    }
    let mut told = String::new();
    for ((kind, result), count) in &counts {
        told.push_str(&format!("{kind}: {result}: {count}\n"));
    }
    let mut reasons: Vec<_> = why.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (reason, count) in reasons {
        told.push_str(&format!("{count} × {reason}\n"));
    }
    std::io::stdout().write_all(told.as_bytes()).unwrap();
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        let ending = path
            .extension()
            .and_then(|it| it.to_str())
            .unwrap_or_default();
        if entry.file_type().unwrap().is_dir() {
            walk(&path, files);
        } else if ["yaml", "yml", "md", "mdx"].contains(&ending) {
            files.push(path);
        }
    }
}

/// The documents of a file, or those in the fences of a page.
fn documents(file: &Path, text: &str) -> Vec<String> {
    let is_page = file.extension().is_some_and(|it| it == "md" || it == "mdx");
    let texts: Vec<String> = if is_page {
        let fences = text.split("```").skip(1).step_by(2);
        fences
            .filter_map(|fence| fence.split_once('\n'))
            .filter(|(head, _)| head.starts_with("yaml") || head.trim().is_empty())
            .map(|(_, body)| body.to_owned())
            .collect()
    } else {
        vec![text.to_owned()]
    };
    let documents = texts.iter().flat_map(|text| {
        let mut documents = vec![String::new()];
        for line in text.lines() {
            match line {
                line if line.trim_end() == "---" => documents.push(String::new()),
                line => {
                    let document = documents.last_mut().unwrap();
                    document.push_str(line);
                    document.push('\n');
                }
            }
        }
        documents
    });
    documents.collect()
}

/// The kind of a document that the command is for.
fn kind(document: &str) -> Option<String> {
    let field = |name: &str| {
        let line = document.lines().find_map(|line| line.strip_prefix(name))?;
        let value = line.split('#').next().unwrap_or_default();
        Some(value.trim().trim_matches(['"', '\'']).to_owned())
    };
    let kind = field("kind:").filter(|kind| KINDS.contains(&kind.as_str()))?;
    let version = field("apiVersion:")?;
    let is_kyverno = version.starts_with("kyverno.io/");
    let is_known = GROUPS.iter().any(|group| version.starts_with(group));
    (is_known && (!is_kyverno || document.contains("verifyImages:"))).then_some(kind)
}

fn tried(file: &Path, document: &str, why: &mut BTreeMap<String, usize>) -> &'static str {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let shown = format!("{}\n{document}", file.display());
    let Output {
        status,
        stdout,
        stderr,
    } = import(document, &out);
    let [stdout, stderr] = [stdout, stderr].map(|it| String::from_utf8(it).unwrap());
    assert!(!stderr.contains("panicked"), "{shown}\n{stderr}");
    if status.code() == Some(3) {
        let reason = stderr
            .lines()
            .find(|line| line.starts_with("error"))
            .unwrap_or_default();
        *why.entry(format!("refused: {reason}")).or_default() += 1;
        return "refused";
    }
    assert!(matches!(status.code(), Some(0 | 1)), "{shown}\n{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let one = &report["documents"][0];
    for entry in one["entries"].as_array().unwrap() {
        if entry["outcome"] == "not-supported" {
            *why.entry(entry["message"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
    }
    let policy = std::fs::read_to_string(out.join("policy.yaml")).unwrap();
    let is_set = policy.contains("kind: Settings") && !policy.contains("tuf: {");
    if is_set {
        let lint = [
            "policy",
            "lint",
            out.to_str().unwrap(),
            "--deny-warnings",
            "--at",
            crate::run::AT,
        ];
        assert_eq!(code(&lint), Some(0), "{shown}\n{policy}");
    }
    let is_open = |it: &serde_json::Value| it["outcome"] == "not-supported";
    let is_open = one["entries"].as_array().unwrap().iter().any(is_open);
    let is_whole = one["result"] == "carried";
    assert_ne!(is_open, is_whole, "{shown}\n{stdout}");
    assert_eq!(status.code(), Some(i32::from(is_open)), "{shown}\n{stdout}");
    match one["result"].as_str().unwrap() {
        "carried" => "carried",
        "partly" => "partly",
        "denies" => "denies",
        "passed-over" => "passed over",
        other => panic!("{other}: {shown}"),
    }
}

fn import(document: &str, out: &Path) -> Output {
    let out = out.to_str().unwrap();
    let arguments = [
        "policy",
        "import",
        "-",
        "--out",
        out,
        "--report",
        "json",
        "--at",
        crate::run::AT,
    ];
    let mut child = command(&arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(document.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}
