//! The digests that tags stand for, each judged as the digest that would be written down.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign::{Budget, Cached, Checker, HttpRegistry, Image, Reference, Repository, resolve};
use countersign_core::{Decision, Digest, ImageRef, Limits, PolicySet};
use futures_util::stream::{self, StreamExt as _};

use super::found::{Found, TypedNamespace};
use super::judge::{AT_A_TIME, Judge, Key};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::pin::firm::{NotPinned, firm};
use crate::progress;
use crate::verify::tell_disk_error;

/// What a tag stands for, and whether that may be written down.
pub(crate) struct Answer {
    /// None where the tag could not be resolved.
    pub(crate) digest: Option<Digest>,
    /// About the image by this digest; none where there is none.
    pub(crate) decision: Option<Decision>,
    pub(crate) firm: Result<(), NotPinned>,
}

/// Resolves tags.
pub(crate) struct Resolver<'a> {
    pub(crate) judge: Judge<'a>,
    pub(crate) found: &'a Found,
    pub(crate) typed: &'a TypedNamespace,
}

impl Resolver<'_> {
    /// An answer to each question; what several need is asked once.
    pub(crate) fn answers(
        &self,
        policies: PolicySet,
        images: BTreeMap<Key, ImageRef>,
    ) -> Result<BTreeMap<Key, Answer>, Failure> {
        if images.is_empty() {
            return Ok(BTreeMap::new());
        }
        let judge = &self.judge;
        let cache = Arc::new(judge.cache()?);
        let registry = judge.registry.client_for_files()?;
        let tags = Cached::new(Arc::new(registry.clone()), Arc::clone(&cache));
        let checker = Checker::new(policies)
            .timeout(judge.timeout)
            .cache(Arc::clone(&cache))
            .registry(registry);
        let total = images.len();
        let work = images.into_iter().map(|(key, image)| {
            let (tags, checker) = (&tags, &checker);
            Box::pin(async move {
                let answer = self.answer(tags, checker, &key, &image).await;
                (key, answer)
            })
        });
        let all = stream::iter(work).buffered(AT_A_TIME).collect::<Vec<_>>();
        let line = || format!("asking for {total} images");
        let answers = progress::runtime()?.block_on(progress::shown_as(line, all));
        tell_disk_error(&cache, judge.color);
        Ok(answers.into_iter().collect())
    }

    async fn answer(
        &self,
        tags: &Cached<HttpRegistry>,
        checker: &Checker,
        key: &Key,
        image: &ImageRef,
    ) -> Answer {
        let refused = |digest, why| Answer {
            digest,
            decision: None,
            firm: Err(NotPinned {
                exit: Exit::Unknown,
                why,
            }),
        };
        let budget = Budget::new(&Limits::default(), self.judge.timeout);
        let (repository, reference) = (Repository::of(image), Reference::of(image));
        let digest = match resolve(tags, &repository, &reference, &budget).await {
            Ok(pinned) => *pinned.digest(),
            Err(gap) => {
                let why = format!("{}: {} ({})", gap.what, gap.cause, gap.code);
                return refused(None, why);
            }
        };
        let with_digest = match ImageRef::parse(&format!("{}@{digest}", image.written())) {
            Ok(image) => Image::from(image),
            Err(error) => {
                let why = format!("with its digest it is no image: {error}");
                return refused(Some(digest), why);
            }
        };
        let with_digest = match &key.1 {
            Some(name) => with_digest.in_namespace(self.found.namespace(name, self.typed)),
            None => with_digest,
        };
        let decision = checker.check(&with_digest, self.judge.now).await;
        Answer {
            digest: Some(digest),
            firm: firm(&decision),
            decision: Some(decision),
        }
    }
}
