//! One authority: who has to sign, or attest, and what is asked of logs and timestamps.

use super::super::gather::Gather;
use super::super::identity::{self, Plain};
use super::super::key;
use super::super::model::{Demand, Format, From, Log as LogDemand, Maker, Policy, Signer, Time};
use super::super::node::Node;
use super::super::predicate;
use super::super::report::{Log, Outcome};
use crate::policy_text::name;

const PUBLIC_GOOD: &str = "public-good";

/// What an authority demands.
#[derive(Debug)]
pub(super) enum Authority {
    /// `static: pass`
    Pass,
    /// `static: fail`
    Fail,
    Named(Named),
}

/// An authority with Signers, any of which counts.
#[derive(Debug)]
pub(super) struct Named {
    name: String,
    pub(super) signers: Vec<usize>,
    /// Name and predicate type of each attestation, all of which are needed; without any, a signature is.
    attestations: Vec<(String, String)>,
}

impl Named {
    pub(super) fn types(&self) -> Vec<&str> {
        self.attestations
            .iter()
            .map(|(_, it)| it.as_str())
            .collect()
    }

    pub(super) fn rules(&self, policy: &mut Policy) {
        let from = From {
            signers: self.signers.clone(),
            count: 1,
        };
        if self.attestations.is_empty() {
            policy.rule(
                &format!("signed-{}", self.name),
                Demand::Signature(from.clone()),
            );
        }
        for (name, predicate_type) in &self.attestations {
            policy.rule(
                name,
                Demand::Statement {
                    from: from.clone(),
                    predicate_type: predicate_type.clone(),
                },
            );
        }
    }
}

/// What is asked of whoever signs, beside who it is.
struct Demands {
    root: Option<String>,
    log: LogDemand,
    time: Time,
    no_sct: bool,
    format: Format,
}

impl Authority {
    /// Reads it. None where something in it could not be carried over: any other authority is enough, and without one the
    /// policy denies.
    pub(super) fn read(
        node: &Node<'_>,
        index: usize,
        policy: &str,
        gather: &mut Gather,
        log: &mut Log<'_>,
    ) -> Option<Self> {
        const KNOWN: [&str; 9] = [
            "name",
            "key",
            "keyless",
            "static",
            "source",
            "ctlog",
            "attestations",
            "rfc3161timestamp",
            "signatureFormat",
        ];
        let mut whole = !node.others(&KNOWN, log);
        let called = node
            .word("name")
            .map_or_else(|| format!("authority-{index}"), str::to_owned);
        if let Some(name) = node.get("name") {
            log.carried(&name, "the name of a Signer or a rule");
        }
        if let Some(fixed) = node.get("static") {
            return fixed_answer(&fixed, log);
        }
        sources(node, log);
        let attestations = attestations(node, log);
        whole &= attestations.is_some();
        let demands = demands(node, gather, log);
        let makers = match (node.get("key"), node.get("keyless")) {
            (Some(key), None) => self::key(&key, log),
            (None, Some(keyless)) => self::keyless(&keyless, log),
            _ => {
                log.refused(
                    node,
                    "an authority has exactly one of `key`, `keyless` and `static`",
                    "keep the one that is meant",
                );
                return None;
            }
        };
        let demands = demands?;
        let wanted = name(&format!("{policy}-{called}"), "signer");
        let mut signers = Vec::new();
        for maker in makers? {
            let signer = Signer {
                name: wanted.clone(),
                root: demands.root.clone(),
                maker,
                log: demands.log,
                time: demands.time,
                no_sct: demands.no_sct,
                format: demands.format,
            };
            let signer = gather.signer(signer, node, log)?;
            if !signers.contains(&signer) {
                signers.push(signer);
            }
        }
        (whole && !signers.is_empty()).then(|| {
            Self::Named(Named {
                name: called,
                signers,
                attestations: attestations.unwrap_or_default(),
            })
        })
    }
}

fn fixed_answer(node: &Node<'_>, log: &mut Log<'_>) -> Option<Authority> {
    if let Some(message) = node.get("message") {
        log.dropped(&message, "rules have no message of their own");
    }
    let action = node.get("action")?;
    match action.text() {
        Some("pass") => {
            log.carried(&action, "a rule that asks for nothing: whatever the policy names may run, as in the original");
            Some(Authority::Pass)
        }
        Some("fail") => {
            log.carried(&action, "a rule that nobody can meet");
            Some(Authority::Fail)
        }
        _ => {
            log.refused(
                &action,
                "it is no action of the original",
                "write `pass` or `fail`",
            );
            None
        }
    }
}

