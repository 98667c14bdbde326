#!/usr/bin/env python3
"""Writes the cases that come in pairs: one field of a rule, right and wrong. Run in testdata; then
`UPDATE_GOLDEN=1 cargo test -p countersign --test cases` writes the reports, and `expect` holds what they must say."""

import hashlib
import json
import os

AT = "2026-11-24T00:00:00Z"
HEAD = """apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {name: case}
spec: {unmatched: deny, onUnknown: deny}
---
"""
WORKFLOW = """apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {name: release}
spec:
  trust: private
  keyless:
    issuer: https://token.actions.githubusercontent.com
    subject: {workflow: {path: acme/ci/.github/workflows/release.yml, refs: [refs/heads/main]}}
    source: {repository: acme/app}
---
"""
POLICY = """apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {name: case}
spec:
  images: ["registry.example/acme/**"]
  rules:
    - name: rule
      RULE
"""
SIGNED = "sha256:f177eca09d2f62f6224b37dd174e8f397c762a7ca3668f8d6407188f7e194b19"  # images/signed-keyed
# What it is about: `case::image` of crates/testkit/src/bin/policy-tests.
IMAGE = "sha256:" + hashlib.sha256(b"the image of policies/tests").hexdigest()
PUBLIC_WORKFLOW = (
    WORKFLOW.replace("trust: private", "trust: public-good")
    .replace("acme/ci/", "acme/app/")
    .replace("[refs/heads/main]", "[\"refs/tags/v*\"]")
)
OTHER = WORKFLOW.replace("name: release}", "name: other}").replace("release.yml", "other.yml")


def keyed():
    with open("keys/release.pub", encoding="ascii") as file:
        pem = "".join("        " + line for line in file)
    return (
        "apiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {name: release}\nspec:\n  log: off\n  time: none\n"
        "  keys:\n    - id: \"2026\"\n      pem: |\n" + pem + "---\n"
    )


def builder(fields):
    return (
        "apiVersion: countersign.dev/v1alpha1\nkind: Builder\nmetadata: {name: own}\nspec:\n"
        "  id: {exact: \"https://github.com/acme/ci/.github/workflows/release.yml@refs/heads/main\"}\n  " + fields + "\n---\n"
    )


def revocation(fields):
    return (
        "apiVersion: countersign.dev/v1alpha1\nkind: Revocation\nmetadata: {name: stolen}\nspec:\n  " + fields
        + "\n  reason: the laptop was stolen\n---\n"
    )


def write(name, why, image, documents, rule, code=None, effect=None, at=AT, head=HEAD):
    asked = {"image": "oci:images/" + image, "as": "registry.example/acme/app:v1"}
    put(name, why, asked, documents, rule, code, effect, at, head)


def put(name, why, asked, documents, rule, code, effect=None, at=AT, head=HEAD):
    folder = os.path.join("cases", name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "policy.yaml"), "w", encoding="utf-8") as file:
        file.write(head + documents + POLICY.replace("RULE", rule))
    case = {"why": why, **asked, "at": at}
    if "trust: private" in documents:
        case["trustRoots"] = {"private": "trust/private-trusted_root.json"}
    case["expect"] = {"effect": effect or ("deny" if code else "allow"), "reasons": {"rule": code} if code else {}}
    with open(os.path.join(folder, "case.json"), "w", encoding="utf-8") as file:
        json.dump(case, file, indent=2)
        file.write("\n")


def unavailable(name, why, head, effect):
    """What happens while the registry cannot be asked."""
    asked = {"image": "registry.example/acme/app@" + SIGNED, "registry": "unavailable"}
    put(name, why, asked, keyed(), "signature: {from: release}", "registry-unavailable", effect, head=head)


def forged(name, why, evidence, rule, code=None, example="sbom-licenses", documents=PUBLIC_WORKFLOW, at="2026-12-01T00:00:00Z", **more):
    """Judged by evidence that was forged for a case of an example in policies/."""
    tests = "../policies/tests/" + example
    bundles, root = [os.path.join(tests, evidence, "evidence.jsonl")], os.path.join(tests, "trusted_root.json")
    asked = {"artifact": IMAGE, "bundles": bundles, "as": "registry.example/acme/app:v1", "trustRoots": {"public-good": root}, **more}
    put(name, why, asked, documents, rule, code, at=at)


def pair(name, what, kind, good, bad, code, image="attested-keyless", documents=WORKFLOW, at=AT):
    def rule(fields):
        return kind + ": {from: release" + (", " + fields if fields else "") + "}"

    write(name, what + ", as it is", image, documents, rule(good), at=at)
    write(name + "-wrong", what + ", as it is not", image, documents, rule(bad), code, at=at)


