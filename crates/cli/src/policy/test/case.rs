//! Which cases there are, and what they say.
//!
//! A case is a folder with `case.yaml` or `case.json`. Everything it needs is on disk, and its time is fixed: it comes out
//! today as it will in a year.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use countersign::Image;
use countersign_core::{ImageRef, Namespace, UnixTime};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::expect::{Expected, ExpectedFile};
use crate::args::NamedFile;
use crate::artifact::Artifact;
use crate::bounded;
use crate::escape::escaped;
use crate::failure::Failure;
use crate::verify_blob::read_bundles;

/// Folders within folders that are looked through.
const MAX_DEPTH: usize = 8;
/// Cases of one run.
const MAX_CASES: usize = 10_000;

/// One case.
pub(super) struct Case {
    /// Its folder, as it is shown.
    pub(super) name: String,
    pub(super) why: String,
    pub(super) policy: PathBuf,
    pub(super) trust_roots: Vec<NamedFile>,
    pub(super) asked: Asked,
    /// Approvals of break-glass statements, one bundle each.
    pub(super) break_glass: Vec<Vec<u8>>,
    pub(super) at: UnixTime,
    pub(super) expected: Expected,
}

/// What is judged.
pub(super) enum Asked {
    /// An image in an OCI layout.
    Image(Image),
    /// An image whose registry cannot be asked.
    Unavailable(Image),
    /// A file, or anything that has a digest, with the bundles about it.
    Artifact(Box<Bundled>),
}

/// An artifact with the bundles about it.
pub(super) struct Bundled {
    pub(super) artifact: Artifact,
    pub(super) bundles: Vec<Vec<u8>>,
    pub(super) written: String,
    pub(super) name: Option<ImageRef>,
    pub(super) namespace: Option<Namespace>,
    /// Whether it runs already, so that age alone is a warning.
    pub(super) admitted: bool,
}

/// `case.yaml` and `case.json`, as they are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CaseFile {
    why: String,
    /// `policy.yaml` beside the case, unless it is given.
    policy: Option<String>,
    image: Option<String>,
    /// A file, or a digest, in place of an image.
    artifact: Option<String>,
    /// What is attached to the artifact.
    bundles: Option<Vec<String>>,
    #[serde(rename = "as")]
    judged_as: Option<String>,
    at: String,
    /// What the image's registry is like, for an image that is in none of the layouts.
    registry: Option<RegistryWord>,
    /// Whether a Pod that has an owner is to run it, whose image was admitted before.
    #[serde(default)]
    admitted: bool,
    /// The namespace in which the image is to run.
    namespace: Option<NamespaceFile>,
    #[serde(default)]
    trust_roots: BTreeMap<String, String>,
    /// Files of approvals of break-glass statements.
    #[serde(default)]
    break_glass: Vec<String>,
    expect: Option<ExpectedFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamespaceFile {
    name: String,
    /// Unknown, where they are not given.
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RegistryWord {
    /// It cannot be asked.
    Unavailable,
}

/// Every case in the folder, by name.
pub(super) fn all(folder: &Path, root: Option<&Path>) -> Result<Vec<Case>, Failure> {
    let mut found = Vec::new();
    search(folder, 0, &mut found)?;
    if found.is_empty() {
        return Err(broken(folder, "there is no case.yaml or case.json in it"));
    }
    found
        .iter()
        .map(|folder| read(folder, root.unwrap_or(folder)))
        .collect()
}

fn search(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| broken(folder, &error.to_string());
    if ["case.yaml", "case.json"]
        .iter()
        .any(|name| folder.join(name).is_file())
    {
        if found.len() == MAX_CASES {
            return Err(broken(folder, &format!("more than {MAX_CASES} cases")));
        }
        found.push(folder.to_owned());
        return Ok(());
    }
    if depth == MAX_DEPTH {
        return Ok(());
    }
    let mut inner = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // A link could lead round in a circle.
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        if is_folder && !entry.file_name().as_encoded_bytes().starts_with(b".") {
            inner.push(entry.path());
        }
    }
    inner.sort_unstable();
    inner
        .iter()
        .try_for_each(|folder| search(folder, depth + 1, found))
}

/// Reads one case; the paths in it begin at `base`, but for its own `policy.yaml` and `expect.json`.
fn read(folder: &Path, base: &Path) -> Result<Case, Failure> {
    let (yaml, json) = (folder.join("case.yaml"), folder.join("case.json"));
    let (path, file): (_, CaseFile) = match (yaml.is_file(), json.is_file()) {
        (true, true) => {
            return Err(broken(folder, "both case.yaml and case.json are in it"));
        }
        (true, false) => (&yaml, from_yaml(&yaml)?),
        _ => (&json, from_json(&json)?),
    };
    let wrong = |what: &str, why: &str| broken(path, &format!("`{what}`: {why}"));
    let asked = asked(&file, base, &wrong)?;
    let at = crate::args::time::at(&file.at).map_err(|why| wrong("at", &why))?;
    let mut break_glass = Vec::new();
    for path in &file.break_glass {
        break_glass.extend(read_bundles("breakGlass", &base.join(path)).map_err(misused)?);
    }
    let expected = match file.expect {
        Some(expect) => Expected::written(expect),
        None => from_json(&folder.join("expect.json"))
            .map_err(|failure| failure.message)
            .and_then(|report| Expected::of_report(&report)),
    };
    let expected = expected.map_err(|why| wrong("expect", &why))?;
    Ok(Case {
        name: folder.display().to_string(),
        why: file.why,
        policy: match &file.policy {
            Some(policy) => tidy(&base.join(policy)),
            None => folder.join("policy.yaml"),
        },
        trust_roots: file
            .trust_roots
            .into_iter()
            .map(|(name, file)| NamedFile {
                name: Some(name),
                file: tidy(&base.join(file)),
            })
            .collect(),
        asked,
        break_glass,
        at,
        expected,
    })
}

