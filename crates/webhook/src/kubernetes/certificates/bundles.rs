//! The `caBundle` of webhook configurations: by which authorities the API server knows the webhook.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::timed;
use crate::config::WebhookConfiguration;
use crate::kubernetes::Kubernetes;

/// Who changed the field, in `managedFields`.
const MANAGER: &str = "countersign-webhook";

/// The configurations whose `caBundle` is kept right.
pub(super) struct Bundles(Vec<One>);

/// One of them; under a name without a kind there may be two.
struct One {
    name: String,
    apis: Vec<Api<DynamicObject>>,
}

/// What came of looking at one.
pub(super) enum Looked {
    /// Each of its webhooks has the bundle.
    Right,
    /// So many of its webhooks had another, or none, and have it now.
    Patched(usize),
    /// There is none of that name.
    Missing,
    /// It cannot be read or changed, for this reason.
    Failed(String),
}

impl Bundles {
    pub(super) fn new(kubernetes: &Kubernetes, wanted: &[WebhookConfiguration]) -> Self {
        let api = |of: &ApiResource| Api::all_with(kubernetes.client().clone(), of);
        let validating = ApiResource::erase::<ValidatingWebhookConfiguration>(&());
        let mutating = ApiResource::erase::<MutatingWebhookConfiguration>(&());
        let one = |it: &WebhookConfiguration| One {
            name: it.name.clone(),
            apis: [(it.is_validating, &validating), (it.is_mutating, &mutating)]
                .into_iter()
                .filter(|(is_wanted, _)| *is_wanted)
                .map(|(_, of)| api(of))
                .collect(),
        };
        Self(wanted.iter().map(one).collect())
    }

    /// Looks at each, and puts right what is not.
    pub(super) async fn keep(&self, bundle: &str) -> Vec<(String, Looked)> {
        let mut all = Vec::new();
        for one in &self.0 {
            let mut looked = Looked::Missing;
            for api in &one.apis {
                looked = match (looked, keep(api, &one.name, bundle).await) {
                    (Looked::Failed(why), _) | (_, Err(why)) => Looked::Failed(why),
                    (Looked::Patched(a), Ok(Looked::Patched(b))) => Looked::Patched(a + b),
                    (before, Ok(Looked::Missing)) | (before @ Looked::Patched(_), Ok(_)) => before,
                    (_, Ok(now)) => now,
                };
            }
            all.push((one.name.clone(), looked));
        }
        all
    }
}

async fn keep(api: &Api<DynamicObject>, name: &str, bundle: &str) -> Result<Looked, String> {
    let Some(found) = timed(api.get_opt(name)).await? else {
        return Ok(Looked::Missing);
    };
    let bundle = STANDARD.encode(bundle);
    let wrong = wrong(&found.data, &bundle);
    if wrong.is_empty() {
        return Ok(Looked::Right);
    }
    let changes: Vec<Value> = wrong
        .iter()
        .map(|webhook| json!({"name": webhook, "clientConfig": {"caBundle": bundle}}))
        .collect();
    // Webhooks are known again by their names. One that somebody has removed since would come back, so the version is compared.
    let patch = json!({
        "metadata": {"resourceVersion": found.metadata.resource_version},
        "webhooks": changes,
    });
    let how = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    timed(api.patch(name, &how, &Patch::Strategic(patch))).await?;
    Ok(Looked::Patched(wrong.len()))
}

/// The webhooks of a configuration that have another bundle than this one, base64.
fn wrong(configuration: &Value, bundle: &str) -> Vec<String> {
    let webhooks = configuration["webhooks"].as_array().into_iter().flatten();
    webhooks
        .filter(|it| it["clientConfig"]["caBundle"].as_str() != Some(bundle))
        .filter_map(|it| it["name"].as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_with_another_bundle_or_none_are_found() {
        let configuration = json!({"webhooks": [
            {"name": "right", "clientConfig": {"caBundle": "YQ=="}},
            {"name": "other", "clientConfig": {"caBundle": "Yg=="}},
            {"name": "none", "clientConfig": {}},
        ]});
        assert_eq!(wrong(&configuration, "YQ=="), ["other", "none"]);
        assert!(wrong(&json!({"metadata": {}}), "YQ==").is_empty());
    }
}
