//! Which images of a question have to be judged.

use countersign_core::{ImageField, ImageFields, ObjectError, Outline, PodPulls, changed_images};
use serde_json::Value;

use crate::emergency::{self, annotated};
use crate::{Operation, Review};

/// Who made an object.
const OWNERS: [&str; 2] = ["metadata", "ownerReferences"];

/// What has to be judged of one question.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The fields with images that are new or have changed.
    pub(crate) fields: Vec<ImageField>,
    /// Whether the object is a Pod that something made: what only has become too old since must not stop it.
    pub(crate) is_owned_pod: bool,
    /// Approvals that the object carries for an emergency, not yet verified.
    pub(crate) approvals: Vec<Vec<u8>>,
}

/// Why it cannot be told which images an object would run. It is refused for that.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the API server sent no object")]
    NoObject,
    #[error("the API server asks about a `{asked}` and sent a `{sent}`")]
    OtherKind { asked: String, sent: String },
    #[error(
        "nothing is known about images in objects of the kind `{0}`, for which this webhook is registered; configure where its images stand, \
         or take the kind out of the webhook's rules"
    )]
    UnknownKind(String),
    #[error(transparent)]
    Object(#[from] ObjectError),
}

/// What is looked at in the objects of a question to tell what has to be judged.
pub(crate) fn outline(known: &ImageFields) -> Outline {
    let ours = emergency::PLACES.into_iter().chain([&OWNERS[..]]);
    ours.fold(known.outline(), Outline::with)
}

/// What has to be judged: on `CREATE` every image, on `UPDATE` those that the old object does not have in the same place. What goes, and what
/// something connects to, runs nothing new.
///
/// Whether the object is being deleted, or which subresource was written, makes no difference: only what the object would run does.
pub(crate) fn asked(review: &Review, known: &ImageFields) -> Result<Asked, Unreadable> {
    if matches!(review.operation, Operation::Delete | Operation::Connect) {
        return Ok(Asked {
            fields: Vec::new(),
            is_owned_pod: false,
            approvals: Vec::new(),
        });
    }
    if !known.knows(&review.kind) {
        return Err(Unreadable::UnknownKind(review.kind.to_string()));
    }
    let object = review.object.as_ref().ok_or(Unreadable::NoObject)?;
    let new = read(object, review, known)?;
    // An old object that cannot be read, or of another kind, is none: everything is judged then.
    let old = match (review.operation, &review.old_object) {
        (Operation::Update, Some(old)) => read(old, review, known).unwrap_or_default(),
        _ => Vec::new(),
    };
    Ok(Asked {
        fields: changed_images(&new, &old).into_iter().cloned().collect(),
        is_owned_pod: is_pod(review) && is_owned(object),
        approvals: annotated(object),
    })
}

/// What the object's PodSpecs name for pulling images; nothing of an object that is not there.
pub(crate) fn pulls(review: &Review, known: &ImageFields) -> Result<Vec<PodPulls>, Unreadable> {
    match &review.object {
        Some(object) => Ok(known.pulls(object)?),
        None => Ok(Vec::new()),
    }
}

/// Whether the question is about a Pod itself, and not about what makes Pods.
pub(crate) fn is_pod(review: &Review) -> bool {
    review.kind.group.is_empty() && review.kind.kind == "Pod"
}

fn read(
    object: &Value,
    review: &Review,
    known: &ImageFields,
) -> Result<Vec<ImageField>, Unreadable> {
    let sent = countersign_core::GroupKind::of(object)?;
    if sent != review.kind {
        return Err(Unreadable::OtherKind {
            asked: review.kind.to_string(),
            sent: countersign_core::printable(&sent.to_string()),
        });
    }
    Ok(known.of(object)?)
}

/// What stands in the field that these names lead to, one in the other.
pub(crate) fn at<'a>(object: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().try_fold(object, |at, name| at.get(name))
}

