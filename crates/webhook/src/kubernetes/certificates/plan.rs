//! What is to be made next, without IO and without a clock.
//!
//! An authority is told to everybody before it issues what is served, and stays told until it ends: everything that it issued ends before.
//! So whoever knows the authorities of any state between two steps takes the certificate of both.

use countersign_core::UnixTime;
use rcgen::Error;

use super::held::Held;
use super::make::{authority, is_key_of, is_taken, serving};
use crate::tls;

/// So many lives of a serving certificate are one of its authority.
const LIVES: i64 = 4;
/// Of a bundle: each deletion of the Secret leaves an authority behind until it ends.
const MOST_AUTHORITIES: usize = 8;

/// For what, and how long.
pub(super) struct Terms {
    pub(super) names: Vec<String>,
    /// Of a serving certificate, in seconds.
    pub(super) lifetime: i64,
}

/// What the Secret shall hold, and what of it is new.
pub(super) struct Next {
    pub(super) held: Held,
    pub(super) made: Vec<Made>,
}

/// Something that was made, why, and when it ends.
pub(super) struct Made {
    pub(super) what: &'static str,
    pub(super) because: &'static str,
    pub(super) ends: UnixTime,
}

/// What comes next, if anything. `are_known` says that every API server knows the authorities that are `held`.
///
/// # Errors
/// If no key can be made.
pub(super) fn next(
    held: &Held,
    terms: &Terms,
    now: UnixTime,
    are_known: bool,
) -> Result<Option<Next>, Error> {
    let after = |seconds: i64| UnixTime::from_seconds(now.seconds().saturating_add(seconds));
    let mut new = held.clone();
    let mut made = Vec::new();
    new.authorities.retain(|it| it.ends > now);

    let is_keyed = match (&new.key, new.authorities.first()) {
        (Some(key), Some(first)) => is_key_of(key, first),
        _ => false,
    };
    // Whatever it issues from now on has a whole life before it ends, and time to be replaced.
    let ends_soon = new
        .authorities
        .first()
        .is_some_and(|it| it.ends < after(terms.lifetime + terms.lifetime / 3));
    if !is_keyed || ends_soon {
        let (authority, key) = authority(now, after(LIVES * terms.lifetime))?;
        made.push(Made {
            what: "authority",
            because: match new.authorities.is_empty() {
                true => "there was none",
                false if is_keyed => "the one before ends soon",
                false => "the key of the one before is not there",
            },
            ends: authority.ends,
        });
        new.authorities.insert(0, authority);
        new.authorities.truncate(MOST_AUTHORITIES);
        new.key = Some(key);
    }

    let are_known = are_known && made.is_empty();
    if let Some(because) = why_another(&new, terms, now, are_known)
        && let (Some(issuer), Some(key)) = (new.authorities.first(), &new.key)
    {
        let until = after(terms.lifetime).min(issuer.ends);
        let pair = serving(issuer, key, &terms.names, now, until)?;
        made.push(Made {
            what: "serving certificate",
            because,
            ends: until,
        });
        new.serving = Some(pair);
    }
    Ok((new != *held).then_some(Next { held: new, made }))
}

/// Why another serving certificate is to be made, if it is.
fn why_another(held: &Held, terms: &Terms, now: UnixTime, are_known: bool) -> Option<&'static str> {
    let Some(pair) = &held.serving else {
        return Some("there was none");
    };
    // Nobody takes it: whatever comes is better, and there is nothing to wait for.
    if !is_taken(pair, &held.authorities, &terms.names, now) {
        return Some("the one before is broken, has ended, or is for other names");
    }
    let issuer = held.authorities.get(..1)?;
    if !is_taken(pair, issuer, &terms.names, now) {
        return are_known.then_some("another authority issues now");
    }
    // Whoever takes the one before takes another of the same authority.
    let ends = tls::expires(&pair.certificate)?;
    let left = ends.seconds() - now.seconds();
    (left < terms.lifetime / 3).then_some("the one before ends soon")
}
