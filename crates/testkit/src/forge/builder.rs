//! How an instance is set up.

use super::certificate::{CODE_SIGNING, Certificate, Issued, Name};
use super::key::{Algorithm, Key};
use super::log::{Generation, TransparencyLog};
use super::sct::CtLog;
use super::timestamp::Recipe;
use super::{BoxedEdit, Forge, YEAR, ca_certificate};

/// How a [`Forge`] shall be; made by [`Forge::builder`].
pub struct Builder<'a> {
    now: i64,
    domain: String,
    ca: Algorithm,
    ct: Algorithm,
    tsa: Algorithm,
    intermediate: bool,
    tsa_intermediate: bool,
    edits: Edits<'a>,
}

#[derive(Default)]
struct Edits<'a> {
    root: Option<BoxedEdit<'a, Certificate>>,
    intermediate: Option<BoxedEdit<'a, Certificate>>,
    tsa_root: Option<BoxedEdit<'a, Certificate>>,
    tsa_intermediate: Option<BoxedEdit<'a, Certificate>>,
    tsa_leaf: Option<BoxedEdit<'a, Certificate>>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(now: i64) -> Self {
        Self {
            now,
            domain: "forge.example".into(),
            ca: Algorithm::P384,
            ct: Algorithm::P256,
            tsa: Algorithm::P384,
            intermediate: true,
            tsa_intermediate: false,
            edits: Edits::default(),
        }
    }

    /// The domain of its hosts and the organization in its certificates; two instances of one domain have equal names and
    /// different keys.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.domain = domain.into();
        self
    }

    /// The kind of the certificate authority's keys.
    #[must_use]
    pub fn ca_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.ca = algorithm;
        self
    }

    /// The kind of the certificate transparency log's key.
    #[must_use]
    pub fn ct_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.ct = algorithm;
        self
    }

    /// The kind of the timestamp authority's keys.
    #[must_use]
    pub fn tsa_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.tsa = algorithm;
        self
    }

    /// Leaves are issued by the root itself.
    #[must_use]
    pub fn without_intermediate(mut self) -> Self {
        self.intermediate = false;
        self
    }

    /// The timestamp authority has an intermediate certificate too.
    #[must_use]
    pub fn tsa_intermediate(mut self) -> Self {
        self.tsa_intermediate = true;
        self
    }

    /// Changes the root certificate before it is signed.
    #[must_use]
    pub fn with_root(mut self, edit: impl Fn(&mut Certificate) + 'a) -> Self {
        self.edits.root = Some(Box::new(edit));
        self
    }

    /// Changes the intermediate certificate before it is signed.
    #[must_use]
    pub fn with_intermediate(mut self, edit: impl Fn(&mut Certificate) + 'a) -> Self {
        self.edits.intermediate = Some(Box::new(edit));
        self
    }

    /// Changes the timestamp authority's root certificate before it is signed.
    #[must_use]
    pub fn with_tsa_root(mut self, edit: impl Fn(&mut Certificate) + 'a) -> Self {
        self.edits.tsa_root = Some(Box::new(edit));
        self
    }

    /// Changes the timestamp authority's intermediate certificate before it is signed.
    #[must_use]
    pub fn with_tsa_intermediate(mut self, edit: impl Fn(&mut Certificate) + 'a) -> Self {
        self.edits.tsa_intermediate = Some(Box::new(edit));
        self
    }

    /// Changes the timestamp authority's leaf certificate before it is signed.
    #[must_use]
    pub fn with_tsa_leaf(mut self, edit: impl Fn(&mut Certificate) + 'a) -> Self {
        self.edits.tsa_leaf = Some(Box::new(edit));
        self
    }

    /// Makes the keys and certificates.
    #[must_use]
    pub fn build(self) -> Forge {
        let root = self.root();
        let tsa = Recipe {
            algorithm: self.tsa,
            organization: &self.domain,
            now: self.now,
            intermediate: self.tsa_intermediate,
            edit_root: self.edits.tsa_root.as_deref(),
            edit_intermediate: self.edits.tsa_intermediate.as_deref(),
            edit_leaf: self.edits.tsa_leaf.as_deref(),
        };
        let v1_host = format!("rekor.{}", self.domain);
        let v2_host = format!("log2025-1.rekor.{}", self.domain);
        Forge {
            now: self.now,
            ca_uri: format!("https://fulcio.{}", self.domain),
            intermediate: self.intermediate.then(|| self.issue_intermediate(&root)),
            root,
            ct_log: CtLog::new(self.ct),
            rekor_v1: TransparencyLog::new(&v1_host, Generation::V1, Algorithm::P256),
            rekor_v2: TransparencyLog::new(&v2_host, Generation::V2, Algorithm::Ed25519),
            tsa: tsa.make(),
            domain: self.domain,
        }
    }

    fn root(&self) -> (Issued, Key) {
        let key = Key::generate(self.ca);
        let mut certificate = ca_certificate(&key, &Name::new(&self.domain, "forge"), self.now);
        certificate.push_key_identifiers(&key, Some(&key));
        if let Some(edit) = &self.edits.root {
            edit(&mut certificate);
        }
        (certificate.issue(&key), key)
    }

    fn issue_intermediate(&self, (root, root_key): &(Issued, Key)) -> (Issued, Key) {
        let key = Key::generate(self.ca);
        let name = Name::new(&self.domain, "forge-intermediate");
        let mut certificate = Certificate::new(&key, self.now - 4 * YEAR, self.now + 4 * YEAR);
        certificate.issuer = root.certificate.subject.clone();
        certificate.subject = name;
        certificate.push_key_usage(0x06);
        certificate.push_purposes(false, &[CODE_SIGNING]);
        certificate.push_constraints(true, Some(0));
        certificate.push_key_identifiers(&key, Some(root_key));
        if let Some(edit) = &self.edits.intermediate {
            edit(&mut certificate);
        }
        (certificate.issue(root_key), key)
    }
}
