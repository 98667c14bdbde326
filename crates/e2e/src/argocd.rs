//! Argo CD beside the cluster that it syncs: Redis, its repo server, a config-management plugin and its application controller, which are one program under
//! several names.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Process, free_port};
use crate::{Cluster, Parts, run};

/// The parts that [`ArgoCd`] needs beside a cluster's; `redis-server` and `git` are the machine's.
pub const ARGO_CD_PARTS: [&str; 3] = ["argocd", "helm", "kubectl"];

/// Where everything of Argo CD is in the cluster.
const NAMESPACE: &str = "argocd";
/// The configuration that others than the settings below may have changed.
const SETTINGS: &str = "/api/v1/namespaces/argocd/configmaps/argocd-cm";
/// Seconds between two comparisons of an Application with its repository.
const RESYNC: &str = "5";

/// A running Argo CD; it ends when dropped.
#[derive(Debug)]
pub struct ArgoCd {
    // In the order in which they end.
    controller: Process,
    plugin: Option<Process>,
    repo_server: Process,
    _redis: Process,
    _folder: TempDir,
}

/// A config-management plugin: what its sidecar would have.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// Its `plugin.yaml` (`ConfigManagementPlugin`).
    pub config: PathBuf,
    /// The programs that it finds on its `PATH`, by name, before those of the machine.
    pub programs: Vec<(String, PathBuf)>,
    /// Its environment.
    pub environment: Vec<(String, String)>,
}

impl ArgoCd {
    /// Installs it in the cluster, with these changes of its ConfigMap `argocd-cm` (`data`), and starts it with at most one plugin.
    ///
    /// # Errors
    /// If a part cannot be run or does not get ready, or the API server refuses what is installed.
    pub fn start(
        parts: &Parts,
        cluster: &Cluster,
        settings: &[Value],
        plugin: Option<&Plugin>,
    ) -> Result<Self> {
        install(parts, cluster, settings)?;
        let folder = tempfile::tempdir()?;
        let home = Home::prepare(parts, cluster, folder.path())?;
        let (redis_port, redis) = home.redis()?;
        let plugin = plugin.map(|it| home.plugin(it)).transpose()?;
        let (repo_port, repo_server) = home.repo_server(redis_port)?;
        Ok(Self {
            controller: home.controller(redis_port, repo_port)?,
            plugin,
            repo_server,
            _redis: redis,
            _folder: folder,
        })
    }

    /// What its parts have said of warnings and errors, the end of it: for the message of a test that fails.
    #[must_use]
    pub fn log(&self) -> String {
        let all = [
            Some(&self.controller),
            self.plugin.as_ref(),
            Some(&self.repo_server),
        ];
        let mut shown = String::new();
        for process in all.into_iter().flatten() {
            let log = process.log();
            let lines = log
                .lines()
                .filter(|it| it.contains("level=") && !it.contains("level=info"));
            let lines: Vec<&str> = lines.collect();
            for line in lines.iter().skip(lines.len().saturating_sub(5)) {
                shown.extend(line.chars().take(600));
                shown.push('\n');
            }
        }
        shown
    }
}

/// What `kubectl apply` of a release would make, but for Argo CD's own Pods: there are no nodes.
fn install(parts: &Parts, cluster: &Cluster, settings: &[Value]) -> Result<()> {
    let beside = parts.path("argocd.d");
    cluster.namespace(NAMESPACE)?;
    let mut files: Vec<PathBuf> = ["application", "appproject", "applicationset"]
        .iter()
        .map(|it| beside.join(format!("crds/{it}-crd.yaml")))
        .collect();
    for file in fs::read_dir(beside.join("base/config")).context("argocd.d is not complete")? {
        let file = file?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("argocd-") {
            files.push(file);
        }
    }
    let mut kubectl = parts.command("kubectl");
    kubectl
        .args(["apply", "--server-side", "--namespace", NAMESPACE])
        .arg("--kubeconfig")
        .arg(cluster.admin_kubeconfig());
    for file in files {
        kubectl.arg("-f").arg(file);
    }
    run(&mut kubectl)?;
    for change in settings {
        let answer = cluster.admin().merge(SETTINGS, change)?;
        if !answer.is_done() {
            bail!("{SETTINGS}: {answer:?}");
        }
    }
    // Argo CD's API server makes it, which nothing here needs.
    let project = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "default"},
        "spec": {
            "sourceRepos": ["*"], "destinations": [{"namespace": "*", "server": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        },
    });
    let list = "/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects";
    let answer = cluster.admin().create(list, &project)?;
    if !answer.is_done() {
        bail!("the project: {answer:?}");
    }
    Ok(())
}

/// Where it runs: its names, its files, and who it is in the cluster.
struct Home<'a> {
    folder: &'a Path,
    kubeconfig: PathBuf,
}

