//! The outermost object: the marks that say what a document is, and the wrappers that it comes in.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess};

use super::cyclonedx::{self, Components};
use super::shape::{Count, Each, Object, One, skip, text};
use super::{Sbom, SbomError, SbomFormat, spdx2, spdx3};

const CYCLONEDX: [&str; 6] = ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];
const SPDX_2: [&str; 2] = ["SPDX-2.2", "SPDX-2.3"];

/// The format that a predicate type announces, and its version where it has one.
pub(super) struct Wanted<'a> {
    name: &'static str,
    version: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(predicate_type: &'a str) -> Result<Self, SbomError> {
        for (base, name) in [
            ("https://cyclonedx.org/bom", "CycloneDX"),
            ("https://spdx.dev/Document", "SPDX"),
        ] {
            let Some(rest) = predicate_type.strip_prefix(base) else {
                continue;
            };
            if rest.is_empty() {
                return Ok(Self {
                    name,
                    version: None,
                });
            }
            if let Some(version) = rest.strip_prefix("/v") {
                let version = Some(version);
                return Ok(Self { name, version });
            }
        }
        Err(SbomError::unsupported(format!(
            "predicate type {predicate_type}"
        )))
    }

    /// `v1.6` is 1.6 only, `v1` any 1.x, `v3.0.1` any 3.0.x.
    pub(super) fn check(&self, found: SbomFormat) -> Result<(), SbomError> {
        let version = found.version();
        let same = self.version.is_none_or(|wanted| {
            wanted == version || starts(version, wanted) || starts(wanted, version)
        });
        if self.name == found.name() && same {
            return Ok(());
        }
        let wanted = self.version.unwrap_or_default();
        Err(SbomError::other(format!(
            "{} {version} where the predicate type says {} {wanted}",
            found.name(),
            self.name
        )))
    }
}

/// Whether `version` is `major` with more numbers behind it.
fn starts(version: &str, major: &str) -> bool {
    version
        .strip_prefix(major)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// What is not JSON, by how it begins.
pub(super) fn other_syntax(bytes: &[u8]) -> Option<&'static str> {
    let bytes = bytes.trim_ascii_start();
    match bytes.first() {
        None => Some("nothing"),
        Some(b'<') => Some("XML"),
        Some(_) if bytes.starts_with(b"SPDXVersion:") || bytes.starts_with(b"#") => {
            Some("SPDX tag-value")
        }
        Some(_) => None,
    }
}

/// Everything that a document of any format may have at its top. No member belongs to two of them.
#[derive(Default)]
pub(super) struct Document<'a> {
    bom_format: Option<Cow<'a, str>>,
    spec_version: Option<Cow<'a, str>>,
    spdx_version: Option<Cow<'a, str>>,
    context: bool,
    cyclonedx: Option<Box<cyclonedx::Parts<'a>>>,
    spdx2: Option<Box<spdx2::Parts<'a>>>,
    spdx3: Option<Box<spdx3::Graph<'a>>>,
    data: Option<Box<Document<'a>>>,
    text: Option<Cow<'a, str>>,
}

