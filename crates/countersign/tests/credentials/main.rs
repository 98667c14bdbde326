//! Credentials over real registries, and from real programs: which are shown to whom, and in which order.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod helpers;
mod plugins;
mod secrecy;
mod sessions;
mod tenants;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use countersign::{
    Budget, DockerConfig, Fetched, HttpRegistry, ImageRef, Keyring, Limits, PullSecrets, Reference,
    Registry as _, RegistryError, Repository,
};
use countersign_testkit::registry::{Registry, Request};

const USER: &str = "robot";
const PASSWORD: &str = "hunter2:with:colons";

/// A client that is not patient, so that tests are quick.
fn client(registry: &Registry, keyring: impl Into<Keyring>) -> HttpRegistry {
    HttpRegistry::new()
        .timeouts(Duration::from_secs(2), Duration::from_secs(2))
        .retries(0, Duration::ZERO)
        .plain_http(registry.host())
        .credentials(keyring)
}

fn budget() -> Budget {
    Budget::new(&Limits::default(), Budget::DEFAULT_TIME)
}

fn repository(registry: &Registry, path: &str) -> Repository {
    Repository::of(&ImageRef::parse(&format!("{}/{path}", registry.host())).unwrap())
}

/// Reads the manifest of `path:v1`.
async fn read(
    client: &HttpRegistry,
    registry: &Registry,
    path: &str,
) -> Result<Option<Fetched>, RegistryError> {
    let tag = Reference::Tag("v1".to_owned());
    let repository = repository(registry, path);
    client.manifest(&repository, &tag, 1 << 20, &budget()).await
}

/// What a refused read says was tried.
async fn tried(client: &HttpRegistry, registry: &Registry, path: &str) -> (u16, String) {
    match read(client, registry, path).await.unwrap_err() {
        RegistryError::Denied { status, tried, .. } => (status, tried),
        other => panic!("{other}"),
    }
}

/// A docker config with one entry.
fn config(host: &str, user: &str, password: &str) -> DockerConfig {
    let text = serde_json::json!({"auths": {host: {"username": user, "password": password}}});
    DockerConfig::from_bytes(text.to_string().as_bytes()).unwrap()
}

/// A pull secret with these entries: key, user, password.
fn secret(entries: &[(&str, &str, &str)]) -> PullSecrets {
    let auths: serde_json::Map<_, _> = entries
        .iter()
        .map(|(key, user, password)| {
            let entry = serde_json::json!({"username": user, "password": password});
            ((*key).to_owned(), entry)
        })
        .collect();
    let text = serde_json::json!({"auths": auths}).to_string();
    PullSecrets::new()
        .dockerconfigjson("ns/pull", text.as_bytes())
        .unwrap()
}

fn authorizations(registry: &Registry) -> Vec<Request> {
    registry
        .requests()
        .into_iter()
        .filter(|request| request.header("authorization").is_some())
        .collect()
}

/// Writes a program that runs `body` in `sh` and notes each run in a file beside it.
///
/// Another process makes the file that is run: were it open for writing here while another test forks, running it would
/// fail with "text file busy".
fn program(folder: &Path, name: &str, body: &str) {
    let source = folder.join(format!("{name}.source"));
    std::fs::write(
        &source,
        format!("#!/bin/sh\necho run >> \"$0.runs\"\n{body}\n"),
    )
    .unwrap();
    let status = Command::new("install")
        .args(["-m", "755"])
        .args([source, folder.join(name)])
        .status()
        .unwrap();
    assert!(status.success());
}

/// How often a program was run.
fn runs(folder: &Path, name: &str) -> usize {
    std::fs::read_to_string(folder.join(format!("{name}.runs")))
        .unwrap_or_default()
        .lines()
        .count()
}
