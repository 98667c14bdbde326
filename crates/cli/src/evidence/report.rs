//! What is attached to an image, as data: JSON as it is, text through `render::evidence`. Foreign strings are escaped here.

mod proof;

use std::collections::BTreeMap;

use countersign::{Attached, BlobRole, Node, Way};
use countersign_core::{Digest, Findings, Gap};
use serde::Serialize;

pub(crate) use self::proof::{RefusedReport, SignedBy, VerifiedReport};
use super::VerifiedBy;
use crate::escape::escaped;

/// Characters of one foreign string.
const MAX_CHARS: usize = 512;
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
const NOTATION: &str = "application/vnd.cncf.notary.signature";
/// Artifact types by which tools attach a bare SBOM begin so.
const SBOMS: [&str; 5] = [
    "application/spdx",
    "text/spdx",
    "application/vnd.cyclonedx",
    "application/vnd.syft",
    "application/vnd.goharbor.harbor.sbom",
];

/// What `--format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EvidenceReport {
    api_version: &'static str,
    /// The image as it was written.
    pub(crate) image: String,
    pub(crate) verified_by: TrustUsed,
    /// Whether everything could be read.
    pub(crate) complete: bool,
    /// The image's manifest or index; absent if it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) manifest: Option<NodeReport>,
    /// Why it could not be read.
    pub(crate) gaps: Vec<GapReport>,
}

/// By what evidence was verified.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrustUsed {
    /// The policy file or folder; absent if there was none, and the built-in root had to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    /// The names of the trust roots.
    pub(crate) roots: Vec<String>,
    /// How many keys there are.
    pub(crate) keys: usize,
}

/// One manifest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeReport {
    pub(crate) kind: Kind,
    /// `asked`, `child`, `referrers`, `fallback-tag`, `fallback-index`, `signature-tag`, `attestation-tag` or `sbom-tag`.
    pub(crate) by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<String>,
    /// Who served it, if it was not the image's own registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    pub(crate) digest: String,
    pub(crate) size: usize,
    pub(crate) media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<String>,
    /// Config and layers.
    pub(crate) blobs: Vec<BlobReport>,
    /// Signatures and attestations in it that verify, once for each trust root that proves them.
    pub(crate) verified: Vec<VerifiedReport>,
    /// Those that do not.
    pub(crate) refused: Vec<RefusedReport>,
    /// What an index lists.
    pub(crate) children: Vec<Self>,
    /// What is attached.
    pub(crate) attached: Vec<Self>,
    /// What of `children` and `attached` could not be read.
    pub(crate) gaps: Vec<GapReport>,
}

/// What a manifest is.
#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Image,
    Index,
    /// BuildKit's statements: unsigned.
    BuildkitAttestation,
    /// What cosign keeps at `.sig`.
    Signatures,
    /// What cosign keeps at `.att`.
    Attestations,
    /// An SBOM by itself: unsigned.
    Sbom,
    /// The index at the fallback tag.
    FallbackIndex,
    /// A Sigstore bundle.
    Bundle,
    /// A signature of Notation: not verified here.
    NotationSignature,
    /// Something else that refers to the image.
    Referrer,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlobReport {
    role: &'static str,
    digest: String,
    size: u64,
    media_type: String,
}

/// Something that could not be read.
#[derive(Serialize)]
pub(crate) struct GapReport {
    pub(crate) class: &'static str,
    pub(crate) code: &'static str,
    pub(crate) what: String,
    pub(crate) cause: String,
}

/// What nodes are described by.
struct Context<'a> {
    by: &'a VerifiedBy,
    findings: &'a BTreeMap<Digest, Findings>,
    repository: String,
}

impl EvidenceReport {
    pub(super) fn new(
        written: &str,
        by: &VerifiedBy,
        attached: &Attached,
        findings: &BTreeMap<Digest, Findings>,
    ) -> Self {
        let context = Context {
            by,
            findings,
            repository: attached.image.repository.to_string(),
        };
        let manifest = NodeReport::new(&attached.image, None, &context);
        Self {
            complete: manifest.is_complete(),
            manifest: Some(manifest),
            ..Self::empty(written, by)
        }
    }

    pub(super) fn unread(written: &str, by: &VerifiedBy, gap: &Gap) -> Self {
        Self {
            gaps: vec![GapReport::new(gap)],
            ..Self::empty(written, by)
        }
    }