/// Where evidence is found is no affair of a policy here.
fn sources(node: &Node<'_>, log: &mut Log<'_>) {
    for source in node.list("source") {
        for (field, value) in source.fields() {
            match field {
                "signaturePullSecrets" => log.dropped(&value, "credentials belong to whoever asks the registry (docs/credentials.md)"),
                "oci" => log.refused(
                    &value,
                    "a policy does not say where evidence is; it is looked for beside the image",
                    "name the repository in the configuration of registries (docs/registries.md, `evidence`)",
                ),
                _ => log.refused(
                    &value,
                    "evidence is looked for by its usual tags only",
                    "attach the evidence to the image as cosign does by default",
                ),
            }
        }
    }
}

fn attestations(node: &Node<'_>, log: &mut Log<'_>) -> Option<Vec<(String, String)>> {
    let mut all = Vec::new();
    let mut whole = true;
    for item in node.list("attestations") {
        whole &= !item.others(&["name", "predicateType", "policy"], log);
        if let Some(name) = item.get("name") {
            log.carried(&name, "the name of a rule");
        }
        let Some(written) = item.get("predicateType") else {
            log.refused(
                &item,
                "an attestation without a predicate type",
                "name the type",
            );
            whole = false;
            continue;
        };
        match predicate::of_cosign(written.text().unwrap_or_default()) {
            Some(predicate_type) => {
                log.carried(
                    &written,
                    format!("a rule `statement` with predicateType {predicate_type}"),
                );
                let name = item.word("name").unwrap_or("attested");
                all.push((name.to_owned(), predicate_type));
            }
            None => {
                log.refused(&written, "it is no predicate type", "write the whole type");
                whole = false;
            }
        }
        if let Some(policy) = item.get("policy") {
            log.refused(
                &policy,
                "CUE and Rego over an attestation are not read, and without them any content would do",
                "write the rule that says the same: `provenance`, `sbom`, `vulnerabilities`, or `statement` with `where`",
            );
            whole = false;
        }
    }
    whole.then_some(all)
}

fn demands(node: &Node<'_>, gather: &Gather, log: &mut Log<'_>) -> Option<Demands> {
    let keyless = node.get("keyless");
    let mut demands = Demands {
        root: None,
        log: LogDemand::Default,
        time: Time::Either,
        no_sct: false,
        format: Format::Legacy,
    };
    let mut roots: Vec<String> = Vec::new();
    if keyless.is_some() {
        let named = keyless.as_ref().and_then(|it| it.get("trustRootRef"));
        let is_own = named.is_some();
        roots.push(root_of(named, gather, log)?);
        if is_own && node.get("ctlog").is_none() && node.get("rfc3161timestamp").is_none() {
            log.implied(
                keyless.as_ref().unwrap_or(node),
                Outcome::Stricter,
                "without `ctlog` the original asks no log; here one is asked for where the trust root lists one, and a proven time always",
            );
        }
    }
    match node.get("ctlog") {
        Some(ctlog) => {
            if ctlog.others(&["url", "trustRootRef"], log) {
                return None;
            }
            let has_log = ctlog.get("url").is_some() || ctlog.get("trustRootRef").is_some();
            if let Some(url) = ctlog.get("url") {
                log.carried(
                    &url,
                    "`log: required`; which log it is says the trust root's key",
                );
            }
            if has_log || keyless.is_some() {
                roots.push(root_of(ctlog.get("trustRootRef"), gather, log)?);
            } else {
                (demands.log, demands.time) = (LogDemand::Off, Time::None);
            }
            if ctlog.fields().is_empty() {
                log.carried(&ctlog, "it says nothing");
            }
        }
        None if keyless.is_none() => (demands.log, demands.time) = (LogDemand::Off, Time::None),
        None => {}
    }
    if let Some(stamp) = node.get("rfc3161timestamp") {
        if stamp.others(&["trustRootRef"], log) {
            return None;
        }
        roots.push(root_of(stamp.get("trustRootRef"), gather, log)?);
        // The original asks no log then.
        (demands.log, demands.time) = (LogDemand::Off, Time::Timestamp);
    }
    roots.dedup();
    match roots.as_slice() {
        [] => {}
        [one] => demands.root = Some(one.clone()),
        _ => {
            log.refused(
                node,
                "certificates, log and timestamps are vouched for by several trust roots, and a Signer has one",
                "put all of them into one TrustRoot and name that everywhere",
            );
            return None;
        }
    }
    let skip_sct = keyless.as_ref().and_then(|it| it.get("insecureIgnoreSCT"));
    let has_none = |name: &String| {
        gather
            .set
            .roots
            .iter()
            .any(|it| it.name == *name && !it.has_ct_logs)
    };
    let has_none = demands.root.as_ref().is_some_and(has_none);
    if let Some(keyless) = &keyless
        && has_none
        && skip_sct.as_ref().and_then(Node::flag) != Some(true)
    {
        log.refused(
            keyless,
            "its trust root lists no log of certificates, by which the original wants a proof: nobody can meet it",
            "add the log to the TrustRoot, or say `insecureIgnoreSCT: true`",
        );
        return None;
    }
    if let Some(skip) = skip_sct {
        if skip.flag() == Some(true) && has_none {
            demands.no_sct = true;
            log.carried(&skip, "Signer.sct: none");
        } else if skip.flag() == Some(true) {
            log.stricter(&skip, "the trust root lists a certificate-transparency log, so that a proof of it is demanded");
        } else {
            log.carried(&skip, "a proof of certificate transparency is demanded");
        }
    }
    if let Some(format) = node.get("signatureFormat") {
        demands.format = match format.text() {
            Some("bundle") => Format::Bundle,
            Some("legacy" | "") => Format::Legacy,
            _ => {
                log.refused(
                    &format,
                    "it is no format of the original",
                    "write `legacy` or `bundle`",
                );
                return None;
            }
        };
        log.carried(&format, "Signer.formats");
    }
    Some(demands)
}

