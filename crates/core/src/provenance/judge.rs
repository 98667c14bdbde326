//! What the rule `provenance` demands, held against one build.

mod certificate;
mod reduced;

use std::sync::Arc;

use super::{BuildFacts, Dependency, Family};
use crate::compared::Compared;
use crate::policy::authorize::{Mismatch, maker_text};
use crate::policy::claim::{CiClaim, ClaimDemand};
use crate::policy::glob::Glob;
use crate::policy::signer::Signer;
use crate::{Certificate, Claim, Facts, ReasonCode, SignedBy, Verified};

/// What a build on somebody's own machine can be trusted for, whatever its builder is.
const SELF_HOSTED_LEVEL: u8 = 1;
/// What is trusted where no Builder is named.
const DEFAULT_LEVEL: u8 = 1;
/// Events by which a stranger's code comes into a build; a rule has to name them.
const STRANGERS: [&str; 2] = ["pull_request", "pull_request_target"];
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
}

/// `source`.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceDemand {
    pub(crate) claims: Vec<ClaimDemand>,
    /// Versions of the tag that was built.
    pub(crate) tags: Option<semver::VersionReq>,
    /// Whether `events` are demanded, so that those of strangers may be among them.
    pub(crate) names_events: bool,
}

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

/// `kind: Builder`.
#[derive(Debug, Clone)]
pub(crate) struct BuilderDemand {
    pub(crate) name: String,
    pub(crate) id: BuilderId,
    pub(crate) build_types: Vec<String>,
    pub(crate) speakers: Speakers,
    pub(crate) level: u8,
}

/// Which `builder.id`.
#[derive(Debug, Clone)]
pub(crate) enum BuilderId {
    Exact(String),
    /// `https://github.com/PATH@REF`.
    Workflow {
        path: String,
        refs: Vec<Glob>,
    },
    /// The workflow that signed, which is also the one at the top.
    OwnWorkflow,
    /// The workflow that signed, which another one called.
    ReusableWorkflow,
}

/// Who may speak for a builder.
#[derive(Debug, Clone)]
pub(crate) enum Speakers {
    /// Signers of the set, by name.
    Signers(Vec<String>),
    /// Whoever has the builder's id in the certificate.
    Builder,
}

impl ProvenanceDemand {
    /// Holds one statement against the rule; its signer is right.
    pub(crate) fn compare(&self, one: &Verified<Claim>, signer: &Signer, compared: &mut Compared) {
        let Claim::Statement(statement) = one.claim() else {
            return;
        };
        let facts = match BuildFacts::read(statement) {
            Ok(facts) => facts,
            Err((code, why)) => {
                let wanted = "a readable SLSA provenance".to_owned();
                return compared.fail("predicate", mismatch(code, why, wanted));
            }
        };
        let certificate = certificate_of(one.facts());
        self.build_type(&facts, compared);
        let level = self.builder(&facts, signer, one.facts(), compared);
        self.level(level, &facts, certificate, compared);
        match certificate {
            Some(certificate) => certificate::compare(&facts, certificate, compared),
            None => compared.that(
                "certificate",
                "the provenance agrees with the certificate",
                "none: a key signed, so nobody but its holder vouches for what follows",
                true,
                ReasonCode::ProvenanceCertificateMismatch,
            ),
        }
        self.source.compare(&facts, certificate, compared);
        self.workflow(&facts, compared);
        self.parameters.compare(&facts, compared);
        for dependency in &self.dependencies {
            dependency.compare(&facts, compared);
        }
    }

    /// What makes two builds independent: the builder's id.
    pub(crate) fn builder_of(one: &Verified<Claim>) -> Option<String> {
        let Claim::Statement(statement) = one.claim() else {
            return None;
        };
        Some(BuildFacts::read(statement).ok()?.builder)
    }

    fn build_type(&self, facts: &BuildFacts, compared: &mut Compared) {
        let listed = self.build_types.contains(&facts.build_type);
        let wanted = match self.build_types.as_slice() {
            [] => "a build type that is known".to_owned(),
            listed => format!("one that is known, or {}", listed.join(" or ")),
        };
        let known = facts.family != Family::Unknown || listed;
        let code = ReasonCode::UnknownBuildType;
        compared.that("buildTypes", wanted, &facts.build_type, known, code);
    }

