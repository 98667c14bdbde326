//! What `cyclonedx-bom` and `spdx-rs` see in a document, in the words of the reader's own answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use countersign_core::{LicenseForm, Sbom, SbomFormat};
use cyclonedx_bom::models::component::Component;
use cyclonedx_bom::models::license::{LicenseChoice, LicenseIdentifier};
use cyclonedx_bom::prelude::Bom;
use spdx_rs::models::SPDX;

/// Name, version, package URLs, licences: what policy asks of a component. Empty where nothing is said.
pub(crate) type Part = (String, String, Vec<String>, Vec<String>);

/// The parts and the subject, as the reader sees them.
pub(crate) fn ours(sbom: &Sbom<'_>) -> Vec<Part> {
    let spdx = matches!(sbom.format, SbomFormat::Spdx { .. });
    let parts = sbom.all().map(|part| {
        let licenses = sbom.licenses(part).iter();
        let licenses = licenses.map(|claim| match claim.form {
            LicenseForm::Nothing => "NONE".to_owned(),
            _ if spdx => squeezed(&claim.text),
            _ => claim.text.to_string(),
        });
        (
            part.name.to_string(),
            part.version.as_deref().unwrap_or_default().to_owned(),
            part.purls().map(ToString::to_string).collect(),
            sorted(licenses.collect()),
        )
    });
    sorted(parts.collect())
}

/// As `cyclonedx-bom` reads it, or `None` if it cannot.
pub(crate) fn cyclonedx(bytes: &[u8]) -> Option<Vec<Part>> {
    let bom = quietly(|| Bom::parse_from_json(bytes).ok())?;
    let mut parts = Vec::new();
    if let Some(subject) = bom
        .metadata
        .as_ref()
        .and_then(|data| data.component.as_ref())
    {
        flatten(subject, &mut parts);
    }
    for component in bom.components.iter().flat_map(|components| &components.0) {
        flatten(component, &mut parts);
    }
    Some(sorted(parts))
}

fn flatten(component: &Component, parts: &mut Vec<Part>) {
    let licenses = component.licenses.iter().flat_map(|licenses| &licenses.0);
    let licenses = licenses.map(|choice| match choice {
        LicenseChoice::Expression(expression) => expression.to_string(),
        LicenseChoice::License(license) => match &license.license_identifier {
            LicenseIdentifier::SpdxId(id) => id.to_string(),
            LicenseIdentifier::Name(name) => name.to_string(),
        },
    });
    let version = component.version.as_ref();
    parts.push((
        component.name.to_string(),
        version.map(ToString::to_string).unwrap_or_default(),
        component.purl.iter().map(ToString::to_string).collect(),
        sorted(licenses.collect()),
    ));
    for nested in component.components.iter().flat_map(|nested| &nested.0) {
        flatten(nested, parts);
    }
}

/// As `spdx-rs` reads it, or `None` if it cannot.
pub(crate) fn spdx(bytes: &[u8]) -> Option<Vec<Part>> {
    let document: SPDX = quietly(|| serde_json::from_slice(bytes).ok())?;
    let parts = document.package_information.into_iter().map(|package| {
        let references = package.external_reference.into_iter();
        let mut purls: Vec<String> = references
            .filter(|reference| reference.reference_type == "purl")
            .map(|reference| reference.reference_locator)
            .collect();
        purls.dedup();
        let licenses = package
            .declared_license
            .into_iter()
            .chain(package.concluded_license);
        let licenses = licenses
            .map(|license| squeezed(&license.to_string()))
            .filter(|license| license != "NOASSERTION");
        let version = package.package_version.unwrap_or_default();
        (
            package.package_name,
            version.replace("NOASSERTION", ""),
            purls,
            sorted(licenses.collect()),
        )
    });
    Some(sorted(parts.collect()))
}

/// The first part that only one of the two sees.
pub(crate) fn difference(ours: &[Part], theirs: &[Part]) -> Option<String> {
    if ours == theirs {
        return None;
    }
    let only = |these: &[Part], those: &[Part]| {
        let part = these.iter().find(|part| !those.contains(part));
        part.map_or_else(
            || format!("{} parts", these.len()),
            |part| format!("{part:?}"),
        )
    };
    Some(format!(
        "ours {}, theirs {}",
        only(ours, theirs),
        only(theirs, ours)
    ))
}

/// An expression without what is only spelling: white space and outer parentheses.
fn squeezed(expression: &str) -> String {
    let words: Vec<&str> = expression.split_whitespace().collect();
    words.join(" ").replace("( ", "(").replace(" )", ")")
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

/// Both libraries panic on some documents: that is not reading them.
fn quietly<T>(read: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok().flatten()
}
