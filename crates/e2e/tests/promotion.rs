//! One image travels from staging to production: real cosign signs and attests it, `promote` states that it passed, and cosign and
//! the policy of production believe that of this image, in this repository, by this policy, verifier and signer alone.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::UnixTime;
use countersign_e2e::{
    Countersign, Identity, Output, Parts, REGISTRY_PARTS, Registry, RegistryKind, SIGSTORE_PARTS,
    SigningKey, Sigstore, outcome, parts,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const TESTED: &str = "https://acme.example/tested/v1";
const VSA: &str = "https://slsa.dev/verification_summary/v1";
const VERIFIER: &str = "https://acme.example/promote";
const STAGING: &str = "https://acme.example/policies/staging";
const LEVEL: &str = "ACME_STAGING";
const HOUR: i64 = 3600;
const SETTINGS: &str = "apiVersion: countersign.dev/v1alpha1\nkind: Settings\nmetadata: {name: e2e}\nspec: {unmatched: deny}\n";

/// The keys of a build and of whoever promotes, and the policies of two environments.
struct Scene {
    countersign: Countersign,
    parts: Parts,
    build: SigningKey,
    promoter: SigningKey,
    folder: TempDir,
}

impl Scene {
    /// Nothing where the real parts are not asked for.
    fn set(more: &[&str]) -> Option<Self> {
        let parts = parts(&[&REGISTRY_PARTS[..], &["cosign2", "cosign3"], more].concat())?;
        let folder = tempfile::tempdir().unwrap();
        let key = |name| SigningKey::generate(&parts, &folder.path().join(name)).unwrap();
        let (build, promoter) = (key("build"), key("promoter"));
        for environment in ["staging", "production"] {
            let policies = folder.path().join(environment);
            fs::create_dir(&policies).unwrap();
            fs::copy(build.public_key(), policies.join("build.pub")).unwrap();
            fs::copy(promoter.public_key(), policies.join("promoter.pub")).unwrap();
        }
        let scene = Self {
            countersign: Countersign::build().unwrap(),
            parts,
            build,
            promoter,
            folder,
        };
        let tested = format!("statement: {{from: build, match: any, predicateType: \"{TESTED}\"}}");
        let rules =
            format!("{{name: signed, signature: {{from: build}}}}, {{name: tested, {tested}}}");
        scene.write(
            "staging",
            &keyed("build"),
            &format!("emits: {LEVEL}, "),
            &rules,
        );
        Some(scene)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The policy of an environment, beside the keys; the trust root `root.json` where it is there.
    fn write(&self, environment: &str, signers: &str, more: &str, rules: &str) {
        let policy = format!(
            "---\napiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {{name: {environment}}}\nspec: {{{more}images: [\"127.0.0.1:*/acme/app\"], rules: [{rules}]}}\n"
        );
        let path = self.path(environment).join("policy.yaml");
        fs::write(path, format!("{SETTINGS}---\n{signers}{policy}")).unwrap();
    }

    /// An image that the build has signed and tested.
    fn built(&self, registry: &Registry, content: &str) -> String {
        let image = registry.push("acme/app", "v1", content).unwrap();
        self.build.sign3(&image).unwrap();
        let tested = self.path("tested.json");
        fs::write(&tested, json!({"passed": true}).to_string()).unwrap();
        self.build.attest3(TESTED, &tested, &image).unwrap();
        image
    }

    fn promote(&self, image: &str, more: &[&str]) -> Output {
        let policy = self.path("staging").display().to_string();
        let arguments = ["promote", image, "--as", LEVEL, "--policy", &policy];
        let stated = [
            "--verifier",
            VERIFIER,
            "--policy-uri",
            STAGING,
            "--plain-http",
            "--format=json",
        ];
        self.countersign
            .run(&[&arguments[..], &stated, more].concat())
            .unwrap()
    }

    /// Promotes with the promoter's key, as cosign encrypted it; what was said of it.
    fn promoted(&self, image: &str) -> Value {
        let key = self.promoter.private_key().display().to_string();
        let output = self.promote(image, &["--key", &key]);
        assert_eq!(output.code, Some(0), "{output:#?}");
        serde_json::from_str(&output.stdout).unwrap()
    }

    /// Why the only rule of production fails for an image, or `pass`.
    fn production(&self, image: &str) -> String {
        let at = UnixTime::from(SystemTime::now()).to_string();
        self.production_at(image, &at)
    }

    fn production_at(&self, image: &str, at: &str) -> String {
        let policy = self.path("production").display().to_string();
        let arguments = [
            "verify",
            image,
            "--policy",
            &policy,
            "--plain-http",
            "--format=json",
            "--at",
            at,
        ];
        let output = self.countersign.run(&arguments).unwrap();
        let report: Value =
            serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:#?}"));
        let rule = &report["images"][0]["policies"][0]["rules"][0];
        rule["code"].as_str().unwrap_or("pass").to_owned()
    }

    /// What cosign 3 says of the summary of an image by this key.
    fn cosign(&self, image: &str, key: &Path) -> Output {
        let mut cosign = self.parts.command("cosign3");
        cosign
            .args(["verify-attestation", "--insecure-ignore-tlog"])
            .args(["--allow-http-registry", "--type", VSA, "--key"])
            .arg(key)
            .arg("--trusted-root")
            .arg(self.promoter.no_roots())
            .env("TUF_ROOT", self.path("tuf"));
        outcome(cosign.arg(image)).unwrap()
    }
}

fn keyed(name: &str) -> String {
    format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: {name}}}\nspec: {{keys: [{{id: k, file: {name}.pub}}], log: off, time: none}}\n"
    )
}

