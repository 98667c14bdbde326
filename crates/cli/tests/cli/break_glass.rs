//! `countersign break-glass`: as its page says, with real keys; and what is refused before anything is signed.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use countersign_core::Report;
use countersign_testkit::page::blocks;
use insta::assert_snapshot;

use crate::run::ROOT;

const DIGEST: &str = "sha256:8541568e2346d2a22df24e5eaf2bb28975e85d5a73e64759fc1597e97986c8c4";
/// Nobody listens there.
const HOST: &str = "127.0.0.1:1";

/// A folder with the people's keys and the policy.
struct Night(tempfile::TempDir);

impl Night {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let night = Self(folder);
        for (name, key) in [
            ("oncall-a", "p256.ec.pem"),
            ("oncall-b", "ed25519.pem"),
            ("lead", "rsa2048.pem"),
        ] {
            let key = format!("{ROOT}/crates/sign/tests/keys/{key}");
            fs::copy(key, night.0.path().join(format!("{name}.pem"))).unwrap();
        }
        fs::write(night.0.path().join("policy.yaml"), policy()).unwrap();
        night
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear();
        command.output().unwrap()
    }

    fn code(&self, arguments: &[&str]) -> i32 {
        self.run(arguments).status.code().unwrap()
    }

    /// What is printed, without what is new in each run.
    fn told(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        let (out, err) = (text(output.stdout), text(output.stderr));
        format!(
            "$ countersign {}\n{out}--- standard error\n{err}--- exit code {code}\n",
            arguments.join(" ")
        )
    }

    /// A statement that always says the same.
    fn sign(&self, out: &str, more: &[&str]) -> Output {
        let image = format!("{HOST}/acme/shop@{DIGEST}");
        let fixed = [
            "break-glass",
            "sign",
            "--image",
            &image,
            "--cluster",
            "prod-eu-1",
            "--namespace",
            "shop",
            "--reason",
            "the log is down",
            "--ticket",
            "INC-7",
            "--requested-by",
            "amara",
            "--key",
            "oncall-a.pem",
            "--out",
            out,
        ];
        self.run(&[&fixed, more].concat())
    }

    fn fixed(&self) {
        let more = [
            "--id",
            "bg-1",
            "--not-before",
            "2098-01-01T00:00:00Z",
            "--for",
            "2h",
        ];
        assert!(self.sign("fix.jsonl", &more).status.success());
        assert_eq!(
            self.code(&["break-glass", "sign", "fix.jsonl", "--key", "oncall-b.pem"]),
            0
        );
    }
}

/// What the page shows, with the people's keys and a policy.
fn policy() -> String {
    let page = include_str!("../../../../docs/break-glass.md");
    let documents = blocks(page, "yaml").next().unwrap();
    let signer = |name: &str, key: &str| {
        let pem = fs::read_to_string(format!("{ROOT}/crates/sign/tests/keys/{key}")).unwrap();
        let pem: String = pem
            .lines()
            .map(|line| format!("        {line}\n"))
            .collect();
        format!(
            "---\napiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: {name}}}\nspec:\n  log: off\n  time: none\n  keys:\n    - id: k\n      pem: |\n{pem}"
        )
    };
    format!(
        "{documents}{}{}{}---\napiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {{name: production}}\nspec:\n  images: [\"{HOST}/acme/**\"]\n  rules:\n    - {{name: signed, signature: {{from: lead}}}}\n",
        signer("oncall-a", "p256.pub"),
        signer("oncall-b", "ed25519.pub"),
        signer("lead", "rsa2048.pub"),
    )
}

/// The words of a command line, of which some stand in quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('"').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn the_page_is_true_command_by_command() {
    let page = include_str!("../../../../docs/break-glass.md");
    let night = Night::new();
    let mut ran = 0;
    for block in blocks(page, "console") {
        let mut lines = block.lines();
        while let Some(line) = lines.next() {
            let line = line.strip_prefix("$ countersign ").unwrap();
            let line = line.replace("registry.example", HOST);
            let wanted = lines.next().unwrap().strip_prefix("# exit code ").unwrap();
            let words = words(&line);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let output = night.run(&words);
            let found = output.status.code().unwrap().to_string();
            assert_eq!(
                found,
                wanted,
                "{line}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            ran += 1;
        }
    }
    assert_eq!(ran, 10);
}

