//! Into an OCI layout: blobs and manifests first, `index.json` last.

use countersign::{
    Attached, Budget, Fetched, LayoutRef, LayoutWriter, Node, OciLayout, Reference, Registry as _,
    RegistryError, Repository, Way,
};
use countersign_core::{Digest, Limits};

use crate::CopyError;
use crate::companion::{Holds, compare};
use crate::copied::Done;
use crate::copier::What;
use crate::fallback;
use crate::ledger::Ledger;
use crate::plan::{Blob, Plan};
use crate::source::Source;

pub(crate) struct ToLayout<'a> {
    pub(crate) source: &'a Source<'a>,
    pub(crate) layout: &'a LayoutRef,
    pub(crate) limits: &'a Limits,
    pub(crate) budget: &'a Budget,
    pub(crate) what: What,
    pub(crate) ledger: &'a Ledger,
}

/// What is in the folder before; nothing where there is no layout yet.
struct Before {
    writer: Option<LayoutWriter>,
    reader: Option<OciLayout>,
}

/// What is to be noted when all is written.
#[derive(Default)]
struct Notes<'a> {
    manifests: Vec<(&'a Node, Done)>,
    tags: Vec<(&'a str, &'a Node, Done)>,
}

impl ToLayout<'_> {
    pub(crate) async fn run(
        &self,
        attached: &Attached,
        plan: &Plan<'_>,
        tag: Option<&str>,
    ) -> Result<(), CopyError> {
        let mut before = self.open()?;
        let image = plan.image();
        let with_image = !self.what.only_evidence;
        if !with_image && !self.has(&before, &image.digest, image.bytes().len())? {
            return Err(CopyError::NoImage {
                image: image.digest,
                repository: self.name(),
            });
        }
        self.nothing_is_lost(&before, plan).await?;
        for (place, blob) in plan.blobs(with_image).into_iter().enumerate() {
            let done = self.blob(&before, blob).await?;
            self.ledger.blob(place, blob.named, done);
        }
        let tag = tag.filter(|_| with_image);
        let notes = self.notes(&before, plan, tag).await?;
        if let (Some(mut writer), false) = (before.writer.take(), self.what.dry_run) {
            writer.add(attached, tag).map_err(self.failed())?;
            writer.finish().map_err(self.failed())?;
        }
        self.note(notes);
        Ok(())
    }

    /// What will have been done with manifests and tags, as it is before.
    async fn notes<'b>(
        &self,
        before: &Before,
        plan: &Plan<'b>,
        tag: Option<&'b str>,
    ) -> Result<Notes<'b>, CopyError> {
        let absent = if self.what.dry_run {
            Done::Planned
        } else {
            Done::Pushed
        };
        let mut notes = Notes::default();
        let images = plan.images.iter().copied();
        let evidence = plan.evidence.iter().map(|evidence| evidence.node);
        let indexes = plan.subjects.iter().filter_map(|subject| subject.index);
        for node in images
            .filter(|_| !self.what.only_evidence)
            .chain(evidence)
            .chain(indexes)
        {
            let done = match self.has(before, &node.digest, node.bytes().len())? {
                true => Done::Present,
                false => absent,
            };
            notes.manifests.push((node, done));
        }
        let tags = plan.companions.iter().copied();
        for (tag, node) in tags.chain(tag.map(|tag| (tag, plan.image()))) {
            let standing = self.standing(before, tag).await?;
            let done = match standing.is_some_and(|standing| standing.bytes == node.bytes()) {
                true => Done::Present,
                false => absent,
            };
            notes.tags.push((tag, node, done));
        }
        Ok(notes)
    }

    fn note(&self, notes: Notes<'_>) {
        for (node, done) in notes.manifests {
            match (node.way, &node.tag) {
                (Way::FallbackTag, Some(tag)) => {
                    self.ledger
                        .fallback_index(tag, node.bytes(), &node.media_type, done);
                }
                _ => self.ledger.manifest(node, done),
            }
        }
        for (tag, node, done) in notes.tags {
            self.ledger.tag(tag, &node.digest, &node.media_type, done);
        }
    }

    /// A dry run makes no layout where there is none.
    fn open(&self) -> Result<Before, CopyError> {
        let path = self.layout.path();
        let is_there = path.join("oci-layout").exists();
        let reader = match is_there {
            true => Some(OciLayout::open(self.layout, self.limits).map_err(self.failed())?),
            false => None,
        };
        let writer = match is_there || !self.what.dry_run {
            true => Some(LayoutWriter::open(path, self.limits).map_err(self.failed())?),
            false => None,
        };
        Ok(Before { writer, reader })
    }

    async fn blob(&self, before: &Before, blob: Blob<'_>) -> Result<Done, CopyError> {
        let (digest, size) = (&blob.named.digest, blob.named.size);
        let Some(writer) = &before.writer else {
            return Ok(Done::Planned);
        };
        if writer.has(digest, size).map_err(self.failed())? {
            return Ok(Done::Present);
        }
        if self.what.dry_run {
            return Ok(Done::Planned);
        }
        let mut file = writer.begin(digest, size).map_err(self.failed())?;
        self.source.pour(blob, &mut file, self.budget).await?;
        file.keep().await.map_err(self.failed())?;
        Ok(Done::Pushed)
    }

    /// What stands at the tags of evidence may be replaced only by more.
    async fn nothing_is_lost(&self, before: &Before, plan: &Plan<'_>) -> Result<(), CopyError> {
        for (tag, node) in &plan.companions {
            let standing = self.standing(before, tag).await?;
            let is_kept = standing.is_none_or(|standing| {
                standing.bytes == node.bytes()
                    || compare(&standing.bytes, node.bytes()) == Holds::Less
            });
            self.must(is_kept, tag)?;
        }
        for index in plan.subjects.iter().filter_map(|subject| subject.index) {
            let tag = index.tag.as_deref().unwrap_or_default();
            let standing = self.standing(before, tag).await?;
            let is_kept = standing.is_none_or(|standing| {
                fallback::is_within(&standing.bytes, index.bytes(), self.limits)
            });
            self.must(is_kept, tag)?;
        }
        Ok(())
    }

    fn must(&self, is_kept: bool, tag: &str) -> Result<(), CopyError> {
        if is_kept {
            return Ok(());
        }
        Err(CopyError::Conflict {
            tag: tag.to_owned(),
            repository: self.name(),
            why: "what the source lacks".to_owned(),
        })
    }

    async fn standing(&self, before: &Before, tag: &str) -> Result<Option<Fetched>, CopyError> {
        let Some(reader) = &before.reader else {
            return Ok(None);
        };
        let repository = Repository::layout(self.layout.path());
        let reference = Reference::Tag(tag.to_owned());
        reader
            .manifest(
                &repository,
                &reference,
                self.limits.manifest_bytes,
                self.budget,
            )
            .await
            .map_err(self.failed())
    }

    fn has(&self, before: &Before, digest: &Digest, size: usize) -> Result<bool, CopyError> {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        match &before.writer {
            Some(writer) => writer.has(digest, size).map_err(self.failed()),
            None => Ok(false),
        }
    }

    fn name(&self) -> String {
        format!("oci:{}", self.layout.path().display())
    }

    fn failed(&self) -> impl FnOnce(RegistryError) -> CopyError + use<> {
        CopyError::registry(self.name())
    }
}
