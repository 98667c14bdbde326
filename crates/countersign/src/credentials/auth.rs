//! One entry of a docker config's `auths`, or of a legacy `dockercfg`.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use crate::{Credential, Secret};

/// Docker writes padding; people who write by hand forget it.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// As it stands in the file.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireAuth {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

impl WireAuth {
    /// `Ok(None)`: an empty entry, as Docker writes it where a helper holds the credential.
    pub(super) fn credential(self) -> Result<Option<Credential>, &'static str> {
        if !self.registrytoken.is_empty() {
            return Ok(Some(Credential::RegistryToken(Secret::new(
                self.registrytoken,
            ))));
        }
        if !self.identitytoken.is_empty() {
            return Ok(Some(Credential::IdentityToken(Secret::new(
                self.identitytoken,
            ))));
        }
        let (username, password) = if self.auth.is_empty() {
            (self.username, self.password)
        } else {
            let decoded = BASE64
                .decode(self.auth.trim())
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or("`auth` is not base64 of text")?;
            let (username, password) = decoded
                .split_once(':')
                .ok_or("`auth` is not `user:password`")?;
            // Docker pads the password with NUL.
            (
                username.to_owned(),
                password.trim_end_matches('\0').to_owned(),
            )
        };
        Ok(login(username, password))
    }
}

/// A user's name and secret as Docker's tools hand them on; `None` without a name.
pub(super) fn login(username: String, secret: String) -> Option<Credential> {
    match username.as_str() {
        "" => None,
        // Docker's mark for an identity token in the place of a password.
        "<token>" => Some(Credential::IdentityToken(Secret::new(secret))),
        _ => Some(Credential::Basic {
            username,
            password: Secret::new(secret),
        }),
    }
}
