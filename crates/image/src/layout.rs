//! The OCI image layout, as a folder and as an archive.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use crate::image::describe;
use crate::written::Digested;
use crate::{About, Image};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Which file says that a folder is a layout.
const MARK: &str = "oci-layout";

/// An OCI image layout with one name in it.
#[derive(Debug, Clone)]
pub struct Layout {
    /// By their paths, of which `oci-layout` and `index.json` come last.
    files: BTreeMap<String, Vec<u8>>,
    index: Vec<u8>,
    digest: String,
}

impl Layout {
    /// A layout of the only one of `images`, or of an index over them.
    pub(crate) fn of(about: &About, title: &str, images: &[Image]) -> Result<Self> {
        let mut files = BTreeMap::new();
        let mut keep = |blob: &Digested| {
            let path = format!("blobs/{}", blob.digest().replacen(':', "/", 1));
            files.insert(path, blob.bytes().to_vec());
        };
        images.iter().flat_map(Image::blobs).for_each(&mut keep);
        let (mut descriptor, digest) = match images {
            [image] => (image.descriptor(), image.digest().to_owned()),
            images => {
                let listed: Vec<Value> = images.iter().map(Image::descriptor).collect();
                let mut document = index(listed);
                add(&mut document, about.labels(title));
                let index = Digested::json(&document)?;
                keep(&index);
                (describe(&index, INDEX), index.digest().to_owned())
            }
        };
        // containerd (`ctr images import`, `kind load image-archive`) names an image by the first, the layout's own rule is the second.
        let names = [
            ("io.containerd.image.name", about.name()),
            ("org.opencontainers.image.ref.name", about.tag()),
        ];
        add(
            &mut descriptor,
            names
                .map(|(key, name)| (key.to_owned(), name.to_owned()))
                .into(),
        );
        Ok(Self {
            files,
            index: Digested::json(&index(vec![descriptor]))?.bytes().to_vec(),
            digest,
        })
    }

    /// The digest of the image or index.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Writes it as a folder, in the place of a layout that is there.
    pub(crate) fn write_folder(&self, folder: &Path) -> Result<PathBuf> {
        if folder.exists() {
            if !folder.join(MARK).is_file() {
                bail!(
                    "{} is there and is no OCI layout: it is not replaced",
                    folder.display()
                );
            }
            fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
        }
        for (path, bytes) in self.all()? {
            let path = folder.join(path);
            let parent = path.parent().context("a blob has a folder")?;
            fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
            fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(folder.to_owned())
    }

    /// Writes it as an archive, whose files have no owner and no time, in one order.
    pub(crate) fn write_archive(&self, path: &Path) -> Result<PathBuf> {
        let writing = || format!("writing {}", path.display());
        let file = File::create(path).with_context(writing)?;
        let mut archive = Builder::new(BufWriter::new(file));
        for (path, bytes) in self.all()? {
            let mut header = Header::new_ustar();
            header.set_entry_type(EntryType::Regular);
            header.set_mode(0o644);
            header.set_size(u64::try_from(bytes.len())?);
            archive
                .append_data(&mut header, path, bytes.as_slice())
                .with_context(writing)?;
        }
        let mut file = archive.into_inner().with_context(writing)?;
        file.flush().with_context(writing)?;
        Ok(path.to_owned())
    }

    fn all(&self) -> Result<impl Iterator<Item = (&str, Vec<u8>)>> {
        let mark = serde_json::to_vec(&json!({"imageLayoutVersion": "1.0.0"}))?;
        let last = [("index.json", self.index.clone()), (MARK, mark)];
        let blobs = self.files.iter();
        Ok(blobs
            .map(|(path, bytes)| (path.as_str(), bytes.clone()))
            .chain(last))
    }
}

/// An index of these descriptors (OCI image specification, "OCI Image Index").
fn index(manifests: Vec<Value>) -> Value {
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
}

/// Annotates an index or a descriptor.
fn add(document: &mut Value, annotations: BTreeMap<String, String>) {
    if let Some(fields) = document.as_object_mut() {
        fields.insert("annotations".to_owned(), json!(annotations));
    }
}
