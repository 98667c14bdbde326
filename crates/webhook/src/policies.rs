//! The policy set that is in force: read from its files again and again, and the last good one kept.

pub(crate) mod reads;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign::{PolicyFiles, PolicySet, Source, TrustStore};
use countersign_core::{Diagnostic, Digest, Hasher, Severity, UnixTime};

use crate::resources::{Found, Objects, Resources, Verdict, documents};

use self::reads::{Read, Reads};

/// The same bytes are a set again after so many seconds: until when a trust root serves depends on the clock too.
const COMPILED_FOR: i64 = 600;

/// Where the policy set comes from.
#[derive(Debug)]
pub(crate) struct PolicySource {
    /// The file or folder, if any.
    path: Option<PathBuf>,
    /// Where trust roots of TUF repositories are kept.
    trust_cache: Option<PathBuf>,
    /// The policy resources of the cluster, if they count; one set with the files.
    resources: Option<Arc<Resources>>,
    /// Those that were looked at last.
    objects: Arc<Objects>,
    /// What was found in the set that is in force.
    in_force: Vec<Diagnostic>,
    /// Of what the set that was looked at last was made; none if it was no good.
    last: Option<Compiled>,
}

/// Bytes that made a good set.
#[derive(Debug, Clone)]
struct Compiled {
    at: UnixTime,
    read: Read,
    mark: Digest,
}

/// A set that loads.
pub(crate) struct Good {
    pub(crate) policies: PolicySet,
    /// By which it is known again: everything that decisions and their messages depend on.
    pub(crate) mark: Digest,
    /// What the linter warns of, one text each.
    pub(crate) warnings: Vec<String>,
    /// The same.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Why there is no set.
pub(crate) struct Bad {
    /// Every error, with file, line and column.
    pub(crate) text: String,
    /// Errors and warnings; none if files could not be read at all.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// What came of looking at the files.
pub(crate) enum Look {
    /// The set is the one in force.
    Same,
    /// Files are being changed: no set twice the same. To be looked at again.
    Changing,
    /// Another set, good as a whole.
    Other(Box<Good>),
    /// No set.
    Broken(Bad),
    /// The policy resources have never been read, for this reason: files alone would be half a set.
    Missing(String),
}

impl PolicySource {
    /// The set of a file or folder, of the cluster's policy resources, or of both together.
    pub(crate) fn new(
        path: Option<PathBuf>,
        trust_cache: Option<PathBuf>,
        resources: Option<Arc<Resources>>,
    ) -> Self {
        Self {
            path,
            trust_cache,
            resources,
            objects: Arc::default(),
            in_force: Vec::new(),
            last: None,
        }
    }

    /// Where the set comes from, for messages.
    pub(crate) fn name(&self) -> String {
        let path = self.path.iter().map(|path| path.display().to_string());
        let resources = self.resources.iter().map(|_| "policy resources".to_owned());
        path.chain(resources).collect::<Vec<_>>().join(" and ")
    }

    /// Reads the files, all of them, every time: no time stamp, notification or symlink has to be right for a change to be seen.
    ///
    /// What differs from what is in force is read a second time: the symlink of a mounted ConfigMap may change between two files, and a set of which one
    /// half is old and one new must not come in force, though it may well be valid. Bytes that are in force already are not compiled again.
    pub(crate) fn look(&mut self, in_force: Option<Digest>, now: UnixTime) -> Look {
        match self.resources.as_ref().map(|resources| resources.found()) {
            None => {}
            Some(Found::Nothing(why)) => return Look::Missing(why),
            Some(Found::Changing) => return Look::Changing,
            // They were read at one time, so once is enough.
            Some(Found::All(objects)) => self.objects = objects,
        }
        if in_force.is_some() && in_force == self.unchanged(now) {
            return Look::Same;
        }
        look(in_force, || self.load(now))
    }

