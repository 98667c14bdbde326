//! A bundle in a registry, as an OCI 1.1 referrer of its image.

use std::time::Duration;

use countersign::{Annotations, Budget, HttpRegistry, ImageRef, Registry as _, Repository};
use countersign_core::{Digest, Limits, ManifestError, PinnedImage, UnixTime};
use serde_json::json;

use crate::bundle::BUNDLE_V03;
use crate::copied::Done;
use crate::fallback::Entry;
use crate::held::Held;
use crate::push::Pusher;
use crate::{CopyError, SignedBundle};

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The content of the empty descriptor (image specification 1.1, "Guidance for an Empty Descriptor").
const EMPTY: &[u8] = b"{}";

/// Attaches signed bundles to images in registries.
///
/// The client's credentials are used to pull and push at the image's registry, or at the one that keeps its evidence.
#[derive(Debug)]
pub struct Attacher {
    registry: HttpRegistry,
    limits: Limits,
    time: Duration,
}

/// A bundle that a registry holds and lists.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttachedBundle {
    /// The manifest that carries the bundle.
    pub manifest: Digest,
    /// Where it is: the image's repository, or the one that keeps evidence of its images.
    pub repository: Repository,
    /// [`Done::Pushed`], or [`Done::Present`] if all of it was there already.
    pub done: Done,
}

/// Why a bundle is not attached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The bundle is about another image than the one that was named.
    #[error("the bundle is about {signed}, and {named} was named; nothing was attached")]
    OtherImage {
        /// What the bundle is about.
        signed: Digest,
        /// What was named.
        named: Digest,
    },
    /// The image is not where it was named.
    #[error("{image} is not in {repository}, so nothing was attached to it; push the image first")]
    NoImage {
        /// The image.
        image: Digest,
        /// The repository.
        repository: Repository,
    },
    /// What the registry hands out as the image is not it, or not unambiguously an image.
    #[error("{repository} hands out something else for {image}, so nothing was attached: {cause}")]
    NotTheImage {
        /// The image.
        image: Digest,
        /// The repository.
        repository: Repository,
        /// What is wrong with it.
        #[source]
        cause: ManifestError,
    },
    /// The registry lists no referrers itself, and where its clients keep the list there is none that could be extended.
    #[error(
        "the bundle is in {repository}, and nobody finds it there: the registry lists no referrers itself, and the tag {tag}, where its \
         clients list them, holds {why}; nothing there is overwritten; remove what stands at the tag, or move it, and attach again"
    )]
    NotListed {
        /// The fallback tag.
        tag: String,
        /// The repository.
        repository: String,
        /// What stands there.
        why: String,
    },
    /// The registry could not be read or written.
    #[error(transparent)]
    Registry(CopyError),
}

impl From<CopyError> for AttachError {
    /// What a copy says of a tag that it would have to overwrite is advice about copies.
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Conflict {
                tag,
                repository,
                why,
            } => Self::NotListed {
                tag,
                repository,
                why,
            },
            other => Self::Registry(other),
        }
    }
}

impl Attacher {
    /// How long attaching takes at most, if nobody says otherwise.
    pub const DEFAULT_TIME: Duration = Duration::from_secs(120);

    /// Attaches by this client.
    #[must_use]
    pub fn new(registry: HttpRegistry) -> Self {
        Self {
            registry,
            limits: Limits::default(),
            time: Self::DEFAULT_TIME,
        }
    }

    /// How long attaching may take in all.
    #[must_use]
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// Attaches a bundle to the image that it is about, in the repository that `image` names; a digest there has to be the bundle's, and
    /// a tag is not looked at. Where the client's configuration keeps the evidence of these images elsewhere, it goes there.
    ///
    /// The manifest is the one that cosign 3 writes (image specification 1.1, "Guidelines for Artifact Usage"; distribution specification
    /// 1.1, "Pushing Manifests with Subject"), with `created` as `org.opencontainers.image.created`. Nothing is written before the image
    /// was read and hashed; then blobs, the manifest by digest, and, if the registry does not list referrers itself, the index at the
    /// fallback tag, which is extended and never replaced. With the same arguments again, nothing is written.
    ///
    /// # Errors
    /// [`AttachError`]. Another run with the same arguments goes on where this one ended.
    pub async fn attach(
        &self,
        image: &ImageRef,
        bundle: &SignedBundle,
        created: UnixTime,
    ) -> Result<AttachedBundle, AttachError> {
        if let Some(named) = image.digest()
            && named != bundle.image()
        {
            return Err(AttachError::OtherImage {
                signed: *bundle.image(),
                named: *named,
            });
        }
        let budget = Budget::new(&self.limits, self.time);
        let repository = Repository::of(image);
        let subject = self.subject(&repository, bundle.image(), &budget).await?;
        let carrier = Carrier::new(&subject, bundle, created);
        let kept = self.registry.evidence_repository(&repository);
        let repository = kept.unwrap_or(repository);
        let pusher = Pusher {
            registry: &self.registry,
            repository: &repository,
            budget: &budget,
        };
        let done = carrier.push(&pusher, &self.limits).await?;
        Ok(AttachedBundle {
            manifest: carrier.digest,
            repository,
            done,
        })
    }

