//! For people: each decision once, with the places at which its image is written.

use countersign_core::{Decision, Verdict};

use super::{Entry, Results, Row, object, place};
use crate::escape::escaped;
use crate::render;

/// Typed images each in full. Of manifests, which have many, what is allowed takes a few lines unless `explain` asks for more.
pub(super) fn render(results: &Results, explain: bool) -> String {
    let Some(_) = results.objects else {
        let texts = results.decisions.iter();
        let texts: Vec<String> = texts
            .map(|it| render::text::decision(it, explain))
            .collect();
        return texts.join("\n");
    };
    let mut text = String::new();
    for (number, decision) in results.decisions.iter().enumerate() {
        let entries = results.entries.iter().filter(|it| it.decision == number);
        text.push_str(&one(decision, entries, explain));
        text.push('\n');
    }
    text.push_str(&results.summary());
    text.push('\n');
    text
}

/// One decision, with its places after its first line.
fn one<'a>(decision: &Decision, entries: impl Iterator<Item = &'a Entry>, explain: bool) -> String {
    let full = render::text::decision(decision, explain);
    let (head, rest) = full.split_once('\n').unwrap_or((&full, ""));
    let mut text = format!("{head}\n");
    for entry in entries {
        let row = Row::new(entry, decision);
        if let Some(written) = &row.entry.written {
            let (at, what) = (place(written), object(written));
            text.push_str(&format!("  at {at} ({what})\n"));
        }
        for demand in &row.entry.demands {
            text.push_str(&format!(
                "    {}: {}: {}\n      next: {}\n",
                render::text::word(demand.effect),
                demand.code,
                escaped(&demand.message, 1000),
                demand.code.hint()
            ));
        }
    }
    let is_plain = decision.effect() == Verdict::Allow
        && decision.judged() == Verdict::Allow
        && decision.warnings().is_empty();
    if explain || !is_plain {
        text.push_str(rest);
    } else if let Some(digest) = rest.lines().next() {
        text.push_str(&format!("{digest}\n"));
    }
    text
}
