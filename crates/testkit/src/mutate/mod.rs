//! A deterministic mutator of valid evidence: bytes, fields, DER elements, whole parts of other evidence, and changes that are
//! signed properly.
//!
//! Every [`Mutation`] has a stable name, `v1/field/verificationMaterial.tlogEntries[0].logIndex/removed`, and is made only when asked
//! for. Its [`Mutant`] says whether a signed part was touched: then no verifier may accept it.
//!
//! ```
//! use countersign_testkit::mutate::{self, Touches};
//!
//! let seed = mutate::seed("keyed");
//! let mutations = mutate::of(&seed);
//! let flip = mutations.iter().find(|one| one.name() == "keyed/bytes/dsseEnvelope.payload/first-bit-flipped").unwrap();
//! assert_eq!(flip.make().unwrap().touches, Touches::Signed);
//! ```

mod bytes;
mod der;
mod document;
mod edit;
mod json;
mod random;
mod seeds;
mod signed_anew;
mod swaps;
mod text;
mod touches;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::der::Element;
use self::document::Document;
use self::json::{Json, Path};
use crate::faults::Evidence;

pub use random::Random;
pub use seeds::{seed, seeds};
pub use signed_anew::signed_anew;
pub use swaps::{Swap, swap_seeds, swaps};

/// Valid evidence to start from, with what a verifier is told.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Unique; the first part of its mutations' names.
    pub name: String,
    /// What verifies.
    pub evidence: Evidence,
    /// What it is about: a manifest or a blob.
    pub artifact: Vec<u8>,
    /// The `trusted_root.json` to verify it by.
    pub trusted_root: String,
    /// The managed key to verify it by, where it is keyed.
    pub key_pem: Option<String>,
    /// Whether the DER of its certificate and timestamps is changed element by element too.
    pub deep: bool,
}

/// What a mutation touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touches {
    /// A part that somebody signed, or that must agree with one: it must be refused.
    Signed,
    /// Something that is left out, added, or of no meaning: it may verify.
    Unsigned,
}

/// Evidence after one change.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The evidence.
    pub evidence: Evidence,
    /// What the change touched.
    pub touches: Touches,
}

/// One change of one piece of evidence, not yet made.
pub struct Mutation<'s> {
    name: String,
    make: Box<dyn Fn() -> Option<Mutant> + Send + Sync + 's>,
}

impl Mutation<'_> {
    /// Stable and unique: `seed/kind/where/how`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes it; `None` where nothing would change, or a registry could not carry the outcome.
    #[must_use]
    pub fn make(&self) -> Option<Mutant> {
        (self.make)()
    }
}

impl std::fmt::Debug for Mutation<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// Every mutation of one piece of evidence: of its fields, of the bytes of its parts, of its text, of its DER.
///
/// # Panics
/// When the seed is no evidence.
#[must_use]
pub fn of(seed: &Seed) -> Vec<Mutation<'_>> {
    let document = Document::of(&seed.evidence).expect("a seed is evidence");
    let mut mutations = Vec::new();
    for path in document.json.paths() {
        let value = document.json.at(&path).expect("the path was just found");
        for (how, edit) in edit::edits(&path, value) {
            let name = format!("{}/field/{path}/{how}", seed.name);
            let (document, path) = (document.clone(), path.clone());
            mutations.push(Mutation::of(name, document, move |json| {
                edit.apply(json, &path);
                Some(())
            }));
        }
        mutations.extend(parts(seed, &document, &path, value));
    }
    mutations.extend(text::mutations(seed));
    mutations
}

impl<'s> Mutation<'s> {
    /// A change of the document, in place.
    fn of(
        name: String,
        before: Document,
        change: impl Fn(&mut Json) -> Option<()> + Send + Sync + 's,
    ) -> Self {
        let make = move || {
            let mut after = before.clone();
            change(&mut after.json)?;
            if after == before {
                return None;
            }
            Some(Mutant {
                evidence: after.evidence()?,
                touches: touches::between(&before, &after),
            })
        };
        Self {
            name,
            make: Box::new(make),
        }
    }
}

