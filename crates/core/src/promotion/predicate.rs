//! The verification summary itself (slsa.dev/spec/v1.1/verification_summary, "Fields").

use serde_json::{Map, Value, json};

use super::{Input, Promotion, Waiver};
use crate::summary::{Resource, VSA};

/// Where the Exceptions stand that were used: "Producers MAY add extension fields using field names that are URIs".
const EXCEPTIONS: &str = "https://countersign.dev/promotion/exceptions/v1";
/// The version of the specification that is written by.
const SLSA_VERSION: &str = "1.1";
const MOST_CHARACTERS: usize = 1024;

/// Who states what, in whose name: what a promotion states beside what was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoter {
    verifier: String,
    policy: String,
    resource: Resource,
}

/// Why nobody could rely on what would be stated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PromoterError {
    /// It is no URI as in-toto's field types demand, or one that no rule can name.
    #[error(
        "{field} {why}; write a URI such as https://acme.example/promote, which rules `summary` compare exactly"
    )]
    Uri {
        /// `verifier.id` or `policy.uri`.
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It is no template.
    #[error(
        "the resource {0}; write one as rules `summary` have it, such as {{registry}}/{{repository}}"
    )]
    Resource(String),
}

impl Promoter {
    /// The predicate type of what is stated: a verification summary, VSA v1.
    pub const PREDICATE_TYPE: &'static str = VSA;
    /// What `resourceUri` is unless it is said otherwise: the image's name, as rules `summary` ask for it.
    pub const RESOURCE: &'static str = "{registry}/{repository}";

    /// States as the verifier with this `verifier.id`, by a policy that has this `policy.uri`: one for each environment, so that the word
    /// of one is never taken for another's.
    ///
    /// # Errors
    /// [`PromoterError::Uri`].
    pub fn new(verifier: &str, policy: &str) -> Result<Self, PromoterError> {
        uri("verifier.id", verifier)?;
        uri("policy.uri", policy)?;
        let resource = Resource::parse(Self::RESOURCE).map_err(PromoterError::Resource)?;
        Ok(Self {
            verifier: verifier.to_owned(),
            policy: policy.to_owned(),
            resource,
        })
    }

    /// With another `resourceUri`: a template with `{registry}`, `{repository}` and `{digest}`, as in rules `summary`.
    ///
    /// # Errors
    /// [`PromoterError::Resource`].
    pub fn resource(mut self, template: &str) -> Result<Self, PromoterError> {
        let is_odd = |it: char| it.is_whitespace() || it.is_control() || it == '*';
        if template.is_empty() || template.len() > MOST_CHARACTERS || template.contains(is_odd) {
            let why = "is empty or too long, or has blanks, control characters or `*`";
            return Err(PromoterError::Resource(why.to_owned()));
        }
        self.resource = Resource::parse(template)
            .map_err(|why| PromoterError::Resource(format!("`{template}` {why}")))?;
        Ok(self)
    }

    /// The predicate: that the promoted image passed, by which policy and which evidence.
    #[must_use]
    pub fn summary(&self, promotion: &Promotion) -> Map<String, Value> {
        let resource = self.resource.of(Some(&promotion.name), &promotion.image);
        let inputs: Vec<Value> = promotion.inputs.iter().map(input).collect();
        let mut summary = Map::new();
        let mut put = |field: &str, value: Value| summary.insert(field.to_owned(), value);
        put(
            "verifier",
            json!({"id": self.verifier, "version": {"countersign": env!("CARGO_PKG_VERSION")}}),
        );
        put("timeVerified", promotion.judged_at.to_string().into());
        put("resourceUri", resource.into());
        put(
            "policy",
            json!({"uri": self.policy, "digest": {"sha256": promotion.policy_digest.hex()}}),
        );
        put("inputAttestations", inputs.into());
        put("verificationResult", "PASSED".into());
        put("verifiedLevels", json!([promotion.level]));
        put("slsaVersion", SLSA_VERSION.into());
        if !promotion.waivers.is_empty() {
            let waivers: Vec<Value> = promotion.waivers.iter().map(waiver).collect();
            put(EXCEPTIONS, waivers.into());
        }
        summary
    }
}

