#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;

fn read(text: &str) -> Result<Sbom<'_>, SbomError> {
    Sbom::read_document(text.as_bytes(), &Limits::default())
}

fn kind(text: &str) -> SbomErrorKind {
    read(text).unwrap_err().kind()
}

fn names<'a>(sbom: &'a Sbom<'_>) -> Vec<&'a str> {
    sbom.components.iter().map(|part| &*part.name).collect()
}

const CYCLONEDX: &str = r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": "urn:uuid:1", "x": [{}],
    "metadata": {"timestamp": "2026-01-01T00:00:00Z", "lifecycles": [{"phase": "build"}],
        "tools": {"components": [{"name": "syft", "version": "1.2"}], "services": [{"name": "web", "provider": {"name": "acme"}}]},
        "authors": [{"name": "Ann"}], "component": {"name": "app", "version": "7", "licenses": [{"expression": "MIT OR X"}]}},
    "components": [
        {"type": "library", "bom-ref": "a", "name": "outer", "version": "", "components": [
            {"name": "inner", "version": "2", "licenses": [{"license": {"name": "Free"}}]}],
         "licenses": [{"license": {"id": "MIT", "acknowledgement": "concluded"}}, {"license": {"id": "ISC"}}],
         "publisher": "p", "supplier": {"name": "s"}, "purl": "pkg:npm/outer@1", "hashes": [{}], "cpe": "cpe:2.3:a"},
        {"name": "last", "version": null, "publisher": "p", "hashes": []}],
    "dependencies": [{"ref": "a"}]}"#;

#[test]
fn cyclonedx_is_read_with_its_nested_components() {
    let sbom = read(CYCLONEDX).unwrap();
    assert_eq!(sbom.format, SbomFormat::CycloneDx { version: "1.6" });
    assert_eq!(names(&sbom), ["outer", "inner", "last"]);
    let depths: Vec<u8> = sbom.components.iter().map(|part| part.depth).collect();
    assert_eq!(depths, [0, 1, 0]);
    let [outer, inner, last] = &sbom.components[..] else {
        panic!()
    };
    assert_eq!(outer.version, None);
    assert_eq!(outer.purl.as_deref(), Some("pkg:npm/outer@1"));
    assert_eq!(outer.supplier.as_deref(), Some("s"));
    assert_eq!(outer.id, "a");
    assert!(outer.hashes && outer.other_ids);
    let texts = |part| -> Vec<_> {
        let claims = sbom.licenses(part).iter();
        claims
            .map(|claim| (claim.form, claim.stance, &*claim.text))
            .collect()
    };
    let (unsaid, concluded) = (Stance::Unsaid, Stance::Concluded);
    assert_eq!(
        texts(outer),
        [
            (LicenseForm::Id, concluded, "MIT"),
            (LicenseForm::Id, unsaid, "ISC")
        ]
    );
    assert_eq!(texts(inner), [(LicenseForm::Name, unsaid, "Free")]);
    assert_eq!(last.supplier.as_deref(), Some("p"));
    assert!(!last.hashes && !last.other_ids && texts(last).is_empty());
    let subject = sbom.subject.as_ref().unwrap();
    assert_eq!(subject.name, "app");
    assert_eq!(
        texts(subject),
        [(LicenseForm::Expression, unsaid, "MIT OR X")]
    );
    let tools: Vec<&str> = sbom.generators.iter().map(|tool| &*tool.name).collect();
    assert_eq!(tools, ["syft", "web"]);
    assert_eq!(
        (&*sbom.authors, &*sbom.phases),
        (&["Ann".into()][..], &["build".into()][..])
    );
    assert_eq!(sbom.relationships, 1);
}

