//! Whom the webhook talks to: the registries that policies name, whatever images and registries say, and nobody else.
//!
//! The kernel is asked, by `strace`: whatever library of ours connects to somebody, by whatever name, has to go through it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use countersign_e2e::{Proxy, Weather, eventually, outcome};

use crate::scene::{Lab, Registration, pod, until_answered};

/// Where clouds hand out a machine's credentials.
const METADATA: &str = "169.254.169.254";

/// `address:port` of everybody who was connected to, or was sent something without a connection.
fn contacts(trace: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(trace).unwrap();
    text.lines().filter_map(contact).collect()
}

/// Of a line as `connect(9, {sa_family=AF_INET, sin_port=htons(5000), sin_addr=inet_addr("127.0.0.1")}, 16) = …`.
fn contact(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("{sa_family=AF_")?;
    let (family, rest) = rest.split_once(',')?;
    match family {
        "INET" | "INET6" => {
            let (_, port) = rest.split_once("_port=htons(")?;
            let (port, _) = port.split_once(')')?;
            let address = rest.split('"').nth(1)?;
            Some(format!("{address}:{port}"))
        }
        // A socket of this machine may lead anywhere: a name service, a proxy.
        other => Some(format!("{other}{rest}")),
    }
}

#[test]
fn a_line_of_the_trace_says_who_was_contacted() {
    for (line, who) in [
        (
            r#"7 connect(9, {sa_family=AF_INET, sin_port=htons(5000), sin_addr=inet_addr("127.0.0.1")}, 16) = -1 EINPROGRESS"#,
            Some("127.0.0.1:5000"),
        ),
        (
            r#"7 sendto(9, "x", 1, 0, {sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 1"#,
            Some("::1:53"),
        ),
        (
            r#"7 connect(9, {sa_family=AF_UNIX, sun_path="/x"}, 110) = 0"#,
            Some(r#"UNIX sun_path="/x"}, 110) = 0"#),
        ),
        (r#"7 sendto(9, "x", 1, MSG_NOSIGNAL, NULL, 0) = 1"#, None),
    ] {
        assert_eq!(contact(line).as_deref(), who);
    }
}

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
    let _registered = Registration::of(namespace, "validate", config).register(&lab.cluster);
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
    assert_eq!(contacts(&trace), expected);
    assert!(foreign.asked().is_empty(), "{:?}", foreign.asked());

    // The trace would tell: a policy that names everything sends the webhook to the foreign registry's address, which is refused for
    // want of an entry, and to a name service.
    fs::write(&file, &everything).unwrap();
    until_answered(&lab, namespace, "registry.example/acme/app:v1", |it| {
        it.status == 503
    });
    let more = eventually("a name service", || {
        let more: BTreeSet<_> = contacts(&trace).difference(&expected).cloned().collect();
        Ok((!more.is_empty()).then_some(more))
    })
    .unwrap();
    assert!(more.iter().any(|it| it.ends_with(":53")), "{more:?}");
}
