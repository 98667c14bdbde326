#![no_main]
//! An image manifest or index: never a panic, and the digest is that of the bytes.
use countersign_core::{Digest, Limits, PinnedImage};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: Vec<u8>| {
    let digest = Digest::of(&bytes);
    if let Ok(image) = PinnedImage::from_bytes(bytes, None, None, &Limits::default()) {
        assert_eq!(*image.digest(), digest);
    }
});
