//! The rule `sbom`.

use super::rules::whole;
use super::{Compiler, Signers};
use crate::ReasonCode;
use crate::known::Known;
use crate::license::{Family, LicenseList};
use crate::package::{Ecosystem, PurlPattern, VersionRange};
use crate::policy::document::{
    BanSpec, DocumentWord, FieldsSpec, LenienceWord, LicensesSpec, PackagesSpec, PresetWord,
    SbomFormatWord, SbomSpec,
};
use crate::policy::notes::Spanned;
use crate::policy::shape::{Items, Text};
use crate::policy::{EvidenceDemand, Selection, Wanted};
use crate::sbom::judge::{
    Ban, DocumentField, Field, Lenience, LicenseDemand, PackageDemand, SbomDemand,
};

/// "The Minimum Elements For a Software Bill of Materials" (NTIA, 2021), "Data Fields".
const NTIA: ([Field; 4], [DocumentField; 3]) = (
    [
        Field::Supplier,
        Field::Name,
        Field::Version,
        Field::UniqueId,
    ],
    [
        DocumentField::Relationships,
        DocumentField::Author,
        DocumentField::Timestamp,
    ],
);
/// "2025 Minimum Elements for a Software Bill of Materials" (CISA, draft): NTIA's, and these.
const CISA: ([Field; 2], [DocumentField; 2]) = (
    [Field::Hashes, Field::Licenses],
    [DocumentField::Generator, DocumentField::Phase],
);

/// What is stated of how many components in a hundred, and of the document.
type Fields = (Vec<(Field, u8)>, Vec<DocumentField>);

