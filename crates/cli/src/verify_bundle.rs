//! `countersign verify-bundle`.

use countersign_core::{
    BlobReport, BlobSigner, BlobSignerError, Limits, PublicKey, Trust, TrustError, TrustRoot,
    decide_blob, examine_blob,
};

use crate::args::Format;
use crate::artifact::Artifact;
use crate::bounded;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{BundleJob, Demand, RootChoice};
use crate::{output, render};

/// Judges one file by one bundle. What is wrong with key, identity or trust root is found before anything is judged.
pub(crate) fn run(job: &BundleJob) -> Result<Exit, Failure> {
    let root = root(&job.root)?;
    for warning in root.warnings() {
        let warning = escaped(warning, 300);
        output::say(&format!("warning: trust root: {warning}\n"), job.color);
    }
    let (mut signer, keys) = signer(&job.signer, &root)?;
    if let Some(predicate_type) = &job.predicate_type {
        signer = signer.predicate_type(predicate_type);
    }
    let trust =
        Trust::new(vec![root], keys).map_err(|error| Failure::misused(&error.to_string()))?;
    let limits = Limits::default();
    let bundle = bundle(job, &limits)?;
    let artifact = Artifact::read(&job.artifact)?;

    let findings = examine_blob(artifact.blob(), &bundle, &trust, &limits);
    let decision = decide_blob(&findings, &signer, job.now);
    let name = job.artifact.display().to_string();
    let result = match job.format {
        Format::Text => {
            render::blob::decision(&decision, &name, artifact.note().as_deref(), job.explain)
        }
        Format::Json => BlobReport::new(&decision, &name).to_json(),
    };
    Ok(output::deliver(
        &result,
        job.color,
        decision.verdict().into(),
    ))
}

/// The one trust root. A file's name is told apart from those that are built in.
fn root(choice: &RootChoice) -> Result<TrustRoot, Failure> {
    let path = match choice {
        RootChoice::PublicGood => return TrustRoot::public_good().map_err(inside),
        RootChoice::Staging => return TrustRoot::staging().map_err(inside),
        RootChoice::File(path) => path,
    };
    let shown = path.display().to_string();
    let failed = |why: &str| {
        Failure::misused(&format!(
            "--trusted-root {}: {}",
            escaped(&shown, 300),
            escaped(why, 300)
        ))
    };
    let json = bounded::read(path).map_err(|error| failed(&error.to_string()))?;
    TrustRoot::from_json(&format!("file {shown}"), &json).map_err(|error| match error {
        TrustError::Malformed { why, .. } => failed(&why),
        error => failed(&error.to_string()),
    })
}

fn inside(error: TrustError) -> Failure {
    Failure::unknown(format!("the built-in trust root cannot be read: {error}"))
}

/// Who must have signed, and the keys with which signatures are verified.
fn signer(demand: &Demand, root: &TrustRoot) -> Result<(BlobSigner, Vec<PublicKey>), Failure> {
    let misused = |option: &str, error: &BlobSignerError| {
        let why = escaped(&error.message, 600);
        Failure::misused(&format!("{option}: {why}\nhint: {}", error.hint))
    };
    match demand {
        Demand::Identity { subject, issuer } => BlobSigner::keyless(subject, issuer, root)
            .map(|signer| (signer, Vec::new()))
            .map_err(|error| misused("--certificate-identity, --certificate-oidc-issuer", &error)),
        Demand::Pattern { pattern, issuer } => {
            BlobSigner::keyless_by_pattern(pattern, issuer, root)
                .map(|signer| (signer, Vec::new()))
                .map_err(|error| misused("--certificate-identity-regexp", &error))
        }
        Demand::Key { file, alone } => {
            let shown = escaped(&file.display().to_string(), 300);
            let failed =
                |why: &str| Failure::misused(&format!("--key {shown}: {}", escaped(why, 300)));
            let pem = bounded::read(file).map_err(|error| failed(&error.to_string()))?;
            let pem = String::from_utf8(pem).map_err(|_| failed("it is not PEM text"))?;
            let key = PublicKey::from_pem(&pem).map_err(|error| failed(&error.to_string()))?;
            let signer = BlobSigner::key(&shown, &key, root);
            let signer = if *alone {
                signer.key_alone_unsafe()
            } else {
                signer
            };
            Ok((signer, vec![key]))
        }
    }
}

/// The bundle's bytes; of one that is too large so many that verification refuses it.
fn bundle(job: &BundleJob, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let max = u64::try_from(limits.bundle_bytes).unwrap_or(u64::MAX);
    bounded::head(&job.bundle, max).map_err(|error| {
        Failure::unknown(format!(
            "--bundle {}: it cannot be read, so nothing was judged: {error}",
            escaped(&job.bundle.display().to_string(), 300)
        ))
    })
}
