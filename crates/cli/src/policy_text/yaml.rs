//! Text as YAML scalars.

use std::fmt::Write as _;

/// A YAML scalar: as it is where it can be nothing but text, else in quotes, with every odd character escaped.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '.' | '/' | '_');
    let is_word = text.chars().all(plain) && text.starts_with(|it: char| it.is_ascii_alphabetic());
    const RESERVED: [&str; 8] = ["true", "false", "null", "yes", "no", "on", "off", "y"];
    let is_reserved = RESERVED.iter().any(|it| text.eq_ignore_ascii_case(it));
    if is_word && !is_reserved && !text.ends_with(['.', '-']) {
        return text.to_owned();
    }
    let mut out = String::from('"');
    for it in text.chars() {
        match it {
            '"' | '\\' => {
                out.push('\\');
                out.push(it);
            }
            ' '..='~' => out.push(it),
            _ if u32::from(it) > 0xffff => {
                let _ = write!(out, "\\U{:08x}", u32::from(it));
            }
            _ => {
                let _ = write!(out, "\\u{:04x}", u32::from(it));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn scalars_stay_what_they_are() {
        for (text, expected) in [
            ("refs/heads/main", "refs/heads/main"),
            ("123", "\"123\""),
            ("yes", "\"yes\""),
            ("a: b", "\"a: b\""),
            ("a\"\\\n\u{202e}", "\"a\\\"\\\\\\u000a\\u202e\""),
            ("", "\"\""),
            ("1e3", "\"1e3\""),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
