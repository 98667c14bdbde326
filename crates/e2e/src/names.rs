//! A name server on loopback that knows one name (RFC 1035): names of registries are then resolved as in a cluster, by `/etc/resolv.conf`.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The only port at which resolvers ask.
const PORT: u16 = 53;
const HEADER: usize = 12;
const A: [u8; 2] = [0, 1];

/// A running name server; it ends when dropped.
#[derive(Debug)]
pub struct NameServer {
    address: Ipv4Addr,
    asked: Arc<Mutex<Vec<String>>>,
    // Its thread ends when nobody else has one.
    alive: Arc<()>,
}

impl NameServer {
    /// Starts one by which `name` is 127.0.0.1, and by which there is no other.
    ///
    /// # Errors
    /// If no address of loopback has its port 53 free, which is root's.
    pub fn start(name: &str) -> Result<Self> {
        let mut addresses = (1..=250).map(|last| Ipv4Addr::new(127, 0, 53, last));
        let free = addresses.find_map(|address| {
            let socket = UdpSocket::bind((address, PORT)).ok()?;
            Some((address, socket))
        });
        let (address, socket) = free.context("port 53 of 127.0.53.* cannot be opened")?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        let (asked, alive) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(()));
        let (kept, held) = (Arc::clone(&asked), Arc::downgrade(&alive));
        let name = name.to_owned();
        thread::spawn(move || {
            let mut question = [0; 512];
            while held.strong_count() > 0 {
                let Ok((len, from)) = socket.recv_from(&mut question) else {
                    continue;
                };
                let Some((wanted, answer)) = question.get(..len).and_then(|it| answer(it, &name))
                else {
                    continue;
                };
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(wanted);
                // Who does not get an answer asks again.
                let _ = socket.send_to(&answer, from);
            }
        });
        Ok(Self {
            address,
            asked,
            alive,
        })
    }

    /// The file that sends resolvers here.
    #[must_use]
    pub fn resolv_conf(&self) -> String {
        debug_assert_eq!(Arc::strong_count(&self.alive), 1);
        format!(
            "nameserver {}\noptions timeout:5 attempts:2\n",
            self.address
        )
    }

    /// The names that were asked for.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The name that is asked for, and the answer; nothing if it is no question.
fn answer(question: &[u8], known: &str) -> Option<(String, Vec<u8>)> {
    let (mut at, mut labels) = (HEADER, Vec::new());
    loop {
        let len = usize::from(*question.get(at)?);
        at += 1;
        if len == 0 {
            break;
        }
        labels.push(std::str::from_utf8(question.get(at..at + len)?).ok()?);
        at += len;
    }
    let name = labels.join(".");
    let is_known = name.eq_ignore_ascii_case(known);
    let is_address = question.get(at..at + 2)? == A;
    let answers = u8::from(is_known && is_address);
    let mut answer = question.get(..2)?.to_vec();
    // A response, authoritative, without recursion; a name that is not known does not exist.
    answer.extend([0x85, if is_known { 0x80 } else { 0x83 }]);
    answer.extend([0, 1, 0, answers, 0, 0, 0, 0]);
    answer.extend(question.get(HEADER..at + 4)?);
    if answers == 1 {
        // The name of the question, type A, class IN, for 0 s, four bytes.
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
    }
    Some((name, answer))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn question(name: &str, kind: u8) -> Vec<u8> {
        let mut question = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            question.push(u8::try_from(label.len()).unwrap());
            question.extend(label.bytes());
        }
        question.extend([0, 0, kind, 0, 1]);
        question
    }

    #[test]
    fn one_name_has_one_address() {
        let known = "registry.lab.test";
        let (name, found) = answer(&question("Registry.lab.test", 1), known).unwrap();
        assert_eq!(name, "Registry.lab.test");
        assert_eq!((&found[..2], found[3] & 15, found[7]), (&[7, 9][..], 0, 1));
        assert!(found.ends_with(&[127, 0, 0, 1]));
        let (_, none) = answer(&question(known, 28), known).unwrap();
        assert_eq!((none[3] & 15, none[7]), (0, 0));
        let (_, unknown) = answer(&question("other.lab.test", 1), known).unwrap();
        assert_eq!((unknown[3] & 15, unknown[7]), (3, 0));
        assert!(answer(&[0; 5], known).is_none());
    }
}
