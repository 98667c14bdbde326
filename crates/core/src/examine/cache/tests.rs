//! The key covers every byte; the bounds hold. Whole proofs are kept and found in `tests/decide/cache.rs`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::*;
use crate::{Facts, Format, FoundBy, Locator, TrustRoot};

fn locator(blob: &[u8]) -> Locator {
    Locator {
        found_by: FoundBy::Referrers,
        manifest: Digest::of(b"manifest"),
        blob: Digest::of(blob),
        place: None,
    }
}

fn trust(names: &[&str]) -> Trust {
    let json = sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes();
    let roots = names
        .iter()
        .map(|name| TrustRoot::from_json(name, json).unwrap())
        .collect();
    Trust::new(roots, Vec::new()).unwrap()
}

fn layer(attests: bool, bytes: &[u8], annotations: &[(&str, &str)]) -> Content {
    let annotations = annotations
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let bytes = bytes.into();
    if attests {
        Content::Attestation {
            envelope: bytes,
            annotations,
        }
    } else {
        Content::SimpleSigning {
            payload: bytes,
            annotations,
        }
    }
}

fn key_of(content: Content, artifact: &[u8], trust: &Trust, limits: &Limits) -> Digest {
    let item = Item {
        locator: locator(b"here"),
        content,
    };
    let artifact = Artifact {
        digest: Digest::of(artifact),
        bytes: Some(artifact),
    };
    key(&item, &artifact, trust, limits)
}

#[test]
fn one_byte_of_anything_makes_another_key() {
    let (one, limits) = (trust(&["one"]), Limits::default());
    let contents = [
        Content::Bundle(b"ab".as_slice().into()),
        Content::Bundle(b"ac".as_slice().into()),
        Content::Bundle(b"abc".as_slice().into()),
        Content::Bundle(Arc::from([])),
        layer(false, b"ab", &[]),
        layer(true, b"ab", &[]),
        layer(true, b"aB", &[]),
        layer(false, b"ab", &[("n", "v")]),
        layer(true, b"ab", &[("n", "v")]),
        layer(false, b"ab", &[("N", "v")]),
        layer(false, b"ab", &[("n", "V")]),
        layer(false, b"ab", &[("n", "v"), ("m", "")]),
        layer(false, b"ab", &[("n", ""), ("m", "v")]),
        // The same bytes in a row, parted elsewhere.
        layer(false, b"a", &[("bn", "v")]),
        layer(false, b"ab", &[("nv", "")]),
        layer(false, b"ab", &[("", "nv")]),
        layer(false, b"abn", &[("v", "")]),
        layer(false, b"abnv", &[]),
    ];
    let count = contents.len();
    let mut keys: BTreeSet<Digest> = contents
        .into_iter()
        .map(|content| key_of(content, b"image", &one, &limits))
        .collect();
    assert_eq!(keys.len(), count);
    let bundle = || Content::Bundle(b"ab".as_slice().into());
    for (artifact, trust) in [
        (&b"Image"[..], &one),
        (b"image", &trust(&["two"])),
        (b"image", &trust(&["one", "two"])),
        (b"image", &trust(&[])),
    ] {
        assert!(keys.insert(key_of(bundle(), artifact, trust, &limits)));
    }
    let item = Item {
        locator: locator(b"here"),
        content: bundle(),
    };
    let artifact = Artifact {
        digest: Digest::of(b"image"),
        bytes: None,
    };
    assert!(keys.insert(key(&item, &artifact, &one, &limits)));
    let fields: [fn(&mut Limits) -> &mut usize; 15] = [
        |l| &mut l.bundle_bytes,
        |l| &mut l.payload_bytes,
        |l| &mut l.fetched_bytes,
        |l| &mut l.manifest_bytes,
        |l| &mut l.attachments,
        |l| &mut l.pages,
        |l| &mut l.log_entries,
        |l| &mut l.timestamps,
        |l| &mut l.subjects,
        |l| &mut l.digests_per_subject,
        |l| &mut l.proof_hashes,
        |l| &mut l.checkpoint_bytes,
        |l| &mut l.checkpoint_signatures,
        |l| &mut l.chain_certificates,
        |l| &mut l.json_depth,
    ];
    for field in fields {
        let mut limits = Limits::default();
        *field(&mut limits) += 1;
        assert!(
            keys.insert(key_of(bundle(), b"image", &one, &limits)),
            "{limits:?}"
        );
    }
}

