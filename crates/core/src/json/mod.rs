//! The strict JSON entry for everything signed or security-relevant (`verification.md`, step 4).
//!
//! Duplicate keys, too deep nesting and trailing data are refused, wherever they are, in the pass that also reads: two readers that
//! pick different twins of a key would see two different documents under one signature.

mod read;
mod scan;
mod shapes;

use std::fmt::{self, Write as _};
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::DeserializeSeed;

use crate::refusal::Refusal;
use crate::{Limits, ReasonCode};
pub(crate) use scan::{Member, scan};
pub(crate) use shapes::{Few, TOO_MANY, Text, null_is_default};

/// How large a document may be in other ways than bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) depth: usize,
    pub(crate) keys: usize,
    /// Escape sequences in strings, which typed reading takes apart one by one.
    pub(crate) escapes: usize,
}

/// Escape sequences of a document that is read whole. Its large strings are base64, in which some writers escape each `/`: one
/// character of 64, so that 24 MiB of payload have about 500,000.
const ESCAPES: usize = 550_000;

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Self {
            depth: limits.json_depth,
            keys: limits.json_keys,
            escapes: usize::MAX,
        }
    }
}

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    over_limit: bool,
    /// Of what a type says, which does not know where it stood.
    misplaced: bool,
    why: String,
}

impl Error {
    pub(crate) fn malformed(why: impl Into<String>) -> Self {
        Self {
            over_limit: false,
            misplaced: false,
            why: why.into(),
        }
    }

    pub(crate) fn over_limit(why: impl Into<String>) -> Self {
        Self {
            over_limit: true,
            misplaced: false,
            why: why.into(),
        }
    }

    /// What a type says of what it was given.
    fn typed(why: &str) -> Self {
        let why = crate::digest::clip(why);
        Self {
            over_limit: why.starts_with(shapes::TOO_MANY),
            misplaced: true,
            why,
        }
    }

    /// Says where it was, unless it does.
    fn placed_at(mut self, byte: usize) -> Self {
        if std::mem::take(&mut self.misplaced) {
            let _ = write!(self.why, " at byte {byte}");
        }
        self
    }

    pub(crate) const fn is_over_limit(&self) -> bool {
        self.over_limit
    }

    /// As a refusal: by `over-limit`, or else by the code of what is malformed.
    pub(crate) fn refusal(self, malformed: ReasonCode) -> Refusal {
        let code = if self.over_limit {
            ReasonCode::OverLimit
        } else {
            malformed
        };
        Refusal::new(code, self.why)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        let why = error.to_string();
        // It counts lines and columns of the string or number that it was given.
        let end = why.rfind(" at line ").unwrap_or(why.len());
        Self::typed(why.get(..end).unwrap_or_default())
    }
}

impl From<Error> for String {
    fn from(error: Error) -> Self {
        error.why
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// Reads `bytes` as `T`, and checks the whole document strictly.
pub(crate) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], limits: &Limits) -> Result<T, Error> {
    parse_with(bytes, limits, PhantomData::<T>)
}

/// As [`parse`], by a seed that knows what is wanted.
pub(crate) fn parse_with<'a, S: DeserializeSeed<'a>>(
    bytes: &'a [u8],
    limits: &Limits,
    seed: S,
) -> Result<S::Value, Error> {
    let bounds = Bounds {
        escapes: ESCAPES,
        ..limits.into()
    };
    read::read(bytes, bounds, seed)
}

/// As [`parse`], of a document that may be nothing but strings with escape sequences.
pub(crate) fn parse_text<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<T, Error> {
    read::read(bytes, limits.into(), PhantomData::<T>)
}

/// Reads a part of a document that [`scan`] has checked.
pub(crate) fn typed<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    let bounds = Bounds {
        depth: usize::MAX,
        keys: usize::MAX,
        escapes: usize::MAX,
    };
    read::read(bytes, bounds, PhantomData::<T>)
}
