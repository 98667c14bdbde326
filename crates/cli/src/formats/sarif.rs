//! SARIF 2.1.0 (OASIS Standard, 27 March 2020), for code scanning.
//!
//! Rules are our reason codes; a result stands at the image in the manifest, and points at the line of the policy that decided.

use std::collections::BTreeSet;

use countersign_core::{Digest, ReasonCode};
use serde_json::{Value, json};

use super::finding::{Finding, Level};
use super::{Row, object};
use crate::escape::escaped;
use crate::output;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const HELP: &str = "https://github.com/countersign-dev/countersign/blob/main/docs/reasons.md";

pub(super) fn render(rows: &[Row<'_>]) -> String {
    let findings = rows.iter().flat_map(|row| &row.findings);
    let codes: BTreeSet<ReasonCode> = findings.map(|it| it.code).collect();
    let codes: Vec<ReasonCode> = codes.into_iter().collect();
    let results = rows.iter().flat_map(|row| {
        let findings = row.findings.iter();
        findings.map(|finding| result(row, finding, &codes))
    });
    output::json(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "countersign",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": codes.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    }))
}

fn rule(code: ReasonCode) -> Value {
    json!({
        "id": code.as_str(),
        "shortDescription": {"text": code.message()},
        "help": {"text": format!("{} {}", code.message(), code.hint())},
        "helpUri": format!("{HELP}#{code}"),
        "properties": {"tags": ["supply-chain", code.class().as_str()]},
    })
}

fn result(row: &Row<'_>, finding: &Finding, codes: &[ReasonCode]) -> Value {
    let level = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let image = escaped(&row.entry.image, 300);
    let mut result = json!({
        "ruleId": finding.code.as_str(),
        "ruleIndex": codes.iter().position(|code| *code == finding.code),
        "level": level,
        // `[text](1)` in a message would be a link to a related location (3.11.6).
        "message": {"text": link_free(&format!("{image}: {}", finding.sentence()))},
        "locations": [],
        "partialFingerprints": {"countersign/v1": fingerprint(row, finding)},
    });
    let policy = finding
        .place
        .as_ref()
        .map(|place| physical(&place.file, place.line, place.column));
    match (&row.entry.written, policy) {
        (Some(written), policy) => {
            let mut at = physical(&written.file, written.line, written.column);
            at["logicalLocations"] =
                json!([{"fullyQualifiedName": object(written), "kind": "element"}]);
            result["locations"] = json!([at]);
            if let Some(mut policy) = policy {
                policy["id"] = json!(1);
                policy["message"] = json!({"text": "the rule that decided"});
                result["relatedLocations"] = json!([policy]);
            }
        }
        (None, Some(policy)) => result["locations"] = json!([policy]),
        (None, None) => {}
    }
    result
}

/// A location; of standard input, which has no path, the name alone.
fn physical(file: &str, line: usize, column: usize) -> Value {
    let artifact = match file {
        "-" => json!({"uri": "stdin"}),
        file if file.starts_with('/') => json!({"uri": format!("file://{}", uri(file))}),
        file => json!({"uri": uri(file), "uriBaseId": "%SRCROOT%"}),
    };
    json!({"physicalLocation": {
        "artifactLocation": artifact,
        "region": {"startLine": line.max(1), "startColumn": column.max(1)},
    }})
}

/// A path as a relative reference (RFC 3986, 3.3).
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// What stays the same when lines move and tags change, so that a result is known again.
fn fingerprint(row: &Row<'_>, finding: &Finding) -> String {
    let place = match &row.entry.written {
        Some(written) => format!("{}\0{}\0{}", written.file, written.object, written.field),
        None => row.entry.image.clone(),
    };
    let about = finding.about.as_deref().unwrap_or_default();
    let text = format!("{}\0{about}\0{place}", finding.code);
    Digest::of(text.as_bytes()).to_string()
}

fn link_free(text: &str) -> String {
    escaped(text, 2000)
        .replace('\\', "\\\\")
        .replace('[', "\\[")
        .replace(']', "\\]")
}

#[cfg(test)]
mod tests {
    use super::{link_free, uri};

    #[test]
    fn messages_hold_no_links_and_paths_are_references() {
        assert_eq!(
            link_free("see [here](1) or \\[there]\n"),
            "see \\[here\\](1) or \\\\\\[there\\]\\\\n"
        );
        assert_eq!(uri("a b/ü%:?#.yaml"), "a%20b/%C3%BC%25%3A%3F%23.yaml");
    }
}
