//! What an SBOM says, read without copying what policy never asks (`policy.md`, "SBOM and VEX").
//!
//! CycloneDX 1.2 to 1.7 and SPDX 2.2, 2.3 and 3.0, each as JSON. One pass: the document's own marks say what it is, and its texts
//! stay where they are. Unknown members are skipped; a wrong type where policy asks is an error, never an empty answer.

mod cyclonedx;
mod document;
mod error;
pub(crate) mod judge;
mod shape;
mod spdx2;
mod spdx3;

use std::borrow::Cow;

pub use error::{SbomError, SbomErrorKind};

use crate::Limits;
use document::Document;

/// Components of one document, nested ones included: the largest real ones have about 30,000.
const COMPONENTS: usize = 200_000;
/// Licences of one document, and other lists that grow with its components.
const ENTRIES: usize = 400_000;
/// Bytes of one text: some packages have the whole text of their licence where its name belongs.
const TEXT_BYTES: usize = 64 * 1024;

/// A format and the version of its specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SbomFormat {
    /// CycloneDX JSON.
    CycloneDx {
        /// `1.2` to `1.7`.
        version: &'static str,
    },
    /// SPDX JSON; 3.0 is JSON-LD.
    Spdx {
        /// `2.2`, `2.3` or `3.0`.
        version: &'static str,
    },
}

impl SbomFormat {
    /// `CycloneDX` or `SPDX`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CycloneDx { .. } => "CycloneDX",
            Self::Spdx { .. } => "SPDX",
        }
    }

    /// The version of the specification, as `1.6`.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::CycloneDx { version } | Self::Spdx { version } => version,
        }
    }
}

/// An SBOM, borrowed from its document. All of it is what its author claims, times included.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sbom<'a> {
    /// What the document says it is.
    pub format: SbomFormat,
    /// When the author says it was made, as written: never a proven time.
    pub created: Option<Cow<'a, str>>,
    /// The document's own identity: CycloneDX's serial number, SPDX's namespace or id.
    pub identity: Option<Cow<'a, str>>,
    /// The tools that made it.
    pub generators: Vec<Generator<'a>>,
    /// The people and organizations that made it.
    pub authors: Vec<Cow<'a, str>>,
    /// At which phases of a life it was made: CycloneDX's lifecycles, SPDX 3's SBOM types. SPDX 2 cannot say.
    pub phases: Vec<Cow<'a, str>>,
    /// What it describes, kept apart from its parts: CycloneDX's `metadata.component`, and the only package that an SPDX document
    /// describes. If an SPDX document describes several, each is a part.
    pub subject: Option<Component<'a>>,
    /// The parts, nested ones too, a parent before its children.
    pub components: Vec<Component<'a>>,
    /// Relationships between components: entries of CycloneDX's `dependencies`, SPDX relationships that do not only say what is
    /// described or licensed.
    pub relationships: usize,
    /// What the document defines its own licence ids (`LicenseRef-…`) to be.
    pub defined_licenses: Vec<DefinedLicense<'a>>,
    licenses: Vec<LicenseClaim<'a>>,
}

/// A tool that made an SBOM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Generator<'a> {
    /// Its name; SPDX 2 writes the version behind it, as `syft-1.19.0`.
    pub name: Cow<'a, str>,
    /// Its version, where it stands alone.
    pub version: Option<Cow<'a, str>>,
    /// Who makes it.
    pub vendor: Option<Cow<'a, str>>,
}

/// One component (CycloneDX) or package (SPDX).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Component<'a> {
    /// The id by which the document names it (`bom-ref`, `SPDXID`, `spdxId`); empty if it has none.
    pub id: Cow<'a, str>,
    /// Its name, without CycloneDX's `group`; empty if it has none.
    pub name: Cow<'a, str>,
    /// Its version, unless it is empty or said to be unknown.
    pub version: Option<Cow<'a, str>>,
    /// Its package URL, as written.
    pub purl: Option<Cow<'a, str>>,
    /// SPDX allows several package URLs: the others.
    pub more_purls: Box<[Cow<'a, str>]>,
    /// Who supplies it: CycloneDX's `supplier`, else `manufacturer`, else `publisher`; SPDX's supplier.
    pub supplier: Option<Cow<'a, str>>,
    /// CycloneDX's `type`, SPDX's primary purpose.
    pub kind: Option<Cow<'a, str>>,
    /// Whether it has a checksum.
    pub hashes: bool,
    /// Whether it has an identifier other than a package URL: CPE, SWID, SWHID, gitoid.
    pub other_ids: bool,
    /// How many components it is nested in.
    pub depth: u8,
    licenses: (u32, u32),
}

impl<'a> Component<'a> {
    /// Every package URL of it.
    pub fn purls(&self) -> impl Iterator<Item = &Cow<'a, str>> {
        self.purl.iter().chain(&self.more_purls)
    }

    /// Takes a package URL: the first is the one, the others follow.
    fn add_purl(&mut self, purl: Cow<'a, str>) {
        if self.purl.is_none() {
            self.purl = Some(purl);
        } else if !self.purls().any(|other| *other == purl) {
            let others = std::mem::take(&mut self.more_purls);
            self.more_purls = others.into_iter().chain([purl]).collect();
        }
    }
}

/// One thing that a document says about the licence of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LicenseClaim<'a> {
    /// How [`text`](Self::text) is meant.
    pub form: LicenseForm,
    /// Who says so.
    pub stance: Stance,
    /// As written.
    pub text: Cow<'a, str>,
}

/// How the text of a licence is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LicenseForm {
    /// An id of SPDX's list.
    Id,
    /// An SPDX licence expression.
    Expression,
    /// Free text.
    Name,
    /// SPDX's `NONE`: said to have no licence. (`NOASSERTION` is no claim at all.)
    Nothing,
}

