//! The rule `provenance`.

use std::sync::Arc;

use super::{Compiler, Signers};
use crate::ReasonCode;
use crate::known::Known;
use crate::policy::document::{
    DependencySpec, OthersWord, ParametersSpec, ProvenanceSourceSpec, ProvenanceSpec,
};
use crate::policy::glob::Glob;
use crate::policy::notes::{At, did_you_mean};
use crate::policy::shape::{Number, Text};
use crate::policy::{EvidenceDemand, Selection, Wanted};
use crate::provenance::{
    BuilderDemand, DependencyDemand, ParameterDemand, ProvenanceDemand, SourceDemand,
};

/// The highest build level that SLSA v1 has.
pub(super) const HIGHEST_LEVEL: i64 = 3;

/// An algorithm, and hexadecimal digits.
type AnyDigest = (String, String);

impl Compiler<'_> {
    pub(super) fn provenance(
        &mut self,
        spec: &ProvenanceSpec,
        signers: &Signers,
    ) -> Option<EvidenceDemand> {
        let builders = match &spec.builders {
            None => Some(Vec::new()),
            Some(names) => {
                let found: Vec<Option<Arc<BuilderDemand>>> = names
                    .value
                    .iter()
                    .map(|name| self.builder_named(name))
                    .collect();
                found.into_iter().collect()
            }
        };
        self.builders_overlap(spec, builders.as_deref().unwrap_or_default());
        let min_level = match &spec.min_level {
            None => Some(1),
            Some(level) => self.build_level(level, 1),
        };
        if let (Some(builders), Some(wanted), Some(at)) = (&builders, min_level, &spec.min_level) {
            let best = builders.iter().map(|it| it.level).max().unwrap_or(1);
            if best < wanted {
                let message =
                    format!("no builder of the rule is trusted for level {wanted}: at most {best}");
                self.notes.error_with(
                    ReasonCode::ThresholdTooHigh,
                    at.at,
                    message,
                    "Name Builders of that level in `builders`, or lower it.",
                );
                return None;
            }
        }
        let source = match &spec.source {
            None => Some(SourceDemand::default()),
            Some(source) => self.provenance_source(source),
        };
        let workflows = match &spec.workflow {
            None => Some(Vec::new()),
            Some(list) => {
                self.duplicate_texts(&list.0);
                list.0.value.iter().map(|text| self.exact(text)).collect()
            }
        };
        let parameters = match &spec.parameters {
            None => Some(ParameterDemand::default()),
            Some(parameters) => self.parameters(parameters),
        };
        let dependencies = spec.dependencies.iter().flat_map(|list| &list.value);
        let dependencies: Vec<Option<DependencyDemand>> =
            dependencies.map(|one| self.dependency(one)).collect();
        let build_types = spec.build_types.iter().flat_map(|list| &list.value);
        let build_types: Vec<Option<String>> = build_types.map(|text| self.exact(text)).collect();
        let demand = self.evidence_demand(spec, signers, Selection::Any);
        let wanted = Wanted::Provenance(Box::new(ProvenanceDemand {
            builders: builders?,
            min_level: min_level?,
            source: source?,
            workflows: workflows?,
            parameters: parameters?,
            dependencies: dependencies.into_iter().collect::<Option<_>>()?,
            build_types: build_types.into_iter().collect::<Option<_>>()?,
            known: Known::default(),
        }));
        Some(demand?.wanting(wanted))
    }

    /// Builders of one rule that a provenance can be by both: the lower level counts, and the other one is never reached there.
    fn builders_overlap(&mut self, spec: &ProvenanceSpec, builders: &[Arc<BuilderDemand>]) {
        let names = spec.builders.iter().flat_map(|list| &list.value);
        for (index, (builder, name)) in builders.iter().zip(names).enumerate() {
            for other in builders.iter().take(index) {
                if builder.name == other.name {
                    let message = format!("the Builder `{}` stands twice in the list", other.name);
                    self.notes
                        .error(ReasonCode::DuplicateItem, name.at, message);
                } else if builder.level != other.level && builder.overlaps(other) {
                    let message = format!(
                        "one build may be by the Builder `{}` (level {}) and by `{}` (level {}): the lower level counts",
                        other.name, other.level, builder.name, builder.level
                    );
                    self.notes
                        .warning(ReasonCode::OverlappingBuilders, name.at, message);
                }
            }
        }
    }

    /// A build level, from the least that makes sense.
    pub(super) fn build_level(&mut self, level: &Number, least: i64) -> Option<u8> {
        let good = (least..=HIGHEST_LEVEL).contains(&level.value);
        if !good {
            let message = format!("SLSA build levels here are {least} to {HIGHEST_LEVEL}");
            self.notes.error(ReasonCode::WrongValue, level.at, message);
        }
        u8::try_from(level.value).ok().filter(|_| good)
    }

    fn builder_named(
        &mut self,
        name: &crate::policy::notes::Spanned<crate::policy::scalar::Name>,
    ) -> Option<Arc<BuilderDemand>> {
        let text = name.value.0.as_str();
        if let Some(found) = self.builders.by_name.get(text) {
            return found.clone();
        }
        if !self.builders.lost {
            let guess = did_you_mean(text, self.builders.by_name.keys().map(String::as_str));
            let message = format!("there is no Builder `{text}`{guess}");
            self.notes.error(ReasonCode::UnknownName, name.at, message);
        }
        None
    }

    fn provenance_source(&mut self, spec: &ProvenanceSourceSpec) -> Option<SourceDemand> {
        if spec.is_empty() {
            self.notes
                .error(ReasonCode::EmptyList, spec.at, "`source` demands nothing");
            return None;
        }
        let claims = self.provenance_claims(spec);
        let tags = match &spec.tags {
            None => None,
            Some(tags) => Some(self.version_range(tags)?),
        };
        Some(SourceDemand {
            claims,
            tags,
            names_events: spec.events.is_some(),
        })
    }

    fn version_range(&mut self, tags: &Text) -> Option<semver::VersionReq> {
        match semver::VersionReq::parse(&tags.value) {
            Ok(range) if !range.comparators.is_empty() => Some(range),
            Ok(_) => {
                self.notes.error_with(
                    ReasonCode::BroadPattern,
                    tags.at,
                    "`*` is every version",
                    "Write a range, such as `>=1.2, <2`, or `refs: [\"refs/tags/**\"]` for every tag.",
                );
                None
            }
            Err(error) => {
                let message = format!("`{}` is not a range of versions: {error}", tags.value);
                self.notes.error_with(
                    ReasonCode::BadPattern,
                    tags.at,
                    message,
                    "Write a semantic version requirement, such as `>=1.2, <2` or `~1.4`.",
                );
                None
            }
        }
    }

    /// A pattern over whole refs: `main` alone would match nothing.
    pub(super) fn whole_ref(glob: &Glob) -> Option<(&'static str, String)> {
        let text = glob.as_str();
        let good = text.starts_with("refs/") || text.starts_with("**");
        (!good).then(|| {
            let hint =
                format!("Write `refs/heads/{text}` for a branch or `refs/tags/{text}` for a tag.");
            ("is not a whole ref", hint)
        })
    }

    fn parameters(&mut self, spec: &ParametersSpec) -> Option<ParameterDemand> {
        if spec.is_empty() {
            self.notes.error(
                ReasonCode::EmptyList,
                spec.at,
                "`parameters` demands nothing",
            );
            return None;
        }
        let mut values = Vec::new();
        for (name, list) in spec.values.iter().flat_map(|table| &table.value) {
            self.duplicate_texts(list);
            let texts = list.value.iter().map(|text| text.value.clone());
            values.push((name.value.clone(), texts.collect()));
        }
        Some(ParameterDemand {
            values,
            others: spec
                .others
                .as_ref()
                .is_some_and(|word| word.value == OthersWord::Unsafe),
        })
    }

    fn dependency(&mut self, spec: &DependencySpec) -> Option<DependencyDemand> {
        let (uri, digest) = self.uri_or_digest(
            "the dependency",
            spec.at,
            spec.uri.as_ref(),
            spec.digest.as_ref(),
        )?;
        Some(DependencyDemand { uri, digest })
    }

    /// What is named by its URI, its digest or both; by neither is an error.
    pub(super) fn uri_or_digest(
        &mut self,
        what: &str,
        at: At,
        uri: Option<&Text>,
        digest: Option<&Text>,
    ) -> Option<(Option<String>, Option<AnyDigest>)> {
        if uri.is_none() && digest.is_none() {
            self.notes.error_with(
                ReasonCode::EmptyList,
                at,
                format!("{what} demands nothing"),
                "Write `uri`, `digest` or both.",
            );
            return None;
        }
        let uri = match uri {
            None => None,
            Some(uri) => Some(self.exact(uri)?),
        };
        let digest = match digest {
            None => None,
            Some(digest) => Some(self.any_digest(digest)?),
        };
        Some((uri, digest))
    }

    /// `ALGORITHM:HEX`, as provenance names digests.
    pub(super) fn any_digest(&mut self, text: &Text) -> Option<AnyDigest> {
        let parts = text.value.split_once(':');
        let good = parts.filter(|(algorithm, hex)| {
            let is_hex = hex
                .bytes()
                .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
            let is_name = algorithm.bytes().all(|it| it.is_ascii_alphanumeric());
            !algorithm.is_empty() && is_name && hex.len() >= 40 && hex.len() % 2 == 0 && is_hex
        });
        if good.is_none() {
            let message = format!("`{}` is not a digest", text.value);
            self.notes.error_with(
                ReasonCode::WrongValue,
                text.at,
                message,
                "Write the algorithm and all lower-case hexadecimal digits: `sha256:…`, `gitCommit:…`.",
            );
        }
        good.map(|(algorithm, hex)| (algorithm.to_owned(), hex.to_owned()))
    }
}
