#![no_main]
//! A list of SCTs in the certificate that was issued: only its own counts.
use countersign_core::fuzzing;
use countersign_fuzz::{SCT_LIST, with_scts, world};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|list: &[u8]| {
    let Some(leaf) = with_scts(list) else { return };
    if let Ok(logs) = fuzzing::scts(&leaf, &world().issuer, &world().root) {
        assert_eq!(logs, 1);
        let own = &SCT_LIST[SCT_LIST.len() - 32..]; // the end of its signature
        assert!(list.windows(own.len()).any(|bytes| bytes == own));
    }
});
