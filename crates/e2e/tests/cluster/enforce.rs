//! What the enforcing door lets into a namespace, keeps out of it, and lets be.

use crate::scenarios;
use crate::scene::{Lab, until_answered};
use countersign_e2e::Registration;

#[test]
fn images_are_judged_wherever_they_stand_and_only_when_they_are_new() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "enforced";
    lab.cluster.namespace(namespace).unwrap();
    lab.cluster.namespace("beside").unwrap();
    scenarios::run(&lab, namespace, &["scenarios/before.yaml"]);

    let webhook = lab.start_webhook("enforce");
    let config = webhook.client_config("/validate");
    let _registered = Registration::of(namespace, "validate", config)
        .register(&lab.cluster)
        .unwrap();
    let answer = until_answered(&lab, namespace, &lab.unsigned, |answer| !answer.is_done());
    assert!(
        answer
            .message()
            .starts_with("admission webhook \"validate.countersign.dev\" denied the request: "),
        "{answer:?}"
    );

    let files = ["scenarios/fields.yaml", "scenarios/after.yaml"];
    let count = scenarios::run(&lab, namespace, &files);
    assert!(count >= 60, "{count} scenarios");
    // It is not registered for other namespaces.
    let pod = countersign_e2e::pod("unsigned", &lab.unsigned);
    let path = "/api/v1/namespaces/beside/pods";
    assert!(lab.admin().create(path, &pod).unwrap().is_done());
}
