//! One signature under each trust root: everything holds together under one of them, or it does not count (step 20).

use super::Artifact;
use super::signed::{Material, Signed};
use super::{bytes_needed, certificate, sct, tlog, tsa};
use crate::refusal::Refusal;
use crate::trust::{Message, Unverified};
use crate::x509::{Cert, identity};
use crate::{
    Facts, Format, Limits, Locator, LogFact, ProvenTime, PublicKey, ReasonCode, SignedBy, Trust,
    TrustRoot,
};

/// The facts of one signature, once for each trust root under which it verifies; never empty.
pub(super) fn prove(
    signed: &Signed<'_>,
    artifact: &Artifact<'_>,
    trust: &Trust,
    locator: &Locator,
    limits: &Limits,
) -> Result<Vec<Facts>, Refusal> {
    let context = Context {
        signed,
        message: signed.message(artifact),
        artifact,
        locator,
        limits,
    };
    match &signed.material {
        Material::Certificate(leaf) => context.keyless(leaf, trust),
        Material::Key { hint } => context.keyed(hint.as_deref(), trust),
    }
}

struct Context<'a> {
    signed: &'a Signed<'a>,
    message: Message<'a>,
    artifact: &'a Artifact<'a>,
    locator: &'a Locator,
    limits: &'a Limits,
}

/// What logs and timestamp authorities of one root vouch for.
struct Witnesses {
    times: Vec<ProvenTime>,
    logs: Vec<LogFact>,
}

