//! `countersign pull-evidence`: an image's manifests and evidence, saved for where there is no network.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use countersign::{
    Attached, Budget, LayoutRef, LayoutWriter, Limits, Node, RegistryError, Repository, walk,
};
use countersign_core::{Digest, Gap};

use crate::args::evidence::PullEvidence;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::registries::RegistryAccess;
use crate::source::{Named, Source};
use crate::surroundings::Surroundings;
use crate::{output, progress};

const MIB: u64 = 1024 * 1024;
/// Evidence of one image that has more is an attempt to fill the disk: an SBOM has tens of MiB, and a platform a few of them.
const MAX_EVIDENCE: u64 = 4 * 1024 * MIB;
/// The layers of all platforms together; the largest images that are published have some ten GiB for each.
const MAX_LAYERS: u64 = 256 * 1024 * MIB;

/// Save what is attached to an image.
#[derive(Debug)]
pub(crate) struct PullJob {
    written: String,
    image: Named,
    to: LayoutRef,
    layers: bool,
    registry: RegistryAccess,
    timeout: Duration,
    color: anstream::ColorChoice,
}

impl PullJob {
    pub(crate) fn new(
        typed: PullEvidence,
        surroundings: Surroundings,
        color: anstream::ColorChoice,
    ) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            let to = escaped(&typed.to, 100);
            Failure::misused(&format!("--to {to}: {why}"))
        };
        let to = LayoutRef::parse(&typed.to).map_err(|_| wrong("expected oci:DIR[:tag]"))?;
        if to.digest().is_some() {
            return Err(wrong("the digest is the image's; give a tag or nothing"));
        }
        let registry = RegistryAccess::new(typed.registries, &surroundings);
        Ok(Self {
            image: Named::parse(&typed.image)?,
            written: typed.image,
            to,
            layers: typed.layers,
            registry,
            timeout: Duration::from_secs(typed.timeout),
            color,
        })
    }
}

/// Saves it. What could not be read whole is not listed, and so is no image that anybody could verify.
pub(crate) fn run(job: &PullJob) -> Result<Exit, Failure> {
    let limits = Limits::default();
    let source = Source::open(&job.image, &job.registry, &limits)?;
    let budget = Budget::new(&limits, job.timeout);
    let runtime = progress::runtime()?;
    let saved = runtime.block_on(save(job, &source, &budget))?;
    Ok(output::deliver(&saved, job.color, Exit::Allowed))
}

async fn save(job: &PullJob, source: &Source, budget: &Budget) -> Result<String, Failure> {
    let (repository, reference) = (&source.repository, &source.reference);
    let what = source.way();
    let walked = walk(source, repository, reference, &what, budget);
    let attached = progress::shown(&job.written, Box::pin(walked))
        .await
        .map_err(|gap| unread(&job.written, [&gap]))?;
    if attached.gaps().next().is_some() {
        return Err(unread(&job.written, attached.gaps()));
    }
    let blobs = blobs(&attached, job.layers)?;
    let mut writer = LayoutWriter::open(job.to.path(), budget.limits()).map_err(failed)?;
    fetch(&writer, source, &blobs, budget).await?;
    let tag = job.to.tag().or(source.tag.as_deref());
    writer.add(&attached, tag).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(told(job, &attached, &blobs, tag))
}

/// A blob to save.
struct Wanted<'a> {
    repository: &'a Repository,
    size: u64,
}

/// Every blob of the evidence, once; with `layers` those of the image too.
fn blobs(attached: &Attached, layers: bool) -> Result<BTreeMap<Digest, Wanted<'_>>, Failure> {
    let mut wanted = BTreeMap::new();
    let (mut evidence, mut image) = (0_u64, 0_u64);
    for node in attached.nodes() {
        let is_image = node.image().is_some() && !node.is_buildkit_attestation();
        if is_image && !layers {
            continue;
        }
        // Nobody's registry has the layers that are not to be distributed; evidence has none such.
        let blobs = node.blobs.iter();
        for blob in blobs.filter(|blob| !is_image || blob.is_distributable()) {
            let sum = if is_image { &mut image } else { &mut evidence };
            let one = Wanted {
                repository: &node.repository,
                size: blob.size,
            };
            match wanted.insert(blob.digest, one) {
                Some(other) if other.size != blob.size => {
                    let cause = format!("two manifests differ about the size of {}", blob.digest);
                    return Err(Failure::unknown(cause));
                }
                Some(_) => {}
                None => *sum = sum.saturating_add(blob.size),
            }
        }
    }
    for (sum, max, what) in [
        (evidence, MAX_EVIDENCE, "evidence"),
        (image, MAX_LAYERS, "layers"),
    ] {
        if sum > max {
            return Err(Failure::unknown(format!(
                "{what} of {sum} bytes are more than {} GiB",
                max / MIB / 1024
            )));
        }
    }
    Ok(wanted)
}

