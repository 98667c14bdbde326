//! Workflow commands of GitHub Actions: annotations at the lines of a pull request.
//!
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>. A line break in a message would begin a line of its own, and
//! a line that begins with `::` is a command: an image's name must not be able to write one.

use super::finding::{Finding, Level};
use super::{Results, Row};
use crate::escape::escaped;

pub(super) fn render(results: &Results) -> String {
    let mut text = String::new();
    for row in results.rows() {
        for finding in &row.findings {
            text.push_str(&command(&row, finding));
            text.push('\n');
        }
    }
    // Words and numbers of our own alone, so that this is no command.
    text.push_str(&format!("countersign: {}\n", results.summary()));
    text
}

fn command(row: &Row<'_>, finding: &Finding) -> String {
    let name = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let mut properties = Vec::new();
    match (&row.entry.written, &finding.place) {
        (Some(written), _) => properties.extend([
            format!("file={}", property(&written.file)),
            format!("line={}", written.line),
            format!("col={}", written.column),
        ]),
        (None, Some(place)) => properties.extend([
            format!("file={}", property(&place.file)),
            format!("line={}", place.line),
        ]),
        (None, None) => {}
    }
    properties.push(format!("title={}", property(finding.code.as_str())));
    let image = escaped(&row.entry.image, 300);
    let message = format!("{image}: {}", finding.sentence());
    format!("::{name} {}::{}", properties.join(","), data(&message))
}

/// The message of a command.
fn data(text: &str) -> String {
    escaped(text, 2000).replace('%', "%25")
}

/// The value of a property, which ends at a comma and the last of which ends at a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
