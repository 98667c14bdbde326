//! A decision again from its record: the same evidence, judged as of the same time, without a registry.
//!
//! A record says where each piece of evidence was found and which bytes it is, what was asked, and what could not be fetched. The bytes
//! are taken by their digests from wherever they are kept, so that what was attached since changes nothing, and go the same way as
//! those of a registry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use countersign_core::{
    Approvals, Decision, Digest, FoundBy, FoundReport, Gap, GapClass, GapReport, ImageRef,
    ImageReport, Namespace, Needs, ReasonCode, Request, Resolution, Stale, UnixTime,
};

use super::Checker;
use super::question::{LastWords, Places, Question};
use crate::locked::lock;
use crate::{
    Access, Annotations, Budget, Cache, Fetched, LayoutRef, Listing, OciLayout, Reference,
    Referrer, Registry, RegistryError, Repository,
};

/// Where the bytes of evidence are kept: OCI layouts, and the folder of a [`Cache`].
#[derive(Debug, Default)]
pub struct ReplayStore {
    layouts: Vec<OciLayout>,
    cache: Option<Cache>,
}

/// Why a decision cannot be made again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The policy set is another one.
    #[error("{image} was decided by the policy set {recorded}, and this one is {found}")]
    Policies {
        /// The image.
        image: String,
        /// The digest in the record.
        recorded: String,
        /// The digest of the policy set that is there.
        found: Digest,
    },
    /// Trust roots or keys are others, such as those of a TUF repository that has moved on.
    #[error("{image} was decided with trust roots and keys {recorded}, and these are {found}")]
    Trust {
        /// The image.
        image: String,
        /// The fingerprint in the record.
        recorded: String,
        /// The fingerprint of what is there.
        found: Digest,
    },
    /// Bytes that the decision was made from are kept nowhere.
    #[error("{image}: not kept: {}", listed(.digests))]
    Missing {
        /// The image.
        image: String,
        /// What is missing.
        digests: Vec<Digest>,
    },
    /// What is kept cannot be read, or has other bytes than its digest says.
    #[error("{image}: {cause}")]
    Store {
        /// The image.
        image: String,
        /// What is wrong.
        cause: String,
    },
    /// The record does not say enough, or what no record says.
    #[error("{image}: the record {why}")]
    Record {
        /// The image.
        image: String,
        /// What is wrong.
        why: String,
    },
}

fn listed(digests: &[Digest]) -> String {
    let digests: Vec<String> = digests.iter().map(ToString::to_string).collect();
    digests.join(", ")
}

impl ReplayStore {
    /// With a layout.
    #[must_use]
    pub fn layout(mut self, layout: OciLayout) -> Self {
        self.layouts.push(layout);
        self
    }

    /// With what a cache has on disk.
    #[must_use]
    pub fn cache(mut self, cache: Cache) -> Self {
        self.cache = Some(cache);
        self
    }

    async fn bytes(&self, digest: &Digest, max: usize) -> Result<Option<Vec<u8>>, RegistryError> {
        for layout in &self.layouts {
            if let Some(bytes) = layout.verified(digest, max)? {
                return Ok(Some(bytes));
            }
        }
        match &self.cache {
            Some(cache) => Ok(cache.disk_blob(*digest, max).await),
            None => Ok(None),
        }
    }
}

impl Checker {
    /// Decides an image of a [`Report`](crate::Report) again: as of the time of the record, from the bytes in `store` alone.
    ///
    /// Whether it is the same decision is for whoever asks to compare: given the same version of this library, its report has the same
    /// bytes.
    ///
    /// # Errors
    /// [`ReplayError`], and never a decision from less than what the record was made from.
    pub async fn replay(
        &self,
        record: &ImageReport,
        store: &ReplayStore,
    ) -> Result<Decision, ReplayError> {
        let replay = Replay {
            checker: self,
            record,
            store,
        };
        replay.run().await
    }
}

struct Replay<'a> {
    checker: &'a Checker,
    record: &'a ImageReport,
    store: &'a ReplayStore,
}

