//! Gates of tests that need more than the repository: the public corpus, the real parts, much time.
//!
//! | variable | meaning |
//! |---|---|
//! | `COUNTERSIGN_CORPUS=DIR` | the public data (`shared/data`); a relative path starts at the workspace |
//! | `COUNTERSIGN_E2E=1` | run the tests with real parts (cosign, registries, Fulcio, …) |
//! | `COUNTERSIGN_GITOPS=1` | run the tests with Argo CD, which `.ci/run` does not build (`just e2e-gitops`) |
//! | `COUNTERSIGN_LAB_BIN=DIR` | where the parts are; default `~/.cache/countersign-lab/bin` |
//! | `COUNTERSIGN_REQUIRE=corpus,parts` | a skip for want of these is a failure |
//! | `COUNTERSIGN_FULL=1` | run suites of more than 1,000 cases whole, not a tenth of them |
//!
//! A closed gate is `None` after one line on standard error, written past the capture of the test harness.

use std::env;
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The public corpus, or `None` (the test is to return) where `COUNTERSIGN_CORPUS` is unset.
///
/// # Panics
/// If the variable names no folder, or `COUNTERSIGN_REQUIRE` holds `corpus` and it is unset.
#[must_use]
pub fn corpus() -> Option<PathBuf> {
    let outcome = corpus_of(env::var_os("COUNTERSIGN_CORPUS"));
    open("corpus", outcome)
}

/// The folder of the real parts if every one of `tools` is in it, or `None` (the test is to return) where
/// `COUNTERSIGN_E2E` is not `1` or one is missing.
///
/// # Panics
/// If `COUNTERSIGN_REQUIRE` holds `parts` and the answer would be `None`.
#[must_use]
pub fn parts(tools: &[&str]) -> Option<PathBuf> {
    let e2e = env::var_os("COUNTERSIGN_E2E");
    let folder = env::var_os("COUNTERSIGN_LAB_BIN");
    let outcome = parts_of(e2e, folder, env::var_os("HOME"), tools);
    open("parts", outcome)
}

/// The folder of the real parts for the tests with Argo CD, or `None` (the test is to return) where `COUNTERSIGN_GITOPS` is not `1`.
///
/// # Panics
/// If it is `1` and one of `tools` is missing: who asks for these tests asks for their parts.
#[must_use]
pub fn gitops(tools: &[&str]) -> Option<PathBuf> {
    let asked = env::var_os("COUNTERSIGN_GITOPS");
    let folder = env::var_os("COUNTERSIGN_LAB_BIN");
    open(
        "gitops",
        gitops_of(asked, folder, env::var_os("HOME"), tools),
    )
}

/// Whether this process is root's, as tests are that change the root of a process; or `false` (the test is to return).
///
/// # Panics
/// If `COUNTERSIGN_REQUIRE` holds `parts` and the answer would be `false`.
#[must_use]
pub fn root() -> bool {
    let own = PathBuf::from("/proc/self");
    let outcome = match std::fs::metadata(&own).map(|own| own.uid()) {
        Ok(0) => Ok(own),
        _ => Err(Closed::Skip(
            "only root can change a process's root".to_owned(),
        )),
    };
    open("parts", outcome).is_some()
}

/// Whether suites of more than 1,000 cases run whole (`COUNTERSIGN_FULL=1`, set by `just test-full`).
#[must_use]
pub fn full() -> bool {
    env::var_os("COUNTERSIGN_FULL").is_some_and(|value| value == "1")
}

/// How many of `whole` generated cases to run: all under [`full`], else a tenth.
#[must_use]
pub fn cases(whole: u32) -> u32 {
    if full() { whole } else { whole.div_ceil(10) }
}

/// Whether the case number `index` of a listed suite runs: always under [`full`], else if it is of the seeded tenth,
/// which is the same in every run.
#[must_use]
pub fn runs(index: usize) -> bool {
    full() || in_tenth(index)
}

