//! `kind: BreakGlass`, as it is written.

use super::FromSpec;
use crate::policy::notes::Spanned;
use crate::policy::scalar::Duration;
use crate::policy::shape::{Flag, Items, Text, mapping};

mapping! {
    /// Who may let an image run in an emergency that policies deny, for how long, and with how many approvals. Never one that is revoked,
    /// nor one of which a registry lies.
    struct BreakGlassSpec later [] {
        /// Whose approvals count, and how many it takes. All sign the same bytes.
        from "from" Required: FromSpec,
        /// How long a statement may hold, from `notBefore` to `notAfter`.
        max_duration "maxDuration" Required: Spanned<Duration>,
        /// Patterns over the namespaces in which a statement may hold; `*` stands for any characters.
        namespaces "namespaces" Required: Items<Text>,
        /// Whether a statement may be about whatever runs in a namespace, without naming any image. Default: no.
        allow_namespace_scope "allowNamespaceScope" Optional: Flag,
        /// The ids of statements that count no more.
        revoked "revoked" Optional: Items<Text>,
    }
}
