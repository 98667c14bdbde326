//! OpenVEX v0.2.0, and v0.0.1, whose vulnerabilities and products are texts (openvex/spec, "OpenVEX Specification").

use std::collections::BTreeMap;

use serde::Deserialize;

use super::product::{Product, Thing};
use super::{About, Assertion, MOST_ASSERTIONS, Status};
use crate::UnixTime;
use crate::json::{Few, null_is_default};

/// "Status Justifications".
const JUSTIFICATIONS: [&str; 5] = [
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
];
/// Contexts whose statements are read; v0.0.1 had the bare one.
const CONTEXTS: [&str; 3] = [
    "https://openvex.dev/ns",
    "https://openvex.dev/ns/v0.0.1",
    "https://openvex.dev/ns/v0.2.0",
];
/// Names, identifiers and parts of one thing.
const MOST_NAMES: usize = 1024;

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "@context")]
    context: String,
    timestamp: Option<String>,
    statements: Few<Statement, MOST_ASSERTIONS>,
}

#[derive(Deserialize)]
struct Statement {
    vulnerability: Vulnerability,
    timestamp: Option<String>,
    products: Option<Few<Component, MOST_ASSERTIONS>>,
    /// Of v0.0.1; later they stand in the product.
    #[serde(default, deserialize_with = "null_is_default")]
    subcomponents: Few<Component, MOST_NAMES>,
    status: String,
    justification: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Vulnerability {
    Name(String),
    Named {
        name: String,
        #[serde(default, deserialize_with = "null_is_default")]
        aliases: Few<String, MOST_NAMES>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Component {
    Name(String),
    Described {
        #[serde(rename = "@id")]
        id: Option<String>,
        #[serde(default, deserialize_with = "null_is_default")]
        identifiers: BTreeMap<String, String>,
        #[serde(default, deserialize_with = "null_is_default")]
        hashes: BTreeMap<String, String>,
        #[serde(default, deserialize_with = "null_is_default")]
        subcomponents: Few<Component, MOST_NAMES>,
    },
}

/// Reads a document.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(json: &[u8]) -> Result<Vec<Assertion>, String> {
    let document: Document = crate::json::typed(json)?;
    if !CONTEXTS.contains(&document.context.as_str()) {
        return Err(format!("its context is `{}`", document.context));
    }
    let issued = document.timestamp.as_deref();
    let statements = document.statements.0.into_iter();
    statements.map(|one| one.assertion(issued)).collect()
}

impl Statement {
    fn assertion(self, issued: Option<&str>) -> Result<Assertion, String> {
        let status = match self.status.as_str() {
            "fixed" => Status::Fixed,
            "not_affected" => Status::not_affected(self.justification, &JUSTIFICATIONS),
            "affected" | "under_investigation" => Status::Counts(self.status),
            other => return Err(format!("a status is `{other}`")),
        };
        let stated = match self.timestamp.as_deref().or(issued) {
            None => None,
            Some(text) => Some(UnixTime::parse(text).map_err(|error| error.to_string())?),
        };
        let everywhere: Vec<Thing> = self
            .subcomponents
            .0
            .into_iter()
            .map(|one| one.thing().0)
            .collect();
        let about = match self.products {
            // "can cascade down from the encapsulating document": the statement's subject.
            None if everywhere.is_empty() => About::Subject,
            None => return Err("a statement has subcomponents without products".to_owned()),
            Some(products) => About::Products(
                products
                    .0
                    .into_iter()
                    .map(|one| {
                        let (whole, mut parts) = one.thing();
                        parts.extend(everywhere.iter().cloned());
                        Product { whole, parts }
                    })
                    .collect(),
            ),
        };
        let names = match self.vulnerability {
            Vulnerability::Name(name) => vec![name],
            Vulnerability::Named { name, aliases } => {
                std::iter::once(name).chain(aliases.0).collect()
            }
        };
        Ok(Assertion {
            names,
            about,
            status,
            stated,
        })
    }
}

impl Component {
    /// The thing itself and its parts. Parts of parts are not looked at.
    fn thing(self) -> (Thing, Vec<Thing>) {
        match self {
            Self::Name(name) => (Thing::named(&name), Vec::new()),
            Self::Described {
                id,
                identifiers,
                hashes,
                subcomponents,
            } => {
                let mut thing = id.as_deref().map(Thing::named).unwrap_or_default();
                if let Some(purl) = identifiers.get("purl") {
                    thing.purls.extend(Thing::named(purl).purls);
                }
                thing.sha256.extend(hashes.get("sha-256").cloned());
                let parts = subcomponents.0.into_iter().map(|one| one.thing().0);
                (thing, parts.collect())
            }
        }
    }
}
