//! The policy as text, each line with what trusting it means.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use countersign_core::{Format, San};

use super::InitJob;
use super::found::{Found, FoundSigner, Identity, Maker};
use super::material::{Material, name};
use super::rules::{Form, Kind, Rule, Rules};
use crate::escape::escaped;

const API: &str = "apiVersion: countersign.dev/v1alpha1";
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const PUBLIC_GOOD: &str = "public-good";
/// How wide a line may be before its comment goes above it.
const WIDE: usize = 100;

/// The whole set: Settings, trust roots, Signers, one Policy.
pub(super) fn policy(job: &InitJob, material: &Material, found: &Found, rules: &Rules) -> String {
    let set = name(
        job.name.repository().rsplit('/').next().unwrap_or_default(),
        "image",
    );
    let mut text = Text(String::new());
    text.head(job, found, rules);
    text.document("Settings", &set);
    text.raw("spec:");
    text.line(
        2,
        "unmatched: deny",
        "an image that no policy names does not run",
    );
    text.line(
        2,
        "onUnknown: deny",
        "nor one whose evidence cannot be fetched",
    );
    let roots: BTreeSet<&str> = found
        .signers
        .iter()
        .filter_map(|it| it.root.as_deref())
        .collect();
    for root in roots.into_iter().filter(|root| *root != PUBLIC_GOOD) {
        text.root(root, material);
    }
    for signer in &found.signers {
        text.signer(signer, material);
    }
    text.rules(job, &set, found, rules);
    text.0
}

struct Text(String);

