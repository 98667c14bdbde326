//! `kind: Revocation`, as it is written.

use crate::policy::notes::Spanned;
use crate::policy::scalar::Begin;
use crate::policy::shape::{Items, Text, mapping};

mapping! {
    /// What counts no more, whatever any policy says: it goes before caches, last known evidence and every mode.
    struct RevocationSpec later [] {
        /// Keys: an id that keys of the set have, SIGNER/ID, or `sha256:` and the fingerprint of any key's SubjectPublicKeyInfo.
        keys "keys" Optional: Items<Text>,
        /// Identities of certificates.
        identities "identities" Optional: Items<RevokedIdentitySpec>,
        /// Since when these keys and identities are not to be believed: signatures that are proven to be older still count. Without it none counts.
        from "from" Optional: Spanned<Begin>,
        /// Images and indexes, by digest: they are denied, and so is an index that lists one of them.
        digests "digests" Optional: Items<Text>,
        /// Pieces of evidence, by the digest of their manifest or blob.
        evidence "evidence" Optional: Items<Text>,
        /// Why, for whoever is denied.
        reason "reason" Required: Text,
    }
}

mapping! {
    /// An identity of certificates; both fields are compared exactly.
    struct RevokedIdentitySpec later [] {
        /// The OIDC issuer.
        issuer "issuer" Required: Text,
        /// The whole subject alternative name, of any kind.
        subject "subject" Required: Text,
    }
}
