//! Why something is not had that the Kubernetes API was asked for, in words for the person whose Pod waits.

use std::time::Duration;

use countersign_core::printable;
use kube::api::Api;
use serde::de::DeserializeOwned;

use super::causes;

/// The API server itself waits for us: it is near, or it is in trouble.
const PATIENCE: Duration = Duration::from_secs(2);
/// Characters of what the API server says.
const MOST_SAID: usize = 300;

/// Why something is not had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lack {
    /// There is none.
    NotThere,
    /// This webhook may not read it. What the API server says: who may not do what, where.
    Forbidden(String),
    /// The API server gave no answer, or none that can be read.
    Away(String),
}

impl Lack {
    fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 404 => Self::NotThere,
            kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
                Self::Forbidden(said(&status.message))
            }
            kube::Error::Api(status) => {
                Self::Away(format!("{} {}", status.code, said(&status.message)))
            }
            // Where an answer does not parse, the error could quote what stands in it.
            kube::Error::SerdeError(_) => Self::Away("its answer cannot be read".to_owned()),
            error => Self::Away(said(&causes(error))),
        }
    }

    /// A sentence about `what` (`the pull secret shop/regcred`); short, for it stands within others that are cut.
    pub(crate) fn told(&self, what: &str) -> String {
        match self {
            Self::NotThere => format!("{what} is not there"),
            Self::Forbidden(said) => format!("{what} may not be read: {said}"),
            Self::Away(why) => {
                format!("{what} cannot be read: the Kubernetes API gives no answer: {why}")
            }
        }
    }
}

/// Reads one object by its name; neither lists nor watches.
pub(super) async fn get<K>(api: Api<K>, name: &str) -> Result<K, Lack>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    match tokio::time::timeout(PATIENCE, api.get(name)).await {
        Ok(Ok(object)) => Ok(object),
        Ok(Err(error)) => Err(Lack::of(&error)),
        Err(_) => Err(Lack::Away(format!("none within {} s", PATIENCE.as_secs()))),
    }
}

fn said(text: &str) -> String {
    printable(text).chars().take(MOST_SAID).collect()
}

/// Whether a text can be the name of a Secret, a service account or a namespace: a DNS subdomain of RFC 1123, as Kubernetes wants it. The API server does not look at the names
/// in a Pod's `imagePullSecrets`; they become part of a path here.
pub(super) fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty()
            && label.bytes().all(is_fine)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn only_names_are_names() {
        for name in ["regcred", "a.b-c.d", "0", "default"] {
            assert!(is_name(name), "{name}");
        }
        for text in [
            "",
            "..",
            "a..b",
            "../../kube-system/secrets/token",
            "a/b",
            "a?watch=1",
            "a%2f",
            "A",
            "-a",
            "a-",
            ".a",
            "a.",
            "a b",
            "ä",
            "a#b",
        ] {
            assert!(!is_name(text), "{text}");
        }
        assert!(is_name(&"a".repeat(253)) && !is_name(&"a".repeat(254)));
    }

    #[test]
    fn the_message_says_what_is_missing_and_for_whom() {
        let api = |code, message: &str| {
            let status = Status::failure(message, "x").with_code(code);
            Lack::of(&kube::Error::Api(Box::new(status)))
        };
        let told = |lack: Lack| lack.told("the pull secret shop/regcred");
        assert_eq!(
            told(api(404, "x")),
            "the pull secret shop/regcred is not there"
        );
        assert_eq!(
            told(api(
                403,
                "secrets \"regcred\" is forbidden: User \"u\" cannot get\u{1b}"
            )),
            "the pull secret shop/regcred may not be read: secrets \"regcred\" is forbidden: User \"u\" cannot get\\u{1b}"
        );
        assert_eq!(
            told(api(500, "etcd")),
            "the pull secret shop/regcred cannot be read: the Kubernetes API gives no answer: 500 etcd"
        );
    }
}
