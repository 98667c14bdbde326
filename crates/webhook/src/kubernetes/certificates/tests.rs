#![allow(clippy::unwrap_used)]
use k8s_openapi::ByteString;

use super::held::{Authority, Held};
use super::make::{is_key_of, is_taken};
use super::plan::{self, Next, Terms};
use super::*;

const LIFETIME: i64 = 90 * 24 * 3600;
const START: i64 = 1_790_000_000;

fn terms() -> Terms {
    Terms {
        names: vec!["w.ns.svc".to_owned(), "127.0.0.1".to_owned()],
        lifetime: LIFETIME,
    }
}

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(START + seconds)
}

fn next(held: &Held, seconds: i64, are_known: bool) -> Option<Next> {
    plan::next(held, &terms(), at(seconds), are_known).unwrap()
}

fn made(next: &Next) -> Vec<&'static str> {
    next.made.iter().map(|it| it.what).collect()
}

fn first() -> Held {
    let next = next(&Held::default(), 0, false).unwrap();
    assert_eq!(made(&next), ["authority", "serving certificate"]);
    next.held
}

fn takes(authorities: &[Authority], held: &Held, seconds: i64) -> bool {
    let pair = held.serving.as_ref().unwrap();
    is_taken(pair, authorities, &terms().names, at(seconds))
}

#[test]
fn the_first_start_makes_both_for_every_name_and_nothing_more_is_to_do() {
    let held = first();
    assert!(takes(&held.authorities, &held, 0));
    let pair = held.serving.as_ref().unwrap();
    for (names, is_for_them) in [
        (vec!["w.ns.svc"], true),
        (vec!["127.0.0.1"], true),
        (vec!["other.ns.svc"], false),
        (vec!["w.ns.svc", "localhost"], false),
    ] {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        assert_eq!(
            is_taken(pair, &held.authorities, &names, at(0)),
            is_for_them,
            "{names:?}"
        );
    }
    assert!(next(&held, 0, true).is_none());
    assert!(next(&held, LIFETIME * 2 / 3, true).is_none());
    // What is for other names is made anew.
    let other = Terms {
        names: vec!["other.ns.svc".to_owned()],
        lifetime: LIFETIME,
    };
    let next = plan::next(&held, &other, at(0), false).unwrap().unwrap();
    assert_eq!(made(&next), ["serving certificate"]);
}

#[test]
fn a_serving_certificate_is_replaced_after_two_thirds_of_its_life_by_one_of_the_same_authority() {
    let held = first();
    let late = LIFETIME * 2 / 3 + 60;
    let after = next(&held, late, false).unwrap();
    assert_eq!(made(&after), ["serving certificate"]);
    assert!(after.held.authorities == held.authorities && after.held.key == held.key);
    assert!(after.held.serving != held.serving);
}

#[test]
fn another_authority_issues_only_when_it_is_known_and_the_one_before_stays_until_it_ends() {
    let mut held = first();
    // The serving certificate before the authority's change.
    let late = LIFETIME * 5 / 2;
    held = next(&held, late, true).unwrap().held;
    let before = held.clone();
    let late = LIFETIME * 8 / 3 + 60;
    let step = next(&held, late, true).unwrap();
    assert_eq!(made(&step), ["authority"]);
    held = step.held;
    assert_eq!(held.authorities.len(), 2, "both are told");
    assert!(held.authorities[1] == before.authorities[0]);
    assert!(held.serving == before.serving);
    assert!(is_key_of(held.key.as_ref().unwrap(), &held.authorities[0]));
    assert!(next(&held, late, false).is_none());

    let step = next(&held, late, true).unwrap();
    assert_eq!(made(&step), ["serving certificate"]);
    held = step.held;
    assert_eq!(held.authorities.len(), 2);
    assert!(takes(&held.authorities[..1], &held, late));
    assert!(!takes(&held.authorities[1..], &held, late));
    // What a replica may still serve is taken until the authority that issued it ends.
    let end = LIFETIME * 4;
    let kept = |seconds| next(&held, seconds, false).map_or(2, |it| it.held.authorities.len());
    assert_eq!(kept(end - 1), 2);
    assert_eq!(kept(end), 1);
}

