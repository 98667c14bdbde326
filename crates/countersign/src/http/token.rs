//! Tokens: the distribution project's token protocol, with our own scope.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use tokio::time::Instant;

use super::answer::{classify, status_error};
use super::transport::{Hop, Transport, host_of};
use crate::{Budget, Credential, RegistryError, Repository, Scope, Secret};

/// Tokens of real services have one to four kilobytes.
const MAX_BYTES: usize = 64 * 1024;
/// The token protocol's default, and the least that it allows.
const LEAST_SECONDS: u64 = 60;
/// A token is renewed so long before it ends.
const MARGIN: Duration = Duration::from_secs(5);
/// A service that promises more is not believed longer.
const MOST_SECONDS: u64 = 3600;

/// What to ask a token service for.
pub(super) struct TokenRequest<'a> {
    pub(super) realm: &'a str,
    pub(super) service: Option<&'a str>,
    pub(super) repository: &'a Repository,
    pub(super) credential: Option<&'a Credential>,
    /// Whether the registry itself is asked without TLS; only then may its token service be.
    pub(super) plain: bool,
    pub(super) scope: Scope,
}

/// A token, ready to be sent.
pub(super) struct Token {
    pub(super) authorization: HeaderValue,
    pub(super) ends: Instant,
}

#[derive(Deserialize)]
struct Wire {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl TokenRequest<'_> {
    /// Asks the token service.
    ///
    /// The scope is `repository:NAME:pull`, whatever the challenge said: a token that leaks must not push. Who writes asks for
    /// `pull,push`.
    pub(super) async fn fetch(
        &self,
        transport: &Transport,
        budget: &Budget,
    ) -> Result<Token, RegistryError> {
        let mut url = self.realm_url()?;
        let scope = format!(
            "repository:{}:{}",
            self.repository.path(),
            self.scope.as_str()
        );
        let mut authorization = None;
        let mut form = None;
        if let Some(Credential::IdentityToken(token)) = self.credential {
            form = Some(self.refresh_form(token, &scope));
        } else {
            let mut query = url.query_pairs_mut();
            if let Some(service) = self.service {
                query.append_pair("service", service);
            }
            query.append_pair("scope", &scope);
            drop(query);
            if let Some(Credential::Basic { username, password }) = self.credential {
                authorization = Some(basic(username, password));
            }
        }
        let hop = Hop {
            url: &url,
            accept: "application/json",
            authorization,
            form,
        };
        let response = transport.send(hop, budget).await?;
        let host = host_of(&url);
        if let Some(error) = classify(&response, &host, "") {
            return Err(error);
        }
        match response.status().as_u16() {
            200 => {}
            // A token service that sends a credential elsewhere is refused.
            300..=399 => {
                return Err(RegistryError::Redirect {
                    host,
                    to: "another place".to_owned(),
                    why: "a token service has to answer itself",
                });
            }
            status => return Err(status_error(&host, status, "a token")),
        }
        let body = transport
            .body(response, "a token", MAX_BYTES, budget)
            .await?;
        read(&host, &body)
    }

    /// The realm, without what could change the meaning of our query.
    fn realm_url(&self) -> Result<Url, RegistryError> {
        let refuse = |why: &str| {
            RegistryError::protocol(
                self.repository.registry(),
                format!("the realm of its challenge {why}"),
            )
        };
        let mut url = Url::parse(self.realm).map_err(|_| refuse("is no URL"))?;
        match url.scheme() {
            "https" => {}
            "http" if self.plain => {}
            _ => return Err(refuse("is not https")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("holds a user name"));
        }
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| name != "scope" && name != "service")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.set_query(None);
        url.set_fragment(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
        Ok(url)
    }

    fn refresh_form(&self, token: &Secret, scope: &str) -> String {
        let mut form = Url::parse("http://form.invalid/").expect("it is a URL");
        form.query_pairs_mut()
            .append_pair("grant_type", "refresh_token")
            .append_pair("client_id", "countersign")
            .append_pair("service", self.service.unwrap_or_default())
            .append_pair("scope", scope)
            .append_pair("refresh_token", token.expose());
        form.query().unwrap_or_default().to_owned()
    }
}