/// Why a gate stays closed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Closed {
    /// Nobody asked for these tests, or what they need is missing.
    Skip(String),
    /// Asked for, and wrong.
    Misconfigured(String),
}

fn open(what: &str, outcome: Result<PathBuf, Closed>) -> Option<PathBuf> {
    let required = env::var("COUNTERSIGN_REQUIRE").unwrap_or_default();
    match judge(what, &required, outcome) {
        Ok(path) => Some(path),
        Err(Closed::Skip(why)) => {
            let test = std::thread::current();
            let name = test.name().unwrap_or("a test");
            // The harness captures `eprintln!` of passing tests; a line written to the stream itself is seen. A
            // closed stream is no reason to fail.
            let _ = writeln!(std::io::stderr(), "skipped {name}: {why}");
            None
        }
        Err(Closed::Misconfigured(why)) => panic!("{why}"),
    }
}

/// Turns a skip of something required into a failure.
fn judge(what: &str, required: &str, outcome: Result<PathBuf, Closed>) -> Result<PathBuf, Closed> {
    match outcome {
        Err(Closed::Skip(why)) if required.split(',').any(|name| name.trim() == what) => Err(
            Closed::Misconfigured(format!("{why}, but COUNTERSIGN_REQUIRE asks for {what}")),
        ),
        other => other,
    }
}

fn corpus_of(variable: Option<OsString>) -> Result<PathBuf, Closed> {
    let Some(value) = variable.filter(|value| !value.is_empty()) else {
        let why = "COUNTERSIGN_CORPUS does not name the folder of the public data";
        return Err(Closed::Skip(why.to_owned()));
    };
    let folder = from_workspace(value);
    if !folder.is_dir() {
        let why = format!("COUNTERSIGN_CORPUS: {} is no folder", folder.display());
        return Err(Closed::Misconfigured(why));
    }
    Ok(folder)
}

fn parts_of(
    e2e: Option<OsString>,
    folder: Option<OsString>,
    home: Option<OsString>,
    tools: &[&str],
) -> Result<PathBuf, Closed> {
    if e2e.is_none_or(|value| value != "1") {
        let why = "real parts run only with COUNTERSIGN_E2E=1 (just e2e)";
        return Err(Closed::Skip(why.to_owned()));
    }
    let folder = match (folder.filter(|value| !value.is_empty()), home) {
        (Some(folder), _) => from_workspace(folder),
        (None, Some(home)) => Path::new(&home).join(".cache/countersign-lab/bin"),
        (None, None) => {
            let why = "neither COUNTERSIGN_LAB_BIN nor HOME says where the real parts are";
            return Err(Closed::Misconfigured(why.to_owned()));
        }
    };
    let is_missing = |tool: &&str| !folder.join(tool).is_file();
    let missing: Vec<&str> = tools.iter().copied().filter(is_missing).collect();
    if !missing.is_empty() {
        return Err(Closed::Skip(format!(
            "no {} in {} (crates/e2e/tools/build.sh builds them)",
            missing.join(", "),
            folder.display()
        )));
    }
    Ok(folder)
}

fn gitops_of(
    asked: Option<OsString>,
    folder: Option<OsString>,
    home: Option<OsString>,
    tools: &[&str],
) -> Result<PathBuf, Closed> {
    if asked.is_none_or(|value| value != "1") {
        let why = "Argo CD runs only with COUNTERSIGN_GITOPS=1 (just e2e-gitops)";
        return Err(Closed::Skip(why.to_owned()));
    }
    parts_of(Some("1".into()), folder, home, tools).map_err(|closed| match closed {
        Closed::Skip(why) => Closed::Misconfigured(why),
        wrong => wrong,
    })
}

