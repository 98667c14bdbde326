//! Whom a program talks to: the kernel is asked, by `strace`. Whatever connects to somebody, by whatever name, has to go through it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

/// Runs `program` under `strace`, which writes into the file `trace` what the kernel was asked for to reach anybody: every `connect`, and every
/// datagram. It runs beside the program, so that both end together and the exit code is the program's.
#[must_use]
pub fn traced(trace: &Path, program: &Path) -> Command {
    let mut command = Command::new("strace");
    command
        .args([
            "--daemonize",
            "--follow-forks",
            "--seccomp-bpf",
            "--quiet=all",
        ])
        .arg("--trace=connect,sendto,sendmsg,sendmmsg")
        .arg("--output")
        .arg(trace)
        .arg(program);
    command
}

/// `address:port` of everybody who was connected to, or was sent something without a connection.
///
/// # Errors
/// If the trace cannot be read.
pub fn contacts(trace: &Path) -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(trace).with_context(|| trace.display().to_string())?;
    Ok(text.lines().filter_map(contact).collect())
}

/// Of a line as `connect(9, {sa_family=AF_INET, sin_port=htons(5000), sin_addr=inet_addr("127.0.0.1")}, 16) = …`.
fn contact(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("{sa_family=AF_")?;
    let (family, rest) = rest.split_once(',')?;
    match family {
        "INET" | "INET6" => {
            let (_, port) = rest.split_once("_port=htons(")?;
            let (port, _) = port.split_once(')')?;
            let address = rest.split('"').nth(1)?;
            Some(format!("{address}:{port}"))
        }
        // A socket of this machine may lead anywhere: a name service, a proxy.
        other => Some(format!("{other}{rest}")),
    }
}

#[cfg(test)]
mod tests {
    use super::contact;

    #[test]
    fn a_line_of_the_trace_says_who_was_contacted() {
        for (line, who) in [
            (
                r#"7 connect(9, {sa_family=AF_INET, sin_port=htons(5000), sin_addr=inet_addr("127.0.0.1")}, 16) = -1 EINPROGRESS"#,
                Some("127.0.0.1:5000"),
            ),
            (
                r#"7 sendto(9, "x", 1, 0, {sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 1"#,
                Some("::1:53"),
            ),
            (
                r#"7 connect(9, {sa_family=AF_UNIX, sun_path="/x"}, 110) = 0"#,
                Some(r#"UNIX sun_path="/x"}, 110) = 0"#),
            ),
            (r#"7 sendto(9, "x", 1, MSG_NOSIGNAL, NULL, 0) = 1"#, None),
        ] {
            assert_eq!(contact(line).as_deref(), who);
        }
    }
}
