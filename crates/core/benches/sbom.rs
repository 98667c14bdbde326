//! What reading an SBOM costs, beside `serde_json` into `IgnoredAny` over the same bytes (`docs/performance.md`).
//!
//! `cargo bench -p countersign-core --bench sbom -- [--check] [--quick]`
//!
//! An 11 MB CycloneDX 1.5 document of the testkit, and the largest of the corpus where `COUNTERSIGN_CORPUS` says where it is. Each is
//! measured by a process of its own, which is this program again: first the most memory that reading holds beyond the document
//! (`VmHWM` afterwards less `VmRSS` before), then the middle of several times. `--check` fails where a bound is passed.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
// core's clippy.toml is about what core ships; this measures it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "support/stopwatch.rs"]
mod stopwatch;

use std::hint::black_box;
use std::io::{Read, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use countersign_core::{Limits, Sbom};
use cyclonedx_bom::prelude::Bom;
use serde::de::IgnoredAny;
use stopwatch::{Lap, median, timed};

/// The argument that makes a child of this program; behind it, how often to measure.
const CHILD: &str = "--read-standard-input";
const MOST_MEGABYTES: f64 = 8.0;
/// What is measured, and how many times the time of `IgnoredAny` it may take.
const WORK: [Work; 3] = [
    Work {
        name: "read",
        run: read,
        most: Some(2.5),
    },
    Work {
        name: "scan and read a file",
        run: |bytes| {
            drop(black_box(
                Sbom::read_document(bytes, &Limits::default()).unwrap(),
            ))
        },
        most: None,
    },
    Work {
        name: "cyclonedx-bom",
        run: |bytes| drop(black_box(Bom::parse_from_json(bytes))),
        most: None,
    },
];

struct Work {
    name: &'static str,
    run: fn(&[u8]),
    most: Option<f64>,
}

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
        (true, false) => (11_000_000, 15),
        (true, true) => (11_000_000, 3),
        (false, _) => (200_000, 1),
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

fn read(bytes: &[u8]) {
    let sbom = Sbom::read("https://cyclonedx.org/bom", bytes, &Limits::default()).unwrap();
    assert!(!sbom.components.is_empty());
    drop(black_box(sbom));
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
    // Into one buffer of its size: what reading it in had held would hide what follows.
    let mut bytes = vec![1; length];
    std::io::stdin().read_exact(&mut bytes).unwrap();
    let before = status("VmRSS:");
    read(&bytes);
    let held = (status("VmHWM:") - before) * 1024.0 / 1e6;
    let mut within = held <= MOST_MEGABYTES;
    println!("  {held:.1} MB beyond the document (at most {MOST_MEGABYTES})");
    let ignored: Vec<Lap> = (0..runs).map(|_| timed(|| ignore(&bytes))).collect();
    show("IgnoredAny", &ignored);
    println!();
    for work in &WORK {
        // Beside each lap one of the floor, and of both the shortest: other processes only make laps longer.
        let laps = (0..runs).map(|_| (timed(|| (work.run)(&bytes)), timed(|| ignore(&bytes))));
        let (ours, floor): (Vec<Lap>, Vec<Lap>) = laps.unzip();
        let ratio = shortest(&ours) / shortest(&floor);
        show(work.name, &ours);
        let most = work.most.map(|most| format!(" (at most {most})"));
        println!("  {ratio:>6.2} times{}", most.unwrap_or_default());
        within &= work.most.is_none_or(|most| ratio <= most);
    }
    within
}

fn ignore(bytes: &[u8]) {
    black_box(serde_json::from_slice::<IgnoredAny>(bytes).unwrap());
}

fn shortest(laps: &[Lap]) -> f64 {
    let seconds = laps.iter().map(|lap| lap.wall.as_secs_f64());
    seconds.fold(f64::INFINITY, f64::min)
}

fn show(name: &str, laps: &[Lap]) {
    let milliseconds =
        |of: fn(&Lap) -> Duration| median(laps.iter().map(|lap| of(lap).as_secs_f64() * 1e3));
    let (wall, on_cpu) = (milliseconds(|lap| lap.wall), milliseconds(|lap| lap.on_cpu));
    print!("  {name:<24} {wall:>8.1} ms {on_cpu:>8.1} cpu ms");
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
