//! An answer whose headers are there: its body, bounded.

use countersign_core::{Digest, Hasher};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use reqwest::{StatusCode, Url};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::OwnedSemaphorePermit;

use super::backoff::Pass;
use super::transport::{Transport, failure};
use super::watch::Watch;
use crate::registry::{check_actual, check_length};
use crate::{Budget, RegistryError};

/// An answer, its place among the host's requests, and who watches. All end when it is dropped.
pub(super) struct Received {
    response: reqwest::Response,
    host: String,
    _permit: OwnedSemaphorePermit,
    pass: Pass,
    watch: Watch,
}

impl Received {
    pub(super) fn new(
        response: reqwest::Response,
        host: String,
        permit: OwnedSemaphorePermit,
        mut pass: Pass,
        watch: Watch,
    ) -> Self {
        match response.status().as_u16() {
            // The body matters too.
            200 => pass.answers(),
            // Judged when all tries have failed.
            429 | 500.. => {}
            _ => pass.is_alive(),
        }
        Self {
            response,
            host,
            _permit: permit,
            pass,
            watch,
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    pub(super) fn url(&self) -> &Url {
        self.response.url()
    }

    /// Notes why the answer is no good.
    pub(super) const fn failed(&mut self, error: &RegistryError) {
        self.watch.failed(error.code());
    }
}

impl Transport {
    /// Reads a body of at most `max` bytes. `Content-Length` may refuse it early, and never allocates.
    pub(super) async fn body(
        &self,
        received: Received,
        what: &str,
        max: usize,
        budget: &Budget,
    ) -> Result<Vec<u8>, RegistryError> {
        let bound = u64::try_from(max).unwrap_or(u64::MAX);
        let mut reader = Reader::new(self, received, what, bound, budget)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = reader.next().await? {
            reader.settle(budget.spend(&reader.received.host, chunk.len()))?;
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Writes a body of exactly `size` bytes to `sink`, hashed on the way. What was written before an error is worthless.
    pub(super) async fn pour(
        &self,
        received: Received,
        (digest, size): (&Digest, u64),
        sink: &mut (dyn AsyncWrite + Send + Unpin),
        budget: &Budget,
    ) -> Result<(), RegistryError> {
        let host = received.host.clone();
        let mut reader = Reader::new(self, received, "a blob", size, budget)?;
        let mut hasher = Hasher::new();
        while let Some(chunk) = reader.next().await? {
            hasher.update(&chunk);
            write(sink, &chunk, &host, budget).await?;
        }
        check_length(&host, digest, size, reader.read)?;
        check_actual(&host, digest, hasher.finish())?;
        let flushed = budget.in_time_of(&host, sink.flush()).await?;
        flushed.map_err(|error| not_written(&error))
    }
}

async fn write(
    sink: &mut (dyn AsyncWrite + Send + Unpin),
    chunk: &[u8],
    host: &str,
    budget: &Budget,
) -> Result<(), RegistryError> {
    let written = budget.in_time_of(host, sink.write_all(chunk)).await?;
    written.map_err(|error| not_written(&error))
}

fn not_written(error: &std::io::Error) -> RegistryError {
    RegistryError::Layout {
        path: "what is downloaded".to_owned(),
        cause: format!("it cannot be written: {error}"),
    }
}

/// Chunks of a body, up to a bound.
struct Reader<'a> {
    transport: &'a Transport,
    budget: &'a Budget,
    received: Received,
    what: &'a str,
    bound: u64,
    read: u64,
}

impl<'a> Reader<'a> {
    fn new(
        transport: &'a Transport,
        received: Received,
        what: &'a str,
        bound: u64,
        budget: &'a Budget,
    ) -> Result<Self, RegistryError> {
        let mut reader = Self {
            transport,
            budget,
            received,
            what,
            bound,
            read: 0,
        };
        let headers = reader.received.headers();
        if headers
            .get(CONTENT_ENCODING)
            .is_some_and(|encoding| encoding != "identity")
        {
            // Nobody asked for compression, and nothing here decompresses: no bombs.
            let error = RegistryError::protocol(
                &reader.received.host,
                format!("it sends {what} compressed, unasked"),
            );
            return reader.settle(Err(error));
        }
        let told = reader.received.response.content_length();
        if told.is_some_and(|told| told > bound) {
            let error = reader.too_large();
            return reader.settle(Err(error));
        }
        Ok(reader)
    }

    async fn next(&mut self) -> Result<Option<Vec<u8>>, RegistryError> {
        let host = self.received.host.clone();
        let chunk = self
            .transport
            .in_time(
                self.received.response.chunk(),
                &host,
                "send on",
                self.budget,
            )
            .await
            .and_then(|chunk| {
                chunk.map_err(|error| failure(&host, &error, self.transport.connect_limit()))
            });
        let Some(chunk) = self.settle(chunk)? else {
            self.received.pass.is_alive();
            return Ok(None);
        };
        self.received.watch.read(chunk.len());
        self.read += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if self.read > self.bound {
            let error = self.too_large();
            return self.settle(Err(error));
        }
        Ok(Some(chunk.into()))
    }

    /// Tells the watch of an error, and hands the outcome on.
    fn settle<T>(&mut self, outcome: Result<T, RegistryError>) -> Result<T, RegistryError> {
        if let Err(error) = &outcome {
            self.received.failed(error);
        }
        outcome
    }

    fn too_large(&self) -> RegistryError {
        let limit = usize::try_from(self.bound).unwrap_or(usize::MAX);
        RegistryError::too_large(&self.received.host, self.what, limit)
    }
}
