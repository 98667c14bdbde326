//! Which Builder a provenance is by, and for which level the pair of it and the signer is trusted.

use std::sync::Arc;

use super::{certificate_of, mismatch};
use crate::compared::Compared;
use crate::policy::authorize::{WORKFLOW_HOST, WORKFLOWS, maker_text};
use crate::policy::glob::Glob;
use crate::policy::signer::Signer;
use crate::provenance::BuildFacts;
use crate::{Certificate, Facts, ReasonCode};

/// What is trusted where no Builder is named.
pub(super) const DEFAULT_LEVEL: u8 = 1;

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

/// Records which of the Builders it is; the level for which that one and the signer are trusted together.
///
/// Where several are meant, the least trusted of them counts: the order in which a rule names them must not decide, and
/// whoever wrote a low level for some builds did not mean the other Builder to raise it.
pub(super) fn compare(
    builders: &[Arc<BuilderDemand>],
    facts: &BuildFacts,
    signer: &Signer,
    proven: &Facts,
    compared: &mut Compared,
) -> u8 {
    if builders.is_empty() {
        return DEFAULT_LEVEL;
    }
    let certificate = certificate_of(proven);
    let named: Vec<&BuilderDemand> = builders
        .iter()
        .map(Arc::as_ref)
        .filter(|builder| builder.is(facts))
        .collect();
    let trusted = named
        .iter()
        .filter(|builder| builder.may_speak(facts, signer, certificate));
    if let Some(builder) = trusted.min_by_key(|builder| (builder.level, &builder.name)) {
        let wanted = format_args!("Builder `{}`", builder.name);
        let code = ReasonCode::BuilderMismatch;
        compared.that("builders", wanted, &facts.builder, true, code);
        return builder.level;
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
        let wanted: Vec<String> = builders.iter().map(|it| it.wanted()).collect();
        let found = format!("{} ({})", facts.builder, facts.build_type);
        let code = ReasonCode::BuilderMismatch;
        compared.fail("builders", mismatch(code, found, wanted.join(" or ")));
    }
    0
}

impl BuilderDemand {
    /// Whether the provenance claims this builder, and a build type that this builder has.
    fn is(&self, facts: &BuildFacts) -> bool {
        let id = &facts.builder;
        let fits = match &self.id {
            BuilderId::Exact(wanted) => id == wanted,
            BuilderId::Workflow { path, refs } => is_workflow(id, path, refs),
            // Which workflow it is, the Signer says; whether it is the one that signed is asked next.
            BuilderId::OwnWorkflow => own_workflow(facts).is_some_and(|own| own == *id),
            BuilderId::ReusableWorkflow => {
                id.starts_with(WORKFLOW_HOST)
                    && id.contains(WORKFLOWS)
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
                    && self.is_called_as_meant(certificate)
            }),
        }
    }

    /// Whether another workflow called the one that signed is the certificate's word: by the provenance's own, a workflow could
    /// pass for one that its callers cannot change.
    fn is_called_as_meant(&self, certificate: &Certificate) -> bool {
        let top = certificate.claims.build_config_uri.as_deref();
        match self.id {
            BuilderId::OwnWorkflow => top == Some(certificate.san.value()),
            BuilderId::ReusableWorkflow => top.is_some_and(|top| top != certificate.san.value()),
            BuilderId::Exact(_) | BuilderId::Workflow { .. } => true,
        }
    }

    /// Whether one provenance by one signer could be by both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let types = |it: &String| other.build_types.contains(it);
        let same_type = self.build_types.is_empty()
            || other.build_types.is_empty()
            || self.build_types.iter().any(types);
        let same_speaker = match (&self.speakers, &other.speakers) {
            (Speakers::Signers(own), Speakers::Signers(others)) => {
                own.iter().any(|name| others.contains(name))
            }
            (Speakers::Builder, _) | (_, Speakers::Builder) => true,
        };
        same_type && same_speaker && self.id.overlaps(&other.id)
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

impl BuilderId {
    fn overlaps(&self, other: &Self) -> bool {
        use BuilderId::{Exact, OwnWorkflow, ReusableWorkflow, Workflow};
        match (self, other) {
            (Exact(own), Exact(other)) => own == other,
            (Exact(id), Workflow { path, refs }) | (Workflow { path, refs }, Exact(id)) => {
                is_workflow(id, path, refs)
            }
            (
                Workflow { path, refs },
                Workflow {
                    path: other,
                    refs: others,
                },
            ) => {
                let meets = |own: &Glob| others.iter().any(|it| it.overlaps(own));
                path == other && refs.iter().any(meets)
            }
            (OwnWorkflow, ReusableWorkflow) | (ReusableWorkflow, OwnWorkflow) => false,
            (Exact(id), _) | (_, Exact(id)) => id.contains(WORKFLOWS),
            (OwnWorkflow | ReusableWorkflow, _) | (_, OwnWorkflow | ReusableWorkflow) => true,
        }
    }
}

/// Whether it is `https://github.com/PATH@REF`.
fn is_workflow(id: &str, path: &str, refs: &[Glob]) -> bool {
    id.strip_prefix(WORKFLOW_HOST)
        .and_then(|rest| rest.strip_prefix(path))
        .and_then(|rest| rest.strip_prefix('@'))
        .is_some_and(|at| refs.iter().any(|glob| glob.matches(at)))
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
pub(super) fn own_workflow(facts: &BuildFacts) -> Option<String> {
    let repository = facts.repository.as_deref()?.trim_start_matches("git+");
    let (workflow, git_ref) = (facts.workflow.as_deref()?, facts.git_ref.as_deref()?);
    Some(format!("{repository}/{workflow}@{git_ref}"))
}
