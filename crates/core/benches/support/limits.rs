//! Evidence that stays just below every limit, so that no limit spares the work behind it.

use countersign_core::Limits;
use countersign_testkit::forge::{Certificate, Forgery, San, Timestamp};
use serde_json::{Value, json};

use crate::filler::Filler;
use crate::maker::{Hostile, NOW, ROOM, digest, spliced};
use crate::shapes::Make;

/// Every shape by name.
pub(crate) fn all() -> Vec<(String, Make)> {
    [statements(), entries(), certificates(), timestamps()]
        .into_iter()
        .flatten()
        .collect()
}

/// Makes a part about so many bytes larger.
type Edit<T> = fn(&mut T, usize);

/// How many keys the objects may have that are open at once (`json/scan.rs`), and some left for the others.
const OPEN_KEYS: usize = 99_900;
/// Bytes of ten members of such objects.
const KEY_BYTES: usize = 79;

fn statements() -> Vec<(String, Make)> {
    let keys = |filler: Filler, ten_members: usize| -> Make {
        Box::new(move |maker| {
            let most = Limits::default().json_keys - 64;
            let size = (most * ten_members / 10).min((maker.size - ROOM) / 4 * 3);
            let payload = maker.statement_of(r#""predicate":@@HERE@@"#, &filler, size);
            Hostile::bundle(maker.signed(&payload).bundle())
        })
    };
    let subjects: Make = Box::new(|maker| {
        let limits = Limits::default();
        let hashes: serde_json::Map<String, Value> = (1..limits.digests_per_subject)
            .map(|number| (format!("hash{number}"), json!("0".repeat(64))))
            .collect();
        let fits = maker.size / 8 / limits.digests_per_subject / 100;
        let statement = |statement: &mut Value| {
            let subjects = statement["subject"].as_array_mut().unwrap();
            let more = vec![json!({"name": "n", "digest": hashes}); limits.subjects.min(fits) - 1];
            subjects.extend(more);
        };
        let forgery = maker.keyless().with_statement(statement);
        Hostile::bundle(forgery.bundle())
    });
    vec![
        (
            "limit: keys of objects".into(),
            keys(Filler::Objects(OPEN_KEYS), KEY_BYTES),
        ),
        (
            "limit: shuffled keys of objects".into(),
            keys(Filler::ShuffledObjects(OPEN_KEYS), KEY_BYTES),
        ),
        (
            "limit: keys of small objects".into(),
            keys(Filler::Objects(17), 61),
        ),
        ("limit: subjects and their digests".into(), subjects),
    ]
}

/// As many log entries as fit, each with as large a body as may be.
fn entries() -> Vec<(String, Make)> {
    // Nested objects of few keys each, which are shorter.
    let open = OPEN_KEYS * 65 / 10;
    let fillers = [
        ("keys", Filler::Objects(OPEN_KEYS), usize::MAX),
        (
            "shuffled keys",
            Filler::ShuffledObjects(OPEN_KEYS),
            usize::MAX,
        ),
        ("keys of small objects", Filler::Objects(17), usize::MAX),
        ("keys of nested objects", Filler::Nests, open),
        ("numbers", Filler::Array("0".into()), usize::MAX),
        ("fractions", Filler::Array("1.5e-9".into()), usize::MAX),
        ("objects", Filler::Array("{}".into()), usize::MAX),
        ("escapes", Filler::Text(r"\u0041"), usize::MAX),
    ];
    let shapes = fillers.into_iter().map(|(name, filler, most)| {
        let make: Make = Box::new(move |maker| {
            let limits = Limits::default();
            let body = (limits.log_entry_bytes - 64).min(most).min(maker.size / 8);
            let count = limits
                .log_entries
                .min((maker.size - ROOM) / (body / 3 * 4 + 4 * 1024))
                .max(1);
            let mut forgery = maker
                .forge
                .image_signature(&digest())
                .keyless(Default::default());
            for _ in 0..count {
                let filler = filler.clone();
                forgery = forgery.rekor_v1().with_entry(move |entry| {
                    entry.raw_body = Some(spliced(entry.body.clone(), "/more", &filler, body));
                });
            }
            Hostile::bundle(forgery.bundle())
        });
        (format!("limit: bodies of {name}"), make)
    });
    shapes.collect()
}

/// As many certificates as a chain may have, each as large as may be.
fn certificates() -> Vec<(String, Make)> {
    let edits: [(&str, Edit<Certificate>); 3] = [
        ("extensions", |certificate, size| {
            for number in 0..size / 13 {
                certificate.push(
                    &format!("1.2.{}.{}", number / 100, number % 100),
                    false,
                    Vec::new(),
                );
            }
        }),
        ("names", |certificate, size| {
            certificate.push_names(&vec![San::Email("a@b".into()); size / 5]);
        }),
        ("a serial number", |certificate, size| {
            certificate.serial = vec![1; size]
        }),
    ];
    let shapes = edits.into_iter().map(|(name, edit)| {
        let make: Make = Box::new(move |maker| {
            let limits = Limits::default();
            let mut hostile = Certificate::new(&maker.managed, NOW, NOW + 600);
            edit(
                &mut hostile,
                (limits.certificate_bytes - 512).min(maker.size / 32),
            );
            let der = hostile.issue(&maker.forge.issuer().1).der;
            let chain = vec![der; limits.chain_certificates];
            let forgery = maker
                .chain()
                .with_certificates(move |shown| *shown = chain.clone());
            Hostile::bundle(forgery.bundle())
        });
        (format!("limit: certificates of {name}"), make)
    });
    shapes.collect()
}

/// As many timestamps as may be, each as large as may be.
fn timestamps() -> Vec<(String, Make)> {
    let edits: [(&str, Edit<Timestamp>); 3] = [
        ("certificates", |stamp, size| {
            stamp.certificates = vec![[0x30, 0].repeat(size / 2)]
        }),
        ("sound certificates", |stamp, size| {
            let sound = stamp.certificates.concat();
            stamp.certificates = vec![sound.repeat(size / sound.len())];
        }),
        ("signers", |stamp, size| stamp.signer_infos = size / 400),
    ];
    let shapes = edits.into_iter().map(|(name, edit)| {
        let make: Make = Box::new(move |maker| {
            let limits = Limits::default();
            let size = (limits.timestamp_bytes - 4 * 1024).min(maker.size / 64);
            let mut forgery: Forgery<'_> = maker
                .forge
                .image_signature(&digest())
                .keyless(Default::default())
                .rekor_v1();
            for _ in 0..limits.timestamps {
                forgery = forgery
                    .timestamp()
                    .with_timestamp(move |stamp| edit(stamp, size));
            }
            Hostile::bundle(forgery.bundle())
        });
        (format!("limit: timestamps of {name}"), make)
    });
    shapes.collect()
}
