//! Where the real parts are.

use std::path::PathBuf;
use std::process::Command;

use countersign_testkit::gate;

/// Real parts that are there: programs built by `crates/e2e/tools/build.sh`.
#[derive(Debug)]
pub struct Parts {
    folder: PathBuf,
}

/// The parts, if every one of `tools` is built and `COUNTERSIGN_E2E=1` asks for such tests; else `None`, and one line
/// on standard error says what is skipped and why.
///
/// # Panics
/// If `COUNTERSIGN_REQUIRE` holds `parts` and the answer would be `None`.
#[must_use]
pub fn parts(tools: &[&str]) -> Option<Parts> {
    gate::parts(tools).map(|folder| Parts { folder })
}

/// The same for the tests with Argo CD, which takes long to build: they run where `COUNTERSIGN_GITOPS=1` asks for them.
///
/// # Panics
/// If it asks for them, and a tool is missing.
#[must_use]
pub fn gitops_parts(tools: &[&str]) -> Option<Parts> {
    gate::gitops(tools).map(|folder| Parts { folder })
}

impl Parts {
    /// The program of this name.
    #[must_use]
    pub fn path(&self, tool: &str) -> PathBuf {
        self.folder.join(tool)
    }

    /// A command that runs the program of this name.
    #[must_use]
    pub fn command(&self, tool: &str) -> Command {
        Command::new(self.path(tool))
    }
}
