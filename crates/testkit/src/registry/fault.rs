//! What can go wrong with an answer.

use hyper::Response;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::json;

use super::Request;
use super::body::FaultyBody;

/// A fault of an answer. It changes the answer that a healthy registry would give.
///
/// What is pushed is not stored where a status, a `Retry-After` or a redirect stands in for the answer; with every other
/// fault it is, and only the answer suffers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// This status with a proper error body, in place of the answer.
    Status(u16),
    /// This status with a `Retry-After` header of this value.
    RetryAfter(u16, String),
    /// Headers and so many bytes of the body; then nothing, for ever.
    StallAfter(usize),
    /// The right answer, but only once so many requests have come in all: what is answered so was asked at once.
    Together(usize),
    /// The right answer, after so long.
    Delay(std::time::Duration),
    /// Not even headers: the request is read and never answered.
    Silence,
    /// So many bytes of the body; then the connection is closed.
    CutAfter(usize),
    /// The last byte of the body differs from what was pushed.
    WrongBytes,
    /// A `Link` header to yet another page, on every page.
    EndlessPages(Pages),
    /// A manifest of so many bytes that starts like JSON and goes on with white space; nothing of the size is kept in
    /// memory. With `declared`, `Content-Length` says so at once.
    Huge {
        /// The body's length in bytes.
        bytes: u64,
        /// Whether `Content-Length` is sent.
        declared: bool,
    },
    /// 307 to the same path at this base URL (`http://127.0.0.1:PORT`, no slash at the end).
    RedirectTo(String),
    /// This header instead of the right one; names in lower case.
    Header(&'static str, String),
    /// `Content-Length` says so; the body stays as it is.
    ContentLength(u64),
    /// 200 with this JSON, in place of the answer.
    Json(serde_json::Value),
    /// 200 with this content type and these bytes, in place of the answer.
    Body(String, Vec<u8>),
}

/// Where an endless list's next page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// The page itself: a loop.
    Same,
    /// A URL not seen before, each time.
    New,
}

impl Fault {
    /// A token service's answer with this token, whatever it contains.
    #[must_use]
    pub fn token(token: &str) -> Self {
        Self::Json(json!({"token": token}))
    }

    /// Another content type for the same bytes.
    #[must_use]
    pub fn content_type(value: &str) -> Self {
        Self::Header("content-type", value.to_owned())
    }
}

pub(crate) type Answer = Response<FaultyBody>;

/// A fault that waits for its request.
pub(crate) struct ArmedFault {
    pub(crate) when: Box<dyn Fn(&Request) -> bool + Send + Sync>,
    pub(crate) fault: Fault,
    /// For so many requests more.
    pub(crate) left: u64,
}

impl std::fmt::Debug for ArmedFault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ArmedFault")
            .field("fault", &self.fault)
            .field("left", &self.left)
            .finish()
    }
}

/// The answer with the fault; `None`: never answer.
pub(crate) fn apply(fault: &Fault, request: &Request, answer: Answer) -> Option<Answer> {
    Some(match fault {
        Fault::Silence => return None,
        // It was held back before.
        Fault::Together(_) | Fault::Delay(_) => answer,
        Fault::Status(status) => error(*status, "TESTKIT", "a fault that the test wants"),
        Fault::RetryAfter(status, after) => with_header(
            error(*status, "TOOMANYREQUESTS", "slower, please"),
            "retry-after",
            after,
        ),
        Fault::StallAfter(bytes) => answer.map(|body| body.stalled_after(*bytes)),
        Fault::CutAfter(bytes) => answer.map(|body| body.cut_after(*bytes)),
        Fault::WrongBytes => answer.map(|body| {
            let mut bytes = body.bytes().to_vec();
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            FaultyBody::whole(bytes)
        }),
        Fault::EndlessPages(pages) => {
            let next = next_page(&request.path, *pages);
            with_header(answer, "link", &format!("<{next}>; rel=\"next\""))
        }
        Fault::Huge { bytes, declared } => {
            let answer = answer.map(|_| huge(*bytes));
            if *declared {
                with_header(answer, "content-length", &bytes.to_string())
            } else {
                answer
            }
        }
        Fault::RedirectTo(base) => {
            let redirect = status(307, "");
            with_header(redirect, "location", &format!("{base}{}", request.path))
        }
        Fault::Header(name, value) => with_header(answer, name, value),
        Fault::ContentLength(length) => with_header(
            answer.map(FaultyBody::untold),
            "content-length",
            &length.to_string(),
        ),
        Fault::Json(value) => content("application/json", value.to_string().into_bytes()),
        Fault::Body(media_type, bytes) => content(media_type, bytes.clone()),
    })
}

/// 200 with these bytes.
pub(crate) fn content(media_type: &str, bytes: impl Into<hyper::body::Bytes>) -> Answer {
    with_header(status(200, bytes), "content-type", media_type)
}

/// An error as the distribution specification writes it.
pub(crate) fn error(code: u16, name: &str, message: &str) -> Answer {
    let body = json!({"errors": [{"code": name, "message": message}]}).to_string();
    with_header(status(code, body), "content-type", "application/json")
}

/// The answer with this header, in place of one of the same name.
pub(super) fn with_header(mut answer: Answer, name: &str, value: &str) -> Answer {
    let name: HeaderName = name.parse().expect("tests use valid header names");
    let value = HeaderValue::from_bytes(value.as_bytes()).expect("tests use valid header values");
    answer.headers_mut().insert(name, value);
    answer
}

/// An answer of this status with these bytes and no headers.
pub(super) fn status(code: u16, bytes: impl Into<hyper::body::Bytes>) -> Answer {
    Response::builder()
        .status(code)
        .body(FaultyBody::whole(bytes))
        .expect("tests use valid status codes")
}

/// What HEAD is answered with: the length of a body, but none.
pub(super) fn headers_only(answer: Answer) -> Answer {
    let length = answer.body().bytes().len().to_string();
    let answer = if answer.headers().contains_key("content-length") {
        answer
    } else {
        with_header(answer, "content-length", &length)
    };
    answer.map(|_| FaultyBody::whole("").untold())
}

fn huge(bytes: u64) -> FaultyBody {
    let start = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#;
    let start =
        &start[..usize::try_from(bytes).map_or(start.len(), |bytes| bytes.min(start.len()))];
    FaultyBody::filled(
        start,
        bytes - u64::try_from(start.len()).unwrap_or_default(),
    )
}

fn next_page(path: &str, pages: Pages) -> String {
    let (base, query) = path.split_once('?').unwrap_or((path, ""));
    match pages {
        Pages::Same => path.to_owned(),
        Pages::New => {
            let page: u64 = query
                .split('&')
                .find_map(|pair| pair.strip_prefix("endless="))
                .and_then(|page| page.parse().ok())
                .unwrap_or_default();
            format!("{base}?endless={}", page + 1)
        }
    }
}
