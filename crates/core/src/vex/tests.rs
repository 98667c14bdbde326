// The corpus test reads its documents; core itself reads nothing.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods
)]

use serde_json::{Value, json};

use super::*;
use crate::Digest;
use crate::package::Purl;
use crate::policy::authorize::Author;

const OPENVEX: &str = "https://openvex.dev/ns/v0.2.0";

fn image() -> Digest {
    Digest::of(b"image")
}

fn openvex(statements: &Value) -> String {
    json!({"@context": OPENVEX, "@id": "urn:x", "author": "a", "version": 1,
        "timestamp": "2026-01-01T00:00:00Z", "statements": statements})
    .to_string()
}

/// What one OpenVEX document says.
fn of_one(json: &str) -> Verdicts {
    let document = Document {
        signer: 0,
        author: Author::Key(Digest::of(b"key")),
        at: UnixTime::from_seconds(1),
        predicate_type: OPENVEX,
        json: json.as_bytes(),
    };
    Verdicts::of(image(), 1, [document])
}

/// What documents, each with its Signer and proven second, say of CVE-1 in `package`.
fn said(
    threshold: usize,
    documents: &[(usize, i64, &str, String)],
    package: Option<&str>,
) -> Option<Result<String, String>> {
    let documents = documents
        .iter()
        .map(|(signer, at, predicate_type, json)| Document {
            signer: *signer,
            author: Author::Key(Digest::of(signer.to_string().as_bytes())),
            at: UnixTime::from_seconds(*at),
            predicate_type,
            json: json.as_bytes(),
        });
    Verdicts::of(image(), threshold, documents).on(&["cve-1"], package)
}

fn one(statement: &Value, package: Option<&str>) -> Option<Result<String, String>> {
    said(1, &[(0, 1, OPENVEX, openvex(&json!([statement])))], package)
}

#[test]
fn only_fixed_and_a_justified_not_affected_subtract() {
    for (status, justification, subtracts) in [
        ("fixed", Value::Null, true),
        ("not_affected", json!("component_not_present"), true),
        ("not_affected", Value::Null, false),
        ("not_affected", json!("because I say so"), false),
        ("affected", json!("component_not_present"), false),
        ("under_investigation", Value::Null, false),
    ] {
        let statement = json!({"vulnerability": {"name": "CVE-1"}, "status": status,
            "justification": justification, "impact_statement": "none at all"});
        let said = one(&statement, None).unwrap();
        assert_eq!(said.is_ok(), subtracts, "{status} {justification}");
    }
    let unknown = json!({"vulnerability": {"name": "CVE-1"}, "status": "fine"});
    assert_eq!(one(&unknown, None), None);
}

#[test]
fn products_are_compared_whole() {
    let hex = image().hex();
    let oci = format!("pkg:oci/app@sha256%3A{hex}?repository_url=ghcr.io/acme/app");
    let other =
        "pkg:oci/app@sha256%3A0000000000000000000000000000000000000000000000000000000000000000";
    let net = "pkg:golang/golang.org/x/net@v0.37.0";
    for (product, holds) in [
        (json!({"@id": oci}), true),
        (json!({"identifiers": {"purl": oci}}), true),
        (json!({"hashes": {"sha-256": hex}}), true),
        (
            json!({"@id": oci.replace("pkg:oci/", "pkg:generic/")}),
            false,
        ),
        (json!({"@id": other}), false),
        (json!({"@id": "pkg:oci/app"}), false),
        (json!({"@id": "pkg:oci/app@v1"}), false),
        (json!({"@id": format!("sha256:{hex}")}), false),
        (json!({"hashes": {"sha-256": &hex[..60]}}), false),
        (json!({"@id": net}), true),
        (json!({"@id": "pkg:golang/golang.org/x/net"}), true),
        (json!({"@id": "pkg:golang/golang.org/x/net@v0.37"}), false),
        (json!({"@id": "pkg:golang/golang.org/x/ne@v0.37.0"}), false),
        (json!({"@id": "pkg:golang/golang.org/x@v0.37.0"}), false),
        (json!({"@id": "pkg:npm/golang.org/x/net@v0.37.0"}), false),
        (json!({"@id": format!("{net}?os=linux")}), false),
        (json!({"@id": format!("{net}#http2")}), false),
        (json!({"@id": oci, "subcomponents": [{"@id": net}]}), true),
        (
            json!({"@id": oci, "subcomponents": [{"@id": "pkg:golang/golang.org/x/text"}]}),
            false,
        ),
        (
            json!({"@id": oci, "subcomponents": [{"@id": "what"}]}),
            false,
        ),
        (
            json!({"@id": other, "subcomponents": [{"@id": net}]}),
            false,
        ),
        (json!({"@id": net, "subcomponents": [{"@id": net}]}), false),
        (json!({}), false),
    ] {
        let statement =
            json!({"vulnerability": {"name": "CVE-1"}, "status": "fixed", "products": [product]});
        let said = one(&statement, Some(net));
        assert_eq!(said.is_some(), holds, "{product}");
    }
    let none = json!({"vulnerability": {"name": "CVE-1"}, "status": "fixed", "products": []});
    assert_eq!(one(&none, Some(net)), None);
}

