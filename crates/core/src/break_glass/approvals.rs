//! Approvals of break-glass statements: Sigstore bundles, verified as all other evidence is.

use std::sync::Arc;

use crate::examine::examine_approval;
use crate::{BreakGlassStatement, Claim, Digest, Limits, Rejected, Trust, Verified};

/// More approvals than any BreakGlass asks for, of several statements.
const MOST: usize = 64;
/// Bytes of one bundle: a statement of many images in base64, with a log's entry and a timestamp.
const MOST_BYTES: usize = 1024 * 1024;

/// The approvals that were handed over with a request, each examined under the trust of one policy set.
///
/// They travel with a [`Request`](crate::Request) and need no registry. Which of them count is [`decide`](crate::decide)'s word.
#[derive(Debug, Clone)]
pub struct Approvals {
    all: Vec<Approval>,
    trust: Digest,
}

/// One approval: a bundle, what it says, and whether it verifies.
#[derive(Debug, Clone)]
pub struct Approval {
    bundle: Vec<u8>,
    /// What was signed, whether or not the signature verifies; none if the bundle cannot be read so far.
    signed: Option<Arc<Vec<u8>>>,
    pub(crate) payload: Option<Digest>,
    pub(crate) statement: Option<BreakGlassStatement>,
    pub(crate) claimed_by: String,
    pub(crate) proof: Result<Vec<Verified<Claim>>, Rejected>,
}

/// Why approvals are not looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalsError {
    /// There are too many.
    #[error("{0} approvals are more than {MOST}; leave out those of other emergencies")]
    TooMany(usize),
    /// One is too large.
    #[error("an approval has {0} bytes, more than {MOST_BYTES}")]
    TooLarge(usize),
}

impl Approvals {
    /// Verifies approvals, one Sigstore bundle each, under `trust`: [`PolicySet::trust`](crate::PolicySet::trust) of the set that will decide.
    ///
    /// What does not verify, or is no [`BreakGlassStatement`], counts for nothing, and the decision says why.
    ///
    /// # Errors
    /// [`ApprovalsError`].
    pub fn examine(
        bundles: Vec<Vec<u8>>,
        trust: &Trust,
        limits: &Limits,
    ) -> Result<Self, ApprovalsError> {
        if bundles.len() > MOST {
            return Err(ApprovalsError::TooMany(bundles.len()));
        }
        if let Some(large) = bundles.iter().find(|it| it.len() > MOST_BYTES) {
            return Err(ApprovalsError::TooLarge(large.len()));
        }
        let examined = bundles.into_iter().map(|bundle| {
            let found = examine_approval(&bundle, trust, limits);
            Approval {
                bundle,
                payload: found.payload.as_deref().map(|it| Digest::of(it)),
                signed: found.payload,
                statement: found.statement,
                claimed_by: found.claimed_by,
                proof: found.proof,
            }
        });
        Ok(Self {
            all: examined.collect(),
            trust: *trust.fingerprint(),
        })
    }

    /// Each of them, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Approval> {
        self.all.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The fingerprint of the trust under which they were examined.
    pub(crate) const fn trust(&self) -> &Digest {
        &self.trust
    }
}

/// Equal bytes under equal trust are examined alike.
impl PartialEq for Approvals {
    fn eq(&self, other: &Self) -> bool {
        let bundles = self.all.iter().map(Approval::bundle);
        self.trust == other.trust && bundles.eq(other.all.iter().map(Approval::bundle))
    }
}

impl Eq for Approvals {}

impl Approval {
    /// The bundle, as it was given.
    #[must_use]
    pub fn bundle(&self) -> &[u8] {
        &self.bundle
    }

    /// sha256 of the bytes that were signed, verified or not; none if the bundle cannot be read so far. Approvals of one statement have the
    /// same.
    #[must_use]
    pub const fn payload(&self) -> Option<&Digest> {
        self.payload.as_ref()
    }

    /// The bytes that were signed, verified or not.
    #[must_use]
    pub fn signed_bytes(&self) -> Option<&[u8]> {
        self.signed.as_ref().map(|it| it.as_slice())
    }

    /// What the bytes say that were signed, verified or not.
    #[must_use]
    pub const fn statement(&self) -> Option<&BreakGlassStatement> {
        self.statement.as_ref()
    }

    /// Who the bundle says has signed, which nobody has proven.
    #[must_use]
    pub fn claimed_by(&self) -> &str {
        &self.claimed_by
    }

    /// Why it does not verify; none if it does.
    #[must_use]
    pub const fn refused(&self) -> Option<&Rejected> {
        match &self.proof {
            Ok(_) => None,
            Err(rejected) => Some(rejected),
        }
    }
}
