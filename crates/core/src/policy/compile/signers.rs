//! Signers: what they are known by, and in which formats their signatures count.

use std::sync::Arc;

use super::roots::{Root, Roots};
use super::{Compiler, Signers};
use crate::policy::document::{BundleWord, Document, Documents, FormatWord, SignerSpec};
use crate::policy::notes::Spanned;
use crate::policy::signer::{Maker, RootDemand, Signer, TimeDemand};
use crate::{Format, ReasonCode};

impl Compiler<'_> {
    pub(in crate::policy) fn signers(&mut self, documents: &Documents, roots: &Roots) -> Signers {
        let mut signers = Signers {
            lost: documents.lost,
            ..Signers::default()
        };
        for document in &documents.signers {
            let before = self.notes.error_count();
            let compiled = self.signer(document, roots, &mut signers);
            let good = self.notes.error_count() == before;
            let compiled = compiled.filter(|_| good).map(Arc::new);
            signers
                .by_name
                .insert(document.name.value.0.clone(), compiled);
        }
        signers
    }

    fn signer(
        &mut self,
        document: &Document<SignerSpec>,
        roots: &Roots,
        signers: &mut Signers,
    ) -> Option<Signer> {
        let spec = &document.spec;
        let root = self.root_of(document, roots, signers.lost);
        let maker = match (&spec.keyless, &spec.keys) {
            (Some(keyless), None) => self
                .keyless(keyless)
                .map(|keyless| Maker::Keyless(Box::new(keyless))),
            (None, Some(keys)) => self.keys(document, &keys.value, signers).map(Maker::Keys),
            (Some(_), Some(keys)) => {
                self.notes.error_with(
                    ReasonCode::Contradiction,
                    keys.at,
                    "a Signer has either `keyless` or `keys`",
                    "Write two Signers and name both in `from: {any: […]}`.",
                );
                None
            }
            (None, None) => {
                if !spec.has("keyless") && !spec.has("keys") {
                    self.notes.error(
                        ReasonCode::MissingField,
                        spec.at,
                        "a Signer needs `keyless` or `keys`",
                    );
                }
                None
            }
        };
        let (bundles, legacy) = self.formats(spec);
        let time = self.time(document, root.as_ref());
        let logs = self.logs(document, root.as_ref(), time);
        let timestamps = self.timestamps(document, root.as_ref(), time);
        let sct = self.sct(document, root.as_ref());
        self.check_root(document, logs > 0, time);
        Some(Signer {
            name: document.name.value.0.clone(),
            maker: maker?,
            root: root.map(|root| RootDemand {
                name: root.root.name().name.clone(),
                sct,
                life: root.life(),
            }),
            logs,
            time,
            timestamps,
            bundles,
            legacy,
        })
    }

    fn root_of(
        &mut self,
        document: &Document<SignerSpec>,
        roots: &Roots,
        lost: bool,
    ) -> Option<Root> {
        let name = document.spec.trust.as_ref()?;
        match roots.find(&name.value.0) {
            Some(root) => root.cloned(),
            None => {
                let wanted = &name.value.0;
                if !lost {
                    let guess = roots.did_you_mean(wanted);
                    self.notes.error_with(
                        ReasonCode::UnknownName,
                        name.at,
                        format!("there is no TrustRoot `{wanted}`{guess}"),
                        format!(
                            "Add a document of kind TrustRoot, or pass --trust-root {wanted}=FILE."
                        ),
                    );
                }
                None
            }
        }
    }

    fn formats(&mut self, spec: &SignerSpec) -> (Vec<Format>, bool) {
        let mut bundle = true;
        let mut legacy = true;
        if let Some(formats) = &spec.formats {
            self.duplicate_words("format", &formats.value);
            bundle = formats
                .value
                .iter()
                .any(|word| word.value == FormatWord::Bundle);
            legacy = formats
                .value
                .iter()
                .any(|word| word.value == FormatWord::Legacy);
        }
        let Some(versions) = &spec.bundle_versions else {
            return (
                if bundle {
                    vec![Format::BundleV03]
                } else {
                    Vec::new()
                },
                legacy,
            );
        };
        self.duplicate_words("version", &versions.value);
        if !bundle {
            self.notes.warning(
                ReasonCode::NoEffect,
                versions.at,
                "`bundleVersions` has no effect: `formats` leaves bundles out",
            );
            return (Vec::new(), legacy);
        }
        let versions = versions.value.iter().map(|word| match word.value {
            BundleWord::V01 => Format::BundleV01,
            BundleWord::V02 => Format::BundleV02,
            BundleWord::V03 => Format::BundleV03,
        });
        (versions.collect(), legacy)
    }

    fn duplicate_words<T: PartialEq>(&mut self, what: &str, words: &[Spanned<T>]) {
        for (index, word) in words.iter().enumerate() {
            if words
                .iter()
                .take(index)
                .any(|other| other.value == word.value)
            {
                self.notes.error(
                    ReasonCode::DuplicateItem,
                    word.at,
                    format!("this {what} stands twice in the list"),
                );
            }
        }
    }

    fn check_root(&mut self, document: &Document<SignerSpec>, log: bool, time: TimeDemand) {
        let spec = &document.spec;
        match (&spec.trust, &spec.keyless) {
            (None, Some(_)) => {
                self.notes.error(
                    ReasonCode::TrustRootMissing,
                    document.name.at,
                    "a `keyless` Signer needs a trust root",
                );
            }
            (None, None) if log => {
                let at = spec.log.as_ref().map(|word| word.at);
                let at = at.or(spec.log_operators.as_ref().map(|number| number.at));
                let at = at.unwrap_or(document.name.at);
                self.notes.error(
                    ReasonCode::TrustRootMissing,
                    at,
                    "a log that is required needs a trust root that lists it",
                );
            }
            (None, None) if time != TimeDemand::None && spec.keys.is_some() => {
                let at = spec.time.as_ref().map_or(document.name.at, |word| word.at);
                self.notes.error_with(
                    ReasonCode::TrustRootMissing,
                    at,
                    "the Signer demands a proven time, so something must vouch for it",
                    "Add `trust:`, or say `log: off` and `time: none` if the key alone is enough.",
                );
            }
            (Some(trust), None) if !log && time == TimeDemand::None => {
                self.notes.warning(
                    ReasonCode::NoEffect,
                    trust.at,
                    "`trust` has no effect: the Signer demands neither a log nor a time",
                );
            }
            _ => {}
        }
    }
}
