//! Policies that change under the API server's eyes.

use std::fs;

use countersign_e2e::{Registration, eventually, pod};

use crate::scene::{Lab, until_answered};

#[test]
fn good_policies_come_in_force_and_bad_ones_leave_the_last_good_in_force() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "reloaded";
    lab.cluster.namespace(namespace).unwrap();
    let policy = lab.policy_with("reloaded", "", "");
    let registries = lab.registries();
    let webhook = lab
        .webhook
        .start(&policy, &registries, &["--reload-interval", "1"])
        .unwrap();
    let config = webhook.client_config("/validate");
    let _registered = Registration::of(namespace, "validate", config)
        .register(&lab.cluster)
        .unwrap();
    until_answered(&lab, namespace, &lab.unsigned, |answer| !answer.is_done());
    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let ask = |image: &str| lab.admin().create(&path, &pod("app", image)).unwrap();
    let file = policy.join("policy.yaml");
    let good = fs::read_to_string(&file).unwrap();
    let heard = |event: &str, number: usize| {
        eventually(event, || {
            let log = webhook.log().into_iter();
            let mut lines = log.filter(|line| line["event"] == event);
            Ok(lines.nth(number))
        })
        .unwrap()
    };

    // Bad in three ways: no YAML, a rule that there is not, and a key that is gone.
    let key = policy.join("release.pub");
    let pem = fs::read_to_string(&key).unwrap();
    let texts = ["{", &good.replace("signature:", "signatur:"), &good];
    for (number, text) in texts.into_iter().enumerate() {
        match number {
            2 => fs::remove_file(&key).unwrap(),
            _ => fs::write(&file, text).unwrap(),
        }
        let refused = heard("policies-refused", number);
        assert!(
            refused["errors"].as_str().unwrap().contains("policy.yaml:"),
            "{refused}"
        );
        assert_eq!(ask(&lab.unsigned).status, 403);
        assert!(ask(&lab.signed).is_done());
        assert!(webhook.is_ready(), "one typo must not stop a cluster");
        if number == 1 {
            fs::write(&file, &good).unwrap();
            heard("policies-mended", 0);
        }
    }
    fs::write(&key, pem).unwrap();
    heard("policies-mended", 1);
    let by_digest = good.replace("signature: {from: release}", "digest: required");
    assert_ne!(by_digest, good);
    fs::write(&file, by_digest).unwrap();
    until_answered(&lab, namespace, &lab.unsigned, |answer| answer.is_done());
    let tagged = ask(&format!("{}/acme/signed:v1", lab.registry.host()));
    assert_eq!(tagged.status, 403, "{tagged:?}");
}
