//! The file of `--config`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use countersign_core::{CustomField, FieldContent, FieldPath, GroupKind, printable};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::ConfigError;
use super::tls::TlsWord;
use crate::kubernetes::Which;

/// No configuration is larger.
const MOST_BYTES: u64 = 1024 * 1024;

/// What the file may say; every field is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ConfigFile {
    pub(super) listen: Option<SocketAddr>,
    pub(super) metrics_listen: Option<SocketAddr>,
    pub(super) tls: Option<TlsWord>,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) client_ca: Option<PathBuf>,
    pub(super) client_names: Option<Vec<String>>,
    pub(super) kubernetes: Option<Which>,
    pub(super) namespace: Option<String>,
    pub(super) lease: Option<String>,
    pub(super) tls_secret: Option<String>,
    pub(super) tls_names: Option<Vec<String>>,
    pub(super) tls_lifetime: Option<u64>,
    pub(super) service: Option<String>,
    pub(super) webhook_configurations: Option<Vec<String>>,
    pub(super) events: Option<bool>,
    pub(super) policy: Option<PathBuf>,
    pub(super) policy_resources: Option<bool>,
    pub(super) break_glass: Option<PathBuf>,
    pub(super) trust_cache: Option<PathBuf>,
    pub(super) trust_refresh: Option<u64>,
    pub(super) cache_dir: Option<PathBuf>,
    pub(super) registries: Option<PathBuf>,
    pub(super) docker_config: Option<PathBuf>,
    pub(super) credential_providers: Option<PathBuf>,
    pub(super) credential_provider_dir: Option<PathBuf>,
    pub(super) pull_secrets: Option<bool>,
    pub(super) reload_interval: Option<u64>,
    pub(super) timeout: Option<u64>,
    pub(super) drain: Option<u64>,
    pub(super) most_reviews: Option<u64>,
    pub(super) most_waiting: Option<u64>,
    pub(super) most_bytes: Option<u64>,
    pub(super) mutate: Option<bool>,
    pub(super) otlp_endpoint: Option<String>,
    /// Where custom resources bear images.
    images: Vec<Spanned<Custom>>,
}

/// Where one kind of custom resource bears images.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Custom {
    #[serde(default)]
    group: String,
    kind: String,
    path: String,
    holds: Holds,
    #[serde(default)]
    optional: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Holds {
    Image,
    PodSpec,
}

impl ConfigFile {
    /// Reads a file, with the custom fields that it names.
    pub(super) fn read(path: &Path) -> Result<(Self, Vec<CustomField>), ConfigError> {
        let failed = |why: &str| ConfigError::File {
            at: path.display().to_string(),
            why: why.to_owned(),
        };
        let metadata = std::fs::metadata(path).map_err(|error| failed(&error.to_string()))?;
        if !metadata.is_file() || metadata.len() > MOST_BYTES {
            return Err(failed(&format!(
                "it has to be a regular file of at most {MOST_BYTES} bytes"
            )));
        }
        let text = std::fs::read_to_string(path).map_err(|error| failed(&error.to_string()))?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<(Self, Vec<CustomField>), ConfigError> {
        let failed = |at: Option<Location>, why: &str| ConfigError::File {
            at: match at {
                Some(at) => format!("{}:{}:{}", path.display(), at.line(), at.column()),
                None => path.display().to_string(),
            },
            why: printable(why),
        };
        // A file of comments alone configures nothing.
        let is_comment = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if text.lines().all(is_comment) {
            return Ok((Self::default(), Vec::new()));
        }
        let options = serde_saphyr::options! {
            with_snippet: false,
            strict_booleans: true,
        };
        let file: Self = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| failed(error.location(), &error.without_snippet().to_string()))?;
        let fields = file.images.iter().map(|custom| {
            let wrong = |why: &str| failed(Some(custom.defined), why);
            custom.value.field().map_err(|why| wrong(&why))
        });
        let fields = fields.collect::<Result<_, _>>()?;
        Ok((file, fields))
    }
}

