//! Packages that must not be inside, by package URL and range of versions.
//!
//! What cannot be compared is told apart from what is outside a range: a banned package without a version, with one that its
//! ecosystem does not know, or under a package URL that nobody can read.

use std::collections::HashMap;

use super::{Component, Lenience, Sbom, Told};
use crate::ReasonCode;
use crate::compared::Compared;
use crate::package::{Purl, PurlPattern, Standing, VersionRange};

/// `packages`.
#[derive(Debug, Clone)]
pub(crate) struct PackageDemand {
    bans: Vec<Ban>,
    /// By type, namespace and name.
    by_key: HashMap<(String, Option<String>, String), Vec<usize>>,
    incomparable: Lenience,
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
        let mut by_key: HashMap<_, Vec<usize>> = HashMap::new();
        for (number, ban) in bans.iter().enumerate() {
            let (kind, namespace, name) = ban.pattern.key();
            let key = (
                kind.to_owned(),
                namespace.map(str::to_owned),
                name.to_owned(),
            );
            by_key.entry(key).or_default().push(number);
        }
        Self {
            bans,
            by_key,
            incomparable,
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
                Found::Banned(ban) => banned.add(component, &[&ban.written]),
                Found::Incomparable(ban) => incomparable.add(component, &[&ban.written]),
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
        if component.purl.is_none() {
            let own = alike(&component.name);
            let is_it = |ban: &&Ban| alike(ban.pattern.key().2) == own;
            if let Some(ban) = self.bans.iter().find(is_it) {
                return Found::Incomparable(ban);
            }
        }
        worst
    }

    fn by_purl(&self, text: &str, component: &Component<'_>) -> Found<'_> {
        // Packages of types that no ban has are not taken apart. A type that is not plain is read by whoever reads it.
        let rest = text.get(4..).filter(|_| {
            text.get(..4)
                .is_some_and(|it| it.eq_ignore_ascii_case("pkg:"))
        });
        let kind = rest.map(|rest| {
            rest.trim_start_matches('/')
                .split('/')
                .next()
                .unwrap_or_default()
        });
        let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '+' | '-');
        let kind = kind.filter(|kind| !kind.is_empty() && kind.chars().all(plain));
        let may_be =
            |ban: &&Ban| kind.is_none_or(|kind| kind.eq_ignore_ascii_case(ban.pattern.kind()));
        let Some(suspected) = self.bans.iter().find(may_be) else {
            return Found::Nothing;
        };
        let Ok(purl) = Purl::parse(text) else {
            return Found::Incomparable(suspected);
        };
        // A slash that was encoded: which part is the name, each reader may see otherwise.
        if purl.name().contains('/') || purl.namespace().is_some_and(|it| it.contains('%')) {
            return Found::Incomparable(suspected);
        }
        let (kind, namespace, name) = purl.key();
        let key = (
            kind.to_owned(),
            namespace.map(str::to_owned),
            name.to_owned(),
        );
        let mut worst = Found::Nothing;
        for ban in self
            .by_key
            .get(&key)
            .into_iter()
            .flatten()
            .filter_map(|it| self.bans.get(*it))
        {
            if !ban.pattern.matches(&purl) {
                continue;
            }
            let Some(range) = &ban.versions else {
                return Found::Banned(ban);
            };
            let stated = purl.version();
            let own = component.version.as_deref();
            match stated.as_deref().or(own).map(|it| range.compare(it)) {
                Some(Standing::Within) => return Found::Banned(ban),
                // Where the component says another version than its package URL, nobody can tell which of the two is inside. An epoch
                // is often in only one of them.
                Some(Standing::Outside) => {
                    let has_epochs = matches!(purl.kind(), "rpm" | "deb");
                    let other = own.filter(|own| !has_epochs && Some(*own) != stated.as_deref());
                    if other.is_some_and(|it| range.compare(it) == Standing::Within) {
                        worst = Found::Incomparable(ban);
                    }
                }
                Some(Standing::Incomparable) | None => worst = Found::Incomparable(ban),
            }
        }
        worst
    }
}

/// A name without what ecosystems write in several ways: case, `_`, and the group before it.
fn alike(name: &str) -> String {
    let last = name.rsplit([':', '/']).next().unwrap_or(name);
    last.to_ascii_lowercase().replace(['_', '.'], "-")
}
