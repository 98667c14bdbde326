//! What was fetched last, for whoever uses or shows it.

use countersign_core::{Digest, TufSource, UnixTime};

use super::RoleState;
use super::store::Good;

/// The last good answer of a TUF repository, verified from the pinned root on.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrustState {
    /// Where the repository is.
    pub url: String,
    /// The target's name.
    pub target: String,
    /// The target's bytes: a `trusted_root.json` that was read without error.
    pub json: Vec<u8>,
    /// sha256 of these bytes.
    pub fingerprint: Digest,
    /// Root, timestamp, snapshot and targets.
    pub roles: Vec<RoleState>,
    /// When it was fetched or found to be current. Not signed: whoever can write the cache can change it.
    pub refreshed: UnixTime,
    /// A newer root was seen, but under it nothing could be fetched yet.
    pub newer_root: Option<u64>,
}

impl TrustState {
    pub(super) fn new(source: &TufSource, good: &Good, newest_root: u64) -> Self {
        Self {
            url: source.url().to_owned(),
            target: source.target_name().to_owned(),
            json: good.target.clone(),
            fingerprint: Digest::of(&good.target),
            roles: good.trusted.roles(),
            refreshed: good.refreshed,
            newer_root: (newest_root > good.trusted.root_version()).then_some(newest_root),
        }
    }

    /// When the first role expires. From then on the policy says how long it still serves.
    #[must_use]
    pub fn expires(&self) -> UnixTime {
        let first = self.roles.iter().map(|role| role.expires).min();
        first.unwrap_or(UnixTime::from_seconds(0))
    }

    /// What people should know as of `now`, one line each: roles that have expired, or will within
    /// [`TufRole::warned_before`](super::TufRole::warned_before), and a newer root whose repository is broken.
    #[must_use]
    pub fn warnings(&self, now: UnixTime) -> Vec<String> {
        let mut warnings: Vec<String> = self
            .roles
            .iter()
            .filter_map(|RoleState { role, expires, .. }| {
                if *expires < now {
                    Some(format!("its TUF {role} metadata expired {expires}"))
                } else if *expires <= now.plus(role.warned_before()) {
                    Some(format!("its TUF {role} metadata expires soon, {expires}"))
                } else {
                    None
                }
            })
            .collect();
        warnings.extend(self.newer_root.map(|version| {
            format!(
                "its repository has the newer TUF root {version}, and nothing valid under it yet"
            )
        }));
        warnings
    }
}

/// Without the target's bytes, which its fingerprint stands for.
impl std::fmt::Debug for TrustState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustState")
            .field("url", &self.url)
            .field("target", &self.target)
            .field("fingerprint", &self.fingerprint)
            .field("roles", &self.roles)
            .field("refreshed", &self.refreshed)
            .field("newer_root", &self.newer_root)
            .finish_non_exhaustive()
    }
}
