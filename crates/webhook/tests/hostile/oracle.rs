//! Which images a question would run, read by other code than the webhook's: serde_json's reader, and plain rules for the nine kinds.
//!
//! The fuzz target `review` includes this file too.

use serde_json::Value;

/// One image that an object would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// `containers`, `initContainers`, `ephemeralContainers` or `volumes`.
    pub(crate) list: &'static str,
    /// The name of the container or volume.
    pub(crate) name: Value,
    /// What is written.
    pub(crate) image: String,
}

/// What a question would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Runs {
    /// Nothing: an object goes, or something connects to it.
    Nothing,
    /// It cannot be told: it might run anything.
    Anything,
    /// These, which the old object does not run in the same place.
    New(Vec<Run>),
}

/// What the question in this body would run; anything if it is no JSON.
pub(crate) fn runs(body: &[u8]) -> Runs {
    let review: Value = serde_json::from_slice(body).unwrap_or_default();
    let request = &review["request"];
    let is_update = match request["operation"].as_str() {
        Some("DELETE" | "CONNECT") => return Runs::Nothing,
        Some("UPDATE") => true,
        Some("CREATE") => false,
        _ => return Runs::Anything,
    };
    let kind = request["kind"]["kind"].as_str().unwrap_or_default();
    let Some(new) = images(kind, &request["object"]) else {
        return Runs::Anything;
    };
    let old = match is_update {
        true => images(kind, &request["oldObject"]).unwrap_or_default(),
        false => Vec::new(),
    };
    Runs::New(new.into_iter().filter(|it| !old.contains(it)).collect())
}

/// Where an object of this kind has its PodSpec; none of another kind.
pub(crate) fn pod_spec(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Pod" => "/spec",
        "PodTemplate" => "/template/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "Deployment"
        | "ReplicaSet"
        | "StatefulSet"
        | "DaemonSet"
        | "Job"
        | "ReplicationController" => "/spec/template/spec",
        _ => return None,
    })
}

/// None if it cannot be told.
fn images(kind: &str, object: &Value) -> Option<Vec<Run>> {
    if object["kind"] != *kind {
        return None;
    }
    let spec = object.pointer(pod_spec(kind)?)?.as_object()?;
    let mut found = Vec::new();
    for list in [
        "containers",
        "initContainers",
        "ephemeralContainers",
        "volumes",
    ] {
        let entries = match spec.get(list) {
            None | Some(Value::Null) => &Vec::new(),
            Some(entries) => entries.as_array()?,
        };
        for entry in entries {
            let image = match (list, &entry["image"]) {
                ("volumes", Value::Null) => continue,
                ("volumes", image) => &image["reference"],
                (_, image) => image,
            };
            found.push(Run {
                list,
                name: entry["name"].clone(),
                image: image.as_str().filter(|it| !it.is_empty())?.to_owned(),
            });
        }
    }
    Some(found)
}
