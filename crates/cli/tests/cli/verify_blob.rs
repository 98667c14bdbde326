//! `verify-blob`: the policies that judge images judge a file, by bundles that are handed over.

use std::fs;
use std::path::Path;

use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::policy::KeyedPolicy;
use insta::assert_snapshot;
use serde_json::json;

use crate::run::{code, transcript};

const SIGNED: i64 = 1_790_000_000;
const AT: &str = "2026-10-01T00:00:00Z";
const FILE: &[u8] = b"module(name = \"app\")\n";
const TEST: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// A file, bundles about it by one key, and policies.
struct Scene {
    folder: tempfile::TempDir,
    key: Key,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::generate(Algorithm::P256);
        let forge = Forge::new(SIGNED);
        let digest = countersign_core::Digest::of(FILE).to_string();
        let attested = forge.attestation(&digest, TEST, json!({"result": "PASSED"}));
        let attested = attested.keyed(&key).bundle();
        let signed = forge.blob(FILE).keyed(&key).bundle();
        let scene = Self { folder, key };
        scene.write("file", FILE);
        scene.write("other", b"something else");
        scene.write("attested.json", &attested);
        scene.write("signed.json", &signed);
        scene.write(
            "both.jsonl",
            &[&attested[..], b"\n\n", &signed, b"\n"].concat(),
        );
        scene.write("broken.json", b"{\"mediaType\": 1}");
        scene.write("empty.jsonl", b"\n");
        let signature = "signature: {from: key, blob: true}";
        let statement = format!("statement: {{from: key, match: any, predicateType: \"{TEST}\"}}");
        scene.policy("signature.yaml", &[signature]);
        scene.policy("image.yaml", &["signature: {from: key}"]);
        scene.policy("statement.yaml", &[&statement]);
        scene.policy("both.yaml", &[signature, &statement, "digest: required"]);
        scene
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    fn policy(&self, name: &str, conditions: &[&str]) {
        let mut policy = KeyedPolicy::new(&self.key.public_pem()).images("files.example/**");
        for (number, condition) in conditions.iter().enumerate() {
            policy = policy.rule(&format!("r{number}"), condition);
        }
        self.write(name, policy.text().as_bytes());
    }

