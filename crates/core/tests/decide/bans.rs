//! `packages.deny` of the rule `sbom`: which packages a ban finds, and what nobody can tell.

use serde_json::{Value, json};

use crate::sbom::{code, cyclonedx};
use crate::world::SBOM;

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
        // Case and separators, by the rules of the type; where there are none, nobody can tell.
        (
            of(
                json!({"type": "library", "name": "x", "purl": "pkg:golang/github.com/Acme/App@v1.0.0"}),
            ),
            "packages: {deny: [{purl: pkg:golang/github.com/acme/app}], incomparable: allow}",
            "package-banned",
        ),
        (
            of(json!({"type": "library", "name": "x", "purl": "pkg:npm/%40Acme/A@1.0.0"})),
            "packages: {deny: [{purl: \"pkg:npm/%40acme/a\"}], incomparable: allow}",
            "package-banned",
        ),
        (
            of(json!({"type": "library", "name": "x", "purl": "pkg:pypi/Zope.Interface@5.0"})),
            "packages: {deny: [{purl: pkg:pypi/zope_interface, versions: \"<6\"}], incomparable: allow}",
            "package-banned",
        ),
        (
            of(json!({"type": "library", "name": "x", "purl": "pkg:gem/Rails@5.0"})),
            "packages: {deny: [{purl: pkg:gem/rails}]}",
            "version-incomparable",
        ),
        (
            of(json!({"type": "library", "name": "x", "purl": "pkg:gem/rails-html@5.0"})),
            "packages: {deny: [{purl: pkg:gem/rails}]}",
            "pass",
        ),
        // Silence about what the ban names is no other package.
        (
            of(json!({"type": "library", "name": "x", "purl": "pkg:deb/debian/curl@7.88.1-10"})),
            "packages: {deny: [{purl: \"pkg:deb/debian/curl?arch=amd64\"}]}",
            "version-incomparable",
        ),
        (
            of(
                json!({"type": "library", "name": "x", "purl": "pkg:deb/debian/curl@7.88.1-10?arch=amd64"}),
            ),
            "packages: {deny: [{purl: \"pkg:deb/debian/curl?arch=amd64\"}]}",
            "package-banned",
        ),
        (
            of(
                json!({"type": "library", "name": "x", "purl": "pkg:deb/debian/curl@7.88.1-10?arch=arm64"}),
            ),
            "packages: {deny: [{purl: \"pkg:deb/debian/curl?arch=amd64\"}]}",
            "pass",
        ),
        (
            of(json!({"type": "library", "name": "x", "purl": "pkg:deb/debian/curl@7.88.1-10"})),
            "packages: {deny: [{purl: \"pkg:deb/debian/curl?arch=amd64\", versions: \"<7\"}]}",
            "pass",
        ),
        // A type that is banned, under a package URL that nobody can read.
        (
            of(json!({"type": "library", "name": "x", "purl": "pkg:pypi/a/other@2"})),
            "packages: {deny: [{purl: pkg:pypi/requests}]}",
            "version-incomparable",
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
