//! Manifests on the command line, and the formats in which results are reported.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use countersign_core::{CustomField, FieldContent, FieldPath, GroupKind};

use super::values::ValuesPath;
use super::{Format, Labels, policy, registries};

/// Where manifests are, and how they are read.
#[derive(Debug, Args)]
pub(crate) struct ManifestOptions {
    /// Judge every image in files: manifests, kustomization.yaml, or values with --values-path; a folder with all below it, or - for standard input.
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE|DIR|-",
        conflicts_with = "images"
    )]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) fields: FieldOptions,
    /// Deny images that are written without a digest, whatever the policy says.
    #[arg(long, requires = "files")]
    pub(crate) require_digest: bool,
    /// Deny tags that stand for another image than the lock has, or are not in it; `countersign lock` writes it.
    #[arg(long, requires = "files")]
    pub(crate) locked: bool,
    /// The lock that --locked goes by.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "countersign.lock",
        requires = "locked"
    )]
    pub(crate) lock_file: PathBuf,
    /// It is no error that no image is found.
    #[arg(long, requires = "files")]
    pub(crate) allow_empty: bool,
}

/// By what a command judges that writes digests down, and what it says of it.
#[derive(Debug, Args)]
pub(crate) struct WritingOptions {
    /// The policy: a file, or a folder whose files are one set.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) policy: PathBuf,
    #[command(flatten)]
    pub(crate) roots: policy::PolicyRoots,
    /// Text for people or JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) registries: registries::RegistryOptions,
    /// The namespace in which images are to run, if manifests do not say; without it every policy's `namespaces` count as matching.
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// All labels of that namespace, for policies that select by them; an empty text says that it has none.
    #[arg(long, value_name = "KEY=VALUE,…", requires = "namespace")]
    pub(crate) namespace_labels: Option<Labels>,
    /// Give up on an image after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}

/// Where images are beyond what Kubernetes itself defines.
#[derive(Debug, Clone, Args)]
pub(crate) struct FieldOptions {
    /// Where objects have images, in the form that the help tells: brackets in a docstring would be read as links.
    #[arg(
        long = "image-field",
        value_name = "KIND.GROUP=PATH",
        requires = "files",
        help = "Objects of this kind have images at this path, such as Runner.ci.example=spec.steps[*].image; with ? at the end they may have none"
    )]
    pub(crate) image_fields: Vec<KindPath>,
    /// Objects of this kind have a PodSpec at this path, such as Rollout.argoproj.io=spec.template.spec; with ? at the end they may have none.
    #[arg(
        long = "pod-spec-field",
        value_name = "KIND.GROUP=PATH",
        requires = "files"
    )]
    pub(crate) pod_spec_fields: Vec<KindPath>,
    /// An image in values of Helm: the mapping, and its keys for repository, tag and digest, or for registry, repository, tag and digest.
    #[arg(
        long = "values-path",
        value_name = "PATH.REPOSITORY/TAG/DIGEST",
        requires = "files"
    )]
    pub(crate) values: Vec<ValuesPath>,
}

impl FieldOptions {
    /// Those of custom resources, as the reader of objects takes them, and those of values.
    pub(crate) fn parts(self) -> (Vec<CustomField>, Vec<ValuesPath>) {
        let all = |paths: Vec<KindPath>, holds| {
            paths.into_iter().map(move |it| CustomField {
                of: it.of,
                at: it.at,
                holds,
                optional: it.optional,
            })
        };
        let custom = all(self.image_fields, FieldContent::Image)
            .chain(all(self.pod_spec_fields, FieldContent::PodSpec));
        (custom.collect(), self.values)
    }
}

/// `Kind.group=path`, `Kind=path` for the core group; a `?` at the end means optional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KindPath {
    of: GroupKind,
    at: FieldPath,
    optional: bool,
}

impl FromStr for KindPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (of, path) = text
            .split_once('=')
            .ok_or("expected KIND.GROUP=PATH, such as Rollout.argoproj.io=spec.template.spec")?;
        let (kind, group) = of.split_once('.').unwrap_or((of, ""));
        if kind.is_empty() || of.ends_with('.') {
            return Err("a kind is missing before `=`, or its group after the point".to_owned());
        }
        let (path, optional) = match path.strip_suffix('?') {
            Some(path) => (path, true),
            None => (path, false),
        };
        Ok(Self {
            of: GroupKind {
                group: group.to_owned(),
                kind: kind.to_owned(),
            },
            at: path.parse().map_err(|error| format!("{error}"))?,
            optional,
        })
    }
}

/// How a result is written: for people, for programs, as SARIF 2.1.0, as JUnit XML, as Markdown, as workflow commands of GitHub Actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum ReportFormat {
    Text,
    Json,
    Sarif,
    Junit,
    Markdown,
    Github,
}

/// `FORMAT=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportFile {
    pub(crate) format: ReportFormat,
    pub(crate) file: PathBuf,
}

impl FromStr for ReportFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = || {
            let names = ReportFormat::value_variants().iter();
            let names = names.filter_map(ValueEnum::to_possible_value);
            let names: Vec<String> = names.map(|it| it.get_name().to_owned()).collect();
            format!("expected FORMAT=FILE with one of {}", names.join(", "))
        };
        let (format, file) = text.split_once('=').ok_or_else(known)?;
        if file.is_empty() {
            return Err(known());
        }
        Ok(Self {
            format: ReportFormat::from_str(format, false).map_err(|_| known())?,
            file: file.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_a_kind_and_a_path() {
        let read = |text: &str| {
            KindPath::from_str(text).map(|it| (it.of.to_string(), it.at.to_string(), it.optional))
        };
        let field = |of: &str, at: &str, optional| Ok((of.to_owned(), at.to_owned(), optional));
        assert_eq!(
            read("Rollout.argoproj.io=spec.template.spec"),
            field("Rollout.argoproj.io", "spec.template.spec", false)
        );
        assert_eq!(read("Pod=spec.x[*]?"), field("Pod", "spec.x[*]", true));
        for wrong in [
            "Rollout",
            "=spec",
            "Rollout.=spec",
            "Rollout=",
            "A=?",
            "A=a..b",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn reports_have_a_format_and_a_file() {
        let read = |text: &str| ReportFile::from_str(text).map(|it| (it.format, it.file));
        assert_eq!(
            read("sarif=a=b.sarif"),
            Ok((ReportFormat::Sarif, "a=b.sarif".into()))
        );
        for wrong in ["sarif", "sarif=", "xml=a", "=a"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
