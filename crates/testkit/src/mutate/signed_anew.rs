//! Changes that are signed properly: a statement as the signer wrote it, a body as the log took it in, a leaf as the authority
//! issued it. All signatures hold, so that only the reading can be at fault.

use super::edit;
use super::json::{Json, Path};
use super::seeds::{forge, key, keyless};
use super::{Mutant, Mutation, Touches};
use crate::faults::{Evidence, MANIFEST, image};
use crate::forge::{Certificate, Forge, Forgery};

/// Every such change, of bundles by the instance that all [`seeds`](super::seeds) share.
#[must_use]
pub fn signed_anew() -> Vec<Mutation<'static>> {
    let mut mutations = statements();
    mutations.extend(bodies());
    mutations.extend(leaves());
    mutations
}

fn statements() -> Vec<Mutation<'static>> {
    let make = || forge().image_signature(&image()).keyed(key()).rekor_v1();
    let statement = Json::parse(make().payload()).expect("a statement is JSON");
    changes(&statement)
        .map(|change| {
            let name = format!("statement/signed-anew/{}/{}", change.path, change.how);
            mutation(name, move || {
                make()
                    .with_payload(|payload| *payload = change.applied(payload))
                    .bundle()
            })
        })
        .collect()
}

fn bodies() -> Vec<Mutation<'static>> {
    type Recipe = (&'static str, fn(&'static Forge) -> Forgery<'static>);
    let kinds: [Recipe; 5] = [
        ("dsse-001", |forge| keyless(forge).rekor_v1()),
        ("intoto-002", |forge| {
            keyless(forge).rekor_v1_as("intoto", "0.0.2")
        }),
        ("hashedrekord-001", |forge| forge.blob(MANIFEST).rekor_v1()),
        ("hashedrekord-002", |forge| keyless(forge).rekor_v2()),
        ("hashedrekord-002-keyed", |forge| {
            forge.image_signature(&image()).keyed(key()).rekor_v2()
        }),
    ];
    let mut mutations = Vec::new();
    for (kind, make) in kinds {
        let body = body_of(&make(forge()).bundle());
        mutations.extend(changes(&body).map(|change| {
            let name = format!("{kind}/signed-anew/{}/{}", change.path, change.how);
            mutation(name, move || {
                let change = change.clone();
                make(forge())
                    .with_entry(move |entry| {
                        let body = crate::forge::canonical(&entry.body);
                        entry.raw_body = Some(change.applied(&body));
                    })
                    .timestamp()
                    .bundle()
            })
        }));
    }
    mutations
}

fn body_of(bundle: &[u8]) -> Json {
    use base64::Engine as _;
    let bundle = Json::parse(bundle).expect("we wrote it");
    let path = Path::of("verificationMaterial.tlogEntries[0].canonicalizedBody");
    let body = bundle.at(&path).and_then(Json::as_text);
    let body =
        base64::engine::general_purpose::STANDARD.decode(body.expect("every entry has a body"));
    Json::parse(&body.expect("we wrote it")).expect("a body is JSON")
}

/// One change, found anew in each document of the same shape: certificates and signatures in them differ each time.
#[derive(Clone)]
struct Change {
    path: Path,
    how: &'static str,
}

fn changes(template: &Json) -> impl Iterator<Item = Change> {
    template.paths().into_iter().flat_map(|path| {
        let value = template.at(&path).expect("the path was just found");
        let edits = edit::edits(&path, value);
        edits.into_iter().map(move |(how, _)| Change {
            path: path.clone(),
            how,
        })
    })
}

impl Change {
    fn applied(&self, text: &[u8]) -> Vec<u8> {
        let mut json = Json::parse(text).expect("the document is JSON");
        let value = json.at(&self.path).expect("the documents have one shape");
        let edits = edit::edits(&self.path, value);
        // What changes nothing in this very document is not listed for it.
        if let Some((_, edit)) = edits.iter().find(|(how, _)| *how == self.how) {
            edit.apply(&mut json, &self.path);
        }
        json.to_string().into_bytes()
    }
}

