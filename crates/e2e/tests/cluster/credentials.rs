//! A registry that wants a password: who has none, or a wrong one, is told so, and the image is not called unsigned.

use std::fs;

use countersign_e2e::{OWNER, REGISTRY_PARTS, Registration, Registry, RegistryKind, parts, pod};

use crate::scene::{Lab, until_answered};

#[test]
fn a_password_that_is_missing_or_wrong_is_no_verdict() {
    let Some(lab) = Lab::shared() else { return };
    let parts = parts(&REGISTRY_PARTS).unwrap();
    let registry = Registry::start(&parts, RegistryKind::DockerBasic).unwrap();
    let [signed, unsigned] = ["signed", "unsigned"]
        .map(|name| registry.push(&format!("acme/{name}"), "v1", name).unwrap());
    lab.release().in_registry(&registry).sign3(&signed).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let (ca, host) = (registry.ca().unwrap().display(), registry.host());
    let registries = |name: &str, more: &str| {
        let file = folder.path().join(name);
        let text = format!(
            "apiVersion: countersign.dev/v1alpha1\nkind: Registries\nspec:\n  registries: [{{host: \"{host}\", addresses: [loopback]{more}}}]\n"
        );
        fs::write(&file, text).unwrap();
        file
    };
    let trusting = registries("trusting.yaml", &format!(", caFile: {ca}"));
    let distrustful = registries("distrustful.yaml", "");
    let tried = format!("config.json's `{host}`");
    // The namespace, the password if there is one, how the registry is reached, and what a refusal says; none if there is none.
    let cases = [
        ("password", Some(OWNER.password), &trusting, None),
        (
            "no-password",
            None,
            &trusting,
            Some(["registry-denied: ", "no credential"]),
        ),
        (
            "mistyped",
            Some("wrong-password"),
            &trusting,
            Some(["registry-denied: ", &tried]),
        ),
        (
            "no-authority",
            Some(OWNER.password),
            &distrustful,
            Some(["registry-tls: ", &host]),
        ),
    ];
    for (namespace, password, registries, refusal) in cases {
        lab.cluster.namespace(namespace).unwrap();
        let docker = folder.path().join(namespace);
        let login = password.map(|_| &OWNER);
        registry
            .login(login, password.unwrap_or_default(), &docker)
            .unwrap();
        let docker = docker.join("config.json");
        let arguments = ["--docker-config", docker.to_str().unwrap()];
        let webhook = lab
            .webhook
            .start(&lab.policy("enforce"), registries, &arguments);
        let webhook = webhook.unwrap();
        let config = webhook.client_config("/validate");
        let _registered = Registration::of(namespace, "validate", config)
            .register(&lab.cluster)
            .unwrap();
        until_answered(&lab, namespace, &unsigned, |answer| !answer.is_done());

        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let answer = lab.admin().create(&path, &pod("app", &signed)).unwrap();
        let denied = lab.admin().create(&path, &pod("other", &unsigned)).unwrap();
        let Some(says) = refusal else {
            assert!(answer.is_done(), "{namespace}: {answer:?}");
            assert_eq!(denied.status, 403, "{namespace}: {denied:?}");
            assert!(denied.message().contains("no-evidence"), "{denied:?}");
            continue;
        };
        for answer in [answer, denied] {
            assert_eq!(answer.status, 503, "{namespace}: {answer:?}");
            let message = answer.message();
            for text in says {
                assert!(
                    message.contains(text),
                    "{namespace}: nothing of `{text}`: {message}"
                );
            }
            assert!(!message.contains("no-evidence"), "{message}");
            for secret in [OWNER.password, "wrong-password"] {
                assert!(!message.contains(secret), "{message}");
            }
        }
    }
}