COMMIT = "5c0ffee5c0ffee5c0ffee5c0ffee5c0ffee5c0ff"
REUSABLE = "builders: [github-attest-reusable], minLevel: 3"
for name, what, good, bad, code in [
    ("builders", "the builder", REUSABLE, "builders: [github-attest]", "builder-mismatch"),
    ("source-repository", "the source's repository", "source: {repository: \"https://github.com/acme/app.git\"}", "source: {repository: acme/app-evil}", "provenance-source-mismatch"),
    ("source-repository-id", "the repository's number", "source: {repositoryId: \"123\"}", "source: {repositoryId: \"124\"}", "provenance-source-mismatch"),
    ("source-owner-id", "the owner's number", "source: {ownerId: \"12\"}", "source: {ownerId: \"13\"}", "provenance-source-mismatch"),
    ("source-refs", "the ref", "source: {refs: [\"refs/heads/*\"]}", "source: {refs: [\"refs/tags/*\"]}", "provenance-ref-mismatch"),
    ("source-commit", "the commit", "source: {commit: \"" + COMMIT + "\"}", "source: {commit: \"" + COMMIT[::-1] + "\"}", "provenance-commit-mismatch"),
    ("source-events", "the event", "source: {events: [push, release]}", "source: {events: [release]}", "provenance-event-mismatch"),
    ("source-runner", "where it ran", "source: {runner: github-hosted}", "source: {runner: self-hosted}", "provenance-runner-mismatch"),
    ("workflow", "the workflow's file", "workflow: .github/workflows/release.yml", "workflow: .github/workflows/other.yml", "provenance-workflow-mismatch"),
    ("parameters", "a parameter", "parameters: {values: {workflow.ref: [refs/heads/main]}}", "parameters: {values: {workflow.ref: [refs/heads/other]}}", "provenance-parameter-mismatch"),
    ("dependencies", "what went into the build", "dependencies: [{digest: \"gitCommit:" + COMMIT + "\"}]", "dependencies: [{digest: \"gitCommit:" + COMMIT[::-1] + "\"}]", "provenance-dependency-missing"),
    ("age", "the provenance's age", "maxAge: 1d", "maxAge: 1h", "too-old"),
]:
    pair("provenance-" + name, what, "provenance", good, bad, code)
write("provenance-tags", "a build of a branch is none of a tag", "attested-keyless", WORKFLOW, "provenance: {from: release, source: {tags: \">=1, <2\"}}", "provenance-ref-mismatch")
forged("provenance-tags-version", "a build of a version in the range", "version", "provenance: {from: release, source: {tags: \">=1, <2\"}}")
forged("provenance-tags-other", "a build of a version beyond the range", "next-major", "provenance: {from: release, source: {tags: \">=1, <2\"}}", "provenance-ref-mismatch")
write("provenance-legacy", "the same provenance in cosign's .att", "attested-keyless-legacy", WORKFLOW.replace("---\n", "  log: off\n---\n"), "provenance: {from: release, " + REUSABLE + "}")
write("provenance-keyed", "a key attests, and speaks for no builder", "attested-keyed", keyed(), "provenance: {from: release, " + REUSABLE + "}", "builder-signer-mismatch")
write("provenance-none", "an SBOM is no provenance", "attested-only", keyed(), "provenance: {from: release}", "no-provenance")
OWN = "builders: [own], minLevel: 2"
write("builder-signers", "the set says who speaks for a builder", "attested-keyed", keyed() + builder("signers: [release]\n  level: 2"), "provenance: {from: release, " + OWN + "}")
write("builder-signers-wrong", "another signer than the set says", "attested-keyless", WORKFLOW + OTHER + builder("signers: [other]\n  level: 2"), "provenance: {from: {any: [release, other]}, " + OWN + "}", "builder-signer-mismatch")
write("builder-types-wrong", "the builder has another build type", "attested-keyed", keyed() + builder("signers: [release]\n  buildTypes: [\"https://build.example/type\"]\n  level: 2"), "provenance: {from: release, " + OWN + "}", "builder-mismatch")
write("builder-types", "the builder has this build type", "attested-keyed", keyed() + builder("signers: [release]\n  buildTypes: [\"https://actions.github.io/buildtypes/workflow/v1\"]\n  level: 2"), "provenance: {from: release, " + OWN + "}")
write("builder-level-wrong", "the pair is trusted for less", "attested-keyed", keyed() + builder("signers: [release]\n  level: 1"), "provenance: {from: release, builders: [own, github-attest], minLevel: 2}", "level-too-low")

