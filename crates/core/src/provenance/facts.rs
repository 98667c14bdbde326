//! What a provenance says of one build, in the words of policies.

use std::collections::BTreeMap;

use serde_json::Value;

use super::flat::flat;
use super::github;
use super::wire::{V1, V02};
use crate::{ReasonCode, Statement};

/// Provenance of real builds has some KiB; slsa-github-generator's, with the event's whole payload, some 100.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// One build, as its provenance tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct BuildFacts {
    pub(crate) family: Family,
    pub(crate) build_type: String,
    /// `builder.id`.
    pub(crate) builder: String,
    /// The source repository, as it is written.
    pub(crate) repository: Option<String>,
    /// The whole ref: `refs/heads/main`.
    pub(crate) git_ref: Option<String>,
    pub(crate) commit: Option<String>,
    /// The path of the workflow's file in the source repository.
    pub(crate) workflow: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) runner: Option<String>,
    pub(crate) repository_id: Option<String>,
    pub(crate) owner_id: Option<String>,
    /// The run: a URI.
    pub(crate) invocation: Option<String>,
    /// External parameters by their path, those that the adapter explains among them.
    pub(crate) parameters: BTreeMap<String, String>,
    /// The parameters that the adapter explains: they are told as source and workflow.
    pub(crate) explained: &'static [&'static str],
    /// What went into the build, in no order: `resolvedDependencies`, `materials`.
    pub(crate) dependencies: Vec<Dependency>,
}

/// Which adapter read a provenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Family {
    /// None: only what SLSA itself defines was read.
    #[default]
    Unknown,
    /// GitHub Actions' own (`actions/attest`).
    GithubWorkflow,
    /// slsa-github-generator.
    GithubGenerator,
}

/// One thing that went into a build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Dependency {
    pub(crate) uri: String,
    /// By algorithm.
    pub(crate) digests: BTreeMap<String, String>,
}

impl BuildFacts {
    /// Reads the predicate of a provenance statement.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(statement: &Statement) -> Result<Self, (ReasonCode, String)> {
        Self::from_predicate(&statement.predicate_type, statement.predicate_json())
            .map_err(|why| (ReasonCode::ProvenanceMalformed, why))
    }

    /// The same from the predicate's type and its JSON.
    pub(crate) fn from_predicate(predicate_type: &str, json: &[u8]) -> Result<Self, String> {
        if json.len() > MAX_BYTES {
            return Err(format!("the predicate has {} bytes", json.len()));
        }
        match predicate_type {
            "https://slsa.dev/provenance/v1" => {
                Self::v1(crate::json::typed(json).map_err(String::from)?)
            }
            "https://slsa.dev/provenance/v0.2" => {
                Self::v02(crate::json::typed(json).map_err(String::from)?)
            }
            other => Err(format!("`{}` is no provenance", crate::digest::clip(other))),
        }
    }

    fn v1(predicate: V1) -> Result<Self, String> {
        let definition = predicate.build_definition;
        let mut facts = Self {
            build_type: definition.build_type,
            builder: predicate.run_details.builder.id,
            invocation: predicate.run_details.metadata.invocation_id,
            parameters: flat(definition.external_parameters)?,
            dependencies: definition
                .resolved_dependencies
                .into_iter()
                .map(Dependency::from)
                .collect(),
            ..Self::default()
        };
        if github::WORKFLOW.contains(&facts.build_type.as_str()) {
            let internal = flat(definition.internal_parameters)?;
            github::workflow(&mut facts, &internal);
        }
        facts.checked()
    }

    fn v02(predicate: V02) -> Result<Self, String> {
        let invocation = predicate.invocation;
        let source = invocation.config_source;
        let mut environment = invocation.environment;
        let mut parameters: Vec<(String, Value)> = match invocation.parameters {
            Value::Object(members) => members.into_iter().collect(),
            other => vec![("parameters".to_owned(), other)],
        };
        let is_generator = github::GENERATOR.contains(&predicate.build_type.as_str());
        if is_generator {
            let inputs = std::mem::take(&mut environment.github_event_payload.inputs);
            parameters.push(("inputs".to_owned(), inputs));
        }
        let (repository, git_ref) = github::split(source.uri.as_deref());
        let mut facts = Self {
            build_type: predicate.build_type,
            builder: predicate.builder.id,
            repository,
            git_ref,
            commit: source
                .digest
                .get("sha1")
                .or(source.digest.get("gitCommit"))
                .cloned(),
            workflow: source.entry_point,
            parameters: flat(parameters)?,
            dependencies: predicate
                .materials
                .into_iter()
                .map(Dependency::from)
                .collect(),
            ..Self::default()
        };
        if is_generator {
            github::generator(&mut facts, environment);
        }
        facts.checked()
    }

    /// An empty text is nothing that anything could be compared with.
    fn checked(mut self) -> Result<Self, String> {
        if self.build_type.is_empty() {
            return Err("the build type is empty".to_owned());
        }
        for field in [
            &mut self.repository,
            &mut self.git_ref,
            &mut self.commit,
            &mut self.workflow,
            &mut self.event,
            &mut self.runner,
            &mut self.repository_id,
            &mut self.owner_id,
            &mut self.invocation,
        ] {
            if field.as_deref() == Some("") {
                *field = None;
            }
        }
        Ok(self)
    }
}
