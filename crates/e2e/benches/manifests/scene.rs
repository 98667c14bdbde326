//! A registry with signed images, the manifests that name them, and one run of either program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use countersign_e2e::{
    Parts, REGISTRY_PARTS, RELEASE_POLICY, Registry, RegistryKind, SigningKey, built, outcome,
    parts, plain_registries, run,
};
use tempfile::TempDir;

use super::options::Options;

/// How many are signed at a time, so that the preparation takes less than the comparison.
const AT_A_TIME: usize = 4;
/// How often the peak of memory is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// What cosign makes: version 3 a bundle that refers to the image, version 2 a tag `.sig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Bundle,
    Legacy,
}

impl Format {
    /// The program that makes and verifies it.
    pub(crate) const fn cosign(self) -> &'static str {
        match self {
            Self::Bundle => "cosign3",
            Self::Legacy => "cosign2",
        }
    }
}

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    elapsed: Duration,
    /// User and system time of the programs, in seconds; the registry's is not in it.
    pub(crate) processor: f64,
}

impl Cost {
    pub(crate) fn seconds(&self) -> f64 {
        self.elapsed.as_secs_f64()
    }
}

/// Everything that is asked for, and who is asked.
pub(crate) struct Scene {
    parts: Parts,
    format: Format,
    countersign: PathBuf,
    registry: Registry,
    key: SigningKey,
    /// `host/repository:tag` of each.
    images: Vec<String>,
    folder: TempDir,
}

