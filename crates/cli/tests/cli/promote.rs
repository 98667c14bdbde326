//! `countersign promote`: what it states, where that goes, and that the next environment believes it.

use std::fs;
use std::path::Path;
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_testkit::policy::KeyedPolicy;
use countersign_testkit::registry::{Fault, Registry};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::run::{ROOT, command};
use crate::world::World;

const KEYS: &str = "crates/sign/tests/keys";
const VSA: &str = "https://slsa.dev/verification_summary/v1";
const VERIFIER: &str = "https://acme.example/promote";
const STAGING: &str = "https://acme.example/policies/staging";
/// What opens the key file that cosign 3 wrote.
const PASSWORD: &str = "countersign test key";

/// A staging policy, and an image that it lets pass.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) image: String,
}

/// How a run ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Self {
            code: output.status.code(),
            stdout,
            stderr,
        }
    }
}

impl Scene {
    pub(crate) fn new() -> Self {
        let scene = Self::unsigned();
        let bundle = scene.world.keyed(&scene.image);
        scene
            .world
            .registry
            .attach_bundle("app", &scene.image, &bundle);
        scene
    }

    pub(crate) fn unsigned() -> Self {
        let registry = Registry::builder().writable().start();
        let image = registry.push_image("app", "v1");
        let scene = Self {
            world: World::new(registry),
            image,
        };
        scene.policy("  images:", "  emits: ACME_STAGING\n  images:");
        scene
    }

