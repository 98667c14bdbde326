//! `kind: Exception`, as it is written.

use super::NamespacesSpec;
use crate::policy::notes::Spanned;
use crate::policy::scalar::End;
use crate::policy::shape::{Items, Text, mapping};

mapping! {
    /// Rules of one policy that need not hold for some images until a time. It never waives what is revoked, nor a registry that lies.
    struct ExceptionSpec later [] {
        /// The policy, by its name.
        policy "policy" Required: Text,
        /// Its rules that are waived, each by its name.
        rules "rules" Required: Items<Text>,
        /// Patterns over the canonical `host/path` as in a Policy, without a tag; with `@sha256:…` behind it one is for that image alone.
        images "images" Required: Items<Text>,
        /// The namespaces in which it waives. Default: all. Where no namespace is given, or its labels are not known, it waives nothing.
        namespaces "namespaces" Optional: NamespacesSpec,
        /// Until when it waives; from then on it has no effect.
        expires "expires" Required: Spanned<End>,
        /// Why, for whoever reads a decision.
        reason "reason" Required: Text,
        /// Where it is being settled, such as `SEC-12`.
        ticket "ticket" Optional: Text,
    }
}
