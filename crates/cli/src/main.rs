//! The `countersign` command: what was typed → what it means → run → exit code.

mod args;
mod artifact;
mod bounded;
mod break_glass;
mod copy;
mod credentials;
mod escape;
mod evidence;
mod exit;
mod failure;
mod formats;
mod import;
mod init;
mod lock;
mod manifests;
mod output;
mod pin;
mod plan;
mod policies;
mod policy;
mod policy_text;
mod progress;
mod promote;
mod pull;
mod registries;
mod render;
mod replay;
mod sbom;
mod signing;
mod source;
mod surroundings;
mod trust;
mod verbose;
mod verify;
mod verify_blob;
mod verify_bundle;

use crate::args::Typed;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::Job;
use crate::surroundings::Surroundings;

fn main() -> std::process::ExitCode {
    exit::guarded(|| match Typed::read() {
        Ok(typed) => run(typed).unwrap_or_else(Failure::told),
        Err(exit) => exit,
    })
    .into()
}

fn run(typed: Typed) -> Result<Exit, Failure> {
    match Job::new(typed, Surroundings::read())? {
        Job::Verify(job) => verify::run(*job),
        Job::VerifyManifests(job) => manifests::run(&job),
        Job::Pin(job) => pin::run(&job),
        Job::Lock(job) => lock::run(&job),
        Job::VerifyBlob(job) => verify_blob::run(&job),
        Job::VerifyBundle(job) => verify_bundle::run(&job),
        Job::Evidence(job) => evidence::run(&job),
        Job::PullEvidence(job) => pull::run(&job),
        Job::Copy(job) => copy::run(&job),
        Job::Promote(job) => promote::run(*job),
        Job::Replay(job) => replay::run(*job),
        Job::BreakGlass(job) => break_glass::run(&job),
        Job::Init(job) => init::run(&job),
        Job::Import(job) => import::run(&job),
        Job::Lint(job) => policy::lint::run(&job),
        Job::Schema(color) => Ok(policy::schema(color)),
        Job::Explain(job) => policy::explain::run(&job),
        Job::Deadlines(job) => policy::deadlines::run(&job),
        Job::Test(job) => policy::test::run(&job),
        Job::Sbom(job) => sbom::run(&job),
        Job::Trust(job) => trust::run(&job),
    }
}
