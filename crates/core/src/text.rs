//! Strings from evidence, registries and manifests, made safe to print and bounded.

/// At most this many characters of one foreign string reach a decision: more than any real identity or URL needs.
const MAX_CHARS: usize = 512;

/// Escapes control, bidirectional and other invisible characters as `\u{…}` and cuts the text at 512 characters.
///
/// The same text is safe on a terminal, in a log line and in JSON; formats with their own syntax (Markdown, workflow
/// commands) escape once more for themselves.
pub fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MAX_CHARS));
    for (count, character) in text.chars().enumerate() {
        if count == MAX_CHARS {
            out.push('…');
            break;
        }
        if is_hidden(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// Control characters, and the format characters by which text looks like other text (Unicode TR 36, "bidi", and TR 39).
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn hidden_characters_become_visible_and_length_is_bounded() {
        assert_eq!(safe("https://ghcr.io/ä?x=1"), "https://ghcr.io/ä?x=1");
        assert_eq!(
            safe("a\u{202e}b\x1b[31m\n\u{200b}"),
            "a\\u{202e}b\\u{1b}[31m\\u{a}\\u{200b}"
        );
        let long = safe(&"x".repeat(10_000));
        assert_eq!(long.chars().count(), 513);
        assert!(long.ends_with('…'));
        assert_eq!(safe(&"x".repeat(512)).len(), 512);
    }
}
