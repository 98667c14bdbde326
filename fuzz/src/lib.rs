//! What every target shares: one image and one trust, and that nothing forged is ever believed.

use std::sync::OnceLock;

use countersign_core::{
    Content, Digest, Evidence, FoundBy, Item, Limits, Locator, PinnedImage, PublicKey, Trust,
    TrustRoot, examine,
};
use countersign_testkit::forge::{Algorithm, Forge, Key};

const MANIFEST: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;

/// Examines one piece of evidence. The keys of the trust are made anew in each process, so whatever verifies was not forged
/// by the fuzzer: it is a defect.
pub fn nothing_verifies(content: Content) {
    let image = PinnedImage::from_bytes(MANIFEST.into(), None, None, &Limits::default())
        .expect("the manifest is a constant");
    let locator = Locator {
        found_by: FoundBy::File,
        manifest: Digest::of(b""),
        blob: Digest::of(b""),
    };
    let evidence = Evidence { items: vec![Item { locator, content }], gaps: Vec::new() };
    let findings = examine(&image, &evidence, trust(), &Limits::default());
    assert!(findings.verified().is_empty() && findings.rejected().len() == 1);
}

fn trust() -> &'static Trust {
    static TRUST: OnceLock<Trust> = OnceLock::new();
    TRUST.get_or_init(|| {
        let forge = Forge::new(1_790_000_000);
        let root = TrustRoot::from_json("forged", forge.trusted_root().as_bytes()).expect("valid");
        let key = PublicKey::from_spki(&Key::generate(Algorithm::P256).public_der());
        Trust::new(vec![root, TrustRoot::public_good().expect("built in")], vec![key.expect("valid")])
            .expect("two names")
    })
}
