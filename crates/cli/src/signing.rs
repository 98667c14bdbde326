//! With what a command signs: a private key, services that vouch for it, or an identity.

use std::fmt;
use std::path::Path;

use countersign::{Secret, ServiceClient};
use countersign_core::{TrustError, TrustRoot, UnixTime};
use countersign_sign::{
    GitHubActions, IdentitySource, IdentityToken, SignError, Signer, SigningConfig, SigningKey,
    SigningKeyError, SigningServices,
};

use crate::args::signing::SigningOptions;
use crate::bounded;
use crate::escape::escaped;
use crate::failure::Failure;
use crate::surroundings::Surroundings;

/// The variable that cosign takes passwords from as well.
pub(crate) const PASSWORD_VARIABLE: &str = "COSIGN_PASSWORD";

/// The variable that cosign takes identity tokens from as well.
pub(crate) const TOKEN_VARIABLE: &str = "SIGSTORE_ID_TOKEN";
/// Where a job of GitHub Actions that may have identity tokens gets one, and the secret that it shows for it.
pub(crate) const JOB_VARIABLES: [&str; 2] = [
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
];

/// What the environment says about who signs.
#[derive(Debug, Clone, Default)]
pub(crate) struct IdentityVariables {
    /// An identity token, in `SIGSTORE_ID_TOKEN`.
    pub(crate) token: Option<Password>,
    /// [`JOB_VARIABLES`].
    pub(crate) job: [Option<Password>; 2],
}

/// With what a command signs, as it was typed. Nothing has been read yet.
#[derive(Debug)]
pub(crate) struct SigningAccess {
    typed: SigningOptions,
    key_password: Option<Password>,
    variables: IdentityVariables,
    now: UnixTime,
}

/// A secret of the environment, such as the password of an encrypted key; `Debug` shows nothing of it.
#[derive(Clone)]
pub(crate) struct Password(String);

impl Password {
    pub(crate) const fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

impl SigningAccess {
    /// Understands the options.
    ///
    /// # Errors
    /// Neither a key nor services are named.
    pub(crate) fn new(typed: SigningOptions, surroundings: &Surroundings) -> Result<Self, Failure> {
        if !typed.is_given() {
            return Err(nothing_to_sign_with());
        }
        Ok(Self {
            typed,
            key_password: surroundings.key_password.clone(),
            variables: surroundings.identity.clone(),
            now: surroundings.now,
        })
    }

    /// Reads the files, and chooses the services, which are asked by this client when something is signed.
    ///
    /// # Errors
    /// A file cannot be read or used, no service of the signing config fits, or there is no identity token that can be used.
    pub(crate) fn open(&self, client: ServiceClient) -> Result<Signer, Failure> {
        let key = match &self.typed.key {
            Some(path) => Some(open_key(path, self.key_password.as_ref())?),
            None => None,
        };
        let Some(config) = &self.typed.signing_config else {
            return key.map(Signer::key).ok_or_else(nothing_to_sign_with);
        };
        let wrong = |why: &dyn fmt::Display| named("--signing-config", config, &why.to_string());
        let json = bounded::read(config).map_err(|error| wrong(&error))?;
        let read = SigningConfig::from_json(&json).map_err(|error| wrong(&error))?;
        let services = SigningServices::new(&read, self.root()?, client, self.now)
            .map_err(|error| wrong(&error))?;
        match key {
            Some(key) => Signer::witnessed(key, services).map_err(|error| wrong(&error)),
            None => Signer::keyless(services, self.identity()?).map_err(|error| wrong(&error)),
        }
    }

    fn root(&self) -> Result<TrustRoot, Failure> {
        let Some(path) = &self.typed.trusted_root else {
            return TrustRoot::public_good().map_err(|error| Failure::unknown(error.to_string()));
        };
        let wrong = |why: &str| named("--trusted-root", path, why);
        let json = bounded::read(path).map_err(|error| wrong(&error.to_string()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        TrustRoot::from_json(&name, &json).map_err(|error| match error {
            TrustError::Malformed { why, .. } => wrong(&why),
            error => wrong(&error.to_string()),
        })
    }

    /// The token of the option, else of the variable, else of the job.
    fn identity(&self) -> Result<IdentitySource, Failure> {
        let read = |text: &str, from: &dyn fmt::Display| {
            IdentityToken::new(text, self.now)
                .map(IdentitySource::Token)
                .map_err(|error| Failure::misused(&format!("{from}: {error}")))
        };
        if let Some(path) = &self.typed.identity_token {
            let wrong = |why: &str| named("--identity-token", path, why);
            let bytes = bounded::read(path).map_err(|error| wrong(&error.to_string()))?;
            let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is no text"))?;
            return read(text, &format!("--identity-token {}", shown(path)));
        }
        if let Some(token) = &self.variables.token {
            return read(&token.0, &TOKEN_VARIABLE);
        }
        let [url_variable, token_variable] = JOB_VARIABLES;
        match &self.variables.job {
            [Some(url), Some(token)] => GitHubActions::new(&url.0, Secret::new(token.0.clone()))
                .map(IdentitySource::GitHubActions)
                .map_err(|error| Failure::misused(&format!("{url_variable}: {error}"))),
            [None, None] => Err(Failure::misused(&format!(
                "nothing says who signs: give --identity-token FILE or set {TOKEN_VARIABLE}, let a GitHub Actions job have \
                 `permissions: id-token: write`, or sign with --key FILE"
            ))),
            _ => Err(Failure::misused(&format!(
                "of {url_variable} and {token_variable} only one is set; a GitHub Actions job with `permissions: id-token: write` has both"
            ))),
        }
    }
}

fn nothing_to_sign_with() -> Failure {
    Failure::misused(
        "nothing says with what to sign: give --key FILE, or --signing-config FILE to sign by an identity token without a key",
    )
}

/// Why a statement was not signed, for the operator. No service and no file is wrong for certain, so that nobody can tell.
pub(crate) fn not_signed(error: &SignError) -> Failure {
    Failure::unknown(escaped(&error.to_string(), 1000))
}

/// The private key of a file.
///
/// # Errors
/// It cannot be read, is no key, or its password is missing or wrong.
pub(crate) fn open_key(path: &Path, password: Option<&Password>) -> Result<SigningKey, Failure> {
    let shown = shown(path);
    let bytes = bounded::read(path).map_err(|error| {
        Failure::misused(&format!("the private key {shown} cannot be read: {error}"))
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Failure::misused(&format!(
            "the private key {shown} is no text, so it is no PEM file"
        ))
    })?;
    SigningKey::from_pem(text, password.map(|password| password.0.as_bytes())).map_err(|error| {
        let next = match error {
            SigningKeyError::PasswordNeeded => {
                format!("; set {PASSWORD_VARIABLE} to its password")
            }
            SigningKeyError::WrongPassword => {
                format!("; the password is taken from {PASSWORD_VARIABLE}")
            }
            _ => String::new(),
        };
        Failure::misused(&format!(
            "{shown}: {}{next}",
            escaped(&error.to_string(), 400)
        ))
    })
}

fn shown(path: &Path) -> String {
    escaped(&path.to_string_lossy(), 200)
}

fn named(option: &str, path: &Path, why: &str) -> Failure {
    Failure::misused(&format!("{option} {}: {}", shown(path), escaped(why, 500)))
}

#[cfg(test)]
mod tests;
