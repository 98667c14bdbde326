//! Advisories of other verifiers, each as a test named for it: what they accepted is refused here. `docs/verification.md` lists all
//! of them; those about what a policy says are in `tests/decide/advisories.rs`, those about registries in the crate `countersign`.

mod cosign;
mod others;
mod sigstore;

use countersign_testkit::forge::{Forgery, Identity};
use serde_json::{Value, json};

use crate::{digest, world};

const ENTRIES: &str = "/verificationMaterial/tlogEntries";

fn json_of(bundle: &[u8]) -> Value {
    serde_json::from_slice(bundle).unwrap()
}

/// The bundle with one part of another in place of its own.
fn with_part_of(bundle: &[u8], other: &[u8], pointer: &str) -> Vec<u8> {
    let (mut bundle, other) = (json_of(bundle), json_of(other));
    *bundle.pointer_mut(pointer).unwrap() = other.pointer(pointer).unwrap().clone();
    bundle.to_string().into_bytes()
}

/// An attestation of another type about the same image, keyless.
fn attestation() -> Forgery<'static> {
    world()
        .forge
        .attestation(&digest(), "https://spdx.dev/Document", json!({}))
        .keyless(Identity::default())
}
