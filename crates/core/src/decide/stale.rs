//! Last known evidence, which stands in for what a registry cannot be asked (`stale: {maxAge}` in Settings).
//!
//! It may support an allow by `any`, never an absence, `all` or `newest`; and nothing where a registry lies.

use super::condition::{Judgement, not_examined, unknown};
use super::scene::Scene;
use crate::text::safe;
use crate::{Findings, Gap, GapClass, ReasonCode, Stale, Warning};

impl Scene<'_> {
    /// Why findings that satisfy a rule do not let it pass: they come from a last known list that is too old or that nobody
    /// allowed, or there is a lie among what matters to the rule. No `onUnknown` excuses that.
    pub(super) fn distrusted(&self, findings: &Findings, hidden: &[&Gap]) -> Option<Judgement> {
        let oldest = oldest(findings)?;
        let lies: Vec<&Gap> = hidden
            .iter()
            .copied()
            .filter(|gap| gap.class == GapClass::Hostile)
            .collect();
        if !lies.is_empty() {
            return Some(unknown(&lies));
        }
        let max_age = self.policies.settings.stale.map(|age| age.as_secs());
        let because = match max_age {
            Some(max_age) if oldest.age <= max_age => return None,
            Some(max_age) => format!("Settings take it for {} (stale)", span(max_age)),
            None => "Settings take no last known evidence (stale)".to_owned(),
        };
        Some(told(oldest, &because))
    }

    /// A rule that nothing satisfies cannot be told where only a last known list says that there is nothing else.
    pub(super) fn only_last_known(&self, findings: &Findings) -> Judgement {
        oldest(findings).map_or_else(not_examined, |oldest| {
            told(oldest, "what came since is not known")
        })
    }
}

/// What a person is told about a last known list, whatever came of it.
pub(super) fn warning(stale: &Stale) -> Warning {
    Warning {
        code: ReasonCode::StaleEvidence,
        policy: None,
        rule: None,
        message: format!(
            "{} {}: last asked {} ago.",
            ReasonCode::StaleEvidence.message(),
            stale.what,
            span(stale.age)
        ),
    }
}

fn oldest(findings: &Findings) -> Option<&Stale> {
    findings
        .stale()
        .iter()
        .max_by_key(|stale| (stale.age, &stale.what))
}

fn told(stale: &Stale, because: &str) -> Judgement {
    let code = ReasonCode::StaleEvidence;
    Judgement::Unknown {
        code,
        message: format!(
            "{} {}: last asked {} ago; {because}.",
            code.message(),
            safe(&stale.what),
            span(stale.age)
        ),
        excusable: false,
    }
}

/// A span of time in the largest unit of which there are two.
fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "days"), (3600, "hours"), (60, "minutes")];
    UNITS
        .into_iter()
        .find(|(unit, _)| seconds >= 2 * unit)
        .map_or_else(
            || format!("{seconds} seconds"),
            |(unit, name)| format!("{} {name}", seconds / unit),
        )
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_rounded_down() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7199, "119 minutes"),
            (43_200, "12 hours"),
            (200_000, "2 days"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}
