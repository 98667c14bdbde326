//! The rule `sbom`: each demand decides with its own reason, over whole chains.

use countersign_core::{ReasonCode, Verdict};
use countersign_testkit::forge::{Forge, Identity};
use serde_json::{Value, json};

use crate::world::{SBOM, World, ci, set};

const SPDX: &str = "https://spdx.dev/Document/v2.3";

/// As generators write it: three components, one of them nested, one without a version.
pub(crate) fn cyclonedx() -> Value {
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "version": 1,
        "metadata": {
            "timestamp": "2026-09-01T00:00:00Z",
            "tools": {"components": [{"type": "application", "name": "syft", "version": "1.38.0"}]},
            "authors": [{"name": "acme"}],
            "component": {"type": "container", "name": "app", "licenses": [{"license": {"id": "MIT"}}]}
        },
        "components": [
            {"type": "library", "name": "a", "version": "1.0", "purl": "pkg:npm/a@1.0", "supplier": {"name": "acme"},
             "licenses": [{"license": {"id": "MIT"}}], "hashes": [{"alg": "SHA-256", "content": "00"}],
             "components": [{"type": "library", "name": "b", "version": "2.0", "purl": "pkg:npm/b@2.0", "licenses": [{"expression": "Apache-2.0 OR AGPL-3.0-only"}]}]},
            {"type": "library", "name": "c", "purl": "pkg:npm/c", "licenses": [{"license": {"name": "agpl-3.0-or-later"}}]}
        ],
        "dependencies": [{"ref": "a", "dependsOn": ["b"]}]
    })
}

fn spdx() -> Value {
    json!({
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "app",
        "documentNamespace": "https://acme.example/app",
        "dataLicense": "CC0-1.0",
        "creationInfo": {"created": "2026-09-01T00:00:00Z", "creators": ["Tool: syft-1.38.0"]},
        "packages": [{"SPDXID": "SPDXRef-a", "name": "a", "versionInfo": "1.0", "downloadLocation": "NOASSERTION", "licenseConcluded": "MIT", "licenseDeclared": "AGPL-3.0-only"}]
    })
}

fn attested(predicate_type: &str, predicate: &Value) -> World {
    World::new().bundle(|forge: &Forge, digest| {
        let statement = forge.attestation(digest, predicate_type, predicate.clone());
        statement.keyless(Identity::default()).rekor_v1().bundle()
    })
}

fn text(more: &str) -> String {
    let more = if more.is_empty() {
        String::new()
    } else {
        format!(", {more}")
    };
    set(&[ci()], &format!("sbom: {{from: ci{more}}}"))
}

pub(crate) fn code(predicate_type: &str, predicate: &Value, more: &str) -> &'static str {
    attested(predicate_type, predicate).code(&text(more))
}

