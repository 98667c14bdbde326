//! What people and controllers do in a namespace, as data: one request each, and what has to come of it.

use std::fs;

use countersign_e2e::Answer;
use serde::Deserialize;
use serde_json::Value;

use crate::scene::{Lab, beside};

/// One request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// What it shows.
    it: String,
    #[serde(rename = "do")]
    verb: Verb,
    /// The resource without its namespace: `v1/pods`, `apps/v1/deployments/web/scale`.
    at: String,
    /// The object, or what of it changes.
    #[serde(default)]
    with: Value,
    then: Outcome,
    /// What the refusal's message says.
    #[serde(default)]
    says: Vec<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Verb {
    Create,
    Replace,
    /// A patch that replaces lists whole.
    Merge,
    /// A patch that knows items of lists again by their names.
    Patch,
    Delete,
}

#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Allowed,
    /// By the webhook, with status 403: a policy said no.
    Denied,
    /// By the webhook, with status 503: nobody could tell.
    Unknown,
    /// There is no such object.
    Missing,
    /// By the API server itself.
    Refused,
}

/// Runs every scenario of these files in their order, whatever comes of those before; gives back how many there were.
pub(crate) fn run(lab: &Lab, namespace: &str, files: &[&str]) -> usize {
    let mut count = 0;
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(beside(file)).unwrap();
        let scenarios: Vec<Scenario> = serde_saphyr::from_str(&text).unwrap();
        count += scenarios.len();
        for scenario in scenarios {
            let answer = scenario.ask(lab, namespace);
            if let Err(why) = scenario.check(lab, &answer) {
                wrong.push(format!("{file}: {}: {why}", scenario.it));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    count
}

impl Scenario {
    fn ask(&self, lab: &Lab, namespace: &str) -> Answer {
        let (version, resource) = match self.at.strip_prefix("v1/") {
            Some(resource) => ("/api/v1".to_owned(), resource),
            None => {
                let (group, rest) = self.at.split_once('/').unwrap();
                let (version, resource) = rest.split_once('/').unwrap();
                (format!("/apis/{group}/{version}"), resource)
            }
        };
        let path = format!("{version}/namespaces/{namespace}/{resource}");
        let (client, with) = (lab.admin(), lab.with_images(&self.with));
        match self.verb {
            Verb::Create => client.create(&path, &with),
            Verb::Replace => client.replace(&path, &with),
            Verb::Merge => client.merge(&path, &with),
            Verb::Patch => client.patch(&path, &with),
            Verb::Delete => client.delete(&path),
        }
        .unwrap()
    }

    fn check(&self, lab: &Lab, answer: &Answer) -> Result<(), String> {
        let is_ours = answer.message().starts_with("admission webhook ");
        let outcome = match answer.status {
            200..300 => Outcome::Allowed,
            403 if is_ours => Outcome::Denied,
            503 if is_ours => Outcome::Unknown,
            404 => Outcome::Missing,
            400 | 409 | 422 | 500 if !is_ours => Outcome::Refused,
            _ => return Err(format!("{answer:?}")),
        };
        if outcome != self.then {
            return Err(format!(
                "{outcome:?} in place of {:?}: {answer:?}",
                self.then
            ));
        }
        for text in &self.says {
            let text = lab.with_images(&Value::from(text.as_str()));
            let text = text.as_str().unwrap_or_default();
            if !answer.message().contains(text) {
                return Err(format!("nothing of `{text}`: {}", answer.message()));
            }
        }
        Ok(())
    }
}
