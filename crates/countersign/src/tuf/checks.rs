//! What is checked of metadata before `sigstore-tuf` sees it, because it would let it through.

use std::collections::BTreeSet;

use base64::Engine as _;
use sigstore_tuf::{Key, Metadata, Role, Root};

use super::strict;
use super::{TufError, TufRole};
use crate::error::clip;

/// A signature by P-256 has 72 bytes, by RSA 4096 512 and by ML-DSA-87 4627; a role with more signatures than keys that any
/// repository has is an attempt to keep us busy.
const MAX_SIGNATURES: usize = 64;
/// DER of a SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410).
const ED25519: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Reads metadata of one role: bounded, without twins, with a version that counts.
pub(super) fn read<T: Role>(role: TufRole, bytes: &[u8]) -> Result<Metadata<T>, TufError> {
    let malformed = |why: String| TufError::Malformed {
        file: format!("{role}.json"),
        why,
    };
    if bytes.len() > role.max_bytes() {
        return Err(malformed(format!("{} bytes are too many", bytes.len())));
    }
    strict::check(bytes).map_err(malformed)?;
    let metadata = Metadata::<T>::from_slice(bytes).map_err(|error| TufError::of(role, &error))?;
    if metadata.signed().version() == 0 {
        return Err(malformed("its version is 0".to_owned()));
    }
    if metadata.signatures().len() > MAX_SIGNATURES {
        return Err(malformed(format!(
            "{} signatures are too many",
            metadata.signatures().len()
        )));
    }
    Ok(metadata)
}

/// Reads a root, whose four roles all have keys, each named once, and a threshold of at least 1 (CVE-2026-23992).
pub(super) fn read_root(bytes: &[u8]) -> Result<Metadata<Root>, TufError> {
    let root = read::<Root>(TufRole::Root, bytes)?;
    let malformed = |why: String| TufError::Malformed {
        file: "root.json".to_owned(),
        why,
    };
    for role in [
        TufRole::Root,
        TufRole::Timestamp,
        TufRole::Snapshot,
        TufRole::Targets,
    ] {
        let Some(keys) = root.signed().role(role.as_str()) else {
            return Err(malformed(format!("it has no role `{role}`")));
        };
        if keys.threshold == 0 {
            return Err(malformed(format!("the threshold of `{role}` is 0")));
        }
        let mut seen = BTreeSet::new();
        for id in &keys.keyids {
            if !seen.insert(id) {
                let id = clip(id);
                return Err(malformed(format!("`{role}` names the key `{id}` twice")));
            }
        }
    }
    Ok(root)
}

/// Whether enough *different* keys signed: one key under several ids counts once (RUSTSEC-2020-0024 in spirit).
pub(super) fn signed<T: Role>(
    metadata: &Metadata<T>,
    root: &Root,
    role: TufRole,
) -> Result<(), TufError> {
    let Some(keys) = root.role(role.as_str()) else {
        return Err(TufError::Malformed {
            file: "root.json".to_owned(),
            why: format!("it has no role `{role}`"),
        });
    };
    let mut good = BTreeSet::new();
    for signature in metadata.signatures() {
        if !keys.keyids.contains(&signature.keyid) {
            continue;
        }
        let Some(key) = root.keys.get(&signature.keyid) else {
            continue;
        };
        let Some(bytes) = from_hex(&signature.sig) else {
            continue;
        };
        if key
            .verify(metadata.signed_canonical(), &bytes.into())
            .is_ok()
        {
            good.insert(material(key));
        }
    }
    if good.len() >= keys.threshold {
        return Ok(());
    }
    Err(TufError::Signature {
        role,
        why: format!(
            "{} of {} signatures that are needed are valid and by different keys",
            good.len(),
            keys.threshold
        ),
    })
}

/// A key's public half, however it is written.
fn material(key: &Key) -> Vec<u8> {
    let public = key.keyval.public.trim();
    if public.starts_with("-----") {
        let body: String = public
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .flat_map(str::chars)
            .filter(|character| !character.is_whitespace())
            .collect();
        if let Ok(der) = base64::engine::general_purpose::STANDARD.decode(&body) {
            return der;
        }
    } else if let Some(raw) = from_hex(public) {
        return [&ED25519, raw.as_slice()].concat();
    }
    public.as_bytes().to_vec()
}

/// Hexadecimal digits as bytes; an empty text is a place that was left for a signature.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|it| u8::try_from(it).ok())
    };
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}