/// `Authorization: Basic …`.
pub(super) fn basic(username: &str, password: &Secret) -> HeaderValue {
    let pair = STANDARD.encode(format!("{username}:{}", password.expose()));
    let mut value = HeaderValue::from_str(&format!("Basic {pair}"))
        .expect("base64 has only visible characters");
    value.set_sensitive(true);
    value
}

/// `Authorization: Bearer …`, or `None` for a token that is no `b64token` of RFC 6750: one with a line break would smuggle a
/// header into our request.
pub(super) fn bearer(token: &str) -> Option<HeaderValue> {
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn read(host: &str, body: &[u8]) -> Result<Token, RegistryError> {
    // serde_json's message could quote the token.
    let wire: Wire = serde_json::from_slice(body)
        .map_err(|_| RegistryError::protocol(host, "its token answer is not JSON of that shape"))?;
    let token = wire
        .token
        .filter(|token| !token.is_empty())
        .or(wire.access_token)
        .ok_or_else(|| RegistryError::protocol(host, "its token answer has no token"))?;
    let authorization = bearer(&token).ok_or_else(|| {
        RegistryError::protocol(
            host,
            "its token is empty or has characters that no token has (a line break, a space, …)",
        )
    })?;
    let seconds = wire
        .expires_in
        .unwrap_or(LEAST_SECONDS)
        .clamp(LEAST_SECONDS, MOST_SECONDS);
    Ok(Token {
        authorization,
        ends: Instant::now() + Duration::from_secs(seconds) - MARGIN,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use countersign_core::ImageRef;

    use super::*;

    fn realm(realm: &str, plain: bool) -> Result<String, RegistryError> {
        let repository = Repository::of(&ImageRef::parse("registry.example/app").unwrap());
        let request = TokenRequest {
            realm,
            service: None,
            repository: &repository,
            credential: None,
            plain,
            scope: Scope::Pull,
        };
        request.realm_url().map(|url| url.to_string())
    }

    #[test]
    fn the_realm_is_https_and_asks_nothing_of_its_own() {
        assert_eq!(
            realm(
                "https://a.example/t?scope=repository:x:push&service=y&z=1#f",
                false
            )
            .unwrap(),
            "https://a.example/t?z=1"
        );
        assert_eq!(
            realm("https://a.example/t", false).unwrap(),
            "https://a.example/t"
        );
        assert!(realm("http://a.example/t", true).is_ok());
        for refused in [
            "http://a.example/t",
            "https://user:pass@a.example/t",
            "https://user@a.example/t",
            "ftp://a.example/t",
            "file:///etc/passwd",
            "/token",
            "",
        ] {
            assert!(realm(refused, false).is_err(), "{refused}");
        }
    }

    #[test]
    fn tokens_that_could_smuggle_a_header_are_refused() {
        let shown = |body: &str| match read("h", body.as_bytes()) {
            Ok(token) => format!("{:?}", token.authorization),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown(r#"{"token":"abc.def-_~+/="}"#), "Sensitive");
        assert_eq!(shown(r#"{"access_token":"abc"}"#), "Sensitive");
        for body in [
            r#"{"token":"a\r\nx: y"}"#,
            r#"{"token":"a\nb"}"#,
            r#"{"token":"a b"}"#,
            r#"{"token":"a\u0000"}"#,
            r#"{"token":"ä"}"#,
            r#"{"token":""}"#,
            r#"{}"#,
            r#"{"token":1}"#,
            "",
        ] {
            assert!(shown(body).contains("token"), "{body}");
            assert!(read("h", body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_token_lives_as_long_as_it_says_within_reason() {
        for (told, least, most) in [(0, 50, 60), (300, 290, 300), (u64::MAX, 3590, 3600)] {
            let token = read(
                "h",
                format!(r#"{{"token":"t","expires_in":{told}}}"#).as_bytes(),
            );
            let left = token.unwrap().ends - Instant::now();
            assert!(left > Duration::from_secs(least) && left <= Duration::from_secs(most));
        }
    }
}
