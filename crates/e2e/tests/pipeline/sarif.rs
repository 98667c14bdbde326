//! The SARIF logs that `verify -f` writes, held against the schema of the standard (SARIF 2.1.0, errata 01).

use std::fs;

use countersign_e2e::{Output, Parts, outcome, parts, workspace};

/// What `cli/tests/cli/formats.rs` holds the program's output against: one log with every kind of outcome, and one of hostile names.
const LOGS: [&str; 2] = ["format-sarif", "hostile-sarif"];

fn log(name: &str) -> String {
    let path = format!("crates/cli/tests/cli/snapshots/cli__formats__{name}.snap");
    let text = fs::read_to_string(workspace().join(path)).unwrap();
    let (_, log) = text.split_once("\n---\n").unwrap();
    log.to_owned()
}

fn validated(parts: &Parts, log: &str) -> Output {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, log).unwrap();
    outcome(parts.command("sarif-schema").arg(file.path())).unwrap()
}

#[test]
fn logs_are_what_the_schema_wants() {
    let Some(parts) = parts(&["sarif-schema"]) else {
        return;
    };
    for name in LOGS {
        let log = log(name);
        let said = validated(&parts, &log);
        assert_eq!(
            (said.code, said.stdout.as_str()),
            (Some(0), ""),
            "{name}: {}",
            said.stderr
        );
        // A mistake would be seen.
        for (from, to) in [
            (r#""level": "error""#, r#""level": "fatal""#),
            (r#""startLine": "#, r#""startLine": -"#),
            (r#""uri": ""#, r#""uri": "not a uri: "#),
            (r#""ruleId": "#, r#""ruleID": "#),
            (r#""runs": "#, r#""run": "#),
        ] {
            assert!(log.contains(from), "{name}: {from}");
            let said = validated(&parts, &log.replace(from, to));
            assert_eq!(said.code, Some(1), "{name}: {to}: {}", said.stderr);
        }
    }
}