impl Scene {
    /// Pushes and signs all images, and writes manifests and policy.
    pub(crate) fn set(options: &Options, format: Format) -> Result<Self> {
        let needed = [&REGISTRY_PARTS[..], &["cosign2", "cosign3"]].concat();
        let parts = parts(&needed).context("the real parts are not there")?;
        let countersign = match &options.countersign {
            Some(path) => path.clone(),
            None => built("countersign-cli", "countersign")?,
        };
        let folder = tempfile::tempdir()?;
        let registry = Registry::start(&parts, RegistryKind::WithReferrers)?;
        let key = SigningKey::generate(&parts, &folder.path().join("key"))?;
        let mut digests = Vec::new();
        let mut images = Vec::new();
        for number in 0..options.images {
            let repository = format!("acme/app-{number}");
            digests.push(registry.push(&repository, "v1", &repository)?);
            images.push(format!("{}/{repository}:v1", registry.host()));
        }
        sign(&key, format, &digests)?;
        let scene = Self {
            parts,
            format,
            countersign,
            registry,
            key,
            images,
            folder,
        };
        scene.written()?;
        Ok(scene)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn written(&self) -> Result<()> {
        fs::create_dir(self.path("policy"))?;
        fs::write(self.path("policy/policy.yaml"), RELEASE_POLICY)?;
        fs::copy(self.key.public_key(), self.path("policy/release.pub"))?;
        let registries = plain_registries(&[&self.registry.host()]);
        fs::write(self.path("registries.yaml"), registries)?;
        fs::create_dir(self.path("deploy"))?;
        for (number, image) in self.images.iter().enumerate() {
            let file = self.path("deploy").join(format!("app-{number:03}.yaml"));
            fs::write(file, deployment(number, image))?;
        }
        Ok(())
    }

    /// One run of `countersign verify -f` over all manifests.
    pub(crate) fn countersign(&self) -> Result<Cost> {
        let all = self.images.len();
        let wanted = format!("{all} images at {all} places of {all} objects: {all} allowed");
        timed(|| {
            let said = run(&mut self.verify("deploy"))?;
            ensure!(said.stdout.contains(&wanted), "{}", said.stdout);
            Ok(())
        })
    }

    /// A loop of `cosign verify` over the first of the images.
    pub(crate) fn cosign(&self, images: usize) -> Result<Cost> {
        timed(|| {
            for image in self.images.iter().take(images) {
                run(&mut self.cosign_verify(image))?;
            }
            Ok(())
        })
    }

    /// An image that nobody signed is refused by both, so that neither is quick for want of looking.
    pub(crate) fn tell_unsigned(&self) -> Result<()> {
        self.registry.push("acme/unsigned", "v1", "unsigned")?;
        let image = format!("{}/acme/unsigned:v1", self.registry.host());
        fs::write(self.path("unsigned.yaml"), deployment(0, &image))?;
        let ours = outcome(&mut self.verify("unsigned.yaml"))?;
        ensure!(ours.code == Some(1), "not denied: {ours:?}");
        let theirs = outcome(&mut self.cosign_verify(&image))?;
        ensure!(theirs.code != Some(0), "not refused: {theirs:?}");
        Ok(())
    }

    /// The peak of memory of one run in MB (10^6 bytes), as the kernel counts it (`VmHWM`).
    pub(crate) fn peak(&self) -> Result<f64> {
        let mut command = self.verify("deploy");
        let mut child = command.stdout(Stdio::null()).spawn()?;
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        let ended = loop {
            // It only grows, and is gone with the process: the last one that is seen is the peak.
            peak = high_water_mark(Path::new(&status)).unwrap_or(peak);
            if let Some(ended) = child.try_wait()? {
                break ended;
            }
            thread::sleep(LOOK);
        };
        ensure!(ended.success() && peak > 0, "{ended}, {peak} kB");
        Ok(peak as f64 * 1024.0 / 1e6)
    }

    fn verify(&self, files: &str) -> Command {
        let mut command = Command::new(&self.countersign);
        command
            .current_dir(self.folder.path())
            .args(["verify", "-f", files, "--policy", "policy"])
            .args(["--registries", "registries.yaml"])
            // A user's own logins are not looked for.
            .env("DOCKER_CONFIG", self.path("none"))
            .env("REGISTRY_AUTH_FILE", self.path("none/none.json"))
            .env("XDG_CONFIG_HOME", self.path("none"));
        command
    }

    fn cosign_verify(&self, image: &str) -> Command {
        let mut command = self.parts.command(self.format.cosign());
        command
            .args(["verify", "--allow-http-registry", "--insecure-ignore-tlog"])
            .arg("--key")
            .arg(self.key.public_key())
            .env("DOCKER_CONFIG", self.path("none"))
            .env("TUF_ROOT", self.path("tuf"));
        if self.format == Format::Bundle {
            command.arg("--trusted-root").arg(self.key.no_roots());
        }
        command.arg(image);
        command
    }
}

/// Signs all, several at a time.
fn sign(key: &SigningKey, format: Format, digests: &[String]) -> Result<()> {
    let share = digests.len().div_ceil(AT_A_TIME).max(1);
    thread::scope(|scope| {
        let threads: Vec<_> = digests
            .chunks(share)
            .map(|some| {
                scope.spawn(move || {
                    some.iter().try_for_each(|digest| match format {
                        Format::Bundle => key.sign3(digest),
                        Format::Legacy => key.sign2(digest),
                    })
                })
            })
            .collect();
        for thread in threads {
            match thread.join() {
                Ok(signed) => signed?,
                Err(_) => bail!("a thread that signs panicked"),
            }
        }
        Ok(())
    })
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Cost> {
    let (begun, before) = (Instant::now(), children()?);
    work()?;
    Ok(Cost {
        elapsed: begun.elapsed(),
        processor: children()? - before,
    })
}

/// Seconds of processor time of all children that have ended (proc_pid_stat(5), fields 16 and 17; a tick is 10 ms).
fn children() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is a name in brackets, which may hold anything.
    let (_, fields) = stat.rsplit_once(") ").context("no stat")?;
    let ticks = fields.split(' ').skip(13).take(2);
    let ticks: Result<Vec<u64>, _> = ticks.map(str::parse).collect();
    Ok(ticks?.iter().sum::<u64>() as f64 / 100.0)
}

/// In kB.
fn high_water_mark(status: &Path) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn deployment(number: usize, image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app-{number}, namespace: shop}}\nspec:\n  selector: {{matchLabels: {{app: app-{number}}}}}\n  \
         template:\n    metadata: {{labels: {{app: app-{number}}}}}\n    spec:\n      containers:\n        - name: app\n          image: {image}\n"
    )
}