    fn empty(written: &str, by: &VerifiedBy) -> Self {
        let roots = by.trust().roots().iter();
        Self {
            api_version: "countersign.dev/evidence/v1alpha1",
            image: safe(written),
            verified_by: TrustUsed {
                policy: by.path().map(safe),
                roots: roots.map(|root| safe(&root.name().name)).collect(),
                keys: by.trust().keys().len(),
            },
            complete: false,
            manifest: None,
            gaps: Vec::new(),
        }
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.complete
    }
}

impl NodeReport {
    /// `about` is what was found out about the manifest that the node is attached to.
    fn new(node: &Node, about: Option<&Findings>, context: &Context<'_>) -> Self {
        let own = context.findings.get(&node.digest);
        let here = |locator: &countersign_core::Locator| locator.manifest == node.digest;
        let verified = about.map_or(&[][..], Findings::verified).iter();
        let refused = about.map_or(&[][..], Findings::rejected).iter();
        let below = |nodes: &[Node], about: Option<&Findings>| {
            let below = nodes.iter().map(|node| Self::new(node, about, context));
            below.collect::<Vec<_>>()
        };
        let place = node.repository.to_string();
        let apart = (place != context.repository).then_some(place.as_str());
        Self {
            kind: Kind::of(node),
            by: node.way.as_str(),
            tag: node.tag.as_deref().map(safe),
            from: node.from.as_deref().or(apart).map(safe),
            digest: node.digest.to_string(),
            size: node.bytes().len(),
            media_type: safe(&node.media_type),
            artifact_type: node.artifact_type.as_deref().map(safe),
            platform: node.platform.as_ref().map(|it| {
                let variant = it.variant.iter().map(|it| format!("/{it}"));
                safe(&format!(
                    "{}/{}{}",
                    it.os,
                    it.architecture,
                    variant.collect::<String>()
                ))
            }),
            blobs: node.blobs.iter().map(BlobReport::new).collect(),
            verified: verified
                .filter(|it| here(it.facts().locator()))
                .map(|it| VerifiedReport::new(it, context.by))
                .collect(),
            refused: refused
                .filter(|it| here(&it.locator))
                .map(|it| RefusedReport::new(it, context.by))
                .collect(),
            children: below(&node.children, None),
            attached: below(&node.attached, own),
            gaps: node
                .gaps
                .iter()
                .chain(own.map_or(&[][..], Findings::gaps))
                .map(GapReport::new)
                .collect(),
        }
    }

    fn is_complete(&self) -> bool {
        let below = self.children.iter().chain(&self.attached);
        self.gaps.is_empty() && below.into_iter().all(Self::is_complete)
    }
}

impl Kind {
    fn of(node: &Node) -> Self {
        let artifact_type = node.artifact_type.as_deref().unwrap_or_default();
        match node.way {
            Way::SignatureTag => Self::Signatures,
            Way::AttestationTag => Self::Attestations,
            Way::SbomTag => Self::Sbom,
            Way::FallbackTag => Self::FallbackIndex,
            Way::Asked | Way::Child if node.is_buildkit_attestation() => Self::BuildkitAttestation,
            Way::Asked | Way::Child => match node.image().and_then(|image| image.children()) {
                Some(_) => Self::Index,
                None => Self::Image,
            },
            _ if node
                .blobs
                .iter()
                .any(|it| it.media_type.starts_with(BUNDLE)) =>
            {
                Self::Bundle
            }
            _ if artifact_type == NOTATION => Self::NotationSignature,
            _ if SBOMS.iter().any(|sbom| artifact_type.starts_with(sbom)) => Self::Sbom,
            _ => Self::Referrer,
        }
    }
}

impl BlobReport {
    fn new(blob: &countersign::NamedBlob) -> Self {
        Self {
            role: match blob.role {
                BlobRole::Config => "config",
                BlobRole::Layer => "layer",
            },
            digest: blob.digest.to_string(),
            size: blob.size,
            media_type: safe(&blob.media_type),
        }
    }
}

impl GapReport {
    fn new(gap: &Gap) -> Self {
        Self {
            class: gap.class.as_str(),
            code: gap.code.as_str(),
            what: safe(&gap.what),
            cause: safe(&gap.cause),
        }
    }
}

fn safe(text: &str) -> String {
    escaped(text, MAX_CHARS)
}
