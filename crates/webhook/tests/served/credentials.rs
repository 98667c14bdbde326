//! What registries and the Kubernetes API are asked with.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use countersign_testkit::registry::Registry;
use serde_json::{Value, json};

use crate::program::{Program, client};
use crate::scene::{Scene, replace, review};

fn private() -> Scene {
    Scene::of(Registry::builder().basic("robot", "hunter2").start())
}

fn login(scene: &Scene, user: &str, password: &str) -> String {
    let login = json!({"username": user, "password": password});
    json!({"auths": {scene.registry.host(): login}}).to_string()
}

fn message(answer: &Value) -> String {
    answer["status"]["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn a_docker_config_counts_as_soon_as_it_changes_and_a_broken_one_changes_nothing() {
    let scene = private();
    let config = scene.path("config.json");
    fs::write(&config, login(&scene, "robot", "wrong-one")).unwrap();
    let program = Program::ready(&scene, &["--docker-config", &config.display().to_string()]);
    let client = client(&scene.authority, &program).build().unwrap();
    let asked = review(&[&scene.signed]);
    let denied = program.ask(&client, "/validate", &asked).await;
    let told = message(&denied);
    assert_eq!(denied["status"]["code"], 503);
    assert!(
        told.contains("registry-denied")
            && told.contains("config.json")
            && !told.contains("wrong-one"),
        "{told}"
    );
    replace(&config, &login(&scene, "robot", "hunter2"));
    program.line(|line| line["event"] == "credentials-in-use");
    let answer = program.ask(&client, "/validate", &asked).await;
    assert_eq!(answer["allowed"], true, "{answer}");
    replace(&config, "{\"auths\": hunter2");
    let refused = program.line(|line| line["event"] == "credentials-refused");
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
    let answer = program.ask(&client, "/validate", &asked).await;
    assert_eq!(answer["allowed"], true, "{answer}");
}

#[tokio::test]
async fn the_programs_of_a_cloud_give_what_a_registry_wants() {
    let scene = private();
    let host = scene.registry.host();
    let (folder, config) = (scene.path("programs"), scene.path("providers.yaml"));
    fs::create_dir(&folder).unwrap();
    let answer = json!({
        "kind": "CredentialProviderResponse", "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "cacheKeyType": "Registry", "cacheDuration": "10m",
        "auth": {host.as_str(): {"username": "robot", "password": "hunter2"}},
    });
    let program = folder.join("cloud");
    fs::write(
        &program,
        format!("#!/bin/sh\ncat >/dev/null\necho '{answer}'\n"),
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let text = format!(
        "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n  - name: cloud\n    matchImages: [\"{host}\"]\n    \
         defaultCacheDuration: 1h\n    apiVersion: credentialprovider.kubelet.k8s.io/v1\n"
    );
    fs::write(&config, text).unwrap();
    let (config, folder) = (config.display().to_string(), folder.display().to_string());
    let flags = [
        "--credential-providers",
        &config,
        "--credential-provider-dir",
        &folder,
    ];
    let program = Program::ready(&scene, &flags);
    let client = client(&scene.authority, &program).build().unwrap();
    let asked = review(&[&scene.signed]);
    let answer = program.ask(&client, "/validate", &asked).await;
    assert_eq!(answer["allowed"], true, "{answer}");
}

#[tokio::test]
async fn labels_that_nobody_tells_are_unknown_with_a_reason() {
    let scene = Scene::new();
    scene.write_policy(
        &scene.policy("namespaces: {matchLabels: {tier: prod}}\n  rules: [{name: signed, signature: {from: key}}]"),
    );
    // Nobody listens on port 1.
    let kubeconfig = scene.path("kubeconfig");
    let text = "{clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: u, user: {token: t}}], \
                contexts: [{name: x, context: {cluster: c, user: u, namespace: gate}}], current-context: x}";
    fs::write(&kubeconfig, text).unwrap();
    let kubeconfig = kubeconfig.display().to_string();
    for (flags, says) in [
        (
            &[][..],
            "this webhook asks no Kubernetes API; next: `--kubernetes`",
        ),
        (
            &["--kubernetes", &kubeconfig][..],
            "the namespace shop cannot be read: the Kubernetes API gives no answer",
        ),
    ] {
        let program = Program::ready(&scene, flags);
        let client = client(&scene.authority, &program).build().unwrap();
        // Were the policy not for this namespace, nobody would allow the signed one either.
        for image in [&scene.signed, &scene.unsigned] {
            let answer = program.ask(&client, "/validate", &review(&[image])).await;
            assert_eq!(answer["status"]["code"], 503, "{answer}");
            let told = message(&answer);
            assert!(told.contains(says), "{told}");
        }
        let line = program.line(|line| line["event"] == "decision" && line["effect"] == "unknown");
        assert!(line["message"].as_str().unwrap().contains(says), "{line}");
    }
}
