//! What is signed about images: an in-toto Statement (in-toto attestation framework, "Statement", v1).

use countersign_core::Digest;
use serde::Deserialize;
use serde_json::{Map, Value, json};

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// Characters of a predicate type, and of a name.
const MOST_CHARACTERS: usize = 1024;

/// A statement about an image, or about several, not yet signed. Its bytes do not change any more, so that others can sign the very same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    image: Digest,
    predicate_type: String,
    payload: Vec<u8>,
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
    /// There is nothing that it is about.
    #[error("the statement has no subject; name what it is about, by digest")]
    NoSubject,
    /// Bytes that are no statement.
    #[error("the bytes to sign are no in-toto statement about anything with a sha256: {0}")]
    Malformed(String),
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
        Self::about(&[(name, image)], predicate_type, predicate)
    }

    /// The same about several things, each with its name and digest.
    ///
    /// # Errors
    /// [`StatementError`].
    pub fn about(
        subjects: &[(&str, Digest)],
        predicate_type: &str,
        predicate: Map<String, Value>,
    ) -> Result<Self, StatementError> {
        let fits = |text: &str| {
            (1..=MOST_CHARACTERS).contains(&text.chars().count())
                && !text.chars().any(char::is_control)
        };
        let Some((_, image)) = subjects.first() else {
            return Err(StatementError::NoSubject);
        };
        if !subjects.iter().all(|(name, _)| fits(name)) {
            return Err(StatementError::Name);
        }
        let is_uri = fits(predicate_type)
            && !predicate_type.chars().any(char::is_whitespace)
            && predicate_type.contains(':');
        if !is_uri {
            return Err(StatementError::PredicateType);
        }
        let subjects = subjects
            .iter()
            .map(|(name, digest)| json!({"name": name, "digest": {"sha256": digest.hex()}}));
        let statement = json!({
            "_type": STATEMENT,
            "subject": subjects.collect::<Value>(),
            "predicateType": predicate_type,
            "predicate": predicate,
        });
        Ok(Self {
            image: *image,
            predicate_type: predicate_type.to_owned(),
            payload: statement.to_string().into_bytes(),
        })
    }

    /// A statement that somebody else wrote, byte for byte, to be signed as well. Whether to do so is the caller's word, who has read it:
    /// what is read here is only by what it will be verified.
    ///
    /// # Errors
    /// [`StatementError::Malformed`].
    pub fn given(payload: Vec<u8>) -> Result<Self, StatementError> {
        let malformed = |why: &str| StatementError::Malformed(why.to_owned());
        let head: Head = serde_json::from_slice(&payload)
            .map_err(|error| StatementError::Malformed(error.to_string()))?;
        let subject = head.subject.first();
        let subject = subject.ok_or_else(|| malformed("it has no subject"))?;
        let image = Digest::from_hex(&subject.digest.sha256)
            .ok_or_else(|| malformed("the sha256 of its subject is not 64 hexadecimal digits"))?;
        Ok(Self {
            image,
            predicate_type: head.predicate_type,
            payload,
        })
    }

    /// The image that it is about; of several, the first.
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
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// What is read of a statement that somebody else wrote.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    subject: Vec<HeadSubject>,
    predicate_type: String,
}

#[derive(Deserialize)]
struct HeadSubject {
    digest: HeadDigest,
}

#[derive(Deserialize)]
struct HeadDigest {
    sha256: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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

    #[test]
    fn what_somebody_else_wrote_is_signed_byte_for_byte() {
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let made = Statement::about(&[("a", one), ("b", two)], "urn:x", Map::new());
        let made = made.unwrap();
        let spaced = [made.payload(), b" \n"].concat();
        let given = Statement::given(spaced.clone()).unwrap();
        assert_eq!(given.payload(), spaced);
        assert_eq!((given.image(), given.predicate_type()), (&one, "urn:x"));
        assert_eq!(
            Statement::about(&[], "urn:x", Map::new()),
            Err(StatementError::NoSubject)
        );
        for wrong in [
            "",
            "[]",
            r#"{"predicateType": "urn:x", "subject": []}"#,
            r#"{"predicateType": "urn:x", "subject": [{"digest": {"sha256": "00"}}]}"#,
            r#"{"subject": []}"#,
        ] {
            let refused = Statement::given(wrong.as_bytes().to_vec());
            assert!(
                matches!(refused, Err(StatementError::Malformed(_))),
                "{wrong}"
            );
        }
    }
}