/// The path without `folder/..`, where that leads to the same place: the cases of one policy belong together, and its places
/// are to be read.
fn tidy(path: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for part in path.components() {
        let is_folder = matches!(short.components().next_back(), Some(Component::Normal(_)));
        if part == Component::ParentDir && is_folder {
            short.pop();
        } else {
            short.push(part);
        }
    }
    // Behind a link, `..` leads elsewhere.
    match (short.canonicalize(), path.canonicalize()) {
        (Ok(one), Ok(other)) if one == other => short,
        _ => path.to_owned(),
    }
}

impl NamespaceFile {
    fn read(&self) -> Namespace {
        let namespace = Namespace::new(&self.name);
        match &self.labels {
            Some(labels) => namespace.labelled(labels.clone()),
            None => namespace,
        }
    }
}

/// What a case asks about: an image, or an artifact with its bundles. It asks nobody.
fn asked(
    file: &CaseFile,
    base: &Path,
    wrong: &dyn Fn(&str, &str) -> Failure,
) -> Result<Asked, Failure> {
    let name = file.judged_as.as_deref().map(ImageRef::parse).transpose();
    let name = name.map_err(|error| wrong("as", &error.to_string()))?;
    let namespace = file.namespace.as_ref().map(NamespaceFile::read);
    match (&file.image, &file.artifact, &file.bundles) {
        (Some(_), None, None) if file.admitted => Err(wrong(
            "admitted",
            "it goes with `artifact` and `bundles` only",
        )),
        (Some(written), None, None) => {
            image(file, written, base, name, namespace).map_err(|why| wrong("image", &why))
        }
        (None, Some(written), Some(bundles)) if file.registry.is_none() => {
            let is_digest = written.starts_with("sha256:");
            let artifact = match is_digest {
                true => Artifact::read(Path::new(written)),
                false => Artifact::read(&base.join(written)),
            };
            let mut all = Vec::new();
            for path in bundles {
                all.extend(read_bundles("--bundle", &base.join(path)).map_err(misused)?);
            }
            if all.is_empty() {
                return Err(wrong("bundles", "the list is empty"));
            }
            Ok(Asked::Artifact(Box::new(Bundled {
                artifact: artifact.map_err(misused)?,
                bundles: all,
                written: written.clone(),
                name,
                namespace,
                admitted: file.admitted,
            })))
        }
        _ => Err(wrong(
            "image",
            "a case has either `image`, or `artifact` and `bundles`",
        )),
    }
}

/// The image of a layout, or one of a registry that cannot be asked.
fn image(
    file: &CaseFile,
    written: &str,
    base: &Path,
    name: Option<ImageRef>,
    namespace: Option<Namespace>,
) -> Result<Asked, String> {
    let placed = |image: Image| match namespace {
        Some(namespace) => image.in_namespace(namespace),
        None => image,
    };
    match (written.strip_prefix("oci:"), file.registry, name) {
        (Some(path), None, name) => {
            let image = Image::parse(&format!("oci:{}", base.join(path).display()));
            let image = match name {
                Some(name) => image.and_then(|image| image.judged_as(&name)),
                None => image,
            };
            let image = image.map_err(|error| error.to_string())?;
            Ok(Asked::Image(placed(image)))
        }
        (None, Some(RegistryWord::Unavailable), None) => {
            let image = Image::parse(written).map_err(|error| error.to_string())?;
            Ok(Asked::Unavailable(placed(image)))
        }
        _ => Err(
            "a case is judged offline; write oci:PATH of an OCI layout, or a name and `registry: unavailable`"
                .to_owned(),
        ),
    }
}

/// What a case names and cannot be read is the case's fault.
fn misused(failure: Failure) -> Failure {
    Failure::misused(&failure.message)
}

fn from_yaml<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
    };
    serde_saphyr::from_str_with_options(&text(path)?, options)
        .map_err(|error| broken(path, &error.to_string()))
}

fn from_json<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    serde_json::from_str(&text(path)?).map_err(|error| broken(path, &error.to_string()))
}

fn text(path: &Path) -> Result<String, Failure> {
    let bytes = bounded::read(path).map_err(|error| broken(path, &error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| broken(path, "not UTF-8 text"))
}

fn broken(path: &Path, why: &str) -> Failure {
    Failure::misused(&format!(
        "{}: {}",
        escaped(&path.display().to_string(), 300),
        escaped(why, 500)
    ))
}