/// Whether a controller made it. Anybody can write that, so it relieves of nothing but age.
fn is_owned(object: &Value) -> bool {
    let owners = at(object, &OWNERS);
    let is_controller = |owner: &Value| owner.get("controller") == Some(&Value::Bool(true));
    owners
        .and_then(Value::as_array)
        .is_some_and(|owners| owners.iter().any(is_controller))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use countersign_core::GroupKind;
    use serde_json::json;

    fn pod(images: &[&str]) -> Value {
        let containers: Vec<Value> = images
            .iter()
            .enumerate()
            .map(|(number, image)| json!({"name": format!("c{number}"), "image": image}))
            .collect();
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": containers}})
    }

    fn review(operation: Operation, object: Option<Value>, old_object: Option<Value>) -> Review {
        Review {
            uid: "u".to_owned(),
            operation,
            kind: GroupKind {
                group: String::new(),
                kind: "Pod".to_owned(),
            },
            namespace: Some("shop".to_owned()),
            object,
            old_object,
            dry_run: false,
        }
    }

    fn images(review: &Review) -> Result<Vec<String>, String> {
        asked(review, &ImageFields::default())
            .map(|asked| asked.fields.into_iter().map(|field| field.image).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn everything_of_a_new_object_and_what_changed_of_an_old_one_is_judged() {
        let create = review(Operation::Create, Some(pod(&["a", "b"])), None);
        assert_eq!(images(&create).unwrap(), ["a", "b"]);
        // Nobody skips the judgement by an old object beside a CREATE.
        let create = review(Operation::Create, Some(pod(&["a"])), Some(pod(&["a"])));
        assert_eq!(images(&create).unwrap(), ["a"]);
        let update = |old| review(Operation::Update, Some(pod(&["a", "b"])), old);
        assert_eq!(
            images(&update(Some(pod(&["a", "b"])))).unwrap(),
            Vec::<String>::new()
        );
        assert_eq!(images(&update(Some(pod(&["a", "c"])))).unwrap(), ["b"]);
        assert_eq!(images(&update(None)).unwrap(), ["a", "b"]);
        // What cannot be compared counts as changed.
        assert_eq!(
            images(&update(Some(json!({"kind": "Pod"})))).unwrap(),
            ["a", "b"]
        );
        let mut other = pod(&["a", "b"]);
        other["kind"] = json!("PodTemplate");
        assert_eq!(images(&update(Some(other))).unwrap(), ["a", "b"]);
    }

    #[test]
    fn deletion_asks_for_nothing_and_a_deletion_timestamp_is_no_way_around() {
        for operation in [Operation::Delete, Operation::Connect] {
            assert_eq!(
                images(&review(operation, None, Some(pod(&["a"])))).unwrap(),
                Vec::<String>::new()
            );
        }
        let mut leaving = pod(&["b"]);
        leaving["metadata"]["deletionTimestamp"] = json!("2026-11-29T00:00:00Z");
        let update = review(Operation::Update, Some(leaving.clone()), Some(pod(&["a"])));
        assert_eq!(images(&update).unwrap(), ["b"]);
        // Its finalizers may go.
        let mut without = leaving.clone();
        without["metadata"]["finalizers"] = json!([]);
        let update = review(Operation::Update, Some(without), Some(leaving));
        assert_eq!(images(&update).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_never_no_images() {
        let error = |review: &Review| images(review).unwrap_err();
        assert_eq!(
            error(&review(Operation::Create, None, None)),
            "the API server sent no object"
        );
        let mut wrong = pod(&["a"]);
        wrong["kind"] = json!("ConfigMap");
        assert_eq!(
            error(&review(Operation::Create, Some(wrong), None)),
            "the API server asks about a `Pod` and sent a `ConfigMap`"
        );
        let mut unknown = review(Operation::Create, Some(pod(&["a"])), None);
        unknown.kind.group = "example.com".to_owned();
        assert!(
            error(&unknown).starts_with(
                "nothing is known about images in objects of the kind `Pod.example.com`"
            )
        );
        let empty = json!({"apiVersion": "v1", "kind": "Pod", "spec": {}});
        assert!(error(&review(Operation::Create, Some(empty), None)).contains("`spec.containers`"));
    }

    #[test]
    fn what_is_kept_of_an_object_says_what_the_whole_object_says() {
        let known = ImageFields::default();
        let mut object = pod(&["a", "b"]);
        object["metadata"]["ownerReferences"] = json!([{"kind": "ReplicaSet", "controller": true}]);
        let bundle = |text: &str| json!({"annotations": {"countersign.dev/break-glass": text}});
        let template = |text: &str| json!({"metadata": bundle(text)});
        object["metadata"]["annotations"] = bundle("{\"a\":1}")["annotations"].clone();
        object["template"] = template("{\"b\":1}");
        object["spec"]["template"] = template("{\"c\":1}");
        object["spec"]["jobTemplate"] = json!({"spec": {"template": template("{\"d\":1}")}});
        let text = object.to_string();
        let limits = countersign_core::Limits::default();
        let kept = countersign_core::parse_object_with(text.as_bytes(), &limits, &outline(&known));
        let asked = |object| asked(&review(Operation::Create, Some(object), None), &known).unwrap();
        let (kept, whole) = (asked(kept.unwrap()), asked(object));
        assert_eq!(kept, whole);
        assert!(whole.is_owned_pod);
        assert_eq!((whole.fields.len(), whole.approvals.len()), (2, 4));
    }

    #[test]
    fn only_a_pod_with_a_controller_is_owned() {
        let owned = |kind: &str, owners: Value| {
            let mut object = pod(&["a"]);
            object["metadata"]["ownerReferences"] = owners;
            object["kind"] = json!(kind);
            if kind != "Pod" {
                object["template"] = json!({"spec": object["spec"]});
            }
            let mut review = review(Operation::Create, Some(object), None);
            kind.clone_into(&mut review.kind.kind);
            asked(&review, &ImageFields::default())
                .unwrap()
                .is_owned_pod
        };
        let controller = json!([{"kind": "ReplicaSet", "controller": true}]);
        assert!(owned("Pod", controller.clone()));
        assert!(!owned("PodTemplate", controller));
        for owners in [
            json!(null),
            json!([]),
            json!("x"),
            json!([{"kind": "ReplicaSet"}]),
            json!([{"controller": "true"}]),
        ] {
            assert!(!owned("Pod", owners.clone()), "{owners}");
        }
    }
}