    /// The first Builder whose id it is and for which the signer may speak; the level for which that pair is trusted.
    fn builder(
        &self,
        facts: &BuildFacts,
        signer: &Signer,
        proven: &Facts,
        compared: &mut Compared,
    ) -> u8 {
        if self.builders.is_empty() {
            return DEFAULT_LEVEL;
        }
        let certificate = certificate_of(proven);
        let mut named = Vec::new();
        for builder in &self.builders {
            let is_it = builder.is(facts);
            if is_it && builder.may_speak(facts, signer, certificate) {
                let wanted = format!("Builder `{}`", builder.name);
                let code = ReasonCode::BuilderMismatch;
                compared.that("builders", wanted, &facts.builder, true, code);
                return builder.level;
            }
            if is_it {
                named.push(builder);
            }
        }
        if let Some(builder) = named.first() {
            let wanted = format!(
                "{} for Builder `{}`",
                builder.speakers.wanted(),
                builder.name
            );
            let found = format!(
                "{} signed for {}",
                maker_text(proven.signer()),
                facts.builder
            );
            let code = ReasonCode::BuilderSignerMismatch;
            compared.fail("builders", mismatch(code, found, wanted));
        } else {
            let wanted: Vec<String> = self.builders.iter().map(|it| it.wanted()).collect();
            let found = format!("{} ({})", facts.builder, facts.build_type);
            let code = ReasonCode::BuilderMismatch;
            compared.fail("builders", mismatch(code, found, wanted.join(" or ")));
        }
        0
    }

    fn level(
        &self,
        level: u8,
        facts: &BuildFacts,
        certificate: Option<&Certificate>,
        compared: &mut Compared,
    ) {
        let runner = stated(facts.runner.as_deref(), CiClaim::Runner, certificate);
        let hosted = runner != Some("self-hosted");
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
            format!("{level}{why}"),
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
        let wanted = self.workflows.join(" or ");
        let code = ReasonCode::ProvenanceWorkflowMismatch;
        compared.that("workflow", wanted, found.unwrap_or(NOTHING), fits, code);
    }
}

const NOTHING: &str = "nothing: it is not stated";

impl BuilderDemand {
    /// Whether the provenance claims this builder, and a build type that this builder has.
    fn is(&self, facts: &BuildFacts) -> bool {
        let id = &facts.builder;
        let fits = match &self.id {
            BuilderId::Exact(wanted) => id == wanted,
            BuilderId::Workflow { path, refs } => id
                .strip_prefix("https://github.com/")
                .and_then(|rest| rest.strip_prefix(path.as_str()))
                .and_then(|rest| rest.strip_prefix('@'))
                .is_some_and(|at| refs.iter().any(|glob| glob.matches(at))),
            // Which workflow it is, the Signer says; whether it is the one that signed is asked next.
            BuilderId::OwnWorkflow => own_workflow(facts).is_some_and(|own| own == *id),
            BuilderId::ReusableWorkflow => {
                id.starts_with("https://github.com/")
                    && id.contains("/.github/workflows/")
                    && own_workflow(facts).is_some_and(|own| own != *id)
            }
        };
        fits && (self.build_types.is_empty() || self.build_types.contains(&facts.build_type))
    }

    fn may_speak(
        &self,
        facts: &BuildFacts,
        signer: &Signer,
        certificate: Option<&Certificate>,
    ) -> bool {
        match &self.speakers {
            Speakers::Signers(names) => names.contains(&signer.name),
            Speakers::Builder => certificate.is_some_and(|certificate| {
                let uri = certificate.claims.build_signer_uri.as_deref();
                certificate.san.value() == facts.builder
                    && uri.is_none_or(|uri| uri == facts.builder)
            }),
        }
    }

    fn wanted(&self) -> String {
        let id = match &self.id {
            BuilderId::Exact(id) => id.clone(),
            BuilderId::Workflow { path, refs } => {
                let refs: Vec<&str> = refs.iter().map(Glob::as_str).collect();
                format!(
                    "https://github.com/{path}@ref, ref one of {}",
                    refs.join(" or ")
                )
            }
            BuilderId::OwnWorkflow => "the workflow itself".to_owned(),
            BuilderId::ReusableWorkflow => "a reusable workflow that it called".to_owned(),
        };
        format!("Builder `{}`: {id}", self.name)
    }
}

