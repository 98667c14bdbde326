//! What reading and judging an SBOM costs, beside `serde_json` into `IgnoredAny` over the same bytes (`docs/performance.md`).
//!
//! `cargo bench -p countersign-core --bench sbom -- [--check] [--quick]`
//!
//! An 11 MB CycloneDX 1.5 document of the testkit, and the largest of the corpus where `COUNTERSIGN_CORPUS` says where it is. Each is
//! measured by a process of its own, which is this program again: first the most memory that reading and judging hold beyond the
//! document (`VmHWM` afterwards less `VmRSS` before), then ratios of time on the processor, the middle of several. `--check` fails
//! where a target is passed.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
// core's clippy.toml is about what core ships; this measures it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "support/stopwatch.rs"]
mod stopwatch;

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{Read, Write};
use std::process::{Command, ExitCode, Stdio};

use countersign_core::{Limits, NoFiles, PolicySet, Sbom, Source};
use countersign_testkit::forge::{Algorithm, Key};
use cyclonedx_bom::prelude::Bom;
use serde::de::IgnoredAny;
use stopwatch::{median, timed};

/// The argument that makes a child of this program; behind it the document's size, and how often to measure.
const CHILD: &str = "--read-standard-input";
/// Beyond the document.
const MOST_MEGABYTES: f64 = 8.0;
/// Reading and judging, in times of `IgnoredAny`.
const MOST_OF_IGNORED: f64 = 3.0;
/// Judging alone, in times of reading.
const MOST_OF_READING: f64 = 3.0;
/// The kernel counts to about 4 ms: what is timed takes so many seconds at least.
const LAP: f64 = 0.1;
/// Packages that the rule bans, a part of them of the types that the documents have.
const BANS: usize = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let flag = |name: &str| arguments.iter().any(|argument| argument == name);
    if flag(CHILD) {
        let runs = arguments.last().unwrap().parse().unwrap();
        return if child(runs) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    // Cargo says `--bench` when it benches; without it, as under `cargo test --all-targets`, only that this works is shown.
    let (size, runs) = match (flag("--bench"), flag("--quick")) {
        (true, false) => (11_000_000, 7),
        (true, true) => (11_000_000, 3),
        (false, _) => (200_000, 0),
    };
    let mut documents = vec![(
        "testkit".to_owned(),
        countersign_testkit::sbom::cyclonedx(size).into_bytes(),
    )];
    if flag("--bench") {
        documents.extend(largest());
    }
    let mut within = true;
    for (name, bytes) in documents {
        println!("{name}, {:.1} MB", megabytes(bytes.len()));
        within &= measure(&bytes, runs);
    }
    if flag("--check") && !within {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Has a child measure it; whether all was within its bounds.
fn measure(bytes: &[u8], runs: u32) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([CHILD, &bytes.len().to_string(), &runs.to_string()])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait().unwrap().success()
}

fn child(runs: u32) -> bool {
    let length: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let policies = policies();
    // Into one buffer of its size: what reading it in had held would hide what follows.
    let mut bytes = vec![1; length];
    std::io::stdin().read_exact(&mut bytes).unwrap();
    let bytes = bytes.as_slice();
    let before = status("VmRSS:");
    judge(&policies, &read(bytes));
    let held = (status("VmHWM:") - before) * 1024.0 / 1e6;
    println!("  {held:.1} MB beyond the document (at most {MOST_MEGABYTES})");

    let sbom = read(bytes);
    println!("  {} components, {BANS} bans", sbom.components.len());
    let ignored = || {
        black_box(serde_json::from_slice::<IgnoredAny>(bytes).unwrap());
    };
    let reading = || drop(black_box(read(bytes)));
    let both = times("read and judge", runs, "IgnoredAny", &ignored, &|| {
        judge(&policies, &read(bytes));
    });
    let rules = times("judge", runs, "read", &reading, &|| judge(&policies, &sbom));
    times("read", runs, "IgnoredAny", &ignored, &reading);
    times(
        "cyclonedx-bom, read alone",
        runs,
        "IgnoredAny",
        &ignored,
        &|| {
            drop(black_box(Bom::parse_from_json(bytes)));
        },
    );
    held <= MOST_MEGABYTES && both <= MOST_OF_IGNORED && rules <= MOST_OF_READING
}

fn read(bytes: &[u8]) -> Sbom<'_> {
    let sbom = Sbom::read_document(bytes, &Limits::default()).unwrap();
    assert!(!sbom.components.is_empty());
    sbom
}

