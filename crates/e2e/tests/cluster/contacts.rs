//! Whom the webhook talks to: the registries that policies name, whatever images and registries say, and nobody else.
//!
//! The kernel is asked, by `strace`: whatever library of ours connects to somebody, by whatever name, has to go through it.

use std::collections::BTreeSet;
use std::fs;

use countersign_e2e::{Proxy, Registration, Weather, contacts, eventually, outcome, pod};

use crate::scene::{Lab, until_answered};

/// Where clouds hand out a machine's credentials.
const METADATA: &str = "169.254.169.254";

#[test]
fn nobody_is_contacted_but_registries_that_a_policy_names() {
    let Some(lab) = Lab::shared() else { return };
    let namespace = "contacts";
    lab.cluster.namespace(namespace).unwrap();
    let start = |weather| Proxy::start(&lab.registry.host(), weather).unwrap();
    // Named by no policy, but by images, by a redirect and as a token service.
    let foreign = start(Weather::Clear);
    let redirecting = start(Weather::Elsewhere(foreign.host()));
    let sending_on = start(Weather::Login(format!("http://{}/token", foreign.host())));
    let to_metadata = start(Weather::Elsewhere(METADATA.to_owned()));
    let named = [&redirecting, &sending_on, &to_metadata].map(Proxy::host);
    let hosts: Vec<&str> = named.iter().map(String::as_str).collect();
    let registries = lab.registries_of("contacts", &hosts);
    let policy = lab.policy_with("contacts", "", "");
    let file = policy.join("policy.yaml");
    let everything = fs::read_to_string(&file).unwrap();
    let patterns: Vec<String> = [lab.registry.host()]
        .iter()
        .chain(&named)
        .map(|host| format!("\"{host}/**\""))
        .collect();
    let only_named = everything.replace("\"**\"", &patterns.join(", "));
    assert_ne!(only_named, everything);
    fs::write(&file, &only_named).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let arguments = [
        "--reload-interval",
        "1",
        "--cache-dir",
        folder.path().join("cache").to_str().unwrap(),
    ]
    .map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    outcome(std::process::Command::new("strace").arg("--version"))
        .expect("strace has to be installed");
    let webhook = lab
        .webhook
        .start_traced(&trace, &policy, &registries, &arguments)
        .unwrap();
    let config = webhook.client_config("/validate");
    let _registered = Registration::of(namespace, "validate", config)
        .register(&lab.cluster)
        .unwrap();
    until_answered(&lab, namespace, &lab.unsigned, |answer| {
        answer.status == 403
    });

    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let ask = |image: &str| lab.admin().create(&path, &pod("app", image)).unwrap();
    assert!(ask(&lab.signed).is_done());
    let images = [
        (lab.at(&foreign.host(), &lab.signed), 403),
        (lab.at("registry.example", &lab.signed), 403),
        (lab.at(METADATA, &lab.signed), 403),
        (format!("{METADATA}/latest/meta-data:v1"), 403),
        ("library/nginx:1".to_owned(), 403),
        (lab.at("localhost:1", &lab.signed), 403),
        (lab.at(&redirecting.host(), &lab.signed), 503),
        (lab.at(&sending_on.host(), &lab.signed), 503),
        (lab.at(&to_metadata.host(), &lab.signed), 503),
    ];
    for (image, status) in &images {
        let answer = ask(image);
        assert_eq!(answer.status, *status, "{image}: {answer:?}");
    }
    let expected: BTreeSet<String> = [lab.registry.host()].into_iter().chain(named).collect();
    assert_eq!(contacts(&trace).unwrap(), expected);
    assert!(foreign.asked().is_empty(), "{:?}", foreign.asked());

    // The trace would tell: a policy that names everything sends the webhook to the foreign registry's address, which is refused for
    // want of an entry, and to a name service.
    fs::write(&file, &everything).unwrap();
    until_answered(&lab, namespace, "registry.example/acme/app:v1", |it| {
        it.status == 503
    });
    let more = eventually("a name service", || {
        let more: BTreeSet<_> = contacts(&trace)?.difference(&expected).cloned().collect();
        Ok((!more.is_empty()).then_some(more))
    })
    .unwrap();
    assert!(more.iter().any(|it| it.ends_with(":53")), "{more:?}");
}
