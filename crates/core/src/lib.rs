//! The pure heart of countersign: untrusted evidence and a policy go in, a [`Decision`] comes out.
//!
//! ```text
//! text ─parse→ ImageRef ─registry→ PinnedImage ─collect→ Evidence ─examine→ Findings ─decide→ Decision
//! ```
//!
//! This crate does no IO, asks no clock, reads no environment and has no async: `now` and every byte are
//! arguments. `tests/rooms.rs` proves it. [`examine`] proves facts (who signed what, under which trust root,
//! when) and never knows what is wanted; [`decide`] compares proven facts with the policy and never fetches or
//! verifies. The only bridge between the two is [`Verified`], which nothing outside verification can make.

mod base64;
mod break_glass;
mod compared;
mod decide;
mod decision;
mod digest;
mod evidence;
mod examine;
mod expression;
mod finding;
mod image;
mod json;
mod known;
mod license;
mod limits;
mod manifest;
mod object;
mod package;
mod pem;
mod policy;
mod promotion;
mod provenance;
mod reason;
mod reference;
mod refusal;
mod report;
mod sbom;
mod scan;
mod summary;
mod test_result;
mod text;
mod time;
mod trust;
mod vex;
mod x509;

pub use break_glass::{
    Approval, Approvals, ApprovalsError, BreakGlassError, BreakGlassScope, BreakGlassStatement,
};
pub use decide::{
    BlobDecision, BlobRefusal, BlobSigner, BlobSignerError, Resolution, SbomRuleOutcome, decide,
    decide_blob, decide_briefly, judge_break_glass,
};
pub use decision::{
    BreakGlassOutcome, BreakGlassStatementOutcome, BreakGlassStatus, Candidate, CandidateOutcome,
    Cited, CitedChild, Comparison, Decision, ExceptionStatus, Identity, Mode, NamespaceFit,
    Outcome, Overridden, PolicyOutcome, Refused, RevokedImage, RuleException, RuleOutcome,
    Unmatched, Verdict, Warning,
};
pub use digest::{Digest, DigestError, Hasher};
pub use evidence::{
    Content, Evidence, FoundBy, Gap, GapClass, Item, Locator, Needs, PlatformNeed, Stale,
    bundles_of,
};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use examine::fuzzing;
pub use examine::{Artifact, Blob, ProofCache, ProofStats, examine, examine_blob, examine_cached};
pub use expression::{Expression, ExpressionFailure, ExpressionInput, Expressions};
pub use finding::{
    Certificate, CiClaims, Claim, Facts, Findings, Format, LogFact, ProvenTime, Rejected, RootName,
    San, SignedBy, Statement, Subject, TimeSource, Verified,
};
pub use image::{Child, ManifestError, PinnedImage, Platform};
pub use limits::Limits;
pub use manifest::{
    DocumentError, Documents, Located, LocatedKey, LocatedValue, ManifestObject, PlacedImage, Spot,
    Style,
};
pub use object::{
    CustomField, FieldContent, FieldPath, FieldPathError, GroupKind, ImageField, ImageFields,
    ImageRole, ObjectError, Outline, PodPulls, changed_images, parse_object, parse_object_with,
};
pub use package::{
    Ecosystem, Likeness, Purl, PurlError, PurlPattern, RangeError, Standing, VersionRange,
};
pub use policy::{
    Deadline, DeadlineKind, Diagnostic, Explained, Explanation, ExtraRoot, Files, Loaded, Mutation,
    Mutations, Namespace, NoFiles, Place, PolicySet, Request, RootOrigin, Severity, Source, Tree,
    TreeValue, TufMaterial, TufSource, TufSourceError, TufSources, check_identity_pattern,
};
pub use promotion::{NotPromoted, Promoter, PromoterError, Promotion, Unenforced, WarnedRule};
pub use reason::{Class, ReasonCode};
pub use reference::{ImageRef, ReferenceError};
pub use report::{
    BlobRefusalReport, BlobReport, BreakGlassByReport, BreakGlassImageReport, BreakGlassReport,
    BreakGlassStatementReport, CandidateReport, ChildReport, ComparedReport, ComparisonReport,
    Counts, DemandReport, EvidenceReport, ExceptionReport, FoundReport, GapReport, IdentityReport,
    ImageReport, LogReport, NamespaceReport, OverriddenReport, PolicyReport, RefusedReport, Report,
    RequestReport, RevokedReport, RuleReport, StaleReport, TimeReport, TrustRootReport,
    UnmatchedReport, WarningReport,
};
pub use sbom::{
    Component, DefinedLicense, Generator, LicenseClaim, LicenseForm, Sbom, SbomError,
    SbomErrorKind, SbomFormat, Stance,
};
pub use text::safe as printable;
pub use time::{TimeError, UnixTime};
pub use trust::{KeyError, PublicKey, RootPart, RootPartKind, Trust, TrustError, TrustRoot};
