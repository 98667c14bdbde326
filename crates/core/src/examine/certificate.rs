//! Steps 12 and 13: the leaf, and its chain at every proven time.

use crate::refusal::Refusal;
use crate::trust::CertificateAuthority;
use crate::x509::{Cert, oid};
use crate::{ProvenTime, ReasonCode, TrustRoot};

/// Step 13: what a signing certificate must be, whoever issued it.
pub(super) fn check_leaf(leaf: &Cert) -> Result<(), Refusal> {
    let usage = |why: &str| Refusal::new(ReasonCode::CertificateUsage, why);
    let malformed = |why: String| Refusal::new(ReasonCode::CertificateMalformed, why);
    let extensions = leaf.extensions();
    if extensions
        .basic_constraints()
        .map_err(malformed)?
        .is_some_and(|basic| basic.ca)
    {
        return Err(usage("it is a certificate authority"));
    }
    if !extensions
        .key_usage()
        .map_err(malformed)?
        .is_some_and(|usage| usage.digital_signature())
    {
        return Err(usage("its KeyUsage lacks digitalSignature"));
    }
    if !extensions
        .extended_key_usage()
        .map_err(malformed)?
        .is_some_and(|usages| usages.contains(&oid::CODE_SIGNING))
    {
        return Err(usage("its extended key usage lacks codeSigning"));
    }
    extensions.check_critical().map_err(malformed)
}

/// Step 12: finds the authority of this root that issued the leaf, and checks the whole chain at every proven time.
pub(super) fn check_chain<'r>(
    leaf: &Cert,
    root: &'r TrustRoot,
    times: &[ProvenTime],
) -> Result<&'r Cert, Refusal> {
    let untrusted = || {
        Refusal::new(
            ReasonCode::CertificateUntrusted,
            format!(
                "no certificate authority of trust root `{}` issued it",
                root.name().name
            ),
        )
    };
    let mut refusal = None::<Refusal>;
    for authority in root.certificate_authorities() {
        let Some(issuer) = authority.chain.issuing() else {
            continue;
        };
        if !leaf.issued_by_name(issuer) {
            continue;
        }
        match check_at_times(leaf, authority, times) {
            Ok(()) => return Ok(issuer),
            Err(why) => refusal = Some(Refusal::most_specific(refusal, why)),
        }
    }
    Err(refusal.unwrap_or_else(untrusted))
}

fn check_at_times(
    leaf: &Cert,
    authority: &CertificateAuthority,
    times: &[ProvenTime],
) -> Result<(), Refusal> {
    let expired = |why: String| Refusal::new(ReasonCode::CertificateExpired, why);
    // Step 11: an empty set of times never passes by emptiness.
    if times.is_empty() {
        return Err(Refusal::new(
            ReasonCode::TimeUnproven,
            "neither a log's promise nor a timestamp proves when it was used",
        ));
    }
    for ProvenTime { time, source } in times {
        let by = source.authority();
        if !leaf.valid_at(*time) {
            return Err(expired(format!(
                "the signing certificate is valid from {}, not at {time} (proven by {by})",
                leaf.validity()
            )));
        }
        authority.chain.check_validity(*time).map_err(expired)?;
        if !authority.window.contains(*time) {
            return Err(expired(format!(
                "the trust root does not accept its certificate authority at {time} (proven by {by})"
            )));
        }
    }
    // The chain above the issuing authority was verified when the root was read; the leaf once here, whatever the number of times.
    let untrusted = |why: String| Refusal::new(ReasonCode::CertificateUntrusted, why);
    let issuing = authority.chain.issuing();
    if !issuing.is_some_and(|issuer| leaf.issued_by(issuer)) {
        return Err(untrusted(
            "its certificate authority did not sign it".to_owned(),
        ));
    }
    authority.chain.allow_names(leaf).map_err(untrusted)
}
