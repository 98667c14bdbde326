//! The credentials of whoever runs the command.

use countersign::{CredentialHelpers, DockerConfig, Keyring};

use crate::failure::Failure;
use crate::surroundings::CredentialPlaces;

/// All that the files have, in their order. The helpers that they name may be run: the files are the user's own.
pub(crate) fn keyring(places: &CredentialPlaces) -> Result<Keyring, Failure> {
    let helpers = CredentialHelpers::on_path(&places.path);
    let mut keyring = Keyring::new();
    for file in &places.files {
        let config =
            DockerConfig::load(file).map_err(|error| Failure::unknown(error.to_string()))?;
        keyring = keyring.and(config.run_helpers(&helpers));
    }
    Ok(keyring)
}
