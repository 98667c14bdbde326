//! No webhook: what the API server does then.

use crate::scene::{Lab, until_answered};
use countersign_e2e::{Registration, pod};

#[test]
fn a_webhook_that_is_down_blocks_or_is_passed_over_as_registered() {
    let Some(lab) = Lab::shared() else { return };
    let (blocked, passed) = ("blocked", "passed");
    let webhook = lab.start_webhook("enforce");
    let register = |namespace: &'static str, failure_policy| {
        lab.cluster.namespace(namespace).unwrap();
        let config = webhook.client_config("/validate");
        let mut registration = Registration::of(namespace, "validate", config);
        registration.failure_policy = failure_policy;
        registration.register(&lab.cluster).unwrap()
    };
    let _registered = [register(blocked, "Fail"), register(passed, "Ignore")];
    let paths = [blocked, passed].map(|name| format!("/api/v1/namespaces/{name}/pods"));
    for (namespace, path) in [blocked, passed].iter().zip(&paths) {
        until_answered(&lab, namespace, &lab.unsigned, |answer| !answer.is_done());
        let answer = lab.admin().create(path, &pod("signed", &lab.signed));
        assert!(answer.unwrap().is_done());
    }
    webhook.stop();

    let [blocked, passed] = &paths;
    let answer = lab.admin().create(blocked, &pod("later", &lab.signed));
    let answer = answer.unwrap();
    assert_eq!(answer.status, 500, "{answer:?}");
    let message = answer.message();
    assert!(
        message.contains("failed calling webhook \"validate.countersign.dev\""),
        "{message}"
    );
    // What is there can go.
    let answer = lab.admin().delete(&format!("{blocked}/signed")).unwrap();
    assert!(answer.is_done(), "{answer:?}");

    let answer = lab.admin().create(passed, &pod("later", &lab.unsigned));
    assert!(answer.unwrap().is_done());
}
