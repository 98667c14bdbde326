//! What an image has of Debian: the libraries that its programs load, and the certificate authorities, from the packages that are
//! installed, by their own lists of files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::layer::Entry;
use crate::program::{Machine, Needs, needs};

/// The packages that an image may have files of. A program that needs more needs to be looked at.
pub const PACKAGES: [&str; 3] = ["libc6", "libgcc-s1", "ca-certificates"];

/// Of which packages libraries are taken.
const LIBRARIES: [&str; 2] = ["libc6", "libgcc-s1"];
/// Where programs look for the authorities that the system trusts.
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";
/// Where the package has each authority in a file of its own. `update-ca-certificates` makes the machine's bundle of these and of
/// what its administrator adds, which is no business of an image.
const AUTHORITIES: &str = "/usr/share/ca-certificates/";

/// An installed Debian, or a folder with one.
#[derive(Debug, Clone)]
pub struct Debian {
    root: PathBuf,
}

impl Debian {
    /// The Debian in this folder: `/` is the machine's own.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Everything that a program with these needs is run with: libraries and dynamic linker of the program's machine, certificate
    /// authorities, each package's entry of the database (so that scanners know which versions are there) and its licence.
    pub(crate) fn files(&self, machine: Machine, wanted: &Needs) -> Result<Vec<Entry>> {
        let mut entries = vec![self.release()?];
        let mut packages = BTreeSet::from(["ca-certificates"]);
        entries.push(self.authorities()?);
        if wanted != &Needs::default() {
            packages.extend(LIBRARIES);
            entries.extend(self.libraries(machine, wanted)?);
        }
        for package in packages {
            entries.push(self.licence(package)?);
            entries.push(self.status(package, machine)?);
        }
        Ok(entries)
    }

    fn libraries(&self, machine: Machine, wanted: &Needs) -> Result<Vec<Entry>> {
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let mut paths: BTreeSet<String> = BTreeSet::new();
        for package in LIBRARIES {
            for path in self.list(package, Some(machine))? {
                let (folder, name) = path.rsplit_once('/').unwrap_or_default();
                // Not what is loaded for other reasons: character sets, debugging.
                if name.contains(".so") && is_searched(folder) {
                    known.insert(name.to_owned(), path.clone());
                }
                paths.insert(path);
            }
        }
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        if let Some(linker) = &wanted.interpreter {
            let path = linker.to_string_lossy().into_owned();
            if !paths.contains(&path) {
                bail!(
                    "its dynamic linker {path} is of none of the packages {}",
                    LIBRARIES.join(", ")
                );
            }
            entries.insert(path.clone(), self.library(&path)?);
        }
        // Libraries need the dynamic linker too, which is there by then.
        let linker = wanted.interpreter.as_deref().and_then(Path::file_name);
        let mut waiting: Vec<String> = wanted.libraries.iter().cloned().collect();
        while let Some(name) = waiting.pop() {
            if linker.is_some_and(|linker| linker == name.as_str()) {
                continue;
            }
            let Some(path) = known.get(&name) else {
                bail!(
                    "it needs {name}, which is of none of the packages {}",
                    LIBRARIES.join(", ")
                );
            };
            if entries.contains_key(path) {
                continue;
            }
            let entry = self.library(path)?;
            let (of, more) = needs(entry.bytes()).with_context(|| format!("reading {path}"))?;
            if of != machine {
                bail!(
                    "{path} is for {}, and the program for {}",
                    of.name(),
                    machine.name()
                );
            }
            waiting.extend(more.libraries);
            entries.insert(path.clone(), entry);
        }
        Ok(entries.into_values().collect())
    }

    fn library(&self, path: &str) -> Result<Entry> {
        Ok(Entry::program(path, self.read(path)?))
    }

    /// The package's authorities, in the order of their names.
    fn authorities(&self) -> Result<Entry> {
        let mut bundle = Vec::new();
        let mut files = self.list("ca-certificates", None)?;
        files.retain(|path| path.starts_with(AUTHORITIES) && path.ends_with(".crt"));
        files.sort_unstable();
        for path in &files {
            let pem = self.read(path)?;
            if !pem.starts_with(b"-----BEGIN CERTIFICATE-----\n") || !pem.ends_with(b"\n") {
                bail!("{path} is no certificate in PEM");
            }
            bundle.extend(pem);
        }
        if files.is_empty() {
            bail!("the package ca-certificates has no certificates below {AUTHORITIES}");
        }
        Ok(Entry::file(BUNDLE, bundle))
    }

    /// Which release of which system: without it scanners look up no versions.
    fn release(&self) -> Result<Entry> {
        Ok(Entry::file(
            "etc/os-release",
            self.read("/usr/lib/os-release")?,
        ))
    }

    fn licence(&self, package: &str) -> Result<Entry> {
        let path = format!("/usr/share/doc/{package}/copyright");
        Ok(Entry::file(&path, self.read(&path)?))
    }

    /// The package's paragraph of dpkg's database, where images without dpkg have it.
    fn status(&self, package: &str, machine: Machine) -> Result<Entry> {
        let database = String::from_utf8(self.read("/var/lib/dpkg/status")?)?;
        let paragraph = database.split("\n\n").find(|paragraph| {
            let has = |field: &str, value: &str| {
                let line = paragraph.lines().find_map(|line| line.strip_prefix(field));
                line.map(str::trim) == Some(value)
            };
            has("Package:", package)
                && has("Status:", "install ok installed")
                && (has("Architecture:", machine.name()) || has("Architecture:", "all"))
        });
        let paragraph = paragraph.with_context(|| missing(package, machine.name(), &self.root))?;
        let path = format!("var/lib/dpkg/status.d/{package}");
        Ok(Entry::file(
            &path,
            format!("{}\n", paragraph.trim()).into_bytes(),
        ))
    }

    /// The paths of a package.
    fn list(&self, package: &str, machine: Option<Machine>) -> Result<Vec<String>> {
        let name = match machine {
            Some(machine) => format!("{package}:{}", machine.name()),
            None => package.to_owned(),
        };
        let path = self.root.join(format!("var/lib/dpkg/info/{name}.list"));
        let list = fs::read_to_string(&path)
            .with_context(|| missing(package, machine.map_or("all", Machine::name), &self.root))?;
        Ok(list.lines().map(str::to_owned).collect())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        let path = self.root.join(path.trim_start_matches('/'));
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    }
}

/// Where the dynamic linker of Debian looks without being told to.
fn is_searched(folder: &str) -> bool {
    let folder = folder.strip_prefix("/usr").unwrap_or(folder);
    folder == "/lib" || (folder.starts_with("/lib/") && folder.ends_with("-linux-gnu"))
}

fn missing(package: &str, machine: &str, root: &Path) -> String {
    format!(
        "the Debian package {package} ({machine}) is not installed in {}: install it, or pass --root with a folder that has it",
        root.display()
    )
}
