//! What a registry wants in place of an anonymous request: `WWW-Authenticate` (RFC 9110, 11.6.1).

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// A challenge that we can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A token from the service at `realm`. Its `scope` is not kept: what we ask for is ours to say.
    Bearer {
        realm: String,
        service: Option<String>,
    },
    /// User name and password.
    Basic,
}

/// The best challenge of an answer: a token before a password. What cannot be read is none.
pub(super) fn best(headers: &HeaderMap) -> Option<Challenge> {
    let mut best = None;
    for header in headers.get_all(WWW_AUTHENTICATE) {
        let Ok(challenges) = header
            .to_str()
            .map_err(drop)
            .and_then(|text| http_auth::parse_challenges(text).map_err(drop))
        else {
            continue;
        };
        for challenge in challenges {
            let parameter = |wanted: &str| {
                challenge
                    .params
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                    .map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = parameter("realm")
            {
                return Some(Challenge::Bearer {
                    realm,
                    service: parameter("service"),
                });
            }
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                best = Some(Challenge::Basic);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(values: &[&'static str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        best(&headers)
    }

    #[test]
    fn a_token_is_preferred_and_nonsense_skipped() {
        let bearer = Challenge::Bearer {
            realm: "https://auth.example/token".to_owned(),
            service: Some("reg,istry".to_owned()),
        };
        let text = r#"Bearer realm="https://auth.example/token",service="reg,istry",scope="repository:evil:push""#;
        assert_eq!(read(&[text]), Some(bearer.clone()));
        assert_eq!(read(&["Basic realm=\"x\"", text]), Some(bearer));
        assert_eq!(read(&["bAsIc realm=\"x\""]), Some(Challenge::Basic));
        assert_eq!(read(&["Bearer service=\"x\""]), None);
        assert_eq!(read(&["Negotiate"]), None);
        assert_eq!(read(&["\"\"\"", "=,="]), None);
        assert_eq!(read(&[]), None);
    }
}
