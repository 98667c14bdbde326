//! Keys of Signers: read, each with its window, and none twice.

use super::{Compiler, Signers};
use crate::policy::document::{Document, KeySpec, SignerSpec, TimeWord};
use crate::policy::notes::{At, Spanned};
use crate::policy::scalar::Name;
use crate::policy::signer::Key;
use crate::{PublicKey, ReasonCode};

impl Compiler<'_> {
    pub(super) fn keys(
        &mut self,
        document: &Document<SignerSpec>,
        specs: &[KeySpec],
        signers: &mut Signers,
    ) -> Option<Vec<Key>> {
        let ids: Vec<&Spanned<Name>> = specs.iter().filter_map(|spec| spec.id.as_ref()).collect();
        self.duplicates_of("key", &ids);
        let mut keys = Vec::new();
        for spec in specs {
            let windowed = spec
                .valid_from
                .as_ref()
                .map(|from| from.at)
                .or(spec.valid_until.as_ref().map(|until| until.at));
            if let (Some(at), Some(TimeWord::None)) =
                (windowed, document.spec.time.as_ref().map(|word| word.value))
            {
                self.notes.error_with(
                    ReasonCode::Contradiction,
                    at,
                    "a window needs a proven time, and the Signer says `time: none`",
                    "Remove the window, or demand a time.",
                );
            }
            if let (Some(from), Some(until)) = (&spec.valid_from, &spec.valid_until)
                && from.value.0 > until.value.0
            {
                self.notes.error(
                    ReasonCode::Contradiction,
                    until.at,
                    "the window ends before it begins",
                );
            }
            if let (Some(id), Some(key)) = (&spec.id, self.key(spec)) {
                let at = spec
                    .pem
                    .as_ref()
                    .or(spec.file.as_ref())
                    .map_or(spec.at, |text| text.at);
                self.shared_key(&key, at, signers);
                keys.push(Key {
                    id: id.value.0.clone(),
                    key: *key.id(),
                    place: Some(self.notes.place(id.at)),
                    valid_from: spec.valid_from.as_ref().map(|from| from.value.0),
                    valid_until: spec.valid_until.as_ref().map(|until| until.value.0),
                });
                signers
                    .keys
                    .push(((document.name.value.0.clone(), id.value.0.clone()), key));
            }
        }
        (keys.len() == specs.len()).then_some(keys)
    }

    fn key(&mut self, spec: &KeySpec) -> Option<PublicKey> {
        let (at, pem) = match (&spec.pem, &spec.file) {
            (Some(pem), None) => (pem.at, pem.value.clone()),
            (None, Some(file)) => {
                let bytes = self.read_file(file.at, &file.value)?;
                let Ok(pem) = String::from_utf8(bytes) else {
                    self.notes.error(
                        ReasonCode::KeyInvalid,
                        file.at,
                        "the key's file is not text",
                    );
                    return None;
                };
                (file.at, pem)
            }
            (Some(_), Some(file)) => {
                self.notes.error(
                    ReasonCode::Contradiction,
                    file.at,
                    "a key has either `pem` or `file`",
                );
                return None;
            }
            (None, None) => {
                if !spec.has("pem") && !spec.has("file") {
                    self.notes.error(
                        ReasonCode::MissingField,
                        spec.at,
                        "a key needs `pem` or `file`",
                    );
                }
                return None;
            }
        };
        match PublicKey::from_pem(&pem) {
            Ok(key) => Some(key),
            Err(error) => {
                self.notes
                    .error(ReasonCode::KeyInvalid, at, error.to_string());
                None
            }
        }
    }

    fn shared_key(&mut self, key: &PublicKey, at: At, signers: &Signers) {
        if let Some(((signer, id), _)) = signers
            .keys
            .iter()
            .find(|(_, other)| other.id() == key.id())
        {
            let message = format!("this is the same key as `{id}` of the Signer `{signer}`");
            self.notes.error(ReasonCode::SharedKey, at, message);
        }
    }
}
