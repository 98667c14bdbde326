//! The client: HTTP/1.1 over TLS on connections that are kept, as the API server asks its webhooks. Threads that block, so that nothing but the kernel
//! stands between a question and its time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Whoever has not answered by then never does.
const PATIENCE: Duration = Duration::from_secs(20);

/// A question, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    bytes: Vec<u8>,
    uid: Vec<u8>,
}

/// Where to ask.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    port: u16,
    tls: Arc<ClientConfig>,
}

/// What came of one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Allowed,
    /// Refused, with a verdict.
    Denied,
    /// Nobody had the time.
    Overloaded,
    /// Refused for another reason: nobody could tell.
    Unknown,
}

/// What came of many.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) said: Vec<(Said, Duration)>,
    /// Connections that broke, and what was no answer.
    pub(crate) failed: Vec<String>,
    /// The last answer by which nobody could tell, for whoever has to find out why.
    pub(crate) untold: Option<String>,
}

impl Question {
    /// `body` is an AdmissionReview.
    pub(crate) fn new(body: &str) -> Result<Self> {
        let (_, rest) = body.split_once("\"uid\":\"").context("no uid")?;
        let (uid, _) = rest.split_once('"').context("no uid")?;
        let head = format!(
            "POST /validate?timeout=10s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: kube-apiserver-admission\r\nAccept: application/json, */*\r\n\
             Content-Type: application/json\r\nAccept-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        Ok(Self {
            bytes: [head.as_bytes(), body.as_bytes()].concat(),
            uid: uid.as_bytes().to_vec(),
        })
    }
}

impl Door {
    pub(crate) fn new(port: u16, authority: &CertificateDer<'static>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            port,
            tls: Arc::new(tls),
        })
    }

    fn open(&self) -> Result<Connection> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost")?;
        let session = ClientConnection::new(Arc::clone(&self.tls), name)?;
        Ok(Connection {
            stream: StreamOwned::new(session, stream),
            answer: Vec::new(),
        })
    }

    /// Whether a connection can be made, with a certificate that is trusted here.
    pub(crate) fn opens(&self) -> bool {
        self.open().is_ok_and(|mut it| {
            let Connection { stream, .. } = &mut it;
            stream.conn.complete_io(&mut stream.sock).is_ok()
        })
    }

    /// Asks each question once, over so many connections.
    pub(crate) fn each(&self, questions: &[Question], connections: usize) -> Answers {
        let next = AtomicUsize::new(0);
        self.over(connections, |_| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let question = questions.get(number)?;
            Some((question, Instant::now()))
        })
    }

    /// Asks as fast as answers come, over so many connections, so long.
    pub(crate) fn flat_out(
        &self,
        questions: &[Question],
        connections: usize,
        time: Duration,
    ) -> Answers {
        let (next, end) = (AtomicUsize::new(0), Instant::now() + time);
        self.over(connections, |_| {
            let now = Instant::now();
            let number = next.fetch_add(1, Ordering::Relaxed) % questions.len();
            (now < end).then(|| (&questions[number], now))
        })
    }

    /// Asks so often in a second, whatever comes back. Latencies count from when a question was due, unless more is asked than can be answered
    /// ([`pressed`](Self::pressed)).
    pub(crate) fn paced(
        &self,
        questions: &[Question],
        connections: usize,
        rate: f64,
        time: Duration,
    ) -> Answers {
        self.at_rate(questions, connections, rate, time, |due| due)
    }

    /// The same, where latencies count from when a question was sent.
    pub(crate) fn pressed(
        &self,
        questions: &[Question],
        connections: usize,
        rate: f64,
        time: Duration,
    ) -> Answers {
        self.at_rate(questions, connections, rate, time, |_| Instant::now())
    }

    fn at_rate(
        &self,
        questions: &[Question],
        connections: usize,
        rate: f64,
        time: Duration,
        since: impl Fn(Instant) -> Instant + Sync,
    ) -> Answers {
        let (next, begin) = (AtomicUsize::new(0), Instant::now());
        self.over(connections, |_| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let due = begin + Duration::from_secs_f64(number as f64 / rate);
            let now = Instant::now();
            if due.max(now) > begin + time {
                return None;
            }
            thread::sleep(due.saturating_duration_since(now));
            Some((&questions[number % questions.len()], since(due)))
        })
    }

    /// Each connection asks what `next` says until it says nothing more.
    fn over<'q>(
        &self,
        connections: usize,
        next: impl Fn(usize) -> Option<(&'q Question, Instant)> + Sync,
    ) -> Answers {
        let next = &next;
        let each = thread::scope(|scope| {
            let threads: Vec<_> = (0..connections)
                .map(|number| scope.spawn(move || self.one(|| next(number))))
                .collect();
            let answers = threads.into_iter().map(|thread| thread.join());
            answers.collect::<Vec<_>>()
        });
        let mut all = Answers::default();
        for answers in each {
            match answers {
                Ok(answers) => {
                    all.said.extend(answers.said);
                    all.failed.extend(answers.failed);
                    all.untold = answers.untold.or(all.untold);
                }
                Err(_) => all
                    .failed
                    .push("a thread of the client panicked".to_owned()),
            }
        }
        all
    }

    fn one<'q>(&self, next: impl Fn() -> Option<(&'q Question, Instant)>) -> Answers {
        let mut answers = Answers::default();
        let mut connection: Option<Connection> = None;
        while let Some((question, since)) = next() {
            let asked = match connection.as_mut() {
                Some(connection) => connection.ask(question),
                None => self
                    .open()
                    .and_then(|it| connection.insert(it).ask(question)),
            };
            match asked {
                Ok(said) => {
                    if said == Said::Unknown {
                        answers.untold = connection.as_ref().map(Connection::body);
                    }
                    answers.said.push((said, since.elapsed()));
                }
                Err(error) => {
                    connection = None;
                    answers.failed.push(format!("{error:#}"));
                    // Whoever is not there is not asked a million times.
                    thread::sleep(Duration::from_millis(50));
                }
            }
        }
        answers
    }
}

struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    answer: Vec<u8>,
}

impl Connection {
    /// Of the last answer.
    fn body(&self) -> String {
        let head = find(&self.answer, b"\r\n\r\n").unwrap_or_default();
        String::from_utf8_lossy(&self.answer[head..])
            .trim()
            .to_owned()
    }

    fn ask(&mut self, question: &Question) -> Result<Said> {
        self.stream.write_all(&question.bytes)?;
        self.stream.flush()?;
        self.answer.clear();
        let mut wanted = usize::MAX;
        let mut part = [0; 4096];
        while self.answer.len() < wanted {
            let read = match self.stream.read(&mut part) {
                Ok(0) => bail!("the connection ended in the middle of an answer"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            self.answer.extend_from_slice(&part[..read]);
            if wanted == usize::MAX
                && let Some(end) = find(&self.answer, b"\r\n\r\n")
            {
                let head = std::str::from_utf8(&self.answer[..end])?;
                let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
                let (_, length) = length.context("no content-length")?;
                wanted = end + 4 + length.parse::<usize>()?;
            }
        }
        ensure!(
            self.answer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&self.answer)
        );
        ensure!(
            find(&self.answer, &question.uid).is_some(),
            "an answer to another question"
        );
        Ok(if find(&self.answer, b"\"allowed\":true").is_some() {
            Said::Allowed
        } else if find(&self.answer, b"\"code\":403").is_some() {
            Said::Denied
        } else if find(&self.answer, b"countersign is overloaded").is_some() {
            Said::Overloaded
        } else {
            Said::Unknown
        })
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|it| it == wanted)
}

impl Answers {
    pub(crate) fn count(&self, wanted: Said) -> usize {
        self.said.iter().filter(|(said, _)| *said == wanted).count()
    }

    /// How long the answer took that so many of a hundred were not slower than.
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        let mut all: Vec<Duration> = self.said.iter().map(|(_, took)| *took).collect();
        all.sort_unstable();
        let at = (all.len() as f64 * percent / 100.0) as usize;
        all.get(at.min(all.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }

    /// Everything was allowed, or what was not.
    pub(crate) fn all_allowed(&self) -> Result<()> {
        let allowed = self.count(Said::Allowed);
        ensure!(
            allowed == self.said.len() && self.failed.is_empty() && allowed > 0,
            "{allowed} of {} allowed, {} denied, {} unknown, {} overloaded, {} failed: {:?}",
            self.said.len(),
            self.count(Said::Denied),
            self.count(Said::Unknown),
            self.count(Said::Overloaded),
            self.failed.len(),
            self.failed.first(),
        );
        Ok(())
    }
}
