//! The decision about one image, with everything that explains it.
//!
//! Every string in here that came from evidence, a registry or a manifest has been escaped and cut.

mod break_glass;
mod exception;

pub use break_glass::{
    BreakGlassOutcome, BreakGlassStatementOutcome, BreakGlassStatus, Overridden,
};
pub use exception::{ExceptionStatus, RuleException};

use crate::{Digest, Gap, Locator, Place, ReasonCode, Request, Stale, UnixTime};

/// May it run? Ordered from good to bad: the worst of several decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Yes.
    Allow,
    /// Nobody could tell; the doors treat it as no unless the policy says otherwise.
    Unknown,
    /// No.
    Deny,
}

impl Verdict {
    /// `allow`, `unknown` or `deny`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Unknown => "unknown",
            Self::Deny => "deny",
        }
    }
}

/// What a policy's outcome does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// A failure denies.
    Enforce,
    /// A failure is a warning.
    Warn,
    /// A failure is only recorded.
    Audit,
}

impl Mode {
    /// `enforce`, `warn` or `audit`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Warn => "warn",
            Self::Audit => "audit",
        }
    }
}

/// How one rule came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It is satisfied.
    Pass,
    /// Something that mattered could not be fetched.
    Unknown,
    /// It is not satisfied.
    Fail,
}

impl Outcome {
    /// `pass`, `unknown` or `fail`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }

    /// The verdict that this outcome alone leads to.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Pass => Verdict::Allow,
            Self::Unknown => Verdict::Unknown,
            Self::Fail => Verdict::Deny,
        }
    }
}

/// The decision about one image: only [`decide`](crate::decide) makes one.
#[derive(Debug, Clone)]
#[must_use]
pub struct Decision {
    pub(crate) image: String,
    pub(crate) request: Request,
    pub(crate) digest: Option<Digest>,
    pub(crate) now: UnixTime,
    pub(crate) policy_digest: Digest,
    pub(crate) trust_fingerprint: Digest,
    pub(crate) judged: Verdict,
    pub(crate) effect: Verdict,
    pub(crate) policies: Vec<PolicyOutcome>,
    pub(crate) unmatched: Option<Unmatched>,
    pub(crate) revoked: Vec<RevokedImage>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) evidence: Vec<Cited>,
    pub(crate) refused: Vec<Refused>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) gap_children: Vec<Option<CitedChild>>,
    pub(crate) stale: Vec<Stale>,
    pub(crate) break_glass: Option<BreakGlassOutcome>,
}

impl Decision {
    /// The image as it was written.
    #[must_use]
    pub fn image(&self) -> &str {
        &self.image
    }

    /// Canonical `host/path`: what policies matched. None if every policy judged ([`Request::unnamed`](crate::Request::unnamed)).
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.request.name()
    }

    /// What was asked.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// The digest that was examined; none if the reference was not resolved.
    #[must_use]
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The time at which it was decided.
    #[must_use]
    pub const fn now(&self) -> UnixTime {
        self.now
    }

    /// The digest of the policy set, contents of its files included.
    #[must_use]
    pub const fn policy_digest(&self) -> &Digest {
        &self.policy_digest
    }

    /// The fingerprint of the trust roots and keys.
    #[must_use]
    pub const fn trust_fingerprint(&self) -> &Digest {
        &self.trust_fingerprint
    }

    /// What all matching policies together judge, whatever their mode.
    #[must_use]
    pub const fn judged(&self) -> Verdict {
        self.judged
    }

    /// What follows from it: only effective, enforcing policies deny, and `onUnknown` and `unmatched` are applied; and break-glass.
    #[must_use]
    pub const fn effect(&self) -> Verdict {
        self.effect
    }

    /// Every policy that matches the image, in the order of the files.
    #[must_use]
    pub fn policies(&self) -> &[PolicyOutcome] {
        &self.policies
    }

    /// Set when no effective, enforcing policy names the image.
    #[must_use]
    pub const fn unmatched(&self) -> Option<&Unmatched> {
        self.unmatched.as_ref()
    }

    /// What revokes the image, whatever policies say: not empty means denied.
    #[must_use]
    pub fn revoked(&self) -> &[RevokedImage] {
        &self.revoked
    }

    /// What a person should be told although it did not deny.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// All evidence that verified, whether or not a rule asked for it.
    #[must_use]
    pub fn evidence(&self) -> &[Cited] {
        &self.evidence
    }

    /// All evidence that did not verify.
    #[must_use]
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// What could not be fetched.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// For each gap, the child of the index whose evidence may be hidden behind it; none if it is the image's own.
    #[must_use]
    pub fn gap_children(&self) -> &[Option<CitedChild>] {
        &self.gap_children
    }

    /// The last known lists by which it was decided, because a registry could not be asked.
    #[must_use]
    pub fn stale(&self) -> &[Stale] {
        &self.stale
    }
}

