//! With what a command signs.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct SigningOptions {
    /// The private key that signs: PEM (PKCS#8, EC, RSA) or cosign's encrypted key file, whose password is `COSIGN_PASSWORD`.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The services that vouch for the signature (a Sigstore signing config v0.2): logs and timestamp authorities; without --key also the
    /// certificate authority that certifies whom an identity token names.
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_config: Option<PathBuf>,
    /// The OpenID Connect token of whoever signs without a key; else it is `SIGSTORE_ID_TOKEN`, or that of a GitHub Actions job.
    #[arg(
        long,
        value_name = "FILE",
        requires = "signing_config",
        conflicts_with = "key"
    )]
    pub(crate) identity_token: Option<PathBuf>,
    /// The trust root of the services (a Sigstore trusted_root.json); without it that of the public-good instance, which is built in.
    #[arg(long, value_name = "FILE", requires = "signing_config")]
    pub(crate) trusted_root: Option<PathBuf>,
}

impl SigningOptions {
    /// Whether they say with what to sign.
    pub(crate) const fn is_given(&self) -> bool {
        self.key.is_some() || self.signing_config.is_some()
    }
}
