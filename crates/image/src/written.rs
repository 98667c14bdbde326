//! Bytes and their digests, and the making of a whole image.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{About, Debian, Image, Layout, Machine, Program};

/// Bytes with their digest, as a layout keeps them.
#[derive(Debug, Clone)]
pub struct Digested {
    bytes: Vec<u8>,
    digest: String,
}

impl Digested {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        use std::fmt::Write as _;
        let mut digest = String::from("sha256:");
        for byte in Sha256::digest(&bytes) {
            // Writing to a string does not fail.
            let _ = write!(digest, "{byte:02x}");
        }
        Self { bytes, digest }
    }

    /// A document as JSON. Its keys are sorted, for maps of `serde_json` are.
    pub(crate) fn json(document: &Value) -> Result<Self> {
        Ok(Self::new(serde_json::to_vec(document)?))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// `sha256:` and 64 digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// How many bytes.
    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }
}

/// What [`write()`] has written.
#[derive(Debug, Clone)]
pub struct Written {
    /// The digest of the image: of its manifest, or of the index where there are several machines.
    pub digest: String,
    /// For each machine the digest of its manifest, and the bytes that a node takes from a registry: manifest, configuration and layers.
    pub images: Vec<(Machine, String, u64)>,
    /// The folder with the layout.
    pub layout: PathBuf,
    /// The layout as an archive.
    pub archive: PathBuf,
}

/// Writes the image of the programs in these files: those for one machine go into one image, whose entry point is the first; images for
/// several machines make one index. `out/layout` becomes the OCI image layout, `out/NAME.tar` the same as an archive.
///
/// # Errors
/// If a program cannot be read, needs what no package of [`PACKAGES`](crate::PACKAGES) has, is there twice, or if anything cannot be
/// written.
pub fn write(about: &About, programs: &[PathBuf], debian: &Debian, out: &Path) -> Result<Written> {
    let programs: Vec<Program> = programs
        .iter()
        .map(|path| Program::read(path))
        .collect::<Result<_>>()?;
    let title = match programs.first() {
        Some(program) => program.name.clone(),
        None => bail!("an image needs a program"),
    };
    let machines: BTreeSet<Machine> = programs.iter().map(Program::machine).collect();
    let mut images = Vec::new();
    for machine in machines {
        let programs: Vec<&Program> = programs
            .iter()
            .filter(|program| program.machine == machine)
            .collect();
        // What is started has to be the same on every machine.
        if programs.first().is_some_and(|first| first.name != title) {
            bail!("the first program for {} is not {title}", machine.name());
        }
        let image = Image::of(about, &title, machine, &programs, debian);
        images.push(image.with_context(|| format!("the image for {}", machine.name()))?);
    }
    let layout = Layout::of(about, &title, &images)?;
    Ok(Written {
        digest: layout.digest().to_owned(),
        images: images.iter().map(Image::told).collect(),
        layout: layout.write_folder(&out.join("layout"))?,
        archive: layout.write_archive(&out.join(format!("{title}.tar")))?,
    })
}
