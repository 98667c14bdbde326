//! Break-glass with the registry stopped: an image that real cosign did not sign with the wanted key runs by two approvals of the same bytes,
//! one of them by cosign itself, and by nothing less.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::time::SystemTime;

use countersign::{
    Checker, HttpRegistry, Image, ImageRef, Limits, PolicySet, Source, UnixTime, Verdict,
};
use countersign_core::{Approvals, BreakGlassStatement, Decision, Namespace, NoFiles, ReasonCode};
use countersign_e2e::{
    Parts, REGISTRY_PARTS, Registry, RegistryKind, SigningKey as CosignKey, outcome, parts,
    workspace,
};
use countersign_sign::{SigningKey, Statement, sign_statement};
use serde_json::{Map, Value, json};

/// Two people with keys of their own, and one whose key is cosign's.
struct Night {
    parts: Parts,
    folder: tempfile::TempDir,
    people: [SigningKey; 2],
    cosign: CosignKey,
    policies: PolicySet,
}

impl Night {
    fn of(parts: Parts) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cosign = CosignKey::generate(&parts, &folder.path().join("cosign")).unwrap();
        let release = CosignKey::generate(&parts, &folder.path().join("release")).unwrap();
        let people = ["p256.ec.pem", "ed25519.pem"].map(|name| {
            let path = workspace().join("crates/sign/tests/keys").join(name);
            SigningKey::from_pem(&fs::read_to_string(path).unwrap(), None).unwrap()
        });
        let public = |key: &CosignKey| fs::read_to_string(key.public_key()).unwrap();
        let text = policy(&[
            ("release", public(&release)),
            ("a", people[0].public_pem()),
            ("b", people[1].public_pem()),
            ("token", public(&cosign)),
        ]);
        let name = "policy.yaml".to_owned();
        let loaded = PolicySet::load(&[Source { name, text }], &NoFiles, &[]);
        let policies = loaded.policies.expect("a policy without mistakes");
        Self {
            parts,
            folder,
            people,
            cosign,
            policies,
        }
    }

    /// A statement about an image, from now on for a while.
    fn statement(&self, image: &str, lasts: i64) -> Statement {
        let image = ImageRef::parse(image).unwrap();
        let begin = now().plus(-3600);
        let mut predicate = Map::new();
        for (field, value) in [
            ("id", json!("bg-e2e")),
            ("cluster", json!("prod-eu-1")),
            ("namespaces", json!(["shop"])),
            ("repositories", json!([image.name()])),
            ("reason", json!("the registry is stopped")),
            ("ticket", json!("INC-7")),
            ("requestedBy", json!("amara")),
            ("notBefore", json!(begin.to_string())),
            ("notAfter", json!(begin.plus(lasts).to_string())),
            ("scope", json!("images")),
        ] {
            predicate.insert(field.to_owned(), value);
        }
        let subjects = [(image.name(), *image.digest().unwrap())];
        let subjects = subjects
            .each_ref()
            .map(|(name, digest)| (name.as_str(), *digest));
        Statement::about(&subjects, BreakGlassStatement::PREDICATE_TYPE, predicate).unwrap()
    }

    fn approve(&self, statement: &Statement, person: usize) -> Vec<u8> {
        let signed = sign_statement(statement, &self.people[person]).unwrap();
        signed.bytes().to_vec()
    }

    /// Signed by real cosign, which is given the bytes as a file.
    fn approve_with_cosign(&self, statement: &Statement) -> Vec<u8> {
        let file = self.folder.path().join("statement.json");
        fs::write(&file, statement.payload()).unwrap();
        let bundle = self.folder.path().join("approval.json");
        let mut cosign = self.parts.command("cosign3");
        cosign
            .args(["attest-blob", "--yes", "--use-signing-config=false"])
            .args(["--tlog-upload=false", "--statement"])
            .arg(&file)
            .arg("--key")
            .arg(self.cosign.private_key())
            .arg("--bundle")
            .arg(&bundle)
            .env("COSIGN_PASSWORD", "");
        let output = outcome(&mut cosign).unwrap();
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        fs::read(bundle).unwrap()
    }

    async fn check(&self, image: &str, bundles: Vec<Vec<u8>>) -> Decision {
        let limits = Limits::default();
        let approvals = Approvals::examine(bundles, self.policies.trust(), &limits).unwrap();
        let host = ImageRef::parse(image).unwrap().registry().to_owned();
        let checker =
            Checker::new(self.policies.clone()).registry(HttpRegistry::new().plain_http(&host));
        let image = Image::parse(image).unwrap();
        let image = image
            .in_namespace(Namespace::new("shop"))
            .with_break_glass(approvals);
        checker.check(&image, now()).await
    }
}

fn now() -> UnixTime {
    UnixTime::from(SystemTime::now())
}

