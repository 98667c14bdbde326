#![no_main]
//! A `.sig` layer: payload and annotations.
use countersign_core::Content;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, String, String)| {
    let (payload, signature, timestamp) = input;
    let annotations = [("dev.cosignproject.cosign/signature", signature), ("dev.sigstore.cosign/rfc3161timestamp", timestamp)];
    let annotations = annotations.map(|(name, text)| (name.to_owned(), text)).into();
    countersign_fuzz::nothing_verifies(Content::SimpleSigning { payload, annotations });
});
