//! Step 22: one `trusted_root.json` (Sigstore `protobuf-specs`, `sigstore_trustroot.proto`).

use super::chain::{Authorities, Window};
use super::key::{KeyError, Kind, PublicKey};
use super::{operator, wire};
use crate::x509::{Cert, CertError, oid};
use crate::{Digest, Limits, RootName, UnixTime, base64, json};

/// One Sigstore instance's trust material: certificate authorities, logs and timestamp authorities that belong together.
#[derive(Debug, Clone)]
pub struct TrustRoot {
    name: RootName,
    logs: Vec<Log>,
    ct_logs: Vec<Log>,
    certificate_authorities: Vec<CertificateAuthority>,
    timestamp_authorities: Vec<TimestampAuthority>,
    warnings: Vec<String>,
    lists_logs: bool,
    lists_ct_logs: bool,
}

/// A transparency log or certificate-transparency log.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) url: String,
    /// The host of its URL, for people.
    pub(crate) name: String,
    /// Who runs it, as thresholds count; empty if nothing tells.
    pub(crate) operator: String,
    pub(crate) id: Vec<u8>,
    /// The first four bytes are the key hint on a checkpoint's signature line (C2SP signed-note).
    pub(crate) checkpoint_id: Vec<u8>,
    pub(crate) key: PublicKey,
    pub(crate) window: Window,
}

/// A Fulcio instance.
#[derive(Debug, Clone)]
pub(crate) struct CertificateAuthority {
    pub(crate) name: String,
    /// Who runs it; empty if nothing tells.
    pub(crate) operator: String,
    pub(crate) chain: Authorities,
    pub(crate) window: Window,
}

/// An RFC 3161 timestamp authority, pinned to its leaf.
#[derive(Debug, Clone)]
pub(crate) struct TimestampAuthority {
    pub(crate) name: String,
    /// Who runs it, as thresholds count; empty if nothing tells.
    pub(crate) operator: String,
    pub(crate) leaf: Cert,
    pub(crate) chain: Authorities,
    pub(crate) window: Window,
}

