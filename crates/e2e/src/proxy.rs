//! What stands in front of a real registry and does not let everything through.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::web::Listener;

/// The largest head of a request; what is asked here has a few hundred bytes.
const MOST_HEAD: usize = 16 * 1024;
/// How long nobody is answered who is to hear nothing; clients give up before.
const SILENCE: Duration = Duration::from_secs(60);

/// What the way to a registry is like.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weather {
    /// As if there was nothing in between.
    Clear,
    /// Each answer comes so much later.
    Slow(Duration),
    /// 429 in place of each answer, to be asked again after so many seconds.
    RateLimited(u32),
    /// Each connection is closed when something was asked.
    Dropped,
    /// Nothing is ever answered.
    Silent,
    /// Of each answer's body so many bytes come, and then the connection is closed.
    Truncated(usize),
    /// 307 to the same path of this host, `host[:port]`.
    Elsewhere(String),
    /// 401 that sends everybody to this URL for a token.
    Login(String),
    /// 503 for whatever is asked by a tag, and for lists of tags; what is asked by digest is as clear as ever.
    Tagless,
}

/// A plain HTTP proxy in front of one registry on loopback; it ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    listener: Listener,
    weather: Arc<Mutex<Weather>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts it on a free port, in front of the registry at `host`, `127.0.0.1:PORT`.
    ///
    /// # Errors
    /// If the host is no address, or no port can be opened.
    pub fn start(host: &str, weather: Weather) -> Result<Self> {
        let registry: SocketAddr = host.parse()?;
        let weather = Arc::new(Mutex::new(weather));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (now, kept) = (Arc::clone(&weather), Arc::clone(&asked));
        let listener = Listener::start(move |stream| {
            let now = now.lock().unwrap_or_else(PoisonError::into_inner).clone();
            serve(stream, registry, &now, &kept)
        })?;
        Ok(Self {
            listener,
            weather,
            asked,
        })
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn host(&self) -> String {
        self.listener.address().to_string()
    }

    /// Another weather, for connections that come from now on.
    pub fn turn(&self, weather: Weather) {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// The first lines of the requests so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One exchange; the connection ends with it, so that the next one is under the weather of its own time.
fn serve(
    mut stream: TcpStream,
    registry: SocketAddr,
    weather: &Weather,
    asked: &Mutex<Vec<String>>,
) -> Result<()> {
    let head = head(&mut stream)?;
    let line = head.lines().next().unwrap_or_default().to_owned();
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    asked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(line);
    let instead = |status: &str, header: &str| {
        format!("HTTP/1.1 {status}\r\n{header}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    };
    let answer = match weather {
        Weather::Dropped => return Ok(stream.shutdown(Shutdown::Both)?),
        Weather::Silent => {
            thread::sleep(SILENCE);
            return Ok(());
        }
        Weather::RateLimited(seconds) => {
            let header = format!("Retry-After: {seconds}");
            instead("429 Too Many Requests", &header).into_bytes()
        }
        Weather::Elsewhere(host) => {
            let header = format!("Location: http://{host}{path}");
            instead("307 Temporary Redirect", &header).into_bytes()
        }
        Weather::Login(realm) => {
            let header = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"lab\"");
            instead("401 Unauthorized", &header).into_bytes()
        }
        Weather::Tagless if names_a_tag(&path) => {
            instead("503 Service Unavailable", "Retry-After: 1").into_bytes()
        }
        Weather::Clear | Weather::Slow(_) | Weather::Truncated(_) | Weather::Tagless => {
            ask(registry, &head, &stream)?
        }
    };
    if let Weather::Slow(time) = weather {
        thread::sleep(*time);
    }
    let whole = match weather {
        Weather::Truncated(bytes) => {
            let body = answer.windows(4).position(|it| it == b"\r\n\r\n");
            let end = body.map_or(answer.len(), |body| body + 4 + bytes);
            answer.get(..end).unwrap_or(&answer)
        }
        _ => &answer,
    };
    Ok(stream.write_all(whole)?)
}

/// Whether a path is that of a manifest by its tag, or of a list of tags (OCI distribution-spec 1.1, end-3, end-7 and end-8).
fn names_a_tag(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    path.ends_with("/tags/list")
        || path
            .rsplit_once("/manifests/")
            .is_some_and(|(_, reference)| !reference.contains(':'))
}

/// The whole answer of the registry, which closes the connection after it. What the client says behind the head goes there as it comes.
fn ask(registry: SocketAddr, head: &str, client: &TcpStream) -> Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(registry)?;
    let (line, headers) = head.split_once("\r\n").unwrap_or((head, "\r\n"));
    write!(upstream, "{line}\r\nConnection: close\r\n{headers}")?;
    let (mut body, mut to) = (client.try_clone()?, upstream.try_clone()?);
    // It ends with the client's connection, or with the client's patience.
    thread::spawn(move || std::io::copy(&mut body, &mut to));
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// The head of a request, and nothing of what is behind it.
fn head(stream: &mut TcpStream) -> Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
        if head.len() > MOST_HEAD {
            bail!("the request's head is too long");
        }
    }
    Ok(String::from_utf8(head)?)
}

/// A loopback address on which nobody listens: what a registry is like that is down.
///
/// # Errors
/// If no port can be had.
pub fn nobody() -> Result<String> {
    let port = crate::process::free_port()?;
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::web::{request, respond};
    use std::time::Instant;

    /// What a client gets for one request; nothing where the connection was closed without a word.
    fn get(host: &str) -> String {
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap_or_default();
        answer
    }

    #[test]
    fn tags_are_told_from_digests() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for (path, tag) in [
            ("/v2/acme/app/manifests/v1".to_owned(), true),
            ("/v2/acme/manifests/manifests/v1".to_owned(), true),
            (
                format!("/v2/acme/app/manifests/{}.att", digest.replace(':', "-")),
                true,
            ),
            ("/v2/acme/app/tags/list?n=10".to_owned(), true),
            (format!("/v2/acme/app/manifests/{digest}"), false),
            (
                format!("/v2/acme/app/referrers/{digest}?artifactType=x"),
                false,
            ),
            (format!("/v2/acme/app/blobs/{digest}"), false),
            ("/v2/".to_owned(), false),
        ] {
            assert_eq!(names_a_tag(&path), tag, "{path}");
        }
    }

    #[test]
    fn each_weather_is_what_it_says() {
        let registry = Listener::start(|mut stream| {
            let head = request(&mut stream)?;
            respond(&mut stream, Some(head.target), "")
        })
        .unwrap();
        let proxy = Proxy::start(&registry.address().to_string(), Weather::Clear).unwrap();
        let under = |weather| {
            proxy.turn(weather);
            get(&proxy.host())
        };
        let clear = under(Weather::Clear);
        assert!(
            clear.starts_with("HTTP/1.1 200 ") && clear.ends_with("\r\n\r\n/v2/"),
            "{clear}"
        );
        let begun = Instant::now();
        assert_eq!(under(Weather::Slow(Duration::from_millis(100))), clear);
        assert!(begun.elapsed() >= Duration::from_millis(100));
        let limited = under(Weather::RateLimited(30));
        assert!(
            limited.starts_with("HTTP/1.1 429 ") && limited.contains("Retry-After: 30\r\n"),
            "{limited}"
        );
        assert_eq!(under(Weather::Dropped), "");
        let truncated = under(Weather::Truncated(1));
        assert_eq!(format!("{truncated}v2/"), clear);
        let elsewhere = under(Weather::Elsewhere("evil.example".to_owned()));
        assert!(
            elsewhere.contains("Location: http://evil.example/v2/\r\n"),
            "{elsewhere}"
        );
        let login = under(Weather::Login("http://evil.example/token".to_owned()));
        assert!(
            login.contains("Bearer realm=\"http://evil.example/token\""),
            "{login}"
        );
        // What names no tag is as clear as ever.
        assert_eq!(under(Weather::Tagless), clear);
        assert_eq!(proxy.asked(), vec!["GET /v2/ HTTP/1.1"; 8]);
        assert!(TcpStream::connect(nobody().unwrap()).is_err());
    }
}
