//! Docker's credential helpers: `docker-credential-<name> get`, by the protocol of docker-credential-helpers.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::auth::login;
use super::kept::Kept;
use super::program::Program;
use crate::{Budget, Credential, RegistryError};

/// An answer is a name and a secret.
const MAX_OUTPUT: usize = 64 * 1024;
/// How long an answer is kept. Tokens that helpers hand out live for 10 minutes and more.
const KEPT: Duration = Duration::from_secs(5 * 60);
/// How long a failure is kept: long enough that one check does not wait for the same helper again and again.
pub(super) const FAILURE_KEPT: Duration = Duration::from_secs(5);
/// What a helper prints, with a failure, when it has nothing: it is the protocol's only way to say so.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// Permission to run credential helpers, and where they are; clones share the answers, which are kept for five minutes.
///
/// A helper is run with the environment of this process, as Docker does. Its answer is bounded, what it prints to
/// standard error is thrown away, and it is stopped when it takes longer than 10 seconds or than the check may take.
#[derive(Debug, Clone)]
pub struct CredentialHelpers {
    path: OsString,
    time: Duration,
    kept: Arc<Kept<(String, String), Answer>>,
}

/// What a helper says.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Credential(Credential),
    /// It works, and has none for this server.
    None,
    /// Why it does not work; holds nothing of what it printed.
    Failed(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

impl CredentialHelpers {
    /// Helpers in the absolute folders of this search path, written as `PATH` is.
    #[must_use]
    pub fn on_path(path: impl Into<OsString>) -> Self {
        Self {
            path: path.into(),
            time: Duration::from_secs(10),
            kept: Arc::default(),
        }
    }

    /// How long a helper may take, in place of 10 seconds.
    #[must_use]
    pub const fn timeout(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// Asks a helper for a server's credential; a second question while the first is under way waits for its answer.
    pub(super) async fn get(
        &self,
        name: &str,
        server: &str,
        budget: &Budget,
    ) -> Result<Answer, RegistryError> {
        let key = (name.to_owned(), server.to_owned());
        let _turn = self.kept.turn(&key, budget).await?;
        if let Some(answer) = self.kept.get(&key) {
            return Ok(answer);
        }
        let answer = self.run(name, server, budget).await?;
        let time = match answer {
            Answer::Failed(_) => FAILURE_KEPT,
            _ => KEPT,
        };
        self.kept.keep(key, answer.clone(), time);
        Ok(answer)
    }

    async fn run(
        &self,
        name: &str,
        server: &str,
        budget: &Budget,
    ) -> Result<Answer, RegistryError> {
        // A name is part of a file's name: nothing that leads elsewhere.
        if !name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        {
            let why = "its name may hold only a-z, 0-9 and -";
            return Ok(Answer::Failed(why.to_owned()));
        }
        let program = format!("docker-credential-{name}");
        let Some(path) = find_program(&self.path, &program) else {
            return Ok(Answer::Failed(format!("there is no `{program}` on PATH")));
        };
        let program = Program {
            path,
            arguments: &["get".to_owned()],
            environment: None,
            input: server.as_bytes().to_vec(),
            most: MAX_OUTPUT,
            time: self.time,
        };
        Ok(match program.run(budget).await? {
            Err(why) => Answer::Failed(why),
            Ok(ended) => read(ended.failure, &ended.output),
        })
    }
}

fn read(failure: Option<String>, output: &[u8]) -> Answer {
    if let Some(failure) = failure {
        return match output.trim_ascii() == NOT_FOUND.as_bytes() {
            true => Answer::None,
            false => Answer::Failed(failure),
        };
    }
    // serde_json's message could quote the secret.
    let Ok(wire) = serde_json::from_slice::<Wire>(output) else {
        return Answer::Failed("its answer is not JSON of that shape".to_owned());
    };
    login(wire.username, wire.secret).map_or(Answer::None, Answer::Credential)
}

/// The first program of that name. A folder that is not absolute is skipped: it would be one of wherever we are run.
fn find_program(path: &OsStr, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| is_program(file))
}

/// Whether it is a file that can be run.
pub(super) fn is_program(file: &Path) -> bool {
    let Ok(metadata) = file.metadata() else {
        return false;
    };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    metadata.is_file() && may_run
}
