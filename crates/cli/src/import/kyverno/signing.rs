//! What is asked of logs and timestamps, and the trust root that vouches for them.

use super::super::gather::Gather;
use super::super::key::Instance;
use super::super::model::{Log as LogDemand, Maker, Material, Root, Signer, Time};
use super::super::node::Node;
use super::super::report::Log;
use super::attestor::Context;
use crate::policy_text::unique;

const PUBLIC_GOOD: &str = "public-good";

/// What the original says of logs, timestamps and authorities; nothing of it means the public-good instance's.
#[derive(Debug, Default)]
pub(super) struct Witnesses {
    no_log: bool,
    no_sct: bool,
    /// PEM, each with a place.
    log_key: Option<(String, String)>,
    ct_log_key: Option<String>,
    timestamps: Option<String>,
    /// The line where the certificates of an instance's authorities stand, and these.
    pub(super) roots: Option<(usize, String)>,
}

/// The same, once it is clear by which trust root.
#[derive(Debug)]
pub(super) struct Settled {
    root: Option<String>,
    log: LogDemand,
    time: Time,
    no_sct: bool,
}

/// A transparency log: its place, its key, and whether none is asked.
pub(super) fn log(
    node: &Node<'_>,
    (url, key, ignore): (&str, &str, &str),
    witnesses: &mut Witnesses,
    log: &mut Log<'_>,
) {
    let place = node.word(url).unwrap_or_default().to_owned();
    if let Some(url) = node.get(url) {
        log.carried(&url, "which log it is says the trust root's key");
    }
    if let Some(key) = node.get(key).filter(|it| it.text() != Some("")) {
        log.carried(&key, "TrustRoot.trustedRoot, good at any time");
        witnesses.log_key = Some((place, key.text().unwrap_or_default().to_owned()));
    }
    if let Some(ignore) = node.get(ignore) {
        witnesses.no_log = ignore.flag() == Some(true);
        log.carried(
            &ignore,
            if witnesses.no_log {
                "Signer.log: off"
            } else {
                "a log is demanded"
            },
        );
    }
}

/// A log of certificates, and timestamp authorities.
pub(super) fn ct_log(
    node: &Node<'_>,
    (key, ignore, stamps): (&str, &str, &str),
    keyless: bool,
    witnesses: &mut Witnesses,
    log: &mut Log<'_>,
) {
    if let Some(ignore) = node.get(ignore) {
        witnesses.no_sct = ignore.flag() == Some(true);
        match (keyless, witnesses.no_sct) {
            (false, _) => log.dropped(&ignore, "a key has no certificate"),
            (true, true) => log.stricter(&ignore, "a proof of certificate transparency is demanded wherever the trust root lists such a log"),
            (true, false) => log.carried(&ignore, "a proof of certificate transparency is demanded"),
        }
    }
    if let Some(key) = node.get(key).filter(|it| it.text() != Some("")) {
        if keyless {
            log.carried(&key, "TrustRoot.trustedRoot, good at any time");
            witnesses.ct_log_key = key.text().map(str::to_owned);
        } else {
            log.dropped(&key, "a key has no certificate");
        }
    }
    if let Some(stamps) = node.get(stamps).filter(|it| it.text() != Some("")) {
        log.carried(
            &stamps,
            "TrustRoot.trustedRoot, good at any time, and `time: timestamp`",
        );
        witnesses.timestamps = stamps.text().map(str::to_owned);
    }
}

impl Witnesses {
    /// Under which one trust root all of it holds; none where it takes parts of several.
    pub(super) fn settle(
        self,
        keyless: bool,
        node: &Node<'_>,
        gather: &mut Gather,
        log: &mut Log<'_>,
    ) -> Option<Settled> {
        let time = match (&self.timestamps, self.no_log, keyless) {
            (Some(_), _, _) => Time::Timestamp,
            (None, true, false) => Time::None,
            (None, _, _) => Time::Either,
        };
        let demand = if self.no_log {
            LogDemand::Off
        } else {
            LogDemand::Default
        };
        let own = [
            self.log_key.is_some(),
            self.ct_log_key.is_some(),
            self.timestamps.is_some(),
            self.roots.is_some(),
        ];
        if !own.contains(&true) {
            let needs = keyless || !self.no_log;
            return Some(Settled {
                root: needs.then(|| PUBLIC_GOOD.to_owned()),
                log: demand,
                time,
                no_sct: false,
            });
        }
        // Whatever is not given is the public-good instance's in the original.
        let lacks_log = !self.no_log && self.log_key.is_none();
        let lacks_sct = keyless && !self.no_sct && self.ct_log_key.is_none();
        let lacks_root = keyless && self.roots.is_none();
        if lacks_log || lacks_sct || lacks_root {
            log.refused(
                node,
                "keys and certificates of its own, and others of the public-good instance; a Signer has one trust root",
                "name all of them (roots, keys of the logs), or say that the others are ignored",
            );
            return None;
        }
        let instance = Instance {
            authorities: self
                .roots
                .iter()
                .map(|(_, pem)| (String::new(), pem.clone()))
                .collect(),
            timestamps: self
                .timestamps
                .iter()
                .map(|pem| (String::new(), pem.clone()))
                .collect(),
            logs: self.log_key.filter(|_| !self.no_log).into_iter().collect(),
            ct_logs: self
                .ct_log_key
                .iter()
                .map(|pem| (String::new(), pem.clone()))
                .collect(),
        };
        match instance.trusted_root() {
            Ok(json) => {
                let has_ct_logs = !instance.ct_logs.is_empty();
                Some(Settled {
                    root: Some(root(json, has_ct_logs, node, gather)),
                    log: demand,
                    time,
                    no_sct: keyless && !has_ct_logs,
                })
            }
            Err(why) => {
                log.refused(
                    node,
                    &format!("its keys and certificates are no trust root: {why}"),
                    "correct them",
                );
                None
            }
        }
    }
}

fn root(json: String, has_ct_logs: bool, node: &Node<'_>, gather: &mut Gather) -> String {
    let material = Material::Inline(json);
    if let Some(known) = gather.set.roots.iter().find(|it| it.material == material) {
        return known.name.clone();
    }
    let name = unique(
        "imported",
        gather.set.roots.iter().map(|it| it.name.as_str()),
    );
    gather.set.roots.push(Root {
        name: name.clone(),
        origin: format!("from an attestor in line {}", node.line()),
        material,
        has_ct_logs,
    });
    name
}

/// The Signers, in the set.
pub(super) fn signers(
    makers: Vec<Maker>,
    settled: &Settled,
    context: &Context,
    node: &Node<'_>,
    gather: &mut Gather,
    log: &mut Log<'_>,
) -> Option<Vec<usize>> {
    let mut signers = Vec::new();
    for maker in makers {
        let signer = Signer {
            name: context.name.clone(),
            root: settled.root.clone(),
            maker,
            log: settled.log,
            time: settled.time,
            no_sct: settled.no_sct,
            format: context.format,
        };
        let signer = gather.signer(signer, node, log)?;
        if !signers.contains(&signer) {
            signers.push(signer);
        }
    }
    Some(signers)
}
