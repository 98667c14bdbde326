//! Steps 13, 14 and 19: what a leaf certificate must be, its SCTs, its identity.

use serde_json::json;

use super::{Case, by_policy, refused, theirs, v1};
use crate::forge::{
    BASIC_CONSTRAINTS, Certificate, EXTENDED_KEY_USAGE, FULCIO, KEY_USAGE, SCT_LIST,
    SUBJECT_ALT_NAME, San,
};

pub(super) fn cases() -> Vec<Case> {
    [usage(), scts(), identity()]
        .into_iter()
        .flatten()
        .collect()
}

fn usage() -> Vec<Case> {
    vec![
        refused("leaf-is-a-ca", 13, |forge| {
            v1(forge).with_leaf(|leaf| leaf.push_constraints(true, None))
        }),
        refused("leaf-of-version-1", 13, |forge| {
            v1(forge).with_leaf(|leaf| leaf.version = 1)
        }),
        refused("leaf-without-key-usage", 13, |forge| {
            v1(forge).with_leaf(|leaf| leaf.remove(KEY_USAGE))
        }),
        refused("leaf-key-usage-signs-certificates", 13, |forge| {
            v1(forge).with_leaf(|leaf| {
                leaf.remove(KEY_USAGE);
                leaf.push_key_usage(0x06);
            })
        }),
        refused("leaf-key-usage-encrypts", 13, |forge| {
            v1(forge).with_leaf(|leaf| {
                leaf.remove(KEY_USAGE);
                leaf.push_key_usage(0x20);
            })
        }),
        refused("leaf-without-purpose", 13, |forge| {
            v1(forge).with_leaf(|leaf| leaf.remove(EXTENDED_KEY_USAGE))
        }),
        refused("leaf-for-servers", 13, |forge| {
            v1(forge).with_leaf(|leaf| purpose(leaf, "1.3.6.1.5.5.7.3.1"))
        }),
        refused("leaf-for-any-purpose", 13, |forge| {
            v1(forge).with_leaf(|leaf| purpose(leaf, "2.5.29.37.0"))
        }),
        refused("leaf-constraints-twice", 13, |forge| {
            v1(forge).with_leaf(|leaf| {
                leaf.push_constraints(false, None);
                leaf.push_constraints(false, None);
            })
        }),
        refused("leaf-constraints-malformed", 13, |forge| {
            v1(forge).with_leaf(|leaf| leaf.push(BASIC_CONSTRAINTS, true, vec![0x30, 5, 1]))
        }),
        refused("leaf-with-bytes-behind", 13, |forge| {
            v1(forge).with_leaf_der(|der| der.push(0))
        }),
    ]
}

fn scts() -> Vec<Case> {
    vec![
        by_policy("sct-missing", 14, |forge| v1(forge).with_scts(Vec::clear)),
        refused("sct-of-unknown-log", 14, |forge| {
            v1(forge).with_scts(|scts| {
                scts[0].log = theirs().ct_log.clone();
                scts[0].log_id = scts[0].log.log_id();
            })
        }),
        refused("sct-by-foreign-key", 14, |forge| {
            v1(forge).with_scts(|scts| scts[0].log = theirs().ct_log.clone())
        }),
        refused("sct-over-another-issuer", 14, |forge| {
            v1(forge).with_scts(|scts| scts[0].issuer_key_hash = vec![7; 32])
        }),
        refused("sct-over-another-certificate", 14, |forge| {
            v1(forge).with_scts(|scts| {
                let last = scts[0].to_be_signed.len() - 1;
                scts[0].to_be_signed[last] ^= 1;
            })
        }),
        refused("sct-before-its-log", 14, v1).with_root(|root| {
            root["ctlogs"][0]["publicKey"]["validFor"]["start"] = json!("2026-10-01T00:00:00Z");
        }),
        refused("sct-after-its-log", 14, v1).with_root(|root| {
            root["ctlogs"][0]["publicKey"]["validFor"]["end"] = json!("2026-01-01T00:00:00Z");
        }),
        refused("sct-list-malformed", 14, |forge| {
            v1(forge).with_leaf(malformed_list).with_scts(Vec::clear)
        }),
        refused("sct-list-empty", 14, |forge| {
            let empty = |leaf: &mut Certificate| leaf.push(SCT_LIST, false, vec![4, 2, 0, 0]);
            v1(forge).with_leaf(empty).with_scts(Vec::clear)
        }),
        refused("sct-list-twice", 14, |forge| {
            v1(forge).with_leaf(malformed_list)
        }),
        by_policy("ct-log-unknown-to-the-root", 14, v1)
            .with_root(|root| root["ctlogs"] = json!([])),
    ]
}

