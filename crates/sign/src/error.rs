//! Why a copy is not whole.

use countersign::RegistryError;
use countersign_core::{Digest, Gap};

use crate::Copied;

/// A copy that broke off: why, and what is at the destination all the same. The image's tag was not moved.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct CopyFailed {
    /// Why.
    #[source]
    pub error: CopyError,
    /// What was found or put there before; none if it ended before the destination was asked.
    pub so_far: Option<Copied>,
}

/// Why a copy is not whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The source could not be read whole.
    #[error("the source cannot be read whole, so nothing was copied: {}", gaps_text(.0))]
    Source(Vec<Gap>),
    /// The source's image is not the one that was named by digest.
    #[error("the image at the source is {actual}, not {expected}")]
    OtherImage {
        /// What was named.
        expected: Digest,
        /// What is there.
        actual: Digest,
    },
    /// Reading the source or writing the destination failed.
    #[error("{what}: {cause}")]
    Registry {
        /// What was tried, and where.
        what: String,
        /// Why it failed.
        #[source]
        cause: RegistryError,
    },
    /// The source names a blob that it does not have.
    #[error("{what}: a manifest names it but it is not there")]
    Missing {
        /// What was asked for, and where.
        what: String,
    },
    /// The destination did not take it.
    #[error("{what}: the registry answers {status}{}", said_text(.said))]
    Refused {
        /// What was tried, and where.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own words, clipped.
        said: String,
    },
    /// Something that the source's would replace has entries which the source's lacks.
    #[error(
        "{tag} in {repository} holds {why}: nothing there is overwritten; copy from there first, or take it away"
    )]
    Conflict {
        /// The tag.
        tag: String,
        /// The destination.
        repository: String,
        /// What would be lost.
        why: String,
    },
    /// Somebody else writes the index at a fallback tag all the time.
    #[error(
        "{tag} in {repository} was written {tries} times and never listed what was written: somebody else writes it too"
    )]
    Contended {
        /// The tag.
        tag: String,
        /// The destination.
        repository: String,
        /// How often it was written.
        tries: usize,
    },
    /// Only evidence is to be copied, to an image that is not there.
    #[error("{image} is not in {repository}, so its evidence is not copied there")]
    NoImage {
        /// The image.
        image: Digest,
        /// The destination.
        repository: String,
    },
    /// Evidence of the destination's images is kept in another repository, by configuration.
    #[error(
        "evidence of images in {repository} is looked for in {kept}, and a copy would put it beside the image; copy to where it is kept"
    )]
    KeptApart {
        /// The destination.
        repository: String,
        /// Where its evidence is looked for.
        kept: String,
    },
    /// A layer could not be kept on disk on its way.
    #[error("a temporary file for {digest}: {cause}")]
    Disk {
        /// The layer.
        digest: Digest,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
}

impl CopyError {
    pub(crate) fn registry(what: impl Into<String>) -> impl FnOnce(RegistryError) -> Self {
        let what = what.into();
        |cause| Self::Registry { what, cause }
    }
}

/// The first few gaps; one is enough to look for the cause.
fn gaps_text(gaps: &[Gap]) -> String {
    const SHOWN: usize = 3;
    let mut texts: Vec<String> = gaps
        .iter()
        .take(SHOWN)
        .map(|gap| format!("{}: {}", gap.what, gap.cause))
        .collect();
    if gaps.len() > SHOWN {
        texts.push(format!("and {} more", gaps.len() - SHOWN));
    }
    texts.join("; ")
}

fn said_text(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    }
}
