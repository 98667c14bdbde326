//! Who runs a log or timestamp authority: what thresholds count, so that two witnesses of one operator are one.

use std::collections::BTreeSet;

use super::wire;

/// Who runs a log: the operator that the root names (v0.2), else by the domain of its URL.
pub(super) fn of_log(log: &wire::Log, all: &[wire::Log]) -> String {
    let pairs = all
        .iter()
        .map(|log| (log.operator.as_str(), log.base_url.as_str()));
    named(&log.operator).unwrap_or_else(|| by_domain(&log.base_url, pairs))
}

/// Who runs an authority: the operator that the root names (v0.2), else by the domain of its URI, else the organization in
/// its subject.
pub(super) fn of_authority(authority: &wire::Authority, all: &[wire::Authority]) -> String {
    let pairs = all
        .iter()
        .map(|other| (other.operator.as_str(), other.uri.as_str()));
    let organization = || {
        let subject = authority.subject.as_ref();
        subject.and_then(|subject| named(&subject.organization))
    };
    named(&authority.operator)
        .or_else(|| Some(by_domain(&authority.uri, pairs)).filter(|domain| !domain.is_empty()))
        .or_else(organization)
        .unwrap_or_default()
}

/// How many different operators these are. Ones without a name may be any of the others, so they count only where there is
/// no other, and then as one.
pub(crate) fn distinct<'a>(operators: impl Iterator<Item = &'a str>) -> usize {
    let all: BTreeSet<&str> = operators.collect();
    match all.contains("") {
        true => all.len().saturating_sub(1).max(1),
        false => all.len(),
    }
}

/// What a log is called: the host of its URL, or its operator where the root gives no URL.
pub(super) fn log_name(log: &wire::Log) -> String {
    let host = host(&log.base_url);
    crate::digest::clip(if host.is_empty() { &log.operator } else { host })
}

/// The host of a URL, without scheme, port and path.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// An operator as the root writes it: a URI without its scheme, in which the case means nothing.
fn named(operator: &str) -> Option<String> {
    let name = operator.trim().trim_end_matches('/').to_ascii_lowercase();
    (!name.is_empty()).then_some(name)
}

/// The operator whom the root names for another of the same domain, or else that domain: where it does not say, two of one
/// domain are one.
fn by_domain<'a>(url: &str, mut all: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let domain = domain(url);
    all.find_map(|(operator, other)| {
        named(operator).filter(|_| !domain.is_empty() && self::domain(other) == domain)
    })
    .unwrap_or(domain)
}

/// The last two labels of a URL's host. An address and a host of one label are themselves. Longer public suffixes make
/// fewer operators than there are, never more.
fn domain(url: &str) -> String {
    let host = host(url);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let labels: Vec<&str> = host.rsplit('.').collect();
    match labels.as_slice() {
        [last, ..] if host.starts_with('[') || last.bytes().all(|byte| byte.is_ascii_digit()) => {
            host
        }
        [last, second, ..] => format!("{second}.{last}"),
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hosts_of_one_domain_are_one() {
        for (url, expected) in [
            ("https://rekor.sigstore.dev", "sigstore.dev"),
            ("https://log2025-1.rekor.sigstore.dev", "sigstore.dev"),
            ("https://LOG.Sigstore.DEV.:443/api", "sigstore.dev"),
            ("https://sigstore.dev", "sigstore.dev"),
            ("https://user@rekor.sigstore.dev/x", "sigstore.dev"),
            ("rekor.sigstore.dev/x", "sigstore.dev"),
            ("https://a.example.co.uk", "co.uk"),
            ("https://rekor", "rekor"),
            ("http://localhost:3000", "localhost"),
            ("http://10.0.0.1:3000", "10.0.0.1"),
            ("http://10.0.0.2", "10.0.0.2"),
            ("http://[2001:db8::1]:3000/x", "[2001:db8::1]"),
            ("http://[::ffff:10.0.0.1]", "[::ffff:10.0.0.1]"),
            ("", ""),
        ] {
            assert_eq!(domain(url), expected, "{url}");
        }
    }

    fn log(operator: &str, url: &str) -> wire::Log {
        let json = serde_json::json!({
            "baseUrl": url, "operator": operator, "publicKey": {"rawBytes": ""}, "logId": {"keyId": ""},
        });
        serde_json::from_value(json).unwrap()
    }

    fn authority(operator: &str, uri: &str, organization: &str) -> wire::Authority {
        let json = serde_json::json!({
            "uri": uri, "operator": operator, "subject": {"organization": organization},
            "certChain": {"certificates": []},
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_roots_word_counts_before_the_domain() {
        let logs = [
            log("Acme.example/", "https://rekor.hosting.example"),
            log("", "https://other.hosting.example"),
            log("beta.example", "https://rekor.beta.example"),
            log("", "https://rekor.sigstore.dev"),
            log("sigstore.dev", "https://log.elsewhere.example"),
            log("", ""),
        ];
        let operators = logs.each_ref().map(|log| of_log(log, &logs));
        // What does not say who runs it is whoever runs its neighbour.
        let expected = [
            "acme.example",
            "acme.example",
            "beta.example",
            "sigstore.dev",
            "sigstore.dev",
            "",
        ];
        assert_eq!(operators, expected);
        assert_eq!(distinct(operators.iter().map(String::as_str)), 3);
    }

    #[test]
    fn an_authority_without_uri_is_its_organization() {
        let all = [
            authority("", "https://timestamp.sigstore.dev/api", "sigstore"),
            authority("", "", "Acme "),
            authority("", "", ""),
            authority("Beta", "https://timestamp.sigstore.dev/api", "sigstore"),
        ];
        let operators = all.each_ref().map(|one| of_authority(one, &all));
        assert_eq!(operators, ["beta", "acme", "", "beta"]);
    }

    #[test]
    fn what_has_no_name_adds_nothing() {
        let count = |names: &[&str]| distinct(names.iter().copied());
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&["", ""]), 1);
        assert_eq!(count(&["", "a"]), 1);
        assert_eq!(count(&["a", "a", "b"]), 2);
        assert_eq!(count(&["a", "", "b"]), 2);
    }
}
