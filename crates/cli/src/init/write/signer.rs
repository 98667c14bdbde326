//! Signers, with what each of their lines trusts.

use countersign_core::{Digest, Format, San};

use super::super::found::{FoundSigner, Identity, Maker};
use super::super::material::Material;
use crate::escape::escaped;
use crate::policy_text::{Text, quoted};

const GITHUB: &str = "https://token.actions.githubusercontent.com";

impl Text {
    pub(super) fn signer(&mut self, signer: &FoundSigner, material: &Material) {
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

    fn keys(&mut self, material: &Material, key: &Digest) {
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
}

/// Path and ref of a GitHub Actions workflow.
pub(super) fn workflow(identity: &Identity) -> Option<(&str, &str)> {
    if identity.issuer != GITHUB {
        return None;
    }
    let rest = identity.san.value().strip_prefix("https://github.com/")?;
    let (path, git_ref) = rest.split_once('@')?;
    path.contains("/.github/workflows/")
        .then_some((path, git_ref))
}

/// The lines of `source`, each with its meaning.
pub(super) fn source(identity: &Identity) -> Vec<(String, &'static str)> {
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
