//! JUnit XML, as CI systems show test results: one case for each place at which an image is written.
//!
//! Our own writer: the format is five elements, and a crate for it would not know which characters of an image's name must not be there.

use countersign_core::Verdict;

use super::finding::{Finding, Level};
use super::{Row, object, place};
use crate::escape::escaped;

pub(super) fn render(rows: &[Row<'_>]) -> String {
    let count = |effect: Verdict| rows.iter().filter(|row| row.effect == effect).count();
    let (allowed, failures) = (count(Verdict::Allow), count(Verdict::Deny));
    let errors = rows.len() - allowed - failures;
    let counts = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"",
        rows.len()
    );
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"countersign\" {counts}>\n  <testsuite name=\"countersign verify\" {counts} skipped=\"0\">\n"
    );
    for row in rows {
        text.push_str(&case(row));
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn case(row: &Row<'_>) -> String {
    let (class, name, at) = match &row.entry.written {
        Some(written) => (
            written.file.as_str(),
            format!("{} ({})", escaped(&row.entry.image, 300), object(written)),
            format!(" file=\"{}\" line=\"{}\"", xml(&written.file), written.line),
        ),
        None => (
            "command line",
            escaped(&row.entry.image, 300),
            String::new(),
        ),
    };
    let mut text = format!(
        "    <testcase classname=\"{}\" name=\"{}\"{at}>\n",
        xml(class),
        xml(&name)
    );
    let is_error = |it: &&Finding| it.level == Level::Error;
    let errors: Vec<&Finding> = row.findings.iter().filter(is_error).collect();
    if let Some(first) = errors.first() {
        let element = match row.effect {
            Verdict::Deny => "failure",
            _ => "error",
        };
        let lines: Vec<String> = errors.iter().map(|it| line(row, it)).collect();
        text.push_str(&format!(
            "      <{element} type=\"{}\" message=\"{}\">{}</{element}>\n",
            xml(first.code.as_str()),
            xml(&first.message),
            lines.join("\n")
        ));
    }
    let others = row.findings.iter().filter(|it| it.level != Level::Error);
    let lines: Vec<String> = others.map(|it| line(row, it)).collect();
    if !lines.is_empty() {
        text.push_str(&format!(
            "      <system-out>{}</system-out>\n",
            lines.join("\n")
        ));
    }
    text.push_str("    </testcase>\n");
    text
}

fn line(row: &Row<'_>, finding: &Finding) -> String {
    let at = row.entry.written.as_ref().map(place);
    let at = at.map(|at| format!("{at}: ")).unwrap_or_default();
    let policy = match &finding.place {
        Some(place) => format!(" [{}:{}]", place.file, place.line),
        None => String::new(),
    };
    let code = finding.code;
    xml(&format!("{at}{code}: {}{policy}", finding.sentence()))
}

/// Text within an element or an attribute. Control characters, which XML 1.0 cannot hold at all, are escaped as on a terminal.
fn xml(text: &str) -> String {
    let mut out = String::new();
    for character in escaped(text, 2000).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // Not characters of XML 1.0 (2.2), and not control characters either.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}
