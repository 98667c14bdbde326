//! The `Link` header (RFC 8288), as far as pages need it.

/// The target of the link whose relation is `next`, if there is one.
pub(super) fn next_page(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        // The next link starts after a comma that is followed by `<`; parameters have neither in practice.
        let parameters = after.split_once('<').map_or(after, |(own, _)| own);
        if parameters.split([';', ',']).any(is_next) {
            return Some(target);
        }
        rest = after;
    }
    None
}

fn is_next(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("rel")
            && value
                .trim()
                .trim_matches('"')
                .split_ascii_whitespace()
                .any(|relation| relation.eq_ignore_ascii_case("next"))
    })
}

#[cfg(test)]
mod tests {
    use super::next_page;

    #[test]
    fn finds_the_next_page() {
        for (header, expected) in [
            (
                r#"</v2/a/referrers/x?page=2>; rel="next""#,
                Some("/v2/a/referrers/x?page=2"),
            ),
            ("</p>; rel=next", Some("/p")),
            (r#"</p>;title="x";REL="prev Next""#, Some("/p")),
            (r#"</first>; rel="first", </n,1>; rel="next""#, Some("/n,1")),
            (r#"</first>; rel="first""#, None),
            ("</p>", None),
            ("</p", None),
            ("", None),
        ] {
            assert_eq!(next_page(header), expected, "{header}");
        }
    }
}
