//! OpenID Connect identity tokens: who a certificate is asked for.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::{San, SignedBy, UnixTime};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

/// Tokens of continuous integration have 1 to 3 KiB.
const MOST_BYTES: usize = 64 * 1024;
/// Seconds by which the issuer's clock may be ahead.
const LEEWAY: i64 = 60;
/// So many characters of a part of a token tell that it is repeated.
const SEEN: usize = 12;
const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// An identity token (OpenID Connect Core 1.0, 2; RFC 7519): whoever has it can sign in its owner's name until it expires.
///
/// Its signature is the certificate authority's affair. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct IdentityToken {
    text: Zeroizing<String>,
    claims: Claims,
}

/// The claims that are looked at here, before a certificate is asked for and after.
#[derive(Clone, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: i64,
    nbf: Option<i64>,
    email: Option<String>,
    /// Dex, Sigstore's own issuer: who vouched for the identity in truth.
    federated_claims: Option<Federated>,
    /// GitHub: the workflow that runs.
    job_workflow_ref: Option<String>,
    /// GitLab: the same.
    ci_config_ref_uri: Option<String>,
    #[serde(rename = "kubernetes.io")]
    kubernetes: Option<Kubernetes>,
}

#[derive(Clone, Deserialize)]
struct Federated {
    connector_id: Option<String>,
}

#[derive(Clone, Deserialize)]
struct Kubernetes {
    namespace: String,
    serviceaccount: ServiceAccount,
}

#[derive(Clone, Deserialize)]
struct ServiceAccount {
    name: String,
}

/// Why an identity token is refused. No variant holds anything of it but times.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityTokenError {
    /// It is no token.
    #[error("the identity token is malformed: {0}; give a JSON Web Token as the issuer wrote it")]
    Malformed(&'static str),
    /// It is too old.
    #[error("the identity token expired at {expired}, and it is {now}; get a new one")]
    Expired {
        /// When it expired.
        expired: UnixTime,
        /// The time of the attempt.
        now: UnixTime,
    },
    /// It is too new.
    #[error("the identity token is valid from {from} on, and it is {now}; is the clock right?")]
    NotYet {
        /// When its validity begins.
        from: UnixTime,
        /// The time of the attempt.
        now: UnixTime,
    },
}

impl IdentityToken {
    /// Reads a token; white space around it is passed over.
    ///
    /// # Errors
    /// [`IdentityTokenError`].
    pub fn new(text: &str, now: UnixTime) -> Result<Self, IdentityTokenError> {
        let malformed = IdentityTokenError::Malformed;
        let text = text.trim();
        if text.is_empty() {
            return Err(malformed("it is empty"));
        }
        if text.len() > MOST_BYTES {
            return Err(malformed("it is larger than any token"));
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else {
            return Err(malformed("it has not three parts with a dot between them"));
        };
        let decoded = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).map(Zeroizing::new);
            bytes.map_err(|_| malformed("a part of it is not base64url"))
        };
        let (header, claims) = (decoded(header)?, decoded(claims)?);
        if signature.is_empty() || decoded(signature).is_err() {
            return Err(malformed("it is not signed"));
        }
        if !serde_json::from_slice::<Value>(&header).is_ok_and(|header| header.is_object()) {
            return Err(malformed("its header is not a JSON object"));
        }
        // What serde says would show parts of the token.
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| {
            malformed("its claims are not a JSON object with `iss`, `sub` and a whole `exp`")
        })?;
        let token = Self {
            text: Zeroizing::new(text.to_owned()),
            claims,
        };
        token.check(now)?;
        Ok(token)
    }

    /// Whether it can be used now: signing may begin long after it was read.
    ///
    /// # Errors
    /// [`IdentityTokenError`].
    pub(crate) fn check(&self, now: UnixTime) -> Result<(), IdentityTokenError> {
        let Claims { exp, nbf, .. } = self.claims;
        if exp <= now.seconds() {
            let expired = UnixTime::from_seconds(exp);
            return Err(IdentityTokenError::Expired { expired, now });
        }
        if let Some(from) = nbf.filter(|from| *from > now.plus(LEEWAY).seconds()) {
            let from = UnixTime::from_seconds(from);
            return Err(IdentityTokenError::NotYet { from, now });
        }
        Ok(())
    }

    /// The token, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.text
    }

    /// Whether a text repeats a part of the token.
    pub(crate) fn is_told_by(&self, text: &str) -> bool {
        self.text.split('.').any(|part| {
            let start = part.get(..SEEN).unwrap_or(part);
            text.contains(start)
        })
    }

    /// Whether a certificate is for this identity: of its issuer, and with a name that the token holds (github.com/sigstore/fulcio,
    /// `docs/oidc.md`). Of issuers whose names are made in other ways, the issuer alone is compared.
    ///
    /// # Errors
    /// Whom it is for instead.
    pub(crate) fn fits(&self, signer: &SignedBy) -> Result<(), String> {
        let SignedBy::Certificate(certificate) = signer else {
            return Err("a key".to_owned());
        };
        let federated = self.claims.federated_claims.as_ref();
        let connector = federated.and_then(|it| it.connector_id.as_deref());
        let issuers = [Some(self.claims.iss.as_str()), connector];
        let san = &certificate.san;
        if self.claims.hold(san) && issuers.contains(&Some(certificate.issuer.as_str())) {
            return Ok(());
        }
        Err(format!(
            "the {} `{}` of issuer `{}`",
            san.kind(),
            clipped(san.value()),
            clipped(&certificate.issuer)
        ))
    }
}

