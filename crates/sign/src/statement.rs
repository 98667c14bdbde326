//! What is signed about an image: an in-toto Statement (in-toto attestation framework, "Statement", v1).

use countersign_core::Digest;
use serde_json::{Map, Value, json};

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// Characters of a predicate type, and of a name.
const MOST_CHARACTERS: usize = 1024;

/// A statement about one image, not yet signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    image: Digest,
    name: String,
    predicate_type: String,
    predicate: Map<String, Value>,
}

/// Why something is no statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The name of the image is empty, too long, or has control characters.
    #[error(
        "the subject's name has to have 1 to {MOST_CHARACTERS} characters and none that control; give the image's `host/repository`"
    )]
    Name,
    /// The type is no TypeURI ("Field types", v1).
    #[error(
        "the predicate type has to be a URI of at most {MOST_CHARACTERS} characters without white space, such as `https://acme.example/release/v1`"
    )]
    PredicateType,
}

impl Statement {
    /// Says `predicate`, of this type, about the image with this digest. The name is for people, `host/repository` as cosign writes it:
    /// verifiers compare digests.
    ///
    /// # Errors
    /// [`StatementError`].
    pub fn new(
        image: Digest,
        name: &str,
        predicate_type: &str,
        predicate: Map<String, Value>,
    ) -> Result<Self, StatementError> {
        let fits = |text: &str| {
            (1..=MOST_CHARACTERS).contains(&text.chars().count())
                && !text.chars().any(char::is_control)
        };
        if !fits(name) {
            return Err(StatementError::Name);
        }
        let is_uri = fits(predicate_type)
            && !predicate_type.chars().any(char::is_whitespace)
            && predicate_type.contains(':');
        if !is_uri {
            return Err(StatementError::PredicateType);
        }
        Ok(Self {
            image,
            name: name.to_owned(),
            predicate_type: predicate_type.to_owned(),
            predicate,
        })
    }

    /// The image that it is about.
    #[must_use]
    pub const fn image(&self) -> &Digest {
        &self.image
    }

    /// What kind of thing it says.
    #[must_use]
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    /// The bytes that are signed.
    pub(crate) fn payload(&self) -> Vec<u8> {
        let statement = json!({
            "_type": STATEMENT,
            "subject": [{"name": self.name, "digest": {"sha256": self.image.hex()}}],
            "predicateType": self.predicate_type,
            "predicate": self.predicate,
        });
        statement.to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_statement() {
        let long = "a:".repeat(MOST_CHARACTERS);
        for (name, kind, error) in [
            ("", "https://acme.example/x", StatementError::Name),
            ("acme\n", "https://acme.example/x", StatementError::Name),
            (&long, "https://acme.example/x", StatementError::Name),
            ("acme", "", StatementError::PredicateType),
            ("acme", "release", StatementError::PredicateType),
            (
                "acme",
                "https://acme.example/ x",
                StatementError::PredicateType,
            ),
            (
                "acme",
                "https://acme.example/\u{7}",
                StatementError::PredicateType,
            ),
            ("acme", &long, StatementError::PredicateType),
        ] {
            let refused = Statement::new(Digest::of(b""), name, kind, Map::new());
            assert_eq!(refused, Err(error), "{name:?} {kind:?}");
        }
    }
}
