//! The certificates of a private Sigstore: Fulcio's chain, the timestamp authority's, and the logs' keys.
//!
//! What is in the folder already is kept, so that `testdata/make.sh` can sign under the authorities of its last run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
    SignatureAlgorithm, date_time_ymd,
};

/// Years in which every authority's certificate is valid: what is signed today shall verify for decades.
const YEARS: (i32, i32) = (2026, 2056);

/// The files of one folder, each there after [`Authorities::prepare`].
#[derive(Debug, Clone)]
pub(crate) struct Authorities {
    folder: PathBuf,
}

impl Authorities {
    /// Makes what is missing in `folder`.
    pub(crate) fn prepare(folder: &Path) -> Result<Self> {
        let authorities = Self {
            folder: folder.to_owned(),
        };
        authorities.chain("fulcio", ExtendedKeyUsagePurpose::CodeSigning, None)?;
        authorities.chain("tsa", ExtendedKeyUsagePurpose::TimeStamping, Some(leaf()))?;
        for (name, algorithm) in [("ctfe", &PKCS_ECDSA_P256_SHA256), ("rekor", &PKCS_ED25519)] {
            let key = authorities.key_pair(name, algorithm)?;
            fs::write(authorities.public_key(name), key.public_key_pem())?;
        }
        Ok(authorities)
    }

    /// PEM, from whatever signs first (Fulcio's intermediate; the timestamp authority's leaf) to the root.
    pub(crate) fn chain_file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pem"))
    }

    /// PKCS #8 PEM.
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }

    /// PEM.
    pub(crate) fn public_key(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pub"))
    }

    /// Root, intermediate and perhaps a leaf. The key `<name>` belongs to the first certificate of the chain.
    fn chain(
        &self,
        name: &str,
        purpose: ExtendedKeyUsagePurpose,
        leaf: Option<CertificateParams>,
    ) -> Result<()> {
        if self.chain_file(name).exists() && self.key(name).exists() {
            return Ok(());
        }
        let root_name = format!("{name}-root");
        let root_key = self.key_pair(&root_name, &PKCS_ECDSA_P384_SHA384)?;
        let root = ca(&root_name, 1, Vec::new());
        let root_pem = root.self_signed(&root_key)?.pem();
        let root = Issuer::new(root, root_key);

        let intermediate_name = format!("{name}-intermediate");
        let intermediate = ca(&intermediate_name, 0, vec![purpose]);
        let Some(leaf) = leaf else {
            let key = self.key_pair(name, &PKCS_ECDSA_P384_SHA384)?;
            let pem = intermediate.signed_by(&key, &root)?.pem();
            return Ok(fs::write(self.chain_file(name), pem + &root_pem)?);
        };
        let intermediate_key = self.key_pair(&intermediate_name, &PKCS_ECDSA_P384_SHA384)?;
        let intermediate_pem = intermediate.signed_by(&intermediate_key, &root)?.pem();
        let intermediate = Issuer::new(intermediate, intermediate_key);
        let leaf_key = self.key_pair(name, &PKCS_ECDSA_P256_SHA256)?;
        let leaf_pem = leaf.signed_by(&leaf_key, &intermediate)?.pem();
        Ok(fs::write(
            self.chain_file(name),
            leaf_pem + &intermediate_pem + &root_pem,
        )?)
    }

    /// The key in `<name>.key`, made now if there is none.
    fn key_pair(&self, name: &str, algorithm: &'static SignatureAlgorithm) -> Result<KeyPair> {
        let path = self.key(name);
        if path.exists() {
            let pem = fs::read_to_string(&path)?;
            return KeyPair::from_pem_and_sign_algo(&pem, algorithm)
                .with_context(|| format!("reading {}", path.display()));
        }
        let key = KeyPair::generate_for(algorithm)?;
        fs::write(&path, key.serialize_pem())?;
        Ok(key)
    }
}

fn ca(name: &str, path_length: u8, purposes: Vec<ExtendedKeyUsagePurpose>) -> CertificateParams {
    let mut params = certificate(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = purposes;
    params
}

/// The timestamp authority's own certificate: RFC 3161, 2.3 demands that the key usage is critical and alone.
fn leaf() -> CertificateParams {
    const EXTENDED_KEY_USAGE: [u64; 4] = [2, 5, 29, 37];
    // SEQUENCE { OBJECT IDENTIFIER 1.3.6.1.5.5.7.3.8 }
    const TIME_STAMPING: [u8; 12] = [48, 10, 6, 8, 43, 6, 1, 5, 5, 7, 3, 8];
    let mut usage = CustomExtension::from_oid_content(&EXTENDED_KEY_USAGE, TIME_STAMPING.to_vec());
    usage.set_criticality(true);
    let mut params = certificate("tsa");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.custom_extensions = vec![usage];
    params
}

fn certificate(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(YEARS.0, 1, 1);
    params.not_after = date_time_ymd(YEARS.1, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(
        DnType::OrganizationName,
        "countersign tests, never to be trusted",
    );
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