impl Text {
    fn raw(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// A line and, behind or above it, what it means.
    fn line(&mut self, indent: usize, line: &str, meaning: &str) {
        // Writing to a String cannot fail.
        let _ = if indent + line.chars().count() + meaning.chars().count() < WIDE {
            writeln!(self.0, "{:indent$}{line} # {meaning}", "")
        } else {
            writeln!(self.0, "{0:indent$}# {meaning}\n{0:indent$}{line}", "")
        };
    }

    fn document(&mut self, kind: &str, name: &str) {
        self.raw("---");
        self.raw(API);
        self.raw(&format!("kind: {kind}"));
        self.raw(&format!("metadata: {{name: {}}}", quoted(name)));
    }

    fn head(&mut self, job: &InitJob, found: &Found, rules: &Rules) {
        let image = escaped(&job.written, 300);
        self.raw(&format!(
            "# Made by `countersign policy init` from what was attached to {image} at {}.",
            job.now
        ));
        self.raw("# It trusts who signed that image, because they did. Read each line, ask whether they should be trusted, and");
        self.raw("# remove what should not.");
        for why in found.unusable.iter().collect::<BTreeSet<_>>() {
            self.raw(&format!("# Not used: {}.", escaped(why, 300)));
        }
        for why in &rules.left_out {
            self.raw(&format!("# No rule for {}.", escaped(why, 300)));
        }
    }

    fn root(&mut self, root: &str, material: &Material) {
        let Some(file) = material.root(root) else {
            return;
        };
        self.document("TrustRoot", root);
        self.raw("spec:");
        let line = format!("file: {}", quoted(&file.file));
        self.line(
            2,
            &line,
            "put it beside this file: whoever it lists can vouch for anybody",
        );
        if !file.has_ct_logs {
            self.line(2, "sct: none", "it lists no certificate-transparency log");
        }
    }

    fn signer(&mut self, signer: &FoundSigner, material: &Material) {
        self.document("Signer", &signer.name);
        self.raw("spec:");
        let is_keyed = matches!(signer.maker, Maker::Key(_));
        let needs_root = !is_keyed || signer.logged || signer.timed;
        if let Some(root) = signer.root.as_deref().filter(|_| needs_root) {
            let meaning = "its authorities vouch for certificates, logs and times";
            self.line(2, &format!("trust: {}", quoted(root)), meaning);
        }
        match &signer.maker {
            Maker::Key(key) => self.keys(material, key),
            Maker::Certificate(identity) => self.keyless(identity),
        }
        self.witnesses(signer, material, is_keyed);
        self.formats(signer);
    }

    fn keys(&mut self, material: &Material, key: &countersign_core::Digest) {
        let Some(file) = material.key(key) else {
            return;
        };
        self.line(
            2,
            "keys:",
            "whoever holds the private half can sign anything",
        );
        self.raw(&format!("    - id: {}", quoted(&file.id)));
        self.line(6, "pem: |", &format!("{}, {key}", file.algorithm));
        for line in file.pem.lines() {
            self.raw(&format!("        {}", escaped(line, 200)));
        }
    }

    fn keyless(&mut self, identity: &Identity) {
        self.raw("  keyless:");
        let issuer = format!("issuer: {}", quoted(&identity.issuer));
        self.line(
            4,
            &issuer,
            "who says so: it can give anybody any identity of its own",
        );
        self.subject(identity);
        let parts: Vec<(String, &str)> = source(identity);
        if parts.is_empty() {
            return;
        }
        self.raw("    source:");
        for (line, meaning) in parts {
            self.line(6, &line, meaning);
        }
    }

    fn subject(&mut self, identity: &Identity) {
        match (&identity.san, workflow(identity)) {
            (San::Uri(_), Some((path, git_ref))) => {
                self.raw("    subject:");
                self.raw("      workflow:");
                let path = format!("path: {}", quoted(path));
                self.line(
                    8,
                    &path,
                    "whoever can change this file decides what is signed",
                );
                let refs = format!("refs: [{}]", quoted(git_ref));
                self.line(
                    8,
                    &refs,
                    "on this branch or tag of the workflow's repository",
                );
            }
            (San::Email(address), _) => {
                let line = format!("subject: {{email: {}}}", quoted(address));
                self.line(
                    4,
                    &line,
                    "whoever can read this mailbox or log in as this person",
                );
            }
            (San::Uri(uri), None) => {
                let line = format!("subject: {{uri: {}}}", quoted(uri));
                self.line(4, &line, "whoever the issuer lets act under this name");
            }
            (other, _) => {
                let line = format!("subject: {{exact: {}}}", quoted(other.value()));
                self.line(4, &line, "whoever the issuer lets act under this name");
            }
        }
    }

    /// Log, time and SCT, where they differ from what a Signer demands by default.
    fn witnesses(&mut self, signer: &FoundSigner, material: &Material, is_keyed: bool) {
        let handed_over = signer.root.as_deref().and_then(|root| material.root(root));
        let has_logs = handed_over.is_none_or(|root| root.has_logs);
        let names_root = signer.root.is_some() && (!is_keyed || signer.logged || signer.timed);
        if !signer.logged && (has_logs || !names_root) {
            self.line(
                2,
                "log: off",
                "no log shows to others what this signer signs",
            );
        }
        if !signer.timed && is_keyed {
            self.line(
                2,
                "time: none",
                "nobody proves when it was signed: no `maxAge`, no key windows",
            );
        }
    }

    fn formats(&mut self, signer: &FoundSigner) {
        match (signer.bundles.is_empty(), signer.legacy) {
            (true, _) => self.line(2, "formats: [legacy]", "cosign's .sig and .att tags"),
            (false, false) => self.line(2, "formats: [bundle]", "Sigstore bundles only"),
            (false, true) => {}
        }
        let only_default = signer.bundles.iter().all(|it| *it == Format::BundleV03);
        if !only_default {
            let versions: Vec<&str> = signer
                .bundles
                .iter()
                .map(|it| it.as_str().trim_start_matches("bundle-"))
                .collect();
            let line = format!("bundleVersions: [{}]", versions.join(", "));
            self.line(
                2,
                &line,
                "older bundles prove less; sign again with a current tool",
            );
        }
    }

    fn rules(&mut self, job: &InitJob, set: &str, found: &Found, rules: &Rules) {
        self.document("Policy", set);
        self.raw("spec:");
        let images = format!("images: [{}]", quoted(&job.name.name()));
        self.line(
            2,
            &images,
            "this repository only; its copy elsewhere is another image",
        );
        self.raw("  rules:");
        if job.name.digest().is_some() {
            self.line(
                4,
                "- {name: pinned, digest: required}",
                "a tag can be moved, a digest cannot",
            );
        } else {
            self.raw("    # A tag can be moved. Deploy by digest, and demand it:");
            self.raw("    # - {name: pinned, digest: required}");
        }
        for rule in &rules.all {
            self.rule(rule, found);
        }
    }

    fn rule(&mut self, rule: &Rule, found: &Found) {
        let mut body = vec![from(rule, found)];
        let is_timed = rule
            .from
            .iter()
            .filter_map(|it| found.signers.get(*it))
            .all(|it| it.timed);
        let (field, meaning) = match &rule.form {
            Form::Signature => ("signature", "the image itself is signed"),
            Form::Plain { predicate_type, .. } => {
                body.push(format!("predicateType: {}", quoted(predicate_type)));
                (
                    "statement",
                    "somebody attested this; what it says is not looked at",
                )
            }
            Form::Typed {
                kind,
                predicate_type,
                any_builder,
            } => typed(
                *kind,
                predicate_type,
                *any_builder,
                (rule, found),
                &mut body,
            ),
        };
        if let Form::Plain { why: Some(why), .. } = &rule.form {
            self.raw(&format!(
                "    # A rule that looks into it would not let the image pass: {why}"
            ));
        }
        let needs_time = matches!(rule.form, Form::Plain { .. });
        if !is_timed && needs_time {
            body.push("match: any".to_owned());
        }
        if rule.on_platforms {
            body.push("subject: platform".to_owned());
        }
        self.raw(&format!("    # {meaning}"));
        self.raw(&format!("    - name: {}", quoted(&rule.name)));
        self.raw(&format!("      {field}:"));
        for line in body {
            self.raw(&format!("        {line}"));
        }
    }
}

/// The rule that looks into what was attested: the fields, and what it asks.
fn typed(
    kind: Kind,
    predicate_type: &str,
    any_builder: bool,
    (rule, found): (&Rule, &Found),
    body: &mut Vec<String>,
) -> (&'static str, &'static str) {
    match kind {
        Kind::Provenance => {
            let signers = rule.from.iter().filter_map(|it| found.signers.get(*it));
            let mut identities = signers.filter_map(|it| match &it.maker {
                Maker::Certificate(identity) => Some(identity),
                Maker::Key(_) => None,
            });
            if let Some(identity) = identities.next() {
                provenance(identity, any_builder, body);
            }
            (
                "provenance",
                "it was built from this source by this builder",
            )
        }
        Kind::Sbom => {
            let format = if predicate_type.contains("spdx") {
                "spdx"
            } else {
                "cyclonedx"
            };
            body.push(format!("formats: [{format}]"));
            (
                "sbom",
                "a readable list of what is inside; say what it may hold (docs/sbom.md)",
            )
        }
    }
}

/// What the certificate says of the build, which the provenance has to say too.
fn provenance(identity: &Identity, any_builder: bool, body: &mut Vec<String>) {
    if let Some(builder) = builder(identity).filter(|_| !any_builder) {
        body.push(format!("builders: [{builder}]"));
    }
    let source: Vec<(String, &str)> = source(identity);
    if source.is_empty() {
        return;
    }
    body.push("source:".to_owned());
    body.extend(source.iter().map(|(line, _)| format!("  {line}")));
}

/// The Builder that is built in and signs in this way.
fn builder(identity: &Identity) -> Option<&'static str> {
    let (path, _) = workflow(identity)?;
    let generator = "slsa-framework/slsa-github-generator/.github/workflows/";
    match path.strip_prefix(generator) {
        Some("generator_generic_slsa3.yml") => return Some("slsa-github-generic"),
        Some("builder_go_slsa3.yml") => return Some("slsa-github-go"),
        Some("generator_container_slsa3.yml") => return Some("slsa-github-container"),
        _ => {}
    }
    let own = path.split("/.github/").next().unwrap_or_default();
    let is_own = identity.repository.as_deref() == Some(&format!("github.com/{own}"));
    Some(if is_own {
        "github-attest"
    } else {
        "github-attest-reusable"
    })
}

