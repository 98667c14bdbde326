#![no_main]
//! An image reference: its canonical form reads as itself.
use countersign_core::ImageRef;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(image) = ImageRef::parse(text) else { return };
    let again = ImageRef::parse(&image.to_string()).expect("the canonical form is a reference");
    let parts = |image: &ImageRef| format!("{:?} {:?} {:?}", image.name(), image.tag(), image.digest());
    assert_eq!(parts(&again), parts(&image));
});
