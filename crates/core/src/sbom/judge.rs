//! What the rule `sbom` demands, held against one document.

mod packages;

use std::collections::HashMap;

pub(crate) use packages::{Ban, PackageDemand};

use super::{Component, LicenseClaim, LicenseForm, Sbom, SbomErrorKind, SbomFormat, Stance};
use crate::compared::Compared;
use crate::known::Known;
use crate::license::{LicenseList, LicenseVerdict};
use crate::policy::authorize::Mismatch;
use crate::policy::glob::Glob;
use crate::{Claim, Limits, ReasonCode, Statement, Verified};

/// What an outcome weighs, about.
const OUTCOME: usize = 1024;
/// Components that a comparison names.
const MOST_TOLD: usize = 10;
/// Components that the comparison of a field names.
const MOST_EXAMPLES: usize = 3;

/// `sbom: {…}`.
#[derive(Debug, Clone, Default)]
pub(crate) struct SbomDemand {
    /// `CycloneDX` or `SPDX`; none: either.
    pub(crate) formats: Vec<&'static str>,
    pub(crate) min_components: usize,
    /// Patterns over the tools' names, of which one fits.
    pub(crate) generators: Vec<Glob>,
    pub(crate) licenses: Option<LicenseDemand>,
    pub(crate) packages: Option<PackageDemand>,
    pub(crate) coverage: Vec<(Field, u8)>,
    pub(crate) document: Vec<DocumentField>,
    /// What came of documents before.
    pub(crate) known: Known<Compared>,
}

/// `licenses`.
#[derive(Debug, Clone)]
pub(crate) struct LicenseDemand {
    pub(crate) list: LicenseList,
    pub(crate) unknown: Lenience,
    pub(crate) missing: Lenience,
}

/// What follows from what is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lenience {
    Deny,
    Warn,
    Allow,
}

/// What a component can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Name,
    Version,
    Supplier,
    UniqueId,
    Hashes,
    Licenses,
}

/// What a document can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentField {
    Author,
    Timestamp,
    Generator,
    Relationships,
    Identity,
    Phase,
}

impl Field {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Version => "version",
            Self::Supplier => "supplier",
            Self::UniqueId => "uniqueId",
            Self::Hashes => "hashes",
            Self::Licenses => "licenses",
        }
    }

    fn is_in(self, component: &Component<'_>, sbom: &Sbom<'_>) -> bool {
        match self {
            Self::Name => !component.name.is_empty(),
            Self::Version => component.version.is_some(),
            Self::Supplier => component.supplier.is_some(),
            Self::UniqueId => component.purl.is_some() || component.other_ids,
            Self::Hashes => component.hashes,
            Self::Licenses => !sbom.licenses(component).is_empty(),
        }
    }
}

impl DocumentField {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Timestamp => "timestamp",
            Self::Generator => "generator",
            Self::Relationships => "relationships",
            Self::Identity => "identity",
            Self::Phase => "phase",
        }
    }

    fn is_in(self, sbom: &Sbom<'_>) -> bool {
        match self {
            Self::Author => !sbom.authors.is_empty(),
            Self::Timestamp => sbom.created.is_some(),
            Self::Generator => !sbom.generators.is_empty(),
            Self::Relationships => sbom.relationships > 0,
            Self::Identity => sbom.identity.is_some(),
            Self::Phase => !sbom.phases.is_empty(),
        }
    }
}

