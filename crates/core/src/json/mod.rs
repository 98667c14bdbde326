//! The strict JSON entry for everything signed or security-relevant (`verification.md`, step 4).
//!
//! Duplicate keys, too deep nesting and trailing data are refused before any typed reading: two readers that pick
//! different twins of a key would see two different documents under one signature.

mod objects;
mod scan;
mod shapes;

use std::fmt;

use serde::Deserialize;

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
    why: String,
}

impl Error {
    pub(crate) fn malformed(why: impl Into<String>) -> Self {
        Self {
            over_limit: false,
            why: why.into(),
        }
    }

    pub(crate) fn over_limit(why: impl Into<String>) -> Self {
        Self {
            over_limit: true,
            why: why.into(),
        }
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
        let why = crate::digest::clip(&error.to_string());
        Self {
            over_limit: why.starts_with(shapes::TOO_MANY),
            why,
        }
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

/// Reads `bytes` as `T` after checking the whole document strictly.
pub(crate) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], limits: &Limits) -> Result<T, Error> {
    let bounds = Bounds {
        escapes: ESCAPES,
        ..limits.into()
    };
    scan(bytes, bounds)?;
    typed(bytes)
}

/// Reads a document, or a part of one, that [`scan`] has checked: an object only where an object is written.
pub(crate) fn typed<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Ok(T::deserialize(objects::Objects(&mut reader))?)
}

/// As [`typed`], where every string is kept: those of a text need no check of their own that they are UTF-8.
pub(crate) fn typed_text<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Ok(T::deserialize(objects::Objects(&mut reader))?)
}
