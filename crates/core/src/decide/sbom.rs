//! An SBOM by itself against the rules of a set: for whoever writes either of them.

use crate::compared::Compared;
use crate::policy::{Condition, Wanted};
use crate::{Comparison, Outcome, Place, PolicySet, ReasonCode, Sbom};

/// How one `sbom` rule would judge a document, if it were attested as the rule demands.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SbomRuleOutcome {
    /// The policy.
    pub policy: String,
    /// Its rule.
    pub rule: String,
    /// Where the rule stands.
    pub place: Place,
    /// How the document comes out.
    pub outcome: Outcome,
    /// Why it does not pass.
    pub code: Option<ReasonCode>,
    /// What was compared, in this order; what failed first decided.
    pub comparisons: Vec<Comparison>,
    /// What a person should be told although it passes.
    pub warnings: Vec<(ReasonCode, String)>,
}

impl PolicySet {
    /// Holds a document against every `sbom` rule of the set. Who attests it, when and about what is not asked.
    #[must_use]
    pub fn judge_sbom(&self, sbom: &Sbom<'_>) -> Vec<SbomRuleOutcome> {
        let mut outcomes = Vec::new();
        for policy in &self.policies {
            for rule in &policy.rules {
                let Condition::Evidence(demand) = &rule.condition else {
                    continue;
                };
                let Wanted::Sbom(wanted) = &demand.wanted else {
                    continue;
                };
                let mut compared = Compared::default();
                wanted.judge(sbom, &mut compared);
                outcomes.push(SbomRuleOutcome {
                    policy: policy.name.clone(),
                    rule: rule.name.clone(),
                    place: rule.place.clone(),
                    outcome: compared.outcome(),
                    code: compared.mismatch().map(|it| it.code),
                    warnings: compared.warnings().to_vec(),
                    comparisons: compared.into_comparisons(),
                });
            }
        }
        outcomes
    }
}
