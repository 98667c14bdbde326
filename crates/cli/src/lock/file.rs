//! `countersign.lock`: which digest each tag stood for when it was allowed.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use countersign_core::{Decision, Digest, ImageRef, Limits, UnixTime, parse_object, printable};
use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::escape::escaped;
use crate::failure::Failure;
use crate::output;

const API_VERSION: &str = "countersign.dev/lock/v1alpha1";
/// Bytes of a lock: one for 20,000 tags has about 8 MiB.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// All tags that are written down, by their canonical names: `ghcr.io/acme/app:v1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LockFile {
    pub(crate) images: BTreeMap<String, Locked>,
}

/// What a tag stood for, when, and by which decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Locked {
    pub(crate) digest: String,
    /// When it was written down (RFC 3339).
    pub(crate) locked_at: String,
    /// Of the policy set that allowed it.
    pub(crate) policy_digest: String,
    /// Who signed what the rules counted, in words.
    pub(crate) signers: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    api_version: String,
    images: BTreeMap<String, Locked>,
}

impl LockFile {
    /// Reads a lock; none where there is no such file.
    ///
    /// # Errors
    /// It cannot be read, or is none: exit 3, for what it should go by is wrong.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let name = escaped(&path.display().to_string(), 300);
        let wrong = |why: &str| Failure::misused(&format!("{name}: {}", escaped(why, 500)));
        let bytes = match bounded::head(path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(&error.to_string())),
        };
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
            return Err(wrong(&format!("larger than {MAX_BYTES} bytes")));
        }
        // Strictly first: of a tag that stands twice, nobody knows which digest counts.
        let value = parse_object(&bytes, &Limits::default())
            .map_err(|error| wrong(&format!("no lock: {error}")))?;
        let written: Written =
            serde_json::from_value(value).map_err(|error| wrong(&format!("no lock: {error}")))?;
        if written.api_version != API_VERSION {
            return Err(wrong(&format!("its apiVersion is not {API_VERSION}")));
        }
        for (image, locked) in &written.images {
            if locked.digest.parse::<Digest>().is_err() {
                return Err(wrong(&format!("the digest of {image} is none")));
            }
        }
        Ok(Some(Self {
            images: written.images,
        }))
    }

    /// The text of the file, in the order of the names.
    pub(crate) fn text(&self) -> String {
        output::json(&Written {
            api_version: API_VERSION.to_owned(),
            images: self.images.clone(),
        })
    }
}

impl Locked {
    pub(crate) fn new(digest: &Digest, decision: &Decision, now: UnixTime) -> Self {
        Self {
            digest: digest.to_string(),
            locked_at: now.to_string(),
            policy_digest: decision.policy_digest().to_string(),
            signers: signers(decision),
        }
    }

    /// `sha256:… (signed by …)`.
    pub(crate) fn told(&self) -> String {
        told(&self.digest, &self.signers)
    }
}

/// A digest with who signed it.
pub(crate) fn told(digest: &str, signers: &[String]) -> String {
    match signers {
        [] => format!("{digest} (signed by nobody that a rule counts)"),
        signers => format!("{digest} (signed by {})", signers.join(", ")),
    }
}

/// Who made the evidence that rules counted, each once.
pub(crate) fn signers(decision: &Decision) -> Vec<String> {
    let rules = decision.policies().iter().flat_map(|it| &it.rules);
    let mut all: Vec<String> = rules
        .flat_map(|rule| &rule.evidence)
        .map(|cited| {
            let identity = crate::render::text::identity(&cited.identity);
            match &cited.signer {
                Some(signer) => format!("{}, {identity}", printable(signer)),
                None => identity,
            }
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The name of a tag in the lock; none where a digest is written, which cannot move.
pub(crate) fn name(image: &ImageRef) -> Option<String> {
    match (image.digest(), image.tag()) {
        (None, tag) => Some(format!("{}:{}", image.name(), tag.unwrap_or("latest"))),
        (Some(_), _) => None,
    }
}
