//! From one place to another.

use std::time::Duration;

use countersign::{Budget, HttpRegistry, Registry as _, Repository};
use countersign_core::{Digest, Limits};

use crate::copied::Copied;
use crate::ledger::Ledger;
use crate::place::{Place, Route};
use crate::plan::Plan;
use crate::push::Pusher;
use crate::source::Source;
use crate::to_layout::ToLayout;
use crate::to_registry::ToRegistry;
use crate::{CopyError, CopyFailed};

/// Copies images with everything that is attached to them.
///
/// The client's credentials are used for both sides, each at its own host: to pull at the source, to pull and push at the
/// destination.
#[derive(Debug)]
pub struct Copier {
    registry: HttpRegistry,
    what: What,
    limits: Limits,
    time: Duration,
}

/// What is copied, if at all.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct What {
    pub(crate) dry_run: bool,
    pub(crate) only_evidence: bool,
}

impl Copier {
    /// How long a copy takes at most, if nobody says otherwise.
    pub const DEFAULT_TIME: Duration = Duration::from_secs(3600);

    /// A copier that asks registries by this client.
    #[must_use]
    pub fn new(registry: HttpRegistry) -> Self {
        Self {
            registry,
            what: What::default(),
            limits: Limits::default(),
            time: Self::DEFAULT_TIME,
        }
    }

    /// Looks at both sides and writes nothing.
    #[must_use]
    pub const fn dry_run(mut self, only_looks: bool) -> Self {
        self.what.dry_run = only_looks;
        self
    }

    /// Copies evidence to where the image already is; no tag of the image's is written.
    #[must_use]
    pub const fn only_evidence(mut self, without_image: bool) -> Self {
        self.what.only_evidence = without_image;
        self
    }

    /// How long a copy may take in all.
    #[must_use]
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// Copies, idempotently: what is at the destination is not sent again.
    ///
    /// The order is: blobs, manifests of platforms, the image by digest, evidence by digest, the indexes at fallback tags (only
    /// where the destination does not list referrers itself; they are extended, never replaced), the tags `.sig`, `.att` and
    /// `.sbom`, and the image's tag.
    ///
    /// # Errors
    /// [`CopyFailed`] when the source cannot be read whole (then nothing is written), or something cannot be written. The
    /// image's tag is not moved then, and another run goes on where this one ended.
    pub async fn copy(&self, route: &Route) -> Result<Copied, CopyFailed> {
        let early = |error| CopyFailed {
            error,
            so_far: None,
        };
        self.check_evidence_repository(route).map_err(early)?;
        let source = Source::open(route, &self.registry, &self.limits).map_err(early)?;
        let walking = Budget::new(&self.limits, self.time);
        let attached = source.walk(&walking).await.map_err(early)?;
        let image = attached.image.digest;
        check_digest(route, image).map_err(early)?;

        let plan = Plan::new(&attached);
        let ledger = Ledger::default();
        // Each blob is bounded by its descriptor; all together are as large as the image is.
        let mut limits = self.limits.clone();
        limits.fetched_bytes = usize::MAX;
        let budget = Budget::new(&limits, walking.time_left());
        let result = match &route.destination {
            Place::Registry(name) => {
                let into = ToRegistry {
                    source: &source,
                    pusher: Pusher {
                        registry: &self.registry,
                        repository: &Repository::of(name),
                        budget: &budget,
                    },
                    limits: &limits,
                    what: self.what,
                    ledger: &ledger,
                };
                into.run(&plan, route.tag()).await
            }
            Place::Layout(layout) => {
                let into = ToLayout {
                    source: &source,
                    layout,
                    limits: &limits,
                    budget: &budget,
                    what: self.what,
                    ledger: &ledger,
                };
                into.run(&attached, &plan, route.tag()).await
            }
        };
        let copied = ledger.copied(image);
        match result {
            Ok(()) => Ok(copied),
            Err(error) => Err(CopyFailed {
                error,
                so_far: Some(copied),
            }),
        }
    }
}

impl Copier {
    /// A copy whose evidence nobody would find is none.
    fn check_evidence_repository(&self, route: &Route) -> Result<(), CopyError> {
        let Place::Registry(name) = &route.destination else {
            return Ok(());
        };
        let repository = Repository::of(name);
        match self.registry.evidence_repository(&repository) {
            Some(kept) if kept != repository => Err(CopyError::KeptApart {
                repository: repository.to_string(),
                kept: kept.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

fn check_digest(route: &Route, actual: Digest) -> Result<(), CopyError> {
    match route.digest {
        Some(expected) if expected != actual => Err(CopyError::OtherImage { expected, actual }),
        _ => Ok(()),
    }
}
