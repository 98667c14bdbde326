//! Step 4: one pass over a JSON document (RFC 8259) that serde alone would read too leniently: grammar, duplicate keys, depth
//! and number of keys, without building anything.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Bounds, Error};

/// A member of the outermost object: its name, and the exact text of its value.
pub(crate) type Member<'a> = (Cow<'a, str>, &'a [u8]);

/// No recursion goes deeper, whatever the limits say: serde_json's own bound.
const DEEPEST: usize = 128;
/// Keys of all objects that are open at one place. Real documents keep their many items in arrays.
const OPEN_KEYS: usize = 100_000;
/// Up to so many keys are compared one by one, which is faster than hashing them.
const FEW_KEYS: usize = 16;

/// Checks the whole document; nothing but white space may stand behind it. The members are those of the outermost object,
/// none if the document is something else.
pub(crate) fn scan<'a>(bytes: &'a [u8], bounds: Bounds) -> Result<Vec<Member<'a>>, Error> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(Error::malformed(format!(
            "not UTF-8 at byte {}",
            error.valid_up_to()
        )));
    }
    let mut scanner = Scanner {
        text: bytes,
        at: 0,
        depth: 0,
        deepest: bounds.depth.min(DEEPEST),
        keys_left: bounds.keys,
        escapes_left: bounds.escapes,
        open_keys: 0,
        open: Vec::new(),
        members: Vec::new(),
    };
    scanner.blanks();
    scanner.value().map_err(|fault| *fault)?;
    scanner.blanks();
    match scanner.peek() {
        None => Ok(scanner.members),
        Some(_) => Err(*scanner.unexpected("the end of the document")),
    }
}

/// Boxed, so that the outcome of each of millions of values fits into a register.
type Fault = Box<Error>;

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    deepest: usize,
    keys_left: usize,
    escapes_left: usize,
    open_keys: usize,
    /// Keys of the objects that are open, while they have few.
    open: Vec<Cow<'a, str>>,
    members: Vec<Member<'a>>,
}

impl<'a> Scanner<'a> {
    #[inline]
    fn value(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        if self.depth == self.deepest {
            return Err(Box::new(Error::over_limit(format!(
                "nested deeper than {} levels at byte {}",
                self.deepest, self.at
            ))));
        }
        self.depth += 1;
        self.at += 1;
        self.blanks();
        inner(self)?;
        self.depth -= 1;
        Ok(())
    }

