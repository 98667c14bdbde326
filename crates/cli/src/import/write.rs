//! The set as text.

use std::collections::BTreeSet;

use super::model::{
    Demand, Format, From, Log, Maker, Material, Mode, Policy, Root, Set, Signer, Subject, Time,
    Unmatched,
};
use crate::policy_text::{Text, quoted, unique};

/// An issuer that cannot be: RFC 2606 reserves the domain.
const NOBODY_ISSUER: &str = "https://not-imported.invalid";

/// What was written, and what stands where.
pub(super) struct Written {
    pub(super) text: String,
    /// The line of the name of each policy, and its place in the set.
    pub(super) policies: Vec<(usize, usize)>,
    /// The same of each Signer.
    pub(super) signers: Vec<(usize, usize)>,
    /// The line of each item of `except`, its policy's place in the set, and itself.
    pub(super) excepts: Vec<(usize, usize, String)>,
    /// The line of each rule, its policy's place in the set, and its own among the rules.
    pub(super) rules: Vec<(usize, usize, usize)>,
    /// The same as of `except` of `images`.
    pub(super) images: Vec<(usize, usize, String)>,
}

/// The trust roots alone: they are no policy set, but can become part of one.
pub(super) fn roots(set: &Set) -> String {
    let mut text = Text::default();
    text.raw("# Made by `countersign policy import` of TrustRoots alone: put them into a policy set whose Signers name them.");
    for root in &set.roots {
        write_root(&mut text, root);
    }
    text.done()
}

/// Writes it. Signers and trust roots that no policy names are left out.
pub(super) fn written(set: &Set) -> Written {
    let mut text = Text::default();
    text.raw("# Made by `countersign policy import`. Its report says what became of each field of the originals.");
    text.document("Settings", "imported");
    text.raw("spec:");
    let unmatched = match set.unmatched {
        Unmatched::Deny => "unmatched: deny",
        Unmatched::Warn => "unmatched: warn",
        Unmatched::Allow => "unmatched: allow",
    };
    text.line(2, unmatched, set.unmatched_because);
    text.line(
        2,
        "onUnknown: deny",
        "nor does an image run whose evidence cannot be fetched",
    );
    let rules = || {
        set.policies
            .iter()
            .filter(|it| it.closed.is_empty())
            .flat_map(|it| &it.rules)
    };
    let used: BTreeSet<usize> = rules()
        .filter_map(|rule| match &rule.demand {
            Demand::Signature(from) | Demand::Statement { from, .. } => Some(from),
            Demand::Digest | Demand::Nothing | Demand::Never => None,
        })
        .flat_map(|from| from.signers.iter().copied())
        .collect();
    let trusted: BTreeSet<&str> = used
        .iter()
        .filter_map(|index| set.signers.get(*index)?.root.as_deref())
        .collect();
    for root in set
        .roots
        .iter()
        .filter(|it| trusted.contains(it.name.as_str()))
    {
        write_root(&mut text, root);
    }
    let mut signers = Vec::new();
    for (index, signer) in set.signers.iter().enumerate() {
        if used.contains(&index) {
            text.document("Signer", &signer.name);
            signers.push((text.lines(), index));
            write_signer(&mut text, signer);
        }
    }
    let is_closed = set.policies.iter().any(|it| !it.closed.is_empty());
    let nobody = unique("nobody", set.signers.iter().map(|it| it.name.as_str()));
    if is_closed || rules().any(|it| it.demand == Demand::Never) {
        write_nobody(&mut text, &nobody);
    }
    let mut written = Written {
        text: String::new(),
        policies: Vec::new(),
        signers,
        excepts: Vec::new(),
        rules: Vec::new(),
        images: Vec::new(),
    };
    for (index, policy) in set.policies.iter().enumerate() {
        text.document("Policy", &policy.name);
        written.policies.push((text.lines(), index));
        text.raw(&format!("spec: # {}", policy.origin));
        written
            .images
            .extend(list(&mut text, "images", &policy.images, index));
        if !policy.except.is_empty() {
            written
                .excepts
                .extend(list(&mut text, "except", &policy.except, index));
        }
        for (line, rule) in rest(&mut text, policy, set, &nobody) {
            written.rules.push((line, index, rule));
        }
    }
    written.text = text.done();
    written
}

fn write_root(text: &mut Text, root: &Root) {
    text.document("TrustRoot", &root.name);
    text.raw(&format!("spec: # {}", root.origin));
    match &root.material {
        Material::Inline(json) => {
            text.raw("  trustedRoot: |");
            for line in json.lines() {
                text.raw(&format!("    {line}"));
            }
        }
        Material::Tuf { url, .. } => {
            let file = quoted(&root.file());
            text.raw("  # `countersign trust update` fetches it");
            text.raw(&format!("  tuf: {{url: {}, root: {file}}}", quoted(url)));
        }
    }
}

fn write_signer(text: &mut Text, signer: &Signer) {
    text.raw("spec:");
    if let Some(root) = &signer.root {
        text.raw(&format!("  trust: {}", quoted(root)));
    }
    match &signer.maker {
        Maker::Key { pem, .. } => {
            text.line(
                2,
                "keys:",
                "whoever holds the private half can sign anything",
            );
            text.raw("    - id: key");
            text.raw("      pem: |");
            for line in pem.lines() {
                text.raw(&format!("        {line}"));
            }
        }
        Maker::Keyless {
            issuer,
            subject,
            source,
        } => keyless(text, issuer, subject, source),
    }
    if signer.log == Log::Off {
        text.line(
            2,
            "log: off",
            "as in the original: no log shows what is signed",
        );
    }
    match signer.time {
        Time::Either => {}
        Time::Timestamp => text.line(2, "time: timestamp", "an RFC 3161 timestamp"),
        Time::None => text.line(
            2,
            "time: none",
            "as in the original: nobody proves when it was signed",
        ),
    }
    if signer.no_sct {
        text.line(2, "sct: none", "as in the original");
    }
    match signer.format {
        Format::Bundle => text.line(2, "formats: [bundle]", "as in the original"),
        Format::Legacy => text.line(
            2,
            "formats: [legacy]",
            "as in the original: .sig and .att tags; without this line bundles count too",
        ),
        Format::Both => {}
    }
}