fn root_of(node: Option<Node<'_>>, gather: &Gather, log: &mut Log<'_>) -> Option<String> {
    let Some(node) = node else {
        return Some(PUBLIC_GOOD.to_owned());
    };
    let wanted = node.text().unwrap_or_default();
    match gather.roots.get(wanted) {
        Some(Ok(name)) => {
            log.carried(&node, format!("Signer.trust: {name}"));
            Some(name.clone())
        }
        Some(Err(why)) => {
            log.refused(
                &node,
                &format!("its TrustRoot could not be carried over: {why}"),
                "see the report on that TrustRoot",
            );
            None
        }
        None => {
            log.refused(
                &node,
                "no TrustRoot of this name is in the input",
                "import policy and TrustRoot together",
            );
            None
        }
    }
}

fn key(node: &Node<'_>, log: &mut Log<'_>) -> Option<Vec<Maker>> {
    let known = !node.others(&["data", "secretRef", "kms", "hashAlgorithm"], log);
    if let Some(hash) = node.get("hashAlgorithm") {
        match hash.text() {
            Some("sha256" | "") => log.carried(
                &hash,
                "the hash that belongs to the key, and SHA-256 for `.sig` tags",
            ),
            _ => log.stricter(
                &hash,
                "a signature counts with the hash that belongs to its key only",
            ),
        }
    }
    for (field, what) in [
        ("secretRef", "a Secret"),
        ("kms", "a key management system"),
    ] {
        if let Some(reference) = node.get(field) {
            log.refused(
                &reference,
                &format!("the key is in {what}, which is not asked"),
                "write the public key as PEM into `data`, and import again",
            );
        }
    }
    let data = node.get("data")?;
    let one = key::one(&data, "authority", log)?;
    known.then_some(one)
}

fn keyless(node: &Node<'_>, log: &mut Log<'_>) -> Option<Vec<Maker>> {
    let known = [
        "url",
        "identities",
        "ca-cert",
        "trustRootRef",
        "insecureIgnoreSCT",
    ];
    let mut whole = !node.others(&known, log);
    if let Some(url) = node.get("url") {
        log.dropped(&url, "who vouches for certificates says the trust root");
    }
    if let Some(authority) = node.get("ca-cert") {
        log.refused(
            &authority,
            "a certificate authority by itself is no trust root",
            "put it into a TrustRoot (`sigstoreKeys`) and name that in `trustRootRef`",
        );
        whole = false;
    }
    let identities = node.list("identities");
    if identities.is_empty() {
        log.refused(
            node,
            "no identity is named, so that anybody would count",
            "name who signs",
        );
        return None;
    }
    let makers: Vec<Maker> = identities
        .iter()
        .flat_map(|it| {
            if it.others(&["issuer", "subject", "issuerRegExp", "subjectRegExp"], log) {
                return Vec::new();
            }
            identity::identities(it, Plain::Exact, log)
        })
        .map(|(issuer, subject)| Maker::Keyless {
            issuer,
            subject,
            source: Vec::new(),
        })
        .collect();
    whole.then_some(makers)
}