    /// Behind the opening bracket.
    #[inline]
    fn array(&mut self) -> Result<(), Fault> {
        if self.take(b']') {
            return Ok(());
        }
        loop {
            match self.peek() {
                Some(b'0'..=b'9') => self.number()?,
                _ => self.value()?,
            }
            // Millions of short items are the worst that can stand here.
            if self.take(b',') {
                if self.peek().is_some_and(|byte| byte <= b' ') {
                    self.blanks();
                }
                continue;
            }
            self.blanks();
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',', "`,` or `]`")?;
            self.blanks();
        }
    }

    /// Behind the opening brace.
    fn object(&mut self) -> Result<(), Fault> {
        let first = self.open.len();
        let mut many: Option<HashSet<Cow<'a, str>>> = None;
        let mut count = 0;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key(&mut count)?;
            let outermost = (self.depth == 1).then(|| key.clone());
            let twin = match &mut many {
                Some(set) => set.replace(key),
                None => {
                    let twin = self.open.iter().skip(first).find(|other| **other == key);
                    let twin = twin.cloned();
                    self.open.push(key);
                    if count > FEW_KEYS {
                        many = Some(self.open.drain(first..).collect());
                    }
                    twin
                }
            };
            if let Some(twin) = twin {
                return Err(Box::new(Error::malformed(format!(
                    "duplicate key `{}`",
                    crate::digest::clip(&twin)
                ))));
            }
            self.blanks();
            self.expect(b':', "`:`")?;
            self.blanks();
            let start = self.at;
            self.value()?;
            if let Some(name) = outermost {
                let value = self.text.get(start..self.at).unwrap_or_default();
                self.members.push((name, value));
            }
            self.blanks();
            if self.take(b'}') {
                self.open.truncate(first);
                self.open_keys -= count;
                return Ok(());
            }
            self.expect(b',', "`,` or `}`")?;
            self.blanks();
        }
    }

    fn key(&mut self, count: &mut usize) -> Result<Cow<'a, str>, Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a key"));
        }
        *count += 1;
        self.open_keys += 1;
        if self.keys_left == 0 || self.open_keys > OPEN_KEYS {
            return Err(Box::new(Error::over_limit(format!(
                "more keys than are allowed at byte {}",
                self.at
            ))));
        }
        self.keys_left -= 1;
        let (quoted, escaped) = self.string()?;
        if escaped {
            return serde_json::from_slice::<String>(quoted)
                .map(Cow::Owned)
                .map_err(|error| Box::new(Error::from(error)));
        }
        let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        std::str::from_utf8(inner)
            .map(Cow::Borrowed)
            .map_err(|error| Box::new(Error::malformed(error.to_string())))
    }

    /// A string with its quotes, and whether anything in it is escaped.
    fn string(&mut self) -> Result<(&'a [u8], bool), Fault> {
        let start = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            self.at += plain(self.text.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok((self.text.get(start..self.at).unwrap_or_default(), escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    if self.escapes_left == 0 {
                        return Err(Box::new(Error::over_limit(format!(
                            "more escape sequences than are allowed at byte {}",
                            self.at
                        ))));
                    }
                    self.escapes_left -= 1;
                    self.at += 1;
                    self.escape()?;
                }
                _ => return Err(self.unexpected("the rest of a string")),
            }
        }
    }

    /// Behind the backslash. Whether surrogates come in pairs is left to whoever decodes.
    fn escape(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u')
                if self
                    .text
                    .get(self.at + 1..self.at + 5)
                    .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) =>
            {
                self.at += 5;
                Ok(())
            }
            _ => Err(self.unexpected("an escape sequence")),
        }
    }

    #[inline]
    fn number(&mut self) -> Result<(), Fault> {
        // Over locals: there may be millions of them, and hardly anything else.
        let text = self.text;
        let mut at = self.at + usize::from(text.get(self.at) == Some(&b'-'));
        match text.get(at) {
            Some(b'0') => at += 1,
            Some(b'1'..=b'9') => {
                at += 1;
                while text.get(at).is_some_and(u8::is_ascii_digit) {
                    at += 1;
                }
            }
            _ => {
                self.at = at;
                return Err(self.unexpected("a digit"));
            }
        }
        self.at = at;
        match text.get(at) {
            Some(b'.' | b'e' | b'E') => self.fraction(),
            _ => Ok(()),
        }
    }

    fn fraction(&mut self) -> Result<(), Fault> {
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    /// At least one.
    #[inline]
    fn digits(&mut self) -> Result<(), Fault> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected("a digit"));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Fault> {
        if !self
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word))
        {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(())
    }

    #[inline]
    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), Fault> {
        if self.take(byte) {
            return Ok(());
        }
        Err(self.unexpected(what))
    }

    #[cold]
    fn unexpected(&self, wanted: &str) -> Fault {
        let why = format!("expected {wanted} at byte {}", self.at);
        Box::new(Error::malformed(why))
    }
}

/// How many bytes from the start are neither a quote, a backslash nor a control character. Eight at a time: payloads are
/// strings of megabytes.
fn plain(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut length = 0;
    let (chunks, rest) = text.as_chunks::<8>();
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk);
        let quote = has_zero(word ^ (ONES * u64::from(b'"')));
        let backslash = has_zero(word ^ (ONES * u64::from(b'\\')));
        // Less than 0x20: borrows only from bytes below 0x80.
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let stop = quote | backslash | control;
        if stop != 0 {
            // The lowest mark is exact; borrows disturb only what is above it.
            let zeros = usize::try_from(stop.trailing_zeros() / 8).unwrap_or_default();
            return length + zeros;
        }
        length += 8;
    }
    let stops = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    length + rest.iter().position(stops).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests;