#[test]
fn what_is_approved_and_used_is_shown() {
    let night = Night::new();
    night.fixed();
    let image = format!("{HOST}/acme/shop@{DIGEST}");
    assert_snapshot!(
        "break-glass-show",
        night.told(&["break-glass", "show", "fix.jsonl"])
    );
    let judge = [
        "break-glass",
        "verify",
        "fix.jsonl",
        "--policy",
        "policy.yaml",
        "--at",
    ];
    let at = |time| [&judge[..], &[time]].concat();
    let without_digests = |text: String| {
        let bundle = fs::read(night.path("fix.jsonl")).unwrap();
        let bundles = bundle.split(|it| *it == b'\n').filter(|it| !it.is_empty());
        let mut text = text;
        for (number, bundle) in bundles.enumerate() {
            let digest = countersign_core::Digest::of(bundle).to_string();
            text = text.replace(&digest, &format!("(bundle {number})"));
        }
        text
    };
    assert_snapshot!("break-glass-holds", night.told(&at("2098-01-01T01:00:00Z")));
    assert_snapshot!(
        "break-glass-expired",
        night.told(&at("2098-01-01T02:00:00Z"))
    );
    let verify = [
        "verify",
        &image,
        "--policy",
        "policy.yaml",
        "--namespace",
        "shop",
        "--break-glass",
        "fix.jsonl",
        "--at",
        "2098-01-01T01:00:00Z",
    ];
    let told = night.told(&verify);
    let told: Vec<&str> = told
        .lines()
        .filter(|line| !line.contains("os error"))
        .collect();
    assert_snapshot!("break-glass-used", without_digests(told.join("\n")));
    let late = [&verify[..9], &["2098-01-01T02:00:00Z"]].concat();
    assert_eq!(night.code(&late), 2);
}

