//! Into a registry: what somebody may see comes after all that belongs to it, and the image's tag last.

use std::collections::BTreeSet;

use countersign::{Node, Repository};
use countersign_core::{Digest, Limits};
use futures_util::stream::{self, TryStreamExt as _};

use crate::CopyError;
use crate::companion::{Holds, compare};
use crate::copied::Done;
use crate::copier::What;
use crate::fallback::{Entry, OCI_INDEX};
use crate::ledger::Ledger;
use crate::plan::{Blob, Plan, Subject};
use crate::push::{Begun, Pusher};
use crate::source::Source;

/// How many blobs are on their way at once.
const AT_ONCE: usize = 4;

pub(crate) struct ToRegistry<'a> {
    pub(crate) source: &'a Source<'a>,
    pub(crate) pusher: Pusher<'a>,
    pub(crate) limits: &'a Limits,
    pub(crate) what: What,
    pub(crate) ledger: &'a Ledger,
}

/// What the pushes of this run have shown.
#[derive(Default)]
struct Pushed {
    manifests: BTreeSet<Digest>,
    /// Of these the registry has said that it lists them.
    listed: BTreeSet<Digest>,
}

impl ToRegistry<'_> {
    pub(crate) async fn run(&self, plan: &Plan<'_>, tag: Option<&str>) -> Result<(), CopyError> {
        let image = plan.image();
        let with_image = !self.what.only_evidence;
        if !with_image && !self.pusher.has_manifest(&image.digest).await? {
            return Err(CopyError::NoImage {
                image: image.digest,
                repository: self.pusher.repository.to_string(),
            });
        }
        self.blobs(&plan.blobs(with_image)).await?;
        let mut pushed = Pushed::default();
        for node in plan.images.iter().filter(|_| with_image) {
            self.manifest(node, plan.subject_of(node), &mut pushed)
                .await?;
        }
        for evidence in &plan.evidence {
            self.manifest(evidence.node, evidence.subject.as_ref(), &mut pushed)
                .await?;
        }
        for subject in &plan.subjects {
            self.referrers(subject, &mut pushed).await?;
        }
        for (tag, node) in &plan.companions {
            self.companion(tag, node).await?;
        }
        match tag.filter(|_| with_image) {
            Some(tag) => self.image_tag(tag, image).await,
            None => Ok(()),
        }
    }

    async fn blobs(&self, blobs: &[Blob<'_>]) -> Result<(), CopyError> {
        stream::iter(blobs.iter().enumerate().map(Ok))
            .try_for_each_concurrent(AT_ONCE, async |(place, blob)| {
                let done = self.blob(*blob).await?;
                self.ledger.blob(place, blob.named, done);
                Ok(())
            })
            .await
    }

    async fn blob(&self, blob: Blob<'_>) -> Result<Done, CopyError> {
        let digest = &blob.named.digest;
        if self.pusher.has_blob(digest).await? {
            return Ok(Done::Present);
        }
        if self.what.dry_run {
            return Ok(Done::Planned);
        }
        let begun = match self.mountable(blob) {
            Some(from) => match self.pusher.begin(digest, Some(from)).await {
                Ok(Begun::Mounted) => return Ok(Done::Mounted),
                Ok(Begun::Upload(target)) => Some(target),
                // Whoever may not read the other repository, or cannot mount, is asked for an upload.
                Err(_) => None,
            },
            None => None,
        };
        let held = self.source.hold(blob, self.pusher.budget).await?;
        self.pusher.upload(digest, &held, begun).await?;
        Ok(Done::Pushed)
    }

    /// The repository from which the destination's registry can take a blob by itself.
    fn mountable<'b>(&self, blob: Blob<'b>) -> Option<&'b Repository> {
        self.source.repository()?;
        let is_same = blob.repository.registry() == self.pusher.repository.registry();
        is_same.then_some(blob.repository)
    }

    async fn manifest(
        &self,
        node: &Node,
        subject: Option<&Digest>,
        pushed: &mut Pushed,
    ) -> Result<(), CopyError> {
        let done = if self.pusher.has_manifest(&node.digest).await? {
            Done::Present
        } else if self.what.dry_run {
            Done::Planned
        } else {
            self.push_by_digest(node, subject, pushed).await?;
            Done::Pushed
        };
        self.ledger.manifest(node, done);
        Ok(())
    }

    async fn push_by_digest(
        &self,
        node: &Node,
        subject: Option<&Digest>,
        pushed: &mut Pushed,
    ) -> Result<(), CopyError> {
        let reference = node.digest.to_string();
        let is_listed = self
            .pusher
            .push_manifest(&reference, &node.media_type, node.bytes(), subject)
            .await?;
        pushed.manifests.insert(node.digest);
        if is_listed {
            pushed.listed.insert(node.digest);
        }
        Ok(())
    }

    /// Sees to it that the destination lists all referrers: by itself, or by the index at the fallback tag.
    async fn referrers(&self, subject: &Subject<'_>, pushed: &mut Pushed) -> Result<(), CopyError> {
        let mut missing = self.unlisted(subject, pushed).await?;
        if self.what.dry_run {
            if missing.is_empty() || self.pusher.lists_referrers(&subject.digest).await? {
                return Ok(());
            }
        } else {
            // What was there before is pushed again: only the answer to a push tells who has to list it.
            for node in &missing {
                if !pushed.manifests.contains(&node.digest) {
                    self.push_by_digest(node, Some(&subject.digest), pushed)
                        .await?;
                }
            }
            missing.retain(|node| !pushed.listed.contains(&node.digest));
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.fallback_index(subject, &missing).await
    }

    /// The referrers that the destination does not list, as far as it has said.
    async fn unlisted<'b>(
        &self,
        subject: &Subject<'b>,
        pushed: &Pushed,
    ) -> Result<Vec<&'b Node>, CopyError> {
        let mut missing = subject.referrers.clone();
        missing.retain(|node| !pushed.listed.contains(&node.digest));
        if missing.is_empty() {
            return Ok(missing);
        }
        let listed = self.pusher.listed(&subject.digest).await?;
        missing.retain(|node| !listed.contains(&node.digest));
        Ok(missing)
    }

    async fn fallback_index(
        &self,
        subject: &Subject<'_>,
        missing: &[&Node],
    ) -> Result<(), CopyError> {
        let own = subject
            .index
            .filter(|index| index.media_type == OCI_INDEX)
            .map(Node::bytes);
        let missing: Vec<Entry<'_>> = missing.iter().map(|node| Entry::from(*node)).collect();
        let index = self
            .pusher
            .extend_fallback(
                &subject.digest,
                own,
                &missing,
                self.limits,
                self.what.dry_run,
            )
            .await?;
        self.ledger
            .fallback_index(&index.tag, &index.bytes, OCI_INDEX, index.done);
        Ok(())
    }

    /// `.sig`, `.att` and `.sbom`: a manifest at a tag, which may hold at the destination what the source's lacks.
    async fn companion(&self, tag: &str, node: &Node) -> Result<(), CopyError> {
        let standing = self.pusher.at_tag(tag).await?;
        let holds = match &standing {
            None => Holds::Less,
            Some(standing) if standing.digest == node.digest => Holds::All,
            Some(standing) => compare(&standing.bytes, node.bytes()),
        };
        let (digest, done) = match (holds, standing) {
            (Holds::All, Some(standing)) => (standing.digest, Done::Present),
            (Holds::Other, _) => {
                return Err(CopyError::Conflict {
                    tag: tag.to_owned(),
                    repository: self.pusher.repository.to_string(),
                    why: "what the source lacks, and lacks what the source has".to_owned(),
                });
            }
            _ if self.what.dry_run => (node.digest, Done::Planned),
            _ => {
                self.pusher
                    .push_manifest(tag, &node.media_type, node.bytes(), None)
                    .await?;
                (node.digest, Done::Pushed)
            }
        };
        self.ledger.tag(tag, &digest, &node.media_type, done);
        Ok(())
    }

    async fn image_tag(&self, tag: &str, image: &Node) -> Result<(), CopyError> {
        let done = if self.pusher.is_tagged(tag, &image.digest).await? {
            Done::Present
        } else if self.what.dry_run {
            Done::Planned
        } else {
            self.pusher
                .push_manifest(tag, &image.media_type, image.bytes(), None)
                .await?;
            Done::Pushed
        };
        self.ledger.tag(tag, &image.digest, &image.media_type, done);
        Ok(())
    }
}