impl<'a> Home<'a> {
    fn prepare(parts: &Parts, cluster: &Cluster, folder: &'a Path) -> Result<Self> {
        let home = Self {
            folder,
            kubeconfig: cluster.admin_kubeconfig(),
        };
        for name in ["bin", "tmp", "gnupg", "plugins", "work", "plugin/bin"] {
            fs::create_dir_all(home.at(name))?;
        }
        for name in [
            "argocd-repo-server",
            "argocd-application-controller",
            "argocd-cmp-server",
        ] {
            symlink(parts.path("argocd"), home.at("bin").join(name))?;
        }
        symlink(parts.path("helm"), home.at("bin/helm"))?;
        // A module's files cannot be run as they are.
        let verifier = parts.path("argocd.d").join("git-verify-wrapper.sh");
        home.program("git-verify-wrapper.sh", &fs::read_to_string(verifier)?)?;
        // kubectl has kustomize in it, and no name for it.
        let kustomize = format!(
            "#!/bin/sh\n[ \"$1\" = build ] || exit 64\nshift\nexec '{}' kustomize \"$@\"\n",
            parts.path("kubectl").display()
        );
        home.program("kustomize", &kustomize)?;
        Ok(home)
    }

    /// Writes a script into `bin`.
    fn program(&self, name: &str, text: &str) -> Result<()> {
        let file = self.at("bin").join(name);
        fs::write(&file, text)?;
        Ok(fs::set_permissions(
            &file,
            fs::Permissions::from_mode(0o755),
        )?)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A program of `bin`, in an environment in which nothing of the user's is seen.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.at("bin").join(name));
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{}:{path}", self.at("bin").display()))
            .env("HOME", self.folder)
            .env("TMPDIR", self.at("tmp"))
            .env("KUBECONFIG", &self.kubeconfig)
            // So that `https://kubernetes.default.svc` is the cluster of the kubeconfig, as it is within a cluster.
            .env("ARGOCD_FAKE_IN_CLUSTER", "true")
            .env("ARGOCD_GPG_ENABLED", "false")
            .env("ARGOCD_GNUPGHOME", self.at("gnupg"))
            .env("ARGOCD_PLUGINSOCKFILEPATH", self.at("plugins"))
            .env("ARGOCD_CMP_WORKDIR", self.at("work"))
            .env("ARGOCD_ASK_PASS_SOCK", self.at("ask-pass.sock"));
        command
    }

    fn redis(&self) -> Result<(u16, Process)> {
        let port = free_port()?;
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &port.to_string(), "--dir"])
            .arg(self.folder);
        let mut process = Process::start("redis-server", &command, self.folder)?;
        process.wait_until(|log| log.contains("Ready to accept connections").then_some(()))?;
        Ok((port, process))
    }

    fn plugin(&self, plugin: &Plugin) -> Result<Process> {
        fs::copy(&plugin.config, self.at("plugin/plugin.yaml"))?;
        for (name, program) in &plugin.programs {
            symlink(program, self.at("plugin/bin").join(name))?;
        }
        let mut command = self.command("argocd-cmp-server");
        let path = std::env::var("PATH").unwrap_or_default();
        let bins = [self.at("plugin/bin"), self.at("bin")].map(|it| it.display().to_string());
        command
            .arg("--config-dir-path")
            .arg(self.at("plugin"))
            .args(["--logformat", "text"])
            .env("PATH", format!("{}:{path}", bins.join(":")))
            .envs(plugin.environment.iter().map(|(name, value)| (name, value)));
        let mut process = Process::start("argocd-cmp-server", &command, self.folder)?;
        process.wait_until(|log| log.contains(" serving on ").then_some(()))?;
        Ok(process)
    }

    fn repo_server(&self, redis: u16) -> Result<(u16, Process)> {
        let (port, metrics) = (free_port()?, free_port()?);
        let mut command = self.command("argocd-repo-server");
        command
            .args(["--address", "127.0.0.1", "--port", &port.to_string()])
            .args(["--metrics-address", "127.0.0.1"])
            .args(["--metrics-port", &metrics.to_string()])
            .args(["--redis", &format!("127.0.0.1:{redis}")])
            .args(["--disable-tls", "--client-ca-path", ""])
            .args(["--logformat", "text"]);
        let mut process = Process::start("argocd-repo-server", &command, self.folder)?;
        process.wait_until_serving(metrics, "/healthz")?;
        Ok((port, process))
    }

    fn controller(&self, redis: u16, repo_server: u16) -> Result<Process> {
        let metrics = free_port()?;
        let mut command = self.command("argocd-application-controller");
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(["--namespace", NAMESPACE])
            .args(["--redis", &format!("127.0.0.1:{redis}")])
            .args(["--repo-server", &format!("127.0.0.1:{repo_server}")])
            .args(["--repo-server-plaintext", "--logformat", "text"])
            .args(["--metrics-port", &metrics.to_string()])
            .args(["--app-resync", RESYNC, "--app-resync-jitter", "0"])
            // What it thinks of each resource stands in the Application, and not only in Redis.
            .arg("--persist-resource-health");
        let mut process = Process::start("argocd-application-controller", &command, self.folder)?;
        process.wait_until_serving(metrics, "/healthz")?;
        Ok(process)
    }
}
