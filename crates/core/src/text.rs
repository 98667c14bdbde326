//! Strings from evidence, registries and manifests, made safe to print and bounded.

/// At most this many characters of one foreign string reach a decision: more than any real identity or URL needs.
const MAX_CHARS: usize = 512;

/// Escapes control, bidirectional and other invisible characters as `\u{…}` and cuts the text at 512 characters.
///
/// The same text is safe on a terminal, in a log line and in JSON; formats with their own syntax (Markdown, workflow
/// commands) escape once more for themselves.
pub fn safe(text: &str) -> String {
    // Nearly every text, and much faster than character by character.
    if text.len() <= MAX_CHARS && is_plain(text) {
        return text.to_owned();
    }
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

/// The same of a text that is its own, which is not copied where nothing has to be done.
pub(crate) fn safe_own(text: String) -> String {
    if text.len() <= MAX_CHARS && is_plain(&text) {
        return text;
    }
    safe(&text)
}

/// Nothing but visible ASCII.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
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
    use super::{is_hidden, safe, safe_own};

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
        assert_eq!(safe(&"x".repeat(513)).len(), 512 + '…'.len_utf8());
        for character in ('\0'..='\u{250}').chain(['\u{202e}', '\u{feff}', '…']) {
            for text in [character.to_string(), format!("a{character}b")] {
                assert_eq!(safe_own(text.clone()), safe(&text));
                let escaped = is_hidden(character).then(|| character.escape_unicode().to_string());
                let expected =
                    escaped.map_or_else(|| text.clone(), |it| text.replace(character, &it));
                assert_eq!(safe(&text), expected, "{text:?}");
            }
        }
    }
}
