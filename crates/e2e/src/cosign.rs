//! Signing with a key by real cosign: alone, or with a log entry and a timestamp of a private Sigstore.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{Parts, Registry, Sigstore, run};

/// A policy that demands of every image the signature of the key `release.pub` beside it.
pub const RELEASE_POLICY: &str = r#"
apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {name: e2e}
spec: {unmatched: deny}
---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {name: release}
spec:
  keys: [{id: release, file: release.pub}]
  log: off
  time: none
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {name: signed}
spec:
  images: ["**"]
  rules: [{name: signed, signature: {from: release}}]
"#;

/// A cosign key pair in a folder of its own.
#[derive(Debug, Clone)]
pub struct SigningKey {
    folder: PathBuf,
    cosign2: PathBuf,
    cosign3: PathBuf,
    environment: Vec<(&'static str, OsString)>,
    signing_config: PathBuf,
    trusted_root: PathBuf,
    timestamp_url: Option<String>,
}

impl SigningKey {
    /// Makes a P-256 key pair in `folder`, which is made too.
    ///
    /// # Errors
    /// If cosign fails.
    pub fn generate(parts: &Parts, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let key = Self {
            folder: folder.to_owned(),
            cosign2: parts.path("cosign2"),
            cosign3: parts.path("cosign3"),
            environment: Vec::new(),
            signing_config: folder.join("no-services.json"),
            trusted_root: folder.join("no-roots.json"),
            timestamp_url: None,
        };
        run(key.cosign(&key.cosign3).arg("generate-key-pair"))?;
        for (command, file) in [
            ("signing-config", &key.signing_config),
            ("trusted-root", &key.trusted_root),
        ] {
            run(key
                .cosign(&key.cosign3)
                .args([command, "create", "--out"])
                .arg(file))?;
        }
        Ok(key)
    }

    /// The same key, for use in a registry that wants TLS and a login.
    #[must_use]
    pub fn in_registry(&self, registry: &Registry) -> Self {
        Self {
            environment: registry.environment(),
            ..self.clone()
        }
    }

    /// The same key, with witnesses of what it signs: cosign 3 takes a log entry and a timestamp, cosign 2 a timestamp.
    #[must_use]
    pub fn witnessed_by(&self, sigstore: &Sigstore) -> Self {
        Self {
            signing_config: sigstore.signing_config(),
            trusted_root: sigstore.trusted_root(),
            timestamp_url: Some(sigstore.timestamp_url().to_owned()),
            ..self.clone()
        }
    }

    /// The private half, as cosign encrypts it with an empty password.
    #[must_use]
    pub fn private_key(&self) -> PathBuf {
        self.folder.join("cosign.key")
    }

    /// The public half, PEM.
    #[must_use]
    pub fn public_key(&self) -> PathBuf {
        self.folder.join("cosign.pub")
    }

    /// A `trusted_root.json` that trusts nothing: it keeps cosign 3 from asking the network for one.
    #[must_use]
    pub fn no_roots(&self) -> PathBuf {
        self.folder.join("no-roots.json")
    }

    /// Signs an image with cosign 3: a bundle.
    ///
    /// # Errors
    /// If cosign fails.
    pub fn sign3(&self, image: &str) -> Result<()> {
        run(self.cosign3("sign").arg(image)).map(drop)
    }

    /// Attests a predicate (a file) of a type (cosign's short name or a URI) about an image with cosign 3: a bundle.
    ///
    /// # Errors
    /// If cosign fails.
    pub fn attest3(&self, kind: &str, predicate: &Path, image: &str) -> Result<()> {
        let mut cosign = self.cosign3("attest");
        cosign.args(["--type", kind, "--predicate"]).arg(predicate);
        run(cosign.arg(image)).map(drop)
    }

    /// Signs an image with cosign 2: `.sig`.
    ///
    /// # Errors
    /// If cosign fails.
    pub fn sign2(&self, image: &str) -> Result<()> {
        let mut cosign = self.cosign(&self.cosign2);
        cosign.args(["sign", "--tlog-upload=false", "--key", "cosign.key"]);
        run(cosign.args(["--allow-http-registry", "-y", image])).map(drop)
    }

    /// Attests a predicate (a file) of a type about an image with cosign 2: `.att`.
    ///
    /// # Errors
    /// If cosign fails.
    pub fn attest2(&self, kind: &str, predicate: &Path, image: &str) -> Result<()> {
        let mut cosign = self.cosign(&self.cosign2);
        cosign.args(["attest", "--tlog-upload=false", "--key", "cosign.key"]);
        cosign.args(["--type", kind, "--predicate"]).arg(predicate);
        if let Some(url) = &self.timestamp_url {
            cosign.args(["--timestamp-server-url", url]);
        }
        run(cosign.args(["--allow-http-registry", "-y", image])).map(drop)
    }

    fn cosign3(&self, command: &str) -> Command {
        let mut cosign = self.cosign(&self.cosign3);
        cosign
            .args([
                command,
                "--key",
                "cosign.key",
                "--allow-http-registry",
                "-y",
            ])
            .arg("--signing-config")
            .arg(&self.signing_config)
            .arg("--trusted-root")
            .arg(&self.trusted_root);
        cosign
    }

    fn cosign(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("COSIGN_PASSWORD", "")
            .env("TUF_ROOT", self.folder.join("tuf"));
        command
    }
}
