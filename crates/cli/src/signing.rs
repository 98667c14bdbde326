//! Opens the private key that a command signs with.

use std::fmt;
use std::path::Path;

use countersign_sign::{SigningKey, SigningKeyError};

use crate::bounded;
use crate::escape::escaped;
use crate::failure::Failure;

/// The variable that cosign takes passwords from as well.
pub(crate) const PASSWORD_VARIABLE: &str = "COSIGN_PASSWORD";

/// The password of an encrypted key, as the environment gives it; `Debug` shows nothing of it.
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

/// The private key of a file.
///
/// # Errors
/// It cannot be read, is no key, or its password is missing or wrong.
pub(crate) fn open_key(path: &Path, password: Option<&Password>) -> Result<SigningKey, Failure> {
    let shown = escaped(&path.to_string_lossy(), 200);
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