#[test]
fn where_it_was_found_is_not_part_of_the_key() {
    let artifact = Artifact {
        digest: Digest::of(b"image"),
        bytes: Some(b"image"),
    };
    let keys = [b"here", b"else"].map(|place| {
        let item = Item {
            locator: locator(place),
            content: Content::Bundle(b"ab".as_slice().into()),
        };
        key(&item, &artifact, &trust(&[]), &Limits::default())
    });
    assert_eq!(keys[0], keys[1]);
}

/// A proof that was never proven; its size is `REST` and the name's.
fn proof(name: usize) -> Verified<Claim> {
    let facts = Facts {
        image: Digest::of(b"image"),
        signer: SignedBy::Key(Digest::of(b"key")),
        root: None,
        times: Vec::new(),
        logs: Vec::new(),
        sct_logs: 0,
        format: Format::Legacy,
        locator: locator(b"here"),
    };
    Verified::new(
        Claim::SimpleSigning {
            docker_reference: "x".repeat(name),
        },
        facts,
    )
}

/// The proofs of a bundle of these bytes, which says that it is the blob `place`.
fn proofs<E>(
    cache: &ProofCache,
    bundle: &[u8],
    place: &[u8],
    verify: impl FnOnce() -> Result<Vec<Verified<Claim>>, E>,
) -> Result<Vec<Verified<Claim>>, E> {
    let item = Item {
        locator: locator(place),
        content: Content::Bundle(bundle.into()),
    };
    of(
        cache,
        &item,
        &trust(&[]),
        &Limits::default(),
        b"image",
        verify,
    )
}

fn of<E>(
    cache: &ProofCache,
    item: &Item,
    trust: &Trust,
    limits: &Limits,
    image: &[u8],
    verify: impl FnOnce() -> Result<Vec<Verified<Claim>>, E>,
) -> Result<Vec<Verified<Claim>>, E> {
    let artifact = Artifact {
        digest: Digest::of(image),
        bytes: Some(image),
    };
    let asked = Asked {
        item,
        artifact: &artifact,
        trust,
        limits,
    };
    cache.proofs(asked, verify)
}

fn ask(cache: &ProofCache, bundle: &[u8], number: usize, name: usize) -> u64 {
    let before = cache.stats().verifications;
    let found = proofs(cache, bundle, bundle, || {
        Ok::<_, ()>(vec![proof(name); number])
    })
    .unwrap();
    assert_eq!(found.len(), number);
    cache.stats().verifications - before
}

/// Where evidence was found is a hint and no more: whoever says that it is a blob that was proven, and is not, is verified.
#[test]
fn evidence_is_known_again_by_all_of_its_bytes_and_by_nothing_that_it_says() {
    let cache = ProofCache::default();
    let (one, other, limits) = (trust(&["one"]), trust(&["two"]), Limits::default());
    let mut narrow = Limits::default();
    narrow.subjects -= 1;
    let item = |content: Content| Item {
        locator: locator(b"here"),
        content,
    };
    let bundle = item(Content::Bundle(b"ab".as_slice().into()));
    let known = |item: &Item, trust: &Trust, limits: &Limits, image: &[u8]| {
        let before = cache.stats().verifications;
        let found = of(&cache, item, trust, limits, image, || {
            Ok::<_, ()>(vec![proof(0)])
        });
        assert_eq!(found.unwrap().len(), 1);
        cache.stats().verifications == before
    };
    assert!(!known(&bundle, &one, &limits, b"image"));
    assert!(known(&bundle, &one, &limits, b"image"));
    for content in [
        Content::Bundle(b"ac".as_slice().into()),
        Content::Bundle(b"abc".as_slice().into()),
        layer(false, b"ab", &[]),
        layer(true, b"ab", &[]),
        layer(true, b"ab", &[("n", "v")]),
    ] {
        assert!(!known(&item(content), &one, &limits, b"image"));
    }
    assert!(!known(&bundle, &other, &limits, b"image"));
    assert!(!known(&bundle, &one, &narrow, b"image"));
    assert!(!known(&bundle, &one, &limits, b"Image"));
    // All of them are known now, whichever was hinted at last.
    assert!(known(&bundle, &one, &limits, b"image"));
    assert!(known(&bundle, &other, &limits, b"image"));
    assert_eq!(cache.lock().hints.len(), 1);
}

