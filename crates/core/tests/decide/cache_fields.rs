//! Each field of a Signer, changed alone, and what becomes of the verdict.

use std::collections::BTreeSet;

use countersign_core::{PolicySet, UnixTime};
use countersign_testkit::forge::{GITHUB_ISSUER, Key};
use serde_json::Value;

use super::After::{self, Fails, Refused, Same};
use super::{ACCOUNTS, CI, COMMIT, OTHER, Scene};
use crate::world::{DAY, SIGNED};

pub(super) fn pem(key: &Key) -> String {
    key.public_pem()
        .lines()
        .map(|line| format!("        {line}\n"))
        .collect()
}

/// A Signer of the first instance's: a person by e-mail address, with more fields.
pub(super) fn person(name: &str, more: &str) -> String {
    format!(
        "  trust: first\n  keyless: {{issuer: {ACCOUNTS}, subject: {{email: {name}@acme.example}}}}\n{more}"
    )
}

/// The same by any subject.
pub(super) fn by(subject: &str) -> String {
    format!(
        "  trust: first\n  keyless: {{issuer: {GITHUB_ISSUER}, subject: {subject}, source: {{repository: acme/app}}}}\n"
    )
}

/// CI, with more fields of `keyless`.
pub(super) fn ci(more: &str) -> String {
    format!(
        "  trust: first\n  keyless: {{issuer: {GITHUB_ISSUER}, subject: {{uri: {CI}}}, {more}}}\n"
    )
}

pub(super) fn source(claim: &str) -> String {
    ci(&format!("source: {{repositoryId: \"632596897\", {claim}}}"))
}

pub(super) fn build(claim: &str) -> String {
    ci(&format!(
        "source: {{repository: acme/app}}, build: {{{claim}}}"
    ))
}

pub(super) fn key(id: &str, material: &str) -> String {
    format!("  trust: first\n  keys:\n    - id: {id}\n{material}")
}

