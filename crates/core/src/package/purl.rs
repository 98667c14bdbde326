//! Package URLs (purl-spec), and patterns that name packages.

use std::borrow::Cow;
use std::str::FromStr;

use packageurl::PackageUrl;

/// Bytes of one package URL: `packageurl` copies what it reads.
const MOST_BYTES: usize = 4096;

/// Why a text is no package URL, or no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PurlError(String);

/// A package URL in its canonical form: case and separators by the rules of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purl(PackageUrl<'static>);

impl Purl {
    /// Reads one.
    ///
    /// # Errors
    /// Why it is none, by the specification and the rules of its type.
    pub fn parse(text: &str) -> Result<Self, PurlError> {
        if text.len() > MOST_BYTES {
            return Err(PurlError(format!("longer than {MOST_BYTES} bytes")));
        }
        let purl = PackageUrl::from_str(text).and_then(lowered);
        purl.map(Self)
            .map_err(|error| PurlError(crate::text::safe(&error.to_string())))
    }

    /// The type, as `npm`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.ty()
    }

    /// What stands before the name, as `org.apache.logging.log4j`.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.0.namespace()
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The version that stands behind the `@`.
    #[must_use]
    pub fn stated_version(&self) -> Option<&str> {
        self.0.version()
    }

    /// The version as its ecosystem compares it: an epoch of an RPM or a Debian package that stands in a qualifier goes in front.
    #[must_use]
    pub fn version(&self) -> Option<Cow<'_, str>> {
        let version = self.stated_version()?;
        match self.epoch() {
            Some(epoch) => Some(Cow::Owned(format!("{epoch}:{version}"))),
            None => Some(Cow::Borrowed(version)),
        }
    }

    /// The epoch that is a part of the version although it stands in a qualifier.
    fn epoch(&self) -> Option<&str> {
        let version = self.stated_version()?;
        let epoch = self.0.qualifiers().get("epoch").map(|it| &**it);
        epoch.filter(|_| has_epochs(self.kind()) && !version.contains(':'))
    }

    /// Names and values, in no order.
    pub fn qualifiers(&self) -> impl Iterator<Item = (&str, &str)> {
        let qualifiers = self.0.qualifiers().iter();
        qualifiers.map(|(name, value)| (&**name, &**value))
    }

    /// The part of the package that is meant.
    #[must_use]
    pub fn subpath(&self) -> Option<&str> {
        self.0.subpath()
    }

    /// Type, namespace and name: by these packages are found.
    #[must_use]
    pub fn key(&self) -> (&str, Option<&str>, &str) {
        (self.kind(), self.namespace(), self.name())
    }

    /// Whether `other` is what this names, by the letter of both. What this leaves out (version, qualifiers, subpath) may be
    /// anything there; an epoch that is left out is none.
    pub(crate) fn names(&self, other: &Self) -> bool {
        let qualifiers = self.0.qualifiers().iter();
        let mut qualifiers =
            qualifiers.filter(|(name, _)| *name != "epoch" || self.epoch().is_none());
        let same = |name: &Cow<'_, str>, value| other.0.qualifiers().get(&**name) == Some(value);
        self.key() == other.key()
            && (self.stated_version().is_none() || self.release() == other.release())
            && qualifiers.all(|(name, value)| same(name, value))
            && (self.subpath().is_none() || self.subpath() == other.subpath())
    }

    /// The version without an epoch of zero, which is none.
    fn release(&self) -> Option<String> {
        let version = self.version()?.into_owned();
        let epoch = version.split_once(':').filter(|_| has_epochs(self.kind()));
        Some(match epoch {
            Some((epoch, rest)) if epoch.bytes().all(|digit| digit == b'0') => rest.to_owned(),
            _ => version,
        })
    }

    /// Type, namespace and name in one spelling for everything that some registry or writer takes for the same package.
    pub(crate) fn folded(&self) -> String {
        let kind = self.kind();
        let namespace = self.namespace().unwrap_or_default();
        format!(
            "{kind}/{}/{}",
            fold(kind, namespace),
            fold(kind, self.name())
        )
    }
}

/// Types whose versions have epochs.
fn has_epochs(kind: &str) -> bool {
    matches!(kind, "rpm" | "deb")
}

/// A part of a name in one spelling: lower case, and with one separator in types whose registry takes several for the same (PyPI by
/// "Name normalization" of the packaging specifications; crates.io).
fn fold(kind: &str, name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for it in name.chars() {
        match (kind, it) {
            ("pypi", '-' | '_' | '.') if folded.ends_with('-') => {}
            ("pypi", '_' | '.') | ("cargo", '_') => folded.push('-'),
            _ => folded.extend(it.to_lowercase()),
        }
    }
    folded
}

/// Types in which all that [`fold`] makes one is one package: their registries do not let two names differ by that alone, or, as
/// with Go, different writers write the same path in different case.
const FOLDS: [&str; 5] = ["cargo", "golang", "npm", "nuget", "pypi"];

/// Types with nothing to be demanded of a plain package URL but whether there may be a namespace.
const PLAIN: [(&str, bool); 9] = [
    ("apk", true),
    ("cargo", false),
    ("deb", true),
    ("gem", false),
    ("golang", true),
    ("maven", true),
    ("npm", true),
    ("pypi", false),
    ("rpm", true),
];

