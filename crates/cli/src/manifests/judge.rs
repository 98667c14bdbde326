//! Judging many images at once, each once.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign::{Checker, Image};
use countersign_core::{Decision, PolicySet, UnixTime};
use futures_util::stream::{self, StreamExt as _};

use super::found::{Found, FoundImage, TypedNamespace};
use crate::failure::Failure;
use crate::progress;
use crate::registries::RegistryAccess;
use crate::verify::{cache, tell_disk_error};

/// Images that are judged at a time. What several need is asked once: the cache lets requests wait for each other.
const AT_A_TIME: usize = 16;

/// How images are judged.
pub(crate) struct Judge<'a> {
    pub(crate) registry: &'a RegistryAccess,
    pub(crate) evidence_cache: Option<&'a std::path::Path>,
    pub(crate) timeout: Duration,
    pub(crate) now: UnixTime,
    pub(crate) color: anstream::ColorChoice,
}

/// Decisions, and which of them is about which image.
pub(crate) struct Judged {
    pub(crate) decisions: Vec<Decision>,
    /// For each found image the index of its decision.
    pub(crate) of: Vec<usize>,
}

impl Judge<'_> {
    /// Judges each image once for each namespace that it is in, in the order in which they were found.
    pub(crate) fn judge(
        &self,
        policies: PolicySet,
        found: &Found,
        typed: &TypedNamespace,
    ) -> Result<Judged, Failure> {
        let mut numbers = BTreeMap::new();
        let mut images: Vec<Image> = Vec::new();
        let mut of = Vec::new();
        for it in &found.images {
            let number = *numbers.entry(key(it)).or_insert_with(|| {
                let image = Image::from(it.image.clone());
                let namespace = it.namespace.as_deref();
                images.push(match namespace {
                    Some(name) => image.in_namespace(found.namespace(name, typed)),
                    None => image,
                });
                images.len() - 1
            });
            of.push(number);
        }
        let decisions = self.decisions(policies, &images)?;
        Ok(Judged { decisions, of })
    }

    fn decisions(&self, policies: PolicySet, images: &[Image]) -> Result<Vec<Decision>, Failure> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let cache = Arc::new(cache(self.registry, self.evidence_cache)?);
        let checker = Checker::new(policies)
            .timeout(self.timeout)
            .cache(Arc::clone(&cache))
            .registry(self.registry.client_for_files()?);
        let done = Cell::new(0_usize);
        let check = async |image: &Image| {
            let decision = Box::pin(checker.check(image, self.now)).await;
            done.set(done.get() + 1);
            decision
        };
        let line = || format!("checking images: {} of {} done", done.get(), images.len());
        let all = stream::iter(images.iter().map(check))
            .buffered(AT_A_TIME)
            .collect::<Vec<_>>();
        let decisions = progress::runtime()?.block_on(progress::shown_as(line, all));
        tell_disk_error(&cache, self.color);
        Ok(decisions)
    }
}

/// What makes two images the same question.
fn key(it: &FoundImage) -> (String, Option<String>) {
    (it.image.written().to_owned(), it.namespace.clone())
}
