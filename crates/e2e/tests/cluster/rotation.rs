//! Certificates are rotated while the API server asks, and no question is lost.

use countersign_e2e::{LOOPBACK, Registration, Serving, client_config, eventually};

use crate::load::Load;
use crate::scene::{Lab, until_answered};

#[test]
fn certificates_are_rotated_under_load_without_one_failed_review() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "rotated";
    lab.cluster.namespace(namespace).unwrap();
    let (policy, registries) = (lab.policy("enforce"), lab.registries());
    let webhook = lab
        .webhook
        .start(&policy, &registries, &["--reload-interval", "1"])
        .unwrap();
    let config = webhook.client_config("/validate");
    let registered = Registration::of(namespace, "validate", config)
        .register(&lab.cluster)
        .unwrap();
    let knows = |name: &str| {
        let name = format!("\"{name}.countersign.dev\"");
        until_answered(&lab, namespace, &lab.unsigned, |it| {
            it.message().contains(&name)
        });
    };
    knows("validate");

    let load = Load::begin(&lab, namespace);
    load.more(20);
    let mut last = webhook.authority().to_owned();
    for round in 0..2 {
        // The API server trusts the next authority before anything shows its certificates, as long as it takes …
        let serving = Serving::issue(&LOOPBACK).unwrap();
        let next = serving.authority();
        let reached = |bundle: &str| client_config(webhook.port(), "/validate", bundle);
        registered
            .change(&format!("both-{round}"), &reached(&format!("{last}{next}")))
            .unwrap();
        knows(&format!("both-{round}"));
        webhook.install(&serving).unwrap();
        eventually("the next certificate", || {
            let log = webhook.log().into_iter();
            let mut changes = log.filter(|line| line["event"] == "certificate-in-use");
            Ok(changes.nth(round))
        })
        .unwrap();
        // … and then the next alone, over new connections.
        registered
            .change(&format!("next-{round}"), &reached(next))
            .unwrap();
        knows(&format!("next-{round}"));
        load.more(20);
        next.clone_into(&mut last);
    }
    let asked = load.end();
    let wrong: Vec<_> = asked.iter().filter(|it| !it.is_right()).collect();
    assert!(
        wrong.is_empty(),
        "{} of {}: {:#?}",
        wrong.len(),
        asked.len(),
        wrong.first()
    );
}
