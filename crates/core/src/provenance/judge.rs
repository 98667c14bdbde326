//! What the rule `provenance` demands, held against one build.

mod builder;
mod certificate;
mod reduced;
mod source;

use std::sync::Arc;

pub(crate) use builder::{BuilderDemand, BuilderId, Speakers};
pub(crate) use source::SourceDemand;

use super::{BuildFacts, Dependency, Family};
use crate::compared::{Compared, made};
use crate::known::Known;
use crate::policy::authorize::Mismatch;
use crate::policy::claim::CiClaim;
use crate::policy::signer::Signer;
use crate::{Certificate, Claim, Facts, ReasonCode, SignedBy, Statement, Verified};

/// What a build on somebody's own machine can be trusted for, whatever its builder is.
const SELF_HOSTED_LEVEL: u8 = 1;
/// Comparisons of one kind that an explanation shows.
const MOST_TOLD: usize = 10;

/// `provenance: {…}`.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProvenanceDemand {
    /// Any of them; none: whoever the Signer signs for.
    pub(crate) builders: Vec<Arc<BuilderDemand>>,
    pub(crate) min_level: u8,
    pub(crate) source: SourceDemand,
    /// Paths of the workflow's file, of which any fits.
    pub(crate) workflows: Vec<String>,
    pub(crate) parameters: ParameterDemand,
    pub(crate) dependencies: Vec<DependencyDemand>,
    /// Build types that count although nothing here knows them.
    pub(crate) build_types: Vec<String>,
    /// What was read before.
    pub(crate) known: Known<Read>,
}

/// What a statement says, or why it cannot be told.
pub(crate) type Read = Result<BuildFacts, (ReasonCode, String)>;

/// `parameters`: external parameters beyond those that are told as source and workflow.
#[derive(Debug, Clone, Default)]
pub(crate) struct ParameterDemand {
    /// Each must be there and have one of the values.
    pub(crate) values: Vec<(String, Vec<String>)>,
    /// Whether others may be there.
    pub(crate) others: bool,
}

/// One thing that must have gone into the build.
#[derive(Debug, Clone)]
pub(crate) struct DependencyDemand {
    pub(crate) uri: Option<String>,
    /// Algorithm and hexadecimal digits.
    pub(crate) digest: Option<(String, String)>,
}

impl ProvenanceDemand {
    /// Holds one statement against the rule; its signer is right.
    pub(crate) fn compare(&self, one: &Verified<Claim>, signer: &Signer, compared: &mut Compared) {
        let Claim::Statement(statement) = one.claim() else {
            return;
        };
        let read = self.read(statement);
        let facts = match &*read {
            Ok(facts) => facts,
            Err((code, why)) => {
                let wanted = "a readable SLSA provenance".to_owned();
                return compared.fail("predicate", mismatch(*code, why.clone(), wanted));
            }
        };
        let certificate = certificate_of(one.facts());
        self.build_type(facts, compared);
        let level = builder::compare(&self.builders, facts, signer, one.facts(), compared);
        self.level(level, facts, certificate, compared);
        match certificate {
            Some(certificate) => certificate::compare(facts, certificate, compared),
            None => compared.that(
                "certificate",
                "the provenance agrees with the certificate",
                "none: a key signed, so nobody but its holder vouches for what follows",
                true,
                ReasonCode::ProvenanceCertificateMismatch,
            ),
        }
        self.source.compare(facts, certificate, compared);
        self.workflow(facts, compared);
        self.parameters.compare(facts, compared);
        for dependency in &self.dependencies {
            dependency.compare(facts, compared);
        }
    }

    /// What makes two builds independent: the builder's id.
    pub(crate) fn builder_of(&self, one: &Verified<Claim>) -> Option<String> {
        let Claim::Statement(statement) = one.claim() else {
            return None;
        };
        let read = self.read(statement);
        Some(read.as_ref().as_ref().ok()?.builder.clone())
    }

    fn read(&self, statement: &Statement) -> Arc<Read> {
        let payload = &statement.payload;
        self.known
            .of(payload, payload.len(), || BuildFacts::read(statement))
    }

