//! `deploy/ci/gate.sh`, the pipeline step: it passes exit codes on and tries again only where nobody could tell.
#![cfg(unix)]

use std::process::{Command, Output};

use crate::run::ROOT;

const POLICY: &str = "policies/testdata-keyed.yaml";

fn gate(arguments: &[&str]) -> Output {
    Command::new(format!("{ROOT}/deploy/ci/gate.sh"))
        .args(arguments)
        .current_dir(ROOT)
        .env("COUNTERSIGN", env!("CARGO_BIN_EXE_countersign"))
        .env("COUNTERSIGN_TRIES", "2")
        .env("COUNTERSIGN_PAUSE", "0")
        .output()
        .unwrap()
}

#[test]
fn exit_codes_are_passed_on_and_only_unknown_is_tried_again() {
    let signed = "oci:testdata/images/signed-keyed";
    for (arguments, code, tries) in [
        (&[POLICY, signed][..], 0, 1),
        (&[POLICY, signed, "oci:testdata/images/unsigned"], 1, 1),
        (&[POLICY, "oci:testdata/images/absent"], 2, 2),
        (&["absent.yaml", signed], 3, 1),
    ] {
        let ended = gate(arguments);
        let stderr = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {stderr}");
        let again = stderr.matches("trying again").count();
        assert_eq!(again + 1, tries, "{arguments:?}: {stderr}");
    }
    for too_few in [&[][..], &[POLICY]] {
        assert_eq!(gate(too_few).status.code(), Some(3));
    }
}