const KEYLESS: &str =
    "keyless: {issuer: \"https://accounts.private.example\", subject: {email: dev@acme.example}}";
const WITNESSED: &str = "keys: [{id: k, file: promoter.pub}], log: required, time: timestamp";

/// A promoter under the private Sigstore's trust root.
fn private(maker: &str) -> String {
    format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: TrustRoot\nmetadata: {{name: private}}\nspec: {{file: root.json, sct: required}}\n---\n\
         apiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: promoter}}\nspec: {{trust: private, {maker}}}\n"
    )
}

/// A rule `summary`: what it asks for, but for what differs.
#[derive(Clone, Copy)]
struct Asked<'a> {
    from: &'a str,
    verifier: &'a str,
    resource: &'a str,
    level: &'a str,
    uri: &'a str,
    digest: &'a str,
    more: &'a str,
}

impl Asked<'_> {
    fn rule(&self) -> String {
        let Self {
            from,
            verifier,
            resource,
            level,
            uri,
            digest,
            more,
        } = self;
        format!(
            "{{name: promoted, summary: {{from: {from}, verifier: \"{verifier}\", resource: \"{resource}\", levels: [{level}], \
             policy: {{uri: \"{uri}\", digest: \"sha256:{digest}\"}}, {more}}}}}"
        )
    }
}

fn asked(digest: &str) -> Asked<'_> {
    Asked {
        from: "promoter",
        verifier: VERIFIER,
        resource: "{registry}/{repository}",
        level: LEVEL,
        uri: STAGING,
        digest,
        more: "match: any",
    }
}

fn digest(report: &Value) -> &str {
    let predicate = &report["predicate"];
    predicate["policy"]["digest"]["sha256"].as_str().unwrap()
}

