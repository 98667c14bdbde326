//! Steps 6, 7, 8 and 11: logs, checkpoints, proofs, promises.

use serde_json::json;

use super::edit::{checkpoint, entry, flip, proof, remove};
use super::{Case, NOW, by_policy, foreign_key, keyed, refused, theirs, v1, v2};
use crate::forge::signature_line;

pub(super) fn cases() -> Vec<Case> {
    [checkpoints(), proofs(), promises()]
        .into_iter()
        .flatten()
        .collect()
}

fn checkpoints() -> Vec<Case> {
    vec![
        refused("log-unknown", 6, |forge| {
            keyed(forge).logged_by(&theirs().rekor_v1)
        }),
        refused("log-unknown-v2", 6, |forge| {
            keyed(forge).logged_by(&theirs().rekor_v2)
        }),
        refused("log-id-of-another-known-log", 6, |forge| {
            let other = forge.rekor_v1.log_id();
            v2(forge).with_entry(move |entry| entry.log_id.clone_from(&other))
        }),
        refused("log-id-short", 6, |forge| {
            v2(forge).with_entry(|entry| entry.log_id.truncate(4))
        }),
        refused("checkpoint-by-foreign-key", 6, |forge| {
            v1(forge).with_checkpoint(|checkpoint| {
                checkpoint.signers[0].key = theirs().rekor_v1.key.clone()
            })
        }),
        refused("checkpoint-by-foreign-key-v2", 6, |forge| {
            v2(forge).with_checkpoint(|checkpoint| {
                checkpoint.signers[0].key = theirs().rekor_v2.key.clone()
            })
        }),
        refused("checkpoint-of-another-known-log", 6, |forge| {
            let (signer, host) = (forge.rekor_v2.note_signer(), forge.rekor_v2.host.clone());
            v1(forge).with_checkpoint(move |checkpoint| {
                checkpoint.origin.clone_from(&host);
                checkpoint.signers = vec![signer.clone()];
            })
        }),
        refused("checkpoint-unsigned", 6, |forge| {
            v1(forge).with_checkpoint(|checkpoint| checkpoint.signers.clear())
        }),
        refused("checkpoint-by-witness-only", 6, |forge| {
            v2(forge).with_checkpoint(|checkpoint| {
                checkpoint.signers.clear();
                checkpoint
                    .lines_after
                    .push(signature_line("witness.example", &[7; 76]));
            })
        }),
        refused("checkpoint-hint-wrong", 6, |forge| {
            v2(forge).with_checkpoint(|checkpoint| checkpoint.signers[0].hint = [1, 2, 3, 4])
        }),
        refused("checkpoint-name-wrong", 6, |forge| {
            v2(forge)
                .with_checkpoint(|checkpoint| checkpoint.signers[0].name = "log.example".into())
        }),
        refused("checkpoint-origin-wrong", 6, |forge| {
            v2(forge).with_checkpoint(|checkpoint| checkpoint.origin = "log.example".into())
        }),
        refused("checkpoint-origin-wrong-v1", 6, |forge| {
            v1(forge).with_checkpoint(|checkpoint| {
                checkpoint.origin = "log.example - 1193050959916656506".into()
            })
        }),
        refused("checkpoint-signature-flipped", 6, |forge| {
            v2(forge).with_json(|bundle| {
                checkpoint(bundle, |text| {
                    let cut = text.trim_end().len() - 6;
                    let other = if text.as_bytes()[cut] == b'A' {
                        "B"
                    } else {
                        "A"
                    };
                    format!("{}{other}{}", &text[..cut], &text[cut + 1..])
                });
            })
        }),
        refused("checkpoint-size-changed", 6, |forge| {
            v2(forge)
                .with_json(|bundle| checkpoint(bundle, |text| text.replacen("\n11\n", "\n12\n", 1)))
        }),
        refused("checkpoint-extended-after-signing", 6, |forge| {
            v2(forge).with_json(|bundle| {
                checkpoint(bundle, |text| text.replacen("\n\n", "\nmore\n\n", 1))
            })
        }),
        refused("checkpoint-without-blank-line", 6, |forge| {
            v2(forge).with_json(|bundle| checkpoint(bundle, |text| text.replacen("\n\n", "\n", 1)))
        }),
        refused("checkpoint-empty", 6, |forge| {
            v2(forge).with_json(|bundle| checkpoint(bundle, |_| String::new()))
        }),
        refused("checkpoint-size-zero-padded", 6, |forge| {
            v2(forge).with_json(|bundle| {
                checkpoint(bundle, |text| text.replacen("\n11\n", "\n011\n", 1))
            })
        }),
    ]
}

