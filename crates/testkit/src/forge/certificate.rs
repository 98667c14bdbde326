//! X.509 certificates (RFC 5280), with every field open to change before the issuer signs.

use super::der;
use super::key::{Hash, Key};

/// Key usage.
pub const KEY_USAGE: &str = "2.5.29.15";
/// Extended key usage.
pub const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
/// Basic constraints.
pub const BASIC_CONSTRAINTS: &str = "2.5.29.19";
/// Name constraints.
pub const NAME_CONSTRAINTS: &str = "2.5.29.30";
/// Subject alternative name.
pub const SUBJECT_ALT_NAME: &str = "2.5.29.17";
/// The list of signed certificate timestamps (RFC 6962, 3.3).
pub const SCT_LIST: &str = "1.3.6.1.4.1.11129.2.4.2";
/// Purpose: code signing.
pub const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";
/// Purpose: time stamping.
pub const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";
/// Fulcio's claims are `1.3.6.1.4.1.57264.1.N`.
pub const FULCIO: &str = "1.3.6.1.4.1.57264.1";

/// What a certificate shall say.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// 1, 2 or 3; below 3 the extensions are written all the same.
    pub version: u8,
    /// Big-endian.
    pub serial: Vec<u8>,
    /// Who issues.
    pub issuer: Name,
    /// In seconds since 1970.
    pub not_before: i64,
    /// In seconds since 1970, inclusive.
    pub not_after: i64,
    /// Whom it is for.
    pub subject: Name,
    /// DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// In the order in which they are written.
    pub extensions: Vec<Extension>,
}

/// A distinguished name of an organization and a common name; both empty: the empty name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// `O`, left out when empty.
    pub organization: String,
    /// `CN`, left out when empty.
    pub common_name: String,
}

/// An extension; nothing keeps two from having the same identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Dotted.
    pub oid: String,
    /// Whether one who does not know it must refuse the certificate.
    pub critical: bool,
    /// What the OCTET STRING holds: usually DER.
    pub value: Vec<u8>,
}

/// A certificate as it was issued.
#[derive(Clone, Debug)]
pub struct Issued {
    /// What it says.
    pub certificate: Certificate,
    /// The signed DER.
    pub der: Vec<u8>,
}

/// A name of a subject in the subject alternative name extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum San {
    /// An rfc822Name.
    Email(String),
    /// A uniformResourceIdentifier.
    Uri(String),
    /// A dNSName.
    Dns(String),
    /// An otherName of Fulcio's type 1.3.6.1.4.1.57264.1.7, a UTF8String.
    OtherName(String),
}

impl Certificate {
    /// A certificate of version 3 with nothing but a key and a validity.
    #[must_use]
    pub fn new(public_key: &Key, not_before: i64, not_after: i64) -> Self {
        let serial = Hash::Sha256.of(&public_key.public_der());
        Self {
            version: 3,
            serial: [&[0x3f], &serial[..15]].concat(),
            issuer: Name::default(),
            not_before,
            not_after,
            subject: Name::default(),
            public_key: public_key.public_der(),
            extensions: Vec::new(),
        }
    }

    /// Adds an extension, whether or not there is one of the identifier already.
    pub fn push(&mut self, oid: &str, critical: bool, value: Vec<u8>) {
        self.extensions.push(Extension {
            oid: oid.into(),
            critical,
            value,
        });
    }

    /// Takes every extension of that identifier away.
    pub fn remove(&mut self, oid: &str) {
        self.extensions.retain(|extension| extension.oid != oid);
    }

    /// The first extension of that identifier.
    ///
    /// # Panics
    /// When there is none.
    pub fn extension(&mut self, oid: &str) -> &mut Extension {
        let found = self
            .extensions
            .iter_mut()
            .find(|extension| extension.oid == oid);
        found.expect("the test names an extension that the certificate has")
    }

    /// Key usage, critical, from the bits of the first byte: 0x80 digitalSignature, 0x06 keyCertSign and cRLSign.
    pub fn push_key_usage(&mut self, usage: u8) {
        let unused = u8::try_from(usage.trailing_zeros().min(7)).expect("at most seven");
        self.push(KEY_USAGE, true, der::tlv(3, &[unused, usage]));
    }

    /// Extended key usage with these purposes.
    pub fn push_purposes(&mut self, critical: bool, purposes: &[&str]) {
        let purposes: Vec<_> = purposes.iter().map(|purpose| der::oid(purpose)).collect();
        self.push(EXTENDED_KEY_USAGE, critical, der::sequence(&purposes));
    }

    /// Basic constraints, critical.
    pub fn push_constraints(&mut self, ca: bool, path_length: Option<u8>) {
        let mut parts = Vec::new();
        if ca {
            parts.push(der::boolean(true));
        }
        parts.extend(path_length.map(der::integer));
        self.push(BASIC_CONSTRAINTS, true, der::sequence(&parts));
    }