    /// By what the set is known of which these bytes were made last, if they are still the same.
    fn unchanged(&self, now: UnixTime) -> Option<Digest> {
        let last = self.last.as_ref()?;
        let age = now.seconds().checked_sub(last.at.seconds())?;
        if !(0..COMPILED_FOR).contains(&age) {
            return None;
        }
        let files = self.files().ok()?;
        last.read.is_still(&files).then_some(last.mark)
    }

    /// Waits until it is time to look again, or until policy resources change. It blocks.
    pub(crate) fn wait(&self, most: Duration) {
        match &self.resources {
            Some(resources) => resources.wait(most),
            None => std::thread::sleep(most),
        }
    }

    /// What was looked at last is in force; where it is another than before, this was found in it.
    pub(crate) fn is_in_force(&mut self, found: Option<Vec<Diagnostic>>) {
        if let Some(found) = found {
            self.in_force = found;
        }
        self.judged(true, self.in_force.clone(), None);
    }

    /// What was looked at last is not in force, for what was found or otherwise.
    pub(crate) fn is_refused(&self, found: Vec<Diagnostic>, otherwise: &str) {
        self.judged(false, found, Some(otherwise.to_owned()));
    }

    fn judged(&self, accepted: bool, diagnostics: Vec<Diagnostic>, otherwise: Option<String>) {
        if let Some(resources) = &self.resources {
            resources.judged(Verdict {
                objects: Arc::clone(&self.objects),
                diagnostics,
                otherwise,
                accepted,
            });
        }
    }

    /// The files that there are now, with the resources that were found last.
    fn files(&self) -> Result<PolicyFiles, Bad> {
        let documents = documents(&self.objects);
        match &self.path {
            None => Ok(PolicyFiles::of_documents(documents)),
            Some(path) => PolicyFiles::open(path)
                .map(|files| files.with_documents(documents))
                .map_err(|error| Bad {
                    text: error.to_string(),
                    diagnostics: Vec::new(),
                }),
        }
    }

