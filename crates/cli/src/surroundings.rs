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
        }
    }
}

fn docker_config(folder: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    folder
        .filter(|folder| !folder.as_os_str().is_empty())
        .or_else(|| home.map(|home| home.join(".docker")))
        .map(|folder| folder.join("config.json"))
}

#[cfg(test)]
mod tests {
    use super::docker_config;
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
}
