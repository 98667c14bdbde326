//! Bundles and attachments of a given size, made to cost a reader as much as they can.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_testkit::forge::{Certificate, Forgery, Identity, San, Timestamp};
use serde_json::{Value, json};

use crate::filler::{Filler, deep_der};
use crate::limits;
use crate::maker::{ATT, Hostile, Maker, NOW, ROOM, SIG, digest, set, spliced};

/// Makes one.
pub(crate) type Make = Box<dyn Fn(&Maker) -> Hostile>;
/// What a hostile part is put into.
type Base = fn(&Maker) -> Forgery<'_>;

/// Every shape by name.
pub(crate) fn all() -> Vec<(String, Make)> {
    [
        documents(),
        strings(),
        arrays(),
        statements(),
        bodies(),
        der(),
        layers(),
        limits::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// No bundles at all.
fn documents() -> Vec<(String, Make)> {
    let values = [
        ("keys", Filler::Keys("0")),
        ("shuffled keys", Filler::Shuffled),
        ("keys of one beginning", Filler::LongKeys),
        ("escaped keys", Filler::EscapedKeys),
        ("keys, one of them twice", Filler::Twins),
        ("keys of nested objects", Filler::Nests),
        ("two keys", Filler::TwoKeys),
        ("array of zeros", Filler::Array("0".into())),
        ("array of fractions", Filler::Array("1.5e-9".into())),
        ("array of objects", Filler::Array("{}".into())),
        (
            "array of objects of one key",
            Filler::Array(r#"{"a":0}"#.into()),
        ),
        ("array of strings", Filler::Array(r#""""#.into())),
        ("depth", Filler::Deep),
        ("escapes", Filler::Text(r"\u0041")),
        ("surrogates", Filler::Text(r"\ud83d\ude00")),
        ("white space", Filler::Spaces),
        ("integer", Filler::Digits("1")),
        ("fraction", Filler::Digits("0.0")),
        ("exponent", Filler::Digits("1e0")),
    ];
    let mut shapes: Vec<(String, Make)> = Vec::new();
    for (name, filler) in values {
        let alone = filler.clone();
        shapes.push((
            format!("document: {name}"),
            Box::new(move |maker| Hostile::bundle(alone.fill(maker.size))),
        ));
        shapes.push((
            format!("bundle, unknown field: {name}"),
            Box::new(move |maker| maker.spliced(maker.keyless(), "/unknown", &filler)),
        ));
    }
    let bytes: [(&str, &[u8]); 5] = [
        ("white space alone", b" "),
        ("open brackets", b"["),
        ("open braces", br#"{"":"#),
        ("zero bytes", b"\0"),
        ("no UTF-8", b"\xff"),
    ];
    for (name, unit) in bytes {
        shapes.push((
            format!("document: {name}"),
            Box::new(move |maker| Hostile::bundle(unit.repeat(maker.size / unit.len()))),
        ));
    }
    shapes
}

/// One string of a bundle that fills it.
fn strings() -> Vec<(String, Make)> {
    const ENTRY: &str = "/verificationMaterial/tlogEntries/0";
    let entry = |field: &str| format!("{ENTRY}{field}");
    let keyless: Base = Maker::keyless;
    let fields: Vec<(String, Base)> = vec![
        ("/mediaType".into(), keyless),
        ("/verificationMaterial/certificate/rawBytes".into(), keyless),
        ("/verificationMaterial/publicKey/hint".into(), Maker::keyed),
        (
            "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp"
                .into(),
            keyless,
        ),
        ("/dsseEnvelope/payload".into(), keyless),
        ("/dsseEnvelope/payloadType".into(), keyless),
        ("/dsseEnvelope/signatures/0/sig".into(), keyless),
        ("/dsseEnvelope/signatures/0/keyid".into(), keyless),
        (
            "/messageSignature/messageDigest/algorithm".into(),
            Maker::message,
        ),
        (
            "/messageSignature/messageDigest/digest".into(),
            Maker::message,
        ),
        ("/messageSignature/signature".into(), Maker::message),
        (entry("/logId/keyId"), keyless),
        (entry("/kindVersion/kind"), keyless),
        (entry("/canonicalizedBody"), keyless),
        (entry("/inclusionPromise/signedEntryTimestamp"), keyless),
        (entry("/inclusionProof/rootHash"), keyless),
        (entry("/inclusionProof/hashes/0"), keyless),
        (entry("/inclusionProof/checkpoint/envelope"), keyless),
    ];
    let mut shapes: Vec<(String, Make)> = Vec::new();
    for (field, base) in fields {
        for (name, text) in [("", "AAAA"), (", escaped", r"\u0041")] {
            let pointer = field.clone();
            shapes.push((
                format!("string: {}{name}", short(&field)),
                Box::new(move |maker| maker.spliced(base(maker), &pointer, &Filler::Text(text))),
            ));
        }
    }
    let others = [
        (
            "/integratedTime",
            "integratedTime of digits",
            Filler::Text("1"),
        ),
        (
            "/integratedTime",
            "integratedTime, a number",
            Filler::Digits("1"),
        ),
        (
            "/inclusionProof/treeSize",
            "treeSize of digits",
            Filler::Text("1"),
        ),
        (
            "/inclusionProof/checkpoint/envelope",
            "checkpoint of signatures",
            Filler::Text(r"— a AAAAAA==\n"),
        ),
        (
            "/inclusionProof/checkpoint/envelope",
            "checkpoint of lines",
            Filler::Text(r"\n"),
        ),
    ];
    for (field, name, filler) in others {
        let pointer = entry(field);
        shapes.push((
            format!("string: {name}"),
            Box::new(move |maker| maker.spliced(maker.keyless(), &pointer, &filler)),
        ));
    }
    shapes
}

/// One array of a bundle that fills it: with elements of no meaning, and with sound ones.
fn arrays() -> Vec<(String, Make)> {
    let fields: [(&str, Base); 5] = [
        ("/verificationMaterial/tlogEntries", Maker::keyless),
        (
            "/verificationMaterial/timestampVerificationData/rfc3161Timestamps",
            Maker::keyless,
        ),
        (
            "/verificationMaterial/x509CertificateChain/certificates",
            Maker::chain,
        ),
        (
            "/verificationMaterial/tlogEntries/0/inclusionProof/hashes",
            Maker::keyless,
        ),
        ("/dsseEnvelope/signatures", Maker::keyless),
    ];
    let mut shapes: Vec<(String, Make)> = Vec::new();
    for (pointer, base) in fields {
        for unit in ["{}", r#""""#, "[]", "null"] {
            shapes.push((
                format!("array: {} of {unit}", short(pointer)),
                Box::new(move |maker| {
                    maker.spliced(base(maker), pointer, &Filler::Array(unit.into()))
                }),
            ));
        }
        shapes.push((
            format!("array: {} of sound ones", short(pointer)),
            Box::new(move |maker| {
                let bundle: Value = serde_json::from_slice(&base(maker).bundle()).unwrap();
                let sound = bundle.pointer(pointer).unwrap()[0].to_string();
                maker.spliced(base(maker), pointer, &Filler::Array(sound))
            }),
        ));
    }
    shapes
}

/// A statement that fills the payload, signed and logged as any other.
fn statements() -> Vec<(String, Make)> {
    let places = |filler: Filler| -> Vec<(&'static str, &'static str, Filler)> {
        vec![("predicate", r#""predicate":@@HERE@@"#, filler)]
    };
    let mut cases: Vec<(&str, &str, Filler)> = [
        Filler::Text("x"),
        Filler::Text(r"\u0041"),
        Filler::Keys("0"),
        Filler::Keys(r#""""#),
        Filler::Shuffled,
        Filler::LongKeys,
        Filler::EscapedKeys,
        Filler::Twins,
        Filler::Nests,
        Filler::Array("0".into()),
        Filler::Array("1.5e-9".into()),
        Filler::Array("{}".into()),
        Filler::Array(r#"{"a":0,"b":[]}"#.into()),
        Filler::Array(r#""a""#.into()),
        Filler::Deep,
        Filler::Digits("1"),
        Filler::Digits("0.0"),
        Filler::Spaces,
    ]
    .into_iter()
    .flat_map(places)
    .collect();
    let objects = || Filler::Array("{}".into());
    cases.extend([
        ("subjects", r#""subject":@@HERE@@"#, objects()),
        (
            "subjects",
            r#""subject":@@HERE@@"#,
            Filler::Array("null".into()),
        ),
        (
            "subjects",
            r#""subject":@@HERE@@"#,
            Filler::Array(r#"{"digest":{"sha256":""}}"#.into()),
        ),
        (
            "subject's digests",
            r#""subject":[{"digest":@@HERE@@}]"#,
            Filler::Keys(r#""""#),
        ),
        (
            "subject's name",
            r#""subject":[{"name":@@HERE@@}]"#,
            Filler::Text("x"),
        ),
        (
            "subject's name",
            r#""subject":[{"name":@@HERE@@}]"#,
            Filler::Text(r"\u0041"),
        ),
        (
            "subject's unknown field",
            r#""subject":[{"more":@@HERE@@}]"#,
            Filler::Keys("0"),
        ),
        ("unknown field", r#""more":@@HERE@@"#, Filler::Keys("0")),
        (
            "predicate type",
            r#""predicateType":@@HERE@@"#,
            Filler::Text("x"),
        ),
        ("type", r#""_type":@@HERE@@"#, Filler::Text("x")),
    ]);
    cases
        .into_iter()
        .map(|(place, part, filler)| {
            let name = format!("statement: {place}, {}", filler.name());
            let make: Make = Box::new(move |maker| {
                let payload = maker.statement(part, &filler);
                Hostile::bundle(maker.signed(&payload).bundle())
            });
            (name, make)
        })
        .collect()
}

/// A log entry's body that fills the bundle, logged as any other.
fn bodies() -> Vec<(String, Make)> {
    let fillers = [
        ("unknown field", "/more", Filler::Keys("0")),
        ("unknown field", "/more", Filler::Shuffled),
        ("unknown field", "/more", Filler::Array("0".into())),
        ("unknown field", "/more", Filler::Array("{}".into())),
        ("unknown field", "/more", Filler::Text(r"\u0041")),
        ("unknown field", "/more", Filler::Nests),
        ("spec", "/spec", Filler::Keys("0")),
        ("kind", "/kind", Filler::Text("x")),
        ("signatures", "/spec/signatures", Filler::Array("{}".into())),
        (
            "signatures",
            "/spec/signatures",
            Filler::Array(r#"{"signature":"","verifier":""}"#.into()),
        ),
        (
            "signature",
            "/spec/signatures/0/signature",
            Filler::Text("AAAA"),
        ),
        (
            "verifier",
            "/spec/signatures/0/verifier",
            Filler::Text("AAAA"),
        ),
        ("hash", "/spec/payloadHash/value", Filler::Text("0")),
    ];
    let logged = fillers.into_iter().map(|(place, pointer, filler)| {
        let name = format!("body: {place}, {}", filler.name());
        let make: Make = Box::new(move |maker| {
            let budget = (maker.size - ROOM) / 4 * 3;
            let forgery = maker.keyless().with_entry(|entry| {
                entry.raw_body = Some(spliced(entry.body.clone(), pointer, &filler, budget));
            });
            Hostile::bundle(forgery.bundle())
        });
        (name, make)
    });
    logged.collect()
}

/// Certificates and timestamps that fill the bundle.
fn der() -> Vec<(String, Make)> {
    fn certificate(name: &str, edit: fn(&mut Certificate, usize)) -> (String, Make) {
        let make: Make = Box::new(move |maker| {
            let mut hostile = Certificate::new(&maker.managed, NOW, NOW + 600);
            edit(&mut hostile, (maker.size - ROOM) / 4 * 3);
            let der = hostile.issue(&maker.forge.issuer().1).der;
            Hostile::bundle(
                maker
                    .keyless()
                    .with_certificates(move |shown| *shown = vec![der.clone()])
                    .bundle(),
            )
        });
        (format!("certificate: {name}"), make)
    }
    fn timestamp(name: &str, edit: fn(&mut Timestamp, usize)) -> (String, Make) {
        let make: Make = Box::new(move |maker| {
            let budget = (maker.size - ROOM) / 4 * 3;
            let forgery = maker
                .keyless()
                .with_timestamp(move |stamp| edit(stamp, budget));
            Hostile::bundle(forgery.bundle())
        });
        (format!("timestamp: {name}"), make)
    }
    let mut shapes = vec![
        certificate("extensions that differ", |certificate, budget| {
            for number in 0..budget / 11 {
                certificate.push(
                    &format!("1.2.{}.{}", number / 10_000, number % 10_000),
                    false,
                    Vec::new(),
                );
            }
        }),
        certificate("one extension again and again", |certificate, budget| {
            for _ in 0..budget / 10 {
                certificate.push("2.5.29.14", false, Vec::new());
            }
        }),
        certificate("names", |certificate, budget| {
            certificate.push_names(&vec![San::Email("a@b".into()); budget / 5 - 1024]);
        }),
        certificate("a long name", |certificate, budget| {
            certificate.push_names(&[San::Uri("x".repeat(budget - 1024))]);
        }),
        certificate("a long issuer", |certificate, budget| {
            certificate.issuer.organization = "x".repeat(budget - 1024);
        }),
        certificate("a long serial number", |certificate, budget| {
            certificate.serial = vec![1; budget - 1024];
        }),
        certificate("a long extension", |certificate, budget| {
            certificate.push("1.2.3", false, vec![0; budget - 1024]);
        }),
        timestamp("certificates", |stamp, budget| {
            stamp.certificates = vec![[0x30, 0].repeat(budget / 2 - 2048)];
        }),
        timestamp("a certificate", |stamp, budget| {
            let length = u32::try_from(budget - 4096).unwrap().to_be_bytes();
            stamp.certificates =
                vec![[&[0x30, 0x84], &length[..], &vec![0; budget - 4096]].concat()];
        }),
        timestamp("signers", |stamp, budget| stamp.signer_infos = budget / 400),
        timestamp("a long imprint", |stamp, budget| {
            stamp.imprint = vec![0; budget - 4096]
        }),
        timestamp("bytes behind it", |stamp, budget| {
            stamp.trailing = vec![0; budget - 4096]
        }),
    ];
    let raw: [(&str, &str); 2] = [
        (
            "certificate: depth",
            "/verificationMaterial/certificate/rawBytes",
        ),
        (
            "timestamp: depth",
            "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp",
        ),
    ];
    for (name, pointer) in raw {
        shapes.push((
            name.to_owned(),
            Box::new(move |maker| {
                let der = STANDARD.encode(deep_der((maker.size - ROOM) / 4 * 3));
                let mut bundle: Value = serde_json::from_slice(&maker.keyless().bundle()).unwrap();
                set(&mut bundle, pointer, json!(der));
                Hostile::bundle(bundle.to_string().into_bytes())
            }),
        ));
    }
    shapes
}

/// `.sig` and `.att` layers.
fn layers() -> Vec<(String, Make)> {
    let mut shapes: Vec<(String, Make)> = Vec::new();
    for filler in [
        Filler::Text("x"),
        Filler::Keys("0"),
        Filler::Array("{}".into()),
    ] {
        let inner = filler.clone();
        shapes.push((
            format!("att: predicate, {}", filler.name()),
            Box::new(move |maker| {
                let payload = maker.statement(r#""predicate":@@HERE@@"#, &inner);
                let (bytes, annotations) = maker.signed(&payload).att();
                Hostile {
                    format: ATT,
                    bytes,
                    annotations,
                }
            }),
        ));
        shapes.push((
            format!("sig: optional, {}", filler.name()),
            Box::new(move |maker| {
                let forgery = maker.forge.simple_signing(&digest());
                let payload = serde_json::from_slice(forgery.payload()).unwrap();
                let payload = spliced(payload, "/optional", &filler, maker.size);
                let forgery = forgery.keyless(Identity::default()).rekor_v1();
                let (bytes, annotations) = forgery.with_payload(|old| *old = payload).sig();
                Hostile {
                    format: SIG,
                    bytes,
                    annotations,
                }
            }),
        ));
    }
    shapes
}

fn short(pointer: &str) -> &str {
    pointer
        .rsplit('/')
        .find(|part| part.parse::<usize>().is_err())
        .unwrap()
}
