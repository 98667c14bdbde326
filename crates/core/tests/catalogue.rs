//! The testkit's catalogue: whatever has one thing wrong is refused, whatever is only odd verifies.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;

use countersign_core::{
    Content, Digest, Evidence, Findings, FoundBy, Item, Limits, Locator, PinnedImage, PublicKey,
    Trust, TrustRoot, examine,
};
use countersign_testkit::faults::{self, Case, Forged, MANIFEST, Outcome};

#[test]
fn every_case_of_the_catalogue() {
    let mut table = String::new();
    let mut wrong = Vec::new();
    for case in faults::all() {
        let outcome = judge(&case.forge());
        let good = match case.outcome {
            Outcome::Sound => outcome.is_ok(),
            // A chain that breaks the rules is found when the trust root is read.
            Outcome::Refused => outcome.is_err(),
            Outcome::Root => matches!(&outcome, Err(why) if why.starts_with("trust root")),
            Outcome::Policy => true,
        };
        if !good {
            wrong.push(format!("{case:?}: {outcome:?}"));
        }
        writeln!(
            table,
            "{} {} {}",
            case.step,
            case.name,
            told(&case, outcome)
        )
        .unwrap();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    insta::assert_snapshot!(table);
}

fn judge(forged: &Forged) -> Result<(), String> {
    let root = TrustRoot::from_json("forge", forged.trusted_root.as_bytes());
    let root = root.map_err(|error| format!("trust root: {error}"))?;
    let key = PublicKey::from_pem(&forged.key_pem).unwrap();
    let trust =
        Trust::new(vec![root], vec![key]).map_err(|error| format!("trust root: {error}"))?;
    let image = PinnedImage::from_bytes(MANIFEST.to_vec(), None, None, &Limits::default()).unwrap();
    let findings = examine(&image, &evidence(forged), &trust, &Limits::default());
    outcome(&findings)
}

fn outcome(findings: &Findings) -> Result<(), String> {
    match findings.rejected().first() {
        None if findings.verified().len() == 1 => Ok(()),
        None => Err(format!("{} proofs", findings.verified().len())),
        Some(rejected) => Err(format!("{}: {}", rejected.code, rejected.detail)),
    }
}

fn evidence(forged: &Forged) -> Evidence {
    let (found_by, content) = match forged.evidence.clone() {
        faults::Evidence::Bundle(bundle) => (FoundBy::Referrers, Content::Bundle(bundle.into())),
        faults::Evidence::Sig(payload, annotations) => (
            FoundBy::SignatureTag,
            Content::SimpleSigning {
                payload: payload.into(),
                annotations,
            },
        ),
        faults::Evidence::Att(envelope, annotations) => (
            FoundBy::AttestationTag,
            Content::Attestation {
                envelope: envelope.into(),
                annotations,
            },
        ),
    };
    let digest = Digest::of(b"layer");
    let locator = Locator {
        found_by,
        manifest: digest,
        blob: digest,
        place: None,
    };
    Evidence {
        items: vec![Item { locator, content }],
        gaps: Vec::new(),
        stale: Vec::new(),
    }
}

fn told(case: &Case, outcome: Result<(), String>) -> String {
    match (case.outcome, outcome) {
        (_, Err(why)) if why.starts_with("trust root") => "trust root does not load".to_owned(),
        (_, Ok(())) => "verifies".to_owned(),
        (_, Err(why)) => why.split(':').next().unwrap_or_default().to_owned(),
    }
}