/// Whatever is longer than a package URL may be names nothing, and so says nothing away.
#[test]
fn a_product_with_an_endless_package_url_is_nothing() {
    for (length, holds) in [(3000, true), (5000, false)] {
        let purl = format!("pkg:npm/a@1?x={}", "x".repeat(length));
        let statement = json!({"vulnerability": {"name": "CVE-1"}, "status": "fixed",
            "products": [{"@id": &purl}]});
        let document = openvex(&json!([statement]));
        let verdicts = of_one(&document);
        assert_eq!(Purl::parse(&purl).is_ok(), holds);
        let said = verdicts.on(&["CVE-1"], Some(&purl));
        assert_eq!(said.is_some(), holds, "{length}");
    }
}

#[test]
fn names_are_whole_and_aliases_count() {
    for (vulnerability, holds) in [
        (json!("CVE-1"), true),
        (json!({"name": "GHSA-x", "aliases": ["CVE-1"]}), true),
        (json!({"name": "CVE-12"}), false),
        (json!({"name": "CVE"}), false),
    ] {
        let statement = json!({"vulnerability": vulnerability, "status": "fixed"});
        assert_eq!(one(&statement, None).is_some(), holds, "{vulnerability}");
    }
}

#[test]
fn the_newest_word_counts() {
    let statement = |status: &str, at: Option<&str>| json!({"vulnerability": {"name": "CVE-1"}, "status": status, "timestamp": at});
    let document = |status: &str| openvex(&json!([statement(status, None)]));
    let of = |signer: usize, at: i64, json: String| (signer, at, OPENVEX, json);
    let subtracts = |threshold: usize, documents: &[(usize, i64, &str, String)]| {
        said(threshold, documents, None).is_some_and(|it| it.is_ok())
    };
    let (fixed, affected) = (|| document("fixed"), || document("affected"));
    assert!(subtracts(1, &[of(0, 2, fixed()), of(0, 1, affected())]));
    assert!(!subtracts(1, &[of(0, 1, fixed()), of(0, 2, affected())]));
    assert!(!subtracts(1, &[of(0, 1, fixed()), of(1, 2, affected())]));
    // Equally new: it counts.
    assert!(!subtracts(1, &[of(0, 1, fixed()), of(1, 1, affected())]));
    // Thresholds, each by another key.
    assert!(!subtracts(2, &[of(0, 1, fixed()), of(0, 2, fixed())]));
    assert!(subtracts(2, &[of(0, 1, fixed()), of(1, 2, fixed())]));
    assert!(!subtracts(2, &[of(0, 1, affected()), of(1, 2, fixed())]));
    // What cannot be read outweighs what is older.
    let broken = || "{\"statements\": 1}".to_owned();
    assert!(!subtracts(1, &[of(0, 1, fixed()), of(0, 2, broken())]));
    assert!(subtracts(1, &[of(0, 3, fixed()), of(0, 2, broken())]));
    // Within one document the time at the statement orders.
    for (first, second, expected) in [
        ("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", false),
        ("2026-01-03T00:00:00Z", "2026-01-02T00:00:00Z", true),
        ("2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z", false),
    ] {
        let both = openvex(&json!([
            statement("fixed", Some(first)),
            statement("affected", Some(second))
        ]));
        assert_eq!(
            subtracts(1, &[of(0, 1, both)]),
            expected,
            "{first} {second}"
        );
    }
}

#[test]
fn cyclonedx_says_it_in_its_own_words() {
    let net = "pkg:golang/golang.org/x/net@v0.37.0";
    let document = |analysis: Value, affects: Value| {
        json!({"bomFormat": "CycloneDX", "specVersion": "1.6",
            "metadata": {"component": {"type": "container", "bom-ref": "image", "name": "app", "version": image().to_string()}},
            "components": [{"type": "library", "bom-ref": "lib", "name": "a", "components": [{"type": "library", "bom-ref": "net", "name": "net", "purl": net}]}],
            "vulnerabilities": [{"id": "CVE-1", "analysis": analysis, "affects": affects}]})
        .to_string()
    };
    let good = || json!({"state": "not_affected", "justification": "code_not_reachable"});
    for (analysis, affects, expected) in [
        (good(), json!([{"ref": "net"}]), Some(true)),
        (good(), json!([{"ref": "image"}]), Some(true)),
        (good(), json!([{"ref": net}]), Some(true)),
        (good(), json!([{"ref": "lib"}]), None),
        (
            good(),
            json!([{"ref": "urn:cdx:cbb2cd68-2857-43b8-a10b-e8c03d277d18/1#net"}]),
            None,
        ),
        (
            good(),
            json!([{"ref": "net", "versions": [{"version": "v0.37.0"}]}]),
            None,
        ),
        (good(), json!([]), None),
        (
            json!({"state": "not_affected"}),
            json!([{"ref": "net"}]),
            Some(false),
        ),
        (
            json!({"state": "not_affected", "justification": "component_not_present"}),
            json!([{"ref": "net"}]),
            Some(false),
        ),
        (
            json!({"state": "resolved"}),
            json!([{"ref": "net"}]),
            Some(true),
        ),
        (
            json!({"state": "exploitable"}),
            json!([{"ref": "net"}]),
            Some(false),
        ),
        (
            json!({"state": "in_triage"}),
            json!([{"ref": "net"}]),
            Some(false),
        ),
        (
            json!({"state": "false_positive"}),
            json!([{"ref": "net"}]),
            Some(false),
        ),
    ] {
        let json = document(analysis.clone(), affects.clone());
        let said = said(1, &[(0, 1, "https://cyclonedx.org/bom", json)], Some(net));
        assert_eq!(said.map(|it| it.is_ok()), expected, "{analysis} {affects}");
    }
}

