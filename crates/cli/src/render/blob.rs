//! A decision about a blob as text for people.

use countersign_core::BlobDecision;

use super::text::{BAD, GOOD, Text, faint, identity, safe, styled};

/// The decision: what verified, or why not and what to do next, and with `explain` everything that was looked at. The text
/// has ANSI colours, which the output strips where nobody sees them.
pub(crate) fn decision(
    decision: &BlobDecision,
    artifact: &str,
    note: Option<&str>,
    explain: bool,
) -> String {
    let mut text = Text::default();
    let head = match decision.refusal() {
        None => styled(GOOD, "VERIFIED"),
        Some(_) => styled(BAD, "REFUSED"),
    };
    let note = note.map_or_else(String::new, |note| format!(" ({note})"));
    text.line(0, &format!("{head} {}{note}", safe(artifact)));
    let digest = decision.blob().to_string();
    if digest != artifact {
        text.line(2, &digest);
    }
    text.line(
        2,
        &format!(
            "judged at {} by trust root {} {}",
            decision.now(),
            safe(&decision.root().name),
            faint(&format!("({})", decision.root().fingerprint))
        ),
    );
    if let Some(proof) = decision.proof() {
        text.cited(2, proof);
        for name in decision.subjects() {
            text.line(4, &format!("which calls it {}", safe(name)));
        }
    }
    if let Some(refusal) = decision.refusal() {
        text.line(
            2,
            &format!(
                "{}: {}",
                styled(BAD, refusal.code.as_str()),
                safe(&refusal.message)
            ),
        );
        let who = refusal.identity.as_ref().map(identity).unwrap_or_default();
        if !who.is_empty() {
            text.line(4, &format!("signed by {who}"));
        }
        // Of an identity that is the wrong one enough is said by then.
        if !who.contains(refusal.found.trim_end_matches(')')) {
            text.line(4, &format!("found: {}", safe(&refusal.found)));
        }
        if !refusal.wanted.is_empty() {
            text.line(4, &format!("wanted: {}", safe(&refusal.wanted)));
        }
        text.line(4, &format!("next: {}", safe(&refusal.hint)));
    }
    if explain {
        text.line(2, &format!("demanded: {}", safe(decision.demanded())));
        text.evidence(decision.verified());
        text.refused(decision.refused());
    }
    text.0
}