#[test]
fn the_record_is_replayed_offline() {
    let night = Night::new();
    night.fixed();
    let image = format!("{HOST}/acme/shop@{DIGEST}");
    let output = night.run(&[
        "verify",
        &image,
        "--policy",
        "policy.yaml",
        "--namespace",
        "shop",
        "--break-glass",
        "fix.jsonl",
        "--at",
        "2098-01-01T01:00:00Z",
        "--format",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(0));
    let report = Report::from_json(&output.stdout).unwrap();
    let part = report.images[0].break_glass.as_ref().unwrap();
    assert!(part.used);
    assert_eq!(part.enforced, "unknown");
    fs::write(night.path("record.json"), &output.stdout).unwrap();
    fs::remove_file(night.path("fix.jsonl")).unwrap();
    let again = night.run(&[
        "replay",
        "record.json",
        "--policy",
        "policy.yaml",
        "--format",
        "json",
    ]);
    assert_eq!(
        again.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    assert_eq!(again.stdout, output.stdout);
    // Without one of the approvals it is another decision.
    let mut less = report;
    less.images[0].request.break_glass.pop();
    fs::write(night.path("record.json"), less.to_json()).unwrap();
    assert_eq!(
        night.code(&["replay", "record.json", "--policy", "policy.yaml"]),
        2
    );
}

#[test]
fn approvals_in_several_files_count_together_where_the_bytes_are_the_same() {
    let night = Night::new();
    night.fixed();
    let text = fs::read_to_string(night.path("fix.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    let image = format!("{HOST}/acme/shop@{DIGEST}");
    let verify = |files: &[&str]| {
        let mut arguments = vec![
            "verify",
            &image,
            "--policy",
            "policy.yaml",
            "--namespace",
            "shop",
            "--at",
            "2098-01-01T01:00:00Z",
        ];
        for file in files {
            arguments.extend(["--break-glass", file]);
        }
        night.code(&arguments)
    };
    for (name, line) in [("one.json", lines[0]), ("two.json", lines[1])] {
        fs::write(night.path(name), line).unwrap();
    }
    assert_eq!(verify(&["one.json"]), 2);
    assert_eq!(verify(&["one.json", "one.json"]), 2);
    assert_eq!(verify(&["one.json", "two.json"]), 0);
    assert_eq!(verify(&["one.json", "none.json"]), 2);
    // Another text of the same emergency.
    let more = [
        "--id",
        "bg-1",
        "--not-before",
        "2098-01-01T00:00:00Z",
        "--for",
        "3h",
    ];
    assert!(night.sign("other.jsonl", &more).status.success());
    assert_eq!(verify(&["two.json", "other.jsonl"]), 2);
}

#[test]
fn nothing_is_signed_that_is_not_understood() {
    let night = Night::new();
    night.fixed();
    let refused = |arguments: &[&str], why: &str| {
        let output = night.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    };
    let sign = |more: &[&str]| {
        let output = night.sign("new.jsonl", more);
        assert!(!night.path("new.jsonl").exists(), "{more:?}");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    for (more, why) in [
        (vec!["--for", "0h"], "no span of time"),
        (
            vec!["--for", "2h", "--not-before", "2001-01-01T00:00:00Z"],
            "does not hold any more",
        ),
        (
            vec![
                "--not-after",
                "2098-01-01T00:00:00Z",
                "--not-before",
                "2098-01-01T00:00:00Z",
            ],
            "not later",
        ),
        (vec!["--for", "2h", "--id", "a b"], "`id`"),
        (vec!["--for", "2h", "--namespace", "*"], "no name"),
        (
            vec!["--for", "2h", "--image", "ghcr.io/acme/shop:v1"],
            "name the digest",
        ),
        (
            vec!["--for", "2h", "--whole-namespace"],
            "cannot be used with",
        ),
    ] {
        let (code, said) = sign(&more);
        assert_eq!(code, Some(3), "{more:?}: {said}");
        assert!(said.contains(why), "{more:?}: {said}");
    }
    let (a, b) = ("oncall-a.pem", "oncall-b.pem");
    refused(
        &["break-glass", "sign", "fix.jsonl", "--key", a],
        "has signed it already",
    );
    refused(&["break-glass", "sign", "fix.jsonl"], "--key");
    refused(
        &[
            "break-glass",
            "sign",
            "fix.jsonl",
            "--key",
            a,
            "--reason",
            "x",
        ],
        "cannot be used with",
    );
    // A file of two statements.
    let fix = fs::read_to_string(night.path("fix.jsonl")).unwrap();
    assert!(night.sign("other.jsonl", &["--for", "2h"]).status.success());
    let other = fs::read_to_string(night.path("other.jsonl")).unwrap();
    fs::write(night.path("both.jsonl"), format!("{fix}{other}")).unwrap();
    refused(
        &["break-glass", "sign", "both.jsonl", "--key", "lead.pem"],
        "different statements",
    );
    fs::write(night.path("bad.jsonl"), "{}\n").unwrap();
    refused(
        &["break-glass", "sign", "bad.jsonl", "--key", b],
        "cannot be read",
    );
    assert_eq!(night.code(&["break-glass", "show", "bad.jsonl"]), 2);
    assert_eq!(
        night.code(&[
            "break-glass",
            "verify",
            "bad.jsonl",
            "--policy",
            "policy.yaml"
        ]),
        1
    );
    // The bytes that are approved, for whoever signs with something else.
    let write =
        |file: &str| night.code(&["break-glass", "show", file, "--statement", "statement.json"]);
    assert_eq!(write("both.jsonl"), 3);
    assert_eq!(write("fix.jsonl"), 0);
    let statement = fs::read(night.path("statement.json")).unwrap();
    let digest = countersign_core::Digest::of(&statement).to_string();
    assert!(
        night
            .told(&["break-glass", "show", "fix.jsonl"])
            .contains(&digest)
    );
    assert_eq!(write("fix.jsonl"), 2, "it is there already");
    // What is there is left alone.
    assert_eq!(
        night.sign("other.jsonl", &["--for", "2h"]).status.code(),
        Some(2)
    );
    assert_eq!(
        fs::read_to_string(night.path("other.jsonl")).unwrap(),
        other
    );
}

#[test]
fn ids_are_new_each_time_and_a_whole_namespace_is_named() {
    let night = Night::new();
    let id = |file: &str| {
        let output = night.run(&["break-glass", "show", file, "--format", "json"]);
        let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        shown["statements"][0].clone()
    };
    for file in ["one.jsonl", "two.jsonl"] {
        assert!(night.sign(file, &["--for", "2h"]).status.success());
    }
    assert_ne!(id("one.jsonl")["id"], id("two.jsonl")["id"]);
    let whole = night.run(&[
        "break-glass",
        "sign",
        "--whole-namespace",
        "--cluster",
        "prod-eu-1",
        "--namespace",
        "shop",
        "--namespace",
        "cart",
        "--reason",
        "all is down",
        "--ticket",
        "INC-8",
        "--requested-by",
        "amara",
        "--for",
        "1h",
        "--key",
        "lead.pem",
        "--out",
        "whole.jsonl",
    ]);
    assert!(
        whole.status.success(),
        "{}",
        String::from_utf8_lossy(&whole.stderr)
    );
    assert!(String::from_utf8_lossy(&whole.stderr).contains("EVERY IMAGE"));
    let shown = id("whole.jsonl");
    assert_eq!(shown["scope"], "namespace");
    assert_eq!(shown["namespaces"], serde_json::json!(["shop", "cart"]));
    let judged = night.run(&[
        "break-glass",
        "verify",
        "whole.jsonl",
        "--policy",
        "policy.yaml",
        "--format",
        "json",
    ]);
    assert_eq!(judged.status.code(), Some(1));
    let judged: serde_json::Value = serde_json::from_slice(&judged.stdout).unwrap();
    assert_eq!(judged["verdicts"].as_array().unwrap().len(), 2);
    assert_eq!(
        judged["verdicts"][1]["breakGlass"]["statements"][0]["status"],
        "out-of-scope"
    );
    assert!(Path::new(&night.path("whole.jsonl")).exists());
}
