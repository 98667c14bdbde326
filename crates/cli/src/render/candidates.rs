//! What `--explain` says of a rule: each piece of evidence held against each Signer, comparison by comparison.

use countersign_core::{CandidateOutcome, Comparison, Outcome};

use super::text::{BAD, DOUBTFUL, GOOD, Text, faint, identity, safe, styled};

/// So many candidates of one rule are told, those that pass first; JSON has them all.
const MAX_CANDIDATES: usize = 20;
/// The width of the widest usual field.
const FIELD: usize = 24;

impl Text {
    /// All candidates of one rule.
    pub(super) fn candidates(&mut self, candidates: &[CandidateOutcome]) {
        let mut sorted: Vec<&CandidateOutcome> = candidates.iter().collect();
        sorted.sort_by_key(|candidate| (candidate.outcome, candidate.superseded));
        for candidate in sorted.iter().take(MAX_CANDIDATES) {
            self.candidate(candidate);
        }
        if let Some(more @ 1..) = candidates.len().checked_sub(MAX_CANDIDATES) {
            self.line(6, &format!("… and {more} more, which --format json lists"));
        }
    }

    fn candidate(&mut self, candidate: &CandidateOutcome) {
        let cited = &candidate.evidence;
        let what = cited.predicate_type.as_deref().unwrap_or(cited.kind);
        let signer = cited.signer.as_deref().unwrap_or("nobody");
        let came = match (candidate.superseded, candidate.code) {
            (true, _) => "a younger one decides".to_owned(),
            (false, Some(code)) => format!("{}: {code}", word(candidate.outcome).trim_end()),
            (false, None) => word(candidate.outcome).trim_end().to_owned(),
        };
        let head = format!("{} held against {}: {came}", safe(what), safe(signer));
        self.line(6, &head);
        let by = format!("{} at {}", identity(&cited.identity), cited.locator);
        self.line(8, &faint(&by));
        for comparison in &candidate.comparisons {
            self.comparison(comparison);
        }
    }

    fn comparison(&mut self, comparison: &Comparison) {
        let Comparison {
            what,
            wanted,
            found,
            outcome,
            ..
        } = comparison;
        let head = format!("{} {:FIELD$}", word(*outcome), safe(what));
        if wanted == found {
            self.line(8, &format!("{head} {}", safe(found)));
            return;
        }
        self.line(8, &format!("{head} wanted {}", safe(wanted)));
        self.line(
            8,
            &format!("{:indent$} found  {}", "", safe(found), indent = 8 + FIELD),
        );
    }
}

/// Words of one width.
fn word(outcome: Outcome) -> String {
    match outcome {
        Outcome::Pass => format!("{}   ", styled(GOOD, "pass")),
        Outcome::Fail => format!("{}   ", styled(BAD, "FAIL")),
        _ => styled(DOUBTFUL, "unknown"),
    }
}
