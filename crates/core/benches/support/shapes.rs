//! Bundles and attachments of a given size, made to cost a reader as much as they can.
//!
//! Wherever a signer could have made it, the signature, the log's entry and the timestamp are valid, so that nothing stops `examine` before
//! the hostile part.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::{Limits, PinnedImage};
use countersign_testkit::forge::{
    Algorithm, Certificate, Forge, Forgery, IN_TOTO, Identity, Key, San, Timestamp,
};
use serde_json::{Value, json};

/// The manifest of the image that all of them are about.
pub(crate) const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}"#;

/// A Sigstore bundle.
pub(crate) const BUNDLE: u8 = b'b';
/// The payload of a `.sig` layer.
pub(crate) const SIG: u8 = b's';
/// The envelope of an `.att` layer.
pub(crate) const ATT: u8 = b'a';

const NOW: i64 = 1_790_000_000;
/// Where the hostile part goes.
const HERE: &str = "@@HERE@@";
/// What is left for all that is not the hostile part.
const ROOM: usize = 24 * 1024;

/// What one process examines.
pub(crate) struct Hostile {
    pub(crate) format: u8,
    pub(crate) bytes: Vec<u8>,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// Makes them, all of one size, about one image and under one trust root.
pub(crate) struct Maker {
    size: usize,
    forge: Forge,
    managed: Key,
    /// The DER of the managed key.
    pub(crate) key: Vec<u8>,
    pub(crate) trusted_root: String,
}

type Make = Box<dyn Fn(&Maker) -> Hostile>;

/// A JSON value without bounds.
#[derive(Clone, Debug)]
enum Filler {
    /// A string of these characters, again and again.
    Text(&'static str),
    /// An array of this, again and again.
    Array(String),
    /// An object of keys that all differ, each with this value.
    Keys(&'static str),
    /// Such keys in no order.
    Shuffled,
    /// Such keys that differ only behind 56 bytes.
    LongKeys,
    /// Such keys, written with escapes.
    EscapedKeys,
    /// Such keys, then the first one again.
    Twins,
    /// Such keys in objects within objects.
    Nests,
    /// Two keys that fill all of it.
    TwoKeys,
    /// Arrays in arrays.
    Deep,
    /// A number.
    Digits(&'static str),
    /// White space before a zero.
    Spaces,
}

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
    let keyless: fn(&Maker) -> Forgery<'_> = Maker::keyless;
    let fields: Vec<(String, fn(&Maker) -> Forgery<'_>)> = vec![
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
    let fields: [(&str, fn(&Maker) -> Forgery<'_>); 5] = [
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
            for number in 0..budget / 16 {
                certificate.push(
                    &format!("1.2.{}.{}", number / 10_000, number % 10_000),
                    false,
                    Vec::new(),
                );
            }
        }),
        certificate("one extension again and again", |certificate, budget| {
            for _ in 0..budget / 16 {
                certificate.push("2.5.29.14", false, Vec::new());
            }
        }),
        certificate("names", |certificate, budget| {
            certificate.push_names(&vec![San::Email("a@b".into()); budget / 6]);
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
        timestamp("signers", |stamp, budget| {
            stamp.signer_infos = budget / 1024
        }),
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

impl Maker {
    /// For hostile parts of `size` bytes.
    pub(crate) fn new(size: usize) -> Self {
        let forge = Forge::new(NOW);
        let managed = Key::generate(Algorithm::P256);
        Self {
            size,
            key: managed.public_der(),
            trusted_root: forge.trusted_root(),
            forge,
            managed,
        }
    }

    fn keyless(&self) -> Forgery<'_> {
        self.forge
            .image_signature(&digest())
            .keyless(Identity::default())
            .rekor_v1()
            .timestamp()
    }

    fn keyed(&self) -> Forgery<'_> {
        self.forge
            .image_signature(&digest())
            .keyed(&self.managed)
            .rekor_v1()
    }

    fn message(&self) -> Forgery<'_> {
        self.forge
            .blob(MANIFEST.as_bytes())
            .keyless(Identity::default())
            .rekor_v1()
    }

    fn chain(&self) -> Forgery<'_> {
        self.keyless().version("0.2")
    }

    fn signed(&self, payload: &[u8]) -> Forgery<'_> {
        self.forge
            .envelope(IN_TOTO, payload)
            .keyless(Identity::default())
            .rekor_v1()
            .timestamp()
    }

    /// A statement about the image in which `part` is put, before what it has already.
    fn statement(&self, part: &str, filler: &Filler) -> Vec<u8> {
        let digest = digest();
        let digest = digest.trim_start_matches("sha256:");
        let usual = [
            (
                r#""_type":"#,
                r#""https://in-toto.io/Statement/v1""#.to_owned(),
            ),
            (
                r#""predicateType":"#,
                r#""https://example.com/p""#.to_owned(),
            ),
            (
                r#""subject":"#,
                format!(r#"[{{"digest":{{"sha256":"{digest}"}}}}]"#),
            ),
        ];
        let mut parts = vec![part.to_owned()];
        parts.extend(
            usual
                .into_iter()
                .filter(|(name, _)| !part.starts_with(name))
                .map(|(name, value)| format!("{name}{value}")),
        );
        let statement = format!("{{{}}}", parts.join(","));
        let (head, tail) = statement.split_once(HERE).unwrap();
        let filled = filler.fill((self.size - ROOM) / 4 * 3);
        [head.as_bytes(), &filled, tail.as_bytes()].concat()
    }

    fn spliced(&self, forgery: Forgery<'_>, pointer: &str, filler: &Filler) -> Hostile {
        let bundle = serde_json::from_slice(&forgery.bundle()).unwrap();
        Hostile::bundle(spliced(bundle, pointer, filler, self.size))
    }
}

impl Hostile {
    fn bundle(bytes: Vec<u8>) -> Self {
        Self {
            format: BUNDLE,
            bytes,
            annotations: BTreeMap::new(),
        }
    }
}

impl Filler {
    fn name(&self) -> String {
        match self {
            Self::Array(unit) => format!("array of {unit}"),
            Self::Text(unit) => format!("string of {unit}"),
            Self::Keys(value) => format!("keys of {value}"),
            other => format!("{other:?}"),
        }
    }

    /// At most `size` bytes, and nearly as many.
    fn fill(&self, size: usize) -> Vec<u8> {
        let between = |open: &str, unit: &str, close: &str| {
            let count = (size - open.len() - close.len()) / unit.len();
            [
                open.as_bytes(),
                &unit.as_bytes().repeat(count),
                close.as_bytes(),
            ]
            .concat()
        };
        match self {
            Self::Text(unit) => between("\"", unit, "\""),
            Self::Array(unit) => between(&format!("[{unit}"), &format!(",{unit}"), "]"),
            Self::Digits(head) => between(head, "1", ""),
            Self::Spaces => between("", " ", "0"),
            Self::Deep => {
                let open = size / 2;
                [b"[".repeat(open), b"]".repeat(open)].concat()
            }
            Self::Keys(value) => object(size, value, &|number| key(number), ""),
            Self::Shuffled => object(
                size,
                "0",
                &|number| key(number.wrapping_mul(7_368_787) % (1 << 24)),
                "",
            ),
            Self::LongKeys => object(
                size,
                "0",
                &|number| format!("{}{}", "k".repeat(56), key(number)),
                "",
            ),
            Self::EscapedKeys => object(
                size,
                "0",
                &|number| key(number).replace('a', r"\u0061") + r"\n",
                "",
            ),
            Self::Twins => object(size, "0", &|number| key(number), r#","a":0"#),
            Self::TwoKeys => {
                let long = "k".repeat(size / 2 - 16);
                format!(r#"{{"{long}a":0,"{long}b":0}}"#).into_bytes()
            }
            Self::Nests => {
                const LEVELS: usize = 50;
                let mut out = Vec::with_capacity(size);
                for _ in 0..LEVELS {
                    out.extend(object(
                        (size - 1024) / LEVELS,
                        "0",
                        &|number| key(number),
                        "",
                    ));
                    out.pop();
                    out.extend_from_slice(br#","/":"#);
                }
                out.push(b'0');
                out.extend_from_slice(&b"}".repeat(LEVELS));
                out
            }
        }
    }
}

/// An object of as many members as fit, and `last`.
fn object(size: usize, value: &str, key: &dyn Fn(usize) -> String, last: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(size);
    for number in 0.. {
        let member = format!(
            r#"{}"{}":{value}"#,
            if number == 0 { '{' } else { ',' },
            key(number)
        );
        if out.len() + member.len() + last.len() + 1 > size {
            break;
        }
        out.extend_from_slice(member.as_bytes());
    }
    out.extend_from_slice(last.as_bytes());
    out.push(b'}');
    out
}

/// The shortest keys that all differ: `a`, `b`, …, `ab`, …
fn key(mut number: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let mut key = String::new();
    loop {
        key.push(char::from(LETTERS[number % LETTERS.len()]));
        number /= LETTERS.len();
        if number == 0 {
            return key;
        }
        number -= 1;
    }
}

/// The JSON with as much of the filler at the place as makes it `size` bytes long.
fn spliced(mut json: Value, pointer: &str, filler: &Filler, size: usize) -> Vec<u8> {
    set(&mut json, pointer, json!(HERE));
    let text = json.to_string();
    let (head, tail) = text.split_once(&format!("\"{HERE}\"")).unwrap();
    let filled = filler.fill(size - head.len() - tail.len());
    let mut out = Vec::with_capacity(size);
    for part in [head.as_bytes(), &filled, tail.as_bytes()] {
        out.extend_from_slice(part);
    }
    out
}

/// Replaces what is there, or adds it to its object.
fn set(json: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match json.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        parent => parent[name] = value,
    }
}

/// SEQUENCE in SEQUENCE in SEQUENCE.
fn deep_der(size: usize) -> Vec<u8> {
    // From the inside out, so backwards.
    let mut out = Vec::with_capacity(size);
    while out.len() + 6 < size {
        let length = u32::try_from(out.len()).unwrap().to_be_bytes();
        match out.len() {
            0..0x80 => out.extend_from_slice(&[length[3], 0x30]),
            0x80..0x1_0000 => out.extend_from_slice(&[length[3], length[2], 0x82, 0x30]),
            _ => out.extend_from_slice(&[length[3], length[2], length[1], length[0], 0x84, 0x30]),
        }
    }
    out.reverse();
    out
}

fn digest() -> String {
    let image = PinnedImage::from_bytes(MANIFEST.into(), None, None, &Limits::default()).unwrap();
    image.digest().to_string()
}

fn short(pointer: &str) -> &str {
    pointer
        .rsplit('/')
        .find(|part| part.parse::<usize>().is_err())
        .unwrap()
}
