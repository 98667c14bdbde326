//! What a break-glass statement says, read strictly: nobody approves bytes that say more than is shown.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::json::{self, Few, Text};
use crate::text::safe;
use crate::{Digest, ImageRef, Limits, UnixTime};

/// Bytes of a statement: a hundred images of an incident have some 20 KiB.
const MOST_BYTES: usize = 256 * 1024;
/// Images of one statement, and namespaces.
const MOST_ITEMS: usize = 256;
/// Characters of what is said to people.
const MOST_CHARACTERS: usize = 500;
/// Characters of an id.
const MOST_ID: usize = 128;
/// Characters of a cluster's and of a namespace's name (RFC 1123, a label).
const MOST_NAME: usize = 63;
const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// An in-toto statement (v1) of the predicate type `https://countersign.dev/break-glass/v1`: what people approve.
///
/// The predicate has the fields `id`, `cluster`, `namespaces`, `repositories`, `reason`, `ticket`, `requestedBy`, `notBefore`,
/// `notAfter` and `scope`, and no others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakGlassStatement {
    /// By which it can be revoked.
    pub id: String,
    /// The one cluster in which it holds.
    pub cluster: String,
    /// The namespaces in which it holds, each by its whole name.
    pub namespaces: Vec<String>,
    /// What may run.
    pub scope: BreakGlassScope,
    /// Why.
    pub reason: String,
    /// Where the emergency is being settled.
    pub ticket: String,
    /// Who asked for it, as it says.
    pub requested_by: String,
    /// From when on it holds.
    pub not_before: UnixTime,
    /// From then on it does not hold any more.
    pub not_after: UnixTime,
}

/// What a statement lets run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakGlassScope {
    /// These images: canonical repository (`host/path`) and digest, both of one and the same subject.
    Images(Vec<(String, Digest)>),
    /// Whatever runs in the namespaces.
    Namespace,
}

/// Why bytes are no break-glass statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no break-glass statement: {0}")]
pub struct BreakGlassError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow, rename = "_type")]
    kind: Text<'a>,
    subject: Few<WireSubject<'a>, MOST_ITEMS>,
    predicate_type: Text<'a>,
    predicate: WirePredicate<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSubject<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    digest: WireDigest<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDigest<'a> {
    #[serde(borrow)]
    sha256: Text<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WirePredicate<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    cluster: Text<'a>,
    namespaces: Few<Text<'a>, MOST_ITEMS>,
    /// Of images only.
    repositories: Option<Few<Text<'a>, MOST_ITEMS>>,
    reason: Text<'a>,
    ticket: Text<'a>,
    requested_by: Text<'a>,
    not_before: Text<'a>,
    not_after: Text<'a>,
    scope: Text<'a>,
}

impl BreakGlassStatement {
    /// The predicate type, which keeps such statements apart from every other attestation.
    pub const PREDICATE_TYPE: &'static str = "https://countersign.dev/break-glass/v1";

    /// Reads a DSSE payload. Strictly: an unknown field, a twin of a key, a text with hidden characters, a time that is not in UTC or a
    /// subject that the predicate does not name is an error.
    ///
    /// # Errors
    /// [`BreakGlassError`].
    pub fn read(payload: &[u8]) -> Result<Self, BreakGlassError> {
        if payload.len() > MOST_BYTES {
            return Err(bad(format!(
                "it has {} bytes, more than {MOST_BYTES}",
                payload.len()
            )));
        }
        let wire: Wire<'_> =
            json::parse(payload, &Limits::default()).map_err(|error| bad(error.to_string()))?;
        if &*wire.kind != STATEMENT {
            return Err(bad(format!("`_type` is not `{STATEMENT}`")));
        }
        if &*wire.predicate_type != Self::PREDICATE_TYPE {
            let found = safe(&wire.predicate_type);
            return Err(bad(format!(
                "its predicate type is `{found}`, not `{}`",
                Self::PREDICATE_TYPE
            )));
        }
        let said = wire.predicate;
        let id = said.id.into_owned();
        if !is_id(&id) {
            return Err(bad(
                "`id` has to be 1 to 128 letters, digits, `.`, `_` and `-`",
            ));
        }
        let cluster = name(&said.cluster, ".-", "cluster")?;
        let namespaces: Vec<String> = said
            .namespaces
            .0
            .iter()
            .map(|it| name(it, "-", "namespaces"))
            .collect::<Result<_, _>>()?;
        distinct(&namespaces, "namespaces")?;
        let subjects: Vec<(String, Digest)> = wire
            .subject
            .0
            .into_iter()
            .map(subject)
            .collect::<Result<_, _>>()?;
        distinct(&subjects, "subject")?;
        let scope = match (&*said.scope, said.repositories) {
            ("images", Some(repositories)) => {
                let repositories = repositories.0.into_iter().map(Text::into_owned);
                images(subjects, &repositories.collect::<Vec<_>>())?
            }
            ("images", None) => return Err(bad("it names no `repositories`")),
            ("namespace", None) => whole_namespaces(&subjects, &cluster, &namespaces)?,
            ("namespace", Some(_)) => {
                return Err(bad(
                    "`repositories` stands beside `scope: namespace`, which is about every image",
                ));
            }
            _ => return Err(bad("`scope` is neither `images` nor `namespace`")),
        };
        let (not_before, not_after) = (
            time(&said.not_before, "notBefore")?,
            time(&said.not_after, "notAfter")?,
        );
        if not_after <= not_before {
            return Err(bad("`notAfter` is not later than `notBefore`"));
        }
        Ok(Self {
            id,
            cluster,
            namespaces,
            scope,
            reason: told(&said.reason, "reason")?,
            ticket: told(&said.ticket, "ticket")?,
            requested_by: told(&said.requested_by, "requestedBy")?,
            not_before,
            not_after,
        })
    }

