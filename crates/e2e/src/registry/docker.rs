//! Docker's registry 2.8 behind TLS and a login: its files, and what clients need to get in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::RegistryKind;
use crate::Parts;
use crate::login::Login;
use crate::tls::Authority;
use crate::token_server::{ISSUER, SERVICE, TokenServer};

/// What stands before a registry that lets nobody in without a login.
#[derive(Debug)]
pub(super) struct Door {
    /// The certificate authority, PEM.
    pub(super) ca: PathBuf,
    /// Who gives tokens, where the registry wants them.
    pub(super) tokens: Option<TokenServer>,
}

impl Door {
    /// Writes certificates and configuration into `folder`; gives back the door and the command that starts the registry.
    pub(super) fn build(
        parts: &Parts,
        kind: RegistryKind,
        folder: &Path,
    ) -> Result<(Self, Command)> {
        let authority = Authority::new("countersign e2e registry CA")?;
        let issued = authority.issue()?;
        let ca = folder.join("ca.pem");
        let (certificate, key) = (folder.join("registry.pem"), folder.join("registry.key"));
        fs::write(&ca, authority.pem())?;
        fs::write(&certificate, &issued.certificate_pem)?;
        fs::write(&key, issued.key.serialize_pem())?;

        let tokens = match kind {
            RegistryKind::DockerToken => Some(TokenServer::start(&authority)?),
            _ => None,
        };
        let auth = match &tokens {
            Some(tokens) => format!(
                "{{token: {{realm: '{}', service: '{SERVICE}', issuer: '{ISSUER}', rootcertbundle: '{}'}}}}",
                tokens.realm(),
                ca.display()
            ),
            None => {
                let passwords = folder.join("htpasswd");
                fs::write(&passwords, Login::htpasswd())?;
                format!(
                    "{{htpasswd: {{realm: lab, path: '{}'}}}}",
                    passwords.display()
                )
            }
        };
        let config = folder.join("config.yml");
        fs::write(
            &config,
            format!(
                "version: 0.1\nstorage: {{inmemory: {{}}}}\nhttp: {{secret: countersign}}\nauth: {auth}\n"
            ),
        )?;

        let mut command = parts.command("docker-registry");
        command.arg("-certificate").arg(&certificate);
        command.arg("-key").arg(&key).arg(&config);
        Ok((Self { ca, tokens }, command))
    }
}
