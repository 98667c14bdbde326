//! A catalogue of evidence with exactly one thing wrong, by the steps of the design's `verification.md`, and of evidence
//! that looks odd and is sound.
//!
//! ```
//! use countersign_testkit::faults::{self, Evidence, Outcome};
//!
//! for case in faults::all() {
//!     let forged = case.forge();
//!     match (case.outcome, &forged.evidence) {
//!         (Outcome::Sound, Evidence::Bundle(json)) => assert!(!json.is_empty()),
//!         _ => { /* hand it to the verifier with forged.trusted_root and forged.key_pem */ }
//!     }
//! }
//! ```
//!
//! The signer is always the workflow of [`Identity::default`], or the key whose public half stands beside the evidence;
//! the subject is always [`MANIFEST`].

mod binding;
mod chain;
mod edit;
mod entry;
mod format;
mod leaf;
mod legacy;
mod log;
mod root;
mod sound;
mod timestamp;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use crate::forge::{Algorithm, Forge, Forgery, Identity, Key};
use crate::sha256_digest;

/// The image that all evidence is about: an OCI image manifest.
pub const MANIFEST: &[u8] = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"layers":[]}"#;

/// When everything is signed, in seconds since 1970.
pub const NOW: i64 = 1_790_000_000;

/// What must become of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It verifies: a verifier that refuses it is too strict.
    Sound,
    /// No policy may accept it.
    Refused,
    /// It depends on what the policy demands of a signer; a strict one refuses it.
    Policy,
    /// The trust root itself is wrong: it does not load, and nothing verifies by it.
    Root,
}

/// Evidence in one of its three forms.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// A Sigstore bundle.
    Bundle(Vec<u8>),
    /// A layer of `.sig`: payload and annotations.
    Sig(Vec<u8>, BTreeMap<String, String>),
    /// A layer of `.att`: DSSE envelope and annotations.
    Att(Vec<u8>, BTreeMap<String, String>),
}

/// One entry of the catalogue.
pub struct Case {
    /// Kebab-case, unique.
    pub name: &'static str,
    /// The step of `verification.md` that is concerned.
    pub step: u8,
    /// What must become of it.
    pub outcome: Outcome,
    form: Form,
    forge: fn() -> Forge,
    forgery: for<'f> fn(&'f Forge) -> Forgery<'f>,
    edit_root: Option<fn(&mut Value)>,
}

/// A case made real.
#[derive(Clone, Debug)]
pub struct Forged {
    /// The evidence.
    pub evidence: Evidence,
    /// The `trusted_root.json` to verify it by.
    pub trusted_root: String,
    /// The managed key to verify it by, where it is keyed.
    pub key_pem: String,
}

#[derive(Clone, Copy)]
enum Form {
    Bundle,
    Sig,
    Att,
}

/// The whole catalogue.
#[must_use]
pub fn all() -> Vec<Case> {
    [
        sound::cases(),
        format::cases(),
        log::cases(),
        entry::cases(),
        timestamp::cases(),
        chain::cases(),
        leaf::cases(),
        binding::cases(),
        legacy::cases(),
        root::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The digest of [`MANIFEST`].
#[must_use]
pub fn image() -> String {
    sha256_digest(MANIFEST)
}

impl Case {
    /// Makes it.
    #[must_use]
    pub fn forge(&self) -> Forged {
        let forge = (self.forge)();
        let forgery = (self.forgery)(&forge);
        let evidence = match self.form {
            Form::Bundle => Evidence::Bundle(forgery.bundle()),
            Form::Sig => {
                let (payload, annotations) = forgery.sig();
                Evidence::Sig(payload, annotations)
            }
            Form::Att => {
                let (envelope, annotations) = forgery.att();
                Evidence::Att(envelope, annotations)
            }
        };
        let mut root: Value = serde_json::from_str(&forge.trusted_root()).expect("we wrote it");
        if let Some(edit) = self.edit_root {
            edit(&mut root);
        }
        Forged {
            evidence,
            trusted_root: root.to_string(),
            key_pem: managed_key().public_pem(),
        }
    }

    fn new(
        outcome: Outcome,
        name: &'static str,
        step: u8,
        forgery: for<'f> fn(&'f Forge) -> Forgery<'f>,
    ) -> Self {
        Self {
            name,
            step,
            outcome,
            form: Form::Bundle,
            forge: || ours().clone(),
            forgery,
            edit_root: None,
        }
    }

    fn on(self, forge: fn() -> Forge) -> Self {
        Self { forge, ..self }
    }

    fn with_root(self, edit: fn(&mut Value)) -> Self {
        Self {
            edit_root: Some(edit),
            ..self
        }
    }

    fn in_sig(self) -> Self {
        Self {
            form: Form::Sig,
            ..self
        }
    }

    fn in_att(self) -> Self {
        Self {
            form: Form::Att,
            ..self
        }
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} (step {})", self.name, self.step)
    }
}

fn refused(name: &'static str, step: u8, forgery: for<'f> fn(&'f Forge) -> Forgery<'f>) -> Case {
    Case::new(Outcome::Refused, name, step, forgery)
}

fn by_policy(name: &'static str, step: u8, forgery: for<'f> fn(&'f Forge) -> Forgery<'f>) -> Case {
    Case::new(Outcome::Policy, name, step, forgery)
}

/// The instance of most cases.
fn ours() -> &'static Forge {
    static FORGE: OnceLock<Forge> = OnceLock::new();
    FORGE.get_or_init(|| Forge::new(NOW))
}

/// An instance with the same names and other keys: an attacker's.
fn theirs() -> &'static Forge {
    static FORGE: OnceLock<Forge> = OnceLock::new();
    FORGE.get_or_init(|| Forge::new(NOW))
}

/// The managed key of keyed cases.
fn managed_key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::generate(Algorithm::P256))
}

/// A key of nobody.
fn foreign_key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::generate(Algorithm::P256))
}

/// A keyless image signature in Rekor v1.
fn v1(forge: &Forge) -> Forgery<'_> {
    forge
        .image_signature(&image())
        .keyless(Identity::default())
        .rekor_v1()
}

/// A keyless image signature in Rekor v2 with a timestamp.
fn v2(forge: &Forge) -> Forgery<'_> {
    forge
        .image_signature(&image())
        .keyless(Identity::default())
        .rekor_v2()
        .timestamp()
}

/// A keyed image signature with nothing else.
fn keyed(forge: &Forge) -> Forgery<'_> {
    forge.image_signature(&image()).keyed(managed_key())
}