fn policy(keys: &[(&str, String)]) -> String {
    let mut documents = vec![
        "kind: Settings\nmetadata: {name: s}\nspec: {unmatched: deny, onUnknown: deny, cluster: prod-eu-1}\n".to_owned(),
    ];
    for (name, pem) in keys {
        let pem: String = pem
            .lines()
            .map(|line| format!("        {line}\n"))
            .collect();
        documents.push(format!(
            "kind: Signer\nmetadata: {{name: {name}}}\nspec:\n  log: off\n  time: none\n  keys:\n    - id: k\n      pem: |\n{pem}"
        ));
    }
    documents.push("kind: Policy\nmetadata: {name: p}\nspec:\n  images: [\"**\"]\n  rules:\n    - {name: signed, signature: {from: release}}\n".to_owned());
    documents.push("kind: BreakGlass\nmetadata: {name: oncall}\nspec: {from: {atLeast: 2, of: [a, b, token]}, maxDuration: 4h, namespaces: [shop]}\n".to_owned());
    let version = "apiVersion: countersign.dev/v1alpha1\n";
    let documents = documents.iter().map(|it| format!("{version}{it}"));
    documents.collect::<Vec<_>>().join("---\n")
}

fn status(decision: &Decision) -> Vec<&'static str> {
    let statements = &decision.break_glass().unwrap().statements;
    statements.iter().map(|it| it.status.as_str()).collect()
}

#[tokio::test]
async fn with_the_registry_stopped_two_approvals_let_the_image_run() {
    let needed = [&REGISTRY_PARTS[..], &["cosign3"]].concat();
    let Some(parts) = parts(&needed) else {
        return;
    };
    let night = Night::of(parts);
    let registry = Registry::start(&night.parts, RegistryKind::WithReferrers).unwrap();
    let image = registry.push("acme/shop", "v1", "the fix").unwrap();
    let other = registry.push("acme/shop", "v2", "something else").unwrap();
    // Real cosign signed it, with a key that may approve and does not release.
    let in_registry = night.cosign.in_registry(&registry);
    in_registry.sign3(&image).unwrap();
    let good = night.statement(&image, 2 * 3600);
    let two = vec![night.approve(&good, 0), night.approve(&good, 1)];

    // While the registry answers, the image is denied, and the same two let it run.
    let denied = night.check(&image, Vec::new()).await;
    assert_eq!(denied.effect(), Verdict::Deny, "{:?}", denied.gaps());
    let allowed = night.check(&image, two.clone()).await;
    assert_eq!(
        (allowed.effect(), status(&allowed)),
        (Verdict::Allow, vec!["used"])
    );
    assert_eq!(allowed.enforced(), Verdict::Deny);

    registry.stop();
    let unknown = night.check(&image, Vec::new()).await;
    assert_eq!(unknown.effect(), Verdict::Unknown);
    let allowed = night.check(&image, two.clone()).await;
    assert_eq!(
        (allowed.effect(), status(&allowed)),
        (Verdict::Allow, vec!["used"])
    );
    let overridden = &allowed.break_glass().unwrap().overridden;
    assert_eq!(overridden[0].code, ReasonCode::RegistryUnavailable);
    let is_loud = |it: &countersign_core::Warning| it.code == ReasonCode::BreakGlassUsed;
    assert!(allowed.warnings().iter().any(is_loud));

    // One of them by cosign, as a token or a KMS would.
    let by_cosign = night.approve_with_cosign(&good);
    let mixed = vec![night.approve(&good, 1), by_cosign.clone()];
    let allowed = night.check(&image, mixed).await;
    assert_eq!(
        (allowed.effect(), status(&allowed)),
        (Verdict::Allow, vec!["used"])
    );

    let text = String::from_utf8(good.payload().to_vec()).unwrap();
    let mut said: Value = serde_json::from_str(&text).unwrap();
    said["predicate"]["reason"] = json!("another reason");
    let another = Statement::given(said.to_string().into_bytes()).unwrap();
    let expired = night.statement(&image, 3599);
    let elsewhere = night.statement(&other, 2 * 3600);
    for (what, bundles, wanted) in [
        ("one approval", vec![by_cosign], "too-few-approvals"),
        (
            "two texts",
            vec![night.approve(&good, 0), night.approve(&another, 1)],
            "too-few-approvals",
        ),
        (
            "another digest",
            vec![night.approve(&elsewhere, 0), night.approve(&elsewhere, 1)],
            "other-image",
        ),
        (
            "expired",
            vec![night.approve(&expired, 0), night.approve(&expired, 1)],
            "expired",
        ),
    ] {
        let decision = night.check(&image, bundles).await;
        assert_eq!(decision.effect(), Verdict::Unknown, "{what}");
        assert!(
            status(&decision).iter().all(|it| *it == wanted),
            "{what}: {:?}",
            status(&decision)
        );
    }
}
