//! Entries in transparency logs: Rekor v1 and v2.

mod v1;
mod v2;

use countersign::{Budget, ServiceClient, ServiceRequest, ServiceUrl};
use serde_json::Value;

use crate::bundle::Draft;
use crate::signing_config::Chosen;
use crate::{SignError, answered};

/// An entry holds the certificate, and of Rekor v1 the whole envelope's hashes; proofs have 64 hashes at most.
const MOST_BYTES: usize = 1024 * 1024;

/// Has the signature logged, and gives the `TransparencyLogEntry` of a bundle. Whether it is true is verified in the bundle.
pub(crate) async fn log(
    client: &ServiceClient,
    log: &Chosen,
    draft: &Draft<'_>,
    budget: &Budget,
) -> Result<Value, SignError> {
    let service = name(&log.url);
    let (url, body) = match log.version {
        1 => (log.url.below("api/v1/log/entries"), v1::proposed(draft)),
        _ => {
            let body = v2::proposed(draft).ok_or_else(|| unloggable(&log.url, draft.algorithm))?;
            (log.url.below("api/v2/log/entries"), body)
        }
    };
    let request = ServiceRequest {
        url: &url,
        what: "a log entry",
        accept: "application/json",
        bearer: None,
        body: Some(("application/json", body.to_string().into_bytes())),
        most: MOST_BYTES,
    };
    let answer = answered::ask(client, &service, &request, &[200, 201], budget).await?;
    let entry = match log.version {
        1 => v1::entry(&answer),
        _ => v2::entry(&answer),
    };
    entry.map_err(|why| answered::malformed(&service, format!("it is no log entry: {why}")))
}

pub(crate) fn name(url: &ServiceUrl) -> String {
    format!("the log at {}", url.host())
}

pub(crate) fn unloggable(url: &ServiceUrl, algorithm: &'static str) -> SignError {
    SignError::Unloggable {
        service: name(url),
        algorithm,
    }
}
