//! An example for each reason code: what a committed case says, or else a situation that leads to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_core::{Class, ReasonCode};
use serde_json::Value;

/// Longer diagnostics are no examples.
const MAX_LINES: usize = 20;

/// The examples that can be found, as Markdown.
pub(crate) struct Examples {
    said: BTreeMap<String, String>,
    told: BTreeMap<String, String>,
}

impl Examples {
    pub(crate) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut said = BTreeMap::new();
        for file in files(&root.join("tests/policy/cases"), "txt") {
            diagnostics(&fs::read_to_string(file).unwrap(), &mut said);
        }
        for folder in files(&root.join("../../testdata/cases"), "") {
            case(&folder, &mut said);
        }
        let written = fs::read_to_string(root.join("tests/golden/examples.txt")).unwrap();
        let told = written
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(": "))
            .map(|(code, text)| (code.to_owned(), text.to_owned()))
            .collect();
        Self { said, told }
    }

    /// The example of a code; none if nobody wrote one.
    pub(crate) fn of(&self, code: ReasonCode) -> Option<&str> {
        let found = self.said.get(code.as_str());
        found
            .or_else(|| self.told.get(code.as_str()))
            .map(String::as_str)
    }
}

/// The shortest diagnostic of each code, as it is printed.
fn diagnostics(answer: &str, said: &mut BTreeMap<String, String>) {
    let is_head = |line: &str| line.starts_with("error[") || line.starts_with("warning[");
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    for line in answer.lines() {
        if is_head(line) {
            blocks.push(Vec::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push(line.trim_end());
        }
    }
    for block in blocks.iter().filter(|block| block.len() <= MAX_LINES) {
        let head = block.first().unwrap();
        let (_, rest) = head.split_once('[').unwrap();
        let (code, _) = rest.split_once(']').unwrap();
        // What helps is said of each code already.
        let shown: Vec<&str> = block
            .iter()
            .copied()
            .filter(|line| !line.contains("= help:"))
            .collect();
        let text = format!(
            "```text\n{}\n```",
            shown.join("\n").trim_end().trim_end_matches('|').trim_end()
        );
        keep_shortest(code, text, said);
    }
}

/// What the report of a case says of each code, with what the case is about.
fn case(folder: &Path, said: &mut BTreeMap<String, String>) {
    let json = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
    };
    let why = json("case.json");
    // Cases of an artifact have no report, and a registry that a case says away says nothing.
    if why.get("artifact").is_some() || why.get("registry").is_some() {
        return;
    }
    let report = json("expect.json");
    let name = folder.file_name().unwrap().to_str().unwrap();
    let why = why["why"].as_str().unwrap();
    coded(&report, &mut |code, text| {
        let example = format!("`testdata/cases/{name}` ({why}):\n\n> {text}");
        let class = ReasonCode::find(code).map(ReasonCode::class);
        if class.is_some_and(|class| class != Class::Misconfigured) {
            keep_shortest(code, example, said);
        }
    });
}

/// Every code in a report, with the sentence beside it.
fn coded(value: &Value, found: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str);
            let sentence = text("message").or_else(|| text("detail"));
            if let (Some(code), Some(sentence)) = (text("code"), sentence)
                && !sentence.is_empty()
            {
                found(code, sentence);
            }
            fields.values().for_each(|value| coded(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| coded(value, found)),
        _ => {}
    }
}

fn keep_shortest(code: &str, text: String, said: &mut BTreeMap<String, String>) {
    let is_shorter = |known: &String| (text.len(), &text) < (known.len(), known);
    if said.get(code).is_none_or(is_shorter) {
        said.insert(code.to_owned(), text);
    }
}

/// The entries of a folder with this extension, sorted.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().unwrap_or_default() == extension)
        .collect();
    files.sort_unstable();
    files
}