/// Whether a predicate type is one that an SBOM can have; its version is the document's affair.
pub(crate) fn is_sbom(predicate_type: &str) -> bool {
    ["https://cyclonedx.org/bom", "https://spdx.dev/Document"]
        .iter()
        .filter_map(|known| predicate_type.strip_prefix(known))
        .any(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl SbomDemand {
    /// Holds one statement against the rule; its signer is right.
    pub(crate) fn compare(&self, one: &Verified<Claim>, compared: &mut Compared) {
        let Claim::Statement(statement) = one.claim() else {
            return;
        };
        if !compared.is_brief() || compared.mismatch().is_some() {
            return self.compare_document(statement, compared);
        }
        let apart = self.known.of(&statement.payload, OUTCOME, || {
            let mut apart = Compared::new(false);
            self.compare_document(statement, &mut apart);
            apart
        });
        compared.add(&apart);
    }

    fn compare_document(&self, statement: &Statement, compared: &mut Compared) {
        let read = Sbom::read(
            &statement.predicate_type,
            statement.predicate_json(),
            &Limits::default(),
        );
        match read {
            Ok(sbom) => self.judge(&sbom, compared),
            Err(error) => {
                let code = match error.kind() {
                    SbomErrorKind::UnsupportedFormat => ReasonCode::UnsupportedFormat,
                    _ => ReasonCode::SbomMalformed,
                };
                let mismatch = Mismatch {
                    code,
                    found: error.to_string(),
                    wanted: "a readable CycloneDX or SPDX document".to_owned(),
                };
                compared.fail("predicate", mismatch);
            }
        }
    }

    /// Holds a document against the rule, whoever signed it.
    pub(crate) fn judge(&self, sbom: &Sbom<'_>, compared: &mut Compared) {
        self.format(sbom.format, compared);
        let count = sbom.counted().count();
        compared.that(
            "minComponents",
            self.min_components,
            count,
            count >= self.min_components,
            ReasonCode::SbomTooFewComponents,
        );
        self.generator(sbom, compared);
        for field in &self.document {
            let found = if field.is_in(sbom) {
                "there"
            } else {
                "nothing"
            };
            let what = format_args!("fields.document.{}", field.name());
            let code = ReasonCode::SbomIncomplete;
            compared.that(what, "stated", found, field.is_in(sbom), code);
        }
        cover(sbom, &self.coverage, compared);
        if let Some(licenses) = &self.licenses {
            licenses.judge(sbom, compared);
        }
        if let Some(packages) = &self.packages {
            packages.judge(sbom, compared);
        }
    }

    fn format(&self, format: SbomFormat, compared: &mut Compared) {
        let fits = self.formats.is_empty() || self.formats.contains(&format.name());
        let wanted = match self.formats.as_slice() {
            [] => "CycloneDX or SPDX".to_owned(),
            formats => formats.join(" or "),
        };
        let found = format_args!("{} {}", format.name(), format.version());
        compared.that(
            "formats",
            wanted,
            found,
            fits,
            ReasonCode::SbomFormatMismatch,
        );
    }

    fn generator(&self, sbom: &Sbom<'_>, compared: &mut Compared) {
        if self.generators.is_empty() {
            return;
        }
        let tools: Vec<String> = sbom
            .generators
            .iter()
            .map(|tool| match &tool.version {
                Some(version) => format!("{}-{version}", tool.name),
                None => tool.name.clone().into_owned(),
            })
            .collect();
        let fits = |glob: &Glob| {
            sbom.generators.iter().any(|tool| glob.matches(&tool.name))
                || tools.iter().any(|tool| glob.matches(tool))
        };
        let wanted: Vec<&str> = self.generators.iter().map(Glob::as_str).collect();
        let found = if tools.is_empty() {
            "none".to_owned()
        } else {
            tools.join(", ")
        };
        let holds = self.generators.iter().any(fits);
        compared.that(
            "generators",
            wanted.join(" or "),
            found,
            holds,
            ReasonCode::GeneratorMismatch,
        );
    }
}

/// Of how many components out of a hundred each field is stated; without components, of none. In one pass: many components do not
/// fit into a cache.
fn cover(sbom: &Sbom<'_>, coverage: &[(Field, u8)], compared: &mut Compared) {
    let mut without: Vec<(usize, Vec<&Component<'_>>)> = vec![Default::default(); coverage.len()];
    let mut all = 0;
    for component in sbom.counted() {
        all += 1;
        for ((field, _), (count, first)) in coverage.iter().zip(&mut without) {
            if !field.is_in(component, sbom) {
                *count += 1;
                if first.len() < MOST_EXAMPLES {
                    first.push(component);
                }
            }
        }
    }
    for ((field, least), (count, first)) in coverage.iter().zip(without) {
        let have = all - count;
        // Rounded down, so that 100 % means each.
        let percent = (have * 100).checked_div(all).unwrap_or(0);
        let first: Vec<String> = first.into_iter().map(called).collect();
        let example = match first.as_slice() {
            [] => String::new(),
            names => format!("; not of {}", names.join(", ")),
        };
        compared.that(
            format_args!("fields.{}", field.name()),
            format_args!("{least}% of components"),
            format_args!("{percent}% ({have} of {all}){example}"),
            percent >= usize::from(*least),
            ReasonCode::SbomIncomplete,
        );
    }
}

impl LicenseDemand {
    fn judge<'s>(&self, sbom: &'s Sbom<'_>, compared: &mut Compared) {
        let mut known: HashMap<&'s str, LicenseVerdict> = HashMap::new();
        let (mut denied, mut unknown, mut missing) =
            (Told::default(), Told::default(), Told::default());
        // What the document describes is a part of nothing, and hardly any generator says its licence.
        let subject = sbom.subject.iter().map(|it| (it, false));
        let parts = sbom.counted().map(|it| (it, true));
        for (component, is_part) in subject.chain(parts) {
            let mut of = |claim: &'s LicenseClaim<'_>| {
                let known = known.entry(&claim.text);
                *known.or_insert_with(|| self.list.judge(&claim.text))
            };
            let claims = sbom.licenses(component).iter();
            let claims = claims.filter(|claim| claim.form != LicenseForm::Nothing);
            // What the author of the SBOM concluded goes before what is declared, but only where it can be judged: a conclusion that
            // nobody understands hides nothing.
            let concluded = claims.clone().filter(|it| it.stance == Stance::Concluded);
            let concluded = concluded.map(&mut of).max();
            let is_over = concluded.is_some_and(|it| it != LicenseVerdict::Unknown);
            let counted = claims.filter(|it| !is_over || it.stance == Stance::Concluded);
            let verdict = counted.clone().map(&mut of).max();
            let told = match verdict {
                Some(LicenseVerdict::Accepted) if is_part && concludes_none(sbom, component) => {
                    missing.add(component, std::iter::empty());
                    continue;
                }
                None if is_part => &mut missing,
                None | Some(LicenseVerdict::Accepted) => continue,
                Some(LicenseVerdict::Denied) => &mut denied,
                Some(LicenseVerdict::Unknown) => &mut unknown,
            };
            let texts = counted.filter(|it| Some(of(it)) == verdict);
            told.add(component, texts.map(|it| &*it.text));
        }
        let names = |families: &[crate::license::Family]| {
            let names: Vec<&str> = families.iter().map(|it| it.as_str()).collect();
            names.join(", ")
        };
        if !self.list.allow.is_empty() {
            let wanted = format!("one of {} for each", names(&self.list.allow));
            let code = ReasonCode::LicenseDenied;
            compared.that(
                "licenses.allow",
                wanted,
                denied.found(),
                denied.count == 0,
                code,
            );
        } else {
            let wanted = format!("none of {}", names(&self.list.deny));
            let code = ReasonCode::LicenseDenied;
            compared.that(
                "licenses.deny",
                wanted,
                denied.found(),
                denied.count == 0,
                code,
            );
        }
        unknown.by(
            self.unknown,
            "licenses.unknown",
            "known",
            ReasonCode::LicenseUnknown,
            compared,
        );
        missing.by(
            self.missing,
            "licenses.missing",
            "stated",
            ReasonCode::LicenseMissing,
            compared,
        );
    }
}

/// Whether the author concluded that there is no licence (`NONE`). That takes nothing away from what is declared: it denies as ever.
fn concludes_none(sbom: &Sbom<'_>, component: &Component<'_>) -> bool {
    let mut claims = sbom.licenses(component).iter();
    claims.any(|one| one.stance == Stance::Concluded && one.form == LicenseForm::Nothing)
}

/// Components of one kind: how many, and the first of them.
#[derive(Default)]
struct Told {
    count: usize,
    first: Vec<String>,
}

impl Told {
    fn add<'t>(&mut self, component: &Component<'_>, texts: impl Iterator<Item = &'t str>) {
        self.count += 1;
        if self.first.len() < MOST_TOLD {
            let name = called(component);
            let texts: Vec<&str> = texts.collect();
            self.first.push(match texts.as_slice() {
                [] => name,
                texts => format!("{name}: {}", texts.join(" and ")),
            });
        }
    }

    fn found(&self) -> String {
        match self.count {
            0 => "none".to_owned(),
            count => format!("{count}: {}", self.first.join(", ")),
        }
    }

    fn by(
        &self,
        word: Lenience,
        what: &str,
        wanted: &str,
        code: ReasonCode,
        compared: &mut Compared,
    ) {
        match word {
            Lenience::Deny => {
                let wanted = format!("{wanted} for each");
                let found = format!("not {}", self.found());
                let found = if self.count == 0 {
                    "each".to_owned()
                } else {
                    found
                };
                compared.that(what, wanted, found, self.count == 0, code);
            }
            Lenience::Warn if self.count > 0 => {
                compared.warn(code, format!("{} Found {}.", code.message(), self.found()));
            }
            Lenience::Warn | Lenience::Allow => {}
        }
    }
}

/// How a message calls a component.
fn called(component: &Component<'_>) -> String {
    match (&component.purl, &component.version) {
        (Some(purl), _) => purl.clone().into_owned(),
        (None, Some(version)) => format!("{} {version}", component.name),
        (None, None) => component.name.clone().into_owned(),
    }
}
