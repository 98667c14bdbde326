//! `verify-bundle` as people see it: over bundles that real cosign made, over forged ones, and over what is no file at all.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_testkit::forge::{Algorithm, Forge, Forgery, Identity, Key};
use insta::assert_snapshot;

use crate::run::{AT, ROOT, code, command, output, transcript};

const TRUSTED_ROOT: &str = "testdata/trust/private-trusted_root.json";
const IDENTITY: &str = "https://github.com/acme/ci/.github/workflows/release.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";
const KEY: &str = "testdata/keys/release.pub";
const SLSA: &str = "https://slsa.dev/provenance/v1";

/// The bundle in an image of testdata whose predicate type holds `part`, and the manifest that it is about, as paths from the
/// workspace's folder.
fn from_image(image: &str, part: &str) -> (String, String) {
    let blobs = format!("testdata/images/{image}/blobs/sha256");
    let path = |digest: &serde_json::Value| {
        let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
        format!("{blobs}/{hex}")
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(Path::new(ROOT).join(&blobs)).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let Ok(manifest) = serde_json::from_slice::<serde_json::Value>(&bytes) else {
            continue;
        };
        let predicate_type = &manifest["annotations"]["dev.sigstore.bundle.predicateType"];
        if predicate_type.as_str().is_some_and(|it| it.contains(part)) {
            let bundle = path(&manifest["layers"][0]["digest"]);
            found.push((bundle, path(&manifest["subject"]["digest"])));
        }
    }
    assert_eq!(found.len(), 1, "{image}: bundles with {part}");
    found.remove(0)
}

fn json_of(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// By the identity of testdata's workflow, or what `more` says in place of it.
fn keyless<'a>(bundle: &'a str, artifact: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let identity: &[&str] = if more.iter().any(|word| word.starts_with("--certificate-i")) {
        &[]
    } else {
        &["--certificate-identity", IDENTITY]
    };
    let issuer: &[&str] = if more.contains(&"--certificate-oidc-issuer") {
        &[]
    } else {
        &["--certificate-oidc-issuer", ISSUER]
    };
    let head = ["verify-bundle", "--bundle", bundle, "--at", AT];
    [&head[..], identity, issuer, more, &[artifact]].concat()
}

fn keyed<'a>(bundle: &'a str, artifact: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let head = ["verify-bundle", "--bundle", bundle, "--at", AT, "--key"];
    let key: &[&str] = if more.first().is_some_and(|word| word.ends_with(".pub")) {
        &[]
    } else {
        &[KEY]
    };
    [&head[..], key, more, &[artifact]].concat()
}

#[test]
fn verified() {
    let root = ["--trusted-root", TRUSTED_ROOT];
    let (bundle, artifact) = from_image("signed-keyless-workflow", "cosign/sign");
    assert_snapshot!(
        "bundle-verified-keyless",
        transcript(&keyless(&bundle, &artifact, &root))
    );
    let explained = [&root[..], &["--explain"]].concat();
    assert_snapshot!(
        "bundle-verified-explained",
        transcript(&keyless(&bundle, &artifact, &explained))
    );
    let json = [&root[..], &["--format", "json"]].concat();
    assert_snapshot!(
        "bundle-verified-json",
        transcript(&keyless(&bundle, &artifact, &json))
    );
    let digest = format!("sha256:{}", artifact.rsplit('/').next().unwrap());
    assert_snapshot!(
        "bundle-verified-digest",
        transcript(&keyless(&bundle, &digest, &root))
    );
    let (bundle, artifact) = from_image("signed-keyed-logged", "cosign/sign");
    assert_snapshot!(
        "bundle-verified-keyed",
        transcript(&keyed(&bundle, &artifact, &root))
    );
    let (bundle, artifact) = from_image("signed-keyed", "cosign/sign");
    assert_snapshot!(
        "bundle-verified-key-alone",
        transcript(&keyed(&bundle, &artifact, &["--key-alone-unsafe"]))
    );
}

#[test]
fn verified_as_a_certain_statement() {
    let (bundle, artifact) = from_image("attested-keyless", "slsa");
    let of = |predicate_type, identity: &[&str]| {
        let mut more = vec!["--trusted-root", TRUSTED_ROOT];
        more.extend(["--predicate-type", predicate_type]);
        more.extend(identity);
        transcript(&keyless(&bundle, &artifact, &more))
    };
    let pattern = r"https://github\.com/acme/(app|ci)/\.github/workflows/.*";
    let person = r"[a-z]+@acme\.example";
    let both = format!("{pattern}|{person}");
    let identity = ["--certificate-identity-regexp", &both];
    assert_snapshot!("bundle-verified-statement", of(SLSA, &identity));
    let other = "https://spdx.dev/Document";
    assert_snapshot!("bundle-refused-predicate-type", of(other, &identity));
}

