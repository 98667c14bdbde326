//! A Kubernetes control plane on loopback: etcd, kube-apiserver and kube-controller-manager, and no node.
//!
//! So every object is really stored, converted, defaulted and admitted, and controllers really make Pods; only nothing
//! ever runs.

mod account;
mod client;
mod files;
mod route;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use self::account::Grant;
pub use self::client::{Answer, Client};
pub use self::files::API_SERVER;
use self::files::Files;
use self::route::Route;
use crate::process::{Process, free_port};
use crate::{Parts, Shared};

/// The parts that [`Cluster`] needs.
pub const CLUSTER_PARTS: [&str; 3] = ["etcd", "kube-apiserver", "kube-controller-manager"];

/// Whom the controller manager's roles belong to (Kubernetes binds them by itself).
const CONTROLLER_MANAGER: &str = "system:kube-controller-manager";
/// What makes Pods, service accounts and their ends, and what admits Pods where there is a quota; the others would only keep the processor busy.
const CONTROLLERS: &str = "serviceaccount-controller,namespace-controller,garbage-collector-controller,deployment-controller,\
                           replicaset-controller,replicationcontroller-controller,statefulset-controller,daemonset-controller,\
                           job-controller,cronjob-controller,resourcequota-controller";

/// The file for [`Cluster::admin_kubeconfig`].
const ADMIN_KUBECONFIG: &str = "admin.kubeconfig";

/// How long something may take that a controller or the audit log does in its own time.
const PATIENCE: Duration = Duration::from_secs(60);

/// The one cluster of a test program, while somebody uses it.
static SHARED: Shared<Cluster> = Shared::new();

/// A running control plane; it ends, and its files go, when the last user drops it.
#[derive(Debug)]
pub struct Cluster {
    admin: Client,
    // In the order in which they end.
    _controller_manager: Process,
    api_server: Mutex<Option<Process>>,
    _etcd: Process,
    api_server_command: Command,
    folder: TempDir,
}

impl Cluster {
    /// A cluster of its own, for what would disturb others.
    ///
    /// # Errors
    /// If a part cannot be run or does not get ready.
    pub fn alone(parts: &Parts) -> Result<Self> {
        Self::start(parts, None)
    }

    /// Kills the API server; what it has stored stays.
    pub fn stop_api_server(&self) {
        drop(self.api_server().take());
    }

    /// Starts the API server again, and waits until it is ready.
    ///
    /// # Errors
    /// If it cannot be run or does not get ready.
    pub fn start_api_server(&self) -> Result<()> {
        let process = ready(&self.api_server_command, &self.admin, self.folder.path())?;
        *self.api_server() = Some(process);
        Ok(())
    }

    fn api_server(&self) -> MutexGuard<'_, Option<Process>> {
        let api_server = self.api_server.lock();
        api_server.unwrap_or_else(PoisonError::into_inner)
    }

    /// The cluster of this program: the one that another test uses now, or a new one. Tests keep apart by namespaces.
    ///
    /// # Errors
    /// If a part cannot be run or does not get ready.
    pub fn shared(parts: &Parts) -> Result<Arc<Self>> {
        SHARED.get(|| Self::start(parts, None))
    }

    /// A cluster of a test's own, all of whose Services are what listens on this port of loopback.
    ///
    /// # Errors
    /// As [`Self::shared`].
    pub fn with_services(parts: &Parts, port: u16) -> Result<Self> {
        Self::start(parts, Some(port))
    }

    fn start(parts: &Parts, services: Option<u16>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let files = Files::prepare(folder.path())?;
        let (etcd_port, etcd) = etcd(parts, folder.path())?;
        let port = free_port()?;
        let admin = Client::new(port, files.ca(), &files.admin)?;
        files.admin_kubeconfig(ADMIN_KUBECONFIG, port)?;
        let mut command = api_server(parts, &files, etcd_port, port);
        if let Some(services) = services {
            let route = Route::open(folder.path(), services)?;
            command
                .arg("--egress-selector-config-file")
                .arg(route.config);
        }
        let api_server = ready(&command, &admin, folder.path())?;
        let controllers = controller_manager(parts, &files, port)?;
        let controller_manager =
            Process::start("kube-controller-manager", &controllers, folder.path())?;
        Ok(Self {
            admin,
            _controller_manager: controller_manager,
            api_server: Mutex::new(Some(api_server)),
            api_server_command: command,
            _etcd: etcd,
            folder,
        })
    }

    /// A client that may do everything.
    #[must_use]
    pub const fn admin(&self) -> &Client {
        &self.admin
    }

    /// A kubeconfig of who may do everything, for `kubectl` and `helm`.
    #[must_use]
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.folder.path().join(ADMIN_KUBECONFIG)
    }

    /// The authority (PEM) of the client certificate by which the API server, as [`API_SERVER`], shows webhooks who it is.
    #[must_use]
    pub fn webhook_clients(&self) -> PathBuf {
        self.folder.path().join("webhook-clients.pem")
    }

    /// Makes a namespace in which Pods can be created at once.
    ///
    /// # Errors
    /// If the API server refuses, or nobody makes the namespace's service account within a minute.
    pub fn namespace(&self, name: &str) -> Result<()> {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
        });
        let answer = self.admin.create("/api/v1/namespaces", &namespace)?;
        if !answer.is_done() {
            bail!("namespace {name}: {answer:?}");
        }
        let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        eventually(&format!("the service account of {name}"), || {
            Ok(self.admin.get(&account)?.is_done().then_some(()))
        })
    }

    /// The first line of the audit log (`audit.k8s.io/v1`, `Event`) that `wanted` takes.
    ///
    /// # Errors
    /// If there is none within a minute: the API server writes it after it has answered.
    pub fn audited(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        eventually("a line of the audit log", || {
            Ok(self.audit_log()?.into_iter().find(|event| wanted(event)))
        })
    }

    /// All lines of the audit log so far. What was asked a moment ago may be missing.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn audit_log(&self) -> Result<Vec<Value>> {
        let log = fs::read_to_string(self.folder.path().join("audit.log"))?;
        let events = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        Ok(events.collect())
    }
}

