//! `countersign policy init` of images with scans: the strictest rule that lets them pass, and what it lets pass in words.

use std::fs;

use countersign_testkit::forge::Identity;
use countersign_testkit::registry::Registry;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::run::{code, output};
use crate::world::{AT, World};

const VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";
const VULNS: &str = "https://in-toto.io/attestation/vulns/v0.2";
const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";
const SCANNED: &str = "2026-09-21T14:12:20Z";

fn scanner() -> Identity {
    Identity::github_workflow("acme/app", "scan.yml", "refs/heads/main")
}

fn security() -> Identity {
    Identity::github_workflow("acme/security", "vex.yml", "refs/heads/main")
}

fn finding(id: &str, severity: &str, status: &str) -> Value {
    let mut one = json!({"VulnerabilityID": id, "PkgName": "golang.org/x/net", "InstalledVersion": "v0.37.0",
        "PkgIdentifier": {"PURL": "pkg:golang/golang.org/x/net@v0.37.0"}, "Status": status, "Severity": severity});
    if status == "fixed" {
        one["FixedVersion"] = json!("0.38.0");
    }
    one
}

fn scan(findings: &[Value]) -> Value {
    with_result(
        &json!({"SchemaVersion": 2, "Results": [{"Target": "app", "Class": "lang-pkgs", "Type": "gobinary", "Vulnerabilities": findings}]}),
    )
}

fn with_result(result: &Value) -> Value {
    json!({"scanner": {"uri": "pkg:github/aquasecurity/trivy@v0.67.0", "version": "0.67.0", "result": result},
        "metadata": {"scanStartedOn": SCANNED, "scanFinishedOn": SCANNED}})
}

/// That CVE-1 does not affect the image.
fn vex() -> Value {
    json!({"@context": OPENVEX, "@id": "urn:x", "author": "acme", "timestamp": SCANNED, "version": 1, "statements": [
        {"vulnerability": {"name": "CVE-1"}, "status": "not_affected", "justification": "vulnerable_code_not_present"}
    ]})
}

/// An image with a registry of its own.
struct Scanned {
    world: World,
    digest: String,
}

impl Scanned {
    fn new() -> Self {
        let registry = Registry::start();
        let digest = registry.push_image("app", "v1");
        Self {
            world: World::new(registry),
            digest,
        }
    }

    /// Attaches what `identity` attested so many seconds after all else.
    fn attested(self, identity: Identity, later: i64, predicate_type: &str, it: &Value) -> Self {
        let mut forge = self.world.forge.clone();
        forge.now += later;
        let bundle = forge
            .attestation(&self.digest, predicate_type, it.clone())
            .keyless(identity)
            .rekor_v1()
            .bundle();
        self.world
            .registry
            .attach_bundle("app", &self.digest, &bundle);
        self
    }

    fn scanned(self, findings: &[Value]) -> Self {
        self.attested(scanner(), 0, VULN, &scan(findings))
    }

    fn with_vex(self) -> Self {
        self.attested(security(), 0, OPENVEX, &vex())
    }

    /// Makes the policy, which must be clean and let the image pass.
    fn made(&self) -> String {
        let image = self.world.image(":v1");
        let root = format!("forged={}", self.world.path("forged.json").display());
        let made = output(&[
            "policy",
            "init",
            &image,
            "--plain-http",
            "--at",
            AT,
            "--trust-root",
            &root,
        ]);
        let error = String::from_utf8_lossy(&made.stderr);
        assert_eq!(made.status.code(), Some(0), "{error}");
        let path = self.policy();
        fs::write(&path, &made.stdout).unwrap();
        let lint = ["policy", "lint", "--deny-warnings", &path];
        assert_eq!(code(&lint), Some(0));
        let text = String::from_utf8(made.stdout).unwrap();
        assert_eq!(self.judged(), Some(0), "{text}");
        text
    }

    fn policy(&self) -> String {
        self.world.path("made.yaml").display().to_string()
    }

    fn judged(&self) -> Option<i32> {
        let (image, policy) = (self.world.image(":v1"), self.policy());
        code(&[
            "verify",
            &image,
            "--plain-http",
            "--policy",
            &policy,
            "--at",
            AT,
        ])
    }
}

