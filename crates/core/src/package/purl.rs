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

    /// Whether versions of its type have epochs.
    pub(crate) fn has_epochs(&self) -> bool {
        matches!(self.kind(), "rpm" | "deb")
    }

    /// The epoch that is a part of the version although it stands in a qualifier.
    fn epoch(&self) -> Option<&str> {
        let version = self.stated_version()?;
        let epoch = self.0.qualifiers().get("epoch").map(|it| &**it);
        epoch.filter(|_| self.has_epochs() && !version.contains(':'))
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
        let epoch = version.split_once(':').filter(|_| self.has_epochs());
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

/// A part of a name in one spelling: lower case, and with one separator in types whose registry takes several for the same (PyPI by
/// "Name normalization" of the packaging specifications; crates.io).
fn fold(kind: &str, name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for it in name.chars() {
        match (kind, it) {
            ("pypi", '-' | '_' | '.') if folded.ends_with('-') => {}
            ("pypi", '_' | '.') | ("cargo", '_') => folded.push('-'),
            _ if it.is_ascii() => folded.push(it.to_ascii_lowercase()),
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

/// The name, as [`PurlPattern::folded_name`] spells it, of a package URL that is read as it stands: nothing in it is encoded (but the
/// `@` of an npm scope), left out, or to be corrected. Nothing: [`Purl::parse`] says what it is.
pub(crate) fn plain_name(text: &str) -> Option<String> {
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
    is_read.then(|| fold(kind, name))
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
mod tests;