/// No `uri`: evidence is found by its digest beside the image, wherever that is copied.
fn input(input: &Input) -> Value {
    json!({
        "digest": {"sha256": input.blob.hex()},
        "annotations": {"manifest": input.manifest.to_string()},
    })
}

fn waiver(waiver: &Waiver) -> Value {
    let mut told = json!({
        "policy": waiver.policy, "rule": waiver.rule, "exception": waiver.exception, "reason": waiver.reason,
        "expires": waiver.expires.to_string(),
    });
    if let Some(ticket) = &waiver.ticket {
        told["ticket"] = ticket.as_str().into();
    }
    told
}

/// A URI by RFC 3986 with scheme and authority in lower case (in-toto attestation framework, "Field type specifications").
fn uri(field: &'static str, text: &str) -> Result<(), PromoterError> {
    let wrong = |why| Err(PromoterError::Uri { field, why });
    let Some((scheme, rest)) = text.split_once(':') else {
        return wrong("has no scheme");
    };
    if text.len() > MOST_CHARACTERS {
        return wrong("is longer than 1024 bytes");
    }
    if !text.bytes().all(|it| it.is_ascii_graphic())
        || text.contains(['"', '<', '>', '\\', '^', '`', '{', '|', '}'])
    {
        return wrong("has characters that no URI has");
    }
    if text.contains('*') {
        return wrong("has a `*`, which no rule can compare exactly");
    }
    let is_scheme = scheme.starts_with(|it: char| it.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || b"+-.".contains(&it));
    if !is_scheme || rest.is_empty() {
        return wrong("has no scheme in lower case with something behind it");
    }
    if let Some(rest) = rest.strip_prefix("//") {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() || authority.bytes().any(|it| it.is_ascii_uppercase()) {
            return wrong("has no host in lower case");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Promoter, PromoterError};

    #[test]
    fn uris_that_rules_can_compare() {
        for good in [
            "https://acme.example/promote",
            "https://acme.example",
            "urn:acme:promote",
            "spiffe://acme.example/promote?x=1#y",
        ] {
            assert!(Promoter::new(good, good).is_ok(), "{good}");
        }
        let long = format!("https://acme.example/{}", "a".repeat(1024));
        for wrong in [
            "",
            "promote",
            "https:",
            "https://",
            "https:///x",
            ":x",
            "HTTPS://acme.example",
            "https://Acme.example",
            "https://acme.example/a b",
            "https://acme.example/ä",
            "https://acme.example/\u{7}",
            "https://acme.example/*",
            "https://acme.example/{x}",
            "1a:b",
            &long,
        ] {
            let good = "https://acme.example/x";
            for (verifier, policy, at) in
                [(wrong, good, "verifier.id"), (good, wrong, "policy.uri")]
            {
                let refused = Promoter::new(verifier, policy);
                assert!(
                    matches!(refused, Err(PromoterError::Uri { field, .. }) if field == at),
                    "{wrong}: {refused:?}"
                );
            }
        }
    }

    #[test]
    fn templates_that_rules_can_have() {
        let promoter = Promoter::new("urn:a", "urn:b").unwrap_or_else(|error| panic!("{error}"));
        for good in [
            "{registry}/{repository}",
            "oci://{registry}/{repository}@{digest}",
            "urn:acme:app",
        ] {
            assert!(promoter.clone().resource(good).is_ok(), "{good}");
        }
        for wrong in ["", "{tag}", "{registry", "a b", "a*", &"a".repeat(1025)] {
            let refused = promoter.clone().resource(wrong);
            assert!(
                matches!(refused, Err(PromoterError::Resource(_))),
                "{wrong}"
            );
        }
    }
}
