//! SPDX 3.0 as JSON-LD: one list of elements that refer to each other by their ids, in any order.
//!
//! Off-spec: only the serialization of the specification's own context is read (compact names, `@graph`); general JSON-LD
//! is a language in which one document has many spellings.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess};

use crate::json;

use super::shape::{Count, Each, List, Object, One, Texts, index, push, said, skip, text};
use super::spdx2::{asserted, claim, take_subject};
use super::{
    COMPONENTS, Component, ENTRIES, Generator, LicenseClaim, Sbom, SbomError, SbomFormat, Stance,
};

/// What is read of `@graph`: elements, and what they say about others by id.
#[derive(Default)]
pub(super) struct Graph<'a> {
    version: Option<Cow<'a, str>>,
    other_version: bool,
    created: Option<Cow<'a, str>>,
    created_by: Vec<Cow<'a, str>>,
    created_using: Vec<Cow<'a, str>>,
    document: Option<Cow<'a, str>>,
    phases: Vec<Cow<'a, str>>,
    roots: Vec<Cow<'a, str>>,
    /// Elements that are referred to for their name: agents, tools and licences.
    names: HashMap<Cow<'a, str>, Cow<'a, str>>,
    /// Package, licence.
    licensed: Vec<(Cow<'a, str>, Cow<'a, str>, Stance)>,
    relationships: usize,
    components: Vec<Component<'a>>,
}

impl<'a> List<'a> for Graph<'a> {
    const WHAT: &'static str = "a list of elements";

    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error> {
        let mut element = Element::default();
        let found = list.next_element_seed(One(&mut element))?;
        if found.is_some() {
            self.take(element)?;
        }
        Ok(found)
    }
}

impl<'a> Graph<'a> {
    fn take<E: serde::de::Error>(&mut self, element: Element<'a>) -> Result<(), E> {
        let id = element.component.id.clone();
        match &*element.kind {
            "software_Package" | "ai_AIPackage" | "dataset_DatasetPackage" => {
                push(&mut self.components, element.component, COMPONENTS)?;
            }
            "CreationInfo" => {
                let version = element.spec_version;
                self.other_version |= self.version.is_some() && self.version != version;
                self.version = version;
                // The document's own is the first; others are those of imported elements.
                if self.created.is_none() {
                    self.created = element.created;
                    self.created_by = element.created_by;
                    self.created_using = element.created_using;
                }
            }
            "SpdxDocument" => {
                self.document = Some(id);
                self.roots.extend(element.roots);
            }
            "software_Sbom" => {
                self.phases.extend(element.phases);
                self.roots.extend(element.roots);
            }
            "Relationship" | "LifecycleScopedRelationship" => self.relate(element)?,
            _ => {
                let name = element.license.or(Some(element.component.name));
                if let Some(name) = name.filter(|name| !name.is_empty()) {
                    self.names.insert(id, name);
                }
            }
        }
        Ok(())
    }

    fn relate<E: serde::de::Error>(&mut self, element: Element<'a>) -> Result<(), E> {
        let stance = match &*element.relation {
            "hasDeclaredLicense" => Stance::Declared,
            "hasConcludedLicense" => Stance::Concluded,
            "describes" => return Ok(()),
            _ => {
                self.relationships += 1;
                return Ok(());
            }
        };
        for license in element.to {
            let entry = (element.from.clone(), license, stance);
            push(&mut self.licensed, entry, ENTRIES)?;
        }
        Ok(())
    }

