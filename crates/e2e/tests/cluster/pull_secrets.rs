//! Pull secrets of Pods and of service accounts, from a real API server under the very rights that the documentation names, for a registry that lets nobody in without a token.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_e2e::{
    CLUSTER_PARTS, Client, Cluster, Grant, Login, OWNER, Parts, READER, REGISTRY_PARTS,
    RELEASE_POLICY, Registration, Registry, RegistryKind, SigningKey, WebhookProgram, deployment,
    eventually, parts, pod,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::labels::{asked, review};

/// Where the webhook's service account is; who has a secret that opens everything; who has one that opens a part; who has not granted anything.
const HOOK: &str = "creds-hook";
const RED: &str = "creds-red";
const BLUE: &str = "creds-blue";
const CLOSED: &str = "creds-closed";

struct Scene {
    cluster: Arc<Cluster>,
    registry: Registry,
    webhook: WebhookProgram,
    /// Signed, and for the owner alone.
    closed: String,
    /// Signed, and for every user.
    open: String,
    /// For the owner alone.
    unsigned: String,
    kubeconfig: PathBuf,
    folder: TempDir,
}

impl Scene {
    fn set() -> Option<Self> {
        let parts = parts(&[&CLUSTER_PARTS[..], &REGISTRY_PARTS, &["cosign3"]].concat())?;
        Some(Self::of(&parts))
    }

    fn of(parts: &Parts) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cluster = Cluster::shared(parts).unwrap();
        let registry = Registry::start(parts, RegistryKind::DockerToken).unwrap();
        let key = SigningKey::generate(parts, &folder.path().join("key")).unwrap();
        let push = |repository: &str| registry.push(repository, "v1", repository).unwrap();
        let [closed, open] = ["acme/closed", "acme/open"].map(|repository| {
            let image = push(repository);
            key.in_registry(&registry).sign3(&image).unwrap();
            image
        });
        fs::write(folder.path().join("policy.yaml"), RELEASE_POLICY).unwrap();
        fs::copy(key.public_key(), folder.path().join("release.pub")).unwrap();
        let file = registry.registries_file().unwrap();
        let text = fs::read_to_string(file).unwrap();
        let ca = registry.ca().unwrap().display().to_string();
        let text = text.replace("[loopback]", &format!("[loopback], caFile: \"{ca}\""));
        fs::write(folder.path().join("registries.yaml"), text).unwrap();

        for namespace in [HOOK, RED, BLUE, CLOSED] {
            cluster.namespace(namespace).unwrap();
        }
        let rules = json!([{"apiGroups": [""], "resources": ["secrets", "serviceaccounts"], "verbs": ["get"]}]);
        let grants = [RED, BLUE].map(|namespace| Grant {
            namespace: Some(namespace.to_owned()),
            rules: rules.clone(),
        });
        let kubeconfig = cluster.service_account(HOOK, "countersign-webhook", &grants);
        let scene = Self {
            kubeconfig: kubeconfig.unwrap(),
            webhook: WebhookProgram::build().unwrap(),
            unsigned: push("acme/unsigned"),
            cluster,
            closed,
            open,
            registry,
            folder,
        };
        for namespace in [RED, CLOSED] {
            scene.secret(namespace, "login", &OWNER, OWNER.password);
            scene.secret(namespace, "wrong", &OWNER, "wrong-password");
        }
        scene.secret(BLUE, "login", &READER, READER.password);
        scene
    }

    fn admin(&self) -> &Client {
        self.cluster.admin()
    }

    fn made(&self, path: &str, object: &Value) {
        let answer = self.admin().create(path, object).unwrap();
        assert!(answer.is_done(), "{answer:?}");
    }

    fn secret(&self, namespace: &str, name: &str, login: &Login, password: &str) {
        let object = self.secret_of(name, login, password);
        self.made(&format!("/api/v1/namespaces/{namespace}/secrets"), &object);
    }

    fn secret_of(&self, name: &str, login: &Login, password: &str) -> Value {
        let config = login.docker_config(&self.registry.host(), password);
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": STANDARD.encode(config)},
        })
    }

    fn flags(&self) -> [&str; 5] {
        let kubeconfig = self.kubeconfig.to_str().unwrap();
        let [secrets, pins] = ["--pull-secrets=true", "--mutate=true"];
        ["--kubernetes", kubeconfig, secrets, pins, "--timeout=20"]
    }

    fn files(&self) -> [PathBuf; 2] {
        // The policy is the folder's one file and the key beside it.
        ["policy.yaml", "registries.yaml"].map(|name| self.folder.path().join(name))
    }
}

/// A Pod that is pulled with these secrets.
fn pulled(name: &str, image: &str, secrets: &[&str]) -> Value {
    let mut pod = pod(name, image);
    let secrets = secrets.iter().map(|name| json!({"name": name}));
    pod["spec"]["imagePullSecrets"] = secrets.collect();
    pod
}

