//! Evidence that must verify, plain and odd.

use super::{Case, Outcome, keyed, v1, v2};
use crate::forge::{Algorithm, Forge, Identity, Key, signature_line};

use super::{image, managed_key};

fn sound(name: &'static str, forgery: for<'f> fn(&'f Forge) -> crate::forge::Forgery<'f>) -> Case {
    Case::new(Outcome::Sound, name, 0, forgery)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        sound("keyless-v1", v1),
        sound("keyless-v2", v2),
        sound("keyless-v1-with-timestamp", |forge| v1(forge).timestamp()),
        sound("keyless-v1-and-v2", |forge| v1(forge).rekor_v2()),
        sound("keyless-intoto-002", |forge| {
            forge
                .image_signature(&image())
                .rekor_v1_as("intoto", "0.0.2")
        }),
        sound("keyed-alone", keyed),
        sound("keyed-v1", |forge| keyed(forge).rekor_v1()),
        sound("keyed-v2", |forge| keyed(forge).rekor_v2().timestamp()),
        sound("keyed-timestamp-alone", |forge| keyed(forge).timestamp()),
        sound("email", |forge| {
            v1(forge).keyless(Identity::email(
                "dev@example.com",
                "https://accounts.example.com",
            ))
        }),
        sound("user-name", |forge| {
            v1(forge).keyless(Identity::user_name(
                "dev!example.com",
                "https://example.com",
            ))
        }),
        sound("leaf-p384", |forge| {
            v1(forge).keyless_with(Identity::default(), &Key::generate(Algorithm::P384))
        }),
        sound("leaf-p521", |forge| {
            v1(forge).keyless_with(Identity::default(), &Key::generate(Algorithm::P521))
        }),
        sound("leaf-rsa", |forge| {
            v1(forge).keyless_with(Identity::default(), &Key::generate(Algorithm::Rsa(2048)))
        }),
        sound("leaf-ed25519", |forge| {
            v1(forge).keyless_with(Identity::default(), &Key::generate(Algorithm::Ed25519))
        }),
        sound("ct-log-rsa", v1).on(|| {
            Forge::builder(super::NOW)
                .ct_algorithm(Algorithm::Rsa(2048))
                .build()
        }),
        sound("tsa-rsa", v2).on(|| {
            Forge::builder(super::NOW)
                .tsa_algorithm(Algorithm::Rsa(2048))
                .build()
        }),
        sound("tsa-p256", v2).on(|| {
            Forge::builder(super::NOW)
                .tsa_algorithm(Algorithm::P256)
                .build()
        }),
        sound("ca-p256", v1).on(|| {
            Forge::builder(super::NOW)
                .ca_algorithm(Algorithm::P256)
                .build()
        }),
        sound("ca-rsa", v1).on(|| {
            Forge::builder(super::NOW)
                .ca_algorithm(Algorithm::Rsa(2048))
                .build()
        }),
        sound("leaf-issued-by-root", v1)
            .on(|| Forge::builder(super::NOW).without_intermediate().build()),
        sound("tsa-intermediate", v2).on(|| Forge::builder(super::NOW).tsa_intermediate().build()),
        sound("name-constraint-kept", |forge| {
            v1(forge).keyless(Identity::email(
                "dev@example.com",
                "https://accounts.example.com",
            ))
        })
        .on(|| {
            let limited = Forge::builder(super::NOW);
            limited
                .with_intermediate(|ca| ca.push_permitted_email_domain("example.com"))
                .build()
        }),
        sound("name-constraint-for-another-form", v1).on(|| {
            let limited = Forge::builder(super::NOW);
            limited
                .with_root(|ca| ca.push_permitted_email_domain("example.com"))
                .build()
        }),
        sound("sct-with-extensions", |forge| {
            v1(forge).with_scts(|scts| scts[0].extensions = vec![0, 0, 5, 0, 1, 2, 3, 4])
        }),
        sound("two-scts-of-one-log", |forge| {
            v1(forge).with_scts(|scts| scts.push(scts[0].clone()))
        }),
        sound("sct-of-unknown-log-beside-a-known", |forge| {
            v1(forge).with_scts(|scts| {
                let mut stranger = scts[0].clone();
                stranger.log = super::theirs().ct_log.clone();
                stranger.log_id = stranger.log.log_id();
                scts.insert(0, stranger);
            })
        }),
        sound("unknown-cosigners", |forge| {
            v2(forge).with_checkpoint(|checkpoint| {
                checkpoint
                    .lines_before
                    .push(signature_line("witness.example", &[7; 76]));
                checkpoint
                    .lines_after
                    .push(signature_line("witness.example/second", &[9; 76]));
            })
        }),
        sound("checkpoint-extension-line", |forge| {
            v2(forge).with_checkpoint(|checkpoint| {
                checkpoint.extensions.push("Timestamp: 1790000000".into())
            })
        }),
        sound("only-leaf-of-a-tree", |forge| {
            v1(forge).with_entry(|entry| (entry.tree_index, entry.tree_size) = (0, 1))
        }),
        sound("last-leaf-of-an-odd-tree", |forge| {
            v1(forge).with_entry(|entry| (entry.tree_index, entry.tree_size) = (10, 11))
        }),
        sound("envelope-hash-of-another-encoding", |forge| {
            v1(forge).with_entry(|entry| {
                entry.body["spec"]["envelopeHash"]["value"] = "00".repeat(32).into()
            })
        }),
        sound("timestamp-without-certificates", |forge| {
            v2(forge).with_timestamp(|stamp| stamp.certificates.clear())
        }),
        sound("timestamp-sha512", |forge| {
            v2(forge).with_timestamp(|stamp| stamp.digest = crate::forge::Hash::Sha512)
        }),
        sound("statement-v01", |forge| {
            v1(forge).with_statement(|statement| {
                statement["_type"] = "https://in-toto.io/Statement/v0.1".into()
            })
        }),
        sound("second-subject-matches", |forge| {
            v1(forge).with_statement(|statement| {
                let ours = statement["subject"][0].clone();
                statement["subject"] = serde_json::json!([{"name": "other", "digest": {"sha256": "00".repeat(32)}}, ours]);
            })
        }),
        sound("sha512-beside-agrees", |forge| {
            v1(forge).with_statement(|statement| {
                let sha512 = crate::forge::Hash::Sha512.of(super::MANIFEST);
                statement["subject"][0]["digest"]["sha512"] = crate::digest::hex(&sha512).into();
            })
        }),
        sound("unknown-predicate-fields", |forge| {
            v1(forge).with_statement(|statement| {
                statement["predicate"]["anything"] = serde_json::json!({"x": [1]})
            })
        }),
        sound("sig-keyed-alone", |forge| {
            forge.simple_signing(&image()).keyed(managed_key())
        })
        .in_sig(),
        sound("sig-keyed", |forge| {
            forge
                .simple_signing(&image())
                .keyed(managed_key())
                .rekor_v1()
        })
        .in_sig(),
        sound("sig-keyless", |forge| {
            forge.simple_signing(&image()).rekor_v1()
        })
        .in_sig(),
        sound("sig-keyless-with-timestamp", |forge| {
            forge.simple_signing(&image()).rekor_v1().timestamp()
        })
        .in_sig(),
        sound("sig-with-annotations", |forge| {
            forge
                .simple_signing(&image())
                .keyed(managed_key())
                .with_statement(|payload| {
                    payload["optional"] = serde_json::json!({"env": "prod", "creator": "cosign"});
                })
        })
        .in_sig(),
        sound("att-keyed", |forge| provenance(forge).keyed(managed_key())).in_att(),
        sound("att-keyless-dsse", |forge| provenance(forge).rekor_v1()).in_att(),
        sound("att-keyless-intoto-001", |forge| {
            provenance(forge).rekor_v1_as("intoto", "0.0.1")
        })
        .in_att(),
        sound("att-keyless-intoto-002", |forge| {
            provenance(forge).rekor_v1_as("intoto", "0.0.2")
        })
        .in_att(),
        sound("att-keyless-with-timestamp", |forge| {
            provenance(forge).rekor_v1().timestamp()
        })
        .in_att(),
    ]
}

/// An attestation of SLSA provenance.
fn provenance(forge: &Forge) -> crate::forge::Forgery<'_> {
    forge.attestation(
        &image(),
        "https://slsa.dev/provenance/v1",
        serde_json::json!({"buildDefinition": {}}),
    )
}