fn judge(policies: &PolicySet, sbom: &Sbom<'_>) {
    let outcomes = policies.judge_sbom(sbom);
    let [outcome] = outcomes.as_slice() else {
        panic!("one rule");
    };
    let compared: Vec<&str> = outcome.comparisons.iter().map(|it| &*it.what).collect();
    for what in ["licenses.deny", "packages.deny", "fields.supplier"] {
        assert!(compared.contains(&what), "{what}: {compared:?}");
    }
    black_box(outcomes);
}

/// How many times as long `work` takes as `floor`, in turn: the middle of so many ratios. With no runs only that it works is shown.
fn times(name: &str, runs: u32, floor_name: &str, floor: &dyn Fn(), work: &dyn Fn()) -> f64 {
    if runs == 0 {
        floor();
        work();
        return 0.0;
    }
    let (floors, works) = (repeats(floor), repeats(work));
    let laps = (0..runs).map(|_| (lap(floors, floor), lap(works, work)));
    let laps: Vec<(f64, f64)> = laps.collect();
    let ratio = median(laps.iter().map(|(floor, work)| work / floor));
    let middle = median(laps.iter().map(|(_, work)| work * 1e3));
    println!("  {name:<28} {middle:>7.2} cpu ms {ratio:>6.2} times {floor_name}");
    ratio
}

/// Seconds on the processor for one of so many runs.
fn lap(repeats: u32, run: &dyn Fn()) -> f64 {
    let lap = timed(|| (0..repeats).for_each(|_| run()));
    lap.on_cpu.as_secs_f64() / f64::from(repeats)
}

/// How often something is to be run to take a [`LAP`].
fn repeats(run: &dyn Fn()) -> u32 {
    let doubled = (0..12).map(|power| 1 << power);
    let takes_long = |count: &u32| lap(*count, run) * f64::from(*count) >= LAP;
    doubled.into_iter().find(takes_long).unwrap_or(1 << 12)
}

/// One rule with licences, bans and fields.
fn policies() -> PolicySet {
    let pem = Key::generate(Algorithm::P256).public_pem();
    let pem = pem.trim_end().replace('\n', "\n        ");
    let mut bans = String::new();
    for number in 0..BANS {
        let ban = match number % 4 {
            0 => format!("{{purl: pkg:npm/evil-{number}}}"),
            1 => {
                format!("{{purl: \"pkg:npm/%40acme/left-{number}\", versions: \"<1.{number}.0\"}}")
            }
            2 => format!("{{purl: pkg:maven/org.acme/app-{number}, versions: \"<2.{number}\"}}"),
            _ => format!("{{purl: pkg:pypi/evil-{number}, versions: \">=1, <2.{number}\"}}"),
        };
        write!(bans, "{}{ban}", if number > 0 { ", " } else { "" }).unwrap();
    }
    let text = format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Settings\nmetadata: {{name: s}}\nspec: {{unmatched: deny, onUnknown: deny}}\n---\n\
         apiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: ci}}\nspec:\n  keys:\n    - id: k\n      pem: |\n        {pem}\n  \
         log: off\n  time: none\n---\n\
         apiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {{name: p}}\nspec:\n  images: [\"registry.example/**\"]\n  rules:\n    \
         - name: sbom\n      sbom:\n        from: ci\n        \
         licenses: {{deny: [AGPL-3.0, GPL-3.0, SSPL-1.0, BUSL-1.1], unknown: warn, missing: warn}}\n        \
         packages: {{deny: [{bans}], incomparable: deny}}\n        \
         fields: {{preset: cisa-2025, minCoverage: 50%}}\n"
    );
    let name = "policy.yaml".to_owned();
    let loaded = PolicySet::load(&[Source { name, text }], &NoFiles, &[]);
    loaded
        .policies
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

/// KiB, as the kernel counts.
fn status(what: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    line.unwrap().trim_end_matches("kB").trim().parse().unwrap()
}

fn megabytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap()) / 1e6
}

/// The largest CycloneDX document of the corpus.
fn largest() -> Option<(String, Vec<u8>)> {
    let name = "sbom/trustify/cyclonedx/rh/product_component/example_component_quarkus.json";
    let path = countersign_testkit::gate::corpus()?.join(name);
    Some((name.to_owned(), std::fs::read(path).unwrap()))
}