    /// The image as the registry itself has it: referrers describe it with its media type and size.
    async fn subject(
        &self,
        repository: &Repository,
        image: &Digest,
        budget: &Budget,
    ) -> Result<PinnedImage, AttachError> {
        let pusher = Pusher {
            registry: &self.registry,
            repository,
            budget,
        };
        let standing = pusher.at_tag(&image.to_string()).await?;
        let standing = standing.ok_or_else(|| AttachError::NoImage {
            image: *image,
            repository: repository.clone(),
        })?;
        let content_type = Some(standing.media_type.as_str()).filter(|told| !told.is_empty());
        PinnedImage::from_bytes(standing.bytes, content_type, Some(image), &self.limits).map_err(
            |cause| AttachError::NotTheImage {
                image: *image,
                repository: repository.clone(),
                cause,
            },
        )
    }
}

/// The manifest that carries a bundle, and its blobs.
struct Carrier<'a> {
    subject: Digest,
    bundle: &'a [u8],
    annotations: Annotations,
    digest: Digest,
    bytes: Vec<u8>,
}

impl<'a> Carrier<'a> {
    fn new(subject: &PinnedImage, bundle: &'a SignedBundle, created: UnixTime) -> Self {
        let created = created.to_string();
        let annotations = Annotations::from_iter([
            ("dev.sigstore.bundle.content", "dsse-envelope"),
            ("dev.sigstore.bundle.predicateType", bundle.predicate_type()),
            ("org.opencontainers.image.created", created.as_str()),
        ]);
        let described = |media_type: &str, bytes: &[u8]| {
            json!({
                "mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len(),
            })
        };
        // cosign says the type in the config too, for registries that know no artifactType of manifests.
        let mut config = described(OCI_EMPTY, EMPTY);
        config["artifactType"] = json!(BUNDLE_V03);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": BUNDLE_V03,
            "config": config,
            "layers": [described(BUNDLE_V03, bundle.bytes())],
            "subject": described(subject.media_type(), subject.bytes()),
            "annotations": annotations,
        });
        let bytes = manifest.to_string().into_bytes();
        Self {
            subject: *subject.digest(),
            bundle: bundle.bytes(),
            annotations,
            digest: Digest::of(&bytes),
            bytes,
        }
    }

    async fn push(&self, pusher: &Pusher<'_>, limits: &Limits) -> Result<Done, CopyError> {
        let mut done = Done::Present;
        for blob in [EMPTY, self.bundle] {
            let digest = Digest::of(blob);
            if !pusher.has_blob(&digest).await? {
                pusher
                    .upload(&digest, &Held::Bytes(blob.to_vec()), None)
                    .await?;
                done = Done::Pushed;
            }
        }
        if pusher.has_manifest(&self.digest).await?
            && pusher.listed(&self.subject).await?.contains(&self.digest)
        {
            return Ok(done);
        }
        // One that is there and not listed is pushed again: only the answer to a push tells who has to list it.
        let reference = self.digest.to_string();
        let is_listed = pusher
            .push_manifest(&reference, OCI_MANIFEST, &self.bytes, Some(&self.subject))
            .await?;
        if !is_listed && !pusher.listed(&self.subject).await?.contains(&self.digest) {
            let entry = Entry {
                digest: self.digest,
                media_type: OCI_MANIFEST,
                size: self.bytes.len(),
                artifact_type: Some(BUNDLE_V03),
                annotations: &self.annotations,
            };
            pusher
                .extend_fallback(&self.subject, None, &[entry], limits, false)
                .await?;
        }
        Ok(Done::Pushed)
    }
}
