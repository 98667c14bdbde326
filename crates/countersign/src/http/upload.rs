//! Bodies of requests that are sent while they are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream;
use reqwest::Body;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes that are read, and handed to the connection, at once.
const CHUNK: usize = 64 * 1024;

/// How many bytes of a body have been handed to the connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    pub(super) fn sent(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A body that is read as the connection takes it.
pub(super) fn streamed(reader: Box<dyn AsyncRead + Send + Unpin>) -> (Body, Progress) {
    let progress = Progress::default();
    let counted = progress.clone();
    let chunks = stream::try_unfold(reader, move |mut reader| {
        let counted = counted.clone();
        async move {
            let mut chunk = vec![0; CHUNK];
            let read = reader.read(&mut chunk).await?;
            chunk.truncate(read);
            let added = u64::try_from(read).unwrap_or(u64::MAX);
            counted.0.fetch_add(added, Ordering::Relaxed);
            Ok::<_, std::io::Error>((read > 0).then_some((chunk, reader)))
        }
    });
    (Body::wrap_stream(chunks), progress)
}