impl Speakers {
    fn wanted(&self) -> String {
        match self {
            Self::Signers(names) => format!("Signer {}", names.join(" or ")),
            Self::Builder => "a certificate with the builder's id".to_owned(),
        }
    }
}

/// The workflow at the top, as certificates name it.
fn own_workflow(facts: &BuildFacts) -> Option<String> {
    let repository = facts.repository.as_deref()?.trim_start_matches("git+");
    let (workflow, git_ref) = (facts.workflow.as_deref()?, facts.git_ref.as_deref()?);
    Some(format!("{repository}/{workflow}@{git_ref}"))
}

impl SourceDemand {
    fn compare(
        &self,
        facts: &BuildFacts,
        certificate: Option<&Certificate>,
        compared: &mut Compared,
    ) {
        for demand in &self.claims {
            let own = facts.claim(demand.claim);
            let found = stated(own, demand.claim, certificate);
            let fits = found.is_some_and(|found| demand.any_of.iter().any(|it| it.fits(found)));
            let what = format!("source.{}", demand.claim.name());
            let code = code_of(demand.claim);
            compared.that(&what, demand.wanted(), found.unwrap_or(NOTHING), fits, code);
        }
        if let Some(tags) = &self.tags {
            let found = facts.git_ref.as_deref().unwrap_or(NOTHING);
            let version = found
                .strip_prefix("refs/tags/")
                .and_then(|tag| semver::Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok());
            let fits = version.is_some_and(|version| tags.matches(&version));
            let wanted = format!("a tag with a version {tags}");
            compared.that(
                "source.tags",
                wanted,
                found,
                fits,
                ReasonCode::ProvenanceRefMismatch,
            );
        }
        let event = stated(facts.event.as_deref(), CiClaim::Event, certificate);
        if let Some(event) = event.filter(|_| !self.names_events) {
            let wanted = "no event by which a stranger's code is built (or name it in `events`)";
            let fits = !STRANGERS.contains(&event);
            compared.that(
                "source.events",
                wanted,
                event,
                fits,
                ReasonCode::ProvenanceEventMismatch,
            );
        }
    }
}

impl BuildFacts {
    /// What the provenance says where a certificate would have this claim.
    fn claim(&self, claim: CiClaim) -> Option<&str> {
        match claim {
            CiClaim::Repository => &self.repository,
            CiClaim::RepositoryId => &self.repository_id,
            CiClaim::OwnerId => &self.owner_id,
            CiClaim::Ref => &self.git_ref,
            CiClaim::Commit => &self.commit,
            CiClaim::Event => &self.event,
            CiClaim::Runner => &self.runner,
            CiClaim::RunInvocationUri => &self.invocation,
            _ => &None,
        }
        .as_deref()
    }
}

/// What the provenance says, or where it does not, the certificate of today: both agree, or else the rule fails before.
fn stated<'a>(
    own: Option<&'a str>,
    claim: CiClaim,
    certificate: Option<&'a Certificate>,
) -> Option<&'a str> {
    own.or_else(|| claim.stated(&certificate?.claims).0)
}

fn code_of(claim: CiClaim) -> ReasonCode {
    match claim {
        CiClaim::Ref => ReasonCode::ProvenanceRefMismatch,
        CiClaim::Commit => ReasonCode::ProvenanceCommitMismatch,
        CiClaim::Event => ReasonCode::ProvenanceEventMismatch,
        CiClaim::Runner => ReasonCode::ProvenanceRunnerMismatch,
        _ => ReasonCode::ProvenanceSourceMismatch,
    }
}

impl ParameterDemand {
    fn compare(&self, facts: &BuildFacts, compared: &mut Compared) {
        let code = ReasonCode::ProvenanceParameterMismatch;
        for (name, values) in &self.values {
            let found = facts.parameters.get(name).map(String::as_str);
            let fits = found.is_some_and(|found| values.iter().any(|it| it == found));
            let what = format!("parameters.values.{name}");
            compared.that(
                &what,
                values.join(" or "),
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
        let others: Vec<String> = others
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let found = match others.len() {
            0 => "none".to_owned(),
            count => {
                let shown: Vec<&str> = others.iter().take(MOST_TOLD).map(String::as_str).collect();
                format!("{count}: {}", shown.join(", "))
            }
        };
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
