//! How many instructions `examine` takes, by callgrind: what guards against regressions in CI (`docs/performance.md`).
//!
//! `.ci/bench-instructions` runs it; `benches/fixtures` holds its input, which stays the same so that the counts do. Each count stands
//! here beside its benchmark, and the run fails above it: by 10 % where our own work is counted (all but aws-lc's
//! verification of signatures), by 5 % where all is counted, so that one signature more than needed is noticed too.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
// core's clippy.toml is about what core ships; this measures it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::process::ExitCode;

fn main() -> ExitCode {
    // Cargo says `--bench` when it benches, and callgrind's child hears `--gungraun-run`; `cargo test --all-targets` says nothing.
    if std::env::args().any(|argument| argument == "--bench" || argument == "--gungraun-run") {
        counted::run();
        return ExitCode::SUCCESS;
    }
    match counted::fixtures_hold() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

// The harness's macros write public items of their own.
#[allow(missing_docs, unreachable_pub)]
mod counted {
    use std::hint::black_box;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use countersign_core::{
        Content, Digest, Evidence, Findings, FoundBy, Item, Limits, Locator, PinnedImage,
        PublicKey, ReasonCode, Trust, TrustRoot, examine,
    };
    use gungraun::{
        Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group,
        main,
    };

    const MANIFEST: &[u8] = include_bytes!("fixtures/manifest.json");
    const TRUSTED_ROOT: &[u8] = include_bytes!("fixtures/trusted_root.json");
    const KEY: &str = include_str!("fixtures/key.pem");
    const KEYED_V1_TIMESTAMP: &[u8] = include_bytes!("fixtures/keyed-v1-timestamp.json");
    const KEYLESS_V1: &[u8] = include_bytes!("fixtures/keyless-v1.json");
    const KEYLESS_V1_TIMESTAMP: &[u8] = include_bytes!("fixtures/keyless-v1-timestamp.json");
    const KEYLESS_V2_TIMESTAMP: &[u8] = include_bytes!("fixtures/keyless-v2-timestamp.json");

    /// All that `examine` takes.
    pub struct Input {
        image: PinnedImage,
        evidence: Evidence,
        trust: Trust,
    }

    // Our own work: reading, hashing, comparing, everything but the verification of signatures.
    #[library_benchmark]
    #[bench::keyed_v1_timestamp(args = (KEYED_V1_TIMESTAMP), setup = input, teardown = verified, config = own_work(502_200))]
    #[bench::keyless_v1(args = (KEYLESS_V1), setup = input, teardown = verified, config = own_work(1_121_600))]
    #[bench::keyless_v1_timestamp(args = (KEYLESS_V1_TIMESTAMP), setup = input, teardown = verified, config = own_work(1_348_200))]
    #[bench::keyless_v2_timestamp(args = (KEYLESS_V2_TIMESTAMP), setup = input, teardown = verified, config = own_work(1_016_300))]
    #[bench::about_another_image(args = (KEYLESS_V1_TIMESTAMP), setup = of_another_image, teardown = refused_unseen, config = own_work(374_900))]
    #[bench::statement_of_256_kib(args = (KEYLESS_V1_TIMESTAMP), setup = with_much_to_read, teardown = refused_by_signature, config = own_work(20_208_000))]
    fn own(input: Input) -> (Findings, Input) {
        (examined(&input), input)
    }

    // All of it.
    #[library_benchmark]
    #[bench::keyed_v1_timestamp(args = (KEYED_V1_TIMESTAMP), setup = input, teardown = verified, config = with_signatures(5_241_500))]
    #[bench::keyless_v1(args = (KEYLESS_V1), setup = input, teardown = verified, config = with_signatures(6_618_300))]
    #[bench::keyless_v1_timestamp(args = (KEYLESS_V1_TIMESTAMP), setup = input, teardown = verified, config = with_signatures(9_313_000))]
    #[bench::keyless_v2_timestamp(args = (KEYLESS_V2_TIMESTAMP), setup = input, teardown = verified, config = with_signatures(7_912_500))]
    fn whole(input: Input) -> (Findings, Input) {
        (examined(&input), input)
    }

    // Once per trust root: its static chains are verified here.
    #[library_benchmark]
    #[bench::trusted_root(args = (TRUSTED_ROOT), config = with_signatures(5_663_100))]
    fn read(trusted_root: &[u8]) -> TrustRoot {
        TrustRoot::from_json("private", black_box(trusted_root)).unwrap()
    }

    library_benchmark_group!(name = groups, benchmarks = [own, whole, read]);

    main!(library_benchmark_groups = groups);

    /// Has callgrind count.
    pub(crate) fn run() {
        main();
    }

    /// Whether every fixture verifies, or is refused, as its benchmark expects.
    pub(crate) fn fixtures_hold() -> bool {
        for bundle in [
            KEYED_V1_TIMESTAMP,
            KEYLESS_V1,
            KEYLESS_V1_TIMESTAMP,
            KEYLESS_V2_TIMESTAMP,
        ] {
            verified(own_outcome(input(bundle)));
        }
        refused_unseen(own_outcome(of_another_image(KEYLESS_V1_TIMESTAMP)));
        refused_by_signature(own_outcome(with_much_to_read(KEYLESS_V1_TIMESTAMP)));
        TrustRoot::from_json("private", TRUSTED_ROOT).is_ok()
    }

    fn own_outcome(input: Input) -> (Findings, Input) {
        (examined(&input), input)
    }

    fn examined(input: &Input) -> Findings {
        let Input {
            image,
            evidence,
            trust,
        } = black_box(input);
        black_box(examine(image, evidence, trust, &Limits::default()))
    }

    /// Collection is on within the benchmark; entering one of aws-lc's two verifications (none of which calls the other) turns it
    /// off, and leaving it turns it on again. Before the benchmark it is the other way round, so what was collected there is
    /// forgotten on entry.
    fn own_work(count: u64) -> LibraryBenchmarkConfig {
        let arguments = [
            "--toggle-collect=*_EVP_PKEY_verify",
            "--toggle-collect=*_ED25519_verify",
            "--zero-before=instructions::counted::own::__gungraun_wrapper_mod::own",
        ];
        limited(Callgrind::with_args(arguments), count + count / 10)
    }

    fn with_signatures(count: u64) -> LibraryBenchmarkConfig {
        limited(Callgrind::default(), count + count / 20)
    }

    /// At most so many instructions, on a processor that every x86-64 machine can be: aws-lc and the C library choose their
    /// code by what the processor can do.
    fn limited(mut callgrind: Callgrind, most: u64) -> LibraryBenchmarkConfig {
        callgrind.hard_limits([(EventKind::Ir, most)]);
        let mut config = LibraryBenchmarkConfig::default();
        config
            .tool(callgrind)
            // FXSR, SSE, SSE2; SSE3, SSSE3; nothing of what came after.
            .env("OPENSSL_ia32cap", "0x0000020107000000:0x0")
            .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX512VL,-AVX512BW,-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM,-BMI2,-MOVBE,-SSE4_1,-SSE4_2");
        config
    }

    fn input(bundle: &[u8]) -> Input {
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
        let root = TrustRoot::from_json("private", TRUSTED_ROOT).unwrap();
        Input {
            image: PinnedImage::from_bytes(MANIFEST.into(), None, None, &Limits::default())
                .unwrap(),
            evidence: Evidence {
                items: vec![item],
                gaps: Vec::new(),
                stale: Vec::new(),
            },
            trust: Trust::new(vec![root], vec![PublicKey::from_pem(KEY).unwrap()]).unwrap(),
        }
    }

    /// Refused before any cryptography: what reading alone costs.
    fn of_another_image(bundle: &[u8]) -> Input {
        let another = [MANIFEST, b"\n"].concat();
        Input {
            image: PinnedImage::from_bytes(another, None, None, &Limits::default()).unwrap(),
            ..input(bundle)
        }
    }

    /// The bundle with a statement that has 256 KiB of predicate, as an SBOM has, and so another signature than its own.
    fn with_much_to_read(bundle: &[u8]) -> Input {
        let image =
            PinnedImage::from_bytes(MANIFEST.into(), None, None, &Limits::default()).unwrap();
        let digest = image.digest().to_string();
        let hex = digest.trim_start_matches("sha256:");
        let package = |number: usize| {
            format!(
                r#"{{"SPDXID":"SPDXRef-{number}","name":"package \"{number}\"","versionInfo":"1.{number}.0","filesAnalyzed":false,"checksums":[{{"algorithm":"SHA256","checksumValue":"{hex}"}}]}}"#
            )
        };
        let packages: Vec<_> = (0..256 * 1024 / package(1000).len()).map(package).collect();
        let statement = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{hex}"}}}}],"predicateType":"https://spdx.dev/Document","predicate":{{"packages":[{}]}}}}"#,
            packages.join(",")
        );
        let mut json: serde_json::Value = serde_json::from_slice(bundle).unwrap();
        json["dsseEnvelope"]["payload"] = serde_json::json!(STANDARD.encode(statement));
        input(json.to_string().as_bytes())
    }

    fn verified((findings, _): (Findings, Input)) {
        assert_eq!(findings.verified().len(), 1, "{:?}", findings.rejected());
    }

    fn refused_unseen((findings, _): (Findings, Input)) {
        assert_eq!(findings.rejected()[0].code, ReasonCode::DigestMismatch);
    }

    fn refused_by_signature((findings, _): (Findings, Input)) {
        assert_eq!(findings.rejected()[0].code, ReasonCode::SignatureInvalid);
    }
}