for name, what, good, bad, code in [
    ("formats", "the format", "formats: [cyclonedx]", "formats: [spdx]", "sbom-format-mismatch"),
    ("licenses-deny", "a licence that is denied", "licenses: {deny: [AGPL-3.0]}", "licenses: {deny: [bsd-3-clause]}", "license-denied"),
    ("licenses-allow", "licences that are allowed", "licenses: {allow: [MIT, BSD-3-Clause]}", "licenses: {allow: [MIT]}", "license-denied"),
    ("packages", "a package in some versions", "packages: {deny: [{purl: pkg:golang/golang.org/x/net, versions: \"<0.37.0\"}]}", "packages: {deny: [{purl: pkg:golang/golang.org/x/net, versions: \"<0.38.0\"}]}", "package-banned"),
    ("packages-all", "a package in all versions", "packages: {deny: [{purl: pkg:golang/golang.org/x/crypto}]}", "packages: {deny: [{purl: pkg:apk/alpine/musl}]}", "package-banned"),
    ("min-components", "how many components", "minComponents: 2", "minComponents: 3", "sbom-too-few-components"),
    ("fields-document", "what the document states", "fields: {document: [timestamp]}", "fields: {document: [generator]}", "sbom-incomplete"),
]:
    pair("sbom-" + name, what, "sbom", good, bad, code, "attested-only", keyed())
for name, what, good, bad, code in [
    ("fields-supplier", "what is stated of half of them", "fields: {supplier: {minCoverage: 50%}}", "fields: {supplier: {minCoverage: 60%}}", "sbom-incomplete"),
    ("generators", "the generator", "generators: [\"written-*\"]", "generators: [\"syft*\"]", "generator-mismatch"),
]:
    pair("sbom-" + name, what, "sbom", "formats: [spdx], " + good, "formats: [spdx], " + bad, code)
for name, what, field in [("version", "the version", "version"), ("unique-id", "an id", "uniqueId")]:
    rule = "sbom: {from: release, fields: {" + field + ": {minCoverage: 90%}}}"
    evidence = "versions" if field == "version" else "ids"
    forged("sbom-fields-" + name, what + " of nine of ten", "most-" + evidence, rule)
    forged("sbom-fields-" + name + "-wrong", what + " of eight of ten", "few-" + evidence, rule, "sbom-incomplete")
write("sbom-fields-preset-wrong", "no relationships are stated", "attested-keyless", WORKFLOW, "sbom: {from: release, formats: [spdx], fields: {preset: ntia-2021, minCoverage: 50%}}", "sbom-incomplete")
for name, percent, code in [("", "90%", None), ("-suppliers", "95%", "sbom-incomplete")]:
    preset = "sbom: {from: release, fields: {preset: ntia-2021, minCoverage: " + percent + "}}"
    forged("sbom-fields-preset" + name, "nine of ten suppliers are stated", "complete", preset, code)
pair("sbom-age", "the SBOM's age", "sbom", "maxAge: 1d", "maxAge: 1h", "too-old")
write("sbom-none", "a signature is no SBOM", "signed-keyed", keyed(), "sbom: {from: release}", "no-sbom")
write("sbom-spdx", "an SPDX document beside a CycloneDX one", "attested-keyless", WORKFLOW, "sbom: {from: release, formats: [spdx], fields: {document: [author]}}")

for name, what, good, bad, code in [
    ("deny-from", "the severity", "denyFrom: high", "denyFrom: medium", "vulnerability-found"),
    ("scanners", "the scanner", "denyFrom: high, scanners: [\"pkg:github/aquasecurity/trivy@v0.67.0\"]", "denyFrom: high, scanners: [\"pkg:github/anchore/grype\"]", "scanner-mismatch"),
    ("age", "the scan's age", "denyFrom: high, maxAge: 1d", "denyFrom: high, maxAge: 1h", "too-old"),
]:
    pair("scan-" + name, what, "vulnerabilities", good, bad, code)
write("scan-database", "cosign leaves out when the database was updated, so nobody knows how old it was", "attested-keyless", WORKFLOW, "vulnerabilities: {from: release, denyFrom: high, maxDatabaseAge: 400d}", "database-too-old")
write("scan-fixed", "a finding with a fix counts although unfixed ones do not", "attested-keyless", WORKFLOW, "vulnerabilities: {from: release, denyFrom: medium, ignoreUnfixed: true}", "vulnerability-found")
write("scan-none", "a signature is no scan", "signed-keyless-workflow", WORKFLOW, "vulnerabilities: {from: release, denyFrom: critical}", "no-scan")

