//! Revocations: keys by what the set calls them, or by fingerprint; everything else by digest or exact text.

use std::collections::BTreeSet;

use super::{Compiler, Signers};
use crate::policy::document::{Document, RevocationSpec};
use crate::policy::notes::did_you_mean;
use crate::policy::revocation::Revocation;
use crate::policy::shape::{Items, Text};
use crate::policy::signer::TimeDemand;
use crate::{Digest, ReasonCode};

impl Compiler<'_> {
    pub(super) fn revocation(
        &mut self,
        document: &Document<RevocationSpec>,
        signers: &Signers,
    ) -> Option<Revocation> {
        let spec = &document.spec;
        let at = document.name.at;
        let names_signers = spec.has("keys") || spec.has("identities");
        if !names_signers && !spec.has("digests") && !spec.has("evidence") {
            self.notes.error_with(
                ReasonCode::EmptyList,
                at,
                "the Revocation revokes nothing",
                "Name `keys`, `identities`, `digests` or `evidence`.",
            );
        }
        if let Some(from) = spec.from.as_ref().filter(|_| !names_signers) {
            self.notes.warning(
                ReasonCode::NoEffect,
                from.at,
                "`from` has no effect: what is revoked by digest never counts",
            );
        }
        let keys = self.listed(spec.keys.as_ref(), |this, text| {
            this.revoked_keys(text, signers)
        });
        if spec.from.is_some() {
            self.untimed(spec, signers);
        }
        let digests = self.listed(spec.digests.as_ref(), Self::revoked_digest);
        let evidence = self.listed(spec.evidence.as_ref(), Self::revoked_digest);
        let identities = spec.identities.iter().flat_map(|list| &list.value);
        let identities: Vec<Option<(String, String)>> = identities
            .map(|one| {
                let issuer = one.issuer.as_ref().and_then(|text| self.exact(text));
                let subject = one.subject.as_ref().and_then(|text| self.exact_line(text));
                Some((issuer?, subject?))
            })
            .collect();
        Some(Revocation {
            name: document.name.value.0.clone(),
            place: self.notes.place(at),
            reason: spec.reason.as_ref()?.value.clone(),
            from: spec.from.as_ref().map(|from| from.value.0),
            keys: keys?,
            identities: identities.into_iter().collect::<Option<_>>()?,
            digests: digests?,
            evidence: evidence?,
        })
    }

    /// `from` spares what is proven to be older, and of a Signer with `time: none` nothing is.
    fn untimed(&mut self, spec: &RevocationSpec, signers: &Signers) {
        for text in spec.keys.iter().flat_map(|list| &list.value) {
            let mut named = signers.keys.iter().filter(|((signer, id), key)| {
                is_key(&text.value, signer, id) || text.value == key.id().to_string()
            });
            let untimed = |((signer, _), _): &&((String, String), crate::PublicKey)| {
                let signer = signers.by_name.get(signer).and_then(Option::as_ref);
                signer.is_some_and(|signer| signer.time == TimeDemand::None)
            };
            if let Some(((signer, _), _)) = named.find(untimed) {
                let key = &text.value;
                self.notes.warning(
                    ReasonCode::NoEffect,
                    text.at,
                    format!("`from` spares nothing that the key `{key}` signs for the Signer `{signer}`, which says `time: none`"),
                );
            }
        }
    }

    /// Every item of a list, or nothing if one of them is wrong.
    fn listed(
        &mut self,
        list: Option<&Items<Text>>,
        read: impl Fn(&mut Self, &Text) -> Option<Vec<Digest>>,
    ) -> Option<BTreeSet<Digest>> {
        let Some(list) = list else {
            return Some(BTreeSet::new());
        };
        self.duplicate_texts(list);
        let read: Vec<Option<Vec<Digest>>> = list.value.iter().map(|it| read(self, it)).collect();
        let all: Vec<Vec<Digest>> = read.into_iter().collect::<Option<_>>()?;
        Some(all.into_iter().flatten().collect())
    }

    fn revoked_digest(&mut self, text: &Text) -> Option<Vec<Digest>> {
        match text.value.parse() {
            Ok(digest) => Some(vec![digest]),
            Err(error) => {
                self.notes
                    .error(ReasonCode::WrongValue, text.at, error.to_string());
                None
            }
        }
    }

    /// A bare id may be that of several Signers' keys: then all of them are meant.
    fn revoked_keys(&mut self, text: &Text, signers: &Signers) -> Option<Vec<Digest>> {
        let written = text.value.as_str();
        if written.starts_with("sha256:") {
            return self.revoked_digest(text);
        }
        let known = signers.keys.iter();
        let found: Vec<Digest> = known
            .filter(|((signer, id), _)| is_key(written, signer, id))
            .map(|(_, key)| *key.id())
            .collect();
        if found.is_empty() && !signers.lost {
            let names = signers.keys.iter().map(|((_, id), _)| id.as_str());
            let guess = did_you_mean(written, names);
            self.notes.error_with(
                ReasonCode::UnknownName,
                text.at,
                format!("no Signer of the set has a key `{written}`{guess}"),
                "Write an id, SIGNER/ID, or the key's fingerprint as `sha256:…`: a key that is gone from the set is revoked by that.",
            );
        }
        (!found.is_empty()).then_some(found)
    }
}

/// Whether `written` is the id of this key, or SIGNER/ID.
fn is_key(written: &str, signer: &str, id: &str) -> bool {
    match written.split_once('/') {
        Some(both) => both == (signer, id),
        None => written == id,
    }
}
