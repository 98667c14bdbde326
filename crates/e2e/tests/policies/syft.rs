//! Every format that syft writes is read, and all tell the same packages.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use countersign_core::{Limits, Sbom};
use countersign_e2e::{REGISTRY_PARTS, Registry, RegistryKind, Syft, parts};

use crate::files;

/// The formats of syft 1.52 that countersign reads.
const FORMATS: [&str; 9] = [
    "cyclonedx-json@1.2",
    "cyclonedx-json@1.3",
    "cyclonedx-json@1.4",
    "cyclonedx-json@1.5",
    "cyclonedx-json@1.6",
    "cyclonedx-json@1.7",
    "spdx-json@2.2",
    "spdx-json@2.3",
    "spdx-json@3.0",
];

#[test]
fn every_format_of_syft_tells_the_same_packages() {
    let Some(parts) = parts(&[&REGISTRY_PARTS[..], &["syft"]].concat()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start(&parts, RegistryKind::WithReferrers).unwrap();
    let syft = Syft::new(&parts, folder.path());
    let [debian, alpine] = ["debian", "alpine"].map(|name| folder.path().join(name));
    files::debian(&parts, &debian);
    files::alpine(&alpine);
    for (root, platform, least) in [(debian, "linux/amd64", 10), (alpine, "linux/arm64", 2)] {
        let image = registry
            .push_files("acme/app", "v1", platform, &root)
            .unwrap();
        let files = FORMATS.map(|format| folder.path().join(format));
        let documents: Vec<(&str, &Path)> = FORMATS
            .into_iter()
            .zip(files.iter().map(|file| file.as_path()))
            .collect();
        syft.write(&image, &documents).unwrap();
        let mut told = documents
            .into_iter()
            .map(|(format, file)| (format, packages(format, &fs::read(file).unwrap())));
        let (_, expected) = told.next().unwrap();
        assert!(expected.len() >= least, "{expected:#?}");
        for (format, found) in told {
            assert_eq!(found, expected, "{format}");
        }
    }
}

/// Name, version and package URL of each package.
fn packages(format: &str, document: &[u8]) -> BTreeSet<[String; 3]> {
    let sbom = Sbom::read_document(document, &Limits::default()).unwrap();
    let (_, version) = format.split_once('@').unwrap();
    assert_eq!(sbom.format.version(), version, "{format}");
    assert!(
        sbom.created.is_some() && sbom.identity.is_some(),
        "{format}"
    );
    assert!(sbom.subject.is_some(), "{format}");
    let text = |text: Option<&Cow<'_, str>>| text.map(ToString::to_string).unwrap_or_default();
    sbom.components
        .iter()
        .filter(|it| it.purl.is_some())
        .map(|it| {
            [
                it.name.to_string(),
                text(it.version.as_ref()),
                text(it.purl.as_ref()),
            ]
        })
        .collect()
}
