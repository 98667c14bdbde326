//! What each kind of evidence rule demands of what was signed. Who signed it and when is every rule's affair, and not told here.

use std::cell::Cell;

use super::scene::Circumstances;
use crate::compared::Compared;
use crate::policy::authorize::Mismatch;
use crate::policy::signer::Signer;
use crate::policy::{Asked, Wanted};
use crate::provenance;
use crate::sbom::judge;
use crate::scan;
use crate::test_result;
use crate::text::safe;
use crate::{Claim, ExpressionFailure, ExpressionInput, ReasonCode, Statement, Verified};

impl Wanted {
    /// The field of the policy that makes such a rule.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Signature { .. } => "signature",
            Self::Statement { .. } => "statement",
            Self::Provenance(_) => "provenance",
            Self::Sbom(_) => "sbom",
            Self::Vulnerabilities(_) => "vulnerabilities",
            Self::Summary(_) => "summary",
        }
    }

    pub(super) const fn is_signature(&self) -> bool {
        matches!(self, Self::Signature { .. })
    }

    /// Whether what was signed answers the rule's question at all: what does not can neither help nor harm, and is no newer word on
    /// it. `one` is of the kind that the rule asks for and its signer is right.
    pub(super) fn concerns(
        &self,
        one: &Verified<Claim>,
        circumstances: &Circumstances<'_>,
        compared: &mut Compared,
    ) {
        match self {
            Self::Signature { .. }
            | Self::Statement { .. }
            | Self::Provenance(_)
            | Self::Sbom(_)
            | Self::Vulnerabilities(_) => {}
            Self::Summary(demand) => demand.concerns(one, circumstances.name, compared),
        }
    }

    /// Holds what was signed against the rule; `one` is of the kind that the rule asks for and its signer is right.
    pub(super) fn compare(
        &self,
        one: &Verified<Claim>,
        signer: &Signer,
        circumstances: &Circumstances<'_>,
        compared: &mut Compared,
    ) {
        match self {
            // That it is there is all that such a rule asks.
            Self::Signature { .. } | Self::Statement { asked: None, .. } => {}
            Self::Statement {
                asked: Some(asked), ..
            } => ask(asked, one, circumstances.late, compared),
            Self::Provenance(demand) => demand.compare(one, signer, compared),
            Self::Sbom(demand) => demand.compare(one, compared),
            Self::Summary(demand) => demand.compare(one, compared),
            Self::Vulnerabilities(demand) => demand.compare(one, circumstances.beside(), compared),
        }
    }

    /// Evidence of other kinds that had a say in what came of the rule, each with the Signer for whom it counts.
    pub(super) fn heard<'f>(
        &self,
        circumstances: &Circumstances<'f>,
    ) -> Vec<(&'f Verified<Claim>, &str)> {
        match self {
            Self::Vulnerabilities(demand) => demand.heard(circumstances.beside()),
            Self::Signature { .. }
            | Self::Statement { .. }
            | Self::Provenance(_)
            | Self::Sbom(_)
            | Self::Summary(_) => Vec::new(),
        }
    }

    /// What must differ between the Signers of one rule, beside who they are: builds are reproduced by different builders.
    pub(super) fn distinct(&self, one: &Verified<Claim>) -> Option<String> {
        match self {
            Self::Provenance(demand) => demand.builder_of(one),
            Self::Signature { .. }
            | Self::Statement { .. }
            | Self::Sbom(_)
            | Self::Vulnerabilities(_)
            | Self::Summary(_) => None,
        }
    }

    /// Whether refused evidence that claims to be this could have counted: `signature`, or a predicate type.
    pub(super) fn is_claimed(&self, claim: &str) -> bool {
        match self {
            Self::Signature { blob } => {
                claim == "signature"
                    || claim == Claim::COSIGN_SIGN
                    || (*blob && claim == Claim::Message.kind())
            }
            Self::Statement { predicate_type, .. } => claim == predicate_type,
            Self::Provenance(_) => provenance::PREDICATE_TYPES.contains(&claim),
            Self::Sbom(_) => judge::is_sbom(claim),
            Self::Vulnerabilities(_) => scan::PREDICATE_TYPES.contains(&claim),
            Self::Summary(demand) => claim == demand.format.predicate_type(),
        }
    }

    /// Why a rule fails where nothing of its kind is there.
    pub(super) const fn absent(&self) -> ReasonCode {
        match self {
            Self::Signature { .. } => ReasonCode::NoSignature,
            Self::Statement { .. } => ReasonCode::NoStatement,
            Self::Provenance(_) => ReasonCode::NoProvenance,
            Self::Sbom(_) => ReasonCode::NoSbom,
            Self::Vulnerabilities(_) => ReasonCode::NoScan,
            Self::Summary(_) => ReasonCode::NoSummary,
        }
    }

    /// What is wanted, in a phrase.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Signature { blob: false } => "a signature of the image".to_owned(),
            Self::Signature { blob: true } => "a signature of the image or file".to_owned(),
            Self::Statement { predicate_type, .. } => predicate_type.clone(),
            Self::Provenance(_) => "an SLSA provenance".to_owned(),
            Self::Sbom(_) => "an SBOM".to_owned(),
            Self::Vulnerabilities(_) => "a vulnerability scan".to_owned(),
            Self::Summary(demand) => demand.format.described().to_owned(),
        }
    }

    /// That a rule passed, in a sentence; `by` are the signers.
    pub(super) fn passed(&self, by: &str) -> String {
        match self {
            Self::Signature { .. } => format!("Signed by {by}."),
            Self::Statement { predicate_type, .. } => {
                format!("`{}` attested by {by}.", safe(predicate_type))
            }
            Self::Provenance(_) => format!("Built as demanded, says {by}."),
            Self::Sbom(_) => format!("What is inside is as demanded, says {by}."),
            Self::Vulnerabilities(_) => format!("Scanned by {by}, and nothing found counts."),
            Self::Summary(_) => format!("Judged before as demanded, says {by}."),
        }
    }
}