impl Claims {
    fn hold(&self, san: &San) -> bool {
        match san {
            San::Email(address) => self.email.as_ref() == Some(address),
            San::Uri(uri) => {
                let known = self.uris();
                known.is_empty() || known.contains(uri)
            }
            San::OtherName(name) => name
                .strip_prefix(&self.sub)
                .is_some_and(|domain| domain.starts_with('!')),
            _ => false,
        }
    }

    /// The URIs that are made of such a token; none where nobody has written down how.
    fn uris(&self) -> Vec<String> {
        let github = self.job_workflow_ref.as_ref();
        let github = github.filter(|_| self.iss == GITHUB);
        let github = github.map(|workflow| format!("https://github.com/{workflow}"));
        let gitlab = self.ci_config_ref_uri.as_ref();
        let gitlab = gitlab.map(|workflow| format!("https://{workflow}"));
        let kubernetes = self.kubernetes.as_ref().map(|it| {
            let (namespace, account) = (&it.namespace, &it.serviceaccount.name);
            format!("https://kubernetes.io/namespaces/{namespace}/serviceaccounts/{account}")
        });
        let is_uri = ["https://", "spiffe://"]
            .iter()
            .any(|scheme| self.sub.starts_with(scheme));
        let subject = is_uri.then(|| self.sub.clone());
        [github, gitlab, kubernetes, subject]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(200).collect()
}

impl fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityToken(…)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);

    fn token(claims: &Value) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let claims = claims.to_string();
        [r#"{"alg":"RS256"}"#, claims.as_str(), "signature"]
            .map(part)
            .join(".")
    }

    fn claims() -> Value {
        json!({"iss": "https://a.example", "sub": "somebody", "exp": NOW.seconds() + 1})
    }

    #[test]
    fn a_token_is_read_and_not_shown() {
        let text = token(&claims());
        let read = IdentityToken::new(&format!("\n {text}\n"), NOW).unwrap();
        assert_eq!(read.expose(), text);
        assert_eq!(
            format!("{read:?} {read:#?}"),
            "IdentityToken(…) IdentityToken(…)"
        );
    }

    #[test]
    fn what_is_no_token() {
        let sound = token(&claims());
        let long = "a".repeat(MOST_BYTES + 1);
        let (head, _) = sound.rsplit_once('.').unwrap();
        let with = |field: &str, value: Value| {
            let mut claims = claims();
            claims[field] = value;
            token(&claims)
        };
        let parts: Vec<&str> = sound.split('.').collect();
        let no_header = format!("AAAA.{}.{}", parts[1], parts[2]);
        for text in [
            "",
            " \n",
            &long,
            "abc",
            head,
            &format!("{head}."),
            &format!("{sound}.more"),
            &format!("{head}.!!!"),
            &no_header,
            &with("exp", json!("tomorrow")),
            &with("exp", json!(1.5)),
            &with("exp", Value::Null),
            &with("iss", Value::Null),
            &with("sub", json!(7)),
            &with("email", json!([])),
        ] {
            let error = IdentityToken::new(text, NOW).unwrap_err();
            assert!(
                matches!(error, IdentityTokenError::Malformed(_)),
                "{text}: {error}"
            );
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains("somebody") && !shown.contains("eyJ"),
                "{shown}"
            );
        }
        // Two values of one claim: nobody can tell which one counts.
        let twice = r#"{"iss":"https://a.example","sub":"a","sub":"b","exp":2000000000}"#;
        let twice = [r#"{"alg":"none"}"#, twice, "x"].map(|part| URL_SAFE_NO_PAD.encode(part));
        assert!(IdentityToken::new(&twice.join("."), NOW).is_err());
    }

    #[test]
    fn a_token_is_valid_for_its_time_only() {
        let at = |exp: i64, nbf: i64| {
            let mut claims = claims();
            claims["exp"] = json!(NOW.seconds() + exp);
            claims["nbf"] = json!(NOW.seconds() + nbf);
            IdentityToken::new(&token(&claims), NOW).map(drop)
        };
        assert_eq!(at(1, -1), Ok(()));
        assert_eq!(at(600, LEEWAY), Ok(()));
        let expired = at(0, -1).unwrap_err();
        assert_eq!(
            expired,
            IdentityTokenError::Expired {
                expired: NOW,
                now: NOW
            }
        );
        let early = at(600, LEEWAY + 1).unwrap_err();
        assert!(matches!(early, IdentityTokenError::NotYet { .. }));
    }

    #[test]
    fn a_certificate_has_a_name_that_the_token_holds() {
        let holds = |claims: Value, san: San| {
            let claims: Claims = serde_json::from_value(claims).unwrap();
            claims.hold(&san)
        };
        let with = |field: &str, value: Value| {
            let mut claims = claims();
            claims[field] = value;
            claims
        };
        let uri = |text: &str| San::Uri(text.to_owned());
        let kubernetes = json!({"namespace": "shop", "serviceaccount": {"name": "ci", "uid": "1"}});
        let account = "https://kubernetes.io/namespaces/shop/serviceaccounts";
        let gitlab = "gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main";
        for (claims, good, bad) in [
            (
                with("email", json!("a@b.example")),
                San::Email("a@b.example".to_owned()),
                San::Email("x@b.example".to_owned()),
            ),
            (
                with("sub", json!("spiffe://a/b")),
                uri("spiffe://a/b"),
                uri("spiffe://a/c"),
            ),
            (
                with("ci_config_ref_uri", json!(gitlab)),
                uri(&format!("https://{gitlab}")),
                uri("https://gitlab.com/acme/other"),
            ),
            (
                with("kubernetes.io", kubernetes),
                uri(&format!("{account}/ci")),
                uri(&format!("{account}/admin")),
            ),
            (
                claims(),
                San::OtherName("somebody!a.example".to_owned()),
                San::OtherName("somebody-else!a.example".to_owned()),
            ),
            // How other issuers' URIs are made nobody has written down; a name of another kind is none of them.
            (
                claims(),
                uri("https://ci.example/pipeline/7"),
                San::Dns("a.example".to_owned()),
            ),
            (claims(), uri("urn:x"), San::Email("a@b.example".to_owned())),
        ] {
            assert!(holds(claims.clone(), good.clone()), "{good:?}");
            assert!(!holds(claims, bad.clone()), "{bad:?}");
        }
        // GitHub's claim in another issuer's token makes no name of GitHub's.
        let workflow = with(
            "job_workflow_ref",
            json!("acme/app/.github/workflows/x.yml@v1"),
        );
        let mut github = workflow.clone();
        github["iss"] = json!(GITHUB);
        let other = uri("https://github.com/evil/x");
        assert!(!holds(github, other));
    }
}