impl Replay<'_> {
    async fn run(&self) -> Result<Decision, ReplayError> {
        self.check_policies()?;
        let now = UnixTime::parse(&self.record.now)
            .map_err(|error| self.wrong(format!("has no time: {error}")))?;
        let request = self.request()?;
        let gaps = self.gaps()?;
        let decided = |resolution| {
            countersign_core::decide(&self.checker.policies, &request, resolution, now)
        };
        let Some(digest) = &self.record.digest else {
            return Ok(match gaps.first() {
                Some((_, gap)) => decided(Resolution::Unresolved(gap)),
                None => decided(Resolution::NotAsked),
            });
        };
        let digest = self.digest(digest)?;
        let recorded = self.recorded(&digest)?;
        let question = self.question(&request, now);
        let repository = self.repository()?;
        let places = Places::of(&recorded, &repository, &repository);
        let decision = self.ask(&question, places, &digest, &[]).await?;
        // What was read anew says again what is wrong with it; the rest is known from the record alone.
        let left: Vec<(Option<Digest>, Gap)> = gaps
            .into_iter()
            .filter(|(_, gap)| !decision.gaps().contains(gap))
            .collect();
        if left.is_empty() && self.record.stale.is_empty() {
            return Ok(decision);
        }
        let places = Places::of(&recorded, &repository, &repository);
        self.ask(&question, places, &digest, &left).await
    }

    async fn ask(
        &self,
        question: &Question<'_>,
        mut places: Places<'_, Recorded<'_>>,
        digest: &Digest,
        gaps: &[(Option<Digest>, Gap)],
    ) -> Result<Decision, ReplayError> {
        let used = |digest: &Digest| {
            let of = format!("referrers of {digest} ");
            let stale = self
                .record
                .stale
                .iter()
                .filter(|it| it.what.starts_with(&of));
            let stale = stale.map(|it| Stale {
                what: it.what.clone(),
                age: it.age_seconds,
            });
            stale.collect()
        };
        let of = |child: Option<&Digest>| {
            let gaps = gaps.iter().filter(|(of, _)| of.as_ref() == child);
            gaps.map(|(_, gap)| gap.clone()).collect()
        };
        places.last = Some(LastWords {
            used: &used,
            gaps: &of,
        });
        let recorded = places.registry;
        let decision = question.ask(&places, &Reference::Digest(*digest)).await;
        recorded.complete(&self.record.image)?;
        Ok(decision)
    }

    fn question<'q>(&'q self, request: &'q Request, now: UnixTime) -> Question<'q> {
        let question = Question::new(self.checker, request, now);
        let needs = match self.record.stale.as_slice() {
            [] => question.needs,
            // As when what is known last stands in: cosign's tags are never resolved from that.
            _ => Needs {
                signature_tag: false,
                attestation_tag: false,
                ..question.needs
            },
        };
        Question { needs, ..question }
    }

    fn check_policies(&self) -> Result<(), ReplayError> {
        let policies = &self.checker.policies;
        let image = || self.record.image.clone();
        if self.record.policy_digest != policies.digest().to_string() {
            return Err(ReplayError::Policies {
                image: image(),
                recorded: self.record.policy_digest.clone(),
                found: *policies.digest(),
            });
        }
        let fingerprint = policies.trust().fingerprint();
        if self.record.trust_fingerprint != fingerprint.to_string() {
            return Err(ReplayError::Trust {
                image: image(),
                recorded: self.record.trust_fingerprint.clone(),
                found: *fingerprint,
            });
        }
        Ok(())
    }

    fn request(&self) -> Result<Request, ReplayError> {
        let asked = &self.record.request;
        let digest = asked.digest.as_deref().map(|it| self.digest(it));
        let digest = digest.transpose()?;
        let request = match &self.record.name {
            Some(_) => Request::named(&self.name()?).pinned(digest),
            None => Request::unnamed("", digest),
        };
        let request = request.written_as(&self.record.image);
        let request = match &asked.namespace {
            None => request,
            Some(namespace) => request.in_namespace(match &namespace.labels {
                Some(labels) => Namespace::new(&namespace.name).labelled(labels.clone()),
                None => Namespace::new(&namespace.name),
            }),
        };
        let request = if asked.age_relief {
            request.with_age_relief()
        } else {
            request
        };
        let bundles = asked.break_glass_bundles().map_err(|why| self.wrong(why))?;
        let (trust, limits) = (self.checker.policies.trust(), &self.checker.limits);
        let approvals = Approvals::examine(bundles, trust, limits);
        let approvals = approvals.map_err(|error| self.wrong(error.to_string()))?;
        Ok(request.with_break_glass(approvals))
    }

    /// The canonical name, which is read as it was: `host/path` without a tag.
    fn name(&self) -> Result<ImageRef, ReplayError> {
        let name = self.record.name.as_deref().unwrap_or(&self.record.image);
        ImageRef::parse(name).map_err(|error| self.wrong(format!("names no image: {error}")))
    }

    fn repository(&self) -> Result<Repository, ReplayError> {
        if let Ok(layout) = LayoutRef::parse(&self.record.image) {
            return Ok(Repository::layout(layout.path()));
        }
        Ok(Repository::of(&self.name()?))
    }

    fn gaps(&self) -> Result<Vec<(Option<Digest>, Gap)>, ReplayError> {
        self.record.gaps.iter().map(|it| self.gap(it)).collect()
    }

    fn gap(&self, gap: &GapReport) -> Result<(Option<Digest>, Gap), ReplayError> {
        let unknown = |what: &str| self.wrong(format!("has a gap of an unknown kind, `{what}`"));
        let hides = gap.hides.as_deref().map(|it| found_by(it, unknown));
        let child = gap.child.as_ref().map(|it| self.digest(&it.digest));
        let gap = Gap {
            class: GapClass::named(&gap.class).ok_or_else(|| unknown(&gap.class))?,
            code: ReasonCode::find(&gap.code).ok_or_else(|| unknown(&gap.code))?,
            what: gap.what.clone(),
            cause: gap.cause.clone(),
            hides: hides.transpose()?,
        };
        Ok((child.transpose()?, gap))
    }

    /// The manifests in which evidence was found, by what it is about.
    fn recorded(&self, image: &Digest) -> Result<Recorded<'_>, ReplayError> {
        let verified = self.record.evidence.iter();
        let verified = verified.map(|it| (&it.found, it.child.as_ref()));
        let refused = self.record.refused.iter();
        let refused = refused.map(|it| (&it.found, it.child.as_ref()));
        let mut recorded = Recorded {
            store: self.store,
            lists: BTreeMap::new(),
            tags: BTreeMap::new(),
            trouble: Mutex::default(),
        };
        for (found, child) in verified.chain(refused) {
            let about = match child {
                Some(child) => self.digest(&child.digest)?,
                None => *image,
            };
            self.add(&mut recorded, about, found)?;
        }
        Ok(recorded)
    }

    fn add(
        &self,
        recorded: &mut Recorded<'_>,
        about: Digest,
        found: &FoundReport,
    ) -> Result<(), ReplayError> {
        let unknown = |by: &str| self.wrong(format!("found evidence in an unknown way, `{by}`"));
        let kept = Kept {
            manifest: self.digest(&found.manifest)?,
            place: found.place.clone(),
        };
        let suffix = match found_by(&found.by, unknown)? {
            list @ (FoundBy::Referrers | FoundBy::FallbackTag) => {
                let list = (kept, list);
                let known = recorded.lists.entry(about).or_default();
                if !known.contains(&list) {
                    known.push(list);
                }
                return Ok(());
            }
            FoundBy::SignatureTag => ".sig",
            FoundBy::AttestationTag => ".att",
            _ => {
                let why = "is of a file, whose evidence was handed over and is kept nowhere";
                return Err(self.wrong(why.to_owned()));
            }
        };
        let tag = Reference::companion(&about, suffix);
        recorded.tags.insert(tag, kept);
        Ok(())
    }

    fn digest(&self, text: &str) -> Result<Digest, ReplayError> {
        Digest::parse(text).map_err(|error| self.wrong(format!("has no digest: {error}")))
    }

    fn wrong(&self, why: String) -> ReplayError {
        ReplayError::Record {
            image: self.record.image.clone(),
            why,
        }
    }
}