fn from(rule: &Rule, found: &Found) -> String {
    let signers = rule.from.iter().filter_map(|it| found.signers.get(*it));
    let names: Vec<String> = signers.map(|it| quoted(&it.name)).collect();
    match names.as_slice() {
        [one] => format!("from: {one}"),
        all => format!("from: {{all: [{}]}}", all.join(", ")),
    }
}

/// Path and ref of a GitHub Actions workflow.
fn workflow(identity: &Identity) -> Option<(&str, &str)> {
    if identity.issuer != GITHUB {
        return None;
    }
    let rest = identity.san.value().strip_prefix("https://github.com/")?;
    let (path, git_ref) = rest.split_once('@')?;
    path.contains("/.github/workflows/")
        .then_some((path, git_ref))
}

/// The lines of `source`, each with its meaning.
fn source(identity: &Identity) -> Vec<(String, &'static str)> {
    let mut lines = Vec::new();
    let mut one = |field: &str, value: &Option<String>, meaning| {
        if let Some(value) = value {
            lines.push((format!("{field}: {}", quoted(value)), meaning));
        }
    };
    one(
        "repository",
        &identity.repository,
        "for whom the workflow ran",
    );
    one(
        "repositoryId",
        &identity.repository_id,
        "its number: it survives renaming, and a new repository of that name has another",
    );
    one("ownerId", &identity.owner_id, "its owner's number");
    one(
        "runner",
        &identity.runner,
        "where it ran; a self-hosted machine is as safe as its owner keeps it",
    );
    for (field, values, meaning) in [
        (
            "refs",
            &identity.refs,
            "who can push here can build what they like",
        ),
        (
            "events",
            &identity.events,
            "what started it; a pull request would bring a stranger's code",
        ),
    ] {
        if !values.is_empty() {
            let values: Vec<String> = values.iter().map(|it| quoted(it)).collect();
            lines.push((format!("{field}: [{}]", values.join(", ")), meaning));
        }
    }
    lines
}

