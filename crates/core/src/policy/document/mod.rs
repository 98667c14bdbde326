//! The documents of a policy set, as they are written. The JSON Schema is made from these declarations.

mod break_glass;
mod exception;
mod from;
mod policy;
mod provenance;
mod revocation;
mod root;
mod sbom;
mod signer;
mod summary;
mod vulnerabilities;

use serde_json::{Value as Json, json};

use super::notes::{At, Notes, Spanned, did_you_mean};
use super::scalar::Name;
use super::shape::{Fields, Need, Shape, Text, listed, mapping};
use super::tree::{Node, Plain, Value, plain};
use crate::ReasonCode;
pub(crate) use break_glass::BreakGlassSpec;
pub(crate) use exception::ExceptionSpec;
pub(crate) use from::{FromSpec, FromWord};
pub(crate) use policy::{
    DigestWord, MatchWord, ModeWord, NamespacesSpec, OnUnknownWord, PolicySpec, RuleSpec,
    SettingsSpec, SignatureSpec, StatementSpec, SubjectWord, UnmatchedWord,
};
pub(crate) use provenance::{
    BuilderIdSpec, BuilderSpec, DependencySpec, OfSignerWord, OthersWord, ParametersSpec,
    ProvenanceSourceSpec, ProvenanceSpec,
};
pub(crate) use revocation::RevocationSpec;
pub(crate) use root::{SctWord, TrustRootSpec, TufSpec};
pub(crate) use sbom::{
    BanSpec, DocumentWord, FieldsSpec, LenienceWord, LicensesSpec, PackagesSpec, PresetWord,
    SbomFormatWord, SbomSpec,
};
pub(crate) use signer::{
    BuildSpec, BundleWord, FormatWord, KeySpec, KeylessSpec, LogWord, SignerSpec, SourceSpec,
    SubjectSpec, TimeWord, WorkflowSpec,
};
pub(crate) use summary::{SummaryPolicySpec, SummarySpec, SummaryWord};
pub(crate) use vulnerabilities::{
    LeewaySpec, SeverityWord, UnknownSeverityWord, UnsupportedWord, VexSpec, VulnerabilitiesSpec,
};

/// The one version of policy documents.
pub(crate) const API_VERSION: &str = "countersign.dev/v1alpha1";
const KINDS: [&str; 8] = [
    "Settings",
    "Signer",
    "TrustRoot",
    "Policy",
    "Builder",
    "Exception",
    "Revocation",
    "BreakGlass",
];

/// One document of any kind, with its name.
#[derive(Debug, Clone)]
pub(crate) struct Document<S> {
    pub(crate) name: Spanned<Name>,
    pub(crate) spec: S,
}

/// Every document of a set, by kind, in the order of the files.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    pub(crate) settings: Vec<Document<SettingsSpec>>,
    pub(crate) signers: Vec<Document<SignerSpec>>,
    pub(crate) roots: Vec<Document<TrustRootSpec>>,
    pub(crate) policies: Vec<Document<PolicySpec>>,
    pub(crate) builders: Vec<Document<BuilderSpec>>,
    pub(crate) exceptions: Vec<Document<ExceptionSpec>>,
    pub(crate) revocations: Vec<Document<RevocationSpec>>,
    pub(crate) break_glass: Vec<Document<BreakGlassSpec>>,
    /// Whether a document could not be read at all, so that something may be missing for that reason only.
    pub(crate) lost: bool,
}

impl Documents {
    /// Reads one tree and files it under its kind.
    pub(crate) fn add(&mut self, node: &Node, notes: &mut Notes) {
        if let Value::Text { text, plain: true } = &node.value
            && plain(text) == Plain::Null
        {
            return; // `---` without anything behind it
        }
        let Some(fields) = Fields::of(node, notes) else {
            self.lost = true;
            return;
        };
        fields.finish(&["apiVersion", "kind", "metadata", "spec"], &[], notes);
        if let Some(version) = fields.take::<Text>("apiVersion", Need::Required, notes)
            && version.value != API_VERSION
        {
            let message = format!("`{}` is not a version that is read here", version.value);
            notes.error(ReasonCode::UnknownVersion, version.at, message);
        }
        let metadata = fields.take::<Metadata>("metadata", Need::Required, notes);
        let name = metadata.and_then(|metadata| metadata.name);
        match fields.take::<Text>("kind", Need::Required, notes) {
            None => self.lost = true,
            Some(kind) => match kind.value.as_str() {
                "Settings" => {
                    self.lost |= !push(&mut self.settings, document(name, &fields, notes))
                }
                "Signer" => self.lost |= !push(&mut self.signers, document(name, &fields, notes)),
                "TrustRoot" => self.lost |= !push(&mut self.roots, document(name, &fields, notes)),
                "Policy" => self.lost |= !push(&mut self.policies, document(name, &fields, notes)),
                "Builder" => self.lost |= !push(&mut self.builders, document(name, &fields, notes)),
                "Exception" => {
                    self.lost |= !push(&mut self.exceptions, document(name, &fields, notes));
                }
                "Revocation" => {
                    self.lost |= !push(&mut self.revocations, document(name, &fields, notes));
                }
                "BreakGlass" => {
                    self.lost |= !push(&mut self.break_glass, document(name, &fields, notes));
                }
                other => {
                    self.lost = true;
                    unknown_kind(other, kind.at, notes);
                }
            },
        }
    }
}

/// The JSON Schema of one policy document, as in `docs/policy.schema.json`.
pub(crate) fn schema() -> Json {
    fn of<S: Shape>(kind: &str) -> Json {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["apiVersion", "kind", "metadata", "spec"],
            "properties": {
                "apiVersion": {"const": API_VERSION},
                "kind": {"const": kind},
                "metadata": Metadata::schema(),
                "spec": S::schema(),
            },
        })
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "countersign policy document",
        "oneOf": [
            of::<SettingsSpec>("Settings"),
            of::<SignerSpec>("Signer"),
            of::<TrustRootSpec>("TrustRoot"),
            of::<PolicySpec>("Policy"),
            of::<BuilderSpec>("Builder"),
            of::<ExceptionSpec>("Exception"),
            of::<RevocationSpec>("Revocation"),
            of::<BreakGlassSpec>("BreakGlass"),
        ],
    })
}

fn document<S: Shape>(
    name: Option<Spanned<Name>>,
    fields: &Fields<'_>,
    notes: &mut Notes,
) -> Option<Document<S>> {
    let spec = fields.take::<S>("spec", Need::Required, notes);
    Some(Document {
        name: name?,
        spec: spec?,
    })
}

fn push<T>(list: &mut Vec<T>, item: Option<T>) -> bool {
    let there = item.is_some();
    list.extend(item);
    there
}

fn unknown_kind(kind: &str, at: At, notes: &mut Notes) {
    let guess = did_you_mean(kind, KINDS);
    let hint = format!("Write one of {}.", listed(&KINDS));
    notes.error_with(
        ReasonCode::UnknownKind,
        at,
        format!("there is no kind `{kind}`{guess}"),
        hint,
    );
}

mapping! {
    /// What the document is called.
    struct Metadata later [] {
        /// The name, unique among documents of this kind.
        name "name" Required: Spanned<Name>,
    }
}
