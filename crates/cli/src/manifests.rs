//! `countersign verify -f`: every image of Kubernetes manifests, by the policies that would judge it in the cluster.

pub(crate) mod found;
pub(crate) mod ground;
pub(crate) mod inputs;
pub(crate) mod judge;
pub(crate) mod resolve;
pub(crate) mod target;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_core::{ImageRef, PolicySet, ReasonCode, UnixTime, Verdict};

use self::found::{Found, TypedNamespace};
use self::inputs::{Inputs, Purpose};
use self::judge::{Judge, JudgedImage};
use crate::args::Verify;
use crate::args::manifests::{ManifestOptions, ReportFile, ReportFormat};
use crate::break_glass::approvals;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::formats::{self, Demand, Entry, Results};
use crate::lock::file::{LockFile, name, signers, told};
use crate::output;
use crate::policies::{Policies, Roots};
use crate::registries::RegistryAccess;
use crate::surroundings::Surroundings;

/// Judge the images of manifests.
#[derive(Debug)]
pub(crate) struct ManifestsJob {
    inputs: Inputs,
    require_digest: bool,
    /// The lock by which tags are judged, if one is.
    lock_file: Option<PathBuf>,
    allow_empty: bool,
    policy: PathBuf,
    roots: Roots,
    evidence_cache: Option<PathBuf>,
    now: UnixTime,
    format: ReportFormat,
    reports: Vec<ReportFile>,
    explain: bool,
    /// Files of approvals.
    break_glass: Vec<PathBuf>,
    registry: RegistryAccess,
    timeout: Duration,
    color: anstream::ColorChoice,
}

impl ManifestsJob {
    /// Every option of `verify` is taken here by name: one that came to be and were not would be without effect.
    pub(crate) fn new(
        typed: Verify,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Self {
        let Verify {
            images: _,
            manifests,
            policy,
            roots,
            at,
            format,
            reports,
            explain,
            judged_as: _,
            registries,
            namespace,
            namespace_labels,
            break_glass,
            timeout,
        } = typed;
        let ManifestOptions {
            files,
            fields,
            require_digest,
            locked,
            lock_file,
            allow_empty,
        } = manifests;
        let now = at.unwrap_or(surroundings.now);
        Self {
            inputs: Inputs::new(
                files,
                fields,
                TypedNamespace::new(namespace, namespace_labels),
            ),
            require_digest,
            lock_file: locked.then_some(lock_file),
            allow_empty,
            policy,
            evidence_cache: roots.cache.evidence(),
            roots: Roots::typed(roots, surroundings, now),
            now,
            format,
            reports,
            explain,
            break_glass,
            registry: RegistryAccess::new(registries, surroundings),
            timeout: Duration::from_secs(timeout),
            color,
        }
    }
}

/// Judges all images; the heaviest verdict is the exit code. Nothing is judged where something cannot be read.
pub(crate) fn run(job: &ManifestsJob) -> Result<Exit, Failure> {
    job.registry.refuse_plain_http()?;
    let policies = policies(job)?;
    let found = found(job)?;
    let approvals = match job.break_glass.as_slice() {
        [] => None,
        files => Some(Arc::new(approvals(files, policies.trust())?)),
    };
    let judge = Judge {
        approvals,
        registry: &job.registry,
        evidence_cache: job.evidence_cache.as_deref(),
        timeout: job.timeout,
        now: job.now,
        color: job.color,
    };
    let lock = job.lock_file.as_deref().map(lock).transpose()?;
    let judged = judge.judge(policies, &found, &job.inputs.namespace, lock.is_some())?;
    let mut entries = Vec::new();
    for (it, number) in found.images.into_iter().zip(judged.of) {
        let mut demands = Vec::new();
        if job.require_digest && it.image.digest().is_none() {
            let code = ReasonCode::DigestRequired;
            demands.push(Demand {
                code,
                message: format!("{} (--require-digest)", code.message()),
                effect: Verdict::Deny,
            });
        }
        if let (Some(lock), Some(one)) = (&lock, judged.judged.get(number)) {
            demands.extend(demanded(lock, &it.image, one));
        }
        entries.push(Entry {
            image: it.image.written().to_owned(),
            demands,
            written: Some(it.written),
            decision: number,
        });
    }
    let results = Results {
        entries,
        decisions: judged.judged.into_iter().map(|it| it.decision).collect(),
        objects: Some(found.objects),
    };
    Ok(formats::deliver(
        &results,
        job.format,
        &job.reports,
        job.explain,
        job.color,
    ))
}

/// The lock that `--locked` goes by; without one nobody could say that no tag moved.
fn lock(path: &Path) -> Result<LockFile, Failure> {
    LockFile::read(path)?.ok_or_else(|| {
        let path = escaped(&path.display().to_string(), 300);
        Failure::misused(&format!(
            "--locked: there is no {path}; write one by `countersign lock`"
        ))
    })
}

/// What the lock says against an image. A tag that moved is told, also where the policy allows what it stands for now.
fn demanded(lock: &LockFile, image: &ImageRef, judged: &JudgedImage) -> Option<Demand> {
    let tag = name(image)?;
    let denied = |code: ReasonCode, more: String| Demand {
        code,
        message: format!("{} {more}", code.message()),
        effect: Verdict::Deny,
    };
    let Some(locked) = lock.images.get(&tag) else {
        return Some(denied(ReasonCode::NotLocked, tag));
    };
    let now = match &judged.digest {
        Ok(digest) => digest.to_string(),
        Err(gap) => {
            return Some(Demand {
                code: gap.code,
                message: format!("{} {}: {}", gap.code.message(), gap.what, gap.cause),
                effect: Verdict::Unknown,
            });
        }
    };
    (now != locked.digest).then(|| {
        let now = told(&now, &signers(&judged.decision));
        let (old, when) = (locked.told(), &locked.locked_at);
        denied(
            ReasonCode::TagMoved,
            format!("{tag} was {old} on {when} and is {now}"),
        )
    })
}

fn policies(job: &ManifestsJob) -> Result<PolicySet, Failure> {
    Policies::load(&job.policy, &job.roots)?.told(&job.policy, "no image was looked at", job.color)
}

/// The images of all inputs, or everything that is wrong with them.
fn found(job: &ManifestsJob) -> Result<Found, Failure> {
    let (reader, texts) = job.inputs.read(Purpose::Judge, job.color)?;
    let (found, files) = (reader.images(), texts.len());
    if found.images.is_empty() && !job.allow_empty {
        let objects = found.objects;
        return Err(Failure::misused(&format!(
            "no image in {objects} objects of {files} files: nothing was judged, and nothing passes by emptiness; correct what -f names, or say \
             --allow-empty if that is meant"
        )));
    }
    Ok(found)
}

impl Found {
    /// Says on standard error what is doubtful, and what is wrong.
    ///
    /// # Errors
    /// Something is wrong.
    pub(crate) fn told(&self, color: anstream::ColorChoice) -> Result<(), Failure> {
        for doubt in &self.doubts {
            output::say(&format!("warning: {doubt}\n"), color);
        }
        if self.wrong.is_empty() {
            return Ok(());
        }
        let all = self.wrong.join("\nerror: ");
        Err(Failure::misused(&format!(
            "{all}\nerror: {} errors in what -f names; no image was looked at",
            self.wrong.len()
        )))
    }
}
