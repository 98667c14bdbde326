#![no_main]
//! An `.att` layer: envelope and annotations.
use countersign_core::Content;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, String, String)| {
    let (envelope, bundle, certificate) = input;
    let annotations = [("dev.sigstore.cosign/bundle", bundle), ("dev.sigstore.cosign/certificate", certificate)];
    let annotations = annotations.map(|(name, text)| (name.to_owned(), text)).into();
    countersign_fuzz::nothing_verifies(Content::Attestation { envelope, annotations });
});
