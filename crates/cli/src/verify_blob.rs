//! `countersign verify-blob`: the policies that judge images judge a file, by the bundles that belong to it.

use std::path::{Path, PathBuf};

use countersign_core::{
    Findings, ImageRef, Limits, Report, Request, Resolution, Trust, UnixTime, bundles_of, decide,
    examine_blob,
};

use crate::args::Format;
use crate::args::blob::VerifyBlob;
use crate::artifact::Artifact;
use crate::bounded;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::policies::{Policies, Roots};
use crate::surroundings::Surroundings;
use crate::{output, render};

/// So many bundles are about one file; more is a mistake or an attack.
const MAX_BUNDLES: usize = 1000;

/// Judge one file by policies.
#[derive(Debug)]
pub(crate) struct BlobJob {
    artifact: PathBuf,
    bundles: Vec<PathBuf>,
    policy: PathBuf,
    judged_as: Option<ImageRef>,
    roots: Roots,
    now: UnixTime,
    format: Format,
    explain: bool,
    color: anstream::ColorChoice,
}

impl BlobJob {
    pub(crate) fn new(
        typed: VerifyBlob,
        surroundings: &Surroundings,
        color: anstream::ColorChoice,
    ) -> Result<Self, Failure> {
        let judged_as = typed.judged_as.as_deref().map(ImageRef::parse).transpose();
        let now = typed.at.unwrap_or(surroundings.now);
        Ok(Self {
            judged_as: judged_as.map_err(|error| Failure::misused(&format!("--as: {error}")))?,
            artifact: typed.artifact,
            bundles: typed.bundles,
            policy: typed.policy,
            roots: Roots::typed(typed.roots, surroundings, now),
            now,
            format: typed.format,
            explain: typed.explain,
            color,
        })
    }
}

/// Judges it.
pub(crate) fn run(job: &BlobJob) -> Result<Exit, Failure> {
    let policies = Policies::load(&job.policy, &job.roots)?.told(
        &job.policy,
        "the file was not looked at",
        job.color,
    )?;
    let artifact = Artifact::read(&job.artifact)?;
    let findings = findings(job, &artifact, policies.trust())?;
    let written = job.artifact.display().to_string();
    let digest = Some(*findings.image());
    let request = match &job.judged_as {
        Some(name) => Request::named(name).written_as(&written).pinned(digest),
        None => Request::unnamed(&written, digest),
    };
    let decision = decide(&policies, &request, Resolution::Blob(&findings), job.now);
    let result = match job.format {
        Format::Text => render::text::decision(&decision, job.explain),
        Format::Json if job.explain => Report::explained(std::slice::from_ref(&decision)).to_json(),
        Format::Json => Report::new(std::slice::from_ref(&decision)).to_json(),
    };
    Ok(output::deliver(
        &result,
        job.color,
        decision.effect().into(),
    ))
}

/// What all bundles together prove about the file.
fn findings(job: &BlobJob, artifact: &Artifact, trust: &Trust) -> Result<Findings, Failure> {
    let mut bundles = Vec::new();
    for path in &job.bundles {
        bundles.extend(read_bundles("--bundle", path)?);
    }
    proven(artifact, &bundles, trust).ok_or_else(|| Failure::misused("no bundle was given"))
}

/// The bundles in a file; `what` says in messages what it was given as.
pub(crate) fn read_bundles(what: &str, path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let shown = escaped(&path.display().to_string(), 300);
    let failed =
        |why: &str| Failure::unknown(format!("{what} {shown}: {why}, so nothing was judged"));
    let max = u64::try_from(Limits::default().bundle_bytes).unwrap_or(u64::MAX);
    let bytes =
        bounded::head(path, max).map_err(|error| failed(&format!("it cannot be read: {error}")))?;
    let bundles = bundles_of(&bytes);
    if bundles.is_empty() || bundles.len() > MAX_BUNDLES {
        return Err(failed(&format!("it has {} bundles", bundles.len())));
    }
    Ok(bundles.into_iter().map(<[u8]>::to_vec).collect())
}

/// What bundles together prove about one file; none if there are none.
pub(crate) fn proven(artifact: &Artifact, bundles: &[Vec<u8>], trust: &Trust) -> Option<Findings> {
    let limits = Limits::default();
    let mut all: Option<Findings> = None;
    for bundle in bundles {
        let found = examine_blob(artifact.blob(), bundle, trust, &limits);
        match &mut all {
            None => all = Some(found),
            // All are about the one file, so that none is given back.
            Some(all) => drop(all.join(found)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use countersign_core::bundles_of;

    #[test]
    fn bundles_stand_alone_or_on_lines() {
        for (text, expected) in [
            ("{\"a\":1}", 1),
            ("{\"a\":1}\n", 1),
            ("{\"a\":1}\r\n{\"b\":2}\n\n", 2),
            ("{\n  \"a\": 1\n}\n", 1),
            ("nonsense\n{}", 1),
            ("", 0),
            ("\n", 0),
        ] {
            assert_eq!(bundles_of(text.as_bytes()).len(), expected, "{text}");
        }
    }
}
