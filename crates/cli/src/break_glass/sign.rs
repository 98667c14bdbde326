//! `countersign break-glass sign`: a statement is made and approved, or approved by one more person over the same bytes.

use std::path::PathBuf;

use countersign_core::{BreakGlassStatement, Digest, ImageRef, PublicKey, UnixTime};
use countersign_sign::Statement;
use serde_json::{Map, Value, json};

use super::show::{is_by, one_payload, told, unverified};
use super::{file, shown};
use crate::args::break_glass::Sign;
use crate::args::registries::RegistryOptions;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::registries::RegistryAccess;
use crate::signing::{SigningAccess, not_signed};
use crate::surroundings::Surroundings;
use crate::{output, progress};

/// Sign a statement.
#[derive(Debug)]
pub(crate) struct SignJob {
    what: What,
    signing: SigningAccess,
    services: RegistryAccess,
    now: UnixTime,
    color: anstream::ColorChoice,
}

#[derive(Debug)]
enum What {
    /// The statement that others have signed.
    Given(PathBuf),
    /// A new one, and where it goes.
    New(Statement, PathBuf),
}

impl SignJob {
    pub(super) fn new(
        typed: Sign,
        surroundings: Surroundings,
        color: anstream::ColorChoice,
    ) -> Result<Self, Failure> {
        let what = match (&typed.file, &typed.out) {
            (Some(file), _) => What::Given(file.clone()),
            (None, Some(out)) => What::New(made(&typed, &surroundings)?, out.clone()),
            (None, None) => return Err(Failure::misused("say where to write it: --out FILE")),
        };
        Ok(Self {
            what,
            signing: SigningAccess::new(typed.signing, &surroundings)?,
            services: RegistryAccess::new(RegistryOptions::default(), &surroundings),
            now: surroundings.now,
            color,
        })
    }
}

/// The statement of the command line. Nothing is signed that verification would not read.
fn made(typed: &Sign, surroundings: &Surroundings) -> Result<Statement, Failure> {
    let not_before = typed.not_before.unwrap_or(surroundings.now);
    let not_after = typed
        .not_after
        .or_else(|| typed.lasts.map(|seconds| not_before.plus(seconds)));
    let cluster = typed.cluster.as_deref().unwrap_or_default();
    let images: Vec<(String, Digest)> = typed
        .images
        .iter()
        .map(|image| pinned(image))
        .collect::<Result<_, _>>()?;
    let id = typed.id.clone().unwrap_or_else(|| {
        let day: String = not_before.to_string().chars().take(10).collect();
        format!("bg-{day}-{:016x}", surroundings.chance)
    });
    let mut predicate = Map::new();
    let mut say = |name: &str, value: Value| predicate.insert(name.to_owned(), value);
    say("id", json!(id));
    say("cluster", json!(cluster));
    say("namespaces", json!(typed.namespaces));
    say("reason", json!(typed.reason));
    say("ticket", json!(typed.ticket));
    say("requestedBy", json!(typed.requested_by));
    say("notBefore", json!(not_before.to_string()));
    say("notAfter", json!(not_after.map(|time| time.to_string())));
    let subjects = if typed.whole_namespace {
        say("scope", json!("namespace"));
        let all = typed.namespaces.iter();
        all.map(|it| BreakGlassStatement::namespace_subject(cluster, it))
            .collect()
    } else {
        let mut repositories: Vec<&str> = images.iter().map(|(name, _)| name.as_str()).collect();
        repositories.sort_unstable();
        repositories.dedup();
        say("repositories", json!(repositories));
        say("scope", json!("images"));
        images
    };
    let named: Vec<(&str, Digest)> = subjects
        .iter()
        .map(|(name, digest)| (name.as_str(), *digest))
        .collect();
    let statement = Statement::about(&named, BreakGlassStatement::PREDICATE_TYPE, predicate);
    statement.map_err(|error| Failure::misused(&escaped(&error.to_string(), 500)))
}

fn pinned(text: &str) -> Result<(String, Digest), Failure> {
    let wrong = |why: &str| Failure::misused(&format!("--image {}: {why}", escaped(text, 200)));
    let image = ImageRef::parse(text).map_err(|error| wrong(&error.to_string()))?;
    match image.digest() {
        Some(digest) => Ok((image.name(), *digest)),
        None => Err(wrong(
            "name the digest, REPOSITORY@sha256:…: a tag can be moved",
        )),
    }
}

/// Shows what is signed, then signs it.
pub(super) fn run(job: &SignJob) -> Result<Exit, Failure> {
    let signer = job.signing.open(job.services.services()?)?;
    let (statement, path, given) = match &job.what {
        What::New(statement, out) => (statement.clone(), out, Vec::new()),
        What::Given(path) => {
            let (statement, bundles) = one_statement(path, signer.public_key().map(PublicKey::id))?;
            (statement, path, bundles)
        }
    };
    let payload = statement.payload();
    let said = BreakGlassStatement::read(payload)
        .map_err(|error| Failure::misused(&escaped(&error.to_string(), 500)))?;
    if said.not_after <= job.now {
        return Err(Failure::misused(&format!(
            "the statement `{}` does not hold any more since {}, so nothing was signed; make another one",
            said.id, said.not_after
        )));
    }
    output::say(
        &format!("signing:\n{}", told(&said, &Digest::of(payload))),
        job.color,
    );
    let signing = Box::pin(signer.sign(&statement, job.now));
    let signed = progress::runtime()?
        .block_on(signing)
        .map_err(|error| not_signed(&error))?;
    let mut all: Vec<&[u8]> = given.iter().map(Vec::as_slice).collect();
    all.push(signed.bytes());
    match &job.what {
        What::New(..) => file::create(path, &file::lines(&[signed.bytes()]))?,
        What::Given(_) => file::replace(path, &all)?,
    }
    let count = all.len();
    let approvals = if count == 1 { "approval" } else { "approvals" };
    let text = format!(
        "{}: {count} {approvals} of {}\nnext: countersign break-glass verify {} --policy …\n",
        shown(path),
        said.id,
        shown(path)
    );
    Ok(output::deliver(&text, job.color, Exit::Allowed))
}

/// The one statement that all bundles of a file are over, and these bundles. Nothing else gets the file's next signature.
fn one_statement(
    path: &std::path::Path,
    key: Option<&Digest>,
) -> Result<(Statement, Vec<Vec<u8>>), Failure> {
    let wrong = |why: String| Failure::misused(&format!("{}: {why}", shown(path)));
    let bundles = file::read(path)?;
    let approvals = unverified(bundles.clone())?;
    let payload = one_payload(&approvals).map_err(&wrong)?;
    if key.is_some_and(|key| approvals.iter().any(|it| is_by(it, key))) {
        return Err(wrong(
            "this key has signed it already; one person counts once".to_owned(),
        ));
    }
    let statement = Statement::given(payload.to_vec());
    let statement = statement.map_err(|error| wrong(escaped(&error.to_string(), 500)))?;
    Ok((statement, bundles))
}
