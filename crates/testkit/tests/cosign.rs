//! Real cosign accepts what the Forge makes, fetched from the testkit's registry.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_testkit::forge::{Algorithm, Forge, Forgery, GITHUB_ISSUER, Identity, Key};
use countersign_testkit::gate;
use countersign_testkit::registry::Registry;
use serde_json::json;

const SLSA: &str = "https://slsa.dev/provenance/v1";

/// How evidence is attached.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Bundle,
    Sig,
    Att,
}

type Make<'a> = Box<dyn Fn(&str) -> Forgery<'a> + 'a>;
/// Name, form, cosign's command, its flags, the evidence.
type Row<'a> = (&'a str, Form, &'a [&'a str], &'a [&'a str], Make<'a>);

struct Lab {
    folder: tempfile::TempDir,
    cosign: PathBuf,
    forge: Forge,
    key: Key,
    registry: Registry,
}

impl Lab {
    fn new() -> Option<Self> {
        let cosign = gate::parts(&["cosign3"])?.join("cosign3");
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let forge = Forge::new(i64::try_from(now).unwrap() - 3600);
        let (folder, key) = (tempfile::tempdir().unwrap(), Key::generate(Algorithm::P256));
        fs::write(folder.path().join("root.json"), forge.trusted_root()).unwrap();
        fs::write(folder.path().join("key.pub"), key.public_pem()).unwrap();
        Some(Self {
            folder,
            cosign,
            forge,
            key,
            registry: Registry::start(),
        })
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Attaches one piece of evidence to an image of its own, and lets cosign verify it.
    fn cosign(
        &self,
        name: &str,
        form: Form,
        evidence: impl FnOnce(&str) -> Vec<u8>,
        flags: &[&str],
    ) -> Result<(), String> {
        let image = self.registry.push_image(name, "v1");
        let bytes = evidence(&image);
        if form == Form::Bundle {
            self.registry.attach_bundle(name, &image, &bytes);
        }
        let reference = format!("{}/{name}@{image}", self.registry.host());
        run(&self.cosign, flags, &reference)
    }
}

fn run(cosign: &Path, flags: &[&str], reference: &str) -> Result<(), String> {
    let out = Command::new(cosign)
        .args(flags)
        .arg("--allow-http-registry")
        .arg(reference)
        .output()
        .unwrap();
    match out.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
    }
}

#[test]
fn cosign_accepts_what_the_forge_makes() {
    let Some(lab) = Lab::new() else { return };
    let (root, key) = (lab.path("root.json"), lab.path("key.pub"));
    let identity = Identity::default();
    let san = identity.san.value().to_owned();
    let keyless = [
        "--trusted-root",
        &root,
        "--certificate-identity",
        &san,
        "--certificate-oidc-issuer",
        GITHUB_ISSUER,
    ];
    let keyed = ["--key", &key, "--trusted-root", &root];
    let alone = [
        "--key",
        &key,
        "--insecure-ignore-tlog",
        "--trusted-root",
        &root,
    ];
    let verify = ["verify"];
    let attested = ["verify-attestation", "--type", SLSA];

    let image = |digest: &str| lab.forge.image_signature(digest).keyless(identity.clone());
    let sig = |digest: &str| lab.forge.simple_signing(digest).keyless(identity.clone());
    let att = |digest: &str| {
        lab.forge
            .attestation(digest, SLSA, json!({"buildDefinition": {}}))
            .keyless(identity.clone())
    };
    let cases: Vec<Row<'_>> = vec![
        (
            "bundle-v1",
            Form::Bundle,
            &verify,
            &keyless,
            Box::new(|digest| image(digest).rekor_v1()),
        ),
        (
            "bundle-v2",
            Form::Bundle,
            &verify,
            &keyless,
            Box::new(|digest| image(digest).rekor_v2().timestamp()),
        ),
        (
            "bundle-keyed",
            Form::Bundle,
            &verify,
            &alone,
            Box::new(|digest| image(digest).keyed(&lab.key)),
        ),
        (
            "bundle-keyed-v1",
            Form::Bundle,
            &verify,
            &keyed,
            Box::new(|digest| image(digest).keyed(&lab.key).rekor_v1()),
        ),
        (
            "bundle-att",
            Form::Bundle,
            &attested,
            &keyless,
            Box::new(|digest| att(digest).rekor_v1()),
        ),
        (
            "sig-keyed",
            Form::Sig,
            &verify,
            &alone,
            Box::new(|digest| sig(digest).keyed(&lab.key)),
        ),
        (
            "sig-keyed-v1",
            Form::Sig,
            &verify,
            &keyed,
            Box::new(|digest| sig(digest).keyed(&lab.key).rekor_v1()),
        ),
        (
            "sig-keyless",
            Form::Sig,
            &verify,
            &keyless,
            Box::new(|digest| sig(digest).rekor_v1()),
        ),
        (
            "sig-keyless-stamped",
            Form::Sig,
            &verify,
            &keyless,
            Box::new(|digest| sig(digest).rekor_v1().timestamp()),
        ),
        (
            "att-keyed",
            Form::Att,
            &attested,
            &alone,
            Box::new(|digest| att(digest).keyed(&lab.key)),
        ),
        (
            "att-keyless-dsse",
            Form::Att,
            &attested,
            &keyless,
            Box::new(|digest| att(digest).rekor_v1()),
        ),
        (
            "att-keyless-intoto",
            Form::Att,
            &attested,
            &keyless,
            Box::new(|digest| att(digest).rekor_v1_as("intoto", "0.0.1")),
        ),
        (
            "att-keyless-stamped",
            Form::Att,
            &attested,
            &keyless,
            Box::new(|digest| att(digest).rekor_v1().timestamp()),
        ),
    ];
    let mut wrong = Vec::new();
    for (name, form, command, flags, make) in cases {
        let attach = |digest: &str| {
            let forgery = make(digest);
            match form {
                Form::Bundle => forgery.bundle(),
                Form::Sig => {
                    let (payload, annotations) = forgery.sig();
                    lab.registry
                        .attach_sig(name, digest, &payload, &annotations);
                    payload
                }
                Form::Att => {
                    let (envelope, annotations) = forgery.att();
                    lab.registry
                        .attach_att(name, digest, &envelope, &annotations);
                    envelope
                }
            }
        };
        if let Err(why) = lab.cosign(name, form, attach, &[command, flags].concat()) {
            wrong.push(format!("{name}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn cosign_refuses_another_image() {
    let Some(lab) = Lab::new() else { return };
    let key = lab.path("key.pub");
    let bundle = |_: &str| {
        lab.forge
            .image_signature(&countersign_testkit::sha256_digest(b"other"))
            .keyed(&lab.key)
            .bundle()
    };
    let flags = ["verify", "--key", &key, "--insecure-ignore-tlog"];
    let why = lab
        .cosign("other", Form::Bundle, bundle, &flags)
        .unwrap_err();
    assert!(why.contains("no matching"), "{why}");
}
