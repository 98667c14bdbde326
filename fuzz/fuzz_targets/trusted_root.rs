#![no_main]
//! A `trusted_root.json`, and evidence under it: whatever it trusts, what was signed stays what it is.
use countersign_core::TrustRoot;
use countersign_fuzz::same_claims_under;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &[u8]| {
    if let Ok(root) = TrustRoot::from_json("fuzzed", json) {
        same_claims_under(root);
    }
});