const SPDX: &str = r#"{"spdxVersion": "SPDX-2.3", "documentNamespace": "https://n",
    "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: syft-1.2", "Organization: ACME"]},
    "packages": [
        {"SPDXID": "SPDXRef-root", "name": "app", "versionInfo": "NOASSERTION"},
        {"SPDXID": "SPDXRef-a", "name": "musl", "versionInfo": "1.2", "supplier": "Organization: Alpine", "checksums": [{}],
         "licenseDeclared": "MIT", "licenseConcluded": "NOASSERTION", "externalRefs": [
            {"referenceType": "cpe23Type", "referenceLocator": "cpe:x"}, {"referenceType": "purl", "referenceLocator": "pkg:apk/a"},
            {"referenceType": "purl", "referenceLocator": "pkg:apk/b"}]},
        {"name": "b", "supplier": "NOASSERTION", "licenseDeclared": "LicenseRef-1", "licenseConcluded": "NONE"}],
    "hasExtractedLicensingInfos": [{"licenseId": "LicenseRef-1", "name": "Own"}],
    "relationships": [
        {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-root"},
        {"spdxElementId": "SPDXRef-root", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-a"}]}"#;

#[test]
fn spdx_2_is_read_and_what_it_describes_kept_apart() {
    let sbom = read(SPDX).unwrap();
    assert_eq!(sbom.format, SbomFormat::Spdx { version: "2.3" });
    assert_eq!(names(&sbom), ["musl", "b"]);
    let subject = sbom.subject.as_ref().unwrap();
    assert_eq!((&*subject.name, &subject.version), ("app", &None));
    let [musl, b] = &sbom.components[..] else {
        panic!()
    };
    assert_eq!(musl.purls().collect::<Vec<_>>(), ["pkg:apk/a", "pkg:apk/b"]);
    assert_eq!(musl.supplier.as_deref(), Some("Alpine"));
    assert!(musl.hashes && musl.other_ids && b.supplier.is_none());
    let [only] = sbom.licenses(musl) else {
        panic!()
    };
    assert_eq!(
        (only.form, only.stance, &*only.text),
        (LicenseForm::Expression, Stance::Declared, "MIT")
    );
    let [_, none] = sbom.licenses(b) else {
        panic!()
    };
    assert_eq!(
        (none.form, none.stance),
        (LicenseForm::Nothing, Stance::Concluded)
    );
    assert_eq!(sbom.defined_licenses[0].name.as_deref(), Some("Own"));
    assert_eq!(
        (&*sbom.generators[0].name, &*sbom.authors[0]),
        ("syft-1.2", "ACME")
    );
    assert_eq!(sbom.relationships, 1);
}

const SPDX_3: &str = r#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
    {"type": "Relationship", "relationshipType": "hasDeclaredLicense", "from": "p", "to": ["l"]},
    {"type": "Relationship", "relationshipType": "hasConcludedLicense", "from": "r", "to": ["https://spdx.org/licenses/ISC"]},
    {"type": "Relationship", "relationshipType": "hasConcludedLicense", "from": "p", "to": ["https://spdx.org/rdf/3.0.1/terms/Licensing/NoAssertion"]},
    {"type": "Relationship", "relationshipType": "dependsOn", "from": "r", "to": ["p"]},
    {"type": "CreationInfo", "specVersion": "3.0.1", "created": "2026-01-01T00:00:00Z", "createdBy": ["o"], "createdUsing": ["t"]},
    {"type": "SpdxDocument", "spdxId": "d", "rootElement": ["s"]},
    {"type": "software_Sbom", "spdxId": "s", "rootElement": ["r"], "software_sbomType": ["build"]},
    {"type": "software_Package", "spdxId": "p", "name": "part", "software_packageVersion": "1", "suppliedBy": "o",
     "externalIdentifier": [{"externalIdentifierType": "packageUrl", "identifier": "pkg:npm/b"}], "software_packageUrl": "pkg:npm/a"},
    {"type": "software_Package", "spdxId": "r", "name": "root", "verifiedUsing": [{}]},
    {"type": "simplelicensing_LicenseExpression", "spdxId": "l", "simplelicensing_licenseExpression": "MIT"},
    {"type": "Organization", "spdxId": "o", "name": "ACME"}, {"type": "Tool", "spdxId": "t", "name": "maker"}]}"#;

#[test]
fn spdx_3_is_read_with_what_its_elements_refer_to() {
    let sbom = read(SPDX_3).unwrap();
    assert_eq!(sbom.format, SbomFormat::Spdx { version: "3.0" });
    let subject = sbom.subject.as_ref().unwrap();
    assert!(subject.name == "root" && subject.hashes);
    let [part] = &sbom.components[..] else {
        panic!()
    };
    assert_eq!(part.purls().collect::<Vec<_>>(), ["pkg:npm/a", "pkg:npm/b"]);
    assert_eq!(part.supplier.as_deref(), Some("ACME"));
    let text = |part| -> Vec<_> {
        sbom.licenses(part)
            .iter()
            .map(|claim| &*claim.text)
            .collect()
    };
    assert_eq!((text(part), text(subject)), (vec!["MIT"], vec!["ISC"]));
    assert_eq!(
        (
            &*sbom.authors[0],
            &*sbom.generators[0].name,
            &*sbom.phases[0]
        ),
        ("ACME", "maker", "build")
    );
    assert_eq!(sbom.relationships, 1);
}

#[test]
fn predicates_are_read_as_they_are_wrapped() {
    let quoted = serde_json::to_string(CYCLONEDX).unwrap();
    let limits = Limits::default();
    for text in [
        CYCLONEDX.to_owned(),
        quoted.clone(),
        format!(r#"{{"Data": {CYCLONEDX}, "Timestamp": "t"}}"#),
        format!(r#"{{"Data": {quoted}, "Timestamp": "t"}}"#),
    ] {
        for name in ["", "/v1", "/v1.6"] {
            let name = format!("https://cyclonedx.org/bom{name}");
            let sbom = Sbom::read(&name, text.as_bytes(), &limits).unwrap();
            assert_eq!(names(&sbom), ["outer", "inner", "last"]);
            assert_eq!(sbom.licenses(&sbom.components[0]).len(), 2);
        }
        for name in [
            "https://spdx.dev/Document",
            "https://cyclonedx.org/bom/v1.5",
        ] {
            let error = Sbom::read(name, text.as_bytes(), &limits).unwrap_err();
            assert_eq!(error.kind(), SbomErrorKind::OtherFormat);
        }
    }
}

#[test]
fn what_is_no_sbom_is_unsupported() {
    for text in [
        "null",
        "{}",
        r#""SPDXVersion: SPDX-2.3""#,
        "SPDXVersion: SPDX-2.3",
        "<bom/>",
        "",
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.1"}"#,
        r#"{"bomFormat": "Other", "specVersion": "1.6"}"#,
        r#"{"specVersion": "1.6", "components": []}"#,
        r#"{"spdxVersion": "SPDX-2.1"}"#,
        r#"{"@context": "x", "@graph": []}"#,
        r#"{"@context": "x", "@graph": [{"type": "CreationInfo", "specVersion": "3.1"}]}"#,
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "packages": []}"#,
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "Data": {"spdxVersion": "SPDX-2.3"}}"#,
        r#"{"Data": {"Data": {"spdxVersion": "SPDX-2.3"}}}"#,
    ] {
        assert_eq!(kind(text), SbomErrorKind::UnsupportedFormat, "{text}");
    }
}

#[test]
fn wrong_types_and_twins_are_malformed() {
    for text in [
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": {}}"#,
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [[]]}"#,
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": 1}]}"#,
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [], "components": []}"#,
        "{\"Data\": \"{\\\"spdxVersion\\\": \\\"SPDX-2.3\\\", \\\"packages\\\": [], \\\"packages\\\": []}\"}",
        "[]",
        "{",
    ] {
        assert_eq!(kind(text), SbomErrorKind::Malformed, "{text}");
    }
}

#[test]
fn too_much_is_over_a_limit() {
    let many = vec!["{}"; COMPONENTS + 1].join(",");
    let long = "x".repeat(TEXT_BYTES + 1);
    for components in [many, format!(r#"{{"name": "{long}"}}"#)] {
        let text = format!(
            r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{components}]}}"#
        );
        assert_eq!(kind(&text), SbomErrorKind::OverLimit);
    }
    let limits = Limits {
        payload_bytes: CYCLONEDX.len() - 1,
        ..Limits::default()
    };
    let error = Sbom::read_document(CYCLONEDX.as_bytes(), &limits).unwrap_err();
    assert_eq!(error.kind(), SbomErrorKind::OverLimit);
}

#[test]
fn a_cut_or_changed_document_never_panics() {
    for text in [CYCLONEDX, SPDX, SPDX_3] {
        for end in 0..text.len() {
            assert!(Sbom::read_document(&text.as_bytes()[..end], &Limits::default()).is_err());
            let mut bytes = text.as_bytes().to_vec();
            for byte in [b'"', b'{', b']', b'0', 0xff] {
                bytes[end] = byte;
                drop(Sbom::read_document(&bytes, &Limits::default()));
            }
        }
    }
}
