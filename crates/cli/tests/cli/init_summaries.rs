//! `countersign policy init` of images with verification summaries: a rule for each verifier, resource and policy, and none for a
//! summary that does not say that the image passed.

use std::fs;

use countersign_testkit::forge::Identity;
use countersign_testkit::registry::Registry;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::run::{code, output};
use crate::world::{AT, World};

const VSA: &str = "https://slsa.dev/verification_summary/v1";
const SVR: &str = "https://in-toto.io/attestation/svr/v0.2";
const VERIFIER: &str = "https://acme.example/promote";

fn promoter() -> Identity {
    Identity::github_workflow("acme/promote", "promote.yml", "refs/heads/main")
}

fn other() -> Identity {
    Identity::github_workflow("acme/lab", "judge.yml", "refs/heads/main")
}

/// What `promote` states, of the image of this name.
fn vsa(name: &str, levels: &[&str]) -> Value {
    json!({
        "verifier": {"id": VERIFIER},
        "timeVerified": "2026-09-21T14:13:00Z",
        "resourceUri": name,
        "policy": {"uri": "https://acme.example/policies/staging", "digest": {"sha256": "0".repeat(64)}},
        "verificationResult": "PASSED",
        "verifiedLevels": levels,
    })
}

fn changed(mut summary: Value, place: &str, value: Value) -> Value {
    *summary.pointer_mut(place).unwrap() = value;
    summary
}

/// An image with a registry of its own.
struct Judged {
    world: World,
    digest: String,
}

impl Judged {
    /// The image is signed, so that there is always a rule.
    fn new() -> Self {
        let registry = Registry::start();
        let digest = registry.push_image("app", "v1");
        let world = World::new(registry);
        let judged = Self { world, digest };
        let signed = judged.world.keyless(&judged.digest);
        judged.attach(&signed);
        judged
    }

    fn attach(&self, bundle: &[u8]) {
        let registry = &self.world.registry;
        registry.attach_bundle("app", &self.digest, bundle);
    }

    fn name(&self) -> String {
        self.world.image("")
    }

    /// Attaches what `identity` attested so many seconds after all else.
    fn attested(self, identity: &Identity, later: i64, predicate_type: &str, it: &Value) -> Self {
        let mut forge = self.world.forge.clone();
        forge.now += later;
        let attestation = forge.attestation(&self.digest, predicate_type, it.clone());
        self.attach(&attestation.keyless(identity.clone()).rekor_v1().bundle());
        self
    }

    fn stated(self, it: &Value) -> Self {
        self.attested(&promoter(), 0, VSA, it)
    }

    /// Makes the policy, which must be clean and let the image pass.
    fn made(&self) -> String {
        let image = self.world.image(":v1");
        let root = format!("forged={}", self.world.path("forged.json").display());
        let init = [
            "policy",
            "init",
            &image,
            "--plain-http",
            "--at",
            AT,
            "--trust-root",
            &root,
        ];
        let made = output(&init);
        let error = String::from_utf8_lossy(&made.stderr);
        assert_eq!(made.status.code(), Some(0), "{error}");
        let path = self.world.path("made.yaml").display().to_string();
        fs::write(&path, &made.stdout).unwrap();
        let lint = ["policy", "lint", "--deny-warnings", &path];
        assert_eq!(code(&lint), Some(0));
        let text = String::from_utf8(made.stdout).unwrap();
        let verify = [
            "verify",
            &image,
            "--plain-http",
            "--policy",
            &path,
            "--at",
            AT,
        ];
        assert_eq!(code(&verify), Some(0), "{text}");
        text
    }
}

/// The rules, as they are written.
fn rules(text: &str) -> Vec<&str> {
    let (_, rules) = text.split_once("  rules:\n").unwrap();
    let named = rules.split("    - name: ").skip(1);
    named.filter(|rule| rule.contains("summary:")).collect()
}

