//! Doors for the fuzz targets (`fuzz/`) to parsers that nothing public reaches alone. Compiled under `--cfg fuzzing` only.
//!
//! Each verifies as `examine` does and says what was accepted, so that a target can hold it against what was really signed.

use std::sync::Arc;

use super::signed::Material;
use super::{Artifact, certificate, envelope, parse, sct, tlog, tsa};
use crate::x509::{Cert, identity, oid};
use crate::{
    Certificate, Claim, Content, Digest, Findings, Limits, ProvenTime, PublicKey, ReasonCode,
    Statement, TimeSource, TrustRoot, UnixTime, Verified, json,
};

/// What a verifier of a part says.
pub type Judged<T> = Result<T, ReasonCode>;

fn artifact(bytes: &[u8]) -> Artifact<'_> {
    Artifact {
        digest: Digest::of(bytes),
        bytes: Some(bytes),
    }
}

/// Step 17: an in-toto statement about these bytes.
pub fn statement(payload: &[u8], about: &[u8]) -> Judged<Statement> {
    let payload = Arc::new(payload.to_vec());
    envelope::statement(&payload, &artifact(about), &Limits::default())
        .map_err(|refusal| refusal.code)
}

/// As if the signer of the first proof had signed this statement about these bytes in place of what was signed.
pub fn restated(findings: &Findings, payload: &[u8], about: &[u8]) -> Judged<Findings> {
    let statement = statement(payload, about)?;
    let proofs = findings.verified().iter().take(1);
    let restated = proofs
        .map(|one| Verified::new(Claim::Statement(statement.clone()), one.facts().clone()))
        .collect();
    Ok(Findings::new(
        *findings.image(),
        restated,
        Vec::new(),
        Vec::new(),
        Vec::new(),
    ))
}

/// Whether a text is one licence expression; a list of them, by commas, is none.
pub fn is_license_expression(text: &str) -> bool {
    crate::license::is_expression(text)
}

/// How a text comes out where these licences are accepted (none: all that SPDX lists) and those denied: 0 accepted, 1 unknown,
/// 2 denied.
///
/// # Errors
/// Why one of the lists has no licence of a policy.
pub fn license(allow: &[&str], deny: &[&str], text: &str) -> Result<u8, &'static str> {
    crate::license::judged(allow, deny, text)
}

/// What a scan's predicate says: how many findings.
pub fn vulnerabilities(predicate: &[u8]) -> Result<usize, String> {
    crate::scan::count(predicate)
}

/// What a VEX document says: how many assertions.
pub fn vex(predicate_type: &str, document: &[u8]) -> Result<usize, String> {
    crate::vex::count(predicate_type, document)
}

/// What the predicate of a verification summary says, of SLSA's type or of in-toto's: how many levels.
///
/// # Errors
/// Why it is none.
pub fn summary(is_svr: bool, predicate: &[u8]) -> Result<usize, String> {
    let format = match is_svr {
        false => crate::summary::SummaryFormat::Vsa,
        true => crate::summary::SummaryFormat::Svr,
    };
    crate::summary::count(format, predicate)
}

/// Step 4: the members of the outermost object; why not otherwise, and whether for a reason that is not grammar: a limit or a
/// twin.
pub fn scan(bytes: &[u8]) -> Result<Vec<(String, &[u8])>, (bool, String)> {
    match json::scan(bytes, (&Limits::default()).into()) {
        Ok(members) => Ok(members
            .into_iter()
            .map(|(name, value)| (name.into_owned(), value))
            .collect()),
        Err(error) => {
            let why = error.to_string();
            let refusal = error.refusal(ReasonCode::BundleMalformed);
            let stricter =
                refusal.code == ReasonCode::OverLimit || why.starts_with("duplicate key");
            Err((stricter, why))
        }
    }
}

/// Step 4: a document as values; why not otherwise.
///
/// # Errors
/// As of [`scan`], and what a value cannot be: a number that is too large, half a surrogate pair.
pub fn read(bytes: &[u8]) -> Result<serde_json::Value, String> {
    json::parse_text(bytes, &Limits::default()).map_err(String::from)
}

/// Step 9: this body in place of the body of the evidence's first log entry, where it has one.
pub fn rekor_body(content: &Content, key: &PublicKey, about: &[u8], body: &[u8]) -> Judged<()> {
    let limits = Limits::default();
    let signed = parse(content, &limits).map_err(|refusal| refusal.code)?;
    let mut entry = signed
        .entries
        .first()
        .cloned()
        .ok_or(ReasonCode::LogMissing)?;
    entry.body = body.to_vec();
    let verifier = match &signed.material {
        Material::Certificate(leaf) => tlog::Verifier::Certificate(leaf.der()),
        Material::Key { .. } => tlog::Verifier::Key(key.spki()),
    };
    let message = signed.message(&artifact(about));
    tlog::body::check(&entry, &signed, &message, &verifier, &limits).map_err(|refusal| refusal.code)
}

/// Step 6: the tree size and root hash of a checkpoint by this log.
pub fn checkpoint(text: &str, log_id: &[u8], root: &TrustRoot) -> Judged<(u64, Vec<u8>)> {
    let log = root.log(log_id).ok_or(ReasonCode::LogUnknown)?;
    let checkpoint =
        tlog::checkpoint::verify(text, log, &Limits::default()).map_err(|refusal| refusal.code)?;
    Ok((
        checkpoint.tree_size,
        checkpoint.root_hash.as_bytes().to_vec(),
    ))
}

/// Steps 12, 13 and 19: a leaf at this time. Everything that is read of a certificate is read, whatever is wrong with it.
pub fn leaf(der: &[u8], root: &TrustRoot, time: UnixTime) -> Judged<Certificate> {
    let cert = Cert::parse(der.to_vec()).map_err(|_| ReasonCode::CertificateMalformed)?;
    // A mutated authority is not one of the root's; it is read all the same.
    let _ = cert.check_authority(0, oid::CODE_SIGNING);
    if let Ok(Some(constraints)) = cert.name_constraints() {
        let _ = constraints.allow(&cert);
    }
    let identity = identity(&cert).map_err(|_| ReasonCode::IdentityMalformed);
    certificate::check_leaf(&cert).map_err(|refusal| refusal.code)?;
    let source = TimeSource::Timestamp {
        authority: String::new(),
        operator: String::new(),
    };
    certificate::check_chain(&cert, root, &[ProvenTime { time, source }])
        .map_err(|refusal| refusal.code)?;
    identity
}

/// Step 14: how many logs vouch for this leaf of this authority.
pub fn scts(leaf: &[u8], issuer: &[u8], root: &TrustRoot) -> Judged<usize> {
    let parse =
        |der: &[u8]| Cert::parse(der.to_vec()).map_err(|_| ReasonCode::CertificateMalformed);
    sct::verify(&parse(leaf)?, &parse(issuer)?, root).map_err(|refusal| refusal.code)
}

/// Step 10: the time of a timestamp of these bytes.
pub fn timestamp(token: &[u8], stamped: &[u8], root: &TrustRoot) -> Judged<UnixTime> {
    tsa::verify(token, stamped, root)
        .map(|proven| proven.time)
        .map_err(|refusal| refusal.code)
}
