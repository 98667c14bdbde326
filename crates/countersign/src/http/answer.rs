//! What an answer's status means.

use std::time::SystemTime;

use reqwest::header::RETRY_AFTER;

use super::received::Received;
use super::retry::retry_after;
use crate::RegistryError;

/// The error of a status that means the same wherever it comes: refused, limited or failed.
pub(super) fn classify(response: &Received, host: &str, tried: &str) -> Option<RegistryError> {
    let host = host.to_owned();
    let wait = || {
        response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| retry_after(value, SystemTime::now()))
    };
    match response.status().as_u16() {
        status @ (401 | 403) => Some(RegistryError::Denied {
            host,
            status,
            tried: tried.to_owned(),
        }),
        407 => Some(RegistryError::Denied {
            host,
            status: 407,
            tried: "what the proxy's own URL holds (the proxy on the way refuses)".to_owned(),
        }),
        429 => Some(RegistryError::RateLimited {
            host,
            retry_after: wait(),
        }),
        status @ 500.. => Some(RegistryError::Failed {
            host,
            status,
            retry_after: wait(),
        }),
        _ => None,
    }
}

/// The error of a status that nobody expects here.
pub(super) fn status_error(host: &str, status: u16, what: &str) -> RegistryError {
    RegistryError::protocol(host, format!("it answers {status} to a request for {what}"))
}
