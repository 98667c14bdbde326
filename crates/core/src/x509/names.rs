//! Step 12: name constraints (RFC 5280, 4.2.1.10), for every kind of name that a certificate here can have.
//!
//! Off-spec: names are compared with self-issued authorities too, and whatever cannot be compared is refused.

use der::asn1::{Ia5StringRef, PrintableStringRef, Utf8StringRef};
use der::{Decode, Encode as _, Tag, Tagged as _};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::pkix::constraints::name::GeneralSubtrees;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{NameConstraints, SubjectAltName};
use x509_cert::name::{Name, RelativeDistinguishedName};

use super::{Cert, oid};

/// The name constraints of one certificate authority.
#[derive(Debug, Clone)]
pub(crate) struct Constraints {
    permitted: GeneralSubtrees,
    excluded: GeneralSubtrees,
}

impl Constraints {
    /// Those of this authority, if it has any.
    pub(super) fn of(authority: &Cert) -> Result<Option<Self>, String> {
        let Some(value) = authority.extensions().value(&oid::NAME_CONSTRAINTS) else {
            return Ok(None);
        };
        let parsed = NameConstraints::from_der(value)
            .map_err(|error| format!("its name constraints are malformed: {error}"))?;
        let this = Self {
            permitted: parsed.permitted_subtrees.unwrap_or_default(),
            excluded: parsed.excluded_subtrees.unwrap_or_default(),
        };
        let bounded = |subtree: &x509_cert::ext::pkix::constraints::name::GeneralSubtree| {
            subtree.minimum == 0 && subtree.maximum.is_none()
        };
        if !this.permitted.iter().chain(&this.excluded).all(bounded) {
            return Err("its name constraints have a minimum or maximum".to_owned());
        }
        Ok(Some(this))
    }

    /// Whether every name of a certificate beneath is within them.
    pub(crate) fn allow(&self, cert: &Cert) -> Result<(), String> {
        let subject = &cert.tbs().subject;
        if !subject.0.is_empty() {
            self.allow_name(&GeneralName::DirectoryName(subject.clone()))?;
        }
        if let Some(value) = cert.extensions().value(&oid::SUBJECT_ALT_NAME) {
            let names = SubjectAltName::from_der(value)
                .map_err(|error| format!("subject alternative name: {error}"))?;
            names.0.iter().try_for_each(|name| self.allow_name(name))?;
        }
        Ok(())
    }

    fn allow_name(&self, name: &GeneralName) -> Result<(), String> {
        let refused = |why: &str| format!("its name {} {why}", shown(name));
        let mut constrained = false;
        let mut within = false;
        for subtree in &self.permitted {
            if let Some(fits) = compare(&subtree.base, name).map_err(refused)? {
                constrained = true;
                within |= fits;
            }
        }
        if constrained && !within {
            return Err(refused(
                "is not one that a certificate authority above it may certify",
            ));
        }
        for subtree in &self.excluded {
            if compare(&subtree.base, name).map_err(refused)? == Some(true) {
                return Err(refused(
                    "is one that a certificate authority above it must not certify",
                ));
            }
        }
        Ok(())
    }
}

/// Whether `name` is within the subtree `base`; `None` if they are of different kinds.
fn compare(base: &GeneralName, name: &GeneralName) -> Result<Option<bool>, &'static str> {
    const INCOMPARABLE: &str = "cannot be compared with the constraints of an authority above it";
    match (base, name) {
        (GeneralName::Rfc822Name(base), GeneralName::Rfc822Name(name)) => {
            email(base.as_str(), name.as_str())
                .map(Some)
                .ok_or(INCOMPARABLE)
        }
        (
            GeneralName::UniformResourceIdentifier(base),
            GeneralName::UniformResourceIdentifier(name),
        ) => {
            let host = uri_host(name.as_str()).ok_or(INCOMPARABLE)?;
            Ok(Some(host_within(base.as_str(), host)))
        }
        (GeneralName::DnsName(base), GeneralName::DnsName(name)) => {
            let (base, name) = (base.as_str(), name.as_str());
            let below = base.is_empty()
                || name.eq_ignore_ascii_case(base)
                || ends_below(name, base.strip_prefix('.').unwrap_or(base));
            Ok(Some(below))
        }
        (GeneralName::DirectoryName(base), GeneralName::DirectoryName(name)) => {
            Ok(Some(starts_with(name, base)))
        }
        (GeneralName::OtherName(base), GeneralName::OtherName(name))
            if base.type_id == name.type_id =>
        {
            Err(INCOMPARABLE)
        }
        (GeneralName::EdiPartyName(_), GeneralName::EdiPartyName(_))
        | (GeneralName::IpAddress(_), GeneralName::IpAddress(_))
        | (GeneralName::RegisteredId(_), GeneralName::RegisteredId(_)) => Err(INCOMPARABLE),
        _ => Ok(None),
    }
}