fn proofs() -> Vec<Case> {
    vec![
        refused("proof-hash-flipped", 7, |forge| {
            v1(forge).with_json(|bundle| flip(&mut proof(bundle)["hashes"][1]))
        }),
        refused("proof-hash-flipped-v2", 7, |forge| {
            v2(forge).with_json(|bundle| flip(&mut proof(bundle)["hashes"][1]))
        }),
        refused("proof-hash-missing", 7, |forge| {
            v2(forge).with_json(|bundle| {
                proof(bundle)["hashes"]
                    .as_array_mut()
                    .expect("an array")
                    .pop();
            })
        }),
        refused("proof-hash-too-many", 7, |forge| {
            v2(forge).with_json(|bundle| {
                let hash = proof(bundle)["hashes"][0].clone();
                proof(bundle)["hashes"]
                    .as_array_mut()
                    .expect("an array")
                    .push(hash);
            })
        }),
        refused("proof-hash-short", 7, |forge| {
            v2(forge).with_json(|bundle| proof(bundle)["hashes"][0] = json!("AAAA"))
        }),
        refused("proof-root-wrong", 7, |forge| {
            v1(forge).with_json(|bundle| flip(&mut proof(bundle)["rootHash"]))
        }),
        refused("proof-size-wrong", 7, |forge| {
            v1(forge).with_json(|bundle| proof(bundle)["treeSize"] = json!("12"))
        }),
        refused("proof-index-wrong", 7, |forge| {
            v1(forge).with_json(|bundle| proof(bundle)["logIndex"] = json!("3"))
        }),
        refused("proof-index-beyond-tree", 7, |forge| {
            v1(forge).with_json(|bundle| proof(bundle)["logIndex"] = json!("11"))
        }),
        refused("v2-index-wrong", 7, |forge| {
            v2(forge).with_json(|bundle| {
                entry(bundle)["logIndex"] = json!("3");
                proof(bundle)["logIndex"] = json!("3");
            })
        }),
        refused("checkpoint-of-another-tree", 7, |forge| {
            v2(forge).with_checkpoint(|checkpoint| checkpoint.root = vec![7; 32])
        }),
        refused("checkpoint-of-another-size", 7, |forge| {
            v2(forge).with_checkpoint(|checkpoint| checkpoint.size = 3)
        }),
        refused("checkpoint-of-an-empty-tree", 7, |forge| {
            v2(forge).with_checkpoint(|checkpoint| checkpoint.size = 0)
        }),
        refused("checkpoint-root-short", 7, |forge| {
            v2(forge).with_checkpoint(|checkpoint| checkpoint.root.truncate(20))
        }),
        refused("v2-body-of-nobody", 7, |forge| {
            v2(forge).with_json(|bundle| {
                let other: serde_json::Value =
                    serde_json::from_slice(&v2(super::ours()).bundle()).expect("we wrote it");
                entry(bundle)["canonicalizedBody"] =
                    other["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"].clone();
            })
        }),
    ]
}

fn promises() -> Vec<Case> {
    vec![
        refused("promise-flipped", 8, |forge| {
            v1(forge).timestamp().with_json(|bundle| {
                flip(&mut entry(bundle)["inclusionPromise"]["signedEntryTimestamp"])
            })
        }),
        refused("promise-of-another-entry", 8, |forge| {
            v1(forge).with_json(|bundle| {
                let other: serde_json::Value =
                    serde_json::from_slice(&v1(super::ours()).bundle()).expect("we wrote it");
                entry(bundle)["inclusionPromise"] =
                    other["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"].clone();
            })
        }),
        refused("promise-by-another-log", 8, |forge| {
            let (id, signer, host) = (
                forge.rekor_v1.log_id(),
                forge.rekor_v1.note_signer(),
                forge.rekor_v1.host.clone(),
            );
            forge
                .image_signature(&super::image())
                .logged_by(&theirs().rekor_v1)
                .with_entry(move |entry| entry.log_id.clone_from(&id))
                .with_checkpoint(move |checkpoint| {
                    checkpoint.origin = format!("{host} - 1193050959916656506");
                    checkpoint.signers = vec![signer.clone()];
                })
        }),
        refused("promised-time-changed", 8, |forge| {
            v1(forge)
                .with_json(|bundle| entry(bundle)["integratedTime"] = json!((NOW + 2).to_string()))
        }),
        refused("promised-index-changed", 8, |forge| {
            v1(forge).with_json(|bundle| entry(bundle)["logIndex"] = json!("7"))
        }),
        refused("promise-empty", 8, |forge| {
            v1(forge).timestamp().with_json(|bundle| {
                entry(bundle)["inclusionPromise"]["signedEntryTimestamp"] = json!("")
            })
        }),
        refused("promised-before-the-log-began", 8, v1).with_root(|root| {
            root["tlogs"][0]["publicKey"]["validFor"]["start"] = json!("2026-10-01T00:00:00Z");
        }),
        refused("promised-after-the-log-ended", 8, v1).with_root(|root| {
            root["tlogs"][0]["publicKey"]["validFor"]["end"] = json!("2026-01-01T00:00:00Z");
        }),
        refused("v1-without-promise", 11, |forge| {
            v1(forge).with_entry(|entry| entry.promise = false)
        }),
        refused("v1-promise-stripped", 11, |forge| {
            v1(forge).with_json(|bundle| remove(entry(bundle), "inclusionPromise"))
        }),
        refused("v2-without-timestamp", 11, |forge| {
            forge.image_signature(&super::image()).rekor_v2()
        }),
        refused("v2-with-integrated-time", 11, |forge| {
            let forgery = forge.image_signature(&super::image()).rekor_v2();
            forgery.with_json(|bundle| entry(bundle)["integratedTime"] = json!(NOW.to_string()))
        }),
        refused("keyless-alone", 11, |forge| {
            forge.image_signature(&super::image())
        }),
        by_policy("timestamp-without-log", 11, |forge| {
            forge.image_signature(&super::image()).timestamp()
        }),
        refused("one-good-entry-one-forged", 6, |forge| {
            v1(forge).rekor_v2().with_checkpoint(|checkpoint| {
                checkpoint.signers[0].key = theirs().rekor_v2.key.clone()
            })
        }),
        refused("promise-by-managed-key", 8, |forge| {
            let id = forge.rekor_v1.log_id();
            let mut log = forge.rekor_v1.clone();
            log.key = foreign_key().clone();
            let signer = forge.rekor_v1.note_signer();
            forge
                .image_signature(&super::image())
                .logged_by(&log)
                .with_entry(move |entry| entry.log_id.clone_from(&id))
                .with_checkpoint(move |checkpoint| checkpoint.signers = vec![signer.clone()])
        }),
    ]
}
