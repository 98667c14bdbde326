//! The status of policy resources, written by the replica that leads, where it says something else than what stands there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::api;
use crate::kubernetes::lease::Leading;
use crate::kubernetes::why;
use crate::log::{Level, Log};
use crate::resources::{Object, PartOfStatus, Resources, due};

/// After a failure it is tried again so much later.
const PAUSE: Duration = Duration::from_secs(5);

/// Writes status, for ever.
pub(crate) struct Teller {
    client: Client,
    resources: Arc<Resources>,
    leading: Leading,
    log: Log,
    /// What was tried for which version of an object, by its uid: until the watch brings what came of it, it is not tried again.
    tried: HashMap<String, (String, PartOfStatus)>,
    /// What went wrong last, so that it is said once.
    wrong: Option<String>,
}

/// What came of one write.
enum Written {
    Done,
    /// The object has changed or gone since; the watch tells.
    Overtaken,
    Failed(String),
}

impl Teller {
    pub(crate) fn new(
        client: Client,
        resources: Arc<Resources>,
        leading: Leading,
        log: Log,
    ) -> Self {
        Self {
            client,
            resources,
            leading,
            log,
            tried: HashMap::new(),
            wrong: None,
        }
    }

    /// Writes what is due whenever objects, the verdict or who leads has changed.
    pub(crate) async fn tell(mut self) {
        let (mut objects, mut verdicts) = (self.resources.objects(), self.resources.verdicts());
        let mut leading = self.leading.clone();
        loop {
            objects.mark_unchanged();
            verdicts.mark_unchanged();
            let is_done = self.round().await;
            tokio::select! {
                Ok(()) = objects.changed() => {}
                Ok(()) = verdicts.changed() => {}
                () = leading.changed() => {}
                () = sleep(PAUSE), if !is_done => {}
            }
        }
    }

    /// Whether nothing is left to be tried again.
    async fn round(&mut self) -> bool {
        let objects = self.resources.objects().borrow().clone();
        let verdict = self.resources.verdicts().borrow().clone();
        let (Some(objects), Some(verdict)) = (objects, verdict) else {
            return true;
        };
        let is_there = |uid: &String| objects.values().any(|object| object.uid == *uid);
        self.tried.retain(|uid, _| is_there(uid));
        for object in objects.values() {
            if !self.leading.is_leading() {
                return true;
            }
            let Some(status) = due(object, &verdict, SystemTime::now().into()) else {
                continue;
            };
            let this = (object.resource_version.clone(), without_times(&status));
            if self.tried.get(&object.uid) == Some(&this) {
                continue;
            }
            match self.write(object, &status).await {
                Written::Done | Written::Overtaken => {
                    self.tried.insert(object.uid.clone(), this);
                }
                Written::Failed(why) => {
                    self.complain(object, why);
                    return false;
                }
            }
        }
        self.wrong = None;
        true
    }

    /// Writes to the very version that was judged.
    async fn write(&self, object: &Object, status: &PartOfStatus) -> Written {
        let patch = json!({
            "metadata": {"uid": object.uid, "resourceVersion": object.resource_version},
            "status": status,
        });
        let api = api(self.client.clone(), object.kind);
        let params = PatchParams::default();
        match api
            .patch_status(&object.name, &params, &Patch::Merge(patch))
            .await
        {
            Ok(_) => Written::Done,
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Written::Overtaken,
            Err(error) => Written::Failed(why(&error)),
        }
    }

    fn complain(&mut self, object: &Object, why: String) {
        if self.wrong.as_deref() == Some(why.as_str()) {
            return;
        }
        self.log.event(
            Level::Warn,
            "policy-status-not-written",
            "the status of a policy resource cannot be written; decisions do not depend on it; it is tried again",
            json!({"object": object.source_name(), "errors": why}),
        );
        self.wrong = Some(why);
    }
}

/// What is written, but for when conditions became what they are.
fn without_times(status: &PartOfStatus) -> PartOfStatus {
    let mut status = status.clone();
    let conditions = status["conditions"].as_array_mut().into_iter().flatten();
    for condition in conditions {
        condition["lastTransitionTime"] = Value::Null;
    }
    status
}
