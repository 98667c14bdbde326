//! What stands between the webhook and its registry in the soak: it passes bytes on, or does one of the things that networks do.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// What it does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None = 0,
    /// Connections are closed at once.
    Refuse = 1,
    /// Nothing is passed on, and nothing is closed.
    Stall = 2,
    /// Answers break off in the middle.
    Cut = 3,
}

impl Fault {
    pub(crate) const ALL: [Self; 3] = [Self::Refuse, Self::Stall, Self::Cut];
}

/// A running proxy; it ends with the process.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    fault: Arc<AtomicU8>,
}

impl Proxy {
    pub(crate) fn start(to: String) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let fault: Arc<AtomicU8> = Arc::default();
        let now = Arc::clone(&fault);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if now.load(Ordering::Relaxed) == Fault::Refuse as u8 {
                    continue;
                }
                if let Ok(registry) = TcpStream::connect(&to) {
                    let _ = pass(&stream, &registry, &now, false);
                    let _ = pass(&registry, &stream, &now, true);
                }
            }
        });
        Ok(Self { port, fault })
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn set(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::Relaxed);
    }
}

/// Passes on what comes, in a thread of its own, until one of both ends.
fn pass(
    from: &TcpStream,
    to: &TcpStream,
    fault: &Arc<AtomicU8>,
    is_answer: bool,
) -> std::io::Result<()> {
    let (mut from, mut to, fault) = (from.try_clone()?, to.try_clone()?, Arc::clone(fault));
    thread::spawn(move || {
        let mut part = [0; 16 * 1024];
        while let Ok(read) = from.read(&mut part) {
            let is = |wanted: Fault| fault.load(Ordering::Relaxed) == wanted as u8;
            while is(Fault::Stall) {
                thread::sleep(Duration::from_millis(50));
            }
            let passed = match is_answer && is(Fault::Cut) {
                true => read / 2,
                false => read,
            };
            if read == 0
                || is(Fault::Refuse)
                || to.write_all(&part[..passed]).is_err()
                || passed < read
            {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
    Ok(())
}