#[test]
fn a_rule_asks_for_what_is_stated() {
    let image = Judged::new();
    let levels = ["ACME_STAGING", "SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_3"];
    let stated = vsa(&image.name(), &levels);
    let text = image.stated(&stated).made();
    let [rule] = rules(&text)[..] else {
        panic!("{text}")
    };
    assert_snapshot!("init-summary", rule);
}

#[test]
fn each_question_has_a_rule_of_its_own() {
    let image = Judged::new();
    let name = image.name();
    let oci = format!("oci://{name}");
    let svr = json!({"verifier": {"id": "urn:lab", "policies": [{"uri": "urn:lab:policy"}]},
        "timeCreated": "2026-09-21T14:13:00Z", "properties": ["ACME_LAB"]});
    let production = "https://acme.example/policies/production";
    let text = image
        .stated(&vsa(&name, &["ACME_STAGING"]))
        .stated(&changed(
            vsa(&name, &["ACME_PROD"]),
            "/policy/uri",
            json!(production),
        ))
        .stated(&vsa(&oci, &["ACME_OCI"]))
        .stated(&vsa("urn:acme:app", &["ACME_URN"]))
        .attested(&other(), 0, SVR, &svr)
        .made();
    let rules = rules(&text);
    let names: Vec<&str> = rules.iter().filter_map(|it| it.lines().next()).collect();
    assert_eq!(names.len(), 5, "{text}");
    for (name, line) in [
        ("acme-staging", "resource: \"{registry}/{repository}\""),
        ("acme-prod", production),
        ("acme-oci", "resource: \"oci://{registry}/{repository}\""),
        ("acme-urn", "resource: \"urn:acme:app\""),
        ("acme-lab", "format: svr"),
    ] {
        let rule = rules.iter().find(|it| it.starts_with(name));
        assert!(
            rule.is_some_and(|it| it.contains(line)),
            "{name} {line}: {text}"
        );
    }
}

/// Of several summaries on one question the levels that all state: the newest decides, and the next one may state no more.
#[test]
fn what_all_state_is_asked() {
    let image = Judged::new();
    let name = image.name();
    let text = image
        .stated(&vsa(&name, &["ACME_STAGING", "ACME_TESTED"]))
        .attested(&promoter(), 60, VSA, &vsa(&name, &["ACME_STAGING"]))
        .made();
    let rules = rules(&text);
    assert_eq!(rules.len(), 1, "{text}");
    assert!(rules[0].contains("levels: [ACME_STAGING]"), "{text}");
}

#[test]
fn what_did_not_pass_or_cannot_be_asked_has_no_rule() {
    let fail = |summary: Value| changed(summary, "/verificationResult", json!("FAILED"));
    type Case = (fn(Value) -> Value, &'static str);
    let cases: [Case; 5] = [
        (|it| it, ""),
        (
            |it| changed(it, "/verifiedLevels", json!(["FAILED"])),
            "states nothing",
        ),
        (
            |it| changed(it, "/verifiedLevels", json!([])),
            "states nothing",
        ),
        (
            |it| changed(it, "/resourceUri", json!("{x}")),
            "states nothing",
        ),
        (
            |it| changed(it, "/verifier", json!("acme")),
            "states nothing",
        ),
    ];
    for (change, why) in cases {
        let image = Judged::new();
        let stated = change(vsa(&image.name(), &["ACME_STAGING"]));
        let text = image.stated(&stated).made();
        assert_eq!(rules(&text).len(), usize::from(why.is_empty()), "{text}");
        assert!(text.contains(why), "{why}: {text}");
        assert!(!text.contains("statement:"), "{text}");
    }
    let image = Judged::new();
    let stated = fail(vsa(&image.name(), &["ACME_STAGING"]));
    let text = image.stated(&stated).made();
    assert!(rules(&text).is_empty(), "{text}");
    assert!(
        text.contains("# No rule for a summary by https://acme.example/promote: "),
        "{text}"
    );
}