/// A constraint is a mailbox, a host, or `.domain` for every host below; the local part is compared as it is written.
fn email(base: &str, name: &str) -> Option<bool> {
    let (local, host) = name.rsplit_once('@')?;
    if local.is_empty() || host.is_empty() {
        return None;
    }
    Some(match base.rsplit_once('@') {
        Some((base_local, base_host)) => {
            local == base_local && host.eq_ignore_ascii_case(base_host)
        }
        None => host_within(base, host),
    })
}

/// `host`, or `.domain` for every host below it; the empty constraint is every host.
fn host_within(base: &str, host: &str) -> bool {
    match base.strip_prefix('.') {
        Some(domain) => ends_below(host, domain),
        None => base.is_empty() || host.eq_ignore_ascii_case(base),
    }
}

/// Whether labels stand before `.domain`.
fn ends_below(host: &str, domain: &str) -> bool {
    let Some(split) = host.len().checked_sub(domain.len()) else {
        return false;
    };
    host.get(split..)
        .is_some_and(|end| end.eq_ignore_ascii_case(domain))
        && host
            .get(..split)
            .is_some_and(|start| start.len() > 1 && start.ends_with('.'))
}

/// The host of a URI (RFC 3986, 3.2.2); none for one without a host, or whose host is an address.
fn uri_host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) => return None,
        None => host,
    };
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok() || host.starts_with('[');
    (!host.is_empty() && !is_address).then_some(host)
}

fn starts_with(name: &Name, base: &Name) -> bool {
    base.0.len() <= name.0.len()
        && base
            .0
            .iter()
            .zip(&name.0)
            .all(|(base, name)| same_rdn(base, name))
}

fn same_rdn(one: &RelativeDistinguishedName, other: &RelativeDistinguishedName) -> bool {
    one.0.len() == other.0.len()
        && one
            .0
            .iter()
            .all(|attribute| other.0.iter().any(|twin| same_attribute(attribute, twin)))
}

/// Text is compared without case and whatever string type holds it (RFC 5280, 7.1).
fn same_attribute(one: &AttributeTypeAndValue, other: &AttributeTypeAndValue) -> bool {
    if one.oid != other.oid {
        return false;
    }
    match (text(one), text(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.value.to_der().ok() == other.value.to_der().ok(),
    }
}

fn text(attribute: &AttributeTypeAndValue) -> Option<String> {
    let value = &attribute.value;
    let text = match value.tag() {
        Tag::Utf8String => value
            .decode_as::<Utf8StringRef<'_>>()
            .ok()?
            .as_str()
            .to_owned(),
        Tag::PrintableString => value
            .decode_as::<PrintableStringRef<'_>>()
            .ok()?
            .as_str()
            .to_owned(),
        Tag::Ia5String => value
            .decode_as::<Ia5StringRef<'_>>()
            .ok()?
            .as_str()
            .to_owned(),
        _ => return None,
    };
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    Some(words.join(" "))
}

fn shown(name: &GeneralName) -> String {
    let text = match name {
        GeneralName::Rfc822Name(text) => text.as_str().to_owned(),
        GeneralName::DnsName(text) => text.as_str().to_owned(),
        GeneralName::UniformResourceIdentifier(text) => text.as_str().to_owned(),
        GeneralName::DirectoryName(name) => name.to_string(),
        _ => return "of an unusual kind".to_owned(),
    };
    format!("`{}`", crate::digest::clip(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails() {
        let within = |base, name| email(base, name);
        assert_eq!(within("acme.example", "dev@acme.example"), Some(true));
        assert_eq!(within("ACME.example", "dev@acme.Example"), Some(true));
        assert_eq!(within("acme.example", "dev@ci.acme.example"), Some(false));
        assert_eq!(within("acme.example", "dev@evilacme.example"), Some(false));
        assert_eq!(within(".acme.example", "dev@ci.acme.example"), Some(true));
        assert_eq!(within(".acme.example", "dev@acme.example"), Some(false));
        assert_eq!(within("dev@acme.example", "dev@acme.example"), Some(true));
        assert_eq!(within("dev@acme.example", "Dev@acme.example"), Some(false));
        assert_eq!(within("acme.example", "acme.example"), None);
        assert_eq!(within("acme.example", "x@"), None);
        // the last `@` separates: a quoted local part may hold others
        assert_eq!(
            within("acme.example", "\"x@acme.example\"@evil.example"),
            Some(false)
        );
    }

    #[test]
    fn hosts_of_uris() {
        assert_eq!(uri_host("https://github.com/acme/app"), Some("github.com"));
        assert_eq!(uri_host("https://github.com:443/acme"), Some("github.com"));
        assert_eq!(
            uri_host("https://acme.example@evil.example/x"),
            Some("evil.example")
        );
        assert_eq!(uri_host("spiffe://acme.example?x@y"), Some("acme.example"));
        for none in [
            "urn:x:y",
            "https:///path",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "mailto:dev@acme.example",
        ] {
            assert_eq!(uri_host(none), None, "{none}");
        }
        assert!(host_within(".github.com", "api.github.com"));
        assert!(!host_within(".github.com", "github.com"));
        assert!(!host_within("github.com", "api.github.com"));
        assert!(!host_within(".hub.com", "github.com"));
    }
}