/// Copies the blobs that the layout does not have.
async fn fetch(
    writer: &LayoutWriter,
    source: &Source,
    blobs: &BTreeMap<Digest, Wanted<'_>>,
    budget: &Budget,
) -> Result<(), Failure> {
    let total: u64 = blobs.values().map(|blob| blob.size).sum();
    let (count, bytes) = (Cell::new(0_usize), Cell::new(0_u64));
    let line = || {
        let (done, all) = (bytes.get() / MIB, total / MIB);
        let count = count.get();
        format!(
            "saving blob {count} of {}, {done} of {all} MiB",
            blobs.len()
        )
    };
    progress::shown_as(line, async {
        for (digest, blob) in blobs {
            count.set(count.get() + 1);
            if !writer.has(digest, blob.size).map_err(failed)? {
                let copied = Box::pin(copy(writer, source, digest, blob, budget));
                copied.await.map_err(failed)?;
            }
            bytes.set(bytes.get().saturating_add(blob.size));
        }
        Ok(())
    })
    .await
}

async fn copy(
    writer: &LayoutWriter,
    source: &Source,
    digest: &Digest,
    blob: &Wanted<'_>,
    budget: &Budget,
) -> Result<(), RegistryError> {
    let mut file = writer.begin(digest, blob.size)?;
    let copied = source.download(blob.repository, digest, blob.size, &mut file, budget);
    match copied.await? {
        Some(()) => file.keep().await,
        None => Err(RegistryError::Protocol {
            host: blob.repository.registry().to_owned(),
            what: format!("a manifest names {digest} but it is not there"),
        }),
    }
}

fn told(
    job: &PullJob,
    attached: &Attached,
    blobs: &BTreeMap<Digest, Wanted<'_>>,
    tag: Option<&str>,
) -> String {
    let image = &attached.image;
    let count = |is: fn(&&Node) -> bool| attached.nodes().iter().filter(|node| is(node)).count();
    let images = count(|node| node.image().is_some());
    let evidence = count(|node| node.image().is_none());
    let bytes: u64 = blobs.values().map(|blob| blob.size).sum();
    let dir = job.to.path().display().to_string();
    let place = match tag {
        Some(tag) => format!("oci:{dir}:{tag}"),
        None => format!("oci:{dir}@{}", image.digest),
    };
    let written = escaped(&job.written, 300);
    let with = if job.layers { "with" } else { "without" };
    let name = match &job.image {
        Named::Registry(_) => written.as_str(),
        Named::Layout(_) => "REFERENCE",
    };
    format!(
        "saved {written}\n  {}\n  manifests: {images} of the image ({with} layers), {evidence} attached; blobs: {} of {bytes} bytes\n\
         next: countersign verify {} --as {name} --policy …\n",
        image.digest,
        blobs.len(),
        escaped(&place, 300),
    )
}

fn unread<'a>(written: &str, gaps: impl IntoIterator<Item = &'a Gap>) -> Failure {
    let gaps = gaps.into_iter().map(|gap| {
        format!(
            "{}: {} ({})\n  {}",
            escaped(&gap.what, 300),
            gap.code,
            gap.class.as_str(),
            escaped(&gap.cause, 500)
        )
    });
    let gaps: Vec<String> = gaps.collect();
    Failure::unknown(format!(
        "{} could not be read whole, and was not saved:\n{}",
        escaped(written, 300),
        gaps.join("\n")
    ))
}

fn failed(error: RegistryError) -> Failure {
    Failure::unknown(escaped(&error.to_string(), 1000))
}
