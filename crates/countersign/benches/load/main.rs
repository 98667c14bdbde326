//! The load test: 10,000 checks of 1,000 images at four registries, 64 at a time.
//!
//! `just load`, or `cargo bench -p countersign --bench load`
//!
//! First all is sound. Then of the answers 5 % are 429, 5 % are 503 and 1 % stall, and one of the four registries is dead:
//! half of the time it accepts and never answers, half of the time its port is closed. Every decision has to be right, or
//! *unknown* where something could not be asked; nothing may be fetched twice without need; the process of the checker must
//! stay below 100 MB; living registries must not wait for the dead one. It ends with 1 where that does not hold.
//!
//! The registries are a process of their own, which is this program again.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

mod counter;
mod peer;
mod registries;
mod report;
mod run;

use std::process::ExitCode;
use std::sync::Arc;

use peer::Peer;
use run::Phase;

/// When everything is signed, and when it is checked, in seconds since 1970.
const NOW: i64 = 1_790_000_000;
const IMAGES: usize = 1_000;
const REGISTRIES: usize = 4;
const CHECKS_OF_EACH: usize = 10;
const AT_ONCE: usize = 64;
/// How many images are checked at about the same time, each of them ten times: a rollout of some deployments.
const ROLLOUT: usize = 50;
const MOST_MEGABYTES: f64 = 100.0;
/// The argument that makes the registries' process of this program.
const CHILD: &str = "--serve-registries";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == CHILD) {
        registries::serve();
        return ExitCode::SUCCESS;
    }
    // Without `--bench`, as under `cargo test --all-targets`, only that it compiles is of interest: it takes a minute.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let (peer, stock) = Peer::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let stock = Arc::new(stock);
    let mut right = true;
    for phase in [Phase::Sound, Phase::Faulty] {
        let outcome = runtime.block_on(run::run(phase, &peer, &stock));
        right &= report::show(phase, &outcome, &stock, &peer.ask("counts"));
    }
    let peak = report::peak_megabytes();
    println!("peak memory of the checker's process: {peak:.1} MB (at most {MOST_MEGABYTES} MB)");
    if right && peak < MOST_MEGABYTES {
        ExitCode::SUCCESS
    } else {
        println!("FAILED");
        ExitCode::FAILURE
    }
}

/// A number that looks random and is the same in every run (splitmix64).
fn dice(seed: u64, number: u64) -> u64 {
    let mut value = seed
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(number.wrapping_mul(0xD1B5_4A32_D192_ED03));
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}
