//! A replica of the webhook that asks the Kubernetes API, and makes or reads its own serving certificate; and a wire that can be cut.

use std::io::{Read as _, Write as _, copy};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::built;
use crate::process::{Process, free_port, status_of};
use crate::web::Listener;

/// A replica that nobody says anything on loopback for so long has a reason.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running replica; it ends when dropped.
#[derive(Debug)]
pub struct Replica {
    process: Process,
    port: u16,
    metrics: u16,
    _folder: TempDir,
}

impl Replica {
    /// Starts the webhook with `--tls self` on free ports, as whom the kubeconfig says; builds it first unless that is done. It is not waited for.
    ///
    /// # Errors
    /// If it cannot be built or run.
    pub fn start(
        policy: &Path,
        registries: &Path,
        kubeconfig: &Path,
        arguments: &[&str],
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (port, metrics) = (free_port()?, free_port()?);
        let mut command = Command::new(built("countersign-webhook", "countersign-webhook")?);
        command
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--metrics-listen", &format!("127.0.0.1:{metrics}")])
            .args(["--tls", "self", "--tls-names", "127.0.0.1"])
            .arg("--kubernetes")
            .arg(kubeconfig)
            .arg("--policy")
            .arg(policy)
            .arg("--registries")
            .arg(registries)
            .args(arguments);
        Ok(Self {
            process: Process::start("countersign-webhook", &command, folder.path())?,
            port,
            metrics,
            _folder: folder,
        })
    }

    /// Where it serves HTTPS on loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Waits until `/readyz` says so.
    ///
    /// # Errors
    /// If it ends or a minute passes before.
    pub fn wait_until_ready(&mut self) -> Result<()> {
        self.process.wait_until_serving(self.metrics, "/readyz")
    }

    /// Whether `/readyz` says so.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        status_of(self.metrics, "/readyz") == Some(200)
    }

    /// What `/metrics` or `/readyz` says.
    ///
    /// # Errors
    /// If nobody answers.
    pub fn page(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.metrics))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (_, body) = text.split_once("\r\n\r\n").context("no body")?;
        Ok(body.to_owned())
    }

    /// The lines of its log about this event so far.
    #[must_use]
    pub fn events(&self, event: &str) -> Vec<Value> {
        let log = self.process.log();
        let lines = log.lines().filter_map(|it| serde_json::from_str(it).ok());
        lines.filter(|it: &Value| it["event"] == event).collect()
    }

    /// Its log but for decisions, for messages.
    #[must_use]
    pub fn log(&self) -> String {
        let log = self.process.log();
        let lines = log.lines();
        let lines = lines.filter(|it| !it.contains("\"event\":\"decision\""));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The certificate that it shows to somebody who calls it `name` and knows these authorities, PEM, alone.
    ///
    /// # Errors
    /// If that is not one that he takes.
    pub fn shown(&self, authorities: &str, name: &str) -> Result<Vec<u8>> {
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
            roots.add(authority?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned())?;
        let connection = ClientConnection::new(Arc::new(config), name)?;
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(connection, stream);
        write!(
            stream,
            "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        let shown = stream.conn.peer_certificates();
        let first = shown.and_then(<[_]>::first).context("no certificate")?;
        Ok(first.to_vec())
    }

    /// Tells it to end, by SIGTERM.
    ///
    /// # Errors
    /// If it has ended already.
    pub fn terminate(&self) -> Result<()> {
        self.process.signal("TERM")
    }

    /// Ends it without a word, by SIGKILL, and waits for that.
    ///
    /// # Errors
    /// If it has ended already.
    pub fn kill(mut self) -> Result<()> {
        self.process.signal("KILL")?;
        self.process.ended().map(drop)
    }
}

/// A TCP connection's way to somewhere else, which can be cut; it is closed when dropped.
#[derive(Debug)]
pub struct Wire {
    listener: Listener,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    is_cut: bool,
    open: Vec<TcpStream>,
}

impl Wire {
    /// Starts it on a free port of loopback.
    ///
    /// # Errors
    /// If none can be opened.
    pub fn start(to: SocketAddr) -> Result<Self> {
        let state: Arc<Mutex<State>> = Arc::default();
        let of = Arc::clone(&state);
        let listener = Listener::start(move |from| {
            from.set_read_timeout(None)?;
            let there = TcpStream::connect(to)?;
            {
                let mut state = of.lock().unwrap_or_else(PoisonError::into_inner);
                if state.is_cut {
                    bail!("it is cut");
                }
                state.open.extend([from.try_clone()?, there.try_clone()?]);
            }
            let (mut back, mut from_there) = (from.try_clone()?, there.try_clone()?);
            thread::spawn(move || {
                let _ = copy(&mut from_there, &mut back);
                back.shutdown(Shutdown::Write)
            });
            let (mut from, mut there) = (from, there);
            let _ = copy(&mut from, &mut there);
            Ok(there.shutdown(Shutdown::Write)?)
        })?;
        Ok(Self { listener, state })
    }

    /// Where it begins.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Ends every connection, and lets no other through.
    pub fn cut(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_cut = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_cut = false;
    }
}
