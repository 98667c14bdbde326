//! Step 4: one pass over a JSON document (RFC 8259) that serde alone would read too leniently: grammar, duplicate keys, depth
//! and number of keys, without building anything.

mod text;

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Bounds, Error};
pub(super) use text::Quoted;
use text::{decoded, plain, print, twins};

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
    let mut scanner = Scanner::new(bytes, bounds)?;
    scanner.blanks();
    scanner.value().map_err(|fault| *fault)?;
    scanner.end().map_err(|fault| *fault)?;
    Ok(scanner.members)
}

/// Boxed, so that the outcome of each of millions of values fits into a register.
pub(super) type Fault = Box<Error>;

pub(super) struct Scanner<'a> {
    document: &'a str,
    /// The bytes of the document.
    text: &'a [u8],
    pub(super) at: usize,
    depth: usize,
    deepest: usize,
    keys_left: usize,
    escapes_left: usize,
    open_keys: usize,
    /// The string that was read last. (In a result it would be copied over and over.)
    pub(super) last: Quoted,
    /// Keys of the objects that are open, while they have few.
    open: Vec<Key>,
    members: Vec<Member<'a>>,
}

/// The keys of one object that is open.
pub(super) struct Keys<'a> {
    /// Where they begin in [`Scanner::open`].
    first: usize,
    count: usize,
    /// A bit for the print of each: most new keys meet none, and need not be compared.
    seen: u64,
    /// In the place of [`Scanner::open`], once they are many.
    many: Option<HashSet<Cow<'a, str>>>,
}

