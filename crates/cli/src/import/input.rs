//! What is read: files, their documents, and which of them are somebody's policies.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use countersign_core::{Source as Text, Tree, TreeValue};

use super::gather::Source;
use super::node::Node;
use crate::bounded;
use crate::escape::escaped;
use crate::failure::Failure;
use crate::policies::rendered;

/// Files of one folder. Clusters that we know have some hundred policies.
const MAX_FILES: usize = 2_000;
/// Folders within folders.
const MAX_DEPTH: usize = 16;
/// Bytes of standard input, as of a file.
const MAX_BYTES: u64 = 1024 * 1024;

/// Whose kind a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    ControllerPolicy,
    ControllerRoot,
    KyvernoPolicy,
    KyvernoValidating,
    Other,
}

/// One document of the input.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) what: Family,
    /// Its place among all documents.
    pub(super) order: usize,
    pub(super) source: Source<'a>,
}

impl<'a> Found<'a> {
    /// What policy-controller's configuration says of images that no policy names.
    pub(super) fn no_match(&self) -> Option<&'a str> {
        let is_config =
            self.source.kind == "ConfigMap" && self.source.name == "config-policy-controller";
        let value = self.source.node.at(&["data", "no-match-policy"])?;
        value.text().filter(|_| is_config)
    }
}

/// The texts of all that was named.
pub(super) fn read(from: &[PathBuf]) -> Result<Vec<Text>, Failure> {
    let mut texts = Vec::new();
    for path in from {
        if path.as_os_str() == "-" {
            texts.push(standard_input()?);
            continue;
        }
        let mut files = Vec::new();
        if path.is_dir() {
            folder(path, 0, &mut files)?;
            files.sort();
        } else {
            files.push(path.clone());
        }
        for file in files {
            texts.push(Text {
                name: file.display().to_string(),
                text: text(
                    &file,
                    bounded::read(&file).map_err(|error| error.to_string()),
                )?,
            });
        }
    }
    Ok(texts)
}

fn standard_input() -> Result<Text, Failure> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(MAX_BYTES + 1).read_to_end(&mut bytes);
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_BYTES);
    let bytes = match read {
        Ok(_) if fits => Ok(bytes),
        Ok(_) => Err("larger than 1 MiB".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    Ok(Text {
        name: "standard input".to_owned(),
        text: text(Path::new("-"), bytes)?,
    })
}

fn text(path: &Path, bytes: Result<Vec<u8>, String>) -> Result<String, Failure> {
    let shown = escaped(&path.display().to_string(), 300);
    let bytes = bytes.map_err(|error| Failure::misused(&format!("{shown}: {error}")))?;
    String::from_utf8(bytes).map_err(|_| Failure::misused(&format!("{shown}: it is not text")))
}

/// The files of a folder and of those in it. Links are not followed: they may lead anywhere.
fn folder(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: String| {
        Failure::misused(&format!(
            "{}: {error}",
            escaped(&path.display().to_string(), 300)
        ))
    };
    if depth > MAX_DEPTH {
        return Err(failed("folders are nested too deep".to_owned()));
    }
    for entry in std::fs::read_dir(path).map_err(|error| failed(error.to_string()))? {
        let entry = entry.map_err(|error| failed(error.to_string()))?;
        let kind = entry
            .file_type()
            .map_err(|error| failed(error.to_string()))?;
        let path = entry.path();
        let ending = path.extension().and_then(|it| it.to_str());
        if kind.is_dir() {
            folder(&path, depth + 1, files)?;
        } else if kind.is_file() && matches!(ending, Some("yaml" | "yml" | "json")) {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(failed(format!("more than {MAX_FILES} files")));
        }
    }
    Ok(())
}

/// The documents of every text, with its name. A text that cannot be read whole is refused: what was lost may have denied.
pub(super) fn trees(texts: &[Text]) -> Result<Vec<(String, Vec<Tree>)>, Failure> {
    let mut all = Vec::new();
    let mut wrong = String::new();
    for text in texts {
        match Tree::read(text) {
            Ok(trees) => all.push((text.name.clone(), trees)),
            Err(diagnostics) => wrong.push_str(&rendered(&diagnostics, std::slice::from_ref(text))),
        }
    }
    if wrong.is_empty() {
        return Ok(all);
    }
    crate::output::say(&wrong, anstream::ColorChoice::Never);
    Err(Failure::misused(
        "nothing was imported: what cannot be read could have denied something",
    ))
}

/// Every document, with what it is.
pub(super) fn documents(trees: &[(String, Vec<Tree>)]) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    for (file, trees) in trees {
        let mut all = Vec::new();
        for tree in trees {
            super::flattened(tree, &mut all);
        }
        for tree in all {
            if tree.value == TreeValue::Null {
                continue;
            }
            let node = Node::root(tree);
            let kind = node.word("kind").unwrap_or("document");
            let version = node.word("apiVersion").unwrap_or_default();
            let name = node
                .get("metadata")
                .and_then(|it| it.word("name").map(str::to_owned));
            found.push(Found {
                what: family_of(version, kind),
                order: found.len(),
                source: Source {
                    file: file.clone(),
                    kind: kind.to_owned(),
                    name: name.unwrap_or_else(|| "without-a-name".to_owned()),
                    node,
                },
            });
        }
    }
    found
}

fn family_of(version: &str, kind: &str) -> Family {
    let group = version.split_once('/').map_or("", |(group, _)| group);
    match (group, kind) {
        ("policy.sigstore.dev", "ClusterImagePolicy") => Family::ControllerPolicy,
        ("policy.sigstore.dev", "TrustRoot") => Family::ControllerRoot,
        ("kyverno.io", "ClusterPolicy" | "Policy") => Family::KyvernoPolicy,
        ("policies.kyverno.io", "ImageValidatingPolicy" | "NamespacedImageValidatingPolicy") => {
            Family::KyvernoValidating
        }
        _ => Family::Other,
    }
}

/// Whose policies they are: all of one project, for the two do not agree on what happens to an image that no policy names.
pub(super) fn family(found: &[Found<'_>]) -> Result<Option<Family>, Failure> {
    let has = |what: &[Family]| found.iter().any(|it| what.contains(&it.what));
    let controller = has(&[Family::ControllerPolicy, Family::ControllerRoot]);
    let kyverno = has(&[Family::KyvernoPolicy, Family::KyvernoValidating]);
    match (controller, kyverno) {
        (true, true) => Err(Failure::misused(
            "policies of policy-controller and of Kyverno: an image that no policy names is denied by the one and runs by the other; import them into two sets",
        )),
        (true, false) => Ok(Some(Family::ControllerPolicy)),
        (false, true) => Ok(Some(Family::KyvernoPolicy)),
        (false, false) => Ok(None),
    }
}
