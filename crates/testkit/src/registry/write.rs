//! The writing side (distribution specification 1.1, "Push"): uploads, mounts and manifests, where it was allowed.

use std::future::poll_fn;
use std::pin::Pin;

use hyper::body::{Body as _, Incoming};

use super::fault::{Answer, Fault, error, status, with_header};
use super::store::Missing;
use super::{Request, State, UploadLocation, lock};
use crate::digest::sha256_digest;

/// No test pushes more at once.
const MOST_BYTES: usize = 1 << 30;

/// Where a request goes: `/v2/<repo>/<kind>/<reference>?<query>`.
pub(super) struct Target<'a> {
    pub(super) repo: &'a str,
    pub(super) kind: &'a str,
    pub(super) reference: &'a str,
    pub(super) query: &'a str,
}

impl Request {
    pub(super) fn is_write(&self) -> bool {
        matches!(self.method.as_str(), "POST" | "PUT" | "PATCH")
    }
}

impl Fault {
    /// Whether the registry refuses before anything is stored. With any other fault it is stored, and the answer is wrong or
    /// gets lost.
    pub(super) fn prevents_writes(&self) -> bool {
        matches!(
            self,
            Self::Status(_) | Self::RetryAfter(..) | Self::RedirectTo(_)
        )
    }
}

/// A request's whole body; `None` if it ended early or is too long.
pub(crate) async fn body(mut incoming: Incoming) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut incoming).poll_frame(context)).await {
        if let Ok(data) = frame.ok()?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > MOST_BYTES {
            return None;
        }
    }
    Some(bytes)
}

/// The answer to a write that nothing prevents.
pub(super) fn answer(
    state: &State,
    request: &Request,
    target: &Target<'_>,
    body: Option<&[u8]>,
) -> Answer {
    if !state.options.writable {
        return error(405, "UNSUPPORTED", "this registry is read only");
    }
    let Some(body) = body else {
        return error(400, "SIZE_INVALID", "the body ended early or is too long");
    };
    let upload = target.reference.strip_prefix("uploads/");
    match (request.method.as_str(), target.kind, upload) {
        ("POST", "blobs", Some("")) => begin(state, request, target),
        ("PATCH", "blobs", Some(id)) => go_on(state, target, id, body),
        ("PUT", "blobs", Some(id)) => finish(state, target, id, body),
        ("PUT", "manifests", None) => manifest(state, request, target, body),
        _ => error(405, "UNSUPPORTED", "no such endpoint"),
    }
}

/// Mounts a blob of another repository, if that was asked and is possible; else begins an upload.
fn begin(state: &State, request: &Request, target: &Target<'_>) -> Answer {
    let mut store = lock(&state.store);
    if let (Some(digest), Some(from)) = (asked(target.query, "mount"), asked(target.query, "from"))
        && state.options.auth.may_pull(request, &from)
        && let Some(bytes) = store.blob(&from, &digest)
    {
        store.push_blob(target.repo, &bytes);
        return created(&format!("/v2/{}/blobs/{digest}", target.repo), &digest);
    }
    let id = store.begin_upload(target.repo);
    with_header(accepted(state, target, &id), "range", "0-0")
}

fn go_on(state: &State, target: &Target<'_>, id: &str, body: &[u8]) -> Answer {
    let Some(length) = lock(&state.store).extend_upload(target.repo, id, body) else {
        return error(404, "BLOB_UPLOAD_UNKNOWN", id);
    };
    let range = format!("0-{}", length.saturating_sub(1));
    with_header(accepted(state, target, id), "range", &range)
}

fn finish(state: &State, target: &Target<'_>, id: &str, body: &[u8]) -> Answer {
    let mut store = lock(&state.store);
    if store.extend_upload(target.repo, id, body).is_none() {
        return error(404, "BLOB_UPLOAD_UNKNOWN", id);
    }
    // An upload ends with its PUT, well or not.
    let bytes = store.end_upload(id);
    match asked(target.query, "digest") {
        Some(digest) if digest == sha256_digest(&bytes) => {
            store.push_blob(target.repo, &bytes);
            created(&format!("/v2/{}/blobs/{digest}", target.repo), &digest)
        }
        _ => error(
            400,
            "DIGEST_INVALID",
            "the digest is not the one of what came",
        ),
    }
}

/// Stores a manifest whose parts are there already.
fn manifest(state: &State, request: &Request, target: &Target<'_>, body: &[u8]) -> Answer {
    let (repo, reference) = (target.repo, target.reference);
    let Some(media_type) = request.header("content-type") else {
        return error(400, "MANIFEST_INVALID", "without a content type");
    };
    let digest = sha256_digest(body);
    if reference.contains(':') && reference != digest {
        return error(
            400,
            "DIGEST_INVALID",
            "the digest is not the one of what came",
        );
    }
    let mut store = lock(&state.store);
    let subject = match store.complete(repo, body) {
        Ok(subject) => subject,
        Err(Missing::Malformed) => return error(400, "MANIFEST_INVALID", "it is malformed"),
        Err(Missing::Part(part)) => return error(400, "MANIFEST_BLOB_UNKNOWN", &part),
    };
    store.push_manifest(repo, reference, media_type, body);
    let answer = created(&format!("/v2/{repo}/manifests/{digest}"), &digest);
    match subject {
        Some(subject) if !state.options.no_referrers_api => {
            with_header(answer, "oci-subject", &subject)
        }
        _ => answer,
    }
}

fn created(location: &str, digest: &str) -> Answer {
    let answer = with_header(status(201, ""), "location", location);
    with_header(answer, "docker-content-digest", digest)
}

/// 202 with the place where the upload goes on; what the query says must come back.
fn accepted(state: &State, target: &Target<'_>, id: &str) -> Answer {
    let path = format!("/v2/{}/blobs/uploads/{id}?_state=kept", target.repo);
    let location = match state.options.upload_location {
        UploadLocation::Path => path,
        UploadLocation::Url => format!("{}{path}", state.url()),
    };
    with_header(status(202, ""), "location", &location)
}

/// A value of the query, percent-decoded as far as digests and repositories need it.
fn asked(query: &str, name: &str) -> Option<String> {
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let decoded = [("%3A", ":"), ("%3a", ":"), ("%2F", "/"), ("%2f", "/")];
    Some(
        decoded
            .iter()
            .fold(value.to_owned(), |value, (code, sign)| {
                value.replace(code, sign)
            }),
    )
}