impl Custom {
    fn field(&self) -> Result<CustomField, String> {
        if self.kind.is_empty() {
            return Err("`kind` is empty".to_owned());
        }
        let path: FieldPath = self.path.parse().map_err(|error| format!("{error}"))?;
        Ok(CustomField {
            of: GroupKind {
                group: self.group.clone(),
                kind: self.kind.clone(),
            },
            at: path,
            holds: match self.holds {
                Holds::Image => FieldContent::Image,
                Holds::PodSpec => FieldContent::PodSpec,
            },
            optional: self.optional,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Result<(ConfigFile, Vec<CustomField>), String> {
        ConfigFile::parse(text, Path::new("config.yaml")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_configures_options_and_custom_fields() {
        let text = "
listen: 127.0.0.1:8443
clientNames: [apiserver]
mutate: true
images:
  - {group: argoproj.io, kind: Rollout, path: spec.template.spec, holds: podSpec}
  - {group: acme.example, kind: Task, path: 'spec.steps[*].image', holds: image, optional: true}
";
        let (file, fields) = parse(text).unwrap();
        assert_eq!(file.listen.unwrap().port(), 8443);
        assert_eq!(file.client_names.unwrap(), ["apiserver"]);
        assert_eq!(file.mutate, Some(true));
        let written: Vec<String> = fields
            .iter()
            .map(|it| format!("{} {} {:?} {}", it.of, it.at, it.holds, it.optional))
            .collect();
        assert_eq!(
            written,
            [
                "Rollout.argoproj.io spec.template.spec PodSpec false",
                "Task.acme.example spec.steps[*].image Image true"
            ]
        );
        assert!(parse("# nothing\n\n").unwrap().0.listen.is_none());
    }

    #[test]
    fn what_is_unknown_or_wrong_is_an_error_with_its_line_and_column() {
        for (text, at, why) in [
            (
                "listen: 1.2.3.4:5\nlisten: 1.2.3.4:5\n",
                "config.yaml:2:1",
                "listen",
            ),
            ("policy: p\nlisten-on: x\n", "config.yaml:2:1", "listen-on"),
            ("timeout: soon\n", "config.yaml:1:10", "invalid u64"),
            ("mutate: yes\n", "config.yaml:1:9", "invalid boolean"),
            (
                "images:\n- {kind: A, path: a, holds: image}\n- {kind: A, path: 'a..b', holds: image}\n",
                "config.yaml:3:3",
                "`a..b` is no path",
            ),
            (
                "images: [{kind: '', path: a, holds: image}]\n",
                "config.yaml:1:10",
                "`kind` is empty",
            ),
            (
                "images: [{kind: A, path: a, holds: pod}]\n",
                "config.yaml:1:36",
                "pod",
            ),
            (
                "images: [{kind: A, path: a, holds: image, name: x}]\n",
                "config.yaml:1:43",
                "name",
            ),
            ("[]\n", "config.yaml:1:1", ""),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(at) && error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn no_variable_is_one_that_kubernetes_sets_for_a_service_of_our_name() {
        // A Pod gets COUNTERSIGN_WEBHOOK_PORT, …_PORT_443_TCP and …_SERVICE_HOST for the Service `countersign-webhook`.
        use clap::CommandFactory as _;
        for argument in super::super::Typed::command().get_arguments() {
            let Some(variable) = argument.get_env().map(|it| it.to_string_lossy()) else {
                continue;
            };
            let name = variable.strip_prefix("COUNTERSIGN_WEBHOOK_").unwrap();
            assert!(
                !name.starts_with("PORT") && !name.starts_with("SERVICE_"),
                "{name}"
            );
            let flag = argument
                .get_long()
                .unwrap()
                .replace('-', "_")
                .to_uppercase();
            assert_eq!(name, flag);
        }
    }
}
