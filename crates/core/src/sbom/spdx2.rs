//! SPDX 2.2 and 2.3: packages. Files and snippets are not packages, and are not read.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess};

use super::document::Key;
use super::shape::{Each, List, Object, One, Texts, index, push, said, skip, text};
use super::{
    COMPONENTS, Component, DefinedLicense, ENTRIES, Generator, LicenseClaim, LicenseForm, Sbom,
    SbomFormat, Stance,
};

/// The id of the document in its relationships.
const DOCUMENT: &str = "SPDXRef-DOCUMENT";

/// What is read of a document.
#[derive(Default)]
pub(super) struct Parts<'a> {
    namespace: Option<Cow<'a, str>>,
    created: Option<Cow<'a, str>>,
    creators: Vec<Cow<'a, str>>,
    described: Vec<Cow<'a, str>>,
    relationships: usize,
    components: Vec<Component<'a>>,
    licenses: Vec<LicenseClaim<'a>>,
    defined: Vec<DefinedLicense<'a>>,
}

impl<'a> Parts<'a> {
    /// Reads one of the members that SPDX 2 has at the top.
    pub(super) fn member<A: MapAccess<'a>>(
        &mut self,
        key: Key,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            Key::DocumentNamespace => self.namespace = said(map)?,
            Key::CreationInfo => map.next_value_seed(One(&mut Creation(self)))?,
            Key::Packages => map.next_value_seed(Each(&mut Packages(self)))?,
            Key::HasExtractedLicensingInfos => {
                map.next_value_seed(Each(&mut Extracted(&mut self.defined)))?;
            }
            Key::Relationships => map.next_value_seed(Each(&mut Relationships(self)))?,
            Key::DocumentDescribes => {
                let mut ids = Texts(std::mem::take(&mut self.described));
                map.next_value_seed(Each(&mut ids))?;
                self.described = ids.0;
            }
            _ => skip(map)?,
        }
        Ok(())
    }

    pub(super) fn sbom(mut self, version: &'static str) -> Sbom<'a> {
        let subject = take_subject(&mut self.components, &self.described);
        let mut generators = Vec::new();
        let mut authors = Vec::new();
        for creator in self.creators {
            match prefixed(&creator, "Tool:") {
                Some(name) => generators.push(Generator {
                    name,
                    ..Generator::default()
                }),
                None => authors.extend(agent(&creator)),
            }
        }
        Sbom {
            format: SbomFormat::Spdx { version },
            created: self.created,
            identity: self.namespace,
            generators,
            authors,
            phases: Vec::new(),
            subject,
            components: self.components,
            relationships: self.relationships,
            defined_licenses: self.defined,
            licenses: self.licenses,
        }
    }
}

/// The component that a document describes, if it is exactly one.
pub(super) fn take_subject<'a>(
    components: &mut Vec<Component<'a>>,
    described: &[Cow<'a, str>],
) -> Option<Component<'a>> {
    let (first, others) = described.split_first()?;
    if others.iter().any(|other| other != first) {
        return None;
    }
    let at = components.iter().position(|part| part.id == *first)?;
    Some(components.remove(at))
}

/// What stands behind a prefix, still borrowed.
fn prefixed<'a>(text: &Cow<'a, str>, prefix: &str) -> Option<Cow<'a, str>> {
    let rest = text.trim_start().strip_prefix(prefix)?.trim();
    Some(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_start().strip_prefix(prefix)?.trim()),
        Cow::Owned(_) => Cow::Owned(rest.to_owned()),
    })
}

/// `Organization: NAME` or `Person: NAME (MAIL)`; whatever else is written is kept, but for what says nothing.
fn agent<'a>(text: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    let name = prefixed(text, "Organization:")
        .or_else(|| prefixed(text, "Person:"))
        .unwrap_or_else(|| text.clone());
    asserted(name)
}

/// `NOASSERTION` says nothing.
pub(super) fn asserted(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let said = text.trim();
    (!said.is_empty() && said != "NOASSERTION").then_some(text)
}

