//! Evidence with room for a hostile part.
//!
//! Wherever a signer could have made it, the signature, the log's entry and the timestamp are valid, so that nothing stops `examine` before
//! the hostile part.

use std::collections::BTreeMap;

use countersign_core::{Limits, PinnedImage};
use countersign_testkit::forge::{Algorithm, Forge, Forgery, IN_TOTO, Identity, Key};
use serde_json::{Value, json};

use crate::filler::Filler;

/// The manifest of the image that all of them are about.
pub(crate) const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}"#;

/// A Sigstore bundle.
pub(crate) const BUNDLE: u8 = b'b';
/// The payload of a `.sig` layer.
pub(crate) const SIG: u8 = b's';
/// The envelope of an `.att` layer.
pub(crate) const ATT: u8 = b'a';

pub(crate) const NOW: i64 = 1_790_000_000;
/// Where the hostile part goes.
const HERE: &str = "@@HERE@@";
/// What is left for all that is not the hostile part.
pub(crate) const ROOM: usize = 24 * 1024;

/// What one process examines.
pub(crate) struct Hostile {
    pub(crate) format: u8,
    pub(crate) bytes: Vec<u8>,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// Makes them, all of one size, about one image and under one trust root.
pub(crate) struct Maker {
    pub(crate) size: usize,
    pub(crate) forge: Forge,
    pub(crate) managed: Key,
    /// The DER of the managed key.
    pub(crate) key: Vec<u8>,
    pub(crate) trusted_root: String,
}

impl Maker {
    /// For hostile parts of `size` bytes.
    pub(crate) fn new(size: usize) -> Self {
        let forge = Forge::new(NOW);
        let managed = Key::generate(Algorithm::P256);
        Self {
            size,
            key: managed.public_der(),
            trusted_root: forge.trusted_root(),
            forge,
            managed,
        }
    }

    pub(crate) fn keyless(&self) -> Forgery<'_> {
        self.forge
            .image_signature(&digest())
            .keyless(Identity::default())
            .rekor_v1()
            .timestamp()
    }

    pub(crate) fn keyed(&self) -> Forgery<'_> {
        self.forge
            .image_signature(&digest())
            .keyed(&self.managed)
            .rekor_v1()
    }

    pub(crate) fn message(&self) -> Forgery<'_> {
        self.forge
            .blob(MANIFEST.as_bytes())
            .keyless(Identity::default())
            .rekor_v1()
    }

    pub(crate) fn chain(&self) -> Forgery<'_> {
        self.keyless().version("0.2")
    }

    pub(crate) fn signed(&self, payload: &[u8]) -> Forgery<'_> {
        self.forge
            .envelope(IN_TOTO, payload)
            .keyless(Identity::default())
            .rekor_v1()
            .timestamp()
    }

    /// A statement about the image in which `part` is put, before what it has already.
    pub(crate) fn statement(&self, part: &str, filler: &Filler) -> Vec<u8> {
        self.statement_of(part, filler, (self.size - ROOM) / 4 * 3)
    }

    /// Such a statement with so many bytes of the filler.
    pub(crate) fn statement_of(&self, part: &str, filler: &Filler, size: usize) -> Vec<u8> {
        let digest = digest();
        let digest = digest.trim_start_matches("sha256:");
        let usual = [
            (
                r#""_type":"#,
                r#""https://in-toto.io/Statement/v1""#.to_owned(),
            ),
            (
                r#""predicateType":"#,
                r#""https://example.com/p""#.to_owned(),
            ),
            (
                r#""subject":"#,
                format!(r#"[{{"digest":{{"sha256":"{digest}"}}}}]"#),
            ),
        ];
        let mut parts = vec![part.to_owned()];
        parts.extend(
            usual
                .into_iter()
                .filter(|(name, _)| !part.starts_with(name))
                .map(|(name, value)| format!("{name}{value}")),
        );
        let statement = format!("{{{}}}", parts.join(","));
        let (head, tail) = statement.split_once(HERE).unwrap();
        let filled = filler.fill(size);
        [head.as_bytes(), &filled, tail.as_bytes()].concat()
    }

    pub(crate) fn spliced(&self, forgery: Forgery<'_>, pointer: &str, filler: &Filler) -> Hostile {
        let bundle = serde_json::from_slice(&forgery.bundle()).unwrap();
        Hostile::bundle(spliced(bundle, pointer, filler, self.size))
    }
}

impl Hostile {
    pub(crate) fn bundle(bytes: Vec<u8>) -> Self {
        Self {
            format: BUNDLE,
            bytes,
            annotations: BTreeMap::new(),
        }
    }
}

/// The JSON with as much of the filler at the place as makes it `size` bytes long.
pub(crate) fn spliced(mut json: Value, pointer: &str, filler: &Filler, size: usize) -> Vec<u8> {
    set(&mut json, pointer, json!(HERE));
    let text = json.to_string();
    let (head, tail) = text.split_once(&format!("\"{HERE}\"")).unwrap();
    let filled = filler.fill(size - head.len() - tail.len());
    let mut out = Vec::with_capacity(size);
    for part in [head.as_bytes(), &filled, tail.as_bytes()] {
        out.extend_from_slice(part);
    }
    out
}

/// Replaces what is there, or adds it to its object.
pub(crate) fn set(json: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match json.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        parent => parent[name] = value,
    }
}

/// `sha256:…` of the image.
pub(crate) fn digest() -> String {
    let image = PinnedImage::from_bytes(MANIFEST.into(), None, None, &Limits::default()).unwrap();
    image.digest().to_string()
}