# What the scanners wrote themselves.
SCANNED = "2026-11-30T00:00:00Z"
for name, what, image, good, bad, code in [
    ("trivy", "what Trivy found", "scanned-trivy", "denyFrom: critical, leeway: {critical: 9000d}, ignoreUnfixed: true", "denyFrom: critical, ignoreUnfixed: true", "vulnerability-found"),
    ("trivy-unrated", "what Trivy found and nobody rated", "scanned-trivy", "denyFrom: critical, leeway: {critical: 9000d}, unknownSeverity: allow", "denyFrom: critical, leeway: {critical: 9000d}", "severity-unknown"),
    ("grype-clean", "what Grype did not find, by a database of an age that its report tells", "scanned-grype-clean", "denyFrom: negligible, maxDatabaseAge: 100d", "denyFrom: negligible, maxDatabaseAge: 7d", "database-too-old"),
    ("trivy-clean", "what Trivy did not find, by a database of no known age", "scanned-trivy-clean", "denyFrom: negligible", "denyFrom: negligible, maxDatabaseAge: 400d", "database-too-old"),
]:
    pair("scan-" + name, what, "vulnerabilities", good, bad, code, image, at=SCANNED)
write("scan-grype", "what Grype found, though what has no fix does not count", "scanned-grype", WORKFLOW, "vulnerabilities: {from: release, denyFrom: critical, ignoreUnfixed: true}", "vulnerability-found", at=SCANNED)

PROMOTER = (
    WORKFLOW.replace("trust: private", "trust: public-good")
    .replace("acme/ci/.github/workflows/release.yml", "acme/promote/.github/workflows/promote.yml")
    .replace("repository: acme/app", "repository: acme/promote")
)
STAGED = "uri: \"https://acme.example/policies/staging\", digest: \"sha256:fd88a971ed0b767fc5c1ba5ce5ef73e849d4a1bc518982339b5e9f799c6c18a2\""
SUMMARY = "summary: {from: release, verifier: \"https://acme.example/promote\", resource: \"ghcr.io/{repository}\", levels: [ACME_STAGING, SLSA_BUILD_LEVEL_2], policy: {" + STAGED + "}, minAge: 1d, maxAge: 30d}"


def promoted(name, why, evidence, code=None, rule=SUMMARY, at="2026-12-01T00:00:00Z"):
    forged("summary-" + name, why, evidence, rule, code, "promotion", PROMOTER, at)


for evidence, why, code in [
    ("promoted", "judged in staging, and soaked", None),
    ("higher-level", "level 3 is more than level 2", None),
    ("passed-again", "it failed, and passed a day later", None),
    ("promoted-further", "what production said later is no newer word of staging", None),
    ("other-repository", "a summary for another repository", "resource-mismatch"),
    ("other-registry", "a summary for another registry", "resource-mismatch"),
    ("tagged-resource", "a resource with a tag is another text", "resource-mismatch"),
    ("other-verifier", "the promoter speaks for another verifier", "verifier-mismatch"),
    ("other-signer", "the right verifier by the wrong signer", "subject-mismatch"),
    ("other-caller", "another repository called the promoter's workflow", "source-mismatch"),
    ("other-policy", "judged by a laxer policy", "summary-policy-mismatch"),
    ("other-policy-digest", "judged by another version of the policy", "summary-policy-mismatch"),
    ("failed", "staging said no", "summary-failed"),
    ("failed-level", "passed and failed at once is failed", "summary-failed"),
    ("newest-failed", "it passed, and failed a day later", "summary-failed"),
    ("lower-level", "level 1 is less than level 2", "summary-level-missing"),
    ("missing-level", "another environment's level", "summary-level-missing"),
    ("no-levels", "passed, and states nothing", "summary-level-missing"),
    ("two-halves", "two summaries that state one level each", "summary-level-missing"),
    ("malformed", "a text in place of the list of levels", "summary-malformed"),
    ("other-image", "a summary of another image", "digest-mismatch"),
    ("simple-result", "a simple result names no resource", "no-summary"),
]:
    promoted(evidence, why, evidence, code)
