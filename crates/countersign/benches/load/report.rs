//! The numbers of a run, and whether they are as they must be.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::peer::Stock;
use super::run::{Outcome, Phase};
use super::{CHECKS_OF_EACH, IMAGES, REGISTRIES};

/// The middle check at living registries must not take longer beside a dead one; one time-out alone is four times this.
const MOST_MILLISECONDS: f64 = 250.0;
/// Of a hundred checks at living registries, so many may not be able to tell: one of a hundred answers stalls, four make a
/// check, and after a time-out nothing is asked again.
const MOST_UNKNOWN: usize = 10;
/// Requests for what a cold check of each kind of image needs.
///
/// Manifest, referrers, the bundle's manifest, the bundle; or manifest, referrers, fallback tag, `.sig`, its payload.
const MOST_REQUESTS: [(&str, u64); 4] = [
    ("bundle", 4),
    ("legacy", 5),
    ("foreign", 5),
    ("unsigned", 4),
];

/// Prints everything about a run; whether all is as it must be.
pub(super) fn show(phase: Phase, outcome: &Outcome, stock: &Stock, counts: &Value) -> bool {
    let mut wrong = outcome.wrong.clone();
    let checks = outcome.living.len() + outcome.dead.len();
    if checks != IMAGES * CHECKS_OF_EACH {
        wrong.push(format!("{checks} checks have ended"));
    }
    let seconds = outcome.took.as_secs_f64();
    let per_second = f64::from(u32::try_from(checks).unwrap_or(u32::MAX)) / seconds;
    println!("{phase:?}: {checks} checks in {seconds:.1} s: {per_second:.0} checks/s");
    println!("  at living registries: {}", quantiles(&outcome.living));
    if !outcome.dead.is_empty() {
        println!("  at the dead registry: {}", quantiles(&outcome.dead));
    }
    println!(
        "  unknown at living registries: {} of {} {:?}",
        outcome.unknown,
        outcome.living.len(),
        outcome.causes
    );
    println!(
        "  requests to living registries: {}, of them {} answered by a fault; to the dead one: {}",
        counts["requests"], counts["faults"], counts["dead"]
    );
    println!(
        "  counted by the client and its cache: {:?}",
        outcome.counts
    );
    for (kind, (images, requests)) in by_kind(phase, stock, counts) {
        let mean = f64::from(requests) / f64::from(images.max(1));
        println!("  requests for each image, {kind}: {mean:.2}");
    }
    let needless = needless(outcome, counts);
    println!("  asked for again without need: {}", needless.len());
    wrong.extend(needless);
    if outcome.unknown > outcome.living.len() * MOST_UNKNOWN / 100 {
        wrong.push("too many checks could not tell".to_owned());
    }
    match phase {
        Phase::Sound => wrong.extend(dear(stock, counts)),
        Phase::Faulty if quantile(&outcome.living, 50) > MOST_MILLISECONDS => {
            wrong.push("living registries wait for the dead one".to_owned());
        }
        Phase::Faulty => {}
    }
    for line in wrong.iter().take(20) {
        println!("  WRONG {line}");
    }
    wrong.is_empty()
}

/// The URLs that were asked for again although nothing had gone wrong with their image: neither a fault of the registry, as
/// that has counted them, nor a check that could not tell because the registry was being left alone.
fn needless(outcome: &Outcome, counts: &Value) -> Vec<String> {
    let again = counts["again"].as_array().map_or(&[][..], Vec::as_slice);
    let needless = again.iter().filter(|it| {
        let image = it["image"].as_str().unwrap_or_default();
        let unknown = outcome.unknown_of.get(image).copied().unwrap_or_default();
        it["more"].as_u64().is_none_or(|more| more > unknown)
    });
    needless.map(ToString::to_string).collect()
}

/// Images and requests, by kind of image, at living registries.
fn by_kind<'a>(phase: Phase, stock: &'a Stock, counts: &Value) -> BTreeMap<&'a str, (u32, u32)> {
    let mut kinds = BTreeMap::new();
    for stored in &stock.images {
        if phase == Phase::Faulty && stored.registry == REGISTRIES - 1 {
            continue;
        }
        let asked = counts["images"][&stored.name].as_u64().unwrap_or_default();
        let sums: &mut (u32, u32) = kinds.entry(stored.kind.as_str()).or_default();
        sums.0 += 1;
        sums.1 += u32::try_from(asked).unwrap_or(u32::MAX);
    }
    kinds
}

/// The images of a sound run that cost more than they must.
fn dear(stock: &Stock, counts: &Value) -> Vec<String> {
    let most = BTreeMap::from(MOST_REQUESTS);
    let dear = stock.images.iter().filter_map(|stored| {
        let asked = counts["images"][&stored.name].as_u64()?;
        (asked > most[stored.kind.as_str()])
            .then(|| format!("{} ({}) cost {asked} requests", stored.name, stored.kind))
    });
    dear.collect()
}

fn quantiles(times: &[Duration]) -> String {
    let at = |of_hundred| quantile(times, of_hundred);
    format!(
        "p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, longest {:.0} ms",
        at(50),
        at(95),
        at(99),
        at(100)
    )
}

/// In milliseconds.
fn quantile(times: &[Duration], of_hundred: usize) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    let place = (times.len() * of_hundred / 100).min(times.len().saturating_sub(1));
    let time = times.get(place).copied().unwrap_or_default();
    time.as_secs_f64() * 1_000.0
}

/// The most memory that this process ever held (Linux: `VmHWM`).
pub(super) fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u32 = line
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap();
    f64::from(kilobytes) / 1_000.0
}
