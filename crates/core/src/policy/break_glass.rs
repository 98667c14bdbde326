//! Who may override what policies deny, in an emergency.

use std::collections::BTreeSet;

use super::glob::Glob;
use super::{EvidenceDemand, Place};

/// `kind: BreakGlass`.
#[derive(Debug, Clone)]
pub(crate) struct BreakGlass {
    pub(crate) name: String,
    pub(crate) place: Place,
    /// Whose approvals count: the same demand that a rule over statements makes, of break-glass statements.
    pub(crate) demand: EvidenceDemand,
    /// Seconds from `notBefore` to `notAfter`.
    pub(crate) max_duration: i64,
    pub(crate) namespaces: Vec<Glob>,
    pub(crate) allow_namespace_scope: bool,
    /// Ids of statements.
    pub(crate) revoked: BTreeSet<String>,
}

impl BreakGlass {
    /// Whether a statement may hold in this namespace.
    pub(crate) fn allows(&self, namespace: &str) -> bool {
        self.namespaces.iter().any(|glob| glob.matches(namespace))
    }
}