/// The rule that asks for the scan, as it is written.
fn rule(text: &str) -> &str {
    let (_, rest) = text.split_once("- name: scanned\n").unwrap();
    rest.split("    - name: ").next().unwrap()
}

#[test]
fn the_strictest_rule_that_lets_the_image_pass() {
    let high = || finding("CVE-1", "HIGH", "fixed");
    let unfixed = || finding("CVE-2", "HIGH", "affected");
    let critical = || finding("CVE-1", "CRITICAL", "fixed");
    let (subtracts, ignores) = ("vex: {from: vex}", "ignoreUnfixed: true");
    let all = [
        "denyFrom: high",
        "denyFrom: critical",
        subtracts,
        ignores,
        "# high findings pass",
    ];
    for (findings, has_vex, expected) in [
        (vec![], false, vec!["denyFrom: high"]),
        // Nobody is trusted with more than it takes.
        (vec![], true, vec!["denyFrom: high"]),
        (
            vec![finding("CVE-1", "MEDIUM", "fixed")],
            false,
            vec!["denyFrom: high"],
        ),
        (vec![high()], true, vec!["denyFrom: high", subtracts]),
        (vec![unfixed()], true, vec!["denyFrom: high", ignores]),
        (
            vec![high(), unfixed()],
            true,
            vec!["denyFrom: high", subtracts, ignores],
        ),
        (
            vec![high()],
            false,
            vec!["denyFrom: critical", "# high findings pass"],
        ),
        (vec![critical()], true, vec!["denyFrom: high", subtracts]),
    ] {
        let mut image = Scanned::new().scanned(&findings);
        if has_vex {
            image = image.with_vex();
        }
        let text = image.made();
        let rule = rule(&text);
        for part in all {
            assert_eq!(
                rule.contains(part),
                expected.contains(&part),
                "{part}: {rule}"
            );
        }
        let says_why = text.contains("# `denyFrom: high` and nothing else would not let the image");
        assert_eq!(says_why, expected != ["denyFrom: high"], "{text}");
        // A newer scan decides, whatever was found before.
        let worse = scan(&[finding("CVE-9", "CRITICAL", "fixed")]);
        let worse = image.attested(scanner(), 60, VULN, &worse);
        assert_eq!(worse.judged(), Some(1), "{text}");
    }
}

/// What no rule of the kind would let pass, the policy does not look into; and it says so, with the reason.
#[test]
fn what_no_such_rule_lets_pass_is_only_asked_to_be_there() {
    let critical = scan(&[finding("CVE-1", "CRITICAL", "fixed")]);
    let grype = with_result(&json!({"matches": [], "descriptor": {"name": "grype"}}));
    for (predicate, why) in [(critical, "CVE-1"), (grype, "rype")] {
        let image = Scanned::new().attested(scanner(), 0, VULN, &predicate);
        let text = image.made();
        assert!(!text.contains("denyFrom"), "{text}");
        let begin = "    # A rule that looks into it would not let the image pass: ";
        let told = text.lines().find_map(|line| line.strip_prefix(begin));
        assert!(told.is_some_and(|told| told.contains(why)), "{text}");
    }
}

/// Two types of one kind: one rule looks at both where one signer made them, and two rules where two did.
#[test]
fn several_types_of_one_kind() {
    let listed = with_result(&json!([]));
    let sbom = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "a", "version": "1"}]});
    for (second, rules) in [(scanner(), 1), (security(), 2)] {
        let text = Scanned::new()
            .scanned(&[])
            .attested(second.clone(), 0, VULNS, &listed)
            .attested(scanner(), 0, "https://cyclonedx.org/bom", &sbom)
            .attested(second, 0, "https://cyclonedx.org/bom/v1.6", &sbom)
            .made();
        for field in [" vulnerabilities:\n", " sbom:\n"] {
            assert_eq!(text.matches(field).count(), rules, "{field}: {text}");
        }
    }
}

#[test]
fn each_line_that_lets_more_pass_says_so() {
    let unfixed = finding("CVE-2", "HIGH", "affected");
    let image = Scanned::new()
        .scanned(&[finding("CVE-1", "HIGH", "fixed"), unfixed])
        .with_vex();
    let text = image.made();
    let (_, policy) = text.split_once("kind: Policy").unwrap();
    let policy = policy.replace(&image.world.registry.host(), "registry.example");
    assert_snapshot!("init-scanned", policy);
}
