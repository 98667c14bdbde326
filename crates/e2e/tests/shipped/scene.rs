//! The images, made once for all tests of this program.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_e2e::{Images, Parts, REGISTRY_PARTS, Shared, parts, root};
use tempfile::TempDir;

/// The programs that have images.
pub(crate) const PROGRAMS: [&str; 2] = ["countersign-webhook", "countersign"];

pub(crate) struct Scene {
    pub(crate) images: Images,
    pub(crate) parts: Parts,
    folder: TempDir,
}

static SHARED: Shared<Scene> = Shared::new();

impl Scene {
    /// Nothing where the real parts are not asked for, or nobody may unpack an image with its owners.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        let parts = parts(&[&REGISTRY_PARTS[..], &["cosign3"]].concat())?;
        if !root() {
            return None;
        }
        let Ok(scene) = SHARED.get(|| {
            let folder = tempfile::tempdir().unwrap();
            Ok::<_, Infallible>(Self {
                images: Images::make(&folder.path().join("images")).unwrap(),
                parts,
                folder,
            })
        });
        Some(scene)
    }

    /// A folder of a test's own.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}

/// A path as text.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