fn found_by<E>(name: &str, unknown: impl Fn(&str) -> E) -> Result<FoundBy, E> {
    FoundBy::named(name).ok_or_else(|| unknown(name))
}

/// A manifest that carries evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    manifest: Digest,
    place: Option<String>,
}

/// What a registry said when the record was made: no more, and no less.
struct Recorded<'a> {
    store: &'a ReplayStore,
    lists: BTreeMap<Digest, Vec<(Kept, FoundBy)>>,
    tags: BTreeMap<Reference, Kept>,
    trouble: Mutex<Trouble>,
}

/// Why not everything was there.
#[derive(Default)]
struct Trouble {
    missing: BTreeSet<Digest>,
    broken: Option<String>,
}

impl Recorded<'_> {
    async fn bytes(&self, digest: &Digest, max: usize) -> Option<Vec<u8>> {
        let bytes = self.store.bytes(digest, max).await;
        let mut trouble = lock(&self.trouble);
        match bytes {
            Ok(Some(bytes)) => return Some(bytes),
            Ok(None) => drop(trouble.missing.insert(*digest)),
            Err(error) => trouble.broken = Some(error.to_string()),
        }
        None
    }

    /// Who served the manifest, if it was not the registry that was asked.
    fn place(&self, manifest: &Digest) -> Option<String> {
        let mut kept = self.lists.values().flatten().map(|(kept, _)| kept);
        kept.find(|kept| kept.manifest == *manifest)?.place.clone()
    }

    /// Whether everything was there that was asked for.
    fn complete(&self, image: &str) -> Result<(), ReplayError> {
        let trouble = lock(&self.trouble);
        let image = image.to_owned();
        if let Some(cause) = trouble.broken.clone() {
            return Err(ReplayError::Store { image, cause });
        }
        if trouble.missing.is_empty() {
            return Ok(());
        }
        let digests = trouble.missing.iter().copied().collect();
        Err(ReplayError::Missing { image, digests })
    }
}

