//! `kind: Settings` and `kind: Policy`, as they are written.

use super::from::FromSpec;
use super::{ProvenanceSpec, SbomSpec, SummarySpec, VulnerabilitiesSpec};
use crate::Platform;
use crate::policy::notes::Spanned;
use crate::policy::scalar::{Begin, Duration, LabelValue, Name};
use crate::policy::shape::{Flag, Items, Table, Text, choice, mapping};

mapping! {
    /// What holds for the whole set; exactly one per set.
    struct SettingsSpec later ["registries"] {
        /// What happens to an image that no effective, enforcing policy names. Default: deny.
        unmatched "unmatched" Optional: Spanned<UnmatchedWord>,
        /// What happens when evidence is unavailable; when it is hostile, the answer is always no. Default: deny.
        on_unknown "onUnknown" Optional: Spanned<OnUnknownWord>,
        /// Whether last known evidence may stand in while a registry cannot be asked. Default: no.
        stale "stale" Optional: StaleSpec,
        /// The platforms that are run, as `os/architecture` or `os/architecture/variant`: where a rule looks at the platforms
        /// of an index, one that could run and is none of these is denied. Default: any.
        platforms "platforms" Optional: Items<Spanned<Platform>>,
        /// How trust roots age that a TUF repository gives.
        trust "trust" Optional: TrustAgeSpec,
        /// What the cluster is called to which the set belongs: whom a break-glass statement has to name.
        cluster "cluster" Optional: Spanned<Name>,
    }
}

mapping! {
    /// Last known evidence that stands in while a registry cannot be asked.
    struct StaleSpec later [] {
        /// How long ago the registry may have been asked.
        max_age "maxAge" Required: Spanned<Duration>,
    }
}

mapping! {
    /// How trust roots age that a TUF repository gives.
    struct TrustAgeSpec later [] {
        /// How long such a trust root still serves after its TUF metadata has expired. Default: 30d.
        max_age "maxAge" Optional: Spanned<Duration>,
    }
}

choice! {
    /// `unmatched`.
    enum UnmatchedWord { Deny "deny", Warn "warn", Allow "allow", }
}

choice! {
    /// `onUnknown`.
    enum OnUnknownWord { Deny "deny", Allow "allow", }
}

mapping! {
    /// What images must fulfil.
    struct PolicySpec later [] {
        /// Patterns over the canonical `host/path`, without tag or digest; `*` stays within one path element, `**` crosses.
        images "images" Required: Items<Text>,
        /// Patterns that are left out.
        except "except" Optional: Items<Text>,
        /// The namespaces in which the policy judges. Default: all. Where no namespace is given, it judges.
        namespaces "namespaces" Optional: NamespacesSpec,
        /// What a failure does. Default: enforce.
        mode "mode" Optional: Spanned<ModeWord>,
        /// Before this time a failure is a warning.
        effective_from "effectiveFrom" Optional: Spanned<Begin>,
        /// The level that a promotion summary may state after this policy, such as `ACME_PROD`.
        emits "emits" Optional: Text,
        /// All must pass.
        rules "rules" Required: Items<RuleSpec>,
    }
}

mapping! {
    /// Namespaces of a cluster; all that is written has to fit.
    struct NamespacesSpec later [] {
        /// Patterns over the name, of which one fits; `*` stands for any characters.
        names "names" Optional: Items<Text>,
        /// Patterns of which none fits.
        not_names "notNames" Optional: Items<Text>,
        /// Labels that the namespace has, with exactly these values. Labels that are not known make the answer unknown.
        match_labels "matchLabels" Optional: Table<LabelValue>,
    }
}

choice! {
    /// `mode`.
    enum ModeWord { Enforce "enforce", Warn "warn", Audit "audit", }
}

mapping! {
    /// One rule: a name and exactly one condition.
    struct RuleSpec later ["vex"] {
        /// The name by which it is cited.
        name "name" Required: Spanned<Name>,
        /// Whether the reference must have a digest.
        digest "digest" Optional: Spanned<DigestWord>,
        /// The image is signed.
        signature "signature" Optional: SignatureSpec,
        /// Something is attested about the image.
        statement "statement" Optional: StatementSpec,
        /// How the image was built is attested.
        provenance "provenance" Optional: ProvenanceSpec,
        /// What is inside is attested.
        sbom "sbom" Optional: SbomSpec,
        /// A scan for vulnerabilities is attested, and what it found.
        vulnerabilities "vulnerabilities" Optional: VulnerabilitiesSpec,
        /// A verifier has judged the image before, and says so.
        summary "summary" Optional: SummarySpec,
        /// Before this time a failure is a warning.
        effective_from "effectiveFrom" Optional: Spanned<Begin>,
    }
}

impl RuleSpec {
    /// By whom the evidence is, of whatever kind the rule is.
    pub(crate) fn from(&self) -> Option<&FromSpec> {
        let signature = self.signature.as_ref().and_then(|it| it.from.as_ref());
        let statement = self.statement.as_ref().and_then(|it| it.from.as_ref());
        let provenance = self.provenance.as_ref().and_then(|it| it.from.as_ref());
        let sbom = self.sbom.as_ref().and_then(|it| it.from.as_ref());
        let scan = self
            .vulnerabilities
            .as_ref()
            .and_then(|it| it.from.as_ref());
        let summary = self.summary.as_ref().and_then(|it| it.from.as_ref());
        let all = [signature, statement, provenance, sbom, scan, summary];
        all.into_iter().flatten().next()
    }
}

choice! {
    /// `digest`.
    enum DigestWord { Required "required", Unsafe "resolve-at-admission-unsafe", }
}

mapping! {
    /// Simple signing, or a statement of type `https://sigstore.dev/cosign/sign/v1`.
    struct SignatureSpec later ["minAge"] {
        /// By whom.
        from "from" Required: FromSpec,
        /// Whether a signature over the bytes themselves counts too, as `cosign sign-blob` makes one of a file. Default: false.
        blob "blob" Optional: Flag,
        /// How old it may be, counted from the earliest proven time.
        max_age "maxAge" Optional: Spanned<Duration>,
        /// Whether `maxAge` also denies a Pod that has an owner, whose image was admitted before. Default: false, a warning then.
        age_always "ageAlways" Optional: Flag,
        /// Which of several count. Default: any.
        selection "match" Optional: Spanned<MatchWord>,
        /// Of an index: what the evidence is about. Default: index.
        subject "subject" Optional: Spanned<SubjectWord>,
    }
}

mapping! {
    /// A verified in-toto statement of a type.
    struct StatementSpec later ["minAge"] {
        /// By whom.
        from "from" Required: FromSpec,
        /// The predicate type, compared exactly.
        predicate_type "predicateType" Required: Text,
        /// A CEL expression over `predicate`, `predicateType` and `signedAt` that must be true.
        condition "where" Optional: Text,
        /// How old it may be, counted from the earliest proven time.
        max_age "maxAge" Optional: Spanned<Duration>,
        /// Whether `maxAge` also denies a Pod that has an owner, whose image was admitted before. Default: false, a warning then.
        age_always "ageAlways" Optional: Flag,
        /// Which of several count. Default: newest.
        selection "match" Optional: Spanned<MatchWord>,
        /// Of an index: what the evidence is about. Default: index.
        subject "subject" Optional: Spanned<SubjectWord>,
    }
}

choice! {
    /// `match`.
    enum MatchWord { Any "any", All "all", Newest "newest", }
}

choice! {
    /// `subject`.
    enum SubjectWord { Index "index", Platform "platform", Either "either", }
}
