//! Registries that are down, slow, busy or broken: what the API server passes on, to people, is that nobody could tell.

use std::time::{Duration, Instant};

use countersign_e2e::{Answer, Proxy, Registration, Weather, eventually, nobody, pod};

use crate::scene::{Lab, until_answered};

/// What a refusal says that is no verdict: 503, the registry and why, and no word about signatures.
fn is_unknown(answer: &Answer, says: &[&str]) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.body["reason"], "ServiceUnavailable", "{answer:?}");
    let message = answer.message();
    assert!(
        message.starts_with("admission webhook \"validate.countersign.dev\" denied the request: "),
        "{message}"
    );
    for text in says {
        assert!(message.contains(text), "nothing of `{text}`: {message}");
    }
    for verdict in ["no-evidence", "unsigned", "no signature"] {
        assert!(!message.contains(verdict), "{message}");
    }
}

#[test]
fn what_a_registry_does_not_say_is_no_verdict() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "weather";
    lab.cluster.namespace(namespace).unwrap();
    let start = |weather| Proxy::start(&lab.registry.host(), weather).unwrap();
    let slow = start(Weather::Slow(Duration::from_millis(200)));
    let busy = start(Weather::RateLimited(30));
    let dropping = start(Weather::Dropped);
    let truncating = start(Weather::Truncated(20));
    let down = nobody().unwrap();
    let hosts = [&slow, &busy, &dropping, &truncating].map(Proxy::host);
    let mut named: Vec<&str> = hosts.iter().map(String::as_str).collect();
    named.push(&down);
    let registries = lab.registries_of("weather", &named);
    let webhook = lab
        .webhook
        .start(&lab.policy("enforce"), &registries, &[])
        .unwrap();
    let config = webhook.client_config("/validate");
    let _registered = Registration::of(namespace, "validate", config)
        .register(&lab.cluster)
        .unwrap();
    until_answered(&lab, namespace, &lab.unsigned, |answer| !answer.is_done());

    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let ask = |host: &str| {
        let image = lab.at(host, &lab.signed);
        let answer = lab.admin().create(&path, &pod("app", &image)).unwrap();
        if !answer.is_done() {
            assert!(answer.message().contains(&image), "{answer:?}");
        }
        answer
    };
    let [slow_host, busy_host, dropping_host, truncating_host] = &hosts;
    let answer = ask(slow_host);
    assert!(answer.is_done(), "late is not too late: {answer:?}");
    is_unknown(
        &ask(busy_host),
        &[
            "429",
            "ask again after 30 s",
            busy_host,
            "registry-rate-limited: ",
        ],
    );
    is_unknown(&ask(&down), &[&down, "registry-unavailable: "]);
    is_unknown(
        &ask(dropping_host),
        &[dropping_host, "registry-unavailable: "],
    );
    is_unknown(&ask(truncating_host), &[truncating_host]);

    // What was not kept from one bad moment is asked again in a better one.
    for proxy in [&dropping, &truncating] {
        proxy.turn(Weather::Clear);
        eventually("the registry's better days", || {
            Ok(ask(&proxy.host()).is_done().then_some(()))
        })
        .unwrap();
    }
}

#[test]
fn the_answer_comes_before_an_api_server_with_little_time_gives_up() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "hasty";
    lab.cluster.namespace(namespace).unwrap();
    let silent = Proxy::start(&lab.registry.host(), Weather::Silent).unwrap();
    let host = silent.host();
    let registries = lab.registries_of("hasty", &[&host]);
    let webhook = lab
        .webhook
        .start(&lab.policy("enforce"), &registries, &[])
        .unwrap();
    let config = webhook.client_config("/validate");
    let mut registration = Registration::of(namespace, "validate", config);
    registration.timeout = 2;
    let _registered = registration.register(&lab.cluster).unwrap();
    until_answered(&lab, namespace, &lab.unsigned, |answer| !answer.is_done());

    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let begun = Instant::now();
    let pod = pod("app", &lab.at(&host, &lab.signed));
    let answer = lab.admin().create(&path, &pod).unwrap();
    is_unknown(&answer, &[&host, "registry-timeout: "]);
    let took = begun.elapsed();
    assert!(
        took > Duration::from_secs(1),
        "it waits while it may: {took:?}"
    );
    assert!(!silent.asked().is_empty());
}

#[test]
fn a_tag_is_judged_by_what_it_points_to_now() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "moved";
    lab.cluster.namespace(namespace).unwrap();
    let webhook = lab.start_webhook("enforce");
    let config = webhook.client_config("/validate");
    let _registered = Registration::of(namespace, "validate", config)
        .register(&lab.cluster)
        .unwrap();
    let registry = &lab.registry;
    let bad = registry.push("acme/moving", "bad", "never signed").unwrap();
    let good = registry
        .push("acme/moving", "good", "signed at once")
        .unwrap();
    lab.release().sign3(&good).unwrap();
    let tag = format!("{}/acme/moving:now", registry.host());
    for (image, may_run) in [(&good, true), (&bad, false), (&good, true)] {
        registry.tag(image, "now").unwrap();
        // What a tag points to is remembered for five seconds, and not longer.
        let begun = Instant::now();
        let answer = until_answered(&lab, namespace, &tag, |it| it.is_done() == may_run);
        assert!(begun.elapsed() < Duration::from_secs(20), "{answer:?}");
        if !may_run {
            assert_eq!(answer.status, 403, "{answer:?}");
            assert!(answer.message().contains("no-evidence"), "{answer:?}");
        }
    }
}