/// Every half day, for years: what is served is taken by an API server that has not heard of the last change, and by one that has.
#[test]
fn nobody_ever_meets_a_certificate_that_he_does_not_take_also_when_the_secret_is_deleted() {
    let mut held = first();
    let mut heard = held.authorities.clone();
    let (mut servings, mut all) = (0, 0);
    for step in 0..(12 * LIFETIME / 43_200) {
        let now = step * 43_200;
        if step % 501 == 500 {
            held = Held::default().or(&held);
            assert!(held.key.is_none());
        }
        let are_known = heard == held.authorities;
        heard.clone_from(&held.authorities);
        if let Some(next) = next(&held, now, are_known) {
            let count = |what| next.made.iter().filter(|it| it.what == what).count();
            servings += count("serving certificate");
            all += count("authority");
            held = next.held;
        }
        assert!(takes(&heard, &held, now), "step {step}: by who is behind");
        assert!(takes(&held.authorities, &held, now), "step {step}");
    }
    // 18 renewals, and one for each new authority: three by age or so, and four deletions.
    assert!((16..=30).contains(&servings), "{servings}");
    assert!((5..=9).contains(&all), "{all}");
}

#[test]
fn what_is_broken_is_made_anew_and_no_more_than_that() {
    let held = first();
    let other = first();
    let broken = |change: &dyn Fn(&mut Held)| {
        let mut broken = held.clone();
        change(&mut broken);
        let next = next(&broken, 0, false).unwrap();
        assert!(takes(&next.held.authorities, &next.held, 0));
        made(&next)
    };
    // The serving key is another's.
    let serving = |it: &mut Held| {
        it.serving.as_mut().unwrap().key = other.serving.clone().unwrap().key;
    };
    assert_eq!(broken(&serving), ["serving certificate"]);
    let ended = |it: &mut Held| it.serving = other.serving.clone();
    assert_eq!(broken(&ended), ["serving certificate"]);
    // The authority's key is another's, or none: what is served goes on until the new authority is known.
    assert_eq!(broken(&|it| it.key = other.key.clone()), ["authority"]);
    assert_eq!(broken(&|it| it.key = None), ["authority"]);
    assert_eq!(broken(&|it| it.key = Some("x".to_owned())), ["authority"]);
    let all = |it: &mut Held| it.authorities.clear();
    assert_eq!(broken(&all), ["authority", "serving certificate"]);
}

#[test]
fn a_secret_is_read_as_it_was_written_and_keeps_what_is_not_ours() {
    let held = first();
    let secret = held.write("s", None);
    assert_eq!(secret.metadata.name.as_deref(), Some("s"));
    assert!(Held::read(&secret).unwrap() == held);
    let mut found = secret.clone();
    let more = ByteString(b"theirs".to_vec());
    found
        .data
        .as_mut()
        .unwrap()
        .insert("more".to_owned(), more.clone());
    found.metadata.resource_version = Some("7".to_owned());
    let again = first().write("s", Some(found));
    assert_eq!(again.data.unwrap()["more"], more);
    assert_eq!(again.metadata.resource_version.as_deref(), Some("7"));
    // What cannot be read is as if it were not there; the rest counts.
    let mut half = secret;
    let data = half.data.as_mut().unwrap();
    data.insert("ca.crt".to_owned(), ByteString(b"-----BEGIN".to_vec()));
    data.insert("tls.key".to_owned(), ByteString(vec![0xff]));
    let half = Held::read(&half).unwrap();
    assert!(half.authorities.is_empty() && half.serving.is_none() && half.key == held.key);
    let mended = half.or(&held);
    assert!(mended == held);
}

#[test]
fn what_somebody_else_put_there_is_refused() {
    let ours = first().write("s", None);
    let refused = |change: &dyn Fn(&mut Secret)| {
        let mut secret = ours.clone();
        change(&mut secret);
        match Held::read(&secret) {
            Ok(_) => panic!("it is read"),
            Err(why) => why,
        }
    };
    let unmarked = refused(&|it| it.metadata.annotations = None);
    assert!(
        unmarked.contains("not of this webhook's making"),
        "{unmarked}"
    );
    let opaque = refused(&|it| it.type_ = Some("Opaque".to_owned()));
    assert!(opaque.contains("`Opaque`") && opaque.contains("`kubernetes.io/tls`"));
    // In an empty one there is nothing to lose.
    let mut empty = ours;
    empty.metadata.annotations = None;
    for value in empty.data.as_mut().unwrap().values_mut() {
        value.0.clear();
    }
    assert!(Held::read(&empty).unwrap() == Held::default());
}
