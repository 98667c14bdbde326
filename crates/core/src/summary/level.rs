//! Levels that a summary states (slsa.dev/spec/v1.1/verification_summary, "SlsaResult").

use std::fmt;

/// How the names of SLSA's own levels begin; nobody else's may.
const SLSA: &str = "SLSA_";
/// What stands among the levels where the verification failed.
pub(super) const FAILED: &str = "FAILED";

/// One level that a rule demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Level(String);

impl Level {
    /// # Errors
    /// Why no summary can state it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text == FAILED {
            return Err("says that the verification failed");
        }
        if text.starts_with(SLSA) && slsa(text).is_none() {
            return Err("begins with `SLSA_` and is none of SLSA's levels");
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether a level that a summary states is this one. "Each SLSA level implies the levels below it" of the same track; all
    /// other names are compared exactly.
    pub(crate) fn is_met_by(&self, stated: &str) -> bool {
        match (slsa(&self.0), slsa(stated)) {
            (Some((track, wanted)), Some((other, level))) => track == other && level >= wanted,
            _ => self.0 == stated,
        }
    }

    /// As it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Track and number of `SLSA_<TRACK>_LEVEL_<DIGIT>`.
fn slsa(text: &str) -> Option<(&str, u8)> {
    let (track, number) = text.strip_prefix(SLSA)?.split_once("_LEVEL_")?;
    let is_track = !track.is_empty() && track.bytes().all(|it| it.is_ascii_uppercase());
    match number.as_bytes() {
        [digit @ b'0'..=b'9'] if is_track => Some((track, *digit)),
        _ => None,
    }
}