/// Who says what a licence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stance {
    /// The authors of the component.
    Declared,
    /// The author of the SBOM, after looking.
    Concluded,
    /// CycloneDX without `acknowledgement`.
    Unsaid,
}

/// A licence that the document defines itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DefinedLicense<'a> {
    /// `LicenseRef-…`.
    pub id: Cow<'a, str>,
    /// What it is called.
    pub name: Option<Cow<'a, str>>,
}

impl<'a> Sbom<'a> {
    /// Reads the predicate of a statement.
    ///
    /// The predicate is the document; or a JSON string, or `{"Data": …, "Timestamp": …}`, that holds it.
    ///
    /// # Errors
    /// [`SbomError`]: nothing that is read here (`unsupported-format`), another format than the predicate type says, malformed,
    /// or over a limit. A duplicate key is malformed.
    pub fn read(
        predicate_type: &str,
        predicate_json: &'a [u8],
        limits: &Limits,
    ) -> Result<Self, SbomError> {
        let wanted = document::Wanted::of(predicate_type)?;
        check_size(predicate_json, limits)?;
        let sbom = read_json(predicate_json, limits)?;
        wanted.check(sbom.format)?;
        Ok(sbom)
    }

    /// Reads a file; the document itself says what it is.
    ///
    /// # Errors
    /// As [`Sbom::read`].
    pub fn read_document(bytes: &'a [u8], limits: &Limits) -> Result<Self, SbomError> {
        check_size(bytes, limits)?;
        if let Some(other) = document::other_syntax(bytes) {
            return Err(SbomError::unsupported(other));
        }
        read_json(bytes, limits)
    }

    /// What the document says about the licence of a component; empty if nothing.
    #[must_use]
    pub fn licenses(&self, component: &Component<'a>) -> &[LicenseClaim<'a>] {
        let index = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        let (start, end) = component.licenses;
        self.licenses
            .get(index(start)..index(end))
            .unwrap_or_default()
    }

    /// The parts that rules count: all but files of which a CycloneDX document states nothing that a package has. Generators list
    /// the files in which they found packages; SPDX keeps those apart.
    pub(crate) fn counted(&self) -> impl Iterator<Item = &Component<'a>> {
        let is_cyclonedx = matches!(self.format, SbomFormat::CycloneDx { .. });
        self.components.iter().filter(move |it| {
            let states_nothing = it.version.is_none()
                && it.purl.is_none()
                && !it.other_ids
                && self.licenses(it).is_empty();
            !(is_cyclonedx && it.kind.as_deref() == Some("file") && states_nothing)
        })
    }

    /// The subject, if there is one, and all parts.
    pub fn all(&self) -> impl Iterator<Item = &Component<'a>> {
        self.subject.iter().chain(&self.components)
    }
}

fn check_size(bytes: &[u8], limits: &Limits) -> Result<(), SbomError> {
    if bytes.len() > limits.payload_bytes {
        return Err(SbomError::over_limit(format!(
            "{} bytes, more than {}",
            bytes.len(),
            limits.payload_bytes
        )));
    }
    Ok(())
}

fn read_json<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Sbom<'a>, SbomError> {
    let document: Document<'a> = crate::json::parse_text(bytes, limits)?;
    match document.unwrapped()? {
        document::Content::Sbom(sbom) => Ok(*sbom),
        document::Content::Text(text) => read_text(&text, limits),
    }
}

/// A document inside a JSON string, which cannot be borrowed from.
fn read_text(text: &str, limits: &Limits) -> Result<Sbom<'static>, SbomError> {
    let bytes = text.as_bytes();
    if let Some(other) = document::other_syntax(bytes) {
        return Err(SbomError::unsupported(other));
    }
    let document: Document<'_> = crate::json::parse_text(bytes, limits)?;
    match document.unwrapped()? {
        document::Content::Sbom(sbom) => Ok(sbom.into_owned()),
        document::Content::Text(_) => Err(SbomError::unsupported("a JSON string in a JSON string")),
    }
}

impl Sbom<'_> {
    fn into_owned(self) -> Sbom<'static> {
        Sbom {
            format: self.format,
            created: self.created.map(owned),
            identity: self.identity.map(owned),
            generators: each(self.generators, |tool| Generator {
                name: owned(tool.name),
                version: tool.version.map(owned),
                vendor: tool.vendor.map(owned),
            }),
            authors: each(self.authors, owned),
            phases: each(self.phases, owned),
            subject: self.subject.map(Component::into_owned),
            components: each(self.components, Component::into_owned),
            relationships: self.relationships,
            defined_licenses: each(self.defined_licenses, |license| DefinedLicense {
                id: owned(license.id),
                name: license.name.map(owned),
            }),
            licenses: each(self.licenses, |claim| LicenseClaim {
                form: claim.form,
                stance: claim.stance,
                text: owned(claim.text),
            }),
        }
    }
}

impl Component<'_> {
    fn into_owned(self) -> Component<'static> {
        Component {
            id: owned(self.id),
            name: owned(self.name),
            version: self.version.map(owned),
            purl: self.purl.map(owned),
            more_purls: self.more_purls.into_iter().map(owned).collect(),
            supplier: self.supplier.map(owned),
            kind: self.kind.map(owned),
            hashes: self.hashes,
            other_ids: self.other_ids,
            depth: self.depth,
            licenses: self.licenses,
        }
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

fn each<T, U>(items: Vec<T>, own: impl Fn(T) -> U) -> Vec<U> {
    items.into_iter().map(own).collect()
}

#[cfg(test)]
mod tests;
