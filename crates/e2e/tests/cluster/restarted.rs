//! Registry down, and every replica restarted: what the folder of `--cache-dir` remembers.

use std::time::Duration;

use countersign_e2e::{Answer, Proxy, Registration, Weather, Webhook, pod};

use crate::scene::{Lab, until_answered};

#[test]
fn what_was_admitted_before_is_allowed_after_a_restart_while_it_is_not_too_old() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "restarted";
    lab.cluster.namespace(namespace).unwrap();
    let proxy = Proxy::start(&lab.registry.host(), Weather::Clear).unwrap();
    let host = proxy.host();
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let registries = lab.registries_of("restarted", &[&host]);
    let start = |name: &str, settings: &str| {
        let policy = lab.policy_with(name, settings, "");
        let arguments = ["--cache-dir", cache.to_str().unwrap()];
        lab.webhook.start(&policy, &registries, &arguments).unwrap()
    };
    let patient = ", stale: {maxAge: 1h}";
    let webhooks = [(); 2].map(|()| start("restarted", patient));
    let config = webhooks[0].client_config("/validate");
    let registered = Registration::of(namespace, "validate", config)
        .register(&lab.cluster)
        .unwrap();
    // The lab's own registry is not the one that will be down.
    let reach = |name: &str, webhook: &Webhook| {
        registered
            .change(name, &webhook.client_config("/validate"))
            .unwrap();
        let name = format!("\"{name}.countersign.dev\"");
        until_answered(&lab, namespace, &lab.unsigned, |it| {
            it.message().contains(&name)
        });
    };
    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let ask = |image: &str| -> Answer {
        let pod = pod("app", &lab.at(&host, image));
        lab.admin().create(&path, &pod).unwrap()
    };
    reach("before", &webhooks[0]);
    let admitted = ask(&lab.signed);
    assert!(
        admitted.is_done() && admitted.warnings.is_empty(),
        "{admitted:?}"
    );
    assert_eq!(ask(&lab.foreign).status, 403);

    for webhook in webhooks {
        webhook.stop();
    }
    drop(proxy);
    for number in 0..2 {
        let webhook = start("restarted", patient);
        reach(&format!("after-{number}"), &webhook);
        let allowed = ask(&lab.signed);
        assert!(allowed.is_done(), "{allowed:?}");
        let warned = allowed.warnings.iter();
        assert!(
            warned.clone().any(|it| it.contains(": stale-evidence: ")),
            "{allowed:?}"
        );
        // Nobody saw the one, and the other is remembered without the right signature: that proves nothing.
        for image in [&lab.other, &lab.foreign] {
            let unknown = ask(image);
            assert_eq!(unknown.status, 503, "{unknown:?}");
            assert!(
                unknown.message().contains("registry-unavailable: "),
                "{unknown:?}"
            );
        }
    }
    // It was asked longer ago than this.
    std::thread::sleep(Duration::from_secs(1));
    for (name, settings) in [("impatient", ", stale: {maxAge: 1s}"), ("never-stale", "")] {
        let webhook = start(name, settings);
        reach(name, &webhook);
        let unknown = ask(&lab.signed);
        assert_eq!(unknown.status, 503, "{name}: {unknown:?}");
        assert!(
            unknown.message().contains("registry-unavailable: "),
            "{name}: {unknown:?}"
        );
    }
}