impl Compiler<'_> {
    pub(super) fn sbom(&mut self, spec: &SbomSpec, signers: &Signers) -> Option<EvidenceDemand> {
        let formats = spec.formats.iter().flat_map(|list| &list.value);
        let formats = formats.map(|word| match word.value {
            SbomFormatWord::CycloneDx => "CycloneDX",
            SbomFormatWord::Spdx => "SPDX",
        });
        let formats: Vec<&'static str> = formats.collect();
        let min_components = match &spec.min_components {
            None => Some(1),
            Some(number) => match usize::try_from(number.value) {
                Ok(count) if count > 0 => Some(count),
                _ => {
                    let why = "an SBOM without components would pass by emptiness";
                    self.notes.error(ReasonCode::ZeroThreshold, number.at, why);
                    None
                }
            },
        };
        let generators = match &spec.generators {
            None => Some(Vec::new()),
            Some(list) => self.globs(list),
        };
        let licenses = spec.licenses.as_ref().map(|it| self.licenses(it));
        let packages = spec.packages.as_ref().map(|it| self.packages(it));
        let fields = spec.fields.as_ref().map(|it| self.fields(it));
        let demand = self.evidence_demand(spec, signers, Selection::Any);
        let (licenses, packages) = (whole(licenses)?, whole(packages)?);
        let (coverage, document) = whole(fields)?.unwrap_or_default();
        let wanted = Wanted::Sbom(Box::new(SbomDemand {
            formats,
            min_components: min_components?,
            generators: generators?,
            licenses,
            packages,
            coverage,
            document,
            known: Known::default(),
        }));
        Some(demand?.wanting(wanted))
    }

    fn licenses(&mut self, spec: &LicensesSpec) -> Option<LicenseDemand> {
        let allow = self.families(spec.allow.as_ref());
        let deny = self.families(spec.deny.as_ref());
        if !spec.has("allow") && !spec.has("deny") {
            self.notes.error_with(
                ReasonCode::EmptyList,
                spec.at,
                "`licenses` neither allows nor denies any",
                "Write `allow` or `deny`.",
            );
            return None;
        }
        if let (Some(allow), Some(deny), Some(list)) = (&allow, &deny, &spec.deny) {
            // With an allowlist everything else is denied anyway.
            for (family, text) in deny.iter().zip(&list.value) {
                if !allow.is_empty() && !allow.iter().any(|it| it == family) {
                    let message = format!(
                        "`{}` has no effect: `allow` lets only others pass",
                        text.value
                    );
                    self.notes.warning(ReasonCode::NoEffect, text.at, message);
                }
            }
        }
        Some(LicenseDemand {
            list: LicenseList {
                allow: allow?,
                deny: deny?,
            },
            unknown: lenience(spec.unknown.as_ref()),
            missing: lenience(spec.missing.as_ref()),
        })
    }

    fn families(&mut self, list: Option<&Items<Text>>) -> Option<Vec<Family>> {
        let Some(list) = list else {
            return Some(Vec::new());
        };
        self.duplicate_texts(list);
        let mut families = Vec::new();
        for text in &list.value {
            match Family::parse(&text.value) {
                Ok(family) => families.push(family),
                Err(why) => {
                    let message = format!("`{}` {why}", text.value);
                    self.notes.error_with(
                        ReasonCode::WrongValue,
                        text.at,
                        message,
                        "Write one SPDX id for each, such as `AGPL-3.0`, `MIT` or `LicenseRef-own`.",
                    );
                }
            }
        }
        (families.len() == list.value.len()).then_some(families)
    }

    fn packages(&mut self, spec: &PackagesSpec) -> Option<PackageDemand> {
        let list = spec.deny.as_ref()?;
        let bans: Vec<Option<Ban>> = list.value.iter().map(|ban| self.ban(ban)).collect();
        let bans: Vec<Ban> = bans.into_iter().collect::<Option<_>>()?;
        Some(PackageDemand::new(
            bans,
            lenience(spec.incomparable.as_ref()),
        ))
    }

    fn ban(&mut self, spec: &BanSpec) -> Option<Ban> {
        let purl = spec.purl.as_ref()?;
        let pattern = match PurlPattern::parse(&purl.value) {
            Ok(pattern) => pattern,
            Err(error) => {
                let message = format!("`{}` is no package URL: {error}", purl.value);
                self.notes.error_with(
                    ReasonCode::WrongValue,
                    purl.at,
                    message,
                    "Write `pkg:TYPE/NAMESPACE/NAME`, without a version.",
                );
                return None;
            }
        };
        let versions = match &spec.versions {
            None => None,
            Some(text) => Some(self.versions(&pattern, text)?),
        };
        let written = match &spec.versions {
            None => purl.value.clone(),
            Some(text) => format!("{} {}", purl.value, text.value),
        };
        Some(Ban {
            pattern,
            versions,
            written,
        })
    }

    fn versions(&mut self, pattern: &PurlPattern, text: &Text) -> Option<VersionRange> {
        let Some(ecosystem) = Ecosystem::of(pattern.kind()) else {
            let message = format!(
                "versions of `pkg:{}` cannot be compared here",
                pattern.kind()
            );
            self.notes.error_with(
                ReasonCode::WrongValue,
                text.at,
                message,
                "Leave `versions` out: then every version is banned.",
            );
            return None;
        };
        match VersionRange::parse(ecosystem, &text.value) {
            Ok(range) => Some(range),
            Err(error) => {
                let message = format!("`{}` is no range of versions: {error}", text.value);
                self.notes.error_with(
                    ReasonCode::WrongValue,
                    text.at,
                    message,
                    "Write comparators, separated by commas: `>=2.0, <2.17.1`.",
                );
                None
            }
        }
    }

    fn fields(&mut self, spec: &FieldsSpec) -> Option<Fields> {
        if spec.is_empty() {
            self.notes
                .error(ReasonCode::EmptyList, spec.at, "`fields` demands nothing");
            return None;
        }
        let (mut coverage, mut document) = (Vec::new(), Vec::new());
        match (&spec.preset, &spec.min_coverage) {
            (Some(preset), Some(percent)) => {
                let mut fields = NTIA.0.to_vec();
                document.extend(NTIA.1);
                if preset.value == PresetWord::Cisa2025 {
                    fields.extend(CISA.0);
                    document.extend(CISA.1);
                }
                coverage.extend(fields.into_iter().map(|field| (field, percent.value.0)));
            }
            (Some(preset), None) => {
                self.notes.error_with(
                    ReasonCode::MissingField,
                    preset.at,
                    "the preset needs `minCoverage`",
                    "Say of how many components it must hold: no generator of today states every supplier.",
                );
                return None;
            }
            (None, Some(percent)) => {
                let why = "`minCoverage` has no effect without `preset`";
                self.notes.warning(ReasonCode::NoEffect, percent.at, why);
            }
            (None, None) => {}
        }
        for (field, written) in [
            (Field::Name, &spec.name),
            (Field::Version, &spec.version),
            (Field::Supplier, &spec.supplier),
            (Field::UniqueId, &spec.unique_id),
            (Field::Hashes, &spec.hashes),
            (Field::Licenses, &spec.licenses),
        ] {
            if let Some(written) = written {
                let percent = written.min_coverage.as_ref()?.value.0;
                coverage.retain(|(other, _)| *other != field);
                coverage.push((field, percent));
            }
        }
        for word in spec.document.iter().flat_map(|list| &list.value) {
            let field = match word.value {
                DocumentWord::Author => DocumentField::Author,
                DocumentWord::Timestamp => DocumentField::Timestamp,
                DocumentWord::Generator => DocumentField::Generator,
                DocumentWord::Relationships => DocumentField::Relationships,
                DocumentWord::Identity => DocumentField::Identity,
                DocumentWord::Phase => DocumentField::Phase,
            };
            if document.contains(&field) {
                let message = format!("`{}` is demanded already", field.name());
                self.notes.warning(ReasonCode::NoEffect, word.at, message);
            } else {
                document.push(field);
            }
        }
        Some((coverage, document))
    }
}

fn lenience(word: Option<&Spanned<LenienceWord>>) -> Lenience {
    match word.map(|word| word.value) {
        None | Some(LenienceWord::Deny) => Lenience::Deny,
        Some(LenienceWord::Warn) => Lenience::Warn,
        Some(LenienceWord::Allow) => Lenience::Allow,
    }
}
