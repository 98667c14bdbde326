//! Trust roots of a TUF repository, which the program keeps current by itself.

use countersign_testkit::forge::{Forge, Identity};
use countersign_testkit::policy::keyless_by_tuf;
use countersign_testkit::registry::Fault;
use countersign_testkit::tuf::{Repository, Role, Server};
use serde_json::Value;

use crate::counted::metric;
use crate::program::{Program, client};
use crate::scene::{Scene, review};

const TARGET: &str = "trusted_root.json";

/// A repository that gives the trust root under which an image is signed, and a policy that names it.
pub(crate) struct Followed {
    pub(crate) scene: Scene,
    repository: Repository,
    pub(crate) server: Server,
    /// Signed keyless, under that root.
    pub(crate) image: String,
    now: i64,
}

impl Followed {
    pub(crate) fn new() -> Self {
        let scene = Scene::new();
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let now = i64::try_from(now).unwrap();
        let forge = Forge::new(now - 60);
        let digest = scene.registry.push_image("acme/keyless", "v1");
        let identity = Identity::email("dev@acme.example", "https://issuer.example");
        let signature = forge.image_signature(&digest).keyless(identity).rekor_v1();
        scene
            .registry
            .attach_bundle("acme/keyless", &digest, &signature.bundle());
        let mut repository = Repository::new(now);
        repository.set_target(TARGET, forge.trusted_root().as_bytes());
        repository.publish();
        let server = Server::start();
        server.serve(&repository);
        let root = repository.file("1.root.json").unwrap();
        std::fs::write(scene.path("policy/root.json"), root).unwrap();
        let (url, host) = (server.url(), scene.registry.host());
        let images = format!("{host}/acme/**");
        scene.write_policy(&keyless_by_tuf("unmatched: deny", &url, &images));
        Self {
            image: format!("{host}/acme/keyless@{digest}"),
            scene,
            repository,
            server,
            now,
        }
    }

    pub(crate) fn program(&self, every: &str) -> Program {
        let folder = self.scene.path("trust").display().to_string();
        Program::start(
            &self.scene,
            &["--trust-cache", &folder, "--trust-refresh", every],
        )
    }

    fn publish(&mut self) {
        self.repository.publish();
        self.server.serve(&self.repository);
    }
}

fn count(program: &Program, event: &str) -> usize {
    let lines = program.lines();
    lines.iter().filter(|line| line["event"] == event).count()
}

/// The line after `before` lines of this event.
fn next(program: &Program, event: &str, before: usize) -> Value {
    program.line(|_| count(program, event) > before);
    let lines = program.lines();
    let mut lines = lines.into_iter().filter(|line| line["event"] == event);
    lines.nth(before).unwrap()
}

#[tokio::test]
async fn a_trust_root_is_fetched_followed_and_kept_while_its_repository_is_wrong() {
    let mut followed = Followed::new();
    let program = followed.program("1");
    program.line(|line| line["event"] == "policies-in-force");
    let client = client(&followed.scene.authority, &program).build().unwrap();
    let asked = review(&[&followed.image]);
    let allowed = async || program.ask(&client, "/validate", &asked).await["allowed"] == true;
    assert!(allowed().await);
    assert_eq!(count(&program, "trust-root-refreshed"), 1);
    metric(
        &program,
        "countersign_webhook_trust_root_last_refresh_ok{root=\"acme\"} 1",
    )
    .await;

    // A repository that is away, and one whose metadata has expired, change nothing; both are said, once, with how old what serves is.
    followed.server.fault("timestamp.json", Fault::Status(500));
    let failed = next(&program, "trust-root-refresh-failed", 0);
    assert_eq!(
        (&failed["root"], &failed["level"]),
        (&"acme".into(), &"error".into())
    );
    assert!(failed["ageSeconds"].as_i64().unwrap() < 60, "{failed}");
    assert!(
        failed["errors"].as_str().unwrap().contains("500"),
        "{failed}"
    );
    metric(
        &program,
        "countersign_webhook_trust_root_last_refresh_ok{root=\"acme\"} 0",
    )
    .await;
    let expires = followed.repository.role(Role::Timestamp).expires;
    followed.repository.role(Role::Timestamp).expires = followed.now - 1;
    followed.publish();
    followed.server.heal();
    let failed = next(&program, "trust-root-refresh-failed", 1);
    assert!(
        failed["errors"].as_str().unwrap().contains("expired"),
        "{failed}"
    );
    assert!(allowed().await);
    let (_, metrics) = program.plain("/metrics").await;
    let good = format!(
        "countersign_webhook_trust_root_expires_timestamp_seconds{{root=\"acme\"}} {expires}"
    );
    assert!(metrics.lines().any(|it| it == good), "{metrics}");

    // It is mended, with another trust root in it: what is signed under the old one counts no more.
    followed.repository.role(Role::Timestamp).expires = expires;
    let other = Forge::new(followed.now - 60);
    followed
        .repository
        .set_target(TARGET, other.trusted_root().as_bytes());
    let before = count(&program, "policies-in-force");
    followed.publish();
    let mended = next(&program, "trust-root-refreshed", 1);
    assert_eq!(mended["level"], "info");
    next(&program, "policies-in-force", before);
    assert!(!allowed().await);
    metric(
        &program,
        "countersign_webhook_trust_root_last_refresh_ok{root=\"acme\"} 1",
    )
    .await;
    assert_eq!(count(&program, "trust-root-refresh-failed"), 2);

    // While the policy files are wrong, what is in force goes on being kept current.
    followed.scene.write_policy("kind: {");
    program.line(|line| line["event"] == "policies-refused");
    followed.server.fault("timestamp.json", Fault::Status(503));
    let failed = next(&program, "trust-root-refresh-failed", 2);
    assert!(
        failed["errors"].as_str().unwrap().contains("503"),
        "{failed}"
    );
}

#[tokio::test]
async fn no_repository_is_asked_that_no_policy_names_or_that_shall_not_be() {
    let followed = Followed::new();
    let program = followed.program("0");
    program.line(|line| line["event"] == "policies-refused");
    metric(
        &program,
        "countersign_webhook_trust_root_last_refresh_ok{root=\"acme\"} 0",
    )
    .await;
    assert_eq!(followed.server.asked(), Vec::<String>::new());
    drop(program);
    let rule = "rules: [{name: signed, signature: {from: key}}]";
    let named = std::fs::read_to_string(followed.scene.path("policy/policy.yaml")).unwrap();
    followed.scene.write_policy(&followed.scene.policy(rule));
    let program = followed.program("1");
    program.line(|line| line["event"] == "policies-in-force");
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(followed.server.asked(), Vec::<String>::new());
    // From when one names it on it is.
    followed.scene.write_policy(&named);
    program.line(|line| line["event"] == "trust-root-refreshed");
    assert!(!followed.server.asked().is_empty());
}
