//! What the Kubernetes API knows of the namespaces in which images are to run: their labels, and what they pull with.
//!
//! Objects are read by their names alone, kept for a short time, and each for its namespace: nothing that one namespace has is ever used for another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign::PullSecrets;
use countersign_core::{PodPulls, printable};
use futures_util::future::join_all;
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use kube::api::Api;

use super::Kubernetes;
use super::kept::Kept;
use super::lack::{Lack, get, is_name};

/// For how long labels count.
const LABELS: Duration = Duration::from_secs(10);
/// For how long a Secret and what a service account names count: whoever takes a right away waits no longer.
const SECRETS: Duration = Duration::from_secs(60);
/// For how long it counts that something was not had.
const LACKS: Duration = Duration::from_secs(5);
/// A Secret with the logins of some registries has a few kilobytes.
const MOST_BYTES: usize = 64 * 1024;
/// Secrets of one PodSpec that are read; more is a mistake, or an attempt to keep the API server busy.
const MOST_SECRETS: usize = 16;

const JSON: (&str, &str) = ("kubernetes.io/dockerconfigjson", ".dockerconfigjson");
const LEGACY: (&str, &str) = ("kubernetes.io/dockercfg", ".dockercfg");

/// Asks the Kubernetes API about namespaces.
pub(crate) struct Tenants {
    kubernetes: Kubernetes,
    reads_secrets: bool,
    labels: Kept<String, Result<Labels, Lack>>,
    accounts: Kept<Placed, Result<Arc<[String]>, Lack>>,
    secrets: Kept<Placed, Result<Arc<PullSecrets>, Why>>,
}

type Labels = Arc<BTreeMap<String, String>>;

/// A namespace, and the name of an object in it.
type Placed = (String, String);

/// What a PodSpec is pulled with.
#[derive(Default)]
pub(crate) struct Pulls {
    /// What was read.
    pub(crate) secrets: PullSecrets,
    /// Why more was not.
    pub(crate) missing: Vec<String>,
    /// Whether what is missing tells anything about the namespace that whoever wrote the object need not know.
    pub(crate) tells: bool,
}

/// Why a Secret is not used.
#[derive(Clone)]
enum Why {
    Lack(Lack),
    /// It holds something else, or too much.
    Unfit(String),
}

impl Tenants {
    pub(crate) fn new(kubernetes: Kubernetes, reads_secrets: bool) -> Self {
        Self {
            kubernetes,
            reads_secrets,
            labels: Kept::default(),
            accounts: Kept::default(),
            secrets: Kept::default(),
        }
    }

    /// Whether Secrets are read at all.
    pub(crate) const fn reads_secrets(&self) -> bool {
        self.reads_secrets
    }

    /// The labels of a namespace, or why they are not known.
    pub(crate) async fn labels(&self, namespace: &str) -> Result<Labels, String> {
        let told = |lack: &Lack| {
            let told = lack.told(&format!("the namespace {}", printable(namespace)));
            match lack {
                Lack::Forbidden(_) => format!(
                    "{told}; next: grant this webhook's service account `get` of namespaces by a ClusterRole"
                ),
                _ => told,
            }
        };
        if !is_name(namespace) {
            return Err(told(&Lack::NotThere));
        }
        let ask = async {
            let api = Api::<Namespace>::all(self.kubernetes.client().clone());
            let read = get(api, namespace).await;
            timed(
                read.map(|it| Arc::new(it.metadata.labels.unwrap_or_default())),
                LABELS,
            )
        };
        let labels = self.labels.get(namespace.to_owned(), ask).await;
        labels.map_err(|lack| told(&lack))
    }

