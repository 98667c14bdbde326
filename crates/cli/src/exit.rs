//! Exit codes: what a pipeline reads. `docs/exit-codes.md` shows the same table; a test compares them.

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use countersign_core::Verdict;

use crate::escape::escaped;

/// How a run ended, ordered by weight: of several images the heaviest outcome is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Every image is allowed, or the file is signed as demanded.
    Allowed,
    /// Nobody could tell; a panic counts as this, never as an allow.
    Unknown,
    /// An image is denied, or the file is not signed as demanded.
    Denied,
    /// The command line, the policy, or a key or trust root is wrong.
    Misused,
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allow => Self::Allowed,
            Verdict::Deny => Self::Denied,
            _ => Self::Unknown,
        }
    }
}

impl Exit {
    /// Every outcome with its name and meaning, by code.
    pub(crate) const TABLE: [(Self, &'static str, &'static str); 4] = [
        (
            Self::Allowed,
            "allowed",
            "Every image is allowed, also when policies that only warn failed; the file is signed as `verify-bundle` demands, or is what the policies of `verify-blob` demand; `policy lint` found nothing to refuse; every case of `policy test` came out as expected, and with `--mutate` every change was noticed; `evidence` and `pull-evidence` could read everything; `copy` has copied everything; `promote` has stated that the image passed; `policy import` left nothing to a person; `pin` and `lock` left nothing that they had to refuse. `replay` ends as the decisions of the record, if they are the same; `break-glass verify` found enough approvals for all that was asked.",
        ),
        (
            Self::Denied,
            "denied",
            "An image is denied; the file or its bundle is refused; `policy lint --deny-warnings` found warnings; a case of `policy test` came out otherwise, or nobody noticed a change; `promote` was not to state what the image did not pass; a statement of `break-glass verify` does not hold; `policy import` wrote a policy that denies, or is stricter, where a person has to decide; `pin` or `lock` refused an image, `pin --check` found one to pin, or a tag moved that `lock` was not told to update.",
        ),
        (
            Self::Unknown,
            "unknown",
            "Nobody could tell: a registry did not answer or sent what must not be believed, trust material (`--trust-root`) could not be read, the file or bundle that `verify-bundle` or `verify-blob` should judge could not be read, `evidence` or `pull-evidence` could not read everything, `copy` could not copy everything, `promote` could not tell, write or attach, a file of approvals (`--break-glass`) could not be read or written, `replay` came to another decision or lacked what it was made from, an output could not be written, or countersign itself failed.",
        ),
        (
            Self::Misused,
            "misused",
            "The command line is wrong, or a policy file or what it names, or a manifest of `verify -f`, `pin` or `lock`, or no image is in it, or `countersign.lock`, a case of `policy test`, the key or trust root of `verify-bundle`, the key of `promote` or a level that no policy of the set emits, or `replay` was given another policy than the record's, or there is nothing that `policy import` can read whole.",
        ),
    ];

    /// The table for `--help`.
    pub(crate) fn help() -> String {
        let rows = Self::TABLE.map(|(exit, name, _)| format!("{} {name}", exit.code()));
        format!("Exit codes: {}.", rows.join(", "))
    }

    /// The process's exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Allowed => 0,
            Self::Denied => 1,
            Self::Unknown => 2,
            Self::Misused => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Runs `body`; a panic becomes [`Exit::Unknown`] and one line on standard error (gitsign CVE-2026-44310: panic, exit 0).
pub(crate) fn guarded(body: impl FnOnce() -> Exit) -> Exit {
    panic::set_hook(Box::new(|info| {
        let what = info.payload_as_str().unwrap_or("no message");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        crate::output::complain(&format!(
            "countersign failed inside ({place}: {}); nothing was decided, please report it",
            escaped(what, 300)
        ));
    }));
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or(Exit::Unknown)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_documented_table_is_the_codes_table() {
        let documented = include_str!("../../../docs/exit-codes.md");
        let mut table = String::from("| code | name | meaning |\n|---|---|---|\n");
        for (exit, name, meaning) in Exit::TABLE {
            table.push_str(&format!("| {} | {name} | {meaning} |\n", exit.code()));
        }
        assert!(
            documented.contains(&table),
            "docs/exit-codes.md must hold:\n{table}"
        );
    }

    #[test]
    fn codes_count_up_and_the_heaviest_wins() {
        for (code, (exit, ..)) in (0..).zip(Exit::TABLE) {
            assert_eq!(exit.code(), code);
        }
        let all = [Exit::Misused, Exit::Denied, Exit::Unknown, Exit::Allowed];
        for (place, heavier) in all.iter().enumerate() {
            for lighter in &all[place..] {
                assert_eq!(heavier.max(lighter), heavier, "3 over 1 over 2 over 0");
            }
        }
    }

    /// Runs this very test binary again, in the role of a program that panics.
    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "the role must end with this code, past the test harness"
    )]
    fn cve_2026_44310_a_panic_exits_2_with_one_line() {
        const ROLE: &str = "COUNTERSIGN_TEST_ROLE";
        if std::env::var_os(ROLE).is_some() {
            std::process::exit(
                guarded(|| panic!("bad\u{1b}[2J news\n::error::"))
                    .code()
                    .into(),
            );
        }
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "exit::tests::cve_2026_44310_a_panic_exits_2_with_one_line",
                "--nocapture",
            ])
            .env(ROLE, "panic")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(
            stderr.starts_with("error: countersign failed inside (crates/cli/src/exit.rs:"),
            "{stderr}"
        );
        assert!(stderr.contains(r"bad\u{1b}[2J news\n::error::"), "{stderr}");
    }
}
