//! Facts that verification never yields, and that must not count even so. Whole chains from bytes are in `tests/decide/`.
#![allow(clippy::unwrap_used)]

use std::cell::{Cell, OnceCell};

use super::per_signer::{PerSigner, Status};
use super::scene::Circumstances;
use super::{BlobSigner, Resolution, decide, decide_blob};
use crate::policy::tests::{SETTINGS, load};
use crate::policy::{Condition, Revocations};
use crate::vex::Verdicts;
use crate::{
    Certificate, CiClaims, Claim, Digest, Facts, Findings, Format, FoundBy, ImageRef, Limits,
    Locator, PinnedImage, PolicySet, ProvenTime, ReasonCode, Request, RootName, San, SignedBy,
    TimeSource, TrustRoot, UnixTime, Verified,
};

const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);

fn image() -> PinnedImage {
    let manifest = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    PinnedImage::from_bytes(manifest.as_bytes().to_vec(), None, None, &Limits::default()).unwrap()
}

/// A keyless signature by somebody@acme.example, with everything that a Signer can demand.
fn facts(image: &PinnedImage) -> Facts {
    let time = ProvenTime {
        time: NOW,
        source: TimeSource::Log {
            name: "rekor".to_owned(),
            operator: "rekor".to_owned(),
            log_id: "00".to_owned(),
        },
    };
    Facts {
        image: *image.digest(),
        signer: SignedBy::Certificate(Box::new(Certificate {
            fingerprint: Digest::of(b"certificate"),
            san: San::Email("somebody@acme.example".to_owned()),
            issuer: "https://accounts.example".to_owned(),
            claims: CiClaims::default(),
        })),
        root: Some(Box::new(RootName {
            name: "public-good".to_owned(),
            fingerprint: Digest::of(b"root"),
        })),
        times: vec![time],
        logs: vec![crate::LogFact {
            name: "rekor".to_owned(),
            operator: "rekor".to_owned(),
            log_id: "00".to_owned(),
            index: 1,
        }],
        sct_logs: 1,
        format: Format::BundleV03,
        locator: Locator {
            found_by: FoundBy::Referrers,
            manifest: Digest::of(b"m"),
            blob: Digest::of(b"b"),
            place: None,
        },
    }
}

fn policies(condition: &str) -> PolicySet {
    let text = format!(
        "{SETTINGS}---\napiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: s}}\nspec:\n  trust: public-good\n  \
         keyless: {{issuer: https://accounts.example, subject: {{email: somebody@acme.example}}}}\n---\n\
         apiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {{name: p}}\nspec:\n  images: [\"**\"]\n  \
         rules: [{{name: signed, signature: {{from: s{condition}}}}}]\n"
    );
    load(&text).policies.unwrap()
}

fn code(facts: Facts, image: &PinnedImage) -> Option<ReasonCode> {
    let claim = Claim::SimpleSigning {
        docker_reference: String::new(),
    };
    let findings = Findings::new(
        *image.digest(),
        vec![Verified::new(claim, facts)],
        Vec::new(),
        Vec::new(),
        Vec::new(),
    );
    let request = Request::named(&ImageRef::parse("ghcr.io/acme/app").unwrap());
    let resolution = Resolution::Examined {
        image,
        findings: &findings,
        children: &[],
    };
    let decision = decide(&policies(""), &request, resolution, NOW);
    decision
        .policies()
        .first()
        .unwrap()
        .rules
        .first()
        .unwrap()
        .code
}

#[test]
fn each_fact_is_needed() {
    type Edit = fn(&mut Facts);
    let image = image();
    assert_eq!(code(facts(&image), &image), None);
    let change = |edit: Edit| {
        let mut changed = facts(&image);
        edit(&mut changed);
        code(changed, &image)
    };
    let cases: [(Edit, ReasonCode); 7] = [
        (|facts| facts.sct_logs = 0, ReasonCode::SctMissing),
        (|facts| facts.root = None, ReasonCode::TrustRootMismatch),
        (|facts| facts.logs.clear(), ReasonCode::LogMissing),
        (|facts| facts.times.clear(), ReasonCode::TimeMissing),
        (
            |facts| facts.signer = SignedBy::Key(Digest::of(b"key")),
            ReasonCode::SignerMismatch,
        ),
        (
            |facts| facts.format = Format::BundleV01,
            ReasonCode::FormatNotAllowed,
        ),
        (
            |facts| facts.image = Digest::of(b"another image"),
            ReasonCode::NoSignature,
        ),
    ];
    for (edit, expected) in cases {
        assert_eq!(change(edit), Some(expected));
    }
}

/// A revocation asks for the time by the Signer's own root. Examined evidence of another one is nobody's, so that only this shows it.
#[test]
fn a_time_under_another_root_is_not_believed() {
    let image = image();
    let policies = policies("");
    let rule = policies.policies.first().unwrap().rules.first().unwrap();
    let Condition::Evidence(demand) = &rule.condition else {
        panic!("{rule:?}")
    };
    let signer = demand.from.signers.first().unwrap();
    let mut facts = facts(&image);
    assert_eq!(signer.believed_time(&facts), Some(NOW));
    facts.root.as_mut().unwrap().name = "other".to_owned();
    assert_eq!(signer.believed_time(&facts), None);
    facts.root = None;
    assert_eq!(signer.believed_time(&facts), None);
}