    /// Name constraints, critical, that permit e-mail addresses of one domain only.
    pub fn push_permitted_email_domain(&mut self, domain: &str) {
        self.push_name_constraints(&[San::Email(domain.into())], &[]);
    }

    /// Name constraints, critical: what may be certified, and what must not be.
    pub fn push_name_constraints(&mut self, permitted: &[San], excluded: &[San]) {
        let subtrees = |names: &[San]| -> Vec<u8> {
            names
                .iter()
                .flat_map(|name| der::sequence(&[name.to_der()]))
                .collect()
        };
        let lists: Vec<_> = [(0, permitted), (1, excluded)]
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(number, names)| der::context(number, &subtrees(names)))
            .collect();
        self.push(NAME_CONSTRAINTS, true, der::sequence(&lists));
    }

    /// Subject alternative name with these names; critical, as Fulcio writes it beside an empty subject.
    pub fn push_names(&mut self, names: &[San]) {
        let names: Vec<_> = names.iter().map(San::to_der).collect();
        self.push(SUBJECT_ALT_NAME, true, der::sequence(&names));
    }

    /// A claim as Fulcio writes it: 1 to 6 as plain bytes, from 8 on as a DER UTF8String.
    pub fn push_claim(&mut self, number: u8, value: &str) {
        let content = if number < 7 {
            value.as_bytes().to_vec()
        } else {
            der::utf8(value)
        };
        self.push(&format!("{FULCIO}.{number}"), false, content);
    }

    /// Subject and authority key identifiers by method 1 of RFC 5280, 4.2.1.2.
    pub fn push_key_identifiers(&mut self, subject: &Key, issuer: Option<&Key>) {
        let identifier = |key: &Key| Hash::Sha1.of(&key.public_raw());
        self.push("2.5.29.14", false, der::octets(&identifier(subject)));
        if let Some(issuer) = issuer {
            let identifier = der::context_primitive(0, &identifier(issuer));
            self.push("2.5.29.35", false, der::sequence(&[identifier]));
        }
    }

    /// Signs it with the issuer's key.
    #[must_use]
    pub fn issue(self, issuer: &Key) -> Issued {
        let tbs = self.to_be_signed(issuer);
        let signature = issuer.sign(&tbs);
        let algorithm = issuer.signature_algorithm(issuer.hash());
        Issued {
            der: der::sequence(&[tbs, algorithm, der::bits(&signature)]),
            certificate: self,
        }
    }

    /// The DER that the issuer signs.
    pub(crate) fn to_be_signed(&self, issuer: &Key) -> Vec<u8> {
        let extensions: Vec<_> = self.extensions.iter().map(Extension::to_der).collect();
        let mut parts = Vec::new();
        if self.version > 1 {
            parts.push(der::context(0, &der::integer(self.version - 1)));
        }
        parts.extend([
            der::unsigned(&self.serial),
            issuer.signature_algorithm(issuer.hash()),
            self.issuer.to_der(),
            der::sequence(&[der::time(self.not_before), der::time(self.not_after)]),
            self.subject.to_der(),
            self.public_key.clone(),
        ]);
        if !extensions.is_empty() {
            parts.push(der::context(3, &der::sequence(&extensions)));
        }
        der::sequence(&parts)
    }
}

impl Issued {
    /// PEM, `CERTIFICATE`.
    #[must_use]
    pub fn pem(&self) -> String {
        der::pem("CERTIFICATE", &self.der)
    }
}

impl Name {
    /// A name of both parts.
    #[must_use]
    pub fn new(organization: &str, common_name: &str) -> Self {
        Self {
            organization: organization.into(),
            common_name: common_name.into(),
        }
    }

    pub(crate) fn to_der(&self) -> Vec<u8> {
        let parts = [
            ("2.5.4.10", &self.organization),
            ("2.5.4.3", &self.common_name),
        ];
        let named: Vec<_> = parts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(oid, value)| {
                der::set_of(&[der::sequence(&[der::oid(oid), der::printable(value)])])
            })
            .collect();
        der::sequence(&named)
    }
}

impl Extension {
    fn to_der(&self) -> Vec<u8> {
        let mut parts = vec![der::oid(&self.oid)];
        if self.critical {
            parts.push(der::boolean(true));
        }
        parts.push(der::octets(&self.value));
        der::sequence(&parts)
    }
}

impl San {
    /// The name itself.
    #[must_use]
    pub fn value(&self) -> &str {
        match self {
            Self::Email(value) | Self::Uri(value) | Self::Dns(value) | Self::OtherName(value) => {
                value
            }
        }
    }

    fn to_der(&self) -> Vec<u8> {
        match self {
            Self::Email(value) => der::context_primitive(1, value.as_bytes()),
            Self::Dns(value) => der::context_primitive(2, value.as_bytes()),
            Self::Uri(value) => der::context_primitive(6, value.as_bytes()),
            Self::OtherName(value) => {
                let kind = der::oid(&format!("{FULCIO}.7"));
                der::context(0, &[kind, der::context(0, &der::utf8(value))].concat())
            }
        }
    }
}
