//! `countersign pin`: the digests of images that the policy allows, written where their tags are.

mod edit;
pub(crate) mod firm;
mod report;
mod target;
pub(crate) mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use countersign_core::{Digest, ImageFields, PolicySet, UnixTime};

use self::edit::Edits;
use self::firm::NotPinned;
use self::report::{PinReport, PinnedPlace, State};
use self::target::{Reader, Target};
use crate::args::Format;
use crate::args::pin::{Pin, ValuesPath};
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::manifests::found::TypedNamespace;
use crate::manifests::input::{self, Input};
use crate::manifests::judge::Judge;
use crate::manifests::resolve::{Answer, Key, Resolver};
use crate::output;
use crate::policies::{Policies, Roots};
use crate::registries::RegistryAccess;
use crate::surroundings::Surroundings;

/// Pin the images of files.
#[derive(Debug)]
pub(crate) struct PinJob {
    files: Vec<PathBuf>,
    fields: ImageFields,
    values: Vec<ValuesPath>,
    check: bool,
    write: bool,
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

impl PinJob {
    /// There is no `--at`: what is written today has to be allowed today.
    pub(crate) fn new(
        typed: Pin,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Self {
        let now = surroundings.now;
        Self {
            files: typed.files,
            fields: ImageFields::new(typed.fields.custom()),
            values: typed.values,
            check: typed.check,
            write: typed.write,
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

/// Finds, asks, judges and writes. What one image is refused for keeps no other from being pinned.
pub(crate) fn run(job: &PinJob) -> Result<Exit, Failure> {
    job.registry.refuse_plain_http()?;
    let policies = Policies::load(&job.policy, &job.roots)?.told(
        &job.policy,
        "nothing was pinned",
        job.color,
    )?;
    let (inputs, wrong) = input::read(&job.files);
    let mut reader = Reader::new(&job.fields, &job.namespace, &job.values);
    reader.found.wrong = wrong;
    for (number, input) in inputs.iter().enumerate() {
        reader.read(number, input);
    }
    for (path, _) in job
        .values
        .iter()
        .zip(&reader.used)
        .filter(|(_, used)| !**used)
    {
        let path = path.mapping.join(".");
        let why = format!("--values-path: no file has an image at `{path}`");
        reader.found.wrong.push(why);
    }
    reader.found.told(job.color)?;
    if reader.targets.is_empty() {
        return Err(Failure::misused(&format!(
            "no image in {} files: nothing is to be pinned, and nothing passes by emptiness; correct what -f names",
            inputs.len()
        )));
    }
    let answers = answers(job, policies, &reader)?;
    let mut outcome = Outcome::new(inputs.len());
    for target in &reader.targets {
        outcome.add(job, target, &answers);
    }
    outcome.finish(job, &inputs)
}

/// For each image that is not pinned its digest, and whether the policy allows that.
fn answers(
    job: &PinJob,
    policies: PolicySet,
    reader: &Reader<'_>,
) -> Result<BTreeMap<Key, Answer>, Failure> {
    let open = reader.targets.iter().filter(|it| !it.is_pinned);
    let images = open.map(|target| (key(target), target.found.image.clone()));
    let resolver = Resolver {
        judge: Judge {
            registry: &job.registry,
            evidence_cache: job.evidence_cache.as_deref(),
            timeout: job.timeout,
            now: job.now,
            color: job.color,
            // What people let run in an emergency is not pinned.
            approvals: None,
        },
        found: &reader.found,
        typed: &job.namespace,
    };
    resolver.answers(policies, images.collect())
}

fn key(target: &Target) -> Key {
    let found = &target.found;
    (found.image.written().to_owned(), found.namespace.clone())
}

/// What is to be written, and what is to be said.
struct Outcome {
    edits: Vec<Edits>,
    places: Vec<PinnedPlace>,
    exit: Exit,
}

impl Outcome {
    fn new(inputs: usize) -> Self {
        Self {
            edits: (0..inputs).map(|_| Edits::default()).collect(),
            places: Vec::new(),
            exit: Exit::Allowed,
        }
    }

    fn add(&mut self, job: &PinJob, target: &Target, answers: &BTreeMap<Key, Answer>) {
        let (state, digest, why) = match self.judged(target, answers) {
            Ok(None) => (State::Pinned, None, None),
            Ok(Some(digest)) if job.write => (State::Written, Some(digest), None),
            Ok(Some(digest)) => (State::ToPin, Some(digest), None),
            Err((digest, refused)) => {
                self.exit = self.exit.max(refused.exit);
                (State::Refused, digest, Some(refused.why))
            }
        };
        if job.check && state == State::ToPin {
            self.exit = self.exit.max(Exit::Denied);
        }
        let written = &target.found.written;
        self.places.push(PinnedPlace {
            file: written.file.clone(),
            line: written.line,
            column: written.column,
            object: written.object.clone(),
            field: written.field.clone(),
            image: target.found.image.written().to_owned(),
            state,
            digest: digest.map(|it| it.to_string()),
            why,
        });
    }

    /// The digest to write; none where there is one. Notes the edit.
    fn judged(
        &mut self,
        target: &Target,
        answers: &BTreeMap<Key, Answer>,
    ) -> Result<Option<Digest>, (Option<Digest>, NotPinned)> {
        if target.is_pinned {
            return Ok(None);
        }
        let refused = |digest, why: &str| {
            let (exit, why) = (Exit::Denied, why.to_owned());
            (Some(digest), NotPinned { exit, why })
        };
        let Some(answer) = answers.get(&key(target)) else {
            let (exit, why) = (Exit::Unknown, "it was not asked for".to_owned());
            return Err((None, NotPinned { exit, why }));
        };
        let allowed = answer.firm.clone();
        allowed.map_err(|why| (answer.digest, why))?;
        let Some(digest) = answer.digest else {
            let (exit, why) = (Exit::Unknown, "it has no digest".to_owned());
            return Err((None, NotPinned { exit, why }));
        };
        let slot = target.slot.as_ref().ok_or_else(|| {
            refused(
                digest,
                "it is not written as it reads (escapes, a block or several lines), so it cannot be changed in place; write it in one line",
            )
        })?;
        let edits = self.edits.get_mut(target.found.input);
        match edits.map(|edits| edits.add(slot, &digest)) {
            Some(Ok(())) => Ok(Some(digest)),
            _ => Err(refused(
                digest,
                "another image shares what is written here and has another digest; write the two apart",
            )),
        }
    }

    /// Writes what is to be written, and says what became of each image.
    fn finish(mut self, job: &PinJob, inputs: &[Input]) -> Result<Exit, Failure> {
        let mut texts = Vec::new();
        for (input, edits) in inputs.iter().zip(&self.edits) {
            let text = edits.applied(&input.text).map_err(|why| {
                let name = escaped(&input.name, 300);
                Failure::unknown(format!(
                    "{name}: the change would not be read as it is meant, so nothing was written: {why}"
                ))
            })?;
            texts.push((input, edits, text));
        }
        let mut result = None;
        for (input, edits, text) in texts.into_iter().filter(|_| job.write) {
            match &input.path {
                None => result = Some(text),
                Some(_) if edits.is_empty() => {}
                Some(path) => write::whole_or_not(path, &text)?,
            }
        }
        let places = std::mem::take(&mut self.places);
        let report = PinReport {
            api_version: PinReport::API_VERSION,
            places,
        };
        let told = match job.format {
            Format::Text => report.text(),
            Format::Json => output::json(&report),
        };
        Ok(match result {
            // Standard output is the changed manifest, so that what is said goes elsewhere.
            Some(text) => {
                output::say(&told, job.color);
                output::deliver(&text, anstream::ColorChoice::Never, self.exit)
            }
            None => output::deliver(&told, job.color, self.exit),
        })
    }
}
