//! The policy set that is in force: read from its files again and again, and the last good one kept.

use std::path::PathBuf;

use countersign::{PolicyFiles, PolicySet, Source, TrustStore};
use countersign_core::{Digest, Hasher, Severity, UnixTime};

/// Where the policy set comes from.
#[derive(Debug, Clone)]
pub(crate) struct PolicySource {
    /// The file or folder.
    pub(crate) path: PathBuf,
    /// Where trust roots of TUF repositories are kept.
    pub(crate) trust_cache: Option<PathBuf>,
}

/// A set that loads.
pub(crate) struct Good {
    pub(crate) policies: PolicySet,
    /// By which it is known again: everything that decisions and their messages depend on.
    pub(crate) mark: Digest,
    /// What the linter warns of, one text each.
    pub(crate) warnings: Vec<String>,
}

/// What came of looking at the files.
pub(crate) enum Look {
    /// The set is the one in force.
    Same,
    /// Files are being changed: no set twice the same. To be looked at again.
    Changing,
    /// Another set, good as a whole.
    Other(Box<Good>),
    /// No set; every error, with file, line and column.
    Broken(String),
}

impl PolicySource {
    /// Reads the files, all of them, every time: no time stamp, notification or symlink has to be right for a change to be seen.
    ///
    /// What differs from what is in force is read a second time: the symlink of a mounted ConfigMap may change between two files, and a set of which one
    /// half is old and one new must not come in force, though it may well be valid.
    pub(crate) fn look(&self, in_force: Option<Digest>, now: UnixTime) -> Look {
        look(in_force, || self.load(now))
    }

    fn load(&self, now: UnixTime) -> Result<Good, String> {
        let mut files = PolicyFiles::open(&self.path).map_err(|error| error.to_string())?;
        if let Some(folder) = &self.trust_cache {
            files = files.trust_store(TrustStore::new(folder), now);
        }
        let loaded = files.load(&[]);
        let rendered = |severity| {
            let all = loaded.diagnostics.iter();
            let all = all.filter(move |it| it.severity == severity);
            all.map(|it| it.render(files.sources(), false))
        };
        match loaded.policies {
            Some(policies) => Ok(Good {
                warnings: rendered(Severity::Warning).collect(),
                mark: mark(&policies, files.sources()),
                policies,
            }),
            None => Err(rendered(Severity::Error).collect::<Vec<_>>().join("\n\n")),
        }
    }
}

fn look(in_force: Option<Digest>, mut load: impl FnMut() -> Result<Good, String>) -> Look {
    let first = match load() {
        Ok(good) if in_force == Some(good.mark) => return Look::Same,
        Ok(good) => good,
        Err(first) => {
            return match load() {
                Err(second) if second == first => Look::Broken(second),
                _ => Look::Changing,
            };
        }
    };
    match load() {
        Ok(second) if second.mark == first.mark => Look::Other(Box::new(second)),
        _ => Look::Changing,
    }
}

/// The set's digest leaves out file names and lines, which messages name, and until when a trust root serves.
fn mark(policies: &PolicySet, sources: &[Source]) -> Digest {
    let mut hasher = Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(bytes);
    };
    part(policies.digest().hex().as_bytes());
    part(policies.trust().fingerprint().hex().as_bytes());
    for source in sources {
        part(source.name.as_bytes());
        part(source.text.as_bytes());
    }
    for deadline in policies.deadlines() {
        part(deadline.name.as_bytes());
        part(&deadline.at.seconds().to_be_bytes());
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(unmatched: &str) -> String {
        let kind = |kind: &str, spec: &str| {
            format!(
                "---\napiVersion: countersign.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: x}}\nspec: {spec}\n"
            )
        };
        let settings = kind("Settings", &format!("{{unmatched: {unmatched}}}"));
        let policy = "{images: [\"h.io/**\"], rules: [{name: pinned, digest: required}]}";
        settings + &kind("Policy", policy)
    }

    fn source(folder: &tempfile::TempDir) -> PolicySource {
        PolicySource {
            path: folder.path().to_owned(),
            trust_cache: None,
        }
    }

    /// What comes of reads that give these policies, one after the other.
    fn looked(in_force: Option<&str>, reads: &[&str]) -> &'static str {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.yaml");
        let source = source(&folder);
        let load = |text: &str| {
            std::fs::write(&file, text).unwrap();
            source.load(UnixTime::from_seconds(0))
        };
        let in_force = in_force.map(|text| load(text).ok().unwrap().mark);
        let mut reads = reads.iter();
        let look = look(in_force, || load(reads.next().unwrap()));
        assert_eq!(reads.next(), None);
        match look {
            Look::Same => "same",
            Look::Changing => "changing",
            Look::Other(_) => "other",
            Look::Broken(_) => "broken",
        }
    }

    #[test]
    fn a_set_comes_in_force_only_if_it_is_read_twice_the_same() {
        let (one, other, wrong, worse) = (&*text("deny"), &*text("allow"), "nonsense", "{");
        assert_eq!(looked(None, &[one, one]), "other");
        assert_eq!(looked(Some(one), &[one]), "same");
        assert_eq!(looked(Some(one), &[other, other]), "other");
        for (first, second) in [(other, one), (other, wrong), (wrong, other), (wrong, worse)] {
            assert_eq!(looked(Some(one), &[first, second]), "changing");
        }
        assert_eq!(looked(Some(one), &[wrong, wrong]), "broken");
        // Where rules stand is a part of every message.
        let moved = format!("# a comment\n{one}");
        assert_eq!(looked(Some(one), &[&moved, &moved]), "other");
    }
}
