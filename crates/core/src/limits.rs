//! Step 0: bounds on untrusted input, checked before any cryptography (`verification.md`, L0).

/// How much untrusted input is looked at. Over a limit, evidence is refused with `over-limit`, never truncated.
///
/// The defaults come from what the largest real documents need and from the advisories of other verifiers:
/// sigstore-go CVE-2024-45395 (unbounded log entries, timestamps and subjects), cosign CVE-2023-46737 (endless
/// attestations), CVE-2024-29902 and -29903 (memory). Lists are read into memory up to fixed numbers above these
/// (1,024 log entries and timestamps, 65,536 subjects, …), which no higher limit exceeds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one bundle or envelope (48 MiB: a 32 MiB payload in base64).
    pub bundle_bytes: usize,
    /// Bytes of one decoded payload (32 MiB).
    pub payload_bytes: usize,
    /// Bytes fetched for one check, all evidence together (96 MiB).
    pub fetched_bytes: usize,
    /// Bytes of one image manifest or index (4 MiB: the OCI distribution specification's advice).
    pub manifest_bytes: usize,
    /// Entries of one referrers listing, all pages together, and layers of one `.sig` or `.att` manifest (1,000: cosign's).
    pub attachments: usize,
    /// Pages of one referrers listing.
    pub pages: usize,
    /// Platforms of one index whose evidence is looked at (64: Docker's official images have at most some 20).
    pub platforms: usize,
    /// Transparency-log entries in one bundle (32).
    pub log_entries: usize,
    /// RFC 3161 timestamps in one bundle (32).
    pub timestamps: usize,
    /// Subjects of one statement (1024).
    pub subjects: usize,
    /// Digests of one subject (32).
    pub digests_per_subject: usize,
    /// Hashes of one inclusion proof (64: a tree of 2^64 leaves).
    pub proof_hashes: usize,
    /// Bytes of one checkpoint (16 KiB).
    pub checkpoint_bytes: usize,
    /// Signature lines of one checkpoint (16).
    pub checkpoint_signatures: usize,
    /// Certificates of one chain (8).
    pub chain_certificates: usize,
    /// Nesting of one JSON document (64; never more than 128, serde_json's own bound).
    pub json_depth: usize,
    /// Keys of one JSON document, all its objects together (1,000,000: an SBOM of 32 MiB has about 900,000).
    pub json_keys: usize,
    /// Bytes of the bodies of all transparency-log entries of one bundle (1 MiB: Rekor takes attestations of up to 100 KiB, and
    /// stores their hash).
    pub log_entry_bytes: usize,
    /// Bytes of one RFC 3161 timestamp (64 KiB: one with a chain of three certificates has about 6 KiB;
    /// timestamp-authority CVE-2026-49835).
    pub timestamp_bytes: usize,
    /// Bytes of one certificate (64 KiB: one of Fulcio has about 2 KiB).
    pub certificate_bytes: usize,
    /// Bytes of one signature, signed entry timestamp or log id (8 KiB: RSA of 8192 bits makes 1 KiB).
    pub signature_bytes: usize,
    /// Bytes of short texts: media types, hints, kinds, predicate types, names (2 KiB).
    pub text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            bundle_bytes: 48 * MIB,
            payload_bytes: 32 * MIB,
            fetched_bytes: 96 * MIB,
            manifest_bytes: 4 * MIB,
            attachments: 1000,
            pages: 32,
            platforms: 64,
            log_entries: 32,
            timestamps: 32,
            subjects: 1024,
            digests_per_subject: 32,
            proof_hashes: 64,
            checkpoint_bytes: 16 * 1024,
            checkpoint_signatures: 16,
            chain_certificates: 8,
            json_depth: 64,
            json_keys: 1_000_000,
            log_entry_bytes: MIB,
            timestamp_bytes: 64 * 1024,
            certificate_bytes: 64 * 1024,
            signature_bytes: 8 * 1024,
            text_bytes: 2 * 1024,
        }
    }
}
