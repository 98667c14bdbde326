//! What the API server asks (`admission.k8s.io/v1`, `AdmissionReview` with a `request`).

mod slip;
mod wire;

use countersign_core::{GroupKind, Limits, Outline, parse_object_with};
use serde_json::Value;

pub(crate) use self::slip::Slip;
use self::wire::Reader;

const VERSION: &str = "admission.k8s.io/v1";
/// A uid of the API server is a UUID.
const MOST_UID: usize = 128;

/// One question of the API server.
#[derive(Debug, Clone)]
pub struct Review {
    /// By which the API server knows its question again.
    pub uid: String,
    /// What is about to be done.
    pub operation: Operation,
    /// Of which kind the object is, as it was converted for us (`matchPolicy: Equivalent`).
    pub kind: GroupKind,
    /// Where the object is to be; none for objects of the whole cluster.
    pub namespace: Option<String>,
    /// The object as it would be, as much as is kept of it; none on `DELETE`.
    pub object: Option<Value>,
    /// The object as it was, likewise; none on `CREATE`.
    pub old_object: Option<Value>,
    /// Whether nothing is to come of it (`--dry-run=server`).
    pub dry_run: bool,
}

/// What is about to be done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// It is new.
    Create,
    /// It changes.
    Update,
    /// It goes.
    Delete,
    /// Something connects to it, as `kubectl exec` does.
    Connect,
}

/// Why a body is no question that can be answered. Whoever sent it gets a status of 400 with this text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadReview {
    /// No JSON, or JSON that two readers could read differently.
    #[error("the body is no AdmissionReview: {0}")]
    Json(String),
    /// JSON of another kind.
    #[error(
        "the body is a `{kind}` of `{version}`; only `AdmissionReview` of `{VERSION}` is answered"
    )]
    OtherKind {
        /// Its `kind`.
        kind: String,
        /// Its `apiVersion`.
        version: String,
    },
    /// An AdmissionReview without a question.
    #[error("the AdmissionReview has no `request`")]
    NoRequest,
    /// A question without a name, so that no answer could be told to belong to it.
    #[error(
        "the AdmissionReview's `request.uid` is missing, empty or longer than {MOST_UID} characters"
    )]
    NoUid,
    /// An operation that Kubernetes does not have.
    #[error("the AdmissionReview's `request.operation` is `{0}`")]
    OtherOperation(String),
}

