//! The rule `summary`, as it is written.

use super::{FromSpec, MatchWord, SubjectWord};
use crate::policy::notes::Spanned;
use crate::policy::scalar::Duration;
use crate::policy::shape::{Flag, Items, Text, choice, mapping};

mapping! {
    /// That somebody has judged the image before: SLSA's verification summary (VSA) v1, or in-toto's simple verification result (SVR) v0.2.
    struct SummarySpec later [] {
        /// By whom it is attested. Each of these Signers may speak for the rule's verifier.
        from "from" Required: FromSpec,
        /// Which predicate. Default: vsa.
        format "format" Optional: Spanned<SummaryWord>,
        /// The `verifier.id`, compared exactly.
        verifier "verifier" Required: Text,
        /// What the `resourceUri` of a VSA is, with `{registry}`, `{repository}` and `{digest}` for those of the image; all else is compared as it stands. Required of a VSA; an SVR has none.
        resource "resource" Optional: Text,
        /// Levels that are all stated: `verifiedLevels` of a VSA, `properties` of an SVR. `SLSA_BUILD_LEVEL_3` states the levels below it too; other names are compared exactly.
        levels "levels" Required: Items<Text>,
        /// By which policy the verifier judged. Default: any.
        policy "policy" Optional: SummaryPolicySpec,
        /// How old it may be, counted from the earliest proven time.
        max_age "maxAge" Optional: Spanned<Duration>,
        /// How old it must be, counted from the earliest proven time: how long the image has to soak. Also for a Pod that has an owner.
        min_age "minAge" Optional: Spanned<Duration>,
        /// Whether `maxAge` also denies a Pod that has an owner, whose image was admitted before. Default: false, a warning then.
        age_always "ageAlways" Optional: Flag,
        /// Which of several count, of those by this verifier, for this resource and by a policy of this URI. Default: newest.
        selection "match" Optional: Spanned<MatchWord>,
        /// Of an index: what the evidence is about. Default: index.
        subject "subject" Optional: Spanned<SubjectWord>,
    }
}

mapping! {
    /// By which policy the verifier judged; of an SVR both fields hold of one of its policies.
    struct SummaryPolicySpec later [] {
        /// The policy's `uri`, compared exactly.
        uri "uri" Optional: Text,
        /// A digest of the policy: `sha256:…`.
        digest "digest" Optional: Text,
    }
}

choice! {
    /// `format` of `summary`.
    enum SummaryWord { Vsa "vsa", Svr "svr", }
}
