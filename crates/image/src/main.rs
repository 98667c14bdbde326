//! The `countersign-image` program: what was typed → an image → where it is, its digest and its size.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;
use countersign_image::{Arguments, Written};

fn main() -> ExitCode {
    match Arguments::parse().run().and_then(|written| tell(&written)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn tell(written: &Written) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for (machine, digest, size) in &written.images {
        writeln!(out, "linux/{}  {digest}  {size} bytes", machine.name())?;
    }
    writeln!(out, "layout   {}", written.layout.display())?;
    writeln!(out, "archive  {}", written.archive.display())?;
    Ok(writeln!(out, "digest   {}", written.digest)?)
}
