//! What `examine` costs, as a multiple of the signature verifications that nobody can avoid (`docs/performance.md`).
//!
//! `cargo bench -p countersign-core --bench examine -- [--check] [--quick] [--no-oracle] [CASE...]`
//!
//! 1,000 bundles of each case, all different, with the curves of the public-good instance, go from JSON bytes to `Findings`; nothing
//! survives between them but `Trust`. The floor is aws-lc-rs alone, over as many different signatures by keys that are parsed already.
//! Bundles and floor alternate 20 times; the median of the ratios counts. `--check` fails where one is over its target.
//! `--write-fixtures` measures nothing and makes the input of `instructions.rs` anew.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
// core's clippy.toml is about what core ships; this measures it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "support/stopwatch.rs"]
mod stopwatch;

use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, ParsedPublicKey, VerificationAlgorithm,
};
use countersign_core::{
    Content, Digest, Evidence, FoundBy, Item, Limits, Locator, PinnedImage, PublicKey, Trust,
    TrustRoot, examine,
};
use countersign_testkit::forge::{Algorithm, Forge, GITHUB_ISSUER, Identity, Key};
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::{Bundle, DerPublicKey};
use sigstore_verify::{Policy, PublicKeyVerificationPolicy, VerificationPolicy};
use stopwatch::{Lap, median, timed};

const NOW: i64 = 1_790_000_000;
const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}"#;
const WORKFLOW: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";

struct Case {
    name: &'static str,
    forge: fn(&World) -> Vec<u8>,
    /// Who signed the bundle, for the oracle.
    keyed: bool,
    /// The verifications that cannot be avoided: so many of each kind.
    floor: &'static [(Algorithm, u32)],
    target: f64,
}

const CASES: &[Case] = &[
    Case {
        name: "keyed-v1-timestamp",
        forge: |world| {
            world
                .signature()
                .keyed(&world.key)
                .rekor_v1()
                .timestamp()
                .bundle()
        },
        keyed: true,
        // signature, promise, checkpoint; timestamp
        floor: &[(Algorithm::P256, 3), (Algorithm::P384, 1)],
        target: 1.25,
    },
    Case {
        name: "keyless-v1",
        forge: |world| world.keyless().rekor_v1().bundle(),
        keyed: false,
        // signature, promise, checkpoint, SCT; certificate
        floor: &[(Algorithm::P256, 4), (Algorithm::P384, 1)],
        target: 1.3,
    },
    Case {
        name: "keyless-v1-timestamp",
        forge: |world| world.keyless().rekor_v1().timestamp().bundle(),
        keyed: false,
        // signature, promise, checkpoint, SCT; certificate, timestamp
        floor: &[(Algorithm::P256, 4), (Algorithm::P384, 2)],
        target: 1.3,
    },
    Case {
        name: "keyless-v2-timestamp",
        forge: |world| world.keyless().rekor_v2().timestamp().bundle(),
        keyed: false,
        // signature, SCT; certificate, timestamp; checkpoint
        floor: &[
            (Algorithm::P256, 2),
            (Algorithm::P384, 2),
            (Algorithm::Ed25519, 1),
        ],
        target: 1.3,
    },
];

