//! What can be done to a string of bytes.

use super::random::Random;

/// Everything that is done to bytes, by name. Where a change falls is drawn by name alone, so that it is the same in each
/// run for bytes of the same length.
pub(crate) fn changes() -> Vec<String> {
    let drawn = [
        ("bit-flipped", 12),
        ("byte-zeroed", 2),
        ("byte-inserted", 3),
        ("byte-deleted", 3),
    ];
    let drawn = drawn
        .into_iter()
        .flat_map(|(name, count)| (0..count).map(move |number| format!("{name}-{number}")));
    let fixed = [
        "first-bit-flipped",
        "last-bit-flipped",
        "first-byte-deleted",
        "zero-before",
        "zero-behind",
        "cut-to-nothing",
        "cut-to-one",
        "cut-to-half",
        "cut-by-one",
        "doubled",
    ];
    drawn.chain(fixed.map(str::to_owned)).collect()
}

/// Does it; `None` where these bytes are too few.
pub(crate) fn changed(change: &str, whole_name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut random = Random::named(whole_name);
    let mut out = bytes.to_vec();
    let last = out.len().checked_sub(1)?;
    let at = random.below(out.len());
    let kind = change.trim_end_matches(|letter: char| letter.is_ascii_digit());
    match kind {
        "bit-flipped-" => out[at] ^= 1 << random.below(8),
        "byte-zeroed-" => out[at] = if out[at] == 0 { 0xff } else { 0 },
        "byte-inserted-" => out.insert(at, random.byte()),
        "byte-deleted-" => drop(out.remove(at)),
        "first-bit-flipped" => out[0] ^= 0x80,
        "last-bit-flipped" => out[last] ^= 1,
        "first-byte-deleted" => drop(out.remove(0)),
        "zero-before" => out.insert(0, 0),
        "zero-behind" => out.push(0),
        "cut-to-nothing" => out.clear(),
        "cut-to-one" => out.truncate(1),
        "cut-to-half" => out.truncate(bytes.len() / 2),
        "cut-by-one" => drop(out.pop()),
        "doubled" => out.extend_from_slice(bytes),
        other => unreachable!("no change is called {other}"),
    }
    (out != bytes).then_some(out)
}

/// The same bytes in base64 that is not canonical.
pub(crate) const ENCODINGS: [&str; 6] = [
    "without-padding",
    "with-too-much-padding",
    "with-stray-bits",
    "in-the-alphabet-of-urls",
    "with-a-line-break",
    "with-a-space-before",
];

/// Writes them so; `None` where the text would stay as it is.
pub(crate) fn encoded(encoding: &str, text: &str) -> Option<String> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let body = text.trim_end_matches('=');
    let padding = &text[body.len()..];
    let out = match encoding {
        "without-padding" => body.to_owned(),
        "with-too-much-padding" => format!("{text}="),
        "with-stray-bits" => {
            let (head, last) = body.split_at_checked(body.len().checked_sub(1)?)?;
            let place = ALPHABET
                .iter()
                .position(|letter| Some(letter) == last.as_bytes().first())?;
            let stray = if padding.is_empty() { place } else { place + 1 };
            format!("{head}{}{padding}", char::from(*ALPHABET.get(stray)?))
        }
        "in-the-alphabet-of-urls" => text.replace('+', "-").replace('/', "_"),
        "with-a-line-break" => {
            let (head, tail) = text.split_at_checked(text.len() / 2)?;
            format!("{head}\n{tail}")
        }
        "with-a-space-before" => format!(" {text}"),
        other => unreachable!("no encoding is called {other}"),
    };
    (out != text).then_some(out)
}