fn keyless(text: &mut Text, issuer: &str, subject: &Subject, source: &[(&str, String)]) {
    text.raw("  keyless:");
    text.raw(&format!("    issuer: {}", quoted(issuer)));
    let (word, value) = match subject {
        Subject::Exact(value) => ("exact", value),
        Subject::Regex(value) => ("regex", value),
    };
    text.raw(&format!("    subject: {{{word}: {}}}", quoted(value)));
    if !source.is_empty() {
        text.raw("    source:");
        for (field, value) in source {
            text.raw(&format!("      {field}: {value}"));
        }
    }
    let says_for_whom = source.iter().any(|(field, _)| *field == "repository");
    if !says_for_whom && super::identity::is_workflow(issuer, subject) {
        text.raw("    # As in the original, whoever calls this workflow counts. Say for whom it runs, and remove the line:");
        text.raw("    # source: {repository: OWNER/NAME}");
        text.raw("    anyCaller: unsafe");
    }
}

fn write_nobody(text: &mut Text, name: &str) {
    text.raw("# Nobody can sign as this: what asks for it denies.");
    text.document("Signer", name);
    text.raw("spec:");
    text.raw("  trust: public-good");
    text.raw("  keyless:");
    text.raw(&format!("    issuer: {}", quoted(NOBODY_ISSUER)));
    text.raw("    subject: {exact: not-imported}");
}

/// What follows the patterns over images; which rule stands in which line.
fn rest(text: &mut Text, policy: &Policy, set: &Set, nobody: &str) -> Vec<(usize, usize)> {
    let mut lines = Vec::new();
    namespaces(text, policy);
    match policy.mode {
        Mode::Enforce => text.raw("  mode: enforce"),
        Mode::Warn => text.line(2, "mode: warn", "as in the original: it never denies"),
        Mode::Audit => text.line(2, "mode: audit", "as in the original: it never denies"),
    }
    text.raw("  rules:");
    if policy.closed.is_empty() {
        for (index, rule) in policy.rules.iter().enumerate() {
            let demand = match &rule.demand {
                Demand::Digest => "digest: required".to_owned(),
                Demand::Nothing => "digest: resolve-at-admission-unsafe".to_owned(),
                Demand::Never => format!("signature: {{from: {nobody}}}"),
                Demand::Signature(from) => format!("signature: {{from: {}}}", names(from, set)),
                Demand::Statement {
                    from,
                    predicate_type,
                } => format!(
                    "statement: {{from: {}, predicateType: {}, match: any}}",
                    names(from, set),
                    quoted(predicate_type)
                ),
            };
            if rule.demand == Demand::Nothing {
                text.raw("    # As in the original, nothing is asked of these images.");
            }
            text.raw(&format!("    - {{name: {}, {demand}}}", quoted(&rule.name)));
            lines.push((text.lines(), index));
        }
        return lines;
    }
    text.raw("    # The original could not be carried over, so that this denies. Write rules in its place:");
    for why in &policy.closed {
        text.raw(&format!("    # - {}", crate::escape::escaped(why, 300)));
    }
    text.raw(&format!(
        "    - {{name: not-imported, signature: {{from: {nobody}}}}}"
    ));
    lines
}

fn namespaces(text: &mut Text, policy: &Policy) {
    let namespaces = &policy.namespaces;
    if *namespaces == super::model::Namespaces::default() {
        return;
    }
    text.raw("  namespaces:");
    let list = |values: &[String]| {
        let values: Vec<String> = values.iter().map(|it| quoted(it)).collect();
        format!("[{}]", values.join(", "))
    };
    if !namespaces.names.is_empty() {
        text.raw(&format!("    names: {}", list(&namespaces.names)));
    }
    if !namespaces.not_names.is_empty() {
        text.raw(&format!("    notNames: {}", list(&namespaces.not_names)));
    }
    if !namespaces.labels.is_empty() {
        text.raw("    matchLabels:");
        for (key, value) in &namespaces.labels {
            text.raw(&format!("      {}: {}", quoted(key), quoted(value)));
        }
    }
}

/// A list in lines of its own; which item stands in which line.
fn list(
    text: &mut Text,
    field: &str,
    values: &[String],
    policy: usize,
) -> Vec<(usize, usize, String)> {
    text.raw(&format!("  {field}:"));
    let mut lines = Vec::new();
    for value in values {
        text.raw(&format!("    - {}", quoted(value)));
        lines.push((text.lines(), policy, value.clone()));
    }
    lines
}

fn names(from: &From, set: &Set) -> String {
    let names: Vec<String> = from
        .signers
        .iter()
        .filter_map(|index| set.signers.get(*index))
        .map(|signer| quoted(&signer.name))
        .collect();
    let all = names.join(", ");
    match (names.len(), from.count) {
        (1, _) => all,
        (_, 1) => format!("{{any: [{all}]}}"),
        (many, count) if count == many => format!("{{all: [{all}]}}"),
        (_, count) => format!("{{atLeast: {count}, of: [{all}]}}"),
    }
}

impl Root {
    /// The file beside the policy in which a TUF repository's first root stands.
    pub(super) fn file(&self) -> String {
        format!("{}.root.json", self.name)
    }
}