/// A key, and a number that is the same for the same key and seldom for two keys of one object.
#[derive(Clone, Copy)]
struct Key {
    print: u64,
    quoted: Quoted,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8], bounds: Bounds) -> Result<Self, Error> {
        let document = std::str::from_utf8(bytes).map_err(|error| {
            Error::malformed(format!("not UTF-8 at byte {}", error.valid_up_to()))
        })?;
        Ok(Self {
            document,
            text: bytes,
            at: 0,
            depth: 0,
            deepest: bounds.depth.min(DEEPEST),
            keys_left: bounds.keys,
            escapes_left: bounds.escapes,
            open_keys: 0,
            last: Quoted::default(),
            open: Vec::new(),
            members: Vec::new(),
        })
    }

    /// Nothing but white space stands behind the value.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        self.blanks();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the document")),
        }
    }

    #[inline]
    pub(super) fn value(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Result<(), Fault>) -> Result<(), Fault> {
        self.enter()?;
        inner(self)?;
        self.leave();
        Ok(())
    }

    /// Takes an opening bracket or brace.
    #[inline]
    pub(super) fn enter(&mut self) -> Result<(), Fault> {
        if self.depth == self.deepest {
            return Err(Box::new(Error::over_limit(format!(
                "nested deeper than {} levels at byte {}",
                self.deepest, self.at
            ))));
        }
        self.depth += 1;
        self.at += 1;
        self.blanks();
        Ok(())
    }

    /// Behind the bracket or brace that closes.
    #[inline]
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Behind an opening bracket, or behind an item once one has `begun`: whether another one follows, which then stands here.
    #[inline]
    pub(super) fn next_item(&mut self, begun: bool) -> Result<bool, Fault> {
        if begun {
            self.blanks();
        }
        if self.take(b']') {
            return Ok(false);
        }
        if begun {
            self.expect(b',', "`,` or `]`")?;
            self.blanks();
        }
        Ok(true)
    }

    /// What was read since then.
    #[inline]
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default()
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
        let mut keys = self.keys();
        while self.next_key(&mut keys)? {
            if self.depth > 1 {
                self.value()?;
                continue;
            }
            let (name, start) = (self.decoded(self.last)?, self.at);
            self.value()?;
            self.members.push((name, self.since(start)));
        }
        Ok(())
    }

    /// The keys of an object that opens here.
    pub(super) fn keys(&self) -> Keys<'a> {
        Keys {
            first: self.open.len(),
            count: 0,
            seen: 0,
            many: None,
        }
    }

    /// Behind the opening brace, or behind a value: reads the next key, which is the last string then, up to its value. False:
    /// the object ends.
    #[inline(always)] // As `string`.
    pub(super) fn next_key(&mut self, keys: &mut Keys<'a>) -> Result<bool, Fault> {
        if keys.count > 0 {
            self.blanks();
        }
        if self.take(b'}') {
            self.open.truncate(keys.first);
            self.open_keys -= keys.count;
            return Ok(false);
        }
        if keys.count > 0 {
            self.expect(b',', "`,` or `}`")?;
            self.blanks();
        }
        self.key(keys)?;
        self.blanks();
        self.expect(b':', "`:`")?;
        self.blanks();
        Ok(true)
    }

    /// A key that the object does not have yet.
    #[inline(always)] // As `string`.
    fn key(&mut self, keys: &mut Keys<'a>) -> Result<(), Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a key"));
        }
        keys.count += 1;
        self.open_keys += 1;
        if self.keys_left == 0 || self.open_keys > OPEN_KEYS {
            return Err(Box::new(Error::over_limit(format!(
                "more keys than are allowed at byte {}",
                self.at
            ))));
        }
        self.keys_left -= 1;
        self.string()?;
        if let Some(many) = &mut keys.many {
            let key = decoded(self.document, self.last)?;
            return match many.replace(key) {
                None => Ok(()),
                Some(twin) => Err(twins(&twin)),
            };
        }
        // Part by part: to load as one what was just stored in parts makes the processor wait.
        let (start, end, escapes) = (self.last.start, self.last.end, self.last.escapes);
        let print = match escapes {
            0 => print(self.text, start, end),
            _ => {
                let key = self.decoded(self.last)?;
                print(key.as_bytes(), 0, key.len())
            }
        };
        let bit = 1 << (print.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58);
        if keys.seen & bit != 0 {
            self.differs(keys.first, print)?;
        }
        keys.seen |= bit;
        let quoted = Quoted {
            start,
            end,
            escapes,
        };
        self.open.push(Key { print, quoted });
        if keys.count > FEW_KEYS {
            let open = self.open.drain(keys.first..);
            let many = open.map(|key| decoded(self.document, key.quoted));
            keys.many = Some(many.collect::<Result<_, _>>()?);
        }
        Ok(())
    }

    /// That the last string is none of the keys of the open object that have the same print.
    fn differs(&self, first: usize, print: u64) -> Result<(), Fault> {
        let own = self.decoded(self.last)?;
        for other in self.open.iter().skip(first) {
            if other.print == print && self.decoded(other.quoted)? == own {
                return Err(twins(&own));
            }
        }
        Ok(())
    }

    /// A string, from quote to quote.
    #[inline(always)] // A fifth of the time of reading: what is read stays in registers.
    pub(super) fn string(&mut self) -> Result<(), Fault> {
        let start = self.at + 1;
        let mut escapes = 0;
        self.at = start;
        loop {
            self.at += plain(self.text.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    let end = self.at;
                    self.last = Quoted {
                        start,
                        end,
                        escapes,
                    };
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    escapes += 1;
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

    /// What a string says.
    #[inline]
    pub(super) fn decoded(&self, quoted: Quoted) -> Result<Cow<'a, str>, Fault> {
        decoded(self.document, quoted)
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
    pub(super) fn number(&mut self) -> Result<(), Fault> {
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

    pub(super) fn word(&mut self, word: &[u8]) -> Result<(), Fault> {
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
    pub(super) fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
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
    pub(super) fn unexpected(&self, wanted: &str) -> Fault {
        let why = format!("expected {wanted} at byte {}", self.at);
        Box::new(Error::malformed(why))
    }
}

#[cfg(test)]
mod tests;
