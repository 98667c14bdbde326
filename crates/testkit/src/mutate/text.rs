//! Changes of a document's text, before anything is read from it.

use super::document::Document;
use super::random::Random;
use super::{Mutant, Mutation, Seed, Touches, touches};
use crate::faults::Evidence;

/// So many times each kind of drawn change.
const DRAWN: [(&str, usize); 4] = [
    ("bit-flipped", 24),
    ("byte-deleted", 8),
    ("brace-inserted", 4),
    ("cut", 4),
];

/// What is done to the whole text, by name.
type Whole = (&'static str, fn(&str) -> String);

const WHOLE: [Whole; 13] = [
    ("byte-order-mark-before", |text| format!("\u{feff}{text}")),
    ("space-before", |text| format!(" \t\r\n{text}")),
    ("line-break-behind", |text| format!("{text}\n")),
    ("nul-behind", |text| format!("{text}\0")),
    ("object-behind", |text| format!("{text}{{}}")),
    ("comment-behind", |text| format!("{text} // a comment")),
    ("itself-behind", |text| format!("{text}\n{text}")),
    ("in-a-list", |text| format!("[{text}]")),
    ("as-a-text", |text| format!("{text:?}")),
    ("comma-before-the-end", |text| {
        format!("{},}}", text.trim_end().trim_end_matches('}'))
    }),
    ("spaced", |text| {
        text.replace("\":", "\" : ").replace(",\"", " ,\n\"")
    }),
    ("unknown-name-first", |text| {
        text.replacen('{', "{\"unknown\":0,", 1)
    }),
    ("names-escaped", |text| {
        text.replace("\"payload", "\"\\u0070ayload")
            .replace("\"signature", "\"\\u0073ignature")
            .replace("\"rawBytes", "\"\\u0072awBytes")
    }),
];

/// Of a bundle, or of the envelope in an `.att` layer. The payload of a `.sig` layer is a part like others.
pub(super) fn mutations(seed: &Seed) -> Vec<Mutation<'_>> {
    let text = match &seed.evidence {
        Evidence::Bundle(text) | Evidence::Att(text, _) => text,
        Evidence::Sig(..) => return Vec::new(),
    };
    let mut mutations = Vec::new();
    for (kind, count) in DRAWN {
        for number in 0..count {
            let name = format!("{}/text/{kind}-{number}", seed.name);
            let whole = name.clone();
            mutations.push(mutation(seed, name, move || drawn(kind, &whole, text)));
        }
    }
    for (how, change) in WHOLE {
        let name = format!("{}/text/{how}", seed.name);
        mutations.push(mutation(seed, name, move || {
            change(&String::from_utf8_lossy(text)).into_bytes()
        }));
    }
    mutations
}

fn drawn(kind: &str, whole_name: &str, text: &[u8]) -> Vec<u8> {
    let mut random = Random::named(whole_name);
    let at = random.below(text.len());
    let mut out = text.to_vec();
    match kind {
        "bit-flipped" => out[at] ^= 1 << random.below(8),
        "byte-deleted" => drop(out.remove(at)),
        "brace-inserted" => out.insert(at, b'{'),
        "cut" => out.truncate(at),
        other => unreachable!("no change is called {other}"),
    }
    out
}

fn mutation<'s>(
    seed: &'s Seed,
    name: String,
    change: impl Fn() -> Vec<u8> + Send + Sync + 's,
) -> Mutation<'s> {
    let make = move || {
        let changed = change();
        let evidence = match &seed.evidence {
            Evidence::Bundle(old) => Some(Evidence::Bundle(changed)).filter(|_| !old.is_empty()),
            Evidence::Att(_, annotations) => Some(Evidence::Att(changed, annotations.clone())),
            Evidence::Sig(..) => None,
        }?;
        // What nobody can read holds nothing that is signed any more.
        let touches = match (Document::of(&seed.evidence), Document::of(&evidence)) {
            (Some(before), Some(after)) => touches::between(&before, &after),
            _ => Touches::Signed,
        };
        Some(Mutant { evidence, touches })
    };
    Mutation {
        name,
        make: Box::new(make),
    }
}
