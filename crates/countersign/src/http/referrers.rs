//! Who refers to an image: the referrers API with all its pages, and the fallback tag.

use std::collections::BTreeSet;

use countersign_core::{Digest, FoundBy, GapClass};
use reqwest::Url;

use super::HttpRegistry;
use super::answer::status_error;
use super::exchange::{Answer, Ask};
use super::place::Place;
use super::reads::Wanted;
use crate::error::clip;
use crate::network::Ability;
use crate::wire::{self, Index, OCI_INDEX};
use crate::{Budget, Listing, Reference, Referrer, RegistryError, Repository};

/// What the referrers API said.
enum Api {
    Listed(Listing),
    /// The registry does not have it.
    Unsupported,
}

impl HttpRegistry {
    /// Asks the registry; and while it cannot be asked, its mirrors, whose lists prove no absence: a mirror lags.
    pub(super) async fn list(
        &self,
        repository: &Repository,
        image: &Digest,
        budget: &Budget,
    ) -> Result<Listing, RegistryError> {
        let origin = self.origin(repository)?;
        let mut error = match self.list_at(&origin, image, budget).await {
            Err(error) if error.class() == GapClass::Unavailable => error,
            outcome => return outcome,
        };
        for mirror in self.mirrors(repository, Ability::Referrers) {
            match self.list_at(&mirror, image, budget).await {
                Ok(listing) => {
                    return Ok(Listing {
                        incomplete: Some(error),
                        ..listing
                    });
                }
                // A lie outweighs that nobody could be reached, and stays.
                Err(lie)
                    if lie.class() == GapClass::Hostile && error.class() != GapClass::Hostile =>
                {
                    error = lie;
                }
                Err(_) => {}
            }
        }
        Err(error)
    }

    /// Asks the API, and the fallback tag where the API is missing, lists nothing or answers oddly (old proxies know
    /// neither the path nor how to say so).
    async fn list_at(
        &self,
        place: &Place,
        image: &Digest,
        budget: &Budget,
    ) -> Result<Listing, RegistryError> {
        let odd = match self.ask_api(place, image, budget).await {
            Ok(Api::Listed(listing)) if !listing.items.is_empty() || !listing.complete() => {
                return Ok(listing);
            }
            Ok(_) => None,
            Err(error @ (RegistryError::Protocol { .. } | RegistryError::Redirect { .. })) => {
                Some(error)
            }
            Err(error) => return Err(error),
        };
        match (self.ask_fallback(place, image, budget).await, odd) {
            (Ok(listing), None) => Ok(listing),
            (Ok(listing), odd) => Ok(Listing {
                incomplete: odd,
                ..listing
            }),
            (Err(error), _) => Err(error),
        }
    }

