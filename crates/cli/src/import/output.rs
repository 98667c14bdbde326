//! Where policy and report go.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use super::ImportJob;
use super::model::{Material, Set};
use super::report::Report;
use crate::args::Format;
use crate::escape::escaped;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// Whether files can be put beside the policy: a path that ends like a policy file is one, anything else a folder.
pub(super) fn is_folder(path: &Path) -> bool {
    path.is_dir()
        || !matches!(
            path.extension().and_then(|it| it.to_str()),
            Some("yaml" | "yml")
        )
}

/// The report as text.
pub(super) fn report(report: &Report, format: Format) -> String {
    match format {
        Format::Text => report.text(),
        Format::Json => output::json(report),
    }
}

/// Writes both.
pub(super) fn delivered(
    job: &ImportJob,
    set: &Set,
    text: &str,
    report: &Report,
    exit: Exit,
) -> Result<Exit, Failure> {
    let told = self::report(report, job.report);
    let Some(out) = &job.out else {
        output::say(&told, job.color);
        return Ok(output::deliver(text, job.color, exit));
    };
    if is_folder(out) {
        fs::create_dir_all(out).map_err(|error| failed(out, &error))?;
        create(&out.join("policy.yaml"), text.as_bytes())?;
        for root in &set.roots {
            let file = out.join(root.file());
            if let Material::Tuf { root, .. } = &root.material {
                create(&file, root)?;
            }
        }
    } else {
        create(out, text.as_bytes())?;
    }
    Ok(output::deliver(&told, job.color, exit))
}

/// Writes a new file; what somebody may have edited is never overwritten.
fn create(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::unknown(format!(
        "{}: {error}",
        escaped(&path.display().to_string(), 300)
    ))
}
