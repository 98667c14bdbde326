//! Evidence of every form as one JSON document, so that one mutator serves all.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::json::Json;
use crate::faults::Evidence;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Bundle,
    Sig,
    Att,
}

/// A bundle as it is; a `.sig` layer as `{payload, annotations}` and an `.att` layer as `{envelope, annotations}`, with what is
/// JSON inside annotations unfolded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) form: Form,
    pub(crate) json: Json,
}

/// cosign's annotations, and what they are called here.
const ANNOTATIONS: [(&str, &str); 5] = [
    ("signature", "dev.cosignproject.cosign/signature"),
    ("certificate", "dev.sigstore.cosign/certificate"),
    ("chain", "dev.sigstore.cosign/chain"),
    ("bundle", "dev.sigstore.cosign/bundle"),
    ("timestamp", "dev.sigstore.cosign/rfc3161timestamp"),
];

impl Document {
    /// `None` for what is no JSON.
    pub(crate) fn of(evidence: &Evidence) -> Option<Self> {
        let (form, json) = match evidence {
            Evidence::Bundle(bytes) => (Form::Bundle, Json::parse(bytes)?),
            Evidence::Sig(payload, annotations) => {
                let payload = Json::Text(STANDARD.encode(payload));
                (Form::Sig, layer("payload", payload, annotations))
            }
            Evidence::Att(envelope, annotations) => {
                let envelope = Json::parse(envelope)?;
                (Form::Att, layer("envelope", envelope, annotations))
            }
        };
        Some(Self { form, json })
    }

    /// `None` where a registry could not even carry it: annotations that are no texts, a payload that is no bytes.
    pub(crate) fn evidence(&self) -> Option<Evidence> {
        let annotations = || annotations(self.json.get("annotations")?);
        if self.form != Form::Bundle && self.json.members().len() != 2 {
            return None;
        }
        Some(match self.form {
            Form::Bundle => Evidence::Bundle(self.json.to_string().into_bytes()),
            Form::Sig => {
                let payload = STANDARD.decode(self.json.get("payload")?.as_text()?).ok()?;
                Evidence::Sig(payload, annotations()?)
            }
            Form::Att => {
                let envelope = self.json.get("envelope")?.to_string().into_bytes();
                Evidence::Att(envelope, annotations()?)
            }
        })
    }
}

fn layer(what: &str, value: Json, annotations: &BTreeMap<String, String>) -> Json {
    let unfolded = annotations.iter().map(|(name, text)| {
        let short = ANNOTATIONS.iter().find(|(_, full)| full == name);
        let short = short.map_or(name.as_str(), |(short, _)| short);
        let json = Some(text).filter(|_| is_json(short));
        let json = json.and_then(|text| Json::parse(text.as_bytes()));
        (short.to_owned(), json.unwrap_or_else(|| Json::text(text)))
    });
    Json::Object(vec![
        (what.to_owned(), value),
        ("annotations".to_owned(), Json::Object(unfolded.collect())),
    ])
}

fn annotations(json: &Json) -> Option<BTreeMap<String, String>> {
    let Json::Object(members) = json else {
        return None;
    };
    let mut annotations = BTreeMap::new();
    for (short, value) in members {
        let full = ANNOTATIONS.iter().find(|(name, _)| name == short);
        let name = full.map_or(short.as_str(), |(_, full)| full).to_owned();
        let text = match value {
            Json::Text(text) => text.clone(),
            json if is_json(short) => json.to_string(),
            _ => return None,
        };
        if annotations.insert(name, text).is_some() {
            return None;
        }
    }
    Some(annotations)
}

fn is_json(short: &str) -> bool {
    matches!(short, "bundle" | "timestamp")
}
