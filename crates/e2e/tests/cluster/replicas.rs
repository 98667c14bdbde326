//! Two replicas behind a balancer: what is lost when one ends.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use countersign_e2e::{
    Balancer, Proxy, Registered, Registration, Weather, Webhook, client_config, eventually, pod,
};

use crate::load::Load;
use crate::scene::{Lab, until_answered};

/// After a replica was killed the API server may send it a question before it has noticed that the connection is closed.
const MOMENT: Duration = Duration::from_millis(250);

/// Two replicas and what stands before them.
struct Fleet {
    lab: Arc<Lab>,
    balancer: Balancer,
    replicas: Vec<Webhook>,
    bundle: String,
}

impl Fleet {
    fn start(lab: &Arc<Lab>, registries: &Path) -> Self {
        let policy = lab.policy("enforce");
        let replicas: Vec<Webhook> = (0..2)
            .map(|_| {
                lab.webhook
                    .start(&policy, registries, &["--drain", "1"])
                    .unwrap()
            })
            .collect();
        Self {
            lab: Arc::clone(lab),
            balancer: Balancer::start(&[&replicas[0], &replicas[1]]).unwrap(),
            bundle: replicas.iter().map(Webhook::authority).collect(),
            replicas,
        }
    }

    fn register(&self, namespace: &str, failure_policy: &str) -> Registered {
        self.lab.cluster.namespace(namespace).unwrap();
        let config = client_config(self.balancer.port(), "/validate", &self.bundle);
        let mut registration = Registration::of(namespace, "validate", config);
        registration.failure_policy = failure_policy;
        let registered = registration.register(&self.lab.cluster).unwrap();
        until_answered(&self.lab, namespace, &self.lab.unsigned, |it| {
            it.status == 403
        });
        registered
    }

    /// The place of the replica that is asked at this moment: an API server keeps one connection to one of them.
    fn asked(&self) -> usize {
        let decisions = || {
            let logs = self.replicas.iter().map(Webhook::log);
            let count = logs.map(|log| log.iter().filter(|it| it["event"] == "decision").count());
            count.collect::<Vec<_>>()
        };
        let before = decisions();
        eventually("the replica that is asked", || {
            let now = decisions();
            let grown = before
                .iter()
                .zip(&now)
                .position(|(before, now)| now > before);
            Ok(grown)
        })
        .unwrap()
    }
}

#[test]
fn after_sigterm_no_review_is_lost() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "drained";
    let mut fleet = Fleet::start(&lab, &lab.registries());
    let _registered = fleet.register(namespace, "Fail");
    let load = Load::begin(&lab, namespace);
    load.more(20);
    let place = fleet.asked();
    fleet.replicas[place].terminate().unwrap();
    let code = fleet.replicas[place].ended().unwrap();
    load.more(20);
    assert_ne!(fleet.asked(), place);
    let asked = load.end();
    assert_eq!(code, Some(0));
    let wrong: Vec<_> = asked.iter().filter(|it| !it.is_right()).collect();
    assert!(
        wrong.is_empty(),
        "{} of {}: {:#?}",
        wrong.len(),
        asked.len(),
        wrong.first()
    );
}

#[test]
fn after_sigkill_only_reviews_in_flight_fail_and_each_by_its_failure_policy() {
    let Some(lab) = Lab::shared() else { return };
    let silent = Proxy::start(&lab.registry.host(), Weather::Silent).unwrap();
    let host = silent.host();
    let mut fleet = Fleet::start(&lab, &lab.registries_of("silent", &[&host]));
    let _registered = [
        fleet.register("killed", "Fail"),
        fleet.register("killed-open", "Ignore"),
    ];
    let load = Load::begin(&lab, "killed");
    load.more(20);
    let place = fleet.asked();
    // In flight for certain: nobody says anything about their images.
    let flights =
        [("killed", &lab.unsigned), ("killed-open", &lab.foreign)].map(|(namespace, image)| {
            let (lab, image) = (Arc::clone(&lab), lab.at(&host, image));
            let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
            thread::spawn(move || lab.admin().create(&path, &pod("flight", &image)).unwrap())
        });
    eventually("the questions in flight", || {
        let asked = silent.asked();
        let is_about = |image: &str| {
            let (_, digest) = image.split_once('@').unwrap_or_default();
            asked.iter().any(|line| line.contains(digest))
        };
        Ok((is_about(&lab.unsigned) && is_about(&lab.foreign)).then_some(()))
    })
    .unwrap();
    let before = Instant::now();
    fleet.replicas[place].kill().unwrap();
    let after = Instant::now();
    let [failed, passed] = flights.map(|it| it.join().unwrap());
    assert_eq!(failed.status, 500, "{failed:?}");
    let why = "failed calling webhook \"validate.countersign.dev\"";
    assert!(failed.message().contains(why), "{failed:?}");
    assert!(passed.is_done(), "{passed:?}");

    load.more(40);
    let asked = load.end();
    for one in asked.iter().filter(|it| !it.is_right()) {
        assert!(one.answer.message().contains(why), "{one:#?}");
        assert!(one.begun < after + MOMENT && one.ended > before, "{one:#?}");
    }
    assert!(asked.iter().all(|it| it.is_signed || !it.answer.is_done()));
    assert!(
        fleet.replicas[place]
            .ended()
            .unwrap()
            .is_some_and(|code| code != 0)
    );
}