#[test]
fn hints_go_with_what_they_lead_to() {
    let cache = ProofCache::new(2, usize::MAX);
    for number in 0..100_u8 {
        assert_eq!(ask(&cache, &[number], 1, 0), 1);
        let state = cache.lock();
        assert_eq!(state.hints.len(), state.held.len());
        assert!(state.hints.values().all(|key| state.held.contains_key(key)));
    }
}

#[test]
fn what_was_used_least_recently_goes_first() {
    let cache = ProofCache::new(3, usize::MAX);
    for key in [b"a", b"b", b"c"] {
        assert_eq!(ask(&cache, key, 1, 0), 1);
    }
    assert_eq!(ask(&cache, b"a", 1, 0), 0);
    assert_eq!(ask(&cache, b"d", 1, 0), 1); // drops b
    assert_eq!(
        [b"a", b"c", b"d"].map(|key| ask(&cache, key, 1, 0)),
        [0, 0, 0]
    );
    assert_eq!(ask(&cache, b"b", 1, 0), 1); // drops a
    assert_eq!(ask(&cache, b"e", 2, 0), 1); // two proofs: drops c and d
    assert_eq!([ask(&cache, b"b", 1, 0), ask(&cache, b"e", 2, 0)], [0, 0]);
    assert_eq!(cache.stats().proofs, 3);
    assert_eq!(ask(&cache, b"f", 4, 0), 1); // more than it may hold
    assert_eq!(ask(&cache, b"f", 4, 0), 1);
    assert_eq!([ask(&cache, b"b", 1, 0), ask(&cache, b"e", 2, 0)], [0, 0]);
}

#[test]
fn bytes_are_bounded_too() {
    let cache = ProofCache::new(usize::MAX, 10_000);
    assert_eq!(ask(&cache, b"a", 1, 2_000), 1);
    assert_eq!(ask(&cache, b"b", 1, 2_000), 1);
    assert_eq!(
        (cache.stats().bytes, ask(&cache, b"a", 1, 2_000)),
        (2 * 4_049, 0)
    );
    assert_eq!(ask(&cache, b"c", 1, 0), 1); // drops b
    assert_eq!(cache.stats().bytes, 4_049 + 2_049);
    assert_eq!(
        [ask(&cache, b"a", 1, 2_000), ask(&cache, b"b", 1, 2_000)],
        [0, 1]
    );
    assert_eq!(ask(&cache, b"huge", 1, 9_000), 1);
    assert_eq!(ask(&cache, b"huge", 1, 9_000), 1);
    assert!(cache.stats().bytes <= 10_000);
    let none = ProofCache::new(0, 0);
    assert_eq!([ask(&none, b"a", 1, 0), ask(&none, b"a", 1, 0)], [1, 1]);
}

#[test]
fn a_refusal_is_not_kept_and_a_panic_spoils_nothing() {
    let cache = ProofCache::default();
    let refused = |cache: &ProofCache| proofs(cache, b"a", b"a", || Err("no")).unwrap_err();
    assert_eq!(
        (
            refused(&cache),
            refused(&cache),
            cache.stats().verifications
        ),
        ("no", "no", 2)
    );
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = cache.state.lock();
        panic!("on purpose");
    }));
    assert!(panics.is_err());
    assert!(cache.state.is_poisoned());
    assert_eq!([ask(&cache, b"a", 1, 0), ask(&cache, b"a", 1, 0)], [1, 0]);
    assert_eq!(cache.stats().hits, 1);
}

#[test]
fn a_hit_carries_the_place_of_what_asked() {
    let cache = ProofCache::default();
    for place in [&b"here"[..], b"elsewhere"] {
        let found = proofs(&cache, b"a", place, || Ok::<_, ()>(vec![proof(0)])).unwrap();
        assert_eq!(found.len(), 1);
        if place == b"elsewhere" {
            assert_eq!(found[0].facts().locator(), &locator(place));
        }
    }
    assert_eq!(cache.stats().hits, 1);
}