/// Field, a Signer that lets the image pass, the same with the field changed, and what becomes of it.
pub(super) fn table(scene: &Scene) -> Vec<(&'static str, String, String, After)> {
    let at = |days: i64| UnixTime::from_seconds(SIGNED + days * DAY).to_string();
    let [first, second] = scene
        .keys
        .each_ref()
        .map(|key| format!("      pem: |\n{}", pem(key)));
    let workflow = |path: &str, refs: &str| {
        by(&format!(
            "{{workflow: {{path: acme/app/.github/workflows/{path}, refs: [{refs}]}}}}"
        ))
    };
    let windowed = |window: String| key("k", &format!("      {window}\n{first}"));
    let source_fails = || Fails("source-mismatch");
    vec![
        (
            "trust",
            person("logged", ""),
            person("logged", "").replace("first", "second"),
            Fails("trust-root-mismatch"),
        ),
        (
            "keyless.issuer",
            person("logged", ""),
            person("logged", "").replace(ACCOUNTS, "https://accounts.other"),
            Fails("issuer-mismatch"),
        ),
        (
            "keyless.subject.exact",
            by(&format!("{{exact: {CI}}}")),
            by(&format!("{{exact: {CI}2}}")),
            Fails("subject-mismatch"),
        ),
        (
            "keyless.subject.email",
            person("logged", ""),
            person("logge", ""),
            Fails("subject-mismatch"),
        ),
        (
            "keyless.subject.uri",
            by(&format!("{{uri: {CI}}}")),
            by(&format!("{{uri: {CI}2}}")),
            Fails("subject-mismatch"),
        ),
        (
            "keyless.subject.regex",
            by(r"{regex: 'https://github\.com/acme/.*'}"),
            by(r"{regex: 'https://github\.com/acme/app'}"),
            Fails("subject-mismatch"),
        ),
        (
            "keyless.subject.workflow.path",
            workflow("release.yml", "refs/heads/main"),
            workflow("test.yml", "refs/heads/main"),
            Fails("subject-mismatch"),
        ),
        (
            "keyless.subject.workflow.refs",
            workflow("release.yml", "refs/heads/main"),
            workflow("release.yml", "'refs/tags/*'"),
            Fails("subject-mismatch"),
        ),
        (
            "keyless.tokenSubject",
            ci(
                "source: {repository: acme/app}, tokenSubject: 'repo:acme/app:environment:production'",
            ),
            ci("source: {repository: acme/app}, tokenSubject: 'repo:acme/app:environment:staging'"),
            source_fails(),
        ),
        (
            "keyless.source.repository",
            ci("source: {repository: acme/app}"),
            ci("source: {repository: acme/other}"),
            source_fails(),
        ),
        (
            "keyless.source.repositoryId",
            ci("source: {repositoryId: '632596897'}"),
            ci("source: {repositoryId: '632596898'}"),
            source_fails(),
        ),
        (
            "keyless.source.owner",
            source("owner: acme"),
            source("owner: other"),
            source_fails(),
        ),
        (
            "keyless.source.ownerId",
            source("ownerId: '131804563'"),
            source("ownerId: '1'"),
            source_fails(),
        ),
        (
            "keyless.source.refs",
            source("refs: [refs/heads/main]"),
            source("refs: [refs/heads/dev]"),
            source_fails(),
        ),
        (
            "keyless.source.commit",
            source(&format!("commit: {COMMIT}")),
            source(&format!("commit: {OTHER}")),
            source_fails(),
        ),
        (
            "keyless.source.visibility",
            source("visibility: public"),
            source("visibility: private"),
            source_fails(),
        ),
        (
            "keyless.source.events",
            source("events: [push]"),
            source("events: [release]"),
            source_fails(),
        ),
        (
            "keyless.source.runner",
            source("runner: github-hosted"),
            source("runner: self-hosted"),
            source_fails(),
        ),
        (
            "keyless.source.environment",
            source("environment: production"),
            source("environment: staging"),
            source_fails(),
        ),
        (
            "keyless.build.signerUri",
            build(&format!("signerUri: {CI}")),
            build(&format!("signerUri: {CI}2")),
            source_fails(),
        ),
        (
            "keyless.build.signerDigest",
            build(&format!("signerDigest: {COMMIT}")),
            build(&format!("signerDigest: {OTHER}")),
            source_fails(),
        ),
        (
            "keyless.build.configUri",
            build(&format!("configUri: {CI}")),
            build(&format!("configUri: {CI}2")),
            source_fails(),
        ),
        (
            "keyless.build.configDigest",
            build(&format!("configDigest: {COMMIT}")),
            build(&format!("configDigest: {OTHER}")),
            source_fails(),
        ),
        (
            "keyless.build.runInvocationUri",
            build("runInvocationUri: 'https://github.com/acme/app/actions/runs/**'"),
            build("runInvocationUri: https://github.com/acme/app/actions/runs/1"),
            source_fails(),
        ),
        (
            "keyless.build.workflowName",
            build("workflowName: Release"),
            build("workflowName: Test"),
            source_fails(),
        ),
        (
            "keyless.anyCaller",
            ci("anyCaller: unsafe"),
            ci("").replace(", }", "}"),
            Refused("open-workflow"),
        ),
        ("keys.id", key("k", &first), key("renamed", &first), Same),
        (
            "keys.pem",
            key("k", &first),
            key("k", &second),
            Fails("signer-mismatch"),
        ),
        (
            "keys.file",
            key("k", "      file: 0.pub\n"),
            key("k", "      file: 1.pub\n"),
            Fails("signer-mismatch"),
        ),
        (
            "keys.validFrom",
            windowed(format!("validFrom: {}", at(-1))),
            windowed(format!("validFrom: {}", at(1))),
            Fails("key-window"),
        ),
        (
            "keys.validUntil",
            windowed(format!("validUntil: {}", at(1))),
            windowed(format!("validUntil: {}", at(-1))),
            Fails("key-window"),
        ),
        (
            "log",
            person("stamped", "  log: off\n"),
            person("stamped", "  log: required\n"),
            Fails("log-missing"),
        ),
        (
            "logOperators",
            person("twice", "  logOperators: 1\n").replace("first", "both"),
            person("twice", "  logOperators: 2\n").replace("first", "both"),
            Fails("log-threshold"),
        ),
        (
            "time",
            person("logged", "  time: either\n"),
            person("logged", "  time: timestamp\n"),
            Fails("time-missing"),
        ),
        (
            "timestampOperators",
            person("twice", "  timestampOperators: 1\n").replace("first", "both"),
            person("twice", "  timestampOperators: 2\n").replace("first", "both"),
            Fails("timestamp-threshold"),
        ),
        (
            "sct",
            person("hidden", "  sct: none\n").replace("first", "without-ct"),
            person("hidden", "  sct: required\n").replace("first", "without-ct"),
            Refused("contradiction"),
        ),
        (
            "formats",
            person("layer", "  formats: [legacy]\n"),
            person("layer", "  formats: [bundle]\n"),
            Fails("format-not-allowed"),
        ),
        (
            "bundleVersions",
            person("old", "  bundleVersions: [v0.2]\n"),
            person("old", "  bundleVersions: [v0.3]\n"),
            Fails("format-not-allowed"),
        ),
    ]
}

/// Every field of a Signer, by its path, as the schema of policies has it.
pub(super) fn fields() -> BTreeSet<String> {
    fn walk(schema: &Value, path: &str, fields: &mut BTreeSet<String>) {
        let inner = if schema["items"]["properties"].is_object() {
            &schema["items"]
        } else {
            schema
        };
        match inner["properties"].as_object() {
            Some(properties) => {
                for (name, schema) in properties {
                    let dot = if path.is_empty() { "" } else { "." };
                    walk(schema, &format!("{path}{dot}{name}"), fields);
                }
            }
            None => assert!(fields.insert(path.to_owned())),
        }
    }
    let schema = PolicySet::schema();
    let kinds = schema["oneOf"].as_array().unwrap();
    let signer = kinds
        .iter()
        .find(|kind| kind["properties"]["kind"]["const"] == "Signer")
        .unwrap();
    let mut fields = BTreeSet::new();
    walk(&signer["properties"]["spec"], "", &mut fields);
    fields
}