/// A licence as SPDX writes it, unless nothing is asserted.
pub(super) fn claim(text: Cow<'_, str>, stance: Stance) -> Option<LicenseClaim<'_>> {
    let text = asserted(text)?;
    let form = if text == "NONE" {
        LicenseForm::Nothing
    } else {
        LicenseForm::Expression
    };
    Some(LicenseClaim { form, stance, text })
}

struct Creation<'s, 'a>(&'s mut Parts<'a>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum CreationKey {
    Created,
    Creators,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for Creation<'_, 'a> {
    type Key = CreationKey;
    const WHAT: &'static str = "creationInfo";

    fn member<A: MapAccess<'a>>(&mut self, key: CreationKey, map: &mut A) -> Result<(), A::Error> {
        match key {
            CreationKey::Created => self.0.created = said(map)?,
            CreationKey::Creators => {
                let mut creators = Texts(Vec::new());
                map.next_value_seed(Each(&mut creators))?;
                self.0.creators = creators.0;
            }
            CreationKey::Other => skip(map)?,
        }
        Ok(())
    }
}

struct Packages<'s, 'a>(&'s mut Parts<'a>);

impl<'a> List<'a> for Packages<'_, 'a> {
    const WHAT: &'static str = "a list of packages";

    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error> {
        let mut package = Package::default();
        let Some(found) = list.next_element_seed(One(&mut package))? else {
            return Ok(None);
        };
        let parts = &mut *self.0;
        let start = index(&parts.licenses)?;
        let declared = package
            .declared
            .and_then(|text| claim(text, Stance::Declared));
        let concluded = package
            .concluded
            .and_then(|text| claim(text, Stance::Concluded));
        for claim in declared.into_iter().chain(concluded) {
            push(&mut parts.licenses, claim, ENTRIES)?;
        }
        let mut component = package.component;
        component.licenses = (start, index(&parts.licenses)?);
        push(&mut parts.components, component, COMPONENTS)?;
        Ok(Some(found))
    }
}

#[derive(Default)]
struct Package<'a> {
    component: Component<'a>,
    declared: Option<Cow<'a, str>>,
    concluded: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum PackageKey {
    #[serde(rename = "SPDXID")]
    Id,
    Name,
    VersionInfo,
    Supplier,
    LicenseDeclared,
    LicenseConcluded,
    ExternalRefs,
    Checksums,
    PrimaryPackagePurpose,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for Package<'a> {
    type Key = PackageKey;
    const WHAT: &'static str = "a package";

    fn member<A: MapAccess<'a>>(&mut self, key: PackageKey, map: &mut A) -> Result<(), A::Error> {
        let component = &mut self.component;
        match key {
            PackageKey::Id => component.id = text(map)?.unwrap_or_default(),
            PackageKey::Name => component.name = text(map)?.unwrap_or_default(),
            PackageKey::VersionInfo => component.version = said(map)?.and_then(asserted),
            PackageKey::Supplier => component.supplier = said(map)?.and_then(|text| agent(&text)),
            PackageKey::LicenseDeclared => self.declared = said(map)?,
            PackageKey::LicenseConcluded => self.concluded = said(map)?,
            PackageKey::ExternalRefs => map.next_value_seed(Each(&mut References(component)))?,
            PackageKey::Checksums => {
                let mut count = super::shape::Count::default();
                map.next_value_seed(Each(&mut count))?;
                component.hashes = count.0 > 0;
            }
            PackageKey::PrimaryPackagePurpose => component.kind = said(map)?,
            PackageKey::Other => skip(map)?,
        }
        Ok(())
    }
}

/// `externalRefs`: package URLs and other identifiers.
struct References<'s, 'a>(&'s mut Component<'a>);

#[derive(Default)]
struct Reference<'a> {
    kind: Option<Cow<'a, str>>,
    locator: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum ReferenceKey {
    ReferenceType,
    ReferenceLocator,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for Reference<'a> {
    type Key = ReferenceKey;
    const WHAT: &'static str = "an external reference";

    fn member<A: MapAccess<'a>>(&mut self, key: ReferenceKey, map: &mut A) -> Result<(), A::Error> {
        match key {
            ReferenceKey::ReferenceType => self.kind = text(map)?,
            ReferenceKey::ReferenceLocator => self.locator = said(map)?,
            ReferenceKey::Other => skip(map)?,
        }
        Ok(())
    }
}

