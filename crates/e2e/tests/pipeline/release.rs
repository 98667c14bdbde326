//! Our own release: archives, SBOMs, images and signatures, and the check that comes before anything is published.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_e2e::{run, workspace};

use crate::lab::Lab;
use crate::program::auditable;

pub(crate) const IDENTITY: &str = "countersign-dev/countersign:countersign-dev/countersign/.github/workflows/release.yml@refs/tags/v0.1.0";
pub(crate) const POLICY: &str = ".ci/release/policy.yaml";

/// The files of a release, made by its scripts as `release.yml` calls them.
struct Release {
    lab: Lab,
    programs: PathBuf,
    out: PathBuf,
    policy: PathBuf,
}

impl Release {
    fn set() -> Option<Self> {
        let lab = Lab::set()?;
        let [programs, out] = ["programs", "out"].map(|name| lab.path(name));
        fs::create_dir(&programs).unwrap();
        for name in ["countersign", "countersign-webhook"] {
            auditable(Path::new("/bin/true"), &programs.join(name), 120);
        }
        let policies = lab.path("policies");
        fs::create_dir(&policies).unwrap();
        let policy = policies.join("policy.yaml");
        let text = fs::read_to_string(workspace().join(POLICY)).unwrap();
        lab.policy(&text, "ghcr.io", &policy);
        lab.sign_as(&IDENTITY.parse().unwrap());
        Some(Self {
            lab,
            programs,
            out,
            policy,
        })
    }

    #[track_caller]
    fn script(&self, name: &str, arguments: &[&str]) -> String {
        let ended = self.lab.script(&format!(".ci/release/{name}"), arguments);
        assert_eq!(
            ended.code,
            Some(0),
            "{name}: {}{}",
            ended.stdout,
            ended.stderr
        );
        ended.stdout
    }

    /// The last gate: its exit code, and all that it said.
    fn check(&self, images: &[&str]) -> (Option<i32>, String) {
        let program = self.lab.countersign.to_str().unwrap();
        let files = [&self.policy, &self.out].map(|path| path.to_str().unwrap());
        let arguments = [&[program], &files[..], images].concat();
        let ended = self.lab.script(".ci/release/check", &arguments);
        (ended.code, ended.stdout + &ended.stderr)
    }
}

