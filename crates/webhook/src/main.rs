//! The `countersign-webhook` program: what is configured → serve until told to end → exit code.

use std::io::Write as _;
use std::process::ExitCode;

use countersign_webhook::{Config, ConfigError, crds, plan, run};

/// A review is hundreds of small pieces of memory, and a quarter of its time went to the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As the command's: nobody could tell, and the configuration is wrong (`docs/exit-codes.md`).
const UNKNOWN: u8 = 2;
const MISUSED: u8 = 3;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1).peekable();
    if words.peek().is_some_and(|word| word == "plan") {
        return ExitCode::from(plan(words));
    }
    if words.peek().is_some_and(|word| word == "crds") {
        return match crds() {
            Ok(all) => print(
                &all.iter()
                    .map(|(_, text)| format!("---\n{text}"))
                    .collect::<String>(),
            ),
            Err(why) => complain(&why, UNKNOWN),
        };
    }
    let config = match Config::read(std::env::args_os()) {
        Ok(config) => config,
        Err(ConfigError::Typed(message)) => {
            // Where even the message cannot be written, the exit code still tells.
            let _ = message.print();
            return ExitCode::from(if message.use_stderr() { MISUSED } else { 0 });
        }
        Err(error) => return complain(&error.to_string(), MISUSED),
    };
    if config.is_only_shown() {
        return print(config.shown());
    }
    match run(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string(), MISUSED),
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(UNKNOWN),
    }
}

fn complain(why: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {why}");
    ExitCode::from(code)
}