/// Whether the namespaces that a policy names fit the request's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NamespaceFit {
    /// They fit.
    Yes,
    /// They do not, and the policy does not judge.
    No,
    /// There is no namespace to go by: the policy judges.
    NotGiven,
    /// The namespace's labels are not known, so nobody can tell.
    Unknown,
}

impl NamespaceFit {
    /// `yes`, `no`, `not-given` or `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::NotGiven => "not-given",
            Self::Unknown => "unknown",
        }
    }
}

/// How one policy came out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PolicyOutcome {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Its mode.
    pub mode: Mode,
    /// Whether its `effectiveFrom` has passed.
    pub effective: bool,
    /// Whether its `namespaces` fit; none if it is for all.
    pub namespaces: Option<NamespaceFit>,
    /// The level that a promotion summary may state after it.
    pub emits: Option<String>,
    /// What its rules together judge, whatever mode and `effectiveFrom` say; unknown where nobody can tell whether its
    /// namespaces fit.
    pub judged: Verdict,
    /// What follows from it.
    pub effect: Verdict,
    /// One outcome for each rule, in the order of the file.
    pub rules: Vec<RuleOutcome>,
}

/// How one rule came out, and why.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RuleOutcome {
    /// Its name.
    pub name: String,
    /// The field that makes its condition: `digest`, `signature`, `statement`, …
    pub kind: &'static str,
    /// Where it stands.
    pub place: Place,
    /// Whether its `effectiveFrom` (and its policy's) has passed.
    pub effective: bool,
    /// How it came out.
    pub outcome: Outcome,
    /// What follows from it, by its policy's mode, `effectiveFrom`, Exceptions and `onUnknown`.
    pub effect: Verdict,
    /// Why, unless it passed.
    pub code: Option<ReasonCode>,
    /// One sentence for the person who is told.
    pub message: String,
    /// What to do next; empty if it passed.
    pub hint: String,
    /// The Exceptions that waive it; if none does, those that would but for what their status says. Empty if it passed.
    pub exceptions: Vec<RuleException>,
    /// The evidence that decided it, each with the Signer that it counts for.
    pub evidence: Vec<Cited>,
    /// The candidate that came closest, unless it passed.
    pub nearest: Option<Candidate>,
    /// Every piece of evidence of the wanted kind, held against each Signer: for the explanation.
    pub candidates: Vec<CandidateOutcome>,
}

/// One verified piece of evidence held against one Signer of a rule, comparison by comparison.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CandidateOutcome {
    /// The evidence; its `signer` is the Signer with which it was compared.
    pub evidence: Cited,
    /// Whether it satisfies the rule for this Signer.
    pub outcome: Outcome,
    /// Why it does not.
    pub code: Option<ReasonCode>,
    /// Whether the rule passes it over because of a younger one (`match: newest`).
    pub superseded: bool,
    /// What was compared, in this order; what failed first decided.
    pub comparisons: Vec<Comparison>,
}

