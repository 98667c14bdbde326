//! The process's surroundings: environment and clock, read here once and handed down.

use std::env;
use std::path::PathBuf;
use std::time::SystemTime;

use countersign_core::UnixTime;

/// What a run takes from outside its command line.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// The clock's time.
    pub(crate) now: UnixTime,
    /// Docker's `config.json`: in `$DOCKER_CONFIG`, else in `~/.docker`. Need not exist.
    pub(crate) docker_config: Option<PathBuf>,
    /// Where fetched trust roots are kept: in `$XDG_CACHE_HOME`, else in `~/.cache`. Need not exist.
    pub(crate) trust_cache: Option<PathBuf>,
}

impl Surroundings {
    /// Reads the environment and the clock. `NO_COLOR` is anstream's affair.
    pub(crate) fn read() -> Self {
        Self {
            now: SystemTime::now().into(),
            docker_config: docker_config(
                env::var_os("DOCKER_CONFIG").map(PathBuf::from),
                env::home_dir(),
            ),
            trust_cache: trust_cache(
                env::var_os("XDG_CACHE_HOME").map(PathBuf::from),
                env::home_dir(),
            ),
        }
    }
}

fn docker_config(folder: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    folder
        .filter(|folder| !folder.as_os_str().is_empty())
        .or_else(|| home.map(|home| home.join(".docker")))
        .map(|folder| folder.join("config.json"))
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
    use super::{docker_config, trust_cache};
    use std::path::PathBuf;

    #[test]
    fn docker_config_is_found_as_docker_finds_it() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(
            docker_config(path("/d"), path("/h")),
            path("/d/config.json")
        );
        assert_eq!(
            docker_config(path(""), path("/h")),
            path("/h/.docker/config.json")
        );
        assert_eq!(
            docker_config(None, path("/h")),
            path("/h/.docker/config.json")
        );
        assert_eq!(docker_config(None, None), None);
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
