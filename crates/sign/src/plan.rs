//! What has to be at the destination, in the order in which it may be seen there.

use std::collections::BTreeSet;

use countersign::{Attached, NamedBlob, Node, Repository, Way};
use countersign_core::Digest;

/// Everything of an image, each manifest once.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    image: &'a Node,
    /// The image and what an index lists, each after its children.
    pub(crate) images: Vec<&'a Node>,
    /// Evidence that is pushed by digest, each after its children.
    pub(crate) evidence: Vec<Evidence<'a>>,
    /// The referrers of one manifest each.
    pub(crate) subjects: Vec<Subject<'a>>,
    /// Evidence that stands at a tag which is named for what it belongs to.
    pub(crate) companions: Vec<(&'a str, &'a Node)>,
    seen: BTreeSet<Digest>,
}

/// A manifest that is pushed by digest.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) node: &'a Node,
    /// What it refers to; none of what an index of evidence lists.
    pub(crate) subject: Option<Digest>,
}

/// What has referrers.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) digest: Digest,
    pub(crate) referrers: Vec<&'a Node>,
    /// The index at the source's fallback tag.
    pub(crate) index: Option<&'a Node>,
}

/// A blob and the repository of the source that has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blob<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) named: &'a NamedBlob,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(attached: &'a Attached) -> Self {
        let mut plan = Self {
            image: &attached.image,
            images: Vec::new(),
            evidence: Vec::new(),
            subjects: Vec::new(),
            companions: Vec::new(),
            seen: BTreeSet::new(),
        };
        plan.add_image(&attached.image);
        plan.add_evidence_of_image(&attached.image);
        plan
    }

    /// The image itself.
    pub(crate) const fn image(&self) -> &'a Node {
        self.image
    }

    /// What a manifest of the image refers to, if something of the image says so and lists it.
    pub(crate) fn subject_of(&self, node: &Node) -> Option<&Digest> {
        let lists = |subject: &&Subject<'_>| {
            let mut referrers = subject.referrers.iter();
            referrers.any(|referrer| referrer.digest == node.digest)
        };
        self.subjects
            .iter()
            .find(lists)
            .map(|subject| &subject.digest)
    }

    /// The blobs of the image, of its evidence, or of both, each once. Those that registries do not keep are left out.
    pub(crate) fn blobs(&self, with_images: bool) -> Vec<Blob<'a>> {
        let images = self.images.iter().copied().filter(|_| with_images);
        let evidence = self.evidence.iter().map(|evidence| evidence.node);
        let companions = self.companions.iter().map(|(_, node)| *node);
        let mut seen = BTreeSet::new();
        images
            .chain(evidence)
            .chain(companions)
            .flat_map(|node| {
                node.blobs.iter().map(|named| Blob {
                    repository: &node.repository,
                    named,
                })
            })
            .filter(|blob| blob.named.is_distributable() && seen.insert(blob.named.digest))
            .collect()
    }

    fn add_image(&mut self, node: &'a Node) {
        for child in &node.children {
            self.add_image(child);
        }
        if self.seen.insert(node.digest) {
            self.images.push(node);
        }
    }

    fn add_evidence_of_image(&mut self, node: &'a Node) {
        for child in &node.children {
            self.add_evidence_of_image(child);
        }
        self.add_evidence_of(node);
    }

    fn add_evidence_of(&mut self, node: &'a Node) {
        for attached in &node.attached {
            match (attached.way, attached.tag.as_deref()) {
                // It is not copied as it is: what it lists is.
                (Way::FallbackTag, _) => {
                    self.subject(node.digest).index.get_or_insert(attached);
                    continue;
                }
                (Way::Referrer | Way::FallbackReferrer, _) => {
                    self.add_parts(attached);
                    self.add_by_digest(attached, Some(node.digest));
                    let referrers = &mut self.subject(node.digest).referrers;
                    if referrers
                        .iter()
                        .all(|known| known.digest != attached.digest)
                    {
                        referrers.push(attached);
                    }
                }
                (_, Some(tag)) => {
                    self.add_parts(attached);
                    if self.companions.iter().all(|(known, _)| *known != tag) {
                        self.companions.push((tag, attached));
                    }
                }
                (_, None) => {
                    self.add_parts(attached);
                    self.add_by_digest(attached, None);
                }
            }
            self.add_evidence_of(attached);
        }
    }

    /// What an index of evidence lists, and what belongs to that.
    fn add_parts(&mut self, index: &'a Node) {
        for part in &index.children {
            self.add_parts(part);
            self.add_by_digest(part, None);
            self.add_evidence_of(part);
        }
    }

    fn add_by_digest(&mut self, node: &'a Node, subject: Option<Digest>) {
        if self.seen.insert(node.digest) {
            self.evidence.push(Evidence { node, subject });
        }
    }

    fn subject(&mut self, digest: Digest) -> &mut Subject<'a> {
        let known = self
            .subjects
            .iter()
            .position(|subject| subject.digest == digest);
        let place = known.unwrap_or_else(|| {
            self.subjects.push(Subject {
                digest,
                referrers: Vec::new(),
                index: None,
            });
            self.subjects.len() - 1
        });
        &mut self.subjects[place]
    }
}