#[test]
fn each_demand_decides_with_its_own_reason() {
    for (good, bad, expected) in [
        (
            "formats: [cyclonedx]",
            "formats: [spdx]",
            "sbom-format-mismatch",
        ),
        (
            "formats: [spdx, cyclonedx]",
            "formats: [spdx]",
            "sbom-format-mismatch",
        ),
        (
            "minComponents: 3",
            "minComponents: 4",
            "sbom-too-few-components",
        ),
        (
            "generators: [\"syft\"]",
            "generators: [\"syf\"]",
            "generator-mismatch",
        ),
        (
            "generators: [\"trivy*\", \"syft-1.*\"]",
            "generators: [\"syft-2.*\"]",
            "generator-mismatch",
        ),
        (
            "licenses: {deny: [GPL-3.0]}",
            "licenses: {deny: [AGPL-3.0]}",
            "license-denied",
        ),
        (
            "licenses: {deny: [AGPL-1.0]}",
            "licenses: {deny: [agpl-3.0-only]}",
            "license-denied",
        ),
        (
            "licenses: {allow: [MIT, Apache-2.0, AGPL-3.0]}",
            "licenses: {allow: [MIT, Apache-2.0]}",
            "license-denied",
        ),
        (
            "fields: {name: {minCoverage: 100%}}",
            "fields: {supplier: {minCoverage: 34%}}",
            "sbom-incomplete",
        ),
        (
            "fields: {version: {minCoverage: 66%}}",
            "fields: {version: {minCoverage: 67%}}",
            "sbom-incomplete",
        ),
        (
            "fields: {uniqueId: {minCoverage: 100%}, licenses: {minCoverage: 100%}}",
            "fields: {hashes: {minCoverage: 34%}}",
            "sbom-incomplete",
        ),
        (
            "fields: {document: [author, timestamp, generator, relationships, identity]}",
            "fields: {document: [phase]}",
            "sbom-incomplete",
        ),
        (
            "fields: {preset: ntia-2021, minCoverage: 33%}",
            "fields: {preset: ntia-2021, minCoverage: 90%}",
            "sbom-incomplete",
        ),
        (
            "fields: {preset: ntia-2021, minCoverage: 90%, supplier: {minCoverage: 10%}, version: {minCoverage: 50%}}",
            "fields: {preset: cisa-2025, minCoverage: 1%}",
            "sbom-incomplete",
        ),
        ("maxAge: 1d", "maxAge: 1s", "too-old"),
    ] {
        assert_eq!(code(SBOM, &cyclonedx(), good), "pass", "{good}");
        assert_eq!(code(SBOM, &cyclonedx(), bad), expected, "{bad}");
    }
    assert_eq!(code(SBOM, &cyclonedx(), ""), "pass");
    assert_eq!(World::new().code(&text("")), "no-evidence");
    assert_eq!(
        code("https://slsa.dev/provenance/v1", &json!({}), ""),
        "no-sbom"
    );
}

#[test]
fn what_is_not_known_is_what_the_rule_says() {
    let of = |license: Value| {
        let mut sbom = cyclonedx();
        sbom["components"] = json!([{"type": "library", "name": "a", "version": "1"}]);
        if !license.is_null() {
            sbom["components"][0]["licenses"] = license;
        }
        sbom
    };
    let name = of(json!([{"license": {"name": "see LICENSE.txt"}}]));
    let own = of(json!([{"expression": "LicenseRef-own"}]));
    let nothing = of(Value::Null);
    let empty = of(json!([]));
    for (sbom, word, reason) in [
        (&name, "unknown", "license-unknown"),
        (&own, "unknown", "license-unknown"),
        (&nothing, "missing", "license-missing"),
        (&empty, "missing", "license-missing"),
    ] {
        for (lenience, expected, warned) in [
            ("deny", reason, false),
            ("warn", "pass", true),
            ("allow", "pass", false),
        ] {
            let rule = text(&format!(
                "licenses: {{deny: [AGPL-3.0], {word}: {lenience}}}"
            ));
            let world = attested(SBOM, sbom);
            assert_eq!(world.code(&rule), expected, "{word} {lenience}");
            let decision = world.decide(&rule);
            let warnings: Vec<&str> = decision
                .warnings()
                .iter()
                .map(|it| it.code.as_str())
                .collect();
            assert_eq!(
                warnings.contains(&reason),
                warned,
                "{word} {lenience}: {warnings:?}"
            );
        }
        // Nothing said: denied.
        assert_eq!(code(SBOM, sbom, "licenses: {deny: [AGPL-3.0]}"), reason);
    }
    assert_eq!(
        code(SBOM, &own, "licenses: {allow: [LicenseRef-own, MIT]}"),
        "pass"
    );
}

