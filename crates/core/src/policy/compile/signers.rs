//! Signers: what they are known by, and what they demand of logs, times and formats.

use std::sync::Arc;

use super::roots::{Root, Roots};
use super::{Compiler, Signers};
use crate::policy::document::{
    BundleWord, Document, Documents, FormatWord, LogWord, SignerSpec, TimeWord,
};
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
        let log = self.log(document, root.as_ref(), time);
        self.check_root(document, root.as_ref(), log, time);
        Some(Signer {
            name: document.name.value.0.clone(),
            maker: maker?,
            root: root.map(|root| RootDemand {
                name: root.root.name().name.clone(),
                sct: root.sct,
                life: root.life(),
            }),
            log,
            time,
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

    fn time(&mut self, document: &Document<SignerSpec>, root: Option<&Root>) -> TimeDemand {
        let Some(word) = &document.spec.time else {
            return TimeDemand::Either;
        };
        let lacks = |count: usize| root.is_some() && count == 0;
        let logs = root.map_or(0, |root| root.root.log_count());
        let authorities = root.map_or(0, |root| root.root.timestamp_authorities().len());
        let missing = match word.value {
            TimeWord::Log if lacks(logs) => Some("log"),
            TimeWord::Timestamp if lacks(authorities) => Some("timestamp authority"),
            TimeWord::Either if lacks(logs) && lacks(authorities) => {
                Some("log nor timestamp authority")
            }
            _ => None,
        };
        if let Some(what) = missing {
            self.notes.error(
                ReasonCode::Contradiction,
                word.at,
                format!("the trust root lists no {what}"),
            );
        }
        match word.value {
            TimeWord::Log => TimeDemand::Log,
            TimeWord::Timestamp => TimeDemand::Timestamp,
            TimeWord::Either => TimeDemand::Either,
            TimeWord::None => {
                if document.spec.keyless.is_some() {
                    self.notes.error_with(
                        ReasonCode::Contradiction,
                        word.at,
                        "a certificate lives for minutes, so `keyless` needs a proven time",
                        "Remove `time: none`; it is for keys only.",
                    );
                }
                TimeDemand::None
            }
        }
    }

    /// Whether a log must hold the signature: as said, or else where the trust root lists a log.
    fn log(
        &mut self,
        document: &Document<SignerSpec>,
        root: Option<&Root>,
        time: TimeDemand,
    ) -> bool {
        let listed = root.is_some_and(|root| root.root.log_count() > 0);
        let Some(word) = &document.spec.log else {
            return listed;
        };
        match word.value {
            LogWord::Required => {
                if root.is_some() && !listed {
                    self.notes.error(
                        ReasonCode::Contradiction,
                        word.at,
                        "the trust root lists no log",
                    );
                }
                true
            }
            LogWord::Off => {
                if time == TimeDemand::Log {
                    self.notes.error(
                        ReasonCode::Contradiction,
                        word.at,
                        "`time: log` needs a log, and `log: off` demands none",
                    );
                }
                false
            }
        }
    }

    fn check_root(
        &mut self,
        document: &Document<SignerSpec>,
        root: Option<&Root>,
        log: bool,
        time: TimeDemand,
    ) {
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
                let at = spec.log.as_ref().map_or(document.name.at, |word| word.at);
                self.notes.error(
                    ReasonCode::TrustRootMissing,
                    at,
                    "`log: required` needs a trust root that lists the log",
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
            (Some(trust), Some(_))
                if root.is_some_and(|root| root.sct && root.root.ct_log_count() == 0) =>
            {
                self.notes.error_with(
                        ReasonCode::Contradiction,
                        trust.at,
                        "the trust root lists no certificate-transparency log, and certificates need a proof by one",
                        "Say `sct: none` in the TrustRoot document (without `file:` if --trust-root hands it over).",
                    );
            }
            _ => {}
        }
    }
}
