//! `countersign lock`: which digest each tag of manifests stands for, written down where the policy allows it.

pub(crate) mod file;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use countersign_core::{ImageFields, UnixTime};
use serde::Serialize;

use self::file::{LockFile, Locked, name, signers, told};
use crate::args::Format;
use crate::args::lock::Lock;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::manifests::found::{Found, TypedNamespace};
use crate::manifests::input;
use crate::manifests::judge::Judge;
use crate::manifests::resolve::{Answer, Resolver};
use crate::output;
use crate::pin::write;
use crate::policies::{Policies, Roots};
use crate::registries::RegistryAccess;
use crate::surroundings::Surroundings;

/// Lock the tags of manifests.
#[derive(Debug)]
pub(crate) struct LockJob {
    files: Vec<PathBuf>,
    fields: ImageFields,
    lock_file: PathBuf,
    update: bool,
    policy: PathBuf,
    roots: Roots,
    evidence_cache: Option<PathBuf>,
    format: Format,
    registry: RegistryAccess,
    namespace: TypedNamespace,
    timeout: Duration,
    now: UnixTime,
    color: anstream::ColorChoice,
}

impl LockJob {
    /// There is no `--at`: what is written down today has to be allowed today.
    pub(crate) fn new(
        typed: Lock,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Self {
        let now = surroundings.now;
        Self {
            files: typed.files,
            fields: ImageFields::new(typed.fields.custom()),
            lock_file: typed.lock_file,
            update: typed.update,
            policy: typed.policy,
            evidence_cache: typed.roots.cache.evidence(),
            roots: Roots::typed(typed.roots, surroundings, now),
            format: typed.format,
            registry: RegistryAccess::new(typed.registries, surroundings),
            namespace: TypedNamespace {
                name: typed.namespace,
                labels: typed.namespace_labels.map(|it| it.0),
            },
            timeout: Duration::from_secs(typed.timeout),
            now,
            color,
        }
    }
}

/// What became of the lock.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LockReport {
    api_version: &'static str,
    /// One for each tag, in the order of their names.
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tag {
    image: String,
    state: State,
    /// What was written down before, with who signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<String>,
    /// What the tag stands for now, with who signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<String>,
    /// Why it is not written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// As it was.
    Same,
    /// Written down now.
    Added,
    /// It stands for another image than was written down, which stays.
    Moved,
    /// It did, and the other one is written down now.
    Updated,
    /// No manifest names it.
    Unused,
    /// It was, and is forgotten.
    Removed,
    /// It must not be written down.
    Refused,
}

/// Resolves, judges and writes down. What one tag is refused for keeps no other from being written.
pub(crate) fn run(job: &LockJob) -> Result<Exit, Failure> {
    job.registry.refuse_plain_http()?;
    let policies = Policies::load(&job.policy, &job.roots)?.told(
        &job.policy,
        "nothing was locked",
        job.color,
    )?;
    let old = LockFile::read(&job.lock_file)?.unwrap_or_default();
    let found = found(job)?;
    let open = found.images.iter().filter(|it| name(&it.image).is_some());
    let images = open.map(|it| {
        let key = (it.image.written().to_owned(), it.namespace.clone());
        (key, it.image.clone())
    });
    let images: BTreeMap<_, _> = images.collect();
    let names: BTreeMap<_, _> = images
        .iter()
        .filter_map(|(key, image)| Some((key.clone(), name(image)?)))
        .collect();
    let resolver = Resolver {
        judge: Judge {
            registry: &job.registry,
            evidence_cache: job.evidence_cache.as_deref(),
            timeout: job.timeout,
            now: job.now,
            color: job.color,
            // What people let run in an emergency is not locked.
            approvals: None,
        },
        found: &found,
        typed: &job.namespace,
    };
    let answers = resolver.answers(policies, images)?;
    // One tag may be judged in several namespaces: the answer that is refused goes before.
    let mut by_name: BTreeMap<&str, &Answer> = BTreeMap::new();
    for (key, answer) in &answers {
        let Some(name) = names.get(key) else { continue };
        let kept = by_name.entry(name).or_insert(answer);
        if kept.firm.is_ok() {
            *kept = answer;
        }
    }
    let mut change = Change {
        new: old.clone(),
        old,
        tags: Vec::new(),
        exit: Exit::Allowed,
    };
    for (name, answer) in by_name {
        change.tag(job, name, answer);
    }
    change.unused(job, &names);
    change.finish(job)
}

fn found(job: &LockJob) -> Result<Found, Failure> {
    let (inputs, wrong) = input::read(&job.files);
    let mut found = Found::default();
    found.wrong = wrong;
    for (number, input) in inputs.iter().enumerate() {
        found.read(number, input, &job.fields, &job.namespace);
    }
    found.told(job.color)?;
    if found.images.is_empty() {
        return Err(Failure::misused(&format!(
            "no image in {} files: nothing is to be locked, and nothing passes by emptiness; correct what -f names",
            inputs.len()
        )));
    }
    Ok(found)
}

/// From one lock to the next.
struct Change {
    old: LockFile,
    new: LockFile,
    tags: Vec<Tag>,
    exit: Exit,
}

impl Change {
    fn tag(&mut self, job: &LockJob, name: &str, answer: &Answer) {
        let old = self.old.images.get(name);
        let digest = answer.digest.map(|it| it.to_string());
        let signed = answer.decision.as_ref().map(signers).unwrap_or_default();
        let is_same = old.is_some_and(|old| Some(&old.digest) == digest.as_ref());
        let (state, why) = match (&answer.firm, old) {
            (Err(refused), _) => {
                self.exit = self.exit.max(refused.exit);
                (State::Refused, Some(refused.why.clone()))
            }
            (Ok(()), Some(_)) if is_same => (State::Same, None),
            (Ok(()), None) => (State::Added, None),
            (Ok(()), Some(_)) if job.update => (State::Updated, None),
            (Ok(()), Some(_)) => {
                self.exit = self.exit.max(Exit::Denied);
                let why =
                    "the policy allows the new image; say --update if the tag was meant to move";
                (State::Moved, Some(why.to_owned()))
            }
        };
        if matches!(state, State::Added | State::Updated)
            && let (Some(digest), Some(decision)) = (&answer.digest, &answer.decision)
        {
            let locked = Locked::new(digest, decision, job.now);
            self.new.images.insert(name.to_owned(), locked);
        }
        self.tags.push(Tag {
            image: name.to_owned(),
            state,
            old: old.filter(|_| !is_same).map(Locked::told),
            new: digest.map(|digest| told(&digest, &signed)),
            why,
        });
    }

