//! policy-controller's TrustRoot.

use super::super::gather::{Gather, Source};
use super::super::key::{self, Instance};
use super::super::model::{Material, Root};
use super::super::node::Node;
use super::super::report::Log;
use crate::policy_text::{name, unique};

const RESERVED: &str = "public-good";

/// One TrustRoot. Policies that name one that could not be carried over deny.
pub(crate) fn trust_root(source: &Source<'_>, gather: &mut Gather, log: &mut Log<'_>) {
    source.metadata(log);
    let Some(node) = source.node.get("spec") else {
        let why = "it has no `spec`";
        log.refused(&source.node, why, "write one");
        gather
            .roots
            .insert(source.name.clone(), Err(why.to_owned()));
        return;
    };
    let node = &node;
    let known = !node.others(&["remote", "repository", "sigstoreKeys"], log);
    let made = match (
        node.get("remote"),
        node.get("repository"),
        node.get("sigstoreKeys"),
    ) {
        (Some(remote), None, None) => self::remote(&remote, gather, log),
        (None, None, Some(keys)) => sigstore_keys(&keys, log),
        (None, Some(repository), None) => {
            const WHY: &str = "an archive of a TUF repository is not read";
            log.refused(
                &repository,
                WHY,
                "take `trusted_root.json` out of its targets and name it in a TrustRoot with `file:`",
            );
            Err(WHY.to_owned())
        }
        _ => {
            const WHY: &str =
                "a TrustRoot has exactly one of `remote`, `repository` and `sigstoreKeys`";
            log.refused(node, WHY, "keep the one that is meant");
            Err(WHY.to_owned())
        }
    };
    let is_whole = !log.complete(&source.node) && known;
    let named = match made {
        Ok((material, has_ct_logs)) if is_whole => {
            let taken = gather
                .set
                .roots
                .iter()
                .map(|it| it.name.as_str())
                .chain([RESERVED]);
            let name = unique(&name(&source.name, "root"), taken);
            gather.set.roots.push(Root {
                name: name.clone(),
                origin: source.origin(node),
                material,
                has_ct_logs,
            });
            Ok(name)
        }
        Ok(_) => Err("it has fields that are not understood here".to_owned()),
        Err(why) => Err(why),
    };
    gather.roots.insert(source.name.clone(), named);
}

fn remote(node: &Node<'_>, gather: &Gather, log: &mut Log<'_>) -> Result<(Material, bool), String> {
    if node.others(&["root", "mirror", "targets", "trustedRootTarget"], log) {
        return Err("it has fields that are not known".to_owned());
    }
    for (field, default) in [
        ("targets", "targets"),
        ("trustedRootTarget", "trusted_root.json"),
    ] {
        if let Some(value) = node.get(field) {
            if value.text() != Some(default) {
                let why = format!("only `{field}: {default}` is read");
                log.refused(
                    &value,
                    &why,
                    "fetch its trusted root by hand, and name it in a TrustRoot with `file:`",
                );
                return Err(why);
            }
            log.carried(&value, "as it is by default");
        }
    }
    let (Some(root), Some(mirror)) = (node.get("root"), node.get("mirror")) else {
        let why = "it has no `root` or no `mirror`";
        log.refused(node, why, "write both");
        return Err(why.to_owned());
    };
    let bytes = match key::bytes(root.text().unwrap_or_default()) {
        Ok(bytes) => bytes,
        Err(why) => {
            log.refused(&root, &why, "write the root.json as base64");
            return Err(why);
        }
    };
    if !gather.has_folder {
        let why = "the first root of a TUF repository is a file of its own";
        log.refused(&root, why, "import again with `--out` and a folder");
        return Err(why.to_owned());
    }
    log.carried(&root, "TrustRoot.tuf.root, a file beside the policy");
    let url = mirror.text().unwrap_or_default().to_owned();
    log.carried(&mirror, "TrustRoot.tuf.url");
    // Whether it lists a log of certificates is not known before it was fetched: a proof is demanded.
    Ok((Material::Tuf { url, root: bytes }, true))
}

fn sigstore_keys(node: &Node<'_>, log: &mut Log<'_>) -> Result<(Material, bool), String> {
    const KNOWN: [&str; 4] = [
        "certificateAuthorities",
        "tLogs",
        "ctLogs",
        "timestampAuthorities",
    ];
    if node.others(&KNOWN, log) {
        return Err("it has fields that are not known".to_owned());
    }
    let mut instance = Instance::default();
    let mut failed = None;
    for (field, bytes, place) in [
        ("certificateAuthorities", "certChain", "uri"),
        ("timestampAuthorities", "certChain", "uri"),
        ("tLogs", "publicKey", "baseURL"),
        ("ctLogs", "publicKey", "baseURL"),
    ] {
        for item in node.list(field) {
            let known = match bytes {
                "publicKey" => ["baseURL", "hashAlgorithm", "publicKey"],
                _ => ["subject", "uri", "certChain"],
            };
            let whole = !item.others(&known, log);
            match (part(&item, bytes, place, log), field) {
                (Ok(part), "certificateAuthorities") => instance.authorities.push(part),
                (Ok(part), "timestampAuthorities") => instance.timestamps.push(part),
                (Ok(part), "tLogs") => instance.logs.push(part),
                (Ok(part), _) => instance.ct_logs.push(part),
                (Err(why), _) => failed = Some(why),
            }
            if !whole {
                failed = Some("it has fields that are not known".to_owned());
            }
        }
    }
    if let Some(why) = failed {
        return Err(why);
    }
    match instance.trusted_root() {
        Ok(json) => Ok((Material::Inline(json), !instance.ct_logs.is_empty())),
        Err(why) => {
            log.refused(node, &why, "correct the key or certificate");
            Err(why)
        }
    }
}

/// The place and the PEM of one log or authority.
fn part(
    item: &Node<'_>,
    bytes: &str,
    place: &str,
    log: &mut Log<'_>,
) -> Result<(String, String), String> {
    if let Some(subject) = item.get("subject") {
        log.dropped(&subject, "the certificates say it themselves");
    }
    let url = item.word(place).unwrap_or_default().to_owned();
    if let Some(place) = item.get(place) {
        log.carried(&place, "TrustRoot.trustedRoot");
    }
    let hashed = hash(item, log);
    let Some(value) = item.get(bytes) else {
        let why = format!("`{bytes}` is missing");
        log.refused(item, &why, "write it as base64 of PEM");
        return Err(why);
    };
    match key::text(value.text().unwrap_or_default()) {
        Ok(pem) => {
            log.carried(&value, "TrustRoot.trustedRoot, good at any time");
            hashed.map(|()| (url, pem))
        }
        Err(why) => {
            log.refused(&value, &why, "write it as base64 of PEM");
            Err(why)
        }
    }
}

/// How the tree of a log is hashed.
fn hash(item: &Node<'_>, log: &mut Log<'_>) -> Result<(), String> {
    let Some(hash) = item.get("hashAlgorithm") else {
        return Ok(());
    };
    let word = hash.text().unwrap_or_default().to_ascii_lowercase();
    if matches!(word.as_str(), "sha256" | "sha-256") {
        log.carried(&hash, "the tree of a log is hashed with SHA-256");
        return Ok(());
    }
    let why = "the tree of a log is hashed with SHA-256 only";
    log.refused(&hash, why, "leave this log out if nothing needs it");
    Err(why.to_owned())
}
