//! Why a statement was not signed.

use countersign::RegistryError;
use countersign_core::{Digest, UnixTime};

use crate::IdentityTokenError;

/// Why a statement was not signed. Nothing has left but what a service was asked; a log that was asked keeps its entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// aws-lc-rs did not sign.
    #[error("the private key did not sign; aws-lc-rs gives no reason")]
    Key,
    /// Verification does not take what was signed.
    #[error(
        "the signed statement about {image} would not be verified by countersign itself, so it is thrown away: {why}"
    )]
    Unverifiable {
        /// The image.
        image: Digest,
        /// What verification says.
        why: String,
    },
    /// The identity token cannot be used.
    #[error(transparent)]
    Identity(IdentityTokenError),
    /// A service gave no answer that could be read.
    #[error(
        "nothing was signed, because {service} gave no answer to a request for {what}: {cause}"
    )]
    Service {
        /// Which service, and where.
        service: String,
        /// What it was asked for.
        what: &'static str,
        /// Why not.
        #[source]
        cause: Box<RegistryError>,
    },
    /// A service said no.
    #[error(
        "nothing was signed, because {service} answers a request for {what} with status {status}{}",
        said_text(.said)
    )]
    Refused {
        /// Which service, and where.
        service: String,
        /// What it was asked for.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// Its own words, clipped; empty if there are none.
        said: String,
    },
    /// A service's answer is not what it has to be.
    #[error("nothing was signed, because the answer of {service} cannot be used: {why}")]
    Answer {
        /// Which service, and where.
        service: String,
        /// What is wrong with it.
        why: String,
    },
    /// The certificate is for another key.
    #[error("nothing was signed, because {service} issued a certificate for another key than ours")]
    OtherKey {
        /// The certificate authority.
        service: String,
    },
    /// The certificate is for somebody else.
    #[error(
        "the signed statement is thrown away, because {service} issued a certificate for {other}, which is not whom the identity token names"
    )]
    OtherIdentity {
        /// The certificate authority.
        service: String,
        /// Whom it is for.
        other: String,
    },
    /// What a service answered does not verify.
    #[error(
        "the signed statement about {image} is thrown away: with the answer of {service} it does not verify under the trust root `{root}`: \
         {why}; is that the trust root of these services?"
    )]
    Untrue {
        /// The image.
        image: Digest,
        /// Whose answer came last.
        service: String,
        /// The trust root's name.
        root: String,
        /// What verification says.
        why: String,
    },
    /// A service vouches for a time at which nothing was signed.
    #[error(
        "the signed statement is thrown away, because {service} says that it was signed at {time}, and it is {now}: one of both clocks is wrong"
    )]
    Clock {
        /// Whose answer it was.
        service: String,
        /// The time that it vouches for.
        time: UnixTime,
        /// Our own time.
        now: UnixTime,
    },
    /// The log does not log signatures by such keys.
    #[error(
        "nothing was signed: {service} logs no signatures by {algorithm} keys of this kind or size; sign with an ECDSA key"
    )]
    Unloggable {
        /// The log.
        service: String,
        /// The key's algorithm.
        algorithm: &'static str,
    },
}

fn said_text(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(" and says: {said}"),
    }
}