    /// Resolves what refers to other elements.
    pub(super) fn sbom(mut self) -> Result<Sbom<'a>, SbomError> {
        let version = self.version.take().unwrap_or_default();
        if self.other_version || !(version == "3.0" || version.starts_with("3.0.")) {
            return Err(SbomError::unsupported(format!("SPDX 3 with {version}")));
        }
        for component in &mut self.components {
            let supplier = component.supplier.take();
            component.supplier = supplier.and_then(|id| self.names.get(&id).cloned());
        }
        let licenses = self.licenses()?;
        let roots = self.roots_of_document();
        let subject = take_subject(&mut self.components, &roots);
        let named = |id: Cow<'a, str>| self.names.get(&id).cloned();
        let tool = |name| Generator {
            name,
            ..Generator::default()
        };
        Ok(Sbom {
            format: SbomFormat::Spdx { version: "3.0" },
            created: self.created,
            identity: self.document,
            generators: self
                .created_using
                .into_iter()
                .filter_map(named)
                .map(tool)
                .collect(),
            authors: self.created_by.into_iter().filter_map(named).collect(),
            phases: self.phases,
            subject,
            components: self.components,
            relationships: self.relationships,
            defined_licenses: Vec::new(),
            licenses,
        })
    }

    /// A document's root may be its SBOM, whose root is the package.
    fn roots_of_document(&mut self) -> Vec<Cow<'a, str>> {
        let mut roots = std::mem::take(&mut self.roots);
        let ids: std::collections::HashSet<&str> =
            self.components.iter().map(|part| &*part.id).collect();
        roots.retain(|root| ids.contains(&**root));
        roots
    }

    /// The licences, those of one component together.
    fn licenses(&mut self) -> Result<Vec<LicenseClaim<'a>>, SbomError> {
        let places = self.components.iter().enumerate();
        let places: HashMap<&str, usize> = places.map(|(at, part)| (&*part.id, at)).collect();
        let mut found: Vec<(usize, LicenseClaim<'a>)> = Vec::new();
        for (package, license, stance) in std::mem::take(&mut self.licensed) {
            let Some(at) = places.get(&*package) else {
                continue;
            };
            let text = listed(&license)
                .or_else(|| self.names.get(&license).cloned())
                .unwrap_or(license);
            found.extend(claim(text, stance).map(|claim| (*at, claim)));
        }
        found.sort_by_key(|(at, _)| *at);
        let mut licenses = Vec::with_capacity(found.len());
        for of_one in found.chunk_by(|(one, _), (other, _)| one == other) {
            let start = index::<_, serde_json::Error>(&licenses).map_err(json::Error::from)?;
            licenses.extend(of_one.iter().map(|(_, claim)| claim.clone()));
            let end = index::<_, serde_json::Error>(&licenses).map_err(json::Error::from)?;
            let at = of_one.first().map(|(at, _)| *at);
            if let Some(component) = at.and_then(|at| self.components.get_mut(at)) {
                component.licenses = (start, end);
            }
        }
        Ok(licenses)
    }
}

/// The id in the IRI of a licence of SPDX's list, or of one of its two individuals.
fn listed<'a>(iri: &str) -> Option<Cow<'a, str>> {
    let (base, id) = iri.rsplit_once('/')?;
    match id {
        "NoAssertionLicense" | "NoAssertion" => Some(Cow::Borrowed("NOASSERTION")),
        "NoneLicense" | "None" => Some(Cow::Borrowed("NONE")),
        _ => base
            .ends_with("spdx.org/licenses")
            .then(|| Cow::Owned(id.to_owned())),
    }
}