/// How a part is written down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Base64,
    Text,
}

/// Names of members that hold bytes, or text in which every byte counts.
const PARTS: [(&str, Coding); 18] = [
    ("payload", Coding::Base64),
    ("payloadType", Coding::Text),
    ("sig", Coding::Base64),
    ("signature", Coding::Base64),
    ("digest", Coding::Base64),
    ("rawBytes", Coding::Base64),
    ("keyId", Coding::Base64),
    ("hint", Coding::Base64),
    ("canonicalizedBody", Coding::Base64),
    ("signedEntryTimestamp", Coding::Base64),
    ("rootHash", Coding::Base64),
    ("hashes", Coding::Base64),
    ("envelope", Coding::Text),
    ("signedTimestamp", Coding::Base64),
    ("certificate", Coding::Text),
    ("SignedEntryTimestamp", Coding::Base64),
    ("body", Coding::Base64),
    ("SignedRFC3161Timestamp", Coding::Base64),
];

fn parts<'s>(seed: &Seed, document: &Document, path: &Path, value: &Json) -> Vec<Mutation<'s>> {
    let coding = PARTS.iter().find(|(name, _)| *name == path.name());
    let (Some((_, coding)), Some(text)) = (coding, value.as_text()) else {
        return Vec::new();
    };
    let (coding, text) = (*coding, text.to_owned());
    let bytes = match coding {
        Coding::Text => text.clone().into_bytes(),
        Coding::Base64 => match STANDARD.decode(&text) {
            Ok(bytes) => bytes,
            // A hint may be any text.
            Err(_) => return Vec::new(),
        },
    };
    let mut mutations = Vec::new();
    for how in bytes::changes() {
        let name = format!("{}/bytes/{path}/{how}", seed.name);
        let (path, bytes, whole) = (path.clone(), bytes.clone(), name.clone());
        mutations.push(Mutation::of(name, document.clone(), move |json| {
            let changed = bytes::changed(&how, &whole, &bytes)?;
            let text = match coding {
                Coding::Base64 => STANDARD.encode(changed),
                Coding::Text => String::from_utf8_lossy(&changed).into_owned(),
            };
            *json.at_mut(&path)? = Json::Text(text);
            Some(())
        }));
    }
    if coding == Coding::Base64 {
        for how in bytes::ENCODINGS {
            let name = format!("{}/encoding/{path}/{how}", seed.name);
            let (path, text) = (path.clone(), text.clone());
            mutations.push(Mutation::of(name, document.clone(), move |json| {
                *json.at_mut(&path)? = Json::Text(bytes::encoded(how, &text)?);
                Some(())
            }));
        }
    }
    if seed.deep {
        mutations.extend(elements(seed, document, path, &bytes));
    }
    mutations
}

/// How deep DER is changed: to the values of extensions, and to those of a timestamp's signed attributes.
const DEPTH: usize = 9;

fn elements<'s>(seed: &Seed, document: &Document, path: &Path, bytes: &[u8]) -> Vec<Mutation<'s>> {
    let is_der = matches!(path.name(), "rawBytes" | "signedTimestamp");
    let Some(tree) = Some(bytes).filter(|_| is_der).and_then(Element::parse) else {
        return Vec::new();
    };
    let mut mutations = Vec::new();
    for way in tree.ways(DEPTH) {
        for how in der::CHANGES {
            let steps: Vec<String> = way.iter().map(usize::to_string).collect();
            let name = format!("{}/der/{path}:{}/{how}", seed.name, steps.join("."));
            let (path, tree, way) = (path.clone(), tree.clone(), way.clone());
            mutations.push(Mutation::of(name, document.clone(), move |json| {
                let changed = tree.changed(&way, how)?;
                *json.at_mut(&path)? = Json::Text(STANDARD.encode(changed));
                Some(())
            }));
        }
    }
    mutations
}