impl Registry for Recorded<'_> {
    async fn access(&self, _: &Repository, _: &Budget) -> Result<Access, RegistryError> {
        Ok(Access::anonymous())
    }

    async fn manifest(
        &self,
        _: &Repository,
        reference: &Reference,
        max: usize,
        _: &Budget,
    ) -> Result<Option<Fetched>, RegistryError> {
        let (digest, from) = match (reference, self.tags.get(reference)) {
            (Reference::Digest(digest), _) => (*digest, self.place(digest)),
            (Reference::Tag(_), Some(kept)) => (kept.manifest, kept.place.clone()),
            (Reference::Tag(_), None) => return Ok(None),
        };
        let bytes = self.bytes(&digest, max).await;
        Ok(bytes.map(|bytes| Fetched {
            bytes,
            content_type: None,
            from,
            doubt: None,
        }))
    }

    async fn referrers(
        &self,
        _: &Repository,
        image: &Digest,
        budget: &Budget,
    ) -> Result<Listing, RegistryError> {
        let mut items = Vec::new();
        for (kept, found_by) in self.lists.get(image).into_iter().flatten() {
            let max = budget.limits().manifest_bytes;
            let Some(bytes) = self.bytes(&kept.manifest, max).await else {
                continue;
            };
            items.push(Referrer {
                digest: kept.manifest,
                size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                media_type: "".into(),
                artifact_type: None,
                annotations: Annotations::default(),
                found_by: *found_by,
            });
        }
        Ok(Listing {
            items: items.into(),
            ..Listing::default()
        })
    }

    async fn blob(
        &self,
        _: &Repository,
        blob: &Digest,
        size: usize,
        _: &Budget,
    ) -> Result<Option<Arc<[u8]>>, RegistryError> {
        Ok(self.bytes(blob, size).await.map(Into::into))
    }
}
