//! Who signs: a key, a key with witnesses, or an identity.

use std::fmt;

use countersign::Budget;
use countersign_core::{Facts, PublicKey, UnixTime};

use crate::bundle::{Draft, SignedBundle, sign_statement};
use crate::signing_config::{Chosen, SigningConfigError};
use crate::{
    GitHubActions, IdentityToken, SignError, SigningKey, SigningServices, Statement, fulcio,
};

/// Signs statements: by a local key, by a local key with log entries and timestamps, or without a key of one's own ("keyless").
///
/// Whichever it is, [`sign`](Self::sign) hands out no bundle that verification has not taken.
pub struct Signer {
    with: With,
}

enum With {
    Key(SigningKey),
    Witnessed(SigningKey, Box<SigningServices>),
    Keyless {
        services: Box<SigningServices>,
        authority: Chosen,
        identity: IdentitySource,
    },
}

/// Where the identity of a keyless signature comes from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum IdentitySource {
    /// A token that is there.
    Token(IdentityToken),
    /// A fresh token of the running job, for each signature.
    GitHubActions(GitHubActions),
}

impl Signer {
    /// By a key, with neither log entry nor timestamp: it counts under a Signer with `log: off` and `time: none` only.
    #[must_use]
    pub const fn key(key: SigningKey) -> Self {
        Self {
            with: With::Key(key),
        }
    }

    /// By a key, with the timestamps and log entries that the services give: rules with `maxAge` and `minAge` can count it.
    ///
    /// # Errors
    /// [`SignError::Unloggable`] if one of the logs would not take signatures by this key.
    pub fn witnessed(key: SigningKey, services: SigningServices) -> Result<Self, SignError> {
        services.check_key(&key)?;
        Ok(Self {
            with: With::Witnessed(key, Box::new(services)),
        })
    }

    /// By the identity of a token: for each signature a new key, of which the certificate authority certifies that the identity
    /// has it, and which is forgotten when it has signed.
    ///
    /// # Errors
    /// [`SigningConfigError`] if there is no certificate authority that can be used.
    pub fn keyless(
        services: SigningServices,
        identity: IdentitySource,
    ) -> Result<Self, SigningConfigError> {
        let authority = services.authority.clone()?;
        Ok(Self {
            with: With::Keyless {
                services: Box::new(services),
                authority,
                identity,
            },
        })
    }

    /// The public half of the key that signs; none where each signature has a key of its own.
    #[must_use]
    pub const fn public_key(&self) -> Option<&PublicKey> {
        match &self.with {
            With::Key(key) | With::Witnessed(key, _) => Some(key.public_key()),
            With::Keyless { .. } => None,
        }
    }

    /// Signs a statement; `now` is the clock's time, by which an identity token has to be valid, and from which no proven time may
    /// differ by more than 15 minutes.
    ///
    /// What comes back has been verified: the signature, and with services the certificate, every timestamp and every log entry
    /// under the services' one trust root, and that the certificate is for whom the token names.
    ///
    /// # Errors
    /// [`SignError`].
    pub async fn sign(
        &self,
        statement: &Statement,
        now: UnixTime,
    ) -> Result<SignedBundle, SignError> {
        match &self.with {
            With::Key(key) => sign_statement(statement, key),
            With::Witnessed(key, services) => {
                let draft = Draft::by_key(statement, key)?;
                let budget = services.budget();
                services.witness(draft, now, &budget, |_| Ok(())).await
            }
            With::Keyless {
                services,
                authority,
                identity,
            } => {
                let budget = services.budget();
                let token = identity.token(services, now, &budget).await?;
                let draft = certified(statement, services, authority, &token, &budget).await?;
                let is_fit = |facts: &Facts| {
                    token
                        .fits(facts.signer())
                        .map_err(|other| SignError::OtherIdentity {
                            service: fulcio::name(&authority.url),
                            other,
                        })
                };
                services.witness(draft, now, &budget, is_fit).await
            }
        }
    }
}

/// Signed by a key that exists in here alone.
async fn certified<'a>(
    statement: &'a Statement,
    services: &SigningServices,
    authority: &Chosen,
    token: &IdentityToken,
    budget: &Budget,
) -> Result<Draft<'a>, SignError> {
    let key = SigningKey::ephemeral().map_err(|_| SignError::Key)?;
    let certificate =
        fulcio::certificate(&services.client, &authority.url, token, &key, budget).await?;
    Draft::by_certificate(statement, &key, certificate)
}

impl IdentitySource {
    async fn token(
        &self,
        services: &SigningServices,
        now: UnixTime,
        budget: &Budget,
    ) -> Result<IdentityToken, SignError> {
        match self {
            Self::Token(token) => {
                token.check(now).map_err(SignError::Identity)?;
                Ok(token.clone())
            }
            Self::GitHubActions(job) => job.token(&services.client, now, budget).await,
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.with {
            With::Key(key) => write!(f, "Signer({key:?})"),
            With::Witnessed(key, _) => write!(f, "Signer({key:?}, witnessed)"),
            With::Keyless { identity, .. } => write!(f, "Signer({identity:?})"),
        }
    }
}
