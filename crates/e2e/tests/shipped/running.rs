//! What is in an image runs as a node runs it: below its own root, read-only, as nobody, with names from a name server.

use std::fs;
use std::path::PathBuf;

use countersign_e2e::{NameServer, RELEASE_POLICY, Registry, RegistryKind, SigningKey, Unpacked};
use serde_json::{Value, json};

use crate::scene::Scene;

const HOST: &str = "registry.countersign.test";

/// A registry by name, with an image that is signed and one that is not, and settings that let it be asked.
struct World {
    names: NameServer,
    settings: PathBuf,
    signed: String,
    unsigned: String,
    _registry: Registry,
}

impl World {
    fn new(scene: &Scene, name: &str) -> Self {
        let registry = Registry::start(&scene.parts, RegistryKind::WithReferrers).unwrap();
        let folder = scene.folder(name);
        let key = SigningKey::generate(&scene.parts, &folder.join("key")).unwrap();
        let [signed, unsigned] = ["signed", "unsigned"].map(|image| {
            registry
                .push(&format!("acme/{image}"), "v1", image)
                .unwrap()
        });
        key.sign3(&signed).unwrap();
        let port = registry.host().rsplit(':').next().unwrap().to_owned();
        let named = |image: &str| image.replace("127.0.0.1", HOST);
        let settings = folder.join("settings");
        fs::create_dir_all(settings.join("policy")).unwrap();
        fs::copy(key.public_key(), settings.join("policy/release.pub")).unwrap();
        fs::write(settings.join("policy/policy.yaml"), RELEASE_POLICY).unwrap();
        let registries = json!({
            "apiVersion": "countersign.dev/v1alpha1", "kind": "Registries",
            "spec": {"registries": [
                {"host": format!("{HOST}:{port}"), "plainHttp": true, "addresses": ["loopback"]},
            ]},
        });
        fs::write(settings.join("registries.yaml"), registries.to_string()).unwrap();
        Self {
            names: NameServer::start(HOST).unwrap(),
            settings,
            signed: named(&signed),
            unsigned: named(&unsigned),
            _registry: registry,
        }
    }
}

fn review(image: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "name": "app", "namespace": "shop", "operation": "CREATE",
            "userInfo": {"username": "admin"}, "options": null, "dryRun": false, "oldObject": null,
            "object": {
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app", "namespace": "shop"},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
    })
}

#[test]
fn the_webhook_answers_from_its_image_as_nobody_and_finds_registries_by_name() {
    let Some(scene) = Scene::shared() else { return };
    let world = World::new(&scene, "webhook");
    let layout = scene.images.layout("countersign-webhook");
    let image = Unpacked::of(&layout, &scene.folder("webhook-root")).unwrap();
    let webhook = image.start(&world.settings, &world.names).unwrap();

    let answer = webhook.ask("/validate", &review(&world.signed)).unwrap();
    assert_eq!(answer["response"]["allowed"], true, "{answer:#}");
    let answer = webhook.ask("/validate", &review(&world.unsigned)).unwrap();
    assert_eq!(answer["response"]["allowed"], false, "{answer:#}");
    assert_eq!(answer["response"]["status"]["code"], 403, "{answer:#}");
    let message = answer["response"]["status"]["message"].as_str().unwrap();
    assert!(message.contains("no-evidence"), "{message}");
    assert!(world.names.asked().iter().any(|name| name == HOST));

    let status = webhook.proc("status").unwrap();
    for line in [
        "Uid:\t65532\t65532\t65532\t65532",
        "Gid:\t65532\t65532\t65532\t65532",
        "CapEff:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        assert!(status.contains(line), "no `{line}` in\n{status}");
    }
    let mounts = webhook.proc("mountinfo").unwrap();
    let root = mounts
        .lines()
        .find(|line| line.split(' ').nth(4) == Some("/"));
    let options = root.and_then(|line| line.split(' ').nth(5));
    assert!(
        options.is_some_and(|it| it.split(',').any(|it| it == "ro")),
        "{mounts}"
    );
    webhook.stop();
}

#[test]
fn the_command_verifies_from_its_image() {
    let Some(scene) = Scene::shared() else { return };
    let world = World::new(&scene, "command");
    let layout = scene.images.layout("countersign");
    let image = Unpacked::of(&layout, &scene.folder("command-root")).unwrap();
    for (name, code) in [(&world.signed, 0), (&world.unsigned, 1)] {
        let arguments = [
            "verify",
            name,
            "--policy=/etc/countersign/policy",
            "--registries=/etc/countersign/registries.yaml",
            "--cache-dir=/var/cache/countersign/evidence",
        ];
        let said = image
            .run(&world.settings, &world.names, &arguments)
            .unwrap();
        assert_eq!(said.code, Some(code), "{}{}", said.stdout, said.stderr);
    }
    // A name that no name server has is told as that, and not as an image without signature.
    let nowhere = world.signed.replace(HOST, "nowhere.countersign.test");
    let arguments = ["verify", &nowhere, "--policy=/etc/countersign/policy"];
    let said = image
        .run(&world.settings, &world.names, &arguments)
        .unwrap();
    assert_eq!(said.code, Some(2), "{}{}", said.stdout, said.stderr);
}
