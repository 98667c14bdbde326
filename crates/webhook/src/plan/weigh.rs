//! What a webhook would block, and whether it or the cluster could be kept from coming up.

use super::hook::Hook;
use super::objects::{Object, Objects};
use super::owner::Owner;
use super::rules::{Asked, requests, vital};
use super::selector::Holds;

/// What leads every cluster.
pub(super) const SYSTEM: &str = "kube-system";

/// Something that is wrong with the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// It can stop the cluster.
    Error,
    /// It is likely not meant.
    Warning,
}

/// One thing to tell.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) at: String,
    pub(super) message: String,
}

/// An object of the input that could not be created, or would not do what it is for.
#[derive(Debug)]
pub(super) struct Blocked {
    /// `Deployment.apps shop/web`.
    pub(super) object: String,
    pub(super) at: String,
    /// What of it: `itself`, `its replicasets`, `its pods`.
    pub(super) what: Vec<String>,
    /// Whether that depends on what the input does not say.
    pub(super) is_sure: bool,
}

/// What one webhook does while nobody answers behind it.
#[derive(Debug)]
pub(super) struct Weighed {
    /// Whether it counts in the namespace of its own Pods; none where the input does not say which that is.
    pub(super) own: Option<(String, Holds)>,
    pub(super) system: Holds,
    pub(super) blocked: Vec<Blocked>,
    pub(super) findings: Vec<Finding>,
}

impl Weighed {
    pub(super) fn of(hook: &Hook, owner: Option<&Owner<'_>>, objects: &Objects) -> Self {
        let mut weighed = Self {
            own: owner.map(|it| {
                let counts = hook.counts_in(&it.namespace, objects);
                (it.namespace.clone(), counts)
            }),
            system: hook.counts_in(SYSTEM, objects),
            blocked: Vec::new(),
            findings: Vec::new(),
        };
        if hook.fails() {
            weighed.bricking(hook, owner);
            weighed.evadable(hook);
            let objects_blocked = objects
                .all
                .iter()
                .filter_map(|it| blocked(hook, it, objects));
            weighed.blocked = objects_blocked.collect();
        }
        weighed.wiring(hook, owner, objects);
        weighed
    }

    /// What could keep countersign or the cluster from coming up.
    fn bricking(&mut self, hook: &Hook, owner: Option<&Owner<'_>>) {
        let covered = vital(&hook.written.rules, true).join(", ");
        let own = self.own.clone();
        let own = own.map(|(namespace, counts)| {
            let who = owner.map(|it| it.name.clone()).unwrap_or_default();
            (
                namespace,
                counts,
                format!(
                    "where the Pods of {who} run: with none of them alive none can come up again"
                ),
            )
        });
        let system = (
            SYSTEM.to_owned(),
            self.system,
            "on which the cluster stands".to_owned(),
        );
        for (namespace, counts, why) in own.into_iter().chain([system]) {
            if covered.is_empty() || !counts.is_possible() {
                continue;
            }
            let unsure = match counts {
                Holds::Perhaps => " (depending on labels that the input does not show)",
                _ => "",
            };
            self.error(
                hook,
                format!(
                    "covers {covered} in the namespace {namespace}{unsure}, {why}; exclude it by a namespaceSelector \
                     `{{key: kubernetes.io/metadata.name, operator: NotIn, values: [{namespace}]}}`, or have failurePolicy: Ignore"
                ),
            );
        }
        let cluster = vital(&hook.written.rules, false).join(", ");
        if !cluster.is_empty() {
            self.error(
                hook,
                format!(
                    "covers {cluster}, which have no namespace, so that no namespaceSelector counts for them; say `scope: Namespaced` in its rules, and name \
                     the resources that bear images"
                ),
            );
        }
    }

