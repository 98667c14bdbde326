//! VEX in CycloneDX: `vulnerabilities[]` with an `analysis` (CycloneDX 1.4 to 1.7, "Vulnerabilities").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::product::{Product, Thing};
use super::{About, Assertion, MOST_ASSERTIONS, Status};
use crate::UnixTime;
use crate::json::{Few, null_is_default};

/// The values of `impactAnalysisJustification`.
const JUSTIFICATIONS: [&str; 9] = [
    "code_not_present",
    "code_not_reachable",
    "requires_configuration",
    "requires_dependency",
    "requires_environment",
    "protected_by_compiler",
    "protected_at_runtime",
    "protected_at_perimeter",
    "protected_by_mitigating_control",
];
/// Components that a document may list for its references.
const MOST_COMPONENTS: usize = 200_000;
const MOST_NAMES: usize = 1024;

#[derive(Deserialize)]
struct Document {
    #[serde(default, deserialize_with = "null_is_default")]
    metadata: Metadata,
    #[serde(default, deserialize_with = "null_is_default")]
    components: Few<Component, MOST_COMPONENTS>,
    #[serde(default, deserialize_with = "null_is_default")]
    vulnerabilities: Few<Vulnerability, MOST_ASSERTIONS>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    timestamp: Option<String>,
    component: Option<Component>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(rename = "bom-ref")]
    reference: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    version: Option<String>,
    purl: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    hashes: Few<Hash, MOST_NAMES>,
    #[serde(default, deserialize_with = "null_is_default")]
    components: Few<Component, MOST_COMPONENTS>,
}

#[derive(Deserialize)]
struct Hash {
    alg: String,
    content: String,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    references: Few<Reference, MOST_NAMES>,
    analysis: Option<Analysis>,
    #[serde(default, deserialize_with = "null_is_default")]
    affects: Few<Affected, MOST_ASSERTIONS>,
    updated: Option<String>,
}

#[derive(Deserialize)]
struct Reference {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Analysis {
    state: Option<String>,
    justification: Option<String>,
    first_issued: Option<String>,
    last_updated: Option<String>,
}

#[derive(Deserialize)]
struct Affected {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default, deserialize_with = "null_is_default")]
    versions: Vec<IgnoredAny>,
}

/// Reads a document; one without vulnerabilities, such as a plain SBOM, asserts nothing.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(json: &[u8]) -> Result<Vec<Assertion>, String> {
    let document: Document = crate::json::typed(json)?;
    if document.vulnerabilities.0.is_empty() {
        return Ok(Vec::new());
    }
    let mut things = BTreeMap::new();
    for component in &document.components.0 {
        component.collect(&mut things);
    }
    if let Some(own) = &document.metadata.component {
        own.collect(&mut things);
    }
    let issued = document.metadata.timestamp.as_deref();
    let vulnerabilities = document.vulnerabilities.0.into_iter();
    let assertions = vulnerabilities.map(|one| one.assertion(&things, issued));
    assertions.filter_map(Result::transpose).collect()
}

impl Component {
    /// Notes what each reference stands for. The document's depth is bounded, and so is this recursion.
    fn collect<'c>(&'c self, things: &mut BTreeMap<&'c str, Thing>) {
        if let Some(reference) = &self.reference {
            things.insert(reference, self.thing());
        }
        for part in &self.components.0 {
            part.collect(things);
        }
    }

    fn thing(&self) -> Thing {
        let mut thing = self.purl.as_deref().map(Thing::named).unwrap_or_default();
        let hashes = self.hashes.0.iter();
        thing.sha256 = hashes
            .filter(|it| it.alg == "SHA-256")
            .map(|it| it.content.clone())
            .collect();
        // Syft names an image by its digest in the place of the version.
        let version = self.version.as_deref().unwrap_or_default();
        if self.kind.as_deref() == Some("container") {
            thing
                .sha256
                .extend(version.strip_prefix("sha256:").map(str::to_owned));
        }
        thing
    }
}

impl Vulnerability {
    fn assertion(
        self,
        things: &BTreeMap<&str, Thing>,
        issued: Option<&str>,
    ) -> Result<Option<Assertion>, String> {
        let (Some(id), Some(analysis)) = (self.id, self.analysis) else {
            return Ok(None);
        };
        let Some(state) = analysis.state else {
            return Ok(None);
        };
        let status = match state.as_str() {
            "resolved" | "resolved_with_pedigree" => Status::Fixed,
            "not_affected" => Status::not_affected(analysis.justification, &JUSTIFICATIONS),
            // `false_positive` takes no justification, and so it gives no reason.
            "exploitable" | "in_triage" | "false_positive" => Status::Counts(state),
            other => return Err(format!("a state is `{other}`")),
        };
        let own = analysis.last_updated.or(analysis.first_issued);
        let stated = match own.or(self.updated).as_deref().or(issued) {
            None => None,
            Some(text) => Some(UnixTime::parse(text).map_err(|error| error.to_string())?),
        };
        // Which versions of a product are meant is not told apart: what says the finding away has to be about the thing itself.
        let subtracts = status.subtracts();
        let affects = self.affects.0.into_iter();
        let products = affects
            .filter(|one| !subtracts || one.versions.is_empty())
            .map(|one| Product {
                whole: (things.get(one.reference.as_str()).cloned())
                    .unwrap_or_else(|| Thing::named(&one.reference)),
                parts: Vec::new(),
            });
        Ok(Some(Assertion {
            names: std::iter::once(id)
                .chain(self.references.0.into_iter().map(|it| it.id))
                .collect(),
            about: About::Products(products.collect()),
            status,
            stated,
        }))
    }
}