/// What is inside the wrappers.
pub(super) enum Content<'a> {
    Sbom(Box<Sbom<'a>>),
    /// A document that is still a string.
    Text(Cow<'a, str>),
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
pub(super) enum Key {
    BomFormat,
    SpecVersion,
    SerialNumber,
    Metadata,
    Components,
    Dependencies,
    SpdxVersion,
    DocumentNamespace,
    CreationInfo,
    Packages,
    HasExtractedLicensingInfos,
    Relationships,
    DocumentDescribes,
    #[serde(rename = "@context")]
    Context,
    #[serde(rename = "@graph")]
    Graph,
    #[serde(rename = "Data")]
    Data,
    #[serde(other)]
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Document<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let mut document = Document::default();
        reader.deserialize_any(One(&mut document))?;
        Ok(document)
    }
}

impl<'a> Object<'a> for Document<'a> {
    type Key = Key;
    const WHAT: &'static str = "an SBOM";

    fn member<A: MapAccess<'a>>(&mut self, key: Key, map: &mut A) -> Result<(), A::Error> {
        match key {
            Key::BomFormat => self.bom_format = text(map)?,
            Key::SpecVersion => self.spec_version = text(map)?,
            Key::SpdxVersion => self.spdx_version = text(map)?,
            Key::SerialNumber => self.cyclonedx().serial_number = text(map)?,
            Key::Metadata => {
                let parts = self.cyclonedx.get_or_insert_default();
                map.next_value_seed(One(&mut cyclonedx::Metadata(parts)))?;
            }
            Key::Components => {
                let parts = self.cyclonedx.get_or_insert_default();
                map.next_value_seed(Each(&mut Components { parts, depth: 0 }))?;
            }
            Key::Dependencies => {
                let mut count = Count::default();
                map.next_value_seed(Each(&mut count))?;
                self.cyclonedx().dependencies = count.0;
            }
            Key::DocumentNamespace
            | Key::CreationInfo
            | Key::Packages
            | Key::HasExtractedLicensingInfos
            | Key::Relationships
            | Key::DocumentDescribes => self.spdx2.get_or_insert_default().member(key, map)?,
            Key::Context => {
                map.next_value::<IgnoredAny>()?;
                self.context = true;
            }
            Key::Graph => map.next_value_seed(Each(&mut **self.spdx3.get_or_insert_default()))?,
            Key::Data => map.next_value_seed(One(&mut **self.data.get_or_insert_default()))?,
            Key::Other => skip(map)?,
        }
        Ok(())
    }

    fn text(&mut self, text: Cow<'a, str>) -> bool {
        self.text = Some(text);
        true
    }
}

impl<'a> Document<'a> {
    fn cyclonedx(&mut self) -> &mut cyclonedx::Parts<'a> {
        self.cyclonedx.get_or_insert_default()
    }

    /// What the document is: exactly one thing, or an error.
    pub(super) fn unwrapped(mut self) -> Result<Content<'a>, SbomError> {
        if let Some(text) = self.text.take() {
            return Ok(Content::Text(text));
        }
        if let Some(data) = self.data.take() {
            if self.is_marked() {
                return Err(SbomError::unsupported("an SBOM that wraps another"));
            }
            if data.data.is_some() {
                return Err(SbomError::unsupported("a wrapper in a wrapper"));
            }
            return data.unwrapped();
        }
        self.sbom().map(|sbom| Content::Sbom(Box::new(sbom)))
    }

    /// Whether anything says or looks as if this were an SBOM.
    fn is_marked(&self) -> bool {
        self.bom_format.is_some()
            || self.spdx_version.is_some()
            || self.cyclonedx.is_some()
            || self.spdx2.is_some()
            || self.spdx3.is_some()
    }

    fn sbom(self) -> Result<Sbom<'a>, SbomError> {
        let seen = [
            self.bom_format.is_some() || self.cyclonedx.is_some(),
            self.spdx_version.is_some() || self.spdx2.is_some(),
            self.spdx3.is_some(),
        ];
        if seen.iter().filter(|seen| **seen).count() > 1 {
            return Err(SbomError::unsupported("members of several formats"));
        }
        if let Some(name) = self.bom_format {
            let version = self.spec_version.unwrap_or_default();
            let known = CYCLONEDX.iter().find(|known| **known == version);
            return match known {
                Some(version) if name == "CycloneDX" => {
                    Ok(self.cyclonedx.unwrap_or_default().sbom(version))
                }
                _ => Err(SbomError::unsupported(format!("{name} {version}"))),
            };
        }
        if let Some(version) = self.spdx_version {
            let known = SPDX_2.iter().find(|known| **known == version);
            let known = known.and_then(|known| known.strip_prefix("SPDX-"));
            return match known {
                Some(version) => Ok(self.spdx2.unwrap_or_default().sbom(version)),
                None => Err(SbomError::unsupported(version)),
            };
        }
        match self.spdx3 {
            Some(graph) if self.context => graph.sbom(),
            _ => Err(SbomError::unsupported(
                "neither bomFormat, nor spdxVersion, nor @context with @graph",
            )),
        }
    }
}