/// The members of all kinds of elements that are read; no name means two things.
#[derive(Default)]
struct Element<'a> {
    kind: Cow<'a, str>,
    component: Component<'a>,
    spec_version: Option<Cow<'a, str>>,
    created: Option<Cow<'a, str>>,
    created_by: Vec<Cow<'a, str>>,
    created_using: Vec<Cow<'a, str>>,
    license: Option<Cow<'a, str>>,
    relation: Cow<'a, str>,
    from: Cow<'a, str>,
    to: Vec<Cow<'a, str>>,
    roots: Vec<Cow<'a, str>>,
    phases: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum ElementKey {
    SpdxId,
    Type,
    Name,
    SpecVersion,
    Created,
    CreatedBy,
    CreatedUsing,
    RelationshipType,
    From,
    To,
    RootElement,
    SuppliedBy,
    VerifiedUsing,
    ExternalIdentifier,
    #[serde(rename = "software_packageVersion")]
    PackageVersion,
    #[serde(rename = "software_packageUrl")]
    PackageUrl,
    #[serde(rename = "software_contentIdentifier")]
    ContentIdentifier,
    #[serde(rename = "software_primaryPurpose")]
    PrimaryPurpose,
    #[serde(rename = "software_sbomType")]
    SbomType,
    #[serde(rename = "simplelicensing_licenseExpression")]
    LicenseExpression,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for Element<'a> {
    type Key = ElementKey;
    const WHAT: &'static str = "an element";

    fn member<A: MapAccess<'a>>(&mut self, key: ElementKey, map: &mut A) -> Result<(), A::Error> {
        let component = &mut self.component;
        match key {
            ElementKey::SpdxId => component.id = text(map)?.unwrap_or_default(),
            ElementKey::Type => self.kind = text(map)?.unwrap_or_default(),
            ElementKey::Name => component.name = text(map)?.unwrap_or_default(),
            ElementKey::SpecVersion => self.spec_version = said(map)?,
            ElementKey::Created => self.created = said(map)?,
            ElementKey::CreatedBy => self.created_by = ids(map)?,
            ElementKey::CreatedUsing => self.created_using = ids(map)?,
            ElementKey::RelationshipType => self.relation = text(map)?.unwrap_or_default(),
            ElementKey::From => self.from = text(map)?.unwrap_or_default(),
            ElementKey::To => self.to = ids(map)?,
            ElementKey::RootElement => self.roots = ids(map)?,
            ElementKey::SuppliedBy => component.supplier = said(map)?,
            ElementKey::VerifiedUsing => component.hashes = any(map)?,
            ElementKey::ExternalIdentifier => {
                map.next_value_seed(Each(&mut Identifiers(component)))?;
            }
            ElementKey::PackageVersion => component.version = said(map)?.and_then(asserted),
            ElementKey::PackageUrl => {
                // The package's own URL goes before those of `externalIdentifier`.
                if let Some(purl) = said(map)?
                    && let Some(other) = component.purl.replace(purl)
                {
                    component.add_purl(other);
                }
            }
            ElementKey::ContentIdentifier => component.other_ids |= any(map)?,
            ElementKey::PrimaryPurpose => component.kind = said(map)?,
            ElementKey::SbomType => self.phases = ids(map)?,
            ElementKey::LicenseExpression => self.license = said(map)?,
            ElementKey::Other => skip(map)?,
        }
        Ok(())
    }
}

fn any<'a, A: MapAccess<'a>>(map: &mut A) -> Result<bool, A::Error> {
    let mut count = Count::default();
    map.next_value_seed(Each(&mut count))?;
    Ok(count.0 > 0)
}

fn ids<'a, A: MapAccess<'a>>(map: &mut A) -> Result<Vec<Cow<'a, str>>, A::Error> {
    let mut ids = Texts(Vec::new());
    map.next_value_seed(Each(&mut ids))?;
    Ok(ids.0)
}

/// `externalIdentifier`: package URLs and other identifiers.
struct Identifiers<'s, 'a>(&'s mut Component<'a>);

#[derive(Default)]
struct Identifier<'a> {
    kind: Cow<'a, str>,
    identifier: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum IdentifierKey {
    ExternalIdentifierType,
    Identifier,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for Identifier<'a> {
    type Key = IdentifierKey;
    const WHAT: &'static str = "an identifier";

    fn member<A: MapAccess<'a>>(
        &mut self,
        key: IdentifierKey,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            IdentifierKey::ExternalIdentifierType => self.kind = text(map)?.unwrap_or_default(),
            IdentifierKey::Identifier => self.identifier = said(map)?,
            IdentifierKey::Other => skip(map)?,
        }
        Ok(())
    }
}

impl<'a> List<'a> for Identifiers<'_, 'a> {
    const WHAT: &'static str = "a list of identifiers";

    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error> {
        let mut found = Identifier::default();
        let item = list.next_element_seed(One(&mut found))?;
        match (&*found.kind, found.identifier) {
            ("packageUrl" | "purl", Some(purl)) => self.0.add_purl(purl),
            ("cpe22" | "cpe23" | "swid" | "swhid" | "gitoid", Some(_)) => self.0.other_ids = true,
            _ => {}
        }
        Ok(item)
    }
}