#[test]
fn types_of_vex() {
    for (predicate_type, expected) in [
        ("https://openvex.dev/ns", true),
        ("https://openvex.dev/ns/v0.2.0", true),
        ("https://openvex.dev/ns/v9", true),
        ("https://openvex.dev/nsx", false),
        ("https://cyclonedx.org/bom", true),
        ("https://cyclonedx.org/bom/v1.6", true),
        ("https://cyclonedx.org/vex", true),
        ("https://spdx.dev/Document", false),
    ] {
        assert_eq!(is_vex(predicate_type), expected, "{predicate_type}");
    }
}

/// A registry may replay hundreds of scans of one image. What was asked once costs nothing more; all questions together have a bound.
#[test]
fn what_many_scans_ask_is_answered_once() {
    let products: Vec<Value> = (0..19_000)
        .map(|number| json!({"@id": format!("pkg:npm/x{number}")}))
        .collect();
    let json = openvex(&json!([
        {"vulnerability": {"name": "CVE-1"}, "status": "fixed", "products": products},
    ]));
    let verdicts = of_one(&json);
    let last = Some("pkg:npm/x18999");
    for _ in 0..300 {
        assert_eq!(verdicts.on(&["CVE-1"], last), Some(Ok("fixed".to_owned())));
    }
    // Each of these is another question, until nobody looks any more: then nothing is said away.
    let ask = |number: usize| verdicts.on(&["CVE-1"], Some(&format!("pkg:npm/x{number}@1")));
    assert_eq!(ask(0), Some(Ok("fixed".to_owned())));
    let answers: Vec<_> = (1..300).map(ask).collect();
    let too_much = Some(Err("too much VEX to compare".to_owned()));
    assert_eq!(answers.last(), Some(&too_much));
    let first = answers.iter().position(|it| *it == too_much);
    assert!(first.is_some_and(|first| first > 200), "{first:?}");
    assert_eq!(verdicts.on(&["CVE-1"], last), Some(Ok("fixed".to_owned())));
}

/// What govulncheck itself wrote (testdata/README.md): it names no product that could be this image, so it subtracts nothing until
/// somebody says in it which image it is about.
#[test]
fn govulnchecks_document_is_read() {
    let written = include_str!("../../../../testdata/predicates/openvex-govulncheck.json");
    let stdlib = "pkg:golang/stdlib@v1.26.8";
    let said = |json: &str, id: &str| {
        let verdicts = of_one(json);
        assert_eq!(verdicts.unread().count(), 0);
        verdicts.on(&[id], Some(stdlib))
    };
    assert_eq!(said(written, "CVE-2026-90002"), None);
    let product = format!("pkg:oci/app@sha256%3A{}", image().hex());
    let named = written.replace("Unknown Product", &product);
    let why = "not_affected (vulnerable_code_not_in_execute_path)".to_owned();
    assert_eq!(said(&named, "CVE-2026-90002"), Some(Ok(why)));
    assert_eq!(
        said(&named, "GO-2026-9001"),
        Some(Err("affected".to_owned()))
    );
    assert_eq!(said(&named, "GO-2026-9003"), None);
}

/// Every VEX document of the public corpus is read.
#[test]
fn the_corpus_is_read() {
    let Some(corpus) = countersign_testkit::gate::corpus() else {
        return;
    };
    let mut folders = vec![corpus.join("vex"), corpus.join("sbom/bom-examples/VEX")];
    let mut read_them = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_cyclonedx = name.starts_with("vex") && name.ends_with(".json");
            let predicate_type = match () {
                () if name.ends_with(".vex.json") || name == "v0.2.0.json" => OPENVEX,
                () if is_cyclonedx => "https://cyclonedx.org/bom",
                () => continue,
            };
            let json = std::fs::read(&path).unwrap();
            let assertions = read(predicate_type, &json);
            assert!(
                assertions.is_ok_and(|it| !it.is_empty()),
                "{}",
                path.display()
            );
            read_them += 1;
        }
    }
    assert_eq!(read_them, 29);
}
