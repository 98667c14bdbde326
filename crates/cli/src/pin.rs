//! `countersign pin`: the digests of images that the policy allows, written where their tags are.

pub(crate) mod edit;
pub(crate) mod firm;
mod report;
pub(crate) mod write;

use std::collections::BTreeMap;

use countersign::ManifestText;
use countersign_core::Digest;

use self::edit::Edits;
use self::firm::NotPinned;
use self::report::{PinReport, PinnedPlace, State};
use crate::args::Format;
use crate::args::pin::Pin;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::manifests::ground::Ground;
use crate::manifests::inputs::Purpose;
use crate::manifests::judge::Key;
use crate::manifests::resolve::Answer;
use crate::manifests::target::Target;
use crate::output;
use crate::surroundings::Surroundings;

/// Pin the images of files.
#[derive(Debug)]
pub(crate) struct PinJob {
    ground: Ground,
    check: bool,
    write: bool,
}

impl PinJob {
    pub(crate) fn new(
        typed: Pin,
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
            check: typed.check,
            write: typed.write,
        }
    }
}

/// Finds, asks, judges and writes. What one image is refused for keeps no other from being pinned.
pub(crate) fn run(job: &PinJob) -> Result<Exit, Failure> {
    let ground = &job.ground;
    let policies = ground.policies("nothing was pinned")?;
    let (reader, inputs) = ground.inputs.read(Purpose::Write, ground.color)?;
    if reader.targets.is_empty() {
        return Err(Failure::misused(&format!(
            "no image in {} files: nothing is to be pinned, and nothing passes by emptiness; correct what -f names",
            inputs.len()
        )));
    }
    let open = reader.targets.iter().filter(|it| !it.is_pinned);
    let images = open.map(|target| &target.found);
    let answers = ground.answers(policies, &reader.found, images)?;
    let mut outcome = Outcome::new(inputs.len());
    for target in &reader.targets {
        outcome.add(job, target, &answers);
    }
    outcome.finish(job, &inputs)
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
        let Some(answer) = answers.get(&target.found.key()) else {
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
    fn finish(mut self, job: &PinJob, inputs: &[ManifestText]) -> Result<Exit, Failure> {
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
        let told = match job.ground.format {
            Format::Text => report.text(),
            Format::Json => output::json(&report),
        };
        Ok(match result {
            // Standard output is the changed manifest, so that what is said goes elsewhere.
            Some(text) => {
                output::say(&told, job.ground.color);
                output::deliver(&text, anstream::ColorChoice::Never, self.exit)
            }
            None => output::deliver(&told, job.ground.color, self.exit),
        })
    }
}
