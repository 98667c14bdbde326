//! A private Sigstore on loopback: issuers, CT log, Fulcio, Rekor v2 and a timestamp authority.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::authority::Authorities;
use crate::identity::{EMAIL_ISSUER, Identity};
use crate::issuer::Issuer;
use crate::process::Process;
use crate::services::{self, REKOR};
use crate::{Parts, run};

/// The parts that [`Sigstore`] needs.
pub const SIGSTORE_PARTS: [&str; 6] = [
    "cosign2",
    "cosign3",
    "ctstub",
    "fulcio",
    "rekor-server",
    "timestamp-server",
];

/// Since when everything is trusted.
const SINCE: &str = "2026-01-01T00:00:00Z";
/// The services' names in the trusted root.
const FULCIO: &str = "fulcio.private.example";
const CT_LOG: &str = "ctfe.private.example";
const TIMESTAMPS: &str = "tsa.private.example";

/// A running private Sigstore; its parts end when it is dropped.
#[derive(Debug)]
pub struct Sigstore {
    issuer: Option<Issuer>,
    folder: PathBuf,
    fulcio_url: String,
    timestamp_url: String,
    cosign2: PathBuf,
    cosign3: PathBuf,
    /// CT log and Fulcio.
    issuing: Option<[Process; 2]>,
    /// Rekor and the timestamp authority.
    witnessing: Option<[Process; 2]>,
    /// The last field, so that it is released after the timestamp authority has ended.
    _metrics_port: File,
}

impl Sigstore {
    /// Starts everything on free ports, with the authorities whose files are in `folder`; what is missing there is made.
    /// `trusted_root.json`, `signing_config.json` and the logs are written there.
    ///
    /// # Errors
    /// If a part cannot be run or does not get ready.
    pub fn start(parts: &Parts, folder: &Path) -> Result<Self> {
        let authorities = Authorities::prepare(folder)?;
        let metrics_port = services::lock_metrics_port()?;
        let issuer = Issuer::start()?;
        let (ct_port, ct_log) = services::ct_log(parts, folder, &authorities)?;
        let (fulcio_port, fulcio) =
            services::fulcio(parts, folder, &authorities, &issuer, ct_port)?;
        let (rekor_port, rekor) = services::rekor(parts, folder, &authorities)?;
        let (timestamp_port, timestamps) = services::timestamps(parts, folder, &authorities)?;
        let sigstore = Self {
            issuer: Some(issuer),
            folder: folder.to_owned(),
            fulcio_url: format!("http://127.0.0.1:{fulcio_port}"),
            timestamp_url: format!("http://127.0.0.1:{timestamp_port}/api/v1/timestamp"),
            cosign2: parts.path("cosign2"),
            cosign3: parts.path("cosign3"),
            issuing: Some([ct_log, fulcio]),
            witnessing: Some([rekor, timestamps]),
            _metrics_port: metrics_port,
        };
        sigstore.write_trusted_root(&authorities)?;
        sigstore.write_signing_config(&format!("http://127.0.0.1:{rekor_port}"))?;
        Ok(sigstore)
    }

    /// The trusted root of this instance.
    #[must_use]
    pub fn trusted_root(&self) -> PathBuf {
        self.folder.join("trusted_root.json")
    }

    /// A signing configuration for cosign 3 with all services.
    #[must_use]
    pub fn signing_config(&self) -> PathBuf {
        self.folder.join("signing_config.json")
    }

    /// A token for `identity`, valid for ten minutes.
    ///
    /// # Errors
    /// If the clock is before 1970, the key refuses to sign or the issuer has ended.
    pub fn token(&self, identity: &Identity) -> Result<String> {
        let issuer = self.issuer.as_ref();
        issuer.context("the issuer has ended")?.token(identity)
    }

    /// Ends what a CI provider's identities come from: the issuer with its keys, Fulcio and the CT log. Nobody answers at their ports.
    pub fn end_issuing(&mut self) {
        self.issuer = None;
        self.issuing = None;
    }

    /// Ends what proves when something was signed: the transparency log and the timestamp authority. Nobody answers at their ports.
    pub fn end_witnessing(&mut self) {
        self.witnessing = None;
    }

    /// Where `GET <url>/token/<identity>` is a token.
    ///
    /// # Errors
    /// If the issuer has ended.
    pub fn issuer_url(&self) -> Result<String> {
        let issuer = self.issuer.as_ref();
        Ok(issuer.context("the issuer has ended")?.url())
    }