    /// What the lock has and no manifest names.
    fn unused<K: Ord>(&mut self, job: &LockJob, names: &BTreeMap<K, String>) {
        for (name, locked) in &self.old.images {
            if names.values().any(|used| used == name) {
                continue;
            }
            let state = if job.update {
                self.new.images.remove(name);
                State::Removed
            } else {
                State::Unused
            };
            self.tags.push(Tag {
                image: name.clone(),
                state,
                old: Some(locked.told()),
                new: None,
                why: None,
            });
        }
        self.tags
            .sort_by(|left, right| left.image.cmp(&right.image));
    }

    fn finish(self, job: &LockJob) -> Result<Exit, Failure> {
        if self.new != self.old || !job.lock_file.exists() {
            write::whole_or_not(&job.lock_file, &self.new.text())?;
        }
        let report = LockReport {
            api_version: "countersign.dev/lock-report/v1alpha1",
            tags: self.tags,
        };
        let told = match job.format {
            Format::Text => text(&report.tags),
            Format::Json => output::json(&report),
        };
        Ok(output::deliver(&told, job.color, self.exit))
    }
}

fn text(tags: &[Tag]) -> String {
    let mut text = String::new();
    for tag in tags {
        let word = match tag.state {
            State::Same => "same",
            State::Added => "added",
            State::Moved => "MOVED",
            State::Updated => "updated",
            State::Unused => "unused",
            State::Removed => "removed",
            State::Refused => "REFUSED",
        };
        text.push_str(&format!("{word} {}\n", escaped(&tag.image, 300)));
        let lines = [("old", &tag.old), ("new", &tag.new), ("why", &tag.why)];
        for (what, line) in lines {
            if let Some(line) = line {
                text.push_str(&format!("  {what}: {}\n", escaped(line, 1000)));
            }
        }
    }
    text
}
