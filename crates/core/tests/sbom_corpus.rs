//! The SBOM reader over the public corpus, and beside the two libraries that can read some of it.
//!
//! `sbom_corpus/listed.txt` holds what is refused although it looks like an SBOM, and where the others see something else, each with
//! its reason; an entry that no longer applies fails.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
// core's clippy.toml is about what core ships; this test reads files.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "sbom_corpus/oracle.rs"]
mod oracle;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use countersign_core::{Limits, Sbom, SbomErrorKind, SbomFormat};

const LISTED: &str = include_str!("sbom_corpus/listed.txt");

/// What one file of the corpus holds.
struct File {
    /// Its path inside the corpus.
    name: String,
    bytes: Vec<u8>,
}

#[test]
fn every_sbom_of_the_corpus_is_read_and_no_invalid_one_panics() {
    let Some(files) = corpus() else { return };
    let mut refused = BTreeSet::new();
    let mut read = 0;
    for file in &files {
        match Sbom::read_document(&file.bytes, &Limits::default()) {
            Ok(sbom) => {
                read += 1;
                assert_eq!(listed(&file.name, "refused"), None, "{} is read", file.name);
                assert!(sbom.all().all(|part| part.depth < 64), "{}", file.name);
            }
            Err(error) if is_invalid(&file.name) => {
                assert_ne!(
                    error.kind(),
                    SbomErrorKind::OverLimit,
                    "{}: {error}",
                    file.name
                );
            }
            Err(error) => {
                refused.insert(format!("{}: {error}", file.name));
            }
        }
    }
    assert_listed("refused", &refused);
    assert!(read > 400, "{read} read");
}

#[test]
fn where_another_library_reads_a_document_it_sees_the_same() {
    let Some(files) = corpus() else { return };
    let mut differences = BTreeSet::new();
    let mut agreed: BTreeMap<&str, usize> = BTreeMap::new();
    for file in &files {
        let Ok(sbom) = Sbom::read_document(&file.bytes, &Limits::default()) else {
            continue;
        };
        let (library, theirs) = match sbom.format {
            SbomFormat::CycloneDx { .. } => ("cyclonedx-bom", oracle::cyclonedx(&file.bytes)),
            _ => ("spdx-rs", oracle::spdx(&file.bytes)),
        };
        let Some(theirs) = theirs else { continue };
        match oracle::difference(&oracle::ours(&sbom), &theirs) {
            None => *agreed.entry(library).or_default() += 1,
            Some(what) => {
                differences.insert(format!("{}: {what}", file.name));
            }
        }
    }
    assert_listed("differs", &differences);
    assert!(
        agreed["cyclonedx-bom"] > 100 && agreed["spdx-rs"] > 5,
        "{agreed:?}"
    );
}

/// The specification's invalid documents: they must not panic, and most are valid as far as policy asks.
fn is_invalid(name: &str) -> bool {
    name.contains("/invalid-")
}

/// Fails unless exactly the files that `listed.txt` gives under `verdict` are found.
fn assert_listed(verdict: &str, found: &BTreeSet<String>) {
    let names: BTreeSet<&str> = found
        .iter()
        .filter_map(|line| Some(line.split_once(": ")?.0))
        .collect();
    let unlisted: Vec<&String> = found
        .iter()
        .filter(|line| {
            let name = line.split_once(": ").map(|(name, _)| name);
            name.and_then(|name| listed(name, verdict)).is_none()
        })
        .collect();
    let stale: Vec<&str> = entries()
        .filter(|(of, name, _)| *of == verdict && !names.contains(name))
        .map(|(_, name, _)| name)
        .collect();
    assert!(
        unlisted.is_empty() && stale.is_empty(),
        "not listed as {verdict}:\n{unlisted:#?}\nlisted but not so:\n{stale:#?}"
    );
}

/// The reason that is given for a file, if it is listed.
fn listed(name: &str, verdict: &str) -> Option<&'static str> {
    entries()
        .find(|(of, listed, _)| *of == verdict && *listed == name)
        .map(|(_, _, why)| why)
}

/// Lines `VERDICT PATH REASON`.
fn entries() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    LISTED
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let mut word = || words.next().filter(|word| !word.is_empty()).unwrap();
            (word(), word(), word())
        })
}

/// The JSON files of the corpus, in order.
fn corpus() -> Option<Vec<File>> {
    let root = countersign_testkit::gate::corpus()?.join("sbom");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 500, "{} files", paths.len());
    let files = paths.into_iter().map(|path| File {
        name: path
            .strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned(),
        bytes: std::fs::read(&path).unwrap(),
    });
    Some(files.collect())
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            paths.push(path);
        }
    }
}
