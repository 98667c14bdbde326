//! The processes that are measured: each pinned to one processor, with its own time and memory as the kernel counts them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

use crate::client::Door;

/// The processor of what is measured; everything else is on the other one.
const SERVER: &str = "0";
const CLIENT: &str = "1";
const PATIENCE: Duration = Duration::from_secs(30);
/// Ticks of the kernel's clock in a second (`USER_HZ`, the same on all systems).
const TICKS: f64 = 100.0;

/// Certificate and key for loopback, as files.
pub(crate) struct Certificate {
    folder: TempDir,
    der: CertificateDer<'static>,
}

impl Certificate {
    pub(crate) fn new() -> Result<Self> {
        let mut it = Self {
            folder: tempfile::tempdir()?,
            der: CertificateDer::from(Vec::new()),
        };
        it.renew()?;
        Ok(it)
    }

    /// Another one in the same files.
    pub(crate) fn renew(&mut self) -> Result<()> {
        let key = KeyPair::generate()?;
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names)?.self_signed(&key)?;
        for (path, text) in [
            (self.path("tls.crt"), certificate.pem()),
            (self.path("tls.key"), key.serialize_pem()),
        ] {
            // Whole at once, as a mounted Secret changes.
            let new = path.with_extension("new");
            fs::write(&new, text)?;
            fs::rename(&new, &path)?;
        }
        self.der = certificate.der().clone();
        Ok(())
    }

    pub(crate) const fn authority(&self) -> &CertificateDer<'static> {
        &self.der
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A running process; it is killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) door: Door,
    port: u16,
    metrics: Option<u16>,
    pub(crate) log: Arc<Log>,
}

/// What came on standard output.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) lines: AtomicU64,
    pub(crate) bytes: AtomicU64,
    /// Lines that are no decision and no news of a normal life.
    pub(crate) strange: std::sync::Mutex<Vec<String>>,
}

impl Server {
    pub(crate) fn echo(program: &Path, certificate: &Certificate) -> Result<Self> {
        let port = free_port()?;
        let mut command = pinned(program);
        command
            .arg(format!("127.0.0.1:{port}"))
            .arg(certificate.path("tls.crt"))
            .arg(certificate.path("tls.key"));
        Self::start(command, port, None, certificate)
    }

    pub(crate) fn webhook(
        program: &Path,
        certificate: &Certificate,
        policy: &Path,
        registries: &Path,
        more: &[&str],
    ) -> Result<Self> {
        let (port, metrics) = (free_port()?, free_port()?);
        let mut command = pinned(program);
        command
            .arg(format!("--listen=127.0.0.1:{port}"))
            .arg(format!("--metrics-listen=127.0.0.1:{metrics}"))
            .arg("--tls-cert")
            .arg(certificate.path("tls.crt"))
            .arg("--tls-key")
            .arg(certificate.path("tls.key"))
            .arg("--policy")
            .arg(policy)
            .arg("--registries")
            .arg(registries)
            .args(more);
        Self::start(command, port, Some(metrics), certificate)
    }

    fn start(
        mut command: Command,
        port: u16,
        metrics: Option<u16>,
        certificate: &Certificate,
    ) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let log = Arc::new(Log::default());
        let output = child.stdout.take().context("no standard output")?;
        let kept = Arc::clone(&log);
        thread::spawn(move || kept.read(output));
        let server = Self {
            child,
            door: Door::new(port, certificate.authority())?,
            port,
            metrics,
            log,
        };
        let begun = Instant::now();
        while !server.is_ready() {
            ensure!(
                begun.elapsed() < PATIENCE,
                "{command:?} is not ready: {:?}",
                server.log.strange.lock()
            );
            thread::sleep(Duration::from_millis(1));
        }
        Ok(server)
    }

    fn is_ready(&self) -> bool {
        match self.metrics {
            None => TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok(),
            Some(port) => get(port, "/readyz").is_ok_and(|it| it.starts_with("HTTP/1.1 200")),
        }
    }

    /// Waits until it serves this certificate, and asks it by that from now on.
    pub(crate) fn wait_for_certificate(&mut self, certificate: &Certificate) -> Result<()> {
        self.door = Door::new(self.port, certificate.authority())?;
        let begun = Instant::now();
        while !self.door.opens() {
            ensure!(
                begun.elapsed() < PATIENCE,
                "the new certificate is not served"
            );
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// User and system time so far.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name may have anything in it; what follows it does not (proc(5): utime and stime are fields 14 and 15).
        let (_, rest) = stat.rsplit_once(')').context("no stat")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks: f64 = [11, 12]
            .iter()
            .map(|at| fields.get(*at).and_then(|it| it.parse::<f64>().ok()))
            .sum::<Option<f64>>()
            .context("no times")?;
        Ok(Duration::from_secs_f64(ticks / TICKS))
    }

    /// Resident memory now and at most, in megabytes (2^20).
    pub(crate) fn memory(&self) -> Result<(f64, f64)> {
        Ok((self.status("VmRSS:")?, self.status("VmHWM:")?))
    }

    /// How much of the resident memory is files, which is the program itself and the libraries: as much as the page cache hands out at once, so it
    /// differs by megabytes between two copies of one program.
    pub(crate) fn files(&self) -> Result<f64> {
        self.status("RssFile:")
    }

    /// A size that `/proc` tells of the process, in megabytes (2^20).
    fn status(&self, field: &str) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kilobytes = line.and_then(|it| it.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kilobytes.with_context(|| format!("no {field}"))? / 1024.0)
    }

    /// The sum of a metric over all its labels that contain `labelled`.
    pub(crate) fn metric(&self, name: &str, labelled: &str) -> Result<f64> {
        let text = get(self.metrics.context("it has no metrics")?, "/metrics")?;
        let lines = text.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|it| it.starts_with(['{', ' '])) && line.contains(labelled)
        });
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        Ok(values.sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whether it had ended already is of no interest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Log {
    fn read(&self, output: impl Read) {
        const KNOWN: [&str; 6] = [
            "\"event\":\"decision\"",
            "\"event\":\"listening\"",
            "\"event\":\"policies-in-force\"",
            "\"event\":\"certificate-in-use\"",
            "\"event\":\"overloaded\"",
            "listening on",
        ];
        let mut output = BufReader::with_capacity(1 << 18, output);
        let mut line = Vec::new();
        while output
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            self.lines.fetch_add(1, Ordering::Relaxed);
            let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
            self.bytes.fetch_add(length, Ordering::Relaxed);
            let begin = String::from_utf8_lossy(&line[..line.len().min(300)]);
            if !KNOWN.iter().any(|known| begin.contains(known))
                && let Ok(mut strange) = self.strange.lock()
                && strange.len() < 100
            {
                strange.push(String::from_utf8_lossy(&line).into_owned());
            }
            line.clear();
        }
    }
}

/// Puts this process, and with it all that it starts, on the client's processor.
pub(crate) fn pin_client() -> Result<()> {
    let own = std::process::id().to_string();
    let mut command = Command::new("taskset");
    command.args(["--pid", "--cpu-list", CLIENT, &own]);
    let status = command.stdout(Stdio::null()).status();
    ensure!(
        status.context("taskset (util-linux)")?.success(),
        "a second processor is needed"
    );
    Ok(())
}

fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", SERVER]).arg(program);
    command
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn get(port: u16, path: &str) -> Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    if text.is_empty() {
        bail!("no answer");
    }
    Ok(text)
}
