#![allow(clippy::unwrap_used)]

use super::*;

fn compared(pattern: &str, purl: &str) -> Likeness {
    let purl = Purl::parse(purl).unwrap();
    PurlPattern::parse(pattern).unwrap().compare(&purl)
}

#[test]
fn a_pattern_names_what_it_says() {
    use Likeness::{Named, Other, Untold};
    for (pattern, purl, expected) in [
        ("pkg:npm/left-pad", "pkg:npm/left-pad@1.0?x=1#a", Named),
        ("pkg:npm/left-pad", "pkg:npm/left-pad2@1", Other),
        ("pkg:npm/left-pad", "pkg:cargo/left-pad@1", Other),
        ("pkg:npm/a", "pkg:npm/%40acme/a@1", Other),
        ("pkg:npm/%40acme/a", "pkg:npm/a@1", Other),
        // Case.
        ("pkg:npm/%40acme/a", "pkg:NPM/%40Acme/A@1", Named),
        ("pkg:npm/%40Acme/A", "pkg:npm/%40acme/a@1", Named),
        (
            "pkg:golang/github.com/acme/app",
            "pkg:golang/GitHub.com/Acme/App@v1",
            Named,
        ),
        (
            "pkg:golang/github.com/Acme/App",
            "pkg:golang/github.com/acme/app@v1",
            Named,
        ),
        (
            "pkg:nuget/newtonsoft.json",
            "pkg:nuget/Newtonsoft.Json@1",
            Named,
        ),
        ("pkg:pypi/PyYAML", "pkg:pypi/pyyaml@1", Named),
        ("pkg:brew/OpenSSL", "pkg:brew/openssl@1", Named),
        ("pkg:maven/org.acme/app", "pkg:maven/Org.Acme/App@1", Untold),
        ("pkg:gem/rails", "pkg:gem/Rails@1", Untold),
        // Separators.
        (
            "pkg:pypi/typing_extensions",
            "pkg:pypi/Typing-Extensions@1",
            Named,
        ),
        (
            "pkg:pypi/zope.interface",
            "pkg:pypi/zope-interface@1",
            Named,
        ),
        (
            "pkg:pypi/zope-interface",
            "pkg:pypi/zope._Interface@1",
            Named,
        ),
        ("pkg:pypi/zope-interface", "pkg:pypi/zopeinterface@1", Other),
        ("pkg:cargo/serde-json", "pkg:cargo/serde_json@1", Named),
        ("pkg:npm/lodash.merge", "pkg:npm/lodash-merge@1", Other),
        ("pkg:golang/a.b/c-d", "pkg:golang/a.b/c_d@v1", Other),
        // Qualifiers and the subpath.
        (
            "pkg:deb/debian/curl?arch=amd64",
            "pkg:deb/debian/curl@1?arch=amd64&distro=12",
            Named,
        ),
        (
            "pkg:deb/debian/curl?arch=amd64",
            "pkg:deb/debian/curl@1?arch=arm64",
            Other,
        ),
        (
            "pkg:deb/debian/curl?arch=amd64",
            "pkg:deb/debian/curl@1?arch=AMD64",
            Untold,
        ),
        (
            "pkg:deb/debian/curl?arch=amd64",
            "pkg:deb/debian/curl@1",
            Untold,
        ),
        ("pkg:golang/a.b/c#d", "pkg:golang/a.b/c@v1#d", Named),
        ("pkg:golang/a.b/c#d", "pkg:golang/a.b/c@v1#e", Other),
        ("pkg:golang/a.b/c#d", "pkg:golang/a.b/c@v1", Untold),
    ] {
        assert_eq!(compared(pattern, purl), expected, "{pattern} {purl}");
    }
}

