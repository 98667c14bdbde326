//! What people approved for an emergency (break-glass): in an annotation of the object, and in a file or folder, such as a mounted ConfigMap.
//!
//! Whoever can write either can hand over approvals and make none: each is verified, and counts by the policy alone.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::{Approvals, ApprovalsError, Digest, Limits, Trust, bundles_of};
use serde_json::Value;

use crate::images::at;

/// The annotation of an object, or of the template of its Pods: Sigstore bundles, one on each line.
const ANNOTATION: &str = "countersign.dev/break-glass";
/// Where it stands: on what is the object's own, or becomes that of its Pods.
pub(crate) const PLACES: [&[&str]; 4] = [
    &["metadata", "annotations", ANNOTATION],
    &["template", "metadata", "annotations", ANNOTATION],
    &["spec", "template", "metadata", "annotations", ANNOTATION],
    &[
        "spec",
        "jobTemplate",
        "spec",
        "template",
        "metadata",
        "annotations",
        ANNOTATION,
    ],
];
/// A ConfigMap holds 1 MiB in all.
const MOST_BYTES: u64 = 1024 * 1024;
/// Files of one folder.
const MOST_FILES: usize = 64;

/// The bundles that an object carries, each once.
pub(crate) fn annotated(object: &Value) -> Vec<Vec<u8>> {
    let texts = PLACES
        .iter()
        .filter_map(|place| at(object, place)?.as_str());
    let mut bundles: Vec<Vec<u8>> = Vec::new();
    for bundle in texts.flat_map(|text| bundles_of(text.as_bytes())) {
        if !bundles.iter().any(|it| it == bundle) {
            bundles.push(bundle.to_vec());
        }
    }
    bundles
}

/// Approvals that come with every question. They are verified once for each trust, not at each question.
#[derive(Debug, Default)]
pub(crate) struct Common {
    bundles: Vec<Vec<u8>>,
    examined: Mutex<Option<(Digest, Arc<Approvals>)>>,
}

impl Common {
    pub(crate) fn new(bundles: Vec<Vec<u8>>) -> Self {
        Self {
            bundles,
            examined: Mutex::default(),
        }
    }

    /// None if there are none.
    fn examined(&self, trust: &Trust) -> Result<Option<Arc<Approvals>>, ApprovalsError> {
        if self.bundles.is_empty() {
            return Ok(None);
        }
        let mut examined = self.examined.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((fingerprint, approvals)) = &*examined
            && fingerprint == trust.fingerprint()
        {
            return Ok(Some(Arc::clone(approvals)));
        }
        let approvals = examine(self.bundles.clone(), trust)?;
        *examined = Some((*trust.fingerprint(), Arc::clone(&approvals)));
        Ok(Some(approvals))
    }
}

/// All approvals for one question, verified under the trust of the policies in force; none if there are none. What cannot be looked at as a whole, for there
/// is too much of it, is left out and told.
pub(crate) fn approvals(
    common: &Common,
    own: Vec<Vec<u8>>,
    trust: &Trust,
) -> (Option<Arc<Approvals>>, Option<String>) {
    let mut left_out = None;
    if !own.is_empty() {
        match examine([common.bundles.clone(), own].concat(), trust) {
            Ok(approvals) => return (Some(approvals), None),
            // An object cannot take from others what everybody has.
            Err(error) => {
                left_out = Some(format!(
                    "the annotation `{ANNOTATION}` is not looked at: {error}"
                ));
            }
        }
    }
    match common.examined(trust) {
        Ok(approvals) => (approvals, left_out),
        Err(error) => (None, Some(format!("break-glass is not looked at: {error}"))),
    }
}

fn examine(bundles: Vec<Vec<u8>>, trust: &Trust) -> Result<Arc<Approvals>, ApprovalsError> {
    Approvals::examine(bundles, trust, &Limits::default()).map(Arc::new)
}

/// A file or a folder of approvals.
#[derive(Debug)]
pub(crate) struct ApprovalFiles {
    path: PathBuf,
    /// What was read last.
    last: Result<Vec<Vec<u8>>, String>,
}

impl ApprovalFiles {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            last: Ok(Vec::new()),
        }
    }

    /// Reads all of it again; something only if it is not what it was. What is not there holds nothing: there is no emergency.
    pub(crate) fn look(&mut self) -> Option<&Result<Vec<Vec<u8>>, String>> {
        let now = read(&self.path);
        let is_new = now != self.last;
        self.last = now;
        is_new.then_some(&self.last)
    }
}

fn read(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let failed = |path: &Path, error: &io::Error| format!("{}: {error}", path.display());
    let files = match fs::metadata(path) {
        Ok(it) if it.is_dir() => visible(path).map_err(|error| failed(path, &error))?,
        Ok(_) => vec![path.to_owned()],
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(path, &error)),
    };
    let mut bundles = Vec::new();
    for file in files {
        let text = whole(&file).map_err(|error| failed(&file, &error))?;
        bundles.extend(bundles_of(&text).into_iter().map(<[u8]>::to_vec));
    }
    Ok(bundles)
}

