//! The process's surroundings: environment and clock, read here once and handed down.

use std::env;
use std::ffi::OsString;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use countersign_core::UnixTime;

use crate::signing::{
    IdentityVariables, JOB_VARIABLES, PASSWORD_VARIABLE, Password, TOKEN_VARIABLE,
};

/// Read in capitals and in small letters.
const PROXY_VARIABLES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/// What a run takes from outside its command line.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// The clock's time.
    pub(crate) now: UnixTime,
    /// Where credentials for registries are.
    pub(crate) credentials: CredentialPlaces,
    /// What the environment says about proxies, by the variables' names.
    pub(crate) proxies: Vec<(String, String)>,
    /// Where fetched trust roots are kept: in `$XDG_CACHE_HOME`, else in `~/.cache`. Need not exist.
    pub(crate) trust_cache: Option<PathBuf>,
    /// What opens an encrypted private key, in `COSIGN_PASSWORD`.
    pub(crate) key_password: Option<Password>,
    /// Who signs without a key.
    pub(crate) identity: IdentityVariables,
    /// A number that hardly any other run has, for ids. It keeps nothing secret.
    pub(crate) chance: u64,
}

/// Where credentials for registries are.
#[derive(Debug, Clone)]
pub(crate) struct CredentialPlaces {
    /// The files in the order of containers-auth.json(5): podman's before Docker's. They need not exist.
    pub(crate) files: Vec<PathBuf>,
    /// `PATH`, where the credential helpers are that the files name.
    pub(crate) path: OsString,
}

/// The variables that say where credential files are.
#[derive(Debug, Default)]
struct Places {
    /// `REGISTRY_AUTH_FILE`, in place of the file of the session.
    auth_file: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`
    runtime: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`
    config: Option<PathBuf>,
    /// `DOCKER_CONFIG`, a folder.
    docker: Option<PathBuf>,
    home: Option<PathBuf>,
}

impl Surroundings {
    /// Reads the environment and the clock. `NO_COLOR` is anstream's affair.
    pub(crate) fn read() -> Self {
        let folder = |name| env::var_os(name).map(PathBuf::from);
        Self {
            now: SystemTime::now().into(),
            credentials: CredentialPlaces {
                files: credential_files(Places {
                    auth_file: folder("REGISTRY_AUTH_FILE"),
                    runtime: folder("XDG_RUNTIME_DIR"),
                    config: folder("XDG_CONFIG_HOME"),
                    docker: folder("DOCKER_CONFIG"),
                    home: env::home_dir(),
                }),
                path: env::var_os("PATH").unwrap_or_default(),
            },
            proxies: PROXY_VARIABLES
                .iter()
                .flat_map(|name| [(*name).to_owned(), name.to_ascii_lowercase()])
                .filter_map(|name| Some((name.clone(), env::var(name).ok()?)))
                .collect(),
            trust_cache: trust_cache(
                env::var_os("XDG_CACHE_HOME").map(PathBuf::from),
                env::home_dir(),
            ),
            key_password: env::var(PASSWORD_VARIABLE).ok().map(Password::new),
            identity: IdentityVariables {
                token: secret(TOKEN_VARIABLE),
                job: JOB_VARIABLES.map(secret),
            },
            chance: RandomState::new().hash_one(()),
        }
    }
}

/// A variable that is empty is as if there were none; a password may well be.
fn secret(name: &str) -> Option<Password> {
    let text = env::var(name).ok().filter(|text| !text.is_empty());
    text.map(Password::new)
}

fn credential_files(places: Places) -> Vec<PathBuf> {
    let given = |path: Option<PathBuf>| path.filter(|path| !path.as_os_str().is_empty());
    // The XDG base directory specification: a relative path in the variable is as if there were none.
    let absolute = |path: Option<PathBuf>| path.filter(|path| path.is_absolute());
    let podman = Path::new("containers/auth.json");
    let home = absolute(places.home);
    let in_home = |folder| home.as_ref().map(|home| home.join(folder));
    let files = [
        given(places.auth_file)
            .or_else(|| absolute(places.runtime).map(|folder| folder.join(podman))),
        absolute(places.config)
            .or_else(|| in_home(".config"))
            .map(|folder| folder.join(podman)),
        given(places.docker)
            .or_else(|| in_home(".docker"))
            .map(|folder| folder.join("config.json")),
    ];
    files.into_iter().flatten().collect()
}

/// The XDG base directory specification: a relative path in the variable is as if there were none.
fn trust_cache(folder: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    folder
        .filter(|folder| folder.is_absolute())
        .or_else(|| {
            home.filter(|home| home.is_absolute())
                .map(|home| home.join(".cache"))
        })
        .map(|folder| folder.join("countersign/trust"))
}

#[cfg(test)]
mod tests {
    use super::{Places, credential_files, trust_cache};
    use std::path::PathBuf;

    #[test]
    fn credentials_are_where_podman_and_docker_keep_them() {
        let path = |text: &str| Some(PathBuf::from(text));
        let all = || Places {
            auth_file: path("auth.json"),
            runtime: path("/run/user/1"),
            config: path("/c"),
            docker: path("d"),
            home: path("/h"),
        };
        let found = |places| {
            let files = credential_files(places);
            files
                .iter()
                .map(|file| file.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            found(all()),
            ["auth.json", "/c/containers/auth.json", "d/config.json"]
        );
        type Case = (fn(&mut Places), &'static [&'static str]);
        let cases: [Case; 4] = [
            (
                |places| places.auth_file = None,
                &[
                    "/run/user/1/containers/auth.json",
                    "/c/containers/auth.json",
                    "d/config.json",
                ],
            ),
            (
                |places| {
                    *places = Places {
                        home: Some("/h".into()),
                        ..Places::default()
                    }
                },
                &["/h/.config/containers/auth.json", "/h/.docker/config.json"],
            ),
            (
                |places| {
                    places.auth_file = Some("".into());
                    places.runtime = Some("relative".into());
                    places.config = Some("relative".into());
                    places.docker = Some("".into());
                },
                &["/h/.config/containers/auth.json", "/h/.docker/config.json"],
            ),
            (|places| *places = Places::default(), &[]),
        ];
        for (change, expected) in cases {
            let mut places = all();
            change(&mut places);
            assert_eq!(found(places), expected);
        }
    }

    #[test]
    fn the_cache_is_where_caches_are() {
        let path = |text: &str| Some(PathBuf::from(text));
        let found = path("/c/countersign/trust");
        assert_eq!(trust_cache(path("/c"), path("/h")), found);
        let home = path("/h/.cache/countersign/trust");
        assert_eq!(trust_cache(path("relative"), path("/h")), home);
        assert_eq!(trust_cache(path(""), path("/h")), home);
        assert_eq!(trust_cache(None, path("/h")), home);
        assert_eq!(trust_cache(None, None), None);
        assert_eq!(trust_cache(None, path("")), None);
    }
}
