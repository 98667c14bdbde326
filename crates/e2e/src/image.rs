//! An image of ours: made by `.ci/image`, read and unpacked by other code than what wrote it, and run as a node would run it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use countersign_core::Digest;
use serde_json::Value;

use crate::cli::{built, workspace};
use crate::process::{Process, free_port};
use crate::tls::Authority;
use crate::{Client, NameServer, Output, outcome, run};

/// As whom an image runs, by its own configuration: it must not be root.
const NOBODY: &str = "65532:65532";

/// Mounts what a node mounts, makes the rest read-only, gives up all that root may, and runs what the image runs. `$0` is the image's root, `$1` the user, `$2`
/// the folder with settings, `$3` the file that names the name server.
const ENTER: &str = r#"
    mount --bind "$0" "$0"
    mount --bind -o ro "$2" "$0/etc/countersign"
    mount --bind -o ro "$3" "$0/etc/resolv.conf"
    mount -t tmpfs -o "size=16m,mode=0700,uid=${1%:*},gid=${1#*:}" cache "$0/var/cache/countersign"
    mount -o remount,ro,bind "$0"
    root=$0 user=$1
    shift 3
    exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$root" "$@"
"#;

/// The images that `.ci/image` makes of the programs that are built in release.
#[derive(Debug)]
pub struct Images {
    folder: PathBuf,
}

/// An image for this machine, unpacked.
#[derive(Debug)]
pub struct Unpacked {
    root: PathBuf,
    /// The image's configuration (OCI image specification, "OCI Image Configuration").
    pub configuration: Value,
    /// The bytes that a node takes from a registry.
    pub size: u64,
    /// The digest of its manifest.
    pub digest: String,
}

/// A webhook that runs in its image.
#[derive(Debug)]
pub struct Contained {
    process: Process,
    port: u16,
    client: Client,
}

