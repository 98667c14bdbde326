//! What a program needs of the machine that it runs on, read from its ELF file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use object::Endianness;
use object::elf::{self, FileHeader64, PT_DYNAMIC, PT_INTERP};
use object::read::elf::{FileHeader as _, ProgramHeader as _};

/// A kind of machine that programs are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Machine {
    /// x86-64.
    Amd64,
    /// AArch64.
    Arm64,
}

impl Machine {
    /// As the OCI image specification, Go and Debian name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    fn of(number: elf::Machine) -> Result<Self> {
        match number {
            elf::EM_X86_64 => Ok(Self::Amd64),
            elf::EM_AARCH64 => Ok(Self::Arm64),
            other => bail!(
                "it is for the ELF machine {}; x86-64 (62) and AArch64 (183) are known",
                other.0
            ),
        }
    }
}

/// A program that goes into an image.
#[derive(Debug, Clone)]
pub struct Program {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) machine: Machine,
    pub(crate) needs: Needs,
}

/// What is loaded with a program or library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The dynamic linker by its path; none of a static program.
    pub(crate) interpreter: Option<PathBuf>,
    /// Names of shared libraries.
    pub(crate) libraries: BTreeSet<String>,
}

impl Program {
    /// Reads the program at `path`; it keeps its name.
    ///
    /// # Errors
    /// If it cannot be read, is no 64-bit ELF program for Linux, or is for a machine that nobody here knows.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.with_context(|| format!("{} has no name", path.display()))?;
        let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let (machine, needs) = needs(&bytes)
            .with_context(|| format!("{} is no program that an image can have", path.display()))?;
        Ok(Self {
            name: name.to_owned(),
            bytes,
            machine,
            needs,
        })
    }

    /// What it is built for.
    #[must_use]
    pub const fn machine(&self) -> Machine {
        self.machine
    }
}

/// The machine of an ELF file, and what it needs.
pub(crate) fn needs(bytes: &[u8]) -> Result<(Machine, Needs)> {
    let header = FileHeader64::<Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let machine = Machine::of(header.e_machine(endian))?;
    let segments = header.program_headers(endian, bytes)?;
    let mut needs = Needs::default();
    let mut has_dynamic = false;
    for segment in segments {
        if segment.p_type(endian) == PT_INTERP {
            let path = segment
                .interpreter(endian, bytes)?
                .context("the dynamic linker's path has no end")?;
            needs.interpreter = Some(PathBuf::from(std::str::from_utf8(path)?));
        }
        has_dynamic |= segment.p_type(endian) == PT_DYNAMIC;
    }
    let dynamic = header
        .sections(endian, bytes)?
        .dynamic_table(endian, bytes)?;
    // The loader goes by segments, and this by sections, which may have been stripped: then nobody knows what it needs.
    if has_dynamic && dynamic.is_empty() {
        bail!("it has a dynamic segment and no section that tells what is in it");
    }
    for entry in dynamic.iter() {
        if entry.tag == elf::DT_NEEDED {
            let name = dynamic.string(entry)?;
            needs
                .libraries
                .insert(std::str::from_utf8(name)?.to_owned());
        }
    }
    Ok((machine, needs))
}
