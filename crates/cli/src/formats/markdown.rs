//! Markdown, for the summary of a step or a comment on a pull request.
//!
//! What others wrote stands in `<code>` with its punctuation as entities: no link, mention, image, table cell or HTML comes of it, whatever
//! dialect reads it.

use countersign_core::Verdict;

use super::finding::Level;
use super::{Results, Row, place};
use crate::escape::escaped;
use crate::render::text::word;

pub(super) fn render(results: &Results) -> String {
    let rows = results.rows();
    let worst = rows.iter().map(|row| row.effect).max();
    let verdict = word(worst.unwrap_or(Verdict::Allow));
    let mut text = format!("### countersign: {verdict}\n\n{}\n", results.summary());
    let told: Vec<&Row<'_>> = rows.iter().filter(|it| !it.findings.is_empty()).collect();
    if told.is_empty() {
        return text;
    }
    text.push_str("\n| | Image | Where | Why | Next |\n|---|---|---|---|---|\n");
    for row in told {
        for finding in &row.findings {
            let level = match (finding.level, row.effect) {
                (Level::Error, effect) => format!("**{}**", word(effect)),
                (Level::Warning, _) => "warning".to_owned(),
                (Level::Note, _) => "note".to_owned(),
            };
            let at = match (&row.entry.written, &finding.place) {
                (Some(written), _) => code(&place(written)),
                (None, Some(place)) => code(&format!("{}:{}", place.file, place.line)),
                (None, None) => String::new(),
            };
            let about = finding.about.as_deref().map(|it| format!("{it}: "));
            let why = format!("{}{}", about.unwrap_or_default(), finding.message);
            text.push_str(&format!(
                "| {level} | {} | {at} | {}<br>{} | {} |\n",
                code(&row.entry.image),
                finding.code,
                code(&why),
                code(&finding.hint)
            ));
        }
    }
    text
}

/// Text that means nothing to a reader of Markdown or HTML.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut out = String::from("<code>");
    for character in escaped(text, 1000).chars() {
        if character.is_ascii_punctuation() && !matches!(character, '-' | '/' | ',') {
            out.push_str(&format!("&#{};", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out.push_str("</code>");
    out
}