/// One comparison of an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comparison {
    /// What was compared: the field of the policy, such as `source.refs`, or what verification proved, such as `time`.
    pub what: String,
    /// What the policy demands.
    pub wanted: String,
    /// What the evidence has.
    pub found: String,
    /// Whether it holds.
    pub outcome: Outcome,
}

/// One verified piece of evidence, as a decision cites it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Cited {
    /// `simple-signing`, `statement` or `message`.
    pub kind: &'static str,
    /// The statement's predicate type.
    pub predicate_type: Option<String>,
    /// `bundle-v0.3`, `legacy`, …
    pub format: &'static str,
    /// Where it was found.
    pub locator: Locator,
    /// The child of the index that it is about; none if it is about the image itself.
    pub child: Option<CitedChild>,
    /// Who made it.
    pub identity: Identity,
    /// The Signer of the policy for which it counts, if a rule cites it.
    pub signer: Option<String>,
    /// The trust root that proves it.
    pub root: Option<String>,
    /// The earliest proven time.
    pub signed_at: Option<UnixTime>,
    /// Who vouches for times: `log rekor.sigstore.dev`, `timestamp …`.
    pub times: Vec<(UnixTime, String)>,
    /// The logs that hold it, with the entry's index.
    pub logs: Vec<(String, u64)>,
}

/// A child of an index, as a decision cites it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct CitedChild {
    /// The digest of its manifest.
    pub digest: Digest,
    /// The platforms for which the index lists it, such as `linux/arm64`; none if it lists it without one.
    pub platform: Option<String>,
}

/// Who made a signature, as a decision cites it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// A key of the policy set.
    Key {
        /// sha256 of its SubjectPublicKeyInfo.
        key: Digest,
        /// Signer and key id under which the policy names it.
        known_as: Option<String>,
    },
    /// A certificate's identity.
    Certificate {
        /// sha256 of the certificate.
        fingerprint: Digest,
        /// The subject alternative name.
        subject: String,
        /// The OIDC issuer.
        issuer: String,
        /// The repository that the CI provider states.
        source: Option<String>,
    },
}

/// The candidate that came closest to satisfying a rule, and why it did not count.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Candidate {
    /// Why it did not count.
    pub code: ReasonCode,
    /// Where it was found.
    pub locator: Locator,
    /// The child of the index that it is about; none if it is about the image itself.
    pub child: Option<CitedChild>,
    /// The Signer with which it was compared; none if verification refused it.
    pub signer: Option<String>,
    /// Who made it, if it verified.
    pub identity: Option<Identity>,
    /// What it is or has.
    pub found: String,
    /// What the policy demands; empty if verification refused it.
    pub wanted: String,
}

/// Evidence that verification refused.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Refused {
    /// Where it was found.
    pub locator: Locator,
    /// The child of the index to which it is attached; none if that is the image itself.
    pub child: Option<CitedChild>,
    /// What it claims to be, unverified.
    pub claims: Option<String>,
    /// Why it was refused.
    pub code: ReasonCode,
    /// The particulars.
    pub detail: String,
}

/// An image that a Revocation names.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RevokedImage {
    /// The Revocation.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Why, as it says.
    pub reason: String,
    /// The digest that it names.
    pub digest: Digest,
    /// The child of the index that it is; none if it is the image itself.
    pub child: Option<CitedChild>,
}

/// No effective, enforcing policy names the image.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Unmatched {
    /// What `unmatched` in Settings makes of it.
    pub effect: Verdict,
    /// Where that is said.
    pub place: Place,
}

/// What a person should be told although it did not deny.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// The stable code.
    pub code: ReasonCode,
    /// The policy that it is about.
    pub policy: Option<String>,
    /// The rule that it is about.
    pub rule: Option<String>,
    /// One sentence.
    pub message: String,
}
