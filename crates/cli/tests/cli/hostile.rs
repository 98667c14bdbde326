//! Evidence that is written to take over a terminal, a log or a reader's eye.

use countersign_testkit::forge::{Algorithm, Forge, Identity, Key};
use countersign_testkit::registry::Registry;

use crate::run::output;

/// A time at which the forge's certificates are good.
const NOW: i64 = 1_790_000_000;
/// Clears the screen, colours, sets the title, reorders, hides, ends the line and speaks to a CI service.
const HOSTILE: &str = "x\u{1b}[2J\u{1b}[32mALLOWED\u{1b}]0;pwned\u{7}\u{9b}31m\u{202e}gpj\u{2066}\u{200b}\r\n::error::y";

#[test]
fn hostile_strings_come_out_harmless_in_every_format() {
    let forge = Forge::new(NOW);
    let key = Key::generate(Algorithm::P256);
    let registry = Registry::start();
    let image = registry.push_image("app", "v1");
    let attested = forge
        .attestation(&image, HOSTILE, serde_json::json!({}))
        .keyed(&key);
    registry.attach_bundle("app", &image, &attested.bundle());
    let long = "z".repeat(100_000);
    let lengthy = forge
        .attestation(&image, &long, serde_json::json!({}))
        .keyed(&key);
    registry.attach_bundle("app", &image, &lengthy.bundle());
    let identity =
        Identity::user_name(&format!("evil.example/{HOSTILE}"), "https://issuer.example");
    let signed = forge
        .image_signature(&image)
        .keyless(identity)
        .rekor_v2()
        .timestamp();
    registry.attach_bundle("app", &image, &signed.bundle());
    registry.attach_bundle("app", &image, HOSTILE.as_bytes());

    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    let root = folder.path().join("forged.json");
    std::fs::write(&policy, policy_with(&key)).unwrap();
    std::fs::write(&root, forge.trusted_root()).unwrap();
    let image = format!("{}/app:v1", registry.host());
    let arguments = [
        "verify",
        &image,
        "--plain-http",
        "--explain",
        "--policy",
        policy.to_str().unwrap(),
        "--trust-root",
        &format!("forged={}", root.display()),
        "--at",
        "2026-12-01T00:00:00Z",
    ];
    for format in ["text", "json"] {
        let ended = output(&[&arguments[..], &["--format", format]].concat());
        let text = String::from_utf8(ended.stdout).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{text}");
        assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
        let obeyed: Vec<char> = text
            .chars()
            .filter(|it| it.is_control() && *it != '\n' || is_hidden(*it))
            .collect();
        assert!(obeyed.is_empty(), "{obeyed:?} {text}");
        assert!(text.lines().all(|line| !line.starts_with("::")), "{text}");
        assert!(
            text.contains("evil.example") && text.contains("u{202e}"),
            "the strings are shown, harmless: {text}"
        );
        assert!(text.len() < 50_000, "{} bytes", text.len());
    }
}

/// Characters that reorder a line or cannot be seen.
fn is_hidden(it: char) -> bool {
    matches!(it, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

fn policy_with(key: &Key) -> String {
    let pem: String = key
        .public_pem()
        .lines()
        .map(|line| format!("        {line}\n"))
        .collect();
    format!(
        r#"apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {{name: test}}
spec: {{unmatched: deny}}
---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: key}}
spec:
  log: off
  time: none
  keys:
    - id: key
      pem: |
{pem}---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: person}}
spec:
  trust: forged
  keyless: {{issuer: "https://issuer.example", subject: {{email: good@acme.example}}}}
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: test}}
spec:
  images: ["127.0.0.1:*/app"]
  rules:
    - {{name: signed, signature: {{from: {{any: [key, person]}}}}}}
    - {{name: attested, statement: {{from: key, predicateType: "https://slsa.dev/provenance/v1", match: any}}}}
"#
    )
}
