//! One bundle before both verifiers.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use countersign_core::{
    Blob, Content, Digest, Evidence as Found, FoundBy, Item, Limits, Locator, PinnedImage,
    PublicKey, Trust, TrustRoot, examine, examine_blob,
};
use countersign_testkit::faults::Evidence;
use countersign_testkit::mutate::{Mutation, Seed, Touches};
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Bundle, DerPublicKey};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy, Verifier};

/// What both say of one piece of evidence.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) name: String,
    /// Whether a signed part was touched.
    pub(crate) signed: bool,
    /// Why we refuse it: `code: detail`.
    pub(crate) ours: Result<(), String>,
    /// Why the oracle refuses it; `None` where it is not asked.
    pub(crate) oracle: Option<Result<(), String>>,
}

/// One artifact with a trusted root and keys, ready for both verifiers.
pub(crate) struct Bench {
    artifact: Vec<u8>,
    trust: Result<Trust, String>,
    verifier: Result<Verifier, String>,
    keys: Vec<PublicKeyVerificationPolicy>,
    /// Whether the oracle can judge bundles of this kind at all.
    asks_oracle: bool,
}

impl Bench {
    pub(crate) fn new(artifact: &[u8], trusted_root: &str, pems: &[&str]) -> Self {
        Self {
            artifact: artifact.to_vec(),
            trust: trust(trusted_root, pems),
            verifier: verifier(trusted_root),
            keys: pems.iter().filter_map(|pem| policy(pem)).collect(),
            asks_oracle: true,
        }
    }

    /// For mutations of the seed. What the oracle does not even accept untouched it is not asked about.
    pub(crate) fn of(seed: &Seed) -> Self {
        let pem = seed.key_pem.as_deref().unwrap_or_default();
        let pems: Vec<&str> = pem.split_inclusive("-----END PUBLIC KEY-----\n").collect();
        let mut bench = Self::new(&seed.artifact, &seed.trusted_root, &pems);
        bench.asks_oracle = match &seed.evidence {
            Evidence::Bundle(bundle) => bench.oracle(bundle).is_ok(),
            Evidence::Sig(..) | Evidence::Att(..) => false,
        };
        bench
    }

    /// Both verdicts, whatever the oracle thinks of the like.
    pub(crate) fn compare(&self, name: &str, bundle: &[u8]) -> Verdict {
        Verdict {
            name: name.to_owned(),
            signed: false,
            ours: self.ours(&Evidence::Bundle(bundle.to_vec())),
            oracle: Some(self.oracle(bundle)),
        }
    }

    pub(crate) fn compare_evidence(&self, name: &str, evidence: &Evidence) -> Verdict {
        match evidence {
            Evidence::Bundle(bundle) => self.compare(name, bundle),
            layer => Verdict {
                name: name.to_owned(),
                signed: false,
                ours: self.ours(layer),
                oracle: None,
            },
        }
    }

    fn ours(&self, evidence: &Evidence) -> Result<(), String> {
        let trust = self.trust.as_ref().map_err(Clone::clone)?;
        let limits = Limits::default();
        let findings = match evidence {
            Evidence::Bundle(bundle) => {
                examine_blob(Blob::Bytes(&self.artifact), bundle, trust, &limits)
            }
            layer => {
                let image = PinnedImage::from_bytes(self.artifact.clone(), None, None, &limits);
                examine(&image.unwrap(), &found(layer), trust, &limits)
            }
        };
        match (findings.verified(), findings.rejected()) {
            ([], [rejected]) => Err(format!("{}: {}", rejected.code, rejected.detail)),
            ([_, ..], []) => Ok(()),
            other => panic!("one piece of evidence, and {other:?}"),
        }
    }

    /// The oracle may panic: that is a refusal.
    fn oracle(&self, bundle: &[u8]) -> Result<(), String> {
        let asked = catch_unwind(AssertUnwindSafe(|| self.ask(bundle)));
        asked.unwrap_or_else(|panic| Err(format!("panic: {}", message(&*panic))))
    }