#[test]
fn a_release_is_published_only_when_our_own_program_finds_it_right() {
    let Some(release) = Release::set() else {
        return;
    };
    let [programs, out] = [&release.programs, &release.out].map(|path| path.to_str().unwrap());
    let target = "x86_64-unknown-linux-gnu";
    let archive = release.script("archive", &["0.1.0", target, programs, out]);
    let sbom = format!("{out}/countersign-0.1.0-{target}.cdx.json");
    release.script("sbom", &[programs, &sbom]);
    let carried = release.script("checksums", &[out]);
    assert!(
        carried.ends_with(&format!("  countersign-0.1.0-{target}.tar.gz\n")),
        "{carried}"
    );
    release.script("sign", &[out]);
    let (code, said) = release.check(&[]);
    assert_eq!(code, Some(0), "{said}");

    // Images: pushed by digest and under no tag, signed, described, and checked together.
    let image = layout(&release);
    let repository = format!(
        "{}/countersign-dev/countersign",
        release.lab.registry.host()
    );
    let program = &release.lab.countersign;
    let pushed = release.script(
        "publish-image",
        &[
            program.to_str().unwrap(),
            image.to_str().unwrap(),
            &repository,
        ],
    );
    let pushed = pushed.trim();
    let tags = run(release.lab.parts.command("crane").args(["ls", &repository])).unwrap();
    assert_eq!(
        tags.stdout
            .lines()
            .filter(|tag| !tag.starts_with("sha256-"))
            .count(),
        0,
        "{}",
        tags.stdout
    );
    let (code, said) = release.check(&[pushed]);
    assert_eq!(code, Some(1), "nothing is signed yet: {said}");
    let sign = format!(
        "cosign sign --yes '{pushed}' && cosign attest --yes --type cyclonedx --predicate '{sbom}' '{pushed}'"
    );
    let signed = release.lab.shell(&release.out, &sign, &[]);
    assert_eq!(signed.code, Some(0), "{}", signed.stderr);
    let (code, said) = release.check(&[pushed]);
    assert_eq!(code, Some(1), "it has no provenance yet: {said}");
    release
        .lab
        .attest_provenance(&IDENTITY.parse().unwrap(), pushed);
    let (code, said) = release.check(&[pushed]);
    assert_eq!(code, Some(0), "{said}");
    let tag = format!("{repository}:0.1.0");
    assert_eq!(
        release.check(&[&tag]).0,
        Some(3),
        "an image without its digest"
    );

    // What is not as it was signed is not published.
    let archive = PathBuf::from(archive.trim());
    let bytes = fs::read(&archive).unwrap();
    fs::write(&archive, [&bytes[..], b"x"].concat()).unwrap();
    assert_eq!(release.check(&[]).0, Some(1), "another archive");
    release.script("checksums", &[out]);
    let (code, said) = release.check(&[]);
    assert_eq!(code, Some(1), "another archive and its sha256: {said}");
    fs::write(&archive, bytes).unwrap();
    release.script("checksums", &[out]);
    assert_eq!(release.check(&[]).0, Some(0), "as before");
    fs::write(release.out.join("more.tar.gz"), "x").unwrap();
    let (code, said) = release.check(&[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("more.tar.gz is not in SHA256SUMS"), "{said}");
    fs::remove_file(release.out.join("more.tar.gz")).unwrap();

    // Nor an archive that is signed and is not the one that the list has.
    let kept = fs::read(&archive).unwrap();
    fs::write(&archive, [&kept[..], b"x"].concat()).unwrap();
    let name = archive.file_name().unwrap().to_str().unwrap();
    let sign = format!("cosign sign-blob --yes --bundle '{name}.sigstore.json' '{name}'");
    assert_eq!(release.lab.shell(&release.out, &sign, &[]).code, Some(0));
    let (code, said) = release.check(&[]);
    assert_eq!(code, Some(1), "{said}");
    fs::write(&archive, kept).unwrap();

    // Nor what another workflow signed.
    let other = IDENTITY.replace("release.yml", "nightly.yml");
    release.lab.sign_as(&other.parse().unwrap());
    release.script("sign", &[out]);
    let (code, said) = release.check(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("subject-mismatch"), "{said}");
}

#[test]
fn programs_that_do_not_say_of_what_they_are_made_have_no_sbom() {
    let Some(release) = Release::set() else {
        return;
    };
    fs::copy("/bin/true", release.programs.join("countersign")).unwrap();
    fs::copy("/bin/true", release.programs.join("countersign-webhook")).unwrap();
    let programs = release.programs.to_str().unwrap();
    let sbom = release.lab.path("sbom.json");
    let ended = release
        .lab
        .script(".ci/release/sbom", &[programs, sbom.to_str().unwrap()]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("names no crate"), "{}", ended.stderr);
}

/// An OCI layout with an image, as `.ci/image` writes one.
fn layout(release: &Release) -> PathBuf {
    let host = release.lab.registry.host();
    let root = release.lab.path("image");
    fs::create_dir(&root).unwrap();
    fs::copy(
        release.programs.join("countersign"),
        root.join("countersign"),
    )
    .unwrap();
    let image = release
        .lab
        .registry
        .push_files("build/image", "v1", "linux/amd64", &root)
        .unwrap();
    let layout = release.lab.path("layout");
    let pull = format!(
        "crane pull --insecure --format=oci '{image}' '{}'",
        layout.display()
    );
    let ended = release.lab.shell(&root, &pull, &[]);
    assert_eq!(ended.code, Some(0), "{host}: {}", ended.stderr);
    layout
}