/// What says a finding away is taken by the letter: no spelling but the canonical one, and nothing that is only silent.
#[test]
fn a_package_url_names_only_what_it_says() {
    let long = format!("pkg:npm/a?x={}", "x".repeat(3000));
    for (own, other, expected) in [
        ("pkg:npm/a", "pkg:npm/a@1?x=1#b", true),
        ("pkg:npm/a@1", "pkg:npm/a@1", true),
        ("pkg:npm/a@1", "pkg:npm/a@2", false),
        ("pkg:npm/a@1", "pkg:npm/a", false),
        ("pkg:npm/a@v1", "pkg:npm/a@1", false),
        ("pkg:npm/A@1", "pkg:npm/a@1", true),
        ("pkg:golang/a.b/C@v1", "pkg:golang/a.b/c@v1", false),
        ("pkg:brew/OpenSSL@3", "pkg:brew/openssl@3", true),
        ("pkg:pypi/a_b@1", "pkg:pypi/a-b@1", true),
        ("pkg:pypi/a.b@1", "pkg:pypi/a-b@1", false),
        ("pkg:npm/a?x=1", "pkg:npm/a@1?x=1&y=2", true),
        ("pkg:npm/a?x=1", "pkg:npm/a@1", false),
        ("pkg:npm/a#b", "pkg:npm/a@1", false),
        ("pkg:npm/a#b", "pkg:npm/a@1#b", true),
        (&long, &long, true),
        // An epoch is a part of the version, wherever it stands.
        ("pkg:rpm/f/a@1-1?epoch=4", "pkg:rpm/f/a@4:1-1", true),
        ("pkg:rpm/f/a@4:1-1", "pkg:rpm/f/a@1-1?epoch=4&arch=x", true),
        ("pkg:rpm/f/a@1-1", "pkg:rpm/f/a@1-1?epoch=4", false),
        ("pkg:rpm/f/a@1-1?epoch=4", "pkg:rpm/f/a@1-1", false),
        ("pkg:rpm/f/a@1-1?epoch=0", "pkg:rpm/f/a@1-1", true),
        ("pkg:rpm/f/a@0:1-1", "pkg:rpm/f/a@1-1", true),
        ("pkg:rpm/f/a?epoch=4", "pkg:rpm/f/a@1-1", false),
        ("pkg:npm/a@1", "pkg:npm/a@1?epoch=4", true),
        ("pkg:npm/a@1?epoch=4", "pkg:npm/a@1", false),
    ] {
        let (one, two) = (Purl::parse(own).unwrap(), Purl::parse(other).unwrap());
        assert_eq!(one.names(&two), expected, "{own} {other}");
    }
}

/// What is passed over without being taken apart is read, and has that name.
#[test]
fn a_plain_name_is_the_name() {
    for (text, expected) in [
        ("pkg:npm/%40acme/Left-pad@1.0", Some("left-pad")),
        (
            "pkg:maven/org.acme/app@1?type=jar&classifier=x",
            Some("app"),
        ),
        ("pkg:pypi/zope.interface@1", Some("zope-interface")),
        ("pkg:golang/a.b/c/v2@v2.0.0+incompatible", Some("v2")),
        ("pkg:golang/a.b/c@v1#d", None),
        ("pkg:pypi/a/b@1", None),
        ("pkg:npm/%40a@1", None),
        ("pkg:npm/a%2Fb@1", None),
        ("pkg:npm/a//b@1", None),
        ("pkg:npm/a/../b@1", None),
        ("pkg:npm/a/@1", None),
        ("pkg:npm/a@1@2", None),
        ("pkg:npm/a@1/b", None),
        ("pkg:npm/a?1=2", None),
        ("pkg:npm/a?x", None),
        ("pkg:npm/a?x=1?y=2", None),
        ("pkg:NPM/a", None),
        ("pkg://npm/a", None),
        ("pkg:npm/é", None),
        ("pkg:swift/a@1", None),
        ("npm/a", None),
    ] {
        let name = plain_name(text);
        assert_eq!(name.as_deref(), expected, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn what_is_plain_is_read_with_that_name(
        kind in "npm|pypi|maven|deb|golang|Npm|oci|cargo|gem|rpm|apk|swift",
        rest in r"(%40|@)?[aB_.~+:%/@?#=&0-9-]{1,12}",
    ) {
        let text = format!("pkg:{kind}/{rest}");
        if let Some(name) = plain_name(&text) {
            let purl = Purl::parse(&text).unwrap();
            proptest::prop_assert_eq!(&kind, purl.kind());
            proptest::prop_assert_eq!(name, fold(&kind, purl.name()), "{}", text);
            proptest::prop_assert!(!purl.name().contains('/'));
        }
    }
}

#[test]
fn what_is_no_purl_and_a_pattern_with_a_version_are_errors() {
    let long = format!("pkg:npm/{}", "a".repeat(MOST_BYTES));
    for text in ["", "npm/a", "pkg:npm", "pkg:npm/", "pkg:n pm/a", &long] {
        assert!(Purl::parse(text).is_err(), "{text}");
    }
    assert!(
        PurlPattern::parse("pkg:npm/a@1")
            .unwrap_err()
            .to_string()
            .contains("=1")
    );
}

#[test]
fn an_epoch_is_part_of_the_version() {
    let version = |text| Purl::parse(text).unwrap().version().map(Cow::into_owned);
    assert_eq!(
        version("pkg:rpm/fedora/a@1.2-3?epoch=4").as_deref(),
        Some("4:1.2-3")
    );
    assert_eq!(version("pkg:rpm/fedora/a@1.2-3").as_deref(), Some("1.2-3"));
    assert_eq!(
        version("pkg:deb/debian/a@1?epoch=4").as_deref(),
        Some("4:1")
    );
    assert_eq!(version("pkg:npm/a@1?epoch=4").as_deref(), Some("1"));
    assert_eq!(version("pkg:npm/a"), None);
}
