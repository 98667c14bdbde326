//! `countersign lock`: which digest each tag of manifests stands for, written down where the policy allows it.

pub(crate) mod file;

use std::collections::BTreeMap;
use std::path::PathBuf;

use countersign_core::{Decision, Mode, NamespaceFit};
use serde::Serialize;

use self::file::{LockFile, Locked, name, signers, told};
use crate::args::Format;
use crate::args::lock::Lock;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::manifests::found::Found;
use crate::manifests::ground::Ground;
use crate::manifests::inputs::Purpose;
use crate::manifests::resolve::Answer;
use crate::output;
use crate::pin::write;
use crate::surroundings::Surroundings;

/// Lock the tags of manifests.
#[derive(Debug)]
pub(crate) struct LockJob {
    ground: Ground,
    lock_file: PathBuf,
    update: bool,
}

impl LockJob {
    pub(crate) fn new(
        typed: Lock,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Self {
        Self {
            ground: Ground::new(
                typed.files,
                typed.fields,
                typed.writing,
                surroundings,
                color,
            ),
            lock_file: typed.lock_file,
            update: typed.update,
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
    /// What the policy says of an image that was not written down before.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
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
    let policies = job.ground.policies("nothing was locked")?;
    let old = LockFile::read(&job.lock_file)?.unwrap_or_default();
    let found = found(&job.ground)?;
    let names: BTreeMap<_, _> = found
        .images
        .iter()
        .filter_map(|it| Some((it.key(), name(&it.image)?)))
        .collect();
    let tags = found.images.iter().filter(|it| name(&it.image).is_some());
    let answers = job.ground.answers(policies, &found, tags)?;
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

fn found(ground: &Ground) -> Result<Found, Failure> {
    let (reader, texts) = ground.inputs.read(Purpose::Write, ground.color)?;
    let (found, files) = (reader.images(), texts.len());
    if found.images.is_empty() {
        return Err(Failure::misused(&format!(
            "no image in {files} files: nothing is to be locked, and nothing passes by emptiness; correct what -f names"
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
                let why = "the tag moved; say --update if it was meant to";
                (State::Moved, Some(why.to_owned()))
            }
        };
        if matches!(state, State::Added | State::Updated)
            && let (Some(digest), Some(decision)) = (&answer.digest, &answer.decision)
        {
            let locked = Locked::new(digest, decision, job.ground.now);
            self.new.images.insert(name.to_owned(), locked);
        }
        self.tags.push(Tag {
            image: name.to_owned(),
            state,
            old: old.filter(|_| !is_same).map(Locked::told),
            new: digest.map(|digest| told(&digest, &signed)),
            policy: match (&answer.firm, &answer.decision) {
                (Ok(()), Some(decision)) if !is_same => Some(allowed_by(decision)),
                // Where it is refused, `why` says what the policy says.
                _ => None,
            },
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
                policy: None,
                why: None,
            });
        }
        self.tags
            .sort_by(|left, right| left.image.cmp(&right.image));
    }

    fn finish(self, job: &LockJob) -> Result<Exit, Failure> {
        // An image that is written by its digest needs no entry, so that an empty lock says something; one of what could not be locked does not.
        let is_first = self.exit == Exit::Allowed && !job.lock_file.exists();
        if self.new != self.old || is_first {
            write::whole_or_not(&job.lock_file, &self.new.text())?;
        }
        let report = LockReport {
            api_version: "countersign.dev/lock-report/v1alpha1",
            tags: self.tags,
        };
        let told = match job.ground.format {
            Format::Text => text(&report.tags),
            Format::Json => output::json(&report),
        };
        Ok(output::deliver(&told, job.ground.color, self.exit))
    }
}

/// `allowed by web [policy.yaml:22], base [policy.yaml:40]`: the policies that could have denied it.
fn allowed_by(decision: &Decision) -> String {
    let policies = decision.policies().iter();
    let enforced = policies.filter(|it| it.mode == Mode::Enforce && it.effective);
    let judging = enforced.filter(|it| it.namespaces != Some(NamespaceFit::No));
    let named: Vec<String> = judging
        .map(|it| format!("{} [{}:{}]", it.name, it.place.file, it.place.line))
        .collect();
    format!("allowed by {}", named.join(", "))
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
        let lines = [
            ("old", &tag.old),
            ("new", &tag.new),
            ("policy", &tag.policy),
            ("why", &tag.why),
        ];
        for (what, line) in lines {
            if let Some(line) = line {
                text.push_str(&format!("  {what}: {}\n", escaped(line, 1000)));
            }
        }
    }
    text
}