    /// Signs an image keyless with cosign 3: a bundle with certificate, Rekor v2 entry and timestamp.
    ///
    /// # Errors
    /// If cosign fails.
    pub fn sign3(&self, identity: &Identity, image: &str) -> Result<()> {
        run(self.cosign3("sign", identity)?.arg(image)).map(drop)
    }

    /// Attests a predicate (a file) of a type (cosign's short name or a URI) about an image keyless with cosign 3: a bundle as
    /// that of [`Self::sign3`].
    ///
    /// # Errors
    /// If cosign fails.
    pub fn attest3(
        &self,
        identity: &Identity,
        kind: &str,
        predicate: &Path,
        image: &str,
    ) -> Result<()> {
        let mut cosign = self.cosign3("attest", identity)?;
        cosign.args(["--type", kind, "--predicate"]).arg(predicate);
        run(cosign.arg(image)).map(drop)
    }

    /// Signs an image keyless with cosign 2: `.sig` with certificate and timestamp, no log entry.
    ///
    /// # Errors
    /// If cosign fails.
    pub fn sign2(&self, identity: &Identity, image: &str) -> Result<()> {
        let mut cosign = Command::new(&self.cosign2);
        cosign
            .args(["sign", "--tlog-upload=false"])
            .args(["--fulcio-url", &self.fulcio_url])
            .args(["--timestamp-server-url", &self.timestamp_url])
            .args(["--identity-token", &self.token(identity)?])
            .args(["--allow-http-registry", "-y", image])
            .envs(self.cosign2_environment());
        run(&mut cosign).map(drop)
    }

    /// What cosign 2 must have in its environment to trust this instance.
    #[must_use]
    pub fn cosign2_environment(&self) -> [(&'static str, PathBuf); 2] {
        [
            (
                "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE",
                self.folder.join("ctfe.pub"),
            ),
            ("SIGSTORE_ROOT_FILE", self.folder.join("fulcio.pem")),
        ]
    }

    /// Fulcio's URL.
    #[must_use]
    pub fn fulcio_url(&self) -> &str {
        &self.fulcio_url
    }

    /// The URL to which timestamp requests are posted.
    #[must_use]
    pub fn timestamp_url(&self) -> &str {
        &self.timestamp_url
    }

    fn cosign3(&self, command: &str, identity: &Identity) -> Result<Command> {
        let mut cosign = Command::new(&self.cosign3);
        cosign
            .args([command, "--allow-http-registry", "-y"])
            .arg("--signing-config")
            .arg(self.signing_config())
            .arg("--trusted-root")
            .arg(self.trusted_root())
            .args(["--identity-token", &self.token(identity)?]);
        Ok(cosign)
    }

    fn write_trusted_root(&self, authorities: &Authorities) -> Result<()> {
        let service = |name: &str, material: &str, file: PathBuf| {
            format!(
                "url=https://{name},{material}={},start-time={SINCE}",
                file.display()
            )
        };
        let mut cosign = Command::new(&self.cosign3);
        cosign
            .args(["trusted-root", "create"])
            .arg("--fulcio")
            .arg(service(
                FULCIO,
                "certificate-chain",
                authorities.chain_file("fulcio"),
            ))
            .arg("--ctfe")
            .arg(service(
                CT_LOG,
                "public-key",
                authorities.public_key("ctfe"),
            ))
            .arg("--rekor")
            .arg(service(REKOR, "public-key", authorities.public_key("rekor")) + ",origin=" + REKOR)
            .arg("--tsa")
            .arg(service(
                TIMESTAMPS,
                "certificate-chain",
                authorities.chain_file("tsa"),
            ))
            .arg("--out")
            .arg(self.trusted_root());
        run(&mut cosign).map(drop)
    }

    fn write_signing_config(&self, rekor_url: &str) -> Result<()> {
        let service = |url: &str, version: u8| {
            format!("url={url},api-version={version},start-time={SINCE},operator=private.example")
        };
        let mut cosign = Command::new(&self.cosign3);
        cosign
            .args(["signing-config", "create"])
            .args(["--fulcio", &service(&self.fulcio_url, 1)])
            .args(["--rekor", &service(rekor_url, 2), "--rekor-config=ANY"])
            .args([
                "--tsa",
                &service(&self.timestamp_url, 1),
                "--tsa-config=ANY",
            ])
            .args(["--oidc-provider", &service(EMAIL_ISSUER, 1)])
            .arg("--out")
            .arg(self.signing_config());
        run(&mut cosign).map(drop)
    }
}
