//! Steps 12 and 13: the leaf, and its chain at every proven time.

use rustls_pki_types::{CertificateDer, UnixTime as PkiTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::refusal::Refusal;
use crate::trust::{Authorities, CertificateAuthority};
use crate::x509::{Cert, oid};
use crate::{ProvenTime, ReasonCode, TrustRoot, UnixTime};

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
    let Some(first) = times.first() else {
        return Err(Refusal::new(
            ReasonCode::TimeUnproven,
            "neither a log's promise nor a timestamp proves when it was used",
        ));
    };
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
    check_path(leaf, &authority.chain, first.time)
}

/// Signature, extended key usage, critical extensions and name constraints, by webpki. The chain above the issuing
/// authority was verified when the root was read, so that authority is the anchor, unless names are constrained above it.
fn check_path(leaf: &Cert, chain: &Authorities, time: UnixTime) -> Result<(), Refusal> {
    let untrusted =
        |error: webpki::Error| Refusal::new(ReasonCode::CertificateUntrusted, error.to_string());
    let ders: Vec<CertificateDer<'_>> = chain
        .certs()
        .iter()
        .map(|cert| CertificateDer::from(cert.der()))
        .collect();
    let none: &[CertificateDer<'_>] = &[];
    let (intermediates, anchor) = match (ders.as_slice(), chain.name_constraints_above()) {
        ([between @ .., root], true) => (between, root),
        ([issuing, ..], _) => (none, issuing),
        ([], _) => return Err(untrusted(webpki::Error::UnknownIssuer)),
    };
    let anchors = [anchor_from_trusted_cert(anchor).map_err(untrusted)?];
    let seconds = u64::try_from(time.seconds()).unwrap_or_default();
    let der = CertificateDer::from(leaf.der());
    EndEntityCert::try_from(&der)
        .map_err(untrusted)?
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            intermediates,
            PkiTime::since_unix_epoch(std::time::Duration::from_secs(seconds)),
            KeyUsage::required(oid::CODE_SIGNING.as_bytes()),
            None,
            None,
        )
        .map(|_| ())
        .map_err(untrusted)
}