/// How much is measured.
struct Plan {
    bundles: u32,
    rounds: usize,
    oracle_rounds: usize,
    check: bool,
    cases: Vec<&'static Case>,
}

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--write-fixtures") {
        World::new().write_fixtures();
        return ExitCode::SUCCESS;
    }
    let plan = match Plan::from_arguments(std::env::args().skip(1).collect()) {
        Ok(plan) => plan,
        Err(why) => {
            println!("{why}\nusage: examine [--check] [--quick] [--no-oracle] [CASE...]");
            return ExitCode::FAILURE;
        }
    };
    let world = World::new();
    println!(
        "{} bundles per case, {} rounds; µs per bundle, medians; `cpu` by the scheduler's count, which other processes disturb less",
        plan.bundles, plan.rounds
    );
    println!(
        "{:<22} {:>8} {:>8} {:>7} {:>7} {:>7} {:>7} {:<7} {:<26} forged in",
        "case", "examine", "floor", "ratio", "worst", "cpu", "target", "", "sigstore-verify"
    );
    let mut met = true;
    for case in &plan.cases {
        met &= measure(case, &world, &plan);
    }
    match met || !plan.check {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

impl Plan {
    /// Cargo says `--bench` when it benches; without it, as under `cargo test --all-targets`, only that all this works is shown.
    fn from_arguments(mut arguments: Vec<String>) -> Result<Self, String> {
        let mut flag = |name: &str| {
            let before = arguments.len();
            arguments.retain(|argument| argument != name);
            arguments.len() < before
        };
        let (bench, check) = (flag("--bench"), flag("--check"));
        let (quick, no_oracle) = (flag("--quick"), flag("--no-oracle"));
        let (bundles, rounds) = match (bench, quick) {
            (true, false) => (1000, 20),
            (true, true) => (100, 5),
            (false, _) => (2, 1),
        };
        if !bench {
            arguments.clear();
        }
        let known = |name: &String| CASES.iter().any(|case| case.name == name);
        if let Some(unknown) = arguments.iter().find(|name| !known(name)) {
            let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
            return Err(format!(
                "`{unknown}` is none of the cases {}",
                names.join(", ")
            ));
        }
        Ok(Self {
            bundles,
            rounds,
            oracle_rounds: if no_oracle { 0 } else { rounds.div_ceil(4) },
            check,
            cases: CASES
                .iter()
                .filter(|case| {
                    arguments.is_empty() || arguments.iter().any(|name| name == case.name)
                })
                .collect(),
        })
    }
}

/// Measures one case and prints its line; whether the target is met.
fn measure(case: &Case, world: &World, plan: &Plan) -> bool {
    let begun = Instant::now();
    let bundles: Vec<_> = (0..plan.bundles).map(|_| (case.forge)(world)).collect();
    let floor: Vec<_> = case
        .floor
        .iter()
        .map(|(kind, count)| Floor::new(*kind, count * plan.bundles))
        .collect();
    let forged = begun.elapsed();
    let different = bundles.iter().collect::<BTreeSet<_>>().len();
    assert_eq!(different, bundles.len(), "all bundles differ");

    let evidence: Vec<_> = bundles.iter().map(|bundle| evidence_of(bundle)).collect();
    for evidence in &evidence {
        let findings = world.examine(evidence);
        assert_eq!(
            findings.verified().len(),
            1,
            "{}: {:?}",
            case.name,
            findings.rejected()
        );
    }
    let ours = || {
        evidence
            .iter()
            .for_each(|evidence| drop(black_box(world.examine(evidence))))
    };
    let unavoidable = || floor.iter().for_each(Floor::verify);
    let laps: Vec<_> = (0..plan.rounds)
        .map(|_| (timed(ours), timed(unavoidable)))
        .collect();

    let oracle = world.oracle(case);
    for bundle in &bundles {
        oracle.verify(bundle);
    }
    let others: Vec<_> = (0..plan.oracle_rounds)
        .map(|_| timed(|| bundles.iter().for_each(|bundle| oracle.verify(bundle))))
        .collect();

    let each = |laps: &mut dyn Iterator<Item = &Lap>| {
        median(laps.map(|lap| lap.wall.as_secs_f64() * 1e6 / f64::from(plan.bundles)))
    };
    let ratios = || {
        laps.iter()
            .map(|(ours, floor)| ours.wall.as_secs_f64() / floor.wall.as_secs_f64())
    };
    let ours = each(&mut laps.iter().map(|(ours, _)| ours));
    let floor = each(&mut laps.iter().map(|(_, floor)| floor));
    let ratio = median(ratios());
    let worst = ratios().fold(0.0, f64::max);
    let on_cpu = median(
        laps.iter()
            .map(|(ours, floor)| ours.on_cpu.as_secs_f64() / floor.on_cpu.as_secs_f64()),
    );
    let met = ratio <= case.target;
    let theirs = match others.is_empty() {
        true => "not measured".to_owned(),
        false => {
            let theirs = each(&mut others.iter());
            format!("{theirs:>7.1} = {:.2} × examine", theirs / ours)
        }
    };
    println!(
        "{:<22} {ours:>8.1} {floor:>8.1} {ratio:>7.3} {worst:>7.3} {on_cpu:>7.3} {:>7.2} {:<7} {theirs:<26} {:.1} s",
        case.name,
        case.target,
        if met { "met" } else { "MISSED" },
        forged.as_secs_f64(),
    );
    met
}

/// One instance with the public-good one's curves, one managed key, one image, and what trusts them.
struct World {
    forge: Forge,
    key: Key,
    image: PinnedImage,
    trust: Trust,
    oracle_root: TrustedRoot,
}

impl World {
    fn new() -> Self {
        let forge = Forge::new(NOW);
        let key = Key::generate(Algorithm::P256);
        let root = forge.trusted_root();
        let trust = Trust::new(
            vec![TrustRoot::from_json("private", root.as_bytes()).unwrap()],
            vec![PublicKey::from_spki(&key.public_der()).unwrap()],
        );
        Self {
            image: PinnedImage::from_bytes(MANIFEST.into(), None, None, &Limits::default())
                .unwrap(),
            trust: trust.unwrap(),
            oracle_root: TrustedRoot::from_json(&root).unwrap(),
            forge,
            key,
        }
    }

    fn signature(&self) -> countersign_testkit::forge::Forgery<'_> {
        self.forge.image_signature(&self.image.digest().to_string())
    }

    fn keyless(&self) -> countersign_testkit::forge::Forgery<'_> {
        self.signature().keyless(Identity::default())
    }

    fn examine(&self, evidence: &Evidence) -> countersign_core::Findings {
        examine(&self.image, evidence, &self.trust, &Limits::default())
    }

    /// One bundle of each case, and what verifies them, for `instructions.rs`.
    fn write_fixtures(&self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/fixtures");
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
        write("manifest.json", MANIFEST.as_bytes());
        write("trusted_root.json", self.forge.trusted_root().as_bytes());
        write("key.pem", self.key.public_pem().as_bytes());
        for case in CASES {
            write(&format!("{}.json", case.name), &(case.forge)(self));
        }
    }

    fn oracle(&self, case: &Case) -> Oracle<'_> {
        let policy: Box<dyn Policy> = if case.keyed {
            Box::new(PublicKeyVerificationPolicy::new(DerPublicKey::from_bytes(
                &self.key.public_der(),
            )))
        } else {
            Box::new(VerificationPolicy::new(WORKFLOW, GITHUB_ISSUER))
        };
        Oracle {
            policy,
            root: &self.oracle_root,
        }
    }
}

