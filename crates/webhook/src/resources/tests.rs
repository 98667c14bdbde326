#![allow(clippy::unwrap_used)]
use super::*;
use countersign::PolicyFiles;
use countersign_core::UnixTime;
use serde_json::{Value, json};

use crate::crd::KINDS;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

fn kind(name: &str) -> Kind {
    *KINDS.iter().find(|kind| kind.name == name).unwrap()
}

fn object(of: &str, name: &str, spec: Value) -> Object {
    let known = Known {
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        resource_version: "7".to_owned(),
        generation: 3,
    };
    let fields = json!({"spec": spec});
    Object::new(kind(of), known, fields.as_object().unwrap().clone())
}

fn settings() -> Object {
    object("Settings", "acme", json!({"unmatched": "deny"}))
}

fn policy(digest: &str) -> Object {
    let rules = json!([{"name": "pinned", "digest": digest}]);
    object(
        "Policy",
        "pinned",
        json!({"images": ["h.io/**"], "rules": rules}),
    )
}

fn objects(all: impl IntoIterator<Item = Object>) -> Objects {
    let all = all.into_iter();
    all.map(|it| ((it.kind, it.name.clone()), Arc::new(it)))
        .collect()
}

fn verdict(all: impl IntoIterator<Item = Object>) -> Verdict {
    let objects = objects(all);
    let loaded = PolicyFiles::of_documents(documents(&objects)).load(&[]);
    Verdict {
        objects: Arc::new(objects),
        accepted: loaded.policies.is_some(),
        diagnostics: loaded.diagnostics,
        otherwise: None,
    }
}

/// `type=status/reason` of each condition.
fn conditions(status: &Value) -> Vec<String> {
    let conditions = status["conditions"].as_array().unwrap().iter();
    conditions
        .map(|it| {
            let word = |name: &str| it[name].as_str().unwrap().to_owned();
            format!("{}={}/{}", word("type"), word("status"), word("reason"))
        })
        .collect()
}

#[test]
fn an_object_is_the_document_that_a_file_would_be() {
    let fields = json!({"spec": {"unmatched": "deny"}, "status": {"x": 1}, "mode": "warn"});
    let known = Known {
        name: "acme".to_owned(),
        ..Known::default()
    };
    let object = Object::new(kind("Settings"), known, fields.as_object().unwrap().clone());
    assert_eq!(
        object.source(),
        Source {
            name: "Settings/acme".to_owned(),
            text: "apiVersion: countersign.dev/v1alpha1\nkind: Settings\nmetadata:\n  name: acme\nmode: warn\nspec:\n  unmatched: deny\n".to_owned(),
        }
    );
    assert_eq!(object.status, json!({"x": 1}));
}

#[test]
fn the_set_is_the_same_whoever_wrote_it_when_and_in_whatever_order() {
    let digest = |all: Vec<Object>| {
        let loaded = PolicyFiles::of_documents(documents(&objects(all))).load(&[]);
        *loaded.policies.unwrap().digest()
    };
    let one = digest(vec![settings(), policy("required")]);
    let mut later = policy("required");
    later.resource_version = "99".to_owned();
    later.uid = "other".to_owned();
    later.generation = 12;
    later.status = json!({"conditions": []});
    assert_eq!(digest(vec![later, settings()]), one);
    let other = policy("resolve-at-admission-unsafe");
    assert_ne!(digest(vec![settings(), other]), one);
}

#[test]
fn what_is_in_force_is_ready_and_said_once() {
    let verdict = verdict([settings(), policy("required")]);
    assert!(verdict.accepted, "{verdict:?}");
    let mut object = policy("required");
    let status = due(&object, &verdict, NOW).unwrap();
    assert_eq!(
        conditions(&status),
        ["Accepted=True/Valid", "Ready=True/InForce"]
    );
    assert_eq!(status["observedGeneration"], 3);
    assert_eq!(
        status["conditions"][1]["lastTransitionTime"],
        NOW.to_string()
    );

    object.status = status;
    // The API server does not keep what is null.
    let fields = object.status.as_object_mut().unwrap();
    assert_eq!(fields.remove("diagnosticsLeftOut"), Some(Value::Null));
    let later = UnixTime::from_seconds(NOW.seconds() + 60);
    assert_eq!(due(&object, &verdict, later), None);
    object.generation = 4;
    let status = due(&object, &verdict, later).unwrap();
    assert_eq!(status["conditions"][0]["observedGeneration"], 4);
    assert_eq!(
        status["conditions"][1]["lastTransitionTime"],
        NOW.to_string()
    );
}

