//! What the load test is told.

use std::num::ParseFloatError;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// The load test of the webhook. Everything has a default that is the test as documented.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Options {
    /// How long each of a pair is asked, in seconds.
    #[arg(long = "seconds", value_name = "N", default_value = "30", value_parser = seconds)]
    pub(crate) time: Duration,
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) pairs: usize,
    /// Images of the cold part.
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pub(crate) images: usize,
    /// Questions about them.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) reviews: usize,
    /// End with 1 over a target.
    #[arg(long)]
    pub(crate) check: bool,
    /// One part alone.
    #[arg(long, value_parser = ["start", "signed", "attested", "cold", "overload"])]
    pub(crate) only: Option<String>,
    /// Another webhook than the one that is built.
    #[arg(long, value_name = "PATH")]
    pub(crate) webhook: Option<PathBuf>,
    /// Another echo than the one that is built.
    #[arg(long, value_name = "PATH")]
    pub(crate) echo: Option<PathBuf>,
    /// The soak instead, so long.
    #[arg(long, value_name = "MINUTES", value_parser = minutes)]
    pub(crate) soak: Option<Duration>,
    /// Cargo's own.
    #[arg(long = "bench", hide = true)]
    _bench: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|it: ParseFloatError| it.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|it| it.to_string())
}

fn minutes(text: &str) -> Result<Duration, String> {
    Ok(seconds(text)? * 60)
}