    fn ask(&self, bundle: &[u8]) -> Result<(), String> {
        let verifier = self.verifier.as_ref().map_err(Clone::clone)?;
        let text = std::str::from_utf8(bundle).map_err(|error| format!("bundle: {error}"))?;
        let bundle = Bundle::from_json(text).map_err(|error| format!("bundle: {error}"))?;
        let verify = |outcome: sigstore_verify::Result<_>| {
            outcome.map(drop).map_err(|error| error.to_string())
        };
        let keyless = VerificationPolicy::any_identity();
        let mut verdict = verify(verifier.verify(&self.artifact[..], &bundle, &keyless));
        if bundle.signing_certificate().is_none() {
            for key in &self.keys {
                let keyed = verify(verifier.verify(&self.artifact[..], &bundle, key));
                verdict = if verdict.is_ok() { verdict } else { keyed };
            }
        }
        verdict
    }
}

fn trust(trusted_root: &str, pems: &[&str]) -> Result<Trust, String> {
    let root = TrustRoot::from_json("root", trusted_root.as_bytes())
        .map_err(|error| format!("trust root: {error}"))?;
    let keys = pems
        .iter()
        .filter_map(|pem| PublicKey::from_pem(pem).ok())
        .collect();
    Trust::new(vec![root], keys).map_err(|error| format!("trust root: {error}"))
}

fn verifier(trusted_root: &str) -> Result<Verifier, String> {
    let root = TrustedRoot::from_json(trusted_root).map_err(|error| format!("root: {error}"))?;
    Verifier::new(&root).map_err(|error| format!("root: {error}"))
}

fn policy(pem: &str) -> Option<PublicKeyVerificationPolicy> {
    let key = DerPublicKey::from_pem(pem).ok()?;
    Some(PublicKeyVerificationPolicy::new(key))
}

fn found(layer: &Evidence) -> Found {
    let (found_by, content) = match layer.clone() {
        Evidence::Bundle(bundle) => (FoundBy::Referrers, Content::Bundle(bundle.into())),
        Evidence::Sig(payload, annotations) => (
            FoundBy::SignatureTag,
            Content::SimpleSigning {
                payload: payload.into(),
                annotations,
            },
        ),
        Evidence::Att(envelope, annotations) => (
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
    Found {
        items: vec![Item { locator, content }],
        gaps: Vec::new(),
        stale: Vec::new(),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("?")
}

/// How many mutations were judged.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) signed: usize,
    pub(crate) unsigned: usize,
    pub(crate) accepted: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.signed += other.signed;
        self.unsigned += other.unsigned;
        self.accepted += other.accepted;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.signed + self.unsigned;
        write!(
            formatter,
            "{all} mutations judged, {} of signed parts; {} of the others verify",
            self.signed, self.accepted
        )
    }
}

/// Judges all, on as many threads as there are processors. A panic of ours is a failure of the test.
pub(crate) fn judge_all(jobs: &[(&Bench, Mutation<'_>)]) -> (Vec<Verdict>, Tally) {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = |number: usize| {
        let mine = jobs.iter().skip(number).step_by(threads);
        mine.filter_map(|(bench, mutation)| judge(bench, mutation))
            .collect::<Vec<Verdict>>()
    };
    let verdicts: Vec<Verdict> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|number| scope.spawn(move || share(number)))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    let mut tally = Tally::default();
    for verdict in &verdicts {
        match verdict.signed {
            true => tally.signed += 1,
            false => tally.unsigned += 1,
        }
        tally.accepted += usize::from(verdict.ours.is_ok());
    }
    (verdicts, tally)
}

fn judge(bench: &Bench, mutation: &Mutation<'_>) -> Option<Verdict> {
    let mutant = mutation.make()?;
    let ours = catch_unwind(AssertUnwindSafe(|| bench.ours(&mutant.evidence)));
    let ours = ours.unwrap_or_else(|panic| panic!("{mutation:?}: {}", message(&*panic)));
    let oracle = match &mutant.evidence {
        Evidence::Bundle(bundle) if bench.asks_oracle => Some(bench.oracle(bundle)),
        _ => None,
    };
    Some(Verdict {
        name: mutation.name().to_owned(),
        signed: mutant.touches == Touches::Signed,
        ours,
        oracle,
    })
}