#[test]
fn an_error_is_told_where_it_is_and_named_to_the_others() {
    let wrong = || policy("requird");
    let verdict = verdict([settings(), wrong()]);
    assert!(!verdict.accepted);
    let status = due(&wrong(), &verdict, NOW).unwrap();
    assert_eq!(
        conditions(&status),
        ["Accepted=False/Invalid", "Ready=False/Invalid"]
    );
    let message = status["conditions"][1]["message"].as_str().unwrap();
    assert!(
        message.starts_with("spec.rules[0].digest: `requird` is not"),
        "{message}"
    );
    assert!(
        message.ends_with("; what was in force before stays in force"),
        "{message}"
    );
    let found = &status["diagnostics"][0];
    assert_eq!(found["severity"], "error");
    assert_eq!(found["field"], "spec.rules[0].digest");
    assert_eq!(found["line"], 9);
    assert_eq!(found["code"], "wrong-value");

    let mut other = settings();
    other.status =
        json!({"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "then"}]});
    let status = due(&other, &verdict, NOW).unwrap();
    assert_eq!(
        conditions(&status),
        ["Accepted=True/Valid", "Ready=False/SetRefused"]
    );
    let message = status["conditions"][1]["message"].as_str().unwrap();
    assert!(
        message.starts_with("refused because of Policy/pinned: `requird` is not"),
        "{message}"
    );
    assert_eq!(
        status["conditions"][1]["lastTransitionTime"],
        NOW.to_string()
    );
    assert_eq!(status["diagnostics"], json!([]));
}

#[test]
fn an_error_of_no_object_is_told_all_of_them() {
    let verdict = verdict([policy("required")]);
    let status = due(&policy("required"), &verdict, NOW).unwrap();
    assert_eq!(
        conditions(&status),
        ["Accepted=True/Valid", "Ready=False/SetRefused"]
    );
    let message = status["conditions"][1]["message"].as_str().unwrap();
    assert!(
        message.starts_with("refused because of the set as a whole: "),
        "{message}"
    );
    let verdict = Verdict {
        objects: Arc::new(objects([settings()])),
        diagnostics: Vec::new(),
        otherwise: Some("/policy: the folder holds no policy file".to_owned()),
        accepted: false,
    };
    let status = due(&settings(), &verdict, NOW).unwrap();
    let message = status["conditions"][1]["message"].as_str().unwrap();
    assert!(
        message.starts_with("refused because of /policy: "),
        "{message}"
    );
}

#[test]
fn what_has_changed_since_it_was_judged_is_not_told_of() {
    let verdict = verdict([settings(), policy("required")]);
    assert_eq!(due(&policy("requird"), &verdict, NOW), None);
    let mut again = policy("required");
    again.uid = "made anew".to_owned();
    assert_eq!(due(&again, &verdict, NOW), None);
    let stranger = object("Signer", "later", json!({}));
    assert_eq!(due(&stranger, &verdict, NOW), None);
}

#[test]
fn status_is_bounded() {
    let rules: Vec<Value> = (0..50)
        .map(|it| json!({"nonsense": "x".repeat(it * 100)}))
        .collect();
    let wrong = || {
        object(
            "Policy",
            "pinned",
            json!({"images": ["h.io/**"], "rules": rules}),
        )
    };
    let status = due(&wrong(), &verdict([settings(), wrong()]), NOW).unwrap();
    let shown = status["diagnostics"].as_array().unwrap();
    assert_eq!(shown.len(), 20);
    assert!(
        status["diagnosticsLeftOut"].as_i64().unwrap() >= 30,
        "{status}"
    );
    assert!(status.to_string().len() < 100_000);
}

#[test]
fn nothing_is_found_before_all_was_read_and_what_was_read_stays() {
    let resources = Resources::new();
    resources.are_away("no route");
    assert!(matches!(resources.found(), Found::Nothing(why) if why == "no route"));
    resources.publish(objects([settings()]));
    // Nobody waits for the first to come to rest.
    assert!(matches!(resources.found(), Found::All(all) if all.len() == 1));
    resources.are_away("gone");
    assert!(matches!(resources.found(), Found::All(_)));
}

#[test]
fn a_change_is_judged_when_no_other_follows_it() {
    let resources = Resources::new();
    resources.publish(objects([settings()]));
    resources.wait(Duration::ZERO);
    resources.publish(objects([settings(), policy("required")]));
    assert!(matches!(resources.found(), Found::Changing));
    // It wakes whoever waits, once.
    let begun = Instant::now();
    resources.wait(Duration::from_secs(60));
    assert!(begun.elapsed() < Duration::from_secs(30));
    std::thread::sleep(QUIET + Duration::from_millis(50));
    assert!(matches!(resources.found(), Found::All(all) if all.len() == 2));
    assert!(!resources.timing().is_new);

    // What is only written beside it, such as its status, is no change of policies.
    let mut told = policy("required");
    told.resource_version = "8".to_owned();
    told.status = json!({"observedGeneration": 3});
    let mut seen = resources.objects();
    seen.mark_unchanged();
    resources.publish(objects([settings(), told]));
    assert!(seen.has_changed().unwrap());
    assert!(!resources.timing().is_new);
    assert!(matches!(resources.found(), Found::All(_)));
}

#[test]
fn what_never_rests_is_judged_all_the_same() {
    let resources = Resources::new();
    resources.publish(objects([settings()]));
    resources.publish(objects([policy("required")]));
    assert!(matches!(resources.found(), Found::Changing));
    let now = Instant::now();
    let long_ago = now.checked_sub(MOST_RESTLESS).unwrap();
    resources.timing().restless = Some((long_ago, now));
    assert!(matches!(resources.found(), Found::All(_)));
}

#[test]
fn a_verdict_is_told_of_once() {
    let resources = Resources::new();
    let objects = Arc::new(objects([settings()]));
    let judged = |accepted, objects: &Arc<Objects>| {
        resources.judged(Verdict {
            objects: Arc::clone(objects),
            diagnostics: Vec::new(),
            otherwise: None,
            accepted,
        });
    };
    judged(true, &objects);
    let mut verdicts = resources.verdicts();
    verdicts.mark_unchanged();
    judged(true, &objects);
    assert!(!verdicts.has_changed().unwrap());
    judged(false, &objects);
    assert!(verdicts.has_changed().unwrap());
    verdicts.mark_unchanged();
    judged(false, &Arc::new(Objects::clone(&objects)));
    assert!(verdicts.has_changed().unwrap());
}
