//! The example with provenance and SBOM.

use countersign_testkit::forge::Forgery;
use serde_json::{Value, json};

use crate::case::{Case, Example, image};
use crate::github::{MAIN, Run};
use crate::layout::Layout;

const APP: &str = "ghcr.io/acme/app";
const BUILT: &str = "built-from-a-release";
const INSIDE: &str = "inside";
const TAG: &str = "refs/tags/v1.2.3";
const BOM: &str = "https://cyclonedx.org/bom";
const VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";

/// An SBOM of so many components, which state all that the example asks for.
fn components(count: usize) -> Vec<Value> {
    let one = |number: usize| {
        let name = format!("part-{number}");
        json!({
            "type": "library", "name": name, "version": "1.0.0", "purl": format!("pkg:npm/{name}@1.0.0"),
            "licenses": [{"license": {"id": "MIT"}}],
        })
    };
    (0..count).map(one).collect()
}

/// The same with a change of the first ones.
fn changed(count: usize, first: usize, change: impl Fn(&mut Value)) -> Vec<Value> {
    let mut all = components(count);
    all.iter_mut().take(first).for_each(change);
    all
}

fn document(components: &[Value]) -> Value {
    json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components})
}

/// The minimum elements that the NTIA named in 2021, but for one of ten suppliers.
fn complete() -> Value {
    let supplied = |component: &mut Value| {
        component["bom-ref"] = component["purl"].clone();
        component["supplier"] = json!({"name": "Acme"});
    };
    let mut parts = changed(10, 9, supplied);
    parts[9]["bom-ref"] = parts[9]["purl"].clone();
    let mut document = document(&parts);
    let names: Vec<&Value> = parts.iter().map(|it| &it["bom-ref"]).collect();
    document["metadata"] = json!({
        "timestamp": "2026-11-01T12:00:00Z", "authors": [{"name": "Acme"}],
        "component": {"type": "container", "bom-ref": "app", "name": APP},
    });
    document["dependencies"] = json!([{"ref": "app", "dependsOn": names}]);
    document
}

/// A scan in Trivy's shape, with one finding without a fix, by a database of the same day.
fn scan() -> Value {
    json!({
        "invocation": {"parameters": [], "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {
            "uri": "pkg:github/aquasecurity/trivy@v0.67.0", "version": "0.67.0",
            "db": {"uri": "pkg:github/aquasecurity/trivy-db", "version": "2", "lastUpdate": "2026-11-01T00:00:00Z"},
            "result": {
                "SchemaVersion": 2, "ArtifactName": APP, "ArtifactType": "container_image",
                "Results": [{"Target": "app", "Class": "lang-pkgs", "Type": "npm", "Vulnerabilities": [{
                    "VulnerabilityID": "CVE-2026-0001", "PkgName": "part-0",
                    "PkgIdentifier": {"PURL": "pkg:npm/part-0@1.0.0"},
                    "InstalledVersion": "1.0.0", "Status": "affected", "Severity": "MEDIUM",
                }]}],
            },
        },
        "metadata": {"scanStartedOn": "2026-11-01T11:00:00Z", "scanFinishedOn": "2026-11-01T11:01:00Z"},
    })
}

/// A component's licence.
fn licensed(license: &'static str) -> impl Fn(&mut Value) {
    move |component| component["licenses"] = json!([{"expression": license}])
}

/// A component without this member.
fn without(member: &'static str) -> impl Fn(&mut Value) {
    move |component| {
        component.as_object_mut().unwrap().remove(member);
    }
}

fn proven(forgery: Forgery<'_>) -> Vec<u8> {
    forgery.rekor_v2().timestamp().bundle()
}

fn provenance(example: &Example, run: &Run, digest: &str) -> Vec<u8> {
    let kind = "https://slsa.dev/provenance/v1";
    proven(run.attests(&example.forge, digest, kind, run.provenance()))
}

fn sbom(example: &Example, run: &Run, digest: &str, components: &[Value]) -> Vec<u8> {
    proven(run.attests(&example.forge, digest, BOM, document(components)))
}

/// A case with the provenance of one run, and the SBOM of another or the same.
fn case<'e>(
    example: &'e Example,
    (name, why): (&str, &str),
    (built, inside): (&Run, &Run),
    parts: &[Value],
) -> Case<'e> {
    let bundles = [
        provenance(example, built, &image()),
        sbom(example, inside, &image(), parts),
    ];
    example.case(name, APP, why).bundles(bundles)
}

pub(crate) fn sbom_licenses(example: &Example) {
    let tag = MAIN.on(TAG);
    builds(example);
    signers(example);
    contents(example);
    let debug = "ghcr.io/acme/app/debug";
    let release = Run {
        event: "release",
        ..tag.clone()
    };
    example
        .case("release", debug, "a release started the build")
        .bundles([
            provenance(example, &release, &image()),
            sbom(example, &release, &image(), &components(10)),
        ])
        .write();
    let complete = tag.attests(&example.forge, &image(), BOM, complete());
    let scanned = tag.attests(&example.forge, &image(), VULN, scan());
    example
        .case(
            "complete",
            APP,
            "an SBOM that states more than the example asks for, and a scan",
        )
        .bundles([
            provenance(example, &tag, &image()),
            proven(complete),
            proven(scanned),
        ])
        .write();
    example
        .case("no-sbom", APP, "nothing says what is inside")
        .bundles([provenance(example, &tag, &image())])
        .fails(INSIDE, "no-sbom")
        .write();
    indexes(example);
    example.common(APP, &[BUILT, INSIDE], true);
}