/// The files of a folder by their names, without those that are hidden: a mounted ConfigMap keeps its versions in `..data`.
fn visible(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !is_hidden && entry.path().is_file() {
            files.push(entry.path());
        }
        if files.len() > MOST_FILES {
            return Err(io::Error::other(format!("more than {MOST_FILES} files")));
        }
    }
    files.sort();
    Ok(files)
}

fn whole(file: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(file)?
        .take(MOST_BYTES + 1)
        .read_to_end(&mut text)?;
    match u64::try_from(text.len()) {
        Ok(length) if length <= MOST_BYTES => Ok(text),
        _ => Err(io::Error::other("larger than 1 MiB")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use countersign_core::PublicKey;
    use serde_json::json;

    #[test]
    fn the_annotations_of_objects_and_of_their_pods_are_read_each_bundle_once() {
        let annotated_with = |text: &str| json!({ ANNOTATION: text });
        let pod = json!({"metadata": {"annotations": annotated_with("{\"a\":1}\n{\"b\":2}")}});
        assert_eq!(
            annotated(&pod),
            [b"{\"a\":1}".to_vec(), b"{\"b\":2}".to_vec()]
        );
        let template = json!({"metadata": {"annotations": annotated_with("{\"a\":1}")}});
        for object in [
            json!({"template": template}),
            json!({"spec": {"template": template}}),
            json!({"spec": {"jobTemplate": {"spec": {"template": template}}}}),
            json!({"metadata": template["metadata"], "spec": {"template": template}}),
        ] {
            assert_eq!(annotated(&object), [b"{\"a\":1}".to_vec()], "{object}");
        }
        for object in [
            json!({}),
            json!({"metadata": {"annotations": null}}),
            json!({"metadata": {"annotations": {ANNOTATION: 1}}}),
            json!({"metadata": {"labels": annotated_with("{}")}}),
        ] {
            assert_eq!(annotated(&object), Vec::<Vec<u8>>::new(), "{object}");
        }
    }

    #[test]
    fn too_much_on_one_object_takes_nothing_from_what_everybody_has() {
        let trust = Trust::new(Vec::new(), Vec::new()).unwrap();
        let common = Common::new(vec![b"{}".to_vec()]);
        let (all, why) = approvals(&common, vec![b"{}".to_vec(); 64], &trust);
        assert_eq!(all.unwrap().iter().count(), 1);
        assert!(why.unwrap().starts_with(
            "the annotation `countersign.dev/break-glass` is not looked at: 65 approvals"
        ));
        let (all, why) = approvals(&Common::default(), Vec::new(), &trust);
        assert!(all.is_none() && why.is_none());
        let many = Common::new(vec![b"{}".to_vec(); 65]);
        let (all, why) = approvals(&many, Vec::new(), &trust);
        assert!(all.is_none() && why.is_some());
    }

    #[test]
    fn what_everybody_has_is_verified_once_for_each_trust() {
        let key = |text: &str| PublicKey::from_pem(text).unwrap();
        let one = Trust::new(Vec::new(), Vec::new()).unwrap();
        let keys = vec![key(include_str!("../../../testdata/keys/release.pub"))];
        let other = Trust::new(Vec::new(), keys).unwrap();
        let common = Common::new(vec![b"{}".to_vec()]);
        let examined = |trust| approvals(&common, Vec::new(), trust).0.unwrap();
        assert!(Arc::ptr_eq(&examined(&one), &examined(&one)));
        assert!(!Arc::ptr_eq(&examined(&one), &examined(&other)));
        assert!(Arc::ptr_eq(&examined(&other), &examined(&other)));
    }

    #[test]
    fn a_folder_is_read_again_and_told_once_for_each_change() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = ApprovalFiles::new(folder.path().join("mounted"));
        // Not there, and empty: no emergency.
        assert!(files.look().is_none());
        fs::create_dir(folder.path().join("mounted")).unwrap();
        assert!(files.look().is_none());
        let file = |name: &str| folder.path().join("mounted").join(name);
        fs::write(file("b"), "{\"b\":2}").unwrap();
        fs::write(file("a"), "{\"a\":1}\n").unwrap();
        fs::write(file("..hidden"), "{\"c\":3}").unwrap();
        let read = files.look().unwrap().clone().unwrap();
        assert_eq!(read, [b"{\"a\":1}".to_vec(), b"{\"b\":2}".to_vec()]);
        assert!(files.look().is_none());
        fs::write(file("b"), vec![b'x'; 2 << 20]).unwrap();
        assert!(
            files
                .look()
                .unwrap()
                .as_ref()
                .unwrap_err()
                .ends_with("larger than 1 MiB")
        );
        assert!(files.look().is_none());
        fs::remove_file(file("b")).unwrap();
        assert_eq!(files.look().unwrap().as_ref().unwrap().len(), 1);
    }
}
