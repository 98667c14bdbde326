//! What services answer, as errors that say which of them it was.

use countersign::{Budget, ServiceClient, ServiceRequest};
use serde_json::Value;

use crate::SignError;

/// Characters of a service's own words that a message shows.
const MOST_SAID: usize = 300;

/// Asks a service, and takes its answer if the status is one of `good`.
pub(crate) async fn ask(
    client: &ServiceClient,
    service: &str,
    request: &ServiceRequest<'_>,
    good: &[u16],
    budget: &Budget,
) -> Result<Vec<u8>, SignError> {
    let answer = client
        .ask(request, budget)
        .await
        .map_err(|cause| SignError::Service {
            service: service.to_owned(),
            what: request.what,
            cause: Box::new(cause),
        })?;
    if good.contains(&answer.status) {
        return Ok(answer.body);
    }
    Err(SignError::Refused {
        service: service.to_owned(),
        what: request.what,
        status: answer.status,
        said: said(&answer.body),
    })
}

/// An answer that cannot be read.
pub(crate) fn malformed(service: &str, why: impl Into<String>) -> SignError {
    SignError::Answer {
        service: service.to_owned(),
        why: clipped(&why.into()),
    }
}

/// The `message` of an error as Fulcio and Rekor write it; nothing if there is none.
fn said(body: &[u8]) -> String {
    let json = serde_json::from_slice::<Value>(body).unwrap_or_default();
    clipped(json["message"].as_str().unwrap_or_default())
}

fn clipped(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(MOST_SAID)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_services_message_is_told_and_nothing_else() {
        let body = br#"{"code":3,"message":"expired\ntoken","details":["x"]}"#;
        assert_eq!(said(body), "expiredtoken");
        let long = format!(r#"{{"message":"{}"}}"#, "a".repeat(1000));
        assert_eq!(said(long.as_bytes()).len(), MOST_SAID);
        for other in ["", "<html>", "[]", r#"{"message":{}}"#] {
            assert_eq!(said(other.as_bytes()), "");
        }
    }
}
