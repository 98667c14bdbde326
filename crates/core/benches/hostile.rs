//! What hostile bundles of 32 MiB cost `examine`: at most 200 ms and 100 MB, the bundle itself counted (`docs/performance.md`).
//!
//! `cargo bench -p countersign-core --bench hostile -- [--check] [--quick] [SHAPE...]`
//!
//! Each shape is made here and examined by a process of its own, which is this program again: it reads its input into one
//! buffer, measures `examine` alone, and reports the most memory that it ever held (`VmHWM`). The middle of three times counts,
//! and the worst of three peaks. `--check` fails where a shape is over.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
// core's clippy.toml is about what core ships; this measures it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "support/filler.rs"]
mod filler;
#[path = "support/limits.rs"]
mod limits;
#[path = "support/maker.rs"]
mod maker;
#[path = "support/shapes.rs"]
mod shapes;
#[path = "support/stopwatch.rs"]
mod stopwatch;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use countersign_core::{
    Content, Digest, Evidence, FoundBy, Item, Limits, Locator, PinnedImage, PublicKey, Trust,
    TrustRoot, examine,
};
use maker::{Hostile, MANIFEST, Maker};
use stopwatch::{median, timed};

const MIB: usize = 1024 * 1024;
const MOST_MILLISECONDS: f64 = 200.0;
const MOST_MEGABYTES: f64 = 100.0;
/// When a child is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// The argument that makes a child of this program.
const CHILD: &str = "--examine-standard-input";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut flag = |name: &str| {
        let before = arguments.len();
        arguments.retain(|argument| argument != name);
        arguments.len() < before
    };
    if flag(CHILD) {
        println!("{}", child());
        return ExitCode::SUCCESS;
    }
    // Cargo says `--bench` when it benches; without it, as under `cargo test --all-targets`, only that this works is shown.
    let (bench, check, quick) = (flag("--bench"), flag("--check"), flag("--quick"));
    let (size, runs) = match (bench, quick) {
        (true, false) => (32 * MIB, 3),
        (true, true) => (32 * MIB, 1),
        (false, _) => (MIB / 8, 1),
    };
    if !bench {
        arguments.clear();
    }
    let maker = Maker::new(size);
    let wanted = |name: &str| {
        arguments.is_empty() || arguments.iter().any(|part| name.contains(part.as_str()))
    };
    println!(
        "{:<44} {:>6} {:>8} {:>8} {:>8}  {:>7}  outcome",
        "shape", "MiB", "ms", "cpu ms", "peak MB", "before"
    );
    let (mut within, mut over, mut unknown) = (0, 0, 0);
    for (name, make) in shapes::all() {
        if wanted(&name) {
            let hostile = make(&maker);
            let length = hostile.bytes.len();
            assert!(length <= size, "{name} has {length} bytes");
            let filled = length > size * 3 / 4 || name.starts_with("limit: ") || size < MIB;
            assert!(filled, "{name} has only {length} bytes");
            match measure(&name, &hostile, &maker, runs) {
                Some(true) => within += 1,
                Some(false) => over += 1,
                None => unknown += 1,
            }
        }
    }
    println!(
        "{within} shapes within {MOST_MILLISECONDS} ms and {MOST_MEGABYTES} MB, {over} over, {unknown} gave up or died"
    );
    match (within, over, unknown) {
        (0, 0, 0) | (_, _, 1..) => ExitCode::FAILURE,
        (_, 1.., 0) if check => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

/// Measures one shape and prints its line; whether it stays within the bounds, or `None` when a child gave up or died.
fn measure(name: &str, hostile: &Hostile, maker: &Maker, runs: usize) -> Option<bool> {
    let outcomes: Option<Vec<Outcome>> = (0..runs).map(|_| run(hostile, maker)).collect();
    let megabytes = |size: usize| f64::from(u32::try_from(size / 1024).unwrap()) / 1024.0;
    let size = megabytes(hostile.bytes.len());
    let Some(outcomes) = outcomes else {
        println!("{name:<44} {size:>6.1} gave up or died");
        return None;
    };
    let first = outcomes.first()?;
    let wall = median(outcomes.iter().map(|outcome| outcome.milliseconds));
    let on_cpu = median(outcomes.iter().map(|outcome| outcome.on_cpu));
    let peak = outcomes
        .iter()
        .map(|outcome| outcome.peak)
        .fold(0.0, f64::max);
    let within = wall <= MOST_MILLISECONDS && peak <= MOST_MEGABYTES;
    println!(
        "{name:<44} {size:>6.1} {wall:>8.1} {on_cpu:>8.1} {peak:>8.1}  {:>7.1}  {}{}",
        first.before,
        first.what,
        if within { "" } else { "  OVER" }
    );
    Some(within)
}

/// What a child found out.
struct Outcome {
    milliseconds: f64,
    on_cpu: f64,
    /// In MB (1,000,000 bytes), as `before`.
    peak: f64,
    /// What was held before `examine` began: the input, the trust root, the program.
    before: f64,
    /// `verified`, or the reason code.
    what: String,
}

/// Has a child examine it; `None` when that ends badly or never.
fn run(hostile: &Hostile, maker: &Maker) -> Option<Outcome> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg(CHILD)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let annotations = serde_json::to_vec(&hostile.annotations).unwrap();
    let parts = [
        &[hostile.format][..],
        maker.trusted_root.as_bytes(),
        &maker.key,
        &annotations,
        &hostile.bytes,
    ];
    for part in parts {
        let length = u64::try_from(part.len()).unwrap().to_be_bytes();
        // A child that has died closes its end; its status says so below.
        let _ = input
            .write_all(&length)
            .and_then(|()| input.write_all(part));
    }
    drop(input);
    if !ends(&mut child) {
        child.kill().unwrap();
        child.wait().unwrap();
        return None;
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut fields = text.split_whitespace();
    let mut number = || fields.next()?.parse().ok();
    Some(Outcome {
        milliseconds: number()?,
        on_cpu: number()?,
        peak: number()?,
        before: number()?,
        what: fields.next()?.to_owned(),
    })
}

fn ends(child: &mut Child) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

/// Examines what standard input says, and tells the costs.
fn child() -> String {
    let [format, trusted_root, key, annotations, bytes] = std::array::from_fn(|_| read_part());
    let trust = Trust::new(
        vec![TrustRoot::from_json("private", &trusted_root).unwrap()],
        vec![PublicKey::from_spki(&key).unwrap()],
    );
    let trust = trust.unwrap();
    let annotations: BTreeMap<String, String> = serde_json::from_slice(&annotations).unwrap();
    let content = match format.as_slice() {
        [maker::BUNDLE] => Content::Bundle(bytes.into()),
        [maker::SIG] => Content::SimpleSigning {
            payload: bytes.into(),
            annotations,
        },
        [maker::ATT] => Content::Attestation {
            envelope: bytes.into(),
            annotations,
        },
        other => panic!("no format {other:?}"),
    };
    let digest = Digest::of(b"somewhere");
    let locator = Locator {
        found_by: FoundBy::Referrers,
        manifest: digest,
        blob: digest,
        place: None,
    };
    let evidence = Evidence {
        items: vec![Item { locator, content }],
        gaps: Vec::new(),
        stale: Vec::new(),
    };
    let image = PinnedImage::from_bytes(MANIFEST.into(), None, None, &Limits::default()).unwrap();

    let before = peak();
    let mut findings = None;
    let lap = timed(|| findings = Some(examine(&image, &evidence, &trust, &Limits::default())));
    let findings = findings.unwrap();
    let what = match (findings.verified(), findings.rejected()) {
        ([_], []) => "verified",
        ([], [rejected]) => rejected.code.as_str(),
        _ => panic!("one piece of evidence has one outcome"),
    };
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    format!(
        "{} {} {} {before} {what}",
        milliseconds(lap.wall),
        milliseconds(lap.on_cpu),
        peak()
    )
}

/// A part of standard input: its length in eight bytes, then as much, read into a buffer of just that size.
fn read_part() -> Vec<u8> {
    let mut input = std::io::stdin().lock();
    let mut length = [0; 8];
    input.read_exact(&mut length).unwrap();
    let mut part = vec![0; usize::try_from(u64::from_be_bytes(length)).unwrap()];
    input.read_exact(&mut part).unwrap();
    part
}

/// The most memory that this process ever held, in MB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes * 1024.0 / 1e6
}