/// The same for `decide_blob`: nothing that `examine_blob` should have made sure of is taken on trust.
#[test]
fn each_fact_is_needed_of_a_blob_too() {
    type Edit = fn(&mut Facts);
    let image = image();
    let root = TrustRoot::public_good().unwrap();
    let signer =
        BlobSigner::keyless("somebody@acme.example", "https://accounts.example", &root).unwrap();
    let code = |edit: Edit| {
        let mut changed = facts(&image);
        edit(&mut changed);
        let verified = vec![Verified::new(Claim::Message, changed)];
        let findings = Findings::new(
            *image.digest(),
            verified,
            Vec::new(),
            Vec::new(),
            Vec::new(),
        );
        let decision = decide_blob(&findings, &signer, NOW);
        decision.refusal().map(|refusal| refusal.code)
    };
    assert_eq!(code(|_| ()), None);
    let cases: [(Edit, ReasonCode); 7] = [
        (|facts| facts.sct_logs = 0, ReasonCode::SctMissing),
        (|facts| facts.root = None, ReasonCode::TrustRootMismatch),
        (|facts| facts.logs.clear(), ReasonCode::LogMissing),
        (|facts| facts.times.clear(), ReasonCode::TimeMissing),
        (
            |facts| facts.signer = SignedBy::Key(Digest::of(b"key")),
            ReasonCode::SignerMismatch,
        ),
        (
            |facts| facts.format = Format::Legacy,
            ReasonCode::FormatNotAllowed,
        ),
        (
            |facts| facts.image = Digest::of(b"another blob"),
            ReasonCode::DigestMismatch,
        ),
    ];
    for (edit, expected) in cases {
        assert_eq!(code(edit), Some(expected));
    }
    let nothing = Findings::new(
        *image.digest(),
        Vec::new(),
        Vec::new(),
        Vec::new(),
        Vec::new(),
    );
    let decision = decide_blob(&nothing, &signer, NOW);
    assert_eq!(
        decision.refusal().map(|refusal| refusal.code),
        Some(ReasonCode::NoEvidence)
    );
}

fn nothing(image: &PinnedImage) -> Findings {
    let none = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    Findings::new(*image.digest(), none.0, none.1, none.2, none.3)
}

fn around<'a>(
    findings: &'a Findings,
    vex: &'a OnceCell<Verdicts>,
    late: &'a Cell<bool>,
) -> Circumstances<'a> {
    static NONE: std::sync::LazyLock<Revocations> = std::sync::LazyLock::new(Revocations::default);
    Circumstances {
        now: NOW,
        name: None,
        explained: true,
        age_relief: false,
        revocations: &NONE,
        findings,
        vex,
        late,
    }
}

#[test]
fn a_signer_without_evidence_passes_by_no_selection() {
    let findings = nothing(&image());
    let vex = OnceCell::new();
    let late = Cell::new(false);
    let around = around(&findings, &vex, &late);
    for selection in ["any", "all", "newest"] {
        let policies = policies(&format!(", match: {selection}"));
        let rule = policies.policies.first().unwrap().rules.first().unwrap();
        let Condition::Evidence(demand) = &rule.condition else {
            panic!("{rule:?}")
        };
        let signer = demand.from.signers.first().unwrap();
        for (gap, expected) in [(false, Status::Fail), (true, Status::Unknown)] {
            let result = PerSigner::judge(signer, demand, &[], gap, &around);
            assert_eq!(result.status, expected, "{selection}");
            assert!(result.good.is_empty());
        }
    }
}

#[test]
fn evidence_without_a_time_is_never_the_newest_and_fails_the_rule() {
    let image = image();
    let findings = nothing(&image);
    let vex = OnceCell::new();
    let late = Cell::new(false);
    let around = around(&findings, &vex, &late);
    let policies = policies(", match: newest");
    let rule = policies.policies.first().unwrap().rules.first().unwrap();
    let Condition::Evidence(demand) = &rule.condition else {
        panic!("{rule:?}")
    };
    let mut signer = demand.from.signers.first().unwrap().as_ref().clone();
    signer.time = crate::policy::signer::TimeDemand::None;
    let mut untimed = facts(&image);
    untimed.times.clear();
    let claim = || Claim::SimpleSigning {
        docker_reference: String::new(),
    };
    let (timed, untimed) = (
        Verified::new(claim(), facts(&image)),
        Verified::new(claim(), untimed),
    );
    let status = |candidates: &[&Verified<Claim>]| {
        PerSigner::judge(&signer, demand, candidates, false, &around).status
    };
    assert_eq!(status(&[&timed]), Status::Pass);
    assert_eq!(status(&[&untimed]), Status::Fail);
    assert_eq!(status(&[&timed, &untimed]), Status::Fail);
}