#[test]
fn one_image_travels_by_a_key() {
    let Some(scene) = Scene::set(&[]) else {
        return;
    };
    for kind in [RegistryKind::Registry, RegistryKind::WithReferrers] {
        let registry = Registry::start(&scene.parts, kind).unwrap();
        let tag = format!("{}/acme/app:v1", registry.host());
        // What did not pass staging goes nowhere.
        let untested = registry.push("acme/app", "v1", "untested").unwrap();
        scene.build.sign3(&untested).unwrap();
        let key = scene.promoter.private_key().display().to_string();
        let refused = scene.promote(&untested, &["--key", &key]);
        assert_eq!(refused.code, Some(1), "{refused:#?}");
        assert_eq!(
            scene.cosign(&untested, &scene.promoter.public_key()).code,
            Some(1)
        );

        let image = scene.built(&registry, "app");
        let report = scene.promoted(&tag);
        let good = asked(digest(&report));
        scene.write("production", &keyed("promoter"), "", &good.rule());
        assert_eq!(scene.production(&tag), "pass", "{kind:?}");
        // All that staging went by is named.
        let rules = report["record"]["images"][0]["policies"][0]["rules"]
            .as_array()
            .unwrap();
        let mut used: Vec<String> = rules
            .iter()
            .map(|rule| {
                rule["evidence"][0]["found"]["blob"]
                    .as_str()
                    .unwrap()
                    .replace("sha256:", "")
            })
            .collect();
        used.sort();
        let inputs = report["predicate"]["inputAttestations"].as_array().unwrap();
        let stated: Vec<&str> = inputs
            .iter()
            .map(|it| it["digest"]["sha256"].as_str().unwrap())
            .collect();
        assert_eq!(stated, used);

        // cosign believes the same, and reads the same.
        let cosign = scene.cosign(&image, &scene.promoter.public_key());
        assert_eq!(cosign.code, Some(0), "{cosign:#?}");
        let envelope: Value = serde_json::from_str(cosign.stdout.lines().next().unwrap()).unwrap();
        let payload = STANDARD
            .decode(envelope["payload"].as_str().unwrap())
            .unwrap();
        let statement: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(statement["predicate"], report["predicate"]);
        assert_eq!(
            scene.cosign(&image, &scene.build.public_key()).code,
            Some(1)
        );

        // Nobody else's word, no other verifier's, about nothing else, by no other policy.
        let zeros = "0".repeat(64);
        for (other, code) in [
            (
                Asked {
                    from: "build",
                    ..good
                },
                "key-unknown",
            ),
            (
                Asked {
                    verifier: "https://acme.example/other",
                    ..good
                },
                "verifier-mismatch",
            ),
            (
                Asked {
                    resource: "{registry}/acme/other",
                    ..good
                },
                "resource-mismatch",
            ),
            (
                Asked {
                    level: "ACME_PROD",
                    ..good
                },
                "summary-level-missing",
            ),
            (
                Asked {
                    uri: "https://acme.example/policies/lab",
                    ..good
                },
                "summary-policy-mismatch",
            ),
            (
                Asked {
                    digest: &zeros,
                    ..good
                },
                "summary-policy-mismatch",
            ),
        ] {
            scene.write("production", &keyed(other.from), "", &other.rule());
            assert_eq!(scene.production(&tag), code, "{kind:?}");
        }
        scene.write("production", &keyed("promoter"), "", &good.rule());
        // The same image with all its evidence under another name is not what was promoted.
        let elsewhere = Registry::start(&scene.parts, kind).unwrap();
        let to = format!("{}/acme/app:v1", elsewhere.host());
        let copied = scene
            .countersign
            .run(&["copy", &tag, &to, "--plain-http"])
            .unwrap();
        assert_eq!(copied.code, Some(0), "{copied:#?}");
        assert_eq!(scene.production(&to), "resource-mismatch", "{kind:?}");
        // What is built anew under the same tag has to go the same way.
        let rebuilt = scene.built(&registry, "app, built again");
        assert_ne!(rebuilt, image);
        assert_eq!(scene.production(&tag), "no-summary", "{kind:?}");
        assert_eq!(scene.production(&image), "pass", "{kind:?}");
    }
}

