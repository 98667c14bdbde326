//! What `pin` and `lock` work on, and by what they judge it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use countersign_core::{PolicySet, UnixTime};

use super::found::{Found, FoundImage, TypedNamespace};
use super::inputs::Inputs;
use super::judge::{Judge, Key};
use super::resolve::{Answer, Resolver};
use crate::args::Format;
use crate::args::manifests::{FieldOptions, WritingOptions};
use crate::failure::Failure;
use crate::policies::{Policies, Roots};
use crate::registries::RegistryAccess;
use crate::surroundings::Surroundings;

/// Files, policy and registries of a command that writes digests down.
///
/// There is no `--at`: what is written today has to be allowed today.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) inputs: Inputs,
    pub(crate) format: Format,
    pub(crate) now: UnixTime,
    pub(crate) color: anstream::ColorChoice,
    policy: PathBuf,
    roots: Roots,
    evidence_cache: Option<PathBuf>,
    registry: RegistryAccess,
    timeout: Duration,
}

impl Ground {
    pub(crate) fn new(
        files: Vec<PathBuf>,
        fields: FieldOptions,
        typed: WritingOptions,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Self {
        let now = surroundings.now;
        Self {
            inputs: Inputs::new(
                files,
                fields,
                TypedNamespace::new(typed.namespace, typed.namespace_labels),
            ),
            format: typed.format,
            now,
            color,
            policy: typed.policy,
            evidence_cache: typed.roots.cache.evidence(),
            roots: Roots::typed(typed.roots, surroundings, now),
            registry: RegistryAccess::new(typed.registries, surroundings),
            timeout: Duration::from_secs(typed.timeout),
        }
    }

    /// The policy set; what is wrong with it goes to standard error, and what is left undone for it.
    pub(crate) fn policies(&self, left_undone: &str) -> Result<PolicySet, Failure> {
        self.registry.refuse_plain_http()?;
        Policies::load(&self.policy, &self.roots)?.told(&self.policy, left_undone, self.color)
    }

    /// For each of these images what its tag stands for, and whether the policy lets that be written down.
    pub(crate) fn answers<'a>(
        &self,
        policies: PolicySet,
        found: &Found,
        images: impl Iterator<Item = &'a FoundImage>,
    ) -> Result<BTreeMap<Key, Answer>, Failure> {
        let images = images.map(|it| (it.key(), it.image.clone()));
        let resolver = Resolver {
            judge: Judge {
                registry: &self.registry,
                evidence_cache: self.evidence_cache.as_deref(),
                timeout: self.timeout,
                now: self.now,
                color: self.color,
                // What people let run in an emergency is not written down.
                approvals: None,
            },
            found,
            typed: &self.inputs.namespace,
        };
        resolver.answers(policies, images.collect())
    }
}
