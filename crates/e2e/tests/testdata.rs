//! The images of `testdata/` are what its README says. Needs no real parts: they made the images.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use countersign::{Budget, LayoutRef, OciLayout, Repository, collect, resolve};
use countersign_core::{
    Claim, Findings, ImageRef, Limits, Needs, PinnedImage, PublicKey, SignedBy, Trust, TrustRoot,
    Verified, examine,
};
use countersign_e2e::workspace;

/// The labels of the keys that the private policy set would have; `foreign` is not among them.
const KEYS: [&str; 4] = ["release", "release-p384", "release-rsa", "release-ed25519"];

#[test]
fn each_image_verifies_or_is_refused_as_the_readme_says() {
    let mut found = String::new();
    for name in folders() {
        let (image, findings) = examined(&name);
        writeln!(found, "{name} {}", image.digest()).unwrap();
        for line in lines(&findings) {
            writeln!(found, "    {line}").unwrap();
        }
    }
    insta::assert_snapshot!(found);
}

#[test]
fn the_readme_tells_every_digest() {
    let readme = fs::read_to_string(testdata().join("README.md")).unwrap();
    for name in folders() {
        let row = format!("| `{name}` | `{}` | ", examined(&name).0.digest());
        assert!(readme.contains(&row), "no row `{row}…`");
    }
}

#[test]
fn everything_together_is_small() {
    fn bytes(path: &Path) -> u64 {
        if path.is_dir() {
            let entries = fs::read_dir(path).unwrap();
            entries.map(|entry| bytes(&entry.unwrap().path())).sum()
        } else {
            path.metadata().unwrap().len()
        }
    }
    let all = bytes(&testdata());
    assert!(all < 3 * 1024 * 1024, "testdata has {all} bytes");
}

/// One line for each piece of evidence, in a fixed order.
fn lines(findings: &Findings) -> Vec<String> {
    assert!(findings.gaps().is_empty(), "{:?}", findings.gaps());
    let verified = findings.verified().iter().map(verified_line);
    let refused = findings.rejected().iter().map(|refused| {
        format!(
            "refused {} {}",
            refused.locator.found_by.as_str(),
            refused.code
        )
    });
    let mut lines: Vec<String> = verified.chain(refused).collect();
    lines.sort();
    lines
}

fn verified_line(verified: &Verified<Claim>) -> String {
    let facts = verified.facts();
    let signer = match facts.signer() {
        SignedBy::Key(signer) => KEYS
            .into_iter()
            .find(|label| key(label).id() == signer)
            .unwrap_or("a key")
            .to_owned(),
        SignedBy::Certificate(certificate) => {
            format!("{} ({})", certificate.san.value(), certificate.issuer)
        }
        other => format!("{other:?}"),
    };
    format!(
        "{} {} by {signer}, {} log, {} time",
        facts.locator().found_by.as_str(),
        verified
            .claim()
            .predicate_type()
            .unwrap_or("simple-signing"),
        facts.logs().len(),
        facts.times().len(),
    )
}

fn examined(name: &str) -> (PinnedImage, Findings) {
    let limits = Limits::default();
    let folder = testdata().join("images").join(name);
    let tag = if name.starts_with("saved-by-") {
        ""
    } else {
        ":v1"
    };
    let text = format!("oci:{}{tag}", folder.display());
    let layout_ref = LayoutRef::parse(&text).unwrap();
    let layout = OciLayout::open(&layout_ref, &limits).unwrap();
    let reference = layout.find(&layout_ref).unwrap();
    let repository = Repository::of(&ImageRef::parse("registry.example/acme/app").unwrap());
    let budget = Budget::new(&limits, Budget::DEFAULT_TIME);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let image = resolve(&layout, &repository, &reference, &budget)
            .await
            .unwrap();
        let evidence = collect(&layout, &repository, image.digest(), Needs::ALL, &budget).await;
        let findings = examine(&image, &evidence, &trust(), &limits);
        (image, findings)
    })
}

fn trust() -> Trust {
    let json = fs::read(testdata().join("trust/private-trusted_root.json")).unwrap();
    let root = TrustRoot::from_json("private", &json).unwrap();
    Trust::new(vec![root], KEYS.map(key).to_vec()).unwrap()
}

fn key(label: &str) -> PublicKey {
    let path = testdata().join("keys").join(format!("{label}.pub"));
    PublicKey::from_pem(&fs::read_to_string(path).unwrap()).unwrap()
}

fn folders() -> Vec<String> {
    let entries = fs::read_dir(testdata().join("images")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn testdata() -> std::path::PathBuf {
    workspace().join("testdata")
}
