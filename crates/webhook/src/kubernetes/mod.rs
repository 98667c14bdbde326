//! The Kubernetes API, as far as this webhook asks it. Everything that does stands in this module; the crate `kube` is used nowhere else.
//!
//! It may be away or refuse at any time, and no review waits for it longer than for anything else: what it gives is told
//! apart from what could not be asked, and the webhook begins without it.

pub(crate) mod certificates;
mod events;
mod kept;
mod lack;
pub(crate) mod lease;
pub(crate) mod policies;
mod tenants;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use countersign_core::printable;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::Deserialize;

pub(crate) use self::events::{EventError, EventWriter, Series};
pub(crate) use self::tenants::{Pulls, Tenants};

/// Who asks, in audit logs and in the metrics of the API server.
const USER_AGENT: &str = concat!("countersign-webhook/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const NONE: &str = "none";
const IN_CLUSTER: &str = "in-cluster";

/// Which Kubernetes API is asked, as `--kubernetes` says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Which {
    /// None.
    #[default]
    None,
    /// The one of the cluster in which this runs, as its service account.
    InCluster,
    /// The one of this kubeconfig, in its current context.
    Kubeconfig(PathBuf),
}

impl From<String> for Which {
    fn from(text: String) -> Self {
        match text.as_str() {
            NONE => Self::None,
            IN_CLUSTER => Self::InCluster,
            _ => Self::Kubeconfig(PathBuf::from(text)),
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str(NONE),
            Self::InCluster => f.write_str(IN_CLUSTER),
            Self::Kubeconfig(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why the Kubernetes API cannot be asked at all, for what is on this machine.
#[derive(Debug, thiserror::Error)]
#[error("kubernetes {which}: {why}")]
pub struct KubernetesError {
    which: String,
    why: String,
}

/// A client of one Kubernetes API.
#[derive(Clone)]
pub(crate) struct Kubernetes {
    client: Client,
    namespace: String,
}

impl Kubernetes {
    /// Prepares to ask it; none if [`Which::None`] shall be asked. Nothing is asked yet. `namespace` is where this webhook runs, unless who it is there says so.
    ///
    /// # Errors
    /// If it is not told where the API is, who asks, or by which authority it is known.
    pub(crate) async fn prepare(
        which: &Which,
        namespace: Option<&str>,
    ) -> Result<Option<Self>, KubernetesError> {
        let failed = |error: &dyn std::error::Error| KubernetesError {
            which: printable(&which.to_string()),
            why: causes(error),
        };
        let mut config = match which {
            Which::None => return Ok(None),
            Which::InCluster => Config::incluster().map_err(|error| failed(&error))?,
            Which::Kubeconfig(path) => {
                let file = Kubeconfig::read_from(path).map_err(|error| failed(&error))?;
                Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
                    .await
                    .map_err(|error| failed(&error))?
            }
        };
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        let namespace = namespace.map_or_else(|| config.default_namespace.clone(), str::to_owned);
        let agent = HeaderValue::from_static(USER_AGENT);
        config.headers.push((header::USER_AGENT, agent));
        let client = Client::try_from(config).map_err(|error| failed(&error))?;
        Ok(Some(Self { client, namespace }))
    }

    /// The client of the crate `kube`, cheap to copy.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Where this webhook itself runs.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }
}

/// Why a request failed: what the API server says, which names a permission that is missing, or else what is wrong on the way to it.
pub(crate) fn why(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => printable(&status.message),
        error => causes(error),
    }
}

/// Whether somebody else has made or changed the object since it was read (409).
pub(crate) fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// An error with what caused it, one after the other, each said once.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    printable(&text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_kubeconfig_that_cannot_be_used_is_named_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        let which = Which::from(path.display().to_string());
        let why = async |which: &Which| match Kubernetes::prepare(which, None).await {
            Ok(_) => panic!("it can be used"),
            Err(error) => error.to_string(),
        };
        let missing = why(&which).await;
        assert!(missing.starts_with(&format!("kubernetes {}: ", path.display())));
        assert!(missing.contains("No such file"), "{missing}");
        for (text, says) in [
            ("x: [", "line 1"),
            ("current-context: a\n", "a"),
            (
                "{clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: u, user: {token: t}}], \
                 contexts: [{name: x, context: {cluster: other, user: u}}], current-context: x}",
                "other",
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = why(&which).await;
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn it_is_prepared_without_asking_and_knows_where_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        let text = "{clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: u, user: {token: t}}], \
                    contexts: [{name: x, context: {cluster: c, user: u, namespace: gate}}], current-context: x}";
        std::fs::write(&path, text).unwrap();
        let which = Which::Kubeconfig(path);
        let prepared = async |namespace| Kubernetes::prepare(&which, namespace).await.unwrap();
        assert_eq!(prepared(None).await.unwrap().namespace(), "gate");
        assert_eq!(prepared(Some("other")).await.unwrap().namespace(), "other");
        assert!(
            Kubernetes::prepare(&Which::None, None)
                .await
                .unwrap()
                .is_none()
        );
    }
}