impl Context<'_> {
    fn keyless(&self, leaf: &Cert, trust: &Trust) -> Result<Vec<Facts>, Refusal> {
        // Step 13
        certificate::check_leaf(leaf)?;
        // Step 19
        let identity =
            identity(leaf).map_err(|why| Refusal::new(ReasonCode::IdentityMalformed, why))?;
        // Step 15
        self.check_signature(leaf.key()).map_err(|why| match why {
            Unverified::BytesNeeded => bytes_needed(),
            Unverified::BadSignature => {
                signature_invalid("it is not the certificate's signature over these bytes")
            }
        })?;
        self.under_each_root(trust, |root| {
            let witnesses = self.witnesses(&tlog::Verifier::Certificate(leaf.der()), root)?;
            // Steps 11 and 12
            let issuer = certificate::check_chain(leaf, root, &witnesses.times)?;
            // Step 14
            let sct_logs = sct::verify(leaf, issuer, root)?;
            let signer = SignedBy::Certificate(Box::new(identity.clone()));
            Ok(self.facts(signer, Some(root), witnesses, sct_logs))
        })
    }

    fn keyed(&self, hint: Option<&str>, trust: &Trust) -> Result<Vec<Facts>, Refusal> {
        // Steps 5 and 16: the key comes from the policy set, never from the evidence.
        let mut needed = false;
        let key = trust
            .keys()
            .iter()
            .find(|key| {
                let outcome = self.check_signature(key);
                needed |= outcome == Err(Unverified::BytesNeeded);
                outcome.is_ok()
            })
            .ok_or_else(|| match needed {
                true => bytes_needed(),
                false => no_key(hint, trust),
            })?;
        let signer = || SignedBy::Key(*key.id());
        if self.signed.entries.is_empty() && self.signed.timestamps.is_empty() {
            let witnesses = Witnesses {
                times: Vec::new(),
                logs: Vec::new(),
            };
            return Ok(vec![self.facts(signer(), None, witnesses, 0)]);
        }
        // Entries and timestamps that are present are verified, whether or not they are required.
        self.under_each_root(trust, |root| {
            let witnesses = self.witnesses(&tlog::Verifier::Key(key.spki()), root)?;
            Ok(self.facts(signer(), Some(root), witnesses, 0))
        })
    }

    /// Step 15: over the exact bytes, by the key's own algorithm.
    fn check_signature(&self, key: &PublicKey) -> Result<(), Unverified> {
        match self.signed.format {
            Format::Legacy => key.verify_legacy(&self.message, &self.signed.signature),
            Format::BundleV01 | Format::BundleV02 | Format::BundleV03 => {
                key.verify_message(&self.message, &self.signed.signature)
            }
        }
    }

    /// Tries every root; the refusal that came furthest explains a complete failure.
    fn under_each_root(
        &self,
        trust: &Trust,
        prove: impl Fn(&TrustRoot) -> Result<Facts, Refusal>,
    ) -> Result<Vec<Facts>, Refusal> {
        let mut proofs = Vec::new();
        let mut refusal = None;
        for root in trust.roots() {
            match prove(root) {
                Ok(facts) => proofs.push(facts),
                Err(why) => refusal = Some(Refusal::most_specific(refusal, why)),
            }
        }
        if !proofs.is_empty() {
            return Ok(proofs);
        }
        Err(refusal.unwrap_or_else(|| {
            Refusal::new(
                ReasonCode::CertificateUntrusted,
                "the policy set has no trust root",
            )
        }))
    }

    /// Steps 6 to 11 under one root: every entry and every timestamp must verify; several of one log or authority count once.
    fn witnesses(
        &self,
        verifier: &tlog::Verifier<'_>,
        root: &TrustRoot,
    ) -> Result<Witnesses, Refusal> {
        let mut times: Vec<ProvenTime> = Vec::new();
        let mut logged = Vec::new();
        for entry in &self.signed.entries {
            let proven = tlog::verify(
                entry,
                self.signed,
                &self.message,
                verifier,
                root,
                self.limits,
            )?;
            times.extend(proven.time.clone());
            logged.push(proven);
        }
        for token in &self.signed.timestamps {
            times.push(tsa::verify(token, self.signed.timestamped_bytes(), root)?);
        }
        let mut logs: Vec<LogFact> = Vec::new();
        for log in logged {
            // The log's key must have been valid when the signature was made. Without a proven time nobody knows, and the log
            // does not count; it never passes by emptiness.
            let within = times.iter().any(|proven| log.window.contains(proven.time));
            if !within && !times.is_empty() {
                return Err(Refusal::new(
                    ReasonCode::LogUnknown,
                    format!(
                        "the key of log `{}` was not valid when the signature was made",
                        log.fact.name
                    ),
                ));
            }
            if within && logs.iter().all(|other| other.log_id != log.fact.log_id) {
                logs.push(log.fact);
            }
        }
        Ok(Witnesses { times, logs })
    }

    fn facts(
        &self,
        signer: SignedBy,
        root: Option<&TrustRoot>,
        witnesses: Witnesses,
        sct_logs: usize,
    ) -> Facts {
        Facts {
            image: self.artifact.digest,
            signer,
            root: root.map(|root| Box::new(root.name().clone())),
            times: witnesses.times,
            logs: witnesses.logs,
            sct_logs,
            format: self.signed.format,
            locator: self.locator.clone(),
        }
    }
}

/// A hint that names one of our keys says that the bytes were changed; otherwise somebody else's key signed.
fn no_key(hint: Option<&str>, trust: &Trust) -> Refusal {
    let hinted = hint.is_some_and(|hint| {
        trust
            .keys()
            .iter()
            .any(|key| crate::base64::encode(key.id().as_bytes()) == hint)
    });
    if hinted {
        return signature_invalid(
            "it names a trusted key, but is not that key's signature over these bytes",
        );
    }
    Refusal::new(
        ReasonCode::KeyUnknown,
        match trust.keys().len() {
            0 => "the policy set has no keys".to_owned(),
            1 => "the policy set's one key did not make it".to_owned(),
            keys => format!("none of the policy set's {keys} keys made it"),
        },
    )
}

fn signature_invalid(why: &str) -> Refusal {
    Refusal::new(ReasonCode::SignatureInvalid, why)
}
