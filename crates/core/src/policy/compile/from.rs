//! `from`: names are resolved, and thresholds can be met by different identities only.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::overlap::overlap;
use super::{Compiler, Signers};
use crate::ReasonCode;
use crate::policy::From;
use crate::policy::document::{FromSpec, FromWord};
use crate::policy::notes::{At, did_you_mean};
use crate::policy::signer::Signer;

impl Compiler<'_> {
    /// `from`: every name is resolved, and no identity can count for two of them.
    pub(super) fn from(&mut self, spec: &FromSpec, signers: &Signers) -> Option<From> {
        let mut found: Vec<(Arc<Signer>, At)> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut whole = true;
        for name in &spec.names {
            let text = name.value.0.as_str();
            if !seen.insert(text) {
                self.notes.error(
                    ReasonCode::DuplicateItem,
                    name.at,
                    format!("the Signer `{text}` stands twice in `from`"),
                );
                whole = false;
                continue;
            }
            match signers.by_name.get(text) {
                Some(Some(signer)) => found.push((Arc::clone(signer), name.at)),
                Some(None) => whole = false,
                None => {
                    whole = false;
                    if !signers.lost {
                        let guess = did_you_mean(text, signers.by_name.keys().map(String::as_str));
                        self.notes.error(
                            ReasonCode::UnknownName,
                            name.at,
                            format!("there is no Signer `{text}`{guess}"),
                        );
                    }
                }
            }
        }
        let threshold = self.threshold(spec);
        let distinct = !matches!(spec.word, FromWord::Any);
        for (index, (signer, at)) in found.iter().enumerate() {
            for (other, _) in found
                .iter()
                .take(index)
                .filter(|(other, _)| overlap(other, signer, distinct))
            {
                let message = format!(
                    "the Signers `{}` and `{}` accept the same identity",
                    other.name, signer.name
                );
                self.notes
                    .error(ReasonCode::OverlappingSigners, *at, message);
                whole = false;
            }
        }
        let threshold = threshold.filter(|_| whole)?;
        Some(From {
            signers: found.into_iter().map(|(signer, _)| signer).collect(),
            threshold,
        })
    }

    fn threshold(&mut self, spec: &FromSpec) -> Option<usize> {
        let count = spec.names.len();
        match &spec.word {
            FromWord::Any => Some(1),
            FromWord::All => Some(count),
            FromWord::AtLeast(number) => match usize::try_from(number.value) {
                Err(_) | Ok(0) => {
                    self.notes.error(
                        ReasonCode::ZeroThreshold,
                        number.at,
                        "a threshold below 1 would pass without evidence",
                    );
                    None
                }
                Ok(threshold) if threshold > count => {
                    let message =
                        format!("`atLeast: {threshold}` can never be met: `of` names {count}");
                    self.notes
                        .error(ReasonCode::ThresholdTooHigh, number.at, message);
                    None
                }
                Ok(threshold) => Some(threshold),
            },
        }
    }
}
