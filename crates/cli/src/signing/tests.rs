//! What the options and the environment mean together.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as _, Parser};
use countersign::HttpRegistry;
use countersign_core::{
    Blob, Digest, Facts, Limits, NoFiles, PolicySet, SignedBy, Source, Trust, examine_blob,
};
use countersign_sign::Statement;
use countersign_testkit::forge::{Forge, Services, token_of};
use countersign_testkit::page::blocks;
use serde_json::{Map, json};
use tempfile::TempDir;

use super::*;
use crate::exit::Exit;
use crate::surroundings::CredentialPlaces;

const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);
const KEY: &str = include_str!("../../../sign/tests/keys/p256.pem");
const ED25519: &str = include_str!("../../../sign/tests/keys/ed25519.pem");

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    signing: SigningOptions,
}

/// Files for the options, and services that run.
struct Scene {
    folder: TempDir,
    services: Services,
    variables: IdentityVariables,
}

impl Scene {
    fn new() -> Self {
        let forge = Forge::new(NOW.seconds());
        let services = Services::start(&forge);
        let scene = Self {
            folder: tempfile::tempdir().unwrap(),
            variables: IdentityVariables::default(),
            services,
        };
        scene.write("key.pem", KEY);
        scene.write("ed25519.pem", ED25519);
        scene.write("root.json", &forge.trusted_root());
        scene.write("config.json", &scene.services.signing_config(2).to_string());
        scene.write("token", &token("from-the-file"));
        scene
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What is typed, with `@name` for a file of the folder.
    fn typed(&self, line: &str) -> Result<SigningOptions, clap::Error> {
        let words = line
            .split_whitespace()
            .map(|word| match word.strip_prefix('@') {
                Some(name) => self.path(name).into_os_string(),
                None => OsString::from(word),
            });
        let words = [OsString::from("sign")].into_iter().chain(words);
        Line::try_parse_from(words).map(|line| line.signing)
    }

    fn open(&self, line: &str) -> Result<Signer, Failure> {
        let surroundings = Surroundings {
            now: NOW,
            credentials: CredentialPlaces {
                files: Vec::new(),
                path: OsString::new(),
            },
            proxies: Vec::new(),
            trust_cache: None,
            key_password: None,
            chance: 0,
            identity: self.variables.clone(),
        };
        let typed = self.typed(line).unwrap_or_else(|error| panic!("{error}"));
        let client = HttpRegistry::new()
            .retries(0, Duration::from_millis(1))
            .services();
        SigningAccess::new(typed, &surroundings)?.open(client)
    }

    #[track_caller]
    fn refused(&self, line: &str) -> String {
        let failure = self.open(line).unwrap_err();
        assert_eq!(failure.exit, Exit::Misused, "{line}");
        let message = failure
            .message
            .replace(&self.path("").display().to_string(), "@");
        assert!(!message.contains("eyJ"), "{message}");
        message
    }

    /// What a bundle proves that is signed so.
    fn sign(&self, line: &str) -> Result<Facts, Failure> {
        let signer = self.open(line)?;
        let kind = "https://acme.example/release/v1";
        let image = Digest::of(b"an image");
        let statement = Statement::new(image, "acme/app", kind, Map::new()).unwrap();
        let runtime = crate::progress::runtime()?;
        let bundle = runtime
            .block_on(signer.sign(&statement, NOW))
            .map_err(|error| not_signed(&error))?;
        let root = fs::read(self.path("root.json")).unwrap();
        let root = TrustRoot::from_json("root", &root).unwrap();
        let key = SigningKey::from_pem(KEY, None).unwrap();
        let trust = Trust::new(vec![root], vec![key.public_key().clone()]).unwrap();
        let limits = Limits::default();
        let findings = examine_blob(Blob::Digest(image), bundle.bytes(), &trust, &limits);
        Ok(findings.verified()[0].facts().clone())
    }
}

/// Whose certificate it is.
fn name(facts: &Facts) -> &str {
    match facts.signer() {
        SignedBy::Certificate(certificate) => certificate.san.value(),
        _ => panic!("{facts:#?}"),
    }
}

fn token(subject: &str) -> String {
    let subject = format!("https://acme.example/{subject}");
    token_of(&json!({"iss": "https://acme.example", "sub": subject, "exp": NOW.seconds() + 60}))
}

fn secret(text: &str) -> Option<Password> {
    Some(Password::new(text.to_owned()))
}

#[test]
fn a_key_alone_a_key_with_services_and_services_alone() {
    let scene = Scene::new();
    let alone = scene.sign("--key @key.pem").unwrap();
    assert!(alone.logs().is_empty() && alone.times().is_empty());
    let with = "--signing-config @config.json --trusted-root @root.json";
    let witnessed = scene.sign(&format!("--key @key.pem {with}")).unwrap();
    assert!(matches!(witnessed.signer(), SignedBy::Key(_)));
    assert_eq!((witnessed.logs().len(), witnessed.times().len()), (1, 1));
    let keyless = scene.sign(&format!("{with} --identity-token @token"));
    let keyless = keyless.unwrap();
    assert_eq!((keyless.logs().len(), keyless.times().len()), (1, 1));
    assert_eq!(name(&keyless), "https://acme.example/from-the-file");
}

#[test]
fn the_token_is_of_the_option_then_of_the_variable_then_of_the_job() {
    let mut scene = Scene::new();
    let with = "--signing-config @config.json --trusted-root @root.json";
    scene.variables.job = [
        secret(&format!("{}/token", scene.services.url())),
        secret("job-secret"),
    ];
    let facts = scene.sign(with).unwrap();
    assert!(name(&facts).starts_with("https://github.com/acme/app/"));
    assert_eq!(scene.services.asked()[0].path, "/token?audience=sigstore");
    scene.variables.token = secret(&token("from-the-variable"));
    let facts = scene.sign(with).unwrap();
    assert_eq!(name(&facts), "https://acme.example/from-the-variable");
    let facts = scene.sign(&format!("{with} --identity-token @token"));
    assert_eq!(name(&facts.unwrap()), "https://acme.example/from-the-file");
    let asked = scene.services.asked();
    assert!(
        asked
            .iter()
            .all(|request| !request.path.starts_with("/token"))
    );
}

#[test]
fn what_is_typed_and_makes_no_sense() {
    let scene = Scene::new();
    for line in [
        "--key @key.pem --identity-token @token",
        "--key @key.pem --signing-config @config.json --identity-token @token",
        "--identity-token @token",
        "--key @key.pem --trusted-root @root.json",
        "--trusted-root @root.json",
    ] {
        assert!(scene.typed(line).is_err(), "{line}");
    }
    let told = scene.refused("");
    assert!(
        told.contains("--key FILE") && told.contains("--signing-config FILE"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_used_is_told_before_anything_is_asked() {
    let mut scene = Scene::new();
    let mut no_authority = scene.services.signing_config(2);
    no_authority["caUrls"] = json!([]);
    scene.write("no-authority.json", &no_authority.to_string());
    let expired = json!({"iss": "https://acme.example", "sub": "a", "exp": NOW.seconds()});
    scene.write("expired", &token_of(&expired));
    scene.write("nonsense", "eyJhbGciOiJub25lIn0");
    fs::write(scene.path("bytes"), [0xff]).unwrap();
    let with = "--signing-config @config.json --trusted-root @root.json";
    for (line, told) in [
        (
            "--signing-config @absent".to_owned(),
            "--signing-config @absent: ",
        ),
        (
            "--signing-config @root.json".to_owned(),
            "--signing-config @root.json: the signing config is malformed",
        ),
        (
            format!("{with} --identity-token @absent"),
            "--identity-token @absent: ",
        ),
        (
            format!("{with} --identity-token @bytes"),
            "--identity-token @bytes: it is no text",
        ),
        (
            format!("{with} --identity-token @nonsense"),
            "--identity-token @nonsense: the identity token is malformed",
        ),
        (
            format!("{with} --identity-token @expired"),
            "--identity-token @expired: the identity token expired at 2026-",
        ),
        (
            "--signing-config @config.json --trusted-root @config.json --identity-token @token"
                .to_owned(),
            "--trusted-root @config.json: ",
        ),
        (
            "--signing-config @no-authority.json --identity-token @token".to_owned(),
            "--signing-config @no-authority.json: the signing config names no certificate authority",
        ),
        (
            format!("--key @ed25519.pem {with}"),
            "--signing-config @config.json: nothing was signed: the log at 127.0.0.1:",
        ),
        (format!("--key @token {with}"), "@token: "),
        (
            with.to_owned(),
            "nothing says who signs: give --identity-token FILE or set SIGSTORE_ID_TOKEN",
        ),
    ] {
        let message = scene.refused(&line);
        assert!(message.starts_with(told), "{line}: {message}");
    }
    scene.variables.job = [secret("https://token.example"), None];
    let message = scene.refused(with);
    assert!(message.contains("only one is set"), "{message}");
    scene.variables.job = [secret("http://token.example"), secret("job-secret")];
    let message = scene.refused(with);
    assert!(
        message.starts_with("ACTIONS_ID_TOKEN_REQUEST_URL: "),
        "{message}"
    );
    scene.variables.token = secret("nonsense");
    let message = scene.refused(with);
    assert!(message.starts_with("SIGSTORE_ID_TOKEN: "), "{message}");
    assert_eq!(scene.services.asked().len(), 0);
}

#[test]
fn services_of_another_instance_than_the_built_in_root_are_not_believed() {
    let scene = Scene::new();
    let failure = scene
        .sign("--key @key.pem --signing-config @config.json")
        .unwrap_err();
    assert_eq!(failure.exit, Exit::Unknown);
    assert!(
        failure.message.contains("trust root `public-good`"),
        "{}",
        failure.message
    );
}

#[test]
fn no_secret_is_shown() {
    let mut scene = Scene::new();
    scene.variables.token = secret(&token("a"));
    scene.variables.job = [secret("https://token.example"), secret("job-secret")];
    let shown = format!("{:?}", scene.variables);
    assert!(
        !shown.contains("eyJ") && !shown.contains("job-secret"),
        "{shown}"
    );
}

const PAGE: &str = include_str!("../../../../docs/signing.md");

#[test]
fn the_page_has_every_option_and_variable() {
    let command = SigningOptions::augment_args(clap::Command::new("sign"));
    for option in command.get_arguments() {
        let name = format!("| `--{}` |", option.get_long().unwrap());
        assert!(PAGE.contains(&name), "docs/signing.md has no row {name}");
    }
    for variable in [PASSWORD_VARIABLE, TOKEN_VARIABLE]
        .iter()
        .chain(&JOB_VARIABLES)
    {
        assert!(
            PAGE.contains(variable),
            "docs/signing.md does not name {variable}"
        );
    }
}

#[test]
fn the_signers_of_the_page_are_taken() {
    let signers: Vec<&str> = blocks(PAGE, "yaml").collect();
    assert_eq!(signers.len(), 2);
    let rest = r#"apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {name: page}
spec: {unmatched: deny}
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {name: page}
spec:
  images: ["**"]
  rules:
    - name: promoted
      statement: {from: {any: [promoter, promoter-key]}, predicateType: "https://acme.example/release/v1", maxAge: 30d}
"#;
    let text = [signers.as_slice(), &[rest]].concat().join("---\n");
    let name = "docs/signing.md".to_owned();
    let loaded = PolicySet::load(&[Source { name, text }], &NoFiles, &[]);
    assert!(loaded.diagnostics.is_empty(), "{:#?}", loaded.diagnostics);
    assert!(loaded.policies.is_some());
}