/// Holds an expression against a statement. What it cannot tell is unknown; what it cannot ask is a failure.
fn ask(asked: &Asked, one: &Verified<Claim>, late: &Cell<bool>, compared: &mut Compared) {
    let Claim::Statement(statement) = one.claim() else {
        return;
    };
    let input = ExpressionInput {
        predicate_type: &statement.predicate_type,
        predicate: statement.predicate_json(),
        signed_at: one.facts().signed_at(),
    };
    let mismatch = |code, found| Mismatch {
        code,
        found,
        wanted: asked.source.clone(),
    };
    if late.get() {
        let why = "an expression before it did not end in time".to_owned();
        return compared.unknown("where", mismatch(ReasonCode::ExpressionUntold, why));
    }
    match asked.expression.holds(&input) {
        Ok(holds) => {
            let found = if holds {
                "true".into()
            } else {
                said(statement)
            };
            compared.that(
                "where",
                &asked.source,
                found,
                holds,
                ReasonCode::ExpressionFalse,
            );
        }
        Err(ExpressionFailure::Wrong(why)) => {
            compared.fail("where", mismatch(ReasonCode::ExpressionWrong, why));
        }
        Err(ExpressionFailure::Untold(why)) => {
            compared.unknown("where", mismatch(ReasonCode::ExpressionUntold, why));
        }
        Err(ExpressionFailure::Late(why)) => {
            late.set(true);
            compared.unknown("where", mismatch(ReasonCode::ExpressionUntold, why));
        }
    }
}

/// That an expression is false, and of a test result what it says: which tests failed is what the person denied needs to know.
fn said(statement: &Statement) -> String {
    let told = (statement.predicate_type == test_result::PREDICATE_TYPE)
        .then(|| test_result::told(statement.predicate_json()))
        .flatten();
    told.map_or_else(
        || "false".to_owned(),
        |told| format!("false: the test result says {told}"),
    )
}