/// How it was built.
fn builds(example: &Example) {
    let tag = MAIN.on(TAG);
    let parts = components(10);
    case(
        example,
        ("version", "built from a version"),
        (&tag, &tag),
        &parts,
    )
    .write();
    for (name, why, run, code) in [
        (
            "next-major",
            "a version beyond the range",
            MAIN.on("refs/tags/v2.0.0"),
            "provenance-ref-mismatch",
        ),
        (
            "branch",
            "built from a branch",
            MAIN,
            "provenance-ref-mismatch",
        ),
        (
            "by-hand",
            "started by hand",
            Run {
                event: "workflow_dispatch",
                ..tag.clone()
            },
            "provenance-event-mismatch",
        ),
    ] {
        case(example, (name, why), (&run, &tag), &parts)
            .fails(BUILT, code)
            .write();
    }
    example
        .case("no-provenance", APP, "nothing says how it was built")
        .bundles([sbom(example, &tag, &image(), &parts)])
        .fails(BUILT, "no-provenance")
        .write();
}

/// Who attested what is inside.
fn signers(example: &Example) {
    let tag = MAIN.on(TAG);
    let parts = components(10);
    case(
        example,
        ("nightly", "the SBOM is made anew on the main branch"),
        (&tag, &MAIN),
        &parts,
    )
    .write();
    let source = "source-mismatch";
    for (name, why, run, code) in [
        (
            "other-issuer",
            "another issuer vouches for the same words",
            Run {
                issuer: "https://gitlab.com",
                ..tag.clone()
            },
            "issuer-mismatch",
        ),
        (
            "other-branch",
            "an SBOM of another branch",
            MAIN.on("refs/heads/feature"),
            "subject-mismatch",
        ),
        (
            "other-repository",
            "the number was kept, the name was given to somebody else",
            Run {
                repository: "acme/app-old",
                ..tag.clone()
            },
            source,
        ),
        (
            "created-anew",
            "a repository of the same name, made anew",
            Run {
                repository_id: "987654321",
                ..tag.clone()
            },
            source,
        ),
        (
            "self-hosted",
            "an SBOM made on somebody's own machine",
            Run {
                runner: "self-hosted",
                ..tag.clone()
            },
            source,
        ),
    ] {
        case(example, (name, why), (&tag, &run), &parts)
            .fails(INSIDE, code)
            .write();
    }
}

/// What is inside.
fn contents(example: &Example) {
    let tag = MAIN.on(TAG);
    let with =
        |name: &str, why: &str, parts: &[Value]| case(example, (name, why), (&tag, &tag), parts);
    with("too-old", "the SBOM is older than 90 days", &components(10))
        .at("2027-02-15T00:00:00Z")
        .fails(INSIDE, "too-old")
        .write();
    with("one-component", "one component is enough", &components(1)).write();
    for (name, why, license, code) in [
        (
            "agpl-3",
            "a member of a denied family",
            "AGPL-3.0-or-later",
            "license-denied",
        ),
        (
            "agpl-1",
            "a denied licence",
            "AGPL-1.0-only",
            "license-denied",
        ),
        ("sspl", "a denied licence", "SSPL-1.0", "license-denied"),
        (
            "unknown-license",
            "a licence that only the document explains",
            "LicenseRef-own",
            "license-unknown",
        ),
    ] {
        let parts = changed(10, 1, licensed(license));
        with(name, why, &parts).fails(INSIDE, code).write();
    }
    with(
        "no-license",
        "a component without a licence",
        &changed(10, 1, without("licenses")),
    )
    .fails(INSIDE, "license-missing")
    .write();
    for (name, member) in [("versions", "version"), ("ids", "purl")] {
        with(
            &format!("most-{name}"),
            "nine of ten state it",
            &changed(10, 1, without(member)),
        )
        .write();
        with(
            &format!("few-{name}"),
            "eight of ten state it",
            &changed(10, 2, without(member)),
        )
        .fails(INSIDE, "sbom-incomplete")
        .write();
    }
}

/// Of an index: on the index itself, or on each of its platforms.
fn indexes(example: &Example) {
    let tag = MAIN.on(TAG);
    let parts = components(10);
    for (name, why, on_index, on_platforms) in [
        ("sbom-of-index", "one SBOM for all platforms", true, 0),
        ("sbom-of-platforms", "an SBOM for each platform", false, 2),
        ("sbom-of-one-platform", "one platform has no SBOM", false, 1),
    ] {
        let mut layout = Layout::default();
        let platforms = ["amd64", "arm64"].map(|it| layout.platform(it));
        let index = layout.index(&platforms);
        layout.attach(&index, &provenance(example, &tag, index.digest()));
        if on_index {
            layout.attach(&index, &sbom(example, &tag, index.digest(), &parts));
        }
        for platform in platforms.iter().take(on_platforms) {
            layout.attach(platform, &sbom(example, &tag, platform.digest(), &parts));
        }
        let judged_as = format!("{APP}@{}", index.digest());
        let case = example.case(name, &judged_as, why);
        layout.write(&case.folder().join("image"));
        let case = case.layout("image");
        match on_index || on_platforms == platforms.len() {
            true => case.write(),
            false => case.fails(INSIDE, "no-sbom").write(),
        }
    }
}
