//! With what a command signs.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct SigningOptions {
    /// The private key that signs: PEM (PKCS#8, EC, RSA) or cosign's encrypted key file, whose password is `COSIGN_PASSWORD`.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
}