    /// Changes the policy.
    pub(crate) fn policy(&self, from: &str, to: &str) {
        let path = self.world.path("policy.yaml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}: {text}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// `promote` with the policy, and with these arguments beside it.
    pub(crate) fn promote(&self, image: &str, level: &str, more: &[&str]) -> Ended {
        let trust = self.world.trust();
        let mut arguments = vec!["promote", image, "--as", level, "--plain-http"];
        arguments.extend(trust.iter().map(String::as_str));
        arguments.extend(["--verifier", VERIFIER, "--policy-uri", STAGING]);
        arguments.extend(more);
        let mut command = command(&arguments);
        command
            .env("COSIGN_PASSWORD", PASSWORD)
            .output()
            .unwrap()
            .into()
    }

    /// The same for the image by its tag, as what the policy emits, with the key.
    pub(crate) fn staged(&self, more: &[&str]) -> Ended {
        let key = format!("{KEYS}/cosign3.key");
        let more = [&["--key", &key], more].concat();
        self.promote(&self.world.image(":v1"), "ACME_STAGING", &more)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.world.path(name).display().to_string()
    }

    /// The codes of the rules that fail, or `pass`, of the policy of production, for an image of this host.
    fn production(&self, key: &str, fields: &str, image: &str) -> String {
        let pem = fs::read_to_string(Path::new(ROOT).join(KEYS).join(key)).unwrap();
        let rule = format!("summary: {{from: key, match: any, {fields}}}");
        let policy = KeyedPolicy::new(&pem).rule("promoted", &rule).text();
        let path = self.path("production.yaml");
        fs::write(&path, policy).unwrap();
        let verify = [
            "verify",
            image,
            "--plain-http",
            "--policy",
            &path,
            "--format",
            "json",
        ];
        let ended = Ended::from(command(&verify).output().unwrap());
        let report: Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
        let code = &report["images"][0]["policies"][0]["rules"][0]["code"];
        code.as_str().unwrap_or("pass").to_owned()
    }

    /// Output in which what differs from run to run has a name.
    pub(crate) fn masked(&self, text: &str) -> String {
        let folder = self.world.path("").display().to_string();
        let text = text
            .replace(&self.world.registry.host(), "HOST")
            .replace(&folder, "DIR/")
            .replace(concat!('"', env!("CARGO_PKG_VERSION"), '"'), "\"VERSION\"");
        let mut shown = String::new();
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let bytes = rest.as_bytes();
            let is_hex = bytes.len() >= 64 && bytes[..64].iter().all(u8::is_ascii_hexdigit);
            let is_time =
                bytes.len() >= 20 && bytes[4] == b'-' && bytes[10] == b'T' && bytes[19] == b'Z';
            let (name, length) = match (is_hex, is_time) {
                (true, _) => ("HEX", 64),
                (_, true) => ("TIME", 20),
                _ => (&rest[..first.len_utf8()], first.len_utf8()),
            };
            shown.push_str(name);
            rest = &rest[length..];
        }
        shown
    }

    fn transcript(&self, ended: &Ended) -> String {
        let stderr = match ended.stderr.as_str() {
            "" => String::new(),
            text => format!("--- standard error\n{text}"),
        };
        let code = ended.code.unwrap();
        self.masked(&format!("{}{stderr}--- exit code {code}\n", ended.stdout))
    }

    /// Whether anything was written to the registry.
    pub(crate) fn has_written(&self) -> bool {
        let requests = self.world.registry.requests();
        requests
            .iter()
            .any(|it| !matches!(it.method.as_str(), "GET" | "HEAD"))
    }
}

/// The statement in a bundle.
fn statement(bundle: &[u8]) -> Value {
    let bundle: Value = serde_json::from_slice(bundle).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    serde_json::from_slice(&STANDARD.decode(payload).unwrap()).unwrap()
}

const TAKEN: &str = "verifier: \"https://acme.example/promote\", resource: \"{registry}/{repository}\", levels: [ACME_STAGING]";

#[test]
fn the_next_environment_believes_it_of_this_image_alone() {
    let scene = Scene::new();
    let image = scene.world.image(":v1");
    assert_eq!(scene.production("cosign3.pub", TAKEN, &image), "no-summary");
    let ended = scene.staged(&["--format", "json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["outcome"], "attached");
    assert_eq!(report["attached"]["done"], "pushed");
    let digest = report["predicate"]["policy"]["digest"]["sha256"]
        .as_str()
        .unwrap();
    let policy = |digest: &str| {
        format!("{TAKEN}, policy: {{uri: \"{STAGING}\", digest: \"sha256:{digest}\"}}")
    };
    assert_eq!(
        scene.production("cosign3.pub", &policy(digest), &image),
        "pass"
    );
    for (key, fields, code) in [
        ("p256.pub", TAKEN.to_owned(), "key-unknown"),
        (
            "cosign3.pub",
            TAKEN.replace("example/promote", "example/other"),
            "verifier-mismatch",
        ),
        (
            "cosign3.pub",
            TAKEN.replace("{repository}", "other"),
            "resource-mismatch",
        ),
        (
            "cosign3.pub",
            TAKEN.replace("ACME_STAGING", "ACME_PROD"),
            "summary-level-missing",
        ),
        (
            "cosign3.pub",
            policy(&"0".repeat(64)),
            "summary-policy-mismatch",
        ),
    ] {
        assert_eq!(scene.production(key, &fields, &image), code, "{fields}");
    }
    // What comes under the same tag later is another image.
    let rebuilt = scene
        .world
        .artifact("v1", &json!({"annotations": {"built": "again"}}));
    assert_ne!(rebuilt["digest"], scene.image.as_str());
    assert_eq!(
        scene.production("cosign3.pub", TAKEN, &image),
        "no-evidence"
    );
    let pinned = scene.world.image(&format!("@{}", scene.image));
    assert_eq!(scene.production("cosign3.pub", TAKEN, &pinned), "pass");
}

#[test]
fn what_it_tells() {
    let scene = Scene::new();
    assert_snapshot!(
        "promote-dry-run",
        scene.transcript(&scene.staged(&["--dry-run"]))
    );
    assert!(!scene.has_written());
    assert_snapshot!("promote", scene.transcript(&scene.staged(&[])));
    assert!(scene.has_written());
    let bundle = scene.path("bundle.json");
    assert_snapshot!(
        "promote-bundle",
        scene.transcript(&scene.staged(&["--bundle", &bundle]))
    );
    let predicate = scene.path("predicate.json");
    let image = scene.world.image(":v1");
    let ended = scene.promote(&image, "ACME_STAGING", &["--predicate", &predicate]);
    assert_snapshot!("promote-predicate", scene.transcript(&ended));
}

/// The report has the decision record, by which an auditor decides again.
#[test]
fn the_record_of_the_decision_is_replayed() {
    let scene = Scene::new();
    let (cache, record) = (scene.path("cache"), scene.path("record.json"));
    let ended = scene.staged(&["--format", "json", "--cache-dir", &cache]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    fs::write(&record, report["record"].to_string()).unwrap();
    let trust = scene.world.trust();
    let mut replay = vec!["replay", &record, "--cache-dir", &cache, "--format", "json"];
    replay.extend(trust.iter().map(String::as_str));
    scene.world.registry.fault(|_| true, Fault::Status(503));
    let again = Ended::from(command(&replay).output().unwrap());
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(again, report["record"]);
    // What is stated is what the record says.
    let predicate = &report["predicate"];
    let image = &again["images"][0];
    let hex = |text: &Value| text.as_str().unwrap().replace("sha256:", "");
    assert_eq!(
        predicate["policy"]["digest"]["sha256"],
        hex(&image["policyDigest"])
    );
    assert_eq!(predicate["timeVerified"], image["now"]);
    let cited = &image["policies"][0]["rules"][0]["evidence"][0];
    let input = &predicate["inputAttestations"][0];
    assert_eq!(input["digest"]["sha256"], hex(&cited["found"]["blob"]));
    assert_eq!(input["annotations"]["manifest"], cited["found"]["manifest"]);
}

#[test]
fn files_hold_what_would_be_attached() {
    let scene = Scene::new();
    let (bundle, predicate) = (scene.path("bundle.json"), scene.path("predicate.json"));
    assert_eq!(scene.staged(&["--bundle", &bundle]).code, Some(0));
    let image = scene.world.image(":v1");
    let ended = scene.promote(&image, "ACME_STAGING", &["--predicate", &predicate]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!scene.has_written());
    let bundle = fs::read(bundle).unwrap();
    let signed = statement(&bundle);
    assert_eq!(signed["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(signed["predicateType"], VSA);
    let name = scene.world.image("");
    let subject = json!([{"name": name, "digest": {"sha256": scene.image.replace("sha256:", "")}}]);
    assert_eq!(signed["subject"], subject);
    let mut written: Value = serde_json::from_slice(&fs::read(predicate).unwrap()).unwrap();
    assert_eq!(written["resourceUri"], name);
    written["timeVerified"] = signed["predicate"]["timeVerified"].clone();
    assert_eq!(written, signed["predicate"]);
    // Whoever attaches the bundle later attaches the same.
    scene
        .world
        .registry
        .attach_bundle("app", &scene.image, &bundle);
    assert_eq!(scene.production("cosign3.pub", TAKEN, &image), "pass");
}

/// The tag moves while the image is judged: what was judged is what is stated and where it is attached.
#[test]
fn what_was_judged_is_what_is_promoted() {
    let scene = Scene::new();
    let tag_reads = std::sync::atomic::AtomicUsize::new(0);
    scene.world.registry.fault(
        move |request| {
            request.path.ends_with("/manifests/v1")
                && tag_reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0
        },
        Fault::Body(
            "application/vnd.oci.image.manifest.v1+json".to_owned(),
            b"{\"schemaVersion\": 2}".to_vec(),
        ),
    );
    let ended = scene.staged(&["--format", "json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["digest"], scene.image.as_str());
    let requests = scene.world.registry.requests();
    let reads = requests
        .iter()
        .filter(|it| it.path.ends_with("/manifests/v1"));
    assert_eq!(reads.count(), 1);
    scene.world.registry.heal();
    let pinned = scene.world.image(&format!("@{}", scene.image));
    assert_eq!(scene.production("cosign3.pub", TAKEN, &pinned), "pass");
}

/// A layout is judged under the name that is given, and what is stated is about that name.
#[test]
fn a_layout_is_promoted_to_a_file() {
    let scene = Scene::new();
    let layout = scene.path("layout");
    let mut saved = command(&[
        "pull-evidence",
        &scene.world.image(":v1"),
        "--to",
        &format!("oci:{layout}"),
        "--plain-http",
    ]);
    assert!(saved.output().unwrap().status.success());
    let (image, predicate) = (format!("oci:{layout}"), scene.path("predicate.json"));
    let name = scene.world.image("");
    let more = ["--image-name", &name, "--predicate", &predicate];
    let ended = scene.promote(&image, "ACME_STAGING", &more);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let written: Value = serde_json::from_slice(&fs::read(predicate).unwrap()).unwrap();
    assert_eq!(written["resourceUri"], name);
    // Under another name its policy does not judge it.
    let other = ["--image-name", "registry.example/other", "--dry-run"];
    assert_eq!(scene.promote(&image, "ACME_STAGING", &other).code, Some(1));
}
