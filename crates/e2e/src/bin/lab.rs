//! `lab DIR`: runs a private Sigstore and two registries until standard input ends, for scripts.
//!
//! The files of authorities that are in DIR already are used. Prints the path of a file that a shell can source once
//! everything is ready. `testdata/make.sh` is the one caller.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use countersign_e2e::{REGISTRY_PARTS, Registry, RegistryKind, SIGSTORE_PARTS, Sigstore, parts};

fn main() -> Result<()> {
    let folder: PathBuf = std::env::args_os().nth(1).context("usage: lab DIR")?.into();
    let needed = [&REGISTRY_PARTS[..], &SIGSTORE_PARTS[..]].concat();
    let parts = parts(&needed).context("the lab's parts are not there")?;
    fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let sigstore = Sigstore::start(&parts, &folder)?;
    let plain = Registry::start(&parts, RegistryKind::Registry)?;
    let with_referrers = Registry::start(&parts, RegistryKind::WithReferrers)?;

    let path = |tool: &str| parts.path(tool).display().to_string();
    let [ct_log_key, fulcio_chain] = sigstore.cosign2_environment();
    let variables = [
        ("REGISTRY", plain.host()),
        ("REGISTRY_REFERRERS", with_referrers.host()),
        ("ISSUER", sigstore.issuer_url()?),
        ("FULCIO", sigstore.fulcio_url().to_owned()),
        ("TIMESTAMPS", sigstore.timestamp_url().to_owned()),
        (
            "TRUSTED_ROOT",
            sigstore.trusted_root().display().to_string(),
        ),
        (
            "SIGNING_CONFIG",
            sigstore.signing_config().display().to_string(),
        ),
        (ct_log_key.0, ct_log_key.1.display().to_string()),
        (fulcio_chain.0, fulcio_chain.1.display().to_string()),
        ("COSIGN2", path("cosign2")),
        ("COSIGN3", path("cosign3")),
        ("CRANE", path("crane")),
    ];
    let mut text = String::new();
    for (name, value) in variables {
        text += &format!("export {name}='{value}'\n");
    }
    let environment = folder.join("environment");
    fs::write(&environment, text)?;
    writeln!(io::stdout(), "{}", environment.display())?;

    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
