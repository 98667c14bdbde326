//! Policies as custom resources: all of them are read and watched, and the replica that leads writes what is to be said of each to its status.

mod tell;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, select_all};
use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

pub(crate) use self::tell::Teller;
use super::{causes, why};
use crate::crd::{GROUP, KINDS, Kind, VERSION};
use crate::log::{Level, Log};
use crate::resources::{Known, Object, Objects, Resources};

/// How long the lists of all kinds may take.
const LISTING: Duration = Duration::from_secs(30);
/// One watch, in seconds. It is asked for again then; a connection that has died in silence is noticed no later.
const WATCH_SECONDS: u32 = 60;
/// Between two tries, doubled up to the second.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Objects of all kinds. A folder has no more files.
const MOST_OBJECTS: usize = 1000;

/// Keeps `resources` what the cluster has, for ever.
///
/// Whatever goes wrong with one kind, all kinds are listed anew, and what was read before stays until all lists are whole: what was changed meanwhile in
/// several kinds belongs together.
pub(crate) async fn keep(client: Client, resources: Arc<Resources>, log: Log) {
    let mut reader = Reader {
        client,
        resources,
        log,
        wrong: None,
        is_read: false,
    };
    let mut pause = PAUSE;
    loop {
        let why = reader.round().await;
        if reader.is_read {
            pause = PAUSE;
        }
        reader.complain(why);
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

struct Reader {
    client: Client,
    resources: Arc<Resources>,
    log: Log,
    /// What was wrong last, so that it is said once.
    wrong: Option<String>,
    /// Whether all lists of this round are whole.
    is_read: bool,
}

impl Reader {
    /// Lists and watches all kinds until something goes wrong, and tells what.
    async fn round(&mut self) -> String {
        self.is_read = false;
        let mut events = select_all(KINDS.map(|kind| watched(self.client.clone(), kind)));
        let mut lists = Lists::default();
        let end = Instant::now() + LISTING;
        loop {
            let next = if self.is_read {
                events.next().await
            } else {
                match timeout_at(end, events.next()).await {
                    Ok(next) => next,
                    Err(_) => return "the Kubernetes API does not answer in time".to_owned(),
                }
            };
            let taken = match next {
                Some((kind, Ok(event))) => lists.take(kind, event),
                Some((kind, Err(error))) => {
                    Err(format!("{}.{GROUP}: {}", kind.plural, advice(&error)))
                }
                None => Err("the watches have ended".to_owned()),
            };
            match taken {
                Ok(Some(objects)) => self.publish(objects),
                Ok(None) => {}
                Err(why) => return why,
            }
        }
    }

    fn publish(&mut self, objects: Objects) {
        let count = objects.len();
        self.resources.publish(objects);
        if !self.is_read {
            self.is_read = true;
            self.wrong = None;
            let message = "the policy resources of the cluster are read and watched";
            self.log.event(
                Level::Info,
                "policy-resources-read",
                message,
                json!({"objects": count}),
            );
        }
    }

    fn complain(&mut self, why: String) {
        self.resources.are_away(&why);
        if self.wrong.as_deref() != Some(why.as_str()) {
            let message = "the policy resources of the cluster cannot be read; what is in force stays in force; it is tried again";
            self.log.event(
                Level::Warn,
                "policy-resources-away",
                message,
                json!({"errors": why}),
            );
            self.wrong = Some(why);
        }
    }
}

/// What one round has read so far.
#[derive(Debug, Default)]
struct Lists {
    objects: Objects,
    /// The kinds of which the list is whole.
    whole: BTreeSet<Kind>,
}

impl Lists {
    /// Takes one event, and gives every object there is as soon as the lists of all kinds are whole, and after each event from then on.
    ///
    /// # Errors
    /// If all has to be read anew, and why.
    fn take(&mut self, kind: Kind, event: Event<DynamicObject>) -> Result<Option<Objects>, String> {
        match event {
            Event::Init if self.whole.contains(&kind) => {
                return Err(format!("{} have to be listed again", kind.plural));
            }
            Event::Init => {}
            Event::InitApply(object) | Event::Apply(object) => {
                let object = read(kind, object);
                let key = (kind, object.name.clone());
                self.objects.insert(key, Arc::new(object));
            }
            Event::Delete(object) => {
                let name = object.metadata.name.unwrap_or_default();
                self.objects.remove(&(kind, name));
            }
            Event::InitDone => {
                self.whole.insert(kind);
            }
        }
        if self.objects.len() > MOST_OBJECTS {
            return Err(format!(
                "there are more than {MOST_OBJECTS} policy resources"
            ));
        }
        let is_whole = self.whole.len() == KINDS.len();
        Ok(is_whole.then(|| self.objects.clone()))
    }
}

type Watched = (Kind, Result<Event<DynamicObject>, watcher::Error>);

fn watched(client: Client, kind: Kind) -> BoxStream<'static, Watched> {
    let config = watcher::Config::default().timeout(WATCH_SECONDS);
    let events = watcher(api(client, kind), config);
    events.map(move |event| (kind, event)).boxed()
}

fn api(client: Client, kind: Kind) -> Api<DynamicObject> {
    let of = GroupVersionKind::gvk(GROUP, VERSION, kind.name);
    let resource = ApiResource::from_gvk_with_plural(&of, kind.plural);
    Api::all_with(client, &resource)
}

fn read(kind: Kind, object: DynamicObject) -> Object {
    let metadata = object.metadata;
    let known = Known {
        name: metadata.name.unwrap_or_default(),
        uid: metadata.uid.unwrap_or_default(),
        resource_version: metadata.resource_version.unwrap_or_default(),
        generation: metadata.generation.unwrap_or_default(),
    };
    let fields = match object.data {
        Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    };
    Object::new(kind, known, fields)
}

/// What is wrong, and what to do where that is known.
fn advice(error: &watcher::Error) -> String {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    let (what, code) = match error {
        InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => match error {
            kube::Error::Api(status) => (why(error), status.code),
            _ => (causes(error), 0),
        },
        WatchError(status) => (causes(error), status.code),
        _ => (causes(error), 0),
    };
    match code {
        404 => format!(
            "{what}; install the definitions: countersign-webhook crds | kubectl apply --server-side -f -"
        ),
        403 => format!(
            "{what}; the webhook's service account needs get, list and watch of every kind of {GROUP}"
        ),
        _ => what,
    }
}

#[cfg(test)]
mod tests;