/// A Deployment whose Pods would run as this service account.
fn run_as(name: &str, image: &str, account: Option<&str>) -> Value {
    let mut deployment = deployment(name, image);
    deployment["spec"]["replicas"] = json!(0);
    deployment["spec"]["template"]["spec"]["serviceAccountName"] = json!(account);
    deployment
}

#[test]
fn pods_and_service_accounts_bring_their_own_secrets_and_nobody_elses() {
    let Some(scene) = Scene::set() else { return };
    let puller = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "puller"},
        "imagePullSecrets": [{"name": "login"}],
    });
    for namespace in [RED, CLOSED] {
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        scene.made(&accounts, &puller);
    }
    through_the_api_server(&scene);
    asked_directly(&scene);
    only_named_secrets_were_read(&scene);
}

/// An API server that does not show who it is: whoever asks may be any Pod.
fn through_the_api_server(scene: &Scene) {
    let [policy, registries] = scene.files();
    let webhook = scene.webhook.start(&policy, &registries, &scene.flags());
    let webhook = webhook.unwrap();
    let _registered = [RED, BLUE, CLOSED].map(|namespace| {
        let config = webhook.client_config("/validate");
        Registration::of(namespace, "validate", config)
            .register(&scene.cluster)
            .unwrap()
    });
    let create = |namespace: &str, object: &Value| {
        let list = match object["kind"].as_str() {
            Some("Deployment") => format!("/apis/apps/v1/namespaces/{namespace}/deployments"),
            _ => format!("/api/v1/namespaces/{namespace}/pods"),
        };
        let path = format!("{list}?dryRun=All");
        scene.admin().create(&path, object).unwrap()
    };
    for namespace in [RED, BLUE, CLOSED] {
        let probe = pod("probe", &scene.closed);
        eventually("the webhook", || {
            Ok((!create(namespace, &probe).is_done()).then_some(()))
        })
        .unwrap();
    }
    let allowed = |namespace: &str, object: &Value| {
        let answer = create(namespace, object);
        assert!(answer.is_done(), "{answer:?}");
    };
    let refused = |namespace: &str, object: &Value| {
        let answer = create(namespace, object);
        assert!(!answer.is_done(), "{answer:?}");
        answer.message().to_owned()
    };
    let closed = &scene.closed;
    allowed(RED, &pulled("own", closed, &["login"]));
    // As with the kubelet, what is missing or wrong does not matter if another opens.
    allowed(RED, &pulled("several", closed, &["gone", "wrong", "login"]));
    let mut as_puller = pod("account", closed);
    as_puller["spec"]["serviceAccountName"] = json!("puller");
    allowed(RED, &as_puller);
    allowed(RED, &run_as("account", closed, Some("puller")));
    let told = refused(RED, &run_as("none", closed, None));
    assert!(told.contains("no credential"), "{told}");
    let told = refused(RED, &pod("none", closed));
    assert!(
        told.contains("no credential") && told.contains(closed),
        "{told}"
    );

    // Everything about the image is in the caches by now; in this namespace the secret of the same name opens less.
    allowed(BLUE, &pulled("open", &scene.open, &["login"]));
    for (namespace, object, code) in [
        (
            BLUE,
            pulled("closed", closed, &["login"]),
            "signed/signed: registry-denied",
        ),
        (
            RED,
            pulled("wrong", closed, &["wrong"]),
            "signed/signed: registry-denied",
        ),
        (
            RED,
            pulled("gone", closed, &["gone"]),
            "signed/signed: registry-denied",
        ),
        (
            RED,
            pulled("unsigned", &scene.unsigned, &["login"]),
            "signed/signed: no-evidence",
        ),
    ] {
        let told = refused(namespace, &object);
        let told = told.split_once("denied the request: ").unwrap().1;
        let rest = told.strip_prefix(code).unwrap_or_else(|| panic!("{told}"));
        assert!(
            rest.starts_with("; what a Secret of the namespace has opened"),
            "{told}"
        );
        for hidden in [
            &scene.registry.host(),
            "acme",
            "login",
            "wrong",
            "gone",
            "owner",
            "reader",
            "v1",
        ] {
            assert!(!told.contains(hidden), "{hidden}: {told}");
        }
    }
    // What a tag means there is not told either.
    assert!(!is_pinned(scene, webhook.client()));
    // That this webhook lacks a right is no secret of the namespace's.
    let told = refused(CLOSED, &pulled("rights", closed, &["login"]));
    let who = format!(
        "User \"system:serviceaccount:{HOOK}:countersign-webhook\" cannot get resource \"secrets\""
    );
    assert!(
        told.contains(&who) && told.contains(&format!("in the namespace \"{CLOSED}\"")),
        "{told}"
    );
    let told = refused(CLOSED, &run_as("rights", closed, Some("puller")));
    assert!(
        told.contains("cannot get resource \"serviceaccounts\""),
        "{told}"
    );
}