/// What is done to one extension of a leaf before it is issued.
const OF_EXTENSIONS: [&str; 9] = [
    "removed",
    "twice",
    "twice-with-another-first",
    "criticality-turned",
    "emptied",
    "a-byte-behind",
    "cut-by-one",
    "tag-changed",
    "length-changed",
];

type OfLeaf = (&'static str, fn(&mut Certificate));

const OF_LEAVES: [OfLeaf; 10] = [
    ("version-1", |leaf| leaf.version = 1),
    ("version-2", |leaf| leaf.version = 2),
    ("serial-empty", |leaf| leaf.serial.clear()),
    ("serial-of-40-bytes", |leaf| leaf.serial = vec![0x7f; 40]),
    ("another-issuer", |leaf| {
        leaf.issuer.common_name = "another".to_owned();
    }),
    ("with-a-subject", |leaf| {
        leaf.subject.common_name = "somebody".to_owned();
    }),
    ("valid-the-wrong-way-round", |leaf| {
        std::mem::swap(&mut leaf.not_before, &mut leaf.not_after);
    }),
    ("valid-for-a-second", |leaf| {
        leaf.not_after = leaf.not_before
    }),
    ("public-key-cut", |leaf| {
        leaf.public_key.pop();
    }),
    ("without-extensions", |leaf| leaf.extensions.clear()),
];

fn leaves() -> Vec<Mutation<'static>> {
    let mut mutations = Vec::new();
    for (how, change) in OF_LEAVES {
        let name = format!("leaf/signed-anew/certificate/{how}");
        mutations.push(mutation(name, move || with_leaf(change)));
    }
    let seen = std::cell::RefCell::new(Vec::new());
    let note = |leaf: &mut Certificate| *seen.borrow_mut() = leaf.extensions.clone();
    drop(keyless(forge()).with_leaf(note).rekor_v1().bundle());
    for extension in seen.into_inner() {
        for how in OF_EXTENSIONS {
            let oid = extension.oid.clone();
            let name = format!("leaf/signed-anew/{oid}/{how}");
            mutations.push(mutation(name, move || {
                with_leaf(|leaf| change_extension(leaf, &oid, how))
            }));
        }
    }
    mutations
}

fn with_leaf(change: impl Fn(&mut Certificate)) -> Vec<u8> {
    keyless(forge()).with_leaf(change).rekor_v1().bundle()
}

fn change_extension(leaf: &mut Certificate, oid: &str, how: &str) {
    let of_that_kind = |other: &crate::forge::Extension| other.oid == oid;
    let at = leaf.extensions.iter().position(of_that_kind);
    let at = at.expect("every leaf has the same extensions");
    let mut twin = leaf.extensions[at].clone();
    let extension = &mut leaf.extensions[at];
    match how {
        "removed" => drop(leaf.extensions.remove(at)),
        "twice" => leaf.extensions.push(twin),
        "twice-with-another-first" => {
            if let Some(last) = twin.value.last_mut() {
                *last ^= 1;
            }
            leaf.extensions.insert(at, twin);
        }
        "criticality-turned" => extension.critical = !extension.critical,
        "emptied" => extension.value.clear(),
        "a-byte-behind" => extension.value.push(0),
        "cut-by-one" => drop(extension.value.pop()),
        "tag-changed" => extension.value[0] ^= 1,
        "length-changed" => extension.value[1] ^= 1,
        other => unreachable!("no change is called {other}"),
    }
}

fn mutation(
    name: String,
    bundle: impl Fn() -> Vec<u8> + Send + Sync + 'static,
) -> Mutation<'static> {
    let make = move || {
        Some(Mutant {
            evidence: Evidence::Bundle(bundle()),
            touches: Touches::Unsigned,
        })
    };
    Mutation {
        name,
        make: Box::new(make),
    }
}
