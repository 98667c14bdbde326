//! Layers put together: flags before the environment, before one file, before what is so by itself.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;
use countersign_core::{CustomField, printable};

/// The variable of the environment of an option, without what all begin with.
pub(super) fn variable(name: &str) -> String {
    name.replace('-', "_").to_uppercase()
}

/// Puts the layers together and notes what came from where.
pub(super) struct Merge<'a> {
    pub(super) matches: &'a ArgMatches,
    pub(super) shown: String,
}

impl Merge<'_> {
    pub(super) fn or<T: ToString>(
        &mut self,
        name: &str,
        typed: Option<T>,
        file: Option<T>,
        default: T,
    ) -> T {
        let source = self.source(name, typed.is_some(), file.is_some());
        let value = typed.or(file).unwrap_or(default);
        self.note(name, &value.to_string(), &source);
        value
    }

    pub(super) fn path(
        &mut self,
        name: &str,
        typed: Option<PathBuf>,
        file: Option<PathBuf>,
    ) -> Option<PathBuf> {
        let source = self.source(name, typed.is_some(), file.is_some());
        let value = typed.or(file);
        match &value {
            Some(path) => self.note(name, &quoted(&path.display().to_string()), &source),
            None => self.none(name),
        }
        value
    }

    pub(super) fn text(
        &mut self,
        name: &str,
        typed: Option<String>,
        file: Option<String>,
    ) -> Option<String> {
        let source = self.source(name, typed.is_some(), file.is_some());
        let value = typed.or(file);
        match &value {
            Some(value) => self.note(name, &quoted(value), &source),
            None => self.none(name),
        }
        value
    }

    pub(super) fn name(
        &mut self,
        name: &str,
        typed: Option<String>,
        file: Option<String>,
        default: &str,
    ) -> String {
        let source = self.source(name, typed.is_some(), file.is_some());
        let value = typed.or(file).unwrap_or_else(|| default.to_owned());
        self.note(name, &quoted(&value), &source);
        value
    }

    pub(super) fn list(
        &mut self,
        name: &str,
        typed: Option<Vec<String>>,
        file: Option<Vec<String>>,
    ) -> Vec<String> {
        self.list_or(name, typed, file, &[])
    }

    pub(super) fn list_or(
        &mut self,
        name: &str,
        typed: Option<Vec<String>>,
        file: Option<Vec<String>>,
        default: &[&str],
    ) -> Vec<String> {
        let source = self.source(name, typed.is_some(), file.is_some());
        let value = typed.or(file);
        let value = value.unwrap_or_else(|| default.iter().map(|it| (*it).to_owned()).collect());
        let all: Vec<String> = value.iter().map(|it| quoted(it)).collect();
        self.note(name, &format!("[{}]", all.join(", ")), &source);
        value
    }

    fn source(&self, name: &str, is_typed: bool, is_in_file: bool) -> String {
        match self.matches.value_source(&name.replace('-', "_")) {
            Some(ValueSource::EnvVariable) if is_typed => {
                format!("environment COUNTERSIGN_WEBHOOK_{}", variable(name))
            }
            _ if is_typed => format!("flag --{name}"),
            _ if is_in_file => "file".to_owned(),
            _ => "default".to_owned(),
        }
    }

    fn note(&mut self, name: &str, value: &str, source: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.shown, "{}: {value} # {source}", camel(name));
    }

    fn none(&mut self, name: &str) {
        let _ = writeln!(self.shown, "# {} is not configured", camel(name));
    }

    pub(super) fn shown_with(self, images: &[CustomField]) -> String {
        let mut shown = self.shown;
        shown.push_str(match images {
            [] => "images: [] # default\n",
            _ => "images: # file\n",
        });
        for field in images {
            let holds = match field.holds {
                countersign_core::FieldContent::PodSpec => "podSpec",
                _ => "image",
            };
            let (group, kind, path) = (
                quoted(&field.of.group),
                quoted(&field.of.kind),
                quoted(&field.at.to_string()),
            );
            let optional = field.optional;
            let _ = writeln!(
                shown,
                "  - {{group: {group}, kind: {kind}, path: {path}, holds: {holds}, optional: {optional}}}"
            );
        }
        shown
    }
}

/// `metrics-listen` as it is written in the file.
fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut name, part| {
        let mut letters = part.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

/// A string of YAML, and of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(printable(text)).to_string()
}
