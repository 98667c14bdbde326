//! The client's workflow (TUF specification 1.0, section 5), step by step.

use countersign_core::{TufSource, UnixTime};
use jiff::Timestamp as Instant;

use super::client::Visit;
use super::store::{Good, Known};
use super::{RefreshError, TrustState, TrustStore, TufClient, TufError, TufRole};

/// New roots of one refresh. The public-good repository has had 16 in five years; what is left comes with the next refresh.
const MAX_ROOTS: usize = 64;
/// The most bytes of a `trusted_root.json`. The public-good one has 7 KiB.
const MAX_TARGET: usize = 1024 * 1024;

impl TrustStore {
    /// Asks the repository for what is new, as of `now`, and keeps it.
    ///
    /// A cache that cannot be used any more is begun anew from the pinned root.
    ///
    /// # Errors
    /// [`RefreshError`], which says why and what was kept: the last good state is never lost to a failed refresh.
    pub async fn refresh(
        &self,
        source: &TufSource,
        client: &TufClient,
        now: UnixTime,
    ) -> Result<TrustState, RefreshError> {
        let nothing_kept = |cause: TufError| RefreshError { cause, kept: None };
        let mut known = match self.read(source) {
            Ok(Some(known)) => known,
            Ok(None) | Err(TufError::Cache { .. }) => Known::begin(source).map_err(nothing_kept)?,
            Err(error) => return Err(nothing_kept(error)),
        };
        let before = known.state(source);
        let outcome = match client.visit(source) {
            Ok(visit) => walk(&visit, &mut known, source, now).await,
            Err(error) => Err(error),
        };
        let written = self.write(source, known);
        match (outcome, written) {
            (Ok(()), Ok(known)) => known.state(source).ok_or_else(|| {
                let name = source.target_name().to_owned();
                nothing_kept(TufError::NoTarget(name))
            }),
            (Err(cause), Ok(known)) => Err(RefreshError {
                cause,
                kept: known.state(source).map(Box::new),
            }),
            (Err(cause), Err(_)) | (Ok(()), Err(cause)) => Err(RefreshError {
                cause,
                kept: before.map(Box::new),
            }),
        }
    }
}

/// From the newest known root to the target. What was verified on the way stays in `known`, also when a later step fails.
async fn walk(
    visit: &Visit<'_>,
    known: &mut Known,
    source: &TufSource,
    now: UnixTime,
) -> Result<(), TufError> {
    let instant = Instant::from_second(now.seconds()).unwrap_or(Instant::MAX);
    let seen = known.seen();
    let roots = roots(visit, known).await;
    known.remember(seen);
    roots?;
    let newest = &mut known.newest;
    newest.check_root_expiry(instant)?;

    let bytes = visit.metadata(TufRole::Timestamp, "timestamp.json").await?;
    newest.next_timestamp(bytes, instant)?;

    // What is known is taken again, if it is what the timestamp names; else it is fetched.
    let again = newest.snapshot.clone();
    if again.is_none_or(|bytes| newest.next_snapshot(bytes, instant).is_err()) {
        let file = named(
            TufRole::Snapshot,
            newest.snapshot_version()?,
            newest.consistent(),
        );
        let bytes = visit.metadata(TufRole::Snapshot, &file).await?;
        newest.next_snapshot(bytes, instant)?;
    }

    let again = known
        .good
        .as_ref()
        .and_then(|good| good.trusted.targets.clone());
    if again.is_none_or(|bytes| newest.next_targets(bytes, instant).is_err()) {
        let file = named(
            TufRole::Targets,
            newest.targets_version()?,
            newest.consistent(),
        );
        let bytes = visit.metadata(TufRole::Targets, &file).await?;
        newest.next_targets(bytes, instant)?;
    }

    let name = source.target_name();
    let again = known.good.as_ref().map(|good| good.target.clone());
    let target = match again.filter(|bytes| newest.check_target(name, bytes).is_ok()) {
        Some(bytes) => bytes,
        None => {
            let (file, length) = target_file(known, name)?;
            visit.target(&file, length).await?
        }
    };
    known.good = Some(Good::new(known.newest.clone(), target, now, source)?);
    Ok(())
}

/// Follows new roots, one after the other, until there is none.
async fn roots(visit: &Visit<'_>, known: &mut Known) -> Result<(), TufError> {
    for _ in 0..MAX_ROOTS {
        let next = known.newest.root_version().saturating_add(1);
        match visit.root(next).await? {
            Some(bytes) => known.newest.next_root(bytes)?,
            None => return Ok(()),
        }
    }
    Err(TufError::TooManyRoots(MAX_ROOTS))
}

fn named(role: TufRole, version: u64, consistent: bool) -> String {
    if consistent {
        format!("{version}.{role}.json")
    } else {
        format!("{role}.json")
    }
}

/// Where the target is, and how long. With consistent snapshots its hash stands before its file name.
fn target_file(known: &Known, name: &str) -> Result<(String, usize), TufError> {
    let target = known.newest.target(name)?;
    let length = usize::try_from(target.length).unwrap_or(usize::MAX);
    let mismatch = |why: String| TufError::Mismatch {
        file: name.to_owned(),
        why,
    };
    if length > MAX_TARGET {
        return Err(mismatch(format!("{length} bytes are too many")));
    }
    if !known.newest.consistent() {
        return Ok((name.to_owned(), length));
    }
    let hash = ["sha256", "sha512"]
        .iter()
        .find_map(|algorithm| target.hashes.get(*algorithm))
        .filter(|hash| hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .ok_or_else(|| mismatch("no hash of it is sha256 or sha512".to_owned()))?;
    let file = match name.rsplit_once('/') {
        Some((folder, file)) => format!("{folder}/{hash}.{file}"),
        None => format!("{hash}.{name}"),
    };
    Ok((file, length))
}
