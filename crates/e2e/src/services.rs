//! The services of a private Sigstore, one by one. Each gives back the port that it serves and its process.

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::Parts;
use crate::authority::Authorities;
use crate::issuer::Issuer;
use crate::process::{Process, free_port};

/// The log's name: the origin of its checkpoints, and the host in the trusted root.
pub(crate) const REKOR: &str = "rekor.private.example";

/// The timestamp authority serves its metrics on port 2112, and ends if that is taken: one at a time on this machine.
pub(crate) fn lock_metrics_port() -> Result<File> {
    const PATIENCE: Duration = Duration::from_secs(600);
    let path = std::env::temp_dir().join("countersign-e2e-port-2112.lock");
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    let start = Instant::now();
    while let Err(error) = file.try_lock() {
        if start.elapsed() > PATIENCE {
            return Err(error).with_context(|| format!("waiting for {}", path.display()));
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(file)
}

pub(crate) fn ct_log(
    parts: &Parts,
    folder: &Path,
    authorities: &Authorities,
) -> Result<(u16, Process)> {
    let port = free_port()?;
    let mut command = parts.command("ctstub");
    command
        .arg(format!("127.0.0.1:{port}"))
        .arg(folder.join("ctstub.pub"))
        .arg(authorities.key("ctfe"));
    let mut process = Process::start("ctstub", &command, folder)?;
    process.wait_until(|_| folder.join("ctstub.pub").exists().then_some(()))?;
    Ok((port, process))
}

pub(crate) fn fulcio(
    parts: &Parts,
    folder: &Path,
    authorities: &Authorities,
    issuer: &Issuer,
    ct_port: u16,
) -> Result<(u16, Process)> {
    let issuer_certificate = folder.join("issuer.pem");
    fs::write(&issuer_certificate, issuer.certificate())?;
    let config = folder.join("fulcio.yaml");
    fs::write(&config, include_str!("fulcio.yaml"))?;
    let socket = folder.join("fulcio.sock");
    if socket.exists() {
        fs::remove_file(&socket)?; // of an earlier run
    }
    let port = free_port()?;
    let mut command = parts.command("fulcio");
    command
        .args(["serve", "--host", "127.0.0.1", "--grpc-host", "127.0.0.1"])
        .args(["--port", &port.to_string()])
        .args(["--grpc-port", &free_port()?.to_string()])
        .args(["--metrics-port", &free_port()?.to_string()])
        .arg("--legacy-unix-domain-socket")
        .arg(socket)
        .args([
            "--ca",
            "fileca",
            "--fileca-key-passwd",
            "",
            "--fileca-watch=false",
        ])
        .arg("--fileca-cert")
        .arg(authorities.chain_file("fulcio"))
        .arg("--fileca-key")
        .arg(authorities.key("fulcio"))
        .arg("--config-path")
        .arg(config)
        .args([
            "--ct-log-url",
            &format!("http://127.0.0.1:{ct_port}/private"),
        ])
        .arg("--ct-log-public-key-path")
        .arg(authorities.public_key("ctfe"))
        .env("HTTPS_PROXY", issuer.url())
        .env("SSL_CERT_FILE", issuer_certificate)
        .env("SSL_CERT_DIR", folder.join("no-other-certificates"));
    let mut process = Process::start("fulcio", &command, folder)?;
    process.wait_until_serving(port, "/api/v2/configuration")?;
    Ok((port, process))
}

pub(crate) fn rekor(
    parts: &Parts,
    folder: &Path,
    authorities: &Authorities,
) -> Result<(u16, Process)> {
    let port = free_port()?;
    let mut command = parts.command("rekor-server");
    command
        .args([
            "serve",
            "--hostname",
            REKOR,
            "--checkpoint-interval",
            "200ms",
        ])
        .args(["--http-port", &port.to_string()])
        .args(["--grpc-port", &free_port()?.to_string()])
        .args(["--http-metrics-port", &free_port()?.to_string()])
        .arg("--storage-dir")
        .arg(folder.join("rekor"))
        .arg("--signer-filepath")
        .arg(authorities.key("rekor"));
    let mut process = Process::start("rekor-server", &command, folder)?;
    process.wait_until_serving(port, "/healthz")?;
    Ok((port, process))
}

pub(crate) fn timestamps(
    parts: &Parts,
    folder: &Path,
    authorities: &Authorities,
) -> Result<(u16, Process)> {
    let port = free_port()?;
    let mut command = parts.command("timestamp-server");
    command
        .args(["serve", "--host", "127.0.0.1", "--port", &port.to_string()])
        .args(["--timestamp-signer", "file", "--disable-ntp-monitoring"])
        .arg("--file-signer-key-path")
        .arg(authorities.key("tsa"))
        .arg("--certificate-chain-path")
        .arg(authorities.chain_file("tsa"));
    let mut process = Process::start("timestamp-server", &command, folder)?;
    process.wait_until_serving(port, "/ping")?;
    Ok((port, process))
}
