//! Sessions of the documentation are what happens: each `$ countersign …` of a `console` block is run in the workspace's folder, and prints what the
//! page says that it prints.
//!
//! `> FILE` writes standard output to a file that later commands of the page find, `2>&1` shows both outputs, and `# exit code N` says how it ends (0 if it
//! does not). A page that shows no output of a command says nothing of it but its exit code.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::run::output;

/// One command of a page.
struct Step<'p> {
    line: &'p str,
    printed: String,
}

fn steps(page: &str) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut is_session = false;
    for line in page.lines() {
        match line {
            "```console" => is_session = true,
            "```" => is_session = false,
            _ if !is_session => {}
            _ => {
                if let Some(line) = line.strip_prefix("$ countersign ") {
                    let printed = String::new();
                    steps.push(Step { line, printed });
                } else {
                    let step = steps.last_mut().unwrap();
                    step.printed.push_str(line);
                    step.printed.push('\n');
                }
            }
        }
    }
    steps
}

/// Runs every command of a page.
fn run(page: &str) {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(Path::new(crate::run::ROOT).join(page)).unwrap();
    let steps = steps(&text);
    assert!(!steps.is_empty(), "{page} shows no session");
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for Step { line, printed } in steps {
        let (command, expected) = match line.split_once(" # exit code ") {
            Some((command, code)) => (command.trim_end(), code.parse().unwrap()),
            None => (line, 0),
        };
        let (command, both) = match command.strip_suffix(" 2>&1") {
            Some(command) => (command, true),
            None => (command, false),
        };
        let (command, file) = match command.split_once(" > ") {
            Some((command, file)) => (command, Some(file.to_owned())),
            None => (command, None),
        };
        let arguments: Vec<&str> = command
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(|word| files.get(word).map_or(word, String::as_str))
            .collect();
        let ended = output(&arguments);
        let mut said = String::from_utf8(ended.stdout.clone()).unwrap();
        let complaints = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(
            ended.status.code(),
            Some(expected),
            "{page}: {line}\n{said}{complaints}"
        );
        if both {
            said.push_str(&complaints);
        }
        if let Some(file) = file {
            let path = folder.path().join(&file);
            fs::write(&path, ended.stdout).unwrap();
            files.insert(file, path.display().to_string());
        } else if !printed.is_empty() {
            assert_eq!(said, printed, "{page}: {line}");
        }
    }
}

#[test]
fn what_pages_show_is_what_happens() {
    for page in ["docs/exceptions.md", "docs/replay.md"] {
        run(page);
    }
}