/// Cargo runs a test in its package's folder, but people write paths as seen from the workspace.
fn from_workspace(path: OsString) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) over the seeded index, so that a suite whose cases
/// come in periods is not sampled in step with them.
fn in_tenth(index: usize) -> bool {
    const SEED: u64 = 0x636f_756e_7465_7273; // "counters"
    let index = u64::try_from(index).expect("usize has at most 64 bits");
    let mut mixed = SEED.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn some(value: &str) -> Option<OsString> {
        Some(value.into())
    }

    #[test]
    fn an_unset_corpus_is_a_skip_and_a_wrong_one_is_a_failure() {
        assert!(matches!(corpus_of(None), Err(Closed::Skip(_))));
        assert!(matches!(corpus_of(some("")), Err(Closed::Skip(_))));
        let wrong = corpus_of(some("/nowhere/at/all"));
        assert!(
            matches!(wrong, Err(Closed::Misconfigured(why)) if why.contains("/nowhere/at/all"))
        );
    }

    #[test]
    fn a_relative_path_starts_at_the_workspace() {
        let crates = corpus_of(some("crates")).unwrap();
        assert!(crates.join("testkit").is_dir(), "{}", crates.display());
    }

    #[test]
    fn parts_need_the_switch_and_every_tool() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("crane"), "").unwrap();
        let bin = Some(folder.path().as_os_str().to_owned());

        let off = parts_of(None, bin.clone(), None, &["crane"]);
        assert!(matches!(off, Err(Closed::Skip(why)) if why.contains("COUNTERSIGN_E2E=1")));
        let other = parts_of(some("0"), bin.clone(), None, &["crane"]);
        assert!(matches!(other, Err(Closed::Skip(_))));
        let missing = parts_of(some("1"), bin.clone(), None, &["crane", "fulcio"]);
        assert!(matches!(missing, Err(Closed::Skip(why)) if why.starts_with("no fulcio in ")));
        assert!(parts_of(some("1"), bin, None, &["crane"]).is_ok());
        let homeless = parts_of(some("1"), None, None, &["crane"]);
        assert!(matches!(homeless, Err(Closed::Misconfigured(_))));
    }

    #[test]
    fn tests_with_argo_cd_are_asked_for_by_a_switch_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let bin = Some(folder.path().as_os_str().to_owned());
        for asked in [None, some("0")] {
            let closed = gitops_of(asked, bin.clone(), None, &["argocd"]);
            assert!(
                matches!(&closed, Err(Closed::Skip(why)) if why.contains("just e2e-gitops")),
                "{closed:?}"
            );
            // `.ci/run` demands the parts that it builds, and this is none of them.
            assert_eq!(judge("gitops", "parts,corpus", closed.clone()), closed);
        }
        let missing = gitops_of(some("1"), bin.clone(), None, &["argocd"]);
        assert!(
            matches!(missing, Err(Closed::Misconfigured(why)) if why.starts_with("no argocd in "))
        );
        std::fs::write(folder.path().join("argocd"), "").unwrap();
        assert!(gitops_of(some("1"), bin, None, &["argocd"]).is_ok());
    }

    #[test]
    fn a_required_gate_fails_where_it_would_skip() {
        let skip = || Err(Closed::Skip("why".to_owned()));
        assert_eq!(judge("parts", "", skip()), skip());
        assert_eq!(judge("parts", "corpus", skip()), skip());
        for required in ["parts", "corpus,parts", "parts, corpus"] {
            let judged = judge("parts", required, skip());
            assert!(
                matches!(judged, Err(Closed::Misconfigured(why)) if why.starts_with("why, but"))
            );
        }
        assert_eq!(
            judge("parts", "parts", Ok("/bin".into())),
            Ok("/bin".into())
        );
    }

    #[test]
    fn the_sample_is_about_a_tenth_and_fixed() {
        let sample: Vec<usize> = (0..10_000).filter(|&index| in_tenth(index)).collect();
        assert!((900..=1_100).contains(&sample.len()), "{}", sample.len());
        assert_eq!(sample.get(..5), Some(&[15, 30, 33, 43, 52][..]));
    }
}
