//! By which keys and roots evidence is verified.

use std::path::Path;

use countersign_core::{Digest, PolicySet, Severity, Trust, TrustRoot};

use crate::args::NamedFile;
use crate::escape::escaped;
use crate::failure::Failure;
use crate::output;
use crate::policies::{Policies, Roots, extra_root, rendered};

/// The trust of a policy set, or that which is built in.
pub(crate) enum VerifiedBy {
    Policy {
        path: String,
        policies: Box<PolicySet>,
    },
    BuiltIn(Box<Trust>),
}

impl VerifiedBy {
    pub(super) fn load(
        policy: Option<&Path>,
        roots: &Roots,
        color: anstream::ColorChoice,
    ) -> Result<Self, Failure> {
        match policy {
            Some(path) => Self::policy(path, roots, color),
            None => built_in(&roots.named).map(Box::new).map(Self::BuiltIn),
        }
    }

    /// Warnings are the business of those who judge by the policy.
    fn policy(path: &Path, roots: &Roots, color: anstream::ColorChoice) -> Result<Self, Failure> {
        let policies = Policies::load(path, roots)?;
        let count = policies.count(Severity::Error);
        let Policies { files, loaded } = policies;
        let shown = path.display().to_string();
        match loaded.policies {
            Some(policies) => Ok(Self::Policy {
                path: shown,
                policies: Box::new(policies),
            }),
            None => {
                output::say(&rendered(&loaded.diagnostics, files.sources()), color);
                let path = escaped(&shown, 300);
                Err(Failure::misused(&format!(
                    "{path}: {count} errors in the policy; no image was looked at"
                )))
            }
        }
    }

    pub(crate) fn trust(&self) -> &Trust {
        match self {
            Self::Policy { policies, .. } => policies.trust(),
            Self::BuiltIn(trust) => trust,
        }
    }

    /// The policy that it is from.
    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            Self::Policy { path, .. } => Some(path),
            Self::BuiltIn(_) => None,
        }
    }

    /// What the policy calls a key.
    pub(crate) fn key_name(&self, key: &Digest) -> Option<&str> {
        match self {
            Self::Policy { policies, .. } => policies.key_name(key),
            Self::BuiltIn(_) => None,
        }
    }
}

/// The public-good root and those that were handed over, each under its name or its file's.
fn built_in(trust_roots: &[NamedFile]) -> Result<Trust, Failure> {
    let failed = |why: String| Failure::unknown(escaped(&why, 1000));
    let mut roots = vec![TrustRoot::public_good().map_err(|error| failed(error.to_string()))?];
    for named in trust_roots {
        let json = extra_root(named)?.json;
        let stem = named.file.file_stem().unwrap_or_default().to_string_lossy();
        let name = named.name.as_deref().unwrap_or(&stem);
        roots.push(TrustRoot::from_json(name, &json).map_err(|error| failed(error.to_string()))?);
    }
    Trust::new(roots, Vec::new())
        .map_err(|error| Failure::misused(&format!("--trust-root: {error}")))
}