    /// What the images of these PodSpecs of one object are pulled with in a namespace. `is_pod`: a Pod's own list is complete, for the API server has written into it what its service
    /// account names; of anything that makes Pods it is looked up here, by the same rule (`k8s.io/kubernetes`, admission plugin ServiceAccount): where the PodSpec names no
    /// secret, those of its service account count.
    pub(crate) async fn pulls<'a>(
        &self,
        namespace: &str,
        specs: impl Iterator<Item = &'a PodPulls>,
        is_pod: bool,
    ) -> Pulls {
        let mut pulls = Pulls::default();
        if !is_name(namespace) {
            return pulls;
        }
        for spec in specs {
            if !spec.secrets.is_empty() {
                self.add(namespace, &spec.secrets, true, &mut pulls).await;
            } else if !is_pod {
                let account = spec.service_account.as_deref().unwrap_or("default");
                match self.account(namespace, account).await {
                    Ok(names) => self.add(namespace, &names, false, &mut pulls).await,
                    Err(lack) => {
                        pulls.tells |= lack == Lack::NotThere;
                        let account = printable(account);
                        let what = format!("the service account {namespace}/{account}");
                        pulls.missing.push(lack.told(&what));
                    }
                }
            }
        }
        pulls
    }

    /// Reads the Secrets of these names. `is_asked`: whoever wrote the object wrote them, and learns nothing by reading them again.
    async fn add(&self, namespace: &str, names: &[String], is_asked: bool, pulls: &mut Pulls) {
        if names.len() > MOST_SECRETS {
            let more = format!("no more than {MOST_SECRETS} pull secrets are read");
            pulls.missing.push(more);
        }
        let names = names.iter().take(MOST_SECRETS);
        let read = join_all(names.map(|name| self.secret(namespace, name))).await;
        for (name, read) in read {
            let what = format!("the pull secret {namespace}/{name}");
            let why = match read {
                Ok(secret) => {
                    pulls.secrets = std::mem::take(&mut pulls.secrets).and(&secret);
                    continue;
                }
                Err(Why::Unfit(why)) => {
                    pulls.tells = true;
                    format!("{what} {why}")
                }
                Err(Why::Lack(lack)) => {
                    pulls.tells |= !is_asked || lack == Lack::NotThere;
                    lack.told(&what)
                }
            };
            if !pulls.missing.contains(&why) {
                pulls.missing.push(why);
            }
        }
    }

    /// The names of the pull secrets of a service account.
    async fn account(&self, namespace: &str, name: &str) -> Result<Arc<[String]>, Lack> {
        if !is_name(name) {
            return Err(Lack::NotThere);
        }
        let ask = async {
            let client = self.kubernetes.client().clone();
            let read = get(Api::<ServiceAccount>::namespaced(client, namespace), name).await;
            let names = read.map(|it| {
                let secrets = it.image_pull_secrets.unwrap_or_default().into_iter();
                let named = secrets.map(|it| it.name).filter(|name| !name.is_empty());
                named.collect()
            });
            timed(names, SECRETS)
        };
        let key = (namespace.to_owned(), name.to_owned());
        self.accounts.get(key, ask).await
    }

    /// A Secret's name as it may be shown, and what it holds.
    async fn secret(&self, namespace: &str, name: &str) -> (String, Result<Arc<PullSecrets>, Why>) {
        if !is_name(name) {
            return (printable(name), Err(Why::Lack(Lack::NotThere)));
        }
        let ask = async {
            let client = self.kubernetes.client().clone();
            let read = get(Api::<Secret>::namespaced(client, namespace), name).await;
            let held = match read {
                Ok(secret) => held(&format!("{namespace}/{name}"), &secret)
                    .map(Arc::new)
                    .map_err(Why::Unfit),
                Err(lack) => Err(Why::Lack(lack)),
            };
            timed(held, SECRETS)
        };
        let key = (namespace.to_owned(), name.to_owned());
        (name.to_owned(), self.secrets.get(key, ask).await)
    }
}

/// For how long it counts what came of asking.
fn timed<T, E>(read: Result<T, E>, time: Duration) -> (Result<T, E>, Duration) {
    let time = if read.is_ok() { time } else { LACKS };
    (read, time)
}

/// The logins that a Secret holds, or what is wrong with it.
fn held(name: &str, secret: &Secret) -> Result<PullSecrets, String> {
    let kind = secret.type_.as_deref().unwrap_or("Opaque");
    let Some((_, key)) = [JSON, LEGACY].into_iter().find(|(it, _)| *it == kind) else {
        let kind = printable(kind);
        let (json, legacy) = (JSON.0, LEGACY.0);
        return Err(format!(
            "is of the type `{kind}`, and only `{json}` and `{legacy}` hold logins"
        ));
    };
    let data = secret.data.as_ref().and_then(|data| data.get(key));
    let Some(data) = data.filter(|data| !data.0.is_empty()) else {
        return Err(format!("has no `{key}`"));
    };
    if data.0.len() > MOST_BYTES {
        return Err(format!("has more than {MOST_BYTES} bytes"));
    }
    let secrets = PullSecrets::new();
    let read = match kind {
        kind if kind == JSON.0 => secrets.dockerconfigjson(name, &data.0),
        _ => secrets.dockercfg(name, &data.0),
    };
    // The message has a position, and never what stands there.
    read.map_err(|error| format!("cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn secret(kind: &str, key: &str, text: &str) -> Secret {
        let data = k8s_openapi::ByteString(text.as_bytes().to_vec());
        Secret {
            type_: Some(kind.to_owned()),
            data: Some([(key.to_owned(), data)].into()),
            ..Secret::default()
        }
    }

    #[test]
    fn both_types_of_secrets_are_read_and_no_other() {
        let auths = json!({"ghcr.io": {"username": "u", "password": "hunter2"}});
        let whole = json!({"auths": auths, "credHelpers": {"ghcr.io": "evil"}}).to_string();
        let bare = auths.to_string();
        held("ns/a", &secret(JSON.0, JSON.1, &whole)).unwrap();
        held("ns/a", &secret(LEGACY.0, LEGACY.1, &bare)).unwrap();
        let large = Value::from("x".repeat(MOST_BYTES)).to_string();
        for (wrong, says) in [
            (secret("Opaque", JSON.1, &whole), "is of the type `Opaque`"),
            (
                secret(JSON.0, LEGACY.1, &bare),
                "has no `.dockerconfigjson`",
            ),
            (secret(JSON.0, JSON.1, ""), "has no `.dockerconfigjson`"),
            (secret(JSON.0, JSON.1, "{\"auths\": hunter2}"), "line 1"),
            (
                secret(LEGACY.0, LEGACY.1, &large),
                "has more than 65536 bytes",
            ),
        ] {
            let error = held("ns/a", &wrong).unwrap_err();
            assert!(
                error.contains(says) && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}
