#![no_main]
//! A package URL, and a range with a version of it: never a panic, and a version lies within exactly one of `<`, `=` and `>`.
use countersign_core::{Ecosystem, Purl, Standing, VersionRange};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((text, version)) = std::str::from_utf8(bytes).ok().and_then(|text| text.split_once('\n')) else { return };
    let Some(ecosystem) = Purl::parse(text).ok().and_then(|purl| Ecosystem::of(purl.kind())) else {
        return;
    };
    let stated = Purl::parse(text).ok().and_then(|purl| purl.version().map(|version| version.into_owned()));
    let Some(stated) = stated.filter(|_| !version.contains([',', '='])) else { return };
    let standing = ["<", "=", ">"].map(|operator| {
        let range = VersionRange::parse(ecosystem, &format!("{operator}{version}"));
        range.map_or(Standing::Incomparable, |range| range.compare(&stated))
    });
    let within = standing.iter().filter(|standing| **standing == Standing::Within).count();
    let incomparable = standing.contains(&Standing::Incomparable);
    assert_eq!(within, usize::from(!incomparable), "{stated} and {version}");
});