/// A policy that has changed since is another one: what it judged before has to be judged anew.
#[test]
fn another_version_of_the_policy_is_another_policy() {
    let Some(scene) = Scene::set(&[]) else {
        return;
    };
    let registry = Registry::start(&scene.parts, RegistryKind::WithReferrers).unwrap();
    let image = scene.built(&registry, "app");
    let first = scene.promoted(&image);
    let path = scene.path("staging").join("policy.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text + "# reviewed again\n").unwrap();
    let output = scene.promote(&image, &["--dry-run"]);
    let second: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_ne!(digest(&first), digest(&second));
    scene.write(
        "production",
        &keyed("promoter"),
        "",
        &asked(digest(&second)).rule(),
    );
    assert_eq!(scene.production(&image), "summary-policy-mismatch");
    scene.promoted(&image);
    assert_eq!(scene.production(&image), "pass");
}

/// What `promote` would state, signed by cosign: with a key, and keyless, where a proven time lets the image soak.
#[test]
fn what_cosign_makes_of_the_predicate_counts_and_soaks() {
    let Some(scene) = Scene::set(&SIGSTORE_PARTS) else {
        return;
    };
    let folder = scene.path("sigstore");
    fs::create_dir(&folder).unwrap();
    let sigstore = Sigstore::start(&scene.parts, &folder).unwrap();
    let registry = Registry::start(&scene.parts, RegistryKind::WithReferrers).unwrap();
    let image = scene.built(&registry, "app");
    let predicate = scene.path("predicate.json");
    let file = predicate.display().to_string();
    let output = scene.promote(&image, &["--predicate", &file]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let good = asked(digest(&report));

    scene.write("production", &keyed("promoter"), "", &good.rule());
    assert_eq!(scene.production(&image), "no-summary");
    scene.promoter.attest3(VSA, &predicate, &image).unwrap();
    assert_eq!(scene.production(&image), "pass");

    fs::copy(sigstore.trusted_root(), scene.path("production/root.json")).unwrap();
    let signer = &private(KEYLESS);
    let soaked = Asked {
        more: "minAge: 1h",
        ..good
    };
    scene.write("production", signer, "", &soaked.rule());
    assert_eq!(scene.production(&image), "key-unknown");
    let identity: Identity = "dev@acme.example".parse().unwrap();
    sigstore
        .attest3(&identity, VSA, &predicate, &image)
        .unwrap();
    assert_eq!(scene.production(&image), "too-young");
    let now = UnixTime::from(SystemTime::now());
    assert_eq!(
        scene.production_at(&image, &now.plus(2 * HOUR).to_string()),
        "pass"
    );
    assert_eq!(
        scene.production_at(&image, &now.plus(HOUR / 2).to_string()),
        "too-young"
    );
    // A person whom nobody named is no promoter.
    let other = signer.replace("dev@", "other@");
    scene.write("production", &other, "", &soaked.rule());
    assert_eq!(
        scene.production_at(&image, &now.plus(2 * HOUR).to_string()),
        "subject-mismatch"
    );
}

/// What `docs/signing.md` shows, with this image and these files in place of its own.
fn documented(page: &str, files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let commands = page
        .lines()
        .filter_map(|line| line.strip_prefix("$ countersign "));
    let words = |command: &str| {
        let file = |word: &str| {
            let file = files.iter().find(|(name, _)| *name == word);
            file.map_or(word, |(_, path)| path).to_owned()
        };
        command.split(' ').map(file).collect()
    };
    commands.map(words).collect()
}

/// What `promote` signs itself, by an identity and by a key with log entry and timestamp, by the commands of the page about signing: it soaks, and
/// cosign believes it under the trust root, without being told to overlook the log.
#[test]
fn what_promote_signs_with_services_soaks_and_cosign_believes_it() {
    let Some(scene) = Scene::set(&SIGSTORE_PARTS) else {
        return;
    };
    let folder = scene.path("sigstore");
    fs::create_dir(&folder).unwrap();
    let sigstore = Sigstore::start(&scene.parts, &folder).unwrap();
    let registry = Registry::start(&scene.parts, RegistryKind::WithReferrers).unwrap();
    fs::copy(sigstore.trusted_root(), scene.path("production/root.json")).unwrap();
    let identity: Identity = "dev@acme.example".parse().unwrap();
    let shown = |path: &Path| path.display().to_string();
    let (config, root) = (
        shown(&sigstore.signing_config()),
        shown(&sigstore.trusted_root()),
    );
    let (token, key) = (
        shown(&scene.path("token.jwt")),
        shown(&scene.promoter.private_key()),
    );
    let staging = shown(&scene.path("staging"));
    let public = shown(&scene.promoter.public_key());
    let key_alone = ["--insecure-ignore-tlog", "--key", &public];
    let key_witnessed = ["--use-signed-timestamps", "--key", &public];
    let whose_identity = [
        "--use-signed-timestamps",
        "--certificate-identity",
        "dev@acme.example",
        "--certificate-oidc-issuer",
        "https://accounts.private.example",
    ];
    let promote = |number: usize, image: &str| {
        let files = [
            ("registry.example/acme/app:v1", image),
            ("staging", staging.as_str()),
            ("promoter.key", &key),
            ("signing_config.json", &config),
            ("trusted_root.json", &root),
            ("token.jwt", &token),
        ];
        let page = include_str!("../../../docs/signing.md");
        let commands = documented(page, &files);
        assert_eq!(commands.len(), 3, "of docs/signing.md");
        let mut words: Vec<&str> = commands[number].iter().map(String::as_str).collect();
        words.extend(["--plain-http", "--format=json"]);
        scene.countersign.run(&words).unwrap()
    };
    let soaking = "minAge: 1h, maxAge: 2d";
    for (number, signer, more, whose) in [
        (0, keyed("promoter"), "match: any", &key_alone[..]),
        (1, private(WITNESSED), soaking, &key_witnessed[..]),
        (2, private(KEYLESS), soaking, &whose_identity[..]),
    ] {
        let image = scene.built(&registry, &format!("app {number}"));
        fs::write(&token, sigstore.token(&identity).unwrap()).unwrap();
        let output = promote(number, &image);
        assert_eq!(output.code, Some(0), "{number}: {output:#?}");
        assert!(!format!("{output:?}").contains("eyJ"), "a token was shown");
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
        let rule = Asked {
            more,
            ..asked(digest(&report))
        };
        scene.write("production", &signer, "", &rule.rule());
        let now = UnixTime::from(SystemTime::now());
        let after = |seconds| scene.production_at(&image, &now.plus(seconds).to_string());
        if more == soaking {
            assert_eq!(after(0), "too-young", "{number}");
            assert_eq!(after(HOUR / 2), "too-young", "{number}");
            assert_eq!(after(49 * HOUR), "too-old", "{number}");
        }
        assert_eq!(after(2 * HOUR), "pass", "{number}");
        // The same tag with another image was promoted nowhere.
        let rebuilt = scene.built(&registry, &format!("app {number}, built again"));
        let of_rebuilt = scene.production_at(&rebuilt, &now.plus(2 * HOUR).to_string());
        assert_eq!(of_rebuilt, "no-summary", "{number}");

        let mut cosign = scene.parts.command("cosign3");
        cosign
            .args(["verify-attestation", "--allow-http-registry", "--type", VSA])
            .args(whose)
            .args(["--trusted-root", &root])
            .env("TUF_ROOT", scene.path("tuf"));
        let verified = outcome(cosign.arg(&image)).unwrap();
        assert_eq!(verified.code, Some(0), "{number}: {verified:#?}");
    }
    // A token that is none signs nothing, and nothing is asked.
    fs::write(&token, "none").unwrap();
    let image = scene.built(&registry, "untokened");
    let refused = promote(2, &image);
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    assert_eq!(scene.production(&image), "no-summary");
}
