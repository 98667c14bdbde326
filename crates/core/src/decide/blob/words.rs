//! Words for whoever called `verify-bundle`: where those of a reason code speak of images and policies, others stand here.

use crate::ReasonCode;
use crate::policy::signer::{Maker, Signer};

/// What is said about a refusal.
pub(super) struct Words {
    pub(super) message: &'static str,
    pub(super) hint: &'static str,
    /// In place of the particulars, where these speak of a policy set.
    pub(super) found: Option<&'static str>,
    /// In place of what is wanted, where that is said in a policy's words.
    pub(super) wanted: Option<&'static str>,
}

impl Words {
    /// About a signature that did not verify.
    pub(super) fn of_rejected(code: ReasonCode, signer: &Signer) -> Self {
        let by_key = matches!(signer.maker, Maker::Keys(_));
        let found = match (code, by_key) {
            (ReasonCode::KeyUnknown, true) => Some("a signature by another key"),
            (ReasonCode::KeyUnknown, false) => Some("a signature by a managed key"),
            _ => None,
        };
        let (message, hint) = match (code, by_key) {
            (ReasonCode::KeyUnknown, true) => (
                "The signature was not made by the given key.",
                "Give the public key that belongs to the signer, or find out who signed.",
            ),
            (ReasonCode::KeyUnknown, false) => (
                "The bundle is signed by a managed key, not with a certificate.",
                "Give the signer's public key (--key) in place of an identity, if you trust it.",
            ),
            (ReasonCode::DigestMismatch, _) => (
                "The signature is about another artifact.",
                "Check that this is the file that was signed, unchanged, and that the bundle belongs to it.",
            ),
            (ReasonCode::CertificateUntrusted, _) => (
                "The signing certificate does not chain to the trust root.",
                "If it comes from another Sigstore instance, give that instance's trusted_root.json (--trusted-root).",
            ),
            (ReasonCode::LogUnknown, _) => (
                code.message(),
                "If the log belongs to another Sigstore instance, give that instance's trusted_root.json (--trusted-root).",
            ),
            (ReasonCode::TimestampUntrusted, _) => (
                code.message(),
                "If the authority belongs to another Sigstore instance, give that instance's trusted_root.json (--trusted-root).",
            ),
            (ReasonCode::SctMissing, _) => (code.message(), SCT),
            (ReasonCode::OverLimit, _) => (
                "The bundle is larger than the limits allow.",
                "Look at what is in it: no signer makes one of this size.",
            ),
            _ => (code.message(), code.hint()),
        };
        Self {
            message,
            hint,
            found,
            wanted: None,
        }
    }

    /// About one that verified and is not what is demanded.
    pub(super) fn of_mismatch(code: ReasonCode, signer: &Signer) -> Self {
        let by_key = matches!(signer.maker, Maker::Keys(_));
        let (message, hint) = match (code, by_key) {
            (ReasonCode::PredicateTypeMismatch, _) => (
                "The signature verifies, but it is no attestation of the demanded type.",
                "Compare --predicate-type with the one found; one kind of attestation never stands for another.",
            ),
            (ReasonCode::SignerMismatch, true) => (
                "The signature verifies, but it was not made by the given key.",
                "If a certificate made it and you trust its identity, give --certificate-identity and --certificate-oidc-issuer in place of --key.",
            ),
            (ReasonCode::SignerMismatch, false) => (
                "The signature verifies, but a key made it, not a certificate.",
                "Give the signer's public key (--key) in place of an identity, if you trust it.",
            ),
            (ReasonCode::IssuerMismatch, _) => (
                "The certificate was issued for another OIDC issuer.",
                "Compare --certificate-oidc-issuer with the one found.",
            ),
            (ReasonCode::SubjectMismatch, _) => (
                "The certificate names another identity.",
                "Compare --certificate-identity with the one found; it is the whole name, with scheme, path and ref.",
            ),
            (ReasonCode::SctMissing, _) => (code.message(), SCT),
            (ReasonCode::LogMissing, true) => (
                "The trust root lists a transparency log, and no log holds the signature.",
                "Sign with a transparency log; or say --key-alone-unsafe, if the key alone is enough.",
            ),
            (ReasonCode::LogMissing, false) => (
                "The trust root lists a transparency log, and no log holds the signature.",
                "Sign with a transparency log.",
            ),
            (ReasonCode::TimeMissing, true) => (
                "No log or timestamp authority proves when the signature was made.",
                "Sign with a log or timestamp authority; or say --key-alone-unsafe, if the key alone is enough.",
            ),
            (ReasonCode::TimeMissing, false) => (
                "No log or timestamp authority proves when the signature was made.",
                "Sign with a log or timestamp authority.",
            ),
            _ => (code.message(), code.hint()),
        };
        Self {
            message,
            hint,
            found: None,
            wanted: (code == ReasonCode::LogMissing).then_some("an entry of a transparency log"),
        }
    }
}

const SCT: &str = "Use a Fulcio with a certificate-transparency log; only where the trust root lists none is no proof demanded.";
