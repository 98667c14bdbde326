#![no_main]
//! A question of the API server: every image that it would run newly is judged, or it is refused.
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| countersign_fuzz::every_new_image_is_judged(body));
