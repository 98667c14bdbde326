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
#[derive(Debug, Clone)]
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
        let epoch = self.0.qualifiers().get("epoch");
        match epoch.filter(|_| matches!(self.kind(), "rpm" | "deb") && !version.contains(':')) {
            Some(epoch) => Some(Cow::Owned(format!("{epoch}:{version}"))),
            None => Some(Cow::Borrowed(version)),
        }
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

    /// Whether it names this package. What is not said in the pattern may be anything.
    #[must_use]
    pub fn matches(&self, purl: &Purl) -> bool {
        let (wanted, found) = (&self.0.0, &purl.0);
        let same = |name: &Cow<'_, str>, value: &Cow<'_, str>| {
            found
                .qualifiers()
                .get(&**name)
                .is_some_and(|found| found == value)
        };
        self.key() == purl.key()
            && wanted
                .qualifiers()
                .iter()
                .all(|(name, value)| same(name, value))
            && wanted
                .subpath()
                .is_none_or(|path| found.subpath() == Some(path))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn matches(pattern: &str, purl: &str) -> bool {
        let purl = Purl::parse(purl).unwrap();
        PurlPattern::parse(pattern).unwrap().matches(&purl)
    }

    #[test]
    fn a_pattern_matches_what_it_names() {
        assert!(matches("pkg:npm/left-pad", "pkg:npm/left-pad@1.0?x=1#a"));
        assert!(matches(
            "pkg:deb/debian/curl?arch=amd64",
            "pkg:deb/debian/curl@1?arch=amd64&distro=12"
        ));
        assert!(matches(
            "pkg:pypi/Typing_Extensions",
            "pkg:pypi/typing-extensions@1"
        ));
        assert!(matches("pkg:npm/%40acme/a", "pkg:NPM/%40acme/a@1"));
        for (pattern, purl) in [
            ("pkg:npm/left-pad", "pkg:npm/left-pad2@1"),
            ("pkg:npm/left-pad", "pkg:cargo/left-pad@1"),
            ("pkg:npm/a", "pkg:npm/%40acme/a@1"),
            ("pkg:npm/%40acme/a", "pkg:npm/a@1"),
            (
                "pkg:deb/debian/curl?arch=amd64",
                "pkg:deb/debian/curl@1?arch=arm64",
            ),
            ("pkg:deb/debian/curl?arch=amd64", "pkg:deb/debian/curl@1"),
            ("pkg:golang/a.b/c#d", "pkg:golang/a.b/c@1"),
        ] {
            assert!(!matches(pattern, purl), "{pattern} {purl}");
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
