//! Break-glass in a decision, for people: loud where it was used, and why not where it was not.

use countersign_core::{BreakGlassOutcome, BreakGlassStatementOutcome, BreakGlassStatus};

use super::text::{BAD, DOUBTFUL, Text, faint, identity, place, safe, styled};

impl Text {
    pub(super) fn break_glass(&mut self, outcome: &BreakGlassOutcome) {
        for one in &outcome.statements {
            self.statement(one);
        }
        for overridden in &outcome.overridden {
            let about = match (&overridden.policy, &overridden.rule) {
                (Some(policy), Some(rule)) => format!("{}/{}: ", safe(policy), safe(rule)),
                (Some(policy), None) => format!("{}: ", safe(policy)),
                _ => String::new(),
            };
            let (effect, code) = (overridden.effect.as_str(), overridden.code);
            let what = styled(DOUBTFUL, "overrode");
            self.line(4, &format!("{what} {about}{code} ({effect})"));
        }
        for refused in &outcome.refused {
            self.line(
                2,
                &format!("break-glass that cannot be read: {}", refused.code),
            );
            self.line(4, &safe(&refused.detail));
        }
    }

    fn statement(&mut self, one: &BreakGlassStatementOutcome) {
        let statement = &one.statement;
        let word = match one.status {
            BreakGlassStatus::Used => styled(BAD, "BREAK-GLASS"),
            _ => "break-glass".to_owned(),
        };
        let by = one
            .by
            .as_ref()
            .map(|(name, at)| format!(" (BreakGlass {}){}", safe(name), place(at)))
            .unwrap_or_default();
        let status = one.status.as_str();
        self.line(2, &format!("{word} {}: {status}{by}", safe(&statement.id)));
        if one.status != BreakGlassStatus::Used {
            self.line(4, &safe(&one.message));
        }
        self.line(
            4,
            &format!(
                "from {} until {}, {}, asked for by {}",
                statement.not_before,
                statement.not_after,
                safe(&statement.ticket),
                safe(&statement.requested_by)
            ),
        );
        self.line(4, &safe(&statement.reason));
        for cited in &one.approvals {
            let who = identity(&cited.identity);
            match &cited.signer {
                Some(signer) => self.line(4, &format!("approved by {}, {who}", safe(signer))),
                None => self.line(4, &format!("does not count: {who}")),
            }
        }
        for refused in &one.refused {
            let at = faint(&refused.locator.to_string());
            self.line(4, &format!("does not verify: {} {at}", refused.code));
        }
        if let Some(code) = one.status.code() {
            self.line(4, &format!("next: {}", code.hint()));
        }
    }
}

/// All statements, as a text of their own.
pub(crate) fn statements(outcome: &BreakGlassOutcome) -> String {
    let mut text = Text::default();
    text.break_glass(outcome);
    text.0
}
