//! A registry's own words about an error (distribution specification 1.1, "Error Codes").

use serde_json::Value;

const MOST_CHARACTERS: usize = 200;

/// Code and message of the first error, clipped; nothing if the body holds none.
pub(crate) fn said(body: &[u8]) -> String {
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        return String::new();
    };
    let first = &json["errors"][0];
    let words: Vec<&str> = ["code", "message"]
        .into_iter()
        .filter_map(|field| first[field].as_str())
        .collect();
    words.join(": ").chars().take(MOST_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_told_and_nothing_else() {
        let body = br#"{"errors":[{"code":"DENIED","message":"no push"},{"code":"X"}]}"#;
        assert_eq!(said(body), "DENIED: no push");
        let long = format!(r#"{{"errors":[{{"message":"{}"}}]}}"#, "a".repeat(1000));
        assert_eq!(said(long.as_bytes()).len(), MOST_CHARACTERS);
        for other in ["", "<html>", "[]", r#"{"errors":{}}"#, r#"{"errors":[1]}"#] {
            assert_eq!(said(other.as_bytes()), "");
        }
    }
}