#[test]
fn what_the_author_concluded_goes_before_what_is_declared() {
    assert_eq!(code(SPDX, &spdx(), "licenses: {deny: [AGPL-3.0]}"), "pass");
    assert_eq!(
        code(SPDX, &spdx(), "licenses: {deny: [MIT]}"),
        "license-denied"
    );
    let mut declared = spdx();
    declared["packages"][0]["licenseConcluded"] = json!("NOASSERTION");
    assert_eq!(
        code(SPDX, &declared, "licenses: {deny: [AGPL-3.0]}"),
        "license-denied"
    );
    // That there is none takes nothing away from what is declared, and is no licence either.
    declared["packages"][0]["licenseConcluded"] = json!("NONE");
    for (demand, expected) in [
        ("deny: [AGPL-3.0]", "license-denied"),
        ("deny: [MIT], missing: deny", "license-missing"),
        ("allow: [AGPL-3.0], missing: deny", "license-missing"),
        ("deny: [MIT], missing: allow", "pass"),
    ] {
        let demand = format!("licenses: {{{demand}}}");
        assert_eq!(code(SPDX, &declared, &demand), expected, "{demand}");
    }
}

/// A document of one component, whose licence is concluded and declared so, with its predicate type.
type Form<'a> = &'a dyn Fn(&str, &str) -> (&'static str, Value);

/// What nobody understands, and what says that there is nothing, hides no licence that is declared.
#[test]
fn a_conclusion_hides_nothing_that_it_does_not_judge() {
    let cyclonedx = |concluded: &str, declared: &str| {
        let mut sbom = cyclonedx();
        sbom["components"] = json!([{"type": "library", "name": "a", "version": "1", "licenses": [
            {"license": {"name": concluded, "acknowledgement": "concluded"}},
            {"license": {"id": declared, "acknowledgement": "declared"}}]}]);
        (SBOM, sbom)
    };
    let spdx = |concluded: &str, declared: &str| {
        let mut sbom = spdx();
        sbom["packages"][0]["licenseConcluded"] = json!(concluded);
        sbom["packages"][0]["licenseDeclared"] = json!(declared);
        (SPDX, sbom)
    };
    let spdx_3 = |concluded: &str, declared: &str| {
        let concluded = match concluded {
            "NONE" | "NOASSERTION" => format!(
                "https://spdx.org/rdf/3.0.1/terms/Licensing/{}",
                match concluded {
                    "NONE" => "None",
                    _ => "NoAssertion",
                }
            ),
            other => format!("https://spdx.org/licenses/{other}"),
        };
        let relation = |kind: &str, to: String| json!({"type": "Relationship", "relationshipType": kind, "from": "p", "to": [to]});
        let sbom = json!({"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
            {"type": "CreationInfo", "specVersion": "3.0.1", "created": "2026-01-01T00:00:00Z", "createdBy": ["o"]},
            {"type": "software_Package", "spdxId": "p", "name": "a", "software_packageVersion": "1"},
            relation("hasConcludedLicense", concluded),
            relation("hasDeclaredLicense", format!("https://spdx.org/licenses/{declared}"))]});
        (SPDX_ANY, sbom)
    };
    const SPDX_ANY: &str = "https://spdx.dev/Document";
    let forms: [Form<'_>; 3] = [&cyclonedx, &spdx, &spdx_3];
    for sbom in forms {
        for lenient in ["", ", unknown: allow, missing: allow"] {
            for rule in ["deny: [AGPL-3.0]", "allow: [MIT]"] {
                let rule = format!("licenses: {{{rule}{lenient}}}");
                for (concluded, declared, expected) in [
                    ("MIT", "AGPL-3.0-only", "pass"),
                    ("MIT", "MIT", "pass"),
                    ("AGPL-3.0-only", "MIT", "license-denied"),
                    ("NONE", "AGPL-3.0-only", "license-denied"),
                    ("NOASSERTION", "AGPL-3.0-only", "license-denied"),
                    ("LicenseRef-own", "AGPL-3.0-only", "license-denied"),
                ] {
                    let (predicate_type, sbom) = sbom(concluded, declared);
                    let found = code(predicate_type, &sbom, &rule);
                    assert_eq!(found, expected, "{rule} {concluded} {declared} {sbom}");
                }
                // What is declared is acceptable, and says so where nothing is concluded.
                let (predicate_type, sbom) = sbom("NOASSERTION", "MIT");
                let found = code(predicate_type, &sbom, &rule);
                let named = predicate_type == SBOM && lenient.is_empty();
                assert_eq!(
                    found,
                    if named { "license-unknown" } else { "pass" },
                    "{rule}"
                );
            }
        }
    }
}

/// An allowlist is about each component: nothing passes it by saying nothing.
#[test]
fn an_allowlist_is_not_passed_by_emptiness() {
    let of = |licenses: Value| {
        let mut sbom = cyclonedx();
        sbom["components"] =
            json!([{"type": "library", "name": "a", "version": "1", "licenses": licenses}]);
        sbom
    };
    let allow = "licenses: {allow: [MIT]}";
    for (licenses, expected) in [
        (json!([{"license": {"id": "MIT"}}]), "pass"),
        (json!([{"expression": "MIT OR BSD-3-Clause"}]), "pass"),
        (
            json!([{"expression": "MIT AND BSD-3-Clause"}]),
            "license-denied",
        ),
        (
            json!([{"license": {"id": "MIT"}}, {"license": {"id": "ISC"}}]),
            "license-denied",
        ),
        (Value::Null, "license-missing"),
        (json!([]), "license-missing"),
        (json!([{}]), "license-missing"),
        (json!([{"license": {}}]), "license-missing"),
        (json!([{"expression": " "}]), "license-missing"),
        (json!([{"expression": "()"}]), "license-unknown"),
        (json!([{"license": {"name": ","}}]), "license-unknown"),
        (json!([{"license": {"name": "NONE"}}]), "license-unknown"),
    ] {
        assert_eq!(
            code(SBOM, &of(licenses.clone()), allow),
            expected,
            "{licenses}"
        );
    }
    let mut nothing = cyclonedx();
    nothing["components"] = json!([]);
    assert_eq!(code(SBOM, &nothing, allow), "sbom-too-few-components");
}

/// The subject's own licence counts too, and all of several.
#[test]
fn every_licence_of_every_component_counts() {
    let mut sbom = cyclonedx();
    sbom["components"][1]["licenses"] = json!([{"license": {"id": "MIT"}}]);
    assert_eq!(code(SBOM, &sbom, "licenses: {deny: [AGPL-3.0]}"), "pass");
    sbom["metadata"]["component"]["licenses"] = json!([{"license": {"id": "AGPL-3.0-only"}}]);
    assert_eq!(
        code(SBOM, &sbom, "licenses: {deny: [AGPL-3.0]}"),
        "license-denied"
    );
    sbom["metadata"]["component"]["licenses"] =
        json!([{"license": {"id": "MIT"}}, {"license": {"id": "AGPL-3.0-only"}}]);
    assert_eq!(
        code(SBOM, &sbom, "licenses: {deny: [AGPL-3.0]}"),
        "license-denied"
    );
}

/// syft lists the files in which it found packages; they have no version and no licence, and are no packages.
#[test]
fn files_of_which_nothing_is_stated_are_no_components() {
    let with = |component: Value| {
        let mut document = cyclonedx();
        document["components"]
            .as_array_mut()
            .unwrap()
            .push(component);
        document
    };
    let judged = |component: Value, more: &str| code(SBOM, &with(component), more);
    let hashes = json!([{"alg": "SHA-256", "content": "00"}]);
    let file = json!({"type": "file", "name": "/etc/os-release", "hashes": hashes});
    let missing = "licenses: {deny: [GPL-3.0], missing: deny}";
    let covered = "fields: {version: {minCoverage: 66%}}";
    assert_eq!(judged(file.clone(), missing), "pass");
    assert_eq!(judged(file.clone(), covered), "pass");
    assert_eq!(
        judged(file.clone(), "fields: {hashes: {minCoverage: 34%}}"),
        "sbom-incomplete"
    );
    assert_eq!(
        judged(file.clone(), "minComponents: 4"),
        "sbom-too-few-components"
    );
    // A file that says of itself what packages do is one, and so is a package of which nothing is known.
    let stated = [
        ("purl", json!("pkg:npm/d")),
        ("cpe", json!("cpe:2.3:a:d:d:*:*:*:*:*:*:*:*")),
    ];
    for (name, value) in stated {
        let mut package = file.clone();
        package[name] = value;
        assert_eq!(
            judged(package.clone(), covered),
            "sbom-incomplete",
            "{name}"
        );
        assert_eq!(judged(package, missing), "license-missing", "{name}");
    }
    let mut versioned = file.clone();
    versioned["version"] = json!("1");
    assert_eq!(judged(versioned, missing), "license-missing");
    let mut licensed = file.clone();
    licensed["licenses"] = json!([{"license": {"id": "GPL-3.0-only"}}]);
    assert_eq!(judged(licensed, missing), "license-denied");
    let library = json!({"type": "library", "name": "d"});
    assert_eq!(judged(library, missing), "license-missing");
}

#[test]
fn what_cannot_be_read_never_passes() {
    let mut empty = cyclonedx();
    empty["components"] = json!([]);
    let mut newer = cyclonedx();
    newer["specVersion"] = json!("9.9");
    for (predicate_type, predicate, expected) in [
        (SBOM, json!({}), "unsupported-format"),
        (SBOM, Value::Null, "unsupported-format"),
        (SBOM, json!("SPDXVersion: SPDX-2.3\n"), "unsupported-format"),
        (
            SBOM,
            json!({"Data": cyclonedx().to_string(), "Timestamp": "2026-09-01T00:00:00Z"}),
            "pass",
        ),
        (SBOM, json!(cyclonedx().to_string()), "pass"),
        ("https://cyclonedx.org/bom/v1.6", cyclonedx(), "pass"),
        (SPDX, spdx(), "pass"),
        ("https://spdx.dev/Document", spdx(), "pass"),
        (SBOM, spdx(), "sbom-malformed"),
        (SPDX, cyclonedx(), "sbom-malformed"),
        (SBOM, newer, "unsupported-format"),
        (SBOM, empty, "sbom-too-few-components"),
        (
            SBOM,
            json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": {}}),
            "sbom-malformed",
        ),
        // Another type that begins alike is no SBOM.
        ("https://cyclonedx.org/bomb", cyclonedx(), "no-sbom"),
    ] {
        assert_eq!(
            code(predicate_type, &predicate, ""),
            expected,
            "{predicate_type} {predicate}"
        );
    }
}

/// Of several SBOMs one that holds is enough, unless the rule says otherwise; never a mix of two.
#[test]
fn one_document_holds_everything() {
    let both = attested(SBOM, &cyclonedx()).bundle(|forge, digest| {
        let statement = forge.attestation(digest, SPDX, spdx());
        statement.keyless(Identity::default()).rekor_v1().bundle()
    });
    assert_eq!(both.code(&text("licenses: {deny: [AGPL-3.0]}")), "pass");
    assert_eq!(
        both.code(&text("licenses: {deny: [AGPL-3.0]}, minComponents: 2")),
        "license-denied"
    );
    assert_eq!(
        both.code(&text("match: all, licenses: {deny: [AGPL-3.0]}")),
        "license-denied"
    );
    let decision = both.decide(&text("licenses: {deny: [AGPL-3.0]}"));
    assert_eq!(decision.effect(), Verdict::Allow);
}

#[test]
fn messages_name_the_components() {
    let world = attested(SBOM, &cyclonedx());
    let rule = world.rule(&text("licenses: {deny: [AGPL-3.0]}"));
    assert_eq!(rule.code, Some(ReasonCode::LicenseDenied));
    for part in ["pkg:npm/c", "agpl-3.0-or-later", "none of AGPL-3.0"] {
        assert!(rule.message.contains(part), "{part}: {}", rule.message);
    }
    assert!(!rule.message.contains("pkg:npm/b"), "{}", rule.message);
}
