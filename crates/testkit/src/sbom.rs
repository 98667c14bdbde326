//! SBOMs of any size, as generators write them: the same for the same size.

use std::fmt::Write as _;

const LICENSES: [&str; 4] = [
    r#"{"license":{"id":"MIT"}}"#,
    r#"{"license":{"id":"Apache-2.0"}},{"license":{"name":"BSD \"new\" or\nrevised"}}"#,
    r#"{"expression":"GPL-2.0-or-later WITH Classpath-exception-2.0 OR EPL-2.0"}"#,
    r#"{"license":{"name":"Public Domain"}}"#,
];

/// A small SPDX 2.3 document with everything that is read of one.
pub const SPDX_2: &str = r#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","documentNamespace":"https://acme.example/1",
"creationInfo":{"created":"2026-11-01T00:00:00Z","creators":["Tool: maker-1.0","Organization: ACME"]},"documentDescribes":["SPDXRef-app"],
"packages":[{"SPDXID":"SPDXRef-app","name":"app","versionInfo":"7","primaryPackagePurpose":"CONTAINER"},
{"SPDXID":"SPDXRef-musl","name":"musl","versionInfo":"1.2.5-r10","supplier":"Organization: Alpine","licenseDeclared":"MIT",
"licenseConcluded":"LicenseRef-1","checksums":[{"algorithm":"SHA1","checksumValue":"00"}],"externalRefs":[
{"referenceType":"purl","referenceLocator":"pkg:apk/alpine/musl@1.2.5-r10"},{"referenceType":"cpe23Type","referenceLocator":"cpe:2.3:a"}]}],
"hasExtractedLicensingInfos":[{"licenseId":"LicenseRef-1","name":"Own","extractedText":"..."}],
"relationships":[{"spdxElementId":"SPDXRef-app","relationshipType":"CONTAINS","relatedSpdxElement":"SPDXRef-musl"}]}"#;

/// A small SPDX 3.0 document with everything that is read of one.
pub const SPDX_3: &str = r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[
{"type":"CreationInfo","@id":"_:c","specVersion":"3.0.1","created":"2026-11-01T00:00:00Z","createdBy":["urn:o"],"createdUsing":["urn:t"]},
{"type":"SpdxDocument","spdxId":"urn:d","rootElement":["urn:s"]},{"type":"Tool","spdxId":"urn:t","name":"maker"},
{"type":"software_Sbom","spdxId":"urn:s","rootElement":["urn:app"],"software_sbomType":["build"]},
{"type":"software_Package","spdxId":"urn:app","name":"app","software_packageVersion":"7","software_primaryPurpose":"container"},
{"type":"software_Package","spdxId":"urn:musl","name":"musl","software_packageUrl":"pkg:apk/alpine/musl@1.2.5-r10","suppliedBy":"urn:o",
"verifiedUsing":[{"type":"Hash"}],"externalIdentifier":[{"externalIdentifierType":"cpe23","identifier":"cpe:2.3:a"}]},
{"type":"Relationship","spdxId":"urn:1","relationshipType":"hasDeclaredLicense","from":"urn:musl","to":["urn:l"]},
{"type":"Relationship","spdxId":"urn:2","relationshipType":"dependsOn","from":"urn:app","to":["urn:musl"]},
{"type":"simplelicensing_LicenseExpression","spdxId":"urn:l","simplelicensing_licenseExpression":"MIT"},
{"type":"Organization","spdxId":"urn:o","name":"ACME"}]}"#;

/// A CycloneDX 1.5 document of about `bytes` bytes: components with hashes, licences and properties, each tenth with a nested one,
/// and what depends on what. A component takes about 1,100 bytes.
///
/// # Panics
/// Never: writing to a string does not fail.
#[must_use]
pub fn cyclonedx(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 4096);
    text.push_str(concat!(
        r#"{"$schema":"http://cyclonedx.org/schema/bom-1.5.schema.json","bomFormat":"CycloneDX","specVersion":"1.5","#,
        r#""serialNumber":"urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79","version":1,"metadata":{"#,
        r#""timestamp":"2026-11-01T00:00:00Z","tools":{"components":[{"type":"application","author":"acme","name":"maker","#,
        r#""version":"1.0.0"}]},"component":{"bom-ref":"app","type":"container","name":"acme/app","version":"7"}},"components":["#,
    ));
    let mut count = 0;
    // The rest is `dependencies`.
    while text.len() < bytes / 100 * 96 {
        if count > 0 {
            text.push(',');
        }
        let nested = if count % 10 == 9 {
            format!(r#","components":[{}]"#, component(count + 1_000_000, ""))
        } else {
            String::new()
        };
        text.push_str(&component(count, &nested));
        count += 1;
    }
    text.push_str(r#"],"dependencies":["#);
    for at in 0..count {
        let comma = if at > 0 { "," } else { "" };
        let next = (at * 7 + 1) % count;
        write!(
            text,
            r#"{comma}{{"ref":"ref-{at}","dependsOn":["ref-{next}"]}}"#
        )
        .expect("a string takes everything");
    }
    text.push_str("]}");
    text
}

fn component(at: usize, nested: &str) -> String {
    let licenses = LICENSES.get(at % 4).copied().unwrap_or_default();
    let hash = format!("{at:064x}");
    format!(
        concat!(
            r#"{{"bom-ref":"ref-{at}","type":"library","supplier":{{"name":"Acme {at} GmbH","url":["https://acme{at}.example"]}},"#,
            r#""name":"component-{at}","version":"1.{at}.3","description":"What number {at} is for:\nit holds things together.","#,
            r#""hashes":[{{"alg":"SHA-256","content":"{hash}"}}],"licenses":[{licenses}],"#,
            r#""cpe":"cpe:2.3:a:acme:component-{at}:1.{at}.3:*:*:*:*:*:*:*","purl":"pkg:npm/%40acme/component-{at}@1.{at}.3","#,
            r#""externalReferences":[{{"type":"vcs","url":"git+https://github.com/acme/component-{at}.git"}},"#,
            r#"{{"type":"website","url":"https://github.com/acme/component-{at}#readme"}}],"#,
            r#""properties":[{{"name":"maker:package:foundBy","value":"javascript-lock-cataloger"}},"#,
            r#"{{"name":"maker:package:language","value":"javascript"}},{{"name":"maker:package:type","value":"npm"}},"#,
            r#"{{"name":"maker:location:0:path","value":"/app/node_modules/@acme/component-{at}/package.json"}}]{nested}}}"#,
        ),
        at = at,
        hash = hash,
        licenses = licenses,
        nested = nested,
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::cyclonedx;

    #[test]
    fn a_document_is_json_of_the_size_that_was_asked_for() {
        let text = cyclonedx(100_000);
        assert!((90_000..110_000).contains(&text.len()), "{}", text.len());
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let components = document["components"].as_array().unwrap();
        assert!(components.len() > 50 && components[9]["components"].is_array());
        assert_eq!(text, cyclonedx(100_000));
    }
}
