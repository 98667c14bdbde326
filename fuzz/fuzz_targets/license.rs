#![no_main]
//! A licence of a policy, and two expressions: AND is the worse of both and OR the better, whatever is allowed or denied.
use countersign_core::fuzzing::{is_license_expression as is_one, license};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let [family, one, two] = text.splitn(3, '\n').collect::<Vec<_>>()[..] else { return };
    let says = |text: &str| text.split(',').any(|part| !part.trim().is_empty());
    for (allow, deny) in [(vec![], vec![family]), (vec![family, "MIT"], vec![])] {
        let judged = |text: &str| license(&allow, &deny, text);
        let (Ok(one_is), Ok(two_is)) = (judged(one), judged(two)) else { return };
        assert!(!says(one) || !says(two) || judged(&format!("{one},{two}")) == Ok(one_is.max(two_is)));
        for (word, expected) in [("AND", one_is.max(two_is)), ("or", one_is.min(two_is))] {
            let both = format!("({one}) {word} ({two})");
            assert!(!(is_one(one) && is_one(two) && both.len() <= 4096) || judged(&both) == Ok(expected), "{both}");
        }
    }
});
