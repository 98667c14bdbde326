//! How bad a vulnerability is, in the words of policies.

use std::fmt;

/// How bad a vulnerability is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Negligible,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// The name in policies and messages.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Negligible => "negligible",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Reads a word, in any case; the words of Red Hat and GitHub too. Nothing for any other.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "none" | "negligible" => Self::Negligible,
            "low" => Self::Low,
            "medium" | "moderate" => Self::Medium,
            "high" | "important" => Self::High,
            "critical" => Self::Critical,
            _ => return None,
        })
    }

    /// The rating of a CVSS score (CVSS v3.1 section 5 and v4.0 section 6, "Qualitative Severity Rating Scale"). What lies
    /// outside the scale is no score.
    pub(crate) fn of_score(score: f64) -> Option<Self> {
        if !(0.0..=10.0).contains(&score) {
            return None;
        }
        Some(match score {
            score if score >= 9.0 => Self::Critical,
            score if score >= 7.0 => Self::High,
            score if score >= 4.0 => Self::Medium,
            score if score > 0.0 => Self::Low,
            _ => Self::Negligible,
        })
    }

    /// The rating of a score in a report where nothing says it in words. Zero is what scanners write where there is no score.
    pub(crate) fn of_told(score: f64) -> Option<Self> {
        Self::of_score(score).filter(|_| score > 0.0)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Severity::{self, Critical, High, Low, Medium, Negligible};

    #[test]
    fn scores_and_words_have_one_scale() {
        for (score, expected) in [
            (0.0, Some(Negligible)),
            (0.1, Some(Low)),
            (3.9, Some(Low)),
            (4.0, Some(Medium)),
            (6.9, Some(Medium)),
            (7.0, Some(High)),
            (8.9, Some(High)),
            (9.0, Some(Critical)),
            (10.0, Some(Critical)),
            (10.1, None),
            (-0.1, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(Severity::of_score(score), expected, "{score}");
        }
        for (word, expected) in [
            ("CRITICAL", Some(Critical)),
            ("Important", Some(High)),
            ("moderate", Some(Medium)),
            ("None", Some(Negligible)),
            ("UNKNOWN", None),
            ("", None),
            ("high ", None),
        ] {
            assert_eq!(Severity::parse(word), expected, "{word}");
        }
    }
}
