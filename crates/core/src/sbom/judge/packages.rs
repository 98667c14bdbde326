//! Packages that must not be inside, by package URL and range of versions.
//!
//! What cannot be compared is told apart from what is outside a range: a banned package without a version, with one that its
//! ecosystem does not know, or under a package URL that nobody can read.

use std::collections::{HashMap, HashSet};

use super::{Component, Lenience, Sbom, Told};
use crate::ReasonCode;
use crate::compared::Compared;
use crate::package::{Likeness, Purl, PurlPattern, Standing, VersionRange, plain_name};

/// `packages`.
#[derive(Debug, Clone)]
pub(crate) struct PackageDemand {
    bans: Vec<Ban>,
    incomparable: Lenience,
    /// The bans of each type, of which the first stands for all where nobody can tell which is meant.
    kinds: HashMap<String, Kind>,
    /// By type, namespace and name, as [`PurlPattern::folded`] spells them.
    by_key: HashMap<String, Vec<usize>>,
    /// By the name as [`alike`] spells it: the first.
    by_name: HashMap<String, usize>,
}

/// The bans of one type.
#[derive(Debug, Clone, Default)]
struct Kind {
    first: usize,
    /// As [`PurlPattern::folded_name`] spells them.
    names: HashSet<String>,
}

/// One package that is banned, in some versions or in all.
#[derive(Debug, Clone)]
pub(crate) struct Ban {
    pub(crate) pattern: PurlPattern,
    pub(crate) versions: Option<VersionRange>,
    /// As it is written.
    pub(crate) written: String,
}

