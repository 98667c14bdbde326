//! Reading a repository: at its mirrors, at its registry, and whom to believe when.

use std::sync::Arc;

use countersign_core::{Digest, GapClass};
use tokio::io::AsyncWrite;

use super::HttpRegistry;
use super::answer::status_error;
use super::exchange::Ask;
use super::place::Place;
use crate::network::Ability;
use crate::registry::{check_digest, check_size};
use crate::wire::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use crate::{Access, Budget, Fetched, Listing, Reference, Registry, RegistryError, Repository};

/// Every kind of manifest that is understood, for `Accept`.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// What to read.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    Manifest {
        reference: &'a Reference,
        max: usize,
    },
    Blob {
        digest: &'a Digest,
        size: usize,
    },
}

impl Wanted<'_> {
    /// What a mirror needs to be asked.
    const fn ability(&self) -> Ability {
        match self {
            Self::Manifest {
                reference: Reference::Tag(_),
                ..
            } => Ability::Resolve,
            _ => Ability::Pull,
        }
    }

    /// Whether it is one of the tags at which evidence is kept. They change when something is signed, and a mirror lags.
    fn is_companion(&self) -> bool {
        matches!(self, Self::Manifest { reference: Reference::Tag(tag), .. } if tag.starts_with("sha256-"))
    }
}

impl HttpRegistry {
    /// Reads from the first place that has it.
    ///
    /// A mirror that says "not there" or cannot be reached proves nothing: the next is asked, and the registry last. One that
    /// lies is forgiven only if another has the very bytes. Evidence by tag is asked for at the registry first; what a mirror
    /// has of it comes with the doubt that it lags.
    pub(super) async fn read(
        &self,
        repository: &Repository,
        wanted: Wanted<'_>,
        budget: &Budget,
    ) -> Result<Option<Fetched>, RegistryError> {
        let origin = self.origin(repository)?;
        let mirrors = self.mirrors(repository, wanted.ability());
        if wanted.is_companion() {
            let first = self.read_at(&origin, wanted, budget).await;
            return match first {
                Err(error) if error.class() == GapClass::Unavailable => {
                    let (found, hostile) = self.read_mirrors(&mirrors, wanted, budget).await;
                    let error = hostile.unwrap_or(error);
                    match found {
                        Some(found) => Ok(Some(Fetched {
                            doubt: Some(error),
                            ..found
                        })),
                        None => Err(error),
                    }
                }
                outcome => outcome,
            };
        }
        let (found, hostile) = self.read_mirrors(&mirrors, wanted, budget).await;
        if found.is_some() {
            return Ok(found);
        }
        match (self.read_at(&origin, wanted, budget).await, hostile) {
            (Ok(Some(found)), _) => Ok(Some(found)),
            (_, Some(hostile)) => Err(hostile),
            (outcome, None) => outcome,
        }
    }

    /// What the first of the mirrors has, and the first lie on the way.
    async fn read_mirrors(
        &self,
        mirrors: &[Place],
        wanted: Wanted<'_>,
        budget: &Budget,
    ) -> (Option<Fetched>, Option<RegistryError>) {
        let mut hostile = None;
        for mirror in mirrors {
            match self.read_at(mirror, wanted, budget).await {
                Ok(Some(found)) => return (Some(found), hostile),
                Err(error) if error.class() == GapClass::Hostile => {
                    hostile.get_or_insert(error);
                }
                // The observer has seen it; the registry itself decides.
                Ok(None) | Err(_) => {}
            }
        }
        (None, hostile)
    }

    /// Reads from one place.
    pub(super) async fn read_at(
        &self,
        place: &Place,
        wanted: Wanted<'_>,
        budget: &Budget,
    ) -> Result<Option<Fetched>, RegistryError> {
        match wanted {
            Wanted::Manifest { reference, max } => {
                self.manifest_at(place, reference, max, budget).await
            }
            Wanted::Blob { digest, size } => self.blob_at(place, digest, size, budget).await,
        }
    }

