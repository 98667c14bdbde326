//! The policy as text, each line with what trusting it means.

mod rule;
mod signer;

use std::collections::BTreeSet;

use super::InitJob;
use super::found::{Found, FoundSigner};
use super::material::Material;
use super::rules::Rules;
use crate::escape::escaped;
use crate::policy_text::{Text, name, quoted};

const PUBLIC_GOOD: &str = "public-good";

/// The whole set: Settings, trust roots, Signers, one Policy.
pub(super) fn policy(job: &InitJob, material: &Material, found: &Found, rules: &Rules) -> String {
    let set = name(
        job.name.repository().rsplit('/').next().unwrap_or_default(),
        "image",
    );
    let mut text = Text::default();
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
    text.done()
}

impl Text {
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
