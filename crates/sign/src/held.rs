//! A blob on its way: a small one in memory, any other in a file without a name.

use std::io::{self, SeekFrom};

use countersign::CallBody;
use tokio::fs::File;
use tokio::io::AsyncSeekExt as _;

/// Blobs of more bytes go through a file, so that layers do not fill the memory.
pub(crate) const MOST_IN_MEMORY: u64 = 1 << 20;

/// All bytes of a blob, checked before the first of them is sent on.
#[derive(Debug)]
pub(crate) enum Held {
    Bytes(Vec<u8>),
    /// With so many bytes.
    File(File, u64),
}

impl Held {
    /// A file in the system's folder for such, gone with the last who has it open.
    pub(crate) fn file() -> io::Result<File> {
        tempfile::tempfile().map(File::from_std)
    }

    /// The body of one upload. One after the other: they share the file.
    pub(crate) async fn body(&self) -> io::Result<CallBody> {
        match self {
            Self::Bytes(bytes) => Ok(CallBody::Bytes(bytes.clone())),
            Self::File(file, size) => {
                let mut file = file.try_clone().await?;
                file.seek(SeekFrom::Start(0)).await?;
                Ok(CallBody::Stream {
                    size: *size,
                    reader: Box::new(file),
                })
            }
        }
    }
}