promoted("too-young", "staging said so an hour ago", "promoted", "too-young", at="2026-11-01T13:00:00Z")
promoted("too-old", "staging said so two months ago", "promoted", "too-old", at="2027-01-01T00:00:00Z")
promoted("copied", "copied to another registry, for which nobody judged it", "promoted", "resource-mismatch", SUMMARY.replace("ghcr.io/", "{registry}/"))
promoted("any", "any summary that passed is enough", "newest-failed", None, SUMMARY.replace("from: release", "from: release, match: any"))
SIMPLE = SUMMARY.replace("resource: \"ghcr.io/{repository}\"", "format: svr")
promoted("simple", "a simple result with every property", "simple-result", None, SIMPLE)
promoted("simple-wrong", "a simple result without a property", "simple-result", "summary-level-missing", SIMPLE.replace("ACME_STAGING", "ACME_PROD"))
asked = {"image": "oci:../policies/tests/promotion/annotated/image", "as": "registry.example/acme/app:v1", "trustRoots": {"forged": "../policies/tests/promotion/trusted_root.json"}}
put("summary-annotated", "a summary by its annotation alone", asked, PROMOTER.replace("public-good", "forged"), SUMMARY, "no-summary", at="2026-12-01T00:00:00Z")

SIGNATURE = "signature: {from: release}"
IDENTITY = "identities:\n    - issuer: https://token.actions.githubusercontent.com\n      subject: https://github.com/acme/ci/.github/workflows/release.yml@refs/heads/main"
write("revoked-key", "the key was revoked, and nothing proves that the signature is older", "signed-keyed", keyed() + revocation("keys: [\"2026\"]\n  from: 2030-01-01"), SIGNATURE, "signer-revoked")
write("revoked-identity", "the identity was revoked before it signed", "signed-keyless-workflow", WORKFLOW + revocation(IDENTITY + "\n  from: 2026-11-01"), SIGNATURE, "signer-revoked")
write("revoked-identity-later", "the identity was revoked after it signed", "signed-keyless-workflow", WORKFLOW + revocation(IDENTITY + "\n  from: 2026-12-01"), SIGNATURE)
write("revoked-image", "the image was revoked, though its signature holds", "signed-keyless-workflow", WORKFLOW + revocation("digests: [\"sha256:91a284799306c1dc130d37d1094c6806db9a75aa69bc909a9e02796a5b83f9bb\"]"), SIGNATURE, None, "deny")
write("revoked-image-other", "another image was revoked", "signed-keyless-workflow", WORKFLOW + revocation("digests: [\"sha256:8541568e2346d2a22df24e5eaf2bb28975e85d5a73e64759fc1597e97986c8c4\"]"), SIGNATURE)
write("revoked-evidence", "the one signature was revoked", "signed-keyless-workflow", WORKFLOW + revocation("evidence: [\"sha256:2a2e230898908490bbb32a56ec6ccaadf0f26caf801c6fd471f8c4e23635573b\"]"), SIGNATURE, "evidence-revoked")
write("age-always", "an old signature, where age counts for what runs too", "signed-keyless-workflow", WORKFLOW, "signature: {from: release, maxAge: 1h, ageAlways: true}", "too-old")
forged("age-admitted", "what runs already is only warned of age", "release", "signature: {from: release, maxAge: 1h}", example="github-actions", admitted=True)
forged("age-admitted-always", "unless the rule says that age counts always", "release", "signature: {from: release, maxAge: 1h, ageAlways: true}", "too-old", example="github-actions", admitted=True)
for name, what, good, bad, code in [
    ("database-age", "how old the database was", "denyFrom: high, maxDatabaseAge: 1d", "denyFrom: high, maxDatabaseAge: 1h", "database-too-old"),
    ("unfixed", "a finding without a fix", "denyFrom: medium, ignoreUnfixed: true", "denyFrom: medium, ignoreUnfixed: false", "vulnerability-found"),
]:
    for end, fields, reason in [("", good, None), ("-wrong", bad, code)]:
        forged("scan-" + name + end, what, "complete", "vulnerabilities: {from: release, " + fields + "}", reason)
URI = "subject: {uri: \"https://github.com/acme/ci/.github/workflows/release.yml@refs/heads/main\"}"
write("keyless-uri", "the whole name, as a URI", "signed-keyless-workflow", WORKFLOW.replace("subject: {workflow: {path: acme/ci/.github/workflows/release.yml, refs: [refs/heads/main]}}", URI), SIGNATURE)
unavailable("registry-unavailable", "the registry cannot be asked, so nobody knows", HEAD, "unknown")
unavailable("registry-unavailable-allowed", "the registry cannot be asked, and Settings let pass what cannot be known", HEAD.replace("onUnknown: deny", "onUnknown: allow"), "allow")
