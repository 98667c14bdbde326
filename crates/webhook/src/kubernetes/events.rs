//! Events (`events.k8s.io/v1`): made, counted on, and the objects that they are about.

use std::time::{Duration, SystemTime};

use countersign_core::{Digest, printable};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use super::{Kubernetes, causes};
use crate::events::{Post, Subject};

/// Who tells (`reportingController`).
const CONTROLLER: &str = "countersign.dev/webhook";
const ACTION: &str = "Admission";
/// The API server takes no more (`k8s.io/kubernetes/pkg/apis/core/validation/events.go`), in bytes.
const MOST_NOTE: usize = 1024;
const MOST_INSTANCE: usize = 128;
/// Nobody waits for an Event but the next one.
const PATIENCE: Duration = Duration::from_secs(10);

/// What Events may be about where whoever asks is not known to be the API server: kinds whose objects can be looked up.
const WORKLOADS: [(&str, &str, &str); 9] = [
    ("v1", "Pod", "pods"),
    ("v1", "ReplicationController", "replicationcontrollers"),
    ("v1", "PodTemplate", "podtemplates"),
    ("apps/v1", "ReplicaSet", "replicasets"),
    ("apps/v1", "Deployment", "deployments"),
    ("apps/v1", "StatefulSet", "statefulsets"),
    ("apps/v1", "DaemonSet", "daemonsets"),
    ("batch/v1", "Job", "jobs"),
    ("batch/v1", "CronJob", "cronjobs"),
];

/// Why no Event was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EventError {
    /// The API server does not allow it.
    #[error("{0}")]
    Forbidden(String),
    /// What was to be changed is not there any more.
    #[error("it is not there any more")]
    Gone,
    /// It is not known that the object is there, and whoever asked may not be the API server.
    #[error("nobody knows whether the object is there")]
    Unverified,
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// How often something has happened, and when last.
pub(crate) struct Series {
    pub(crate) count: u32,
    pub(crate) last: SystemTime,
}

/// Writes Events.
pub(crate) struct EventWriter {
    client: Client,
    instance: String,
}

impl EventWriter {
    /// A writer that tells as the replica of this name.
    pub(crate) fn new(kubernetes: &Kubernetes, instance: &str) -> Self {
        let instance: String = printable(instance)
            .chars()
            .take(MOST_INSTANCE / 4)
            .collect();
        Self {
            client: kubernetes.client().clone(),
            instance: match instance.is_empty() {
                true => CONTROLLER.to_owned(),
                false => instance,
            },
        }
    }

    /// Makes an Event and gives its name, in which nothing is that others chose.
    pub(crate) async fn create(&self, post: &Post) -> Result<String, EventError> {
        let subject = &post.key.subject;
        let first = micro(post.first);
        let name = self.name(post, &first);
        let event = Event {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                namespace: Some(subject.namespace.clone()),
                ..ObjectMeta::default()
            },
            action: Some(ACTION.to_owned()),
            event_time: Some(first),
            note: Some(cut(&post.message)),
            reason: Some(post.key.reason.to_owned()),
            regarding: Some(ObjectReference {
                api_version: Some(subject.api_version.clone()),
                kind: Some(subject.kind.clone()),
                name: Some(subject.name.clone()),
                namespace: Some(subject.namespace.clone()),
                uid: subject.uid.clone(),
                ..ObjectReference::default()
            }),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            type_: Some("Warning".to_owned()),
            ..Event::default()
        };
        let events = self.events(&subject.namespace);
        in_time(events.create(&PostParams::default(), &event)).await?;
        // A series counts from the second on.
        if post.count > 1 {
            let series = Series {
                count: post.count,
                last: post.last,
            };
            self.again(&subject.namespace, &name, &series).await?;
        }
        Ok(name)
    }

    /// Says how often it has happened by now.
    pub(crate) async fn again(
        &self,
        namespace: &str,
        name: &str,
        series: &Series,
    ) -> Result<(), EventError> {
        let last = micro(series.last);
        let patch = json!({"series": {"count": series.count, "lastObservedTime": last}});
        let events = self.events(namespace);
        in_time(events.patch(name, &PatchParams::default(), &Patch::Merge(patch))).await?;
        Ok(())
    }

    /// Whether this very object is there.
    pub(crate) async fn is_there(&self, subject: &Subject) -> Result<bool, EventError> {
        let wanted = (subject.api_version.as_str(), subject.kind.as_str());
        let known = WORKLOADS
            .iter()
            .find(|(version, kind, _)| (*version, *kind) == wanted);
        let (Some((version, kind, plural)), Some(uid)) = (known, &subject.uid) else {
            return Ok(false);
        };
        let (group, number) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource {
            group: group.to_owned(),
            version: number.to_owned(),
            api_version: (*version).to_owned(),
            kind: (*kind).to_owned(),
            plural: (*plural).to_owned(),
        };
        let objects: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &subject.namespace, &resource);
        match in_time(objects.get_metadata(&subject.name)).await {
            Ok(object) => Ok(object.metadata.uid.as_ref() == Some(uid)),
            Err(EventError::Gone) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn events(&self, namespace: &str) -> Api<Event> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// A name that no other Event has: of what it is about, of who tells, and of when.
    fn name(&self, post: &Post, at: &MicroTime) -> String {
        let key = &post.key;
        let of = format!(
            "{:?} {} {} {}",
            key.subject, key.reason, key.policy, self.instance
        );
        let hash: String = Digest::of(of.as_bytes()).hex().chars().take(16).collect();
        format!("countersign.{hash}.{:x}", at.0.as_microsecond())
    }
}

fn micro(at: SystemTime) -> MicroTime {
    MicroTime(Timestamp::try_from(at).unwrap_or_default())
}

/// At most so many bytes, whole characters, of which the last says that there were more.
fn cut(text: &str) -> String {
    if text.len() <= MOST_NOTE {
        return text.to_owned();
    }
    let mut kept = text.to_owned();
    let more = '…';
    kept.truncate(kept.floor_char_boundary(MOST_NOTE - more.len_utf8()));
    kept.push(more);
    kept
}

async fn in_time<T>(asked: impl Future<Output = Result<T, kube::Error>>) -> Result<T, EventError> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(kube::Error::Api(status))) => Err(match status.code {
            403 => EventError::Forbidden(printable(&status.message)),
            404 => EventError::Gone,
            _ => EventError::Failed(printable(&status.message)),
        }),
        Ok(Err(error)) => Err(EventError::Failed(causes(&error))),
        Err(_) => Err(EventError::Failed(format!(
            "no answer within {} s",
            PATIENCE.as_secs()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_cut_at_bytes_and_between_characters() {
        let note = cut(&"ä".repeat(600));
        assert!(
            note.len() <= MOST_NOTE && note.ends_with('…'),
            "{}",
            note.len()
        );
        assert!(note.chars().rev().skip(1).all(|it| it == 'ä'));
        assert_eq!(cut(&"a".repeat(1024)).len(), 1024);
    }
}