impl Review {
    /// Reads a body, and keeps of its objects what `outline` says: [`Reviewer::outline`](crate::Reviewer::outline) for whoever is to judge it. Fields that are not
    /// known are passed over, as the API grows. All of it is checked, whatever is kept.
    ///
    /// # Errors
    /// [`BadReview`].
    pub fn from_json(body: &[u8], outline: &Outline) -> Result<Self, BadReview> {
        let wire = parse_object_with(body, &Limits::default(), Reader(outline))
            .map_err(|error| BadReview::Json(countersign_core::printable(&error.to_string())))?;
        if wire.kind != "AdmissionReview" || wire.api_version != VERSION {
            return Err(BadReview::OtherKind {
                kind: countersign_core::printable(&wire.kind),
                version: countersign_core::printable(&wire.api_version),
            });
        }
        let request = wire.request.ok_or(BadReview::NoRequest)?;
        if request.uid.is_empty() || request.uid.chars().count() > MOST_UID {
            return Err(BadReview::NoUid);
        }
        Ok(Self {
            operation: match request.operation.as_str() {
                "CREATE" => Operation::Create,
                "UPDATE" => Operation::Update,
                "DELETE" => Operation::Delete,
                "CONNECT" => Operation::Connect,
                other => {
                    return Err(BadReview::OtherOperation(countersign_core::printable(
                        other,
                    )));
                }
            },
            uid: request.uid,
            kind: GroupKind {
                group: request.kind.group,
                kind: request.kind.kind,
            },
            namespace: request.namespace.filter(|name| !name.is_empty()),
            object: request.object,
            old_object: request.old_object,
            dry_run: request.dry_run.unwrap_or(false),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use countersign_core::ImageFields;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(body: &Value) -> Result<Review, String> {
        Review::from_json(&serde_json::to_vec(body).unwrap(), &Outline::whole())
            .map_err(|error| error.to_string())
    }

    fn refused(body: &[u8]) -> String {
        let read = Review::from_json(body, &Outline::whole());
        read.unwrap_err().to_string()
    }

    fn review() -> Value {
        json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "futureField": 1,
            "request": {
                "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
                "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
                "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
                "operation": "UPDATE",
                "namespace": "shop",
                "object": {"kind": "Deployment"},
                "oldObject": {"kind": "Deployment"},
                "dryRun": true,
                "userInfo": {"username": "dev"},
            },
        })
    }

    #[test]
    fn a_review_is_read() {
        let read = read(&review()).unwrap();
        assert_eq!(read.operation, Operation::Update);
        assert_eq!(read.kind.to_string(), "Deployment.apps");
        assert_eq!(read.namespace.as_deref(), Some("shop"));
        assert!(read.dry_run && read.object.is_some() && read.old_object.is_some());
        let mut bare = review();
        for field in ["oldObject", "dryRun", "namespace"] {
            bare["request"][field] = Value::Null;
        }
        let read = super::tests::read(&bare).unwrap();
        assert!(!read.dry_run && read.old_object.is_none() && read.namespace.is_none());
    }

    /// Two readers must not see two documents in what nobody looks at either.
    #[test]
    fn of_objects_is_kept_what_the_outline_says_and_all_is_checked() {
        let outline = Outline::whole();
        let whole = json!({"kind": "Pod", "metadata": {"name": "a", "managedFields": [{"fieldsV1": {"f:spec": {}}}]}});
        let outlined = ImageFields::default().outline();
        for place in ["object", "oldObject"] {
            let mut body = review();
            body["request"][place] = whole.clone();
            let text = body.to_string();
            for (outline, kept) in [(&outline, &whole), (&outlined, &json!({"kind": "Pod"}))] {
                let read = Review::from_json(text.as_bytes(), outline).unwrap();
                let found = if place == "object" {
                    read.object
                } else {
                    read.old_object
                };
                assert_eq!(found.as_ref(), Some(kept));
                let twin = text.replacen("\"f:spec\":{}", "\"f:spec\":{},\"f:spec\":{}", 1);
                assert_ne!(twin, text);
                assert!(Review::from_json(twin.as_bytes(), outline).is_err());
            }
        }
        for object in [json!("x"), json!([1]), json!(1), json!({"metadata": null})] {
            let mut body = review();
            body["request"]["object"] = object.clone();
            assert_eq!(read(&body).unwrap().object, Some(object));
        }
    }

    #[test]
    fn what_is_no_review_is_refused_with_what_it_is() {
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut body = review();
            change(&mut body);
            read(&body).unwrap_err()
        };
        let error = changed(&|body| body["kind"] = json!("Pod"));
        assert_eq!(
            error,
            "the body is a `Pod` of `admission.k8s.io/v1`; only `AdmissionReview` of `admission.k8s.io/v1` is answered"
        );
        let error = changed(&|body| body["apiVersion"] = json!("admission.k8s.io/v1beta1"));
        assert!(error.contains("`admission.k8s.io/v1beta1`"), "{error}");
        let error = changed(&|body| body["request"] = Value::Null);
        assert_eq!(error, "the AdmissionReview has no `request`");
        for uid in [json!(""), json!("x".repeat(129))] {
            let error = changed(&|body| body["request"]["uid"] = uid.clone());
            assert!(
                error.contains("`request.uid` is missing, empty or longer"),
                "{error}"
            );
        }
        let error = changed(&|body| body["request"]["operation"] = json!("PATCH\u{1b}"));
        assert_eq!(
            error,
            "the AdmissionReview's `request.operation` is `PATCH\\u{1b}`"
        );
        for body in [&b""[..], b"{", b"[]", b"null", b"{} {}", b"\xff"] {
            let error = refused(body);
            assert!(error.starts_with("the body is"), "{error}");
        }
        // Two readers would see two objects.
        let twin = serde_json::to_string(&review()).unwrap();
        let twin = twin.replacen("\"dryRun\":true", "\"dryRun\":true,\"dryRun\":false", 1);
        let error = refused(twin.as_bytes());
        assert!(error.contains("dryRun"), "{error}");
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        refused(deep.as_bytes());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_review_or_an_error(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Review::from_json(&body, &Outline::whole());
        }
    }
}
