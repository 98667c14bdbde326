//! Step 10: timestamps.

use serde_json::json;

use super::{Case, NOW, foreign_key, keyed, refused, theirs, v1, v2};
use crate::forge::{Certificate, EXTENDED_KEY_USAGE, Forge, Hash, TIME_STAMPING};

pub(super) fn cases() -> Vec<Case> {
    [tokens(), signers(), authorities()]
        .into_iter()
        .flatten()
        .collect()
}

fn tokens() -> Vec<Case> {
    vec![
        refused("timestamp-rejected", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.status = 2)
        }),
        refused("timestamp-waiting", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.status = 3)
        }),
        refused("timestamp-of-other-content", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.content_type = "1.2.840.113549.1.7.1".into())
        }),
        refused("timestamp-imprint-of-something-else", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.imprint = Hash::Sha256.of(b"something else"))
        }),
        refused("timestamp-imprint-by-sha1", 10, |forge| {
            v2(forge).with_timestamp(|stamp| {
                stamp.imprint_hash = Hash::Sha1;
                stamp.imprint = vec![7; 20];
            })
        }),
        refused("timestamp-imprint-mislabelled", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.imprint_hash = Hash::Sha512)
        }),
        refused("timestamp-imprint-short", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.imprint.truncate(16))
        }),
        refused("timestamp-trailing", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.trailing = vec![0, 0])
        }),
        refused("timestamp-empty", 10, |forge| {
            v2(forge).with_json(|bundle| {
                let stamps = &mut bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"];
                stamps[0]["signedTimestamp"] = json!("");
            })
        }),
        refused("timestamp-of-the-payload", 10, |forge| {
            let payload = forge.image_signature(&super::image());
            let message = payload.payload().to_vec();
            v2(forge).with_timestamp(move |stamp| stamp.imprint = Hash::Sha256.of(&message))
        }),
        refused("good-timestamp-beside-a-forged-one", 10, |forge| {
            v2(forge)
                .timestamp()
                .with_timestamp(|stamp| stamp.key = foreign_key().clone())
        }),
        refused("forged-timestamp-beside-a-promise", 10, |forge| {
            v1(forge)
                .timestamp()
                .with_timestamp(|stamp| stamp.imprint = vec![7; 32])
        }),
        refused("forged-timestamp-of-a-keyed-signature", 10, |forge| {
            keyed(forge)
                .timestamp()
                .with_timestamp(|stamp| stamp.imprint = vec![7; 32])
        }),
    ]
}

fn signers() -> Vec<Case> {
    vec![
        refused("timestamp-two-signers", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.signer_infos = 2)
        }),
        refused("timestamp-no-signer", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.signer_infos = 0)
        }),
        refused("timestamp-by-foreign-key", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.key = foreign_key().clone())
        }),
        refused("timestamp-by-foreign-authority", 10, |forge| {
            forge
                .image_signature(&super::image())
                .rekor_v2()
                .stamped_by(&theirs().tsa)
        }),
        refused("timestamp-by-foreign-authority-bare", 10, |forge| {
            let stamped = forge
                .image_signature(&super::image())
                .rekor_v2()
                .stamped_by(&theirs().tsa);
            stamped.with_timestamp(|stamp| stamp.certificates.clear())
        }),
        // CVE-2026-39984: the attacker's certificate stands first in the bag, under the true signer's name and number.
        refused("timestamp-forged-leaf-first-in-bag", 10, |forge| {
            v2(forge).with_timestamp(|stamp| {
                let mut forged = Certificate::new(foreign_key(), NOW - 1000, NOW + 1000);
                forged.issuer = stamp.signer.certificate.issuer.clone();
                forged.serial.clone_from(&stamp.signer.certificate.serial);
                forged.push_purposes(true, &[TIME_STAMPING]);
                let forged = forged.issue(foreign_key());
                stamp.certificates.insert(0, forged.der.clone());
                stamp.signing_certificate = Some(forged.der);
                stamp.key = foreign_key().clone();
            })
        }),
        refused("timestamp-without-content-type-attribute", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.content_type_attribute = None)
        }),
        refused("timestamp-with-other-content-type-attribute", 10, |forge| {
            v2(forge).with_timestamp(|stamp| {
                stamp.content_type_attribute = Some("1.2.840.113549.1.7.1".into())
            })
        }),
        refused("timestamp-without-message-digest", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.has_message_digest = false)
        }),
        refused("timestamp-with-other-message-digest", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.message_digest = Some(vec![7; 32]))
        }),
        refused("timestamp-names-another-certificate", 10, |forge| {
            v2(forge).with_timestamp(|stamp| stamp.signing_certificate = Some(b"another".to_vec()))
        }),
    ]
}

fn authorities() -> Vec<Case> {
    vec![
        refused("authority-before-its-window", 10, v2).with_root(|root| {
            root["timestampAuthorities"][0]["validFor"]["start"] = json!("2026-10-01T00:00:00Z");
        }),
        refused("authority-after-its-window", 10, v2).with_root(|root| {
            root["timestampAuthorities"][0]["validFor"]["end"] = json!("2026-01-01T00:00:00Z");
        }),
        refused("authority-leaf-expired", 10, v2).on(|| {
            Forge::builder(NOW)
                .with_tsa_leaf(|leaf| leaf.not_after = NOW - 1)
                .build()
        }),
        refused("authority-leaf-not-yet-valid", 10, v2).on(|| {
            Forge::builder(NOW)
                .with_tsa_leaf(|leaf| leaf.not_before = NOW + 3600)
                .build()
        }),
        refused("authority-root-expired", 10, v2).on(|| {
            Forge::builder(NOW)
                .with_tsa_root(|root| root.not_after = NOW - 1)
                .build()
        }),
        refused("authority-intermediate-expired", 10, v2).on(|| {
            Forge::builder(NOW)
                .tsa_intermediate()
                .with_tsa_intermediate(|ca| ca.not_after = NOW - 1)
                .build()
        }),
        refused("authority-without-purpose", 10, v2).on(|| {
            Forge::builder(NOW)
                .with_tsa_leaf(|leaf| leaf.remove(EXTENDED_KEY_USAGE))
                .build()
        }),
        refused("authority-purpose-not-critical", 10, v2).on(|| {
            Forge::builder(NOW)
                .with_tsa_leaf(|leaf| leaf.extension(EXTENDED_KEY_USAGE).critical = false)
                .build()
        }),
        refused("authority-with-two-purposes", 10, v2).on(|| {
            let two = |leaf: &mut Certificate| {
                leaf.remove(EXTENDED_KEY_USAGE);
                leaf.push_purposes(true, &[TIME_STAMPING, crate::forge::CODE_SIGNING]);
            };
            Forge::builder(NOW).with_tsa_leaf(two).build()
        }),
        refused("authority-for-code-signing", 10, v2).on(|| {
            let other = |leaf: &mut Certificate| {
                leaf.remove(EXTENDED_KEY_USAGE);
                leaf.push_purposes(true, &[crate::forge::CODE_SIGNING]);
            };
            Forge::builder(NOW).with_tsa_leaf(other).build()
        }),
    ]
}
