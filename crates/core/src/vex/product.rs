//! What a VEX assertion is about, held against an image and the packages in it. Nothing is compared as a prefix.

use crate::Digest;
use crate::package::Purl;

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
        self.purls.iter().any(|purl| is_image(purl, image)) || self.sha256.contains(&hex)
    }

    fn is_package(&self, package: Option<&Purl>) -> bool {
        package.is_some_and(|package| self.purls.iter().any(|purl| purl.names(package)))
    }
}

/// Whether this is the image of that digest: `pkg:oci/NAME@sha256:…`. Its name and place prove nothing.
fn is_image(purl: &Purl, image: &Digest) -> bool {
    purl.kind() == "oci" && purl.stated_version() == Some(&image.to_string())
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