#[test]
fn refused() {
    let root = ["--trusted-root", TRUSTED_ROOT];
    let with = |more: &[&'static str]| [&root[..], more].concat();
    let (bundle, artifact) = from_image("signed-keyless-workflow", "cosign/sign");
    let by = |artifact: &str, more: &[&'static str]| transcript(&keyless(&bundle, artifact, more));
    assert_snapshot!("bundle-refused-untrusted", by(&artifact, &[]));
    assert_snapshot!("bundle-refused-artifact", by("LICENSE", &root));
    let subject = with(&["--certificate-identity", "release@acme.example"]);
    assert_snapshot!("bundle-refused-subject", by(&artifact, &subject));
    let issuer = with(&["--certificate-oidc-issuer", "https://accounts.example"]);
    assert_snapshot!("bundle-refused-issuer", by(&artifact, &issuer));
    let json = with(&[
        "--certificate-identity",
        "release@acme.example",
        "--format",
        "json",
    ]);
    assert_snapshot!("bundle-refused-json", by(&artifact, &json));
    assert_snapshot!(
        "bundle-refused-identity-for-key",
        transcript(&keyed(&bundle, &artifact, &root))
    );
    assert_snapshot!(
        "bundle-refused-not-json",
        transcript(&keyless("LICENSE", &artifact, &[]))
    );

    let (bundle, artifact) = from_image("signed-keyed", "cosign/sign");
    assert_snapshot!(
        "bundle-refused-log-missing",
        transcript(&keyed(&bundle, &artifact, &[]))
    );
    let foreign = "testdata/keys/foreign.pub";
    assert_snapshot!(
        "bundle-refused-key",
        transcript(&keyed(&bundle, &artifact, &[foreign, "--explain"]))
    );
    assert_snapshot!(
        "bundle-refused-key-for-identity",
        transcript(&keyless(&bundle, &artifact, &[]))
    );
}

#[test]
fn help() {
    let words = ["verify-bundle", "--help"];
    assert_snapshot!("help-verify-bundle", transcript(&words));
}

/// What the command is told to go by is wrong: nothing is judged, and the code is 3.
#[test]
fn wrong_words() {
    let (bundle, artifact) = from_image("signed-keyed", "cosign/sign");
    let typed = |words: &[&str]| {
        let head = ["verify-bundle", "--bundle", &bundle, &artifact];
        let words = [&head[..], words].concat();
        assert_eq!(code(&words), Some(3), "{words:?}");
        transcript(&words)
    };
    assert_snapshot!("bundle-usage-nobody", typed(&[]));
    let identity = ["--certificate-identity", IDENTITY];
    let issuer = ["--certificate-oidc-issuer", ISSUER];
    let key = ["--key", KEY];
    assert_snapshot!("bundle-usage-no-issuer", typed(&identity));
    assert_snapshot!("bundle-usage-issuer-alone", typed(&issuer));
    let both = [&identity[..], &issuer, &key].concat();
    assert_snapshot!("bundle-usage-both", typed(&both));
    assert_snapshot!(
        "bundle-usage-key-and-issuer",
        typed(&[&issuer[..], &key].concat())
    );
    let alone = [&identity[..], &issuer, &["--key-alone-unsafe"]].concat();
    assert_snapshot!("bundle-usage-alone-without-key", typed(&alone));
    let empty = ["--certificate-identity", ""];
    assert_snapshot!(
        "bundle-usage-empty-identity",
        typed(&[&empty[..], &issuer].concat())
    );
    let broad = [
        "--certificate-identity-regexp",
        r"https://github\.com/acme.*",
    ];
    assert_snapshot!(
        "bundle-usage-broad-pattern",
        typed(&[&broad[..], &issuer].concat())
    );
    assert_snapshot!("bundle-key-missing", typed(&["--key", "nowhere.pub"]));
    assert_snapshot!("bundle-key-malformed", typed(&["--key", "LICENSE"]));
    let root = |file| [&key[..], &["--trusted-root", file]].concat();
    assert_snapshot!("bundle-trusted-root-missing", typed(&root("nowhere.json")));
    assert_snapshot!("bundle-trusted-root-malformed", typed(&root(KEY)));
}

/// What should be judged cannot be read: nobody could tell, and the code is 2.
#[test]
fn unreadable() {
    let (bundle, artifact) = from_image("signed-keyed", "cosign/sign");
    let by = |bundle: &str, artifact: &str| transcript(&keyed(bundle, artifact, &[]));
    assert_snapshot!("bundle-missing", by("nowhere.json", &artifact));
    assert_snapshot!("bundle-is-a-folder", by("testdata", &artifact));
    assert_snapshot!("bundle-artifact-missing", by(&bundle, "nowhere.tar"));
    assert_snapshot!("bundle-artifact-is-a-folder", by(&bundle, "testdata"));
    let digest = format!("sha256:{}", "0".repeat(63));
    assert_snapshot!("bundle-artifact-no-digest", by(&bundle, &digest));
}

/// A whole folder of forged files, for command lines that need paths.
struct Folder {
    dir: tempfile::TempDir,
    forge: Forge,
}

impl Folder {
    fn new() -> Self {
        let forge = Forge::new(1_790_000_000);
        let dir = tempfile::tempdir().unwrap();
        let folder = Self { dir, forge };
        folder.put("root.json", folder.forge.trusted_root().as_bytes());
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn signed(&self, content: &[u8]) -> Forgery<'_> {
        let identity = Identity::uri("https://ci.acme.example/job", "https://issuer.example");
        self.forge.blob(content).keyless(identity).rekor_v1()
    }

    /// Runs inside the folder with the identity that `signed` has.
    fn run(&self, more: &[&str]) -> (Option<i32>, String) {
        let head = [
            "verify-bundle",
            "--bundle",
            "bundle.json",
            "--certificate-identity",
            "https://ci.acme.example/job",
            "--certificate-oidc-issuer",
            "https://issuer.example",
            "--trusted-root",
            "root.json",
        ];
        self.ended(&[&head[..], more].concat())
    }

    fn by_key(&self, more: &[&str]) -> (Option<i32>, String) {
        let head = [
            "verify-bundle",
            "--bundle",
            "bundle.json",
            "--key",
            "key.pub",
        ];
        let root = ["--trusted-root", "root.json"];
        self.ended(&[&head[..], &root, more].concat())
    }

    fn ended(&self, words: &[&str]) -> (Option<i32>, String) {
        let ended = command(words)
            .current_dir(self.dir.path())
            .output()
            .unwrap();
        let said = [ended.stdout, ended.stderr].concat();
        (ended.status.code(), String::from_utf8(said).unwrap())
    }
}

#[track_caller]
fn says((code, text): (Option<i32>, String), expected: i32, part: &str) {
    assert_eq!(code, Some(expected), "{text}");
    assert!(text.contains(part), "{text}");
}

/// The protocol: a digest only if it is not a path on disk.
#[test]
fn a_file_that_is_named_like_a_digest_is_a_file() {
    let folder = Folder::new();
    folder.put("bundle.json", &folder.signed(b"content").bundle());
    let digest = countersign_testkit::sha256_digest(b"content");
    says(folder.run(&[&digest]), 0, "by its digest alone");
    let upper = format!("sha256:{}", digest["sha256:".len()..].to_uppercase());
    says(folder.run(&[&upper]), 0, "by its digest alone");
    folder.put(&digest, b"something else");
    says(folder.run(&[&digest]), 1, "digest-mismatch");
    fs::remove_file(folder.path(&digest)).unwrap();
    fs::create_dir(folder.path(&digest)).unwrap();
    says(folder.run(&[&digest]), 2, "it is a folder");
}

#[test]
fn keys_that_need_the_artifact_itself_say_so() {
    let folder = Folder::new();
    for (algorithm, needs_it) in [
        (Algorithm::P256, false),
        (Algorithm::P384, true),
        (Algorithm::Ed25519, true),
    ] {
        let key = Key::generate(algorithm);
        let signed = folder.forge.blob(b"content").keyed(&key).rekor_v1();
        folder.put("bundle.json", &signed.bundle());
        folder.put("key.pub", key.public_pem().as_bytes());
        folder.put("content", b"content");
        says(folder.by_key(&["content"]), 0, "VERIFIED content");
        let digest = countersign_testkit::sha256_digest(b"content");
        if needs_it {
            says(folder.by_key(&[&digest]), 1, "artifact-needed");
        } else {
            says(folder.by_key(&[&digest]), 0, "by its digest alone");
        }
    }
}

#[test]
fn oversized_and_endless_files() {
    let folder = Folder::new();
    folder.put("content", b"content");
    folder.put("bundle.json", &folder.signed(b"content").bundle());
    says(folder.run(&["content"]), 0, "VERIFIED content");

    // Sparse: of 64 GiB and a byte nothing is read.
    let sparse = |name: &str, length: u64| {
        let file = fs::File::create(folder.path(name)).unwrap();
        file.set_len(length).unwrap();
    };
    sparse("huge", 64 * 1024 * 1024 * 1024 + 1);
    says(
        folder.run(&["huge"]),
        2,
        "larger than 64 GiB; give its digest",
    );

    let mut bundle = folder.signed(b"content").bundle();
    bundle.resize(48 * 1024 * 1024 + 1, b' ');
    folder.put("bundle.json", &bundle);
    says(folder.run(&["content"]), 1, "over-limit");
    sparse("root.json", 2 * 1024 * 1024);
    says(folder.run(&["content"]), 3, "larger than 1 MiB");
}

/// Devices never end, pipes may: `verify-bundle … <(curl …)`.
#[cfg(unix)]
#[test]
fn devices_and_pipes() {
    use std::io::Write as _;
    use std::process::Stdio;

    let folder = Folder::new();
    folder.put("content", b"content");
    folder.put("bundle.json", &folder.signed(b"content").bundle());
    says(folder.run(&["/dev/zero"]), 2, "neither a file nor a pipe");
    says(folder.run(&["/dev/null"]), 2, "neither a file nor a pipe");
    let zeros = "--bundle=/dev/zero";
    let words = ["verify-bundle", zeros, "--certificate-identity", "a@b"];
    let more = ["--certificate-oidc-issuer", "https://c", "content"];
    says(folder.ended(&[&words[..], &more].concat()), 1, "over-limit");

    let words = [
        "verify-bundle",
        "--bundle",
        "bundle.json",
        "--certificate-identity",
        "https://ci.acme.example/job",
        "--certificate-oidc-issuer",
        "https://issuer.example",
        "--trusted-root",
        "root.json",
        "/dev/stdin",
    ];
    for (content, code) in [(&b"content"[..], 0), (b"contents", 1)] {
        let mut child = command(&words)
            .current_dir(folder.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(content).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
}

/// A trust root's entries that are not supported are skipped, and somebody is told.
#[test]
fn a_skipped_entry_is_told() {
    let folder = Folder::new();
    folder.put("content", b"content");
    folder.put("bundle.json", &folder.signed(b"content").bundle());
    let mut root = json_of(&folder.forge.trusted_root());
    root["tlogs"][1]["hashAlgorithm"] = "SHA2_512".into();
    folder.put("root.json", root.to_string().as_bytes());
    says(folder.run(&["content"]), 0, "warning: trust root: ");
}

/// Names, identities and predicate types are whatever somebody wrote.
#[test]
fn hostile_strings_come_out_harmless() {
    const HOSTILE: &str = "x\u{1b}[2J\u{1b}[32mVERIFIED\u{9b}31m\u{202e}gpj\u{200b}\r\n::error::y";
    let folder = Folder::new();
    let digest = countersign_testkit::sha256_digest(b"content");
    let identity = Identity::user_name(HOSTILE, "https://issuer.example");
    let attested = folder
        .forge
        .attestation(&digest, HOSTILE, serde_json::json!({}))
        .keyless(identity)
        .rekor_v1()
        .with_statement(|statement| statement["subject"][0]["name"] = HOSTILE.into());
    folder.put("bundle.json", &attested.bundle());
    folder.put(HOSTILE, b"content");
    fs::copy(folder.path("root.json"), folder.path("r\u{1b}[2J.json")).unwrap();
    for identity in ["who@acme.example", HOSTILE] {
        for format in ["text", "json"] {
            let (code, text) = folder.ended(&[
                "verify-bundle",
                "--bundle=bundle.json",
                "--explain",
                "--trusted-root=r\u{1b}[2J.json",
                "--certificate-oidc-issuer=https://issuer.example",
                "--format",
                format,
                "--certificate-identity",
                identity,
                HOSTILE,
            ]);
            assert_eq!(code, Some(i32::from(identity != HOSTILE)), "{text}");
            let obeyed =
                |it: char| it.is_control() && it != '\n' || matches!(it, '\u{202e}' | '\u{200b}');
            assert!(!text.contains(obeyed), "{text:?}");
            assert!(text.lines().all(|line| !line.starts_with("::")), "{text}");
            assert!(text.contains("u{202e}"), "shown, harmless: {text}");
        }
    }
}

/// What cannot be delivered is not an allow.
#[test]
fn an_undelivered_answer_is_exit_2() {
    let (bundle, artifact) = from_image("signed-keyed", "cosign/sign");
    let words = keyed(&bundle, &artifact, &["--key-alone-unsafe"]);
    assert_eq!(output(&words).status.code(), Some(0));
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let ended = command(&words).stdout(full).output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
}
