//! The documents of a policy set, as they are written. The JSON Schema is made from these declarations.

use serde_json::{Value as Json, json};

use super::notes::{At, Notes, Spanned, did_you_mean};
use super::scalar::{Begin, Duration, End, Name};
use super::shape::{
    Fields, Items, Need, Number, Shape, Text, choice, listed, mapping, text_of, wrong_type,
};
use super::yaml::{Node, Value};
use crate::ReasonCode;

/// The one version of policy documents.
pub(crate) const API_VERSION: &str = "countersign.dev/v1alpha1";
const KINDS: [&str; 4] = ["Settings", "Signer", "TrustRoot", "Policy"];
/// Kinds of the design that come with later versions: refused by name, never ignored.
const LATER_KINDS: [&str; 4] = ["Exception", "Revocation", "BreakGlass", "Builder"];

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
    /// Whether a document could not be read at all, so that something may be missing for that reason only.
    pub(crate) lost: bool,
}

impl Documents {
    /// Reads one tree and files it under its kind.
    pub(crate) fn add(&mut self, node: &Node, notes: &mut Notes) {
        if let Value::Text { text, plain: true } = &node.value
            && super::yaml::plain(text) == super::yaml::Plain::Null
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
    if LATER_KINDS.contains(&kind) {
        let message = format!("the kind `{kind}` is not supported by this version of countersign");
        notes.error(ReasonCode::NotSupported, at, message);
        return;
    }
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

mapping! {
    /// What holds for the whole set; exactly one per set.
    struct SettingsSpec later ["stale", "trust", "platforms", "cluster", "registries"] {
        /// What happens to an image that no effective, enforcing policy names. Default: deny.
        unmatched "unmatched" Optional: Spanned<UnmatchedWord>,
        /// What happens when evidence is unavailable; when it is hostile, the answer is always no. Default: deny.
        on_unknown "onUnknown" Optional: Spanned<OnUnknownWord>,
    }
}

choice! {
    /// `unmatched`.
    enum UnmatchedWord { Deny "deny", Warn "warn", Allow "allow", }
}

choice! {
    /// `onUnknown`.
    enum OnUnknownWord { Deny "deny", Allow "allow", }
}

mapping! {
    /// Somebody whose signatures can count: an identity that an OIDC issuer vouches for, or keys.
    struct SignerSpec later [] {
        /// The one TrustRoot that vouches for certificates, logs and times; `public-good` is built in.
        trust "trust" Optional: Spanned<Name>,
        /// A short-lived certificate for an OIDC identity.
        keyless "keyless" Optional: KeylessSpec,
        /// Public keys; several for a staged rotation.
        keys "keys" Optional: Items<KeySpec>,
        /// Whether a transparency log must hold the signature. Default: required where the trust root lists a log.
        log "log" Optional: Spanned<LogWord>,
        /// Which proven times count: a log's signed entry timestamp, an RFC 3161 timestamp, either (default), or none (keys only).
        time "time" Optional: Spanned<TimeWord>,
        /// In which formats signatures count. Default: both.
        formats "formats" Optional: Items<Spanned<FormatWord>>,
        /// Which versions of Sigstore bundles count. Default: v0.3.
        bundle_versions "bundleVersions" Optional: Items<Spanned<BundleWord>>,
    }
}

choice! {
    /// `log`.
    enum LogWord { Required "required", Off "off", }
}

choice! {
    /// `time`.
    enum TimeWord { Log "log", Timestamp "timestamp", Either "either", None "none", }
}

choice! {
    /// `formats`.
    enum FormatWord { Bundle "bundle", Legacy "legacy", }
}

choice! {
    /// `bundleVersions`.
    enum BundleWord { V01 "v0.1", V02 "v0.2", V03 "v0.3", }
}

mapping! {
    /// An identity that an OIDC issuer vouches for.
    struct KeylessSpec later [] {
        /// The OIDC issuer, compared exactly.
        issuer "issuer" Required: Text,
        /// The certificate's subject alternative name.
        subject "subject" Required: SubjectSpec,
        /// What the CI provider must have stated (Fulcio's extensions).
        source "source" Optional: SourceSpec,
        /// `unsafe`: a workflow counts whoever called it.
        any_caller "anyCaller" Optional: Spanned<AnyCallerWord>,
    }
}

choice! {
    /// `anyCaller`.
    enum AnyCallerWord { Unsafe "unsafe", }
}

mapping! {
    /// The certificate's subject alternative name; exactly one of the fields.
    struct SubjectSpec later [] {
        /// The whole value, of any kind.
        exact "exact" Optional: Text,
        /// A whole e-mail address.
        email "email" Optional: Text,
        /// A whole URI.
        uri "uri" Optional: Text,
        /// A regular expression, anchored at both ends.
        regex "regex" Optional: Text,
        /// A GitHub Actions workflow.
        workflow "workflow" Optional: WorkflowSpec,
    }
}

mapping! {
    /// A GitHub Actions workflow, called from anywhere.
    struct WorkflowSpec later [] {
        /// `OWNER/REPOSITORY/.github/workflows/FILE`, compared exactly.
        path "path" Required: Text,
        /// Refs of the workflow's file; `*` stays within one path element, `**` crosses.
        refs "refs" Required: Items<Text>,
    }
}

mapping! {
    /// What the CI provider must have stated; a claim that the certificate lacks matches nothing.
    struct SourceSpec later [] {
        /// The repository that was built: `acme/app` on GitHub, or with its host.
        repository "repository" Optional: Text,
        /// The repository's number, which survives renaming.
        repository_id "repositoryId" Optional: Text,
        /// The owner's number.
        owner_id "ownerId" Optional: Text,
        /// Refs that were built; `*` stays within one path element, `**` crosses.
        refs "refs" Optional: Items<Text>,
        /// Events that started the run, such as `push`.
        events "events" Optional: Items<Text>,
        /// `github-hosted` or `self-hosted`.
        runner "runner" Optional: Text,
        /// The deployment environment.
        environment "environment" Optional: Text,
    }
}

mapping! {
    /// One public key, as `pem` or as `file`.
    struct KeySpec later [] {
        /// What the key is called.
        id "id" Required: Spanned<Name>,
        /// One PEM block `PUBLIC KEY`.
        pem "pem" Optional: Text,
        /// A file with one PEM block, relative to the policy file and inside its folder.
        file "file" Optional: Text,
        /// Signatures proven to be older do not count. A date begins at 00:00 UTC.
        valid_from "validFrom" Optional: Spanned<Begin>,
        /// Signatures proven to be younger do not count. A date ends at 24:00 UTC.
        valid_until "validUntil" Optional: Spanned<End>,
    }
}

mapping! {
    /// One Sigstore instance's trust material.
    struct TrustRootSpec later ["tuf"] {
        /// A `trusted_root.json`, relative to the policy file and inside its folder.
        file "file" Optional: Text,
        /// The same, inline: as a mapping, or as text that holds the JSON.
        trusted_root "trustedRoot" Optional: Inline,
        /// Whether certificates need a proof of certificate transparency. `none` only where the root lists no CT log. Default: required.
        sct "sct" Optional: Spanned<SctWord>,
    }
}

choice! {
    /// `sct`.
    enum SctWord { Required "required", None "none", }
}

mapping! {
    /// What images must fulfil.
    struct PolicySpec later ["namespaces", "emits"] {
        /// Patterns over the canonical `host/path`, without tag or digest; `*` stays within one path element, `**` crosses.
        images "images" Required: Items<Text>,
        /// Patterns that are left out.
        except "except" Optional: Items<Text>,
        /// What a failure does. Default: enforce.
        mode "mode" Optional: Spanned<ModeWord>,
        /// Before this time a failure is a warning.
        effective_from "effectiveFrom" Optional: Spanned<Begin>,
        /// All must pass.
        rules "rules" Required: Items<RuleSpec>,
    }
}

choice! {
    /// `mode`.
    enum ModeWord { Enforce "enforce", Warn "warn", Audit "audit", }
}

mapping! {
    /// One rule: a name and exactly one condition.
    struct RuleSpec later ["provenance", "sbom", "vulnerabilities", "summary", "vex", "ageAlways"] {
        /// The name by which it is cited.
        name "name" Required: Spanned<Name>,
        /// Whether the reference must have a digest.
        digest "digest" Optional: Spanned<DigestWord>,
        /// The image is signed.
        signature "signature" Optional: SignatureSpec,
        /// Something is attested about the image.
        statement "statement" Optional: StatementSpec,
        /// Before this time a failure is a warning.
        effective_from "effectiveFrom" Optional: Spanned<Begin>,
    }
}

choice! {
    /// `digest`.
    enum DigestWord { Required "required", Unsafe "resolve-at-admission-unsafe", }
}

mapping! {
    /// Simple signing, or a statement of type `https://sigstore.dev/cosign/sign/v1`.
    struct SignatureSpec later ["blob", "minAge", "ageAlways", "subject"] {
        /// By whom.
        from "from" Required: FromSpec,
        /// How old it may be, counted from the earliest proven time.
        max_age "maxAge" Optional: Spanned<Duration>,
        /// Which of several count. Default: any.
        selection "match" Optional: Spanned<MatchWord>,
    }
}

mapping! {
    /// A verified in-toto statement of a type.
    struct StatementSpec later ["where", "minAge", "ageAlways", "subject"] {
        /// By whom.
        from "from" Required: FromSpec,
        /// The predicate type, compared exactly.
        predicate_type "predicateType" Required: Text,
        /// How old it may be, counted from the earliest proven time.
        max_age "maxAge" Optional: Spanned<Duration>,
        /// Which of several count. Default: newest.
        selection "match" Optional: Spanned<MatchWord>,
    }
}

choice! {
    /// `match`.
    enum MatchWord { Any "any", All "all", Newest "newest", }
}

/// `from`: one name, or a word with a list.
#[derive(Debug, Clone)]
pub(crate) struct FromSpec {
    pub(crate) at: At,
    pub(crate) names: Vec<Spanned<Name>>,
    pub(crate) word: FromWord,
}

/// How many of the names.
#[derive(Debug, Clone)]
pub(crate) enum FromWord {
    Any,
    All,
    AtLeast(Number),
}

mapping! {
    /// `any`, `all`, or `atLeast` with `of`.
    struct FromMap later [] {
        /// One of them.
        any "any" Optional: Items<Spanned<Name>>,
        /// Each of them.
        all "all" Optional: Items<Spanned<Name>>,
        /// So many of them.
        at_least "atLeast" Optional: Number,
        /// The names that `atLeast` counts.
        of "of" Optional: Items<Spanned<Name>>,
    }
}

impl Shape for FromSpec {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        match &node.value {
            Value::Text { .. } => {
                let name = Spanned::<Name>::read(node, notes)?;
                Some(Self {
                    at: node.at,
                    names: vec![name],
                    word: FromWord::All,
                })
            }
            Value::List(_) => {
                notes.error_with(
                    ReasonCode::WrongType,
                    node.at,
                    "a list of Signers needs a word that says how many of them",
                    "Write `{all: […]}`, `{any: […]}` or `{atLeast: 2, of: […]}`.",
                );
                None
            }
            Value::Map(entries) => {
                let had = |name: &str| entries.iter().any(|(key, _)| key.text == name);
                let words = [had("any"), had("all"), had("atLeast") || had("of")];
                let map = FromMap::read(node, notes)?;
                if words.iter().filter(|had| **had).count() != 1 {
                    notes.error_with(
                        ReasonCode::WrongValue,
                        node.at,
                        "`from` takes exactly one of `any`, `all`, and `atLeast` with `of`",
                        "Write a name, `{all: […]}`, `{any: […]}` or `{atLeast: 2, of: […]}`.",
                    );
                    return None;
                }
                if had("atLeast") != had("of") {
                    let missing = if had("of") { "atLeast" } else { "of" };
                    notes.error(
                        ReasonCode::MissingField,
                        node.at,
                        format!("the field `{missing}` is missing"),
                    );
                }
                let (names, word) = match map {
                    FromMap {
                        any: Some(names), ..
                    } => (names, FromWord::Any),
                    FromMap {
                        all: Some(names), ..
                    } => (names, FromWord::All),
                    FromMap {
                        at_least: Some(count),
                        of: Some(names),
                        ..
                    } => (names, FromWord::AtLeast(count)),
                    _ => return None,
                };
                Some(Self {
                    at: node.at,
                    names: names.value,
                    word,
                })
            }
            Value::Bad => wrong_type(node, "a name or a mapping", notes),
        }
    }

    fn schema() -> Json {
        let names = Items::<Spanned<Name>>::schema();
        json!({"oneOf": [
            Spanned::<Name>::schema(),
            {"type": "object", "additionalProperties": false, "required": ["any"], "properties": {"any": names}},
            {"type": "object", "additionalProperties": false, "required": ["all"], "properties": {"all": names}},
            {"type": "object", "additionalProperties": false, "required": ["atLeast", "of"],
             "properties": {"atLeast": {"type": "integer", "minimum": 1}, "of": names}},
        ]})
    }
}

/// An inline `trustedRoot`: the JSON that it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Inline {
    pub(crate) at: At,
    pub(crate) json: Vec<u8>,
}