    /// The subject by which a statement with `scope: namespace` names a namespace of a cluster: in-toto wants a digest, and what has no
    /// bytes of its own is named by those of its name. No image has this digest.
    #[must_use]
    pub fn namespace_subject(cluster: &str, namespace: &str) -> (String, Digest) {
        let name = format!("namespace:{cluster}/{namespace}");
        let digest = Digest::of(name.as_bytes());
        (name, digest)
    }

    /// The statement's subjects in their order, name and digest.
    #[must_use]
    pub fn subjects(&self) -> Vec<(String, Digest)> {
        match &self.scope {
            BreakGlassScope::Images(images) => images.clone(),
            BreakGlassScope::Namespace => {
                let all = self.namespaces.iter();
                all.map(|it| Self::namespace_subject(&self.cluster, it))
                    .collect()
            }
        }
    }

    /// For how many seconds it holds.
    #[must_use]
    pub const fn duration(&self) -> i64 {
        // Times that RFC 3339 can say are far from the ends of an i64.
        self.not_after
            .seconds()
            .saturating_sub(self.not_before.seconds())
    }
}

/// Whether a text can be the id of a statement.
pub(crate) fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MOST_ID).contains(&text.len()) && text.bytes().all(fits)
}

fn bad(why: impl Into<String>) -> BreakGlassError {
    BreakGlassError(why.into())
}

/// A name as clusters and namespaces have it.
fn name(text: &str, marks: &str, field: &str) -> Result<String, BreakGlassError> {
    let edge =
        |byte: Option<u8>| byte.is_some_and(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
    let bytes = text.as_bytes();
    let fits = |byte: &u8| edge(Some(*byte)) || marks.as_bytes().contains(byte);
    let good = text.len() <= MOST_NAME
        && edge(bytes.first().copied())
        && edge(bytes.last().copied())
        && bytes.iter().all(fits);
    if !good {
        return Err(bad(format!(
            "`{}` of `{field}` is no name: patterns have no place in a statement",
            safe(text)
        )));
    }
    Ok(text.to_owned())
}

/// What is said to people: something, and nothing that hides.
fn told(text: &str, field: &str) -> Result<String, BreakGlassError> {
    if text.trim().is_empty() {
        return Err(bad(format!("`{field}` says nothing")));
    }
    if text.chars().count() > MOST_CHARACTERS {
        return Err(bad(format!(
            "`{field}` has more than {MOST_CHARACTERS} characters"
        )));
    }
    if safe(text) != text {
        return Err(bad(format!("`{field}` has control or hidden characters")));
    }
    Ok(text.to_owned())
}

/// A time in the one form in which it can be compared by eye.
fn time(text: &str, field: &str) -> Result<UnixTime, BreakGlassError> {
    let time = UnixTime::parse(text).ok();
    time.filter(|time| time.to_string() == text).ok_or_else(|| {
        bad(format!(
            "`{field}` is no time in UTC such as 2026-01-31T12:00:00Z"
        ))
    })
}

fn subject(subject: WireSubject<'_>) -> Result<(String, Digest), BreakGlassError> {
    let digest = Digest::from_hex(&subject.digest.sha256);
    let digest = digest.ok_or_else(|| bad("a subject's sha256 is not 64 hexadecimal digits"))?;
    Ok((subject.name.into_owned(), digest))
}

fn distinct<T: Ord>(list: &[T], field: &str) -> Result<(), BreakGlassError> {
    if list.is_empty() {
        return Err(bad(format!("`{field}` is empty")));
    }
    if list.iter().collect::<BTreeSet<_>>().len() < list.len() {
        return Err(bad(format!("`{field}` has the same item twice")));
    }
    Ok(())
}

/// The predicate names just the repositories that the subjects have, each in its canonical form.
fn images(
    subjects: Vec<(String, Digest)>,
    repositories: &[String],
) -> Result<BreakGlassScope, BreakGlassError> {
    distinct(repositories, "repositories")?;
    for repository in repositories {
        let canonical = ImageRef::parse(repository).map(|image| image.name());
        if canonical.as_deref() != Ok(repository.as_str()) {
            return Err(bad(format!(
                "`{}` is no repository in its canonical form, `host/path`",
                safe(repository)
            )));
        }
    }
    let named: BTreeSet<&String> = repositories.iter().collect();
    let meant: BTreeSet<&String> = subjects.iter().map(|(name, _)| name).collect();
    if named != meant {
        return Err(bad(
            "`repositories` are not those that the subjects are called by",
        ));
    }
    Ok(BreakGlassScope::Images(subjects))
}

/// The subjects are just the namespaces.
fn whole_namespaces(
    subjects: &[(String, Digest)],
    cluster: &str,
    namespaces: &[String],
) -> Result<BreakGlassScope, BreakGlassError> {
    let wanted = namespaces
        .iter()
        .map(|it| BreakGlassStatement::namespace_subject(cluster, it));
    if !wanted.eq(subjects.iter().cloned()) {
        return Err(bad(
            "its subjects are not the namespaces that it is about, in their order",
        ));
    }
    Ok(BreakGlassScope::Namespace)
}

#[cfg(test)]
mod tests;
