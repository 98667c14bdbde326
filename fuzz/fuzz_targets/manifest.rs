#![no_main]
//! An image manifest or index: never a panic, and the digest is that of the bytes.
use countersign_core::{Digest, Limits, PinnedImage};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(image) = PinnedImage::from_bytes(bytes.to_vec(), None, None, &Limits::default()) {
        assert_eq!(*image.digest(), Digest::of(bytes));
    }
});