    fn path(&self, name: &str) -> String {
        let path: &Path = &self.folder.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    fn arguments(&self, file: &str, bundles: &[&str], policy: &str, more: &[&str]) -> Vec<String> {
        let mut all = vec!["verify-blob".to_owned(), self.path(file)];
        for bundle in bundles {
            all.extend(["--bundle".to_owned(), self.path(bundle)]);
        }
        all.extend(["--policy".to_owned(), self.path(policy)]);
        all.extend(["--at", AT].map(str::to_owned));
        all.extend(more.iter().map(|&word| word.to_owned()));
        all
    }

    fn code(&self, file: &str, bundles: &[&str], policy: &str, more: &[&str]) -> Option<i32> {
        let all = self.arguments(file, bundles, policy, more);
        code(&all.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// What is printed, with neither the folder's name nor what differs from key to key.
    fn told(&self, file: &str, bundles: &[&str], policy: &str, more: &[&str]) -> String {
        let all = self.arguments(file, bundles, policy, more);
        let text = transcript(&all.iter().map(String::as_str).collect::<Vec<_>>());
        let text = text.replace(self.folder.path().to_str().unwrap(), "DIR");
        let parts: Vec<String> = text
            .split("sha256:")
            .enumerate()
            .map(|(number, part)| match number {
                0 => part.to_owned(),
                _ => format!("sha256:…{}", part.get(64..).unwrap_or_default()),
            })
            .collect();
        parts.concat()
    }
}

#[test]
fn policies_judge_files() {
    let scene = Scene::new();
    for (file, bundles, policy, expected) in [
        ("file", &["signed.json"][..], "signature.yaml", 0),
        ("file", &["attested.json"], "statement.yaml", 0),
        ("file", &["attested.json", "signed.json"], "both.yaml", 0),
        ("file", &["both.jsonl"], "both.yaml", 0),
        ("file", &["broken.json", "both.jsonl"], "both.yaml", 0),
        // A signature over bytes is none of an image, unless the rule says so.
        ("file", &["signed.json"], "image.yaml", 1),
        ("file", &["attested.json"], "signature.yaml", 1),
        ("file", &["signed.json"], "statement.yaml", 1),
        ("file", &["signed.json"], "both.yaml", 1),
        ("other", &["both.jsonl"], "both.yaml", 1),
        ("file", &["broken.json"], "both.yaml", 1),
        ("file", &["empty.jsonl"], "both.yaml", 2),
        ("file", &["nowhere.json"], "both.yaml", 2),
        ("nowhere", &["both.jsonl"], "both.yaml", 2),
        ("file", &["both.jsonl"], "nowhere.yaml", 3),
        ("file", &["both.jsonl"], "broken.json", 3),
        ("file", &[], "both.yaml", 3),
    ] {
        let found = scene.code(file, bundles, policy, &[]);
        assert_eq!(found, Some(expected), "{file} {bundles:?} {policy}");
    }
    for (name, expected) in [
        ("files.example/app:v1", 0),
        ("other.example/app:v1", 1),
        ("Not a name", 3),
    ] {
        let found = scene.code("file", &["both.jsonl"], "both.yaml", &["--as", name]);
        assert_eq!(found, Some(expected), "{name}");
    }
}

#[test]
fn what_is_told_of_files() {
    let scene = Scene::new();
    assert_snapshot!(
        "blob-allowed",
        scene.told("file", &["attested.json"], "statement.yaml", &["--explain"])
    );
    assert_snapshot!(
        "blob-denied",
        scene.told("other", &["signed.json"], "signature.yaml", &[])
    );
    assert_snapshot!(
        "blob-not-an-image",
        scene.told("file", &["signed.json"], "image.yaml", &[])
    );
}

/// Two files of the Bazel registry, attested by GitHub: one by the workflow that publishes there, one by a stranger's who claims
/// to be that workflow. Both are accepted as signers here, so that only signer and builder together tell them apart.
#[test]
fn a_strangers_attestation_in_the_name_of_a_trusted_builder_is_refused() {
    let Some(corpus) = countersign_testkit::gate::corpus() else {
        return;
    };
    let signer = |name: &str, path: &str, git_ref: &str, source: &str| {
        format!(
            "---\napiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: {name}}}\nspec:\n  trust: public-good\n  keyless:\n    \
             issuer: https://token.actions.githubusercontent.com\n    subject: {{workflow: {{path: {path}, refs: [{git_ref}]}}}}\n    \
             source: {{repository: {source}}}\n"
        )
    };
    let publisher = signer(
        "publisher",
        "bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml",
        "refs/tags/v0.0.1",
        "aspect-build/rules_lint",
    );
    let stranger = signer(
        "stranger",
        "loosebazooka/aa-test/.github/workflows/malicious_attestation.yaml",
        "refs/heads/main",
        "loosebazooka/aa-test",
    );
    let policy = format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Settings\nmetadata: {{name: s}}\nspec: {{unmatched: deny, onUnknown: deny}}\n{publisher}{stranger}\
         ---\napiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {{name: p}}\nspec:\n  images: [\"**\"]\n  rules:\n    - name: published\n      \
         provenance:\n        from: {{any: [publisher, stranger]}}\n        builders: [github-attest-reusable]\n        minLevel: 3\n        \
         source: {{repository: aspect-build/rules_lint, events: [workflow_dispatch]}}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yaml");
    fs::write(&file, policy).unwrap();
    let judged = |name: &str| {
        let module = corpus.join("slsa-verifier/bcr").join(name);
        let module = module.to_str().unwrap();
        let bundle = format!("{module}.intoto.jsonl");
        let policy = file.to_str().unwrap();
        let words = [
            "verify-blob",
            module,
            "--bundle",
            &bundle,
            "--policy",
            policy,
            "--format",
            "json",
        ];
        let output = crate::run::output(&words);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let code = &report["images"][0]["policies"][0]["rules"][0]["code"];
        (output.status.code(), code.as_str().map(str::to_owned))
    };
    assert_eq!(judged("MODULE.bazel"), (Some(0), None));
    let refused = Some("builder-signer-mismatch".to_owned());
    assert_eq!(judged("MODULE-wrong-signer.bazel"), (Some(1), refused));
}
