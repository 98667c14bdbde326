//! The rule `sbom`: each demand decides with its own reason, over whole chains.

use countersign_core::{ReasonCode, Verdict};
use countersign_testkit::forge::{Forge, Identity};
use serde_json::{Value, json};

use crate::world::{SBOM, World, ci, set};

const SPDX: &str = "https://spdx.dev/Document/v2.3";

/// As generators write it: three components, one of them nested, one without a version.
fn cyclonedx() -> Value {
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

fn code(predicate_type: &str, predicate: &Value, more: &str) -> &'static str {
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

#[test]
fn banned_packages_are_found_by_their_urls_and_versions() {
    let of = |component: Value| {
        let mut sbom = cyclonedx();
        sbom["components"] = json!([component]);
        sbom
    };
    let log4j = |version: &str| {
        let purl = format!("pkg:maven/org.apache.logging.log4j/log4j-core{version}");
        of(json!({"type": "library", "name": "log4j-core", "purl": purl}))
    };
    let ban = "packages: {deny: [{purl: pkg:maven/org.apache.logging.log4j/log4j-core, versions: \"<2.17.1\"}]}";
    let all = "packages: {deny: [{purl: pkg:maven/org.apache.logging.log4j/log4j-core}]}";
    for (sbom, rule, expected) in [
        (log4j("@2.14.1"), ban, "package-banned"),
        (log4j("@2.17.1"), ban, "pass"),
        (log4j("@2.17.0-rc1"), ban, "package-banned"),
        (log4j("@2.17.1?type=jar"), ban, "pass"),
        (log4j("@2.17.1"), all, "package-banned"),
        (log4j(""), all, "package-banned"),
        (log4j(""), ban, "version-incomparable"),
        (
            of(json!({"type": "library", "name": "log4j-core", "version": "2.14.1"})),
            ban,
            "version-incomparable",
        ),
        (
            of(json!({"type": "library", "name": "Log4J-Core"})),
            all,
            "version-incomparable",
        ),
        (
            of(json!({"type": "library", "name": "x", "purl": "pkg:m aven/log4j-core@2"})),
            ban,
            "version-incomparable",
        ),
        (
            of(
                json!({"type": "library", "name": "log4j-core-test", "purl": "pkg:maven/org.apache.logging.log4j/log4j-core-test@2.14.1"}),
            ),
            ban,
            "pass",
        ),
        (
            of(
                json!({"type": "library", "name": "log4j-core", "purl": "pkg:maven/com.evil/log4j-core@2.14.1"}),
            ),
            ban,
            "pass",
        ),
        (
            of(
                json!({"type": "library", "name": "log4j-core", "version": "2.14.1", "purl": "pkg:maven/org.apache.logging.log4j/log4j-core"}),
            ),
            ban,
            "package-banned",
        ),
        (
            cyclonedx(),
            "packages: {deny: [{purl: pkg:npm/b, versions: \">=2, <3\"}]}",
            "package-banned",
        ),
        (
            cyclonedx(),
            "packages: {deny: [{purl: pkg:npm/b, versions: \"<2\"}]}",
            "pass",
        ),
        // Other spellings of the same package URL, and what each reader may read otherwise.
        (
            of(
                json!({"type": "library", "name": "x", "purl": "pkg:maven/org.apache.logging.log4j/log4j%2Dcore@2.14.0"}),
            ),
            ban,
            "package-banned",
        ),
        (
            of(
                json!({"type": "library", "name": "x", "purl": "pkg:Maven/org.apache.logging.log4j/%6cog4j-core@2.14.0"}),
            ),
            ban,
            "package-banned",
        ),
        (
            of(
                json!({"type": "library", "name": "x", "purl": "pkg://maven/org.apache.logging.log4j/log4j-core@2.14.0"}),
            ),
            ban,
            "package-banned",
        ),
        (
            of(json!({"type": "library", "name": "x", "purl": "pkg:pypi/typing_extensions@4.0"})),
            "packages: {deny: [{purl: pkg:pypi/typing-extensions, versions: \"<5\"}]}",
            "package-banned",
        ),
        (
            of(json!({"type": "library", "name": "x", "purl": "pkg:npm/%40acme%2Fa@1.0.0"})),
            "packages: {deny: [{purl: \"pkg:npm/%40acme/a\"}]}",
            "version-incomparable",
        ),
        (
            of(json!({"type": "library", "name": "typing_extensions", "version": "4"})),
            "packages: {deny: [{purl: pkg:pypi/typing-extensions}]}",
            "version-incomparable",
        ),
        (
            of(
                json!({"type": "library", "name": "org.apache.logging.log4j:log4j-core", "version": "2.14.0"}),
            ),
            ban,
            "version-incomparable",
        ),
        (
            of(
                json!({"type": "library", "name": "x", "purl": "pkg:deb/debian/bsdutils@2.38.1-5?epoch=1"}),
            ),
            "packages: {deny: [{purl: pkg:deb/debian/bsdutils, versions: \">=1:2.0\"}]}",
            "package-banned",
        ),
        // The component says another version than its package URL.
        (
            of(
                json!({"type": "library", "name": "x", "version": "2.14.1", "purl": "pkg:maven/org.apache.logging.log4j/log4j-core@2.17.1"}),
            ),
            ban,
            "version-incomparable",
        ),
        (
            of(
                json!({"type": "library", "name": "x", "version": "2.18.0", "purl": "pkg:maven/org.apache.logging.log4j/log4j-core@2.17.1"}),
            ),
            ban,
            "pass",
        ),
        (
            of(
                json!({"type": "library", "name": "x", "version": "2.38.1-5", "purl": "pkg:deb/debian/bsdutils@2.38.1-5?epoch=1"}),
            ),
            "packages: {deny: [{purl: pkg:deb/debian/bsdutils, versions: \"<1:2.0\"}]}",
            "pass",
        ),
        // The one without a version is the other package.
        (
            cyclonedx(),
            "packages: {deny: [{purl: pkg:npm/c, versions: \"<2\"}]}",
            "version-incomparable",
        ),
        (
            cyclonedx(),
            "packages: {deny: [{purl: pkg:npm/c, versions: \"<2\"}], incomparable: warn}",
            "pass",
        ),
        (
            cyclonedx(),
            "packages: {deny: [{purl: pkg:npm/c, versions: \"<2\"}], incomparable: allow}",
            "pass",
        ),
    ] {
        assert_eq!(
            code(SBOM, &sbom, rule),
            expected,
            "{rule} {}",
            sbom["components"]
        );
    }
}