impl<'a> List<'a> for References<'_, 'a> {
    const WHAT: &'static str = "a list of external references";

    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error> {
        let mut reference = Reference::default();
        let found = list.next_element_seed(One(&mut reference))?;
        let kind = reference.kind.unwrap_or_default();
        // Some writers give the type as the IRI of the specification's annex.
        let kind = kind.rsplit('/').next().unwrap_or_default();
        match (kind, reference.locator) {
            ("purl", Some(purl)) => self.0.add_purl(purl),
            ("cpe22Type" | "cpe23Type" | "swid" | "swh" | "gitoid", Some(_)) => {
                self.0.other_ids = true;
            }
            _ => {}
        }
        Ok(found)
    }
}

/// `hasExtractedLicensingInfos`.
struct Extracted<'s, 'a>(&'s mut Vec<DefinedLicense<'a>>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
pub(super) enum ExtractedKey {
    LicenseId,
    Name,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for DefinedLicense<'a> {
    type Key = ExtractedKey;
    const WHAT: &'static str = "a defined licence";

    fn member<A: MapAccess<'a>>(&mut self, key: ExtractedKey, map: &mut A) -> Result<(), A::Error> {
        match key {
            ExtractedKey::LicenseId => self.id = text(map)?.unwrap_or_default(),
            ExtractedKey::Name => self.name = said(map)?.and_then(asserted),
            ExtractedKey::Other => skip(map)?,
        }
        Ok(())
    }
}

impl<'a> List<'a> for Extracted<'_, 'a> {
    const WHAT: &'static str = "a list of defined licences";

    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error> {
        let mut license = DefinedLicense::default();
        let found = list.next_element_seed(One(&mut license))?;
        if found.is_some() {
            push(self.0, license, ENTRIES)?;
        }
        Ok(found)
    }
}

/// `relationships`: what is described, and how many say something else.
struct Relationships<'s, 'a>(&'s mut Parts<'a>);

#[derive(Default)]
struct Relationship<'a> {
    from: Cow<'a, str>,
    kind: Cow<'a, str>,
    to: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum RelationshipKey {
    SpdxElementId,
    RelationshipType,
    RelatedSpdxElement,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for Relationship<'a> {
    type Key = RelationshipKey;
    const WHAT: &'static str = "a relationship";

    fn member<A: MapAccess<'a>>(
        &mut self,
        key: RelationshipKey,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let place = match key {
            RelationshipKey::SpdxElementId => &mut self.from,
            RelationshipKey::RelationshipType => &mut self.kind,
            RelationshipKey::RelatedSpdxElement => &mut self.to,
            RelationshipKey::Other => return skip(map),
        };
        *place = text(map)?.unwrap_or_default();
        Ok(())
    }
}

impl<'a> List<'a> for Relationships<'_, 'a> {
    const WHAT: &'static str = "a list of relationships";

    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error> {
        let mut relationship = Relationship::default();
        let found = list.next_element_seed(One(&mut relationship))?;
        let parts = &mut *self.0;
        let Relationship { from, kind, to } = relationship;
        match &*kind {
            "DESCRIBES" if from == DOCUMENT => push(&mut parts.described, to, ENTRIES)?,
            "DESCRIBED_BY" if to == DOCUMENT => push(&mut parts.described, from, ENTRIES)?,
            _ => parts.relationships += usize::from(found.is_some()),
        }
        Ok(found)
    }
}
