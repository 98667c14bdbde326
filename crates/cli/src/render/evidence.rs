//! What is attached to an image, as a tree for people.

use countersign_core::Claim;

use super::text::{BAD, GOOD, Text, faint, styled};
use crate::evidence::{
    EvidenceReport, GapReport, Kind, NodeReport, RefusedReport, SignedBy, TrustUsed, VerifiedReport,
};

/// The whole tree. Strings in the report are escaped already.
pub(crate) fn tree(report: &EvidenceReport) -> String {
    let mut text = Text::default();
    text.line(0, &report.image);
    text.line(2, &verified_by(&report.verified_by));
    if let Some(manifest) = &report.manifest {
        text.node(2, manifest);
    }
    text.unread(2, &report.gaps);
    text.0
}

impl Text {
    fn node(&mut self, indent: usize, node: &NodeReport) {
        let platform = node.platform.iter().map(|it| format!(" {it}"));
        let title = format!("{}{}", title(node.kind), platform.collect::<String>());
        self.line(indent, &format!("{title} {}", node.digest));
        let indent = indent + 2;
        self.line(indent, &faint(&about(node)));
        for verified in &node.verified {
            self.verified(indent, verified);
        }
        for refused in &node.refused {
            self.refused_item(indent, refused);
        }
        for below in node.attached.iter().chain(&node.children) {
            self.node(indent, below);
        }
        self.unread(indent, &node.gaps);
        let can_be_signed = matches!(node.kind, Kind::Image | Kind::Index);
        if can_be_signed && node.attached.is_empty() && node.gaps.is_empty() {
            self.line(indent, "nothing is attached");
        }
    }

    fn verified(&mut self, indent: usize, one: &VerifiedReport) {
        let what = match (one.signature, &one.predicate_type) {
            (true, _) => "image signature".to_owned(),
            (false, Some(predicate_type)) => format!("attestation {predicate_type}"),
            (false, None) => one.kind.to_owned(),
        };
        let root = match &one.trust_root {
            Some(root) => format!("by trust root {root}"),
            None => "by its key alone".to_owned(),
        };
        let verified = styled(GOOD, "verified");
        self.line(indent, &format!("{verified} {root}: {what}"));
        self.line(indent + 2, &format!("signed by {}", signer(&one.signed_by)));
        let times = one.times.iter();
        let times: Vec<String> = times
            .map(|it| format!("{} by {}", it.time, it.by))
            .collect();
        let times = match times.as_slice() {
            [] => "no proven time".to_owned(),
            times => format!("at {}", times.join(", ")),
        };
        let logs = one.logs.iter();
        let logs = logs.map(|it| format!(", entry {} of {}", it.index, it.log));
        self.line(indent + 2, &format!("{times}{}", logs.collect::<String>()));
    }

    fn refused_item(&mut self, indent: usize, refused: &RefusedReport) {
        let claims = match refused.claims.as_deref() {
            Some("signature" | Claim::COSIGN_SIGN) => "image signature".to_owned(),
            Some(predicate_type) => format!("attestation {predicate_type}"),
            None => "unreadable".to_owned(),
        };
        let not = styled(BAD, "not verified");
        self.line(indent, &format!("{not}: {claims}: {}", refused.code));
        self.line(indent + 2, &refused.detail);
    }

    fn unread(&mut self, indent: usize, gaps: &[GapReport]) {
        for gap in gaps {
            let could_not = styled(BAD, "could not be read");
            let GapReport {
                class,
                code,
                what,
                cause,
            } = gap;
            self.line(indent, &format!("{could_not}: {what}: {code} ({class})"));
            self.line(indent + 2, cause);
        }
    }
}

const fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Image => "image",
        Kind::Index => "index",
        Kind::BuildkitAttestation => "BuildKit attestation (unsigned)",
        Kind::Signatures => "signatures",
        Kind::Attestations => "attestations",
        Kind::Sbom => "SBOM (unsigned)",
        Kind::FallbackIndex => "list of referrers",
        Kind::Bundle => "bundle",
        Kind::NotationSignature => "Notation signature (not verified here)",
        Kind::Referrer => "referrer (not verified here)",
    }
}

fn verified_by(by: &TrustUsed) -> String {
    let roots = by.roots.join(", ");
    match &by.policy {
        Some(policy) => format!(
            "verified under {policy}: keys: {}; trust roots: {roots}",
            by.keys
        ),
        None => format!("verified under the built-in trust: {roots}; keys: none without --policy"),
    }
}

/// How it was found, and what it is called.
fn about(node: &NodeReport) -> String {
    let by = match (node.by, &node.tag) {
        ("asked" | "child", _) => None,
        (_, Some(tag)) => Some(format!("at tag {tag}")),
        ("fallback-tag", None) => Some("by the fallback tag".to_owned()),
        (by, None) => Some(format!("by {by}")),
    };
    let from = node.from.iter().map(|it| format!("from {it}"));
    let artifact_type = node.artifact_type.as_ref().unwrap_or(&node.media_type);
    let size = std::iter::once(format!("{} bytes", node.size));
    let parts: Vec<String> = by
        .into_iter()
        .chain(from)
        .chain(size)
        .chain([artifact_type.clone()])
        .collect();
    parts.join(", ")
}

fn signer(signer: &SignedBy) -> String {
    match signer {
        SignedBy::Key {
            key,
            known_as: Some(name),
        } => format!("key {name} ({key})"),
        SignedBy::Key {
            key,
            known_as: None,
        } => format!("key {key}"),
        SignedBy::Certificate {
            subject,
            issuer,
            source,
            ..
        } => {
            let source = source.iter().map(|it| format!(", source {it}"));
            format!("{subject} (issuer {issuer}{})", source.collect::<String>())
        }
        SignedBy::Unknown => "an unknown kind of signer".to_owned(),
    }
}
