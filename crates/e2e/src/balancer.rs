//! What a Service does for a webhook of several replicas: each new connection goes to one that is ready.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::Webhook;
use crate::process::status_of;
use crate::web::Listener;

/// How often each replica is probed. A kubelet does it every ten seconds, and a replica drains for longer than its interval.
const INTERVAL: Duration = Duration::from_millis(100);

/// A TCP balancer on loopback. It follows `/readyz` of its replicas: a connection goes to one that was ready when it was probed
/// last, or to the next such one if that one does not take it. What is open stays open, whatever `/readyz` says. It ends when dropped.
#[derive(Debug)]
pub struct Balancer {
    listener: Listener,
    /// Whom the probes follow while it is there.
    _replicas: Arc<Replicas>,
}

#[derive(Debug)]
struct Replicas {
    /// Port, port for probes, and whether it is ready.
    all: Mutex<Vec<(u16, u16, bool)>>,
    next: AtomicUsize,
}

impl Balancer {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// If no port can be opened.
    pub fn start(webhooks: &[&Webhook]) -> Result<Self> {
        let replicas = Arc::new(Replicas {
            all: Mutex::new(webhooks.iter().map(|it| replica(it)).collect()),
            next: AtomicUsize::new(0),
        });
        replicas.probe();
        let watched = Arc::downgrade(&replicas);
        thread::spawn(move || watch(&watched));
        let served = Arc::clone(&replicas);
        let listener = Listener::start(move |stream| served.serve(stream))?;
        Ok(Self {
            listener,
            _replicas: replicas,
        })
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listener.address().port()
    }
}

fn replica(webhook: &Webhook) -> (u16, u16, bool) {
    (webhook.port(), webhook.probe_port(), webhook.is_ready())
}

fn watch(replicas: &Weak<Replicas>) {
    while let Some(replicas) = replicas.upgrade() {
        replicas.probe();
        drop(replicas);
        thread::sleep(INTERVAL);
    }
}

impl Replicas {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(u16, u16, bool)>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn probe(&self) {
        let probed: Vec<_> = self.lock().iter().map(|it| it.1).collect();
        let ready: Vec<_> = probed
            .into_iter()
            .filter(|port| status_of(*port, "/readyz") == Some(200))
            .collect();
        for replica in self.lock().iter_mut() {
            replica.2 = ready.contains(&replica.1);
        }
    }

    fn serve(&self, client: TcpStream) -> Result<()> {
        let ready: Vec<u16> = self
            .lock()
            .iter()
            .filter(|it| it.2)
            .map(|it| it.0)
            .collect();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let turns = (0..ready.len()).filter_map(|turn| ready.get((first + turn) % ready.len()));
        let server = turns
            .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, *port)))
            .find_map(|address| TcpStream::connect(address).ok())
            .context("no replica takes a connection")?;
        // A connection of the API server is silent for as long as nobody asks.
        client.set_read_timeout(None)?;
        let (upward, upward_to) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || relay(upward, upward_to));
        relay(server, client)?;
        Ok(())
    }
}

/// Passes on everything until one side ends; both end then.
fn relay(mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let ended = loop {
        match from.read(&mut buffer) {
            Ok(0) => break Ok(()),
            Ok(length) => {
                if let Err(error) = to.write_all(buffer.get(..length).unwrap_or_default()) {
                    break Err(error);
                }
            }
            Err(error) => break Err(error),
        }
    };
    // One of them may be closed already.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
    ended
}