fn evidence_of(bundle: &[u8]) -> Evidence {
    let digest = Digest::of(bundle);
    let item = Item {
        locator: Locator {
            found_by: FoundBy::Referrers,
            manifest: digest,
            blob: digest,
            place: None,
        },
        content: Content::Bundle(bundle.into()),
    };
    Evidence {
        items: vec![item],
        gaps: Vec::new(),
        stale: Vec::new(),
    }
}

/// `sigstore-verify`, from JSON text to its result as well.
struct Oracle<'w> {
    policy: Box<dyn Policy>,
    root: &'w TrustedRoot,
}

impl Oracle<'_> {
    fn verify(&self, bundle: &[u8]) {
        let bundle = Bundle::from_json(std::str::from_utf8(bundle).unwrap()).unwrap();
        let outcome =
            sigstore_verify::verify(MANIFEST.as_bytes(), &bundle, &*self.policy, self.root);
        black_box(outcome).expect("the oracle accepts it too");
    }
}

/// Signatures of one kind over different messages, to be verified by a key that is parsed already.
struct Floor {
    key: ParsedPublicKey,
    signed: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Floor {
    fn new(kind: Algorithm, count: u32) -> Self {
        let algorithm: &'static dyn VerificationAlgorithm = match kind {
            Algorithm::P256 => &ECDSA_P256_SHA256_ASN1,
            Algorithm::P384 => &ECDSA_P384_SHA384_ASN1,
            Algorithm::Ed25519 => &ED25519,
            other => panic!("no case needs {other:?}"),
        };
        let key = Key::generate(kind);
        let sign = |number: u32| {
            let message =
                format!("the message of this number is like no other: {number}").into_bytes();
            let signature = key.sign(&message);
            (message, signature)
        };
        Self {
            key: ParsedPublicKey::new(algorithm, key.public_der()).unwrap(),
            signed: (0..count).map(sign).collect(),
        }
    }

    fn verify(&self) {
        for (message, signature) in &self.signed {
            black_box(self.key.verify_sig(message, signature)).expect("it is sound");
        }
    }
}