    async fn ask_api(
        &self,
        place: &Place,
        image: &Digest,
        budget: &Budget,
    ) -> Result<Api, RegistryError> {
        let limits = budget.limits();
        let mut page = Some(place.url(&format!("referrers/{image}"))?);
        let mut collected = Collected::new(FoundBy::Referrers, place, limits.attachments);
        let mut seen: BTreeSet<Url> = BTreeSet::new();
        while let Some(url) = page {
            if !seen.insert(url.clone()) {
                return Err(endless(&url, "a page leads back to one before"));
            }
            if seen.len() > limits.pages {
                return Err(endless(&url, "more pages than allowed"));
            }
            let is_first = seen.len() == 1;
            let ask = Ask {
                place,
                url,
                accept: OCI_INDEX,
                kind: "referrers",
                what: "a page of referrers",
                max: limits.manifest_bytes,
            };
            let answer = match self.get(&ask, budget).await {
                Ok(answer) => answer,
                Err(RegistryError::Failed { status: 501, .. }) if is_first => {
                    return Ok(Api::Unsupported);
                }
                // What came before stands; what is missing is said.
                Err(error) if !is_first && error.class() == GapClass::Unavailable => {
                    collected.incomplete = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            };
            match answer.status {
                200 => {}
                // 404 says so by the specification; the others are what older registries say.
                400 | 404 | 405 | 406 | 410 if is_first => return Ok(Api::Unsupported),
                status => return Err(status_error(&answer.host(), status, "referrers")),
            }
            collected.add(&answer)?;
            page = next_page(&answer)?;
        }
        Ok(Api::Listed(collected.listing()))
    }

    /// The referrers tag schema: an index at the tag `sha256-<hex>`.
    async fn ask_fallback(
        &self,
        place: &Place,
        image: &Digest,
        budget: &Budget,
    ) -> Result<Listing, RegistryError> {
        let limits = budget.limits();
        let reference = Reference::companion(image, "");
        let mut collected = Collected::new(FoundBy::FallbackTag, place, limits.attachments);
        let wanted = Wanted::Manifest {
            reference: &reference,
            max: limits.manifest_bytes,
        };
        if let Some(fetched) = self.read_at(place, wanted, budget).await? {
            collected.add(&Answer {
                status: 200,
                url: place.url(&format!("manifests/{reference}"))?,
                content_type: fetched.content_type,
                next_page: None,
                body: fetched.bytes,
            })?;
        }
        Ok(collected.listing())
    }
}

struct Collected {
    items: Vec<Referrer>,
    /// Why there may be more.
    incomplete: Option<RegistryError>,
    from: Option<String>,
    found_by: FoundBy,
    seen: BTreeSet<Digest>,
    limit: usize,
}

impl Collected {
    fn new(found_by: FoundBy, place: &Place, limit: usize) -> Self {
        Self {
            items: Vec::new(),
            incomplete: None,
            from: place.from.clone(),
            found_by,
            seen: BTreeSet::new(),
            limit,
        }
    }

    fn listing(self) -> Listing {
        Listing {
            items: self.items.into(),
            incomplete: self.incomplete,
            from: self.from,
        }
    }

    fn add(&mut self, answer: &Answer) -> Result<(), RegistryError> {
        let host = answer.host();
        if answer.media_type() != Some(OCI_INDEX) {
            let told = answer.content_type.as_deref().unwrap_or("nothing");
            return Err(RegistryError::protocol(
                &host,
                format!("a list of referrers has the content type `{}`", clip(told)),
            ));
        }
        let index: Index = wire::read(&answer.body).map_err(|cause| {
            RegistryError::protocol(&host, format!("a list of referrers is malformed: {cause}"))
        })?;
        for descriptor in index.manifests {
            let digest = match descriptor.digest() {
                Ok(digest) => digest,
                Err(cause) => {
                    self.incomplete = Some(RegistryError::protocol(&host, cause));
                    continue;
                }
            };
            if !self.seen.insert(digest) {
                continue;
            }
            if self.items.len() == self.limit {
                return Err(RegistryError::too_large(
                    &host,
                    "the list of referrers",
                    self.limit,
                ));
            }
            self.items.push(Referrer {
                digest,
                size: descriptor.size,
                media_type: wire::media_type(descriptor.media_type),
                artifact_type: descriptor.artifact_type.map(wire::media_type),
                annotations: descriptor.annotations,
                found_by: self.found_by,
            });
        }
        Ok(())
    }
}

/// The next page, which has to be at the host that served this one.
fn next_page(answer: &Answer) -> Result<Option<Url>, RegistryError> {
    let Some(link) = &answer.next_page else {
        return Ok(None);
    };
    let host = answer.host();
    let next = answer
        .url
        .join(link)
        .map_err(|_| RegistryError::protocol(&host, "the link to the next page is no URL"))?;
    if next.origin() != answer.url.origin() {
        return Err(RegistryError::Redirect {
            host,
            to: super::transport::host_of(&next),
            why: "the next page of a list has to be at the same host",
        });
    }
    Ok(Some(next))
}

fn endless(url: &Url, what: &str) -> RegistryError {
    RegistryError::Endless {
        host: super::transport::host_of(url),
        what: what.to_owned(),
    }
}
