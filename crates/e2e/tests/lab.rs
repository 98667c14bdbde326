//! The private Sigstore is one: real cosign 2 and 3 verify what they sign with it, and nothing else.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

use countersign_e2e::{
    Identity, REGISTRY_PARTS, Registry, RegistryKind, SIGSTORE_PARTS, Sigstore, outcome, parts,
};

#[test]
fn cosign_verifies_what_it_signs() {
    let Some(parts) = parts(&[&REGISTRY_PARTS[..], &SIGSTORE_PARTS[..]].concat()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let sigstore = Sigstore::start(&parts, folder.path()).unwrap();
    let registry = Registry::start(&parts, RegistryKind::WithReferrers).unwrap();
    for identity in [
        "dev@acme.example",
        "acme/app:acme/ci/.github/workflows/release.yml@refs/heads/main",
    ] {
        let identity: Identity = identity.parse().unwrap();
        let bundle = registry
            .push("acme/bundle", "v1", &identity.to_string())
            .unwrap();
        sigstore.sign3(&identity, &bundle).unwrap();
        let legacy = registry
            .push("acme/legacy", "v1", &identity.to_string())
            .unwrap();
        sigstore.sign2(&identity, &legacy).unwrap();

        for subject in [identity.subject(), "somebody else".to_owned()] {
            let expected = Some(i32::from(subject != identity.subject()));
            let claimed = [
                "--certificate-oidc-issuer",
                identity.issuer(),
                "--certificate-identity",
                &subject,
                "--use-signed-timestamps",
                "--allow-http-registry",
            ];
            let mut cosign3 = parts.command("cosign3");
            cosign3
                .arg("verify")
                .arg("--trusted-root")
                .arg(sigstore.trusted_root());
            verifies(cosign3.args(claimed).arg(&bundle), expected);
            let mut cosign2 = parts.command("cosign2");
            cosign2
                .args([
                    "verify",
                    "--insecure-ignore-tlog",
                    "--timestamp-certificate-chain",
                ])
                .arg(folder.path().join("tsa.pem"))
                .envs(sigstore.cosign2_environment());
            verifies(cosign2.args(claimed).arg(&legacy), expected);
        }
    }
}

#[track_caller]
fn verifies(cosign: &mut Command, expected: Option<i32>) {
    let output = outcome(cosign).unwrap();
    let verified = output.code.map(|code| i32::from(code != 0));
    assert_eq!(verified, expected, "{cosign:?}\n{}", output.stderr);
}
