//! The strings of a document: where one ends, what it says, and by what keys are told apart.

use std::borrow::Cow;

use super::{Error, Fault};

/// Where a string stands, without its quotes, and how many escape sequences are in it.
#[derive(Clone, Copy, Default)]
pub(in crate::json) struct Quoted {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escapes: usize,
}

/// See [`Key`]: of the first eight bytes and the last eight, which stand in `text`. No branch depends on the length, for the lengths of keys
/// cannot be foretold.
#[inline]
pub(super) fn print(text: &[u8], start: usize, end: usize) -> u64 {
    let length = end - start;
    let used = length.min(8);
    // Nothing of what stands behind a short key.
    let mask = u64::MAX
        .checked_shr(64 - 8 * u32::try_from(used).unwrap_or(8))
        .unwrap_or(0);
    let first = eight(text, start) & mask;
    let last = if length < 8 {
        0
    } else {
        eight(text, end.saturating_sub(8))
    };
    let word = first ^ last.rotate_left(29);
    word.rotate_left(7) ^ u64::try_from(length).unwrap_or_default()
}

/// The eight bytes that stand there; zeros for those that a document does not have.
#[inline]
fn eight(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(word) = rest.first_chunk() {
        return u64::from_le_bytes(*word);
    }
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(rest) {
        *to = *from;
    }
    u64::from_le_bytes(word)
}

#[inline]
pub(super) fn decoded(document: &str, quoted: Quoted) -> Result<Cow<'_, str>, Fault> {
    let Quoted {
        start,
        end,
        escapes,
    } = quoted;
    // Quotes are whole characters: what they enclose is a text, and is one with them.
    let written = document.get(start..end).unwrap_or_default();
    if escapes == 0 {
        return Ok(Cow::Borrowed(written));
    }
    match lettered(written) {
        Some(text) => Ok(Cow::Owned(text)),
        None => unescaped(document, start, end),
    }
}

/// What a string says whose escape sequences are all of one letter; none if one is not. `last-applied-configuration` of an object has hundreds of
/// them, and whoever also looks for code points takes three times as long.
fn lettered(written: &str) -> Option<String> {
    let mut text = String::with_capacity(written.len());
    let mut rest = written;
    loop {
        let (before, escape) = rest.split_at_checked(plain(rest.as_bytes()))?;
        text.push_str(before);
        let mut letters = escape.chars();
        match letters.next() {
            None => return Some(text),
            Some('\\') => {}
            Some(_) => return None,
        }
        text.push(match letters.next()? {
            own @ ('"' | '\\' | '/') => own,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            _ => return None,
        });
        rest = letters.as_str();
    }
}

/// Code points and their surrogates are serde_json's affair.
#[cold]
fn unescaped(document: &str, start: usize, end: usize) -> Result<Cow<'_, str>, Fault> {
    let written = document.get(start - 1..=end).unwrap_or_default();
    serde_json::from_str(written)
        .map(Cow::Owned)
        .map_err(|error| Box::new(Error::from(error)))
}

#[cold]
pub(super) fn twins(key: &str) -> Fault {
    let key = crate::digest::clip(key);
    Box::new(Error::malformed(format!("duplicate key `{key}`")))
}

/// How many bytes from the start are neither a quote, a backslash nor a control character. Eight at a time: payloads are
/// strings of megabytes.
pub(super) fn plain(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut length = 0;
    let (chunks, rest) = text.as_chunks::<8>();
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk);
        // With this bit turned a quote, 0x22, stands right behind the control characters, and they are all less than 0x21.
        let turned = word ^ (ONES * 0x02);
        let quote_or_control = turned.wrapping_sub(ONES * 0x21) & !turned;
        let slashes = word ^ (ONES * u64::from(b'\\'));
        let backslash = slashes.wrapping_sub(ONES) & !slashes;
        let stop = (quote_or_control | backslash) & HIGH;
        if stop != 0 {
            // The lowest mark is exact: borrows disturb only what is above it.
            let zeros = usize::try_from(stop.trailing_zeros() / 8).unwrap_or_default();
            return length + zeros;
        }
        length += 8;
    }
    let stops = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    length + rest.iter().position(stops).unwrap_or(rest.len())
}
