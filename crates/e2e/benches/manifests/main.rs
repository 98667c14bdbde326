//! `countersign verify -f` beside a loop of `cosign verify`: `just bench-manifests` (docs/performance.md).
//!
//! 200 Deployments with an image each, in a repository of its own in a real registry on loopback, all signed by real cosign with one key. Both are asked for all
//! of them in turns, and the ratio of each pair counts. With `--check` it ends with 1 over a target.
#![allow(
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a bench"
)]

mod options;
#[path = "../webhook/report.rs"]
mod report;
mod scene;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser as _;

use options::Options;
use report::{Report, median};
use scene::{Cost, Format, Scene};

/// Issue 9, "Shown by", number 3.
const TIMES: f64 = 10.0;
const MEGABYTES: f64 = 64.0;

fn main() -> ExitCode {
    report::ended(run())
}

fn run() -> Result<bool> {
    let options = Options::parse();
    ensure!(options.pairs > 0, "--pairs 0 compares nothing");
    let mut report = Report::new(options.check);
    for format in [Format::Bundle, Format::Legacy] {
        if options.wants(format) {
            compare(&options, format, &mut report)?;
        }
    }
    Ok(report.end())
}

/// One version of cosign, which signs and is compared.
fn compare(options: &Options, format: Format, report: &mut Report) -> Result<()> {
    let program = format.cosign();
    println!("{program}: {} images are pushed and signed", options.images);
    let scene = Scene::set(options, format)?;
    scene.tell_unsigned()?;
    // Both once before anything counts: programs are read from disk then.
    scene.countersign()?;
    scene.cosign(1)?;
    let mut ratios = Vec::new();
    let mut peaks = Vec::new();
    for pair in 1..=options.pairs {
        // Who goes first changes, so that neither has what the other warmed.
        let (ours, theirs) = if pair % 2 == 1 {
            (scene.countersign()?, scene.cosign(options.images)?)
        } else {
            let theirs = scene.cosign(options.images)?;
            (scene.countersign()?, theirs)
        };
        let ratio = theirs.seconds() / ours.seconds();
        println!(
            "pair {pair}: countersign {}; {program} {}; {ratio:.1} times as fast, {:.1} times less processor time",
            told(&ours),
            told(&theirs),
            theirs.processor / ours.processor
        );
        ratios.push(ratio);
        // A run of its own: looking at it takes time from it.
        peaks.push(scene.peak()?);
    }
    let peak = peaks.iter().copied().fold(0.0, f64::max);
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    println!(
        "{program}: at least {least:.1} times as fast, median {:.1}; peaks of memory {peaks:.1?} MB",
        median(&ratios)
    );
    let what = format!(
        "{} images, times as fast as a loop of {program} verify",
        options.images
    );
    report.at_least(&what, median(&ratios), TIMES);
    report.at_most(
        &format!("MB of memory, signed by {program}"),
        peak,
        MEGABYTES,
    );
    Ok(())
}

fn told(cost: &Cost) -> String {
    format!(
        "{:.2} s ({:.2} s of processor time)",
        cost.seconds(),
        cost.processor
    )
}
