//! What each kind of evidence rule demands of what was signed. Who signed it and when is every rule's affair, and not told here.

use super::scene::Circumstances;
use crate::compared::Compared;
use crate::policy::Wanted;
use crate::text::safe;
use crate::{Claim, ReasonCode, Verified};

impl Wanted {
    /// The field of the policy that makes such a rule.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Signature { .. } => "signature",
            Self::Statement { .. } => "statement",
        }
    }

    pub(super) const fn is_signature(&self) -> bool {
        matches!(self, Self::Signature { .. })
    }

    /// Holds what was signed against the rule; `one` is of the kind that the rule asks for and its signer is right.
    pub(super) fn compare(
        &self,
        _one: &Verified<Claim>,
        _circumstances: &Circumstances<'_>,
        _compared: &mut Compared,
    ) {
        match self {
            // That it is there is all that such a rule asks.
            Self::Signature { .. } | Self::Statement { .. } => {}
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
            Self::Statement { predicate_type } => claim == predicate_type,
        }
    }

    /// Why a rule fails where nothing of its kind is there.
    pub(super) const fn absent(&self) -> ReasonCode {
        match self {
            Self::Signature { .. } => ReasonCode::NoSignature,
            Self::Statement { .. } => ReasonCode::NoStatement,
        }
    }

    /// What is wanted, in a phrase.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Signature { blob: false } => "a signature of the image".to_owned(),
            Self::Signature { blob: true } => "a signature of the image or file".to_owned(),
            Self::Statement { predicate_type } => predicate_type.clone(),
        }
    }

    /// That a rule passed, in a sentence; `by` are the signers.
    pub(super) fn passed(&self, by: &str) -> String {
        match self {
            Self::Signature { .. } => format!("Signed by {by}."),
            Self::Statement { predicate_type } => {
                format!("`{}` attested by {by}.", safe(predicate_type))
            }
        }
    }
}