    async fn manifest_at(
        &self,
        place: &Place,
        reference: &Reference,
        max: usize,
        budget: &Budget,
    ) -> Result<Option<Fetched>, RegistryError> {
        let ask = Ask {
            place,
            url: place.url(&format!("manifests/{reference}"))?,
            accept: MANIFEST_TYPES,
            kind: "manifest",
            what: "a manifest",
            max,
        };
        let answer = self.get(&ask, budget).await?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            status => return Err(status_error(&answer.host(), status, "a manifest")),
        }
        if let Some(told) = answer.media_type()
            && ![OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST].contains(&told)
        {
            return Err(RegistryError::protocol(
                &answer.host(),
                crate::wire::unsupported(told),
            ));
        }
        if let Reference::Digest(digest) = reference {
            check_digest(&answer.host(), digest, &answer.body)?;
        }
        Ok(Some(Fetched {
            content_type: answer.content_type,
            bytes: answer.body,
            from: place.from.clone(),
            doubt: None,
        }))
    }

    async fn blob_at(
        &self,
        place: &Place,
        blob: &Digest,
        size: usize,
        budget: &Budget,
    ) -> Result<Option<Fetched>, RegistryError> {
        let ask = Ask {
            place,
            url: place.url(&format!("blobs/{blob}"))?,
            accept: "*/*",
            kind: "blob",
            what: "a blob",
            max: size,
        };
        let answer = self.get(&ask, budget).await?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            status => return Err(status_error(&answer.host(), status, "a blob")),
        }
        let expected = u64::try_from(size).unwrap_or(u64::MAX);
        check_size(&answer.host(), blob, expected, answer.body.len())?;
        check_digest(&answer.host(), blob, &answer.body)?;
        Ok(Some(Fetched {
            content_type: None,
            bytes: answer.body,
            from: place.from.clone(),
            doubt: None,
        }))
    }

    /// Writes a blob of exactly `size` bytes, as its descriptor says, to `sink`; it is hashed on the way, and may be larger
    /// than memory, or than what a check's [`Budget`] lets it read. `None` if the registry says that it is not there.
    ///
    /// # Errors
    /// As [`Registry::blob`]; [`RegistryError::Layout`] if the sink fails. What was written before an error is worthless.
    pub async fn download(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: u64,
        sink: &mut (dyn AsyncWrite + Send + Unpin),
        budget: &Budget,
    ) -> Result<Option<()>, RegistryError> {
        let place = self.origin(repository)?;
        let ask = Ask {
            url: place.url(&format!("blobs/{digest}"))?,
            place: &place,
            accept: "*/*",
            kind: "blob",
            what: "a blob",
            max: 0,
        };
        self.get_into(&ask, (digest, size), sink, budget).await
    }
}

impl Registry for HttpRegistry {
    fn evidence_repository(&self, image: &Repository) -> Option<Repository> {
        let registries = &self.transport.settings().registries;
        registries.evidence_repository(image)
    }

    async fn access(&self, repository: &Repository, _: &Budget) -> Result<Access, RegistryError> {
        self.access_of(repository)
    }

    async fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
        max: usize,
        budget: &Budget,
    ) -> Result<Option<Fetched>, RegistryError> {
        let wanted = Wanted::Manifest { reference, max };
        self.read(repository, wanted, budget).await
    }

    async fn referrers(
        &self,
        repository: &Repository,
        image: &Digest,
        budget: &Budget,
    ) -> Result<Listing, RegistryError> {
        self.list(repository, image, budget).await
    }

    async fn blob(
        &self,
        repository: &Repository,
        blob: &Digest,
        size: usize,
        budget: &Budget,
    ) -> Result<Option<Arc<[u8]>>, RegistryError> {
        let wanted = Wanted::Blob { digest: blob, size };
        let found = self.read(repository, wanted, budget).await?;
        Ok(found.map(|found| found.bytes.into()))
    }
}
