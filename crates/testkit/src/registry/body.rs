//! Bodies that end well, end early, never end, or are larger than memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

const CHUNK: usize = 64 * 1024;

/// `bytes`, and then what `end` says.
#[derive(Debug)]
pub(crate) struct FaultyBody {
    bytes: Bytes,
    end: End,
    /// Whether the length is told, so that a `Content-Length` header is made from it.
    told: bool,
    /// Whether the server had the chance to send what it was given, before the end comes.
    flushed: bool,
}

#[derive(Debug)]
enum End {
    Proper,
    /// Nothing more comes, and the connection stays open.
    Stall,
    /// The connection is closed in the middle.
    Cut,
    /// So many bytes of white space follow, which every JSON parser must read through.
    Filler {
        left: u64,
    },
}

impl FaultyBody {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self {
            bytes: bytes.into(),
            end: End::Proper,
            told: true,
            flushed: false,
        }
    }

    pub(super) fn filled(bytes: impl Into<Bytes>, filler: u64) -> Self {
        Self {
            bytes: bytes.into(),
            end: End::Filler { left: filler },
            told: false,
            flushed: false,
        }
    }

    pub(super) fn stalled_after(mut self, bytes: usize) -> Self {
        self.bytes.truncate(bytes);
        Self {
            end: End::Stall,
            told: false,
            ..self
        }
    }

    pub(super) fn cut_after(mut self, bytes: usize) -> Self {
        self.bytes.truncate(bytes);
        Self {
            end: End::Cut,
            told: false,
            ..self
        }
    }

    /// Does not tell its length: whoever wants a `Content-Length` header sets it.
    pub(super) fn untold(self) -> Self {
        Self {
            told: false,
            ..self
        }
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl Body for FaultyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if !self.bytes.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if !self.flushed && !self.told {
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match &mut self.end {
            End::Proper | End::Filler { left: 0 } => Poll::Ready(None),
            // Never woken again: the task sleeps until the client goes away.
            End::Stall => Poll::Pending,
            End::Cut => Poll::Ready(Some(Err(io::Error::other("cut by the test")))),
            End::Filler { left } => {
                static SPACES: [u8; CHUNK] = [b' '; CHUNK];
                let size = usize::try_from(*left).map_or(CHUNK, |left| left.min(CHUNK));
                *left = left.saturating_sub(u64::try_from(size).unwrap_or(u64::MAX));
                Poll::Ready(Some(Ok(Frame::data(
                    Bytes::from_static(&SPACES).slice(..size),
                ))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (self.told, u64::try_from(self.bytes.len())) {
            (true, Ok(length)) => SizeHint::with_exact(length),
            _ => SizeHint::default(),
        }
    }
}
