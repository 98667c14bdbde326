//! What is answered to the API server (`AdmissionReview` with a `response`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The API server cuts what is longer (`k8s.io/apiserver`, warnings of one response).
const MOST_WARNING: usize = 256;
/// All warnings together, of which it keeps 4 KiB.
const MOST_WARNINGS: usize = 3 * 1024;
/// Characters of the message: it goes to a person's terminal and into events of 1 KiB.
const MOST_MESSAGE: usize = 1000;

/// Characters of one audit annotation.
const MOST_ANNOTATION: usize = 1000;

/// An answer, without the question's uid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    allowed: bool,
    code: u16,
    message: String,
    warnings: Vec<String>,
    annotations: BTreeMap<&'static str, String>,
    patch: Vec<Value>,
}

impl Answer {
    /// It may be done.
    #[must_use]
    pub fn allow() -> Self {
        Self {
            allowed: true,
            code: 200,
            message: String::new(),
            warnings: Vec::new(),
            annotations: BTreeMap::new(),
            patch: Vec::new(),
        }
    }

    /// It must not be done, by policy.
    #[must_use]
    pub fn deny(message: &str) -> Self {
        Self::refuse(403, message)
    }

    /// Nobody could tell whether it may be done. It is not done, and that is no word about the image.
    #[must_use]
    pub fn unknown(message: &str) -> Self {
        Self::refuse(503, message)
    }

    fn refuse(code: u16, message: &str) -> Self {
        Self {
            allowed: false,
            code,
            message: cut(message, MOST_MESSAGE),
            ..Self::allow()
        }
    }

    /// With something that a person should be told besides; each once, and no more than the API server passes on.
    #[must_use]
    pub fn warn(mut self, warnings: impl IntoIterator<Item = String>) -> Self {
        let mut left = MOST_WARNINGS;
        for warning in warnings {
            let warning = cut(&warning, MOST_WARNING);
            if self.warnings.contains(&warning) {
                continue;
            }
            let Some(rest) = left.checked_sub(warning.len()) else {
                break;
            };
            left = rest;
            self.warnings.push(warning);
        }
        self
    }

    /// With a word for the audit log, cut at 1,000 characters, under a key to which the API server adds the webhook's name.
    #[must_use]
    pub fn annotate(mut self, key: &'static str, value: String) -> Self {
        let kept = value.chars().take(MOST_ANNOTATION).collect();
        self.annotations.insert(key, kept);
        self
    }

    /// With operations of a JSON Patch (RFC 6902) that the API server is to apply to the object.
    #[must_use]
    pub fn patch(mut self, operations: impl IntoIterator<Item = Value>) -> Self {
        self.patch.extend(operations);
        self
    }

    /// Whether it may be done.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.allowed
    }

    /// What policies make of the object, whatever the door answers: `allow`, `unknown` or `deny`.
    #[must_use]
    pub fn effect(&self) -> &str {
        let said = self.annotations.get("effect");
        said.map_or_else(
            || match (self.allowed, self.code) {
                (true, _) => "allow",
                (false, 403) => "deny",
                (false, _) => "unknown",
            },
            String::as_str,
        )
    }

    /// Why not; empty if it may.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What a person should be told besides.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The whole body of the answer to the question of this uid.
    #[must_use]
    pub fn to_json(&self, uid: &str) -> Value {
        let mut response = json!({"uid": uid, "allowed": self.allowed});
        if !self.allowed {
            let reason = match self.code {
                403 => "Forbidden",
                _ => "ServiceUnavailable",
            };
            response["status"] =
                json!({"code": self.code, "message": self.message, "reason": reason});
        }
        if !self.warnings.is_empty() {
            response["warnings"] = json!(self.warnings);
        }
        if !self.annotations.is_empty() {
            response["auditAnnotations"] = json!(self.annotations);
        }
        if !self.patch.is_empty() {
            response["patchType"] = json!("JSONPatch");
            response["patch"] = json!(STANDARD.encode(Value::from(self.patch.clone()).to_string()));
        }
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
    }
}

/// At most `most` characters, the last of which then says that there were more.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars()
        .take(most.saturating_sub(1))
        .chain(['…'])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_what_the_api_server_reads() {
        assert_eq!(
            Answer::allow().to_json("u"),
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": {"uid": "u", "allowed": true}})
        );
        let denied = Answer::deny("why")
            .warn(["w".to_owned()])
            .annotate("decision", "deny".to_owned());
        assert_eq!(
            denied.to_json("u")["response"],
            json!({
                "uid": "u",
                "allowed": false,
                "status": {"code": 403, "message": "why", "reason": "Forbidden"},
                "warnings": ["w"],
                "auditAnnotations": {"decision": "deny"},
            })
        );
        let unknown = Answer::unknown("late").to_json("u");
        assert_eq!(unknown["response"]["status"]["code"], 503);
        assert_eq!(unknown["response"]["allowed"], false);
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let message = Answer::deny(&"ä".repeat(5000));
        assert_eq!(message.message().chars().count(), 1000);
        assert!(message.message().ends_with('…'));
        let warned =
            Answer::allow().warn((0..100).map(|number| format!("{number} {}", "x".repeat(300))));
        let lengths: Vec<usize> = warned
            .warnings()
            .iter()
            .map(|it| it.chars().count())
            .collect();
        assert!(lengths.iter().all(|length| *length == 256), "{lengths:?}");
        assert!(warned.warnings().iter().map(String::len).sum::<usize>() <= 3 * 1024);
        let annotated = Answer::allow().annotate("message", "ä".repeat(5000));
        let annotated = annotated.to_json("u");
        let kept = annotated["response"]["auditAnnotations"]["message"].as_str();
        assert_eq!(kept.map(|it| it.chars().count()), Some(1000));
        let twice = Answer::allow().warn(["a".to_owned(), "a".to_owned()]);
        assert_eq!(twice.warnings(), ["a"]);
    }
}