/// Type and name, as [`PurlPattern::folded_name`] has them, of a package URL that is read as it stands: nothing in it is encoded (but the
/// `@` of an npm scope), left out, or to be corrected. Nothing: [`Purl::parse`] says what it is.
pub(crate) fn plain_name(text: &str) -> Option<(&str, String)> {
    let (kind, rest) = text.strip_prefix("pkg:")?.split_once('/')?;
    let (_, namespaces) = PLAIN.iter().find(|(known, _)| *known == kind)?;
    let (path, qualifiers) = match rest.split_once('?') {
        Some((path, qualifiers)) => (path, Some(qualifiers)),
        None => (rest, None),
    };
    let scoped = path.strip_prefix("%40").filter(|_| kind == "npm");
    let (path, version) = match scoped.unwrap_or(path).split_once('@') {
        Some((path, version)) => (path, Some(version)),
        None => (scoped.unwrap_or(path), None),
    };
    let is_plain = |text: &str| {
        let plain = |it: u8| {
            it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.' | b'_' | b'~' | b'+' | b':')
        };
        !text.is_empty() && text.bytes().all(plain)
    };
    let is_pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or_default();
        name.bytes().all(|it| it.is_ascii_lowercase() || it == b'_')
            && !name.is_empty()
            && is_plain(value)
    };
    let is_part = |part: &str| is_plain(part) && part != "." && part != "..";
    let is_read = text.len() <= MOST_BYTES
        && (*namespaces || !path.contains('/'))
        && (scoped.is_none() || path.contains('/'))
        && path.split('/').all(is_part)
        && version.is_none_or(is_plain)
        && qualifiers.is_none_or(|it| it.split('&').all(is_pair));
    let name = path.rsplit('/').next()?;
    is_read.then(|| (kind, fold(kind, name)))
}

/// Homebrew's names are in any case, which `packageurl` does not know.
fn lowered(purl: PackageUrl<'static>) -> Result<PackageUrl<'static>, packageurl::Error> {
    if purl.ty() != "brew" {
        return Ok(purl);
    }
    let mut lower = PackageUrl::new("brew", purl.name().to_lowercase())?;
    if let Some(namespace) = purl.namespace() {
        lower.with_namespace(namespace.to_lowercase())?;
    }
    if let Some(version) = purl.version() {
        lower.with_version(version.to_owned())?;
    }
    if let Some(subpath) = purl.subpath() {
        lower.with_subpath(subpath.to_owned())?;
    }
    for (name, value) in purl.qualifiers() {
        lower.add_qualifier(name.clone(), value.clone())?;
    }
    Ok(lower)
}

/// A package URL without a version that names packages: those of the same type, namespace and name, and with the qualifiers and
/// the subpath that it names.
#[derive(Debug, Clone)]
pub struct PurlPattern(Purl);

impl PurlPattern {
    /// Reads one.
    ///
    /// # Errors
    /// As [`Purl::parse`], and for a version: ranges say it better.
    pub fn parse(text: &str) -> Result<Self, PurlError> {
        let purl = Purl::parse(text)?;
        if let Some(version) = purl.0.version() {
            let version = crate::text::safe(version);
            return Err(PurlError(format!(
                "names the version {version}: write `versions: \"={version}\"` beside it"
            )));
        }
        Ok(Self(purl))
    }

    /// The type, as `npm`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.kind()
    }

    /// Type, namespace and name of what it matches.
    #[must_use]
    pub fn key(&self) -> (&str, Option<&str>, &str) {
        self.0.key()
    }

    /// How a package lies to it. What is not said in the pattern may be anything.
    ///
    /// Other spellings are the same package where its registry says so, and are not told apart elsewhere; nor is a package that
    /// is silent about a qualifier or the subpath that the pattern names.
    #[must_use]
    pub fn compare(&self, purl: &Purl) -> Likeness {
        let (wanted, found) = (&self.0, purl);
        if wanted.folded() != found.folded() {
            return Likeness::Other;
        }
        let qualifiers = wanted.0.qualifiers().iter();
        let qualifiers = qualifiers.map(|(name, value)| {
            let found = found.0.qualifiers().get(&**name);
            alike(value, found.map(|it| &**it))
        });
        let subpath = wanted.subpath().map(|path| alike(path, found.subpath()));
        let own = if wanted.key() == found.key() || FOLDS.contains(&wanted.kind()) {
            Likeness::Named
        } else {
            Likeness::Untold
        };
        qualifiers.chain(subpath).fold(own, Likeness::max)
    }

    /// Type, namespace and name of everything that it could mean, in one spelling.
    pub(crate) fn folded(&self) -> String {
        self.0.folded()
    }

    /// The name alone, in one spelling.
    pub(crate) fn folded_name(&self) -> String {
        fold(self.0.kind(), self.0.name())
    }
}

/// How a package lies to a [`PurlPattern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// It is named.
    Named,
    /// It may be the one that is named: nobody can tell.
    Untold,
    /// It is another.
    Other,
}

fn alike(wanted: &str, found: Option<&str>) -> Likeness {
    match found {
        Some(found) if found == wanted => Likeness::Named,
        Some(found) if found.to_lowercase() != wanted.to_lowercase() => Likeness::Other,
        _ => Likeness::Untold,
    }
}

#[cfg(test)]
mod tests {
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
            let name = plain_name(text).map(|it| it.1);
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
            if let Some((kind, name)) = plain_name(&text) {
                let purl = Purl::parse(&text).unwrap();
                proptest::prop_assert_eq!(kind, purl.kind());
                proptest::prop_assert_eq!(name, fold(kind, purl.name()), "{}", text);
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
}