    fn load(&mut self, now: UnixTime) -> Result<Good, Bad> {
        self.last = None;
        let mut files = self.files()?;
        if let Some(folder) = &self.trust_cache {
            files = files.trust_store(TrustStore::new(folder), now);
        }
        let reads = Reads::new(&files, self.trust_cache.as_deref());
        let loaded = PolicySet::load(files.sources(), &reads, &[]);
        let read = reads.done();
        let rendered = |severity| {
            let all = loaded.diagnostics.iter();
            let all = all.filter(move |it| it.severity == severity);
            all.map(|it| it.render(files.sources(), false))
        };
        match loaded.policies {
            Some(policies) => {
                let mark = mark(&policies, files.sources());
                self.last = Some(Compiled {
                    at: now,
                    read,
                    mark,
                });
                Ok(Good {
                    warnings: rendered(Severity::Warning).collect(),
                    mark,
                    policies,
                    diagnostics: loaded.diagnostics,
                })
            }
            None => Err(Bad {
                text: rendered(Severity::Error).collect::<Vec<_>>().join("\n\n"),
                diagnostics: loaded.diagnostics,
            }),
        }
    }
}

fn look(in_force: Option<Digest>, mut load: impl FnMut() -> Result<Good, Bad>) -> Look {
    let first = match load() {
        Ok(good) if in_force == Some(good.mark) => return Look::Same,
        Ok(good) => good,
        Err(first) => {
            return match load() {
                Err(second) if second.text == first.text => Look::Broken(second),
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

    const KEYS: [&str; 2] = ["p256.pub", "cosign3.pub"];

    fn source(folder: &tempfile::TempDir) -> PolicySource {
        PolicySource::new(Some(folder.path().to_owned()), None, None)
    }

    /// What comes of reads that give these policies, one after the other.
    fn looked(in_force: Option<&str>, reads: &[&str]) -> &'static str {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.yaml");
        let mut source = source(&folder);
        let mut load = |text: &str| {
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
            Look::Missing(_) => "missing",
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

    #[test]
    fn the_same_bytes_are_compiled_once_and_every_other_byte_again() {
        let folder = tempfile::tempdir().unwrap();
        let key = |name: &str| {
            let keys = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../sign/tests/keys");
            std::fs::copy(keys.join(name), folder.path().join("release.pub")).unwrap();
        };
        let kind = "apiVersion: countersign.dev/v1alpha1\nkind";
        let signer = format!(
            "---\n{kind}: Signer\nmetadata: {{name: release}}\nspec: {{keys: [{{id: release, file: release.pub}}], log: off, time: none}}\n---\n{kind}: Policy\nmetadata: {{name: y}}\nspec: {{images: [\"i.io/**\"], rules: [{{name: signed, signature: {{from: release}}}}]}}\n"
        );
        let write = |text: &str| std::fs::write(folder.path().join("p.yaml"), text).unwrap();
        let at = UnixTime::from_seconds;
        let (one, other) = (text("deny") + &signer, text("allow") + &signer);
        let mut source = source(&folder);

        write(&one);
        key(KEYS[0]);
        let in_force = |look: Look| match look {
            Look::Other(good) => Some(good.mark),
            _ => None,
        };
        let first = in_force(source.look(None, at(1000)));
        assert!(first.is_some());
        assert!(source.unchanged(at(1000)).is_some() && source.unchanged(at(1599)) == first);
        // The clock counts too, though seldom; one that went back tells nothing.
        assert_eq!(source.unchanged(at(1600)), None);
        assert_eq!(source.unchanged(at(999)), None);
        assert!(matches!(source.look(first, at(1700)), Look::Same));
        assert_eq!(source.unchanged(at(1700)), first);

        // A key beside the policies.
        key(KEYS[1]);
        assert_eq!(source.unchanged(at(1700)), None);
        let second = in_force(source.look(first, at(1700)));
        assert!(second.is_some() && second != first);
        assert_eq!(source.unchanged(at(1700)), second);
        std::fs::remove_file(folder.path().join("release.pub")).unwrap();
        assert_eq!(source.unchanged(at(1700)), None);
        assert!(matches!(source.look(second, at(1700)), Look::Broken(_)));
        // What is broken is looked at whole each time.
        assert_eq!(source.unchanged(at(1700)), None);

        key(KEYS[1]);
        assert!(matches!(source.look(second, at(1700)), Look::Same));
        write(&other);
        assert_eq!(source.unchanged(at(1700)), None);
        // What is known is what was compiled last and not what is in force.
        assert!(in_force(source.look(second, at(1700))).is_some());
        assert!(
            source
                .unchanged(at(1700))
                .is_some_and(|it| Some(it) != second)
        );
        std::fs::write(folder.path().join("q.yaml"), text("deny").replace("x", "z")).unwrap();
        assert_eq!(source.unchanged(at(1700)), None);
    }

    #[test]
    fn files_are_half_a_set_until_policy_resources_have_been_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("p.yaml"), text("deny")).unwrap();
        let resources = Arc::new(Resources::new());
        let path = Some(folder.path().to_owned());
        let mut source = PolicySource::new(path, None, Some(Arc::clone(&resources)));
        let now = UnixTime::from_seconds(0);
        resources.are_away("no route");
        assert!(matches!(source.look(None, now), Look::Missing(why) if why == "no route"));

        resources.publish(Objects::default());
        let Look::Other(good) = source.look(None, now) else {
            panic!("it is good");
        };
        let in_force = Some(good.mark);
        source.is_in_force(Some(good.diagnostics));
        let verdict = resources.verdicts().borrow().clone().unwrap();
        assert!(verdict.accepted && verdict.otherwise.is_none());
        // What was read once stays.
        resources.are_away("no route");
        assert!(matches!(source.look(in_force, now), Look::Same));
        std::fs::write(folder.path().join("p.yaml"), "nonsense").unwrap();
        let Look::Broken(bad) = source.look(in_force, now) else {
            panic!("it is broken");
        };
        source.is_refused(bad.diagnostics, &bad.text);
        let verdict = resources.verdicts().borrow().clone().unwrap();
        assert!(!verdict.accepted && !verdict.diagnostics.is_empty());
    }
}