/// A YAML scalar: as it is where it can be nothing but text, else in quotes, with every odd character escaped.
fn quoted(text: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '.' | '/' | '_');
    let is_word = text.chars().all(plain) && text.starts_with(|it: char| it.is_ascii_alphabetic());
    const RESERVED: [&str; 8] = ["true", "false", "null", "yes", "no", "on", "off", "y"];
    let is_reserved = RESERVED.iter().any(|it| text.eq_ignore_ascii_case(it));
    if is_word && !is_reserved && !text.ends_with(['.', '-']) {
        return text.to_owned();
    }
    let mut out = String::from('"');
    for it in text.chars() {
        match it {
            '"' | '\\' => {
                out.push('\\');
                out.push(it);
            }
            ' '..='~' => out.push(it),
            _ if u32::from(it) > 0xffff => {
                let _ = write!(out, "\\U{:08x}", u32::from(it));
            }
            _ => {
                let _ = write!(out, "\\u{:04x}", u32::from(it));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn scalars_stay_what_they_are() {
        for (text, expected) in [
            ("refs/heads/main", "refs/heads/main"),
            ("123", "\"123\""),
            ("yes", "\"yes\""),
            ("a: b", "\"a: b\""),
            ("a\"\\\n\u{202e}", "\"a\\\"\\\\\\u000a\\u202e\""),
            ("", "\"\""),
            ("1e3", "\"1e3\""),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