/// An API server that shows who it is hears everything but passwords.
fn asked_directly(scene: &Scene) {
    let [policy, registries] = scene.files();
    let started = scene
        .webhook
        .start_known(&policy, &registries, &scene.flags());
    let webhook = started.unwrap();
    let ask = |namespace: &str, object: Value| asked(webhook.client(), namespace, object);
    let (closed, host) = (&scene.closed, scene.registry.host());
    // Rotated while the other is kept: what is known ends within a minute.
    let (code, told) = ask(BLUE, pulled("app", closed, &["login"]));
    assert_eq!(code, 503, "{told}");
    let used = format!("the user name and password of the pull secret {BLUE}/login's `{host}`");
    assert!(
        told.contains(&used) && !told.contains(READER.password),
        "{told}"
    );
    let login = format!("/api/v1/namespaces/{BLUE}/secrets/login");
    let rotated = scene.secret_of("login", &OWNER, OWNER.password);
    let answer = scene.admin().replace(&login, &rotated).unwrap();
    assert!(answer.is_done(), "{answer:?}");
    let begun = Instant::now();

    assert_eq!(ask(RED, pulled("app", closed, &["login"])).0, 200);
    let (code, told) = ask(RED, pulled("app", &scene.unsigned, &["login"]));
    assert_eq!(code, 403, "{told}");
    assert!(
        told.contains(&scene.unsigned) && told.contains("no-evidence"),
        "{told}"
    );
    let (_, told) = ask(RED, pulled("app", closed, &["gone", "wrong"]));
    assert!(
        told.contains(&format!("the pull secret {RED}/gone is not there"))
            && told.contains(&format!("the pull secret {RED}/wrong's"))
            && !told.contains("wrong-password"),
        "{told}"
    );
    assert!(is_pinned(scene, webhook.client()));
    // A name leads to no other namespace.
    for name in [
        "../../creds-red/secrets/login",
        "../login",
        "login?x=y",
        "login/status",
    ] {
        let (code, told) = ask(CLOSED, pulled("app", closed, &[name]));
        assert_eq!(code, 503, "{told}");
        assert!(told.contains("is not there"), "{told}");
    }
    nothing_is_read_in_vain(scene);
    loop {
        let (code, told) = ask(BLUE, pulled("app", closed, &["login"]));
        if code == 200 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(65), "{told}");
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Whether `/mutate` writes a digest to an image that a Secret opens.
fn is_pinned(scene: &Scene, client: &Client) -> bool {
    let tagged = format!("{}/acme/closed:v1", scene.registry.host());
    let question = review(RED, pulled("app", &tagged, &["login"]));
    let answer = client.create("/mutate?timeout=20s", &question).unwrap();
    assert_eq!(answer.body["response"]["allowed"], true, "{answer:?}");
    answer.body["response"]["patch"].is_string()
}

/// Of images that are decided without a registry no secret is looked at: `unread` is not among those that the API server was asked for.
fn nothing_is_read_in_vain(scene: &Scene) {
    let [policy, registries] = scene.files();
    let text = fs::read_to_string(policy).unwrap();
    let folder = scene.folder.path().join("elsewhere");
    fs::create_dir(&folder).unwrap();
    let key = folder.join("release.pub");
    fs::copy(scene.folder.path().join("release.pub"), key).unwrap();
    let elsewhere = folder.join("policy.yaml");
    fs::write(&elsewhere, text.replace("\"**\"", "elsewhere.example/**")).unwrap();
    let started = scene
        .webhook
        .start_known(&elsewhere, &registries, &scene.flags());
    let webhook = started.unwrap();
    let pod = pulled("app", &scene.closed, &["unread"]);
    let (code, told) = asked(webhook.client(), RED, pod);
    assert_eq!(code, 403, "{told}");
    assert!(told.contains("unmatched"), "{told}");
}

fn only_named_secrets_were_read(scene: &Scene) {
    let user = format!("system:serviceaccount:{HOOK}:countersign-webhook");
    let log = scene.cluster.audit_log().unwrap();
    let own = log
        .iter()
        .filter(|event| event["user"]["username"] == user.as_str());
    let mut count = 0;
    for event in own {
        let object = &event["objectRef"];
        let name = object["name"].as_str().unwrap_or_default();
        let known = match object["resource"].as_str() {
            Some("secrets") => ["login", "wrong", "gone"].contains(&name),
            Some("serviceaccounts") => ["default", "puller"].contains(&name),
            _ => false,
        };
        assert!(event["verb"] == "get" && known, "{event}");
        count += 1;
    }
    // Once for each in each minute of each of the two webhooks, however often they were asked.
    assert!((4..40).contains(&count), "{count}");
}
