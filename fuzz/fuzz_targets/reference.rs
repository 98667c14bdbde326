#![no_main]
//! An image reference: its canonical form reads as itself.
use countersign_core::ImageRef;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(image) = ImageRef::parse(text) {
        let again = ImageRef::parse(&image.to_string()).expect("the canonical form is a reference");
        assert_eq!((again.name(), again.tag(), again.digest()), (image.name(), image.tag(), image.digest()));
    }
});
