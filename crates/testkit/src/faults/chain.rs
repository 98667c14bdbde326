//! Step 12: chains, checked at every proven time.

use serde_json::json;

use super::{Case, NOW, image, refused, theirs, v1, v2};
use crate::forge::{Algorithm, BASIC_CONSTRAINTS, Certificate, Forge, Identity, KEY_USAGE, Key};

pub(super) fn cases() -> Vec<Case> {
    [times(), constraints()].into_iter().flatten().collect()
}

fn times() -> Vec<Case> {
    vec![
        refused("leaf-expired", 12, |forge| {
            v1(forge).with_leaf(|leaf| leaf.not_after = NOW)
        }),
        refused("leaf-not-yet-valid", 12, |forge| {
            v1(forge).with_leaf(|leaf| leaf.not_before = NOW + 60)
        }),
        refused("logged-late", 12, |forge| {
            v1(forge).with_entry(|entry| entry.integrated_time = NOW + 601)
        }),
        refused("stamped-late", 12, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.time = NOW + 601)
        }),
        refused("stamped-early", 12, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.time = NOW - 1)
        }),
        // TOB-4: only the earliest time was looked at.
        refused("promised-in-time-stamped-late", 12, |forge| {
            v1(forge)
                .timestamp()
                .with_timestamp(|stamp| stamp.time = NOW + 601)
        }),
        refused("promised-late-stamped-in-time", 12, |forge| {
            v1(forge)
                .with_entry(|entry| entry.integrated_time = NOW + 601)
                .timestamp()
        }),
        // CVE-2026-24122: the intermediate was looked at when the leaf began only.
        refused("intermediate-expired", 12, v1).on(|| {
            Forge::builder(NOW)
                .with_intermediate(|ca| ca.not_after = NOW - 1)
                .build()
        }),
        refused("intermediate-expires-before-the-proven-time", 12, v1).on(|| {
            Forge::builder(NOW)
                .with_intermediate(|ca| ca.not_after = NOW)
                .build()
        }),
        refused("intermediate-not-yet-valid", 12, v1).on(|| {
            Forge::builder(NOW)
                .with_intermediate(|ca| ca.not_before = NOW + 3600)
                .build()
        }),
        refused("root-expired", 12, v1).on(|| {
            Forge::builder(NOW)
                .with_root(|ca| ca.not_after = NOW - 1)
                .build()
        }),
        refused("root-not-yet-valid", 12, v1).on(|| {
            Forge::builder(NOW)
                .with_root(|ca| ca.not_before = NOW + 3600)
                .build()
        }),
        refused("ca-before-its-window", 12, v1).with_root(|root| {
            root["certificateAuthorities"][0]["validFor"]["start"] = json!("2026-10-01T00:00:00Z");
        }),
        refused("ca-after-its-window", 12, v1).with_root(|root| {
            root["certificateAuthorities"][0]["validFor"]["end"] = json!("2026-01-01T00:00:00Z");
        }),
    ]
}

fn constraints() -> Vec<Case> {
    vec![
        refused("ca-unknown", 12, |forge| {
            // All of the certificate is an attacker's, the log and the timestamp are ours.
            let forgery = theirs().image_signature(&image());
            forgery.logged_by(&forge.rekor_v1)
        }),
        refused("intermediate-is-no-ca", 12, v1).on(|| {
            let no_ca = |ca: &mut Certificate| {
                ca.remove(BASIC_CONSTRAINTS);
                ca.push_constraints(false, None);
            };
            Forge::builder(NOW).with_intermediate(no_ca).build()
        }),
        refused("intermediate-without-constraints", 12, v1).on(|| {
            Forge::builder(NOW)
                .with_intermediate(|ca| ca.remove(BASIC_CONSTRAINTS))
                .build()
        }),
        refused("intermediate-must-not-sign", 12, v1).on(|| {
            let no_signing = |ca: &mut Certificate| {
                ca.remove(KEY_USAGE);
                ca.push_key_usage(0x80);
            };
            Forge::builder(NOW).with_intermediate(no_signing).build()
        }),
        refused("root-path-length-zero", 12, v1).on(|| {
            let short = |ca: &mut Certificate| {
                ca.remove(BASIC_CONSTRAINTS);
                ca.push_constraints(true, Some(0));
            };
            Forge::builder(NOW).with_root(short).build()
        }),
        refused("intermediate-for-other-purposes", 12, v1).on(|| {
            let other = |ca: &mut Certificate| {
                ca.remove(crate::forge::EXTENDED_KEY_USAGE);
                ca.push_purposes(false, &["1.3.6.1.5.5.7.3.1"]);
            };
            Forge::builder(NOW).with_intermediate(other).build()
        }),
        refused("name-constraint-broken", 12, |forge| {
            v1(forge).keyless(Identity::email(
                "dev@evil.example",
                "https://accounts.example.com",
            ))
        })
        .on(|| {
            Forge::builder(NOW)
                .with_intermediate(|ca| ca.push_permitted_email_domain("example.com"))
                .build()
        }),
        refused("intermediate-with-unknown-critical-extension", 12, v1).on(|| {
            Forge::builder(NOW)
                .with_intermediate(|ca| ca.push("1.3.6.1.4.1.55555.1", true, vec![5, 0]))
                .build()
        }),
        refused("leaf-with-unknown-critical-extension", 12, |forge| {
            v1(forge).with_leaf(|leaf| leaf.push("1.3.6.1.4.1.55555.1", true, vec![5, 0]))
        }),
        refused("leaf-of-another-issuer-name", 12, |forge| {
            v1(forge).with_leaf(|leaf| leaf.issuer.common_name = "somebody".into())
        }),
        refused("leaf-signature-flipped", 12, |forge| {
            v1(forge).with_leaf_der(|der| {
                let last = der.len() - 1;
                der[last] ^= 1;
            })
        }),
        refused("leaf-signed-by-another-leaf", 12, |forge| {
            v1(forge).with_leaf_issuer(&Key::generate(Algorithm::P384))
        }),
    ]
}
