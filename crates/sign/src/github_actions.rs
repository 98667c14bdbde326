//! The identity token of a running GitHub Actions job.

use countersign::{Budget, Secret, ServiceClient, ServiceRequest, ServiceUrl, ServiceUrlError};
use countersign_core::UnixTime;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::answered;
use crate::{IdentityToken, SignError};

/// The audience that Sigstore's certificate authorities want.
const AUDIENCE: &str = "sigstore";
const MOST_BYTES: usize = 128 * 1024;

/// Where a job of GitHub Actions gets an identity token: what `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN` hold
/// in a job with `permissions: id-token: write`.
#[derive(Debug, Clone)]
pub struct GitHubActions {
    url: ServiceUrl,
    token: Secret,
}

#[derive(Deserialize)]
struct Answer {
    value: String,
}

impl GitHubActions {
    /// Takes the values of both variables.
    ///
    /// # Errors
    /// [`ServiceUrlError`] if the first is no address.
    pub fn new(url: &str, token: Secret) -> Result<Self, ServiceUrlError> {
        let url = ServiceUrl::parse(url)?.with_parameter("audience", AUDIENCE);
        Ok(Self { url, token })
    }

    /// A fresh token.
    pub(crate) async fn token(
        &self,
        client: &ServiceClient,
        now: UnixTime,
        budget: &Budget,
    ) -> Result<IdentityToken, SignError> {
        let service = format!("the token service of GitHub Actions at {}", self.url.host());
        let request = ServiceRequest {
            url: &self.url,
            what: "an identity token",
            accept: "application/json",
            bearer: Some(&self.token),
            body: None,
            most: MOST_BYTES,
        };
        let body = answered::ask(client, &service, &request, &[200], budget).await?;
        let body = Zeroizing::new(body);
        // What serde says would show parts of the token.
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| answered::malformed(&service, "it is no JSON object with a `value`"))?;
        let text = Zeroizing::new(answer.value);
        IdentityToken::new(&text, now).map_err(SignError::Identity)
    }
}
