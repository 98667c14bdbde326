//! Text that others wrote, made safe for a terminal.
//!
//! Evidence, registries and manifests may hold anything: control and escape sequences that rewrite the screen,
//! bidirectional marks that reorder a line (CVE-2021-42574), or a megabyte of letters.

use std::fmt::Write as _;

/// At most `max` characters of `text`, on one line, with nothing in it that a terminal would obey.
pub(crate) fn escaped(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    for (count, character) in text.chars().enumerate() {
        if count == max {
            out.push('…');
            break;
        }
        match character {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if is_unsafe(character) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out
}

/// Control characters, and characters that change the order of others or are invisible.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        for (text, expected) in [
            ("plain ünïcode", "plain ünïcode"),
            ("\u{1b}[31mred\u{1b}[0m", r"\u{1b}[31mred\u{1b}[0m"),
            ("\u{9b}31m", r"\u{9b}31m"),
            ("a\r\nb\tc\u{7f}", r"a\r\nb\tc\u{7f}"),
            ("user\u{202e}gpj.exe", r"user\u{202e}gpj.exe"),
            ("a\u{2066}b\u{2069}\u{200b}", r"a\u{2066}b\u{2069}\u{200b}"),
            ("\u{feff}\u{e0041}", r"\u{feff}\u{e0041}"),
        ] {
            assert_eq!(escaped(text, 100), expected);
        }
    }

    #[test]
    fn long_text_is_cut_with_a_sign() {
        assert_eq!(escaped(&"é".repeat(11), 10), format!("{}…", "é".repeat(10)));
        assert_eq!(escaped("éé", 2), "éé");
    }
}