    /// What lets somebody past it.
    fn evadable(&mut self, hook: &Hook) {
        let labels = hook.namespace_labels();
        if !labels.is_empty() {
            self.warning(
                hook,
                format!(
                    "counts by the label {} of namespaces, which whoever may change a namespace can set or take away; go by kubernetes.io/metadata.name",
                    labels.join(", ")
                ),
            );
        }
        let labels = hook.object_labels();
        if !labels.is_empty() {
            self.warning(
                hook,
                format!(
                    "counts by the label {} of objects, which whoever makes an object sets; have no objectSelector",
                    labels.join(", ")
                ),
            );
        }
        let names: Vec<&str> = hook
            .conditions()
            .iter()
            .filter(|it| it.expression.contains("userInfo"))
            .map(|it| it.name.as_str())
            .collect();
        if !names.is_empty() {
            self.warning(
                hook,
                format!(
                    "goes by who asks (matchConditions: {}); the controllers of kube-system make nearly every Pod, whoever wanted it",
                    names.join(", ")
                ),
            );
        }
    }

    /// What does not fit together.
    fn wiring(&mut self, hook: &Hook, owner: Option<&Owner<'_>>, objects: &Objects) {
        if hook.has_bundle() {
            self.warning(
                hook,
                "has a caBundle in the manifest: whoever keeps objects as they are written there undoes each rotation of the certificate; leave it out".to_owned(),
            );
        }
        let (Some(service), Some(owner)) = (hook.service(), owner) else {
            return;
        };
        if let Some(why) = owner.broken(service) {
            let message = format!("asks nobody: {why}");
            match hook.fails() {
                true => self.error(hook, message),
                false => self.warning(hook, message),
            }
        } else if !owner.is_there() {
            let among = objects.all.len();
            self.warning(
                hook,
                format!(
                    "asks the Service {}, which is not among the {among} objects of the input",
                    owner.name
                ),
            );
        }
        match service.path.as_deref() {
            Some("/validate-audit") if hook.fails() => self.warning(
                hook,
                "blocks by failurePolicy: Fail at /validate-audit, which itself allows everything; have Ignore".to_owned(),
            ),
            Some("/validate") if !hook.fails() => self.warning(
                hook,
                "lets everything pass by failurePolicy: Ignore while /validate cannot be asked; have Fail".to_owned(),
            ),
            _ => {}
        }
    }

    fn error(&mut self, hook: &Hook, message: String) {
        self.tell(Level::Error, hook, &message);
    }

    fn warning(&mut self, hook: &Hook, message: String) {
        self.tell(Level::Warning, hook, &message);
    }

    fn tell(&mut self, level: Level, hook: &Hook, message: &str) {
        self.findings.push(Finding {
            level,
            at: hook.at.clone(),
            message: format!("{} {message}", hook.label()),
        });
    }
}

/// What of an object could not be written; none if all could.
fn blocked(hook: &Hook, object: &Object, objects: &Objects) -> Option<Blocked> {
    let counts = match &object.namespace {
        Some(namespace) => hook.counts_in(namespace, objects),
        None => Holds::Yes,
    };
    let own = || object.texts("/metadata/labels");
    let mut all = Holds::No;
    let mut what = Vec::new();
    for (number, asked) in requests(object, objects).iter().enumerate() {
        let labels = match number {
            0 => own(),
            _ => object.pod_labels(),
        };
        let covered = covered(hook, asked)
            .and(counts)
            .and(hook.counts_for(labels));
        if covered.is_possible() {
            all = all.or(covered);
            what.push(match (number, &asked.resource) {
                (0, _) | (_, None) => "itself".to_owned(),
                (_, Some(resource)) => format!("its {resource}"),
            });
        }
    }
    // The API server asks no webhook about webhooks.
    let is_configuration = object.kind.kind.ends_with("WebhookConfiguration");
    (!what.is_empty() && !is_configuration).then(|| Blocked {
        object: object.label(),
        at: object.at.clone(),
        what,
        is_sure: all == Holds::Yes,
    })
}

fn covered(hook: &Hook, asked: &Asked) -> Holds {
    let rules = hook.written.rules.iter();
    rules
        .map(|rule| rule.covers(asked))
        .fold(Holds::No, Holds::or)
}