/// How a component lies to the bans.
enum Found<'d> {
    Nothing,
    Banned(&'d Ban),
    Incomparable(&'d Ban),
}

impl PackageDemand {
    pub(crate) fn new(bans: Vec<Ban>, incomparable: Lenience) -> Self {
        let mut kinds: HashMap<String, Kind> = HashMap::new();
        let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_name = HashMap::new();
        for (number, ban) in bans.iter().enumerate() {
            let pattern = &ban.pattern;
            let kind = kinds.entry(pattern.kind().to_owned());
            let kind = kind.or_insert_with(|| Kind {
                first: number,
                names: HashSet::new(),
            });
            kind.names.insert(pattern.folded_name());
            by_key.entry(pattern.folded()).or_default().push(number);
            by_name.entry(alike(pattern.key().2)).or_insert(number);
        }
        Self {
            bans,
            incomparable,
            kinds,
            by_key,
            by_name,
        }
    }

    pub(crate) fn bans(&self) -> &[Ban] {
        &self.bans
    }

    pub(super) fn judge(&self, sbom: &Sbom<'_>, compared: &mut Compared) {
        let (mut banned, mut incomparable) = (Told::default(), Told::default());
        for component in sbom.all() {
            match self.find(component) {
                Found::Nothing => {}
                Found::Banned(ban) => banned.add(component, std::iter::once(ban.written.as_str())),
                Found::Incomparable(ban) => {
                    incomparable.add(component, std::iter::once(ban.written.as_str()))
                }
            }
        }
        let wanted: Vec<&str> = self.bans.iter().map(|ban| ban.written.as_str()).collect();
        let wanted = format!("none of {}", wanted.join(", "));
        let code = ReasonCode::PackageBanned;
        compared.that(
            "packages.deny",
            wanted,
            banned.found(),
            banned.count == 0,
            code,
        );
        incomparable.by(
            self.incomparable,
            "packages.incomparable",
            "comparable",
            ReasonCode::VersionIncomparable,
            compared,
        );
    }

    /// The worst of all its package URLs. What has none is known by its name alone, and nobody can tell whether it is the one.
    fn find(&self, component: &Component<'_>) -> Found<'_> {
        let mut worst = Found::Nothing;
        for text in component.purls() {
            match self.by_purl(text, component) {
                Found::Nothing => {}
                Found::Incomparable(ban) => worst = Found::Incomparable(ban),
                banned @ Found::Banned(_) => return banned,
            }
        }
        if component.purl.is_none()
            && let Some(ban) = self.ban(self.by_name.get(&alike(&component.name)))
        {
            return Found::Incomparable(ban);
        }
        worst
    }

    fn ban(&self, number: Option<&usize>) -> Option<&Ban> {
        self.bans.get(*number?)
    }

    fn by_purl(&self, text: &str, component: &Component<'_>) -> Found<'_> {
        // Packages of types that no ban has are not taken apart, nor are those that are plainly another. A type that is not plain
        // is read by whoever reads it.
        let kind = kind_of(text).map(|kind| self.kind(kind));
        let suspected = match kind {
            Some(kind) => kind.map(|kind| &kind.first),
            None => Some(&0),
        };
        let Some(suspected) = self.ban(suspected) else {
            return Found::Nothing;
        };
        if let (Some(Some(kind)), Some(name)) = (kind, plain_name(text))
            && !kind.names.contains(&name)
        {
            return Found::Nothing;
        }
        let Ok(purl) = Purl::parse(text) else {
            return Found::Incomparable(suspected);
        };
        // A slash that was encoded: which part is the name, each reader may see otherwise.
        if purl.name().contains('/') || purl.namespace().is_some_and(|it| it.contains('%')) {
            return Found::Incomparable(suspected);
        }
        let mut worst = Found::Nothing;
        for number in self.by_key.get(&purl.folded()).into_iter().flatten() {
            let Some(ban) = self.bans.get(*number) else {
                continue;
            };
            let standing = match &ban.versions {
                None => Standing::Within,
                Some(range) => standing(range, &purl, component),
            };
            match (ban.pattern.compare(&purl), standing) {
                (Likeness::Other, _) | (_, Standing::Outside) => {}
                (Likeness::Named, Standing::Within) => return Found::Banned(ban),
                (Likeness::Named | Likeness::Untold, _) => worst = Found::Incomparable(ban),
            }
        }
        worst
    }

    fn kind(&self, kind: &str) -> Option<&Kind> {
        if kind.bytes().any(|it| it.is_ascii_uppercase()) {
            return self.kinds.get(&kind.to_ascii_lowercase());
        }
        self.kinds.get(kind)
    }
}

/// The version that the package URL states, or else the component's own, beside a range.
///
/// Where the two differ and only one is inside, nobody can tell which is meant. An epoch is often in only one of them.
fn standing(range: &VersionRange, purl: &Purl, component: &Component<'_>) -> Standing {
    let stated = purl.version();
    let own = component.version.as_deref();
    match stated.as_deref().or(own).map(|it| range.compare(it)) {
        None => Standing::Incomparable,
        Some(Standing::Outside) => {
            let other = own.filter(|own| !purl.has_epochs() && Some(*own) != stated.as_deref());
            match other.map(|it| range.compare(it)) {
                Some(Standing::Within) => Standing::Incomparable,
                _ => Standing::Outside,
            }
        }
        Some(standing) => standing,
    }
}

/// The type of a package URL, if it is plain to see.
fn kind_of(text: &str) -> Option<&str> {
    let (scheme, rest) = (text.get(..4)?, text.get(4..)?);
    let rest = rest.trim_start_matches('/');
    let kind = rest.split_once('/').map_or(rest, |(kind, _)| kind);
    let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '+' | '-');
    let is_plain = !kind.is_empty() && kind.chars().all(plain);
    (scheme.eq_ignore_ascii_case("pkg:") && is_plain).then_some(kind)
}

/// A name without what ecosystems write in several ways: case, `_`, and the group before it.
fn alike(name: &str) -> String {
    let last = name.rsplit([':', '/']).next().unwrap_or(name);
    last.to_ascii_lowercase().replace(['_', '.'], "-")
}
