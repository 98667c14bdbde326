//! A Sigstore bundle as it is written (`protobuf-specs`, `sigstore_bundle.proto`, JSON form): unknown fields are refused, text is
//! borrowed, and lists are bounded while they are read.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

use super::decode::decimal;
use super::envelope;
use crate::json::{self, Few, Text};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Bundle<'a> {
    #[serde(borrow)]
    pub(super) media_type: Text<'a>,
    pub(super) verification_material: VerificationMaterial<'a>,
    pub(super) message_signature: Option<MessageSignature<'a>>,
    pub(super) dsse_envelope: Option<envelope::Wire<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct VerificationMaterial<'a> {
    #[serde(borrow)]
    pub(super) public_key: Option<PublicKeyHint<'a>>,
    pub(super) x509_certificate_chain: Option<CertificateChain<'a>>,
    pub(super) certificate: Option<RawCertificate<'a>>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub(super) tlog_entries: Few<TlogEntry<'a>, 1024>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub(super) timestamp_verification_data: TimestampVerificationData<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PublicKeyHint<'a> {
    #[serde(borrow)]
    pub(super) hint: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CertificateChain<'a> {
    #[serde(borrow)]
    pub(super) certificates: Few<RawCertificate<'a>, 64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawCertificate<'a> {
    #[serde(borrow)]
    pub(super) raw_bytes: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TimestampVerificationData<'a> {
    #[serde(borrow, default, deserialize_with = "json::null_is_default")]
    pub(super) rfc3161_timestamps: Few<SignedTimestamp<'a>, 1024>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SignedTimestamp<'a> {
    #[serde(borrow)]
    pub(super) signed_timestamp: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MessageSignature<'a> {
    #[serde(borrow)]
    pub(super) message_digest: Option<MessageDigest<'a>>,
    pub(super) signature: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MessageDigest<'a> {
    #[serde(borrow)]
    pub(super) algorithm: Text<'a>,
    pub(super) digest: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TlogEntry<'a> {
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub(super) log_index: Int64,
    #[serde(borrow)]
    pub(super) log_id: LogId<'a>,
    pub(super) kind_version: KindVersion<'a>,
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub(super) integrated_time: Int64,
    pub(super) inclusion_promise: Option<InclusionPromise<'a>>,
    pub(super) inclusion_proof: Option<InclusionProof<'a>>,
    pub(super) canonicalized_body: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LogId<'a> {
    #[serde(borrow)]
    pub(super) key_id: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KindVersion<'a> {
    #[serde(borrow)]
    pub(super) kind: Text<'a>,
    pub(super) version: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InclusionPromise<'a> {
    #[serde(borrow)]
    pub(super) signed_entry_timestamp: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InclusionProof<'a> {
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub(super) log_index: Int64,
    #[serde(borrow)]
    pub(super) root_hash: Text<'a>,
    pub(super) tree_size: Int64,
    #[serde(default, deserialize_with = "json::null_is_default")]
    pub(super) hashes: Few<Text<'a>, 256>,
    pub(super) checkpoint: Option<Checkpoint<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Checkpoint<'a> {
    #[serde(borrow)]
    pub(super) envelope: Text<'a>,
}

/// A protobuf int64 that must not be negative: in JSON a string of digits, or a number.
#[derive(Clone, Copy, Default)]
pub(super) struct Int64(pub(super) i64);

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reading;

        impl Visitor<'_> for Reading {
            type Value = Int64;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number that is not negative, as a number or a string of digits")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Int64, E> {
                i64::try_from(number)
                    .map(Int64)
                    .map_err(|_| E::custom("a number beyond 64 bits"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Int64, E> {
                decimal(text)
                    .and_then(|number| i64::try_from(number).ok())
                    .map(Int64)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Other("a string"), &self))
            }
        }

        reader.deserialize_any(Reading)
    }
}

impl Int64 {
    pub(super) fn unsigned(self) -> u64 {
        self.0.unsigned_abs()
    }
}
