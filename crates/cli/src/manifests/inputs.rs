//! The files that are named, and how they are read.

use std::path::PathBuf;

use countersign::{ManifestText, read_manifests};
use countersign_core::ImageFields;

use super::found::TypedNamespace;
use super::target::Reader;
use crate::args::manifests::FieldOptions;
use crate::args::values::ValuesPath;
use crate::failure::Failure;

/// What `verify -f`, `pin` and `lock` have in common: where images are looked for.
#[derive(Debug)]
pub(crate) struct Inputs {
    files: Vec<PathBuf>,
    pub(crate) fields: ImageFields,
    pub(crate) values: Vec<ValuesPath>,
    pub(crate) namespace: TypedNamespace,
}

/// What images are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be judged as they would run: what other programs would make of a file counts too.
    Judge,
    /// To have their digests written down.
    Write,
}

impl Inputs {
    pub(crate) fn new(
        files: Vec<PathBuf>,
        fields: FieldOptions,
        namespace: TypedNamespace,
    ) -> Self {
        let (custom, values) = fields.parts();
        Self {
            files,
            fields: ImageFields::new(custom),
            values,
            namespace,
        }
    }

    /// Everything that names an image, each with the place where its digest belongs, and the texts; says on standard error what is doubtful, and what is
    /// wrong.
    ///
    /// # Errors
    /// Something is wrong: nothing may be judged then.
    pub(crate) fn read(
        &self,
        purpose: Purpose,
        color: anstream::ColorChoice,
    ) -> Result<(Reader<'_>, Vec<ManifestText>), Failure> {
        let (texts, wrong) = read_manifests(&self.files);
        let mut reader = Reader::new(self, purpose);
        reader.found.wrong = wrong;
        for (number, text) in texts.iter().enumerate() {
            reader.read(number, text);
        }
        reader.end();
        reader.found.told(color)?;
        Ok((reader, texts))
    }
}
