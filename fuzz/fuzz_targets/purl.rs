#![no_main]
//! A package URL and a pattern: what names a package matches it, and in other words of the same meaning too.
use countersign_core::{Likeness, Purl, PurlPattern};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (pattern, purl) = text.split_once('\n').unwrap_or((text, text));
    let (Ok(pattern), Ok(purl)) = (PurlPattern::parse(pattern), Purl::parse(purl)) else { return };
    assert!(pattern.compare(&purl) == Likeness::Other || pattern.kind() == purl.kind());
    let own = purl.stated_version().is_none().then(|| PurlPattern::parse(text)).and_then(Result::ok);
    assert!(own.is_none_or(|own| own.compare(&Purl::parse(text).expect("it is a pattern")) == Likeness::Named));
});
