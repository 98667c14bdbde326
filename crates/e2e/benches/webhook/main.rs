//! The load test of the webhook: `just load-webhook`, `just soak-webhook` (docs/performance.md).
//!
//! The release binary on loopback TLS with a real registry, beside `countersign-echo`, which reads the same questions and decides nothing. Both are pinned to
//! one processor and everything else to the other one; what is stated are ratios of one run. With `--check` it ends with 1 over a target.
#![allow(
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a bench"
)]

mod client;
mod cold;
mod options;
mod overload;
mod proxy;
mod record;
mod report;
mod scene;
mod server;
mod soak;
mod warm;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;
use countersign_e2e::built;

use options::Options;
use report::Report;
use scene::Scene;
use server::Certificate;

/// What every part of the test uses.
struct Lab {
    options: Options,
    scene: Scene,
    certificate: Certificate,
    webhook: PathBuf,
    echo: PathBuf,
    report: Report,
}

fn main() -> ExitCode {
    report::ended(run())
}

fn run() -> Result<bool> {
    let options = Options::parse();
    let program = |given: &Option<PathBuf>, name: &str| match given {
        Some(path) => Ok(path.clone()),
        None => built(name, name),
    };
    let webhook = program(&options.webhook, "countersign-webhook")?;
    let echo = program(&options.echo, "countersign-echo")?;
    server::pin_client()?;
    let mut lab = Lab {
        scene: Scene::set(options.soak.is_some())?,
        certificate: Certificate::new()?,
        webhook,
        echo,
        report: Report::new(options.check),
        options,
    };
    if let Some(time) = lab.options.soak {
        soak::run(&mut lab, time)?;
    } else {
        let wants = |part: &str| lab.options.only.as_deref().is_none_or(|only| only == part);
        let parts = [
            ("start", warm::start as fn(&mut Lab) -> Result<()>),
            ("signed", warm::signed),
            ("attested", warm::attested),
            ("cold", cold::run),
            ("overload", overload::run),
        ];
        let wanted: Vec<_> = parts.into_iter().filter(|(name, _)| wants(name)).collect();
        for (_, part) in wanted {
            part(&mut lab)?;
        }
    }
    Ok(lab.report.end())
}
