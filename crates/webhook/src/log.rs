//! The log: one JSON object a line, on standard output.
//!
//! Lines are written by a thread of its own, so that nobody's answer waits for whoever reads them. Where that is too slow, lines are left out and counted.

use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};

use countersign_core::UnixTime;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Lines that wait to be written: with the longest decision records some tens of megabytes.
const MOST_WAITING: usize = 1024;

/// A line is written so long after it came, and with it all that came meanwhile: under load neither whoever writes a line nor whoever reads it is woken for
/// each.
const GATHER: Duration = Duration::from_millis(2);
/// Bytes that are written at once.
const AT_ONCE: usize = 64 * 1024;
/// A line with a decision record, about.
const LINE: usize = 4 * 1024;

/// Where lines go. Clones are the same log.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    sender: SyncSender<Message>,
    left_out: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    /// Everything before it is to be written; then it is answered.
    Flush(SyncSender<()>),
}

/// How urgent a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Info,
    Warn,
    Error,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl Log {
    /// A log that is written to `to`.
    pub(crate) fn new(to: impl Write + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(MOST_WAITING);
        // Standard output by itself writes each line apart.
        let to = BufWriter::with_capacity(AT_ONCE, to);
        thread::spawn(move || write(&receiver, to));
        Self {
            sender,
            left_out: Arc::default(),
        }
    }

    /// Something that happened to the webhook itself.
    pub(crate) fn event(&self, level: Level, event: &str, message: &str, more: Value) {
        let mut line = Map::new();
        line.insert("time".to_owned(), json!(now().to_string()));
        line.insert("level".to_owned(), json!(level.as_str()));
        line.insert("event".to_owned(), json!(event));
        line.insert("message".to_owned(), json!(message));
        if let Value::Object(more) = more {
            line.extend(more);
        }
        self.line(&Value::Object(line));
    }

    /// One line. JSON escapes control characters, so that no string in it begins another.
    pub(crate) fn line(&self, line: &impl Serialize) {
        let mut bytes = Vec::with_capacity(LINE);
        // Trees of strings, numbers and lists always serialize.
        if serde_json::to_writer(&mut bytes, line).is_err() {
            return;
        }
        bytes.push(b'\n');
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Message::Line(bytes)) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines were left out because nobody read them fast enough.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    /// Waits until everything so far is written.
    pub(crate) fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.sender.send(Message::Flush(done)).is_ok() {
            let _ = wait.recv();
        }
    }
}

fn write(receiver: &Receiver<Message>, mut to: impl Write) {
    loop {
        let message = match receiver.try_recv() {
            Ok(message) => message,
            // Nothing waits: what there is may be read. Under load many lines are one write.
            Err(_) => {
                let _ = to.flush();
                match receiver.recv() {
                    Ok(message @ Message::Line(_)) => {
                        thread::sleep(GATHER);
                        message
                    }
                    Ok(message) => message,
                    Err(_) => return,
                }
            }
        };
        // Who closes the log's end does not stop the webhook.
        match message {
            Message::Line(line) => {
                let _ = to.write_all(&line);
            }
            Message::Flush(done) => {
                let _ = to.flush();
                let _ = done.send(());
            }
        }
    }
}

fn now() -> UnixTime {
    SystemTime::now().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_line_whatever_stands_in_it() {
        let shared = Shared::default();
        let log = Log::new(shared.clone());
        log.event(
            Level::Warn,
            "reload-failed",
            "a\nb\u{1b}[31m\u{7f}",
            json!({"file": "x\r\n{}"}),
        );
        log.event(Level::Info, "next", "", Value::Null);
        log.flush();
        let text = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["file"], "x\r\n{}");
        assert_eq!(lines[0]["level"], "warn");
        assert!(!text.contains('\u{1b}'));
    }

    /// Writes nothing until it is told to.
    struct Stuck(std::sync::mpsc::Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_that_does_not_read() {
        let (go, stuck) = channel();
        let log = Log::new(Stuck(stuck));
        // More than is written at once.
        let line = "x".repeat(1000);
        for _ in 0..2 * MOST_WAITING {
            log.line(&line);
        }
        assert!(log.left_out() > 0);
        drop(go);
        log.flush();
    }
}