/// Why trust material is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Two roots have the same name.
    #[error("two trust roots are named `{0}`")]
    DuplicateName(String),
    /// The file cannot be read strictly.
    #[error("trust root `{name}`: {why}")]
    Malformed {
        /// The root's name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot+json;version=0.2",
    "application/vnd.dev.sigstore.trustedroot.v0.1+json",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

impl TrustRoot {
    /// The name of the built-in root.
    pub const PUBLIC_GOOD: &'static str = "public-good";

    /// The name of the built-in root of Sigstore's staging instance.
    pub const STAGING: &'static str = "staging";

    /// Reads a `trusted_root.json`. Entries with unsupported algorithms are skipped and listed in [`TrustRoot::warnings`];
    /// expired ones stay, for what was made while they were valid.
    ///
    /// # Errors
    /// [`TrustError::Malformed`] for anything that is wrong rather than merely unsupported: unknown fields, duplicate log
    /// ids, a window without a start, a chain whose signatures do not verify.
    pub fn from_json(name: &str, bytes: &[u8]) -> Result<Self, TrustError> {
        Self::read(name, bytes).map_err(|why| TrustError::Malformed {
            name: name.to_owned(),
            why,
        })
    }

    /// The built-in root of the public-good Sigstore instance, as the crate `sigstore-trust-root` carries it.
    ///
    /// # Errors
    /// Never with the material that is compiled in; a test reads it.
    pub fn public_good() -> Result<Self, TrustError> {
        Self::from_json(
            Self::PUBLIC_GOOD,
            sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes(),
        )
    }

    /// The built-in root of Sigstore's staging instance, from the same crate: for tests of Sigstore itself. Policies cannot
    /// name it.
    ///
    /// # Errors
    /// Never with the material that is compiled in; a test reads it.
    pub fn staging() -> Result<Self, TrustError> {
        Self::from_json(
            Self::STAGING,
            sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT.as_bytes(),
        )
    }

    fn read(name: &str, bytes: &[u8]) -> Result<Self, String> {
        let limits = Limits::default();
        if bytes.len() > limits.manifest_bytes {
            return Err(format!("{} bytes are too many", bytes.len()));
        }
        let wire: wire::TrustedRoot = json::parse(bytes, &limits)?;
        if !MEDIA_TYPES.contains(&wire.media_type.as_str()) {
            return Err(format!(
                "media type `{}` is not a trusted root's",
                crate::digest::clip(&wire.media_type)
            ));
        }
        let mut warnings = Vec::new();
        let logs = self::logs(&wire.tlogs, "transparency log", &mut warnings)?;
        let ct_logs = self::logs(&wire.ctlogs, "certificate-transparency log", &mut warnings)?;
        let mut certificate_authorities = Vec::new();
        for authority in &wire.certificate_authorities {
            let called = authority_name(authority);
            let window = window(authority.valid_for.as_ref(), &called)?;
            if let Some(certs) = certificates(authority, &called, &mut warnings)? {
                let chain = Authorities::new(certs, oid::CODE_SIGNING)
                    .map_err(|why| format!("{called}: {why}"))?;
                certificate_authorities.push(CertificateAuthority {
                    name: called,
                    operator: operator::of_authority(authority, &wire.certificate_authorities),
                    chain,
                    window,
                });
            }
        }
        let mut timestamp_authorities = Vec::new();
        for authority in &wire.timestamp_authorities {
            let called = authority_name(authority);
            let window = window(authority.valid_for.as_ref(), &called)?;
            if let Some(certs) = certificates(authority, &called, &mut warnings)? {
                let operator = operator::of_authority(authority, &wire.timestamp_authorities);
                match timestamp_authority(certs, called.clone(), operator, window)? {
                    Ok(authority) => timestamp_authorities.push(authority),
                    Err(why) => warnings.push(format!("{called}: skipped, because {why}")),
                }
            }
        }
        Ok(Self {
            name: RootName {
                name: name.to_owned(),
                fingerprint: Digest::of(bytes),
            },
            logs,
            ct_logs,
            certificate_authorities,
            timestamp_authorities,
            warnings,
            lists_logs: !wire.tlogs.is_empty(),
            lists_ct_logs: !wire.ctlogs.is_empty(),
        })
    }

    /// Name and fingerprint.
    #[must_use]
    pub const fn name(&self) -> &RootName {
        &self.name
    }

    /// What was skipped because it is not supported, one line each.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// How many transparency logs it lists (supported ones).
    #[must_use]
    pub fn log_count(&self) -> usize {
        self.logs.len()
    }

    /// How many certificate-transparency logs it lists (supported ones).
    #[must_use]
    pub fn ct_log_count(&self) -> usize {
        self.ct_logs.len()
    }

    pub(super) fn logs(&self) -> &[Log] {
        &self.logs
    }

    pub(super) fn ct_logs(&self) -> &[Log] {
        &self.ct_logs
    }

    /// By how many different operators its transparency logs are run.
    pub(crate) fn log_operators(&self) -> usize {
        operator::distinct(self.logs.iter().map(|log| log.operator.as_str()))
    }

    /// By how many different operators its timestamp authorities are run.
    pub(crate) fn timestamp_operators(&self) -> usize {
        let authorities = self.timestamp_authorities.iter();
        operator::distinct(authorities.map(|authority| authority.operator.as_str()))
    }

    /// Whether it lists a transparency log, be it one that is skipped because it is not supported.
    pub(crate) const fn lists_logs(&self) -> bool {
        self.lists_logs
    }

    /// Whether it lists a certificate-transparency log, be it one that is skipped because it is not supported.
    pub(crate) const fn lists_ct_logs(&self) -> bool {
        self.lists_ct_logs
    }

    pub(crate) fn log(&self, id: &[u8]) -> Option<&Log> {
        self.logs.iter().find(|log| log.id == id)
    }

    pub(crate) fn ct_log(&self, id: &[u8]) -> Option<&Log> {
        self.ct_logs.iter().find(|log| log.id == id)
    }

    pub(crate) fn certificate_authorities(&self) -> &[CertificateAuthority] {
        &self.certificate_authorities
    }

    pub(crate) fn timestamp_authorities(&self) -> &[TimestampAuthority] {
        &self.timestamp_authorities
    }
}

fn logs(wire: &[wire::Log], what: &str, warnings: &mut Vec<String>) -> Result<Vec<Log>, String> {
    let mut logs: Vec<Log> = Vec::new();
    for log in wire {
        let called = format!("{what} `{}`", crate::digest::clip(&log.base_url));
        let window = window(log.public_key.valid_for.as_ref(), &called)?;
        let id = decode(&log.log_id.key_id, &called)?;
        let checkpoint_id = match &log.checkpoint_key_id {
            Some(id) => decode(&id.key_id, &called)?,
            None => id.clone(),
        };
        if id.is_empty() || checkpoint_id.len() < 4 {
            return Err(format!("{called}: its log id is too short"));
        }
        if logs.iter().any(|other| other.id == id) {
            return Err(format!("{called}: its log id is there twice"));
        }
        if !matches!(log.hash_algorithm.as_str(), "SHA2_256" | "") {
            warnings.push(format!("{called}: skipped, because of its hash algorithm"));
            continue;
        }
        let raw = decode(&log.public_key.raw_bytes, &called)?;
        let spki = if log.public_key.key_details.starts_with("PKCS1_RSA") {
            wrap_rsa(&raw).ok_or_else(|| format!("{called}: its RSA key is malformed"))?
        } else {
            raw
        };
        match PublicKey::from_spki(&spki) {
            Ok(key) => logs.push(Log {
                url: log.base_url.clone(),
                name: operator::log_name(log),
                operator: operator::of_log(log, wire),
                id,
                checkpoint_id,
                key,
                window,
            }),
            Err(KeyError::Unsupported(why)) => warnings.push(format!("{called}: skipped: {why}")),
            Err(error) => return Err(format!("{called}: {error}")),
        }
    }
    Ok(logs)
}

fn authority_name(authority: &wire::Authority) -> String {
    let subject = authority.subject.as_ref();
    let names = [
        authority.uri.as_str(),
        subject.map_or("", |subject| subject.common_name.as_str()),
        subject.map_or("", |subject| subject.organization.as_str()),
        authority.operator.as_str(),
    ];
    let name = names.into_iter().find(|name| !name.is_empty());
    crate::digest::clip(name.unwrap_or("an authority without a name"))
}

fn window(valid_for: Option<&wire::ValidFor>, called: &str) -> Result<Window, String> {
    let parse = |text: &str| UnixTime::parse(text).map_err(|error| format!("{called}: {error}"));
    let valid_for = valid_for.ok_or_else(|| format!("{called}: it has no validFor"))?;
    let start = valid_for
        .start
        .as_deref()
        .ok_or_else(|| format!("{called}: its validFor has no start"))?;
    let window = Window {
        start: parse(start)?,
        end: valid_for.end.as_deref().map(parse).transpose()?,
    };
    if window.end.is_some_and(|end| end < window.start) {
        return Err(format!("{called}: its validFor ends before it starts"));
    }
    Ok(window)
}

fn certificates(
    authority: &wire::Authority,
    called: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<Vec<Cert>>, String> {
    let raw = &authority.cert_chain.certificates;
    if raw.is_empty() || raw.len() > Limits::default().chain_certificates {
        return Err(format!("{called}: {} certificates in its chain", raw.len()));
    }
    let mut certs = Vec::new();
    for cert in raw {
        match Cert::parse(decode(&cert.raw_bytes, called)?) {
            Ok(cert) => certs.push(cert),
            Err(CertError::Unsupported(why)) => {
                warnings.push(format!("{called}: skipped: {why}"));
                return Ok(None);
            }
            Err(why) => return Err(format!("{called}: {why}")),
        }
    }
    Ok(Some(certs))
}

/// Step 10: the leaf is the first certificate, no authority itself, with timeStamping as its one, critical usage. An authority
/// that breaks these rules proves no time (the inner `Err` says why) but does not spoil the rest of the root.
fn timestamp_authority(
    mut certs: Vec<Cert>,
    name: String,
    operator: String,
    window: Window,
) -> Result<Result<TimestampAuthority, &'static str>, String> {
    let leaf = certs.remove(0);
    let extensions = leaf.extensions();
    let is_authority = extensions
        .basic_constraints()?
        .is_some_and(|basic| basic.ca);
    if is_authority || certs.is_empty() {
        return Ok(Err("the root does not pin its signing certificate"));
    }
    if extensions.extended_key_usage()?.as_deref() != Some(&[oid::TIME_STAMPING])
        || !extensions.is_critical(&oid::EXTENDED_KEY_USAGE)
    {
        return Ok(Err(
            "its signing certificate must have timeStamping as its one and critical extended key usage",
        ));
    }
    if extensions
        .key_usage()?
        .is_some_and(|usage| !usage.digital_signature())
    {
        return Ok(Err(
            "its signing certificate's KeyUsage lacks digitalSignature",
        ));
    }
    extensions
        .check_critical()
        .map_err(|why| format!("{name}: {why}"))?;
    let chain =
        Authorities::new(certs, oid::TIME_STAMPING).map_err(|why| format!("{name}: {why}"))?;
    if !chain.issuing().is_some_and(|issuer| leaf.issued_by(issuer)) {
        return Err(format!(
            "{name}: its signing certificate was not issued by the next one of its chain"
        ));
    }
    Ok(Ok(TimestampAuthority {
        name,
        operator,
        leaf,
        chain,
        window,
    }))
}

fn decode(text: &str, called: &str) -> Result<Vec<u8>, String> {
    base64::decode(text).ok_or_else(|| format!("{called}: not canonical base64"))
}

/// A SubjectPublicKeyInfo around a bare PKCS#1 `RSAPublicKey`, as some trusted roots write it.
fn wrap_rsa(pkcs1: &[u8]) -> Option<Vec<u8>> {
    use der::Encode as _;
    use der::asn1::{AnyRef, BitStringRef};
    spki::SubjectPublicKeyInfo {
        algorithm: spki::AlgorithmIdentifier {
            oid: const_oid::db::rfc5912::RSA_ENCRYPTION,
            parameters: Some(AnyRef::NULL),
        },
        subject_public_key: BitStringRef::from_bytes(pkcs1).ok()?,
    }
    .to_der()
    .ok()
}

impl Log {
    /// Rekor v1's log id is the sha256 of its key, Rekor v2's the C2SP key id.
    pub(crate) fn is_v1(&self) -> bool {
        self.checkpoint_id == self.key.id().as_bytes()
    }

    /// Step 6: whether a checkpoint of this log may carry this signer name and origin.
    ///
    /// Rekor v1's log id is the sha256 of its key; its origin is `<name> - <tree id>` and its signature line says `<name>`
    /// (rekor#2069). Rekor v2's log id is the C2SP key id, a hash over name and key, so that the name is bound to the log.
    pub(crate) fn names_fit(&self, origin: &str, name: &str) -> bool {
        if self.is_v1() {
            return origin == name
                || origin
                    .strip_prefix(name)
                    .is_some_and(|tree| tree.starts_with(" - "));
        }
        let mut derived = name.as_bytes().to_vec();
        derived.push(b'\n');
        if self.key.kind() == Kind::Ed25519 {
            // C2SP signed-note: 0x01 is Ed25519.
            derived.push(1);
            derived.extend_from_slice(self.key.raw());
        } else {
            // C2SP signed-note: 0x02 is ECDSA; the key is the SubjectPublicKeyInfo.
            derived.push(2);
            derived.extend_from_slice(self.key.spki());
        }
        let derived = Digest::of(&derived);
        origin == name && derived.as_bytes().starts_with(&self.checkpoint_id)
    }
}
