//! The public sigstore-conformance suite, by the very command lines of its protocol: a case whose name ends in `_fail` must
//! be refused, every other must verify, by path and by digest alike.
#![allow(clippy::print_stderr)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use countersign_testkit::{gate, sha256_digest};

use crate::run::output;

/// The suite's README: what is meant where a case's folder does not say otherwise.
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

#[test]
fn every_case_of_the_public_suite_by_path_and_by_digest() {
    let Some(corpus) = gate::corpus() else {
        return;
    };
    let suite = corpus.join("sigstore-conformance");
    let mut runs = 0;
    let mut codes: BTreeMap<i32, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for entry in fs::read_dir(suite.join("bundle-verify")).unwrap() {
        let case = entry.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let artifact = match case.join("artifact") {
            own if own.exists() => own,
            _ => suite.join("a.txt"),
        };
        let digest = sha256_digest(&fs::read(&artifact).unwrap());
        for given in [artifact.to_str().unwrap(), &digest] {
            let ended = output(
                &words(&case, given)
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>(),
            );
            let code = ended.status.code().unwrap();
            let expected: &[i32] = if name.ends_with("_fail") {
                &[1, 3]
            } else {
                &[0]
            };
            runs += 1;
            *codes.entry(code).or_default() += 1;
            if !expected.contains(&code) {
                let said = [ended.stdout, ended.stderr].concat();
                let said = String::from_utf8(said).unwrap();
                wrong.push(format!("{name} by {given}: exit code {code}\n{said}"));
            }
        }
    }
    eprintln!(
        "sigstore-conformance: {} of {runs} as the suite says; runs by exit code: {codes:?}",
        runs - wrong.len()
    );
    assert!(runs >= 140, "only {runs} runs");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The command line of a case, in the order of the protocol.
fn words(case: &Path, artifact: &str) -> Vec<String> {
    let file = |name: &str| case.join(name).to_str().unwrap().to_owned();
    let stated = |name: &str, otherwise: &str| {
        fs::read_to_string(case.join(name)).map_or(otherwise.to_owned(), |it| it.trim().to_owned())
    };
    let mut words = vec!["verify-bundle".to_owned()];
    words.extend(["--bundle".to_owned(), file("bundle.sigstore.json")]);
    if case.join("key.pub").exists() {
        words.extend(["--key".to_owned(), file("key.pub")]);
    } else {
        words.extend([
            "--certificate-identity".to_owned(),
            stated("identity", IDENTITY),
        ]);
        words.extend([
            "--certificate-oidc-issuer".to_owned(),
            stated("issuer", ISSUER),
        ]);
    }
    if case.join("trusted_root.json").exists() {
        words.extend(["--trusted-root".to_owned(), file("trusted_root.json")]);
    }
    words.push(artifact.to_owned());
    words
}

/// `--staging` goes by the staging instance's root: the suite's bundle "from the wrong instance" is a good one there.
#[test]
fn the_staging_instance() {
    let Some(corpus) = gate::corpus() else {
        return;
    };
    let suite = corpus.join("sigstore-conformance");
    let wrong = suite.join("bundle-verify/bundle-from-wrong-instance_fail");
    let artifact = suite.join("a.txt");
    let mut words = words(&wrong, artifact.to_str().unwrap());
    words.insert(1, "--staging".to_owned());
    let ended = output(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let said = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(said.contains("trust root staging"), "{said}");
}
