//! The registries' process, seen from the checker's.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use countersign::{Image, Verdict};
use serde_json::Value;

use super::CHILD;

/// The process; it is killed when dropped.
pub(super) struct Peer {
    child: RefCell<Child>,
    answers: RefCell<BufReader<ChildStdout>>,
}

/// What the registries hold.
pub(super) struct Stock {
    /// The one key that is trusted, PEM.
    pub(super) key: String,
    pub(super) hosts: Vec<String>,
    pub(super) images: Vec<Stored>,
}

/// An image in a registry.
pub(super) struct Stored {
    pub(super) image: Image,
    /// `bundle`, `legacy`, `foreign` or `unsigned`.
    pub(super) kind: String,
    /// At which registry.
    pub(super) registry: usize,
    /// `app-NUMBER`.
    pub(super) name: String,
}

impl Stored {
    /// What is true of it.
    pub(super) fn truth(&self) -> Verdict {
        match self.kind.as_str() {
            "bundle" | "legacy" => Verdict::Allow,
            _ => Verdict::Deny,
        }
    }
}

impl Peer {
    /// Starts the registries and has them filled.
    pub(super) fn start() -> (Self, Stock) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(CHILD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let peer = Self {
            child: RefCell::new(child),
            answers: RefCell::new(answers),
        };
        let stock = Stock::of(&peer.answer());
        (peer, stock)
    }

    /// Sends a command and waits for its answer.
    pub(super) fn ask(&self, command: &str) -> Value {
        let mut child = self.child.borrow_mut();
        writeln!(child.stdin.as_mut().unwrap(), "{command}").unwrap();
        self.answer()
    }

    fn answer(&self) -> Value {
        let mut line = String::new();
        self.answers.borrow_mut().read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let child = self.child.get_mut();
        // It may have ended by itself; then there is nothing to do.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Stock {
    fn of(told: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let images = told["images"].as_array().unwrap().iter();
        Self {
            key: text(&told["key"]),
            hosts: told["hosts"].as_array().unwrap().iter().map(text).collect(),
            images: images
                .map(|image| {
                    let name = text(&image["name"]);
                    let short = name.split(['/', '@']).nth(2).unwrap().to_owned();
                    Stored {
                        image: Image::parse(&name).unwrap(),
                        kind: text(&image["kind"]),
                        registry: usize::try_from(image["registry"].as_u64().unwrap()).unwrap(),
                        name: short,
                    }
                })
                .collect(),
        }
    }
}
