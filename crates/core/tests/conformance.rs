//! The public sigstore-conformance suite: a case whose name ends in `_fail` must be refused, every other must verify.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs
)]

use std::fs;
use std::path::Path;

use countersign_core::{
    Blob, Limits, PublicKey, SignedBy, Trust, TrustRoot, UnixTime, examine_blob,
};

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";
/// The suite's data is from before this day.
const NOW: &str = "2026-11-23T00:00:00Z";

#[test]
fn every_case_of_the_public_suite() {
    let Some(corpus) = countersign_testkit::gate::corpus() else {
        return;
    };
    let suite = corpus.join("sigstore-conformance");
    let mut cases = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(suite.join("bundle-verify")).unwrap() {
        let case = entry.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        cases += 1;
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let outcome = verify(&case, &suite);
        eprintln!("{name}: {outcome:?}");
        if outcome.is_ok() == name.ends_with("_fail") {
            wrong.push(format!("{name}: {outcome:?}"));
        }
    }
    assert!(cases >= 70, "only {cases} cases");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn verify(case: &Path, suite: &Path) -> Result<(), String> {
    let own = case.join("artifact");
    let blob = fs::read(if own.exists() {
        own
    } else {
        suite.join("a.txt")
    })
    .unwrap();
    let bundle = fs::read(case.join("bundle.sigstore.json")).unwrap();
    let root = match fs::read(case.join("trusted_root.json")) {
        Ok(json) => TrustRoot::from_json("case", &json),
        Err(_) => TrustRoot::public_good(),
    }
    .map_err(|error| error.to_string())?;
    let key = fs::read_to_string(case.join("key.pub"))
        .ok()
        .map(|pem| PublicKey::from_pem(&pem))
        .transpose()
        .map_err(|error| error.to_string())?;
    let keys = key.clone().into_iter().collect();
    let trust = Trust::new(vec![root], keys).map_err(|error| error.to_string())?;
    let findings = examine_blob(Blob::Bytes(&blob), &bundle, &trust, &Limits::default());
    let now = UnixTime::parse(NOW).unwrap();
    let proof = findings.verified().first().ok_or_else(|| {
        let rejected = findings.rejected().first().unwrap();
        format!("{}: {}", rejected.code, rejected.detail)
    })?;
    if proof.facts().times().iter().any(|proven| proven.time > now) {
        return Err("time-in-future".to_owned());
    }
    match (proof.facts().signer(), key) {
        (SignedBy::Key(id), Some(key)) if id == key.id() => Ok(()),
        (SignedBy::Certificate(leaf), None)
            if leaf.san.value() == IDENTITY && leaf.issuer == ISSUER =>
        {
            Ok(())
        }
        (signer, _) => Err(format!("identity: {signer:?}")),
    }
}
