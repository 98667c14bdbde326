//! Where a statement goes: to its image in the registry, or to a file.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use countersign::{ImageRef, LayoutRef};
use countersign_core::Digest;
use countersign_sign::{AttachedBundle, Attacher, SignedBundle};
use serde_json::{Map, Value};

use super::{MAX_CHARS, PromoteJob, shown};
use crate::escape::escaped;
use crate::failure::Failure;
use crate::{output, progress};

/// Where it is to go.
#[derive(Debug)]
pub(super) enum Delivery {
    /// To the image, where that was judged.
    Attach(ImageRef),
    /// The signed bundle to a file.
    Bundle(PathBuf),
    /// What would be signed to a file.
    Predicate(PathBuf),
    /// Nowhere: it is only shown.
    Nothing,
}

/// Where it went.
#[derive(Debug)]
pub(super) enum Delivered {
    Attached(AttachedBundle, Digest),
    Bundle(PathBuf, Digest),
    Predicate(PathBuf),
    Nothing,
}

impl Delivery {
    /// To the image of this text.
    ///
    /// # Errors
    /// It is in a folder, where nothing is attached.
    pub(super) fn attach(image: &str) -> Result<Self, Failure> {
        if LayoutRef::is_one(image) {
            return Err(Failure::misused(
                "nothing is attached to an image in an OCI layout; say --bundle FILE, --predicate FILE or --dry-run",
            ));
        }
        ImageRef::parse(image)
            .map(Self::Attach)
            .map_err(|error| Failure::misused(&format!("{}: {error}", escaped(image, 100))))
    }

    /// Whether it is a signature that goes there.
    pub(super) const fn is_signed(&self) -> bool {
        matches!(self, Self::Attach(_) | Self::Bundle(_))
    }

    /// Whether nothing is there yet: what an older run has written must not be taken for what this one would write.
    ///
    /// # Errors
    /// Something is.
    pub(super) fn is_free(&self) -> Result<(), Failure> {
        match self {
            Self::Bundle(file) | Self::Predicate(file) if file.symlink_metadata().is_ok() => {
                Err(Failure::misused(&format!(
                    "{} is there already, and nothing is written over; remove it, or name another file",
                    shown(file)
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Brings it there.
///
/// # Errors
/// It is not there, or not whole.
pub(super) fn deliver(
    job: &PromoteJob,
    runtime: &tokio::runtime::Runtime,
    predicate: &Map<String, Value>,
    bundle: Option<&SignedBundle>,
) -> Result<Delivered, Failure> {
    match (&job.delivery, bundle) {
        (Delivery::Attach(image), Some(bundle)) => {
            let digest = Digest::of(bundle.bytes());
            let attached = runtime.block_on(attach(job, image, bundle))?;
            Ok(Delivered::Attached(attached, digest))
        }
        (Delivery::Bundle(file), Some(bundle)) => {
            write(file, bundle.bytes())?;
            Ok(Delivered::Bundle(file.clone(), Digest::of(bundle.bytes())))
        }
        (Delivery::Predicate(file), _) => {
            write(file, output::json(predicate).as_bytes())?;
            Ok(Delivered::Predicate(file.clone()))
        }
        (Delivery::Nothing, _) => Ok(Delivered::Nothing),
        (Delivery::Attach(_) | Delivery::Bundle(_), None) => Err(Failure::misused(
            "nothing was signed, so nothing can be attached or written",
        )),
    }
}

/// To the digest that was judged, whatever a tag means by now.
async fn attach(
    job: &PromoteJob,
    image: &ImageRef,
    bundle: &SignedBundle,
) -> Result<AttachedBundle, Failure> {
    let registry = job.registry.client([image.registry()])?.unwrap_or_default();
    let attacher = Attacher::new(registry).timeout(job.timeout);
    let line = || format!("attaching to {}", escaped(&image.to_string(), 60));
    let attaching = attacher.attach(image, bundle, job.now);
    progress::shown_as(line, Box::pin(attaching))
        .await
        .map_err(|error| {
            let why = escaped(&error.to_string(), MAX_CHARS);
            Failure::unknown(format!(
                "the image passed and what is stated is signed, but it is not attached: {why}; run the same again, or write it with --bundle FILE"
            ))
        })
}

/// A file that is whole or is not there.
fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let written = opened.and_then(|mut opened| {
        opened
            .write_all(bytes)
            .and_then(|()| opened.sync_all())
            .inspect_err(|_| {
                // That it could not be written is what is told; that it cannot be removed either adds nothing.
                let _ = fs::remove_file(file);
            })
    });
    written.map_err(|error| Failure::unknown(format!("{} cannot be written: {error}", shown(file))))
}