fn identity() -> Vec<Case> {
    vec![
        refused("no-name", 19, |forge| {
            v1(forge).with_leaf(|leaf| leaf.remove(SUBJECT_ALT_NAME))
        }),
        refused("no-names-in-extension", 19, |forge| {
            v1(forge).with_leaf(|leaf| names(leaf, &[]))
        }),
        refused("two-names", 19, |forge| {
            v1(forge).with_leaf(|leaf| {
                names(
                    leaf,
                    &[
                        San::Email("dev@example.com".into()),
                        San::Email("boss@example.com".into()),
                    ],
                );
            })
        }),
        refused("two-name-extensions", 19, |forge| {
            v1(forge).with_leaf(|leaf| leaf.push_names(&[San::Email("boss@example.com".into())]))
        }),
        refused("name-empty", 19, |forge| {
            v1(forge).with_leaf(|leaf| names(leaf, &[San::Email(String::new())]))
        }),
        refused("name-with-nul", 19, |forge| {
            v1(forge).with_leaf(|leaf| {
                names(leaf, &[San::Email("dev@example.com\0.evil.example".into())])
            })
        }),
        refused("no-issuer", 19, |forge| {
            v1(forge).with_leaf(|leaf| {
                leaf.remove(&claim(1));
                leaf.remove(&claim(8));
            })
        }),
        refused("issuer-raw", 19, |forge| {
            v1(forge)
                .with_leaf(|leaf| leaf.extension(&claim(8)).value = b"https://example.com".to_vec())
        }),
        refused("issuer-printable", 19, |forge| {
            v1(forge).with_leaf(|leaf| leaf.extension(&claim(8)).value[0] = 0x13)
        }),
        refused("issuer-with-bytes-behind", 19, |forge| {
            v1(forge).with_leaf(|leaf| leaf.extension(&claim(8)).value.push(0))
        }),
        refused("issuer-not-utf8", 19, |forge| {
            v1(forge).with_leaf(|leaf| leaf.extension(&claim(8)).value = vec![0x0c, 2, 0xff, 0xfe])
        }),
        refused("issuer-twice", 19, |forge| {
            v1(forge).with_leaf(|leaf| leaf.push_claim(8, "https://accounts.example.com"))
        }),
        refused("old-issuer-twice", 19, |forge| {
            v1(forge).with_leaf(|leaf| leaf.push_claim(1, "https://accounts.example.com"))
        }),
        refused("claim-twice", 19, |forge| {
            v1(forge).with_leaf(|leaf| leaf.push_claim(12, "https://github.com/acme/other"))
        }),
        refused("claim-malformed", 19, |forge| {
            v1(forge).with_leaf(|leaf| {
                leaf.extension(&claim(12)).value = b"https://github.com/acme/app".to_vec()
            })
        }),
    ]
}

fn claim(number: u8) -> String {
    format!("{FULCIO}.{number}")
}

fn purpose(leaf: &mut Certificate, purpose: &str) {
    leaf.remove(EXTENDED_KEY_USAGE);
    leaf.push_purposes(false, &[purpose]);
}

fn names(leaf: &mut Certificate, names: &[San]) {
    leaf.remove(SUBJECT_ALT_NAME);
    leaf.push_names(names);
}

fn malformed_list(leaf: &mut Certificate) {
    leaf.push(SCT_LIST, false, vec![4, 4, 0, 9, 0, 1]);
}
