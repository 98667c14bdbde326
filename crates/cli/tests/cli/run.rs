//! Runs the command in the workspace's folder, without anything of the tester's surroundings.

use std::path::Path;
use std::process::{Command, Output, Stdio};

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
pub(crate) const AT: &str = "2027-06-01T00:00:00Z";

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .args(arguments)
        .current_dir(Path::new(ROOT))
        .env_clear()
        .stdin(Stdio::null());
    command
}

pub(crate) fn output(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

pub(crate) fn code(arguments: &[&str]) -> Option<i32> {
    output(arguments).status.code()
}

/// The command line, standard output, standard error and exit code, as one text for a snapshot.
pub(crate) fn transcript(arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = output(arguments);
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let stderr = match stderr.as_str() {
        "" => String::new(),
        text => format!("--- standard error\n{text}"),
    };
    let code = status.code().unwrap();
    format!(
        "$ countersign {}\n{stdout}{stderr}--- exit code {code}\n",
        arguments.join(" ")
    )
}

/// `verify` of an image of testdata by a policy, at a fixed time.
pub(crate) fn verify<'a>(image: &'a str, policy: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["verify", image, "--policy", policy, "--at", AT], more].concat()
}

/// The most resident memory that a running process has had, in KiB; zero where the system does not tell.
pub(crate) fn peak_memory(process: u32) -> u64 {
    std::fs::read_to_string(format!("/proc/{process}/status"))
        .unwrap_or_default()
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmHWM:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .unwrap_or_default()
}
