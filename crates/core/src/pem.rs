//! PEM text (RFC 7468) from untrusted sources.

/// Decodes exactly one block with this label; white space may surround it, nothing else.
pub(crate) fn one(text: &str, label: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    if text.matches("-----BEGIN ").count() != 1 {
        return Err("expected one block".to_owned());
    }
    decode(text, label)
}

/// Decodes up to `max` concatenated blocks with this label.
pub(crate) fn many(text: &str, label: &str, max: usize) -> Result<Vec<Vec<u8>>, String> {
    let end = format!("-----END {label}-----");
    let mut rest = text.trim();
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        if blocks.len() == max {
            return Err(format!("more than {max} blocks"));
        }
        let (block, after) = rest
            .split_once(&end)
            .ok_or_else(|| format!("no END {label}"))?;
        blocks.push(decode(&format!("{block}{end}"), label)?);
        rest = after.trim();
    }
    Ok(blocks)
}

/// The base64 between the two lines, however it is wrapped (writers differ: RFC 7468, 2), but canonical and without headers.
fn decode(text: &str, label: &str) -> Result<Vec<u8>, String> {
    let body = text
        .strip_prefix(&format!("-----BEGIN {label}-----"))
        .and_then(|text| text.strip_suffix(&format!("-----END {label}-----")))
        .ok_or_else(|| format!("expected one block `{label}` and nothing beside it"))?;
    let body: String = body.split_ascii_whitespace().collect();
    crate::base64::decode(&body)
        .filter(|der| !der.is_empty())
        .ok_or_else(|| "its text is not canonical base64".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{many, one};

    const BLOCK: &str = "-----BEGIN X-----\nAQID\n-----END X-----\n";

    #[test]
    fn one_block_and_nothing_else() {
        assert_eq!(one(BLOCK, "X"), Ok(vec![1, 2, 3]));
        assert_eq!(one(&BLOCK.replace('\n', "\r\n"), "X"), Ok(vec![1, 2, 3]));
        for bad in [
            format!("{BLOCK}{BLOCK}"),
            format!("{BLOCK}trailing"),
            format!("leading\n{BLOCK}"),
            String::new(),
            BLOCK.replace("X-", "Y-"),
        ] {
            assert!(one(&bad, "X").is_err(), "{bad}");
        }
    }

    #[test]
    fn several_blocks() {
        assert_eq!(
            many(&format!("{BLOCK}\n{BLOCK}"), "X", 2).map(|all| all.len()),
            Ok(2)
        );
        assert!(many(&format!("{BLOCK}{BLOCK}{BLOCK}"), "X", 2).is_err());
        assert!(many(&format!("{BLOCK}x"), "X", 2).is_err());
        assert_eq!(many("", "X", 2), Ok(vec![]));
    }
}