    fn build_type(&self, facts: &BuildFacts, compared: &mut Compared) {
        let listed = self.build_types.contains(&facts.build_type);
        let wanted = made(|| match self.build_types.as_slice() {
            [] => "a build type that is known".to_owned(),
            listed => format!("one that is known, or {}", listed.join(" or ")),
        });
        let known = facts.family != Family::Unknown || listed;
        let code = ReasonCode::UnknownBuildType;
        compared.that("buildTypes", wanted, &facts.build_type, known, code);
    }

    fn level(
        &self,
        level: u8,
        facts: &BuildFacts,
        certificate: Option<&Certificate>,
        compared: &mut Compared,
    ) {
        let runner = source::stated(facts, CiClaim::Runner, certificate);
        let hosted = runner.is_none_or(|it| it.text != "self-hosted");
        let level = if hosted {
            level
        } else {
            level.min(SELF_HOSTED_LEVEL)
        };
        let why = if hosted {
            ""
        } else {
            " (a self-hosted runner)"
        };
        compared.that(
            "minLevel",
            self.min_level,
            format_args!("{level}{why}"),
            level >= self.min_level,
            ReasonCode::LevelTooLow,
        );
    }

    fn workflow(&self, facts: &BuildFacts, compared: &mut Compared) {
        if self.workflows.is_empty() {
            return;
        }
        let found = facts.workflow.as_deref();
        let fits = found.is_some_and(|found| self.workflows.iter().any(|it| it == found));
        let wanted = made(|| self.workflows.join(" or "));
        let code = ReasonCode::ProvenanceWorkflowMismatch;
        compared.that("workflow", wanted, found.unwrap_or(NOTHING), fits, code);
    }
}

const NOTHING: &str = "nothing: it is not stated";

impl ParameterDemand {
    fn compare(&self, facts: &BuildFacts, compared: &mut Compared) {
        let code = ReasonCode::ProvenanceParameterMismatch;
        for (name, values) in &self.values {
            let found = facts.parameters.get(name).map(String::as_str);
            let fits = found.is_some_and(|found| values.iter().any(|it| it == found));
            compared.that(
                format_args!("parameters.values.{name}"),
                made(|| values.join(" or ")),
                found.unwrap_or(NOTHING),
                fits,
                code,
            );
        }
        if self.others {
            return;
        }
        let listed = |name: &String| {
            facts.explained.contains(&name.as_str()) || self.values.iter().any(|(it, _)| it == name)
        };
        let others = facts.parameters.iter().filter(|(name, _)| !listed(name));
        let others: Vec<_> = others.collect();
        let found = made(|| match others.len() {
            0 => "none".to_owned(),
            count => {
                let shown = others.iter().take(MOST_TOLD);
                let shown = shown.map(|(name, value)| format!("{name}={value}"));
                format!("{count}: {}", shown.collect::<Vec<_>>().join(", "))
            }
        });
        let wanted = "no parameter beyond those that are known or listed";
        compared.that("parameters.others", wanted, found, others.is_empty(), code);
    }
}

impl DependencyDemand {
    fn compare(&self, facts: &BuildFacts, compared: &mut Compared) {
        let fits = |one: &Dependency| {
            let has_digest = |(algorithm, hex): &(String, String)| {
                one.digests.get(algorithm).is_some_and(|found| found == hex)
            };
            self.uri.as_ref().is_none_or(|uri| *uri == one.uri)
                && self.digest.as_ref().is_none_or(has_digest)
        };
        let digest = self
            .digest
            .as_ref()
            .map(|(algorithm, hex)| format!("{algorithm}:{hex}"));
        let wanted: Vec<&str> = [self.uri.as_deref(), digest.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        let found = facts.dependencies.iter().find(|one| fits(one));
        let told = match found {
            Some(one) => one.uri.clone(),
            None => format!("none of {} dependencies", facts.dependencies.len()),
        };
        let code = ReasonCode::ProvenanceDependencyMissing;
        compared.that(
            "dependencies",
            wanted.join(" "),
            told,
            found.is_some(),
            code,
        );
    }
}

fn certificate_of(facts: &Facts) -> Option<&Certificate> {
    match facts.signer() {
        SignedBy::Certificate(certificate) => Some(certificate),
        SignedBy::Key(_) => None,
    }
}

const fn mismatch(code: ReasonCode, found: String, wanted: String) -> Mismatch {
    Mismatch {
        code,
        found,
        wanted,
    }
}