impl Images {
    /// Has them made into `folder`.
    ///
    /// # Errors
    /// If cargo or the script fails.
    pub fn make(folder: &Path) -> Result<Self> {
        built("countersign-cli", "countersign")?;
        let webhook = built("countersign-webhook", "countersign-webhook")?;
        let programs = webhook.parent().context("a program has a folder")?;
        run(Command::new(workspace().join(".ci/image"))
            .arg(folder)
            .env("COUNTERSIGN_IMAGE_PROGRAMS", programs))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// The OCI image layout of the image of this program.
    #[must_use]
    pub fn layout(&self, program: &str) -> PathBuf {
        self.folder.join(program).join("layout")
    }

    /// The archive of the image of this program.
    #[must_use]
    pub fn archive(&self, program: &str) -> PathBuf {
        self.folder.join(program).join(format!("{program}.tar"))
    }
}

impl Unpacked {
    /// Reads the only image of a layout, holds every digest and size against the bytes, and unpacks it below `folder` by the system's own programs.
    ///
    /// # Errors
    /// If anything is missing or not what is said of it.
    pub fn of(layout: &Path, folder: &Path) -> Result<Self> {
        let mark: Value = serde_json::from_slice(&fs::read(layout.join("oci-layout"))?)?;
        ensure!(
            mark["imageLayoutVersion"] == "1.0.0",
            "the layout's version is {mark}"
        );
        let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
        let [descriptor] = list(&index["manifests"]) else {
            bail!("the layout has not one image: {index}");
        };
        let (manifest, mut size) = blob(layout, descriptor)?;
        let manifest: Value = serde_json::from_slice(&manifest)?;
        let (configuration, bytes) = blob(layout, &manifest["config"])?;
        size += bytes;
        let configuration: Value = serde_json::from_slice(&configuration)?;
        let root = folder.join("root");
        fs::create_dir_all(&root)?;
        let diff_ids = list(&configuration["rootfs"]["diff_ids"]);
        let layers = list(&manifest["layers"]);
        ensure!(
            diff_ids.len() == layers.len(),
            "not as many layers as diff_ids"
        );
        for (layer, diff_id) in layers.iter().zip(diff_ids) {
            let (compressed, bytes) = blob(layout, layer)?;
            size += bytes;
            let packed = folder.join("layer.tar.gz");
            fs::write(&packed, compressed)?;
            let archive = Command::new("gzip").arg("-dc").arg(&packed).output()?;
            let found = Digest::of(&archive.stdout).to_string();
            ensure!(
                *diff_id == found.as_str(),
                "{found} is in a layer, and not {diff_id}"
            );
            run(Command::new("tar")
                .args(["--extract", "--gzip", "--numeric-owner", "--same-owner"])
                .args(["--same-permissions", "--directory"])
                .arg(&root)
                .arg("--file")
                .arg(&packed))?;
        }
        Ok(Self {
            root,
            configuration,
            size,
            digest: descriptor["digest"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// All files, by their paths from the root.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn files(&self) -> Result<Vec<String>> {
        let found = run(Command::new("find").arg(&self.root).args([
            "-mindepth",
            "1",
            "!",
            "-type",
            "d",
            "-printf",
            "%P\n",
        ]))?;
        let mut files: Vec<String> = found.stdout.lines().map(str::to_owned).collect();
        files.sort_unstable();
        Ok(files)
    }

    /// Runs what the image runs with these arguments to its end: as the image's user, below its root, which is read-only, with the folder `settings` as
    /// `/etc/countersign` and names from `names`.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn run(&self, settings: &Path, names: &NameServer, arguments: &[&str]) -> Result<Output> {
        outcome(self.command(settings, names)?.args(arguments))
    }

    /// Starts the webhook that the image runs in the same way, under `settings/policy` and `settings/registries.yaml`.
    ///
    /// # Errors
    /// If it cannot be run or does not get ready.
    pub fn start(&self, settings: &Path, names: &NameServer) -> Result<Contained> {
        let authority = Authority::new("countersign e2e webhook CA")?;
        let issued = authority.issue()?;
        fs::write(settings.join("tls.crt"), &issued.certificate_pem)?;
        fs::write(settings.join("tls.key"), issued.key.serialize_pem())?;
        let (port, metrics) = (free_port()?, free_port()?);
        let mut command = self.command(settings, names)?;
        command
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--metrics-listen", &format!("127.0.0.1:{metrics}")])
            .args(["--tls-cert", "/etc/countersign/tls.crt"])
            .args(["--tls-key", "/etc/countersign/tls.key"])
            .args(["--policy", "/etc/countersign/policy"])
            .args(["--registries", "/etc/countersign/registries.yaml"])
            .args(["--cache-dir", "/var/cache/countersign/evidence"]);
        let logs = self.root.parent().context("the root has a folder")?;
        let mut process = Process::start("countersign-webhook", &command, logs)?;
        process.wait_until_serving(metrics, "/readyz")?;
        Ok(Contained {
            process,
            port,
            client: Client::new(port, authority.certificate().clone(), &issued)?,
        })
    }

    fn command(&self, settings: &Path, names: &NameServer) -> Result<Command> {
        let config = &self.configuration["config"];
        let user = config["User"].as_str().unwrap_or_default();
        ensure!(user == NOBODY, "the image runs as `{user}`");
        // What a container runtime makes where something is mounted.
        for folder in ["etc/countersign", "var/cache/countersign"] {
            fs::create_dir_all(self.root.join(folder))?;
        }
        fs::write(self.root.join("etc/resolv.conf"), "")?;
        let resolv = self.root.with_file_name("resolv.conf");
        fs::write(&resolv, names.resolv_conf())?;
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-euc", ENTER])
            .arg(&self.root)
            .arg(user)
            .arg(settings)
            .arg(resolv)
            .args(list(&config["Entrypoint"]).iter().filter_map(Value::as_str));
        Ok(command)
    }
}

impl Contained {
    /// What it answers to this AdmissionReview at this path (`/validate`).
    ///
    /// # Errors
    /// If it does not answer.
    pub fn ask(&self, path: &str, review: &Value) -> Result<Value> {
        Ok(self.client.create(path, review)?.body)
    }

    /// What the kernel says of its process: the file of this name below `/proc/PID`.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn proc(&self, name: &str) -> Result<String> {
        let listen = format!("127.0.0.1:{}", self.port);
        for process in fs::read_dir("/proc")?.flatten() {
            let line = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
            let mut words = line.split('\0');
            // Not the shells that have started it.
            if words
                .next()
                .is_some_and(|program| program == "/usr/bin/countersign-webhook")
                && words.any(|word| word == listen)
            {
                return Ok(fs::read_to_string(process.path().join(name))?);
            }
        }
        bail!("no process of the image listens on {listen}")
    }

    /// Ends it.
    pub fn stop(self) {
        drop(self.process);
    }
}

/// A blob's bytes and their number, which are what the descriptor says.
fn blob(layout: &Path, descriptor: &Value) -> Result<(Vec<u8>, u64)> {
    let digest = descriptor["digest"]
        .as_str()
        .context("a descriptor has a digest")?;
    let bytes = fs::read(layout.join("blobs").join(digest.replacen(':', "/", 1)))?;
    let (found, size) = (Digest::of(&bytes).to_string(), u64::try_from(bytes.len())?);
    ensure!(found == digest, "the blob {digest} has the digest {found}");
    ensure!(
        descriptor["size"] == size,
        "the blob {digest} has {size} bytes: {descriptor}"
    );
    Ok((bytes, size))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
