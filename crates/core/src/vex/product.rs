//! What a VEX assertion is about, held against an image and the packages in it. Nothing is compared as a prefix.

use std::collections::BTreeMap;
use std::str::FromStr;

use packageurl::PackageUrl;

use crate::Digest;

/// Longer package URLs are not read.
const MAX_PURL: usize = 2048;

/// A package URL in its parts (purl-spec), in canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Purl {
    kind: String,
    namespace: Option<String>,
    name: String,
    version: Option<String>,
    qualifiers: BTreeMap<String, String>,
    subpath: Option<String>,
}

impl Purl {
    /// Reads a package URL; nothing if it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_PURL {
            return None;
        }
        let purl = PackageUrl::from_str(text).ok()?;
        let qualifiers = purl.qualifiers().iter();
        Some(Self {
            kind: purl.ty().to_owned(),
            namespace: purl.namespace().map(str::to_owned),
            name: purl.name().to_owned(),
            version: purl.version().map(str::to_owned),
            qualifiers: qualifiers
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect(),
            subpath: purl.subpath().map(str::to_owned),
        })
    }

    /// Whether `other` is what this names. What this leaves out (version, subpath, qualifiers) may be anything there.
    fn names(&self, other: &Self) -> bool {
        let fits = |own: &Option<String>, other: &Option<String>| own.is_none() || own == other;
        (&self.kind, &self.namespace, &self.name) == (&other.kind, &other.namespace, &other.name)
            && fits(&self.version, &other.version)
            && fits(&self.subpath, &other.subpath)
            && self
                .qualifiers
                .iter()
                .all(|(key, value)| other.qualifiers.get(key) == Some(value))
    }

    /// Whether this is the image of that digest: `pkg:oci/NAME@sha256:…`. Its name and place prove nothing.
    fn is_image(&self, image: &Digest) -> bool {
        self.kind == "oci" && self.version.as_ref() == Some(&image.to_string())
    }
}

/// A product or a part of one, by everything that names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Thing {
    pub(super) purls: Vec<Purl>,
    /// Sha256 digests, in hexadecimal.
    pub(super) sha256: Vec<String>,
}

impl Thing {
    /// The thing that this text names, if it is a package URL. Other names are nothing that a finding could be compared with.
    pub(super) fn named(text: &str) -> Self {
        Self {
            purls: Purl::parse(text).into_iter().collect(),
            sha256: Vec::new(),
        }
    }

    fn is_image(&self, image: &Digest) -> bool {
        let hex = image.hex();
        self.purls.iter().any(|purl| purl.is_image(image)) || self.sha256.contains(&hex)
    }

    fn is_package(&self, package: Option<&Purl>) -> bool {
        package.is_some_and(|package| self.purls.iter().any(|purl| purl.names(package)))
    }
}

/// A product, or certain parts of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Product {
    pub(super) whole: Thing,
    /// Where some were written, it is about these alone.
    pub(super) parts: Vec<Thing>,
}

impl Product {
    /// Whether the assertion is about this package in this image: about the whole image, about the package in it, or about the
    /// package wherever it is.
    pub(super) fn holds(&self, image: &Digest, package: Option<&Purl>) -> bool {
        if self.parts.is_empty() {
            return self.whole.is_image(image) || self.whole.is_package(package);
        }
        self.whole.is_image(image) && self.parts.iter().any(|part| part.is_package(package))
    }
}
