//! The policy as text, each line with what trusting it means.

mod rule;
mod signer;
mod yaml;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use self::yaml::quoted;
use super::InitJob;
use super::found::{Found, FoundSigner};
use super::material::{Material, name};
use super::rules::Rules;
use crate::escape::escaped;

const API: &str = "apiVersion: countersign.dev/v1alpha1";
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
    let signers = found.signers.iter().enumerate();
    let signers = signers.filter(|(index, _)| rules.names(*index));
    let signers: Vec<&FoundSigner> = signers.map(|(_, signer)| signer).collect();
    let roots: BTreeSet<&str> = signers.iter().filter_map(|it| it.root.as_deref()).collect();
    for root in roots.into_iter().filter(|root| *root != PUBLIC_GOOD) {
        text.root(root, material);
    }
    for signer in signers {
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
}
