//! `metadata`: what a document says about itself.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Parts, Reading};
use crate::sbom::shape::{Each, List, Named, Object, One, named, push, said, skip, text};
use crate::sbom::{ENTRIES, Generator};

/// `metadata`.
pub(in crate::sbom) struct Metadata<'s, 'a>(pub(in crate::sbom) &'s mut Parts<'a>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
pub(in crate::sbom) enum MetadataKey {
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
pub(in crate::sbom) enum ToolKey {
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