/// What `look` finds at last: controllers and caches take their time.
///
/// # Errors
/// If it finds nothing within a minute, naming `what` was looked for; and its own.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if start.elapsed() > PATIENCE {
            bail!("{what}: not there after {} s", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn etcd(parts: &Parts, folder: &Path) -> Result<(u16, Process)> {
    let (port, peers) = (free_port()?, free_port()?);
    let [url, peer_url] = [port, peers].map(|port| format!("http://127.0.0.1:{port}"));
    let mut command = parts.command("etcd");
    command
        .arg("--data-dir")
        .arg(folder.join("etcd"))
        .args(["--listen-client-urls", &url])
        .args(["--advertise-client-urls", &url])
        .args(["--listen-peer-urls", &peer_url])
        .args(["--initial-advertise-peer-urls", &peer_url])
        .args(["--initial-cluster", &format!("default={peer_url}")])
        // Nothing of it shall outlive the test.
        .arg("--unsafe-no-fsync");
    let mut process = Process::start("etcd", &command, folder)?;
    process.wait_until_serving(port, "/health")?;
    Ok((port, process))
}

fn api_server(parts: &Parts, files: &Files, etcd_port: u16, port: u16) -> Command {
    let mut command = parts.command("kube-apiserver");
    let file_options = [
        ("--cert-dir", "api-server"),
        ("--client-ca-file", "ca.pem"),
        ("--tls-cert-file", "server.pem"),
        ("--tls-private-key-file", "server.key"),
        ("--service-account-key-file", "service-accounts.pub"),
        ("--service-account-signing-key-file", "service-accounts.key"),
        ("--audit-policy-file", "audit-policy.yaml"),
        ("--audit-log-path", "audit.log"),
        ("--admission-control-config-file", "admission.yaml"),
    ];
    for (option, name) in file_options {
        command.arg(option).arg(files.path(name));
    }
    command
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd_port}"))
        .arg(format!("--secure-port={port}"))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
        .args(["--service-account-issuer=https://localhost"])
        .args(["--service-cluster-ip-range=10.0.0.0/24"])
        .args(["--authorization-mode=RBAC", "--allow-privileged=true"])
        // Alpha and beta kinds too: what a cluster may serve is what a webhook may be asked about.
        .args(["--runtime-config=api/all=true"])
        .args(["--endpoint-reconciler-type=none"]);
    command
}

/// An API server that answers.
fn ready(command: &Command, admin: &Client, folder: &Path) -> Result<Process> {
    let mut process = Process::start("kube-apiserver", command, folder)?;
    process.wait_until(|_| admin.get("/readyz").ok()?.is_done().then_some(()))?;
    Ok(process)
}

fn controller_manager(parts: &Parts, files: &Files, port: u16) -> Result<Command> {
    let kubeconfig = files.kubeconfig(CONTROLLER_MANAGER, port)?;
    let mut command = parts.command("kube-controller-manager");
    command
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .arg("--service-account-private-key-file")
        .arg(files.path("service-accounts.key"))
        .arg("--root-ca-file")
        .arg(files.path("ca.pem"))
        .arg(format!("--controllers={CONTROLLERS}"))
        .args(["--use-service-account-credentials=true"])
        // It serves nothing, so that it needs no port.
        .args(["--leader-elect=false", "--secure-port=0"]);
    Ok(command)
}