impl Shape for Inline {
    fn read(node: &Node, notes: &mut Notes) -> Option<Self> {
        let json = match &node.value {
            Value::Map(_) => to_json(node)?.to_string().into_bytes(),
            _ => text_of(node, "a mapping, or text with JSON", None, notes)?
                .as_bytes()
                .to_vec(),
        };
        Some(Self { at: node.at, json })
    }

    fn schema() -> Json {
        json!({"type": ["object", "string"]})
    }
}

/// A tree as JSON; `None` if part of it was already reported. The depth is bounded by the YAML reader's.
fn to_json(node: &Node) -> Option<Json> {
    Some(match &node.value {
        Value::Bad => return None,
        Value::List(items) => Json::Array(items.iter().map(to_json).collect::<Option<_>>()?),
        Value::Map(entries) => Json::Object(
            entries
                .iter()
                .map(|(key, value)| Some((key.text.clone(), to_json(value)?)))
                .collect::<Option<_>>()?,
        ),
        Value::Text { text, plain: false } => Json::String(text.clone()),
        Value::Text { text, plain: true } => match super::yaml::plain(text) {
            super::yaml::Plain::Null => Json::Null,
            super::yaml::Plain::Bool(value) => Json::Bool(value),
            super::yaml::Plain::Number => {
                serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone()))
            }
            super::yaml::Plain::Text => Json::String(text.clone()),
        },
    })
}
