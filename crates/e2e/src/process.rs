//! A real part that runs beside a test: waited for until it is ready, killed when dropped.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::run;

/// Runs its arguments, of which the first is the file for its process id, and kills them as soon as its standard input ends:
/// also when a test is killed and nothing is dropped, no part stays behind.
const GUARD: &str = r#"
    exec 3<&0
    id=$1
    shift
    "$@" 3<&- </dev/null &
    part=$!
    echo $part >"$id"
    { cat <&3 >/dev/null; kill -9 $part; } 2>/dev/null &
    guard=$!
    wait $part
    status=$?
    kill $guard
    exit $status
"#;

/// How long a part may take until it is ready; two busy cores need a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program. Its output goes to `<name>.log` in the folder given at the start.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; nothing is waited for.
    ///
    /// # Errors
    /// If the log cannot be written or the program not be run.
    pub(crate) fn start(name: &str, command: &Command, logs: &Path) -> Result<Self> {
        let log = logs.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let child = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(log.with_extension("id"))
            .arg(command.get_program())
            .args(command.get_args())
            .envs(
                command
                    .get_envs()
                    .filter_map(|(key, value)| Some((key, value?))),
            )
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("running {command:?}"))?;
        Ok(Self {
            child,
            name: name.to_owned(),
            log,
        })
    }

    /// What it has written so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until `ready` gives something.
    ///
    /// # Errors
    /// If the program ends or a minute passes before; the error shows the end of its log.
    pub(crate) fn wait_until<T>(&mut self, mut ready: impl FnMut(&str) -> Option<T>) -> Result<T> {
        let start = Instant::now();
        loop {
            let log = self.log();
            if let Some(value) = ready(&log) {
                return Ok(value);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(anyhow!(
                    "{} ended with {status}:\n{}",
                    self.name,
                    tail(&log)
                ));
            }
            if start.elapsed() > PATIENCE {
                bail!("{} is not ready:\n{}", self.name, tail(&log));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends it this signal (`TERM`, `KILL`).
    ///
    /// # Errors
    /// If it is not there any more.
    pub(crate) fn signal(&self, signal: &str) -> Result<()> {
        let id = fs::read_to_string(self.log.with_extension("id"))?;
        run(Command::new("kill").args(["-s", signal, id.trim()])).map(drop)
    }

    /// Waits for its end; gives its exit code, or 128 and the number of the signal that ended it.
    ///
    /// # Errors
    /// If it runs on for a minute.
    pub(crate) fn ended(&mut self) -> Result<Option<i32>> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.code());
            }
            if start.elapsed() > PATIENCE {
                bail!("{} does not end:\n{}", self.name, tail(&self.log()));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until `GET http://127.0.0.1:port/path` answers with status 200.
    ///
    /// # Errors
    /// As [`Self::wait_until`].
    pub(crate) fn wait_until_serving(&mut self, port: u16, path: &str) -> Result<()> {
        self.wait_until(|_| (status_of(port, path)? == 200).then_some(()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ends the guard's standard input. Whether the part had ended already is of no interest.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A loopback port that nobody listened on a moment ago. Another program may take it before it is used; the part that
/// wanted it then fails to start and says so.
///
/// # Errors
/// If no socket can be opened.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("opening a socket")?;
    Ok(listener.local_addr()?.port())
}

/// The status of a plain HTTP GET on loopback; nothing if there is no answer yet.
pub(crate) fn status_of(port: u16, path: &str) -> Option<u16> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut line = [0; 12]; // `HTTP/1.1 200`
    stream.read_exact(&mut line).ok()?;
    std::str::from_utf8(line.get(9..)?).ok()?.parse().ok()
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let start = lines.len().saturating_sub(20);
    lines.into_iter().skip(start).collect::<Vec<_>>().join("\n")
}
