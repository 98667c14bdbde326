//! The extensions that verification reads.

use der::{Decode, asn1::ObjectIdentifier};
use x509_cert::TbsCertificate;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

/// Object identifiers that are compared.
pub(crate) mod oid {
    use der::asn1::ObjectIdentifier;

    pub(crate) const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
    pub(crate) const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
    pub(crate) const BASIC_CONSTRAINTS: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.5.29.19");
    pub(crate) const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
    pub(crate) const EXTENDED_KEY_USAGE: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.5.29.37");
    pub(crate) const ANY_EXTENDED_KEY_USAGE: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.5.29.37.0");
    pub(crate) const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
    pub(crate) const CODE_SIGNING: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
    pub(crate) const TIME_STAMPING: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
    pub(crate) const SCT_LIST: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");
}

/// Extensions of one certificate: Fulcio writes about 30, and each is compared with every other.
const MOST: usize = 100;

/// The extensions of one certificate; no two have the same identifier (RFC 5280, 4.2).
#[derive(Debug, Clone)]
pub(crate) struct Extensions(Vec<x509_cert::ext::Extension>);

impl Extensions {
    /// Takes them out of the certificate.
    pub(crate) fn of(tbs: &mut TbsCertificate) -> Result<Self, String> {
        let all = tbs.extensions.take().unwrap_or_default();
        if all.len() > MOST {
            return Err(format!("{} extensions, more than {MOST}", all.len()));
        }
        for (at, extension) in all.iter().enumerate() {
            if all
                .iter()
                .skip(at + 1)
                .any(|other| other.extn_id == extension.extn_id)
            {
                return Err(format!("two extensions {}", extension.extn_id));
            }
        }
        Ok(Self(all))
    }

    /// The DER value of an extension.
    pub(crate) fn value(&self, id: &ObjectIdentifier) -> Option<&[u8]> {
        self.0
            .iter()
            .find(|extension| extension.extn_id == *id)
            .map(|extension| extension.extn_value.as_bytes())
    }

    pub(crate) fn is_critical(&self, id: &ObjectIdentifier) -> bool {
        self.0
            .iter()
            .any(|extension| extension.extn_id == *id && extension.critical)
    }

    fn decode<'a, T: Decode<'a>>(&'a self, id: &ObjectIdentifier) -> Result<Option<T>, String> {
        self.value(id)
            .map(|value| T::from_der(value).map_err(|error| format!("extension {id}: {error}")))
            .transpose()
    }

    pub(crate) fn basic_constraints(&self) -> Result<Option<BasicConstraints>, String> {
        self.decode(&oid::BASIC_CONSTRAINTS)
    }

    pub(crate) fn key_usage(&self) -> Result<Option<KeyUsage>, String> {
        self.decode(&oid::KEY_USAGE)
    }

    pub(crate) fn extended_key_usage(&self) -> Result<Option<Vec<ObjectIdentifier>>, String> {
        Ok(self
            .decode::<ExtendedKeyUsage>(&oid::EXTENDED_KEY_USAGE)?
            .map(|usages| usages.0))
    }

    /// Step 12: a critical extension that nobody here understands refuses the certificate (RFC 5280, 4.2).
    pub(crate) fn check_critical(&self) -> Result<(), String> {
        const UNDERSTOOD: [ObjectIdentifier; 5] = [
            oid::KEY_USAGE,
            oid::SUBJECT_ALT_NAME,
            oid::BASIC_CONSTRAINTS,
            oid::NAME_CONSTRAINTS,
            oid::EXTENDED_KEY_USAGE,
        ];
        match self
            .0
            .iter()
            .find(|extension| extension.critical && !UNDERSTOOD.contains(&extension.extn_id))
        {
            Some(unknown) => Err(format!("unknown critical extension {}", unknown.extn_id)),
            None => Ok(()),
        }
    }
}
