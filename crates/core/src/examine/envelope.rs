//! Step 5: a DSSE envelope with exactly one signature, and step 17: the in-toto statement in it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};

use super::Artifact;
use super::decode::{decode, over_limit};
use super::signed::Envelope;
use crate::json::{self, Few, Text};
use crate::refusal::Refusal;
use crate::trust::Hash;
use crate::{Digest, Limits, ReasonCode, Statement, Subject};

/// The JSON form of an envelope (DSSE v1.0.2).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wire<'a> {
    #[serde(borrow)]
    payload: Text<'a>,
    payload_type: Text<'a>,
    signatures: Few<WireSignature<'a>, 64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature<'a> {
    #[serde(borrow)]
    sig: Text<'a>,
    /// A hint, never used: the key comes from the policy.
    #[serde(rename = "keyid")]
    _keyid: Option<Text<'a>>,
}

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT_TYPES: [&str; 2] = [
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
];

impl<'a> Wire<'a> {
    /// Reads an envelope that stands alone.
    pub(super) fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, Refusal> {
        if bytes.len() > limits.bundle_bytes {
            return Err(over_limit(format!(
                "the envelope has {} bytes",
                bytes.len()
            )));
        }
        json::parse(bytes, limits).map_err(|error| error.refusal(ReasonCode::EnvelopeMalformed))
    }

    /// Decodes payload and signature; `exact` are the envelope's own bytes, where it stood alone.
    pub(super) fn open<'e>(
        self,
        exact: Option<&'e [u8]>,
        limits: &Limits,
    ) -> Result<(Envelope<'e>, Vec<u8>), Refusal> {
        let code = ReasonCode::EnvelopeMalformed;
        let [signature] = self.signatures.0.as_slice() else {
            return Err(Refusal::new(
                code,
                format!("{} signatures, not exactly one", self.signatures.0.len()),
            ));
        };
        if &*self.payload_type != PAYLOAD_TYPE {
            return Err(Refusal::new(
                ReasonCode::PayloadType,
                format!("`{}`", crate::digest::clip(&self.payload_type)),
            ));
        }
        let signature = decode(
            &signature.sig,
            limits.signature_bytes,
            "the signature",
            code,
        )?;
        let payload = decode(&self.payload, limits.payload_bytes, "the payload", code)?;
        let envelope = Envelope {
            payload_type: self.payload_type.into_owned(),
            payload: Arc::new(payload),
            exact,
        };
        Ok((envelope, signature))
    }
}

/// What is read of a subject.
#[derive(Deserialize)]
struct WireSubject<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    digest: Digests<'a>,
}

/// A subject's digests: how many there are, and those that are compared.
#[derive(Default)]
struct Digests<'a> {
    count: usize,
    sha256: Option<Text<'a>>,
    sha384: Option<Text<'a>>,
    sha512: Option<Text<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Digests<'a> {
    fn deserialize<D: de::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reading;

        impl<'de> Visitor<'de> for Reading {
            type Value = Digests<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("digests by algorithm")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Digests<'de>, A::Error> {
                let mut digests = Digests::default();
                while let Some((algorithm, value)) = map.next_entry::<Text<'_>, Text<'_>>()? {
                    digests.count += 1;
                    match &*algorithm {
                        "sha256" => digests.sha256 = Some(value),
                        "sha384" => digests.sha384 = Some(value),
                        "sha512" => digests.sha512 = Some(value),
                        _ => {}
                    }
                }
                Ok(digests)
            }
        }

        reader.deserialize_map(Reading)
    }
}

/// Reads the statement and finds the artifact among its subjects. Fields that in-toto adds later are ignored, as its parsing rules
/// say; twins of a key are not.
pub(super) fn statement(
    payload: &Arc<Vec<u8>>,
    artifact: &Artifact<'_>,
    limits: &Limits,
) -> Result<Statement, Refusal> {
    let code = ReasonCode::StatementMalformed;
    let bad = |why: String| Refusal::new(code, why);
    let members = json::scan(payload, limits.into()).map_err(|error| error.refusal(code))?;
    let said: Text<'_> = member(&members, "_type")?;
    let known = STATEMENT_TYPES.into_iter().find(|known| **known == *said);
    let statement_type = known.ok_or_else(|| {
        bad(format!(
            "`{}` is not an in-toto statement type",
            crate::digest::clip(&said)
        ))
    })?;
    let predicate_type: Text<'_> = member(&members, "predicateType")?;
    if predicate_type.is_empty() {
        return Err(bad("the predicate type is empty".to_owned()));
    }
    if predicate_type.len() > limits.text_bytes {
        return Err(over_limit("the predicate type is too long"));
    }
    let wire: Few<WireSubject<'_>, 65_536> = member(&members, "subject")?;
    if wire.0.len() > limits.subjects {
        return Err(over_limit(format!("{} subjects", wire.0.len())));
    }
    let mut names_artifact = false;
    let mut subjects = Vec::with_capacity(wire.0.len());
    for subject in wire.0 {
        let digests = subject.digest;
        if digests.count > limits.digests_per_subject {
            return Err(over_limit(format!(
                "{} digests of one subject",
                digests.count
            )));
        }
        let sha256 = digests.sha256.as_deref().and_then(Digest::from_hex);
        if sha256 == Some(artifact.digest) {
            check_stronger_digests(&digests, artifact)?;
            names_artifact = true;
        }
        subjects.push(Subject {
            name: subject.name.map(Text::into_owned).unwrap_or_default(),
            sha256,
        });
    }
    if !names_artifact {
        return Err(Refusal::new(
            ReasonCode::DigestMismatch,
            match subjects.iter().find_map(|subject| subject.sha256) {
                Some(other) => format!("its subject is {other}"),
                None => "no subject has a sha256 digest".to_owned(),
            },
        ));
    }
    Ok(Statement {
        statement_type,
        predicate_type: predicate_type.into_owned(),
        subjects,
        payload: Arc::clone(payload),
        predicate: predicate(payload, &members),
    })
}

/// Where in the payload the predicate stands; empty if there is none.
fn predicate(payload: &[u8], members: &[json::Member<'_>]) -> Range<usize> {
    let value = members.iter().find(|(key, _)| key == "predicate");
    value.map_or(0..0, |(_, value)| {
        // A member's value is a part of the document.
        let start = value.as_ptr().addr() - payload.as_ptr().addr();
        start..start + value.len()
    })
}

/// One member of the statement.
fn member<'a, T: Deserialize<'a>>(members: &[json::Member<'a>], name: &str) -> Result<T, Refusal> {
    let code = ReasonCode::StatementMalformed;
    let value = members
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| *value)
        .ok_or_else(|| Refusal::new(code, format!("it has no `{name}`")))?;
    json::typed(value).map_err(|error| error.refusal(code))
}

/// A sha384 or sha512 beside the matching sha256 must agree with our bytes, where we have them.
fn check_stronger_digests(digests: &Digests<'_>, artifact: &Artifact<'_>) -> Result<(), Refusal> {
    let Some(bytes) = artifact.bytes else {
        return Ok(());
    };
    for (name, stated, hash) in [
        ("sha384", &digests.sha384, Hash::Sha384),
        ("sha512", &digests.sha512, Hash::Sha512),
    ] {
        if let Some(stated) = stated
            && **stated != *crate::digest::encode_hex(hash.of(bytes).as_ref())
        {
            return Err(Refusal::new(
                ReasonCode::DigestMismatch,
                format!("its subject's {name} differs though its sha256 agrees"),
            ));
        }
    }
    Ok(())
}
