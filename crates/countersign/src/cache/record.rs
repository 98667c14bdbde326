//! What was read when, as files: JSON after a keyed digest of it.

use std::borrow::Cow;
use std::time::Duration;

use countersign_core::{Digest, FoundBy, UnixTime};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::memory::{Listed, Read};
use crate::{Annotations, Referrer, wire};

const FORMAT: u32 = 1;
/// Hexadecimal digits of the digest before the body.
const MAC_DIGITS: usize = 64;

/// A kind of record, with its folder.
pub(super) trait Record: Serialize + DeserializeOwned + Send + 'static {
    const FOLDER: &'static str;

    fn format(&self) -> u32;
}

/// That a manifest was read, and how the registry called it. The bytes are kept by their digest.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SeenManifest {
    format: u32,
    at: i64,
    content_type: Option<String>,
    from: Option<String>,
}

/// A complete list of referrers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SeenListing {
    format: u32,
    at: i64,
    from: Option<String>,
    cost: usize,
    items: Vec<SeenReferrer>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SeenReferrer {
    digest: String,
    size: u64,
    media_type: String,
    artifact_type: Option<String>,
    annotations: Annotations,
    by_fallback_tag: bool,
}

impl Record for SeenManifest {
    const FOLDER: &'static str = "seen";

    fn format(&self) -> u32 {
        self.format
    }
}

impl Record for SeenListing {
    const FOLDER: &'static str = "listings";

    fn format(&self) -> u32 {
        self.format
    }
}

/// The file: the keyed digest of its name and body, which shows a torn file and one under another's name; then the body.
pub(super) fn to_bytes<T: Record>(
    record: &T,
    mac: impl Fn(&[u8]) -> String,
) -> serde_json::Result<Vec<u8>> {
    let body = serde_json::to_vec(record)?;
    let mut bytes = mac(&body).into_bytes();
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// The record, if the file is whole, in its place, and of a known format.
pub(super) fn from_bytes<T: Record>(bytes: &[u8], mac: impl Fn(&[u8]) -> String) -> Option<T> {
    let (told, body) = bytes.split_at_checked(MAC_DIGITS)?;
    if told != mac(body).as_bytes() {
        return None;
    }
    let record: T = serde_json::from_slice(body).ok()?;
    (record.format() == FORMAT).then_some(record)
}

impl SeenManifest {
    pub(super) fn of(read: &Read) -> Self {
        Self {
            format: FORMAT,
            at: read.at.seconds(),
            content_type: read.content_type.clone().map(Cow::into_owned),
            from: read.from.clone(),
        }
    }
}

impl From<SeenManifest> for Read {
    fn from(record: SeenManifest) -> Self {
        Self {
            content_type: record.content_type.map(wire::media_type),
            from: record.from,
            since: long_ago(),
            at: UnixTime::from_seconds(record.at),
        }
    }
}

impl SeenListing {
    pub(super) fn of(listed: &Listed) -> Self {
        let items = listed.items.iter().map(|referrer| SeenReferrer {
            digest: referrer.digest.to_string(),
            size: referrer.size,
            media_type: referrer.media_type.clone().into_owned(),
            artifact_type: referrer.artifact_type.clone().map(Cow::into_owned),
            annotations: referrer.annotations.clone(),
            by_fallback_tag: referrer.found_by == FoundBy::FallbackTag,
        });
        Self {
            format: FORMAT,
            at: listed.at.seconds(),
            from: listed.from.clone(),
            cost: listed.cost,
            items: items.collect(),
        }
    }
}

impl SeenListing {
    /// The list, unless the record says what cannot be.
    pub(super) fn listed(self) -> Option<Listed> {
        let items = self.items.into_iter().map(|seen| {
            Some(Referrer {
                digest: Digest::parse(&seen.digest).ok()?,
                size: seen.size,
                media_type: wire::media_type(seen.media_type),
                artifact_type: seen.artifact_type.map(wire::media_type),
                annotations: seen.annotations,
                found_by: if seen.by_fallback_tag {
                    FoundBy::FallbackTag
                } else {
                    FoundBy::Referrers
                },
            })
        });
        Some(Listed {
            items: items.collect::<Option<_>>()?,
            from: self.from,
            incomplete: None,
            cost: self.cost,
            since: long_ago(),
            at: UnixTime::from_seconds(self.at),
        })
    }
}

/// Nothing from disk goes into the maps in memory; this keeps it from ever counting as fresh there.
fn long_ago() -> Instant {
    let now = Instant::now();
    now.checked_sub(Duration::from_secs(86_400)).unwrap_or(now)
}
