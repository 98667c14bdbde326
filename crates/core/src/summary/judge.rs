//! What the rule `summary` demands, held against one summary (slsa.dev/spec/v1.1/verification_summary, "Fields").

use super::level::FAILED;
use super::{JudgedBy, Level, Resource, SVR, Summary, VSA};
use crate::compared::Compared;
use crate::policy::authorize::Mismatch;
use crate::{Claim, Digest, ReasonCode, Verified};

/// "Either PASSED or FAILED".
const PASSED: &str = "PASSED";
/// Levels and policies that an explanation names one by one.
const MOST_TOLD: usize = 10;

/// `summary: {…}`.
#[derive(Debug, Clone)]
pub(crate) struct SummaryDemand {
    pub(crate) format: SummaryFormat,
    /// `verifier.id`. "Consumers MUST accept only specific (signer, verifier) pairs": `from` of the rule says which signers.
    pub(crate) verifier: String,
    /// Of a VSA, always.
    pub(crate) resource: Option<Resource>,
    /// All of them.
    pub(crate) levels: Vec<Level>,
    pub(crate) policy: PolicyDemand,
}

/// `format`: which predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SummaryFormat {
    Vsa,
    Svr,
}

/// `policy`: by which policy the verifier judged. What is none may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PolicyDemand {
    pub(crate) uri: Option<String>,
    /// Algorithm and hexadecimal digits.
    pub(crate) digest: Option<(String, String)>,
}

impl SummaryFormat {
    /// Its one predicate type.
    pub(crate) const fn predicate_type(self) -> &'static str {
        match self {
            Self::Vsa => VSA,
            Self::Svr => SVR,
        }
    }

    /// What it is, in a phrase.
    pub(crate) const fn described(self) -> &'static str {
        match self {
            Self::Vsa => "an SLSA verification summary",
            Self::Svr => "an in-toto simple verification result",
        }
    }
}

impl SummaryDemand {
    /// Whether the summary answers this rule's question at all: by this verifier, for this resource, by the policy of this URI. The
    /// word of another verifier, or about another environment, can neither help nor harm, however new it is. What cannot be read
    /// may answer anything, and is left to [`Self::compare`].
    pub(crate) fn concerns(
        &self,
        one: &Verified<Claim>,
        name: Option<&str>,
        compared: &mut Compared,
    ) {
        let Some(Ok(summary)) = self.read(one) else {
            return;
        };
        let code = ReasonCode::VerifierMismatch;
        let (wanted, found) = (&self.verifier, &summary.verifier);
        compared.that("verifier", wanted, found, wanted == found, code);
        self.resource(&summary, name, one.facts().image(), compared);
        if let Some(uri) = &self.policy.uri {
            let fits = self.policy.named_in(&summary).next().is_some();
            let found = told(summary.policies.iter().filter_map(|it| it.uri.as_deref()));
            let code = ReasonCode::SummaryPolicyMismatch;
            compared.that("policy.uri", uri, found, fits, code);
        }
    }

    /// Holds one statement against the rule; its signer is right, and it concerns the rule.
    pub(crate) fn compare(&self, one: &Verified<Claim>, compared: &mut Compared) {
        let summary = match self.read(one) {
            None => return,
            Some(Ok(summary)) => summary,
            Some(Err(found)) => {
                let mismatch = Mismatch {
                    code: ReasonCode::SummaryMalformed,
                    found,
                    wanted: self.format.described().to_owned(),
                };
                return compared.fail("predicate", mismatch);
            }
        };
        if let Some((algorithm, hex)) = &self.policy.digest {
            let mut named = self.policy.named_in(&summary);
            let fits = named.any(|it| it.digests.get(algorithm) == Some(hex));
            let digests = summary.policies.iter().flat_map(|it| &it.digests);
            let found = told(digests.map(|(algorithm, hex)| format!("{algorithm}:{hex}")));
            let wanted = format!("{algorithm}:{hex}");
            let code = ReasonCode::SummaryPolicyMismatch;
            compared.that("policy.digest", wanted, found, fits, code);
        }
        Self::result(&summary, compared);
        self.levels(&summary, compared);
    }

    fn read(&self, one: &Verified<Claim>) -> Option<Result<Summary, String>> {
        let Claim::Statement(statement) = one.claim() else {
            return None;
        };
        Some(Summary::read(self.format, statement.predicate_json()))
    }

    fn resource(
        &self,
        summary: &Summary,
        name: Option<&str>,
        digest: &Digest,
        compared: &mut Compared,
    ) {
        let Some(resource) = &self.resource else {
            return;
        };
        let wanted = resource.of(name, digest);
        let fits = wanted.is_some() && summary.resource == wanted;
        let wanted = wanted.unwrap_or_else(|| {
            let template = resource.as_str();
            format!("`{template}` of an image whose name is known; this one has none")
        });
        let found = summary.resource.as_deref().unwrap_or(NOTHING);
        let code = ReasonCode::ResourceMismatch;
        compared.that("resource", wanted, found, fits, code);
    }

    /// A summary that says both is one that failed.
    fn result(summary: &Summary, compared: &mut Compared) {
        let is_failed = summary.levels.iter().any(|it| it == FAILED);
        let code = ReasonCode::SummaryFailed;
        if let Some(result) = &summary.result {
            compared.that("result", PASSED, result, result == PASSED, code);
        }
        if is_failed {
            let wanted = format!("no {FAILED} among the levels");
            compared.that("result", wanted, FAILED, false, code);
        }
    }

    fn levels(&self, summary: &Summary, compared: &mut Compared) {
        for level in &self.levels {
            let met = summary.levels.iter().find(|it| level.is_met_by(it));
            let found = match met {
                Some(stated) => stated.clone(),
                None => told(summary.levels.iter()),
            };
            let code = ReasonCode::SummaryLevelMissing;
            compared.that("levels", level, found, met.is_some(), code);
        }
    }
}

impl PolicyDemand {
    /// The policies of a summary that have the URI of the rule, or all if it names none.
    fn named_in<'s>(&'s self, summary: &'s Summary) -> impl Iterator<Item = &'s JudgedBy> {
        let is_named = |it: &&JudgedBy| self.uri.is_none() || it.uri == self.uri;
        summary.policies.iter().filter(is_named)
    }
}

const NOTHING: &str = "nothing: it is not stated";

/// The first of them, for an explanation.
fn told<T: Into<String>>(items: impl Iterator<Item = T>) -> String {
    let items: Vec<String> = items.take(MOST_TOLD).map(Into::into).collect();
    if items.is_empty() {
        return NOTHING.to_owned();
    }
    items.join(", ")
}
