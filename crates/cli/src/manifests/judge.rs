//! Judging many images at once, each once.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign::{
    Budget, Cache, Cached, Checker, HttpRegistry, Image, Reference, Repository, resolve,
};
use countersign_core::{
    Approvals, Decision, Digest, Gap, GapClass, ImageRef, Limits, PolicySet, ReasonCode, UnixTime,
};
use futures_util::stream::{self, StreamExt as _};

use super::found::{Found, TypedNamespace};
use crate::failure::Failure;
use crate::progress;
use crate::registries::RegistryAccess;
use crate::verify::{cache, tell_disk_error};

/// Images that are judged at a time. What several need is asked once: the cache lets requests wait for each other.
pub(crate) const AT_A_TIME: usize = 16;

/// Longer than any run.
const ONE_RUN: Duration = Duration::from_secs(24 * 3600);

/// What makes two images the same question: what is written, and the namespace.
pub(crate) type Key = (String, Option<String>);

/// How images are judged.
pub(crate) struct Judge<'a> {
    pub(crate) registry: &'a RegistryAccess,
    pub(crate) evidence_cache: Option<&'a std::path::Path>,
    pub(crate) timeout: Duration,
    pub(crate) now: UnixTime,
    pub(crate) color: anstream::ColorChoice,
    /// What people approved for an emergency, if that may count here.
    pub(crate) approvals: Option<Arc<Approvals>>,
}

/// One decision.
pub(crate) struct JudgedImage {
    pub(crate) decision: Decision,
    /// What the reference stands for; where nothing had to be asked for the decision, only if it was asked for by itself.
    pub(crate) digest: Result<Digest, Gap>,
}

/// Decisions, and which of them is about which image.
pub(crate) struct Judged {
    pub(crate) judged: Vec<JudgedImage>,
    /// For each found image the index of its decision.
    pub(crate) of: Vec<usize>,
}

impl Judge<'_> {
    /// Judges each image once for each namespace that it is in, in the order in which they were found. With `resolved`, tags are resolved also
    /// where no policy asks for anything.
    pub(crate) fn judge(
        &self,
        policies: PolicySet,
        found: &Found,
        typed: &TypedNamespace,
        resolved: bool,
    ) -> Result<Judged, Failure> {
        let mut numbers = BTreeMap::new();
        let mut images: Vec<(Image, ImageRef)> = Vec::new();
        let mut of = Vec::new();
        for it in &found.images {
            let number = *numbers.entry(it.key()).or_insert_with(|| {
                let image = Image::from(it.image.clone());
                let namespace = it.namespace.as_deref();
                let image = match namespace {
                    Some(name) => image.in_namespace(found.namespace(name, typed)),
                    None => image,
                };
                let image = match &self.approvals {
                    Some(approvals) => image.with_break_glass(Arc::clone(approvals)),
                    None => image,
                };
                images.push((image, it.image.clone()));
                images.len() - 1
            });
            of.push(number);
        }
        // Namespaces of one image go together, so that the second finds what the first was told.
        let mut order: Vec<usize> = numbers.into_values().collect();
        let sorted = order.iter().filter_map(|number| images.get(*number));
        let judged = self.judged(policies, &sorted.collect::<Vec<_>>(), resolved)?;
        let mut judged: Vec<(usize, JudgedImage)> = order.drain(..).zip(judged).collect();
        judged.sort_by_key(|(number, _)| *number);
        let judged = judged.into_iter().map(|(_, judged)| judged).collect();
        Ok(Judged { judged, of })
    }

    /// What is remembered for this run: a tag stands for one image in all of it, however long it takes.
    pub(crate) fn cache(&self) -> Result<Cache, Failure> {
        Ok(cache(self.registry, self.evidence_cache)?.fresh(ONE_RUN))
    }

    fn judged(
        &self,
        policies: PolicySet,
        images: &[&(Image, ImageRef)],
        resolved: bool,
    ) -> Result<Vec<JudgedImage>, Failure> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let cache = Arc::new(self.cache()?);
        let registry = self.registry.client_for_files()?;
        let tags = Cached::new(Arc::new(registry.clone()), Arc::clone(&cache));
        let checker = Checker::new(policies)
            .timeout(self.timeout)
            .cache(Arc::clone(&cache))
            .registry(registry);
        let done = Cell::new(0_usize);
        let check = async |(image, name): &(Image, ImageRef)| {
            let decision = Box::pin(checker.check(image, self.now)).await;
            let digest = match (decision.digest(), decision.gaps().first()) {
                (Some(digest), _) => Ok(*digest),
                (None, None) if resolved => Box::pin(self.digest(&tags, name)).await,
                (None, gap) => Err(gap.cloned().unwrap_or_else(not_asked)),
            };
            done.set(done.get() + 1);
            JudgedImage { decision, digest }
        };
        let line = || format!("checking images: {} of {} done", done.get(), images.len());
        let all = stream::iter(images.iter().copied().map(check))
            .buffered(AT_A_TIME)
            .collect::<Vec<_>>();
        let judged = progress::runtime()?.block_on(progress::shown_as(line, all));
        tell_disk_error(&cache, self.color);
        Ok(judged)
    }

    async fn digest(&self, tags: &Cached<HttpRegistry>, image: &ImageRef) -> Result<Digest, Gap> {
        let budget = Budget::new(&Limits::default(), self.timeout);
        let (repository, reference) = (Repository::of(image), Reference::of(image));
        let pinned = resolve(tags, &repository, &reference, &budget).await?;
        Ok(*pinned.digest())
    }
}

/// Nobody wanted to know.
fn not_asked() -> Gap {
    Gap {
        class: GapClass::Unavailable,
        code: ReasonCode::NotExamined,
        what: "the manifest".to_owned(),
        cause: "no policy asks for it".to_owned(),
        hides: None,
    }
}
