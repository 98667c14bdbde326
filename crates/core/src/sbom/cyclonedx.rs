//! CycloneDX 1.2 to 1.7 (ECMA-424): components at any depth, and what `metadata` says about the document.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::shape::{Count, Each, List, Named, Object, One, index, named, push, said, skip, text};
use super::{
    COMPONENTS, Component, ENTRIES, Generator, LicenseClaim, LicenseForm, Sbom, SbomFormat, Stance,
};

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

/// `metadata`.
pub(super) struct Metadata<'s, 'a>(pub(super) &'s mut Parts<'a>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
pub(super) enum MetadataKey {
    Timestamp,
    Tools,
    Authors,
    /// `manufacture` until 1.5.
    #[serde(alias = "manufacture")]
    Manufacturer,
    Supplier,
    Lifecycles,
    Component,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for Metadata<'_, 'a> {
    type Key = MetadataKey;
    const WHAT: &'static str = "metadata";

    fn member<A: MapAccess<'a>>(&mut self, key: MetadataKey, map: &mut A) -> Result<(), A::Error> {
        let parts = &mut *self.0;
        match key {
            MetadataKey::Timestamp => parts.created = said(map)?,
            MetadataKey::Tools => map.next_value_seed(Tools(&mut parts.generators))?,
            MetadataKey::Authors => {
                map.next_value_seed(Each(&mut Names(&mut parts.authors)))?;
            }
            MetadataKey::Manufacturer | MetadataKey::Supplier => parts.authors.extend(named(map)?),
            MetadataKey::Lifecycles => {
                map.next_value_seed(Each(&mut Phases(&mut parts.phases)))?;
            }
            MetadataKey::Component => {
                let mut reading = Reading::new(parts, 0);
                map.next_value_seed(One(&mut reading))?;
                let subject = reading.finish();
                parts.subject = Some(subject);
            }
            MetadataKey::Other => skip(map)?,
        }
        Ok(())
    }
}

/// People, each an object with a name.
struct Names<'s, 'a>(&'s mut Vec<Cow<'a, str>>);

impl<'a> List<'a> for Names<'_, 'a> {
    const WHAT: &'static str = "a list of people";

    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error> {
        let mut name = Named::default();
        let found = list.next_element_seed(One(&mut name))?;
        if let Some(name) = name.0 {
            push(self.0, name, ENTRIES)?;
        }
        Ok(found)
    }
}

/// `lifecycles`: a phase of the specification, or one with a name of its own.
struct Phases<'s, 'a>(&'s mut Vec<Cow<'a, str>>);

#[derive(Default)]
struct Phase<'a>(Option<Cow<'a, str>>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum PhaseKey {
    #[serde(alias = "name")]
    Phase,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for Phase<'a> {
    type Key = PhaseKey;
    const WHAT: &'static str = "a phase";

    fn member<A: MapAccess<'a>>(&mut self, key: PhaseKey, map: &mut A) -> Result<(), A::Error> {
        match key {
            PhaseKey::Phase => self.0 = said(map)?,
            PhaseKey::Other => skip(map)?,
        }
        Ok(())
    }
}

impl<'a> List<'a> for Phases<'_, 'a> {
    const WHAT: &'static str = "a list of phases";

    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error> {
        let mut phase = Phase::default();
        let found = list.next_element_seed(One(&mut phase))?;
        if let Some(phase) = phase.0 {
            push(self.0, phase, ENTRIES)?;
        }
        Ok(found)
    }
}

/// `tools`: a list until 1.4, an object with `components` and `services` since 1.5; both are still written.
struct Tools<'s, 'a>(&'s mut Vec<Generator<'a>>);

impl<'a> DeserializeSeed<'a> for Tools<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Tools<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tools")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, list: A) -> Result<(), A::Error> {
        Each(&mut self).visit_seq(list)
    }

    fn visit_map<A: MapAccess<'a>>(mut self, map: A) -> Result<(), A::Error> {
        One(&mut self).visit_map(map)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

impl<'a> List<'a> for Tools<'_, 'a> {
    const WHAT: &'static str = "a list of tools";

    fn item<A: SeqAccess<'a>>(&mut self, list: &mut A) -> Result<Option<()>, A::Error> {
        let mut tool = Generator::default();
        let found = list.next_element_seed(One(&mut tool))?;
        if found.is_some() {
            push(self.0, tool, ENTRIES)?;
        }
        Ok(found)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum ToolsKey {
    #[serde(alias = "services")]
    Components,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for Tools<'_, 'a> {
    type Key = ToolsKey;
    const WHAT: &'static str = "tools";

    fn member<A: MapAccess<'a>>(&mut self, key: ToolsKey, map: &mut A) -> Result<(), A::Error> {
        match key {
            ToolsKey::Components => map.next_value_seed(Each(self)),
            ToolsKey::Other => skip(map),
        }
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
pub(super) enum ToolKey {
    Name,
    Version,
    Vendor,
    Publisher,
    #[serde(alias = "provider", alias = "manufacturer")]
    Supplier,
    #[serde(other)]
    Other,
}

impl<'a> Object<'a> for Generator<'a> {
    type Key = ToolKey;
    const WHAT: &'static str = "a tool";

    fn member<A: MapAccess<'a>>(&mut self, key: ToolKey, map: &mut A) -> Result<(), A::Error> {
        match key {
            ToolKey::Name => self.name = text(map)?.unwrap_or_default(),
            ToolKey::Version => self.version = said(map)?,
            ToolKey::Vendor | ToolKey::Publisher => self.vendor = said(map)?,
            ToolKey::Supplier => self.vendor = named(map)?,
            ToolKey::Other => skip(map)?,
        }
        Ok(())
    }
}
