//! What the status of a policy resource has to say.

use countersign_core::{Diagnostic, Severity, UnixTime};
use serde_json::{Value, json};

use super::{Object, Verdict};

/// Diagnostics of one object. Whoever has more mends these first.
const MOST_DIAGNOSTICS: usize = 20;
/// Characters of one text.
const MOST_CHARS: usize = 1000;
/// How an error ends that keeps a set from coming in force.
const KEPT: &str = "what was in force before stays in force";

/// A merge patch (RFC 7386) of one object's status.
pub(crate) type PartOfStatus = Value;

/// What has to be written to the status of an object now; none if that stands there, or if the object has changed since it was judged.
pub(crate) fn due(object: &Object, verdict: &Verdict, now: UnixTime) -> Option<PartOfStatus> {
    let judged = verdict.objects.get(&(object.kind, object.name.clone()))?;
    if judged.uid != object.uid || judged.written.text != object.written.text {
        return None;
    }
    let (ready, accepted) = conditions(object, verdict);
    let own = own(object, verdict);
    let shown: Vec<Value> = own
        .iter()
        .take(MOST_DIAGNOSTICS)
        .map(|it| diagnostic(it, object))
        .collect();
    let left_out = own.len().saturating_sub(MOST_DIAGNOSTICS);
    let condition = |kind: &str, condition: Condition| {
        json!({
            "type": kind,
            "status": condition.status,
            "reason": condition.reason,
            "message": bounded(&condition.message),
            "observedGeneration": object.generation,
            "lastTransitionTime": since(object, kind, condition.status, now),
        })
    };
    let status = json!({
        "observedGeneration": object.generation,
        "conditions": [condition("Accepted", accepted), condition("Ready", ready)],
        "diagnostics": shown,
        "diagnosticsLeftOut": if left_out == 0 { Value::Null } else { json!(left_out) },
    });
    let fields = status.as_object().into_iter().flatten();
    let is_written = fields
        .into_iter()
        .all(|(name, value)| object.status.get(name).unwrap_or(&Value::Null) == value);
    (!is_written).then_some(status)
}

struct Condition {
    status: &'static str,
    reason: &'static str,
    message: String,
}

/// Whether it is in force, and whether anything is wrong with itself.
fn conditions(object: &Object, verdict: &Verdict) -> (Condition, Condition) {
    let own = own(object, verdict);
    let is_error = |it: &&Diagnostic| it.severity == Severity::Error;
    let errors: Vec<&&Diagnostic> = own.iter().filter(|it| is_error(it)).collect();
    let no = |reason, message| Condition {
        status: "False",
        reason,
        message,
    };
    let yes = |reason, message: &str| Condition {
        status: "True",
        reason,
        message: message.to_owned(),
    };
    if let Some(first) = errors.first() {
        let field = field(first, object).map_or_else(String::new, |it| format!("{it}: "));
        let more = match errors.len() {
            1 => String::new(),
            count => format!(" (and {} more, see diagnostics)", count - 1),
        };
        let what = format!("{field}{}{more}", first.message);
        let accepted = no("Invalid", what.clone());
        return (no("Invalid", format!("{what}; {KEPT}")), accepted);
    }
    let accepted = yes("Valid", "nothing is wrong with it");
    if verdict.accepted {
        return (yes("InForce", "it is in force"), accepted);
    }
    let blamed = verdict.diagnostics.iter().find(is_error);
    let because = match (blamed, &verdict.otherwise) {
        (Some(error), _) => {
            let of = error.place.as_ref();
            let of = of.map_or("the set as a whole", |place| place.file.as_str());
            format!("{of}: {}", error.message)
        }
        (None, Some(why)) => why.clone(),
        (None, None) => "the set as a whole".to_owned(),
    };
    let ready = no(
        "SetRefused",
        format!("refused because of {because}; {KEPT}"),
    );
    (ready, accepted)
}

/// What was found in this object, errors first.
fn own<'a>(object: &Object, verdict: &'a Verdict) -> Vec<&'a Diagnostic> {
    let name = object.source_name();
    let is_here = |it: &&Diagnostic| it.place.as_ref().is_some_and(|place| place.file == name);
    let mut own: Vec<&Diagnostic> = verdict.diagnostics.iter().filter(is_here).collect();
    own.sort_by_key(|it| it.severity != Severity::Error);
    own
}

fn diagnostic(it: &Diagnostic, object: &Object) -> Value {
    let mut shown = json!({
        "severity": it.severity.as_str(),
        "code": it.code.as_str(),
        "message": bounded(&it.message),
        "hint": bounded(&it.hint),
    });
    if let Some(fields) = shown.as_object_mut() {
        let line = it.place.as_ref().map(|place| place.line);
        fields.extend(line.map(|line| ("line".to_owned(), json!(line))));
        let field = field(it, object);
        fields.extend(field.map(|field| ("field".to_owned(), json!(bounded(field)))));
    }
    shown
}

fn field<'a>(it: &Diagnostic, object: &'a Object) -> Option<&'a str> {
    let field = object.written.field(it.place.as_ref()?.line)?;
    (!field.is_empty()).then_some(field)
}

/// When the condition became what it is: as it stands there, or now.
fn since(object: &Object, kind: &str, status: &str, now: UnixTime) -> String {
    let conditions = object.status["conditions"].as_array().into_iter().flatten();
    let before = conditions
        .filter(|it| it["type"] == kind && it["status"] == status)
        .find_map(|it| it["lastTransitionTime"].as_str());
    before.map_or_else(|| now.to_string(), str::to_owned)
}

fn bounded(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
