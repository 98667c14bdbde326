//! CycloneDX 1.2 to 1.7 (ECMA-424): components at any depth, and what `metadata` says about the document.

mod metadata;

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess};

use super::shape::{Count, Each, List, Named, Object, One, index, named, push, said, skip, text};
use super::{
    COMPONENTS, Component, ENTRIES, Generator, LicenseClaim, LicenseForm, Sbom, SbomFormat, Stance,
};

pub(super) use metadata::Metadata;

/// What is read of a document.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) serial_number: Option<Cow<'a, str>>,
    pub(super) dependencies: usize,
    created: Option<Cow<'a, str>>,
    generators: Vec<Generator<'a>>,
    authors: Vec<Cow<'a, str>>,
    phases: Vec<Cow<'a, str>>,
    subject: Option<Component<'a>>,
    components: Vec<Component<'a>>,
    licenses: Vec<LicenseClaim<'a>>,
}

impl<'a> Parts<'a> {
    pub(super) fn sbom(self, version: &'static str) -> Sbom<'a> {
        Sbom {
            format: SbomFormat::CycloneDx { version },
            created: self.created,
            identity: self.serial_number,
            generators: self.generators,
            authors: self.authors,
            phases: self.phases,
            subject: self.subject,
            components: self.components,
            relationships: self.dependencies,
            defined_licenses: Vec::new(),
            licenses: self.licenses,
        }
    }
}

/// `components`, of the document or of another component.
pub(super) struct Components<'s, 'a> {
    pub(super) parts: &'s mut Parts<'a>,
    pub(super) depth: u8,
}

impl<'a> List<'a> for Components<'_, 'a> {
    const WHAT: &'static str = "a list of components";

    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error> {
        // Its place, before that of its children; taken back at the end of the list.
        let at = self.parts.components.len();
        push(&mut self.parts.components, Component::default(), COMPONENTS)?;
        let mut reading = Reading::new(self.parts, self.depth);
        let found = list.next_element_seed(One(&mut reading))?;
        let component = reading.finish();
        if found.is_none() {
            self.parts.components.truncate(at);
        } else if let Some(place) = self.parts.components.get_mut(at) {
            *place = component;
        }
        Ok(found)
    }
}

/// A component, and where its children and licences go.
struct Reading<'s, 'a> {
    parts: &'s mut Parts<'a>,
    component: Component<'a>,
    manufacturer: Option<Cow<'a, str>>,
    publisher: Option<Cow<'a, str>>,
}

impl<'s, 'a> Reading<'s, 'a> {
    fn new(parts: &'s mut Parts<'a>, depth: u8) -> Self {
        Self {
            parts,
            component: Component {
                depth,
                ..Component::default()
            },
            manufacturer: None,
            publisher: None,
        }
    }

    /// Who supplies it is said in one of three places.
    fn finish(self) -> Component<'a> {
        let mut component = self.component;
        let others = self.manufacturer.or(self.publisher);
        component.supplier = component.supplier.or(others);
        component
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum ComponentKey {
    #[serde(rename = "bom-ref")]
    BomRef,
    Type,
    Name,
    Version,
    Purl,
    Supplier,
    Manufacturer,
    Publisher,
    Licenses,
    Hashes,
    Cpe,
    Swid,
    Swhid,
    OmniborId,
    Components,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for Reading<'_, 'a> {
    type Key = ComponentKey;
    const WHAT: &'static str = "a component";

    fn member<A: MapAccess<'a>>(&mut self, key: ComponentKey, map: &mut A) -> Result<(), A::Error> {
        let component = &mut self.component;
        match key {
            ComponentKey::BomRef => component.id = text(map)?.unwrap_or_default(),
            ComponentKey::Type => component.kind = said(map)?,
            ComponentKey::Name => component.name = text(map)?.unwrap_or_default(),
            ComponentKey::Version => component.version = said(map)?,
            ComponentKey::Purl => component.purl = said(map)?,
            ComponentKey::Supplier => component.supplier = named(map)?,
            ComponentKey::Manufacturer => self.manufacturer = named(map)?,
            ComponentKey::Publisher => self.publisher = said(map)?,
            ComponentKey::Licenses => {
                let start = index(&self.parts.licenses)?;
                map.next_value_seed(Each(&mut Licenses(&mut self.parts.licenses)))?;
                component.licenses = (start, index(&self.parts.licenses)?);
            }
            ComponentKey::Hashes => component.hashes = any(map)?,
            ComponentKey::Cpe => component.other_ids |= said(map)?.is_some(),
            ComponentKey::Swid => {
                map.next_value_seed(One(&mut Named::default()))?;
                component.other_ids = true;
            }
            ComponentKey::Swhid | ComponentKey::OmniborId => component.other_ids |= any(map)?,
            ComponentKey::Components => {
                let depth = component.depth.saturating_add(1);
                let parts = &mut *self.parts;
                map.next_value_seed(Each(&mut Components { parts, depth }))?;
            }
            ComponentKey::Other => skip(map)?,
        }
        Ok(())
    }
}

/// Whether the list of a member has an item.
fn any<'a, A: MapAccess<'a>>(map: &mut A) -> Result<bool, A::Error> {
    let mut count = Count::default();
    map.next_value_seed(Each(&mut count))?;
    Ok(count.0 > 0)
}

/// `licenses`: `{"license": …}` or `{"expression": …}`.
struct Licenses<'s, 'a>(&'s mut Vec<LicenseClaim<'a>>);

impl<'a> List<'a> for Licenses<'_, 'a> {
    const WHAT: &'static str = "a list of licences";

    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error> {
        let mut license = License::default();
        let found = list.next_element_seed(One(&mut license))?;
        for (form, text) in [
            (LicenseForm::Id, license.id),
            (LicenseForm::Expression, license.expression),
            (LicenseForm::Name, license.name),
        ] {
            let Some(text) = text else { continue };
            let stance = license.stance.unwrap_or(Stance::Unsaid);
            push(self.0, LicenseClaim { form, stance, text }, ENTRIES)?;
        }
        Ok(found)
    }
}

/// One item of `licenses`, and the object inside it: no member belongs to both.
#[derive(Default)]
struct License<'a> {
    id: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    expression: Option<Cow<'a, str>>,
    stance: Option<Stance>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum LicenseKey {
    License,
    Expression,
    Id,
    Name,
    Acknowledgement,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for License<'a> {
    type Key = LicenseKey;
    const WHAT: &'static str = "a licence";

    fn member<A: MapAccess<'a>>(&mut self, key: LicenseKey, map: &mut A) -> Result<(), A::Error> {
        match key {
            LicenseKey::License => map.next_value_seed(One(self))?,
            LicenseKey::Expression => self.expression = said(map)?,
            LicenseKey::Id => self.id = said(map)?,
            LicenseKey::Name => self.name = said(map)?,
            LicenseKey::Acknowledgement => {
                self.stance = match said(map)?.as_deref() {
                    Some("declared") => Some(Stance::Declared),
                    Some("concluded") => Some(Stance::Concluded),
                    _ => None,
                };
            }
            LicenseKey::Other => skip(map)?,
        }
        Ok(())
    }
}
